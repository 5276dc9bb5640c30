//! A real Prometheus for one test: own data directory, own port on loopback, ended by its process id.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use crate::component::program;

/// Longer than a start has ever taken, on a machine that is busy with other tests.
const START: Duration = Duration::from_secs(60);

/// A running Prometheus; dropping it ends the process.
pub struct Prometheus {
    // First, so that the process is ended before its data are removed.
    child: Option<Child>,
    binary: PathBuf,
    /// Holds the data; it lives as long as this value, over stops and starts.
    folder: TempDir,
    data: PathBuf,
    port: u16,
}

impl Prometheus {
    /// Scrapes the targets (`host:port`) every second. `None`: there is no Prometheus here, and the test is skipped.
    pub async fn scraping(targets: &[String]) -> Option<Self> {
        let targets = targets.iter().map(|target| format!("'{target}'")).collect::<Vec<_>>().join(", ");
        let config = format!(
            "global: {{ scrape_interval: 1s, scrape_timeout: 1s }}\n\
             scrape_configs:\n  - job_name: workers\n    static_configs: [{{ targets: [{targets}] }}]\n"
        );
        Self::start_new(&config, None).await
    }

    /// Serves the archived blocks and scrapes nothing.
    pub async fn serving(archive: &Path) -> Option<Self> {
        Self::start_new("{}\n", Some(archive)).await
    }

    /// Does what its configuration says.
    pub async fn configured(config: &str) -> Option<Self> {
        Self::start_new(config, None).await
    }

    async fn start_new(config: &str, archive: Option<&Path>) -> Option<Self> {
        let binary = program("PROMETHEUS", "prometheus")?;
        let folder = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(folder.path().join("prometheus.yml"), config).expect("a file in it");
        let data = folder.path().join("tsdb");
        if let Some(archive) = archive {
            let unpacked = Command::new("tar").arg("-xJf").arg(archive).arg("-C").arg(folder.path()).status();
            assert!(unpacked.await.expect("tar runs").success(), "{} does not unpack", archive.display());
            assert!(data.is_dir(), "{} holds no folder tsdb", archive.display());
        }
        let mut prometheus = Self { binary, folder, data, port: 0, child: None };
        // Prometheus cannot be told to take any free port and say which, so between the choice and the start another
        // process may take it. Then it ends at once, and the next choice is another one.
        for _ in 0..5 {
            prometheus.port = free_port();
            if prometheus.try_start().await {
                return Some(prometheus);
            }
        }
        panic!("no Prometheus came up on five free ports");
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it answers to a query: `data` of its JSON.
    pub async fn ask(&self, query: &str) -> Value {
        let answer =
            reqwest::Client::new().get(format!("{}/api/v1/query", self.url())).query(&[("query", query)]).send();
        let mut answer: Value = answer.await.expect("Prometheus answers").json().await.expect("JSON");
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        answer["data"].take()
    }

    /// The value of a query that has one row, or of a number; `None`: there is no row.
    pub async fn number(&self, query: &str) -> Option<f64> {
        let data = self.ask(query).await;
        let result = &data["result"];
        let value = if data["resultType"] == "scalar" { &result[1] } else { &result[0]["value"][1] };
        value.as_str().map(|number| number.parse().expect("a number"))
    }

    /// Waits until the value of a query is as wanted.
    pub async fn until(&self, query: &str, reached: impl Fn(f64) -> bool) {
        let waiting = async {
            // Prometheus tells nobody when it has scraped: to ask again is all there is.
            let mut next = tokio::time::interval(Duration::from_millis(200));
            while !self.number(query).await.is_some_and(&reached) {
                next.tick().await;
            }
        };
        tokio::time::timeout(START, waiting)
            .await
            .unwrap_or_else(|_| panic!("`{query}` never came to what was wanted"));
    }

    /// Ends the process as an outage would: without staleness markers, which it never writes for itself.
    pub async fn stop(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().await.expect("it can be ended");
    }

    /// Starts it again, over the same data and on the same port.
    pub async fn start_again(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        assert!(self.try_start().await, "Prometheus did not come up again on port {}", self.port);
    }

    /// Whether it came up; `false` where it ended by itself.
    async fn try_start(&mut self) -> bool {
        let mut child = Command::new(&self.binary)
            .arg(format!("--config.file={}", self.folder.path().join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", self.data.display()))
            .arg("--storage.tsdb.retention.time=100y")
            .arg(format!("--web.listen-address=127.0.0.1:{}", self.port))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("Prometheus can be started");
        let mut log = BufReader::new(child.stderr.take().expect("it was piped")).lines();
        let ready = tokio::time::timeout(START, said(&mut log, "ready to receive web requests"));
        if !ready.await.expect("Prometheus says that it is ready, or ends") {
            return false;
        }
        // A pipe that nobody reads would stop it one day.
        tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
        self.child = Some(child);
        true
    }
}

/// Waits for that sentence; `false`: the stream ended before.
async fn said(log: &mut Lines<BufReader<ChildStderr>>, sentence: &str) -> bool {
    while let Ok(Some(line)) = log.next_line().await {
        if line.contains(sentence) {
            return true;
        }
    }
    false
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port on loopback");
    listener.local_addr().expect("it has an address").port()
}
