//! A real Kubernetes API for tests: one control plane for all tests of a test binary, with the Flink operator's
//! CustomResourceDefinitions. Each test makes a namespace of its own in it.

pub mod container;
mod control_plane;
pub mod flink;
pub mod hosts;
pub mod node;
pub mod objects;
pub mod operator;
mod pki;

use std::path::PathBuf;

use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::sync::OnceCell;

use self::control_plane::ControlPlane;
use self::pki::ADMIN_TOKEN;
use crate::component::installed;

/// What `tests/components/kubernetes` installs.
const KUBERNETES: (&str, &str) = ("kubernetes", "1.36.3");
/// What `tests/components/flink-operator` installs.
pub const FLINK_OPERATOR: (&str, &str) = ("flink-operator", "1.7.0");

/// The control plane of this test binary. It ends with the process, in whichever way that ends.
static CLUSTER: OnceCell<Option<Cluster>> = OnceCell::const_new();

/// A running Kubernetes API.
#[derive(Debug)]
pub struct Cluster {
    plane: ControlPlane,
}

/// The cluster, started by whichever test asks first. `None`: its components are not here, and the test is skipped.
pub async fn cluster() -> Option<&'static Cluster> {
    CLUSTER
        .get_or_init(|| async {
            let assets = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
            let whole = assets.filter(|folder| folder.join("kube-controller-manager").is_file());
            let binaries = whole.or_else(|| installed(KUBERNETES.0, KUBERNETES.1))?;
            let operator = installed(FLINK_OPERATOR.0, FLINK_OPERATOR.1)?;
            let cluster = Cluster { plane: ControlPlane::start(&binaries).await };
            cluster.install_definitions(&operator.join("crds")).await;
            Some(cluster)
        })
        .await
        .as_ref()
}

impl Cluster {
    /// Where the API server answers.
    pub fn url(&self) -> &str {
        &self.plane.url
    }

    /// A client that may do everything. Made anew for each test: a client belongs to the runtime that made it.
    pub async fn admin(&self) -> Client {
        self.client(ADMIN_TOKEN).await
    }

    /// A client that shows that token. It repeats nothing by itself.
    pub async fn client(&self, token: &str) -> Client {
        let kubeconfig = Kubeconfig::from_yaml(&self.kubeconfig(token)).expect("a kubeconfig of our own");
        let options = KubeConfigOptions::default();
        let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.expect("files of our own");
        config.default_retry = false;
        Client::try_from(config).expect("a client")
    }

    /// The text of a kubeconfig that shows that token.
    pub fn kubeconfig(&self, token: &str) -> String {
        self.kubeconfig_in("default", token)
    }

    /// The same with a context in that namespace, which a pod's own account would have.
    pub fn kubeconfig_in(&self, namespace: &str, token: &str) -> String {
        self.plane.pki.kubeconfig(self.url(), token, namespace)
    }

    /// The text of a kubeconfig that may do everything.
    pub fn admin_kubeconfig(&self) -> String {
        self.kubeconfig(ADMIN_TOKEN)
    }
}
