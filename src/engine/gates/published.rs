//! Which way, if any: the up gate opens by backlog time or CPU, the down gate by both together.

use std::sync::Arc;

use super::backlog::{Flow, longest};
use crate::engine::judge::Case;
use crate::engine::step::Step;

/// Which gate is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// The up gate; `by_cpu` where CPU opened it (too).
    Up {
        /// CPU is above its limit.
        by_cpu: bool,
    },
    /// The down gate.
    Down,
    /// Neither.
    Neither,
}

/// Asks both gates, up first.
pub(crate) fn direction(case: &Case<'_>, flows: &[Flow], because: &mut Vec<Step>) -> Direction {
    let (up, down) = (&case.plan.scale_up, &case.plan.scale_down);
    let cpu = case.sight.readings.cpu.fresh();
    let longest = longest(flows);
    let backlog_time = longest.map_or(0.0, |flow| flow.backlog_time);

    let by_backlog = longest.filter(|_| backlog_time > up.backlog_time_above.as_secs_f64());
    if let Some(flow) = by_backlog {
        let operator = Arc::clone(case.operator(flow.operator));
        because.push(Step::BacklogGate { operator, backlog_time, above: up.backlog_time_above.as_secs_f64() });
    }
    // At a limit of 0 no backlog is too short: one that only begins to grow is above it (the talk's 9 -> 12).
    let by_growth = flows.iter().find(|flow| up.backlog_time_above.is_zero() && flow.growth > 0.0 && !flow.is_idle());
    if let Some(flow) = by_growth.filter(|_| by_backlog.is_none()) {
        let operator = Arc::clone(case.operator(flow.operator));
        because.push(Step::GrowthGate { operator, growth: flow.growth });
    }
    let by_cpu = cpu.filter(|cpu| *cpu > up.cpu_above);
    if let Some(cpu) = by_cpu {
        because.push(Step::CpuGate { cpu, above: up.cpu_above });
    }
    if by_backlog.is_some() || by_growth.is_some() || by_cpu.is_some() {
        return Direction::Up { by_cpu: by_cpu.is_some() };
    }

    let growing = flows.iter().find(|flow| flow.growth > 0.0 && !flow.is_idle());
    let below = down.backlog_time_below.as_secs_f64();
    match cpu {
        Some(cpu) if cpu < down.cpu_below && growing.is_none() && backlog_time < below => {
            because.push(Step::DownGate { cpu, below: down.cpu_below, backlog_time, backlog_time_below: below });
            Direction::Down
        }
        _ => {
            let growing = growing.map(|flow| Arc::clone(case.operator(flow.operator)));
            because.push(Step::GatesShut { backlog_time, cpu, growing });
            Direction::Neither
        }
    }
}
