//! What a stage stands on: the cluster, the operator, the node and Prometheus; and what is put on it: jobs and the daemon.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use serde_json::{Value, json};

use super::witness::Witness;
use crate::bed::Bed;
use crate::bed::common::prometheus::NAMESPACE;
use crate::bed::common::wait::until;
use crate::bed::datastream::{FLINK_1, PARTITIONS};
use crate::component::{install, installed, root};
use crate::kubernetes::container::Images;
use crate::kubernetes::hosts::Hosts;
use crate::kubernetes::node::Node;
use crate::kubernetes::operator::Operator;
use crate::kubernetes::{Cluster, cluster};
use crate::support::steelyard::{Daemon, answer};

/// The policies' `maxWorkers`.
pub const MOST: u64 = 4;

/// The label that says which policy a job is for.
const CLASS: &str = "steelyard.dev/class";
/// Longer than it takes the controllers to follow a deletion, on a machine that does other things as well.
const CLEARED: Duration = Duration::from_secs(120);

/// Dropped in this order: first what acts, last what it acts on.
pub struct Ground {
    pub witness: Witness,
    pub operator: Operator,
    pub node: Node,
    pub bed: Arc<Bed>,
    pub cluster: &'static Cluster,
}

impl Ground {
    /// Lays it. `None`: a component is missing, and the test is skipped.
    pub async fn lay() -> Option<Self> {
        let (cluster, bed) = (cluster().await?, Bed::start().await?);
        let flink = installed("flink", FLINK_1)?;
        let images = Images { flink, job: install("flink-job", &[FLINK_1]), own_address: install("own-address", &[]) };
        clear(cluster).await;
        let hosts = Arc::new(Hosts::new(bed.folder()));
        let operator = Operator::start(cluster, NAMESPACE, &hosts, bed.lane_folder("operator"))?;
        let account = "{ apiVersion: v1, kind: ServiceAccount, metadata: { name: flink } }";
        let namespace =
            format!("{{ apiVersion: v1, kind: Namespace, metadata: {{ name: {NAMESPACE} }} }}\n---\n{account}");
        cluster.apply(&namespace, NAMESPACE).await;
        let node = Node::start(&bed, &cluster.admin().await, NAMESPACE, images, &hosts);
        let witness = Witness::start(cluster.flink_deployments(NAMESPACE).await);
        Some(Self { witness, operator, node, bed, cluster })
    }
}

/// Takes away what another stage left on the same cluster. Its operator and its node are gone, so that nobody answers.
async fn clear(cluster: &Cluster) {
    let client = cluster.admin().await;
    let jobs = cluster.flink_deployments(NAMESPACE).await;
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), NAMESPACE);
    let pods: Api<Pod> = Api::namespaced(client, NAMESPACE);
    let (all, at_once) = (ListParams::default(), DeleteParams::default().grace_period(0));
    // What a server that has just started, or does other things as well, does not answer is asked again.
    let gone = async || {
        let jobs_left = jobs.list(&all).await.ok()?.items;
        for job in &jobs_left {
            let name = job.metadata.name.as_deref()?;
            let free = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
            let _gone_already = jobs.patch(name, &PatchParams::default(), &free).await;
            let _gone_already = jobs.delete(name, &DeleteParams::default()).await;
        }
        for deployment in deployments.list(&all).await.ok()? {
            let _gone_already = deployments.delete(&deployment.metadata.name?, &DeleteParams::background()).await;
        }
        let left = pods.list(&all).await.ok()?.items;
        for pod in &left {
            let _gone_already = pods.delete(pod.metadata.name.as_deref()?, &at_once).await;
        }
        (jobs_left.is_empty() && left.is_empty()).then_some(())
    };
    until("what was left is gone", CLEARED, gone).await;
}

