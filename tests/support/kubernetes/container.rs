//! A Flink container without its image: which JVM its arguments name, and what the image's scripts would add.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use k8s_openapi::api::core::v1::Pod;

use crate::bed::flink::{Spec, config};

const HEAP: u32 = config::JOB_MANAGER_HEAP;
const TASK_HEAP: u32 = 128;

/// What stands for images: jars.
#[derive(Debug, Clone)]
pub struct Images {
    /// The folder of Flink, with lib/ and plugins/.
    pub flink: PathBuf,
    /// The job's jar, which an image would have at the `jarURI`.
    pub job: PathBuf,
    /// The jar that keeps the metrics on the pod's own address.
    pub own_address: PathBuf,
}

/// One container.
#[derive(Debug)]
pub struct Container<'a> {
    /// Its pod.
    pub pod: &'a Pod,
    /// The pod's address.
    pub address: Ipv4Addr,
    /// Its files.
    pub folder: &'a Path,
    /// The operator's configuration, `key: value`.
    pub configuration: &'a [String],
}

impl Container<'_> {
    /// What its entry point would run.
    pub fn command(&self, images: &Images, java_options: &str) -> Command {
        let spec = self.pod.spec.as_ref().expect("a pod has a spec");
        let main = spec.containers.iter().find(|one| one.name == "flink-main-container").expect("Flink's container");
        let arguments = main.args.clone().unwrap_or_default();
        let (role, rest) = arguments.split_first().unwrap_or_else(|| panic!("no arguments: {main:?}"));
        let (class, heap) = match role.as_str() {
            "standalone-job" => ("org.apache.flink.container.entrypoint.StandaloneApplicationClusterEntryPoint", HEAP),
            "jobmanager" => ("org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint", HEAP),
            "taskmanager" => {
                ("org.apache.flink.runtime.taskexecutor.TaskManagerRunner", config::FRAMEWORK_HEAP + TASK_HEAP)
            }
            other => panic!("no entry point for `{other}`: {arguments:?}"),
        };
        let flink = Spec {
            app: String::new(),
            flink: images.flink.clone(),
            jars: vec![images.job.clone()],
            job_class: String::new(),
            arguments: Vec::new(),
            // What the operator says wins, but for what only holds inside of an image or a pod's network.
            config: self.own_lines(),
            task_heap: TASK_HEAP,
        };
        config::write(self.folder, &flink, self.address);
        // All clusters of the bed are reactive; here only those that the operator's configuration says are.
        if !self.configuration.iter().any(|line| line.starts_with("scheduler-mode:")) {
            let file = self.folder.join("config.yaml");
            let text = std::fs::read_to_string(&file).expect("it was written");
            let kept = text.lines().filter(|line| !line.starts_with("scheduler-mode:"));
            std::fs::write(&file, kept.collect::<Vec<_>>().join("\n")).expect("a file");
        }
        let mut command = config::java(&flink, &images.own_address, self.folder, self.address, heap, class);
        command.args(rest).env("JAVA_TOOL_OPTIONS", java_options);
        if role == "taskmanager" {
            command.args(["-D", &format!("taskmanager.host={}", self.address)]);
            command.args(["-D", &format!("taskmanager.bind-host={}", self.address)]);
            command.args([
                "-D",
                &format!("taskmanager.resource-id={}", self.pod.metadata.name.as_deref().unwrap_or("tm")),
            ]);
        }
        command
    }

    fn own_lines(&self) -> Vec<String> {
        /// Sizes that the image's scripts would turn into the ones that the bed's configuration has, and addresses to bind.
        const OURS: [&str; 8] = [
            "jobmanager.memory.",
            "taskmanager.memory.",
            "taskmanager.cpu",
            "metrics.reporter.",
            "kubernetes.",
            "$internal.",
            "jobmanager.bind-host",
            "rest.",
        ];
        let theirs = self.configuration.iter().filter(|line| !OURS.iter().any(|ours| line.starts_with(ours)));
        theirs.cloned().collect()
    }
}
