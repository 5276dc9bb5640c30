//! Random plans and worlds, with the invariants as oracle.

use std::sync::Arc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::world;
use crate::engine::*;

fn reading(values: impl Strategy<Value = f64> + 'static) -> BoxedStrategy<Reading> {
    prop_oneof![
        20 => values.prop_map(Reading::Fresh),
        1 => Just(Reading::Missing),
        1 => Just(Reading::NotFinite),
        1 => Just(Reading::QueryFailed),
        1 => (0u64..1000).prop_map(|age| Reading::Stale { age: Duration::from_secs(age) }),
    ]
    .boxed()
}

fn magnitude() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), 0.0..10.0, 0.0..1e4, 0.0..1e9, Just(1e18), Just(f64::MIN_POSITIVE)]
}

prop_compose! {
    fn operators()(rows in vec((0u8..6, reading(magnitude()), option::weighted(0.2, reading(magnitude())), option::weighted(0.9, reading(magnitude())), option::of(reading(-1e4..1e4))), 0..5)) -> Vec<OperatorObservation> {
        let mut rows: Vec<_> = rows
            .into_iter()
            .map(|(name, throughput, total, backlog, growth)| OperatorObservation {
                operator: Arc::from(format!("op{name}").as_str()), throughput, total, backlog, growth,
            })
            .collect();
        rows.sort_by(|a, b| a.operator.cmp(&b.operator));
        rows.dedup_by(|a, b| a.operator == b.operator);
        rows
    }
}

prop_compose! {
    fn observed()(
        running in reading((0u32..60).prop_map(f64::from)),
        wished in prop_oneof![4 => Just(None), 1 => reading((0u32..60).prop_map(f64::from)).prop_map(Some)],
        running_for in reading(prop_oneof![0.0..300.0, Just(4000.0)]),
        coverage in reading(prop_oneof![5 => Just(1.0), 1 => 0.0..2.0]),
        age in reading(prop_oneof![5 => 0.0..30.0, 1 => 0.0..200.0]),
        cpu in reading(0.0..1.5),
        busy in reading(0.0..1.1),
        caps in (reading((0u32..80).prop_map(f64::from)), reading((0u32..80).prop_map(f64::from))),
        unsafe_reason in prop::bool::weighted(0.03),
        conflict in prop::bool::weighted(0.03),
        pause in option::weighted(0.1, prop_oneof![Just(Pause::Both), Just(Pause::Up), Just(Pause::Down)]),
        owner in (option::weighted(0.05, 0u32..40), option::weighted(0.1, 0u32..40), option::weighted(0.1, 0u32..40)),
        operators in operators(),
    ) -> JobObservation {
        JobObservation {
            wished: wished.unwrap_or(running), running, running_for, coverage, age, cpu, busy,
            max_parallelism: caps.0, partitions: caps.1,
            unsafe_reason: unsafe_reason.then(|| "harm".into()),
            conflict: conflict.then(|| "somebody".into()),
            wishes: OwnerWishes {
                pause, pause_until: None,
                fixed: owner.0.map(Workers), min: owner.1.map(Workers), max: owner.2.map(Workers),
            },
            operators,
            ..JobObservation::unseen(JobIndex(0), JobId::new("ns", "job"), ClassIndex(0))
        }
    }
}

prop_compose! {
    fn plans()(
        signals in vec(prop::sample::select(Signal::ALL.to_vec()), 0..14),
        mode in prop_oneof![1 => Just(Mode::Observe), 1 => Just(Mode::Up), 4 => Just(Mode::Act)],
        gates in (0u64..300, 0.1..1.2, 1u64..600, 0u64..100, 0.05..1.0, 0.1..1.0, 0u64..200),
        rule in (any::<bool>(), prop::bool::weighted(0.8), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()),
        prices in (option::of(1.0..1.5), 0.0..1.0, 0.0..1.0, 0.0..1.0, 0.0..10.0),
        costs in (1u64..200, 0.0..30.0, 0u64..300),
        times in (0u64..100, 0u64..100, 0u64..100, 15u64..120, option::of(1u64..100)),
        tolerance in 0.0..0.5,
        warm_up in 0u64..200,
        bounds in (1u32..20, 0u32..40),
        steps in (option::of(0.0..2.0), option::of(0.0..1.0)),
        slots in 1u32..4,
        totals in (option::of(0u32..100), option::of(0u32..100), option::of(0u32..200)),
        concurrent in option::of(0u32..5),
    ) -> Plans {
        let seconds = Duration::from_secs;
        let plan = Plan {
            signals: signals.into_iter().collect(),
            mode,
            scale_up: ScaleUp { backlog_time_above: seconds(gates.0), cpu_above: gates.1, drain_target: seconds(gates.2), load_above: prices.0, headroom: prices.1, headroom_per_minute: prices.2 },
            preset: if rule.0 { Preset::Balanced } else { Preset::Seed },
            parts: Parts { learned_capacity: rule.1, catch_up: rule.2, draining: rule.3, regret: rule.4, effect: rule.5 },
            prices: Prices { lag_objective: seconds(costs.0), lag: costs.1, restart: seconds(costs.2) },
            restart: Restart { delay: seconds(times.0), downtime: seconds(times.1), checkpoint_interval: seconds(times.2) },
            rate_window: seconds(times.3),
            commit_interval: times.4.map(seconds),
            scale_down: ScaleDown { backlog_time_below: seconds(gates.3), cpu_below: gates.4, cpu_target: gates.5, headroom: prices.3, window: seconds(gates.6) },
            tolerance,
            warm_up: seconds(warm_up),
            limits: Limits {
                min_workers: bounds.0, max_workers: bounds.0 + bounds.1, max_step_up: steps.0, max_step_down: steps.1,
                slots_per_worker: slots, max_parallelism: totals.0, partitions: totals.1, max_workers_total: totals.2,
            },
            ..world::plan()
        };
        Plans { classes: vec![plan], fleet: FleetLimits { max_concurrent_rescales: concurrent } }
    }
}

