//! A Flink cluster in reactive mode: one JobManager with its job, and TaskManagers of one slot that come and go.

pub mod config;
pub mod rest;

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::Bed;
use super::common::process::Process;
use super::common::prometheus::Target;
use super::common::wait::until_or;
use crate::component::install;

use rest::JobState;

/// Where the Prometheus reporter of every process listens.
const METRICS_PORT: u16 = 9249;
/// A start, with everything that a busy machine adds.
pub const START: Duration = Duration::from_secs(600);

/// What a cluster is made of.
#[derive(Debug, Clone)]
pub struct Spec {
    /// What its pods are named after: the name of the FlinkDeployment that it would be.
    pub app: String,
    /// The folder with lib/ and plugins/.
    pub flink: PathBuf,
    /// The job's own jars.
    pub jars: Vec<PathBuf>,
    /// The class with `main`.
    pub job_class: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// More lines of config.yaml, `key: value`; they win.
    pub config: Vec<String>,
    /// The heap of a TaskManager's task, in MB.
    pub task_heap: u32,
}

/// One process as a pod: an address, a name, labels.
#[derive(Debug)]
struct Pod {
    process: Process,
    address: Ipv4Addr,
    target: Target,
}

/// A running cluster; dropping it ends its processes.
#[derive(Debug)]
pub struct Cluster {
    bed: Arc<Bed>,
    spec: Spec,
    folder: PathBuf,
    job_manager: Option<Pod>,
    job_manager_address: Ipv4Addr,
    task_managers: Vec<Pod>,
    pods_made: u32,
    /// Has the class `bed.OwnAddress`.
    own_address: PathBuf,
    client: reqwest::Client,
}

impl Cluster {
    /// Starts the JobManager and so many TaskManagers, and does not wait for anything.
    pub fn start(bed: &Arc<Bed>, spec: Spec, task_managers: usize) -> Self {
        let folder = bed.lane_folder(&spec.app);
        let job_manager_address = bed.address();
        config::write(&folder, &spec, job_manager_address);
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().expect("a client");
        let mut cluster = Self {
            bed: Arc::clone(bed),
            spec,
            folder,
            job_manager: None,
            job_manager_address,
            task_managers: Vec::new(),
            pods_made: 0,
            own_address: install("own-address", &[]),
            client,
        };
        cluster.start_job_manager();
        cluster.add(task_managers);
        cluster
    }

    /// What its pods are named after.
    pub fn app(&self) -> &str {
        &self.spec.app
    }

    /// Its files: configuration and logs.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where its web page and REST API are.
    pub fn url(&self) -> String {
        format!("http://{}:8081", self.job_manager_address)
    }

    /// TaskManagers that were ordered and not taken back.
    pub fn ordered(&self) -> usize {
        self.task_managers.len()
    }

    /// Starts the JobManager: at the beginning, or after it was killed. It has no high availability: its job is a new one.
    pub fn start_job_manager(&mut self) {
        assert!(self.job_manager.is_none(), "the JobManager of {} runs", self.app());
        let entry = "org.apache.flink.container.entrypoint.StandaloneApplicationClusterEntryPoint";
        let mut command = self.java(self.job_manager_address, config::JOB_MANAGER_HEAP, entry);
        command.args(["--job-classname", &self.spec.job_class]).args(&self.spec.arguments);
        // As a Deployment names it: a hash and five letters.
        let pod = format!("{}-5d9c7b6f4-jm00{}", self.app(), self.pods_made % 10);
        self.job_manager = Some(self.run(command, "jobmanager", pod, self.job_manager_address));
    }

    /// SIGKILL to the JobManager. Its pod stays, as a Deployment's would, and its container does not run.
    pub fn kill_job_manager(&mut self) {
        let mut pod = self.job_manager.take().expect("the JobManager runs");
        pod.process.kill();
        self.bed.prometheus.forget(&pod.target);
    }

