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
    /// The rule.
    pub preset: Preset,
    /// The signals that the policy asks for: each must be fresh, except for the caps, and for `busy` and
    /// `checkpointInterval`, without which less is known of capacities and restarts.
    pub signals: SignalSet,
    /// A job whose samples are older than this is stale.
    pub stale_after: Duration,
    /// How often Prometheus looks: the newest sample is as old in the ordinary way, and over less time a running total
    /// says nothing.
    pub scrape_interval: Duration,
    /// The range of the rates that are read: a balance of input and work is drawn over as long.
    pub rate_window: Duration,
    /// How often a consumer group commits, where the backlog is its lag: balances are drawn over whole intervals.
    pub commit_interval: Option<Duration>,
    /// How long the backlog is watched for growth.
    pub growth_window: Duration,
    /// How long the input is watched for its level.
    pub input_window: Duration,
    /// When and how far up.
    pub scale_up: ScaleUp,
    /// When and how far down.
    pub scale_down: ScaleDown,
    /// What late seconds and restarts cost.
    pub prices: Prices,
    /// What a restart is taken to be until the job has shown it.
    pub restart: Restart,
    /// Which parts of the rule are on; the published one has none.
    pub parts: Parts,
    /// Changes of at most this share of what runs are not worth a rescale. 0: every change is.
    pub tolerance: f64,
    /// After any restart nothing is decided for this long (by `runningFor`).
    pub warm_up: Duration,
    /// How long a rescale may take until it is called incomplete.
    pub rescale_timeout: Duration,
    /// Bounds on the result.
    pub limits: Limits,
}

/// Of throughput, in any healthy job: buffers between tasks and batches under way.
const IN_FLIGHT: Duration = Duration::from_secs(2);

impl Plan {
    /// How long a balance of input and work is drawn over: whole commit intervals, and at least as long as the rates
    /// that it is made of reach back.
    pub(super) fn balance_window(&self, totals: bool) -> Duration {
        let least = if totals { Duration::ZERO } else { self.rate_window };
        let Some(interval) = self.commit_interval.filter(|interval| !interval.is_zero()) else { return least };
        let times = least.as_millis().div_ceil(interval.as_millis().max(1)).max(1);
        interval.saturating_mul(u32::try_from(times).unwrap_or(u32::MAX))
    }

    /// Seconds of throughput that wait in any healthy job: what is on its way, and what a group has not committed yet.
    pub(super) fn in_flight(&self) -> Duration {
        IN_FLIGHT.saturating_add(self.commit_interval.unwrap_or_default())
    }

    /// For how long samples of backlog and throughput are kept: as long as anybody looks back.
    pub(super) fn watched(&self) -> Duration {
        let balances = self.balance_window(true).max(self.balance_window(false));
        // Saturation is looked for within a minute, and the far end of a balance may be off by a quarter.
        self.growth_window.max(balances + balances / 4).max(Duration::from_secs(60))
    }
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
    /// Where capacity is known, the gate opens above this multiple of it. `None`: only once a backlog forms.
    pub load_above: Option<f64>,
    /// Room above the input, as a share of it ...
    pub headroom: f64,
    /// ... and this much more for each minute of downtime.
    pub headroom_per_minute: f64,
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
    /// Room above the input that a decrease leaves, as a share of it.
    pub headroom: f64,
    /// The largest wish of this window is taken. Zero: the newest.
    pub window: Duration,
}

/// The rule that decides: an ordered list of gates, terms and filters. `judge` holds both lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Preset {
    /// The published rule: chases the backlog.
    #[default]
    Seed,
    /// Knows what workers can process and what a restart costs, and moves when that is cheaper than staying.
    Balanced,
}

/// What late seconds and restarts cost. The unit is a worker for a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prices {
    /// A lag above this is late.
    pub lag_objective: Duration,
    /// A late second costs as much as this many times the job's usual workers for a second.
    pub lag: f64,
    /// A restart costs all workers for this long, beyond its downtime.
    pub restart: Duration,
}

/// The times of a restart, as the policy gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restart {
    /// From the patch until the job stops; it goes on processing.
    pub delay: Duration,
    /// How long nothing is processed.
    pub downtime: Duration,
    /// Half of it is processed again; the reading of the same name wins.
    pub checkpoint_interval: Duration,
}

/// The parts of the preset `balanced`, each of which can be switched off alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// What each count can process is learned; else the CPU's and the backlog's gates decide.
    pub learned_capacity: bool,
    /// A job that is late, or would be, goes to the count that costs least.
    pub catch_up: bool,
    /// A backlog that drains is left to drain where that is cheaper.
    pub draining: bool,
    /// A decrease waits until staying has cost as much as its restart.
    pub regret: bool,
    /// An increase that was of no use is not repeated.
    pub effect: bool,
}

impl Parts {
    /// As the published rule has them.
    pub const OFF: Self =
        Self { learned_capacity: false, catch_up: false, draining: false, regret: false, effect: false };
    /// All of them.
    pub const ON: Self = Self { learned_capacity: true, catch_up: true, draining: true, regret: true, effect: true };
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
