//! What is seen of a job, when, and what is not.

use super::{run, spec};
use crate::simulate::Readings;

#[test]
fn a_scrape_shows_what_was_and_only_when_it_has_arrived() {
    let plant = spec("metrics: { scrape: 15s, delay: 20s }");
    let history = run(plant.clone(), 300, 500.0, &[]);
    for (now, at) in [(300, 270), (305, 285), (319, 285), (320, 300), (10, 0)] {
        assert_eq!(Readings::scraped(&history, &plant.metrics, now).at(), at, "at {now} s");
    }
    let seen = Readings::scraped(&history, &plant.metrics, 300);
    assert_eq!((seen.running(), seen.running_for(), seen.throughput(60)), (Some(10), Some(270.0), Some(500.0)));
    assert_eq!((seen.busy(60), seen.backlog()), (Some(0.5), Some(0.0)));
    assert!((seen.cpu(60).unwrap() - (0.08 + 0.92 * 0.5)).abs() < 1e-12);
}

#[test]
fn there_is_nothing_while_the_job_is_down_and_blind_and_never_a_zero() {
    let plant = spec("metrics: { scrape: 5s, blindAfterRestart: 25s }");
    // Down from 80 to 100 s, seen again from 125 s on.
    let history = run(plant.clone(), 300, 500.0, &[(50, 20)]);
    for (now, seen) in [(80, true), (85, false), (100, false), (120, false), (125, true)] {
        let readings = Readings::scraped(&history, &plant.metrics, now);
        let all = [
            readings.running().map(f64::from),
            readings.throughput(60),
            readings.backlog(),
            readings.cpu(60),
            readings.busy(60),
            readings.running_for(),
        ];
        assert!(all.iter().all(|reading| reading.is_some() == seen), "at {now} s: {all:?}");
    }
    let exact = Readings::exact(&history, 100);
    assert_eq!((exact.running(), exact.running_for(), exact.up_since()), (Some(20), Some(0.0), Some(100)));
}

#[test]
fn rates_blend_a_restart_and_flinks_gauges_begin_at_nothing() {
    let history = run(spec(""), 300, 500.0, &[(50, 20)]);
    // Down 80 to 100 s. At 130 s: 10 s at 500, 20 s at nothing, and 30 s of catching up.
    let at = Readings::exact(&history, 130);
    let processed = |from: u32, to: u32| history.at(to).processed - history.at(from).processed;
    assert_eq!(at.throughput(60), Some(processed(70, 130) / 60.0));
    assert_eq!(at.gauge(60), Some(processed(100, 130) / 60.0), "30 s of records over 60 s");
    assert_eq!(at.processed(), Some(processed(100, 130)));
    let busy = at.busy(60).unwrap();
    assert!(busy > 0.3 && busy < 0.6, "of this generation alone: {busy}");
}

#[test]
fn a_groups_lag_is_a_saw_tooth_and_outlives_the_job() {
    let plant = spec("metrics: { scrape: 1s, backlogCommit: 60s }\noutages: [{ at: 200s, for: 30s }]");
    let history = run(plant.clone(), 400, 500.0, &[]);
    let lag = |now: u32| Readings::scraped(&history, &plant.metrics, now).group_lag();
    assert_eq!((lag(60), lag(61), lag(119), lag(120)), (0.0, 500.0, 29_500.0, 0.0));
    // Committed at 180 s; nothing is processed from 200 to 230 s, and arrivals count all the same.
    assert_eq!((lag(200), lag(210), lag(229)), (10_000.0, 15_000.0, 24_500.0));
    assert_eq!(Readings::scraped(&history, &plant.metrics, 210).backlog(), None);
    // It is up again from 230 s on, and commits first at 290 s.
    assert_eq!((lag(240), lag(289), lag(290), lag(349), lag(350)), (30_000.0, 54_500.0, 0.0, 29_500.0, 0.0));
}
