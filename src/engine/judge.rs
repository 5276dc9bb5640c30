//! One job at one tick: gates, terms, filters, in that order; what comes out is a proposal to the fleet.
//!
//! A preset is an ordered list of those. Both begin with the gates of [`gates::pass`] and end with the filters of
//! [`filters::apply`]; between them stand, in `published`, the gates and terms of the published rule, and in `balanced`
//! those that know capacities and prices. What a policy switches off is left out where it stands.

mod balanced;
mod published;

use std::sync::Arc;

use super::decision::{Action, Hold};
use super::filters::{self, Effect};
use super::gates::{self, Flow};
use super::job::Workers;
use super::memory::{Course, JobMemory};
use super::observation::{ClassObservation, JobObservation, OperatorObservation, Pause};
use super::plan::{Plan, Preset};
use super::reading::{Absence, Reading};
use super::sight::Sight;
use super::step::Step;
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

    /// What an operator processes per second: as it was read, or worked out from its running total.
    pub fn throughput(&self, seen: &OperatorObservation) -> Reading {
        match seen.total {
            None => self.sight.judge(self.plan, seen.throughput),
            Some(total) => match self.sight.judge(self.plan, total) {
                Reading::Fresh(_) => {
                    let rate = self.memory.operator(&seen.operator).and_then(|memory| memory.rate());
                    rate.map_or(Reading::Missing, Reading::Fresh)
                }
                absent => absent,
            },
        }
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

/// What judging one job leaves to the next: room, so that a tick allocates it once.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    flows: Vec<Flow>,
    steps: Vec<Step>,
}

/// Judges one job.
pub(super) fn judge(
    plan: &Plan,
    class: &ClassObservation,
    job: &JobObservation,
    memory: &mut JobMemory,
    Scratch { flows, steps: because }: &mut Scratch,
    at: Timestamp,
) -> Proposal {
    let sight = Sight::of(plan, job);
    memory.observe(plan, class, job, &sight, at);
    flows.clear();
    because.clear();

    because.push(Step::Job { readings: sight.readings.told() });
    let looked = {
        let case = Case { plan, class, job, memory, sight, at };
        match gates::pass(&case) {
            Ok(()) => {
                if let Some(coverage) = case.coverage_gap() {
                    because.push(Step::Coverage { coverage });
                }
                gates::flows(&case, flows, because)
            }
            Err(hold) => {
                gates::show(&case, because);
                Err(hold)
            }
        }
    };
    if looked.is_ok() && plan.preset == Preset::Balanced {
        look_back(plan, class, job, memory, sight, flows, because, at);
    }
    let case = Case { plan, class, job, memory, sight, at };
    let standing = (plan.preset == Preset::Balanced).then(|| balanced::standing(&case)).flatten();
    let verdict = looked.and_then(|()| rule(&case, flows, standing, because));
    // It holds increases only, but where both are held anyway it is the first in the order.
    let verdict = verdict.map_err(|hold| case.incomplete().filter(|first| first.rank() < hold.rank()).unwrap_or(hold));
    // Whether everything could be read, as far as the gates came: a job that was suspended is no loss of sight.
    let whole = match &verdict {
        Err(Hold::MissingSignal { .. } | Hold::PartialData { .. }) => false,
        Err(Hold::NotRunning) => sight.running.is_some(),
        _ => true,
    };
    memory.ticks_since_whole = if whole { 0 } else { memory.ticks_since_whole.saturating_add(1) };

    let running = sight.running.or(memory.last_width()).unwrap_or_default();
    remember(plan, memory, &verdict, running, (sight.running, standing), at);
    let case = Case { plan, class, job, memory, sight, at };
    let action = match verdict {
        Ok(wanted) => filters::apply(&case, &wanted, because),
        Err(hold) => Action::Hold(hold),
    };
    // As long as it is and no longer: every job of the fleet holds one.
    let mut steps = Vec::with_capacity(because.len());
    steps.append(because);
    Proposal {
        action,
        because: steps,
        backlog_time: gates::longest(flows).map_or(0.0, |flow| flow.backlog_time),
        throughput: throughput(&case),
        workers: running.max(sight.wished.unwrap_or_default()),
        in_flight: memory.course(at) == Course::Rescaling,
        ticks_since_whole: memory.ticks_since_whole,
    }
}

