//! Is the job through with its last restart?

use std::time::Duration;

use crate::engine::decision::Hold;
use crate::engine::judge::Case;
use crate::engine::memory::{Course, UNSTABLE_RESTARTS};
use crate::engine::reading::Reading;

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
