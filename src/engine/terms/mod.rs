//! How many workers: each term is one formula, in workers before rounding.

mod catch_up;
mod cpu;
mod keep_up;
mod least_cost;
mod need;
mod rough;
mod toll;

pub(super) use catch_up::catch_up;
pub(super) use cpu::at_target_cpu;
pub(super) use keep_up::keep_up;
pub(super) use least_cost::{Market, carries, lasts};
pub(super) use need::{need, room_left, with_room};
pub(super) use rough::by_backlog;
pub(super) use toll::{Toll, unseen};

use super::job::Workers;

/// Floats that should be whole are off by rounding; this much, as a share, is not worth a worker.
const RELATIVE_EPSILON: f64 = 1e-9;

/// Rounds a number of workers down, forgiving a relative error of 1e-9: 29 % of 100 are 29.
pub(super) fn round_down(workers: f64) -> Workers {
    Workers((workers * (1.0 + RELATIVE_EPSILON)) as u32)
}

/// Rounds a number of workers up, forgiving a relative error of 1e-9. What no `u32` holds becomes the largest.
pub(super) fn round_up(workers: f64) -> Workers {
    Workers((workers * (1.0 - RELATIVE_EPSILON)).ceil().max(0.0) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_up_forgives_what_floats_get_wrong_and_no_more() {
        for (workers, rounded) in [
            (42.0, 42),
            (42.0 * (1.0 + 0.9e-9), 42),
            (42.0 * (1.0 + 2.1e-9), 43),
            (31.67, 32),
            (0.1, 1),
            (0.0, 0),
            (1e30, u32::MAX),
        ] {
            assert_eq!(round_up(workers), Workers(rounded), "{workers}");
        }
    }
}
