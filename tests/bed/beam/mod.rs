//! Lanes with a real Beam pipeline on Flink's classic runner, reading a real Kafka by KafkaIO.

pub mod kafka;
pub mod truth;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::Bed;
use super::common::options;
use super::common::wait::until;
use super::flink::{Cluster, Spec};
use crate::component;

use kafka::Kafka;
use truth::Truth;

/// The newest Flink that this Beam has a runner for.
pub const FLINK: &str = "1.19.3";
/// Partitions of each topic, and the splits of a lane that asks for enough of them.
pub const PARTITIONS: usize = 8;
/// Of a record, key and value.
pub const RECORD_BYTES: f64 = 1003.0;

/// A start or a restart, with everything that a busy machine adds.
const START: Duration = Duration::from_secs(420);

/// What differs between lanes.
pub type Options = options::Options<Own>;

/// Of Beam's alone.
#[derive(Debug, Clone)]
pub struct Own {
    /// `--maxParallelism`; `None`: not given, and there is one reader for ever.
    pub max_parallelism: Option<usize>,
    /// A shuffle after the work: what follows is a second task, as wide as the cluster.
    pub shuffle: bool,
    /// Between two checkpoints, and so between two commits of its consumer group.
    pub checkpoints: Duration,
}

impl Options {
    /// One worker of 200 records/s with an input of 100 and enough splits.
    pub fn new(app: &str) -> Self {
        let own = Own { max_parallelism: Some(PARTITIONS), shuffle: false, checkpoints: Duration::from_secs(10) };
        Self { app: app.to_owned(), cost: Duration::from_millis(5), rate: 100.0, workers: 1, own }
    }

    /// The same with another time between two checkpoints.
    pub fn checkpoints(mut self, interval: Duration) -> Self {
        self.own.checkpoints = interval;
        self
    }

    /// The same without `--maxParallelism`, and with a shuffle, so that one task is as wide as the cluster all the same.
    pub fn one_reader(mut self) -> Self {
        self.own.max_parallelism = None;
        self.own.shuffle = true;
        self
    }
}

/// What Beam lanes share besides the bed.
#[derive(Debug)]
pub struct Components {
    /// The broker and the feed.
    pub kafka: Kafka,
    orders: PathBuf,
    flink: PathBuf,
}

impl Components {
    /// Starts Kafka. `None`: something is not installed, and the test is skipped.
    pub async fn start(bed: &Arc<Bed>) -> Option<Arc<Self>> {
        let flink = component::installed("flink", FLINK)?;
        component::installed("kafka", kafka::VERSION)?;
        let orders = component::install("beam", &[]);
        let kafka = Kafka::start(bed, &orders).await?;
        Some(Arc::new(Self { kafka, orders, flink }))
    }
}

/// A cluster that runs the pipeline.
#[derive(Debug)]
pub struct Lane {
    /// The processes.
    pub cluster: Cluster,
    bed: Arc<Bed>,
    components: Arc<Components>,
    options: Options,
    ledgers: PathBuf,
}

impl Lane {
    /// Starts it and waits for nothing but its topic.
    pub async fn start(bed: &Arc<Bed>, components: &Arc<Components>, options: Options) -> Self {
        components.kafka.set_rate(&options.app, options.rate).await;
        let ledgers = bed.lane_folder(&format!("{}-truth", options.app));
        let app = &options.app;
        let mut arguments = vec![
            "--runner=FlinkRunner".to_owned(),
            "--streaming=true".to_owned(),
            format!("--jobName={app}"),
            format!("--broker={}", components.kafka.bootstrap()),
            format!("--topic={app}"),
            format!("--cost={}", options.cost.as_micros()),
            format!("--shuffle={}", options.own.shuffle),
            format!("--truth={}", ledgers.display()),
        ];
        arguments.extend(options.own.max_parallelism.map(|most| format!("--maxParallelism={most}")));
        let spec = Spec {
            app: app.clone(),
            flink: home(bed, components, app),
            // They are in usrlib/.
            jars: Vec::new(),
            job_class: "orders.Main".to_owned(),
            arguments,
            config: vec![
                // Beam asks for the job's result, which a detached submission does not have: the JobManager would end.
                "execution.attached: true".to_owned(),
                "taskmanager.memory.jvm-metaspace.size: 224m".to_owned(),
                format!("execution.checkpointing.interval: {}s", options.own.checkpoints.as_secs()),
            ],
            task_heap: 192,
        };
        let cluster = Cluster::start(bed, spec, options.workers);
        Self { cluster, bed: Arc::clone(bed), components: Arc::clone(components), options, ledgers }
    }

    /// Another input from now on.
    pub async fn set_rate(&self, records_per_second: f64) {
        self.components.kafka.set_rate(&self.options.app, records_per_second).await;
    }

    /// Makes so many records wait, at once but for a few seconds, and goes on with another input.
    pub async fn pile_up(&self, records: f64, records_per_second: f64) {
        const SECONDS: f64 = 5.0;
        self.set_rate(records / SECONDS).await;
        tokio::time::sleep(Duration::from_secs_f64(SECONDS)).await;
        self.set_rate(records_per_second).await;
    }

    /// What one worker can do, in records per second.
    pub fn capacity_of_one(&self) -> f64 {
        self.options.capacity_of_one()
    }

    /// Waits until the first record is processed; says when that was, in epoch seconds.
    pub async fn since(&self) -> f64 {
        until("the first record is processed", START, async || self.truth().since()).await
    }

    /// Waits until the job has stopped after a moment and all of it runs again, so wide; says since when, in epoch seconds.
    pub async fn until_restarted(&mut self, width: usize, after: f64) -> f64 {
        self.cluster.until_running(width).await;
        let app = self.cluster.app().to_owned();
        let look = async || {
            let truth = self.truth();
            let (_, again) = *truth.restarts(after, truth.at()).last()?;
            let is_whole = truth.width(truth.at()) == width;
            let job = self.cluster.job().await.and_then(|job| job.running_width());
            (is_whole && job == Some(width)).then_some(again)
        };
        until(format!("{app} works {width} wide again"), START, look).await
    }

    /// What the job really did and does.
    pub fn truth(&self) -> Truth {
        Truth::read(&self.components.kafka.fed(&self.options.app), &self.ledgers, self.bed.now())
    }
}

/// Flink's folder as an image has it: the pipeline in usrlib/, from where each TaskManager loads it anew.
fn home(bed: &Bed, components: &Components, app: &str) -> PathBuf {
    let home = bed.lane_folder(&format!("{app}-home"));
    std::fs::create_dir(home.join("usrlib")).expect("a folder");
    let link = |to: &Path, name: &str| std::os::unix::fs::symlink(to, home.join(name)).expect("a link");
    link(&components.flink.join("lib"), "lib");
    link(&components.flink.join("plugins"), "plugins");
    link(&components.orders, "usrlib/orders.jar");
    home
}
