//! What a day comes to, measured and predicted by the same measures.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use steelyard::policy::{self, Policy};
use steelyard::simulate::{Contender, PlantSpec, Spread, Workload, World, paid, simulate};

/// A second later than this is late, as in the plant.
const LATE: f64 = 60.0;
const SEEDS: std::ops::RangeInclusive<u64> = 1..=20;

/// What one job's day comes to.
#[derive(Debug, Clone, Copy)]
pub struct Scores {
    /// Changes of the count.
    pub rescales: f64,
    /// While workers come or go the larger number counts.
    pub worker_hours: f64,
    /// Share of the time with a lag above a minute.
    pub late: f64,
    /// The age of the oldest record that waits, in seconds.
    pub lag_mean: f64,
    pub lag_max: f64,
    /// Records that wait.
    pub backlog_mean: f64,
    pub backlog_max: f64,
}

/// What a day would come to, over the simulator's seeds: one tick's noise may send it another way.
#[derive(Debug, Clone, Copy)]
pub struct Prediction {
    pub median: Scores,
    pub least: Scores,
    pub most: Scores,
}

/// The job at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// For how long it was so, in seconds.
    pub seconds: f64,
    /// Workers that are paid for.
    pub workers: f64,
    pub backlog: f64,
    pub lag: f64,
}

impl Scores {
    /// Of these samples.
    pub fn of(samples: &[Sample], rescales: usize) -> Self {
        let all: f64 = samples.iter().map(|sample| sample.seconds).sum();
        let mean = |value: &dyn Fn(&Sample) -> f64| {
            samples.iter().map(|sample| value(sample) * sample.seconds).sum::<f64>() / all
        };
        let most = |value: &dyn Fn(&Sample) -> f64| samples.iter().map(value).fold(0.0, f64::max);
        Self {
            rescales: rescales as f64,
            worker_hours: mean(&|sample| sample.workers) * all / 3600.0,
            late: mean(&|sample| f64::from(u8::from(sample.lag > LATE))),
            lag_mean: mean(&|sample| sample.lag),
            lag_max: most(&|sample| sample.lag),
            backlog_mean: mean(&|sample| sample.backlog),
            backlog_max: most(&|sample| sample.backlog),
        }
    }

    /// The measures by their names, for a table.
    pub fn rows(&self) -> [(&'static str, f64); 7] {
        [
            ("rescales", self.rescales),
            ("worker-hours", self.worker_hours),
            ("late (> 60 s), %", 100.0 * self.late),
            ("lag, mean, s", self.lag_mean),
            ("lag, max, s", self.lag_max),
            ("backlog, mean, records", self.backlog_mean),
            ("backlog, max, records", self.backlog_max),
        ]
    }
}

/// What the simulator says that day comes to under the policy of that name in the folder.
pub fn predicted(folder: &Path, preset: &str, interval: u32, quiet: u32) -> Prediction {
    let plant = Arc::new(PlantSpec::load(&folder.join("plant.yaml")).expect("a plant"));
    let load = Workload::load(folder.join("day.csv").to_str().expect("UTF-8"), false).expect("a load");
    let seconds = load.seconds().expect("it ends");
    let world = World::new(plant, &load.rates(seconds), quiet);
    let path = folder.join(format!("{preset}.yaml"));
    let text = std::fs::read_to_string(&path).expect("a policy");
    let policy: Policy = policy::parse(path.to_str().expect("UTF-8"), &text).expect("a policy").remove(0);
    let contender = Contender::Policy { name: preset.into(), policy: Arc::new(policy), interval };
    let runs: Vec<Scores> = SEEDS.map(|seed| one(&world, &contender, seed)).collect();
    let of = |pick: fn(&Spread) -> f64| {
        let one = |score: fn(&Scores) -> f64| pick(&Spread::of(runs.iter().map(score)));
        Scores {
            rescales: one(|run| run.rescales),
            worker_hours: one(|run| run.worker_hours),
            late: one(|run| run.late),
            lag_mean: one(|run| run.lag_mean),
            lag_max: one(|run| run.lag_max),
            backlog_mean: one(|run| run.backlog_mean),
            backlog_max: one(|run| run.backlog_max),
        }
    };
    Prediction { median: of(|spread| spread.median), least: of(|spread| spread.least), most: of(|spread| spread.most) }
}

fn one(world: &World, contender: &Contender, seed: u64) -> Scores {
    let run = simulate(world, contender, seed, false, &AtomicBool::new(false)).expect("it comes to its end");
    let day = &run.history.seconds()[world.quiet as usize + 1..];
    let samples: Vec<Sample> = day
        .iter()
        .map(|second| Sample {
            seconds: 1.0,
            workers: f64::from(paid(second, world.plant.max_workers)),
            backlog: second.backlog,
            lag: second.lag,
        })
        .collect();
    Scores::of(&samples, run.scores.rescales as usize)
}
