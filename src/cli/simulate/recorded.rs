//! A recording as a workload: what arrived is what was processed and what the backlog grew by.

use std::collections::VecDeque;
use std::path::Path;

use anyhow::Context as _;

use crate::cli::asked_wrongly;
use crate::cli::replay::refused;
use crate::engine::{JobObservation, Timestamp};
use crate::policy::Policy;
use crate::record::Reader;
use crate::simulate::Workload;

/// The arrivals of a recorded job, `T + (B(now) - B(now - w)) / w` with the recorded policy's rate window as w: both terms
/// over the same time. Where a reading is missing the load goes on as it was.
pub(super) fn arrivals(path: &Path, job: Option<&str>) -> anyhow::Result<Workload> {
    let reader = Reader::open(path).map_err(refused)?;
    let policies = reader.header().recorded_policies().map_err(refused)?;
    let window = policies.policies.iter().map(|policy: &Policy| policy.rate_window).max().unwrap_or_default();
    let window = window.as_secs_f64();
    let mut name: Option<String> = job.map(str::to_owned);
    let mut start: Option<Timestamp> = None;
    let mut past: VecDeque<(f64, f64)> = VecDeque::new();
    let mut points: Vec<(f64, f64)> = Vec::new();
    for tick in reader {
        let tick = tick.map_err(refused)?;
        let names: Vec<String> = tick.seen.jobs.iter().map(|job| job.id.to_string()).collect();
        if name.is_none() && names.len() > 1 {
            let known = names.join(", ");
            return Err(asked_wrongly(anyhow::anyhow!(
                "the recording has several jobs: choose with --job, of {known}"
            )));
        }
        let Some(seen) = tick.seen.jobs.iter().find(|job| name.as_ref().is_none_or(|name| *name == job.id.to_string()))
        else {
            continue;
        };
        name.get_or_insert_with(|| seen.id.to_string());
        let at = tick.at.since(*start.get_or_insert(tick.at)).as_secs_f64();
        let Some((throughput, backlog)) = flow(seen) else { continue };
        past.push_back((at, backlog));
        while past.get(1).is_some_and(|(when, _)| at - when >= window) {
            past.pop_front();
        }
        let growth =
            past.front().filter(|(when, _)| at > *when).map_or(0.0, |(when, before)| (backlog - before) / (at - when));
        let rate = (throughput + growth).max(0.0);
        points.push(if points.is_empty() { (0.0, rate) } else { (at, rate) });
    }
    if points.is_empty() {
        let whose = name.map_or_else(|| "no job".to_owned(), |name| format!("nothing of `{name}`"));
        return Err(asked_wrongly(anyhow::anyhow!("{whose} is in the recording with throughput and backlog")))
            .with_context(|| format!("failed to make a workload of `{}`", path.display()));
    }
    points.dedup_by(|later, earlier| later.0 <= earlier.0);
    Ok(Workload::Trace { points, interpolate: false })
}

/// Processed per second, and waiting, over all operators that have a backlog.
fn flow(job: &JobObservation) -> Option<(f64, f64)> {
    let judged =
        job.operators.iter().filter_map(|operator| Some((operator.throughput.fresh(), operator.backlog?.fresh())));
    let mut all = None;
    for (throughput, backlog) in judged {
        let (before, waiting) = all.unwrap_or((0.0, 0.0));
        all = Some((before + throughput?, waiting + backlog?));
    }
    all
}
