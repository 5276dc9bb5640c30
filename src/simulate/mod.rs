//! The judge: a closed loop around a modelled streaming job.
//!
//! A [`Plant`] is the job: it takes records in, works them off with as many workers as it has, and restarts when that
//! number changes. What becomes of it stands in a [`History`], second by second. Nobody who decides sees that: a policy sees
//! [`Readings`] of it, scraped, averaged and late, as Observations of the very loop that the daemon runs; a
//! [baseline](baselines) sees them through a [`Scaler`]'s [`Look`]. [`Scores`] are taken from the history, and a [`Run`] has
//! all of it: the job second by second, what was decided and why, and the scores.
//!
//! Everything is a function of its inputs and a seed: no clock is read, and each kind of noise has a stream of its own.
//! The equations stand at [`Plant::step`]; `tests/calibration.rs` holds them against recordings of real jobs.

pub mod baselines;
mod campaign;
mod clairvoyant;
mod closed_loop;
mod history;
mod lines;
pub mod marks;
mod noise;
mod observe;
mod other_world;
pub mod peers;
mod plant;
mod readings;
mod scaler;
mod scenario;
mod scores;
mod workload;

#[cfg(test)]
mod tests;

pub use campaign::{Task, cores, run_all};
pub use clairvoyant::{demand, need};
pub use closed_loop::{Contender, Run, RunError, baseline_names, simulate};
pub use history::{History, Second};
pub use lines::LinesError;
pub use noise::{Noise, Stream};
pub use observe::observation;
pub use other_world::{OtherWorld, OtherWorldError};
pub use plant::{Arrival, CapacityStep, Cpu, Deviations, Metrics, Outage, Plant, PlantError, PlantSpec, WarmUp};
pub use readings::Readings;
pub use scaler::{Look, Scaler, World};
pub use scenario::{Scenario, ScenarioError};
pub use scores::{Scores, Spread, paid};
pub use workload::{Workload, WorkloadError};
