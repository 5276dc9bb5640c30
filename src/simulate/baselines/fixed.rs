//! No autoscaler: one width all the time.

use super::settings::Slot;
use crate::simulate::scaler::World;

/// What can be set.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The width; without it, what the peak needs.
    pub workers: Option<u32>,
    /// How much more than the peak is planned for.
    pub factor: f64,
}

impl Settings {
    /// Whoever sizes a job for its peak: 10 % above what is exceeded for one second in a thousand.
    pub fn peak() -> Self {
        Self { workers: None, factor: 1.1 }
    }

    /// What can be set, by name.
    pub fn slots(&mut self) -> Vec<(&'static str, Slot<'_>)> {
        vec![("workers", Slot::MaybeCount(&mut self.workers)), ("factor", Slot::Number(&mut self.factor))]
    }

    /// The width: the smallest that can process `factor` times the 99.9th percentile of the load; all where none can.
    pub fn width(&self, world: &World) -> u32 {
        let plant = &world.plant;
        if let Some(workers) = self.workers {
            return workers.min(plant.max_workers);
        }
        let mut rates = world.scored().to_vec();
        rates.sort_unstable_by(f64::total_cmp);
        let at = (0.999 * rates.len() as f64).ceil() as usize;
        let peak = rates.get(at.saturating_sub(1)).copied().unwrap_or(0.0);
        let enough = |workers: &u32| plant.capacity(*workers, 0.0) >= self.factor * peak;
        (1..=plant.max_workers).find(enough).unwrap_or(plant.max_workers)
    }
}
