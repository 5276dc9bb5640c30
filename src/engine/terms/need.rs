//! Workers that carry an input, by what counts of workers were seen to process.

use std::time::Duration;

use super::round_up;
use super::toll::Toll;
use crate::engine::estimate::Capacity;
use crate::engine::job::Workers;

/// `need(x)`: the smallest count that can process so much per second, at least 1. `None` while nothing is known.
pub(crate) fn need(capacity: &Capacity, per_second: f64) -> Option<Workers> {
    capacity.need(per_second).map(|workers| round_up(workers).max(Workers(1)))
}

/// What a count should be able to process when the job moves up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Aim {
    /// λ · (1 + headroom + headroomPerMinute · D / 60 s).
    pub with_room: f64,
    /// λ + (B + (λ − C(W))⁺ · S + λ · A) / drainTarget: the backlog, what it grows by until the job stops, and what the
    /// restart makes, gone within the drain target.
    pub with_backlog: f64,
}

impl Aim {
    /// The larger of both, per second.
    pub fn capacity(&self) -> f64 {
        self.with_room.max(self.with_backlog)
    }
}

/// What to aim at. `input` λ and `capacity` C(W) per second, `backlog` B in the same unit.
///
/// Source: the distilled rule (evidence of the preset `balanced`), whose head-room grows with the downtime as every
/// restart makes a lag of its own.
pub(crate) fn aim(
    input: f64,
    backlog: f64,
    capacity: f64,
    toll: &Toll,
    (headroom, per_minute): (f64, f64),
    drain_target: Duration,
) -> Aim {
    let grows = (input - capacity).max(0.0) * toll.delay;
    Aim {
        with_room: input * (1.0 + headroom + per_minute * toll.downtime / 60.0),
        with_backlog: input + (backlog + grows + input * toll.lag()) / drain_target.as_secs_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aims_at_the_input_with_room_or_at_its_backlog_whichever_is_more() {
        let toll = Toll { delay: 30.0, downtime: 30.0, replay: 5.0, learned: false };
        assert!((toll.lag() - 40.0).abs() < 1e-9);
        let five_minutes = Duration::from_secs(300);
        for (name, input, backlog, capacity, with_room, with_backlog) in [
            ("no backlog", 1000.0, 0.0, 2000.0, 1450.0, 1_133.333_333),
            ("a backlog of five minutes", 1000.0, 300_000.0, 2000.0, 1450.0, 2_133.333_333),
            ("it grows until the job stops", 1000.0, 0.0, 400.0, 1450.0, 1_193.333_333),
            ("nothing comes in", 0.0, 3000.0, 400.0, 0.0, 10.0),
        ] {
            let aim = aim(input, backlog, capacity, &toll, (0.25, 0.4), five_minutes);
            assert!((aim.with_room - with_room).abs() < 1e-3, "{name}: {aim:?}");
            assert!((aim.with_backlog - with_backlog).abs() < 1e-3, "{name}: {aim:?}");
            assert_eq!(aim.capacity(), aim.with_room.max(aim.with_backlog));
        }
    }

    #[test]
    fn at_least_one_worker_is_needed_and_counts_are_rounded_up() {
        let mut capacity = Capacity::default();
        assert_eq!(need(&capacity, 5.0), None);
        capacity.learn(Workers(10), 1000.0, true);
        for (per_second, workers) in [(0.0, 1), (1000.0, 10), (1001.0, 11), (999.0, 10)] {
            assert_eq!(need(&capacity, per_second), Some(Workers(workers)), "{per_second}");
        }
    }
}
