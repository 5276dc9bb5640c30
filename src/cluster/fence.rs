//! Asked immediately before each write: may this process write now what was decided a moment ago?

use std::time::Duration;

/// Stands between decisions and the API server.
pub trait Fence: Sync {
    /// How much longer what was decided may be written.
    ///
    /// # Errors
    /// It may not be written at all any more.
    fn may_write(&self) -> Result<Duration, Fenced>;
}

/// Why nothing may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fenced {
    /// A process that was stopped and continued, or an API server that is slow, must not carry out what is no longer so.
    #[error("the decision is {} old: it is taken anew", humantime::format_duration(Duration::from_secs(age.as_secs())))]
    TooOld {
        /// Since the tick began that decided.
        age: Duration,
    },
    /// The policy, its target or a mode has changed since.
    #[error("the policy or a mode has changed since: it is decided anew")]
    Withdrawn,
    /// Another replica holds the lease.
    #[error("another replica leads")]
    NotLeading,
}
