//! Real Beam jobs to which something happens.

use std::fmt::Write as _;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::bed::Bed;
use crate::bed::beam::truth::Truth;
use crate::bed::beam::{self, Components, Lane, Options};
use crate::component;

use super::files;

/// At once; more would not get enough of two cores.
const SIDE_BY_SIDE: usize = 2;

/// Records that wait from the beginning where a scenario begins with several workers.
const PILE: f64 = 20_000.0;
/// Which scenario has but one split.
const ONE_READER: &str = "beam-one-reader";
/// Which scenario has a policy of its own in its folder: what waits is what its consumer group has not committed.
const GROUP_LAG: &str = "beam-group-lag";
/// Between two commits there: a tooth is a backlog of half a minute.
const COMMITS: Duration = Duration::from_secs(30);
/// Name of the folder in `fixtures`, TaskManagers and records/s at the beginning, and what it is about.
type Scenario = (&'static str, usize, f64, &'static str);

const SCENARIOS: [Scenario; 5] = [
    ("beam-input-step", 1, 100.0, "The input rises above what one worker can do; later two more are ordered."),
    (
        "beam-rescale-1-3-2",
        1,
        150.0,
        "Two workers more are ordered with the input rising, later one is taken back with it falling.",
    ),
    (
        GROUP_LAG,
        1,
        150.0,
        "The backlog is the lag of the job's consumer group, a saw-tooth: it commits with each checkpoint, every 30 s. The input \
         rises above what one worker can do, two more are ordered, and later one is taken back.",
    ),
    (
        ONE_READER,
        3,
        150.0,
        "Submitted without `--maxParallelism`: the source has one split, and of three workers one reads.",
    ),
    (
        "beam-taskmanager-killed",
        3,
        560.0,
        "A TaskManager is killed (SIGKILL), and another one started 20 s later. 20,000 records wait from the beginning.",
    ),
];

/// Whether there is one of that name.
pub fn is_known(name: &str) -> bool {
    SCENARIOS.iter().any(|scenario| scenario.0 == name)
}

/// Plays those of these names, or all of them, and writes each one's folder in `fixtures`. Says those that failed.
pub async fn make(names: &[String]) -> Vec<&'static str> {
    let is_wanted = |name: &&str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    let wanted: Vec<_> = SCENARIOS.iter().filter(|scenario| is_wanted(&scenario.0)).collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    component::install("flink", &[beam::FLINK]);
    component::install("kafka", &[beam::kafka::VERSION]);
    // One after the other: starting JVMs is what takes the machine's breath.
    let starting = Mutex::new(());
    let played = wanted.into_iter().map(async |scenario| {
        let played = AssertUnwindSafe(take(scenario, &starting)).catch_unwind();
        played.await.is_err().then_some(scenario.0)
    });
    stream::iter(played).buffer_unordered(SIDE_BY_SIDE).filter_map(std::future::ready).collect().await
}

async fn take(&(name, workers, rate, about): &Scenario, starting: &Mutex<()>) {
    let mut stage = {
        let _alone = starting.lock().await;
        Stage::open(name, workers, rate).await
    };
    match name {
        "beam-input-step" => stage.step_up().await,
        "beam-rescale-1-3-2" => stage.rescale().await,
        GROUP_LAG => stage.group_lag().await,
        ONE_READER => stage.one_reader().await,
        _ => stage.killed().await,
    }
    stage.write(about).await;
}

/// One job that something happens to, in a bed of its own.
struct Stage {
    name: &'static str,
    bed: Arc<Bed>,
    lane: Lane,
    /// The first tick, in epoch seconds: the job runs with its first width.
    from: f64,
    /// Between two of them.
    checkpoints: Duration,
    /// Seconds after the first tick, and what was done.
    events: Vec<(f64, String)>,
}

