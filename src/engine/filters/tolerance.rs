//! Changes that are too small to be worth a rescale.

use crate::engine::job::Workers;
use crate::engine::judge::Case;
use crate::engine::step::Step;
use crate::engine::terms::round_down;

/// The wish, or what runs where the two differ by no more than the tolerated share of what runs.
pub(super) fn worth(case: &Case<'_>, wish: Workers, running: Workers, because: &mut Vec<Step>) -> Workers {
    let tolerance = case.plan.tolerance;
    if wish == running || wish.0.abs_diff(running.0) > round_down(tolerance * f64::from(running.0)).0 {
        return wish;
    }
    because.push(Step::Tolerance { wish, tolerance });
    running
}
