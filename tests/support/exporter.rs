//! A small exporter of streaming jobs whose truth the test sets at any time, and which can lie the ways real ones do.
//!
//! | series | labels | what |
//! | --- | --- | --- |
//! | `worker_records_total` | namespace, app, operator, pod | counter |
//! | `worker_backlog` | namespace, app, operator, pod | records |
//! | `worker_cpu` | namespace, app, pod | share |
//! | `job_running_seconds`, `job_registered_workers` | namespace, app | |

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::header::CONNECTION;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// The truth of one job with one source.
#[derive(Debug, Clone)]
pub struct Job {
    /// Workers that run and process.
    pub workers: u32,
    /// Of these, workers whose series are not exposed.
    pub hidden_workers: u32,
    /// Processed by all workers, per second.
    pub throughput: f64,
    /// What waits.
    pub backlog: Backlog,
    /// Mean use of a worker, as a share.
    pub cpu: f64,
    /// How long it has been running.
    pub running_for: Duration,
}

/// What a job says about its backlog.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Backlog {
    /// This many records now, and so many more each second.
    Records { now: f64, growth: f64 },
    /// A number that is none: `-1`, NaN.
    Says(f64),
    /// The series are gone, the job runs on.
    Gone,
}

impl Job {
    /// Runs since an hour, keeps up, and is well used: nothing is to be done.
    pub fn calm(workers: u32) -> Self {
        Self {
            workers,
            hidden_workers: 0,
            throughput: 100.0 * f64::from(workers),
            backlog: Backlog::Records { now: 0.0, growth: 0.0 },
            cpu: 0.8,
            running_for: Duration::from_secs(3600),
        }
    }

    /// The same with so many records processed per second.
    pub fn at(mut self, throughput: f64) -> Self {
        self.throughput = throughput;
        self
    }

    /// The same at that use of a worker.
    pub fn cpu(mut self, cpu: f64) -> Self {
        self.cpu = cpu;
        self
    }

    /// The same with that backlog.
    pub fn backlog(mut self, backlog: Backlog) -> Self {
        self.backlog = backlog;
        self
    }

    /// The same with the series of so many workers not exposed.
    pub fn hiding(mut self, workers: u32) -> Self {
        self.hidden_workers = workers;
        self
    }
}

/// The truth of a job as it was at one moment, and what it had processed until then.
#[derive(Debug)]
struct Running {
    job: Job,
    since: Instant,
    processed: f64,
}

type Jobs = Arc<Mutex<BTreeMap<String, Running>>>;

/// Serves the truth on `127.0.0.1`; dropping it closes the port.
pub struct Exporter {
    jobs: Jobs,
    address: SocketAddr,
    server: Option<JoinHandle<()>>,
}

impl Exporter {
    /// On any free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port on loopback");
        let address = listener.local_addr().expect("it has an address");
        let jobs = Jobs::default();
        let server = Some(serve(listener, Arc::clone(&jobs)));
        Self { jobs, address, server }
    }

    /// What Prometheus scrapes, as `host:port`.
    pub fn target(&self) -> String {
        self.address.to_string()
    }

    /// A new job, or a job as it is from now on.
    pub fn set(&self, name: &str, job: Job) {
        let mut jobs = self.jobs.lock().expect("no scrape panicked");
        jobs.insert(name.to_owned(), Running { job, since: Instant::now(), processed: 0.0 });
    }

    /// Changes the truth about a job from now on; what it has processed, what waits and how long it runs go on from here.
    pub fn change(&self, name: &str, change: impl FnOnce(&mut Job)) {
        let mut jobs = self.jobs.lock().expect("no scrape panicked");
        let running = jobs.get_mut(name).unwrap_or_else(|| panic!("there is no job `{name}`"));
        running.advance_to(Instant::now());
        change(&mut running.job);
    }

    /// Refuses connections from now on, as a worker that is gone does.
    pub async fn close(&mut self) {
        let server = self.server.take().expect("it is open");
        server.abort();
        assert!(server.await.is_err_and(|ended| ended.is_cancelled()), "the exporter ended before it was told to");
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.abort();
        }
    }
}

impl Running {
    fn advance_to(&mut self, now: Instant) {
        let passed = now - self.since;
        self.processed += self.job.throughput * passed.as_secs_f64();
        self.job.running_for += passed;
        if let Backlog::Records { now: waiting, growth } = &mut self.job.backlog {
            *waiting += *growth * passed.as_secs_f64();
        }
        self.since = now;
    }

    /// The workers whose series are exposed.
    fn pods(&self) -> impl Iterator<Item = u32> {
        0..self.job.workers - self.job.hidden_workers
    }

    /// What waits, as one worker of them all says it.
    fn backlog_of_one(&self) -> Option<f64> {
        match self.job.backlog {
            Backlog::Records { now, .. } => Some(now / f64::from(self.job.workers)),
            Backlog::Says(value) => Some(value),
            Backlog::Gone => None,
        }
    }
}

fn serve(listener: TcpListener, jobs: Jobs) -> JoinHandle<()> {
    let page = move || async move {
        let now = Instant::now();
        let mut jobs = jobs.lock().expect("no test panicked while it set the truth");
        jobs.values_mut().for_each(|running| running.advance_to(now));
        // A connection that is kept alive would outlive the end of the exporter.
        ([(CONNECTION, "close")], page(&jobs))
    };
    let router = Router::new().route("/metrics", get(page));
    tokio::spawn(async move { axum::serve(listener, router).await.expect("the exporter serves") })
}

/// The exposition text: all samples of one name together, as the format wants it.
fn page(jobs: &BTreeMap<String, Running>) -> String {
    let mut text = String::new();
    family(&mut text, "worker_records_total", "counter", jobs, |running| {
        let each = running.processed / f64::from(running.job.workers);
        running.pods().map(|pod| (format!(",operator=\"read\",pod=\"{pod}\""), each)).collect()
    });
    family(&mut text, "worker_backlog", "gauge", jobs, |running| {
        let Some(each) = running.backlog_of_one() else { return Vec::new() };
        running.pods().map(|pod| (format!(",operator=\"read\",pod=\"{pod}\""), each)).collect()
    });
    family(&mut text, "worker_cpu", "gauge", jobs, |running| {
        running.pods().map(|pod| (format!(",pod=\"{pod}\""), running.job.cpu)).collect()
    });
    family(&mut text, "job_running_seconds", "gauge", jobs, |running| {
        vec![(String::new(), running.job.running_for.as_secs_f64())]
    });
    family(&mut text, "job_registered_workers", "gauge", jobs, |running| {
        vec![(String::new(), f64::from(running.job.workers))]
    });
    text
}

fn family(
    text: &mut String,
    name: &str,
    kind: &str,
    jobs: &BTreeMap<String, Running>,
    rows: impl Fn(&Running) -> Vec<(String, f64)>,
) {
    let _ = writeln!(text, "# TYPE {name} {kind}");
    for (app, running) in jobs {
        for (labels, value) in rows(running) {
            let _ = writeln!(text, "{name}{{namespace=\"streaming\",app=\"{app}\"{labels}}} {value}");
        }
    }
}
