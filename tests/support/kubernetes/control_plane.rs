//! etcd, kube-apiserver and kube-controller-manager on loopback: as processes, without containers.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::pki::{ADMIN_TOKEN, Pki};
use crate::bed::common::process::{Process, remove_at_the_end};

/// From an empty folder to ready takes 5 s on a free machine, and has taken 26 s beside a load of 20.
const START: Duration = Duration::from_secs(180);

/// Those that the tests need: tokens, namespaces that end, owners, pods of Deployments, autoscalers.
const CONTROLLERS: &str = "serviceaccount-controller,namespace-controller,garbage-collector-controller,\
                           deployment-controller,replicaset-controller,horizontal-pod-autoscaler-controller";

/// A running control plane.
#[derive(Debug)]
pub struct ControlPlane {
    /// Where the API server answers.
    pub url: String,
    /// Its files.
    pub pki: Pki,
    /// They run as long as this is there.
    _processes: [Process; 3],
}

impl ControlPlane {
    /// Starts everything and waits until the API server is ready.
    pub async fn start(binaries: &Path) -> Self {
        // No TempDir: nothing drops what lives as long as the process.
        let folder = tempfile::Builder::new().prefix("steelyard-kubernetes-").tempdir().expect("a folder").keep();
        remove_at_the_end(&folder);
        let pki = Pki::write(&folder);
        let (etcd, store) = etcd(binaries, &folder).await;
        let (server, url) = api_server(binaries, &folder, &pki, &store).await;
        let admin = folder.join("admin.kubeconfig");
        std::fs::write(&admin, pki.kubeconfig(&url, ADMIN_TOKEN, "default")).expect("a file in the folder");
        let mut manager = Command::new(binaries.join("kube-controller-manager"));
        manager
            .arg(format!("--kubeconfig={}", admin.display()))
            .arg(format!("--service-account-private-key-file={}", pki.file("accounts-key.pem").display()))
            .arg(format!("--root-ca-file={}", pki.file("ca.pem").display()))
            .arg(format!("--controllers={CONTROLLERS}"))
            .args(["--leader-elect=false", "--secure-port=0"]);
        let name = "kube-controller-manager";
        let manager = Process::start_for_all(name, &mut manager, &folder.join("kube-controller-manager.log"));
        Self { url, pki, _processes: [manager, server, etcd] }
    }
}

async fn etcd(binaries: &Path, folder: &Path) -> (Process, String) {
    started("etcd", async || {
        let (client, peer) = (loopback(), loopback());
        let mut etcd = Command::new(binaries.join("etcd"));
        etcd.arg(format!("--data-dir={}", folder.join("etcd").display()))
            .args([format!("--listen-client-urls={client}"), format!("--advertise-client-urls={client}")])
            .args([format!("--listen-peer-urls={peer}"), format!("--initial-advertise-peer-urls={peer}")])
            .arg(format!("--initial-cluster=default={peer}"))
            // What a power cut would lose is nothing that a test wants back.
            .args(["--unsafe-no-fsync", "--log-level=warn"]);
        let process = Process::start_for_all("etcd", &mut etcd, &folder.join("etcd.log"));
        let ready = format!("{client}/health");
        (process, reqwest::Client::new(), ready, client)
    })
    .await
}

async fn api_server(binaries: &Path, folder: &Path, pki: &Pki, store: &str) -> (Process, String) {
    let authority = std::fs::read(pki.file("ca.pem")).expect("it was written");
    let authority = reqwest::Certificate::from_pem(&authority).expect("a certificate");
    started("kube-apiserver", async || {
        let url = loopback().replace("http:", "https:");
        let port = url.rsplit_once(':').expect("a port").1;
        let file = |name: &str| pki.file(name).display().to_string();
        let mut server = Command::new(binaries.join("kube-apiserver"));
        server
            .args([format!("--etcd-servers={store}"), format!("--secure-port={port}")])
            .args(["--bind-address=127.0.0.1", "--endpoint-reconciler-type=none"])
            .args([format!("--tls-cert-file={}", file("server.pem"))])
            .args([format!("--tls-private-key-file={}", file("server-key.pem"))])
            .args([format!("--token-auth-file={}", file("tokens.csv"))])
            .args([format!("--service-account-key-file={}", file("accounts.pem"))])
            .args([format!("--service-account-signing-key-file={}", file("accounts-key.pem"))])
            .args(["--service-account-issuer=https://kubernetes.default.svc", "--authorization-mode=RBAC"])
            .args(["--service-cluster-ip-range=10.0.0.0/24", "--enable-priority-and-fairness=true"]);
        let process = Process::start_for_all("kube-apiserver", &mut server, &folder.join("kube-apiserver.log"));
        let client = reqwest::Client::builder().tls_certs_merge([authority.clone()]).build().expect("a client");
        (process, client, format!("{url}/readyz"), url)
    })
    .await
}

/// Starts something on free ports and waits until it is ready. Between the choice of a port and the start another
/// process may take it; then it ends at once, and the next choice is another one.
async fn started(
    name: &str,
    mut start: impl AsyncFnMut() -> (Process, reqwest::Client, String, String),
) -> (Process, String) {
    for _ in 0..5 {
        let (mut process, client, ready, url) = start().await;
        let waiting = async {
            // It tells nobody when it is ready: to ask again is all there is.
            let mut next = tokio::time::interval(Duration::from_millis(100));
            while process.is_running() {
                next.tick().await;
                let answer = client.get(&ready).bearer_auth(ADMIN_TOKEN).send().await;
                if answer.is_ok_and(|answer| answer.status().is_success()) {
                    return true;
                }
            }
            false
        };
        match tokio::time::timeout(START, waiting).await {
            Ok(true) => return (process, url),
            Ok(false) if process.log_tail().contains("address already in use") => {}
            Ok(false) => panic!("{name} ended by itself:\n{}", process.log_tail()),
            Err(_) => panic!("{name} is not ready after {START:?}:\n{}", process.log_tail()),
        }
    }
    panic!("{name} found five ports taken, one after the other");
}

fn loopback() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port on loopback");
    format!("http://{}", listener.local_addr().expect("it has an address"))
}
