//! A late job whose backlog drains: is it cheaper to wait than to go?

use std::sync::Arc;

use super::backlog::Flow;
use crate::engine::judge::Case;
use crate::engine::step::{Candidate, Step};
use crate::engine::terms::Market;

/// What is cheaper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Going: there is no hurry to look at, or staying costs more.
    No,
    /// Staying.
    Yes,
}

/// While B/λ > L a job goes up only where that costs less than staying, a further restart counted in.
pub(crate) fn wait(
    case: &Case<'_>,
    flow: &Flow,
    market: &Market<'_>,
    chosen: Option<Candidate>,
    because: &mut Vec<Step>,
) -> Wait {
    if !case.plan.parts.draining || !market.is_late() {
        return Wait::No;
    }
    let (Some(chosen), Some(drains_in)) = (chosen, market.drains_in()) else { return Wait::No };
    let (staying, moving) = (market.staying(), chosen.cost + market.moving());
    let wider = chosen.workers > market.running;
    if wider && moving < staying {
        return Wait::No;
    }
    because.push(Step::Draining { operator: Arc::clone(case.operator(flow.operator)), staying, moving, drains_in });
    Wait::Yes
}
