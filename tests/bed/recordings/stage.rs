//! One job that something happens to.

use std::sync::Arc;
use std::time::Duration;

use crate::bed::Bed;
use crate::bed::datastream::{Lane, Options};

use super::scenarios::Scenario;

/// Until it runs: what comes in while everything starts would be a backlog that differs from take to take.
const CALM: f64 = 20.0;

/// A bed of its own, with one lane, and what was done to it so far.
pub struct Stage {
    /// What is played.
    pub scenario: &'static Scenario,
    /// Of this scenario alone, so that its Prometheus holds nothing else.
    pub bed: Arc<Bed>,
    /// The job.
    pub lane: Lane,
    /// The first tick, in epoch seconds: the job runs with its first width.
    pub from: f64,
    /// Seconds after the first tick, and what was done.
    pub events: Vec<(f64, String)>,
    /// Times in which something besides the job was away, in seconds after the first tick.
    pub outages: Vec<(f64, f64)>,
}

impl Stage {
    /// Starts the job and waits until it runs with its first width.
    pub async fn open(scenario: &'static Scenario) -> Self {
        let bed = Bed::start().await.expect("a Prometheus: run tests/run once, or set PROMETHEUS");
        let mut options = Options::new("orders", scenario.version).rate(CALM).workers(scenario.workers);
        options.own.key_groups = scenario.key_groups;
        let mut lane = Lane::start(&bed, options).expect("Flink was installed");
        lane.cluster.until_running(scenario.workers).await;
        lane.set_rate(scenario.rate);
        let from = bed.now();
        Self { scenario, bed, lane, from, events: Vec::new(), outages: Vec::new() }
    }

    /// Seconds after the first tick.
    pub fn clock(&self) -> f64 {
        self.bed.now() - self.from
    }

    /// Waits until then: what happens when is what a scenario is.
    pub async fn at(&self, seconds: f64) {
        tokio::time::sleep(Duration::from_secs_f64((seconds - self.clock()).max(0.0))).await;
    }

    /// Notes what is done now.
    pub fn note(&mut self, what: impl Into<String>) {
        self.events.push((self.clock(), what.into()));
    }

    /// Another input.
    pub fn rate(&mut self, records_per_second: f64) {
        self.lane.set_rate(records_per_second);
        self.note(format!("{records_per_second} records/s in"));
    }

    /// Waits until all of the job runs so wide, and notes it.
    pub async fn until_running(&mut self, width: usize) {
        self.lane.cluster.until_running(width).await;
        self.note(format!("runs with {width} workers"));
    }
}
