//! Against the operator's own classes: what they decided in the same cases.

use super::*;

/// One vertex, the first pass with a full window, `scale-down.interval` 0.
struct Case {
    settings: &'static str,
    width: u32,
    consumed: f64,
    busy_ms: f64,
    lag: Option<(f64, f64)>,
    gauge: f64,
    most: u32,
    capacity: f64,
    demand: f64,
    catch_up: f64,
    up_below: f64,
    down_above: f64,
    orders: Option<u32>,
}

#[rustfmt::skip]
fn cases() -> Vec<Case> {
    let row = |settings, width, (consumed, gauge): (f64, f64), busy_ms, lag, [capacity, demand, catch_up, up_below, down_above]: [f64; 5], orders| {
        Case { settings, width, consumed, busy_ms, lag, gauge, most: 200, capacity, demand, catch_up, up_below, down_above, orders }
    };
    let (k, inf) = ((1000.0, 1000.0), f64::INFINITY);
    let mut rows = vec![
        row("default", 10, k, 400.0, Some((0.0, 0.0)), [2500.0, 1000.0, 0.0, 1000.0, 2667.0], None),
        row("default", 10, k, 370.0, Some((0.0, 0.0)), [2702.7, 1000.0, 0.0, 1000.0, 2667.0], Some(6)),
        row("default", 10, k, 1000.0, Some((0.0, 0.0)), [1000.0, 1000.0, 0.0, 1000.0, 2667.0], None),
        row("default", 10, k, 1000.0, Some((0.0, 9_000.0)), [1000.0, 1010.0, 5.0, 1015.0, 2698.0], Some(17)),
        row("default", 10, k, 1000.0, Some((0.0, 450_000.0)), [1000.0, 1500.0, 250.0, 1750.0, inf], Some(27)),
        row("default", 10, k, 1000.0, Some((900_000.0, 450_000.0)), [1000.0, 500.0, 250.0, 750.0, inf], None),
        row("default", 10, k, 1000.0, Some((450_000.0, 100_000.0)), [1000.0, 611.111, 55.556, 667.0, 1685.0], None),
        row("tuned", 10, k, 880.0, Some((0.0, 0.0)), [1136.36, 1000.0, 0.0, 1111.0, 2100.0], None),
        row("tuned", 10, k, 950.0, Some((0.0, 0.0)), [1052.63, 1000.0, 0.0, 1111.0, 2100.0], Some(15)),
        row("tuned", 10, k, 1000.0, Some((0.0, 60_000.0)), [1000.0, 1333.33, 100.0, 1581.0, 2900.0], Some(22)),
        row("tuned", 10, k, 1000.0, Some((30_000.0, 30_000.0)), [1000.0, 1000.0, 50.0, 1161.0, 2150.0], Some(16)),
        row("tuned", 10, k, 480.0, Some((0.0, 0.0)), [2083.33, 1000.0, 0.0, 1111.0, 2100.0], None),
        row("tuned", 10, k, 470.0, Some((0.0, 0.0)), [2127.66, 1000.0, 0.0, 1111.0, 2100.0], Some(8)),
        row("tuned", 20, k, 150.0, Some((0.0, 0.0)), [6666.67, 1000.0, 0.0, 1111.0, 2100.0], Some(8)),
        row("tuned", 10, (1000.0, 700.0), 800.0, Some((40_000.0, 40_000.0)), [700.0, 1000.0, 66.667, 1178.0, 2167.0], Some(23)),
        row("tuned", 10, (1000.0, 1100.0), 800.0, Some((40_000.0, 40_000.0)), [1250.0, 1000.0, 66.667, 1178.0, 2167.0], None),
        row("tuned", 4, (0.0, 0.0), 0.0, Some((0.0, 0.0)), [inf, 0.0, 0.0, 0.0, 0.0], Some(2)),
        row("tuned", 10, k, 1000.0, None, [1000.0, 1000.0, 0.0, 1111.0, 2100.0], Some(16)),
        row("tuned", 30, k, 1000.0, Some((0.0, 100_000.0)), [1000.0, 1555.56, 166.667, 1895.0, 3433.0], Some(36)),
        row("tuned", 10, k, 800.0, Some((100_000.0, 10_000.0)), [1000.0, 500.0, 16.667, 572.0, 1067.0], None),
    ];
    rows[18].most = 36;
    rows
}