prop_compose! {
    /// Some ticks of some jobs; a job may be away in some.
    fn worlds()(ticks in vec((vec(option::weighted(0.9, observed()), 4), prop::bool::weighted(0.05), prop::bool::weighted(0.05)), 1..8)) -> Vec<Observations> {
        ticks.into_iter().map(|(jobs, failed, partial)| {
            let mut class = ClassObservation::default();
            if failed { class.failed.insert(Signal::Backlog); }
            if partial { class.partial.insert(Signal::Cpu); }
            let jobs = (0u32..).zip(jobs).filter_map(|(index, job)| job.map(|job| JobObservation {
                index: JobIndex(index), id: JobId::new("ns", &format!("job-{index}")), ..job
            })).collect();
            Observations { classes: vec![class], jobs }
        }).collect()
    }
}

fn cases() -> ProptestConfig {
    let cases = if option_env!("STEELYARD_LONG").is_some() { 20_000 } else { 300 };
    ProptestConfig { cases, ..ProptestConfig::default() }
}

fn at(tick: usize) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + 15_000 * tick as i64)
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn every_decision_keeps_the_invariants(plans in plans(), world in worlds()) {
        let mut memories = Memories::default();
        for (i, seen) in world.iter().enumerate() {
            let decisions = tick(&plans, &mut memories, seen, at(i));
            prop_assert_eq!(decisions.len(), seen.jobs.len());
            for (job, decision) in seen.jobs.iter().zip(&decisions) {
                prop_assert_eq!(&decision.job, &job.id);
                let checked = super::super::invariant::check(&plans.classes[0], seen, job, decision);
                prop_assert_eq!(checked, Ok(()));
                prop_assert!(!decision.because.is_empty());
                let json = serde_json::to_string(decision).map_err(|error| TestCaseError::fail(error.to_string()))?;
                prop_assert!(!json.contains("null"), "a number that is none: {json}");
            }
        }
    }

    #[test]
    fn the_same_inputs_give_the_same_decisions(plans in plans(), world in worlds()) {
        let run = || {
            let mut memories = Memories::default();
            let decisions: Vec<_> = world.iter().enumerate().map(|(i, seen)| tick(&plans, &mut memories, seen, at(i))).collect();
            (decisions, memories)
        };
        prop_assert_eq!(run(), run());
    }

    /// What one job of a class wants does not depend on the order in which jobs are seen.
    #[test]
    fn the_order_of_jobs_changes_nothing(plans in plans(), world in worlds()) {
        let (mut forth, mut back) = (Memories::default(), Memories::default());
        for (i, seen) in world.iter().enumerate() {
            let mut turned = seen.clone();
            turned.jobs.reverse();
            let one = tick(&plans, &mut forth, seen, at(i));
            let mut other = tick(&plans, &mut back, &turned, at(i));
            other.reverse();
            prop_assert_eq!(one, other);
        }
    }

    /// Carry the decisions out and look again at an otherwise unchanged world: whoever was scaled is waited for.
    #[test]
    fn a_second_tick_on_the_world_it_made_holds(plans in plans(), world in worlds()) {
        let mut memories = Memories::default();
        for (i, seen) in world.iter().enumerate() {
            let decisions = tick(&plans, &mut memories, seen, at(2 * i));
            let mut after = seen.clone();
            let mut scaled = Vec::new();
            for (job, decision) in after.jobs.iter_mut().zip(&decisions) {
                if let Action::Scale { to, .. } = decision.action {
                    job.wished = Reading::Fresh(f64::from(to.0));
                    scaled.push(job.id.clone());
                }
            }
            for decision in tick(&plans, &mut memories, &after, at(2 * i + 1)) {
                if scaled.contains(&decision.job) {
                    prop_assert!(matches!(decision.action, Action::Hold(_)), "{:?}", decision);
                }
            }
        }
    }

    /// Taking any one signal away, or making it doubtful, never turns a hold or an increase into a decrease.
    #[test]
    fn doubt_never_scales_down(plans in plans(), seen in observed(), doubt in 0usize..8, state in prop_oneof![Just(Reading::Missing), Just(Reading::NotFinite), Just(Reading::QueryFailed)]) {
        let decide = |job: &JobObservation| {
            let seen = Observations { classes: Vec::new(), jobs: vec![job.clone()] };
            tick(&plans, &mut Memories::default(), &seen, at(0)).remove(0).action
        };
        let falls = |action: &Action| matches!(action, Action::Scale { from, to } if to < from);
        let mut doubtful = seen.clone();
        match doubt {
            0 => doubtful.running_for = state,
            1 => doubtful.coverage = state,
            2 => doubtful.age = state,
            3 => doubtful.cpu = state,
            4 => doubtful.running = state,
            5 => doubtful.wished = state,
                6 => doubtful.operators.iter_mut().for_each(|operator| {
                operator.throughput = state;
                operator.total = operator.total.map(|_| state);
            }),
            _ => doubtful.operators.iter_mut().for_each(|operator| operator.backlog = operator.backlog.map(|_| state)),
        }
        // A signal that the policy never asked for may be missing: it was no part of the decision.
        let asked = state != Reading::Missing || doubt > 5;
        if asked && doubtful != seen && !doubtful.operators.is_empty() {
            prop_assert!(!falls(&decide(&doubtful)) || falls(&decide(&seen)));
        }
    }
}
