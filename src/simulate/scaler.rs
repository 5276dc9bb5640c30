//! What is compared with our policies: anything that looks at the job now and then and says how many workers it should have.

use std::sync::Arc;

use super::plant::PlantSpec;
use super::readings::Readings;

/// A way to scale that is not one of our policies.
pub trait Scaler: Send {
    /// Seconds between two looks, at least 1. It looks at seconds `every`, `2 * every`, ... of the run.
    fn every(&self) -> u32;

    /// Looks, and says how many workers the job should have; `None`: leave it.
    ///
    /// What it says becomes [`Look::wished`], clamped to 1 and [`PlantSpec::max_workers`]; the job follows later. In the
    /// quiet time before the run is scored nothing is carried out: do not remember an order, look at what is wished.
    fn decide(&mut self, look: &Look<'_>) -> Option<u32>;
}

/// What a [`Scaler`] can see.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// The second of the run, its quiet beginning counted in.
    pub at: u32,
    /// Workers that the job is to have, by the last order.
    pub wished: u32,
    /// As Prometheus shows the job: scraped, delayed, blind after a restart.
    pub scraped: Readings<'a>,
    /// As the job shows itself at this second: what an autoscaler reads that asks Flink or Kafka.
    pub exact: Readings<'a>,
    /// The job: what whoever configures a scaler by hand knows of it.
    pub plant: &'a PlantSpec,
}

/// The job and its load, of all of the run. Whoever is given it knows the future.
#[derive(Debug, Clone)]
pub struct World {
    /// The job.
    pub plant: Arc<PlantSpec>,
    /// Records per second without their noise, for each second of the run, its quiet beginning counted in.
    pub rates: Arc<[f64]>,
    /// Seconds of quiet beginning, which are not scored.
    pub quiet: u32,
}

impl World {
    /// A job under a load, with `quiet` seconds before it.
    ///
    /// Quiet is the load's first rate, or 80 % of what the job can process at its start where that is less: then the windows
    /// of whoever decides are full when the load begins, no backlog is left of it, and it is no load to rescale for. (Of 70,
    /// 80 and 90 %: with 80 the published scores of S1 and S4, whose first rates the start cannot carry, are met best.)
    pub fn new(plant: Arc<PlantSpec>, rates: &[f64], quiet: u32) -> Self {
        const QUIET_LOAD: f64 = 0.8;
        let calm =
            rates.first().copied().unwrap_or_default().min(QUIET_LOAD * plant.capacity(plant.start_workers, 0.0));
        let rates = std::iter::repeat_n(calm, quiet as usize).chain(rates.iter().copied()).collect();
        Self { plant, rates, quiet }
    }

    /// The load that is scored.
    pub fn scored(&self) -> &[f64] {
        &self.rates[self.quiet as usize..]
    }

    /// Seconds of the run.
    pub fn seconds(&self) -> u32 {
        u32::try_from(self.rates.len()).unwrap_or(u32::MAX)
    }
}
