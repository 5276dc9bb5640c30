//! The chart: linted, rendered by the real helm, and applied to the real API server as a strict dry run.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::component::installed;
use crate::kubernetes::{cluster, objects::documents};
use crate::support::steelyard::answer;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// What `tests/components/helm` installs.
const HELM: (&str, &str) = ("helm", "3.22.0");

const HEADER: &str = "\
# Steelyard, as deploy/helm/steelyard renders it with its defaults: it watches FlinkDeployments, decides, and changes nothing.
#
#   kubectl create namespace steelyard && kubectl apply -f deploy/steelyard.yaml
#
# Set prometheus.url and the image first; for anything else take the chart.
";

/// What helm says, with whether it was content.
fn helm(arguments: &[&str]) -> Option<(bool, String)> {
    let helm = installed(HELM.0, HELM.1)?.join("helm");
    let ran = Command::new(helm).args(arguments).current_dir(ROOT).output().expect("helm runs");
    let said = [ran.stdout, ran.stderr].map(|said| String::from_utf8(said).expect("UTF-8"));
    Some((ran.status.success(), if ran.status.success() { said[0].clone() } else { said.concat() }))
}

/// The chart rendered into the namespace `steelyard`, with further arguments.
fn rendered(arguments: &[&str]) -> Option<(bool, String)> {
    let chart = ["template", "steelyard", "deploy/helm/steelyard", "--namespace", "steelyard"];
    // Which Kubernetes it believes in is built into helm's releases, and ours is none.
    helm(&[&chart[..], &["--kube-version", "1.36.3"], arguments].concat())
}

#[test]
fn the_manifest_is_the_chart_with_its_defaults() {
    let Some((well, text)) = rendered(&[]) else { return };
    assert!(well, "{text}");
    let path = Path::new(ROOT).join("deploy/steelyard.yaml");
    let manifest = format!("{HEADER}{text}");
    if std::env::var_os("UPDATE_DEPLOY").is_some() {
        std::fs::write(&path, &manifest).expect("it can be written");
    }
    let shown = std::fs::read_to_string(path).expect("it is there");
    assert!(shown == manifest, "deploy/steelyard.yaml is not what the chart renders: run with UPDATE_DEPLOY=1");
}

#[test]
fn the_chart_is_without_a_lint_and_refuses_wrong_values() {
    let Some((well, said)) = helm(&["lint", "--strict", "deploy/helm/steelyard"]) else { return };
    assert!(well, "{said}");
    for (values, named) in [
        (&["--set", "replica=2"][..], "replica"),
        (&["--set", "settings.mode=on"], "mode"),
        (&["--set", "settings.prometheus.url=prometheus:9090"], "url"),
        (&["--set", "replicas=two"], "replicas"),
        (&["--set", "policies.Beam=x"], "Beam"),
        (&["--set", "shippedPolicies={nothing}"], "nothing"),
        (&["--set", "shippedPolicies=null"], "shippedPolicies"),
        (&["--set", "image.digest=latest"], "digest"),
    ] {
        let (well, said) = rendered(values).expect("helm was there a moment ago");
        assert!(!well && said.contains(named), "{values:?}: {said}");
    }
}

/// Policies of many shapes, each a file.
fn policies() -> Vec<PathBuf> {
    let file = |path: &str| Path::new(ROOT).join(path);
    let folder =
        |path: &str| std::fs::read_dir(file(path)).expect("a folder").map(|entry| entry.expect("a file").path());
    let mut all: Vec<_> = folder("tests/policies/good").chain(folder("tests/live_cluster/policies")).collect();
    all.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    all.sort();
    all
}

