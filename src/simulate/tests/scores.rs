//! Scores of histories that were made up.

use std::sync::Arc;

use super::spec;
use crate::simulate::{History, Scores, Second, Spread, World};

/// 10 s that do not count, then seconds of (lag, width, wished).
fn scores(rate: f64, seconds: &[(f64, u32, u32)]) -> Scores {
    let world = World::new(Arc::new(spec("lagObjective: 60s")), &vec![rate; seconds.len()], 10);
    let second =
        |(lag, width, wished): (f64, u32, u32)| Second { lag, width, wished, up_since: Some(0), ..Second::default() };
    let mut history = History::new(second((500.0, 10, 10)), 0);
    (0..10).for_each(|_| history.push(second((500.0, 10, 10))));
    seconds.iter().for_each(|one| history.push(second(*one)));
    Scores::of(&world, &history)
}

#[test]
fn late_seconds_and_quantiles_leave_the_quiet_beginning_out() {
    let seconds: Vec<_> = (1..=100).map(|lag| (f64::from(lag), 10, 10)).collect();
    let scores = scores(1000.0, &seconds);
    assert_eq!(scores.violation_share, 0.4, "above 60 s, not at it");
    assert_eq!((scores.lag_p50, scores.lag_p95, scores.lag_p99, scores.lag_max), (50.0, 95.0, 99.0, 100.0));
    assert_eq!(scores.lag_mean, 50.5);
    assert_eq!((scores.rescales, scores.settle_seconds), (0, 0));
}

#[test]
fn workers_count_as_the_larger_of_what_is_there_and_what_is_wished() {
    // 1000 records/s take 10 workers of 100. Ordered at once, there 1 s later; 60 are more than there are (40).
    let scores =
        scores(1000.0, &[(0.0, 10, 10), (0.0, 10, 20), (0.0, 20, 20), (0.0, 20, 5), (0.0, 5, 5), (0.0, 5, 60)]);
    assert!((scores.worker_hours * 3600.0 - (10.0 + 20.0 + 20.0 + 20.0 + 5.0 + 40.0)).abs() < 1e-9);
    assert_eq!(scores.worker_hours_over_clairvoyant, 115.0 / 60.0);
    assert_eq!((scores.rescales, scores.reversals), (3, 2));
    assert_eq!(scores.settle_seconds, 5);
    assert!((scores.under_provisioning - 2.0 * 0.5 / 6.0).abs() < 1e-12);
    assert!((scores.over_provisioning - 2.0 * 1.0 / 6.0).abs() < 1e-12);
}

#[test]
fn a_turn_after_half_an_hour_is_no_reversal() {
    for (apart, reversals) in [(1800, 1), (1801, 0)] {
        let mut seconds = vec![(0.0, 10, 12); 1 + apart];
        seconds[0].2 = 10;
        seconds.push((0.0, 10, 11));
        assert_eq!(scores(1000.0, &seconds).reversals, reversals, "{apart} s apart");
    }
}

#[test]
fn a_spread_is_the_middle_and_the_ends() {
    let spread = |values: &[f64]| Spread::of(values.iter().copied());
    assert_eq!(spread(&[3.0, 1.0, 2.0]), Spread { median: 2.0, least: 1.0, most: 3.0 });
    assert_eq!(spread(&[4.0, 1.0, 2.0, 3.0]).median, 2.5);
    assert_eq!(spread(&[7.0]), Spread { median: 7.0, least: 7.0, most: 7.0 });
}