/// The daemon under an account that has what `check --rbac` prints for its policy, and nothing more.
///
/// Each policy's text is a file of its own.
pub async fn daemon(cluster: &Cluster, bed: &Bed, policies: &[String]) -> Daemon {
    let home = cluster.namespace("steelyard").await;
    let token = cluster.service_account(&home, "steelyard").await;
    let folder = bed.lane_folder("steelyard");
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("a file");
        path.to_str().expect("UTF-8").to_owned()
    };
    let policies: Vec<_> =
        policies.iter().enumerate().map(|(number, text)| file(&format!("policy-{number}.yaml"), text)).collect();
    let mut arguments = vec!["check", "--rbac", "--namespace", &home];
    arguments.extend(policies.iter().map(String::as_str));
    let roles = answer(&arguments).await;
    cluster.apply(&roles, &home).await;
    let kubeconfig = file("kubeconfig", &cluster.kubeconfig_in(&home, &token));
    let settings = json!({
        "prometheus": { "url": bed.prometheus.url() },
        "kubernetes": { "enabled": true, "kubeconfig": kubeconfig },
        "interval": "5s",
        "mode": "act",
        "policies": policies,
    });
    let settings = file("steelyard.yaml", &settings.to_string());
    Daemon::start(&["--config", &settings]).await
}

/// The policy that is shipped, acting on the jobs of one class by that preset, with windows for a scrape interval of 5 s in
/// place of 15 s.
pub fn policy(class: &str, preset: &str) -> String {
    let mut policy = std::fs::read_to_string(root().join("policies/flink-datastream.yaml")).expect("it is shipped");
    let target = format!(
        "  target: {{ apiVersion: flink.apache.org/v1beta1, kind: FlinkDeployment, namespaces: [{NAMESPACE}], \
         selector: {{ matchLabels: {{ {CLASS}: {class} }} }} }}\n  signals:"
    );
    for (from, to) in [
        ("name: flink-datastream }", format!("name: {class} }}").as_str()),
        ("  mode: observe", "  mode: act"),
        ("  signals:", &target),
        // Two scrapes, then the rate window: in this order, as the second becomes what the first was.
        ("[30s]", "[10s]"),
        ("[2m:15s]", "[30s:5s]"),
        ("[2m]", "[30s]"),
        ("rateWindow: 2m", "rateWindow: 30s"),
        ("scrapeInterval: 15s", "scrapeInterval: 5s"),
        ("staleAfter: 60s", "staleAfter: 30s"),
        ("  preset: balanced", &format!("  {preset}\n  warmUp: 40s")),
        ("maxWorkers: 8", &format!("maxWorkers: {MOST}")),
    ] {
        assert!(policy.contains(from), "policies/flink-datastream.yaml has no `{from}`");
        policy = policy.replace(from, to);
    }
    policy
}

/// A job as its owner deploys it: 10 ms for a record.
pub fn application(name: &str, class: &str, log: &Path, state: &Path) -> Value {
    let mut object = deployment(name, class);
    let spec = object["spec"].as_object_mut().expect("it has a spec");
    spec.insert(
        "job".to_owned(),
        json!({
            "jarURI": "local:///opt/flink/usrlib/job.jar",
            "entryClass": "bed.Job",
            "args": ["--log", log, "--partitions", PARTITIONS.to_string(), "--cost-micros", "10000"],
            "parallelism": 1,
            "upgradeMode": "savepoint",
            "state": "running",
        }),
    );
    spec["flinkConfiguration"]["scheduler-mode"] = json!("reactive");
    spec["flinkConfiguration"]["pipeline.max-parallelism"] = json!(PARTITIONS.to_string());
    spec["flinkConfiguration"]["execution.checkpointing.interval"] = json!("10s");
    for kind in ["checkpoints", "savepoints"] {
        let folder = format!("file://{}/{kind}", state.display());
        spec["flinkConfiguration"][format!("state.{kind}.dir")] = json!(folder);
    }
    object
}

/// A cluster without a job of its own: scaling it would lose the jobs of others.
pub fn deployment(name: &str, class: &str) -> Value {
    json!({
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": { "name": name, "labels": { CLASS: class } },
        "spec": {
            "image": "flink:1.20",
            // The operator knows up to 1.19; that 1.20 runs makes no difference to it.
            "flinkVersion": "v1_19",
            "mode": "standalone",
            "serviceAccount": "flink",
            "flinkConfiguration": { "taskmanager.numberOfTaskSlots": "1" },
            "jobManager": { "replicas": 1, "resource": { "cpu": 0.1, "memory": "1024m" } },
            "taskManager": { "replicas": 1, "resource": { "cpu": 0.1, "memory": "1024m" } },
        }
    })
}
