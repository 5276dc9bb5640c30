//! Acting on a real API server: the gates on objects of the real kinds, its answers to patches, other writers, Events.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use steelyard::cluster::{Announcement, Events, Fence, Fenced, Order, Outcome, Scaler, Targets, Written};
use steelyard::engine::{JobId, JobObservation, JobTable, Learned, Timestamp, Workers};
use steelyard::policy::{PolicySet, Target};
use tokio::sync::mpsc;

use crate::kubernetes::{Cluster, cluster, flink};
use crate::policies::{policies, tick, told};

/// Longer than anything here takes, on a machine that is busy with other tests.
const DEADLINE: Duration = Duration::from_secs(60);

struct Open;

impl Fence for Open {
    fn may_write(&self) -> Result<Duration, Fenced> {
        Ok(DEADLINE)
    }
}

struct Bench {
    cluster: &'static Cluster,
    namespace: String,
    policies: PolicySet,
    targets: Targets,
    scaler: Scaler,
    jobs: JobTable,
    second: i64,
}

impl Bench {
    async fn new(api_version: &str, kind: &str) -> Option<Self> {
        let cluster = cluster().await?;
        let namespace = cluster.namespace("act").await;
        let client = cluster.admin().await;
        Some(Self::with(cluster, namespace, api_version, kind, client).await)
    }

    async fn flink() -> Option<Self> {
        Self::new("flink.apache.org/v1beta1", "FlinkDeployment").await
    }

    async fn with(
        cluster: &'static Cluster,
        namespace: String,
        api_version: &str,
        kind: &str,
        client: kube::Client,
    ) -> Self {
        let target = Target {
            api_version: api_version.into(),
            kind: kind.into(),
            namespaces: vec![namespace.clone()],
            selector: String::new(),
        };
        let policies = policies([("test", Some(target))]);
        let targets = Targets::start(client, &policies).await.expect("the kind is there");
        targets.settled().await;
        let scaler = Scaler::new(targets.clone(), 20);
        Self { cluster, namespace, policies, targets, scaler, jobs: JobTable::default(), second: 0 }
    }

    fn target(&self) -> &Target {
        self.policies.policies[0].target.as_ref().expect("it has one")
    }

    /// The job as the next tick sees it, once that is as expected.
    async fn until(&mut self, what: &str, name: &str, reached: impl Fn(&JobObservation) -> bool) -> JobObservation {
        let deadline = tokio::time::Instant::now() + DEADLINE;
        let mut next = tokio::time::interval(Duration::from_millis(20));
        loop {
            next.tick().await;
            self.second += 1;
            let seen = tick(&self.targets, &self.policies, &mut self.jobs, &[], self.second);
            if let Some(job) = seen.jobs.iter().find(|job| job.id.name() == name && reached(job)) {
                return job.clone();
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "not in time: {what}; seen: {:?} {:?}",
                told(&seen),
                seen.jobs
            );
        }
    }

    async fn scale(&self, name: &str, from: u32, to: u32) -> Outcome {
        let job = JobId::new(&self.namespace, name);
        let at = Timestamp::from_millis(self.second * 1000);
        let order = Order { job: &job, target: self.target(), from: Workers(from), to: Workers(to), at };
        self.scaler.scale(&order, &Open).await
    }

    /// The conflict that a process finds at its first tick, where the one before had seen that count last.
    async fn after_a_restart(&self, name: &str, asked: u32) -> String {
        let client = self.cluster.admin().await;
        let (namespace, target) = (self.namespace.clone(), self.target());
        let mut next = Self::with(self.cluster, namespace, &target.api_version, &target.kind, client).await;
        let mut seen = tick(&next.targets, &next.policies, &mut next.jobs, &[], self.second);
        let learned = Learned { asked: Some(Workers(asked)), ..Learned::default() };
        let job = seen.jobs.iter_mut().find(|job| job.id.name() == name).expect("it was listed");
        job.recalled = Some(Arc::new(learned));
        next.targets.recall(&next.policies, &mut seen, Timestamp::from_millis(self.second * 1000));
        seen.jobs.iter().find(|job| job.id.name() == name).map_or(String::new(), |job| conflict(job).to_owned())
    }

