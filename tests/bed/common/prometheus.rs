//! A real Prometheus that scrapes pods which come and go, as Kubernetes' discovery would tell it: a file of targets for each pod.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::process::Process;
use super::wait::until_or;
use crate::component::root;

/// Longer than a start has ever taken, on a machine that is busy with other tests.
const START: Duration = Duration::from_secs(60);
/// Short, so that tests are; the shipped policies allow anything up to 30 s.
pub const SCRAPE: Duration = Duration::from_secs(5);

/// Of all pods.
pub const NAMESPACE: &str = "bed";

/// A pod as discovery sees it.
#[derive(Debug, Clone)]
pub struct Target {
    /// `host:port`.
    pub address: String,
    /// The file's name: one target, one file.
    pub pod: String,
    /// What Kubernetes' discovery says of it besides its namespace and name: names without `__meta_kubernetes_pod_`.
    pub labels: Vec<(&'static str, String)>,
}

impl Target {
    /// A pod of a Flink cluster; `component` is `jobmanager` or `taskmanager`.
    pub fn flink(app: &str, component: &str, pod: &str, address: Ipv4Addr, port: u16) -> Self {
        let labels = [
            ("label_app", app),
            ("label_component", component),
            ("label_type", "flink-standalone-kubernetes"),
            ("container_name", "flink-main-container"),
        ];
        Self {
            address: format!("{address}:{port}"),
            pod: pod.to_owned(),
            labels: labels.map(|(name, value)| (name, value.to_owned())).to_vec(),
        }
    }
}

/// The scrape configuration that is shipped, with files in place of Kubernetes' discovery and a shorter interval.
fn config() -> String {
    let shipped = std::fs::read_to_string(root().join("deploy/prometheus/scrape-configs.yaml")).expect("it is shipped");
    let scrape = SCRAPE.as_secs();
    let mut config = shipped;
    for (from, to) in [
        (
            "kubernetes_sd_configs: [{ role: pod }]",
            "file_sd_configs: [{ files: ['targets/*.json'], refresh_interval: 5s }]".to_owned(),
        ),
        ("scrape_interval: 15s", format!("scrape_interval: {scrape}s")),
        ("scrape_timeout: 10s", format!("scrape_timeout: {scrape}s")),
    ] {
        assert!(config.contains(from), "deploy/prometheus/scrape-configs.yaml has no `{from}`");
        config = config.replace(from, &to);
    }
    config
}

/// A running Prometheus; dropping it ends the process.
#[derive(Debug)]
pub struct Prometheus {
    process: Mutex<Option<Process>>,
    binary: PathBuf,
    folder: PathBuf,
    address: Ipv4Addr,
    client: reqwest::Client,
}

impl Prometheus {
    /// Starts it with its files in a folder.
    pub async fn start(binary: &Path, folder: &Path, address: Ipv4Addr) -> Self {
        let folder = folder.join("prometheus");
        std::fs::create_dir_all(folder.join("targets")).expect("a folder");
        std::fs::write(folder.join("prometheus.yml"), config()).expect("a file in it");
        let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().expect("a client");
        let prometheus = Self { process: Mutex::default(), binary: binary.to_owned(), folder, address, client };
        prometheus.start_again().await;
        prometheus
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://{}:9090", self.address)
    }

    /// Its blocks, head and write-ahead log.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Scrapes this pod from now on.
    pub fn watch(&self, target: &Target) {
        let mut labels = serde_json::Map::new();
        labels.insert("__meta_kubernetes_namespace".to_owned(), json!(NAMESPACE));
        labels.insert("__meta_kubernetes_pod_name".to_owned(), json!(target.pod));
        for (name, value) in &target.labels {
            labels.insert(format!("__meta_kubernetes_pod_{name}"), json!(value));
        }
        let groups = json!([{ "targets": [target.address], "labels": labels }]);
        // Renamed into place: Prometheus must not read half a file.
        let part = self.folder.join(format!("{}.part", target.pod));
        std::fs::write(&part, groups.to_string()).expect("a file of targets");
        std::fs::rename(part, self.target_file(target)).expect("a file of targets");
    }

    /// Scrapes it no more: the pod is gone.
    pub fn forget(&self, target: &Target) {
        std::fs::remove_file(self.target_file(target)).expect("the pod was watched");
    }

    fn target_file(&self, target: &Target) -> PathBuf {
        self.folder.join("targets").join(format!("{}.json", target.pod))
    }

    /// Ends the process as an outage would: no staleness markers, nothing flushed.
    pub fn stop(&self) {
        self.take().kill();
    }

    /// Ends it in peace, so that its data are whole on disk.
    pub async fn terminate(&self) {
        self.take().terminate().await;
    }

    fn take(&self) -> Process {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).take().expect("it runs")
    }

    /// All that it has, as blocks in a folder of their own.
    pub async fn snapshot(&self) -> PathBuf {
        let answer = self.client.post(format!("{}/api/v1/admin/tsdb/snapshot", self.url())).send();
        let answer: Value = answer.await.expect("Prometheus answers").json().await.expect("JSON");
        let name = answer["data"]["name"].as_str().unwrap_or_else(|| panic!("no snapshot: {answer}"));
        self.data().join("snapshots").join(name)
    }

    /// Starts it over the same data, at the same address.
    pub async fn start_again(&self) {
        let mut command = Command::new(&self.binary);
        command
            .arg(format!("--config.file={}", self.folder.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", self.data().display()))
            .arg(format!("--web.listen-address={}:9090", self.address))
            .args(["--web.enable-admin-api", "--storage.tsdb.retention.time=100y"]);
        let mut process = Process::start("Prometheus", &mut command, &self.folder.join("log"));
        let ready = format!("{}/-/ready", self.url());
        let look = async || {
            process.assert_running();
            self.client.get(&ready).send().await.ok().filter(|answer| answer.status().is_success())
        };
        until_or(START, look, || "Prometheus is ready".to_owned()).await;
        let before = self.process.lock().unwrap_or_else(PoisonError::into_inner).replace(process);
        assert!(before.is_none(), "it ran already");
    }

    /// The rows of an instant query: labels and value.
    ///
    /// # Panics
    /// Where it is refused or Prometheus does not answer.
    pub async fn rows(&self, query: &str) -> Vec<(Value, f64)> {
        let answer = self.client.get(format!("{}/api/v1/query", self.url())).query(&[("query", query)]).send();
        let answer: Value = answer.await.expect("Prometheus answers").json().await.expect("JSON");
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        let number = |value: &Value| value.as_str().and_then(|text| text.parse().ok()).expect("a number");
        match answer["data"]["resultType"].as_str() {
            Some("scalar") => vec![(Value::Null, number(&answer["data"]["result"][1]))],
            _ => {
                let rows = answer["data"]["result"].as_array().cloned().unwrap_or_default();
                rows.into_iter().map(|row| (row["metric"].clone(), number(&row["value"][1]))).collect()
            }
        }
    }

    /// The value of a query that has one row; `None`: it has none.
    pub async fn number(&self, query: &str) -> Option<f64> {
        self.rows(query).await.first().map(|(_, value)| *value)
    }

    /// Waits until the value of a query is as wanted, and says it.
    pub async fn until(&self, query: &str, within: Duration, reached: impl Fn(f64) -> bool) -> f64 {
        let look = async || self.number(query).await.filter(|value| reached(*value));
        until_or(within, look, || format!("`{query}` comes to what is wanted")).await
    }
}
