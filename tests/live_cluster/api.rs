//! The bed itself: what every other test in it rests on.

use std::time::Duration;

use axum::http::Request;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Api, ListParams};
use serde_json::{Value, json};

use crate::kubernetes::{cluster, flink};

/// The API server's answer to a JSON patch of `/scale`: the count, or the code of a refusal.
async fn patch_scale(client: &Client, namespace: &str, name: &str, patch: &Value) -> Result<i64, u16> {
    let path = format!("/apis/flink.apache.org/v1beta1/namespaces/{namespace}/flinkdeployments/{name}/scale");
    let request = Request::patch(path)
        .header("content-type", "application/json-patch+json")
        .body(patch.to_string().into_bytes())
        .unwrap();
    match client.request::<Value>(request).await {
        Ok(scale) => Ok(scale["spec"]["replicas"].as_i64().unwrap()),
        Err(kube::Error::Api(status)) => Err(status.code),
        Err(error) => panic!("{error}"),
    }
}

fn guarded(uid: &str, from: u32, to: u32) -> Value {
    json!([
        { "op": "test", "path": "/metadata/uid", "value": uid },
        { "op": "test", "path": "/spec/replicas", "value": from },
        { "op": "replace", "path": "/spec/replicas", "value": to },
    ])
}

#[tokio::test]
async fn a_scale_of_a_real_flink_deployment_is_guarded_by_its_uid_and_count() {
    let Some(cluster) = cluster().await else { return };
    let namespace = cluster.namespace("bed").await;
    let made = cluster.running_job(&namespace, &flink::application("job", 2)).await;
    assert_eq!(made.data["status"]["lifecycleState"], "STABLE", "the real CRD keeps the status as it was written");
    let client = cluster.admin().await;
    let uid = made.metadata.uid.as_deref().unwrap();
    let mut answers = Vec::new();
    for (uid, from, to) in [(uid, 2, 5), (uid, 2, 6), ("another", 5, 6)] {
        answers.push(patch_scale(&client, &namespace, "job", &guarded(uid, from, to)).await);
    }
    assert_eq!(answers, [Ok(5), Err(422), Err(422)]);
    let object = cluster.reconcile(&namespace, "job").await;
    assert_eq!(object.data["spec"]["taskManager"]["replicas"], 5);
    assert_eq!(object.data["status"]["taskManager"]["replicas"], 5);

    // The API server lets a session cluster be scaled, which its operator carries out by deleting it: the gate is ours.
    let session = cluster.running_job(&namespace, &flink::session("session", 1)).await;
    let uid = session.metadata.uid.as_deref().unwrap();
    assert_eq!(patch_scale(&client, &namespace, "session", &guarded(uid, 1, 2)).await, Ok(2));
}

#[tokio::test]
async fn an_account_without_a_role_may_do_nothing() {
    let Some(cluster) = cluster().await else { return };
    let namespace = cluster.namespace("bed").await;
    let made = cluster.running_job(&namespace, &flink::application("job", 2)).await;
    let token = cluster.service_account(&namespace, "nobody").await;
    let client = cluster.client(&token).await;
    let uid = made.metadata.uid.as_deref().unwrap();
    assert_eq!(patch_scale(&client, &namespace, "job", &guarded(uid, 2, 5)).await, Err(403));
    let listed = Api::<Pod>::namespaced(client, &namespace).list(&ListParams::default()).await;
    assert!(matches!(listed, Err(kube::Error::Api(status)) if status.code == 403));
}

#[tokio::test]
async fn a_manifest_with_an_unknown_field_is_refused_and_a_dry_run_leaves_nothing() {
    let Some(cluster) = cluster().await else { return };
    let namespace = cluster.namespace("bed").await;
    let manifest = |field: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: plain }}\nspec:\n  {field}: 2\n  \
             selector: {{ matchLabels: {{ app: plain }} }}\n  template:\n    metadata: {{ labels: {{ app: plain }} }}\n    \
             spec: {{ containers: [{{ name: main, image: none }}] }}\n"
        )
    };
    let refused = cluster.dry_run(&manifest("replicaz"), &namespace).await.unwrap_err();
    assert!(refused.contains("replicaz"), "{refused}");
    cluster.dry_run(&manifest("replicas"), &namespace).await.unwrap();
    let deployments: Api<Deployment> = Api::namespaced(cluster.admin().await, &namespace);
    assert!(deployments.get_opt("plain").await.unwrap().is_none());

    // The controllers run: a Deployment becomes real pods, which wait for a node.
    cluster.apply(&manifest("replicas"), &namespace).await;
    let pods: Api<Pod> = Api::namespaced(cluster.admin().await, &namespace);
    let made = async {
        let mut next = tokio::time::interval(Duration::from_millis(100));
        while pods.list(&ListParams::default()).await.unwrap().items.len() < 2 {
            next.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), made).await.expect("the controllers make the pods");
}
