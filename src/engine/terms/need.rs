//! Workers that carry an input, by what counts of workers were seen to process.

use super::round_up;
use super::toll::Toll;
use crate::engine::estimate::Capacity;
use crate::engine::job::Workers;

/// `need(x)`: the smallest count that can process so much per second, at least 1. `None` while nothing is known.
pub(crate) fn need(capacity: &Capacity, per_second: f64) -> Option<Workers> {
    capacity.need(per_second).map(|workers| round_up(workers).max(Workers(1)))
}

/// What a count should be able to process per second when the job moves up:
/// `λ · (1 + headroom + headroomPerMinute · (D + E) / 60 s)`, where the metrics come E late.
///
/// The room grows with the downtime, as every restart makes a lag of its own, and the input goes on rising meanwhile; and
/// with the time in which it may have risen unseen (measured: with metrics two minutes late a third of the late time). A
/// backlog is priced where there is one (`Market::cheapest`): a share of it in here was worth nothing beside that.
///
/// Source: the distilled rule (evidence of the preset `balanced`).
pub(crate) fn with_room(input: f64, toll: &Toll, (headroom, per_minute): (f64, f64)) -> f64 {
    input * (1.0 + headroom + per_minute * (toll.downtime + toll.unseen) / 60.0)
}

/// The room that a decrease leaves, as a share of the input: `headroom · (1 + E / 120 s)`, where the metrics come E late, as
/// nobody sees yet that the input rises again. As much again for each minute is twice as dear and no less late.
pub(crate) fn room_left(headroom: f64, unseen: f64) -> f64 {
    headroom * (1.0 + unseen / 120.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_grows_with_the_downtime_and_with_what_nobody_sees() {
        for (downtime, unseen, input, wanted) in [
            (30.0, 0.0, 1000.0, 1450.0),
            (0.0, 0.0, 1000.0, 1250.0),
            (30.0, 90.0, 1000.0, 2050.0),
            (30.0, 90.0, 0.0, 0.0),
        ] {
            let toll = Toll { delay: 30.0, downtime, replay: 5.0, unseen, learned: false };
            assert!((with_room(input, &toll, (0.25, 0.4)) - wanted).abs() < 1e-9, "{downtime} {unseen}");
        }
    }

    #[test]
    fn a_decrease_leaves_twice_the_room_where_metrics_are_two_minutes_late() {
        assert_eq!((room_left(0.1, 0.0), room_left(0.1, 120.0)), (0.1, 0.2));
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