#[tokio::test]
async fn the_chart_grants_what_check_rbac_prints() {
    if installed(HELM.0, HELM.1).is_none() {
        return;
    }
    let files = policies();
    let files: Vec<_> = files.iter().map(|file| file.to_str().expect("UTF-8")).collect();
    let singles = files.iter().map(|file| vec![*file]);
    let mut roles = 0;
    for files in singles.chain([files.clone()]) {
        let set: Vec<_> = files.iter().enumerate().map(|(at, file)| format!("policies.p{at}={file}")).collect();
        let set: Vec<_> = set.iter().flat_map(|set| ["--set-file", set.as_str()]).collect();
        let (well, text) = rendered(&set).expect("helm was there a moment ago");
        assert!(well, "{text}");
        let is_role = |object: &Value| object["apiVersion"] == "rbac.authorization.k8s.io/v1";
        let mut granted: Vec<_> = documents(&text).into_iter().filter(is_role).collect();
        for object in &mut granted {
            object["metadata"].as_object_mut().expect("it has metadata").remove("labels");
        }
        let asked = answer(&[&["check", "--rbac", "--format", "json"], &files[..]].concat()).await;
        let asked: Value = serde_json::from_str(&asked).expect("JSON");
        // Helm sorts by kind.
        let mut asked = asked["items"].as_array().expect("a List").clone();
        let key = |object: &Value| format!("{}{}", object["kind"], object["metadata"]);
        granted.sort_by_key(key);
        asked.sort_by_key(key);
        assert_eq!(granted, asked, "{files:?}");
        roles += granted.len();
    }
    assert!(roles > 10, "{roles}");
}

#[tokio::test]
async fn the_api_server_takes_the_chart_and_what_check_rbac_prints() {
    let (Some(cluster), Some(_)) = (cluster().await, installed(HELM.0, HELM.1)) else { return };
    cluster.apply("{ apiVersion: v1, kind: Namespace, metadata: { name: steelyard } }", "default").await;
    let everything = [
        ["--set", "replicas=3"],
        ["--set", "serviceAccount.annotations.team=streams"],
        ["--set", "image.digest=sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"],
        ["--set", "imagePullSecrets[0].name=registry"],
        ["--set", "networkPolicy.from[0].namespaceSelector.matchLabels.monitoring=yes"],
        ["--set", "serviceMonitor.enabled=true"],
        ["--set", "serviceMonitor.labels.release=prometheus"],
        ["--set", "volumes[0].name=ca,volumes[0].secret.secretName=ca"],
        ["--set", "volumeMounts[0].name=ca,volumeMounts[0].mountPath=/etc/ca"],
        ["--set", "extraEnv[0].name=STEELYARD__PROMETHEUS__TENANT,extraEnv[0].value=streams"],
        ["--set", "podLabels.team=streams"],
        ["--set", "nodeSelector.disk=ssd"],
        ["--set", "tolerations[0].operator=Exists"],
        ["--set", "affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution=null"],
        ["--set", "priorityClassName=system-cluster-critical"],
        ["--set", "nameOverride=scaler"],
    ];
    let bare = ["networkPolicy.enabled", "podDisruptionBudget.enabled", "rbac.create", "serviceAccount.create"];
    let bare: Vec<_> = bare.iter().map(|name| format!("{name}=false")).collect();
    let bare: Vec<_> = bare.iter().flat_map(|set| ["--set", set.as_str()]).collect();
    for values in [Vec::new(), everything.concat(), bare] {
        let (well, text) = rendered(&values).expect("helm was there a moment ago");
        assert!(well, "{text}");
        // The operator that knows this kind is not installed here.
        let known: Vec<_> = documents(&text).into_iter().filter(|object| object["kind"] != "ServiceMonitor").collect();
        let known: Vec<_> = known.iter().map(Value::to_string).collect();
        let taken =
            cluster.dry_run(&known.join("\n---\n"), "steelyard").await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(taken.len(), known.len());
    }
    for namespace in ["streaming", "streaming-a", "streaming-b", "streams"] {
        let manifest = format!("{{ apiVersion: v1, kind: Namespace, metadata: {{ name: {namespace} }} }}");
        cluster.apply(&manifest, "default").await;
    }
    for file in policies() {
        let roles = answer(&["check", "--rbac", file.to_str().expect("UTF-8")]).await;
        let taken = cluster.dry_run(&roles, "steelyard").await;
        assert!(taken.unwrap_or_else(|error| panic!("{error}\n{roles}")).len() >= 2);
    }
}