impl Stage {
    async fn open(name: &'static str, workers: usize, rate: f64) -> Self {
        let bed = Bed::start().await.expect("a Prometheus: run tests/run once, or set PROMETHEUS");
        let components = Components::start(&bed).await.expect("all was installed");
        // Its input comes when it runs: how long a start takes is of no interest here.
        let mut options = Options::new("orders").rate(0.0).workers(workers);
        match name {
            ONE_READER => options = options.one_reader(),
            GROUP_LAG => options = options.checkpoints(COMMITS),
            _ => {}
        }
        let checkpoints = options.own.checkpoints;
        let mut lane = Lane::start(&bed, &components, options).await;
        lane.cluster.until_running(workers).await;
        let from = bed.now();
        if workers > 1 && name != ONE_READER {
            lane.pile_up(PILE, rate).await;
        } else {
            lane.set_rate(rate).await;
        }
        let begins = format!("{workers} workers run, {rate} records/s in");
        Self { name, bed, lane, from, checkpoints, events: vec![(0.0, begins)] }
    }

    fn clock(&self) -> f64 {
        self.bed.now() - self.from
    }

    /// Waits until then: what happens when is what a scenario is.
    async fn at(&self, seconds: f64) {
        tokio::time::sleep(Duration::from_secs_f64((seconds - self.clock()).max(0.0))).await;
    }

    async fn go_on_for(&self, seconds: f64) {
        self.at(self.clock() + seconds).await;
    }

    fn note(&mut self, what: impl Into<String>) {
        self.events.push((self.clock(), what.into()));
    }

    async fn rate(&mut self, records_per_second: f64) {
        self.lane.set_rate(records_per_second).await;
        self.note(format!("{records_per_second} records/s in"));
    }

    async fn until_running(&mut self, width: usize) {
        self.lane.cluster.until_running(width).await;
        self.note(format!("runs with {width} workers"));
    }

    async fn step_up(&mut self) {
        self.at(165.0).await;
        self.rate(500.0).await;
        self.at(330.0).await;
        self.note("two workers are ordered");
        self.lane.cluster.add(2);
        self.until_running(3).await;
        self.go_on_for(190.0).await;
    }

    async fn rescale(&mut self) {
        self.at(165.0).await;
        self.rate(560.0).await;
        self.note("two workers are ordered");
        self.lane.cluster.add(2);
        self.until_running(3).await;
        self.go_on_for(185.0).await;
        self.rate(350.0).await;
        self.note("one worker is taken back");
        self.lane.cluster.stop(1).await;
        self.until_running(2).await;
        self.go_on_for(185.0).await;
    }

    async fn group_lag(&mut self) {
        self.at(165.0).await;
        self.rate(280.0).await;
        self.at(340.0).await;
        self.note("two workers are ordered");
        self.lane.cluster.add(2);
        self.until_running(3).await;
        self.go_on_for(185.0).await;
        self.note("one worker is taken back");
        self.lane.cluster.stop(1).await;
        self.until_running(2).await;
        self.go_on_for(155.0).await;
    }

    async fn one_reader(&mut self) {
        self.at(165.0).await;
        self.rate(320.0).await;
        self.at(420.0).await;
    }

    async fn killed(&mut self) {
        self.at(175.0).await;
        self.note("a TaskManager is killed");
        self.lane.cluster.kill_task_manager();
        self.go_on_for(20.0).await;
        self.note("another TaskManager is started");
        self.lane.cluster.replace_killed();
        // Not yet `until_running(3)`: the JobManager may still count the dead one.
        self.go_on_for(25.0).await;
        self.until_running(3).await;
        self.go_on_for(185.0).await;
    }

    /// Writes all files of its folder in `fixtures`.
    async fn write(&self, about: &str) {
        let folder = component::root().join("fixtures").join(self.name);
        std::fs::create_dir_all(&folder).expect("a folder");
        let to = self.bed.now();
        let truth = self.lane.truth();
        if self.name != GROUP_LAG {
            let policy = component::root().join("policies/beam-flink-reactive.yaml");
            std::fs::copy(policy, folder.join("policy.yaml")).expect("the shipped policy");
        }
        files::write_numbers(&self.tell(&truth, to), &folder.join("truth.json"));
        files::write_numbers(&self.books(&truth, to), &folder.join("books.json"));
        std::fs::write(folder.join("README.md"), self.readme(about, &truth, to)).expect("a file");
        files::record(&self.bed, self.from, to, &folder);
        files::archive(&self.bed, &folder).await;
    }

