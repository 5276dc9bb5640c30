//! FlinkDeployments as users write them, and the status that the operator would write: for tests where no operator runs.

use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};

use super::Cluster;

/// The kind of Flink's operator.
pub fn flink_deployments() -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("flink.apache.org", "v1beta1", "FlinkDeployment"))
}

/// An application cluster in reactive mode with so many TaskManagers, as a user would create it.
pub fn application(name: &str, replicas: u32) -> Value {
    json!({
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": { "name": name, "labels": { "steelyard.dev/class": "test" } },
        "spec": {
            "image": "flink:1.20.5",
            "flinkVersion": "v1_19",
            "mode": "standalone",
            "serviceAccount": "flink",
            "flinkConfiguration": { "scheduler-mode": "reactive", "taskmanager.numberOfTaskSlots": "1" },
            "jobManager": { "replicas": 1, "resource": { "cpu": 0.1, "memory": "512m" } },
            "taskManager": { "replicas": replicas, "resource": { "cpu": 0.1, "memory": "512m" } },
            "job": { "jarURI": "local:///job.jar", "parallelism": replicas, "upgradeMode": "savepoint", "state": "running" }
        }
    })
}

/// A session cluster: no `spec.job`.
pub fn session(name: &str, replicas: u32) -> Value {
    let mut object = application(name, replicas);
    let spec = object["spec"].as_object_mut().expect("it has a spec");
    spec.remove("job");
    object
}

/// The status of a job that runs, as operator 1.7.0 writes it for that generation of the spec.
pub fn stable(object: &DynamicObject) -> Value {
    let generation = object.metadata.generation.unwrap_or_default();
    let replicas = &object.data["spec"]["taskManager"]["replicas"];
    // Before 1.8 the operator says which generation it has seen only inside of this text.
    let reconciled = json!({
        "apiVersion": "flink.apache.org/v1beta1",
        "metadata": { "generation": 2 },
        "resource_metadata": { "apiVersion": "flink.apache.org/v1beta1", "metadata": { "generation": generation } },
        "spec": object.data["spec"],
    });
    json!({
        "lifecycleState": "STABLE",
        "jobManagerDeploymentStatus": "READY",
        "jobStatus": { "state": "RUNNING", "jobId": "0000000000000000000000000000000a", "jobName": "job" },
        "reconciliationStatus": {
            "state": "DEPLOYED",
            "reconciliationTimestamp": 1,
            "lastReconciledSpec": reconciled.to_string(),
        },
        "taskManager": { "replicas": replicas, "labelSelector": "component=taskmanager" },
    })
}

impl Cluster {
    /// All FlinkDeployments of a namespace, with all rights.
    pub async fn flink_deployments(&self, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.admin().await, namespace, &flink_deployments())
    }

    /// Creates a FlinkDeployment and writes the status of a job that runs.
    pub async fn running_job(&self, namespace: &str, object: &Value) -> DynamicObject {
        let api = self.flink_deployments(namespace).await;
        let object: DynamicObject = serde_json::from_value(object.clone()).expect("an object");
        let made = api.create(&PostParams::default(), &object).await.expect("it can be created");
        self.write_status(namespace, &made, &stable(&made)).await
    }

    /// Writes a status as the operator does.
    pub async fn write_status(&self, namespace: &str, object: &DynamicObject, status: &Value) -> DynamicObject {
        let api = self.flink_deployments(namespace).await;
        let name = object.metadata.name.as_deref().expect("it has a name");
        let patch = Patch::Merge(json!({ "status": status }));
        api.patch_status(name, &PatchParams::default(), &patch).await.expect("its status can be written")
    }

    /// Writes the status that the operator writes once it has carried out the present spec.
    pub async fn reconcile(&self, namespace: &str, name: &str) -> DynamicObject {
        let object = self.flink_deployments(namespace).await.get(name).await.expect("it is there");
        self.write_status(namespace, &object, &stable(&object)).await
    }
}
