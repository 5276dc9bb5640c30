//! One Lease between several replicas: one of them is active, the others stand by.
//!
//! The rules are those of client-go's leader election: whoever finds the Lease free, or not renewed for its duration,
//! takes it by a replace that names the version it has read, so that of two takers one is refused. When another renewed
//! is timed on this process's monotonic clock from the moment that the change was seen here: the clocks of two machines
//! are never compared. A holder believes in its own Lease for the renew deadline only, counted from before the request
//! that renewed it, which is shorter than the duration that others wait: it stops to write before anybody else may begin,
//! also where no answer comes any more, or where the process itself was stopped for a while.

mod elector;
mod record;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::elector::Elector;
use super::fence::{Fence, Fenced};
use crate::engine::Timestamp;

/// Which Lease, and who we are. The times are client-go's defaults, which control planes are sized for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Where the Lease is; `None`: the namespace of the pod, or of the kubeconfig's context.
    pub namespace: Option<String>,
    /// The Lease's name: one for each installation.
    pub name: String,
    /// Who we are, unlike any other process's name: a restarted one must not take its predecessor's Lease for its own.
    pub identity: String,
}

/// For how long a Lease that is not renewed is left alone by others.
const DURATION: Duration = Duration::from_secs(15);
/// For how long its holder believes in it. The difference is what clocks may run apart within one duration.
const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// Between two attempts to take or renew it.
const RETRY: Duration = Duration::from_secs(2);
/// One call. Two fit the renew deadline.
const CALL_TIMEOUT: Duration = Duration::from_secs(4);

/// Whether this process may write.
#[derive(Debug, Clone)]
pub struct Leadership(watch::Receiver<State>);

/// What is known of the Lease.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct State {
    /// It is ours until then; `None`: it is not ours.
    until: Option<Instant>,
    /// Who holds it, as far as is known.
    holder: Option<Arc<str>>,
    /// Why it could not be read or written.
    trouble: Option<Arc<str>>,
}

impl Leadership {
    /// Whether the Lease is ours at this moment. To be asked immediately before each write.
    pub fn holds(&self) -> bool {
        self.left().is_some()
    }

    /// How much longer it is ours, if it is.
    fn left(&self) -> Option<Duration> {
        let until = self.0.borrow().until?;
        Some(until.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero())
    }

    /// Who holds the Lease, as far as is known: another's identity, or ours.
    pub fn holder(&self) -> Option<Arc<str>> {
        self.0.borrow().holder.clone()
    }

    /// Why the Lease cannot be read or written at present.
    pub fn trouble(&self) -> Option<Arc<str>> {
        self.0.borrow().trouble.clone()
    }

    /// Waits until something was heard of the Lease, or ours has run out; `None`: nobody stands for it any more.
    pub async fn changed(&mut self) -> Option<()> {
        let until = self.left().map(|left| Instant::now() + left);
        tokio::select! {
            changed = self.0.changed() => changed.ok(),
            () = tokio::time::sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => Some(()),
        }
    }
}

impl Fence for Leadership {
    fn may_write(&self) -> Result<Duration, Fenced> {
        self.left().ok_or(Fenced::NotLeading)
    }
}

/// Stands for the Lease until `end`, and then gives it back, so that a standby need not wait for it to expire. The
/// future must be driven beside whatever writes, and ended after it.
///
/// `wall` says what time it is, for the Lease's fields: people read them, nobody compares them.
pub fn stand(
    client: Client,
    candidate: Candidate,
    wall: impl Fn() -> Timestamp + Send + 'static,
    end: CancellationToken,
) -> (Leadership, impl Future<Output = ()> + Send + 'static) {
    let (sender, receiver) = watch::channel(State::default());
    let elector = Elector::new(client, candidate, Box::new(wall), sender);
    (Leadership(receiver), elector.run(end))
}
