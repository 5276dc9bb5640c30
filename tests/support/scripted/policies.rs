//! Policies for the tests of the room `cluster`, which only looks at their names and targets; and a tick of it.

use std::time::Duration;

use steelyard::cluster::Targets;
use steelyard::engine::{
    ClassIndex, JobObservation, JobTable, Limits, Mode, Observations, Parts, Plan, Preset, Prices, Reading, Restart,
    ScaleDown, ScaleUp, SignalSet, Timestamp,
};
use steelyard::policy::{Policy, PolicySet, Target};

/// One policy for each (name, target).
pub fn policies<const N: usize>(classes: [(&str, Option<Target>); N]) -> PolicySet {
    PolicySet { policies: classes.into_iter().map(|(name, target)| policy(name, target)).collect() }
}

fn policy(name: &str, target: Option<Target>) -> Policy {
    let minute = Duration::from_secs(60);
    let plan = Plan {
        class: name.into(),
        mode: Mode::Act,
        preset: Preset::Seed,
        signals: SignalSet::default(),
        stale_after: minute,
        scrape_interval: minute / 4,
        rate_window: minute,
        commit_interval: None,
        growth_window: minute,
        input_window: minute,
        scale_up: ScaleUp {
            backlog_time_above: minute,
            cpu_above: 0.9,
            drain_target: minute,
            load_above: None,
            headroom: 0.0,
            headroom_per_minute: 0.0,
        },
        scale_down: ScaleDown {
            backlog_time_below: minute,
            cpu_below: 0.7,
            cpu_target: 0.7,
            headroom: 0.0,
            window: minute,
        },
        prices: Prices { lag_objective: minute, lag: 12.0, restart: minute },
        restart: Restart { delay: minute, downtime: minute, checkpoint_interval: minute },
        parts: Parts::OFF,
        tolerance: 0.0,
        warm_up: minute,
        rescale_timeout: minute,
        limits: Limits {
            min_workers: 1,
            max_workers: 10,
            max_step_up: None,
            max_step_down: None,
            slots_per_worker: 1,
            max_parallelism: None,
            partitions: None,
            max_workers_total: None,
        },
    };
    Policy {
        plan,
        target,
        signals: Vec::new(),
        conflict_hold: Duration::from_secs(1800),
        restart: Default::default(),
        text: "".into(),
    }
}

/// What Prometheus said: these jobs (class, namespace, name) run; then what the cluster adds at that second.
pub fn tick(
    targets: &Targets,
    policies: &PolicySet,
    jobs: &mut JobTable,
    rows: &[(u16, &str, &str)],
    second: i64,
) -> Observations {
    let mut seen = Observations::default();
    for (class, namespace, name) in rows {
        let plan = &policies.policies[usize::from(*class)].plan;
        let index = jobs.intern(&plan.class, namespace, name);
        let id = jobs.id(index).unwrap().clone();
        let mut job = JobObservation::unseen(index, id, ClassIndex(*class));
        job.running = Reading::Fresh(2.0);
        seen.jobs.push(job);
    }
    targets.apply(policies, jobs, &mut seen, Timestamp::from_millis(second * 1000));
    seen.jobs.sort_by(|one, other| (one.class, &one.id).cmp(&(other.class, &other.id)));
    seen
}

/// The jobs of a tick, as `class namespace/name wished`.
pub fn told(seen: &Observations) -> Vec<String> {
    let wished = |job: &JobObservation| match job.wished {
        Reading::Fresh(count) => count.to_string(),
        other => format!("{other:?}"),
    };
    seen.jobs.iter().map(|job| format!("{} {} {}", job.class.0, job.id, wished(job))).collect()
}
