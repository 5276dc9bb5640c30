//! What was observed before: the only state that outlives a tick. It holds what was seen and wanted, never "I scaled".

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

mod limit;
mod mean;
mod operator;
mod recall;
mod total;

use super::estimate::{Glance, Restarts};
use super::fleet::Breaker;
use super::job::{JobIndex, Workers};
use super::learned::{Learned, LeftAlone, Useful};
use super::observation::{ClassObservation, JobObservation, OperatorObservation};
use super::plan::{Plan, Plans};
use super::reading::{Reading, Signal};
use super::sight::Sight;
use super::time::Timestamp;

use mean::Mean;
use operator::Look;
pub(super) use operator::OperatorMemory;

/// A job that restarts this often within [`RESTART_WINDOW`] is unstable.
pub(super) const UNSTABLE_RESTARTS: usize = 3;

/// How long a restart counts.
const RESTART_WINDOW: Duration = Duration::from_secs(30 * 60);

/// A restart and the new width are read from different series at different scrapes: the width may show this much later.
const WIDTH_SHOWS_WITHIN: Duration = Duration::from_secs(60);

/// How long a rescale that timed out caps the job at what it reached.
const INCOMPLETE_CAP: Duration = Duration::from_secs(30 * 60);

/// Rates and workers have settled this long after a restart: until then no capacity is learned.
const SETTLED_AFTER: Duration = Duration::from_secs(120);

/// A process that was away for longer than this has not watched the window before.
const WATCHED_WITHIN: Duration = Duration::from_secs(60);

/// A gap between ticks that is longer collects no more regret: a process that slept was not there to act.
const LONGEST_TICK: Duration = Duration::from_secs(60);

/// What is remembered of every job and class. Empty at start.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memories {
    jobs: Vec<Option<Box<JobMemory>>>,
    /// The breakers, by class name: a class's index may change when policies are reloaded.
    pub(super) breakers: Vec<(Arc<str>, Breaker)>,
}

impl Memories {
    /// Forgets every job that is not in `seen`: it has left.
    pub(super) fn forget_departed(&mut self, seen: &[JobObservation]) {
        let remembered = self.jobs.iter().flatten().count();
        let slots = seen.iter().map(|job| job.index.0 as usize + 1).max().unwrap_or(0);
        if self.jobs.len() < slots {
            self.jobs.resize_with(slots, || None);
        }
        let known = seen.iter().filter(|job| self.jobs[job.index.0 as usize].is_some()).count();
        if known == remembered {
            return;
        }
        let mut present = vec![false; self.jobs.len()];
        for job in seen {
            present[job.index.0 as usize] = true;
        }
        for (memory, present) in self.jobs.iter_mut().zip(present) {
            if !present {
                *memory = None;
            }
        }
    }

    /// What was learned of a job up to the newest tick; `None` where the job is not known.
    pub fn learned(&self, index: JobIndex) -> Option<Learned> {
        self.jobs.get(index.0 as usize)?.as_deref().map(JobMemory::learned)
    }

    /// Until when nothing of that class goes down because its breaker is open; `None` where it is shut. For export.
    pub fn breaker_open_until(&self, class: &str) -> Option<Timestamp> {
        self.breakers.iter().find(|(name, _)| **name == *class).and_then(|(_, breaker)| breaker.open_until())
    }

    /// Puts back open breakers that were read from Prometheus at the start.
    pub(super) fn recall_breakers(&mut self, plans: &Plans, classes: &[ClassObservation]) {
        for (plan, class) in plans.classes.iter().zip(classes) {
            if let Some(until) = class.circuit_open_until
                && !self.breakers.iter().any(|(name, _)| *name == plan.class)
            {
                self.breakers.push((Arc::clone(&plan.class), Breaker::opened_until(until)));
            }
        }
    }

    /// The memory of a job. Of a new one it is what an earlier process knew, or empty. Call [`Self::forget_departed`]
    /// first.
    pub(super) fn job(&mut self, job: &JobObservation, at: Timestamp) -> &mut JobMemory {
        self.jobs[job.index.0 as usize].get_or_insert_with(|| {
            Box::new(job.recalled.as_ref().map_or_else(|| JobMemory::new(at), |known| JobMemory::recalled(known, at)))
        })
    }
}

