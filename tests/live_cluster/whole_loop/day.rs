//! A day pressed into half an hour, on the real Flink under the real operator: the same load under the published rule and under
//! `balanced`, each with a job of its own on one bed, so that both meet the same machine; and what the simulator, with a plant of
//! this bed, had said of both. With `--long`, as it takes 35 minutes.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use steelyard::simulate::Workload;

use super::ground::{Ground, MOST, application, daemon, policy};
use super::scores::{Prediction, Sample, Scores, predicted};
use super::witness::{Change, Witness};
use super::{ALONE, is_long};
use crate::bed::Bed;
use crate::bed::common::prometheus::NAMESPACE;
use crate::bed::common::wait::until_or;
use crate::bed::datastream::truth::Truth;
use crate::bed::datastream::write_schedule;
use crate::component::root;
use crate::kubernetes::node::Node;
use crate::kubernetes::operator::Operator;
use crate::support::steelyard::Daemon;

/// Plant, load and policies of this bed; the README there has the table that this prints.
const FOLDER: &str = "benches/scenarios/bed";
/// Before the day: as long as `balanced` needs to know a load.
const QUIET: Duration = Duration::from_secs(240);
/// Between two ticks of the daemon, in seconds.
const INTERVAL: u32 = 5;
/// Between two looks at the truth.
const LOOK: Duration = Duration::from_secs(2);
/// Longer than a start has ever taken on two cores that other tests use as well.
const START: Duration = Duration::from_secs(900);

/// How far what is measured may lie outside of what the simulator's seeds give, by the names of the table, for either policy. The
/// model deals the load of an uneven partition out to all workers, and starts all workers alike; so its backlogs are too small.
const STATED: [(&str, f64); 7] = [
    ("rescales", 3.0),
    ("worker-hours", 0.15),
    ("late (> 60 s), %", 1.0),
    ("lag, mean, s", 3.0),
    ("lag, max, s", 15.0),
    ("backlog, mean, records", 800.0),
    ("backlog, max, records", 4000.0),
];

/// One policy and its job.
struct Lane {
    /// The preset, the job's name and its class.
    name: &'static str,
    log: PathBuf,
    schedule: Vec<(f64, f64)>,
    samples: Vec<Sample>,
}

/// All of it. Dropped in this order: first what acts, last what it acts on.
struct Day {
    daemon: Daemon,
    witness: Witness,
    _operator: Operator,
    _node: Node,
    bed: Arc<Bed>,
    lanes: [Lane; 2],
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_carried_with_fewer_restarts_and_as_was_predicted() {
    if !is_long() {
        return;
    }
    let _alone = ALONE.lock().await;
    let Some(mut day) = Day::begin().await else { return };
    day.pass().await;
    let [seed, balanced] = &day.lanes;
    let [seed, balanced] = [seed, balanced].map(|lane| (lane, day.scores(lane)));
    let said = [&seed, &balanced].map(|(lane, _)| {
        let quiet = u32::try_from(QUIET.as_secs()).expect("minutes");
        predicted(&root().join(FOLDER), lane.name, INTERVAL, quiet)
    });
    eprintln!("{}", table([("seed", seed.1, said[0]), ("balanced", balanced.1, said[1])]));
    eprintln!("{}", day.story());

    let (seed, balanced) = (seed.1, balanced.1);
    let story = || day.story();
    assert!(balanced.rescales <= seed.rescales, "fewer restarts: {}", story());
    assert!(balanced.late <= seed.late + 0.01, "not later: {}", story());
    assert!(balanced.worker_hours <= 1.15 * seed.worker_hours, "for about as many worker-hours: {}", story());
    let wrong = [beyond("seed", seed, said[0]), beyond("balanced", balanced, said[1])].concat();
    assert!(wrong.is_empty(), "beyond the error that is stated:\n{}\n{}", wrong.join("\n"), story());
    let (code, _) = day.daemon.terminate().await;
    assert_eq!(code, Some(0), "SIGTERM drains");
}

impl Day {
    /// Both jobs run at the day's first load, watched for as long as a rule needs to know it.
    async fn begin() -> Option<Self> {
        let Ground { witness, operator, node, bed, cluster } = Ground::lay().await?;
        let first = rates()[0];
        let lanes = ["seed", "balanced"].map(|name| {
            let log = bed.lane_folder(&format!("{name}-log"));
            let schedule = vec![(bed.now(), first)];
            write_schedule(&log, &schedule);
            Lane { name, log, schedule, samples: Vec::new() }
        });
        for Lane { name, log, .. } in &lanes {
            let state = bed.lane_folder(&format!("{name}-state"));
            cluster.apply(&application(name, name, log, &state).to_string(), NAMESPACE).await;
        }
        let policies =
            [policy("seed", "preset: seed\n  growth: { window: 60s }"), policy("balanced", "preset: balanced")];
        let daemon = daemon(cluster, &bed, &policies).await;
        let day = Self { daemon, witness, _operator: operator, _node: node, bed, lanes };
        for lane in &day.lanes {
            let runs = async || lane.truth(&day.bed).since();
            until_or(START, runs, || format!("{} runs: {}", lane.name, day.story())).await;
        }
        // What came in before the job was there is worked off before the day begins, too.
        tokio::time::sleep(QUIET).await;
        Some(day)
    }

