//! Everything that takes part where one job is scaled: what it stands on, the job, a session cluster beside it, and the daemon.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, ListParams};
use serde_json::{Value, json};

use super::ground::{Ground, application, daemon, deployment, policy};
use super::witness::{Change, Witness};
use crate::bed::Bed;
use crate::bed::common::prometheus::NAMESPACE;
use crate::bed::common::wait::{until, until_or};
use crate::bed::datastream::truth::Truth;
use crate::bed::datastream::write_schedule;
use crate::kubernetes::Cluster;
use crate::kubernetes::node::Node;
use crate::kubernetes::operator::Operator;
use crate::support::steelyard::Daemon;

/// The job that is scaled, and the session cluster beside it.
pub const APP: &str = "orders";
pub const SESSION: &str = "shared";

/// Longer than a start has ever taken, on two cores that other tests use as well: half a minute where they are free.
const START: Duration = Duration::from_secs(900);
/// From a change of the input to the patch: the rate window, the growth window after a restart, some ticks. A minute or two,
/// but where the machine is so busy that scrapes come late.
const DECIDED: Duration = Duration::from_secs(600);
const CLASS: &str = "datastream";

/// Dropped in this order: first what acts, last what it acts on.
pub struct Stage {
    daemon: Daemon,
    pub witness: Witness,
    pub operator: Operator,
    _node: Node,
    bed: Arc<Bed>,
    pub cluster: &'static Cluster,
    log: PathBuf,
    schedule: Vec<(f64, f64)>,
}

impl Stage {
    /// Sets it and waits until the job runs. `None`: a component is missing, and the test is skipped.
    pub async fn set(rate: f64) -> Option<Self> {
        let Ground { witness, operator, node, bed, cluster } = Ground::lay().await?;
        let log = bed.lane_folder("log");
        let schedule = vec![(bed.now(), rate)];
        write_schedule(&log, &schedule);
        let state = bed.lane_folder("state");
        let mut job = application(APP, CLASS, &log, &state);
        // Of 30 s: workers that come one after the other each restart the job, this far apart.
        job["spec"]["flinkConfiguration"]["jobmanager.adaptive-scheduler.scaling-interval.min"] = json!("10s");
        cluster.apply(&job.to_string(), NAMESPACE).await;
        let policy = policy(CLASS, "preset: seed\n  growth: { window: 60s }");
        let daemon = daemon(cluster, &bed, &[policy]).await;
        let stage = Self { daemon, witness, operator, _node: node, bed, cluster, log, schedule };
        stage.until_reconciled().await;
        let running = async || stage.truth().since();
        until_or(START, running, || format!("the job runs: {}", stage.story())).await;
        // Not beside the job: a dozen JVMs that start at once keep each other from it.
        cluster.apply(&deployment(SESSION, CLASS).to_string(), NAMESPACE).await;
        Some(stage)
    }

    /// Another input from now on.
    pub fn set_input(&mut self, records_per_second: f64) {
        self.schedule.push((self.bed.now(), records_per_second));
        write_schedule(&self.log, &self.schedule);
    }

    /// What the job really does.
    pub fn truth(&self) -> Truth {
        Truth::read(&self.log, self.schedule.clone(), self.bed.now())
    }

    /// Records that wait.
    pub fn drained(&self) -> f64 {
        self.truth().backlog()
    }

    /// Waits until the spec asks for such a count, and says since when.
    pub async fn until_scaled(&self, what: &str, reached: impl Fn(u64) -> bool) -> Change {
        let look = async || self.witness.changes(APP).last().cloned().filter(|change| reached(change.replicas));
        until_or(DECIDED, look, || format!("it is scaled {what}: {}", self.story())).await
    }

    /// Waits until the job has restarted after a patch and runs as wide as the spec asks now; says since when.
    pub async fn until_restarted_since(&self, patched: f64) -> f64 {
        let look = async || {
            let truth = self.truth();
            let wanted = self.witness.changes(APP).last().map_or(0, |change| change.replicas);
            let since = truth.since().filter(|since| *since > patched)?;
            (truth.width() as u64 == wanted).then_some(since)
        };
        until_or(START, look, || format!("the job restarts: {}", self.story())).await
    }

    /// Waits until less than a second of input waits, until that moment at most.
    pub async fn until_drained(&self, by: f64) {
        let rate = self.schedule.last().map_or(0.0, |(_, rate)| *rate);
        let left = Duration::from_secs_f64((by - self.bed.now()).max(0.0));
        let look = async || (self.drained() < rate).then_some(());
        until_or(left, look, || format!("the backlog is gone in time: {}", self.story())).await;
    }

    /// One field of the job's status.
    pub async fn status(&self, field: &str) -> Option<Value> {
        let object = self.cluster.flink_deployments(NAMESPACE).await.get(APP).await.ok()?;
        Some(object.data["status"][field].clone())
    }

    /// Whether the operator has carried out what the spec says, and calls it stable.
    pub async fn is_reconciled(&self) -> bool {
        let Ok(object) = self.cluster.flink_deployments(NAMESPACE).await.get(APP).await else { return false };
        let status = &object.data["status"];
        let spec = status["reconciliationStatus"]["lastReconciledSpec"].as_str().unwrap_or_default();
        let spec: Value = serde_json::from_str(spec).unwrap_or_default();
        // As this operator, which writes no observedGeneration, says which generation it has seen.
        let seen = spec["resource_metadata"]["metadata"]["generation"].as_i64();
        seen == object.metadata.generation && status["lifecycleState"] == "STABLE" && status["error"].is_null()
    }

    /// Waits until the operator has nothing left to do.
    pub async fn until_reconciled(&self) {
        let reconciled = async || self.is_reconciled().await.then_some(());
        until_or(START, reconciled, || format!("the operator has carried it out: {}", self.story())).await;
    }

    /// Each change of the count was told on the object, and every one of them was the daemon's.
    pub async fn assert_told(&self, changes: &[Change]) {
        let object = self.cluster.flink_deployments(NAMESPACE).await.get(APP).await.expect("it is there");
        let managers = object.metadata.managed_fields.unwrap_or_default();
        let ours = managers.iter().find(|entry| entry.subresource.as_deref() == Some("scale"));
        assert_eq!(ours.and_then(|entry| entry.manager.as_deref()), Some("steelyard"), "{managers:?}");
        let events: Api<Event> = Api::namespaced(self.cluster.admin().await, NAMESPACE);
        let uid = object.metadata.uid;
        let told = async || {
            let all = events.list(&ListParams::default()).await.ok()?;
            let scaled = all.items.into_iter().filter(|event| {
                event.reason.as_deref() == Some("Scaled")
                    && event.regarding.as_ref().is_some_and(|regarding| regarding.uid == uid)
            });
            (scaled.count() == changes.len() - 1).then_some(())
        };
        until("an Event for each change", Duration::from_secs(60), told).await;
    }

    /// What happened so far, for a failure.
    pub fn story(&self) -> String {
        let truth = self.truth();
        format!(
            "changes {:?}\nsession {:?}\nwidth {} backlog {:.0}\ndaemon:\n{}\noperator:\n{}",
            self.witness.changes(APP),
            self.witness.changes(SESSION),
            truth.width(),
            truth.backlog(),
            self.daemon.log(),
            self.operator.log_tail(),
        )
    }

    /// Ends the daemon in peace; the rest goes with the value.
    pub async fn end(self) {
        let (code, _) = self.daemon.terminate().await;
        assert_eq!(code, Some(0), "SIGTERM drains");
    }
}
