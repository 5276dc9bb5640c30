//! The down window: a decrease goes to the largest wish of the last while.

use crate::engine::decision::Hold;
use crate::engine::job::Workers;
use crate::engine::judge::Case;
use crate::engine::step::Step;
use crate::engine::time::Timestamp;

/// The largest wish of the window, if that is still a decrease. A window that this process has not watched whole
/// holds: what was wanted before is not known.
pub(super) fn largest(
    case: &Case<'_>,
    wish: Workers,
    running: Workers,
    (largest, when): (Workers, Timestamp),
    because: &mut Vec<Step>,
) -> Result<Workers, Hold> {
    let window = case.plan.scale_down.window;
    if case.at.since(case.memory.known_since) < window {
        return Err(Hold::Stabilizing { until: case.memory.known_since.plus(window) });
    }
    if largest <= wish {
        return Ok(wish);
    }
    let until = when.plus(window);
    because.push(Step::DownWindow { wish, to: largest.min(running), until });
    if largest >= running { Err(Hold::Stabilizing { until }) } else { Ok(largest) }
}