/// What is remembered of one job.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct JobMemory {
    /// Since when the wishes of this job are known, here or in another process.
    pub watched_since: Timestamp,
    /// Since when the job counts as left alone: a process that knows nothing of it takes it as rescaled a moment ago.
    pub rested_since: Timestamp,
    /// When it last (re)started, as far as was seen.
    pub started: Timestamp,
    last_tick: Option<LastTick>,
    /// Restarts that no change of width explains, oldest first; at most one more than [`UNSTABLE_RESTARTS`].
    restarts: VecDeque<Restart>,
    /// The rescale under way: what the spec asks for, since when.
    rescale: Option<(Workers, Timestamp)>,
    /// What a rescale that timed out reached, and until when that caps the job.
    incomplete: Option<(Workers, Timestamp)>,
    /// Wishes of the down window, largest first, each newer than the one before.
    wishes: VecDeque<(Timestamp, Workers)>,
    operators: Vec<OperatorMemory>,
    /// When the newest width showed.
    width_since: Timestamp,
    /// What restarts of the job take.
    pub times: Restarts,
    /// A restart that came while the job's numbers could not be read.
    restart_unread: bool,
    mean_workers: Mean,
    /// What the spec asked for when that was last known.
    asked: Option<Workers>,
    left_alone: Option<LeftAlone>,
    previous: Option<Timestamp>,
    /// How much time the newest tick stands for.
    tick_span: Duration,
    /// What staying has cost, in worker-seconds.
    pub regret: f64,
    /// Ticks in a row at which more was wanted.
    pub ups: u8,
    /// Beyond which count more workers are of no use.
    pub useful: Option<Useful>,
    /// What ran when that was found.
    tried: Option<Workers>,
    /// Of the generation that started then: until when its own backlog is left to it.
    pub masked: Option<(Timestamp, Timestamp)>,
    /// Ticks since every signal was fresh; `u8::MAX`: never or long ago.
    pub ticks_since_whole: u8,
}

/// What the tick before saw.
#[derive(Debug, Clone, Copy, PartialEq)]
struct LastTick {
    running: Workers,
    wished: Option<Workers>,
    running_for: Option<f64>,
}

/// A restart that looks like a crash.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Restart {
    at: Timestamp,
    /// The width before it.
    from: Workers,
}

/// How a difference between what the spec asks for and what runs is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// There is none.
    Settled,
    /// The rescale is under way.
    Rescaling,
    /// It took longer than `rescaleTimeout`; `capped` for another 30 minutes.
    Incomplete {
        /// What it reached, while that is the cap.
        cap: Option<Workers>,
    },
}

impl JobMemory {
    fn new(at: Timestamp) -> Self {
        Self {
            watched_since: at,
            rested_since: at,
            started: at,
            last_tick: None,
            restarts: VecDeque::new(),
            rescale: None,
            incomplete: None,
            wishes: VecDeque::new(),
            operators: Vec::new(),
            width_since: at,
            times: Restarts::default(),
            restart_unread: false,
            mean_workers: Mean::default(),
            asked: None,
            left_alone: None,
            previous: None,
            tick_span: Duration::ZERO,
            regret: 0.0,
            ups: 0,
            useful: None,
            tried: None,
            masked: None,
            ticks_since_whole: u8::MAX,
        }
    }

    /// Takes in what this tick saw: restarts, the course of a rescale, the samples of each operator.
    pub fn observe(
        &mut self,
        plan: &Plan,
        class: &ClassObservation,
        job: &JobObservation,
        sight: &Sight,
        at: Timestamp,
    ) {
        let restarted = self.notice_restart(plan, sight, at);
        self.follow_rescale(plan, sight, at);
        self.restart_unread |= restarted;
        if sight.wished.is_some() {
            (self.asked, self.left_alone) = (sight.wished, job.left_alone);
        }
        let look = self.look(plan, job, sight, at);
        self.take_samples(plan, &job.operators, sight, &look, at);
        let glance = self.glance(plan, class, job, sight, at);
        self.times.observe(glance, at);
        if matches!(glance, Glance::Runs { .. }) {
            self.restart_unread = false;
        }
        let since = self.previous.replace(at).map_or(Duration::ZERO, |before| at.since(before).min(LONGEST_TICK));
        self.tick_span = since;
        if let Some(running) = sight.running.filter(|running| running.0 > 0) {
            self.mean_workers.take(f64::from(running.0), since);
        }
    }

    /// What the operators are told of the job. Capacity is learned once the job and its rates have settled, and not of
    /// counts that are known to be of no use.
    fn look(&self, plan: &Plan, job: &JobObservation, sight: &Sight, at: Timestamp) -> Look {
        let settled = SETTLED_AFTER.max(plan.warm_up);
        let since = self.started.max(self.width_since);
        let useless =
            |running: Workers| self.useful.is_some() && self.times.grown.is_some_and(|grown| running > grown.from);
        let gap = sight.readings.coverage.fresh().is_some_and(|share| (share - 1.0).abs() > 1e-9);
        Look {
            started: self.started,
            gap,
            busy: sight.judge(plan, job.busy).fresh(),
            learn: sight.running.filter(|running| !gap && at.since(since) >= settled && !useless(*running)),
        }
    }

