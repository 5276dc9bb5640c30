//! One tick's look at the world: every query of every policy at one moment.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use super::ask::{self, Index, Joining, Request, Row, Strays};
use super::client::{Client, RowSink as _};
use super::decode::Envelope;
use super::error::Error;
use super::names::Names;
use super::recollect::{self, Recollected};
use super::roster::{Answers, Repeated, Roster};
use super::silence::Silence;
use crate::engine::{JobIndex, JobTable, Observations, Signal, Timestamp};
use crate::policy::PolicySet;

/// Asks Prometheus at each tick, and knows which jobs there are from tick to tick.
#[derive(Debug)]
pub struct Observer {
    client: Client,
    roster: Roster,
    names: Names,
}

/// What one tick has seen, and how its queries went.
#[derive(Debug)]
pub struct Seen {
    /// For the engine. A job stays in it for [`KNOWN_FOR`](super::KNOWN_FOR) after its last row.
    pub observations: Observations,
    /// One per class, signal, alternative and part, for logs and metrics.
    pub queries: Vec<QueryReport>,
    /// Classes with rows that are not unique; their readings are `Missing`.
    pub repeated: Vec<Repeated>,
}

/// How one query went.
#[derive(Debug)]
pub struct QueryReport {
    /// The class that asked.
    pub class: Arc<str>,
    /// The signal that it is for.
    pub signal: Signal,
    /// From the request to the last row, all attempts together. The same for all that share a query.
    pub elapsed: Duration,
    /// Rows in the answer.
    pub series: usize,
    /// Rows without the labels that name a job; they are in no reading.
    pub unmatched: usize,
    /// The labels of one of those.
    pub unmatched_example: Option<String>,
    /// Elements that hold a native histogram instead of a number; they are in no reading.
    pub histograms: usize,
    /// Whether it was answered.
    pub outcome: QueryOutcome,
}

/// Whether a query was answered.
#[derive(Debug)]
pub enum QueryOutcome {
    /// In full.
    Ok,
    /// With these warnings: rows may be missing.
    Partial(Vec<String>),
    /// Not at all.
    Failed(Error),
}

/// One request that came to its end.
struct Done<'p> {
    request: &'p Request<'p>,
    rows: Vec<Row>,
    strays: Vec<Strays>,
    elapsed: Duration,
    result: Result<Envelope, Error>,
}

impl Observer {
    /// Nothing is known yet.
    pub fn new(client: Client) -> Self {
        Self { client, roster: Roster::default(), names: Names::default() }
    }

    /// Asks everything that the policies ask, all at the time `at`.
    ///
    /// It always comes to an end: each query within the client's time-out once it has its turn, and where nothing at
    /// all is answered the rest is not asked. What failed is in the Observations as such.
    /// An index of `jobs` that the Observations no longer name may be retired after the next tick.
    pub async fn observe(&mut self, jobs: &mut JobTable, policies: &PolicySet, at: Timestamp) -> Seen {
        self.names.begin();
        let requests = ask::requests(policies);
        let index = Mutex::new(Index { jobs, names: &mut self.names, met: Vec::new(), last: JobIndex::default() });
        let silence = Silence::default();
        let client = &self.client;
        // Collected first: a stream over a closure would tie the future to one thread.
        let calls: Vec<_> = requests.iter().map(|request| send(client, request, at, &index, &silence)).collect();
        let done: Vec<Done<'_>> = stream::iter(calls).buffer_unordered(client.concurrency()).collect().await;
        let Index { jobs, names, met, .. } = index.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.roster.meet(met, at);
        let mut answers = Answers::of(policies.policies.len());
        let mut queries = Vec::with_capacity(done.len());
        for done in done {
            report(done, &mut answers, &mut queries);
        }
        let (observations, repeated) = self.roster.observe(policies, jobs, names, answers, at);
        Seen { observations, queries, repeated }
    }
}

impl Observer {
    /// Reads back what an earlier process of ours had learned of the jobs that these Observations name, and puts it
    /// there.
    ///
    /// # Errors
    /// Prometheus did not answer. Then nothing was put there, and every job counts as one that was just rescaled.
    pub async fn recollect(
        &self,
        jobs: &JobTable,
        policies: &PolicySet,
        observations: &mut Observations,
        at: Timestamp,
    ) -> Result<Recollected, Error> {
        recollect::recollect(&self.client, jobs, policies, observations, at).await
    }
}

async fn send<'p>(
    client: &Client,
    request: &'p Request<'p>,
    at: Timestamp,
    index: &Mutex<Index<'_>>,
    silence: &Silence,
) -> Done<'p> {
    let mut sink = Joining { consumers: &request.consumers, index, rows: Vec::new(), strays: Vec::new() };
    let start = Instant::now();
    let result = silence.ask(client, request.query, at, &mut sink).await;
    let elapsed = start.elapsed();
    if result.is_err() {
        sink.clear();
    }
    let Joining { rows, strays, .. } = sink;
    Done { request, rows, strays, elapsed, result }
}

fn report(done: Done<'_>, answers: &mut Answers, queries: &mut Vec<QueryReport>) {
    let Done { request, rows, strays, elapsed, result } = done;
    answers.rows.extend(rows);
    let result = result.map_err(Arc::new);
    let mut strays = strays.into_iter();
    for consumer in &request.consumers {
        let signal = consumer.asked.signal;
        let class = consumer.class.0 as usize;
        let (series, histograms, outcome) = match &result {
            Ok(Envelope { rows, histograms, warnings, .. }) if warnings.is_empty() => {
                (*rows, *histograms, QueryOutcome::Ok)
            }
            Ok(Envelope { rows, histograms, warnings, .. }) => {
                answers.partial[class].insert(signal);
                (*rows, *histograms, QueryOutcome::Partial(warnings.clone()))
            }
            Err(error) => {
                answers.failures[class].add(signal, consumer.alternative);
                let class = Arc::clone(consumer.class_name);
                (0, 0, QueryOutcome::Failed(Error::Query { class, signal, source: Arc::clone(error) }))
            }
        };
        let Strays { count: unmatched, example: unmatched_example } = strays.next().unwrap_or_default();
        queries.push(QueryReport {
            class: Arc::clone(consumer.class_name),
            signal,
            elapsed,
            series,
            unmatched,
            unmatched_example,
            histograms,
            outcome,
        });
    }
}

#[cfg(test)]
mod tests;
