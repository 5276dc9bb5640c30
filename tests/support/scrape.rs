//! The scrape that `deploy/prometheus` ships, on targets that are not in Kubernetes.

use std::path::Path;

use serde_json::{Value, json};

/// The shipped entry of `scrape_configs` for Flink, its targets from another discovery: `{"static_configs": [...]}` or
/// `{"file_sd_configs": [...]}` with the labels of [`pod`].
pub fn flink(discovery: &Value) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus/scrape-configs.yaml");
    let text = std::fs::read_to_string(&file).expect("it is shipped");
    let configs: Value = serde_saphyr::from_str(&text).expect("it is YAML");
    let mut configs = configs["scrape_configs"].as_array().expect("a list").iter();
    let mut config = configs.find(|config| config["job_name"] == "flink").expect("one for Flink").clone();
    let fields = config.as_object_mut().expect("a mapping");
    fields.remove("kubernetes_sd_configs").expect("pods are discovered");
    fields.extend(discovery.as_object().expect("a mapping").clone());
    config
}

/// What Kubernetes' discovery would say of a pod of a FlinkDeployment. `component`: `jobmanager` or `taskmanager`.
pub fn pod(namespace: &str, app: &str, component: &str, pod: &str) -> Value {
    json!({
        "__meta_kubernetes_namespace": namespace,
        "__meta_kubernetes_pod_name": pod,
        "__meta_kubernetes_pod_container_name": "flink-main-container",
        "__meta_kubernetes_pod_label_app": app,
        "__meta_kubernetes_pod_label_component": component,
        "__meta_kubernetes_pod_label_type": "flink-standalone-kubernetes",
    })
}
