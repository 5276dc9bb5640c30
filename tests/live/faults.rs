//! Jobs whose truth the test sets, side by side in one Prometheus: the right count after a step of the load, and no wrong
//! decision whatever is missing.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::support::exporter::{Backlog, Exporter, Job};
use crate::support::prometheus::Prometheus;
use crate::support::steelyard::{Daemon, Told, answer, assert_same_decisions};

/// Between two ticks.
const INTERVAL: f64 = 2.0;
/// What growth is measured over, and the least that it needs.
const GROWTH_WINDOW: f64 = 60.0;
/// Longer than anything is waited for.
const SOON: Duration = Duration::from_secs(120);

/// The jobs that nothing may ever be wanted for, and why. Each but `idle` and `stalled` uses little CPU, so that it would go
/// down if the trouble were not seen.
const NEVER: [&str; 7] = ["idle", "stalled", "nan", "unknown", "gone", "partial", "away"];

pub fn policy() -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/live/policy.yaml");
    path.to_str().expect("UTF-8").to_owned()
}

/// What was last said of a job.
fn latest<'a>(told: &'a [Told], job: &str) -> Option<&'a Told> {
    told.iter().rev().find(|told| told.job == job)
}

fn holds(told: &[Told], job: &str, reason: &str) -> bool {
    latest(told, job).is_some_and(|told| told.hold.as_deref() == Some(reason))
}

/// 10 workers at 1000 records/s of an input of 1200: ⌈10 · 1.2 + 10 · backlog / 1000 / 50⌉.
fn needed_by_step(seconds_since: f64) -> u64 {
    let backlog_time = 200.0 * seconds_since / 1000.0;
    (12.0 + 10.0 * backlog_time / 50.0).ceil() as u64
}

