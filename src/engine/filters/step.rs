//! The largest step, as a share of what runs.

use crate::engine::job::Workers;
use crate::engine::judge::Case;
use crate::engine::step::Step;
use crate::engine::terms::round_down;

/// Cuts a change to `maxStepUp` or `maxStepDown`; at least one worker may always come or go.
pub(super) fn limited(case: &Case<'_>, wish: Workers, running: Workers, because: &mut Vec<Step>) -> Workers {
    let limits = &case.plan.limits;
    let share = if wish > running { limits.max_step_up } else { limits.max_step_down };
    let Some(share) = share else { return wish };
    let largest = round_down(f64::from(running.0) * share).0.max(1);
    let to = if wish > running {
        wish.min(Workers(running.0.saturating_add(largest)))
    } else {
        wish.max(Workers(running.0.saturating_sub(largest)))
    };
    if to != wish {
        because.push(Step::MaxStep { wish, to });
    }
    to
}
