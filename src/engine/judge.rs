//! One job at one tick: gates, terms, filters, in that order; what comes out is a proposal to the fleet.

use std::sync::Arc;

use super::decision::{Action, Hold};
use super::filters;
use super::gates::{self, Direction, Flow};
use super::job::Workers;
use super::memory::{Course, JobMemory};
use super::observation::{ClassObservation, JobObservation, Pause};
use super::plan::Plan;
use super::reading::Reading;
use super::sight::Sight;
use super::step::Step;
use super::terms;
use super::time::Timestamp;

/// Everything that is known of one job at one tick.
pub(super) struct Case<'a> {
    pub plan: &'a Plan,
    pub class: &'a ClassObservation,
    pub job: &'a JobObservation,
    pub memory: &'a JobMemory,
    pub sight: Sight,
    pub at: Timestamp,
}

impl Case<'_> {
    /// The name of an operator by its place.
    pub fn operator(&self, place: usize) -> &Arc<str> {
        &self.job.operators[place].operator
    }

    /// The share of the workers that report, where some do not.
    pub fn coverage_gap(&self) -> Option<f64> {
        self.sight.readings.coverage.fresh().filter(|share| *share > 0.0 && *share < 1.0 - 1e-9)
    }

    /// Partitions of the input, where they are known.
    pub fn partitions(&self) -> Option<u32> {
        known_cap(self.job.partitions, self.plan.limits.partitions)
    }

    /// The highest parallelism that the job's state allows, where it is known.
    pub fn max_parallelism(&self) -> Option<u32> {
        known_cap(self.job.max_parallelism, self.plan.limits.max_parallelism)
    }

    /// A rescale that timed out and did not reach its width.
    pub fn incomplete(&self) -> Option<Hold> {
        match (self.memory.course(self.at), self.sight.wished, self.sight.running) {
            (Course::Incomplete { .. }, Some(wished), Some(running)) => {
                Some(Hold::RescaleIncomplete { wished, running })
            }
            _ => None,
        }
    }

    /// Which way the owner has paused the job, if the pause has not ended.
    pub fn pause(&self) -> Option<Pause> {
        let wishes = &self.job.wishes;
        let ended = wishes.pause_until.is_some_and(|until| until <= self.at);
        // An end without a direction pauses both ways until then.
        let pause = wishes.pause.or(wishes.pause_until.map(|_| Pause::Both));
        pause.filter(|_| !ended)
    }
}

/// A reading wins over the constant; 0 is no cap but nonsense.
fn known_cap(reading: Reading, constant: Option<u32>) -> Option<u32> {
    reading.fresh().map(|value| value as u32).filter(|value| *value > 0).or(constant)
}

/// What one job wants, before the fleet has its say.
#[derive(Debug)]
pub(super) struct Proposal {
    /// What.
    pub action: Action,
    /// Why.
    pub because: Vec<Step>,
    /// The longest backlog time in seconds: who waits longest comes first.
    pub backlog_time: f64,
    /// Processed per second, over all operators with a backlog, held or not; 0 where it is not known.
    pub throughput: f64,
    /// Workers that run or are on their way.
    pub workers: Workers,
    /// A rescale is under way.
    pub in_flight: bool,
    /// Ticks since every signal was fresh.
    pub ticks_since_whole: u8,
}

/// Judges one job. `flows` is scratch, handed in so that a tick allocates it once.
pub(super) fn judge(
    plan: &Plan,
    class: &ClassObservation,
    job: &JobObservation,
    memory: &mut JobMemory,
    flows: &mut Vec<Flow>,
    at: Timestamp,
) -> Proposal {
    let sight = Sight::of(plan, job);
    memory.observe(plan, job, &sight, at);
    flows.clear();

    let mut because = Vec::with_capacity(job.operators.len() * 2 + 6);
    because.push(Step::Job { readings: sight.readings });
    let verdict = {
        let case = Case { plan, class, job, memory, sight, at };
        let verdict = match gates::pass(&case) {
            Ok(()) => rule(&case, flows, &mut because),
            Err(hold) => {
                gates::show(&case, &mut because);
                Err(hold)
            }
        };
        // It holds increases only, but where both are held anyway it is the first in the order.
        verdict.map_err(|hold| case.incomplete().filter(|first| first.rank() < hold.rank()).unwrap_or(hold))
    };
    // Whether everything could be read, as far as the gates came: a job that was suspended is no loss of sight.
    let whole = match &verdict {
        Err(Hold::MissingSignal { .. } | Hold::PartialData { .. }) => false,
        Err(Hold::NotRunning) => sight.running.is_some(),
        _ => true,
    };
    memory.ticks_since_whole = if whole { 0 } else { memory.ticks_since_whole.saturating_add(1) };

    // The window must see every tick: on a doubtful one, what runs (or ran last) is what is wanted.
    let running = sight.running.or(memory.last_width()).unwrap_or_default();
    let wished = verdict.as_ref().map_or(running, |wanted| wanted.wish);
    let window = memory.wish(plan.scale_down.window, wished, at);
    let case = Case { plan, class, job, memory, sight, at };
    let action = match verdict {
        Ok(wanted) => filters::apply(&case, &wanted, window, &mut because),
        Err(hold) => Action::Hold(hold),
    };
    Proposal {
        action,
        because,
        backlog_time: gates::longest(flows).map_or(0.0, |flow| flow.backlog_time),
        throughput: throughput(&case),
        workers: running.max(sight.wished.unwrap_or_default()),
        in_flight: memory.course(at) == Course::Rescaling,
        ticks_since_whole: memory.ticks_since_whole,
    }
}

/// What a job processes, as far as that can be read: jobs that are held for a restart still count for their class.
fn throughput(case: &Case<'_>) -> f64 {
    let judged = case.job.operators.iter().filter(|seen| seen.backlog.is_some());
    judged.filter_map(|seen| case.sight.judge(case.plan, seen.throughput).fresh()).sum()
}

/// What the rule wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    /// This many.
    pub wish: Workers,
    /// Of this many that run.
    pub running: Workers,
    /// Whether the owner fixed it, so that no tolerance and no window apply.
    pub fixed: bool,
}

/// The published rule (preset `seed`): which gate is open, then the largest need of all operators, or CPU's.
fn rule(case: &Case<'_>, flows: &mut Vec<Flow>, because: &mut Vec<Step>) -> Result<Wanted, Hold> {
    if let Some(coverage) = case.coverage_gap() {
        because.push(Step::Coverage { coverage });
    }
    gates::flows(case, flows, because)?;
    let running = case.sight.running.ok_or(Hold::NotRunning)?;
    if let Some(workers) = case.job.wishes.fixed {
        because.push(Step::Fixed { workers });
        return Ok(Wanted { wish: workers, running, fixed: true });
    }
    let wish = match gates::direction(case, flows, because) {
        Direction::Up { by_cpu } => need(case, running, flows, by_cpu, because).max(running),
        Direction::Down => cpu_need(case, running, because).max(Workers(1)).min(running),
        Direction::Neither => running,
    };
    if wish != running {
        because.push(Step::Wish { workers: wish });
    }
    Ok(Wanted { wish, running, fixed: false })
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
