//! The live source: Prometheus, and the cluster where it is watched.

use std::sync::Arc;

use super::trouble::{self, Troubles};
use super::{Sight, Source, Ticks};
use crate::cluster::{Targets, Trouble};
use crate::engine::{JobIndex, JobTable, Observations, Timestamp};
use crate::policy::PolicySet;
use crate::serve::{Board, TargetReport};
use crate::signals::{Observer, QueryOutcome, Recollected, Seen};
use crate::telemetry::{Metrics, Query};

/// Observes what Prometheus and Kubernetes say, at aligned ticks.
pub struct LiveSource {
    ticks: Ticks,
    observer: Observer,
    cluster: Option<Watched>,
    jobs: Jobs,
    troubles: Troubles,
    metrics: Arc<Metrics>,
    /// Whether what an earlier process knew has been read back.
    recollected: bool,
    sight: Sight,
}

/// The targets, and the policies that they follow.
struct Watched {
    targets: Targets,
    policies: Arc<PolicySet>,
    /// Why newer policies are not followed, as it was told.
    refused: Option<String>,
    board: Arc<Board>,
}

/// The jobs that this process knows.
#[derive(Debug, Default)]
struct Jobs {
    table: JobTable,
    /// By index: whether the last tick saw it, in Prometheus or in the cluster. A deleted object's rows are there for
    /// some minutes more, so that what the cluster takes out is still known to the observer.
    seen: Vec<bool>,
}

impl LiveSource {
    /// Observes with that observer, at those ticks.
    pub fn new(ticks: Ticks, observer: Observer, metrics: Arc<Metrics>) -> Self {
        let (cluster, jobs, troubles, sight) = Default::default();
        Self { ticks, observer, cluster, jobs, troubles, metrics, sight, recollected: false }
    }

    /// When the tick in hand began, for a sink that acts.
    pub fn sight(&self) -> Sight {
        self.sight.clone()
    }

    /// Adds what the cluster says about the targets of those policies. What it does not say is told on the board.
    #[must_use]
    pub fn with_targets(mut self, targets: Targets, policies: Arc<PolicySet>, board: Arc<Board>) -> Self {
        self.cluster = Some(Watched { targets, policies, refused: None, board });
        self
    }
}

impl Source for LiveSource {
    async fn next_tick(&mut self) -> Option<Timestamp> {
        Some(self.ticks.next().await)
    }

    async fn observe(&mut self, policies: &Arc<PolicySet>, at: Timestamp) -> Observations {
        self.sight.begin(policies);
        self.jobs.retire_unseen();
        let Seen { mut observations, queries, repeated } =
            self.observer.observe(&mut self.jobs.table, policies, at).await;
        self.jobs.remember(&observations);
        if let Some(cluster) = &mut self.cluster {
            cluster.follow(policies).await;
            cluster.targets.apply(policies, &mut self.jobs.table, &mut observations, at);
            self.jobs.remember_too(&observations);
            let troubles = cluster.troubles();
            self.metrics.targets_in_trouble(troubles.len());
            cluster.board.targets_in_trouble(troubles);
        }
        if !self.recollected && queries.iter().any(|query| !matches!(query.outcome, QueryOutcome::Failed(_))) {
            self.recollected = true;
            self.recollect(policies, &mut observations, at).await;
            if let Some(cluster) = &self.cluster {
                cluster.targets.recall(policies, &mut observations, at);
            }
        }
        self.troubles.tell(&queries, &repeated, at);
        self.metrics.queried(queries.iter().map(|query| Query {
            class: &query.class,
            signal: query.signal,
            outcome: trouble::label(&query.outcome),
            elapsed: query.elapsed,
            series: query.series as u64,
        }));
        observations
    }
}

