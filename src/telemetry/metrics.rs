//! What is counted. Every name is here, and in the README's table: a test compares them.

use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::snapshot::{JobRow, SeriesRow, Snapshot};
use crate::engine::{Action, Decision, JobObservation, Memories, Plans, Signal, Timestamp};

/// Bounds of a tick's duration: a tick of a large fleet has a budget of 2 s, and an interval is seldom above a minute.
const TICK_SECONDS: [f64; 10] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0];
/// Bounds of a query's duration, up to where a query is given up.
const QUERY_SECONDS: [f64; 10] = [0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Bounds of a patch's duration with its retries, up to an interval.
const PATCH_SECONDS: [f64; 9] = [0.01, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0];
/// Bounds of what comes after a patch: in place within seconds, redeployed within minutes, timed out after ten.
const RESCALE_SECONDS: [f64; 9] = [15.0, 30.0, 45.0, 60.0, 90.0, 120.0, 300.0, 600.0, 1800.0];

/// Everything that `/metrics` shows.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    ticks: Counter,
    tick_duration: Histogram,
    queries: Family<QueryLabels, Counter>,
    query_duration: Family<ClassSignalLabels, Histogram, fn() -> Histogram>,
    decisions: Family<DecisionLabels, Counter>,
    recording_failures: Counter,
    reloads: Family<OutcomeLabels, Counter>,
    targets_in_trouble: Gauge,
    leads: Gauge,
    patches: Family<PatchLabels, Counter>,
    patch_duration: Histogram,
    events: Family<OutcomeLabels, Counter>,
    rescale_duration: Family<StageLabels, Histogram, fn() -> Histogram>,
    snapshot: Arc<Snapshot>,
}

/// How one query went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Query<'a> {
    /// The policy that asks.
    pub class: &'a Arc<str>,
    /// What it asks for.
    pub signal: Signal,
    /// From an enum: it is a label's value.
    pub outcome: &'static str,
    /// How long it took.
    pub elapsed: Duration,
    /// How many series came back.
    pub series: u64,
}

/// How the patch of one count went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Patch<'a> {
    /// The policy that decided.
    pub class: &'a Arc<str>,
    /// From an enum: it is a label's value.
    pub outcome: &'static str,
    /// How long it took, retries and the wait for its turn included.
    pub elapsed: Duration,
}

/// How a reload of policies or settings ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReloadOutcome {
    /// What was read is in force.
    Good,
    /// It was refused: the last good set stays.
    Bad,
}

