//! A job-year at 30 s steps, replayed: ticks a second, and as a ratio to parsing the same bytes as bare JSON.
//!
//! `cargo bench --bench replay`. Without `--bench` (as `cargo test --benches` runs it), or with `-- --test`, a few
//! thousand ticks show that it still works. Nothing fails by time here.
#![expect(clippy::print_stdout, reason = "a bench prints its result")]

mod support;

use std::f64::consts::TAU;
use std::io::{Cursor, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::ProgressBar;
use steelyard::cli::replay::{Playback, Telling, play};
use steelyard::cli::{Color, Format, Output};
use steelyard::engine::{JobObservation, JobTable, Observations, OperatorObservation, Reading, Timestamp};
use steelyard::policy::{self, PolicySet};
use steelyard::record::{Header, Reader, Writer};
use steelyard::run::Shutdown;

use support::{is_full, measured};

const STEP: Duration = Duration::from_secs(30);
const JSON: Output = Output { format: Format::Json, color: Color::Never };
const JOB_YEAR: u32 = 365 * 24 * 60 * 2;

const POLICY: &str = r"
apiVersion: steelyard.dev/v1alpha1
kind: ScalingPolicy
metadata: { name: year }
spec:
  preset: seed
  limits: { maxWorkers: 40 }
  signals:
    by: { namespace: namespace, name: app, operator: operator_name }
    rateWindow: 2m
    scrapeInterval: 30s
    throughput: { query: throughput, unit: records }
    backlog: { query: backlog, unit: records }
    cpu: { query: cpu }
    running: { query: workers }
    runningFor: { query: uptime }
    coverage: { query: coverage }
    age: { query: age }
";

fn main() {
    let ticks = if is_full() { JOB_YEAR } else { 3000 };
    let policies = PolicySet { policies: policy::parse("year", POLICY).expect("the policy is sound") };
    let bytes: Arc<[u8]> = recording(ticks, &policies).into();

    let (values, parsing) = measured(|| {
        bytes
            .split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok())
            .count()
    });
    assert_eq!(values, ticks as usize + 1, "the header and every tick");

    let printed = Arc::new(Mutex::new(0));
    let (played, replaying) = measured(|| {
        let reader = Reader::new(Cursor::new(Arc::clone(&bytes))).expect("the recording is sound");
        let (source, played) = Playback::new(reader, ProgressBar::hidden());
        let telling = Telling::new(Lines(Arc::clone(&printed)), Arc::clone(&played), JSON, false, false);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("there is a runtime");
        runtime.block_on(play(source, telling, policies, Shutdown::default())).expect("the replay ends well");
        assert!(played.take_error().is_none());
        played.ticks()
    });
    assert_eq!(played, u64::from(ticks));
    let printed = *printed.lock().expect("nobody panicked");
    assert!(printed > 0, "a year of ups and downs without a decision");

    println!(
        "replay: {ticks} ticks ({:.0} MB) in {:.2} s: {:.0} ticks/s, {:.2} times as long as parsing them as JSON values \
         ({:.2} s); {printed} decisions printed",
        bytes.len() as f64 / 1e6,
        replaying.as_secs_f64(),
        f64::from(ticks) / replaying.as_secs_f64(),
        replaying.as_secs_f64() / parsing.as_secs_f64(),
        parsing.as_secs_f64(),
    );
}

/// A job under a daily wave of load, with an incident now and then that leaves a backlog, and a restart after it.
fn recording(ticks: u32, policies: &PolicySet) -> Vec<u8> {
    let bytes = Shared::default();
    let header = Header::new(STEP, policies).with_source("made up");
    let mut writer = Writer::new(Box::new(bytes.clone()), false, &header).expect("memory takes everything");
    let mut jobs = JobTable::default();
    let index = jobs.intern(&policies.policies[0].plan.class, "streaming", "orders");
    let id = jobs.id(index).expect("it was just interned").clone();
    for tick in 0..ticks {
        let seconds = f64::from(tick) * STEP.as_secs_f64();
        let load = 1.0 + 0.6 * (TAU * seconds / 86_400.0).sin();
        // Every 5 hours a backlog that is gone 20 minutes later.
        let since_incident = seconds % 18_000.0;
        let backlog = 300_000.0 * load * (1.0 - since_incident / 1_200.0).max(0.0);
        let mut job = JobObservation::unseen(index, id.clone(), steelyard::engine::ClassIndex(0));
        job.running = Reading::Fresh((10.0 * load).round());
        job.wished = job.running;
        job.running_for = Reading::Fresh(since_incident + 600.0);
        job.coverage = Reading::Fresh(1.0);
        job.age = Reading::Fresh(7.25 + seconds % 15.0);
        job.cpu = Reading::Fresh(0.3 + 0.2 * load + 0.01 * (seconds / 7.0).sin());
        job.operators = ["Source: orders/read", "Sink: orders/write"]
            .into_iter()
            .rev()
            .map(|operator| OperatorObservation {
                operator: operator.into(),
                throughput: Reading::Fresh(1234.5678 * load),
                total: None,
                backlog: operator.starts_with("Source").then_some(Reading::Fresh(backlog)),
                growth: None,
            })
            .collect();
        let seen = Observations { classes: Vec::new(), jobs: vec![job] };
        let at = Timestamp::from_millis(1_735_689_600_000 + 30_000 * i64::from(tick));
        writer.write(at, &seen, policies, None).expect("memory takes everything");
    }
    writer.finish().expect("memory takes everything");
    std::mem::take(&mut *bytes.0.lock().expect("nobody panicked"))
}

/// Bytes that a writer leaves behind.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panicked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Counts lines.
struct Lines(Arc<Mutex<usize>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        *self.0.lock().expect("nobody panicked") += bytes.iter().filter(|byte| **byte == b'\n').count();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