    async fn objects(&self) -> Api<DynamicObject> {
        self.cluster.flink_deployments(&self.namespace).await
    }

    /// As another tool sets it: a merge patch, which never conflicts.
    async fn set(&self, name: &str, replicas: u32) {
        let patch = json!({"spec": {"taskManager": {"replicas": replicas}}});
        let patched = self.objects().await.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await;
        patched.expect("it can be patched");
        self.cluster.reconcile(&self.namespace, name).await;
    }
}

fn reason(job: &JobObservation) -> &str {
    job.unsafe_reason.as_deref().unwrap_or_default()
}

fn conflict(job: &JobObservation) -> &str {
    job.conflict.as_deref().unwrap_or_default()
}

fn counts(count: u32) -> impl Fn(&JobObservation) -> bool {
    move |job| job.wished.fresh() == Some(f64::from(count))
}

#[tokio::test]
async fn each_gate_reads_what_the_real_definition_keeps() {
    let Some(mut bench) = Bench::flink().await else { return };
    let namespace = bench.namespace.clone();
    let made = bench.cluster.running_job(&namespace, &flink::application("job", 2)).await;
    bench.until("it may be scaled", "job", |job| counts(2)(job) && reason(job).is_empty()).await;

    let stable = flink::stable(&made);
    for (field, value, expected) in [
        ("/lifecycleState", json!("UPGRADING"), "status.lifecycleState is UPGRADING"),
        ("/lifecycleState", json!("FAILED"), "status.lifecycleState is FAILED"),
        ("/jobManagerDeploymentStatus", json!("MISSING"), "jobManagerDeploymentStatus is MISSING"),
        ("/jobStatus/state", json!("RECONCILING"), "jobStatus.state is RECONCILING"),
        ("/reconciliationStatus/state", json!("ROLLING_BACK"), "reconciliationStatus.state is ROLLING_BACK"),
        ("/error", json!("{\"message\":\"TaskManager replicas must be larger than 0\"}"), "mend TaskManager replicas"),
        (
            "/jobStatus/savepointInfo",
            json!({"triggerId": "a1", "savepointHistory": [], "lastPeriodicSavepointTimestamp": 0}),
            "savepointInfo.triggerId",
        ),
    ] {
        let mut status = stable.clone();
        match status.pointer_mut(field) {
            Some(place) => *place = value,
            None => {
                let (parent, name) = field.rsplit_once('/').expect("a path");
                status.pointer_mut(parent).expect("its parent")[name] = value;
            }
        }
        bench.cluster.write_status(&namespace, &made, &status).await;
        bench.until(expected, "job", |job| reason(job).contains(expected)).await;
        let outcome = bench.scale("job", 2, 3).await;
        assert!(matches!(&outcome, Outcome::Unsafe(why) if why.contains(expected)), "{outcome:?}");
        // A merge patch leaves what it does not name: take both additions back.
        let mut well = stable.clone();
        well["error"] = Value::Null;
        well["jobStatus"]["savepointInfo"] = Value::Null;
        bench.cluster.write_status(&namespace, &made, &well).await;
        bench.until("it is well again", "job", |job| reason(job).is_empty()).await;
    }

    // A change of the spec that the operator has not taken yet: nothing else in the status says so.
    let patch = Patch::Merge(json!({"spec": {"image": "flink:1.20.6"}}));
    bench.objects().await.patch("job", &PatchParams::default(), &patch).await.unwrap();
    bench.until("the spec is newer", "job", |job| reason(job).contains("metadata.generation 2")).await;
    bench.cluster.reconcile(&namespace, "job").await;
    bench.until("it is taken", "job", |job| reason(job).is_empty()).await;

    bench.cluster.running_job(&namespace, &flink::session("session", 1)).await;
    bench.until("a session cluster", "session", |job| reason(job).contains("session cluster")).await;
    assert!(matches!(bench.scale("session", 1, 2).await, Outcome::Unsafe(_)));
    let mut own = flink::application("own-autoscaler", 1);
    own["spec"]["flinkConfiguration"]["job.autoscaler.enabled"] = json!("true");
    bench.cluster.running_job(&namespace, &own).await;
    bench.until("Flink's own", "own-autoscaler", |job| conflict(job).contains("Flink's own autoscaler")).await;
    let mut stateless = flink::application("stateless", 1);
    stateless["spec"]["mode"] = json!("native");
    stateless["spec"]["job"]["upgradeMode"] = json!("stateless");
    bench.cluster.running_job(&namespace, &stateless).await;
    bench.until("stateless", "stateless", |job| reason(job).contains("upgradeMode is stateless")).await;
    let mut unset = flink::application("unset", 1);
    unset["spec"]["taskManager"].as_object_mut().unwrap().remove("replicas");
    bench.cluster.running_job(&namespace, &unset).await;
    bench.until("no count", "unset", |job| reason(job) == "set spec.taskManager.replicas once").await;
}