impl ReloadOutcome {
    const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueryLabels {
    class: ClassLabel,
    signal: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClassSignalLabels {
    class: ClassLabel,
    signal: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabels {
    class: ClassLabel,
    action: &'static str,
    direction: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PatchLabels {
    class: ClassLabel,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabels {
    class: ClassLabel,
    stage: &'static str,
}

/// A policy's name as a label's value, shared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct ClassLabel(Arc<str>);

impl EncodeLabelValue for ClassLabel {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        encoder.write_str(&self.0)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("steelyard");
        let ticks = Counter::default();
        registry.register("ticks", "Ticks carried out", ticks.clone());
        let tick_duration = Histogram::new(TICK_SECONDS);
        let help = "From the start of a tick's first query until its last decision was carried out";
        registry.register_with_unit("tick_duration", help, Unit::Seconds, tick_duration.clone());

        let queries = Family::default();
        registry.register("queries", "Queries to Prometheus", Family::clone(&queries));
        let query_duration = Family::new_with_constructor((|| Histogram::new(QUERY_SECONDS)) as fn() -> Histogram);
        let help = "From the request until the last row was decoded";
        registry.register_with_unit("query_duration", help, Unit::Seconds, Family::clone(&query_duration));

        let decisions = Family::default();
        registry.register("decisions", "Decisions, one for each job and tick", Family::clone(&decisions));
        let recording_failures = Counter::default();
        registry.register("recording_failures", "Ticks that could not be recorded", recording_failures.clone());
        let reloads = Family::default();
        registry.register("reloads", "Reloads of policies or settings", Family::clone(&reloads));
        // There from the start: an increase from nothing to 1 is none to Prometheus.
        for outcome in [ReloadOutcome::Good, ReloadOutcome::Bad] {
            drop(reloads.get_or_create(&OutcomeLabels { outcome: outcome.name() }));
        }
        let targets_in_trouble = Gauge::default();
        let help = "Watches of targets that fail or have no list yet; `/readyz` names them";
        registry.register("targets_in_trouble", help, targets_in_trouble.clone());
        let patches = Family::default();
        registry.register("patches", "Counts that were to be set in the cluster", Family::clone(&patches));
        let patch_duration = Histogram::new(PATCH_SECONDS);
        let help = "From a patch's turn until its last answer";
        registry.register_with_unit("patch_duration", help, Unit::Seconds, patch_duration.clone());
        let events = Family::default();
        registry.register("events", "Kubernetes Events that were to be written", Family::clone(&events));
        let rescale_duration = Family::new_with_constructor((|| Histogram::new(RESCALE_SECONDS)) as fn() -> Histogram);
        let help = "From a patch until the job had restarted, had its width, and processed as much as before";
        registry.register_with_unit("rescale_duration", help, Unit::Seconds, Family::clone(&rescale_duration));
        let leads = Gauge::default();
        let help = "Whether this replica writes: 1 or 0; a dry run never does";
        registry.register("leads", help, leads.clone());
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version that runs", build);

        let snapshot = Arc::new(Snapshot::default());
        registry.register_collector(Box::new(Arc::clone(&snapshot)));
        Self {
            registry,
            ticks,
            tick_duration,
            queries,
            query_duration,
            decisions,
            recording_failures,
            reloads,
            targets_in_trouble,
            leads,
            patches,
            patch_duration,
            events,
            rescale_duration,
            snapshot,
        }
    }
}

impl Metrics {
    /// Counts a tick and takes its picture: each job with its decision and what is remembered of it.
    pub fn ticked<'a>(
        &self,
        plans: &Plans,
        memories: &Memories,
        decided: impl IntoIterator<Item = (&'a JobObservation, &'a Decision)>,
        at: Timestamp,
        elapsed: Duration,
    ) {
        self.ticks.inc();
        self.tick_duration.observe(elapsed.as_secs_f64());
        let jobs = decided.into_iter().filter_map(|(job, decision)| {
            let class = &plans.classes.get(usize::from(job.class.0))?.class;
            let (action, direction) = words(&decision.action);
            let labels = DecisionLabels { class: ClassLabel(Arc::clone(class)), action, direction };
            self.decisions.get_or_create(&labels).inc();
            Some(JobRow::new(class, job, decision, memories.learned(job.index).unwrap_or_default()))
        });
        let jobs = jobs.collect();
        let open = plans.classes.iter().filter_map(|plan| {
            let until = memories.breaker_open_until(&plan.class).filter(|until| at < *until)?;
            Some((Arc::clone(&plan.class), until))
        });
        self.snapshot.replace_jobs(jobs, open.collect(), at);
    }

    /// Counts the queries of a tick.
    pub fn queried<'a>(&self, queries: impl IntoIterator<Item = Query<'a>>) {
        let rows = queries.into_iter().map(|query| {
            let Query { class, signal, outcome, elapsed, series } = query;
            let (label, signal) = (ClassLabel(Arc::clone(class)), signal.name());
            self.queries.get_or_create(&QueryLabels { class: label.clone(), signal, outcome }).inc();
            let labels = ClassSignalLabels { class: label, signal };
            self.query_duration.get_or_create(&labels).observe(elapsed.as_secs_f64());
            SeriesRow { class: Arc::clone(class), signal, series }
        });
        let rows = rows.collect();
        self.snapshot.replace_series(rows);
    }

    /// Counts a tick that could not be recorded.
    pub fn recording_failed(&self) {
        self.recording_failures.inc();
    }

    /// Counts a reload.
    pub fn reloaded(&self, outcome: ReloadOutcome) {
        self.reloads.get_or_create(&OutcomeLabels { outcome: outcome.name() }).inc();
    }

    /// Sets how many targets the last tick knew nothing about, or nothing new.
    pub fn targets_in_trouble(&self, count: usize) {
        self.targets_in_trouble.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Counts a patch, however it ended.
    pub fn patched(&self, patch: Patch<'_>) {
        let Patch { class, outcome, elapsed } = patch;
        self.patches.get_or_create(&PatchLabels { class: ClassLabel(Arc::clone(class)), outcome }).inc();
        self.patch_duration.observe(elapsed.as_secs_f64());
    }

    /// Counts a Kubernetes Event; `outcome` is from an enum.
    pub fn event_written(&self, outcome: &'static str) {
        self.events.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// Notes how long after its patch a rescale came to a stage; `stage` is from an enum.
    pub fn rescale_reached(&self, class: &Arc<str>, stage: &'static str, after: Duration) {
        let labels = StageLabels { class: ClassLabel(Arc::clone(class)), stage };
        self.rescale_duration.get_or_create(&labels).observe(after.as_secs_f64());
    }

    /// Sets whether this replica writes.
    pub fn leads(&self, leads: bool) {
        self.leads.set(i64::from(leads));
    }

    /// Everything, as OpenMetrics text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a String takes whatever is written");
        text
    }
}

fn words(action: &Action) -> (&'static str, &'static str) {
    match action {
        Action::Scale { from, to } if to > from => ("scale", "up"),
        Action::Scale { .. } => ("scale", "down"),
        Action::Hold(_) => ("hold", "none"),
    }
}
