//! What every query of every policy gives, once and in detail: for `steelyard check --prometheus`.
//!
//! Rows are joined to jobs as a tick does it. It measures; what is a fault is for others to say.

mod measure;
mod tally;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt, stream};

use self::measure::{Measured, measure};
use self::tally::Tally;
use super::ask::{self, Index};
use super::client::Client;
use super::error::Error;
use super::join;
use super::names::Names;
use super::silence::Silence;
use crate::engine::{ClassIndex, JobId, JobIndex, JobTable, Signal, Timestamp};
use crate::policy::{Alternative, JoinLabels, PolicySet, SignalQuery};

/// What the queries of one policy give.
#[derive(Debug)]
pub struct PolicySurvey {
    /// Its name.
    pub policy: Arc<str>,
    /// How many jobs its rows name.
    pub jobs: usize,
    /// One per signal, in the policy's order.
    pub signals: Vec<SignalSurvey>,
    /// What its signal `age` says; `None` where it has no such signal or nothing came of it.
    pub ages: Option<Ages>,
    /// Jobs that run more slots than their `partitions`: the readers beyond have nothing to read.
    pub idle_readers: Jobs,
}

/// What the queries of one signal give.
#[derive(Debug)]
pub struct SignalSurvey {
    /// Which signal.
    pub signal: Signal,
    /// The query and its fall-backs, in their order.
    pub alternatives: Vec<AlternativeSurvey>,
    /// How many jobs have a row.
    pub jobs: usize,
    /// The policy's jobs that have no row.
    pub without: Jobs,
    /// Rows that answer with a negative number, which means unknown.
    pub negative: Affected,
    /// Rows that answer with NaN, an infinity, or what is too large to be a number of anything.
    pub not_finite: Affected,
    /// Rows that stand beside another one for the same job (and operator), so that neither is used.
    pub repeated: Affected,
}

/// What one alternative of a signal gives.
#[derive(Debug)]
pub struct AlternativeSurvey {
    /// Its parts, one where it is not cut (`split`).
    pub queries: Vec<QuerySurvey>,
    /// How many jobs have a row of it.
    pub jobs: usize,
    /// For how many jobs it is the first that has a row, so that it answers.
    pub answers: usize,
    /// Labels of `by` that rows lack.
    pub gaps: Vec<LabelGap>,
}

impl AlternativeSurvey {
    /// Series in its answers, without histograms.
    pub fn series(&self) -> usize {
        self.queries.iter().map(|query| query.series).sum()
    }
}

/// How one query went.
#[derive(Debug, Clone)]
pub struct QuerySurvey {
    /// PromQL.
    pub query: Arc<str>,
    /// From the request to the last row, all attempts together.
    pub elapsed: Duration,
    /// Series in the answer, without histograms.
    pub series: usize,
    /// Native histograms in the answer, which are no numbers and in no reading.
    pub histograms: usize,
    /// The names of all labels that the series carry (of the first so many names).
    pub labels: BTreeSet<String>,
    /// What Prometheus warns of: rows may be missing.
    pub warnings: Vec<String>,
    /// Prometheus' hints on the query; nothing is missing.
    pub infos: Vec<String>,
    /// Why there is no answer. Shared, as a query that stands in several places is asked once.
    pub failure: Option<Arc<Error>>,
}

/// A label of `by` that rows lack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelGap {
    /// What the label is for.
    pub by: By,
    /// Its name.
    pub label: String,
    /// How many rows lack it.
    pub rows: usize,
    /// The labels of one of those.
    pub example: String,
}

/// What a label of `by` is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// It names the namespace; a row without it belongs to no job.
    Namespace,
    /// It names the job; a row without it belongs to no job.
    Name,
    /// It names the operator; a row without it counts for an operator without a name.
    Operator,
    /// It holds the reason of an `unsafe` row.
    Reason,
}

impl By {
    /// Its key under `by`.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Namespace => "namespace",
            Self::Name => "name",
            Self::Operator => "operator",
            Self::Reason => "reason",
        }
    }

    /// The labels that join the rows of a signal, in the order of the type.
    fn labels(asked: &SignalQuery) -> impl Iterator<Item = (Self, &str)> {
        let SignalQuery { signal, by: JoinLabels { namespace, name, operator, reason }, .. } = asked;
        [
            (Self::Namespace, namespace.as_deref()),
            (Self::Name, Some(&**name)),
            (Self::Operator, operator.as_deref().filter(|_| signal.is_per_operator())),
            (Self::Reason, reason.as_deref().filter(|_| *signal == Signal::Unsafe)),
        ]
        .into_iter()
        .filter_map(|(by, label)| Some((by, label?)))
    }
}

/// Some jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Jobs {
    /// How many.
    pub count: usize,
    /// The first of them by name, at most three.
    pub examples: Vec<JobId>,
}

impl Jobs {
    /// The same job may come several times.
    fn of(mut indices: Vec<JobIndex>, table: &JobTable) -> Self {
        indices.sort_unstable();
        indices.dedup();
        let mut examples: Vec<&JobId> = indices.iter().filter_map(|index| table.id(*index)).collect();
        examples.sort_unstable();
        Self { count: indices.len(), examples: examples.into_iter().take(3).cloned().collect() }
    }
}

