//! What comes of policy files, resolved.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::{FleetLimits, Plan, Plans, Signal};

/// Every policy that is in force; a policy's position is its [`ClassIndex`](crate::engine::ClassIndex).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PolicySet {
    /// In the order of files and documents.
    pub policies: Vec<Policy>,
}

impl PolicySet {
    /// What the engine is told.
    pub fn plans(&self, fleet: FleetLimits) -> Plans {
        Plans { classes: self.policies.iter().map(|policy| policy.plan.clone()).collect(), fleet }
    }
}

/// One document of a policy file, resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// What the engine is told; `plan.class` is the policy's name.
    pub plan: Plan,
    /// What is scaled; `None`: decide from Prometheus alone.
    pub target: Option<Target>,
    /// What Prometheus is asked, one entry per signal.
    pub signals: Vec<SignalQuery>,
    /// How long a change of the count that somebody else made is left alone.
    pub conflict_hold: Duration,
    /// What a restart costs, as far as the policy says.
    pub restart: Restart,
    /// The document as it was written: a recording carries it, so that it replays alone.
    pub text: Arc<str>,
}

/// What a policy says about restarts. The published rule does not look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Restart {
    /// From the patch until the job stops; it goes on processing.
    pub delay: Option<Duration>,
    /// How long nothing is processed.
    pub downtime: Option<Duration>,
    /// Half of it is processed again.
    pub checkpoint_interval: Option<Duration>,
}

/// Which objects a policy scales.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// For example `flink.apache.org/v1beta1`.
    pub api_version: String,
    /// For example `FlinkDeployment`.
    pub kind: String,
    /// Globs of namespaces; empty: all.
    pub namespaces: Vec<String>,
    /// Labels that an object must carry, as a Kubernetes label selector string; empty: any.
    pub selector: String,
}

/// How one signal is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalQuery {
    /// Which signal.
    pub signal: Signal,
    /// The labels that join its rows to jobs.
    pub by: JoinLabels,
    /// The query and its fall-backs (`or`): for each job the first that has a row for it.
    pub alternatives: Vec<Alternative>,
    /// Whether its rows are running totals in place of rates.
    pub counter: bool,
    /// What throughput and backlog count; `None` for other signals.
    pub unit: Option<Unit>,
}

/// One query, cut in parts where it is too large for the server (`split`): the parts' rows belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative {
    /// PromQL, at least one.
    pub parts: Vec<String>,
}

/// The labels that join series to jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinLabels {
    /// Holds the namespace; `None`: all jobs are in `default`.
    pub namespace: Option<String>,
    /// Holds the job's name.
    pub name: String,
    /// Holds the operator's name; `None`: a job has one operator, called like the job's source, `source`.
    pub operator: Option<String>,
    /// Holds the reason, for `unsafe`; `None`: the signal's own text.
    pub reason: Option<String>,
}

/// What throughput and backlog count. The two never mix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Records.
    Records,
    /// Bytes.
    Bytes,
}
