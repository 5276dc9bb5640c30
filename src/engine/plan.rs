//! A resolved policy: what the engine is told about one class of jobs. Made by `policy`, which has validated it.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::reading::SignalSet;

/// Every class's plan and the limits of the whole fleet.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plans {
    /// By [`ClassIndex`](super::ClassIndex).
    pub classes: Vec<Plan>,
    /// Limits over all classes.
    pub fleet: FleetLimits,
}

impl Plans {
    /// The same plans as if each were allowed to act both ways: what a dry run, a replay and `decide` show.
    #[must_use]
    pub fn acting(mut self) -> Self {
        for plan in &mut self.classes {
            plan.mode = Mode::Act;
        }
        self
    }
}

/// Limits over all classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FleetLimits {
    /// How many jobs may be rescaling at once; `None`: any number.
    pub max_concurrent_rescales: Option<u32>,
}

/// How far a policy may go. The narrower of the policy's and the daemon's wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Decide and tell.
    #[default]
    Observe,
    /// Carry out increases only.
    Up,
    /// Carry out both.
    Act,
}

/// What one class of jobs is decided by. All shares are shares (0.7, not 70); all windows are positive.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The policy's name.
    pub class: Arc<str>,
    /// How far it may go.
    pub mode: Mode,
    /// The signals that the policy asks for: each must be fresh, except for the caps.
    pub signals: SignalSet,
    /// A job whose samples are older than this is stale.
    pub stale_after: Duration,
    /// How long the backlog is watched for growth.
    pub growth_window: Duration,
    /// When and how far up.
    pub scale_up: ScaleUp,
    /// When and how far down.
    pub scale_down: ScaleDown,
    /// Changes of at most this share of what runs are not worth a rescale. 0: every change is.
    pub tolerance: f64,
    /// After any restart nothing is decided for this long (by `runningFor`).
    pub warm_up: Duration,
    /// How long a rescale may take until it is called incomplete.
    pub rescale_timeout: Duration,
    /// Bounds on the result.
    pub limits: Limits,
}

/// When and how far up.
#[derive(Debug, Clone, PartialEq)]
pub struct ScaleUp {
    /// The gate opens above this backlog time ...
    pub backlog_time_above: Duration,
    /// ... or above this share of CPU.
    pub cpu_above: f64,
    /// A backlog is to be gone within this time.
    pub drain_target: Duration,
}

/// When and how far down.
#[derive(Debug, Clone, PartialEq)]
pub struct ScaleDown {
    /// The gate opens below this backlog time ...
    pub backlog_time_below: Duration,
    /// ... and below this share of CPU.
    pub cpu_below: f64,
    /// The share of CPU that remains after the step.
    pub cpu_target: f64,
    /// The largest wish of this window is taken. Zero: the newest.
    pub window: Duration,
}

/// Bounds on the result.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Never below, at least 1.
    pub min_workers: u32,
    /// Never above.
    pub max_workers: u32,
    /// At most this share of what runs is added at once (1.0: doubled).
    pub max_step_up: Option<f64>,
    /// At most this share of what runs is taken away at once (0.5: halved).
    pub max_step_down: Option<f64>,
    /// Parallel slots of one worker, at least 1.
    pub slots_per_worker: u32,
    /// A constant highest parallelism; the reading of the same name wins.
    pub max_parallelism: Option<u32>,
    /// A constant number of partitions; the reading of the same name wins.
    pub partitions: Option<u32>,
    /// At most this many workers for all jobs of the class.
    pub max_workers_total: Option<u32>,
}
