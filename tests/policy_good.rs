//! Policies that are right: what comes of them.

use std::path::PathBuf;
use std::time::Duration;

use steelyard::engine::{Mode, Parts, Preset, Prices, Restart, Signal};
use steelyard::policy::{self, Policy, Unit};

fn good(name: &str) -> Vec<Policy> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/policies/good").join(name);
    policy::load(&[path]).unwrap_or_else(|problems| panic!("{problems}")).policies
}

#[test]
fn the_smallest_policy_has_the_published_values() {
    let [policy] = good("smallest.yaml").try_into().unwrap();
    let plan = &policy.plan;
    assert_eq!((&*plan.class, plan.mode), ("smallest", Mode::Observe));
    assert_eq!(plan.scale_up.backlog_time_above, Duration::from_secs(120));
    assert_eq!((plan.scale_up.cpu_above, plan.scale_up.drain_target), (0.9, Duration::from_secs(60)));
    assert_eq!(plan.scale_down.backlog_time_below, Duration::from_secs(10));
    assert_eq!((plan.scale_down.cpu_below, plan.scale_down.cpu_target), (0.7, 0.7));
    assert_eq!((plan.scale_down.window, plan.tolerance), (Duration::ZERO, 0.0));
    assert_eq!((plan.warm_up, plan.rescale_timeout), (Duration::from_secs(150), Duration::from_secs(600)));
    assert_eq!((plan.growth_window, plan.stale_after), (Duration::from_secs(120), Duration::from_secs(60)));
    let limits = &plan.limits;
    assert_eq!((limits.min_workers, limits.max_workers, limits.slots_per_worker), (1, 20, 1));
    assert_eq!((limits.max_step_up, limits.max_step_down), (None, None));
    assert_eq!((limits.max_parallelism, limits.partitions, limits.max_workers_total), (None, None, None));
    assert_eq!(
        (policy.plan.rate_window, policy.plan.scrape_interval),
        (Duration::from_secs(120), Duration::from_secs(15))
    );
    assert_eq!(policy.conflict_hold, Duration::from_secs(1800));
    assert_eq!(policy.target, None);
    let asked: Vec<_> = plan.signals.iter().collect();
    assert_eq!(asked, [Signal::Running, Signal::Throughput, Signal::Backlog]);
}

#[test]
fn every_field_of_a_file_arrives() {
    let [policy] = good("everything.yaml").try_into().unwrap();
    let plan = &policy.plan;
    assert_eq!(plan.mode, Mode::Up);
    assert_eq!(plan.scale_up.backlog_time_above, Duration::from_secs(180));
    assert_eq!((plan.scale_up.cpu_above, plan.scale_up.drain_target), (0.85, Duration::from_secs(90)));
    assert_eq!(plan.scale_down.backlog_time_below, Duration::from_secs(15));
    assert_eq!((plan.scale_down.cpu_below, plan.scale_down.cpu_target), (0.6, 0.65));
    assert_eq!((plan.scale_down.window, plan.tolerance), (Duration::from_secs(300), 0.1));
    assert_eq!((plan.warm_up, plan.rescale_timeout), (Duration::from_secs(120), Duration::from_secs(900)));
    assert_eq!((plan.growth_window, plan.stale_after), (Duration::from_secs(180), Duration::from_secs(45)));
    let limits = &plan.limits;
    assert_eq!((limits.min_workers, limits.max_workers, limits.slots_per_worker), (2, 40, 2));
    assert_eq!((limits.max_step_up, limits.max_step_down), (Some(1.5), Some(0.5)));
    assert_eq!((limits.max_parallelism, limits.partitions, limits.max_workers_total), (Some(128), Some(80), Some(400)));
    assert_eq!(
        (policy.plan.rate_window, policy.plan.scrape_interval),
        (Duration::from_secs(60), Duration::from_secs(10))
    );
    assert_eq!(policy.conflict_hold, Duration::from_secs(3600));
    assert_eq!(policy.restart.delay, Some(Duration::from_secs(40)));
    assert_eq!(policy.restart.downtime, Some(Duration::from_secs(20)));
    assert_eq!(policy.restart.checkpoint_interval, Some(Duration::from_secs(10)));
    let target = policy.target.as_ref().unwrap();
    assert_eq!((target.api_version.as_str(), target.kind.as_str()), ("flink.apache.org/v1beta1", "FlinkDeployment"));
    assert_eq!(target.namespaces, ["streaming-*", "batch"]);
    assert_eq!(target.selector, "!legacy,stage in (canary,prod),steelyard.dev/class=beam-flink-reactive,tier=gold");
    let all: Vec<_> = Signal::ALL.into_iter().filter(|signal| *signal != Signal::Growth).collect();
    assert_eq!(policy.signals.iter().map(|query| query.signal).collect::<Vec<_>>(), all);
    assert_eq!(plan.signals.iter().collect::<Vec<_>>(), all);
    for query in &policy.signals {
        let measured = matches!(query.signal, Signal::Throughput | Signal::Backlog);
        assert_eq!(query.unit, measured.then_some(Unit::Bytes), "{}", query.signal);
        assert_eq!(query.by.operator.as_deref(), measured.then_some("operator_name"), "{}", query.signal);
    }
}

