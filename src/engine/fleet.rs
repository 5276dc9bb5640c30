//! Between the jobs: who may move now, and whether so much looks wrong at once that nothing may go down.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::decision::{Action, Budget, Hold};
use super::job::{ClassIndex, Workers};
use super::judge::Proposal;
use super::memory::Memories;
use super::observation::JobObservation;
use super::plan::Plans;
use super::step::Step;
use super::time::Timestamp;

/// How long nothing goes down after the breaker opened, and how long it then stays half open.
const OPEN: Duration = Duration::from_secs(10 * 60);

/// A class with fewer jobs (in trouble) says nothing about the whole: a single job's input may well halve.
const MIN_JOBS: usize = 10;

/// The share of a class that has to lose freshness.
const LOST_SHARE: f64 = 0.2;

/// Within how many ticks.
const WITHIN_TICKS: usize = 2;

/// One class's circuit breaker.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Breaker {
    opened: Option<Timestamp>,
    /// Summed throughput and workers of the last ticks, oldest first.
    sums: VecDeque<(f64, u64)>,
}

/// What a breaker says of decreases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passage {
    /// They may pass.
    Free,
    /// One a tick may pass, to see whether the world is right again.
    One { since: Timestamp },
    /// None may.
    Shut { since: Timestamp, until: Timestamp },
}

impl Passage {
    /// Since when and until when this decrease may not pass, if it may not. `tried`: one of the class passed already.
    fn shut(self, tried: &mut bool, at: Timestamp) -> Option<(Timestamp, Timestamp)> {
        match self {
            Self::Free => None,
            Self::One { .. } if !std::mem::replace(tried, true) => None,
            Self::One { since } => Some((since, at)),
            Self::Shut { since, until } => Some((since, until)),
        }
    }
}

impl Breaker {
    /// One that another process had opened.
    pub fn opened_until(until: Timestamp) -> Self {
        Self { opened: Some(until.minus(OPEN)), sums: VecDeque::new() }
    }

    /// Until when it is shut for decreases, if it is.
    pub fn open_until(&self) -> Option<Timestamp> {
        self.opened.map(|since| since.plus(OPEN))
    }

    /// Takes in one tick of the class.
    fn watch(&mut self, jobs: usize, lost: usize, throughput: f64, workers: u64, at: Timestamp) -> Passage {
        let many_lost = lost >= MIN_JOBS && lost as f64 >= LOST_SHARE * jobs as f64;
        let halved = jobs >= MIN_JOBS
            && self.sums.iter().any(|(before, workers_before)| {
                *before > 0.0 && throughput <= before / 2.0 && workers * 2 > *workers_before
            });
        self.sums.push_back((throughput, workers));
        if self.sums.len() > WITHIN_TICKS {
            self.sums.pop_front();
        }
        if many_lost || halved {
            self.opened = Some(at);
        }
        let Some(since) = self.opened else { return Passage::Free };
        let until = since.plus(OPEN);
        if at < until {
            Passage::Shut { since, until }
        } else if at < until.plus(OPEN) {
            Passage::One { since }
        } else {
            self.opened = None;
            Passage::Free
        }
    }
}