#[tokio::test]
async fn a_count_is_set_once_and_only_on_what_was_decided() {
    let Some(mut bench) = Bench::flink().await else { return };
    let namespace = bench.namespace.clone();
    bench.cluster.running_job(&namespace, &flink::application("job", 2)).await;
    bench.until("it is there", "job", counts(2)).await;
    assert_eq!(bench.scale("job", 2, 2).await, Outcome::Unneeded);
    assert_eq!(bench.scale("job", 3, 4).await, Outcome::Overtaken);
    assert_eq!(bench.scale("job", 2, 4).await, Outcome::Scaled);
    let object = bench.objects().await.get("job").await.unwrap();
    assert_eq!(object.data["spec"]["taskManager"]["replicas"], 4);
    let managers: Vec<_> = object
        .metadata
        .managed_fields
        .unwrap_or_default()
        .into_iter()
        .map(|entry| (entry.manager, entry.subresource))
        .collect();
    assert!(managers.contains(&(Some("steelyard".into()), Some("scale".into()))), "{managers:?}");

    bench.cluster.reconcile(&namespace, "job").await;
    let ours = bench.until("our own", "job", |job| counts(4)(job) && reason(job).is_empty()).await;
    assert_eq!(ours.conflict, None);

    // Made anew under the same name: what was decided for the first must not be done to the second.
    let objects = bench.objects().await;
    objects.delete("job", &DeleteParams::default()).await.unwrap();
    bench.cluster.running_job(&namespace, &flink::application("job", 7)).await;
    bench.until("the second", "job", counts(7)).await;
    assert_eq!(bench.scale("job", 4, 5).await, Outcome::Overtaken);
}

#[tokio::test]
async fn another_writer_is_left_alone_and_one_that_takes_ours_back_is_named() {
    let Some(mut bench) = Bench::flink().await else { return };
    let namespace = bench.namespace.clone();
    bench.cluster.running_job(&namespace, &flink::application("job", 2)).await;
    bench.until("it is there", "job", counts(2)).await;
    bench.set("job", 6).await;
    bench.until("somebody else", "job", |job| conflict(job).contains("from 2 to 6")).await;
    bench.second += 1800;
    bench.until("half an hour later", "job", |job| conflict(job).is_empty() && reason(job).is_empty()).await;

    assert_eq!(bench.scale("job", 6, 3).await, Outcome::Scaled);
    bench.cluster.reconcile(&namespace, "job").await;
    bench.until("ours", "job", |job| counts(3)(job) && conflict(job).is_empty() && reason(job).is_empty()).await;
    bench.set("job", 6).await;
    bench.until("taken back", "job", |job| conflict(job).contains("took our 3 back to 6")).await;
    // Of a change that a process did not see, the object itself tells whether it was ours.
    assert!(bench.after_a_restart("job", 3).await.contains("from 3 to 6"));
    bench.second += 1800;
    assert_eq!(bench.scale("job", 6, 4).await, Outcome::Scaled);
    bench.cluster.reconcile(&namespace, "job").await;
    assert_eq!(bench.after_a_restart("job", 6).await, "");
}

