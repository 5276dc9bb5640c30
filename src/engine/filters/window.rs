//! The down window: a decrease goes to the largest wish of the last while.

use crate::engine::decision::Hold;
use crate::engine::job::Workers;
use crate::engine::judge::Case;
use crate::engine::step::Step;

/// The largest wish of the window, if that is still a decrease. A window that this process has not watched whole
/// holds: what was wanted before is not known.
pub(super) fn largest(
    case: &Case<'_>,
    wish: Workers,
    running: Workers,
    because: &mut Vec<Step>,
) -> Result<Workers, Hold> {
    let window = case.plan.scale_down.window;
    if case.at.since(case.memory.watched_since) < window {
        return Err(Hold::Stabilizing { until: case.memory.watched_since.plus(window) });
    }
    let Some((largest, when)) = case.memory.largest_wish().filter(|(largest, _)| *largest > wish) else {
        return Ok(wish);
    };
    let until = when.plus(window);
    because.push(Step::DownWindow { wish, to: largest.min(running), until });
    if largest >= running { Err(Hold::Stabilizing { until }) } else { Ok(largest) }
}
