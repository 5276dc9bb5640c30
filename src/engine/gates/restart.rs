//! Is the job through with its last restart?

use std::time::Duration;

use super::backlog::Flow;
use crate::engine::decision::Hold;
use crate::engine::judge::Case;
use crate::engine::memory::{Course, UNSTABLE_RESTARTS};
use crate::engine::reading::Reading;
use crate::engine::time::Timestamp;

/// No rescale is under way. One that timed out lets decreases pass; increases are asked again on the way up.
pub(super) fn settled(case: &Case<'_>) -> Result<(), Hold> {
    match (case.memory.course(case.at), case.sight.running, case.sight.wished) {
        (Course::Rescaling, Some(running), Some(wished)) => Err(Hold::Rescaling { wished, running }),
        _ => Ok(()),
    }
}

/// The job does not restart again and again.
pub(super) fn stable(case: &Case<'_>) -> Result<(), Hold> {
    let restarts = case.memory.restarts(case.at);
    if restarts >= UNSTABLE_RESTARTS { Err(Hold::Unstable { restarts: restarts as u32 }) } else { Ok(()) }
}

/// The rates no longer blend before and after the restart.
pub(super) fn warm(case: &Case<'_>) -> Result<(), Hold> {
    let running_for = match case.sight.readings.running_for {
        Reading::Fresh(seconds) => Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX),
        // Nobody says it: what was not seen to start before counts as just started.
        _ => case.at.since(case.memory.started),
    };
    let remaining = case.plan.warm_up.saturating_sub(running_for);
    if remaining.is_zero() { Ok(()) } else { Err(Hold::WarmingUp { remaining }) }
}

/// An own increase is left alone for this long after its restart.
const REST: Duration = Duration::from_secs(150);

/// The longest that a restart's own backlog is left to it where nothing is known of the capacity.
const LONGEST_MASK: Duration = Duration::from_secs(240);

/// A restart that was this long ago when it could first be judged has no backlog of its own left.
const MASKS_WITHIN: Duration = Duration::from_secs(600);

/// The last increase has come, and its rates have settled. A process that knows nothing of the job takes it as rescaled a
/// moment ago.
pub(crate) fn rested(case: &Case<'_>) -> Result<(), Hold> {
    let grown = case.memory.times.grown.map(|grown| grown.at.plus(REST));
    let until = case.memory.rested_since.plus(REST).max(grown.unwrap_or_default());
    if case.at < until { Err(Hold::Recovering { until }) } else { Ok(()) }
}

/// Since when and until when a backlog is left to the restart that made it: until it is worked off at what is processed
/// now, and until rates and CPU no longer look back at that. Told once for each restart, at the first look at the job after
/// it.
///
/// As long as B/T says is too short: the job is saturated for B / (T − λ), and its CPU opens the gate for the next restart,
/// which made 43 rescales of a stationary load in six hours.
pub(crate) fn mask(case: &Case<'_>, flows: &[Flow]) -> (Timestamp, Timestamp) {
    let started = case.memory.started;
    match case.memory.masked {
        Some(known) if started.since(known.0) <= case.plan.stale_after => known,
        _ if case.at.since(started) > MASKS_WITHIN => (started, started),
        _ => {
            let longest = flows.iter().map(|flow| drains_in(case, flow)).max().unwrap_or_default();
            (started, case.at.plus(longest.min(LONGEST_MASK)).plus(case.plan.rate_window))
        }
    }
}

/// How long a backlog takes at what is processed now.
fn drains_in(case: &Case<'_>, flow: &Flow) -> Duration {
    if flow.backlog <= 0.0 {
        return Duration::ZERO;
    }
    let level = case.memory.operator(case.operator(flow.operator)).and_then(|memory| memory.level().per_second());
    let spare = flow.throughput - level.unwrap_or(0.0);
    let seconds = if spare > 0.0 { flow.backlog / spare } else { f64::INFINITY };
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}
