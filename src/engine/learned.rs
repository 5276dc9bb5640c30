//! What was learned of a job: for export, for the derivation, and for a process that starts and reads it back.
//!
//! Prometheus is the memory between two processes. Everything here is exported at each tick and read back once, at a
//! process's first tick ([`JobObservation::recalled`](super::JobObservation::recalled)). What cannot be read back stays away, and
//! then the careful state holds: the job counts as one that was rescaled a moment ago.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::job::Workers;
use super::reading::seconds;
use super::time::Timestamp;

/// What was learned of a job.
///
/// With all of it read back, killing and restarting the process never changes a count that an uninterrupted process
/// would have left alone. What each value keeps from happening too early:
///
/// | value | read back as | without it |
/// | --- | --- | --- |
/// | `delay`, `downtime`, `recovery` | newest sample | the policy's priors count |
/// | `capacity` | newest sample of each series | the capacity is unknown until it is seen again |
/// | `inputs` | newest sample of each series | no increase on the level alone before four minutes of new samples |
/// | `wanted` | largest of the down window (`max_over_time`) | no decrease before the process has watched a whole window |
/// | `mean_workers` | newest sample | the mean begins at what runs |
/// | `regret` | newest sample | it begins at 0: a decrease comes later |
/// | `useful` | newest sample, while `until` lies ahead | increases may be tried again |
/// | `grown` | newest sample, while the job did not restart since | no increase for 150 s, and no judgement of the last one |
/// | `restarts` | newest sample, not older than 30 minutes | crashes are counted anew |
/// | `asked` | newest sample | a change of the count that somebody else made meanwhile is not noticed |
/// | `left_alone` | the latest `until` of all | a count that somebody else had just set may be changed at once |
///
/// A value counts only as long as it may: one that was sampled before the newest restart of the job is a fact about the
/// job (times, capacities, regret) or is dropped by the engine itself (`grown`, `seen`), so the reader need not judge.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Learned {
    /// When all this was so. Read back: when the newest `wanted` was sampled; the window counts as watched up to then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// From the patch until the job stops, the age of its metrics counted in; it goes on processing meanwhile.
    #[serde(with = "optional_seconds", skip_serializing_if = "Option::is_none")]
    pub delay: Option<Duration>,
    /// How long nothing is processed in a restart that was ordered: the longest of the last three, 1 s to 10 min.
    #[serde(with = "optional_seconds", skip_serializing_if = "Option::is_none")]
    pub downtime: Option<Duration>,
    /// From the new start until the backlog is gone: the longest of the last three.
    #[serde(with = "optional_seconds", skip_serializing_if = "Option::is_none")]
    pub recovery: Option<Duration>,
    /// What each count of workers can process, for each operator with a backlog; by operator, then by count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capacity: Vec<LearnedCapacity>,
    /// The level of each operator's input, by operator.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<LearnedInput>,
    /// What the rule wanted at the newest tick, before windows and limits of pace. Read back: the largest of the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<Workers>,
    /// The mean width of the last six hours, in workers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_workers: Option<f64>,
    /// What staying at more workers than wanted has cost since it was last worth it, in worker-seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regret: Option<f64>,
    /// Beyond which count more workers were seen to be of no use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub useful: Option<Useful>,
    /// The increase that made the generation that runs now, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grown: Option<Grown>,
    /// Restarts of the last 30 minutes that looked like crashes.
    #[serde(skip_serializing_if = "is_zero")]
    pub restarts: u32,
    /// What the spec asked for when that was last known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<Workers>,
    /// Somebody else's last change of the count, while it is remembered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_alone: Option<LeftAlone>,
}

/// What one count of workers can process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearnedCapacity {
    /// Of which operator.
    pub operator: Arc<str>,
    /// How many workers.
    pub workers: Workers,
    /// What they can process, in the throughput's unit per second.
    pub per_second: f64,
}

/// The level of one operator's input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearnedInput {
    /// Of which operator.
    pub operator: Arc<str>,
    /// The level, in the throughput's unit per second.
    pub per_second: f64,
    /// The standard deviation of the samples that it is the mean of, in the same unit.
    pub deviation: f64,
    /// How much time those samples span; at most the policy's `input.window`.
    #[serde(with = "seconds")]
    pub span: Duration,
    /// When the backlog query last had a row for the operator. A generation that had it and lost it is held.
    pub seen: Timestamp,
}

/// Beyond which count more workers are of no use.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Useful {
    /// Increases end here.
    pub workers: Workers,
    /// Until then ...
    pub until: Timestamp,
    /// ... or until the input is a fifth above this, summed over the operators with a backlog, in units per second.
    pub input: f64,
}

/// An increase that was ordered and has come.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grown {
    /// What ran before.
    pub from: Workers,
    /// When the wider generation started.
    pub at: Timestamp,
    /// Whether its effect has been judged.
    pub judged: bool,
}

/// What somebody else's change of a count means for us: the engine carries it between processes, and the cluster, which
/// knows whose change it was, holds by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftAlone {
    /// The job is left alone until then, which may lie in the past: how often ours was taken back outlives it.
    pub until: Timestamp,
    /// How often in a row what we had set was taken back: the job is left alone for twice as long each time.
    pub reverts: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// Durations that may be away, as seconds.
mod optional_seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => serializer.serialize_some(&duration.as_secs_f64()),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let seconds = Option::<f64>::deserialize(deserializer)?;
        seconds.map(|seconds| Duration::try_from_secs_f64(seconds).map_err(D::Error::custom)).transpose()
    }
}
