//! What the rule may believe of a job at this tick: its readings, judged by the age of their samples.

use std::time::Duration;

use super::job::Workers;
use super::memory::workers;
use super::observation::JobObservation;
use super::plan::Plan;
use super::reading::{Absence, Reading, Signal};
use super::step::Readings;

/// The judged readings of a job.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight {
    /// As the derivation shows them.
    pub readings: Readings,
    /// Workers that run, where that is known.
    pub running: Option<Workers>,
    /// Workers that the spec asks for, where that is known.
    pub wished: Option<Workers>,
    age: Option<Duration>,
}

impl Sight {
    /// Judges what was seen of a job.
    pub fn of(plan: &Plan, job: &JobObservation) -> Self {
        let age = job.age.fresh().map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
        let mut sight = Self {
            readings: Readings {
                running: job.running,
                wished: job.wished,
                running_for: job.running_for,
                coverage: job.coverage,
                age: job.age,
                cpu: job.cpu,
            },
            running: None,
            wished: None,
            age,
        };
        let Readings { running, wished: _, running_for, coverage, age: _, cpu } = sight.readings;
        sight.readings.running = sight.judge(plan, running);
        sight.readings.running_for = sight.judge(plan, running_for);
        sight.readings.coverage = sight.judge(plan, coverage);
        sight.readings.cpu = sight.judge(plan, cpu);
        // What the cluster says has no age: only a `wished` that was asked of Prometheus is judged.
        if plan.signals.contains(Signal::Wished) {
            sight.readings.wished = sight.judge(plan, job.wished);
        }
        sight.running = workers(sight.readings.running);
        sight.wished = workers(sight.readings.wished);
        sight
    }

    /// A reading of this job, judged by the age of its samples.
    pub fn judge(&self, plan: &Plan, reading: Reading) -> Reading {
        self.age.map_or(reading, |age| reading.judged(age, plan.stale_after))
    }

    /// Why a signal of the job cannot be used, if it cannot. One that nobody asked for may be missing.
    pub fn absence(&self, plan: &Plan, signal: Signal, reading: Reading) -> Option<Absence> {
        match reading.value() {
            Ok(_) => None,
            Err(Absence::Missing) if !plan.signals.contains(signal) => None,
            Err(absence) => Some(absence),
        }
    }
}
