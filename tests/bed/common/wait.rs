//! Waiting for what is true sooner or later, with a deadline and an error that tells what was waited for.

use std::time::Duration;

use steelyard::run::Stopwatch;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);

/// Looks until there is an answer.
///
/// # Panics
/// After the deadline, saying what was waited for.
pub async fn until<T>(what: impl Into<String>, within: Duration, look: impl AsyncFnMut() -> Option<T>) -> T {
    until_or(within, look, || what.into()).await
}

/// The same, where the error says what is the matter then.
pub async fn until_or<T>(
    within: Duration,
    mut look: impl AsyncFnMut() -> Option<T>,
    otherwise: impl FnOnce() -> String,
) -> T {
    let waited = Stopwatch::start();
    let mut next = tokio::time::interval(LOOK);
    next.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        next.tick().await;
        if let Some(answer) = look().await {
            return answer;
        }
        assert!(waited.elapsed() < within, "not within {within:?}: {}", otherwise());
    }
}
