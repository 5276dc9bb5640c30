//! The node: what kubelet and a container runtime would do with the Flink operator's pods, as processes of this machine.
//!
//! Each pod gets an address of its own on loopback. Pods are bound, started with what their container's arguments and the
//! operator's ConfigMap say, reported as ready, ended with TERM and then taken away, and scraped by the bed's Prometheus
//! meanwhile. The names of Services stand in a file that every JVM here looks names up in.

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Binding, ConfigMap, ObjectReference, Pod};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::core::ObjectMeta;
use serde_json::{Value, json};
use tokio_util::task::AbortOnDropHandle;

use super::container::{self, Container};
use super::hosts::Hosts;
use crate::bed::Bed;
use crate::bed::common::process::Process;
use crate::bed::common::prometheus::Target;

/// Between two looks at the pods.
const LOOK: Duration = Duration::from_millis(300);
/// Looks between TERM and KILL: half a minute, as Kubernetes has it.
const GRACE: u32 = 100;
const METRICS_PORT: u16 = 9249;

/// Which pods are ours.
const OURS: &str = "type=flink-standalone-kubernetes";

/// Carries the pods of one namespace out until it is dropped.
#[derive(Debug)]
pub struct Node {
    _work: AbortOnDropHandle<()>,
}

struct Kubelet {
    bed: Arc<Bed>,
    pods: Api<Pod>,
    maps: Api<ConfigMap>,
    namespace: String,
    images: container::Images,
    hosts: Arc<Hosts>,
    folder: PathBuf,
    /// By uid.
    running: HashMap<String, Running>,
}

struct Running {
    process: Process,
    address: Ipv4Addr,
    target: Target,
    is_job_manager: bool,
    app: String,
    /// Until it is killed, once it is told to end.
    looks_left: u32,
}

impl Node {
    /// Takes the pods of that namespace on.
    pub fn start(
        bed: &Arc<Bed>,
        client: &kube::Client,
        namespace: &str,
        images: container::Images,
        hosts: &Arc<Hosts>,
    ) -> Self {
        let mut kubelet = Kubelet {
            bed: Arc::clone(bed),
            pods: Api::namespaced(client.clone(), namespace),
            maps: Api::namespaced(client.clone(), namespace),
            namespace: namespace.to_owned(),
            images,
            hosts: Arc::clone(hosts),
            folder: bed.lane_folder("node"),
            running: HashMap::new(),
        };
        let work = tokio::spawn(async move {
            let mut next = tokio::time::interval(LOOK);
            loop {
                next.tick().await;
                kubelet.round().await;
            }
        });
        Self { _work: AbortOnDropHandle::new(work) }
    }
}

