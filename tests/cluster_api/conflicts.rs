//! Who else sets a count: other autoscalers, people, tools; told from what we set ourselves.

use serde_json::{Value, json};
use std::time::Duration;
use steelyard::cluster::{Fence, Fenced, Order, Outcome, Scaler, Targets};
use steelyard::engine::{JobId, JobTable, Observations, Reading, Timestamp, Workers};
use steelyard::policy::PolicySet;

use crate::objects::{flink, target};
use crate::policies::{policies, tick};
use crate::server::{Ask, Fault, Server, eventually};

struct Open;

impl Fence for Open {
    fn may_write(&self) -> Result<Duration, Fenced> {
        Ok(Duration::from_secs(15))
    }
}

struct Bench {
    server: Server,
    policies: PolicySet,
    targets: Targets,
    scaler: Scaler,
    jobs: JobTable,
}

impl Bench {
    async fn of(server: Server) -> Self {
        let policies = policies([("beam", Some(target(&["streaming"], "")))]);
        let before = server.open_watches();
        let targets = Targets::start(server.client(), &policies).await.unwrap();
        targets.settled().await;
        eventually("a watch is open", || server.open_watches() > before).await;
        let scaler = Scaler::new(targets.clone(), 20);
        Self { server, policies, targets, scaler, jobs: JobTable::default() }
    }

    /// `streaming/orders` has 3 workers.
    async fn new() -> Self {
        let server = Server::default();
        server.put(flink("streaming", "orders", 3));
        Self::of(server).await
    }

    /// Our own patch, and the operator's answer to it.
    async fn scale(&self, from: u32, to: u32) {
        let (job, target) = (JobId::new("streaming", "orders"), self.policies.policies[0].target.as_ref().unwrap());
        let at = Timestamp::from_millis(0);
        let order = Order { job: &job, target, from: Workers(from), to: Workers(to), at };
        assert_eq!(self.scaler.scale(&order, &Open).await, Outcome::Scaled);
    }

    /// A change by somebody else, seen by the watch; `observed`: the operator has taken it.
    async fn set(&self, replicas: u32) {
        self.server.put(set_by_other(self.server.object("streaming", "orders").unwrap(), replicas));
        self.seen(replicas).await;
    }

    async fn seen(&self, replicas: u32) {
        let target = self.policies.policies[0].target.as_ref().unwrap();
        let count = || self.targets.object(target, "streaming", "orders").unwrap().replicas;
        eventually("the change is seen", || count() == Some(Workers(replicas))).await;
    }

    fn tick(&mut self, second: i64) -> Observations {
        tick(&self.targets, &self.policies, &mut self.jobs, &[], second)
    }

    fn conflict(&mut self, second: i64) -> String {
        self.tick(second).jobs[0].conflict.as_deref().unwrap_or_default().to_owned()
    }
}

/// The object as somebody else leaves it who sets another count, observed by the operator.
pub fn set_by_other(mut object: Value, replicas: u32) -> Value {
    object["spec"]["taskManager"]["replicas"] = json!(replicas);
    let generation = object["metadata"]["generation"].as_u64().unwrap() + 1;
    object["metadata"]["generation"] = json!(generation);
    object["status"]["observedGeneration"] = json!(generation);
    object["metadata"]["managedFields"] = json!([{
        "manager": "kubectl-edit", "operation": "Update", "fieldsType": "FieldsV1", "time": "2026-11-21T10:11:12Z",
        "fieldsV1": {"f:spec": {"f:taskManager": {"f:replicas": {}}}},
    }]);
    object
}

/// As of an object whose count was ever absent or 0.
fn without_owners(mut object: Value) -> Value {
    object["metadata"].as_object_mut().unwrap().remove("managedFields");
    object
}

fn autoscaler(namespace: &str, name: &str, scales: &str) -> Value {
    json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"namespace": namespace, "name": name, "uid": name},
        "spec": {"scaleTargetRef": {"apiVersion": "flink.apache.org/v1beta1", "kind": "FlinkDeployment", "name": scales}},
    })
}