    /// What this tick says about the course of a restart.
    fn glance(
        &self,
        plan: &Plan,
        class: &ClassObservation,
        job: &JobObservation,
        sight: &Sight,
        at: Timestamp,
    ) -> Glance {
        let doubtful = |reading: Reading| !matches!(sight.judge(plan, reading), Reading::Fresh(_) | Reading::Missing);
        let judged =
            || job.operators.iter().filter_map(|seen| Some((seen.total.unwrap_or(seen.throughput), seen.backlog?)));
        let unknown = !class.failed.is_empty()
            || !class.partial.is_empty()
            || doubtful(job.running)
            || doubtful(job.running_for)
            || judged().any(|(throughput, backlog)| doubtful(throughput) || doubtful(backlog));
        if unknown {
            return Glance::Unknown;
        }
        let read = judged().any(|(throughput, backlog)| throughput.fresh().is_some() && backlog.fresh().is_some());
        let told = job.running_for.fresh().is_some() || !plan.signals.contains(Signal::RunningFor);
        match sight.running {
            Some(running) if running.0 > 0 && read && told => Glance::Runs {
                running,
                wished: sight.wished,
                started: self.started,
                restarted: self.restart_unread,
                drained: self.operators.iter().all(|memory| memory.is_drained(plan.growth_window, at)),
            },
            _ => Glance::Away,
        }
    }