#[tokio::test]
async fn of_two_writers_at_once_the_other_is_never_overwritten() {
    let Some(mut bench) = Bench::flink().await else { return };
    let namespace = bench.namespace.clone();
    bench.cluster.running_job(&namespace, &flink::application("job", 2)).await;
    let api = bench.objects().await;
    for count in 2..12 {
        bench.until("the count of this round", "job", |job| counts(count)(job) && reason(job).is_empty()).await;
        let patch = Patch::Merge(json!({"spec": {"replicas": count + 1}}));
        let parameters = PatchParams::default();
        let other = api.patch_scale("job", &parameters, &patch);
        let (outcome, other) = tokio::join!(bench.scale("job", count, 50), other);
        other.expect("a merge patch never conflicts");
        // Whoever came first: the other's count stands, over ours or instead of it.
        assert!(matches!(outcome, Outcome::Overtaken | Outcome::Scaled), "{outcome:?}");
        let now = bench.cluster.reconcile(&namespace, "job").await;
        assert_eq!(now.data["spec"]["taskManager"]["replicas"], count + 1, "{outcome:?}");
    }
}

#[tokio::test]
async fn an_account_without_the_right_is_told_which() {
    let Some(cluster) = cluster().await else { return };
    let namespace = cluster.namespace("act").await;
    let rules = "
  - { apiGroups: [flink.apache.org], resources: [flinkdeployments], verbs: [list, watch] }
  - { apiGroups: [autoscaling], resources: [horizontalpodautoscalers], verbs: [list, watch] }
";
    let token = cluster.account(&namespace, "reader", rules).await;
    cluster.running_job(&namespace, &flink::application("job", 2)).await;
    let client = cluster.client(&token).await;
    let (version, kind) = ("flink.apache.org/v1beta1", "FlinkDeployment");
    let mut bench = Bench::with(cluster, namespace, version, kind, client).await;
    bench.until("it may read", "job", |job| counts(2)(job) && reason(job).is_empty()).await;
    let outcome = bench.scale("job", 2, 3).await;
    assert!(
        matches!(&outcome, Outcome::Forbidden(why) if why.contains("grant patch on its scale subresource")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn an_admission_policys_refusal_is_told() {
    let Some(mut bench) = Bench::flink().await else { return };
    let namespace = bench.namespace.clone();
    bench.cluster.running_job(&namespace, &flink::application("job", 2)).await;
    bench.until("it is there", "job", |job| counts(2)(job) && reason(job).is_empty()).await;
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": namespace},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [{
                "apiGroups": ["flink.apache.org"], "apiVersions": ["v1beta1"], "operations": ["UPDATE"],
                "resources": ["flinkdeployments/scale"],
            }]},
            "validations": [{"expression": "object.spec.replicas <= 10", "message": "at most 10 task managers"}],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": namespace},
        "spec": {
            "policyName": namespace, "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}},
        },
    });
    bench.cluster.apply(&format!("{policy}\n---\n{binding}\n"), &namespace).await;
    // It is in force some moments later: until then counts pass, and are taken back.
    let deadline = tokio::time::Instant::now() + DEADLINE;
    let told = loop {
        match bench.scale("job", 2, 11).await {
            Outcome::Invalid(why) => break why,
            Outcome::Scaled => bench.set("job", 2).await,
            other => assert!(matches!(other, Outcome::Unsafe(_) | Outcome::Overtaken), "{other:?}"),
        }
        assert!(tokio::time::Instant::now() < deadline, "the policy is never in force");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(told.contains("422") && told.contains("at most 10 task managers"), "{told}");
    bench.until("it settles", "job", |job| counts(2)(job) && reason(job).is_empty()).await;
    assert_eq!(bench.scale("job", 2, 10).await, Outcome::Scaled);
}

#[tokio::test]
async fn an_autoscaler_on_the_object_is_a_conflict_for_as_long_as_it_is_there() {
    let Some(mut bench) = Bench::flink().await else { return };
    let namespace = bench.namespace.clone();
    bench.cluster.running_job(&namespace, &flink::application("job", 2)).await;
    bench.until("it is free", "job", |job| counts(2)(job) && conflict(job).is_empty()).await;
    let autoscaler = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "rival"},
        "spec": {
            "minReplicas": 2, "maxReplicas": 5,
            "scaleTargetRef": {"apiVersion": "flink.apache.org/v1beta1", "kind": "FlinkDeployment", "name": "job"},
        },
    });
    bench.cluster.apply(&autoscaler.to_string(), &namespace).await;
    bench.until("a rival", "job", |job| conflict(job) == "HorizontalPodAutoscaler rival").await;
    let api: Api<HorizontalPodAutoscaler> = Api::namespaced(bench.cluster.admin().await, &namespace);
    api.delete("rival", &DeleteParams::default()).await.unwrap();
    bench.until("it is gone", "job", |job| conflict(job).is_empty()).await;
}

