//! The real Flink Kubernetes Operator, as its Helm chart configures it.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Cluster;
use super::hosts::Hosts;
use crate::bed::common::process::Process;
use crate::component::installed;

/// A running operator; dropping it ends it.
#[derive(Debug)]
pub struct Operator {
    process: Option<Process>,
    lib: PathBuf,
    folder: PathBuf,
    java_options: String,
}

impl Operator {
    /// Starts it for one namespace. It may do everything: its own roles are not what is tested.
    pub fn start(cluster: &Cluster, namespace: &str, hosts: &Hosts, folder: PathBuf) -> Option<Self> {
        let lib = installed(super::FLINK_OPERATOR.0, super::FLINK_OPERATOR.1)?.join("lib");
        std::fs::write(folder.join("kubeconfig"), cluster.admin_kubeconfig()).expect("a file");
        // The intervals are the chart's, which are shorter than the code's.
        let configuration = format!(
            "kubernetes.operator.watched.namespaces: {namespace}\n\
             kubernetes.operator.reconcile.interval: 15 s\n\
             kubernetes.operator.observer.progress-check.interval: 5 s\n\
             kubernetes.operator.health.probe.enabled: false\n"
        );
        std::fs::write(folder.join("flink-conf.yaml"), configuration).expect("a file");
        let mut operator = Self { process: None, lib, folder, java_options: hosts.java_options() };
        operator.start_again();
        Some(operator)
    }

    /// Starts it after it was ended.
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "the operator runs");
        let mut command = Command::new("java");
        command
            .args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"])
            .args(["--add-opens", "java.base/java.lang=ALL-UNNAMED", "--add-opens", "java.base/java.util=ALL-UNNAMED"])
            .args(["-cp", &format!("{}/*", self.lib.display())])
            .arg("org.apache.flink.kubernetes.operator.FlinkOperator")
            .env("JAVA_TOOL_OPTIONS", &self.java_options)
            .env("KUBECONFIG", self.folder.join("kubeconfig"))
            .env("FLINK_CONF_DIR", &self.folder)
            .env("OPERATOR_NAMESPACE", "default")
            .env("OPERATOR_NAME", "flink-kubernetes-operator")
            // Without it the operator takes itself for a laptop and looks for every cluster on localhost.
            .env("KUBERNETES_SERVICE_HOST", "127.0.0.1")
            .current_dir(&self.folder);
        self.process = Some(Process::start("operator", &mut command, &self.log_file()));
    }

    /// Ends it.
    pub async fn stop(&mut self) {
        self.process.take().expect("it runs").terminate().await;
    }

    /// What it said last.
    pub fn log_tail(&self) -> String {
        self.process.as_ref().map(Process::log_tail).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        Path::new(&self.folder).join("operator.log")
    }
}
