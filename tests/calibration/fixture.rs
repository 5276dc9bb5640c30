//! One recording with its truth and its plant.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use steelyard::engine::Reading;
use steelyard::record::Reader;
use steelyard::simulate::PlantSpec;

/// Of the recorded rates and shares, in seconds.
pub const WINDOW: u32 = 120;

/// The window of the recorded rates and shares, and one scrape: for so long after a restart they blend what was before it.
pub const BLEND: f64 = 125.0;

/// A folder of `fixtures` that has a `plant.yaml` and a `calibration.json`.
pub struct Fixture {
    pub name: String,
    pub plant: PlantSpec,
    told: Told,
    truth: Truth,
    ticks: Vec<Tick>,
    /// Seconds from the first tick to the last.
    pub seconds: u32,
}

/// What `calibration.json` says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Told {
    /// When how many workers were ordered, in seconds after the first tick.
    orders: Vec<(f64, u32)>,
    /// Bytes of a record, where the recording counts bytes.
    #[serde(default = "one")]
    unit: f64,
    /// Records that wait at the first tick, as if the job had run steadily until then.
    #[serde(default)]
    waiting: f64,
    /// How far a prediction may be off, by the names of the table.
    allowed: Vec<(String, f64)>,
    /// What really happened, where no `truth.json` says it, or where its width counts what happened to process.
    truth: Option<Truth>,
}

fn one() -> f64 {
    1.0
}

/// What really happened. Times are seconds after the first tick. Of `truth.json` only what is looked at.
#[derive(Debug, Deserialize)]
struct Truth {
    /// From when on, and how many records per second come in.
    input: Vec<(f64, f64)>,
    /// From when on, and how many workers process.
    width: Vec<(f64, u32)>,
    /// Restarts: the last record before, the first one after.
    downtimes: Vec<(f64, f64)>,
}

/// What was recorded at one tick, in records.
pub struct Tick {
    pub at: f64,
    pub running: Option<u32>,
    pub coverage: Option<f64>,
    pub cpu: Option<f64>,
    pub busy: Option<f64>,
    pub throughput: Option<f64>,
    pub backlog: Option<f64>,
}

impl Fixture {
    /// All of them, by name.
    pub fn all() -> Vec<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let folders = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
        let mut folders: Vec<PathBuf> = folders.filter(|folder| folder.join("calibration.json").is_file()).collect();
        folders.sort();
        folders.iter().map(|folder| Self::of(folder)).collect()
    }

    fn of(folder: &Path) -> Self {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let read = |file: &str| std::fs::read_to_string(folder.join(file));
        let mut told: Told = serde_json::from_str(&read("calibration.json").unwrap())
            .unwrap_or_else(|error| panic!("{name}/calibration.json: {error}"));
        let truth = match (read("truth.json"), told.truth.take()) {
            (_, Some(truth)) => truth,
            (Ok(text), None) => {
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}/truth.json: {error}"))
            }
            (Err(error), None) => panic!("{name}: nobody says what really happened: {error}"),
        };
        let plant = PlantSpec::load(&folder.join("plant.yaml")).unwrap_or_else(|error| panic!("{error}"));
        let ticks = recorded(&folder.join("recording.jsonl.zst"), told.unit);
        let seconds = ticks.last().map_or(0.0, |tick| tick.at) as u32;
        Self { name, plant, told, truth, ticks, seconds }
    }

    pub fn orders(&self) -> &[(f64, u32)] {
        &self.told.orders
    }

    pub fn downtimes(&self) -> &[(f64, f64)] {
        &self.truth.downtimes
    }

    /// Seconds between two commits, where the backlog is the lag of a consumer group.
    pub fn commits(&self) -> Option<f64> {
        Some(self.plant.metrics.backlog_commit).filter(|interval| *interval > 0.0)
    }

    /// Whether the job could not have processed more then: ten seconds of its work wait, beyond what is but not committed.
    pub fn is_at_limit(&self, tick: &Tick) -> bool {
        let seconds = 10.0 + self.commits().unwrap_or_default();
        tick.throughput.is_some_and(|rate| tick.backlog.is_some_and(|backlog| backlog > seconds * rate))
    }

    /// Records that wait at the first tick.
    pub fn waiting(&self) -> f64 {
        self.told.waiting
    }

    pub fn ticks(&self) -> &[Tick] {
        &self.ticks
    }

    /// Those in which nothing blends.
    pub fn clear_ticks(&self) -> impl Iterator<Item = &Tick> {
        let near = |tick: &Tick, (stopped, again): &(f64, f64)| tick.at >= *stopped && tick.at <= again + BLEND;
        let clear = move |tick: &&Tick| tick.at >= BLEND && !self.downtimes().iter().any(|restart| near(tick, restart));
        self.ticks.iter().filter(clear)
    }

    /// How far that quantity may be off.
    pub fn allowed(&self, quantity: &str) -> Option<f64> {
        self.told.allowed.iter().find(|(name, _)| name == quantity).map(|(_, error)| *error)
    }

    /// What the stated errors are about.
    pub fn quantities(&self) -> impl Iterator<Item = &str> {
        self.told.allowed.iter().map(|(name, _)| name.as_str())
    }

    pub fn rate(&self, at: f64) -> f64 {
        held(&self.truth.input, at).unwrap_or_default()
    }

    /// Workers that the job had; while it was down those of before.
    pub fn width(&self, at: f64) -> u32 {
        let had: Vec<_> = self.truth.width.iter().copied().filter(|(_, width)| *width > 0).collect();
        held(&had, at).unwrap_or(self.plant.start_workers)
    }

    /// Workers that were ordered last.
    pub fn wished(&self, at: f64) -> u32 {
        held(&self.told.orders, at).unwrap_or(self.plant.start_workers)
    }
}

