//! The rows of all queries, counted by policy and signal.

use std::collections::HashMap;
use std::time::Duration;

use super::{Ages, Jobs};
use crate::engine::{JobIndex, JobTable, Reading, Signal};
use crate::policy::PolicySet;
use crate::signals::ask::Row;

/// What the rows of one policy come to.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// In the order of indices.
    pub jobs: Vec<JobIndex>,
    /// In the order of the signals' discriminants.
    pub signals: [Counted; Signal::ALL.len()],
    /// How old each job's samples are.
    ages: Vec<(Duration, JobIndex)>,
    /// The width of each job that says how many partitions its input has, and these.
    readers: Vec<(f64, f64, JobIndex)>,
}

/// What the rows of one signal come to. A job stands in a list once for each row.
#[derive(Debug, Default)]
pub(super) struct Counted {
    /// With a row, in the order of indices, each once.
    pub jobs: Vec<JobIndex>,
    /// By alternative: the jobs that have a row of it, and those for which it is the first.
    pub alternatives: Vec<(usize, usize)>,
    pub negative: Vec<JobIndex>,
    pub not_finite: Vec<JobIndex>,
    pub repeated: Vec<JobIndex>,
}

impl Tally {
    /// The rows in the order of [`join::order`](crate::signals::join::order), counted for each policy.
    pub fn of_each(policies: &PolicySet, rows: &[Row], table: &JobTable) -> Vec<Self> {
        let mut tallies: Vec<Self> = Vec::new();
        tallies.resize_with(policies.policies.len(), Self::default);
        let names = policies.policies.iter().map(|policy| &*policy.plan.class);
        let places: HashMap<&str, usize> = names.zip(0..).collect();
        for rows in rows.chunk_by(|a, b| a.job == b.job) {
            let class = rows.first().and_then(|row| table.class(row.job));
            if let Some(place) = class.and_then(|class| places.get(&**class)) {
                tallies[*place].add_job(rows);
            }
        }
        tallies
    }

    fn add_job(&mut self, rows: &[Row]) {
        let Some(Row { job, .. }) = rows.first() else { return };
        self.jobs.push(*job);
        let (mut running, mut partitions) = (None, None);
        for rows in rows.chunk_by(|a, b| a.signal == b.signal) {
            let Some(Row { signal, .. }) = rows.first() else { continue };
            let number = self.signals[*signal as usize].add_job(rows);
            match signal {
                Signal::Age => {
                    let age = number.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                    self.ages.extend(age.map(|age| (age, *job)));
                }
                Signal::Running => running = number,
                Signal::Partitions => partitions = number,
                _ => {}
            }
        }
        self.readers.extend(running.zip(partitions).map(|(running, partitions)| (running, partitions, *job)));
    }

    /// The jobs that run more slots than their input has partitions.
    pub fn idle_readers(&self, slots_per_worker: u32, table: &JobTable) -> Jobs {
        let slots = f64::from(slots_per_worker);
        let idle = self.readers.iter().filter(|(running, partitions, _)| running * slots > *partitions);
        Jobs::of(idle.map(|(_, _, job)| *job).collect(), table)
    }

    /// How old the samples are.
    pub fn ages(&self, limit: Duration, table: &JobTable) -> Option<Ages> {
        let mut ages = self.ages.clone();
        ages.sort_unstable();
        let (max, oldest) = *ages.last()?;
        // Of an even number the lower of the two in the middle: one that a job has.
        let (median, _) = ages[(ages.len() - 1) / 2];
        let stale = ages.iter().filter(|(age, _)| *age > limit).map(|(_, job)| *job).collect();
        let oldest = table.id(oldest)?.clone();
        Some(Ages { jobs: ages.len(), median, max, oldest, limit, stale: Jobs::of(stale, table) })
    }
}

impl Counted {
    /// The rows of one job. Gives the last of its numbers.
    fn add_job(&mut self, rows: &[Row]) -> Option<f64> {
        let Row { job, alternative: winner, .. } = *rows.first()?;
        self.jobs.push(job);
        for rows in rows.chunk_by(|a, b| a.alternative == b.alternative) {
            let alternative = usize::from(rows.first()?.alternative);
            if self.alternatives.len() <= alternative {
                self.alternatives.resize(alternative + 1, (0, 0));
            }
            let (jobs, answers) = &mut self.alternatives[alternative];
            *jobs += 1;
            *answers += usize::from(alternative == usize::from(winner));
        }
        let answers = &rows[..rows.partition_point(|row| row.alternative == winner)];
        let mut number = None;
        for same in answers.chunk_by(|a, b| a.name == b.name) {
            match same {
                // Any row of it counts, whatever its value and however often.
                [Row { signal: Signal::Unsafe, .. }, ..] => {}
                [row] => match Reading::of_sample(row.value) {
                    Reading::Fresh(fresh) => number = Some(fresh),
                    Reading::NotFinite => self.not_finite.push(job),
                    _ => self.negative.push(job),
                },
                _ => self.repeated.extend(same.iter().map(|row| row.job)),
            }
        }
        number
    }
}
