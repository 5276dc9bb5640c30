//! What the loop publishes and everybody may read. Nothing secret is ever written here.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde::Serialize;

use crate::engine::{Observations, Plans, Signal, SignalSet, Timestamp};

/// The last tick, as the loop left it.
#[derive(Debug, Default)]
pub struct Board(RwLock<State>);

#[derive(Debug, Default)]
struct State {
    last_tick: Option<Timestamp>,
    classes: Vec<Class>,
    targets: Vec<TargetReport>,
    reload: Option<ReloadReport>,
}

#[derive(Debug, Clone)]
struct Class {
    name: Arc<str>,
    last_good: Option<Timestamp>,
    jobs: u32,
    asked: SignalSet,
    failed: SignalSet,
}

/// Whether the daemon is ready, and what is missing: the body of `/readyz`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Readiness {
    /// Whether every class was observed at least once since the start.
    pub ready: bool,
    /// The time of the last tick.
    pub last_tick: Option<Timestamp>,
    /// Every class in force.
    pub classes: Vec<ClassReport>,
    /// Targets of which the last tick knew nothing, or nothing new. No reason not to be ready: their jobs hold.
    pub targets: Vec<TargetReport>,
    /// The last reload, if there was one.
    pub reload: Option<ReloadReport>,
}

/// How one class was observed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassReport {
    /// The policy's name.
    pub class: Arc<str>,
    /// Whether it was observed at least once since the start with no query failing.
    pub ready: bool,
    /// When that was the case last.
    pub last_good_observation: Option<Timestamp>,
    /// How many jobs the last tick saw.
    pub jobs: u32,
    /// Signals whose query failed in the last tick.
    pub failed: Vec<Signal>,
}

/// Why something is not known about some targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TargetReport {
    /// Which, for people.
    pub scope: String,
    /// Why, and the mend where it is known.
    pub why: Arc<str>,
}

/// How the last reload of policies or settings ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReloadReport {
    /// When it was tried.
    pub at: Timestamp,
    /// Why it was refused, and the last good set stays; `null`: it is in force.
    pub error: Option<String>,
    /// Settings that have changed and are in force from the next start on only.
    pub next_start: Vec<&'static str>,
}

impl Board {
    /// Publishes a tick.
    pub fn publish(&self, plans: &Plans, seen: &Observations, at: Timestamp) {
        let mut jobs = vec![0_u32; plans.classes.len()];
        for job in &seen.jobs {
            if let Some(count) = jobs.get_mut(usize::from(job.class.0)) {
                *count += 1;
            }
        }
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before: HashMap<_, _> = state.classes.drain(..).map(|class| (class.name, class.last_good)).collect();
        state.classes = plans
            .classes
            .iter()
            .zip(jobs)
            .enumerate()
            .map(|(index, (plan, jobs))| {
                let failed = seen.classes.get(index).map(|class| class.failed).unwrap_or_default();
                let earlier = before.get(&plan.class).copied().flatten();
                let last_good = if failed.is_empty() { Some(at) } else { earlier };
                Class { name: Arc::clone(&plan.class), last_good, jobs, asked: plan.signals, failed }
            })
            .collect();
        state.last_tick = Some(at);
    }

    /// Publishes which targets are not known at this tick, and why.
    pub fn targets_in_trouble(&self, targets: Vec<TargetReport>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).targets = targets;
    }

    /// Publishes a reload.
    pub fn reloaded(&self, reload: ReloadReport) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).reload = Some(reload);
    }

    /// Whether the daemon is ready.
    pub fn readiness(&self) -> Readiness {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let State { last_tick, classes, targets, reload } = &*state;
        Readiness {
            ready: last_tick.is_some() && classes.iter().all(|class| class.last_good.is_some()),
            last_tick: *last_tick,
            classes: classes.iter().map(Class::report).collect(),
            targets: targets.clone(),
            reload: reload.clone(),
        }
    }

    /// Whether the last tick saw nothing at all: every query of every class failed.
    pub fn blind(&self) -> bool {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let blind =
            |class: &Class| !class.failed.is_empty() && class.asked.iter().all(|one| class.failed.contains(one));
        !state.classes.is_empty() && state.classes.iter().all(blind)
    }
}

impl Class {
    fn report(&self) -> ClassReport {
        let Self { name, last_good, jobs, asked: _, failed } = self;
        ClassReport {
            class: Arc::clone(name),
            ready: last_good.is_some(),
            last_good_observation: *last_good,
            jobs: *jobs,
            failed: failed.iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{ClassObservation, FleetLimits, Plan};
    use crate::policy::{self, PolicySet};

    const POLICY: &str = include_str!("../../tests/policies/good/smallest.yaml");

    fn plans(names: &[&str]) -> Plans {
        let policies = policy::parse("smallest.yaml", POLICY).unwrap();
        let plan = PolicySet { policies }.plans(FleetLimits::default()).classes.remove(0);
        let classes = names.iter().map(|name| Plan { class: (*name).into(), ..plan.clone() }).collect();
        Plans { classes, fleet: FleetLimits::default() }
    }

    fn seen(failed: &[&[Signal]]) -> Observations {
        let class = |failed: &&[Signal]| ClassObservation {
            failed: failed.iter().copied().collect(),
            partial: SignalSet::default(),
        };
        Observations { classes: failed.iter().map(class).collect(), jobs: Vec::new() }
    }

    #[test]
    fn it_is_ready_once_every_class_was_observed_and_stays_so() {
        let board = Board::default();
        assert!(!board.readiness().ready, "before the first tick");
        let two = plans(&["beam", "flink"]);
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1000);

        board.publish(&two, &seen(&[&[], &[Signal::Cpu]]), at(15));
        let readiness = board.readiness();
        assert!(!readiness.ready);
        assert_eq!(readiness.classes.iter().map(|class| class.ready).collect::<Vec<_>>(), [true, false]);
        assert_eq!(readiness.classes[1].failed, [Signal::Cpu]);

        board.publish(&two, &seen(&[&[Signal::Backlog], &[]]), at(30));
        let readiness = board.readiness();
        assert!(readiness.ready, "each once");
        assert_eq!(readiness.classes[0].last_good_observation, Some(at(15)));
        board.publish(&two, &seen(&[&[Signal::Backlog], &[Signal::Cpu]]), at(45));
        assert!(board.readiness().ready, "an outage of Prometheus is no reason to restart us");

        board.publish(&plans(&["flink", "new"]), &seen(&[&[], &[Signal::Cpu]]), at(60));
        let readiness = board.readiness();
        assert!(!readiness.ready, "a class that came by a reload was not observed yet");
        assert_eq!(&*readiness.classes[0].class, "flink");
        assert_eq!(readiness.classes[0].last_good_observation, Some(at(60)));
    }

    #[test]
    fn it_is_blind_when_every_query_of_every_class_failed() {
        let board = Board::default();
        let two = plans(&["beam", "flink"]);
        let asked: Vec<_> = two.classes[0].signals.iter().collect();
        assert!(!asked.is_empty());
        for (failed, blind) in [([&asked[..], &asked[..]], true), ([&asked[..], &asked[1..]], false)] {
            board.publish(&two, &seen(&failed), Timestamp::default());
            assert_eq!(board.blind(), blind);
        }
        board.publish(&two, &Observations::default(), Timestamp::default());
        assert!(!board.blind());
    }
}
