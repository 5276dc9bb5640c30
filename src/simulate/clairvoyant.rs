//! Who knows the future: the smallest count at each second that carries the load, restarts left out. A lower bound.

use std::sync::Arc;

use super::plant::{Arrival, PlantSpec, WarmUp};
use super::scaler::{Look, Scaler, World};

/// The load is taken as its mean over so many seconds.
const MEAN_OVER: usize = 60;

/// The smallest count whose capacity carries `records_per_second` at that second after the quiet beginning; all workers
/// where none does (an external ceiling).
pub fn need(plant: &PlantSpec, records_per_second: f64, at: f64) -> u32 {
    (1..=plant.max_workers).find(|n| plant.capacity(*n, at) >= records_per_second).unwrap_or(plant.max_workers)
}

/// Workers that are needed at each scored second: [`need`] of the mean load of the last 60 s, noise left out.
pub fn demand(world: &World) -> Vec<u32> {
    let mut demand = Vec::with_capacity(world.scored().len());
    let quiet = world.quiet as usize;
    let mut last = (f64::NAN, usize::MAX, 0);
    let mut sum = 0.0;
    for (second, rate) in world.rates.iter().enumerate() {
        sum += rate;
        if second >= MEAN_OVER {
            sum -= world.rates[second - MEAN_OVER];
        }
        let Some(scored) = second.checked_sub(quiet) else { continue };
        // Before the load began there was none that counts.
        let over = scored.min(MEAN_OVER - 1) + 1;
        let mean = if over == MEAN_OVER { sum / MEAN_OVER as f64 } else { mean(&world.rates[quiet..=second]) };
        let step = world.plant.capacity_step(scored as f64);
        if (mean - last.0).abs() > 1e-9 * mean || step != last.1 {
            last = (mean, step, need(&world.plant, mean * (1.0 - 1e-9), scored as f64));
        }
        demand.push(last.2);
    }
    demand
}

fn mean(rates: &[f64]) -> f64 {
    rates.iter().sum::<f64>() / rates.len().max(1) as f64
}

/// Its name among the baselines.
pub(super) const NAME: &str = "clairvoyant";

/// Orders what is needed at each second, of a job that pays nothing for a restart.
pub(super) struct Clairvoyant {
    needed: Vec<u32>,
    quiet: u32,
}

impl Clairvoyant {
    /// Of that world.
    pub fn new(world: &World) -> Self {
        Self { needed: demand(world), quiet: world.quiet }
    }

    /// The world in which it is the lower bound: restarts cost nothing.
    pub fn world(world: &World) -> World {
        let mut plant = PlantSpec::clone(&world.plant);
        plant.pod_start = 0.0;
        plant.pod_stop = 0.0;
        plant.downtime = 0.0;
        plant.checkpoint_interval = 0.0;
        plant.arrival = Arrival::Together;
        plant.warm_up = WarmUp { duration: 0.0, from: 1.0 };
        World { plant: Arc::new(plant), ..world.clone() }
    }
}

impl Scaler for Clairvoyant {
    fn every(&self) -> u32 {
        1
    }

    fn decide(&mut self, look: &Look<'_>) -> Option<u32> {
        let scored = look.at.checked_sub(self.quiet)? as usize;
        self.needed.get(scored).copied()
    }
}
