//! A real Kafka broker alone, and what fills its topics.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crate::bed::Bed;
use crate::bed::common::process::Process;
use crate::bed::common::prometheus::Target;
use crate::bed::common::wait::until_or;
use crate::component;

/// The version that `tests/components/kafka` installs.
pub const VERSION: &str = "3.9.1";
/// Longer than a start has ever taken, on a machine that is busy with other tests.
const START: Duration = Duration::from_secs(120);
/// Where the feed says what an exporter of Kafka says.
const EXPORTER_PORT: u16 = 9308;

/// A broker and its feed, shared by lanes: each has a topic of its own. Dropping it ends the processes.
#[derive(Debug)]
pub struct Kafka {
    // First: it writes into the broker.
    feed: Process,
    broker: Process,
    address: Ipv4Addr,
    folder: PathBuf,
    client: reqwest::Client,
}

impl Kafka {
    /// Starts both, waits until they serve, and has them scraped. `None`: Kafka is not installed, and the test is skipped.
    pub async fn start(bed: &Arc<Bed>, orders: &Path) -> Option<Self> {
        let libraries = component::installed("kafka", VERSION)?.join("libs");
        let (folder, address) = (bed.lane_folder("kafka"), bed.address());
        let mut broker = start_broker(&libraries, &folder, address);
        let mut feed = Command::new("java");
        // Kafka's own libraries first: they have what the jar leaves to Flink, the logging.
        let class_path = format!("{}/*:{}", libraries.display(), orders.display());
        feed.args(["-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"]).arg(LOG_LEVEL);
        feed.args(["-cp", &class_path, "orders.Feed", &format!("{address}:9092")]);
        feed.arg(format!("{address}:{EXPORTER_PORT}")).arg(&folder);

        // The feed ends where no broker answers: first the one, then the other.
        let within = || format!("Kafka listens on {address}:9092");
        let look = || {
            broker.assert_running();
            async move { tokio::net::TcpStream::connect((address, 9092)).await.ok() }
        };
        drop(until_or(START, look, within).await);
        let mut feed = Process::start("the feed", &mut feed, &folder.join("feed.log"));
        let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().expect("a client");
        let url = format!("http://{address}:{EXPORTER_PORT}/metrics");
        let look = || {
            feed.assert_running();
            let asked = client.get(&url).send();
            async { asked.await.ok().filter(|answer| answer.status().is_success()) }
        };
        until_or(START, look, || format!("the feed answers at {url}")).await;
        bed.prometheus.watch(&Target {
            address: format!("{address}:{EXPORTER_PORT}"),
            pod: "kafka-exporter-0".to_owned(),
            labels: vec![("label_app_kubernetes_io_name", "prometheus-kafka-exporter".to_owned())],
        });
        Some(Self { feed, broker, address, folder, client })
    }

    /// `host:port`, for clients.
    pub fn bootstrap(&self) -> String {
        format!("{}:9092", self.address)
    }

    /// So many records a second go into that topic from now on; it is made where it is not there.
    pub async fn set_rate(&self, topic: &str, records_per_second: f64) {
        let url = format!("http://{}:{EXPORTER_PORT}/rate/{topic}/{records_per_second}", self.address);
        let set = self.client.post(url).send().await.expect("the feed answers");
        let status = set.status();
        let said = set.text().await.unwrap_or_default();
        assert!(status.is_success(), "the rate of {topic} was not set: {said}{}", self.feed.log_tail());
    }

    /// Panics with the log where one of the processes has ended.
    pub fn assert_running(&mut self) {
        self.broker.assert_running();
        self.feed.assert_running();
    }

    /// What the feed wrote down about a topic.
    pub(super) fn fed(&self, topic: &str) -> PathBuf {
        self.folder.join(format!("{topic}.fed"))
    }
}

const LOG_LEVEL: &str = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn";

/// One node that is broker and controller (KRaft), with its data in the folder.
fn start_broker(libraries: &Path, folder: &Path, address: Ipv4Addr) -> Process {
    let properties = folder.join("server.properties");
    let lines = [
        "process.roles=broker,controller".to_owned(),
        "node.id=1".to_owned(),
        format!("controller.quorum.voters=1@{address}:9093"),
        format!("listeners=PLAINTEXT://{address}:9092,CONTROLLER://{address}:9093"),
        "controller.listener.names=CONTROLLER".to_owned(),
        "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT".to_owned(),
        format!("log.dirs={}", folder.join("data").display()),
        "auto.create.topics.enable=false".to_owned(),
        // Alone there is nobody to replicate to.
        "offsets.topic.replication.factor=1".to_owned(),
        "offsets.topic.num.partitions=1".to_owned(),
        "transaction.state.log.replication.factor=1".to_owned(),
        "transaction.state.log.min.isr=1".to_owned(),
    ];
    std::fs::write(&properties, lines.join("\n") + "\n").expect("a file");
    let java = |main: &str| {
        let mut command = Command::new("java");
        command.args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"]);
        command.arg(LOG_LEVEL).arg("-cp").arg(libraries.join("*")).arg(main);
        command
    };
    // Any id will do: 16 bytes in base 64.
    let format = ["format", "--cluster-id", "c3RlZWx5YXJkLW9yZGVycw", "--config"];
    let formatted = java("kafka.tools.StorageTool").args(format).arg(&properties).output().expect("java runs");
    let said = String::from_utf8_lossy(&formatted.stderr);
    assert!(formatted.status.success(), "Kafka's storage was not formatted: {said}");
    Process::start("Kafka", java("kafka.Kafka").arg(&properties), &folder.join("broker.log"))
}