/// Runs a job that has been steady since long ago through a window of passes, one a minute; the orders it gave.
fn passes(autoscaler: &mut Autoscaler, case: &Case) -> Vec<(u32, u32)> {
    let window = autoscaler.settings().window;
    let mut orders = Vec::new();
    for at in (0..=window).step_by(60) {
        let part = at as f64 / window as f64;
        let reading = Reading {
            consumed: case.consumed * at as f64,
            per_second: case.gauge,
            busy_ms: case.busy_ms,
            back_pressured_ms: 0.0,
            pending: case.lag.map(|(from, to)| from + (to - from) * part),
        };
        let at = at + 10_000;
        orders.extend(autoscaler.pass(at, 0, case.width, &reading).map(|order| (at, order)));
    }
    orders
}

#[test]
fn the_decision_cases_of_the_real_code() {
    for (number, case) in cases().iter().enumerate() {
        for version in [Version::V1_10, Version::V1_15] {
            let settings = if case.settings == "default" { Settings::shipped() } else { Settings::tuned() };
            let settings = Settings { down_interval: 0, version, ..settings };
            let window = settings.window;
            let mut autoscaler = Autoscaler::new(settings, (1, case.most));
            let orders = passes(&mut autoscaler, case);
            let name = format!("row {number}, {version:?}");
            assert_eq!(
                orders,
                case.orders.map(|order| (10_000 + window, order)).into_iter().collect::<Vec<_>>(),
                "{name}"
            );
            let seen = autoscaler.evaluation().expect("a full window");
            let pairs = [
                (seen.capacity, case.capacity),
                (seen.demand, case.demand),
                (seen.catch_up, case.catch_up),
                (seen.up_below, case.up_below),
                (seen.down_above, case.down_above),
            ];
            for (seen, expected) in pairs {
                assert!(
                    seen == expected || (seen - expected).abs() <= 5e-6 * expected.max(100.0),
                    "{name}: {seen} for {expected}"
                );
            }
        }
    }
}

#[test]
fn a_due_scale_down_orders_the_latest_proposal_or_the_largest_one() {
    for (version, expected) in [(Version::V1_10, 70), (Version::V1_15, 90)] {
        let settings = Settings { down_interval: 60, version, ..Settings::shipped() };
        let mut timer = Timer::default();
        let proposals = [(0, 80), (10, 90), (40, 72), (59, 64)];
        for (at, proposal) in proposals {
            assert_eq!(timer.down(&settings, at, proposal, true), None, "{at}");
        }
        assert_eq!(timer.down(&settings, 60, 70, true), Some((expected, true)), "{version:?}");
    }
}

#[test]
fn the_band_that_counts_is_that_of_the_proposal_that_is_ordered() {
    for (version, expected) in [(Version::V1_10, (70, true)), (Version::V1_15, (90, false))] {
        let settings = Settings { down_interval: 60, version, ..Settings::shipped() };
        let mut timer = Timer::default();
        assert_eq!(timer.down(&settings, 0, 80, true), None);
        assert_eq!(timer.down(&settings, 30, 90, false), None);
        assert_eq!(timer.down(&settings, 60, 70, true), Some(expected), "{version:?}");
        // The largest one leaves the window, though the timer goes on.
        assert_eq!(timer.down(&settings, 91, 75, true), Some((75, true)), "{version:?}");
    }
}

#[test]
fn rounding_orders_one_more() {
    // 10000/s at a busy share of 0.9 are 90 of 100 workers, but for the last bit of a mean of sixteen 0.9.
    let settings = Settings { target: 1.0, catch_up: 0, down_interval: 0, boundary: 0.05, ..Settings::shipped() };
    let mut autoscaler = Autoscaler::new(settings, (1, 200));
    let case = Case { width: 100, consumed: 10_000.0, gauge: 10_000.0, busy_ms: 900.0, ..cases().remove(0) };
    assert_eq!(passes(&mut autoscaler, &case), [(10_900, 91)]);
}

