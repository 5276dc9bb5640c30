//! Policies and scalers in the loop.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::spec;
use crate::engine::{Action, Hold};
use crate::policy::{self, Policy};
use crate::simulate::{Contender, Run, RunError, Scores, World, simulate};

const SEED: &str = include_str!("../../../benches/scenarios/policies/seed.yaml");

/// The published rule with these fields.
pub(super) fn policy(fields: &[(&str, &str)]) -> Policy {
    let policy = policy::parse("seed.yaml", SEED).unwrap().remove(0);
    let fields: Vec<_> = fields.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect();
    policy::with_fields(&policy, &fields).unwrap()
}

fn ran(world: &World, policy: Policy, seed: u64) -> Run {
    let contender = Contender::Policy { name: "seed".into(), policy: Arc::new(policy), interval: 15 };
    simulate(world, &contender, seed, true, &AtomicBool::new(false)).unwrap()
}

pub(super) fn scored(world: &World, policy: Policy, seed: u64) -> Scores {
    ran(world, policy, seed).scores
}

#[test]
fn the_published_rule_answers_a_step_and_the_job_follows() {
    let plant = spec("downtime: 20s\nmetrics: { scrape: 15s, rateWindow: 60s, blindAfterRestart: 25s }");
    let mut rates = vec![600.0; 600];
    rates.extend(vec![1500.0; 1800]);
    let world = World::new(Arc::new(plant), &rates, 1800);
    let run = ran(&world, policy(&[("limits.maxWorkers", "40")]), 1);
    let scale = run.decisions.iter().find_map(|(at, decision)| match decision.action {
        Action::Scale { from, to } => Some((*at, from.0, to.0)),
        _ => None,
    });
    let (at, from, to) = scale.expect("it scales up");
    assert!(from == 10 && to > 15 && at > 2400 && at < 2700, "{from} -> {to} at {at} s");
    // Ordered, 30 s of going on, 20 s of restart; meanwhile it holds, as what runs is not what is wished.
    let width: Vec<u32> = [at, at + 29, at + 31].map(|second| run.history.at(second).width).to_vec();
    assert_eq!(width, [10, 10, to]);
    assert!(!run.history.at(at + 49).is_up() && run.history.at(at + 50).is_up());
    let holds: Vec<&str> = run
        .decisions
        .iter()
        .filter_map(|(when, decision)| match &decision.action {
            Action::Hold(hold) if *when > at && *when < at + 150 => Some(hold.name()),
            _ => None,
        })
        .collect();
    assert_eq!(holds, ["rescaling", "notRunning", "warmingUp"]);
    assert!(run.history.seconds().last().unwrap().lag < 5.0, "and it caught up");
}

#[test]
fn nothing_is_carried_out_in_the_quiet_beginning() {
    // 10 workers where 1 would do: the rule wants down all the time.
    let world = World::new(Arc::new(spec("")), &vec![50.0; 600], 1800);
    let run = ran(&world, policy(&[]), 1);
    let wants = |decision: &crate::engine::Decision| matches!(decision.action, Action::Scale { .. });
    assert!(run.decisions.iter().any(|(at, decision)| *at < 1800 && wants(decision)));
    assert!(run.history.seconds()[..=1800].iter().all(|second| second.wished == 10));
    assert!(run.history.at(2400).width < 10);
}

#[test]
fn a_policy_does_not_see_what_it_does_not_ask_for() {
    let world = World::new(Arc::new(spec("noise: { arrivals: 0.05 }")), &vec![500.0; 300], 0);
    let text = SEED.replace("    cpu: { query: modelled_cpu }\n", "");
    let without = policy::parse("seed.yaml", &text).unwrap().remove(0);
    let cpu = |policy: Policy| {
        let run = ran(&world, policy, 1);
        run.decisions
            .iter()
            .any(|(_, decision)| decision.because.iter().any(|step| step.to_string().contains("cpu 0.5")))
    };
    assert!(cpu(policy(&[])), "the steps name it");
    assert!(!cpu(without));
}

#[test]
fn metrics_that_are_older_than_the_policy_allows_hold() {
    let world = World::new(Arc::new(spec("metrics: { delay: 120s }")), &vec![1500.0; 900], 0);
    let run = ran(&world, policy(&[]), 1);
    assert_eq!(run.scores.rescales, 0);
    let stale =
        run.decisions.iter().any(|(_, decision)| matches!(decision.action, Action::Hold(Hold::MissingSignal { .. })));
    assert!(stale);
    let patient = ran(&world, policy(&[("signals.staleAfter", "3m")]), 1);
    assert!(patient.scores.rescales > 0);
}

#[test]
fn the_clairvoyant_is_never_late_and_uses_what_is_needed() {
    let mut rates = vec![300.0; 1800];
    rates.extend(vec![1500.0; 1800]);
    let world = World::new(Arc::new(spec("downtime: 75s")), &rates, 600);
    let contender = Contender::Baseline { name: "clairvoyant".into() };
    let run = simulate(&world, &contender, 1, false, &AtomicBool::new(false)).unwrap();
    assert!(run.scores.lag_max < 60.0, "{:?}", run.scores);
    assert!((run.scores.worker_hours_over_clairvoyant - 1.0).abs() < 0.01, "{:?}", run.scores);
}

#[test]
fn a_run_can_be_stopped_and_a_name_can_be_wrong() {
    let world = World::new(Arc::new(spec("")), &vec![50.0; 600], 0);
    let contender = Contender::Policy { name: "seed".into(), policy: Arc::new(policy(&[])), interval: 15 };
    let stopped = simulate(&world, &contender, 1, false, &AtomicBool::new(true));
    assert!(matches!(stopped, Err(RunError::Interrupted)));
    let nobody = Contender::Baseline { name: "nobody".into() };
    let error = simulate(&world, &nobody, 1, false, &AtomicBool::new(false)).unwrap_err();
    assert!(error.to_string().starts_with("no baseline is called `nobody`"), "{error}");
}
