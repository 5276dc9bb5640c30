//! Which jobs there are: live and in recordings the same rule, so that both come to the same decisions.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::ask::Row;
use super::join::{self, Failures};
use super::names::Names;
use crate::engine::{
    ClassIndex, ClassObservation, JobId, JobIndex, JobObservation, JobTable, Observations, Reading, Signal, SignalSet,
    Timestamp,
};
use crate::policy::PolicySet;

/// How long a job is known after its last row. While a query of its class fails or is answered in part, this time
/// does not run: nobody is forgotten because Prometheus was away. Ten minutes is twice Prometheus' look-back, and
/// longer than any redeployment measured, so that a restart never costs a job its memory.
pub const KNOWN_FOR: Duration = Duration::from_secs(600);

/// Rows of one class that are not the only one for their job or operator: the labels of `by` do not tell
/// its series apart. Their readings are `Missing`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeated {
    /// The class.
    pub class: Arc<str>,
    /// How many rows.
    pub rows: usize,
    /// The signals.
    pub signals: SignalSet,
    /// One of the jobs.
    pub example: JobId,
}

/// All answers of one moment.
#[derive(Debug, Default)]
pub(super) struct Answers {
    pub rows: Vec<Row>,
    /// By class.
    pub failures: Vec<Failures>,
    /// By class: signals with warnings.
    pub partial: Vec<SignalSet>,
}

impl Answers {
    pub fn of(classes: usize) -> Self {
        Self {
            rows: Vec::new(),
            failures: vec![Failures::default(); classes],
            partial: vec![SignalSet::default(); classes],
        }
    }
}

/// Jobs that are known, from moment to moment.
#[derive(Debug, Default)]
pub(super) struct Roster {
    /// By job: when it last had a row, if it is known.
    last_seen: Vec<Option<Timestamp>>,
    /// By job: which alternatives gave its running totals, and the backlog beside them, last.
    totals_of: HashMap<JobIndex, [Option<u8>; 2]>,
}

impl Roster {
    /// These jobs are there at that time.
    pub fn meet(&mut self, jobs: impl IntoIterator<Item = JobIndex>, at: Timestamp) {
        for job in jobs {
            let place = job.0 as usize;
            if self.last_seen.len() <= place {
                self.last_seen.resize(place + 1, None);
            }
            self.last_seen[place] = Some(at);
        }
    }

    /// Joins the answers of one moment to every job that is known.
    pub fn observe(
        &mut self,
        policies: &PolicySet,
        jobs: &JobTable,
        names: &Names,
        mut answers: Answers,
        at: Timestamp,
    ) -> (Observations, Vec<Repeated>) {
        answers.rows.sort_unstable_by_key(join::order);
        self.meet(answers.rows.iter().map(|row| row.job), at);
        let classes = classes(policies, &answers);
        let by_name: HashMap<&str, ClassIndex> = (0_u16..)
            .zip(&policies.policies)
            .map(|(position, policy)| (&*policy.plan.class, ClassIndex(position)))
            .collect();
        let mut observed = Vec::with_capacity(jobs.len());
        let mut repeated: Vec<Option<Repeated>> = vec![None; policies.policies.len()];
        let mut rest = &answers.rows[..];
        for (index, last_seen) in (0_u32..).zip(&mut self.last_seen) {
            let (rows, others) = rest.split_at(rest.partition_point(|row| row.job.0 <= index));
            rest = others;
            let index = JobIndex(index);
            let Some(seen) = *last_seen else { continue };
            let known = jobs.class(index).and_then(|name| by_name.get(&**name)).zip(jobs.id(index));
            let Some((class, id)) = known else {
                *last_seen = None;
                self.totals_of.remove(&index);
                continue;
            };
            let position = class.0 as usize;
            if answers.failures[position].any() || !answers.partial[position].is_empty() {
                *last_seen = Some(at);
            } else if at.since(seen) > KNOWN_FOR {
                *last_seen = None;
                self.totals_of.remove(&index);
                continue;
            }
            let mut job = JobObservation::unseen(index, id.clone(), *class);
            let policy = &policies.policies[position];
            let asked = policy.signals.iter().map(|asked| asked.signal);
            let doubles = join::fill(&mut job, rows, asked, &answers.failures[position], names);
            if policy.signals.iter().any(|asked| asked.counter) {
                let last = self.totals_of.entry(index).or_default();
                let same_sum = goes_on(last, rows, &answers.failures[position]);
                for operator in &mut job.operators {
                    let total = std::mem::take(&mut operator.throughput);
                    operator.total = Some(if same_sum { total } else { Reading::Missing });
                }
            }
            if doubles.rows > 0 {
                let known = repeated[position].get_or_insert_with(|| Repeated {
                    class: Arc::clone(&policy.plan.class),
                    rows: 0,
                    signals: SignalSet::default(),
                    example: id.clone(),
                });
                known.rows += doubles.rows;
                doubles.signals.iter().for_each(|signal| known.signals.insert(signal));
            }
            observed.push(job);
        }
        if policies.policies.len() > 1 {
            mark_conflicts(&mut observed, policies);
        }
        (Observations { classes, jobs: observed }, repeated.into_iter().flatten().collect())
    }
}

