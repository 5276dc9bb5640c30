//! The world that has stood like this for longer than every window: the same engine, over a made-up past.

use std::time::Duration;

use crate::engine::{
    self, ClassIndex, Decision, FleetLimits, JobId, JobIndex, JobObservation, Memories, Observations, Plans, Reading,
    Signal, SignalSet, Timestamp,
};
use crate::policy::Policy;
use crate::record::wire::WireJob;

/// When the last tick is. Any time would do; a fixed one makes the same numbers give the same answer to the letter.
const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// Ticks beyond the longest window, so that it is filled whichever of its ends counts.
const MARGIN: u32 = 2;

/// The fewest points and the shortest span that growth is ever measured over.
const GROWTH: (u32, Duration) = (5, Duration::from_secs(60));

/// How far the preset `balanced` looks back: what staying has cost is collected until it pays for a restart, which for
/// the smallest change that is worth one takes some hours.
const COLLECTED: Duration = Duration::from_secs(6 * 3600);

/// How far the plan's rule looks back beyond its windows.
fn remembered(plan: &engine::Plan) -> Duration {
    match plan.preset {
        engine::Preset::Seed => Duration::ZERO,
        engine::Preset::Balanced => COLLECTED.max(plan.input_window),
    }
}

/// What that policy decides about a job that has stood like this for longer than every window.
pub fn decide(policy: Policy, given: &WireJob<'_>) -> Decision {
    let job = observation(given);
    let mut plan = policy.plan;
    for signal in told(&job).iter() {
        plan.signals.insert(signal);
    }
    let interval = plan.scrape_interval.max(Duration::from_secs(1));
    let windows =
        [plan.growth_window, plan.scale_down.window, plan.warm_up, GROWTH.1, interval * GROWTH.0, remembered(&plan)];
    let span = windows.into_iter().max().unwrap_or_default() + interval * MARGIN;
    // A job that runs for less than that was not there before: its past begins when it started.
    let age = job.running_for.fresh().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let ticks = span.min(age.unwrap_or(span)).as_millis() / interval.as_millis();

    let plans = Plans { classes: vec![plan], fleet: FleetLimits::default() }.acting();
    let mut memories = Memories::default();
    let mut tick = |back: Duration| {
        let mut job = job.clone();
        if let Reading::Fresh(seconds) = &mut job.running_for {
            *seconds = (*seconds - back.as_secs_f64()).max(0.0);
        }
        let seen = Observations { classes: Vec::new(), jobs: vec![job] };
        engine::tick(&plans, &mut memories, &seen, NOW.minus(back))
    };
    for back in (1..=u32::try_from(ticks).unwrap_or(u32::MAX)).rev() {
        let _ = tick(interval * back);
    }
    tick(Duration::ZERO).pop().expect("there is one job, and its class has a plan")
}

/// The job as it is seen at the last tick.
fn observation(given: &WireJob<'_>) -> JobObservation {
    let namespace = given.namespace.as_ref().map_or("default", |namespace| &*namespace.0);
    let name = given.name.as_ref().map_or("job", |name| &*name.0);
    let mut job = JobObservation::unseen(JobIndex(0), JobId::new(namespace, name), ClassIndex(0));
    given.put_into(&mut job, |text| text.into());
    job.wished = given.wished.or(job.running);
    job.coverage = given.coverage.or(Reading::Fresh(1.0));
    job.age = given.age.or(Reading::Fresh(0.0));
    for operator in &mut job.operators {
        // Given or missing, but never measured: there is no past to measure it from.
        operator.growth = operator.growth.or(Some(Reading::Missing));
    }
    job
}

/// The signals that say something: they count also where the policy has no query for them.
fn told(job: &JobObservation) -> SignalSet {
    let operators = |reading: fn(&engine::OperatorObservation) -> Reading| {
        job.operators.iter().map(reading).find(|reading| *reading != Reading::Missing).unwrap_or_default()
    };
    let readings = [
        (Signal::Running, job.running),
        (Signal::Wished, job.wished),
        (Signal::RunningFor, job.running_for),
        (Signal::Coverage, job.coverage),
        (Signal::Age, job.age),
        (Signal::Throughput, operators(|operator| operator.throughput)),
        (Signal::Backlog, operators(|operator| operator.backlog.unwrap_or_default())),
        (Signal::Cpu, job.cpu),
        (Signal::Busy, job.busy),
        (Signal::MaxParallelism, job.max_parallelism),
        (Signal::Partitions, job.partitions),
        (Signal::CheckpointInterval, job.checkpoint_interval),
    ];
    readings.into_iter().filter(|(_, reading)| *reading != Reading::Missing).map(|(signal, _)| signal).collect()
}
