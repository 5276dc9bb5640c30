//! Whatever the plant, the load and the orders.

use std::sync::Arc;

use proptest::prelude::*;

use super::spec;
use crate::simulate::{History, Plant, PlantSpec};

fn plants() -> impl Strategy<Value = PlantSpec> {
    let restarts =
        (0_u32..90, 0_u32..100, 0_u32..60, prop::sample::select(vec!["together", "stepwise", "firstThenRest"]));
    let noise = (0.0..0.3, 0.0..0.2);
    let extras = (1_u32..20, 1_u32..5, prop::option::of(200.0..2000.0), prop::option::of(50_u32..400), 0_u32..60);
    (restarts, noise, extras).prop_map(
        |((pods, down, checkpoint, arrival), (arrivals, capacity), (partitions, skew, ceiling, failures, commit))| {
            let mut text = format!(
                "podStart: {pods}s\ndowntime: {}ms\ncheckpointInterval: {checkpoint}s\narrival: {arrival}\n\
                 partitions: {partitions}\nskew: {skew}\nsigma: 0.02\nwarmUp: {{ duration: {pods}s, from: 0.5 }}\n\
                 noise: {{ arrivals: {arrivals}, capacity: {capacity} }}\noutages: [{{ at: 300s, for: 50s }}]\n\
                 metrics: {{ backlogCommit: {commit}s }}",
                down * 500
            );
            if let Some(ceiling) = ceiling {
                text.push_str(&format!("\nceiling: {ceiling}"));
            }
            if let Some(failures) = failures {
                text.push_str(&format!("\nfailures: {{ every: {failures}s }}"));
            }
            spec(&text)
        },
    )
}

fn play(plant: &PlantSpec, rates: &[f64], orders: &[(u32, u32)], seed: u64) -> History {
    let mut plant = Plant::new(Arc::new(plant.clone()), 0, 600, seed);
    for second in 0..600_u32 {
        for (_, workers) in orders.iter().filter(|(at, _)| *at == second) {
            plant.order(*workers);
        }
        plant.step(rates[second as usize / 60]);
    }
    plant.into_history()
}

/// The age of the oldest record, looked for from the start: when had as many arrived as were read?
fn age_by_hand(history: &History, at: usize) -> f64 {
    let seconds = &history.seconds()[..=at];
    let read = seconds[at].arrived - seconds[at].backlog;
    let after = seconds.iter().position(|second| second.arrived > read);
    let Some(after) = after.filter(|_| seconds[at].backlog > 0.0) else { return 0.0 };
    if after == 0 {
        return at as f64;
    }
    let (before, now) = (seconds[after - 1].arrived, seconds[after].arrived);
    (at - (after - 1)) as f64 - (read - before) / (now - before)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn records_are_neither_lost_nor_made(
        plant in plants(),
        rates in prop::collection::vec(0.0..3000.0, 10),
        orders in prop::collection::vec((0_u32..600, 1_u32..50), 0..6),
        seed in 0_u64..1000,
    ) {
        let history = play(&plant, &rates, &orders, seed);
        for (at, pair) in history.seconds().windows(2).enumerate() {
            let (before, now) = (&pair[0], &pair[1]);
            prop_assert!(now.backlog >= 0.0, "second {at}: {}", now.backlog);
            let (came, went) = (now.arrived + now.again, now.processed + now.backlog);
            prop_assert!((came - went).abs() <= 1e-6 * came.max(1.0), "second {at}: {came} came, {went} went");
            prop_assert!(now.processed - before.processed <= now.capacity + 1e-6);
            for (counter, last) in [(now.arrived, before.arrived), (now.processed, before.processed), (now.busy, before.busy), (now.cpu, before.cpu)] {
                prop_assert!(counter >= last);
            }
            prop_assert!(now.busy - before.busy <= 1.0 + 1e-9);
            prop_assert!(now.width >= 1 && now.width <= plant.max_workers);
            if plant.metrics.backlog_commit > 0.0 {
                prop_assert!(now.group_lag >= now.backlog - now.again - 1e-6);
            } else {
                prop_assert_eq!(now.group_lag, now.backlog);
            }
        }
    }

    #[test]
    fn lag_is_the_age_of_the_oldest_record_that_waits(
        plant in plants(),
        rates in prop::collection::vec(1.0..3000.0, 10),
        orders in prop::collection::vec((0_u32..600, 1_u32..50), 0..6),
    ) {
        let history = play(&plant, &rates, &orders, 1);
        for at in (0..=600).step_by(7) {
            let (told, by_hand) = (history.seconds()[at].lag, age_by_hand(&history, at));
            prop_assert!((told - by_hand).abs() < 1e-3, "second {at}: {told}, by hand {by_hand}");
        }
    }

    #[test]
    fn a_seed_is_a_run(plant in plants(), rates in prop::collection::vec(0.0..3000.0, 10), seed in 0_u64..1000) {
        let orders = [(100, 20), (300, 5)];
        let (one, other) = (play(&plant, &rates, &orders, seed), play(&plant, &rates, &orders, seed));
        prop_assert_eq!(one.seconds(), other.seconds());
        // More noise of one kind leaves the others as they were.
        let mut measured = plant.clone();
        measured.noise.cpu = 0.5;
        let with = play(&measured, &rates, &orders, seed);
        let same = one.seconds().iter().zip(with.seconds()).all(|(a, b)| a.arrived == b.arrived && a.capacity == b.capacity);
        prop_assert!(same);
    }
}