/// The wall clock, which is what Prometheus and the ticks go by.
async fn now(prometheus: &Prometheus) -> f64 {
    prometheus.number("time()").await.expect("Prometheus tells the time")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_path_decides_rightly_or_not_at_all() {
    let (main, mut away, mut dying) = (Exporter::start().await, Exporter::start().await, Exporter::start().await);
    main.set("step", Job::calm(10).at(1000.0));
    main.set("low", Job::calm(10).cpu(0.2));
    main.set("bounced", Job::calm(10).cpu(0.2));
    main.set("idle", Job::calm(4).at(0.0));
    main.set("stalled", Job::calm(4).at(0.0).backlog(Backlog::Records { now: 1000.0, growth: 100.0 }));
    main.set("partial", Job::calm(4).cpu(0.2).hiding(1));
    for job in ["nan", "unknown", "gone"] {
        main.set(job, Job::calm(4).cpu(0.2));
    }
    away.set("away", Job::calm(4).cpu(0.2));
    dying.set("dying", Job::calm(10).cpu(0.2));
    let targets = [main.target(), away.target(), dying.target()];
    let Some(mut prometheus) = Prometheus::scraping(&targets).await else { return };
    prometheus.until("min(count_over_time(job_running_seconds[10s]))", |scrapes| scrapes >= 10.0).await;

    let folder = tempfile::tempdir().unwrap();
    let recorded = folder.path().join("live.jsonl").to_str().unwrap().to_owned();
    let (url, policy) = (prometheus.url(), policy());
    let ask = ["--prometheus", &url, "--policy", &policy, "--dry-run", "--interval", "2s"];
    let daemon = Daemon::start(&[&ask[..], &["--record", &recorded]].concat()).await;
    let began = Instant::now();
    daemon.until("a first decision for every job", SOON, |told| latest(told, "step").is_some()).await;

    // While growth is not known yet (a minute) everything goes wrong that can.
    sleep_until(began + Duration::from_secs(20)).await;
    let stepped = now(&prometheus).await;
    main.change("step", |job| job.backlog = Backlog::Records { now: 0.0, growth: 200.0 });
    main.change("nan", |job| job.backlog = Backlog::Says(f64::NAN));
    main.change("unknown", |job| job.backlog = Backlog::Says(-1.0));
    main.change("gone", |job| job.backlog = Backlog::Gone);
    main.change("bounced", |job| job.running_for = Duration::ZERO);
    away.close().await;

    // Two ticks after the window has filled with what came after the step, its count is the right one; the same truth
    // without trouble is decided as well: 10 · 0.2 / 0.7.
    let filled = stepped + GROWTH_WINDOW;
    let decided =
        |told: &[Told]| wants(told, "step", (10, 15)) && ["low", "dying"].iter().all(|job| wants(told, job, (10, 3)));
    let told = daemon.until("15 workers for `step`, 3 for the others", SOON, decided).await;
    let right = told.iter().find(|told| told.job == "step" && told.scale == Some((10, 15))).unwrap();
    assert!(right.at <= filled + 2.0 * INTERVAL, "15 workers only {} s after the window filled", right.at - filled);
    for told in told.iter().filter(|told| told.job == "step") {
        let Some((from, to)) = told.scale else { continue };
        assert!(from == 10 && to <= needed_by_step(told.at - stepped), "more than needed: {}", told.line);
    }
    for (job, reason) in [
        ("idle", "withinBand"),
        ("stalled", "stalled"),
        ("nan", "missingSignal"),
        ("unknown", "missingSignal"),
        ("gone", "missingSignal"),
        ("partial", "partialData"),
    ] {
        assert!(holds(&told, job, reason), "{job}: {:?}", latest(&told, job));
    }

    // A job that restarted 20 s in has no growth for a minute, and then wants what `low` wants.
    let told = daemon.until("3 workers for `bounced`", SOON, |told| wants(told, "bounced", (10, 3))).await;
    for told in told.iter().filter(|told| told.job == "bounced" && told.scale.is_some()) {
        assert!(told.at >= stepped + GROWTH_WINDOW, "decided in the blind time of a restart: {}", told.line);
    }

    let healthy = daemon.page("/readyz").await;
    assert_eq!(healthy.0, 200, "{}", healthy.1);
    assert_eq!(daemon.page("/livez").await.0, 200);
    let metrics = daemon.page("/metrics").await.1;
    assert!(metrics.contains("\nsteelyard_") && metrics.ends_with("# EOF\n"), "{metrics}");

    // An outage of Prometheus, in which `dying` dies: for five minutes its last values would say what they said before.
    let whole_until = now(&prometheus).await;
    prometheus.stop().await;
    let failed = |told: &[Told]| ["step", "low", "dying"].iter().all(|job| holds(told, job, "missingSignal"));
    daemon.until("every job is held while Prometheus is away", SOON, failed).await;
    dying.close().await;
    prometheus.start_again().await;
    let back = now(&prometheus).await;
    assert_eq!(
        prometheus.number("count(worker_cpu{app=\"dying\"})").await,
        Some(10.0),
        "its flat old values are there"
    );
    // So many jobs without a fresh reading at once: the breaker of the class takes no decreases until that is looked into.
    let told = daemon.until("`low` is decided again", SOON, |told| holds(told, "low", "circuitOpen")).await;
    let again = told.iter().filter(|told| told.at >= back);
    for told in again.clone().filter(|told| told.job == "step") {
        let Some((from, to)) = told.scale else { continue };
        let needed = needed_by_step(told.at - stepped);
        assert!(from == 10 && (needed - 1..=needed).contains(&to), "{needed} are needed: {}", told.line);
    }
    assert_eq!(again.filter(|told| told.job == "dying" && told.scale.is_some()).count(), 0, "from flat old values");
    assert!(holds(&told, "dying", "missingSignal"), "{:?}", latest(&told, "dying"));

    let (code, told) = daemon.terminate().await;
    assert_eq!(code, Some(0), "SIGTERM drains");
    for told in told.iter().filter(|told| NEVER.contains(&told.job.as_str())) {
        assert_eq!(told.scale, None, "{}", told.line);
    }

    // What the daemon recorded replays to what it decided.
    let replayed = answer(&["replay", &recorded, "--format", "json"]).await;
    let lines = |told: &[Told]| told.iter().map(|told| told.line.clone()).collect::<Vec<_>>().join("\n");
    assert_eq!(replayed.trim_end(), lines(&told));

    // So does what Prometheus remembers of the time before its outage, asked for the same ticks.
    let first = told[0].at;
    let before: Vec<_> = told.into_iter().filter(|told| told.at <= whole_until - INTERVAL).collect();
    let (from, to) = (first.to_string(), before.last().unwrap().at.to_string());
    let asked = folder.path().join("asked.jsonl.zst").to_str().unwrap().to_owned();
    let record = ["record", "--prometheus", &url, "--policy", &policy, "--step", "2s"];
    answer(&[&record[..], &["--from", &from, "--to", &to, "--output", &asked]].concat()).await;
    assert_same_decisions(&answer(&["replay", &asked, "--format", "json"]).await, &lines(&before));

    // One tick, on a fresh process: nothing is known about growth, and nothing is wanted.
    let once = answer(&[&["run", "--once", "--format", "json"], &ask[..]].concat()).await;
    assert!(once.lines().count() >= 9, "{once}");
    assert!(once.lines().all(|line| Told::read(line).scale.is_none()), "{once}");
}

fn wants(told: &[Told], job: &str, scale: (u64, u64)) -> bool {
    latest(told, job).is_some_and(|told| told.scale == Some(scale))
}
