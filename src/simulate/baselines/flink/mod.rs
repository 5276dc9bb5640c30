//! The autoscaler of the Flink Kubernetes Operator, as its code does it for a job of one vertex.
//!
//! What differs from the formula that its documentation gives, and is followed here: one pass a minute and only while
//! the job runs; every reading is thrown away after a restart, and nothing is decided until stabilization and a whole
//! window are over; failures leave the scale-down timer alone; rates come from the end points of the window while busy is
//! a mean of gauges that are themselves means of 60 s; an observed rate, once noted twice, sticks until the next restart;
//! values are rounded; steps down are limited; limits never force a move.
//!
//! Facts: `ScalingMetricCollector`, `ScalingMetricEvaluator`, `JobVertexScaler`, `DelayedScaleDown` of
//! flink-kubernetes-operator 1.10.0 and 1.15.0. Left out, since one vertex without partitions never meets them or they
//! are off as shipped: several vertices, alignment with key groups, ineffective scale-ups, observed scalability, memory.

mod evaluate;
mod history;
mod propose;
mod settings;

pub use evaluate::Evaluation;
use evaluate::{evaluate, observe};
use history::History;
pub use history::Reading;
use history::Sample;
use propose::{Timer, propose};
pub use settings::{Settings, Version};

/// The autoscaler of one job.
#[derive(Debug)]
pub struct Autoscaler {
    settings: Settings,
    /// The least and the most workers.
    limits: (u32, u32),
    history: History,
    timer: Timer,
    evaluation: Option<Evaluation>,
}

impl Autoscaler {
    /// An autoscaler that has seen nothing yet.
    pub fn new(settings: Settings, limits: (u32, u32)) -> Self {
        Self { settings, limits, history: History::default(), timer: Timer::default(), evaluation: None }
    }

    /// The options.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What the latest pass made of a full window; `None` where it had none.
    pub fn evaluation(&self) -> Option<&Evaluation> {
        self.evaluation.as_ref()
    }

    /// One pass over a job that runs since `running_since`, times in seconds: the width that it orders, if any.
    pub fn pass(&mut self, at: u32, running_since: u32, width: u32, reading: &Reading) -> Option<u32> {
        self.evaluation = None;
        if !self.collect(at, running_since, reading) {
            return None;
        }
        let evaluation = *self.evaluation.insert(evaluate(&self.settings, &self.history)?);
        let proposal = propose(&self.settings, width, self.limits, &evaluation)?;
        let (order, outside) = if proposal < width {
            self.timer.down(&self.settings, at, proposal, evaluation.is_outside())?
        } else {
            self.timer.clear();
            (proposal, evaluation.is_outside())
        };
        if order == width || !outside {
            return None;
        }
        self.timer.clear();
        Some(order)
    }

    /// Keeps the reading; whether there is a full window of readings after stabilization.
    fn collect(&mut self, at: u32, running_since: u32, reading: &Reading) -> bool {
        if self.history.first_at().is_some_and(|first| running_since > first) {
            self.history.clear();
        }
        let stable = running_since + self.settings.stabilization;
        let full = self.history.first_at_or_after(stable).unwrap_or(at) + self.settings.window;
        let observed = observe(&self.settings, &self.history, reading);
        self.history.push(Sample::of(reading, at, observed));
        if at < stable || at < full {
            return false;
        }
        self.history.keep_from(at - self.settings.window);
        true
    }
}

#[cfg(test)]
mod tests;