    /// Orders so many TaskManagers more.
    pub fn add(&mut self, count: usize) {
        for _ in 0..count {
            let address = self.bed.address();
            let entry = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner";
            let mut command = self.java(address, config::FRAMEWORK_HEAP + self.spec.task_heap, entry);
            command.args(["-D", &format!("taskmanager.host={address}")]);
            command.args(["-D", &format!("taskmanager.bind-host={address}")]);
            command.args(["-D", &format!("taskmanager.resource-id={}-{}", self.app(), self.pods_made)]);
            let pod = format!("{}-taskmanager-6f8d4c9b7-tm{:03}", self.app(), self.pods_made);
            let pod = self.run(command, "taskmanager", pod, address);
            self.task_managers.push(pod);
        }
    }

    /// SIGTERM to the youngest so many, all at once, as a Deployment that is scaled down does; waits until they are gone.
    pub async fn stop(&mut self, count: usize) {
        let from = self.task_managers.len().checked_sub(count).expect("no more than there are");
        let leaving = self.task_managers.split_off(from);
        let bed = &self.bed;
        futures_util::future::join_all(leaving.into_iter().map(|mut pod| async move {
            pod.process.terminate().await;
            bed.prometheus.forget(&pod.target);
        }))
        .await;
    }

    /// SIGKILL to the youngest TaskManager, which is scraped on, in vain, until it is replaced.
    pub fn kill_task_manager(&mut self) {
        self.task_managers.last_mut().expect("there is one").process.kill();
    }

    /// Takes the pod of the killed TaskManager away and orders a new one, as Kubernetes does when a node is lost.
    pub fn replace_killed(&mut self) {
        let mut pod = self.task_managers.pop().expect("there is one");
        assert!(!pod.process.is_running(), "{} was not killed", pod.process.name());
        self.bed.prometheus.forget(&pod.target);
        self.add(1);
    }

    /// Whether the youngest TaskManager was killed and not replaced yet.
    pub fn has_killed(&mut self) -> bool {
        self.task_managers.last_mut().is_some_and(|pod| !pod.process.is_running())
    }

    /// Whether the JobManager was started and not killed since.
    pub fn has_job_manager(&self) -> bool {
        self.job_manager.is_some()
    }

    /// Panics with the log where a process that should run does not.
    pub fn assert_running(&mut self) {
        for pod in self.job_manager.iter_mut().chain(&mut self.task_managers) {
            pod.process.assert_running();
        }
    }

    /// What the JobManager's REST API says of the job; `None`: it does not answer, or has no job yet.
    pub async fn job(&self) -> Option<JobState> {
        rest::job(&self.client, &self.url()).await
    }

    /// Waits until every task of the job runs, with this width.
    pub async fn until_running(&mut self, width: usize) -> JobState {
        let (client, url, app) = (self.client.clone(), self.url(), self.app().to_owned());
        let latest = Mutex::new(None);
        let look = async || {
            self.assert_running();
            let job = rest::job(&client, &url).await;
            latest.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&job);
            job.filter(|job| job.running_width() == Some(width))
        };
        until_or(START, look, || format!("{app} runs {width} wide: {:?}", latest)).await
    }

    /// What the JobManager said so far, over all its lives. Lines begin with the epoch in milliseconds.
    pub fn job_manager_log(&self) -> String {
        std::fs::read_to_string(self.folder.join("jobmanager.log")).unwrap_or_default()
    }

    fn java(&self, address: Ipv4Addr, heap: u32, main: &str) -> Command {
        config::java(&self.spec, &self.own_address, &self.folder, address, heap, main)
    }

    fn run(&mut self, mut command: Command, component: &str, pod: String, address: Ipv4Addr) -> Pod {
        self.pods_made += 1;
        // One log for all lives of the JobManager, one for each TaskManager.
        let log = if component == "jobmanager" { "jobmanager.log".to_owned() } else { format!("{pod}.log") };
        let process = Process::start(&pod, &mut command, &self.folder.join(log));
        let target = Target::flink(self.app(), component, &pod, address, METRICS_PORT);
        self.bed.prometheus.watch(&target);
        Pod { process, address, target }
    }
}