    fn tell(&self, truth: &Truth, to: f64) -> Value {
        let tenth = |at: f64| files::tenth(at - self.from);
        let downtimes = truth.restarts(self.from, to);
        let downtimes: Vec<_> = downtimes.iter().map(|(begin, end)| [tenth(*begin), tenth(*end)]).collect();
        let input: Vec<_> = truth.schedule().iter().map(|(at, rate)| [tenth(*at), *rate]).collect();
        let mut widths: Vec<_> = truth.widths(to).iter().map(|(at, width)| (tenth(*at), *width)).collect();
        if self.name == ONE_READER {
            // Of its workers only one reads, and only those that read write something down.
            widths = vec![(0.0, self.lane.cluster.ordered())];
        }
        json!({
            "flink": beam::FLINK,
            "from": (self.from * 1000.0).round() / 1000.0,
            "to": (to * 1000.0).round() / 1000.0,
            "capacityOfOne": self.lane.capacity_of_one(),
            "input": input,
            "width": widths,
            "downtimes": downtimes,
            "outages": [],
        })
    }

    /// What the workers' own books say, every ten seconds: records that wait, and records per second from then on.
    fn books(&self, truth: &Truth, to: f64) -> Value {
        const STEP: f64 = 10.0;
        let steps = || (0..).map(|number| f64::from(number) * STEP).take_while(|at| *at <= to - self.from);
        let backlog: Vec<_> = steps().map(|at| truth.backlog(self.from + at).round()).collect();
        let processed = |at: f64| files::tenth(truth.processed(self.from + at, self.from + at + STEP) / STEP);
        json!({ "step": STEP, "backlog": backlog, "processed": steps().map(processed).collect::<Vec<_>>() })
    }

    fn readme(&self, about: &str, truth: &Truth, to: f64) -> String {
        let name = self.name;
        let splits = if name == ONE_READER { "no `--maxParallelism`" } else { "`--maxParallelism=8`" };
        let mut text = format!(
            "# {name}\n\n{about}\n\nMade by `cargo test --test bed -- record {name}`: Apache Beam 2.70.0, classic Flink runner on Flink {}\n\
             in reactive mode, {splits}, one slot per TaskManager, checkpoints every {} s; KafkaIO from a real Kafka {} with 8\n\
             partitions; scrapes every 5 s. Records have 1003 bytes; one worker takes 5 ms for each (asleep, so CPU tells nothing):\n\
             {:.0} records/s. t0 = {:.3}, {:.0} minutes.\n\n| s after t0 | what happens |\n| --- | --- |\n",
            beam::FLINK,
            self.checkpoints.as_secs(),
            beam::kafka::VERSION,
            self.lane.capacity_of_one(),
            self.from,
            (to - self.from) / 60.0,
        );
        let mut rows = self.events.clone();
        for (stopped, again) in truth.restarts(self.from, to) {
            rows.push((stopped - self.from, format!("restart: nothing is processed for {:.1} s", again - stopped)));
        }
        rows.sort_by(|left, right| left.0.total_cmp(&right.0));
        for (at, what) in rows {
            writeln!(text, "| {at:.1} | {what} |").expect("a string takes it");
        }
        let why = if name == GROUP_LAG {
            "`policy.yaml` is this folder's own, with the lag of the group in the place of the sources' backlog and the preset `balanced`.\n"
        } else {
            "The input leaves a backlog wherever something is decided: at work that is asleep the published rule, which goes by CPU\n\
             where nothing waits, would take workers away that the input needs.\n"
        };
        text + "\n"
            + why
            + "`truth.json` and `books.json` (records that wait, and processed records/s, every 10 s) are what the feed and the\n\
                job's own workers wrote down five times a second, not what Flink or Kafka say. Records read again count again.\n"
    }
}
