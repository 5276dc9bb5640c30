//! Faults at random for a quarter of an hour, on jobs that would all go down if the trouble were not seen.

use std::fmt::Write as _;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::faults::policy;
use crate::support::exporter::{Backlog, Exporter, Job};
use crate::support::prometheus::Prometheus;
use crate::support::steelyard::{Daemon, Told};

/// How long the faults go on, and until every job must have been decided again after the last.
const FAULTS: Duration = Duration::from_secs(13 * 60);
const CALM: Duration = Duration::from_secs(120);

/// A scrape and a tick: so long after its begin a fault is seen at the latest. Shorter than any fault.
const SEEN_WITHIN: f64 = 4.0;

/// After a restart growth is not known for so long, and nothing is decided.
const BLIND: f64 = 60.0;

/// Fewer than the ten at which the breaker of a class could hide what one job does.
const JOBS: u64 = 8;

/// From when to when nothing may be wanted of which job, and why.
struct Trouble {
    job: u64,
    what: &'static str,
    from: f64,
    to: f64,
}

/// xorshift64: any fair choice does, as long as the seed leads to the same one again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

fn name(job: u64) -> String {
    format!("job-{job}")
}

fn healthy() -> Job {
    Job::calm(10).cpu(0.2)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_fault_at_any_time_leads_to_a_wish() {
    if std::env::var_os("STEELYARD_LONG").is_none() {
        return;
    }
    let exporter = Exporter::start().await;
    (0..JOBS).for_each(|job| exporter.set(&name(job), healthy()));
    let Some(prometheus) = Prometheus::scraping(&[exporter.target()]).await else { return };
    prometheus.until("min(count_over_time(job_running_seconds[10s]))", |scrapes| scrapes >= 10.0).await;
    let seed = prometheus.number("time() * 1000").await.expect("a time") as u64 | 1;
    let (url, policy) = (prometheus.url(), policy());
    let daemon = Daemon::start(&["--prometheus", &url, "--policy", &policy, "--dry-run", "--interval", "2s"]).await;

    let (mut dice, mut troubles) = (Dice(seed), Vec::new());
    let mut next = Instant::now();
    let end = next + FAULTS;
    // Each job by turns: in trouble for a while, then well for long enough to be decided again.
    while next < end {
        let from = prometheus.number("time()").await.expect("a time");
        let (job, seconds) = (dice.below(JOBS), 5 + dice.below(20));
        let (what, blind) = break_down(&exporter, &name(job), dice.below(6));
        next += Duration::from_secs(seconds);
        sleep_until(next).await;
        let to = prometheus.number("time()").await.expect("a time");
        exporter.change(&name(job), |job| *job = Job { running_for: job.running_for, ..healthy() });
        troubles.push(Trouble { job, what, from, to: to.max(from + blind) });
    }
    let ended = prometheus.number("time()").await.expect("a time");
    let wanted = |told: &Told| told.scale == Some((10, 3));
    let all =
        |told: &[Told]| (0..JOBS).all(|job| told.iter().rev().find(|told| told.job == name(job)).is_some_and(wanted));
    daemon.until("every job is decided again", CALM, all).await;

    let (code, told) = daemon.terminate().await;
    assert_eq!(code, Some(0));
    let mut wrong = String::new();
    for Trouble { job, what, from, to } in &troubles {
        // Only news is told: what was said last before a moment is what holds then.
        let of_job = || told.iter().filter(|told| told.job == name(*job));
        let in_force = of_job().rev().find(|told| told.at <= from + SEEN_WITHIN);
        let since = of_job().filter(|told| told.at > from + SEEN_WITHIN && told.at < *to);
        for told in in_force.into_iter().chain(since).filter(|told| told.scale.is_some()) {
            let _ = writeln!(wrong, "{what} from {from} to {to}: {}", told.line);
        }
    }
    for told in told.iter().filter(|told| told.scale.is_some() && !wanted(told)) {
        let _ = writeln!(wrong, "not 10 -> 3: {}", told.line);
    }
    assert!(wrong.is_empty(), "seed {seed}, {} faults until {ended}:\n{wrong}", troubles.len());
}

/// What goes wrong, and for how long after its begin nothing may be wanted, whether it is over or not.
fn break_down(exporter: &Exporter, name: &str, fault: u64) -> (&'static str, f64) {
    let backlog = |backlog| exporter.change(name, |job| job.backlog = backlog);
    match fault {
        0 => backlog(Backlog::Says(f64::NAN)),
        1 => backlog(Backlog::Says(-1.0)),
        2 => backlog(Backlog::Gone),
        3 => exporter.change(name, |job| job.hidden_workers = 1),
        4 => exporter.change(name, |job| job.cpu = f64::NAN),
        _ => exporter.change(name, |job| job.running_for = Duration::ZERO),
    }
    [("NaN", 0.0), ("-1", 0.0), ("gone", 0.0), ("hidden worker", 0.0), ("NaN cpu", 0.0), ("restart", BLIND)]
        [fault as usize]
}
