//! The fleet that runs: plants that move on together, and what the policy sees of them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::jobs::{Fate, Job};
use crate::engine::{ClassIndex, JobId, JobIndex, JobObservation, Observations, Reading, Timestamp};
use crate::policy::Policy;
use crate::simulate::{Plant, PlantSpec, observation};

/// Midnight before the first tick.
const MIDNIGHT: Timestamp = Timestamp::from_millis(1_800_057_600_000);
/// The demo begins at six in the morning, when most loads begin to rise.
const BEGINS: u32 = 6 * 3600;
/// Seconds of its past that a plant keeps: no window is longer, and few backlogs are older.
const KEPT: u32 = 2 * 3600;
/// How far apart the counts are of which the last are shown, in seconds.
const SAMPLED: u32 = 600;
/// How many of them.
pub(super) const SAMPLES: usize = 24;

/// All jobs, and the time.
#[derive(Debug)]
pub(super) struct Fleet {
    pub jobs: Vec<Running>,
    /// Seconds since the start.
    now: u32,
}

/// A job that runs.
#[derive(Debug)]
pub(super) struct Running {
    pub id: JobId,
    job: Job,
    plant: Plant,
    /// Workers that the spec asks for.
    pub wished: u32,
    /// Workers that are killed at present.
    killed: u32,
    /// Counts of the last hours.
    pub widths: VecDeque<u32>,
    pub tally: Tally,
}

/// What came of a job so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub ups: u64,
    pub downs: u64,
    /// Seconds with a lag above the objective.
    pub late: u64,
    pub seconds: u64,
    pub worker_seconds: u64,
}

impl Fleet {
    /// The jobs at six in the morning. Each has a stream of noise of its own.
    ///
    /// # Errors
    /// A job that cannot be modelled.
    pub fn new(jobs: &[Job], seed: u64) -> anyhow::Result<Self> {
        let start = |(place, job): (u64, &Job)| {
            let spec = PlantSpec::parse(job.name, &job.plant()).map_err(|faults| anyhow::anyhow!("{faults}"))?;
            let plant = Plant::new(Arc::new(spec), 0, KEPT, seed.wrapping_mul(1009).wrapping_add(place));
            let wished = plant.wished();
            let id = JobId::new(job.namespace, job.name);
            let (widths, tally) = (VecDeque::with_capacity(SAMPLES), Tally::default());
            Ok(Running { id, job: *job, plant, wished, killed: 0, widths, tally })
        };
        let jobs = (0..).zip(jobs).map(start).collect::<anyhow::Result<_>>()?;
        Ok(Self { jobs, now: 0 })
    }

    /// Seconds since the start.
    pub fn now(&self) -> u32 {
        self.now
    }

    /// The time that it is there.
    pub fn at(&self) -> Timestamp {
        MIDNIGHT.plus(Duration::from_secs(u64::from(BEGINS) + u64::from(self.now)))
    }

    /// Moves on by so many seconds.
    pub fn advance(&mut self, seconds: u32) {
        for _ in 0..seconds {
            let second = BEGINS.wrapping_add(self.now);
            self.now += 1;
            for job in &mut self.jobs {
                job.step(second);
            }
            if self.now.is_multiple_of(SAMPLED) {
                self.jobs.iter_mut().for_each(Running::sample);
            }
        }
    }

    /// What a policy sees of all jobs.
    pub fn observe(&self, policy: &Policy) -> Observations {
        let second = BEGINS.wrapping_add(self.now);
        let jobs = (0..).zip(&self.jobs).map(|(place, job)| job.observe(policy, JobIndex(place), second)).collect();
        Observations { classes: Vec::new(), jobs }
    }

    /// Sets the count of a job.
    pub fn order(&mut self, index: JobIndex, workers: u32) {
        if let Some(job) = self.jobs.get_mut(index.0 as usize) {
            job.order(workers);
        }
    }

    /// What came of all jobs so far.
    pub fn tally(&self) -> Tally {
        self.jobs.iter().fold(Tally::default(), |all, job| {
            let Tally { ups, downs, late, seconds, worker_seconds } = job.tally;
            Tally {
                ups: all.ups + ups,
                downs: all.downs + downs,
                late: all.late + late,
                seconds: all.seconds + seconds,
                worker_seconds: all.worker_seconds + worker_seconds,
            }
        })
    }
}

impl Running {
    /// Records per second that arrive now.
    pub fn arrives(&self, at: u32) -> f64 {
        self.job.load.at(BEGINS.wrapping_add(at))
    }

    /// Workers that it has; `None` while it is down.
    pub fn width(&self) -> Option<u32> {
        let last = self.plant.history().at(self.plant.now());
        last.is_up().then_some(last.width)
    }

