//! What a Lease says, and when it was seen to change.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff;
use kube::api::ObjectMeta;
use tokio::time::Instant;

use super::DURATION;
use crate::engine::Timestamp;

/// A Lease as it was last read or written, and since when it says that.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Observed {
    lease: Lease,
    /// When the holder or its last renewal was first seen to be these, on the local monotonic clock.
    since: Instant,
}

impl Observed {
    /// Takes in what was read. What has not changed goes on to age.
    pub(super) fn read(before: Option<Self>, lease: Lease, at: Instant) -> Self {
        match before {
            // The version also moves when somebody labels the object: only the record tells of a holder that lives.
            Some(before) if before.lease.spec == lease.spec => Self { lease, since: before.since },
            _ => Self { lease, since: at },
        }
    }

    /// What was written at that time.
    pub(super) fn written(lease: Lease, at: Instant) -> Self {
        Self { lease, since: at }
    }

    /// Who holds it; `None`: nobody, it was given back.
    pub(super) fn holder(&self) -> Option<&str> {
        self.spec().holder_identity.as_deref().filter(|holder| !holder.is_empty())
    }

    /// Whether it may be taken from whoever holds it.
    pub(super) fn is_free(&self, now: Instant) -> bool {
        // Its own holder wrote how long others must wait. One that says nothing sensible gets our own time.
        let seconds = self.spec().lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        let duration = seconds.filter(|seconds| *seconds > 0).map_or(DURATION, Duration::from_secs);
        self.holder().is_none() || now >= self.since + duration
    }

    fn spec(&self) -> &LeaseSpec {
        const NONE: &LeaseSpec = &LeaseSpec {
            acquire_time: None,
            holder_identity: None,
            lease_duration_seconds: None,
            lease_transitions: None,
            preferred_holder: None,
            renew_time: None,
            strategy: None,
        };
        self.lease.spec.as_ref().unwrap_or(NONE)
    }

    /// This Lease, held by us: its version goes along, so that the write is refused if anybody was faster.
    pub(super) fn held_by(&self, identity: &str, wall: Timestamp) -> Lease {
        let mut lease = self.lease.clone();
        let held = self.holder() == Some(identity);
        let spec = lease.spec.get_or_insert_default();
        if !held {
            spec.acquire_time = Some(micro(wall));
            // The first holder of a Lease that somebody made beforehand is a transition too, as in client-go.
            spec.lease_transitions = Some(spec.lease_transitions.unwrap_or(0).saturating_add(1));
        }
        spec.renew_time = Some(micro(wall));
        spec.holder_identity = Some(identity.to_owned());
        spec.lease_duration_seconds = Some(seconds(DURATION));
        lease
    }

    /// This Lease, given back.
    pub(super) fn given_back(&self, wall: Timestamp) -> Lease {
        let mut lease = self.lease.clone();
        let spec = lease.spec.get_or_insert_default();
        spec.holder_identity = Some(String::new());
        // Zero is refused by the API server.
        spec.lease_duration_seconds = Some(1);
        spec.renew_time = Some(micro(wall));
        lease
    }
}

/// A Lease that is not there yet, held by us.
pub(super) fn created(name: &str, identity: &str, wall: Timestamp) -> Lease {
    Lease {
        metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
        spec: Some(LeaseSpec {
            acquire_time: Some(micro(wall)),
            renew_time: Some(micro(wall)),
            holder_identity: Some(identity.to_owned()),
            lease_duration_seconds: Some(seconds(DURATION)),
            lease_transitions: Some(0),
            ..LeaseSpec::default()
        }),
    }
}

fn micro(wall: Timestamp) -> MicroTime {
    MicroTime::from(jiff::Timestamp::from_millisecond(wall.as_millis()).unwrap_or_default())
}

fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}
