//! The loop: observe, tick, act, record, publish. Every mode is one pair of a [`Source`] and a [`Sink`].

mod act;
mod announce;
mod changes;
mod clock;
mod course;
mod cycle;
mod leave;
mod live;
mod reload;
mod rules;
pub mod settings;
mod shutdown;
mod sight;
mod trouble;

use std::future::Future;
use std::sync::Arc;

use crate::engine::{Decision, Observations, Timestamp};
use crate::policy::PolicySet;

pub use act::{Acting, Tools};
pub use changes::{Changes, Gist, paired};
pub use clock::{Clock, Pace, Stopwatch, Ticks};
pub use cycle::{Audience, Cycle, Once, Recorder, run};
pub use live::LiveSource;
pub use reload::{Loaded, Purpose, Reloader};
pub use rules::Rules;
pub use shutdown::Shutdown;
pub use sight::Sight;

/// Where Observations come from, and when.
pub trait Source {
    /// Waits for the next tick and says its time; `None`: there is none (a recording's end). Cancel safe.
    fn next_tick(&mut self) -> impl Future<Output = Option<Timestamp>> + Send;

    /// What is seen at that time, for the policies of this tick. What could not be seen is in the Observations.
    fn observe(&mut self, policies: &Arc<PolicySet>, at: Timestamp) -> impl Future<Output = Observations> + Send;
}

/// Where Decisions go.
pub trait Sink {
    /// Carries the decisions of one tick out. An error ends the loop: what can be retried is retried inside.
    fn carry_out(
        &mut self,
        seen: &Observations,
        decisions: &[Decision],
    ) -> impl Future<Output = anyhow::Result<()>> + Send;
}