    /// How long the oldest record waits, in seconds.
    pub fn lag(&self) -> f64 {
        self.plant.history().at(self.plant.now()).lag
    }

    fn step(&mut self, second: u32) {
        let killed = match self.job.fate {
            Fate::Killed { at, workers, lasts } if Fate::under_way(second, at, lasts) => workers,
            _ => 0,
        };
        if killed != self.killed {
            self.killed = killed;
            self.tell_plant();
        }
        self.plant.step(self.job.load.at(second));
        let now = self.plant.now();
        let last = self.plant.history().at(now);
        self.tally.seconds += 1;
        self.tally.late += u64::from(last.lag > self.plant.spec().lag_objective);
        self.tally.worker_seconds += u64::from(last.width);
        if now.is_multiple_of(KEPT / 4) {
            self.plant.forget(KEPT);
        }
    }

    fn sample(&mut self) {
        if self.widths.len() == SAMPLES {
            self.widths.pop_front();
        }
        let now = self.plant.now();
        self.widths.push_back(self.plant.history().at(now).width);
    }

    fn order(&mut self, workers: u32) {
        if workers > self.wished {
            self.tally.ups += 1;
        } else if workers < self.wished {
            self.tally.downs += 1;
        }
        self.wished = workers;
        self.tell_plant();
    }

    /// Workers that are killed are asked for all the same, and do not come.
    fn tell_plant(&mut self) {
        self.plant.order(self.wished.saturating_sub(self.killed).max(1));
    }

    fn observe(&self, policy: &Policy, index: JobIndex, second: u32) -> JobObservation {
        let (id, class) = (self.id.clone(), ClassIndex(0));
        let mut seen = observation(&self.plant, policy, index, id, class);
        seen.wished = Reading::Fresh(f64::from(self.wished));
        match self.job.fate {
            Fate::Unsafe(why) => seen.unsafe_reason = Some(why.into()),
            Fate::Conflict(owner) => seen.conflict = Some(owner.into()),
            Fate::Owner(wishes) => seen.wishes = wishes,
            Fate::MaxParallelism(most) => seen.max_parallelism = Reading::Fresh(most),
            Fate::Unseen { at, lasts } if Fate::under_way(second, at, lasts) => {
                for operator in &mut seen.operators {
                    operator.backlog = Some(Reading::Missing);
                }
            }
            Fate::Ordinary | Fate::Killed { .. } | Fate::Unseen { .. } => {}
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::super::jobs::FLEET;
    use super::super::policy;
    use super::*;

    fn special(fate: impl Fn(Fate) -> bool) -> usize {
        FLEET.iter().position(|job| fate(job.fate)).unwrap()
    }

    #[test]
    fn killed_workers_are_missing_from_what_runs_and_not_from_what_is_asked_for() {
        let mut fleet = Fleet::new(&FLEET, 1).unwrap();
        let policy = policy().unwrap();
        let place = special(|fate| matches!(fate, Fate::Killed { .. }));
        fleet.order(JobIndex(place as u32), 9);
        fleet.advance(4 * 3600 - 60);
        let seen = fleet.observe(&policy).jobs.remove(place);
        assert_eq!((seen.running, seen.wished), (Reading::Fresh(9.0), Reading::Fresh(9.0)));
        fleet.advance(360);
        let seen = fleet.observe(&policy).jobs.remove(place);
        assert_eq!((seen.running, seen.wished), (Reading::Fresh(6.0), Reading::Fresh(9.0)), "three were killed at ten");
        fleet.advance(1200);
        let seen = fleet.observe(&policy).jobs.remove(place);
        assert_eq!(seen.running, Reading::Fresh(9.0), "they came back");
        assert_eq!(fleet.tally().ups, 1);
    }

    #[test]
    fn what_is_gone_is_missing_and_never_zero() {
        let mut fleet = Fleet::new(&FLEET, 1).unwrap();
        let policy = policy().unwrap();
        let place = special(|fate| matches!(fate, Fate::Unseen { .. }));
        fleet.advance(3 * 3600);
        let backlog = |fleet: &Fleet| fleet.observe(&policy).jobs[place].operators[0].backlog;
        assert!(matches!(backlog(&fleet), Some(Reading::Fresh(_))));
        fleet.advance(1800 + 60);
        assert_eq!(backlog(&fleet), Some(Reading::Missing));
    }

    #[test]
    fn a_fleet_does_not_grow_with_time() {
        let mut fleet = Fleet::new(&FLEET[..1], 1).unwrap();
        fleet.advance(6 * 3600);
        let job = &fleet.jobs[0];
        assert!(job.plant.history().seconds().len() <= (KEPT + KEPT / 4) as usize);
        assert_eq!((job.plant.now(), fleet.now(), job.widths.len()), (6 * 3600, 6 * 3600, SAMPLES));
    }
}
