//! The gauges that are a picture of the last tick: replaced as a whole, so that what has left leaves here too.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::learned::{CAPACITY, CIRCUIT_OPEN_UNTIL, INPUT_GAUGES, JOB_GAUGES, WANTED};
use crate::engine::{Action, Decision, Hold, JobId, JobObservation, Learned, Timestamp};

/// The picture.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    jobs: RwLock<Jobs>,
    series: RwLock<Vec<SeriesRow>>,
}

#[derive(Debug, Default)]
struct Jobs {
    rows: Vec<JobRow>,
    /// Classes whose circuit breaker is open, and until when.
    open: Vec<(Arc<str>, Timestamp)>,
    at: Option<Timestamp>,
}

/// One job of the last tick.
#[derive(Debug)]
pub(super) struct JobRow {
    class: Arc<str>,
    id: JobId,
    hold: &'static str,
    wanted: Option<f64>,
    running: Option<f64>,
    learned: Learned,
}

/// A number of workers, where it is known.
type Count = fn(&JobRow) -> Option<f64>;

/// One query of the last tick.
#[derive(Debug)]
pub(super) struct SeriesRow {
    pub class: Arc<str>,
    pub signal: &'static str,
    pub series: u64,
}

impl JobRow {
    pub fn new(class: &Arc<str>, job: &JobObservation, decision: &Decision, learned: Learned) -> Self {
        let running = job.running.fresh();
        let (hold, wanted) = match &decision.action {
            Action::Scale { to, .. } => ("none", Some(f64::from(to.0))),
            Action::Hold(hold) => (hold.name(), wanted(hold, running)),
        };
        // What the rule wanted is what the down window is made of; what came of it is only shown where it wanted nothing.
        let wanted = wanted.map(|wanted| learned.wanted.map_or(wanted, |wanted| f64::from(wanted.0)));
        Self { class: Arc::clone(class), id: job.id.clone(), hold, wanted, running, learned }
    }
}

impl JobRow {
    fn labels(&self) -> [(&'static str, &str); 3] {
        [("namespace", self.id.namespace()), ("name", self.id.name()), ("class", &self.class)]
    }
}

/// What a process that starts reads back.
fn encode_learned(jobs: &Jobs, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    for gauge in &JOB_GAUGES {
        let mut family = encoder.encode_descriptor(gauge.name, gauge.help, None, MetricType::Gauge)?;
        for (row, value) in jobs.rows.iter().filter_map(|row| Some((row, (gauge.get)(&row.learned)?))) {
            family.encode_family(&row.labels())?.encode_gauge(&value)?;
        }
    }
    for gauge in &INPUT_GAUGES {
        let mut family = encoder.encode_descriptor(gauge.name, gauge.help, None, MetricType::Gauge)?;
        for (row, input) in jobs.rows.iter().flat_map(|row| row.learned.inputs.iter().map(move |input| (row, input))) {
            let [namespace, name, class] = row.labels();
            let labels = [namespace, name, class, ("operator", &*input.operator)];
            family.encode_family(&labels)?.encode_gauge(&(gauge.get)(input))?;
        }
    }
    let help = "Learned: what a count of workers can process, per second";
    let mut family = encoder.encode_descriptor(CAPACITY, help, None, MetricType::Gauge)?;
    for (row, seen) in jobs.rows.iter().flat_map(|row| row.learned.capacity.iter().map(move |seen| (row, seen))) {
        let [namespace, name, class] = row.labels();
        let workers = seen.workers.0.to_string();
        let labels = [namespace, name, class, ("operator", &*seen.operator), ("workers", &*workers)];
        family.encode_family(&labels)?.encode_gauge(&seen.per_second)?;
    }
    let help = "Until when the class's circuit breaker holds decreases; absent while it is shut";
    let mut family = encoder.encode_descriptor(CIRCUIT_OPEN_UNTIL, help, None, MetricType::Gauge)?;
    for (class, until) in &jobs.open {
        family.encode_family(&[("class", &**class)])?.encode_gauge(&until.as_seconds())?;
    }
    Ok(())
}

/// What is wanted while nothing is done: nothing can be said under doubt, and then there is no series.
fn wanted(hold: &Hold, running: Option<f64>) -> Option<f64> {
    match hold {
        Hold::WithinBand | Hold::Stabilizing { .. } | Hold::AtMax { .. } | Hold::AtMin => running,
        _ => hold.wish().map(|workers| f64::from(workers.0)),
    }
}

impl Snapshot {
    pub fn replace_jobs(&self, rows: Vec<JobRow>, open: Vec<(Arc<str>, Timestamp)>, at: Timestamp) {
        *self.jobs.write().unwrap_or_else(PoisonError::into_inner) = Jobs { rows, open, at: Some(at) };
    }

    pub fn replace_series(&self, rows: Vec<SeriesRow>) {
        *self.series.write().unwrap_or_else(PoisonError::into_inner) = rows;
    }
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let jobs = self.jobs.read().unwrap_or_else(PoisonError::into_inner);
        let mut by_hold = BTreeMap::<_, u32>::new();
        for row in &jobs.rows {
            *by_hold.entry((&row.class, row.hold)).or_default() += 1;
        }
        let help = "Jobs by what the last tick decided: `hold` is the reason, or `none` where it scales";
        let mut family = encoder.encode_descriptor("jobs", help, None, MetricType::Gauge)?;
        for ((class, hold), count) in by_hold {
            let labels = [("class", &**class), ("hold", hold)];
            family.encode_family(&labels)?.encode_gauge(&f64::from(count))?;
        }

        let workers: [(_, _, Count); 2] = [
            (WANTED, "Workers that the rule wants, before windows and limits of pace; absent while in doubt", |row| {
                row.wanted
            }),
            ("job_running_workers", "Workers that run; absent while that is not known", |row| row.running),
        ];
        for (name, help, value) in workers {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (row, value) in jobs.rows.iter().filter_map(|row| Some((row, value(row)?))) {
                family.encode_family(&row.labels())?.encode_gauge(&value)?;
            }
        }

        encode_learned(&jobs, &mut encoder)?;
        if let Some(at) = jobs.at {
            let help = "Time of the last tick that was carried out";
            let mut metric =
                encoder.encode_descriptor("last_tick_timestamp", help, Some(&Unit::Seconds), MetricType::Gauge)?;
            metric.encode_gauge(&at.as_seconds())?;
        }

        let series = self.series.read().unwrap_or_else(PoisonError::into_inner);
        let help = "Series that the last tick's query returned";
        let mut family = encoder.encode_descriptor("query_series", help, None, MetricType::Gauge)?;
        for SeriesRow { class, signal, series } in &*series {
            let labels = [("class", &**class), ("signal", *signal)];
            family.encode_family(&labels)?.encode_gauge(&(*series as f64))?;
        }
        Ok(())
    }
}
