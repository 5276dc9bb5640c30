//! What the loop publishes and everybody may read. Nothing secret is ever written here.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde::Serialize;

use crate::engine::{JobId, Observations, Plans, Signal, SignalSet, Timestamp, Workers};

/// As many orders as are kept.
const ACTS: usize = 100;

/// For how long an order that failed is shown as failing: it is given again at each tick for as long as it is wanted.
const FAILING: Duration = Duration::from_secs(120);

/// The last tick, as the loop left it.
#[derive(Debug, Default)]
pub struct Board(RwLock<State>);

#[derive(Debug, Default)]
struct State {
    last_tick: Option<Timestamp>,
    classes: Vec<Class>,
    targets: Vec<TargetReport>,
    reload: Option<ReloadReport>,
    lease: Option<LeaseReport>,
    /// Oldest first.
    acts: VecDeque<ActReport>,
    /// The newest order of each job, where it failed.
    failing: HashMap<JobId, ActReport>,
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
    /// Counts that could not be set of late, and why, by job. No reason not to be ready either.
    pub failing: Vec<ActReport>,
    /// Which replica writes; `null`: this is the only one.
    pub lease: Option<LeaseReport>,
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

/// What became of one decision to scale.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActReport {
    /// When it was decided.
    pub at: Timestamp,
    /// The policy that decided.
    pub class: Arc<str>,
    /// `namespace/name`.
    #[serde(serialize_with = "displayed")]
    pub job: JobId,
    /// What ran.
    pub from: Workers,
    /// What was to be set.
    pub to: Workers,
    /// How it ended, in one word.
    pub outcome: &'static str,
    /// Why it failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Arc<str>>,
}

fn displayed<S: serde::Serializer>(job: &JobId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(job)
}

/// Which of several replicas writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeaseReport {
    /// Whether it is this one.
    pub leads: bool,
    /// Who holds the Lease, as far as is known.
    pub holder: Option<Arc<str>>,
    /// Why it can be neither read nor written at present.
    pub trouble: Option<Arc<str>>,
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
        state.failing.retain(|_, report| at.since(report.at) <= FAILING);
    }

    /// Publishes which targets are not known at this tick, and why.
    pub fn targets_in_trouble(&self, targets: Vec<TargetReport>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).targets = targets;
    }

    /// Publishes what became of the orders of a tick.
    pub fn acted(&self, reports: Vec<ActReport>) {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for report in reports {
            if report.why.is_some() {
                state.failing.insert(report.job.clone(), report.clone());
            } else {
                state.failing.remove(&report.job);
            }
            if state.acts.len() == ACTS {
                state.acts.pop_front();
            }
            state.acts.push_back(report);
        }
    }

    /// What became of the last hundred decisions to scale, oldest first.
    pub fn acts(&self) -> Vec<ActReport> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).acts.iter().cloned().collect()
    }

    /// Publishes a reload.
    pub fn reloaded(&self, reload: ReloadReport) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).reload = Some(reload);
    }

    /// Publishes which replica writes.
    pub fn leads(&self, lease: LeaseReport) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).lease = Some(lease);
    }

    /// Whether the daemon is ready.
    pub fn readiness(&self) -> Readiness {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let State { last_tick, classes, targets, reload, lease, acts: _, failing } = &*state;
        let mut failing: Vec<_> = failing.values().cloned().collect();
        failing.sort_by(|one, other| one.job.cmp(&other.job));
        Readiness {
            ready: last_tick.is_some() && classes.iter().all(|class| class.last_good.is_some()),
            last_tick: *last_tick,
            classes: classes.iter().map(Class::report).collect(),
            targets: targets.clone(),
            reload: reload.clone(),
            failing,
            lease: lease.clone(),
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
            ..ClassObservation::default()
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

    fn act(job: &str, second: i64, why: Option<&str>) -> ActReport {
        ActReport {
            at: Timestamp::from_millis(second * 1000),
            class: "beam".into(),
            job: JobId::new("streaming", job),
            from: Workers(3),
            to: Workers(5),
            outcome: if why.is_some() { "forbidden" } else { "scaled" },
            why: why.map(Into::into),
        }
    }

    #[test]
    fn an_order_that_failed_is_shown_until_one_succeeds_or_none_is_given() {
        let board = Board::default();
        let failing = |board: &Board| -> Vec<String> {
            board.readiness().failing.iter().map(|report| report.job.to_string()).collect()
        };
        board.acted(vec![act("b", 0, Some("403")), act("a", 0, Some("403")), act("c", 0, None)]);
        assert_eq!(failing(&board), ["streaming/a", "streaming/b"]);
        board.acted(vec![act("a", 15, None), act("b", 15, Some("404"))]);
        assert_eq!(board.readiness().failing, [act("b", 15, Some("404"))]);
        let two = plans(&["beam"]);
        board.publish(&two, &Observations::default(), Timestamp::from_millis(135_000));
        assert_eq!(failing(&board), ["streaming/b"]);
        board.publish(&two, &Observations::default(), Timestamp::from_millis(136_000));
        assert!(failing(&board).is_empty());
        let json = serde_json::to_value(act("b", 15, Some("404"))).unwrap();
        assert_eq!((&json["job"], &json["why"]), (&"streaming/b".into(), &"404".into()));
    }

    #[test]
    fn the_last_hundred_orders_are_kept() {
        let board = Board::default();
        for second in 0..150 {
            board.acted(vec![act("a", second, None)]);
        }
        let acts = board.acts();
        assert_eq!((acts.len(), &acts[0], &acts[99]), (100, &act("a", 50, None), &act("a", 149, None)));
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