impl LiveSource {
    /// Reads back what an earlier process knew. Jobs that are not known to it, and all where that fails, count as just
    /// rescaled: so it is tried once, at the first tick that Prometheus answers, and not when it is too late to count.
    async fn recollect(&self, policies: &Arc<PolicySet>, observations: &mut Observations, at: Timestamp) {
        match self.observer.recollect(&self.jobs.table, policies, observations, at).await {
            Ok(Recollected { jobs, strangers }) => tracing::info!(jobs, strangers, "read back what was learned before"),
            Err(error) => {
                let error = format!("{:#}", anyhow::Error::from(error));
                tracing::warn!(error, "failed to read back what was learned before: every job counts as just rescaled");
            }
        }
    }
}

impl Watched {
    /// Goes on with other policies after a reload. Where that fails the old watches stay, and it is tried again at the
    /// next tick: the jobs of a target that is not watched are in doubt, and doubt holds.
    async fn follow(&mut self, policies: &Arc<PolicySet>) {
        if Arc::ptr_eq(&self.policies, policies) {
            // As they were before a reload that was refused, too.
            self.refused = None;
            return;
        }
        match self.targets.follow(policies).await {
            Ok(()) => {
                self.policies = Arc::clone(policies);
                self.refused = None;
            }
            Err(error) => {
                let error = format!("{:#}", anyhow::Error::from(error));
                if self.refused.as_ref() != Some(&error) {
                    tracing::warn!(error, "failed to watch the targets of the reloaded policies, will retry");
                }
                self.refused = Some(error);
            }
        }
    }

    /// What is not known about targets, for people.
    fn troubles(&self) -> Vec<TargetReport> {
        let refused =
            self.refused.iter().map(|why| TargetReport { scope: "the reloaded policies".into(), why: (**why).into() });
        let watches = self.targets.troubles().into_iter();
        refused.chain(watches.map(|Trouble { scope, why }| TargetReport { scope, why })).collect()
    }
}

impl Jobs {
    /// Takes the indices back that the last tick did not see. Not earlier: the engine forgets them at that tick.
    fn retire_unseen(&mut self) {
        for (position, seen) in self.seen.iter().enumerate() {
            if let (false, Ok(index)) = (seen, u32::try_from(position)) {
                self.table.retire(JobIndex(index));
            }
        }
    }

    /// What Prometheus said.
    fn remember(&mut self, observations: &Observations) {
        self.seen.clear();
        self.remember_too(observations);
    }

    /// What is left and was added by the cluster.
    fn remember_too(&mut self, observations: &Observations) {
        self.seen.resize(self.table.capacity(), false);
        for job in &observations.jobs {
            if let Some(seen) = self.seen.get_mut(job.index.0 as usize) {
                *seen = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{ClassIndex, JobObservation};

    #[test]
    fn an_index_is_taken_back_a_tick_after_its_job_was_last_seen() {
        let class = Arc::from("beam");
        let mut jobs = Jobs::default();
        let tick = |jobs: &mut Jobs, names: &[&str]| -> Vec<u32> {
            jobs.retire_unseen();
            let indices: Vec<_> = names.iter().map(|name| jobs.table.intern(&class, "streaming", name)).collect();
            let seen = |index: &JobIndex| {
                JobObservation::unseen(*index, jobs.table.id(*index).unwrap().clone(), ClassIndex(0))
            };
            let observations = Observations { classes: Vec::new(), jobs: indices.iter().map(seen).collect() };
            jobs.remember(&observations);
            indices.into_iter().map(|index| index.0).collect()
        };
        assert_eq!(tick(&mut jobs, &["a", "b"]), [0, 1]);
        assert_eq!(tick(&mut jobs, &["b"]), [1], "a is missing, and the engine forgets it now");
        assert_eq!(jobs.table.len(), 2);
        assert_eq!(tick(&mut jobs, &["b", "c"]), [1, 0], "only now its index stands for another");
        assert_eq!(tick(&mut jobs, &["a", "b", "c"]), [2, 1, 0]);
    }
}
