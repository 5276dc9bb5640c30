//! Running totals with what happens to real ones, under the preset `balanced`: none of it moves a job whose load does not
//! change, up or down, or is taken for another input.

use super::balanced::{balanced, loaded};
use super::world::*;
use crate::engine::*;

/// Ticks before the trouble, and after it.
const BEFORE: u32 = 60;
const AFTER: u32 = 60;

/// Ten workers of 125/s, at 1000/s and two thirds of their CPU; the total counts since the restart.
fn steady(tick: u32) -> JobObservation {
    let mut seen = loaded(10, 0.0, 0.8, 0.0, 0.0);
    (seen.operators[0].throughput, seen.operators[0].growth) = (Reading::Missing, None);
    seen.operators[0].total = Some(Reading::Fresh(1e6 + 15_000.0 * f64::from(tick)));
    seen.operators[0].backlog = Some(Reading::Fresh(f64::from(tick % 3) * 20.0));
    seen.running_for = Reading::Fresh(3600.0 + 15.0 * f64::from(tick));
    seen
}

fn total(seen: &mut JobObservation, change: impl Fn(f64) -> f64) {
    let total = &mut seen.operators[0].total;
    *total = Some(Reading::Fresh(change(total.and_then(Reading::fresh).unwrap_or_default())));
}

type Trouble = fn(&mut JobObservation, u32);

/// (name, for how many ticks, what is seen in the n-th of them)
const TROUBLES: [(&str, u32, Trouble); 12] = [
    ("a scrape lacks a subtask, and nothing says so", 1, |seen, _| total(seen, |total| total * 0.9)),
    ("four minutes without a subtask, and nothing says so", 16, |seen, _| total(seen, |total| total * 0.9)),
    ("half an hour without a subtask, and nothing says so", 120, |seen, _| total(seen, |total| total * 0.9)),
    ("a TaskManager is lost", 20, |seen, _| {
        seen.coverage = Reading::Fresh(0.9);
        total(seen, |total| total * 0.9);
    }),
    ("every series twice", 10, |seen, _| {
        seen.coverage = Reading::Fresh(2.0);
        total(seen, |total| total * 2.0);
    }),
    ("Prometheus is away: what it had stands still", 20, |seen, tick| {
        let gone = 15.0 * f64::from(tick + 1);
        let last = steady(BEFORE - 1);
        seen.operators = last.operators;
        seen.age = Reading::Fresh(5.0 + gone);
    }),
    ("no row", 3, |seen, _| seen.operators[0].total = Some(Reading::Missing)),
    ("no number", 3, |seen, _| seen.operators[0].total = Some(Reading::NotFinite)),
    ("a query that fails", 3, |seen, _| seen.operators[0].total = Some(Reading::QueryFailed)),
    ("a backlog of -1", 3, |seen, _| seen.operators[0].backlog = Some(Reading::Missing)),
    ("a group's partition is back after an hour", AFTER, |seen, _| total(seen, |total| total + 1e9)),
    ("a restart: two generations in one sum, then the new one with a backlog of its own", AFTER, |seen, tick| {
        let since = 15.0 * f64::from(tick);
        seen.running_for = Reading::Fresh(5.0 + since);
        seen.operators[0].backlog = Some(Reading::Fresh((9000.0 - 250.0 * since).max(0.0)));
        let worked = 1250.0 * since.min(36.0) + 1000.0 * (since - 36.0).max(0.0);
        total(seen, |total| if tick == 0 { total / 2.0 } else { worked });
        seen.coverage = Reading::Fresh(if tick == 0 { 0.5 } else { 1.0 });
    }),
];

#[test]
fn what_happens_to_a_sum_moves_nothing() {
    for (name, lasts, trouble) in TROUBLES {
        let mut world = World::new(balanced());
        for tick in 0..BEFORE + lasts + AFTER {
            let mut seen = steady(tick);
            if (BEFORE..BEFORE + lasts).contains(&tick) {
                trouble(&mut seen, tick - BEFORE);
            } else if tick >= BEFORE && lasts == AFTER {
                // What came stays.
                break;
            }
            let action = world.action(&seen);
            assert!(matches!(action, Action::Hold(_)), "{name}: {action:?} at tick {tick}");
            if let Some(input) = world.memories.learned(JobIndex(0)).and_then(|known| known.inputs.first().cloned()) {
                let off = input.per_second / 1000.0 - 1.0;
                assert!(off.abs() < 0.11, "{name}: {} per second at tick {tick}", input.per_second);
            }
        }
        let known = world.memories.learned(JobIndex(0)).unwrap();
        assert!(!known.inputs.is_empty(), "{name}: an input is known");
    }
}