/// Arbitrates: the fleet's budget, the breaker, the class's budget; increases before decreases and the longest
/// backlog time first. `proposals` are in the order of `jobs`.
pub(super) fn arbitrate(
    plans: &Plans,
    memories: &mut Memories,
    jobs: &[&JobObservation],
    proposals: &mut [Proposal],
    at: Timestamp,
) {
    let passages = watch_classes(plans, memories, jobs, proposals, at);
    let mut movers: Vec<usize> =
        (0..proposals.len()).filter(|i| matches!(proposals[*i].action, Action::Scale { .. })).collect();
    movers.sort_by(|a, b| urgency(&proposals[*a], &proposals[*b]).then_with(|| jobs[*a].id.cmp(&jobs[*b].id)));

    let in_flight = proposals.iter().filter(|proposal| proposal.in_flight).count() as u64;
    let mut free = plans.fleet.max_concurrent_rescales.map(|most| u64::from(most).saturating_sub(in_flight));
    let mut room = class_room(plans, jobs, proposals);
    let mut tried = vec![false; plans.classes.len()];
    for mover in movers {
        let class = jobs[mover].class;
        let proposal = &mut proposals[mover];
        let Action::Scale { from, to } = proposal.action else { continue };
        if free == Some(0) {
            proposal.because.push(Step::Budget { budget: Budget::ConcurrentRescales, wish: to, room: 0 });
            proposal.action = Action::Hold(Hold::FleetBudget { budget: Budget::ConcurrentRescales, from, to });
            continue;
        }
        if to < from {
            let passage = passages[class.0 as usize];
            if let Some((since, until)) = passage.shut(&mut tried[class.0 as usize], at) {
                proposal.because.push(Step::Breaker { since, until });
                proposal.action = Action::Hold(Hold::CircuitOpen { from, to, until });
                continue;
            }
        }
        if let Some(room) = room.get_mut(&class).filter(|_| to > from) {
            let more = (to.0 - from.0).min(u32::try_from(*room).unwrap_or(u32::MAX));
            if more < to.0 - from.0 {
                proposal.because.push(Step::Budget { budget: Budget::ClassWorkers, wish: to, room: more });
            }
            if more == 0 {
                proposal.action = Action::Hold(Hold::FleetBudget { budget: Budget::ClassWorkers, from, to });
                continue;
            }
            proposal.action = Action::Scale { from, to: Workers(from.0 + more) };
            *room -= u64::from(more);
        }
        free = free.map(|slots| slots - 1);
    }
}

/// Increases before decreases, the longest backlog time first.
fn urgency(a: &Proposal, b: &Proposal) -> Ordering {
    let down = |proposal: &Proposal| matches!(proposal.action, Action::Scale { from, to } if to < from);
    down(a).cmp(&down(b)).then(b.backlog_time.total_cmp(&a.backlog_time))
}

/// How many workers each class with a budget may still add: what runs or is on its way counts.
fn class_room(plans: &Plans, jobs: &[&JobObservation], proposals: &[Proposal]) -> BTreeMap<ClassIndex, u64> {
    let mut room = BTreeMap::new();
    for (index, plan) in (0..).map(ClassIndex).zip(&plans.classes) {
        if let Some(total) = plan.limits.max_workers_total {
            room.insert(index, u64::from(total));
        }
    }
    if !room.is_empty() {
        for (job, proposal) in jobs.iter().zip(proposals) {
            if let Some(room) = room.get_mut(&job.class) {
                *room = room.saturating_sub(u64::from(proposal.workers.0));
            }
        }
    }
    room
}

/// Shows this tick to the breaker of each class.
fn watch_classes(
    plans: &Plans,
    memories: &mut Memories,
    jobs: &[&JobObservation],
    proposals: &[Proposal],
    at: Timestamp,
) -> Vec<Passage> {
    #[derive(Default, Clone)]
    struct Sum {
        jobs: usize,
        lost: usize,
        throughput: f64,
        workers: u64,
    }
    let mut sums = vec![Sum::default(); plans.classes.len()];
    for (job, proposal) in jobs.iter().zip(proposals) {
        let Some(sum) = sums.get_mut(job.class.0 as usize) else { continue };
        sum.jobs += 1;
        sum.lost += usize::from((1..=WITHIN_TICKS).contains(&usize::from(proposal.ticks_since_whole)));
        sum.throughput += proposal.throughput;
        sum.workers += u64::from(proposal.workers.0);
    }
    memories.breakers.retain(|(class, _)| plans.classes.iter().any(|plan| plan.class == *class));
    plans
        .classes
        .iter()
        .zip(sums)
        .map(|(plan, sum)| {
            let breaker = match memories.breakers.iter().position(|(class, _)| *class == plan.class) {
                Some(place) => &mut memories.breakers[place].1,
                None => {
                    memories.breakers.push((Arc::clone(&plan.class), Breaker::default()));
                    let last = memories.breakers.len() - 1;
                    &mut memories.breakers[last].1
                }
            };
            breaker.watch(sum.jobs, sum.lost, sum.throughput, sum.workers, at)
        })
        .collect()
}
