//! The account that `check --rbac` describes: enough to find and follow the targets, and for nothing more.

use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::json;
use steelyard::cluster::{Connection, Targets, connect};
use steelyard::engine::Workers;
use steelyard::policy;

use crate::bed::common::wait::until;
use crate::kubernetes::{Cluster, cluster, flink};
use crate::support::steelyard::answer;

const SOON: Duration = Duration::from_secs(60);

/// A policy for the FlinkDeployments of some namespaces, in a file.
fn policy(folder: &Path, namespaces: &str) -> String {
    let text = include_str!("policies/glob.yaml")
        .replace("apiVersion: example.org/v1", "apiVersion: flink.apache.org/v1beta1")
        .replace("kind: Gateway", "kind: FlinkDeployment")
        .replace("\"team-*\"", namespaces)
        .replace("steelyard.dev/class: gateways", "steelyard.dev/class: test");
    let path = folder.join("policy.yaml");
    std::fs::write(&path, text).expect("a file");
    path.to_str().expect("UTF-8").to_owned()
}

/// Makes the daemon's account with the roles for that policy; says its kubeconfig.
async fn account(cluster: &Cluster, policy: &str, folder: &Path) -> (String, Connection) {
    let home = cluster.namespace("home").await;
    let token = cluster.service_account(&home, "steelyard").await;
    let roles = answer(&["check", "--rbac", "--namespace", &home, policy]).await;
    cluster.apply(&roles, &home).await;
    let kubeconfig = folder.join("kubeconfig");
    std::fs::write(&kubeconfig, cluster.kubeconfig_in(&home, &token)).expect("a file");
    (home, Connection { kubeconfig: Some(kubeconfig), context: None })
}

#[tokio::test]
async fn targets_are_found_and_followed_under_the_account_of_check_rbac() {
    let Some(cluster) = cluster().await else { return };
    let namespace = cluster.namespace("streaming").await;
    cluster.running_job(&namespace, &flink::application("job", 2)).await;
    cluster.running_job(&namespace, &flink::session("session", 1)).await;
    // By its name, which a Role allows, and by a glob, which takes a ClusterRole.
    for namespaces in [namespace.clone(), format!("\"{namespace}*\"")] {
        let folder = tempfile::tempdir().expect("a folder");
        let file = policy(folder.path(), &namespaces);
        let (_, connection) = account(cluster, &file, folder.path()).await;
        let policies = policy::load(&[file.into()]).unwrap_or_else(|problems| panic!("{problems}"));
        let client = connect(&connection).await.expect("a kubeconfig of our own");
        let targets = Targets::start(client, &policies).await.expect("the kind is known and has a scale subresource");
        targets.settled().await;
        assert_eq!(targets.troubles(), [], "{namespaces}");
        let target = policies.policies[0].target.as_ref().expect("it has one");
        let count = |name: &str| targets.object(target, &namespace, name).and_then(|object| object.replicas);
        let api = cluster.flink_deployments(&namespace).await;
        for replicas in [4, 2] {
            let change = json!({ "spec": { "taskManager": { "replicas": replicas } } });
            api.patch("job", &PatchParams::default(), &Patch::Merge(change)).await.expect("the tests may do anything");
            until("the watch shows it", SOON, async || (count("job") == Some(Workers(replicas))).then_some(())).await;
        }
        assert_eq!(count("session"), Some(Workers(1)));
        assert_eq!(count("nobody"), None);
    }
}

/// Whether the account may do that: `group/resource`, in a namespace.
async fn may(client: &Client, verb: &str, resource: &str, name: Option<&str>, namespace: &str) -> bool {
    let (group, resource) = resource.split_once('/').expect("a group and a resource");
    let (resource, subresource) = resource.split_once('/').map_or((resource, None), |(one, sub)| (one, Some(sub)));
    let attributes = ResourceAttributes {
        group: Some(group.to_owned()),
        resource: Some(resource.to_owned()),
        subresource: subresource.map(str::to_owned),
        verb: Some(verb.to_owned()),
        name: name.map(str::to_owned),
        namespace: Some(namespace.to_owned()),
        ..ResourceAttributes::default()
    };
    let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() };
    let review = SelfSubjectAccessReview { spec, ..Default::default() };
    let answer = Api::all(client.clone()).create(&PostParams::default(), &review).await;
    answer.expect("everybody may ask what he may").status.expect("an answer").allowed
}

#[tokio::test]
async fn the_account_may_do_what_the_daemon_does_and_nothing_more() {
    let Some(cluster) = cluster().await else { return };
    let (namespace, other) = (cluster.namespace("streaming").await, cluster.namespace("other").await);
    let folder = tempfile::tempdir().expect("a folder");
    let file = policy(folder.path(), &namespace);
    let (home, connection) = account(cluster, &file, folder.path()).await;
    let client = connect(&connection).await.expect("a kubeconfig of our own");
    let lease = Some("steelyard");
    for (verb, resource, name, place) in [
        ("list", "flink.apache.org/flinkdeployments", None, &namespace),
        ("watch", "flink.apache.org/flinkdeployments", None, &namespace),
        ("patch", "flink.apache.org/flinkdeployments/scale", None, &namespace),
        ("create", "events.k8s.io/events", None, &namespace),
        ("watch", "autoscaling/horizontalpodautoscalers", None, &namespace),
        ("create", "coordination.k8s.io/leases", None, &home),
        ("update", "coordination.k8s.io/leases", lease, &home),
    ] {
        assert!(may(&client, verb, resource, name, place).await, "{verb} {resource} in {place} is needed");
    }
    for (verb, resource, name, place) in [
        ("list", "flink.apache.org/flinkdeployments", None, &other),
        ("patch", "flink.apache.org/flinkdeployments/scale", None, &other),
        ("patch", "flink.apache.org/flinkdeployments", None, &namespace),
        ("update", "flink.apache.org/flinkdeployments/scale", None, &namespace),
        ("patch", "flink.apache.org/flinkdeployments/status", None, &namespace),
        ("delete", "flink.apache.org/flinkdeployments", None, &namespace),
        ("list", "flink.apache.org/flinksessionjobs", None, &namespace),
        ("patch", "apps/deployments/scale", None, &namespace),
        ("update", "autoscaling/horizontalpodautoscalers", None, &namespace),
        ("update", "coordination.k8s.io/leases", Some("another"), &home),
        ("delete", "coordination.k8s.io/leases", lease, &home),
        ("create", "coordination.k8s.io/leases", None, &namespace),
        ("list", "/secrets", None, &home),
        ("list", "/pods", None, &namespace),
    ] {
        assert!(!may(&client, verb, resource, name, place).await, "{verb} {resource} in {place} is not needed");
    }
    // Not only by the review's word.
    let made = cluster.running_job(&namespace, &flink::application("job", 2)).await;
    let api: Api<DynamicObject> = Api::namespaced_with(client, &namespace, &flink::flink_deployments());
    let change = Patch::Merge(json!({ "spec": { "taskManager": { "replicas": 3 } } }));
    let refused = api.patch("job", &PatchParams::default(), &change).await;
    assert!(matches!(&refused, Err(kube::Error::Api(status)) if status.code == 403), "{refused:?} for {made:?}");
}
