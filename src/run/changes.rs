//! Which decisions say something new: the wish or the reason to hold changed, not just a time inside it.

use std::collections::HashMap;

use crate::engine::{Action, Decision, Hold, JobIndex, JobObservation, Observations, Signal, Workers};

/// What was decided for each job a tick ago.
#[derive(Debug, Default)]
pub struct Changes {
    told: HashMap<JobIndex, Gist>,
}

/// What two decisions share when they say the same: the wish and the reason, not the numbers behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gist {
    wish: Option<Workers>,
    hold: Option<(&'static str, Option<Signal>)>,
}

impl Gist {
    /// The gist of that decision.
    pub fn of(decision: &Decision) -> Self {
        let hold = match &decision.action {
            Action::Scale { .. } => None,
            Action::Hold(Hold::MissingSignal { signal, .. }) => Some(("missingSignal", Some(*signal))),
            Action::Hold(hold) => Some((hold.name(), None)),
        };
        Self { wish: decision.wish(), hold }
    }
}

impl Changes {
    /// The decisions of this tick that differ from those of the tick before; of a job that was not there, all.
    pub fn among<'a>(
        &mut self,
        seen: &'a Observations,
        decisions: &'a [Decision],
    ) -> Vec<(&'a JobObservation, &'a Decision)> {
        let mut told = HashMap::with_capacity(decisions.len());
        let mut changed = Vec::new();
        for (job, decision) in paired(seen, decisions) {
            let now = Gist::of(decision);
            if self.told.get(&job.index) != Some(&now) {
                changed.push((job, decision));
            }
            told.insert(job.index, now);
        }
        // Jobs that left are forgotten with the old map.
        self.told = told;
        changed
    }
}

/// Each decision with the job that it is for: `engine::tick` keeps the order, and leaves out a job without a plan.
pub fn paired<'a>(
    seen: &'a Observations,
    decisions: &'a [Decision],
) -> impl Iterator<Item = (&'a JobObservation, &'a Decision)> {
    let mut jobs = seen.jobs.iter();
    decisions.iter().filter_map(move |decision| Some((jobs.find(|job| job.id == decision.job)?, decision)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::engine::{Absence, ClassIndex, JobId, Timestamp};

    fn world(jobs: &[(u32, &str, Action)]) -> (Observations, Vec<Decision>) {
        let id = |name: &str| JobId::new("streaming", name);
        let jobs_seen = jobs
            .iter()
            .map(|(index, name, _)| JobObservation::unseen(JobIndex(*index), id(name), ClassIndex(0)))
            .collect();
        let decide = |(_, name, action): &(u32, &str, Action)| Decision {
            job: id(name),
            at: Timestamp::default(),
            action: action.clone(),
            because: Vec::new(),
        };
        (Observations { classes: Vec::new(), jobs: jobs_seen }, jobs.iter().map(decide).collect())
    }

    fn changed(changes: &mut Changes, jobs: &[(u32, &str, Action)]) -> Vec<String> {
        let (seen, decisions) = world(jobs);
        changes.among(&seen, &decisions).iter().map(|(_, decision)| decision.job.name().to_owned()).collect()
    }

    #[test]
    fn only_news_is_told() {
        let scale = |from, to| Action::Scale { from: Workers(from), to: Workers(to) };
        let warming = |seconds| Action::Hold(Hold::WarmingUp { remaining: Duration::from_secs(seconds) });
        let missing = |signal| Action::Hold(Hold::MissingSignal { signal, absence: Absence::Missing, operator: None });
        let rows = [
            ("the first is news", warming(30), true),
            ("less time remains", warming(15), false),
            ("another reason", Action::Hold(Hold::WithinBand), true),
            ("a signal goes", missing(Signal::Cpu), true),
            ("another signal", missing(Signal::Backlog), true),
            ("still", missing(Signal::Backlog), false),
            ("a wish", scale(10, 42), true),
            ("the same wish from elsewhere", scale(12, 42), false),
            ("another wish", scale(12, 43), true),
            ("held for the mode", Action::Hold(Hold::Observing { from: Workers(12), to: Workers(43) }), true),
        ];
        let mut changes = Changes::default();
        for (name, action, news) in rows {
            assert_eq!(!changed(&mut changes, &[(0, "orders", action)]).is_empty(), news, "{name}");
        }
    }

    #[test]
    fn a_job_that_left_is_forgotten_and_an_index_used_again_is_another_job() {
        let hold = || Action::Hold(Hold::WithinBand);
        let mut changes = Changes::default();
        assert_eq!(changed(&mut changes, &[(0, "orders", hold()), (1, "payments", hold())]), ["orders", "payments"]);
        assert!(changed(&mut changes, &[(1, "payments", hold())]).is_empty());
        assert_eq!(changed(&mut changes, &[(0, "refunds", hold()), (1, "payments", hold())]), ["refunds"]);
    }

    #[test]
    fn a_job_without_a_plan_is_passed_over() {
        let hold = || Action::Hold(Hold::WithinBand);
        let (seen, mut decisions) = world(&[(0, "a", hold()), (1, "b", hold()), (2, "c", hold())]);
        drop(decisions.remove(1));
        let pairs: Vec<_> = paired(&seen, &decisions).map(|(job, _)| job.index.0).collect();
        assert_eq!(pairs, [0, 2]);
    }
}