impl Kubelet {
    /// Looks at all pods once. What the API server does not answer is asked again at the next look.
    async fn round(&mut self) {
        let Ok(pods) = self.pods.list(&ListParams::default().labels(OURS)).await else { return };
        let mut there = Vec::new();
        for pod in pods {
            let ObjectMeta { uid: Some(uid), name: Some(name), .. } = &pod.metadata else { continue };
            there.push(uid.clone());
            if pod.metadata.deletion_timestamp.is_some() {
                self.end(uid, name).await;
            } else if pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_none()) {
                self.bind(name).await;
            } else if let Some(running) = self.running.get_mut(uid) {
                if !running.process.is_running() {
                    // As `restartPolicy: Always` says.
                    self.restart(uid, &pod).await;
                }
            } else {
                let address = self.bed.address();
                self.run(uid, &pod, address).await;
            }
        }
        self.running.retain(|uid, running| {
            let stays = there.contains(uid);
            if !stays {
                self.bed.prometheus.forget(&running.target);
            }
            stays
        });
    }

    async fn bind(&self, name: &str) {
        let binding = Binding {
            metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
            target: ObjectReference {
                kind: Some("Node".to_owned()),
                name: Some("bed".to_owned()),
                ..ObjectReference::default()
            },
        };
        let _again: Result<Value, _> =
            self.pods.create_subresource("binding", name, &PostParams::default(), &binding).await;
    }

    async fn restart(&mut self, uid: &str, pod: &Pod) {
        let Some(running) = self.running.remove(uid) else { return };
        self.bed.prometheus.forget(&running.target);
        self.run(uid, pod, running.address).await;
    }

    async fn run(&mut self, uid: &str, pod: &Pod, address: Ipv4Addr) {
        let name = pod.metadata.name.clone().unwrap_or_default();
        let labels = pod.metadata.labels.clone().unwrap_or_default();
        let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
        let (app, component) = (label("app"), label("component"));
        let Ok(map) = self.maps.get(&format!("flink-config-{app}")).await else { return };
        let configuration = map.data.unwrap_or_default();
        let folder = self.folder.join(&name);
        std::fs::create_dir_all(&folder).expect("a folder of the pod");
        let is_job_manager = component == "jobmanager";
        if is_job_manager {
            self.hosts.set(&services(&app, &self.namespace), address);
        }
        let container = Container { pod, address, folder: &folder, configuration: &lines(&configuration) };
        let mut command = container.command(&self.images, &self.hosts.java_options());
        let process = Process::start(&name, &mut command, &self.folder.join(format!("{name}.log")));
        let target = Target::flink(&app, &component, &name, address, METRICS_PORT);
        self.bed.prometheus.watch(&target);
        self.running
            .insert(uid.to_owned(), Running { process, address, target, is_job_manager, app, looks_left: GRACE });
        let status = json!({ "status": {
            "phase": "Running", "podIP": address.to_string(), "podIPs": [{ "ip": address.to_string() }],
            "hostIP": "127.0.0.1",
            "conditions": [
                { "type": "Ready", "status": "True" }, { "type": "ContainersReady", "status": "True" },
                { "type": "Initialized", "status": "True" }, { "type": "PodScheduled", "status": "True" },
            ],
            "containerStatuses": [{
                "name": "flink-main-container", "ready": true, "started": true, "restartCount": 0,
                "image": "flink", "imageID": "flink", "state": { "running": {} },
            }],
        }});
        let _again = self.pods.patch_status(&name, &PatchParams::default(), &Patch::Merge(status)).await;
    }

    /// TERM at the first look; the object goes at the look that finds the process gone, or its grace over.
    async fn end(&mut self, uid: &str, name: &str) {
        if let Some(running) = self.running.get_mut(uid) {
            if running.looks_left == GRACE {
                let group = format!("-{}", running.process.id());
                let _gone_already = Command::new("kill").args(["-s", "TERM", "--", &group]).status();
                if running.is_job_manager {
                    self.hosts.remove(&services(&running.app, &self.namespace), running.address);
                }
            }
            running.looks_left = running.looks_left.saturating_sub(1);
            if running.process.is_running() && running.looks_left > 0 {
                return;
            }
        }
        if let Some(running) = self.running.remove(uid) {
            self.bed.prometheus.forget(&running.target);
        }
        let gone = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
        let _again = self.pods.delete(name, &gone).await;
    }
}

/// What would be the Services of a cluster.
fn services(app: &str, namespace: &str) -> [String; 2] {
    [format!("{app}.{namespace}"), format!("{app}-rest.{namespace}")]
}

/// The operator's `flink-conf.yaml`: one `key: value` a line, which the newer `config.yaml` takes if the value is quoted.
fn lines(configuration: &BTreeMap<String, String>) -> Vec<String> {
    let text = configuration.get("flink-conf.yaml").or_else(|| configuration.get("config.yaml"));
    let text = text.unwrap_or_else(|| panic!("no configuration in {:?}", configuration.keys()));
    let pairs = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(": "));
    pairs.map(|(key, value)| format!("{key}: '{}'", value.replace('\'', "''"))).collect()
}
