//! Up, where capacity is known: the input is above it, or a backlog stands that it cannot work off, or the job is late.

use std::sync::Arc;

use super::backlog::Flow;
use crate::engine::judge::Case;
use crate::engine::step::Step;
use crate::engine::terms::Market;

/// A level of few samples has to be this much further above the capacity.
const YOUNG_MARGIN: f64 = 0.10;

/// Whether an operator opens the up gate. `young`: the level of its input has few samples yet.
///
/// There is neither a CPU gate nor one on the backlog time here: after a restart both are open by themselves, and they
/// bring the limit cycle of the published rule back (measured: 16 rescales instead of 1).
pub(crate) fn open(case: &Case<'_>, flow: &Flow, market: &Market<'_>, young: bool, because: &mut Vec<Step>) -> bool {
    let operator = || Arc::clone(case.operator(flow.operator));
    let load = market.input / market.processes;
    if let Some(limit) = case.plan.scale_up.load_above {
        let above = limit + if young { YOUNG_MARGIN } else { 0.0 };
        if market.input > above * market.processes {
            because.push(Step::LoadGate { operator: operator(), load, above });
            return true;
        }
    }
    let short = case.plan.scale_down.backlog_time_below.as_secs_f64();
    if flow.backlog_time > short && market.input > market.processes {
        let (backlog_time, above) = (flow.backlog_time, short);
        because.push(Step::ShortGate { operator: operator(), backlog_time, above, load });
        return true;
    }
    if case.plan.parts.catch_up && market.is_late() {
        let above = case.plan.prices.lag_objective.as_secs_f64();
        because.push(Step::LateGate { operator: operator(), lag: market.lag(), above });
        return true;
    }
    false
}
