//! A small world to tick: a plan, jobs, and a clock that moves by hand.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::*;

pub const TICK: Duration = Duration::from_secs(15);

/// The published rule's settings, for any number of workers up to 1000, with every signal asked for.
pub fn plan() -> Plan {
    let seconds = Duration::from_secs;
    Plan {
        class: "beam".into(),
        mode: Mode::Act,
        preset: Preset::Seed,
        signals: [
            Signal::Throughput,
            Signal::Backlog,
            Signal::Cpu,
            Signal::Running,
            Signal::RunningFor,
            Signal::Coverage,
            Signal::Age,
        ]
        .into_iter()
        .collect(),
        stale_after: seconds(60),
        scrape_interval: seconds(15),
        rate_window: seconds(120),
        commit_interval: None,
        growth_window: seconds(120),
        input_window: seconds(300),
        scale_up: ScaleUp {
            backlog_time_above: seconds(120),
            cpu_above: 0.9,
            drain_target: seconds(60),
            load_above: None,
            headroom: 0.0,
            headroom_per_minute: 0.0,
        },
        scale_down: ScaleDown {
            backlog_time_below: seconds(10),
            cpu_below: 0.7,
            cpu_target: 0.7,
            headroom: 0.0,
            window: Duration::ZERO,
        },
        prices: Prices { lag_objective: seconds(60), lag: 12.0, restart: seconds(120) },
        restart: Restart { delay: seconds(30), downtime: seconds(30), checkpoint_interval: seconds(10) },
        parts: Parts::OFF,
        tolerance: 0.0,
        warm_up: seconds(150),
        rescale_timeout: seconds(600),
        limits: Limits {
            min_workers: 1,
            max_workers: 1000,
            max_step_up: None,
            max_step_down: None,
            slots_per_worker: 1,
            max_parallelism: None,
            partitions: None,
            max_workers_total: None,
        },
    }
}

/// A job that runs well: nothing waits, CPU is in the band.
pub fn job(index: u32, workers: u32) -> JobObservation {
    let name = format!("job-{index:03}");
    JobObservation {
        running: Reading::Fresh(f64::from(workers)),
        wished: Reading::Fresh(f64::from(workers)),
        running_for: Reading::Fresh(3600.0),
        coverage: Reading::Fresh(1.0),
        age: Reading::Fresh(5.0),
        cpu: Reading::Fresh(0.8),
        operators: vec![operator("read", 1000.0, 0.0, Some(0.0))],
        ..JobObservation::unseen(JobIndex(index), JobId::new("streaming", &name), ClassIndex(0))
    }
}

/// An operator; `growth` `None` leaves it to be measured.
pub fn operator(name: &str, throughput: f64, backlog: f64, growth: Option<f64>) -> OperatorObservation {
    OperatorObservation {
        operator: Arc::from(name),
        throughput: Reading::Fresh(throughput),
        total: None,
        backlog: Some(Reading::Fresh(backlog)),
        growth: growth.map(Reading::Fresh),
    }
}

/// Plans, memories and a clock.
pub struct World {
    pub plans: Plans,
    pub memories: Memories,
    pub now: Timestamp,
}

impl World {
    pub fn new(plan: Plan) -> Self {
        Self {
            plans: Plans { classes: vec![plan], fleet: FleetLimits::default() },
            memories: Memories::default(),
            now: Timestamp::from_millis(1_800_000_000_000),
        }
    }

    /// One tick, a tick later than the last.
    pub fn tick(&mut self, jobs: &[JobObservation]) -> Vec<Decision> {
        self.tick_seen(&Observations { classes: Vec::new(), jobs: jobs.to_vec() })
    }

    pub fn tick_seen(&mut self, seen: &Observations) -> Vec<Decision> {
        self.now = self.now.plus(TICK);
        tick(&self.plans, &mut self.memories, seen, self.now)
    }

    /// One tick of one job.
    pub fn action(&mut self, job: &JobObservation) -> Action {
        self.tick(std::slice::from_ref(job)).remove(0).action
    }
}

/// What a fresh engine decides for one job.
pub fn decide(plan: Plan, job: &JobObservation) -> Action {
    World::new(plan).action(job)
}

/// What a fresh engine decides, with the derivation.
pub fn explain(plan: Plan, job: &JobObservation) -> Decision {
    World::new(plan).tick(std::slice::from_ref(job)).remove(0)
}

pub fn scale(from: u32, to: u32) -> Action {
    Action::Scale { from: Workers(from), to: Workers(to) }
}

pub fn hold(action: &Action) -> &Hold {
    match action {
        Action::Hold(hold) => hold,
        Action::Scale { .. } => panic!("a hold was expected, not {action}"),
    }
}
