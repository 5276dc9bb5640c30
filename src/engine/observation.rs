//! What was seen of every job at one moment, as plain values: the engine's whole view of the world.

use std::sync::Arc;

use super::job::{ClassIndex, JobId, JobIndex, Workers};
use super::learned::{Learned, LeftAlone};
use super::reading::{Reading, SignalSet};
use super::time::Timestamp;

/// Everything that was seen at one tick.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observations {
    /// How the queries of each class went, by [`ClassIndex`]; a class beyond its end had no trouble.
    pub classes: Vec<ClassObservation>,
    /// Every known job, in any order, each once.
    ///
    /// A job stays here while it is known, also with nothing but `Missing` readings; one that is left out has
    /// left, and its memory is dropped.
    pub jobs: Vec<JobObservation>,
}

/// How the queries of one class went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClassObservation {
    /// Signals whose query failed: nothing is known about any job.
    pub failed: SignalSet,
    /// Signals that Prometheus answered with `warnings`: some jobs or rows may be missing.
    pub partial: SignalSet,
    /// Until when an earlier process had the circuit breaker of the class open, where it was read back at the start.
    pub circuit_open_until: Option<Timestamp>,
}

/// What was seen of one job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobObservation {
    /// Stands for the job in columns and memories.
    pub index: JobIndex,
    /// Its name.
    pub id: JobId,
    /// The policy that decides for it.
    pub class: ClassIndex,
    /// Workers that run now.
    pub running: Reading,
    /// Workers that the spec asks for.
    pub wished: Reading,
    /// Seconds since the job last (re)started.
    pub running_for: Reading,
    /// Workers whose metrics are there / workers registered.
    pub coverage: Reading,
    /// Seconds since the oldest worker's newest raw sample.
    pub age: Reading,
    /// Mean use of one worker, as a share.
    pub cpu: Reading,
    /// Busy share of the hottest subtask.
    pub busy: Reading,
    /// The highest parallelism that the job's state allows.
    pub max_parallelism: Reading,
    /// Partitions (splits) of the input.
    pub partitions: Reading,
    /// Seconds between two checkpoints.
    pub checkpoint_interval: Reading,
    /// Why a rescale would do harm, if it would.
    pub unsafe_reason: Option<Arc<str>>,
    /// Who else decides about this job, if somebody does.
    pub conflict: Option<Arc<str>>,
    /// Somebody else's last change of the count, for a process that comes after this one; it decides nothing: while it
    /// does, there is a `conflict`.
    pub left_alone: Option<LeftAlone>,
    /// What the people who run the job ask for.
    pub wishes: OwnerWishes,
    /// What an earlier process had learned of the job, where it was read back at the start. It counts at the first tick
    /// that sees the job and is ignored from then on.
    pub recalled: Option<Arc<Learned>>,
    /// Its operators, sorted by name, each once.
    pub operators: Vec<OperatorObservation>,
}

impl JobObservation {
    /// A job of which nothing was seen.
    pub fn unseen(index: JobIndex, id: JobId, class: ClassIndex) -> Self {
        Self {
            index,
            id,
            class,
            running: Reading::Missing,
            wished: Reading::Missing,
            running_for: Reading::Missing,
            coverage: Reading::Missing,
            age: Reading::Missing,
            cpu: Reading::Missing,
            busy: Reading::Missing,
            max_parallelism: Reading::Missing,
            partitions: Reading::Missing,
            checkpoint_interval: Reading::Missing,
            unsafe_reason: None,
            conflict: None,
            left_alone: None,
            wishes: OwnerWishes::default(),
            recalled: None,
            operators: Vec::new(),
        }
    }
}

/// What the annotations of the scaled object ask for. Limits can be narrowed here, never widened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OwnerWishes {
    /// `steelyard.dev/pause`.
    pub pause: Option<Pause>,
    /// `steelyard.dev/pause-until`: the pause ends then (both ways, where no direction is given).
    pub pause_until: Option<Timestamp>,
    /// `steelyard.dev/workers`: this many, whatever the load.
    pub fixed: Option<Workers>,
    /// At least this many.
    pub min: Option<Workers>,
    /// At most this many.
    pub max: Option<Workers>,
}

/// Which way a job must not move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Pause {
    /// Neither up nor down (`"true"`).
    Both,
    /// Not up.
    Up,
    /// Not down.
    Down,
}

/// What was seen of one operator.
#[derive(Debug, Clone, PartialEq)]
pub struct OperatorObservation {
    /// Its name.
    pub operator: Arc<str>,
    /// Processed per second. `Missing` where `total` is there: the engine takes differences.
    pub throughput: Reading,
    /// Processed since some start, where the policy asks for a running total (`counter:`) in place of a rate. It may
    /// begin anew at any restart.
    pub total: Option<Reading>,
    /// Waiting. `None`: the backlog query has no row for it, so it is shown and not judged.
    pub backlog: Option<Reading>,
    /// How fast the backlog grows per second, where that is given rather than measured (`decide`).
    pub growth: Option<Reading>,
}
