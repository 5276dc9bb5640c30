//! Carries a count out: looks at the newest object once more, then patches its `/scale` until that is answered or the
//! decision is too old.
//!
//! Its invariants: nothing is sent that the newest view of the object speaks against, nothing without the fence's
//! leave, nothing that would change nothing, and never a 0.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use tokio::sync::Mutex;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use super::fence::{Fence, Fenced};
use super::object::Object;
use super::patch::{self, Answer, Refusal, Wanted};
use super::targets::Targets;
use crate::engine::{JobId, Timestamp, Workers};
use crate::policy::Target;

/// Between two attempts, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(4));

/// What is to be set.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// Of which job.
    pub job: &'a JobId,
    /// How its policy finds it.
    pub target: &'a Target,
    /// The count in the spec that the decision was made from.
    pub from: Workers,
    /// The count to set; at least 1.
    pub to: Workers,
    /// When that was decided.
    pub at: Timestamp,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The count is set.
    Scaled,
    /// The count was there already.
    Unneeded,
    /// The object changed since: what was decided is dropped, and decided anew.
    Overtaken,
    /// The object's newest state speaks against it.
    Unsafe(Arc<str>),
    /// We may not.
    Forbidden(Arc<str>),
    /// The object, its kind or its namespace is gone.
    NotFound(Arc<str>),
    /// The API server or an admission policy refuses that count.
    Invalid(Arc<str>),
    /// The API server was busy or away for as long as the decision was good.
    Unavailable(Arc<str>),
    /// The fence did not let it pass.
    Fenced(Fenced),
}

impl Outcome {
    /// Its name in metrics and logs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Scaled => "scaled",
            Self::Unneeded => "unneeded",
            Self::Overtaken => "overtaken",
            Self::Unsafe(_) => "unsafe",
            Self::Forbidden(_) => "forbidden",
            Self::NotFound(_) => "notFound",
            Self::Invalid(_) => "invalid",
            Self::Unavailable(_) => "unavailable",
            Self::Fenced(_) => "fenced",
        }
    }

    /// Why it failed; `None`: it did not, or it is decided anew without anybody's help.
    pub fn why(&self) -> Option<&Arc<str>> {
        match self {
            Self::Scaled | Self::Unneeded | Self::Overtaken | Self::Fenced(_) => None,
            Self::Unsafe(why)
            | Self::Forbidden(why)
            | Self::NotFound(why)
            | Self::Invalid(why)
            | Self::Unavailable(why) => Some(why),
        }
    }
}

/// Sets counts. Orders may be carried out side by side.
pub struct Scaler {
    targets: Targets,
    pace: Mutex<Interval>,
}

impl Scaler {
    /// Sets counts of these targets, at most so many in a second. Must be called inside a runtime.
    pub fn new(targets: Targets, per_second: u32) -> Self {
        let mut pace = interval(Duration::from_secs(1) / per_second.max(1));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { targets, pace: Mutex::new(pace) }
    }

    /// The object of an order as it is known now.
    pub fn object(&self, target: &Target, job: &JobId) -> Option<Object> {
        self.targets.object(target, job.namespace(), job.name())
    }

    /// Tells whether another replica scales: its changes are then not those of a stranger.
    pub fn stand_by(&self, standing_by: bool) {
        self.targets.ledger.lock().stand_by(standing_by);
    }

    /// Sets one count. Returns when it is answered, or when the fence says that it is too late.
    pub async fn scale(&self, order: &Order<'_>, fence: &impl Fence) -> Outcome {
        let Order { job, target, from, to, at } = *order;
        let (Some(object), Some(resource)) = (self.object(target, job), self.targets.resource(target)) else {
            return Outcome::Overtaken;
        };
        if let Some(outcome) = refused(&object, from, to) {
            return outcome;
        }
        let (namespace, name) = (job.namespace(), job.name());
        let wanted = Wanted { resource: &resource, namespace, name, uid: &object.uid, from, to };
        let ledger = &self.targets.ledger;
        ledger.lock().sending(&object.uid, from, to, at);
        let (outcome, perhaps) = self.attempts(&wanted, fence).await;
        match outcome {
            Ok(version) => {
                ledger.lock().carried_out(&object.uid, version);
                Outcome::Scaled
            }
            Err(outcome) => {
                if !perhaps {
                    ledger.lock().refused(&object.uid);
                }
                outcome
            }
        }
    }

    /// What came of it, and whether an attempt that was not answered may have been carried out.
    async fn attempts(&self, wanted: &Wanted<'_>, fence: &impl Fence) -> (Result<Option<u64>, Outcome>, bool) {
        let pauses = ExponentialBuilder::new().with_min_delay(PAUSES.0).with_max_delay(PAUSES.1);
        let mut pauses = pauses.without_max_times().with_jitter().build();
        let mut unsure = false;
        let mut last: Option<String> = None;
        loop {
            self.pace.lock().await.tick().await;
            // Nothing may lie between this and the write.
            let left = match fence.may_write() {
                Ok(left) => left,
                Err(fenced) => {
                    let outcome = last.map_or(Outcome::Fenced(fenced), |why| Outcome::Unavailable(why.into()));
                    return (Err(outcome), unsure);
                }
            };
            let (why, after) = match patch::send(&self.targets.client, wanted).await {
                Answer::Done { version } => return (Ok(version), unsure),
                Answer::TestFailed => return (Err(Outcome::Overtaken), unsure),
                Answer::No { refusal, why } => {
                    let outcome = match refusal {
                        Refusal::Forbidden => Outcome::Forbidden(why.into()),
                        Refusal::NotFound => Outcome::NotFound(why.into()),
                        Refusal::Invalid => Outcome::Invalid(why.into()),
                    };
                    return (Err(outcome), unsure);
                }
                Answer::Again { why, after, perhaps } => {
                    unsure |= perhaps;
                    (why, after)
                }
            };
            let pause = pauses.next().unwrap_or(PAUSES.1).max(after.unwrap_or_default());
            if pause >= left {
                return (Err(Outcome::Unavailable(why.into())), unsure);
            }
            last = Some(why);
            sleep(pause).await;
        }
    }
}

/// Why it is not even sent.
fn refused(object: &Object, from: Workers, to: Workers) -> Option<Outcome> {
    if object.leaving || object.replicas != Some(from) {
        return Some(if object.replicas == Some(to) { Outcome::Unneeded } else { Outcome::Overtaken });
    }
    if let Some(why) = object.unsafe_reason(false) {
        return Some(Outcome::Unsafe(why));
    }
    if to.0 == 0 {
        return Some(Outcome::Invalid("a count of 0 is never set".into()));
    }
    (from == to).then_some(Outcome::Unneeded)
}
