//! What `/metrics` shows is what the README says, and what has left is no longer shown.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use steelyard::engine::{
    self, Action, ClassIndex, ClassObservation, Decision, FleetLimits, Grown, Hold, JobId, JobIndex, JobObservation,
    Learned, LearnedCapacity, LearnedInput, LeftAlone, Memories, Observations, OperatorObservation, Plans, Reading,
    Signal, Timestamp, Useful, Workers,
};
use steelyard::policy;
use steelyard::telemetry::{Metrics, Patch, Query, ReloadOutcome};

const POLICY: &str = include_str!("policies/good/smallest.yaml");

/// name -> (type, labels)
type Table = BTreeMap<String, (String, BTreeSet<String>)>;

fn plans() -> Plans {
    let policies = policy::PolicySet { policies: policy::parse("smallest.yaml", POLICY).unwrap() };
    policies.plans(FleetLimits::default())
}

/// What is remembered after a tick that reads everything back.
fn remembered(plans: &Plans, jobs: Vec<JobObservation>, at: Timestamp) -> Memories {
    let hour = Duration::from_secs(3600);
    let operator: Arc<str> = "read".into();
    let learned = Learned {
        at: Some(at),
        delay: Some(Duration::from_secs(40)),
        downtime: Some(Duration::from_secs(3)),
        recovery: Some(Duration::from_secs(60)),
        capacity: vec![LearnedCapacity { operator: Arc::clone(&operator), workers: Workers(10), per_second: 2000.0 }],
        inputs: vec![LearnedInput {
            operator: Arc::clone(&operator),
            per_second: 1000.0,
            deviation: 20.0,
            span: Duration::from_secs(240),
            seen: at,
        }],
        wanted: Some(Workers(42)),
        mean_workers: Some(10.0),
        regret: Some(5.0),
        useful: Some(Useful { workers: Workers(20), until: at.plus(hour), input: 1000.0 }),
        grown: Some(Grown { from: Workers(5), at: at.minus(hour), judged: true }),
        restarts: 2,
        asked: Some(Workers(10)),
        left_alone: Some(LeftAlone { until: at.plus(hour), reverts: 2 }),
    };
    let learned = Arc::new(learned);
    let reading = OperatorObservation {
        operator,
        throughput: Reading::Fresh(1000.0),
        total: None,
        backlog: Some(Reading::Fresh(0.0)),
        growth: None,
    };
    let jobs = jobs.into_iter().map(|job| JobObservation {
        recalled: Some(Arc::clone(&learned)),
        running_for: Reading::Fresh(3600.0),
        age: Reading::Fresh(1.0),
        coverage: Reading::Fresh(1.0),
        operators: vec![reading.clone()],
        ..job
    });
    let open = ClassObservation { circuit_open_until: Some(at.plus(hour / 10)), ..ClassObservation::default() };
    let seen = Observations { classes: vec![open], jobs: jobs.collect() };
    let mut memories = Memories::default();
    let _decided = engine::tick(plans, &mut memories, &seen, at);
    memories
}

/// A tick at which the jobs of these names run: each scales, but the last holds.
fn tick(metrics: &Metrics, names: &[&str]) {
    let plans = plans();
    let at = Timestamp::from_millis(1_795_229_300_000);
    let class = &plans.classes[0].class;
    let jobs: Vec<_> = names
        .iter()
        .zip(0..)
        .map(|(name, index)| {
            let mut job = JobObservation::unseen(JobIndex(index), JobId::new("streaming", name), ClassIndex(0));
            job.running = Reading::Fresh(10.0);
            let last = index as usize + 1 == names.len();
            let scale = Action::Scale { from: Workers(10), to: Workers(42) };
            let action = if last { Action::Hold(Hold::WithinBand) } else { scale };
            let decision = Decision { job: job.id.clone(), at, action, because: Vec::new() };
            (job, decision)
        })
        .collect();
    let memories = remembered(&plans, jobs.iter().map(|(job, _)| job.clone()).collect(), at);
    let decided = jobs.iter().map(|(job, decision)| (job, decision));
    metrics.ticked(&plans, &memories, decided, at, Duration::from_millis(30));
    let query = |signal| Query { class, signal, outcome: "ok", elapsed: Duration::from_millis(20), series: 7 };
    metrics.queried([query(Signal::Throughput), query(Signal::Backlog)]);
}

