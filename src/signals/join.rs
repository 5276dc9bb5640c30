//! Rows of one job become its readings.
//!
//! Doubt is kept, never rounded to a number:
//! - A negative sample is "unknown", so `Missing`; NaN and the infinities are `NotFinite`.
//! - Two rows of one signal for one job (or operator) mean that the `by` labels do not tell series apart. Neither can
//!   be trusted, so the reading is `Missing`, which holds that job alone.
//! - Of the alternatives the first with a row for the job wins. Where one before it failed, its row might have been
//!   there, so the reading is `QueryFailed`.

use std::sync::Arc;

use super::ask::Row;
use super::names::Names;
use crate::engine::{JobObservation, OperatorObservation, Reading, Signal, SignalSet};

/// Per signal (in the order of its discriminants) the first alternative that failed, of one class.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Failures([Option<u8>; Signal::ALL.len()]);

impl Failures {
    pub fn add(&mut self, signal: Signal, alternative: u8) {
        let first = &mut self.0[signal as usize];
        *first = Some(first.map_or(alternative, |known| known.min(alternative)));
    }

    pub fn first(&self, signal: Signal) -> Option<u8> {
        self.0[signal as usize]
    }

    pub fn any(&self) -> bool {
        self.0.iter().any(Option::is_some)
    }
}

/// Rows that were not the only one for what they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Doubles {
    pub rows: usize,
    pub signals: SignalSet,
}

/// What the alternatives of one signal come to, for one job.
struct Verdict<'r> {
    /// The rows of the alternative that has won, by name.
    rows: &'r [Row],
    /// Whether an alternative before it failed (or any, where there is no row).
    failed: bool,
}

impl Verdict<'_> {
    /// The reading of a row, alone or one of several that say they are the same.
    fn reading(&self, same: &[Row], doubles: &mut Doubles) -> Reading {
        if self.failed {
            return Reading::QueryFailed;
        }
        match same {
            [row] if row.signal == Signal::Growth && row.value.is_finite() => Reading::Fresh(row.value),
            [row] => Reading::of_sample(row.value),
            _ => {
                doubles.rows += same.len();
                same.iter().for_each(|row| doubles.signals.insert(row.signal));
                Reading::Missing
            }
        }
    }

    /// The reading where there is no row.
    fn absent(&self) -> Reading {
        if self.failed { Reading::QueryFailed } else { Reading::Missing }
    }
}

/// The order that [`fill`] needs within the rows of a job.
pub(super) fn order(row: &Row) -> (u32, u8, u8, u32) {
    (row.job.0, row.signal as u8, row.alternative, row.name)
}

fn verdict<'r>(rows: &'r [Row], signal: Signal, failures: &Failures) -> Verdict<'r> {
    let start = rows.partition_point(|row| (row.signal as u8) < signal as u8);
    let rows = &rows[start..];
    let end = rows.partition_point(|row| row.signal == signal);
    let rows = &rows[..end];
    let Some(winner) = rows.first().map(|row| row.alternative) else {
        return Verdict { rows, failed: failures.first(signal).is_some() };
    };
    let end = rows.partition_point(|row| row.alternative == winner);
    Verdict { rows: &rows[..end], failed: failures.first(signal).is_some_and(|failed| failed < winner) }
}

/// The alternative of a signal whose rows count for a job; `None` where there is none, or an earlier one failed.
pub(super) fn winner(rows: &[Row], signal: Signal, failures: &Failures) -> Option<u8> {
    let verdict = verdict(rows, signal, failures);
    verdict.rows.first().filter(|_| !verdict.failed).map(|row| row.alternative)
}

/// Fills a job's readings for the signals that its class asks for, from its rows in the order of [`order`].
/// Gives the rows that stand beside another one for the same.
pub(super) fn fill(
    job: &mut JobObservation,
    rows: &[Row],
    asked: impl Iterator<Item = Signal>,
    failures: &Failures,
    names: &Names,
) -> Doubles {
    let mut doubles = Doubles::default();
    let mut has_operators = false;
    for signal in asked {
        if signal.is_per_operator() {
            has_operators = true;
        } else if signal == Signal::Unsafe {
            job.unsafe_reason = reason(&verdict(rows, signal, failures), names);
        } else if let Some(place) = place(job, signal) {
            let verdict = verdict(rows, signal, failures);
            *place =
                if verdict.rows.is_empty() { verdict.absent() } else { verdict.reading(verdict.rows, &mut doubles) };
        }
    }
    if has_operators {
        job.operators = operators(rows, failures, names, &mut doubles);
    }
    doubles
}

fn place(job: &mut JobObservation, signal: Signal) -> Option<&mut Reading> {
    Some(match signal {
        Signal::Running => &mut job.running,
        Signal::Wished => &mut job.wished,
        Signal::RunningFor => &mut job.running_for,
        Signal::Coverage => &mut job.coverage,
        Signal::Age => &mut job.age,
        Signal::Cpu => &mut job.cpu,
        Signal::Busy => &mut job.busy,
        Signal::MaxParallelism => &mut job.max_parallelism,
        Signal::Partitions => &mut job.partitions,
        Signal::CheckpointInterval => &mut job.checkpoint_interval,
        Signal::Throughput | Signal::Backlog | Signal::Growth | Signal::Unsafe => return None,
    })
}

/// Any row counts, whatever its value. Of several reasons the first by name, so that it does not change by chance.
fn reason(verdict: &Verdict<'_>, names: &Names) -> Option<Arc<str>> {
    verdict.rows.iter().map(|row| names.name(row.name)).min().map(Arc::clone)
}

fn operators(rows: &[Row], failures: &Failures, names: &Names, doubles: &mut Doubles) -> Vec<OperatorObservation> {
    let throughput = verdict(rows, Signal::Throughput, failures);
    let backlog = verdict(rows, Signal::Backlog, failures);
    let growth = verdict(rows, Signal::Growth, failures);
    let mut operators: Vec<OperatorObservation> = Vec::with_capacity(throughput.rows.len().max(backlog.rows.len()));
    let mut rests = [throughput.rows, backlog.rows, growth.rows];
    while let Some(name) = rests.iter().filter_map(|rest| rest.first()).map(|row| row.name).min() {
        let [throughput_rows, backlog_rows, growth_rows] = rests.each_mut().map(|rest| {
            let (same, others) = rest.split_at(rest.partition_point(|row| row.name == name));
            *rest = others;
            same
        });
        let mut read = |verdict: &Verdict<'_>, same: &[Row]| {
            let given = (!same.is_empty()).then(|| verdict.reading(same, doubles));
            given.or_else(|| verdict.failed.then_some(Reading::QueryFailed))
        };
        operators.push(OperatorObservation {
            operator: Arc::clone(names.name(name)),
            throughput: read(&throughput, throughput_rows).unwrap_or(Reading::Missing),
            total: None,
            backlog: read(&backlog, backlog_rows),
            growth: read(&growth, growth_rows),
        });
    }
    operators.sort_unstable_by(|a, b| a.operator.cmp(&b.operator));
    operators
}

#[cfg(test)]
mod tests;