#[tokio::test]
async fn deployments_and_stateful_sets_are_scaled_by_their_own_gates() {
    for (kind, extra) in [("Deployment", ""), ("StatefulSet", "  serviceName: plain\n")] {
        let Some(mut bench) = Bench::new("apps/v1", kind).await else { return };
        let namespace = bench.namespace.clone();
        let manifest = format!(
            "apiVersion: apps/v1\nkind: {kind}\nmetadata: {{ name: plain }}\nspec:\n  replicas: 1\n{extra}  \
             selector: {{ matchLabels: {{ app: plain }} }}\n  template:\n    metadata: {{ labels: {{ app: plain }} }}\n    \
             spec: {{ containers: [{{ name: main, image: none }}] }}\n"
        );
        bench.cluster.apply(&manifest, &namespace).await;
        if kind == "StatefulSet" {
            // The bed may run without that controller: what it would write is written here.
            let api: Api<k8s_openapi::api::apps::v1::StatefulSet> =
                Api::namespaced(bench.cluster.admin().await, &namespace);
            let status = json!({"status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1}});
            api.patch_status("plain", &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
        }
        bench.until("its controller has seen it", "plain", |job| counts(1)(job) && reason(job).is_empty()).await;
        assert_eq!(bench.scale("plain", 1, 2).await, Outcome::Scaled, "{kind}");
        bench.until("the new count", "plain", |job| counts(2)(job) && conflict(job).is_empty()).await;
        if kind == "Deployment" {
            let pods: Api<Pod> = Api::namespaced(bench.cluster.admin().await, &namespace);
            let made = async {
                let mut next = tokio::time::interval(Duration::from_millis(50));
                while pods.list(&ListParams::default()).await.unwrap().items.len() < 2 {
                    next.tick().await;
                }
            };
            tokio::time::timeout(DEADLINE, made).await.expect("the controller makes the second pod");
        }
    }
}

#[tokio::test]
async fn events_are_taken_as_they_are_and_stand_on_the_object() {
    let Some(bench) = Bench::flink().await else { return };
    let namespace = bench.namespace.clone();
    let made = bench.cluster.running_job(&namespace, &flink::application("job.with-a.dot", 2)).await;
    let uid = made.metadata.uid.expect("it has a uid");
    let (sender, mut written) = mpsc::unbounded_channel();
    let events = Events::new(bench.cluster.admin().await, "steelyard-0", move |ended| {
        // The test has ended where nobody listens.
        let _gone = sender.send(ended);
    });
    for (reason, warning, note) in [("Scaled", false, "scaled 2 -> 4".to_owned()), ("AtMax", true, "é".repeat(2000))] {
        let (job, at) = (JobId::new(&namespace, "job.with-a.dot"), Timestamp::from_millis(1_795_229_314_078));
        let uid = uid.clone().into();
        events.announce(bench.target(), Announcement { job, uid, reason, warning, note, at });
        let ended = tokio::time::timeout(DEADLINE, written.recv()).await.expect("an answer in time");
        assert_eq!(ended, Some(Written::Done), "{reason}");
    }
    // As `kubectl describe` asks.
    let api: Api<Event> = Api::namespaced(bench.cluster.admin().await, &namespace);
    let of_object = ListParams::default().fields(&format!("regarding.uid={uid}"));
    let mut found = api.list(&of_object).await.expect("events can be listed").items;
    found.sort_by_key(|event| event.reason.clone());
    let told: Vec<_> = found.iter().map(|event| (event.reason.as_deref(), event.type_.as_deref())).collect();
    assert_eq!(told, [(Some("AtMax"), Some("Warning")), (Some("Scaled"), Some("Normal"))]);
    assert_eq!(found[1].note.as_deref(), Some("scaled 2 -> 4"));
    assert!(found[0].note.as_ref().is_some_and(|note| note.ends_with('…') && note.len() <= 1024));
}