#[tokio::test(start_paused = true)]
async fn an_autoscaler_that_names_the_object_is_a_conflict_for_as_long_as_it_is_there() {
    let server = Server::default();
    server.put(flink("streaming", "orders", 3));
    server.put(flink("streaming", "clicks", 3));
    server.serve_rivals();
    server.put(autoscaler("streaming", "hpa-orders", "orders"));
    server.put(autoscaler("streaming", "hpa-other", "other"));
    let mut bench = Bench::of(server).await;
    let conflicts = |bench: &mut Bench, at| -> Vec<Option<String>> {
        bench.tick(at).jobs.iter().map(|job| job.conflict.as_deref().map(str::to_owned)).collect()
    };
    assert_eq!(conflicts(&mut bench, 0), [None, Some("HorizontalPodAutoscaler hpa-orders".into())]);
    assert!(bench.tick(1).jobs.iter().all(|job| job.unsafe_reason.is_none()));
    bench.server.delete("streaming", "hpa-orders");
    let mut at = 15;
    eventually("it is gone", || {
        at += 1;
        conflicts(&mut bench, at) == [None, None]
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_else_scales_must_be_known() {
    let server = Server::default();
    server.put(flink("streaming", "orders", 3));
    server.serve_rivals();
    server.always(Ask::Rival, Some(Fault::Status(403, "horizontalpodautoscalers is forbidden")));
    let mut bench = Bench::of(server).await;
    let reason = bench.tick(0).jobs[0].unsafe_reason.as_deref().unwrap_or_default().to_owned();
    assert!(reason.contains("not known whether a") && reason.contains("forbidden"), "{reason}");
    assert_eq!(bench.targets.troubles().len(), 2, "both sorts of autoscalers are told");
    bench.server.always(Ask::Rival, None);
    eventually("it is known", || bench.targets.troubles().is_empty()).await;
    assert_eq!(bench.tick(60).jobs[0].unsafe_reason, None);
}

#[tokio::test(start_paused = true)]
async fn before_the_first_list_of_autoscalers_nothing_is_known() {
    let server = Server::default();
    server.put(flink("streaming", "orders", 3));
    server.always(Ask::Rival, Some(Fault::Silence));
    let policies = policies([("beam", Some(target(&["streaming"], "")))]);
    let targets = Targets::start(server.client(), &policies).await.unwrap();
    eventually("a watch is open", || server.open_watches() == 1).await;
    let mut jobs = JobTable::default();
    let seen = tick(&targets, &policies, &mut jobs, &[], 0);
    assert_eq!((seen.jobs[0].wished, seen.jobs[0].unsafe_reason.clone()), (Reading::QueryFailed, None));
    targets.settled().await;
    let seen = tick(&targets, &policies, &mut jobs, &[], 30);
    assert!(seen.jobs[0].unsafe_reason.as_deref().is_some_and(|why| why.contains("did not answer")), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn our_own_patch_is_no_conflict_and_is_wished_at_once() {
    let mut bench = Bench::new().await;
    assert_eq!(bench.conflict(0), "");
    bench.server.stall_watches(true);
    bench.scale(3, 5).await;
    assert_eq!(bench.tick(15).jobs[0].wished.fresh(), Some(5.0), "before the watch says so");
    bench.server.stall_watches(false);
    bench.seen(5).await;
    let seen = bench.tick(30);
    assert_eq!((seen.jobs[0].wished.fresh(), seen.jobs[0].conflict.clone()), (Some(5.0), None));
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_not_ours_is_left_alone_for_conflict_hold() {
    let mut bench = Bench::new().await;
    assert_eq!(bench.conflict(0), "");
    bench.set(9).await;
    let told = bench.conflict(15);
    assert!(told.contains("changed its count from 3 to 9") && told.contains("1970-01-01T00:30:15"), "{told}");
    assert!(!bench.conflict(15 + 1799).is_empty());
    assert_eq!(bench.conflict(15 + 1800), "");
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_taken_back_is_told_and_not_fought() {
    let mut bench = Bench::new().await;
    bench.scale(3, 5).await;
    bench.seen(5).await;
    assert_eq!(bench.conflict(15), "");
    bench.set(3).await;
    let told = bench.conflict(30);
    assert!(told.contains("took our 5 back to 3") && told.contains("GitOps"), "{told}");
    assert_eq!(bench.conflict(30 + 1800), "");
    bench.scale(3, 5).await;
    bench.seen(5).await;
    bench.set(3).await;
    assert!(bench.conflict(2000).contains("for the 2. time"));
    assert!(!bench.conflict(2000 + 3599).is_empty(), "twice as long");
    assert_eq!(bench.conflict(2000 + 3600), "");
}

#[tokio::test(start_paused = true)]
async fn what_happened_while_the_watch_was_away_is_found_by_the_next_list() {
    let mut bench = Bench::new().await;
    bench.server.stall_watches(true);
    bench.scale(3, 5).await;
    // Taken back while nobody looked: between the two looks nothing seems to have changed.
    bench.server.put(set_by_other(bench.server.object("streaming", "orders").unwrap(), 3));
    bench.server.lose_stalled();
    bench.server.cut_watches(Some(crate::server::error_event(410, "too old resource version")));
    let lists = bench.server.asked(Ask::List).len();
    eventually("it is listed again", || bench.server.asked(Ask::List).len() > lists).await;
    eventually("the watch is back", || bench.server.open_watches() == 1).await;
    assert!(bench.conflict(60).contains("took our 5 back to 3"), "{}", bench.conflict(60));
}

#[tokio::test(start_paused = true)]
async fn another_replicas_changes_are_pardoned_while_it_leads() {
    let leader = Bench::new().await;
    let mut bench = Bench::of(leader.server.clone()).await;
    bench.scaler.stand_by(true);
    leader.scale(3, 7).await;
    bench.seen(7).await;
    assert_eq!(bench.conflict(15), "");
    // A stranger's are not, and it is known whose count was taken back.
    bench.set(3).await;
    assert!(bench.conflict(30).contains("took our 7 back to 3"), "{}", bench.conflict(30));
    bench.scaler.stand_by(false);
    assert!(!bench.conflict(30 + 1799).is_empty());
    assert_eq!(bench.conflict(30 + 1800), "");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_nobody_owns_is_left_alone_while_another_replica_leads() {
    let server = Server::default();
    server.put(without_owners(flink("streaming", "orders", 3)));
    let mut bench = Bench::of(server).await;
    bench.scaler.stand_by(true);
    let changed = set_by_other(bench.server.object("streaming", "orders").unwrap(), 5);
    bench.server.put(without_owners(changed));
    bench.seen(5).await;
    assert!(bench.conflict(15).contains("from 3 to 5"));
}
