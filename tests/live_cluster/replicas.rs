//! Two replicas of the daemon: one acts, the other stands by; whatever happens to the first, no count is set twice, none is
//! taken back, and what was learned is not lost.

use std::time::Duration;

use tokio::time::Instant;

use crate::kubernetes::{cluster, flink};
use crate::station::{SOON, Station, until_page};
use crate::support::exporter::{Backlog, Exporter, Job};
use crate::support::prometheus::Prometheus;
use crate::support::steelyard::Daemon;

const NAMESPACE: &str = "replicas";
const LEADS: &str = "steelyard_leads 1\n";

/// So many workers, 10 s behind at 100 records/s each: a fifth more are wanted.
fn behind(workers: u32) -> Job {
    Job::calm(workers).backlog(Backlog::Records { now: 1000.0 * f64::from(workers), growth: 0.0 })
}

/// A Prometheus that scrapes the exporter, whose jobs it moves into our namespace, and the daemons of the file.
async fn prometheus(exporter: &Exporter, daemons: &std::path::Path) -> Option<Prometheus> {
    let config = format!(
        "global: {{ scrape_interval: 1s, scrape_timeout: 1s }}\nscrape_configs:\n\
         - job_name: workers\n  static_configs: [{{ targets: ['{}'] }}]\n  metric_relabel_configs:\n  \
         - {{ target_label: namespace, replacement: {NAMESPACE} }}\n\
         - job_name: steelyard\n  file_sd_configs: [{{ files: ['{}'], refresh_interval: 1s }}]\n",
        exporter.target(),
        daemons.display(),
    );
    Prometheus::configured(&config).await
}

/// The newest value of a metric of a daemon, 0 where it has none.
fn value(page: &str, metric: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().expect("a number"))
}

async fn patches(daemon: &Daemon) -> f64 {
    value(&daemon.page("/metrics").await.1, "steelyard_patches_total{class=\"live\",outcome=\"scaled\"}")
}

/// Waits for so many more ticks of a daemon.
async fn ticks(daemon: &Daemon, count: f64) {
    let before = value(&daemon.page("/metrics").await.1, "steelyard_ticks_total");
    let what = format!("{count} more ticks");
    until_page(daemon, "/metrics", &what, |page| value(page, "steelyard_ticks_total") >= before + count).await;
}

async fn until_count(bed: &Station, workers: u64) {
    let deadline = Instant::now() + SOON;
    let mut next = tokio::time::interval(Duration::from_millis(250));
    while bed.replicas("ledger").await != workers {
        next.tick().await;
        assert!(Instant::now() < deadline, "not in time: {workers} workers");
    }
}

/// The operator carries out what was asked for: the job restarts at that width.
async fn carried_out(bed: &Station, exporter: &Exporter, workers: u32) {
    bed.cluster.reconcile(NAMESPACE, "ledger").await;
    exporter.change("ledger", |job| {
        *job = Job::calm(workers);
        job.running_for = Duration::ZERO;
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_stopped_killed_or_ended_is_followed_and_writes_nothing_old() {
    let Some(cluster) = cluster().await else { return };
    let exporter = Exporter::start().await;
    exporter.set("ledger", Job::calm(2));
    let bed = Station::new(cluster, NAMESPACE).await;
    let daemons = bed.path("daemons.json");
    let discover = |addresses: &[&Daemon]| {
        let targets: Vec<_> = addresses.iter().map(|daemon| daemon.url.trim_start_matches("http://")).collect();
        std::fs::write(&daemons, serde_json::json!([{ "targets": targets }]).to_string()).expect("a file");
    };
    discover(&[]);
    let Some(prometheus) = prometheus(&exporter, &daemons).await else { return };
    cluster.running_job(NAMESPACE, &flink::application("ledger", 2)).await;
    bed.write_policy("act");
    let settings = bed.write_settings(&prometheus.url());
    let arguments = ["--config", settings.to_str().expect("UTF-8")];

    let first = Daemon::start(&arguments).await;
    until_page(&first, "/metrics", "the only replica leads", |page| page.contains(LEADS)).await;
    let second = Daemon::start(&arguments).await;
    discover(&[&first, &second]);
    ticks(&second, 2.0).await;
    let (_, ready) = second.page("/readyz").await;
    assert!(ready.contains("\"leads\":false") && ready.contains("\"ready\":true"), "{ready}");

    exporter.set("ledger", behind(2));
    until_count(&bed, 3).await;
    assert_eq!((patches(&first).await, patches(&second).await), (1.0, 0.0));
    carried_out(&bed, &exporter, 3).await;
    ticks(&first, 3.0).await;

    // Stopped, as a node that hangs: the other one acts once the lease has run out.
    first.signal("-STOP").await;
    exporter.change("ledger", |job| *job = Job { running_for: job.running_for, ..behind(3) });
    until_page(&second, "/metrics", "the standby leads", |page| page.contains(LEADS)).await;
    until_count(&bed, 4).await;
    carried_out(&bed, &exporter, 4).await;
    // It continues with what it knew: 3 workers and a job that is behind.
    first.signal("-CONT").await;
    ticks(&first, 5.0).await;
    let (_, page) = first.page("/metrics").await;
    assert!(!page.contains(LEADS), "{page}");
    assert_eq!((patches(&first).await, patches(&second).await), (1.0, 1.0));
    assert_eq!(bed.replicas("ledger").await, 4);

    // Killed: nobody is told, and one of those that are left takes over. One that starts meanwhile knows what they knew.
    drop(second);
    let third = Daemon::start(&arguments).await;
    discover(&[&first, &third]);
    let newest = third.url.clone();
    let (leader, standby) = until_one_leads(first, third).await;
    ticks(&standby, 2.0).await;
    let log = if standby.url == newest { standby.log() } else { leader.log() };
    assert!(log.contains("read back what was learned before"), "{log}");
    assert!(log.contains("\"jobs\":1") && log.contains("\"strangers\":0"), "{log}");
    let before = patches(&standby).await;

    // Ended as Kubernetes ends a pod: the lease is given back, nobody waits for it to run out.
    let ended = Instant::now();
    assert_eq!(leader.terminate().await.0, Some(0));
    until_page(&standby, "/metrics", "the last one leads", |page| page.contains(LEADS)).await;
    assert!(ended.elapsed() < Duration::from_secs(12), "the lease was not given back: {:?}", ended.elapsed());
    ticks(&standby, 3.0).await;
    assert_eq!(bed.replicas("ledger").await, 4, "a calm job stays as it is");
    assert_eq!(patches(&standby).await, before);
}

/// Waits until one of two replicas leads, whichever of them is first to see that the lease has run out: that one, and the other.
async fn until_one_leads(one: Daemon, other: Daemon) -> (Daemon, Daemon) {
    let deadline = Instant::now() + SOON;
    let mut next = tokio::time::interval(Duration::from_millis(250));
    loop {
        next.tick().await;
        let leads = async |daemon: &Daemon| daemon.page("/metrics").await.1.contains(LEADS);
        match (leads(&one).await, leads(&other).await) {
            (true, false) => return (one, other),
            (false, true) => return (other, one),
            (true, true) => panic!("two lead:\n{}\n{}", one.log(), other.log()),
            (false, false) => assert!(Instant::now() < deadline, "nobody leads:\n{}\n{}", one.log(), other.log()),
        }
    }
}