    /// A restart shows as `runningFor` falling back, or, where nobody says it, as a change of width.
    fn notice_restart(&mut self, plan: &Plan, sight: &Sight, at: Timestamp) -> bool {
        let running_for = sight.readings.running_for.fresh();
        let Some(running) = sight.running else { return false };
        let wished = sight.wished;
        let restarted = match (self.last_tick, running_for) {
            // Falling back shows at once; after a gap a longer time may hide it, but not a start that is later by more
            // than the sample of either can be old.
            (Some(last), Some(now)) => last.running_for.is_some_and(|before| {
                let start = at.minus(Duration::try_from_secs_f64(now).unwrap_or(Duration::MAX));
                now < before || start.since(self.started) > plan.stale_after
            }),
            (Some(last), None) => last.running_for.is_none() && last.running != running,
            (None, _) => false,
        };
        if let Some(seconds) = running_for {
            self.started = at.minus(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
        } else if restarted {
            self.started = at;
        }
        if let Some(last) = self.last_tick.filter(|_| restarted) {
            // Workers that come one by one each restart a reactive job, and an ordered change restarts it too, some ticks
            // after the order: neither is a crash.
            let ordered = wished != last.wished || self.course(at) == Course::Rescaling;
            if !ordered {
                // One more than counts, as the newest may yet turn out to be none.
                if self.restarts.len() > UNSTABLE_RESTARTS {
                    self.restarts.pop_front();
                }
                self.restarts.push_back(Restart { at, from: last.running });
            }
        }
        // What came back wider than it went was not a crash. A worker that crashed and returned is no wider.
        let shows = |restart: &Restart| running > restart.from && at.since(restart.at) <= WIDTH_SHOWS_WITHIN;
        if self.restarts.back().is_some_and(shows) {
            self.restarts.pop_back();
        }
        // A signal that is away for a moment does not hide the restart that made it go away.
        let running_for = running_for.or(self.last_tick.and_then(|last| last.running_for));
        if self.last_tick.is_none_or(|last| last.running != running) {
            // What was collected has paid for this change, or another has made it needless.
            if self.last_tick.is_some() {
                self.regret = 0.0;
            }
            self.width_since = if self.last_tick.is_some() { at } else { self.started };
        }
        self.last_tick = Some(LastTick { running, wished, running_for });
        restarted
    }

    fn follow_rescale(&mut self, plan: &Plan, sight: &Sight, at: Timestamp) {
        let (Some(running), Some(wished)) = (sight.running, sight.wished) else { return };
        if running == wished {
            self.rescale = None;
            self.incomplete = None;
            return;
        }
        let (_, since) = *self.rescale.get_or_insert((wished, at));
        if self.rescale.is_some_and(|(before, _)| before != wished) {
            self.rescale = Some((wished, at));
            self.incomplete = None;
        } else if at.since(since) >= plan.rescale_timeout {
            let (cap, _) = self.incomplete.get_or_insert((running, at.plus(INCOMPLETE_CAP)));
            *cap = (*cap).max(running);
        }
    }

    /// The newest width that was seen.
    pub fn last_width(&self) -> Option<Workers> {
        self.last_tick.map(|last| last.running)
    }

    /// How the difference between wish and width is to be taken now.
    pub fn course(&self, at: Timestamp) -> Course {
        match (self.rescale, self.incomplete) {
            (None, _) => Course::Settled,
            (Some(_), None) => Course::Rescaling,
            (Some(_), Some((cap, until))) => Course::Incomplete { cap: (at < until).then_some(cap) },
        }
    }

    /// Restarts within the last 30 minutes that look like crashes.
    pub fn restarts(&self, at: Timestamp) -> usize {
        self.restarts.iter().filter(|restart| at.since(restart.at) < RESTART_WINDOW).count()
    }

    /// Walks memory and observation side by side: both are sorted by name.
    fn take_samples(&mut self, plan: &Plan, seen: &[OperatorObservation], sight: &Sight, look: &Look, at: Timestamp) {
        // Operators rarely change, and there are many: no room for more of them.
        self.operators.reserve_exact(seen.len().saturating_sub(self.operators.len()));
        for (position, now) in seen.iter().enumerate() {
            let place = match self.operators.get(position) {
                Some(memory) if same(&memory.operator, &now.operator) => position,
                _ => match self.operators.binary_search_by(|memory| (*memory.operator).cmp(&now.operator)) {
                    Ok(place) => place,
                    Err(place) => {
                        self.operators.insert(place, OperatorMemory::new(Arc::clone(&now.operator)));
                        place
                    }
                },
            };
            if self.operators[place].observe(plan, now, sight, look, at) {
                self.doubt_limit();
            }
        }
        let started = self.started;
        // What an earlier generation of the job had says nothing about this one.
        self.operators.retain(|memory| {
            memory.last_row.is_some_and(|row| row >= started)
                || seen.binary_search_by(|now| now.operator.cmp(&memory.operator)).is_ok()
        });
        let watched = plan.watched();
        for memory in &mut self.operators {
            memory.trim(watched, started, at);
        }
    }

    /// An operator whose backlog this generation of the job had and that is gone now.
    pub fn lost_row(&self, at: Timestamp) -> Option<&Arc<str>> {
        self.operators
            .iter()
            .find(|memory| memory.last_row.is_some_and(|row| row >= self.started && row < at))
            .map(|memory| &memory.operator)
    }

    /// What is remembered of an operator that was seen at that place of the observation.
    pub fn operator_near(&self, place: usize, operator: &Arc<str>) -> Option<&OperatorMemory> {
        match self.operators.get(place) {
            Some(memory) if same(&memory.operator, operator) => Some(memory),
            _ => self.operator(operator),
        }
    }

    /// What is remembered of an operator.
    pub fn operator(&self, operator: &str) -> Option<&OperatorMemory> {
        let place = self.operators.binary_search_by(|memory| (*memory.operator).cmp(operator)).ok()?;
        self.operators.get(place)
    }

    /// Takes in what is wanted now.
    pub fn wish(&mut self, window: Duration, wish: Workers, at: Timestamp) {
        while self.wishes.back().is_some_and(|(_, smaller)| *smaller <= wish) {
            self.wishes.pop_back();
        }
        self.wishes.push_back((at, wish));
        self.forget_wishes(window, at);
    }

    /// Drops wishes that have left the window; the newest stays.
    pub fn forget_wishes(&mut self, window: Duration, at: Timestamp) {
        while self.wishes.len() > 1 && self.wishes.front().is_some_and(|(when, _)| at.since(*when) > window) {
            self.wishes.pop_front();
        }
    }

    /// The largest wish of the window and when it was.
    pub fn largest_wish(&self) -> Option<(Workers, Timestamp)> {
        self.wishes.front().map(|(when, largest)| (*largest, *when))
    }
}

impl JobMemory {
    /// What is remembered of each operator that this process has seen a backlog of.
    pub fn operators(&self) -> impl Iterator<Item = &OperatorMemory> {
        self.operators.iter().filter(|memory| memory.last_row.is_some())
    }

    /// Workers that the job usually runs with: the mean of six hours.
    pub fn mean_workers(&self) -> Option<f64> {
        self.mean_workers.value()
    }

    /// Adds what staying at `running` costs over this tick where `wish` would do; nothing is left where it would not.
    pub fn collect_regret(&mut self, running: Workers, wish: Workers) {
        self.regret = if wish >= running {
            0.0
        } else {
            self.regret + f64::from(running.0 - wish.0) * self.tick_span.as_secs_f64()
        };
    }
}

/// Whether two names are one. Mostly they are the very same.
fn same(one: &Arc<str>, other: &Arc<str>) -> bool {
    Arc::ptr_eq(one, other) || one == other
}

/// The whole number that a reading of workers stands for.
pub(super) fn workers(reading: Reading) -> Option<Workers> {
    reading.fresh().map(|count| Workers(count.round() as u32))
}
