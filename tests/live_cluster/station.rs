//! Where a daemon stands in the tests of acting: a namespace, an account with the least rights, settings and a policy.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::api::{Api, DynamicObject};
use tokio::time::Instant;

use crate::kubernetes::Cluster;
use crate::support::steelyard::Daemon;

/// Longer than anything is waited for: growth is not known for a minute.
pub const SOON: Duration = Duration::from_secs(180);

/// The least that a daemon needs, and nothing more.
const RULES: &str = "
  - { apiGroups: [flink.apache.org], resources: [flinkdeployments], verbs: [list, watch] }
  - { apiGroups: [flink.apache.org], resources: [flinkdeployments/scale], verbs: [patch] }
  - { apiGroups: [autoscaling], resources: [horizontalpodautoscalers], verbs: [list, watch] }
  - { apiGroups: [keda.sh], resources: [scaledobjects], verbs: [list, watch] }
  - { apiGroups: [events.k8s.io], resources: [events], verbs: [create] }
  - { apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get, create, update] }
";

/// A namespace of jobs, with the files of a daemon that scales them.
pub struct Station {
    pub cluster: &'static Cluster,
    namespace: &'static str,
    pub objects: Api<DynamicObject>,
    token: String,
    folder: tempfile::TempDir,
}

impl Station {
    /// Makes the namespace and the daemon's account in it.
    pub async fn new(cluster: &'static Cluster, namespace: &'static str) -> Self {
        cluster
            .apply(&format!("apiVersion: v1\nkind: Namespace\nmetadata: {{ name: {namespace} }}\n"), "default")
            .await;
        let token = cluster.account(namespace, "steelyard", RULES).await;
        let objects = cluster.flink_deployments(namespace).await;
        Self { cluster, namespace, objects, token, folder: tempfile::tempdir().expect("a folder") }
    }

    /// A file of its own.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write_policy(&self, mode: &str) {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/live/policy.yaml");
        let text = std::fs::read_to_string(path).expect("the policy of the live tests");
        let target = format!(
            "spec:\n  mode: {mode}\n  target:\n    apiVersion: flink.apache.org/v1beta1\n    kind: FlinkDeployment\n    \
             namespaces: [{}]\n",
            self.namespace
        );
        std::fs::write(self.path("policy.yaml"), text.replace("spec:\n", &target)).expect("a file");
    }

    /// Settings for that Prometheus, the account's rights, and every mode allowed.
    pub fn write_settings(&self, prometheus: &str) -> PathBuf {
        let path = |name: &str| self.path(name);
        std::fs::write(path("kubeconfig"), self.cluster.kubeconfig_in(self.namespace, &self.token)).expect("a file");
        let show = |path: &Path| path.to_str().expect("UTF-8").to_owned();
        let text = format!(
            "prometheus: {{ url: '{prometheus}' }}\npolicies: ['{}']\nmode: act\ninterval: 2s\n\
             kubernetes: {{ enabled: true, kubeconfig: '{}' }}\n",
            show(&path("policy.yaml")),
            show(&path("kubeconfig")),
        );
        std::fs::write(path("steelyard.yaml"), text).expect("a file");
        path("steelyard.yaml")
    }

    pub async fn replicas(&self, name: &str) -> u64 {
        let object = self.objects.get(name).await.expect("it is there");
        object.data["spec"]["taskManager"]["replicas"].as_u64().expect("a count")
    }
}

/// Waits until a page of the daemon says so.
pub async fn until_page(daemon: &Daemon, path: &str, what: &str, reached: impl Fn(&str) -> bool) -> String {
    let deadline = Instant::now() + SOON;
    let mut next = tokio::time::interval(Duration::from_millis(250));
    loop {
        next.tick().await;
        let (_, text) = daemon.page(path).await;
        if reached(&text) {
            return text;
        }
        assert!(Instant::now() < deadline, "not in time: {what}\n{text}\nlog:\n{}", daemon.log());
    }
}