#[test]
fn the_preset_balanced_has_its_own_values() {
    let seconds = Duration::from_secs;
    let [policy] = good("balanced-smallest.yaml").try_into().unwrap();
    let plan = &policy.plan;
    assert_eq!((plan.preset, plan.parts), (Preset::Balanced, Parts::ON));
    let up = &plan.scale_up;
    assert_eq!((up.load_above, up.headroom, up.headroom_per_minute), (Some(1.08), 0.25, 0.55));
    assert_eq!((up.backlog_time_above, up.cpu_above, up.drain_target), (seconds(120), 0.9, seconds(300)));
    let down = &plan.scale_down;
    assert_eq!((down.backlog_time_below, down.cpu_below, down.cpu_target), (seconds(10), 0.7, 0.8));
    assert_eq!((down.headroom, down.window), (0.1, seconds(60)));
    assert_eq!(plan.prices, Prices { lag_objective: seconds(60), lag: 14.0, restart: seconds(120) });
    let restart = Restart { delay: seconds(30), downtime: seconds(30), checkpoint_interval: seconds(10) };
    assert_eq!(plan.restart, restart);
    assert_eq!((plan.input_window, plan.tolerance), (seconds(300), 0.15));
    // The rate window of two minutes and two scrapes of 15 s.
    assert_eq!((plan.warm_up, plan.rescale_timeout), (seconds(150), seconds(600)));
    assert_eq!((plan.limits.max_step_up, plan.limits.max_step_down), (None, Some(0.5)));
}

#[test]
fn every_field_of_the_preset_balanced_arrives() {
    let seconds = Duration::from_secs;
    let [policy] = good("balanced.yaml").try_into().unwrap();
    let plan = &policy.plan;
    assert_eq!(plan.parts, Parts { learned_capacity: true, ..Parts::OFF });
    let up = &plan.scale_up;
    assert_eq!((up.load_above, up.headroom, up.headroom_per_minute), (Some(1.1), 0.2, 0.0));
    let down = &plan.scale_down;
    assert_eq!((down.headroom, down.window), (0.15, seconds(120)));
    assert_eq!(plan.prices, Prices { lag_objective: seconds(90), lag: 6.0, restart: seconds(60) });
    let restart = Restart { delay: seconds(40), downtime: seconds(75), checkpoint_interval: seconds(60) };
    assert_eq!(plan.restart, restart);
    assert_eq!((plan.input_window, plan.warm_up), (seconds(600), seconds(180)));
    assert_eq!((plan.rate_window, plan.commit_interval), (seconds(120), Some(seconds(60))));
    assert_eq!(plan.limits.max_step_down, None);
    let of = |signal| policy.signals.iter().find(|query| query.signal == signal).unwrap();
    assert!(of(Signal::Throughput).counter && !of(Signal::Backlog).counter);
    assert_eq!(
        of(Signal::Throughput).alternatives[0].parts,
        ["sum by (namespace, app, operator_name) (records_total)"]
    );
}

