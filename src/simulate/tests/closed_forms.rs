//! What can be worked out by hand: the lag that a restart makes, how long it lasts, and who triggers himself.

use std::sync::Arc;

use super::{run, spec};
use crate::simulate::tests::closed_loop::{policy, scored};
use crate::simulate::{PlantSpec, World, need};

/// After a restart the age of the oldest record peaks at A = D + c/2, then falls by h = C/rate - 1 seconds each second: late
/// beyond L for (A - L)(1 + 1/h) seconds, less the c/2 by which the restart itself sets it back.
#[test]
fn the_lag_of_a_restart_peaks_at_downtime_and_half_a_checkpoint_and_falls_with_the_headroom() {
    for (downtime, checkpoint, rate, workers) in
        [(75, 10, 500.0, 10), (30, 10, 800.0, 11), (20, 60, 300.0, 12), (75, 0, 900.0, 20)]
    {
        let plant = spec(&format!("downtime: {downtime}s\ncheckpointInterval: {checkpoint}s"));
        let headroom = plant.capacity(workers, 0.0) / rate - 1.0;
        let peak = f64::from(downtime) + f64::from(checkpoint) / 2.0;
        let history = run(plant, 3000, rate, &[(100, workers), (101, workers + 1), (101, workers)]);
        let lags: Vec<f64> = history.seconds().iter().map(|second| second.lag).collect();
        let highest = lags.iter().copied().fold(0.0, f64::max);
        if workers == 10 {
            assert_eq!(highest, 0.0, "nothing was ordered");
            continue;
        }
        assert!((highest - peak).abs() < 1.0, "peak {highest}, by hand {peak}");
        for objective in [10.0, 60.0] {
            let late = lags.iter().filter(|lag| **lag > objective).count() as f64;
            let draining = (peak - objective).max(0.0) / headroom;
            let by_hand = (f64::from(downtime) - objective).max(0.0) + draining;
            assert!((late - by_hand).abs() <= 2.0 + 0.02 * by_hand, "late {late} s, by hand {by_hand} s");
            let bound = (peak - objective).max(0.0) + draining;
            assert!(late <= bound + 2.0 && late >= bound - f64::from(checkpoint) / 2.0 - 2.0, "{late} s, {bound} s");
        }
    }
}

/// The backlog's own peak: what arrived while it was down, and what is read again.
#[test]
fn the_backlog_of_a_restart_is_what_arrived_and_what_is_read_again() {
    let history = run(spec(""), 300, 700.0, &[(10, 20)]);
    let peak = history.seconds().iter().map(|second| second.backlog).fold(0.0, f64::max);
    assert!((peak - 700.0 * 25.0).abs() < 1e-6, "{peak}");
    // Drained at 2000 - 700 a second from 60 s on.
    let empty = history.seconds().iter().rposition(|second| second.backlog > 0.0).unwrap() as f64;
    assert!((empty - (60.0 + peak / 1300.0)).abs() <= 1.0, "{empty}");
}

/// A policy whose gate opens at a backlog time below D + c/2 opens it by every restart of its own; above that it does not.
#[test]
fn a_gate_below_the_lag_of_a_restart_triggers_itself() {
    let plant = |every: &str| {
        PlantSpec::parse(
            "plant.yaml",
            &format!(
                "capacityPerWorker: 100\nmaxWorkers: 40\nstartWorkers: 10\ndowntime: 75s\npodStart: 30s\n\
                 outages: [{{ at: 10m, for: 1m }}]\nnoise: {{ cpu: {every} }}"
            ),
        )
        .unwrap()
    };
    // A load of 98 %: no gate of CPU (it measures up to 1), and catching up is slow enough to be seen after the warm-up.
    let rescales = |above: &str| {
        let world = World::new(Arc::new(plant("0")), &vec![940.0; 4 * 3600], 1800);
        let fields = [
            ("scaleUp.backlogTimeAbove", above),
            ("scaleUp.cpuAbove", "1"),
            ("scaleUp.drainTarget", "1h"),
            ("scaleDown.cpuBelow", "0.05"),
        ];
        scored(&world, policy(&fields), 1).rescales
    };
    let (below, above) = (rescales("20s"), rescales("120s"));
    assert!(below >= 4 && above == 0, "below {below}, above {above}");
}

/// Capacity is sublinear: the clairvoyant's count is the smallest that carries the load, at both sides of a limit.
#[test]
fn the_clairvoyant_takes_the_smallest_count_that_carries_the_load() {
    let plant = spec("sigma: 0.025");
    for workers in 1..=40 {
        let just = plant.capacity(workers, 0.0);
        assert_eq!(need(&plant, just, 0.0), workers);
        assert_eq!(need(&plant, just * 1.001, 0.0), (workers + 1).min(40));
    }
}
