//! What would have been seen, tick by tick, over a range of time: the material of recordings.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use prometheus_http_query::response::RangeVector;

use super::ask::{self, Index, Request, Row};
use super::client::Client;
use super::error::Error;
use super::matrix::Matrix;
use super::names::Names;
use super::roster::{Answers, Roster};
use super::row::{Labels, Pair};
use crate::engine::{JobIndex, JobTable, Observations, SignalSet, Timestamp};
use crate::policy::PolicySet;

/// The most points per series that Prometheus gives in one answer.
const POINTS: u64 = 11_000;

/// The fewest points per series that are asked for where more are too much. A query that is too heavy even so is not
/// saved by more requests.
const LEAST: u64 = 100;

/// Asks everything that the policies ask at `from`, `from + step`, ... up to `to`, in pieces that Prometheus allows,
/// and gives what [`Observer::observe`](super::Observer::observe) would have seen at each of these moments by itself:
/// the join and the time for which a job is known are the same.
///
/// `progress` is told how many of how many requests are done. Indices of `jobs` must not be retired before the
/// Observations have been used.
///
/// # Errors
/// A range that ends before it starts, a step below a millisecond, or a query that failed: a recording without one of
/// its signals would replay to decisions that nobody would have made.
pub async fn range(
    client: &Client,
    jobs: &mut JobTable,
    policies: &PolicySet,
    from: Timestamp,
    to: Timestamp,
    step: Duration,
    mut progress: impl FnMut(usize, usize),
) -> Result<Vec<(Timestamp, Observations)>, Error> {
    let steps = steps(from, to, step)?;
    let requests = ask::requests(policies);
    let pieces = steps.div_ceil(POINTS);
    let total = usize::try_from(pieces).unwrap_or(usize::MAX).saturating_mul(requests.len());
    let mut done = 0;
    progress(done, total);
    let (mut roster, mut names) = (Roster::default(), Names::default());
    let mut observed = Vec::new();
    for first in (0..steps).step_by(POINTS as usize) {
        let piece = Piece { from: moment(from, step, first), step, steps: (steps - first).min(POINTS) };
        let mut index = Index { jobs: &mut *jobs, names: &mut names, met: Vec::new(), last: JobIndex::default() };
        let mut rows: Vec<Vec<Row>> = Vec::new();
        rows.resize_with(piece.steps as usize, Vec::new);
        let mut partial = vec![SignalSet::default(); policies.policies.len()];
        let calls: Vec<_> = requests.iter().map(|request| piece.ask(client, request)).collect();
        let mut answers = stream::iter(calls).buffer_unordered(client.concurrency());
        while let Some((request, answer)) = answers.next().await {
            let Matrix { series, warnings } = answer.map_err(|source| failed(request, source))?;
            for consumer in request.consumers.iter().filter(|_| !warnings.is_empty()) {
                partial[consumer.class.0 as usize].insert(consumer.asked.signal);
            }
            for series in series {
                piece.join(request, series, &mut index, &mut rows);
            }
            done += 1;
            progress(done, total);
        }
        drop(answers);
        for (place, rows) in (0..).zip(rows) {
            let at = moment(piece.from, step, place);
            let answers = Answers { rows, partial: partial.clone(), ..Answers::of(policies.policies.len()) };
            observed.push((at, roster.observe(policies, jobs, &names, answers, at).0));
        }
    }
    Ok(observed)
}

/// How many moments there are, both ends counted.
fn steps(from: Timestamp, to: Timestamp, step: Duration) -> Result<u64, Error> {
    let span = |problem: String| Err(Error::Span { problem });
    if to < from {
        return span(format!("its end {to} is before its start {from}: swap them"));
    }
    if step.as_millis() == 0 || !step.subsec_nanos().is_multiple_of(1_000_000) {
        return span("the step must be whole milliseconds and above 0, such as `15s`".to_owned());
    }
    let steps = to.since(from).as_millis() / step.as_millis() + 1;
    u64::try_from(steps).or_else(|_| span("it has too many steps: take a larger step".to_owned()))
}

fn moment(from: Timestamp, step: Duration, place: u64) -> Timestamp {
    let millis = step.as_millis().saturating_mul(u128::from(place));
    from.plus(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)))
}

fn failed(request: &Request<'_>, source: Error) -> Error {
    let query = request.query.to_owned();
    let source = Arc::new(source);
    match request.consumers.first() {
        Some(consumer) => {
            let class = Arc::clone(consumer.class_name);
            Error::Range { class, signal: consumer.asked.signal, query, source }
        }
        None => Error::Span { problem: format!("nobody asks `{query}`") },
    }
}

/// A part of the range that one request can answer.
#[derive(Debug, Clone, Copy)]
struct Piece {
    from: Timestamp,
    step: Duration,
    steps: u64,
}

impl Piece {
    /// Asks for the whole piece, and where that is too much for the server for its halves, and so on.
    async fn ask<'r>(
        self,
        client: &Client,
        request: &'r Request<'r>,
    ) -> (&'r Request<'r>, Result<Matrix<RangeVector>, Error>) {
        let mut all = Matrix { series: Vec::new(), warnings: Vec::new() };
        let mut rest = vec![self];
        while let Some(piece) = rest.pop() {
            let to = moment(piece.from, piece.step, piece.steps - 1);
            match client.matrix(request.query, piece.from, to, piece.step).await {
                Ok(Matrix { series, warnings }) => {
                    all.series.extend(series);
                    all.warnings.extend(warnings);
                }
                Err(error) if error.is_too_much() && piece.steps >= 2 * LEAST => {
                    let steps = piece.steps / 2;
                    let later = moment(piece.from, piece.step, steps);
                    rest.extend([Self { from: later, steps: piece.steps - steps, ..piece }, Self { steps, ..piece }]);
                }
                Err(error) => return (request, Err(error)),
            }
        }
        (request, Ok(all))
    }

    /// Puts the samples of a series to the moments they belong to.
    fn join(self, request: &Request<'_>, series: RangeVector, index: &mut Index<'_>, rows: &mut [Vec<Row>]) {
        let (labels, samples) = series.into_inner();
        let pairs: Vec<Pair<'_>> = labels.iter().map(|(name, value)| (name.into(), value.into())).collect();
        for consumer in &request.consumers {
            let Some(row) = consumer.join(&Labels::of(&pairs), index) else { continue };
            for sample in &samples {
                let Some(place) = self.place(sample.timestamp()) else { continue };
                if let Some(rows) = rows.get_mut(place) {
                    rows.push(Row { value: sample.value(), ..row });
                }
            }
        }
    }

    /// Which moment a sample's time is. The server computes its times from ours, so that it is one of them.
    fn place(self, seconds: f64) -> Option<usize> {
        let at = Timestamp::from_seconds(seconds)?.as_millis() - self.from.as_millis();
        let step = i64::try_from(self.step.as_millis()).ok()?;
        (at >= 0 && at % step == 0).then(|| usize::try_from(at / step).ok()).flatten()
    }
}

#[cfg(test)]
mod tests;
