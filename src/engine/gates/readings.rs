//! Is the target safe, is it ours, and is everything there that the rule reads?

use std::sync::Arc;

use crate::engine::decision::{Hold, Partial};
use crate::engine::judge::Case;
use crate::engine::observation::Pause;
use crate::engine::reading::{Absence, Reading, Signal};

/// A rescale must not do harm.
pub(super) fn safe(case: &Case<'_>) -> Result<(), Hold> {
    case.job.unsafe_reason.as_ref().map_or(Ok(()), |why| Err(Hold::UnsafeTarget { why: Arc::clone(why) }))
}

/// Nobody else decides.
pub(super) fn owned(case: &Case<'_>) -> Result<(), Hold> {
    case.job.conflict.as_ref().map_or(Ok(()), |owner| Err(Hold::Conflict { owner: Arc::clone(owner) }))
}

/// The owner has not paused both ways. A pause one way is asked for when the way is known.
pub(super) fn paused(case: &Case<'_>) -> Result<(), Hold> {
    match case.pause() {
        Some(Pause::Both) => Err(Hold::Paused { pause: Pause::Both, until: case.job.wishes.pause_until }),
        _ => Ok(()),
    }
}

/// Some worker runs. A width that has no row is none: a job that failed over has no series.
pub(super) fn running(case: &Case<'_>) -> Result<(), Hold> {
    match case.sight.readings.running {
        Reading::Missing => Err(Hold::NotRunning),
        Reading::Fresh(_) if case.sight.running.is_none_or(|running| running.0 == 0) => Err(Hold::NotRunning),
        _ => Ok(()),
    }
}

/// Every signal that the rule reads is fresh.
pub(super) fn fresh(case: &Case<'_>) -> Result<(), Hold> {
    let readings = &case.sight.readings;
    for (signal, reading) in [
        (Signal::Age, readings.age),
        (Signal::Running, readings.running),
        (Signal::Wished, readings.wished),
        (Signal::RunningFor, readings.running_for),
        (Signal::Coverage, readings.coverage),
    ] {
        if let Some(absence) = case.sight.absence(case.plan, signal, reading) {
            return Err(missing(signal, absence));
        }
    }
    // Not to know whether a rescale is safe is not safe.
    for signal in [Signal::Unsafe, Signal::Throughput, Signal::Backlog] {
        if case.class.failed.contains(signal) {
            return Err(missing(signal, Absence::QueryFailed));
        }
    }
    operators(case)?;
    case.sight
        .absence(case.plan, Signal::Cpu, readings.cpu)
        .map_or(Ok(()), |absence| Err(missing(Signal::Cpu, absence)))
}

/// At least one operator has a backlog row, and each that has one can be read.
fn operators(case: &Case<'_>) -> Result<(), Hold> {
    let mut judged = 0;
    for seen in &case.job.operators {
        let Some(backlog) = seen.backlog else { continue };
        judged += 1;
        for (signal, reading) in [
            (Signal::Throughput, Some(seen.total.unwrap_or(seen.throughput))),
            (Signal::Backlog, Some(backlog)),
            (Signal::Growth, seen.growth),
        ] {
            if let Some(Err(absence)) = reading.map(|reading| case.sight.judge(case.plan, reading).value()) {
                return Err(Hold::MissingSignal { signal, absence, operator: Some(Arc::clone(&seen.operator)) });
            }
        }
    }
    if judged == 0 {
        // An operator that was there and is gone is named by `whole`; here nothing is known at all.
        return Err(missing(Signal::Backlog, Absence::Missing));
    }
    Ok(())
}

/// The picture is whole. Coverage below 1 leaves the way up open: it is asked again on the way down.
pub(super) fn whole(case: &Case<'_>) -> Result<(), Hold> {
    let partial = |partial| Err(Hold::PartialData { partial });
    if let Some(signal) = case.class.partial.iter().next() {
        return partial(Partial::Warnings { signal });
    }
    if let Some(coverage) = case.sight.readings.coverage.fresh() {
        if coverage > 1.0 + 1e-9 {
            return partial(Partial::Unregistered { coverage });
        }
        if coverage <= 0.0 {
            return partial(Partial::Coverage { coverage });
        }
    }
    if let Some(operator) = case.memory.lost_row(case.at) {
        return partial(Partial::LostRow { operator: Arc::clone(operator) });
    }
    Ok(())
}

fn missing(signal: Signal, absence: Absence) -> Hold {
    Hold::MissingSignal { signal, absence, operator: None }
}
