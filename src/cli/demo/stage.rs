//! The fleet as source and sink of the loop.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior};

use super::fleet::Fleet;
use crate::engine::{Action, Decision, JobObservation, Observations, Timestamp};
use crate::policy::{Policy, PolicySet};
use crate::run::{Sink, Source, paired};

/// Between two ticks, in modelled seconds.
pub(super) const INTERVAL: u32 = 15;

/// The fleet, shared between source, sink and whoever shows it.
#[derive(Debug, Clone)]
pub(super) struct Stage(Arc<Mutex<Fleet>>);

impl Stage {
    pub fn new(fleet: Fleet) -> Self {
        Self(Arc::new(Mutex::new(fleet)))
    }

    pub fn fleet(&self) -> MutexGuard<'_, Fleet> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Moves the fleet on, at a pace, and shows it.
pub(super) struct Modelled {
    stage: Stage,
    policy: Policy,
    pace: Option<Interval>,
    /// When it ends, in seconds since the start.
    end: u32,
}

impl Modelled {
    /// `pace`: real time between two ticks; `None`: none.
    pub fn new(stage: Stage, policy: Policy, pace: Option<Duration>, end: u32) -> Self {
        let pace = pace.filter(|pace| !pace.is_zero()).map(|pace| {
            let mut pace = tokio::time::interval(pace);
            // A terminal that is slow slows the day down.
            pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
            pace
        });
        Self { stage, policy, pace, end }
    }
}

impl Source for Modelled {
    async fn next_tick(&mut self) -> Option<Timestamp> {
        match &mut self.pace {
            Some(pace) => drop(pace.tick().await),
            // Signals and the HTTP server want their turn.
            None => tokio::task::yield_now().await,
        }
        let mut fleet = self.stage.fleet();
        let left = self.end.saturating_sub(fleet.now());
        if left < INTERVAL {
            return None;
        }
        fleet.advance(INTERVAL);
        Some(fleet.at())
    }

    async fn observe(&mut self, _: &Arc<PolicySet>, _: Timestamp) -> Observations {
        self.stage.fleet().observe(&self.policy)
    }
}

/// Shows what is decided.
pub(super) trait Audience: Send {
    /// One tick.
    ///
    /// # Errors
    /// Stdout cannot be written.
    fn show(&mut self, fleet: &Fleet, told: &[(&JobObservation, &Decision)]) -> anyhow::Result<()>;
}

/// Carries decisions out, and has them shown.
pub(super) struct Carrier<A> {
    stage: Stage,
    audience: A,
}

impl<A: Audience> Carrier<A> {
    pub fn new(stage: Stage, audience: A) -> Self {
        Self { stage, audience }
    }
}

impl<A: Audience> Sink for Carrier<A> {
    async fn carry_out(&mut self, seen: &Observations, decisions: &[Decision]) -> anyhow::Result<()> {
        let mut fleet = self.stage.fleet();
        let told: Vec<_> = paired(seen, decisions).collect();
        for (job, decision) in &told {
            if let Action::Scale { to, .. } = decision.action {
                fleet.order(job.index, to.0);
            }
        }
        self.audience.show(&fleet, &told)
    }
}
