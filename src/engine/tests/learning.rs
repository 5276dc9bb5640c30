//! What is learned of a job's capacity, and from what nothing is.

use super::balanced::{balanced, loaded};
use super::world::*;
use crate::engine::*;

/// Four workers that process 400/s while every partition waits, and 329/s while the last of three of them does; the readings
/// are those of a real job (fixtures/flink-step-up).
#[test]
fn the_rest_of_a_backlog_says_nothing_of_the_capacity() {
    for (last, reads, wanted) in [(11_000.0, 400.0, 400.0), (2_400.0, 329.0, 400.0), (2_400.0, 280.0, 400.0)] {
        let mut world = World::new(balanced());
        let at = |backlog: f64, throughput: f64| JobObservation {
            busy: Reading::Missing,
            ..loaded(4, throughput, 1.0, backlog, -100.0)
        };
        for tick in 0..12 {
            world.action(&at(30_000.0 - 1500.0 * f64::from(tick), 400.0));
        }
        for tick in 0..8 {
            world.action(&at(last - 250.0 * f64::from(tick), reads));
        }
        let learned = &world.memories.learned(JobIndex(0)).unwrap().capacity;
        let [four] = &learned[..] else { panic!("{learned:?}") };
        assert_eq!((four.workers, four.per_second.round()), (Workers(4), wanted), "{last} {reads}");
    }
}

/// A backlog as short that stands or grows is no rest of anything: so much is all that they can process.
#[test]
fn a_short_backlog_that_grows_tells_the_capacity() {
    let mut world = World::new(balanced());
    for tick in 0..20 {
        let backlog = 1000.0 + 20.0 * f64::from(tick);
        world.action(&JobObservation { busy: Reading::Missing, ..loaded(4, 300.0, 1.0, backlog, 1.3) });
    }
    let learned = &world.memories.learned(JobIndex(0)).unwrap().capacity;
    assert_eq!(learned.iter().map(|one| one.per_second.round()).collect::<Vec<_>>(), [300.0]);
}