/// A job that keeps up with 1000/s at the given busy share.
fn calm(at: u32, busy_ms: f64) -> Reading {
    Reading { consumed: 1000.0 * at as f64, per_second: 1000.0, busy_ms, back_pressured_ms: 0.0, pending: Some(0.0) }
}

/// The first pass, one a minute from `phase` on, that a job too large for its load is acted on.
fn first_order(settings: &Settings, phase: u32, starts: &[u32]) -> Option<u32> {
    let mut autoscaler = Autoscaler::new(settings.clone(), (1, 200));
    (phase..20_000).step_by(60).find(|at| {
        let running_since = starts.iter().copied().filter(|start| start <= at).max().unwrap_or(0);
        autoscaler.pass(*at, running_since, 10, &calm(*at, 100.0)).is_some()
    })
}

#[test]
fn nothing_is_decided_before_stabilization_and_a_window_are_over() {
    let now = |settings: Settings| Settings { down_interval: 0, ..settings };
    for (settings, phase, expected) in [
        // 20 minutes as shipped, 4 to 5 tuned: the pass at or after stabilization, and a window from there.
        (Settings::shipped(), 0, 1200),
        (Settings::shipped(), 1, 1201),
        (Settings::tuned(), 0, 240),
        (Settings::tuned(), 30, 270),
    ] {
        assert_eq!(first_order(&now(settings.clone()), phase, &[0]), Some(expected), "{phase}");
        // A later start throws everything away, whoever ordered it.
        let start = expected - 20;
        let again = start + 60 * ((expected - phase) / 60);
        let seen = first_order(&now(settings), phase, &[0, start]).unwrap();
        assert!((again..again + 60).contains(&seen), "{phase}: {seen}");
    }
}

#[test]
fn failures_do_not_start_the_timer_again_and_a_higher_proposal_does() {
    // Tuned: proposals from 240 s on, due 10 minutes later. A failure in between only blinds.
    assert_eq!(first_order(&Settings::tuned(), 0, &[0]), Some(840));
    assert_eq!(first_order(&Settings::tuned(), 0, &[0, 500]), Some(840));
    // The third start blinds past the due time; the first full window then acts at once.
    assert_eq!(first_order(&Settings::tuned(), 0, &[0, 700]), Some(960));

    let mut autoscaler = Autoscaler::new(Settings::tuned(), (1, 200));
    let mut orders = Vec::new();
    for at in (0..=2_000).step_by(60) {
        // At 480 s the window looks just right once: the wait begins again.
        let busy_ms = if at == 480 { 2_600.0 } else { 100.0 };
        orders.extend(autoscaler.pass(at, 0, 10, &calm(at, busy_ms)).map(|order| (at, order)));
    }
    assert_eq!(orders.first(), Some(&(1320, 4)));
}

#[test]
fn an_observed_rate_refreshes_itself_until_the_next_start() {
    let mut autoscaler = Autoscaler::new(Settings::tuned(), (1, 200));
    let mut capacities = Vec::new();
    for at in (0..=3_600).step_by(60) {
        // Two passes see more than 30 s of lag while the gauge still climbs; from then on the job is calm.
        let (per_second, pending) = match at {
            60 => (300.0, 20_000.0),
            120 => (500.0, 20_000.0),
            _ => (1000.0, 0.0),
        };
        let reading = Reading { per_second, pending: Some(pending), ..calm(at, 500.0) };
        autoscaler.pass(at, if at < 3_000 { 0 } else { 2_990 }, 10, &reading);
        capacities.extend(autoscaler.evaluation().map(|seen| (at, seen.capacity)));
    }
    // By busy it is 2000 all the time; about the mean of 300 and 500 is taken for it until the job starts again.
    let (before, after): (Vec<_>, Vec<_>) = capacities.into_iter().partition(|(at, _)| *at < 2_990);
    assert!(before.len() >= 40 && before.iter().all(|(_, capacity)| (395.0..=430.0).contains(capacity)), "{before:?}");
    assert!(after.len() > 5 && after.iter().all(|(_, capacity)| *capacity == 2000.0), "{after:?}");
}