/// Whether totals and backlog are of the alternatives that gave the last ones. Another one counts something else, from
/// another start: a difference between the two says nothing, so the first of its totals is as good as missing.
fn goes_on(last: &mut [Option<u8>; 2], rows: &[Row], failures: &Failures) -> bool {
    let mut same = true;
    for (last, signal) in last.iter_mut().zip([Signal::Throughput, Signal::Backlog]) {
        let winner = join::winner(rows, signal, failures).or(*last);
        same &= last.is_none() || *last == winner;
        *last = winner;
    }
    same
}

/// A signal has failed for the whole class where its first alternative has: no later one can answer for it. Where a
/// later one has, the jobs that needed it read `QueryFailed`. `unsafe` has no such reading, so that any failure of it
/// is one of the class.
fn classes(policies: &PolicySet, answers: &Answers) -> Vec<ClassObservation> {
    let of_class = |(failures, partial): (&Failures, &SignalSet)| ClassObservation {
        failed: Signal::ALL
            .into_iter()
            .filter(|signal| failures.first(*signal).is_some_and(|first| first == 0 || *signal == Signal::Unsafe))
            .collect(),
        partial: *partial,
        circuit_open_until: None,
    };
    answers.failures.iter().zip(&answers.partial).map(of_class).take(policies.policies.len()).collect()
}

/// A job that two policies know is decided by neither.
fn mark_conflicts(jobs: &mut [JobObservation], policies: &PolicySet) {
    // Per job the two first policies that claim it, so that the text does not depend on the order of jobs.
    let mut claims: HashMap<&JobId, (ClassIndex, Option<ClassIndex>)> = HashMap::with_capacity(jobs.len());
    for JobObservation { id, class, .. } in &*jobs {
        let (first, second) = claims.entry(id).or_insert((*class, None));
        if *class < *first {
            *second = Some(std::mem::replace(first, *class));
        } else if *class > *first {
            *second = Some(second.map_or(*class, |second| second.min(*class)));
        }
    }
    let other = |job: &JobObservation| match claims.get(&job.id) {
        Some((first, Some(second))) => Some(if job.class == *first { *second } else { *first }),
        _ => None,
    };
    let others: Vec<(usize, ClassIndex)> =
        jobs.iter().enumerate().filter_map(|(place, job)| Some((place, other(job)?))).collect();
    for (place, other) in others {
        let name = &policies.policies[other.0 as usize].plan.class;
        jobs[place].conflict = Some(format!("policy {name}").into());
    }
}

#[cfg(test)]
mod tests;
