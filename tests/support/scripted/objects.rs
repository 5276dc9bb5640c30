//! Objects as a real API server sends them, and the targets that find them.

use serde_json::{Value, json};
use steelyard::policy::Target;

/// A FlinkDeployment that runs a job, with as many fields as real ones have.
pub fn flink(namespace: &str, name: &str, replicas: u32) -> Value {
    let template = json!({
        "apiVersion": "v1", "kind": "Pod",
        "spec": {
            "containers": [{
                "name": "flink-main-container",
                "env": [{"name": "TZ", "value": "UTC"}, {"name": "HEAP", "value": "x".repeat(200)}],
                "volumeMounts": [{"name": "state", "mountPath": "/state"}, {"name": "jars", "mountPath": "/opt/jars"}],
            }],
            "volumes": [{"name": "state", "emptyDir": {}}, {"name": "jars", "configMap": {"name": "jars"}}],
            "tolerations": [{"key": "streaming", "operator": "Exists"}],
        },
    });
    let spec = json!({
        "image": "registry.example.org/streaming/beam-flink:1.20.1", "flinkVersion": "v1_20", "mode": "standalone",
        "serviceAccount": "flink", "podTemplate": template,
        "flinkConfiguration": {
            "taskmanager.numberOfTaskSlots": "1", "jobmanager.scheduler": "adaptive",
            "scheduler-mode": "reactive", "state.checkpoints.dir": "s3://checkpoints/orders",
            "execution.checkpointing.interval": "10s", "metrics.reporters": "prom",
        },
        "jobManager": {"replicas": 1, "resource": {"cpu": 1, "memory": "2048m"}},
        "taskManager": {"replicas": replicas, "resource": {"cpu": 1.5, "memory": "4096m"}, "podTemplate": template},
        "job": {
            "jarURI": "local:///opt/jars/orders.jar", "parallelism": 8, "upgradeMode": "last-state", "state": "running",
            "args": ["--runner=FlinkRunner", "--streaming"],
        },
    });
    json!({
        "apiVersion": "flink.apache.org/v1beta1", "kind": "FlinkDeployment",
        "metadata": {
            "name": name, "namespace": namespace, "uid": format!("8b6e2f0c-5d1a-4f8e-9c3b-{name:0>12}"), "generation": 4,
            "creationTimestamp": "2026-11-02T10:11:12Z", "labels": {"app": name, "steelyard.dev/class": "beam"},
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": spec.to_string()},
            "finalizers": ["flinkdeployments.flink.apache.org/finalizer"],
            "managedFields": [{
                "manager": "kubectl", "operation": "Apply", "fieldsType": "FieldsV1", "apiVersion": "flink.apache.org/v1beta1",
                "fieldsV1": {"f:spec": {"f:image": {}, "f:taskManager": {"f:replicas": {}}}},
            }],
        },
        "spec": spec,
        "status": {
            "lifecycleState": "STABLE", "jobManagerDeploymentStatus": "READY", "observedGeneration": 4,
            "jobStatus": {"jobId": "0c6b", "state": "RUNNING", "startTime": "1795229314078"},
            "reconciliationStatus": {"state": "DEPLOYED", "lastReconciledSpec": spec.to_string()},
            "taskManager": {"labelSelector": "component=taskmanager,app=orders", "replicas": replicas},
        },
    })
}

/// The target that most tests scale.
pub fn target(namespaces: &[&str], selector: &str) -> Target {
    Target {
        api_version: "flink.apache.org/v1beta1".into(),
        kind: "FlinkDeployment".into(),
        namespaces: namespaces.iter().map(|namespace| (*namespace).to_owned()).collect(),
        selector: selector.into(),
    }
}
