//! The shipped scrape, by a real Prometheus, of what a real Beam job exposes: what is kept, and the labels it gets.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use axum::Router;
use axum::routing::get;
use serde_json::{Value, json};
use steelyard::policy;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::support::prometheus::Prometheus;
use crate::support::scrape;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// fixtures/beam-step-up at 330 s: one worker, with a backlog.
const AT: u64 = 1_795_229_644;

/// What a pod of the recording exposes, as Flink's reporter writes it: labels of the scrape taken away, a comma at the end.
async fn exposed(recording: &Prometheus, pod: &str) -> String {
    let data = recording.ask(&format!(r#"{{__name__=~"flink_.+", pod="{pod}"}} @ {AT}"#)).await;
    let mut text = String::new();
    for series in data["result"].as_array().expect("rows") {
        let labels = series["metric"].as_object().expect("labels");
        let name = labels["__name__"].as_str().expect("a name");
        write!(text, "{name}{{").unwrap();
        for (label, value) in labels {
            if !["__name__", "namespace", "pod", "component", "instance", "job"].contains(&label.as_str()) {
                write!(text, "{label}={value},").unwrap();
            }
        }
        writeln!(text, "}} {}", series["value"][1].as_str().expect("a number")).unwrap();
    }
    text
}

/// Serves a page on loopback; gives its port.
async fn serve(page: String, servers: &mut JoinSet<()>) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port on loopback");
    let port = listener.local_addr().expect("it has an address").port();
    let router = Router::new().route("/metrics", get(|| async { page }));
    servers.spawn(async move { axum::serve(listener, router).await.expect("it serves") });
    port
}

/// A pod with an address, as Kubernetes would tell of it.
fn found(component: &str, pod: &str, port: u16, other: Value) -> Value {
    let mut labels = scrape::pod("streaming", "orders", component, pod);
    let fields = labels.as_object_mut().unwrap();
    fields.insert("__meta_kubernetes_pod_ip".to_owned(), json!("127.0.0.1"));
    fields.insert("__meta_kubernetes_pod_annotation_prometheus_io_port".to_owned(), json!(port.to_string()));
    fields.extend(other.as_object().unwrap().clone());
    // A port that the pod declares for something else.
    json!({ "targets": ["127.0.0.1:6122"], "labels": labels })
}

#[tokio::test]
async fn the_shipped_scrape_keeps_what_is_needed_and_names_the_job() {
    let archive = Path::new(ROOT).join("fixtures/beam-step-up/tsdb.tar.xz");
    let Some(recording) = Prometheus::serving(&archive).await else { return };
    let manager = exposed(&recording, "orders-jobmanager-0").await;
    let worker = exposed(&recording, "orders-taskmanager-001").await;
    let names = |text: &str| text.lines().filter_map(|line| line.split('{').next()).map(str::to_owned).collect();
    let all: BTreeSet<String> = [names(&manager), names(&worker)].into_iter().flat_map(|one: Vec<_>| one).collect();
    assert!(all.len() > 120, "the recording has what a real job exposes, not {} names", all.len());

    let read = worker.lines().filter(|line| line.contains("_operator_source_bytes_read{"));
    let read: f64 = read.filter_map(|line| line.split_whitespace().last()?.parse::<f64>().ok()).sum();
    assert!(read > 1e6, "{read} bytes");

    let mut servers = JoinSet::new();
    let (manager, worker) = (serve(manager, &mut servers).await, serve(worker, &mut servers).await);
    let none = json!({});
    let mut config = scrape::flink(&json!({ "static_configs": [
        found("jobmanager", "orders-7d9f8c6b5-x2k4p", manager, none.clone()),
        found("taskmanager", "orders-taskmanager-1-1", worker, none.clone()),
        // The same pod by another of its ports is no second target; these others are none at all.
        { "targets": ["127.0.0.1:6123"], "labels": found("taskmanager", "orders-taskmanager-1-1", worker, none)["labels"] },
        found("taskmanager", "a-sidecar", worker, json!({ "__meta_kubernetes_pod_container_name": "python" })),
        found("taskmanager", "has-ended", worker, json!({ "__meta_kubernetes_pod_phase": "Failed" })),
        found("taskmanager", "another-kind", worker, json!({ "__meta_kubernetes_pod_label_type": "" })),
        found("web", "a-web-server", worker, json!({})),
    ] }));
    config["scrape_interval"] = json!("1s");
    config["scrape_timeout"] = json!("1s");
    let config = json!({ "scrape_configs": [config] }).to_string();
    let prometheus = Prometheus::configured(&config).await.expect("there was one before");
    // Enough scrapes for a slope.
    prometheus.until("min(count_over_time(up[1m]))", |scrapes| scrapes >= 3.0).await;

    assert_eq!(prometheus.number("count(up)").await, Some(2.0), "targets");
    assert_eq!(prometheus.number("min(up)").await, Some(1.0));
    let data = prometheus.ask(r#"{__name__=~"flink_.+"}"#).await;
    let labels = |label: &str| -> BTreeSet<String> {
        let rows = data["result"].as_array().expect("rows").iter();
        rows.map(|row| row["metric"][label].as_str().unwrap_or_default().to_owned()).collect()
    };
    let only = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(labels("namespace"), only(&["streaming"]));
    assert_eq!(labels("app"), only(&["orders"]));
    assert_eq!(labels("component"), only(&["jobmanager", "taskmanager"]));
    assert_eq!(labels("pod"), only(&["orders-7d9f8c6b5-x2k4p", "orders-taskmanager-1-1"]));
    let kept = labels("__name__");
    assert!((20..30).contains(&kept.len()), "a tenth of the names, with eight splits: {kept:?}");
    assert!(kept.is_subset(&all), "nothing was renamed");

    // ... and what is kept is enough for the policy that is meant for such a job.
    let file = Path::new(ROOT).join("policies/beam-flink-reactive.yaml");
    let policies = policy::load(&[file]).unwrap_or_else(|problems| panic!("{problems}")).policies;
    for (signal, truth) in [("running", 1.0), ("coverage", 1.0), ("partitions", 8.0), ("throughput", read)] {
        let asked = policies[0].signals.iter().find(|asked| asked.signal.name() == signal).expect("it is asked for");
        assert_eq!(prometheus.number(&asked.alternatives[0].parts[0]).await, Some(truth), "{signal}");
    }
}
