//! What was observed before: the only state that outlives a tick. It holds what was seen and wanted, never "I scaled".

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::estimate::MIN_POINTS;
use super::fleet::Breaker;
use super::job::{JobIndex, Workers};
use super::observation::{JobObservation, OperatorObservation};
use super::plan::Plan;
use super::reading::Reading;
use super::sight::Sight;
use super::time::Timestamp;

/// A job that restarts this often within [`RESTART_WINDOW`] is unstable.
pub(super) const UNSTABLE_RESTARTS: usize = 3;

/// How long a restart counts.
const RESTART_WINDOW: Duration = Duration::from_secs(30 * 60);

/// A restart and the new width are read from different series at different scrapes: the width may show this much later.
const WIDTH_SHOWS_WITHIN: Duration = Duration::from_secs(60);

/// How long a rescale that timed out caps the job at what it reached.
const INCOMPLETE_CAP: Duration = Duration::from_secs(30 * 60);

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

    /// The memory of a job, an empty one where the job is new. Call [`Self::forget_departed`] first.
    pub(super) fn job(&mut self, index: JobIndex, at: Timestamp) -> &mut JobMemory {
        self.jobs[index.0 as usize].get_or_insert_with(|| Box::new(JobMemory::new(at)))
    }
}

/// What is remembered of one job.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct JobMemory {
    /// Since when this process knows the job.
    pub known_since: Timestamp,
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

/// What is remembered of one operator.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OperatorMemory {
    operator: Arc<str>,
    /// When the backlog query last had a row for it.
    last_row: Option<Timestamp>,
    /// Backlog and throughput within the growth window, oldest first.
    samples: VecDeque<Sample>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Sample {
    at: Timestamp,
    backlog: f64,
    throughput: f64,
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
            known_since: at,
            started: at,
            last_tick: None,
            restarts: VecDeque::new(),
            rescale: None,
            incomplete: None,
            wishes: VecDeque::new(),
            operators: Vec::new(),
            ticks_since_whole: u8::MAX,
        }
    }

    /// Takes in what this tick saw: restarts, the course of a rescale, the samples of each operator.
    pub fn observe(&mut self, plan: &Plan, job: &JobObservation, sight: &Sight, at: Timestamp) {
        self.notice_restart(plan, sight, at);
        self.follow_rescale(plan, sight, at);
        self.take_samples(plan, &job.operators, sight, at);
    }

    /// A restart shows as `runningFor` falling back, or, where nobody says it, as a change of width.
    fn notice_restart(&mut self, plan: &Plan, sight: &Sight, at: Timestamp) {
        let running_for = sight.readings.running_for.fresh();
        let Some(running) = sight.running else { return };
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
        self.last_tick = Some(LastTick { running, wished, running_for });
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
    fn take_samples(&mut self, plan: &Plan, seen: &[OperatorObservation], sight: &Sight, at: Timestamp) {
        for (position, now) in seen.iter().enumerate() {
            let place = match self.operators.get(position) {
                Some(memory) if *memory.operator == *now.operator => position,
                _ => match self.operators.binary_search_by(|memory| (*memory.operator).cmp(&now.operator)) {
                    Ok(place) => place,
                    Err(place) => {
                        self.operators.insert(place, OperatorMemory::new(Arc::clone(&now.operator)));
                        place
                    }
                },
            };
            self.operators[place].observe(plan, now, sight, at);
        }
        let started = self.started;
        // What an earlier generation of the job had says nothing about this one.
        self.operators.retain(|memory| {
            memory.last_row.is_some_and(|row| row >= started)
                || seen.binary_search_by(|now| now.operator.cmp(&memory.operator)).is_ok()
        });
        for memory in &mut self.operators {
            memory.trim(plan.growth_window, started, at);
        }
    }

    /// An operator whose backlog this generation of the job had and that is gone now.
    pub fn lost_row(&self, at: Timestamp) -> Option<&Arc<str>> {
        self.operators
            .iter()
            .find(|memory| memory.last_row.is_some_and(|row| row >= self.started && row < at))
            .map(|memory| &memory.operator)
    }

    /// What is remembered of an operator.
    pub fn operator(&self, operator: &str) -> Option<&OperatorMemory> {
        let place = self.operators.binary_search_by(|memory| (*memory.operator).cmp(operator)).ok()?;
        self.operators.get(place)
    }

    /// Takes in what is wanted now and returns the largest wish of the window and when it was.
    pub fn wish(&mut self, window: Duration, wish: Workers, at: Timestamp) -> (Workers, Timestamp) {
        while self.wishes.back().is_some_and(|(_, smaller)| *smaller <= wish) {
            self.wishes.pop_back();
        }
        self.wishes.push_back((at, wish));
        while self.wishes.len() > 1 && self.wishes.front().is_some_and(|(when, _)| at.since(*when) > window) {
            self.wishes.pop_front();
        }
        self.wishes.front().map_or((wish, at), |(when, largest)| (*largest, *when))
    }
}

impl OperatorMemory {
    fn new(operator: Arc<str>) -> Self {
        Self { operator, last_row: None, samples: VecDeque::new() }
    }

    fn observe(&mut self, plan: &Plan, now: &OperatorObservation, sight: &Sight, at: Timestamp) {
        let Some(backlog) = now.backlog else { return };
        self.last_row = Some(at);
        let sample = (sight.judge(plan, backlog).fresh(), sight.judge(plan, now.throughput).fresh());
        if let (Some(backlog), Some(throughput)) = sample {
            // Across a gap as long as the window nobody knows what the backlog did.
            if self.samples.back().is_some_and(|newest| at.since(newest.at) > plan.growth_window) {
                self.samples.clear();
            }
            self.samples.push_back(Sample { at, backlog, throughput });
        }
    }

    /// Drops what is older than the window or the job's last start. The newest five stay, however far apart: a
    /// window that is shorter than five ticks would never say anything.
    fn trim(&mut self, window: Duration, started: Timestamp, at: Timestamp) {
        while self.samples.front().is_some_and(|oldest| {
            oldest.at < started || (at.since(oldest.at) > window && self.samples.len() > MIN_POINTS)
        }) {
            self.samples.pop_front();
        }
    }

    /// The backlog over time: (seconds before now as a negative number, backlog), oldest first.
    pub fn backlog(&self, at: Timestamp) -> impl ExactSizeIterator<Item = (f64, f64)> + Clone + '_ {
        self.samples.iter().map(move |sample| (-at.since(sample.at).as_secs_f64(), sample.backlog))
    }

    /// The highest throughput within the growth window.
    pub fn highest_throughput(&self) -> f64 {
        self.samples.iter().map(|sample| sample.throughput).fold(0.0, f64::max)
    }
}

/// The whole number that a reading of workers stands for.
pub(super) fn workers(reading: Reading) -> Option<Workers> {
    reading.fresh().map(|count| Workers(count.round() as u32))
}
