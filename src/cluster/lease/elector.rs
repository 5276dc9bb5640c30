//! Takes, renews and gives back the Lease.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, PostParams};
use kube::{Client, Error};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::record::{Observed, created};
use super::{CALL_TIMEOUT, Candidate, RENEW_DEADLINE, RETRY, State};
use crate::cluster::error::describe;
use crate::engine::Timestamp;

/// Under which name our writes are recorded.
const FIELD_MANAGER: &str = "steelyard";

/// Stands for one Lease.
pub(super) struct Elector {
    leases: Api<Lease>,
    namespace: String,
    candidate: Candidate,
    wall: Box<dyn Fn() -> Timestamp + Send>,
    sender: watch::Sender<State>,
    observed: Option<Observed>,
}

/// How one attempt ended, where it was answered.
#[derive(Debug, PartialEq, Eq)]
enum Attempt {
    Held,
    /// Somebody else holds it.
    Theirs,
    /// Somebody wrote between our read and our write.
    Raced,
}

impl Elector {
    pub(super) fn new(
        client: Client,
        candidate: Candidate,
        wall: Box<dyn Fn() -> Timestamp + Send>,
        sender: watch::Sender<State>,
    ) -> Self {
        let namespace = candidate.namespace.clone().unwrap_or_else(|| client.default_namespace().to_owned());
        let leases = Api::namespaced(client, &namespace);
        Self { leases, namespace, candidate, wall, sender, observed: None }
    }

    /// Until `end`, then gives the Lease back if it is ours.
    pub(super) async fn run(mut self, end: CancellationToken) {
        while end.run_until_cancelled(self.round()).await.is_some() {}
        self.give_back().await;
    }

    /// One attempt, and the pause after it.
    async fn round(&mut self) {
        // A renewal counts from before it was asked for: others may have seen it from then on.
        let asked = Instant::now();
        let outcome = timeout(CALL_TIMEOUT, self.attempt()).await;
        match outcome {
            Ok(Ok(Attempt::Held)) => self.publish(Some(asked + RENEW_DEADLINE), None),
            Ok(Ok(Attempt::Theirs)) => self.publish(None, None),
            // The Lease has another version now: it is read again, and what we hold goes on to age.
            Ok(Ok(Attempt::Raced)) => self.publish(self.until(), None),
            Ok(Err(error)) => self.publish(self.until(), Some(self.failure(&error))),
            Err(_) => self.publish(self.until(), Some(self.unanswered())),
        }
        sleep(self.pause()).await;
    }

    fn until(&self) -> Option<Instant> {
        self.sender.borrow().until.filter(|until| Instant::now() < *until)
    }

    /// Until the next attempt. A standby that knows when the Lease is free need not be in step with its holder, and two
    /// of them should not ask at once: each waits by its own name.
    fn pause(&self) -> Duration {
        let spread =
            self.candidate.identity.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        RETRY + Duration::from_millis(u64::from(spread % 400))
    }

    async fn attempt(&mut self) -> Result<Attempt, Error> {
        let ours = self.observed.as_ref().is_some_and(|seen| seen.holder() == Some(&self.candidate.identity));
        if !(ours && self.until().is_some()) {
            let Some(lease) = self.leases.get_opt(&self.candidate.name).await? else { return self.create().await };
            self.observed = Some(Observed::read(self.observed.take(), lease, Instant::now()));
        }
        let Some(observed) = &self.observed else { return Ok(Attempt::Raced) };
        let ours = observed.holder() == Some(&self.candidate.identity);
        if !ours && !observed.is_free(Instant::now()) {
            return Ok(Attempt::Theirs);
        }
        let lease = observed.held_by(&self.candidate.identity, (self.wall)());
        let written = self.leases.replace(&self.candidate.name, &parameters(), &lease).await;
        self.wrote(written)
    }

    async fn create(&mut self) -> Result<Attempt, Error> {
        let lease = created(&self.candidate.name, &self.candidate.identity, (self.wall)());
        let written = self.leases.create(&parameters(), &lease).await;
        self.wrote(written)
    }

    fn wrote(&mut self, written: Result<Lease, Error>) -> Result<Attempt, Error> {
        match written {
            Ok(lease) => {
                self.observed = Some(Observed::written(lease, Instant::now()));
                Ok(Attempt::Held)
            }
            // 409: somebody was faster. 404: it was deleted. Either way what we knew of it is of no use.
            Err(Error::Api(status)) if matches!(status.code, 404 | 409) => {
                self.observed = None;
                Ok(Attempt::Raced)
            }
            // Whether it was written is not known: read it before the next write.
            Err(error) => {
                self.observed = None;
                Err(error)
            }
        }
    }

    fn publish(&self, until: Option<Instant>, trouble: Option<String>) {
        let before = self.sender.borrow().clone();
        let holder: Option<Arc<str>> = match &self.observed {
            Some(observed) => observed.holder().map(Arc::from),
            None => before.holder.clone(),
        };
        let trouble: Option<Arc<str>> = trouble.map(Arc::from);
        let name = &self.candidate.name;
        match (before.until.is_some(), until.is_some()) {
            (false, true) => info!(lease = name, identity = self.candidate.identity, "leading: the lease is ours"),
            (true, false) => {
                warn!(lease = name, holder = holder.as_deref(), "standing by: the lease is not ours any more")
            }
            (false, false) if before.holder != holder => {
                info!(lease = name, holder = holder.as_deref(), "standing by");
            }
            _ => {}
        }
        if trouble.is_some() && trouble != before.trouble {
            warn!(lease = name, error = trouble.as_deref(), "failed to take or renew the lease, will retry");
        }
        self.sender.send_replace(State { until, holder, trouble });
    }

    async fn give_back(&mut self) {
        let held = self.until().is_some();
        self.sender.send_replace(State::default());
        let Some(observed) = self.observed.take().filter(|_| held) else { return };
        let lease = observed.given_back((self.wall)());
        let written = timeout(CALL_TIMEOUT, self.leases.replace(&self.candidate.name, &parameters(), &lease)).await;
        // Nothing is lost where this fails: the standby waits for the Lease to expire.
        match written {
            Ok(Ok(_)) => info!(lease = self.candidate.name, "gave the lease back"),
            Ok(Err(error)) => {
                warn!(error = self.failure(&error), "failed to give the lease back: it expires by itself")
            }
            Err(_) => warn!(error = self.unanswered(), "failed to give the lease back: it expires by itself"),
        }
    }

    fn failure(&self, error: &Error) -> String {
        let mend = match error {
            Error::Api(status) if status.code == 403 => {
                ": grant get, update and create on leases there (`steelyard check --rbac` prints the Role)"
            }
            _ => "",
        };
        format!("lease `{}` in namespace `{}`: {}{mend}", self.candidate.name, self.namespace, describe(error))
    }

    fn unanswered(&self) -> String {
        let waited = humantime::format_duration(CALL_TIMEOUT);
        let Self { candidate, namespace, .. } = self;
        format!("lease `{}` in namespace `{namespace}`: the API server said nothing for {waited}", candidate.name)
    }
}

fn parameters() -> PostParams {
    PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() }
}