    /// From the first to the last second.
    async fn pass(&mut self) {
        let rates = rates();
        let begins = self.bed.now();
        for lane in &mut self.lanes {
            let mut before = lane.schedule[0].1;
            for (second, rate) in rates.iter().enumerate() {
                if *rate != before {
                    lane.schedule.push((begins + second as f64, *rate));
                    before = *rate;
                }
            }
            write_schedule(&lane.log, &lane.schedule);
        }
        let ends = begins + rates.len() as f64;
        let mut last = begins;
        let mut next = tokio::time::interval(LOOK);
        next.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while last < ends {
            next.tick().await;
            let now = self.bed.now();
            for lane in &mut self.lanes {
                let truth = lane.truth(&self.bed);
                let asked = self.witness.changes(lane.name).last().map_or(0, |change| change.replicas);
                let workers = truth.width().max(asked as usize) as f64;
                let backlog = truth.backlog();
                let lag = lane.lag(&truth, backlog);
                lane.samples.push(Sample { seconds: now - last, workers, backlog, lag });
            }
            last = now;
        }
    }

    /// Changes of the count in the day.
    fn changes(&self, lane: &Lane) -> Vec<Change> {
        let all = self.witness.changes(lane.name);
        // The second entry of the schedule is the day's first change of the load.
        let begins = lane.schedule.get(1).map_or(f64::INFINITY, |(at, _)| *at);
        let pairs = all.windows(2).filter(|pair| pair[0].replicas != pair[1].replicas && pair[1].at >= begins);
        pairs.map(|pair| pair[1].clone()).collect()
    }

    fn scores(&self, lane: &Lane) -> Scores {
        Scores::of(&lane.samples, self.changes(lane).len())
    }

    /// What happened, for the plant's file and for a failure.
    fn story(&self) -> String {
        let mut text = String::new();
        for lane in &self.lanes {
            let truth = lane.truth(&self.bed);
            let begins = lane.schedule[0].0;
            let since = |at: f64| at - begins;
            let changes = self.witness.changes(lane.name);
            let told: Vec<_> =
                changes.iter().map(|change| format!("{:.1}:{}", since(change.at), change.replicas)).collect();
            let down: Vec<_> = truth
                .downtimes(begins, self.bed.now())
                .iter()
                .map(|(stop, again)| format!("{:.1}+{:.1}", since(*stop), again - stop))
                .collect();
            writeln!(
                text,
                "{}: counts {}; restarts {}; runs since {:?}, backlog {:.0}",
                lane.name,
                told.join(" "),
                down.join(" "),
                truth.since().map(since),
                truth.backlog()
            )
            .expect("a string takes it");
        }
        write!(text, "daemon:\n{}", self.daemon.log()).expect("a string takes it");
        text
    }
}

impl Lane {
    fn truth(&self, bed: &Bed) -> Truth {
        Truth::read(&self.log, self.schedule.clone(), bed.now())
    }

    /// The age of the oldest record that waits.
    fn lag(&self, truth: &Truth, backlog: f64) -> f64 {
        let read = truth.input(truth.at()) - backlog;
        // Where as much had come in as was read by now: the input is a line from one change to the next.
        let came = |at: f64| truth.input(at);
        let (mut low, mut high) = (self.schedule[0].0, truth.at());
        if backlog < 1.0 {
            return 0.0;
        }
        while high - low > 0.05 {
            let middle = f64::midpoint(low, high);
            if came(middle) < read { low = middle } else { high = middle }
        }
        truth.at() - high
    }
}

/// Records per second, second by second.
fn rates() -> Vec<f64> {
    let path = root().join(FOLDER).join("day.csv");
    let load = Workload::load(path.to_str().expect("UTF-8"), false).expect("a load");
    load.rates(load.seconds().expect("it ends"))
}

/// What lies further outside of the prediction than is stated.
fn beyond(name: &str, measured: Scores, said: Prediction) -> Vec<String> {
    let bounds = said.least.rows().into_iter().zip(said.most.rows());
    let rows = measured.rows().into_iter().zip(bounds).map(|((what, value), ((_, least), (_, most)))| {
        let stated = STATED.iter().find(|(stated, _)| *stated == what).expect("an error is stated").1;
        let off = (least - value).max(value - most);
        (off > stated).then(|| {
            format!(
                "{name}: {what} is {value:.2}, predicted was {least:.2} to {most:.2}, stated is an error of {stated}"
            )
        })
    });
    rows.flatten().collect()
}

/// Measured and predicted, side by side.
fn table(policies: [(&str, Scores, Prediction); 2]) -> String {
    let mut text = format!("at most {MOST} workers each; predicted: medians of the seeds (least to most)\n\n|");
    for (name, ..) in &policies {
        write!(text, " | {name}, measured | predicted").expect("a string takes it");
    }
    text.push_str(" |\n| --- | --- | --- | --- | --- |\n");
    let columns =
        policies.map(|(_, measured, said)| [measured, said.median, said.least, said.most].map(|scores| scores.rows()));
    for row in 0..columns[0][0].len() {
        write!(text, "| {}", columns[0][0][row].0).expect("a string takes it");
        for [measured, median, least, most] in &columns {
            let [measured, median, least, most] = [measured, median, least, most].map(|rows| rows[row].1);
            write!(text, " | {measured:.2} | {median:.2} ({least:.2} to {most:.2})").expect("a string takes it");
        }
        text.push_str(" |\n");
    }
    text
}
