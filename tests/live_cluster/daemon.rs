//! The whole daemon acts: a real Prometheus says what runs, a real API server what is asked for, and the operator's part
//! is played here.

use std::time::Duration;

use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, ListParams};
use serde_json::Value;

use crate::kubernetes::{Cluster, cluster, flink};
use crate::station::{SOON, Station, until_page};
use crate::support::exporter::{Backlog, Exporter, Job};
use crate::support::prometheus::Prometheus;
use crate::support::steelyard::Daemon;

/// Where the exporter's jobs are.
const NAMESPACE: &str = "streaming";

/// 2 workers, 10 s behind at 200 records/s: 2 + ⌈2 · 10 s / 50 s⌉ = 3 are wanted.
fn behind() -> Job {
    Job::calm(2).backlog(Backlog::Records { now: 2000.0, growth: 0.0 })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_behind_is_scaled_once_its_mode_allows_it_and_a_session_never() {
    let Some(cluster) = cluster().await else { return };
    let exporter = Exporter::start().await;
    for job in ["orders", "session", "fixed"] {
        exporter.set(job, behind());
    }
    let Some(prometheus) = Prometheus::scraping(&[exporter.target()]).await else { return };
    let bed = Station::new(cluster, NAMESPACE).await;
    cluster.running_job(NAMESPACE, &flink::application("orders", 2)).await;
    cluster.running_job(NAMESPACE, &flink::session("session", 2)).await;
    let mut fixed = flink::application("fixed", 2);
    fixed["metadata"]["annotations"] =
        serde_json::json!({"steelyard.dev/workers": "5", "steelyard.dev/max-workers": "4"});
    cluster.running_job(NAMESPACE, &fixed).await;

    // Observing is the default: what is wanted is told, and nothing is done.
    bed.write_policy("observe");
    let settings = bed.write_settings(&prometheus.url());
    let daemon = Daemon::start(&["--config", settings.to_str().expect("UTF-8")]).await;
    let wanted = "steelyard_job_wanted_workers{namespace=\"streaming\",name=\"orders\",class=\"live\"} 3.0";
    until_page(&daemon, "/metrics", "3 workers are wanted", |text| text.contains(wanted)).await;
    assert_eq!(bed.replicas("orders").await, 2);

    bed.write_policy("act");
    let scaled = "steelyard_patches_total{class=\"live\",outcome=\"scaled\"} 2";
    until_page(&daemon, "/metrics", "the patches", |text| text.contains(scaled)).await;
    assert_eq!(bed.replicas("orders").await, 3);
    assert_eq!(bed.replicas("fixed").await, 4, "5 are asked for, and 4 is the owner's own limit");
    assert_eq!(bed.replicas("session").await, 2, "a session cluster is never touched");

    // The operator carries it out, the job restarts at its new width: that is where it stays.
    for (job, workers) in [("orders", 3), ("fixed", 4)] {
        cluster.reconcile(NAMESPACE, job).await;
        exporter.change(job, |job| {
            *job = Job::calm(workers);
            job.running_for = Duration::ZERO;
        });
    }
    let reached = "steelyard_rescale_duration_seconds_count{class=\"live\",stage=\"width\"} 2";
    let text = until_page(&daemon, "/metrics", "the new widths", |text| text.contains(reached)).await;
    assert!(text.contains(scaled), "one patch each: {text}");

    let told = events(cluster).await;
    for (name, reason) in [("orders", "Scaled"), ("fixed", "Scaled"), ("session", "UnsafeTarget")] {
        let of = |event: &&Event| event.regarding.as_ref().and_then(|about| about.name.as_deref()) == Some(name);
        let reasons: Vec<_> = told.iter().filter(of).filter_map(|event| event.reason.as_deref()).collect();
        assert_eq!(reasons, [reason], "{name}");
    }
    let (_, ready) = daemon.page("/readyz").await;
    let ready: Value = serde_json::from_str(&ready).expect("JSON");
    assert_eq!(ready["failing"], serde_json::json!([]));
    assert!(daemon.log().contains("prometheus answers"), "{}", daemon.log());
    assert_eq!(daemon.terminate().await.0, Some(0));
}

/// All Events, once there are three: they are written in the background.
async fn events(cluster: &Cluster) -> Vec<Event> {
    let api: Api<Event> = Api::namespaced(cluster.admin().await, NAMESPACE);
    let written = async {
        let mut next = tokio::time::interval(Duration::from_millis(100));
        loop {
            next.tick().await;
            let events = api.list(&ListParams::default()).await.expect("events can be listed").items;
            if events.len() >= 3 {
                return events;
            }
        }
    };
    tokio::time::timeout(SOON, written).await.expect("three events")
}
