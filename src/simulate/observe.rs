//! What one of our policies sees of a modelled job: the readings that it asks for, as one job of Observations.

use std::sync::{Arc, LazyLock};

use super::plant::Plant;
use super::readings::Readings;
use crate::engine::{ClassIndex, JobId, JobIndex, JobObservation, OperatorObservation, Reading, Signal};
use crate::policy::Policy;

/// The one operator that reads.
static SOURCE: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from("source"));

/// The job as the policy's queries would show it now.
///
/// A signal that the policy does not ask for is missing, whatever the job could say. Rates and means are over the policy's own
/// `rateWindow`, as its queries have it; a `counter:` is this generation's. Where the plant's backlog is a consumer group's lag it is seen also while the job is
/// down.
pub fn observation(plant: &Plant, policy: &Policy, index: JobIndex, id: JobId, class: ClassIndex) -> JobObservation {
    let (spec, now) = (plant.spec(), plant.now());
    let asked = |signal: Signal, value: Option<f64>| match value {
        Some(value) if policy.plan.signals.contains(signal) => Reading::of_sample(value),
        _ => Reading::Missing,
    };
    let seen = Readings::scraped(plant.history(), &spec.metrics, now);
    let window = u32::try_from(policy.plan.rate_window.as_secs()).unwrap_or(u32::MAX);
    let up = seen.running().is_some();
    let group = spec.metrics.backlog_commit > 0.0;
    let backlog = if group { Some(seen.group_lag()) } else { seen.backlog() };
    let throughput = policy.signals.iter().find(|query| query.signal == Signal::Throughput);
    let counted = throughput.is_some_and(|query| query.counter);
    let operator = OperatorObservation {
        operator: Arc::clone(&SOURCE),
        throughput: asked(Signal::Throughput, seen.throughput(window).filter(|_| !counted)),
        total: counted.then(|| asked(Signal::Throughput, seen.processed())),
        backlog: backlog.map(|backlog| asked(Signal::Backlog, Some(backlog))),
        growth: None,
    };
    JobObservation {
        running: asked(Signal::Running, seen.running().map(f64::from)),
        wished: Reading::Fresh(f64::from(plant.wished())),
        running_for: asked(Signal::RunningFor, seen.running_for()),
        coverage: asked(Signal::Coverage, up.then_some(1.0)),
        age: asked(Signal::Age, up.then_some(f64::from(now - seen.at()))),
        cpu: asked(Signal::Cpu, seen.cpu(window)),
        busy: asked(Signal::Busy, seen.busy(window).map(|share| share.min(1.0))),
        partitions: asked(Signal::Partitions, spec.partitions.map(f64::from)),
        checkpoint_interval: asked(Signal::CheckpointInterval, Some(spec.checkpoint_interval)),
        operators: if up || group { vec![operator] } else { Vec::new() },
        ..JobObservation::unseen(index, id, class)
    }
}
