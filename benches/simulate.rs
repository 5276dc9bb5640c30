//! The simulator: how many job-hours a minute it takes through the closed loop, noise and decisions included.
//!
//! `cargo bench --bench simulate` prints job-hours per minute on all cores, and the share of the time that the plant alone
//! takes. Without `--bench` (as `cargo test --benches` runs it), or with `-- --test`, one short run. Nothing fails by time.
#![expect(clippy::print_stdout, reason = "a bench prints its result")]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use steelyard::policy;
use steelyard::simulate::{Contender, Plant, Scenario, Task, World, cores, run_all, simulate};

use support::{is_full, measured};

const BUDGET: f64 = 10_000.0;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/scenarios");
    let worlds: Vec<World> = Scenario::all(&root).unwrap().iter().map(|one| one.world(None, 1800)).collect();
    let policies = policy::load(&[root.join("policies")]).unwrap().policies;
    let contender = Contender::Policy { name: "bench".into(), policy: Arc::new(policies[0].clone()), interval: 15 };
    let seeds = if is_full() { 40 } else { 1 };
    let worlds = &worlds[..if is_full() { worlds.len() } else { 1 }];
    let task = |seed: u64| worlds.iter().map(move |world| (world.clone(), seed));
    let tasks: Vec<Task> =
        (1..=seeds).flat_map(task).map(|(world, seed)| Task { world, contender: contender.clone(), seed }).collect();
    let hours = tasks.iter().map(|task| f64::from(task.seconds()) / 3600.0).sum::<f64>();
    let stop = AtomicBool::new(false);

    // One core, by its CPU time; then all cores, by the clock that a user looks at.
    let one: Vec<&Task> = tasks.iter().take(worlds.len()).collect();
    let one_hours = one.iter().map(|task| f64::from(task.seconds()) / 3600.0).sum::<f64>();
    let ((), looped) = measured(|| {
        for task in &one {
            simulate(&task.world, &task.contender, task.seed, false, &stop).unwrap();
        }
    });
    let ((), plant) = measured(|| {
        for task in &one {
            let mut plant = Plant::new(Arc::clone(&task.world.plant), task.world.quiet, task.seconds(), task.seed);
            task.world.rates.iter().for_each(|rate| plant.step(*rate));
        }
    });
    let per_minute = one_hours / looped.as_secs_f64() * 60.0;
    println!(
        "job-hours a minute and core: {per_minute:.0}, the plant's share {:.0} %",
        100.0 * plant.as_secs_f64() / looped.as_secs_f64()
    );
    println!("budget {BUDGET:.0} a minute on 2 cores: {:.1} times met", 2.0 * per_minute / BUDGET);
    let ((), all) = measured(|| drop(run_all(&tasks, cores(), &stop, |_| {}).unwrap()));
    println!("{hours:.0} job-hours on {} threads took {all:.1?}", cores());
}
