//! A lane with the bed's own DataStream job: the input is set at any time, and the truth is known to the last record.

pub mod truth;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::Bed;
use super::common::options;
use super::common::wait::until;
use super::flink::{Cluster, START, Spec};
use crate::component;

use truth::Truth;

/// The last version of Flink's first line.
pub const FLINK_1: &str = "1.20.5";
/// The newest one of its second line.
pub const FLINK_2: &str = "2.3.0";
/// Partitions of the input, and the most workers that any lane may have.
pub const PARTITIONS: usize = 8;

/// What differs between lanes.
pub type Options = options::Options<Own>;

/// Of this job's alone.
#[derive(Debug, Clone)]
pub struct Own {
    /// Of Flink: `1.20.5`, `2.3.0`.
    pub version: String,
    /// A keyBy over so many key groups between source and work; `None`: one chained task.
    pub key_groups: Option<usize>,
}

impl Options {
    /// One worker of 100 records/s with an input of 50.
    pub fn new(app: &str, version: &str) -> Self {
        let own = Own { version: version.to_owned(), key_groups: None };
        Self { app: app.to_owned(), cost: Duration::from_millis(10), rate: 50.0, workers: 1, own }
    }

    /// The same with a keyBy over so many key groups.
    pub fn key_groups(mut self, groups: usize) -> Self {
        self.own.key_groups = Some(groups);
        self
    }
}

/// A cluster that runs the job.
#[derive(Debug)]
pub struct Lane {
    /// The processes.
    pub cluster: Cluster,
    bed: Arc<Bed>,
    options: Options,
    log: PathBuf,
    /// From when on, in epoch seconds, and records per second.
    schedule: Vec<(f64, f64)>,
}

impl Lane {
    /// Starts it and waits for nothing. `None`: this Flink is not installed, and the test is skipped.
    pub fn start(bed: &Arc<Bed>, options: Options) -> Option<Self> {
        let flink = component::installed("flink", &options.own.version)?;
        let job = component::install("flink-job", &[&options.own.version]);
        let log = bed.lane_folder(&format!("{}-log", options.app));
        let mut arguments = vec!["--log".to_owned(), log.display().to_string()];
        arguments.extend(["--partitions".to_owned(), PARTITIONS.to_string()]);
        arguments.extend(["--cost-micros".to_owned(), options.cost.as_micros().to_string()]);
        if let Some(groups) = options.own.key_groups {
            arguments.extend(["--key-groups".to_owned(), groups.to_string()]);
        }
        let most = options.own.key_groups.unwrap_or(PARTITIONS);
        let schedule = vec![(bed.now(), options.rate)];
        write_schedule(&log, &schedule);
        let spec = Spec {
            app: options.app.clone(),
            flink,
            jars: vec![job],
            job_class: "bed.Job".to_owned(),
            arguments,
            config: vec![format!("pipeline.max-parallelism: {most}")],
            task_heap: 128,
        };
        let cluster = Cluster::start(bed, spec, options.workers);
        Some(Self { cluster, bed: Arc::clone(bed), options, log, schedule })
    }

    /// Another input from now on.
    pub fn set_rate(&mut self, records_per_second: f64) {
        self.schedule.push((self.bed.now(), records_per_second));
        write_schedule(&self.log, &self.schedule);
    }

    /// What one worker can do, in records per second.
    pub fn capacity_of_one(&self) -> f64 {
        self.options.capacity_of_one()
    }

    /// What so many workers can do, in records per second, before the busiest of them cannot: partitions and key groups are not
    /// shared. Of 8 over 3 workers it has 3, so that three do 267/s and not 300.
    pub fn capacity(&self, workers: usize) -> f64 {
        let parts = self.options.own.key_groups.unwrap_or(PARTITIONS);
        self.capacity_of_one() * parts as f64 / parts.div_ceil(workers) as f64
    }

    /// Waits until the job has restarted after a moment, in epoch seconds, and all of it processes again with so many workers.
    /// Says since when.
    ///
    /// What the JobManager says is not enough: it counts a dead worker until it misses it.
    pub async fn until_restarted(&mut self, width: usize, after: f64) -> f64 {
        let look = async || {
            self.cluster.assert_running();
            let job = self.cluster.job().await.and_then(|job| job.running_width());
            let truth = self.truth();
            let since = truth.since().filter(|since| *since > after)?;
            (job == Some(width) && truth.width() == width).then_some(since)
        };
        until(format!("the job restarts {width} wide"), START, look).await
    }

    /// What the job really did and does.
    pub fn truth(&self) -> Truth {
        Truth::read(&self.log, self.schedule.clone(), self.bed.now())
    }

    /// The input since the lane began: from when on, in epoch seconds, and records per second.
    pub fn schedule(&self) -> &[(f64, f64)] {
        &self.schedule
    }
}

/// Tells the job its input: from when on, in epoch seconds, and records per second.
pub fn write_schedule(log: &std::path::Path, schedule: &[(f64, f64)]) {
    let mut lines = String::new();
    for (from, rate) in schedule {
        writeln!(lines, "{:.0} {rate}", from * 1000.0).expect("a string takes it");
    }
    // Renamed into place: the job must not read half a file.
    let part = log.join("schedule.part");
    std::fs::write(&part, lines).expect("a file");
    std::fs::rename(part, log.join("schedule")).expect("a file");
}
