//! The engine alone: 40,000 jobs of 10 operators, ticked over and over.
//!
//! `cargo bench --bench engine` prints operator evaluations per second and, as a yardstick that moves with the machine,
//! the ratio to merely copying the same Observations; then what the process holds in memory after a tick, with the
//! Observations and the Decisions of that tick, less what it held at its start. Without `--bench` (as `cargo test
//! --benches` runs it), or with `-- --test`, a small fleet is ticked a few times. Nothing fails by time here.
#![expect(clippy::print_stdout, reason = "a bench prints its result")]

mod support;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use steelyard::engine::{
    ClassIndex, FleetLimits, JobId, JobIndex, JobObservation, Limits, Memories, Mode, Observations,
    OperatorObservation, Parts, Plan, Plans, Preset, Prices, Reading, Restart, ScaleDown, ScaleUp, Signal, Step,
    Timestamp, tick,
};

use support::{is_full, measured};

const OPERATORS: u32 = 10;
const TICK: Duration = Duration::from_secs(15);

fn main() {
    let before = resident_bytes();
    let (jobs, ticks) = if is_full() { (40_000, 24) } else { (100, 12) };
    for (preset, totals) in [(Preset::Seed, false), (Preset::Balanced, false), (Preset::Balanced, true)] {
        run((preset, totals), jobs, ticks, before);
    }
}

/// What this process holds in memory; `None` where the kernel does not tell it.
fn resident_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? * 1024.0)
}

fn run((preset, totals): (Preset, bool), jobs: u32, ticks: u32, before: Option<f64>) {
    let plans = Plans { classes: vec![plan(preset)], fleet: FleetLimits::default() };
    let mut seen = fleet(jobs);
    let mut memories = Memories::default();
    let mut at = Timestamp::from_millis(1_800_000_000_000);
    let (mut ticking, mut copying, mut moves) = (Duration::ZERO, Duration::ZERO, 0);
    let (mut resident, mut steps) = (None, 0);
    for round in 0..ticks {
        at = at.plus(TICK);
        load(&mut seen, totals, round);
        let ((), copied) = measured(|| drop(black_box(black_box(&seen).clone())));
        let (decisions, done) = measured(|| black_box(tick(&plans, &mut memories, black_box(&seen), at)));
        // The first ticks fill windows and allocate memories.
        if round >= ticks / 2 {
            ticking += done;
            copying += copied;
            resident = resident_bytes();
            steps = decisions.iter().map(|decision| decision.because.len()).sum();
            moves += decisions.iter().filter(|decision| decision.wish().is_some()).count();
        }
    }
    let evaluations = f64::from(jobs * OPERATORS * (ticks - ticks / 2));
    println!(
        "preset {preset:?}, throughput as {}: jobs {jobs}, operators {OPERATORS} each, {} ticks measured, {moves} wishes to move",
        if totals { "a total" } else { "a rate" },
        ticks - ticks / 2
    );
    println!("operator evaluations per second: {:.0}", evaluations / ticking.as_secs_f64());
    println!("a tick of the engine / a copy of its Observations: {:.1}", ticking.as_secs_f64() / copying.as_secs_f64());
    println!("budget 1,000,000 a second: {:.1} times met", evaluations / ticking.as_secs_f64() / 1e6);
    if let Some(bytes) = resident.zip(before).map(|(now, before)| now - before) {
        let each = |bytes: f64| bytes / f64::from(1 << 20) / f64::from(jobs) * 1000.0;
        let derived = each((steps * size_of::<Step>()) as f64);
        println!("resident for 1,000 jobs: {:.1} MiB, of which derivations {derived:.1}; budget 12", each(bytes));
    }
}

fn plan(preset: Preset) -> Plan {
    let seconds = Duration::from_secs;
    Plan {
        class: "bench".into(),
        mode: Mode::Act,
        preset,
        signals: [Signal::Throughput, Signal::Backlog, Signal::Cpu, Signal::Running, Signal::RunningFor, Signal::Age]
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
            load_above: Some(1.08),
            headroom: 0.25,
            headroom_per_minute: 0.4,
        },
        scale_down: ScaleDown {
            backlog_time_below: seconds(10),
            cpu_below: 0.7,
            cpu_target: 0.7,
            headroom: 0.13,
            window: seconds(300),
        },
        prices: Prices { lag_objective: seconds(60), lag: 12.0, restart: seconds(120) },
        restart: Restart { delay: seconds(30), downtime: seconds(30), checkpoint_interval: seconds(10) },
        parts: if preset == Preset::Balanced { Parts::ON } else { Parts::OFF },
        tolerance: 0.0,
        warm_up: seconds(150),
        rescale_timeout: seconds(600),
        limits: Limits {
            min_workers: 1,
            max_workers: 200,
            max_step_up: None,
            max_step_down: Some(0.5),
            slots_per_worker: 1,
            max_parallelism: Some(128),
            partitions: Some(64),
            max_workers_total: Some(2_000_000),
        },
    }
}

fn fleet(jobs: u32) -> Observations {
    let names: Vec<Arc<str>> = (0..OPERATORS).map(|i| Arc::from(format!("operator-{i:02}"))).collect();
    let jobs = (0..jobs)
        .map(|index| JobObservation {
            running: Reading::Fresh(f64::from(4 + index % 20)),
            running_for: Reading::Fresh(3600.0),
            coverage: Reading::Fresh(1.0),
            age: Reading::Fresh(5.0),
            cpu: Reading::Fresh(0.8),
            busy: Reading::Fresh(0.75),
            operators: names
                .iter()
                .map(|name| OperatorObservation {
                    operator: Arc::clone(name),
                    throughput: Reading::Fresh(1000.0),
                    total: None,
                    backlog: Some(Reading::Fresh(0.0)),
                    growth: None,
                })
                .collect(),
            ..JobObservation::unseen(JobIndex(index), JobId::new("bench", &format!("job-{index}")), ClassIndex(0))
        })
        .collect();
    Observations { classes: Vec::new(), jobs }
}

/// Every job's numbers move at every tick: some grow, some are idle, some want more, some less. `totals`: throughput is what
/// was processed since the start, as the shipped policies of `balanced` have it.
fn load(seen: &mut Observations, totals: bool, round: u32) {
    for (job, kind) in seen.jobs.iter_mut().zip((0u32..).map(|index| index % 4)) {
        job.cpu = Reading::Fresh([0.8, 0.35, 0.95, 0.85][kind as usize]);
        for (operator, step) in job.operators.iter_mut().zip(0u32..) {
            let wobble = f64::from((round * 7 + step * 13) % 29);
            let backlog = [500.0, 0.0, 2000.0 * f64::from(round), 60_000.0][kind as usize];
            let throughput = 1000.0 + wobble;
            if totals {
                let before = operator.total.and_then(Reading::fresh).unwrap_or(0.0);
                operator.throughput = Reading::Missing;
                operator.total = Some(Reading::Fresh(before + throughput * TICK.as_secs_f64()));
            } else {
                operator.throughput = Reading::Fresh(throughput);
            }
            operator.backlog = Some(Reading::Fresh(backlog + wobble));
        }
    }
}