/// Rows with something about them, and their jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Affected {
    /// How many rows.
    pub rows: usize,
    /// Of these jobs.
    pub jobs: Jobs,
}

impl Affected {
    fn of(rows: usize, jobs: Vec<JobIndex>, table: &JobTable) -> Self {
        Self { rows, jobs: Jobs::of(jobs, table) }
    }
}

/// How old the samples are, by the policy's signal `age`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ages {
    /// How many jobs say it.
    pub jobs: usize,
    /// Half of the jobs' samples are at most so old.
    pub median: Duration,
    /// The oldest.
    pub max: Duration,
    /// A job with the oldest.
    pub oldest: JobId,
    /// Above this age a job is stale: the policy's `staleAfter`.
    pub limit: Duration,
    /// Jobs above it.
    pub stale: Jobs,
}

/// Asks every query of every policy once, all alternatives and parts, all at the time `at`.
///
/// It always comes to an end: each query within the client's time-out once it has its turn.
///
/// # Errors
/// None of the queries met a Prometheus: no connection, no answer in time, refused credentials, another kind of
/// server. Given is the first failure.
pub async fn survey(client: &Client, policies: &PolicySet, at: Timestamp) -> Result<Vec<PolicySurvey>, Error> {
    let (mut jobs, mut names) = (JobTable::default(), Names::default());
    let requests = ask::requests(policies);
    let index = Mutex::new(Index { jobs: &mut jobs, names: &mut names, met: Vec::new(), last: JobIndex::default() });
    let silence = Silence::default();
    // Collected first: a stream over a closure would tie the future to one thread.
    let calls: Vec<_> = requests.iter().map(|request| measure(client, request, at, &index, &silence)).collect();
    let mut done: Vec<Measured<'_>> = stream::iter(calls).buffer_unordered(client.concurrency()).collect().await;
    drop(index.into_inner().unwrap_or_else(PoisonError::into_inner));
    if done.iter().all(|done| done.query.failure.as_deref().is_some_and(|error| !error.is_of_prometheus())) {
        let first = done.drain(..).find_map(|done| done.query.failure).and_then(Arc::into_inner);
        return first.map_or(Ok(Vec::new()), Err);
    }
    let mut rows: Vec<_> = done.iter_mut().flat_map(|done| std::mem::take(&mut done.rows)).collect();
    rows.sort_unstable_by_key(join::order);
    let tallies = Tally::of_each(policies, &rows, &jobs);
    let answers: HashMap<&str, &Measured<'_>> = done.iter().map(|done| (done.request.query, done)).collect();
    let classes = (0_u16..).map(ClassIndex);
    let mut surveys = Vec::with_capacity(policies.policies.len());
    for ((class, policy), tally) in classes.zip(&policies.policies).zip(tallies) {
        let signals = policy.signals.iter().map(|asked| signal(class, asked, &tally, &answers, &jobs)).collect();
        let ages = tally.ages(policy.plan.stale_after, &jobs);
        let idle_readers = tally.idle_readers(policy.plan.limits.slots_per_worker, &jobs);
        let (policy, jobs) = (Arc::clone(&policy.plan.class), tally.jobs.len());
        surveys.push(PolicySurvey { policy, jobs, signals, ages, idle_readers });
    }
    Ok(surveys)
}

fn signal(
    class: ClassIndex,
    asked: &SignalQuery,
    tally: &Tally,
    answers: &HashMap<&str, &Measured<'_>>,
    jobs: &JobTable,
) -> SignalSurvey {
    let counted = &tally.signals[asked.signal as usize];
    let alternative = |(number, parts): (u8, &Alternative)| {
        let done = parts.parts.iter().filter_map(|query| answers.get(query.as_str()));
        let mut gaps: Vec<LabelGap> = Vec::new();
        for gap in done.clone().flat_map(|done| done.gaps(class, asked.signal, number)) {
            match gaps.iter_mut().find(|known| known.by == gap.by) {
                Some(known) => known.rows += gap.rows,
                None => gaps.push(gap.clone()),
            }
        }
        let (jobs, answers) = counted.alternatives.get(number as usize).copied().unwrap_or_default();
        AlternativeSurvey { queries: done.map(|done| done.query.clone()).collect(), jobs, answers, gaps }
    };
    let without = tally.jobs.iter().filter(|job| counted.jobs.binary_search(job).is_err()).copied().collect();
    SignalSurvey {
        signal: asked.signal,
        alternatives: (0_u8..).zip(&asked.alternatives).map(alternative).collect(),
        jobs: counted.jobs.len(),
        without: Jobs::of(without, jobs),
        negative: Affected::of(counted.negative.len(), counted.negative.clone(), jobs),
        not_finite: Affected::of(counted.not_finite.len(), counted.not_finite.clone(), jobs),
        repeated: Affected::of(counted.repeated.len(), counted.repeated.clone(), jobs),
    }
}

#[cfg(test)]
mod tests;