/// What the last increase and the last restart mean for this tick and the next ones.
#[expect(clippy::too_many_arguments, reason = "the parts of a case, whose memory is about to change")]
fn look_back(
    plan: &Plan,
    class: &ClassObservation,
    job: &JobObservation,
    memory: &mut JobMemory,
    sight: Sight,
    flows: &[Flow],
    because: &mut Vec<Step>,
    at: Timestamp,
) {
    let case = Case { plan, class, job, memory, sight, at };
    let masked = gates::mask(&case, flows);
    let believed = case.memory.useful.filter(|useful| filters::believed(&case, useful));
    let verdict = filters::effect(&case, flows, because);
    memory.masked = Some(masked);
    memory.useful = believed;
    if verdict != Effect::Pending
        && let Some(grown) = &mut memory.times.grown
    {
        grown.judged = true;
    }
    if let Effect::Useless { from, useful } = verdict {
        memory.condemn(from, useful, at);
    }
}

/// Takes in what is wanted now. The down window must see every tick: on a doubtful one what runs (or ran last) counts as
/// wanted. Regret is collected while the job runs, also where it may not move at the moment.
fn remember(
    plan: &Plan,
    memory: &mut JobMemory,
    verdict: &Result<Wanted, Hold>,
    running: Workers,
    (seen, standing): (Option<Workers>, Option<Workers>),
    at: Timestamp,
) {
    let window = plan.scale_down.window;
    memory.ups = match verdict {
        Ok(wanted) if wanted.opened => memory.ups.saturating_add(1),
        _ => 0,
    };
    if plan.preset == Preset::Seed {
        memory.wish(window, verdict.as_ref().map_or(running, |wanted| wanted.wish), at);
        return;
    }
    let doubt = matches!(
        verdict,
        Err(Hold::PartialData { .. }
            | Hold::MissingSignal { absence: Absence::Stale { .. } | Absence::NotFinite | Absence::QueryFailed, .. })
    );
    let need = match verdict {
        Ok(wanted) => wanted.need,
        Err(_) if doubt => running,
        // What was learned holds through a restart, so that it need not be watched anew after each.
        Err(_) => standing.unwrap_or(running),
    };
    memory.wish(window, need, at);
    if seen.is_some() && !doubt {
        memory.collect_regret(running, need);
    }
}

/// What a job processes, as far as that can be read: jobs that are held for a restart still count for their class.
fn throughput(case: &Case<'_>) -> f64 {
    let judged = case.job.operators.iter().filter(|seen| seen.backlog.is_some());
    judged.filter_map(|seen| case.throughput(seen).fresh()).sum()
}

/// What the rule wants.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    /// This many.
    pub wish: Workers,
    /// Of this many that run.
    pub running: Workers,
    /// What would do, whatever the gates say: the down window remembers it.
    pub need: Workers,
    /// Whether the owner fixed it, so that no tolerance and no window apply.
    pub fixed: bool,
    /// Whether more is wanted, now or at the second tick in a row.
    pub opened: bool,
    /// Why what runs is wanted, where that has a name.
    pub hold: Option<Hold>,
}

impl Wanted {
    fn of(wish: Workers, running: Workers) -> Self {
        Self { wish, running, need: wish, fixed: false, opened: false, hold: None }
    }
}

/// The terms of the preset, under what the owner fixed.
fn rule(case: &Case<'_>, flows: &[Flow], standing: Option<Workers>, because: &mut Vec<Step>) -> Result<Wanted, Hold> {
    let running = case.sight.running.ok_or(Hold::NotRunning)?;
    if let Some(workers) = case.job.wishes.fixed {
        because.push(Step::Fixed { workers });
        return Ok(Wanted { fixed: true, ..Wanted::of(workers, running) });
    }
    let wanted = match case.plan.preset {
        Preset::Seed => published::rule(case, running, flows, because),
        Preset::Balanced => balanced::rule(case, running, flows, standing, because),
    }?;
    if wanted.wish != running {
        because.push(Step::Wish { workers: wanted.wish });
    }
    Ok(wanted)
}
