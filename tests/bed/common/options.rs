//! What differs between lanes of any kind.

use std::time::Duration;

/// What differs between lanes, and what is `own` to those of one kind.
#[derive(Debug, Clone)]
pub struct Options<Own> {
    /// What its pods, its job and its input are named.
    pub app: String,
    /// What one record takes a worker; its capacity is one over it.
    pub cost: Duration,
    /// Records per second from the start.
    pub rate: f64,
    /// TaskManagers from the start.
    pub workers: usize,
    /// The rest.
    pub own: Own,
}

impl<Own> Options<Own> {
    /// The same with another input.
    pub fn rate(mut self, records_per_second: f64) -> Self {
        self.rate = records_per_second;
        self
    }

    /// The same with so many TaskManagers.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// What one worker can do, in records per second.
    pub fn capacity_of_one(&self) -> f64 {
        1.0 / self.cost.as_secs_f64()
    }
}