#[test]
fn a_query_is_cut_by_namespace_and_its_fall_backs_too() {
    let [policy] = good("everything.yaml").try_into().unwrap();
    let of = |signal| policy.signals.iter().find(|query| query.signal == signal).unwrap();
    let running = &of(Signal::Running).alternatives;
    assert_eq!(
        running[0].parts,
        [
            r#"count by (namespace, app) (task_up{namespace=~"streaming-[a-m].*"})"#,
            r#"count by (namespace, app) (task_up{namespace=~"streaming-[n-z].*"})"#,
            r#"count by (namespace, app) (task_up{namespace=~"batch"})"#,
        ]
    );
    let backlog = &of(Signal::Backlog).alternatives;
    assert_eq!(backlog.iter().map(|alternative| alternative.parts.len()).collect::<Vec<_>>(), [3, 3, 3]);
    let cpu = of(Signal::Cpu);
    assert_eq!(cpu.alternatives[0].parts, ["avg by (ns, workload) (worker_cpu_share)"], "an empty list: not cut");
    assert_eq!((cpu.by.namespace.as_deref(), cpu.by.name.as_str()), (Some("ns"), "workload"));
    assert_eq!(of(Signal::Unsafe).by.reason.as_deref(), Some("why"));
}

#[test]
fn a_file_may_hold_several_and_each_keeps_its_own_text() {
    let policies = good("several.yaml");
    let names: Vec<_> = policies.iter().map(|policy| policy.plan.class.to_string()).collect();
    assert_eq!(names, ["north", "south"]);
    for policy in &policies {
        let [again] = policy::parse("recording", &policy.text).unwrap().try_into().unwrap();
        assert_eq!(again.plan, policy.plan);
        assert_eq!(again.signals, policy.signals);
    }
    assert!(policies[1].text.contains("The talk's example"), "comments stay");
    assert_eq!(policies[1].plan.scale_up.backlog_time_above, Duration::ZERO);
}

#[test]
fn the_backlog_times_may_be_equal() {
    let [policy] = good("times-equal.yaml").try_into().unwrap();
    assert_eq!(policy.plan.scale_up.backlog_time_above, policy.plan.scale_down.backlog_time_below);
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/policies/good/times-equal.yaml");
    let said = policy::check(&[path]).diagnostics.to_string();
    assert!(!said.contains("backlogTime"), "{said}");
}

#[test]
fn a_folder_is_read_by_name() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/policies/good");
    let set = policy::load(&[folder]).unwrap_or_else(|problems| panic!("{problems}"));
    let names: Vec<_> = set.policies.iter().map(|policy| policy.plan.class.to_string()).collect();
    assert_eq!(
        names,
        ["balanced-smallest", "balanced", "beam-flink-reactive", "north", "south", "smallest", "times-equal"]
    );
}

/// The rule that the scenarios hold to its marks is the one that is shipped: the files differ in what they ask, of whom,
/// and in their limits, and in nothing that decides.
#[test]
fn what_is_shipped_decides_as_what_is_judged() {
    let load = |path: &str| {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
        let [policy] =
            policy::load(&[path]).unwrap_or_else(|problems| panic!("{problems}")).policies.try_into().unwrap();
        policy
    };
    let judged = load("benches/scenarios/policies/balanced.yaml");
    let counts = |policy: &Policy| {
        let throughput = policy.signals.iter().find(|query| query.signal == Signal::Throughput).unwrap();
        throughput.counter
    };
    assert!(counts(&judged));
    // A consumer group moves once a checkpoint, so that its offset is no total from tick to tick.
    for (class, totals) in [("beam-flink-reactive", true), ("flink-datastream", true), ("beam-flink-portable", false)] {
        let shipped = load(&format!("policies/{class}.yaml"));
        assert_eq!(counts(&shipped), totals, "{class}");
        let (plan, limits) = (shipped.plan.clone(), shipped.plan.limits.clone());
        let mut expected = judged.plan.clone();
        expected.class = class.into();
        expected.mode = Mode::Observe;
        expected.signals = plan.signals;
        // The window of the shares is longer than the scenarios', and the warm-up with it.
        expected.rate_window = Duration::from_secs(120);
        expected.warm_up = expected.rate_window + 2 * expected.scrape_interval;
        if class == "flink-datastream" {
            assert_eq!(plan.signals, judged.plan.signals, "all that the rule can read");
        }
        (expected.limits.min_workers, expected.limits.max_workers) = (limits.min_workers, limits.max_workers);
        assert_eq!(plan, expected, "{class}");
        assert_eq!((shipped.restart, shipped.conflict_hold), (judged.restart, judged.conflict_hold), "{class}");
    }
}
