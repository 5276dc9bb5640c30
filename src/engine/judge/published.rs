//! The preset `seed`: the published rule, term by term.

use std::sync::Arc;

use super::{Case, Wanted};
use crate::engine::decision::Hold;
use crate::engine::gates::{self, Direction, Flow};
use crate::engine::job::Workers;
use crate::engine::step::Step;
use crate::engine::terms;

/// Which gate is open, then the largest need of all operators, or CPU's.
pub(super) fn rule(case: &Case<'_>, running: Workers, flows: &[Flow], because: &mut Vec<Step>) -> Result<Wanted, Hold> {
    let wish = match gates::direction(case, flows, because) {
        Direction::Up { by_cpu } => need(case, running, flows, by_cpu, because).max(running),
        Direction::Down => cpu_need(case, running, because).max(Workers(1)).min(running),
        Direction::Neither => running,
    };
    Ok(Wanted::of(wish, running))
}

/// The largest `W_require + W_extra` over all operators; where CPU opened the gate, at least what CPU asks for.
fn need(case: &Case<'_>, running: Workers, flows: &[Flow], by_cpu: bool, because: &mut Vec<Step>) -> Workers {
    let width = f64::from(running.0);
    let mut largest: Option<(usize, f64)> = None;
    for flow in flows.iter().filter(|flow| !flow.is_idle()) {
        let keep_up = terms::keep_up(width, flow.throughput, flow.growth);
        let catch_up = terms::catch_up(width, flow.backlog_time, case.plan.scale_up.drain_target);
        because.push(Step::Demand { operator: Arc::clone(case.operator(flow.operator)), keep_up, catch_up });
        if largest.is_none_or(|(_, most)| keep_up + catch_up > most) {
            largest = Some((flow.operator, keep_up + catch_up));
        }
    }
    let mut wish = Workers(0);
    if let Some((operator, workers)) = largest {
        because.push(Step::Deciding { operator: Arc::clone(case.operator(operator)), workers });
        wish = terms::round_up(workers);
    }
    if by_cpu { wish.max(cpu_need(case, running, because)) } else { wish }
}

/// The smallest count at which CPU is at its target.
fn cpu_need(case: &Case<'_>, running: Workers, because: &mut Vec<Step>) -> Workers {
    let target = case.plan.scale_down.cpu_target;
    let Some(cpu) = case.sight.readings.cpu.fresh() else { return running };
    let workers = terms::at_target_cpu(f64::from(running.0), cpu, target);
    because.push(Step::CpuDemand { cpu, target, workers });
    terms::round_up(workers)
}