fn full() -> Metrics {
    let metrics = Metrics::default();
    tick(&metrics, &["orders", "payments"]);
    metrics.recording_failed();
    metrics.reloaded(ReloadOutcome::Good);
    let class = &plans().classes[0].class;
    metrics.patched(Patch { class, outcome: "scaled", elapsed: Duration::from_millis(20) });
    metrics.event_written("done");
    metrics.rescale_reached(class, "width", Duration::from_secs(45));
    metrics
}

#[test]
fn the_readme_names_every_metric_with_its_type_and_labels() {
    let readme = include_str!("../README.md");
    let table = readme.split("<!-- metrics -->").nth(1).and_then(|rest| rest.split("<!-- /metrics -->").next());
    let mut told = Table::new();
    for row in table.expect("the README has a table of metrics").trim().lines().skip(2) {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [name, kind, unit, labels, meaning] = cells[..] else { panic!("not five cells: {row}") };
        let name = name.trim_matches('`').to_owned();
        assert_eq!(name.ends_with("_seconds"), unit == "seconds", "{name}");
        assert!(!meaning.is_empty(), "{name}");
        let labels = labels.split(',').map(|label| label.trim().trim_matches('`').to_owned());
        told.insert(name, (kind.to_owned(), labels.filter(|label| !label.is_empty()).collect()));
    }
    assert_eq!(shown(&full().text()), told);
}

#[test]
fn a_job_that_left_is_no_longer_shown() {
    let metrics = full();
    let lines = |text: &str| -> Vec<String> {
        let shown = ["steelyard_job_wanted_workers{", "steelyard_job_running_workers{"];
        text.lines().filter(|line| shown.iter().any(|name| line.starts_with(name))).map(str::to_owned).collect()
    };
    let job = |name: &str, what: &str, workers: &str| {
        format!("steelyard_job_{what}_workers{{namespace=\"streaming\",name=\"{name}\",class=\"smallest\"}} {workers}")
    };
    assert_eq!(
        lines(&metrics.text()),
        [
            job("orders", "wanted", "10.0"),
            job("payments", "wanted", "10.0"),
            job("orders", "running", "10.0"),
            job("payments", "running", "10.0"),
        ]
    );
    tick(&metrics, &["payments"]);
    assert_eq!(lines(&metrics.text()), [job("payments", "wanted", "10.0"), job("payments", "running", "10.0")]);
    assert!(metrics.text().contains("steelyard_jobs{class=\"smallest\",hold=\"withinBand\"} 1"));
    assert!(!metrics.text().contains("hold=\"none\""));
}

#[test]
fn label_values_are_escaped() {
    let metrics = Metrics::default();
    let class: Arc<str> = "a \"quoted\"\nclass".into();
    metrics.queried([Query { class: &class, signal: Signal::Cpu, outcome: "ok", elapsed: Duration::ZERO, series: 0 }]);
    let text = metrics.text();
    assert!(text.contains(r#"class="a \"quoted\"\nclass""#), "{text}");
}

/// What a text in OpenMetrics holds: names as Prometheus stores them, without a histogram's three parts.
fn shown(text: &str) -> Table {
    let mut kinds = BTreeMap::new();
    let mut table = Table::new();
    for line in text.lines() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            kinds.insert(name, kind);
            continue;
        }
        if line.starts_with('#') {
            continue;
        }
        let series = line.rsplit_once(' ').unwrap().0;
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let endings = ["_bucket", "_sum", "_count"];
        let family =
            |name: &str| endings.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name).to_owned();
        let (name, kind) = match kinds.get(&*family(name)) {
            Some(kind) => (family(name), *kind),
            None => {
                (name.to_owned(), kinds[name.strip_suffix("_total").or(name.strip_suffix("_info")).unwrap_or(name)])
            }
        };
        let labels = labels.split("\",").filter_map(|label| Some(label.split_once('=')?.0.to_owned()));
        table.entry(name).or_insert((kind.to_owned(), BTreeSet::new())).1.extend(labels.filter(|label| label != "le"));
    }
    table
}