/// The value that holds at that time.
fn held<T: Copy>(points: &[(f64, T)], at: f64) -> Option<T> {
    points.iter().rev().find(|(from, _)| *from <= at).map(|(_, value)| *value)
}

fn recorded(path: &Path, unit: f64) -> Vec<Tick> {
    let mut first = None;
    let mut totals = Totals::default();
    let reader = Reader::open(path).unwrap();
    let mut tick = |tick: steelyard::record::Tick| {
        let at = tick.at.since(*first.get_or_insert(tick.at)).as_secs_f64();
        let job = &tick.seen.jobs[0];
        let sum = |reading: fn(&steelyard::engine::OperatorObservation) -> Option<Reading>| {
            let judged = job.operators.iter().filter(|operator| operator.backlog.is_some());
            judged.map(|operator| reading(operator)?.fresh()).sum::<Option<f64>>()
        };
        let some = !job.operators.is_empty();
        let total = sum(|operator| operator.total).filter(|_| some);
        let rate = if job.operators.iter().any(|operator| operator.total.is_some()) {
            let whole = job.coverage.fresh().is_none_or(|share| share >= 1.0);
            totals.rate(at, total.filter(|_| whole), job.running_for.fresh())
        } else {
            sum(|operator| Some(operator.throughput)).filter(|_| some)
        };
        Tick {
            at,
            running: job.running.fresh().map(|width| width as u32),
            coverage: job.coverage.fresh(),
            cpu: job.cpu.fresh(),
            busy: job.busy.fresh(),
            throughput: rate.map(|rate| rate / unit),
            backlog: sum(|operator| operator.backlog).filter(|_| some).map(|backlog| backlog / unit),
        }
    };
    reader.map(|one| tick(one.unwrap())).collect()
}

/// Running totals of one generation, made a rate over the window of the shares.
#[derive(Default)]
struct Totals {
    looks: VecDeque<(f64, f64)>,
    running_for: f64,
}

impl Totals {
    fn rate(&mut self, at: f64, total: Option<f64>, running_for: Option<f64>) -> Option<f64> {
        if running_for.is_some_and(|now| now < std::mem::replace(&mut self.running_for, now)) {
            self.looks.clear();
        }
        let total = total?;
        self.looks.push_back((at, total));
        while self.looks.front().is_some_and(|(oldest, _)| at - oldest > f64::from(WINDOW)) {
            self.looks.pop_front();
        }
        // A slope, as deriv() has it: ends alone are as uneven as the batches of one scrape.
        let count = self.looks.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| self.looks.iter().map(of).sum::<f64>() / count;
        let (when, what) = (mean(|look| look.0), mean(|look| look.1));
        let (over, under) = self.looks.iter().fold((0.0, 0.0), |(over, under), (at, total)| {
            (over + (at - when) * (total - what), under + (at - when).powi(2))
        });
        (under > 0.0).then(|| over / under)
    }
}
