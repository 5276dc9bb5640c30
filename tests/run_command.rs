//! `steelyard run`, the real binary: exit codes, both streams, HTTP, signals, reload.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const POLICY: &str = "
apiVersion: steelyard.dev/v1alpha1
kind: ScalingPolicy
metadata: { name: beam }
spec:
  preset: seed
  mode: observe
  signals:
    by: { namespace: namespace, name: app, operator: operator_name }
    throughput: { query: 'sum by (namespace, app, operator_name) (rate(records_total[2m]))', unit: records }
    backlog: { query: 'sum by (namespace, app, operator_name) (backlog_records)', unit: records }
    cpu: { query: 'avg by (namespace, app) (cpu_share)' }
    running: { query: 'count by (namespace, app) (worker_up)' }
    runningFor: { query: 'min by (namespace, app) (uptime_seconds)' }
  limits: { maxWorkers: 100 }
";

/// How long anything may take on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

fn steelyard(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_steelyard"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("STEELYARD__")) {
        command.env_remove(name);
    }
    command.current_dir(folder).env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    steelyard(folder).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Asserts the code, that stdout is empty, and what stderr says.
fn refused(output: &Output, code: i32, says: &[&str]) {
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert_eq!(text(&output.stdout), "");
    for part in says {
        assert!(stderr.contains(part), "{stderr}");
    }
}

fn folder_with(policy: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policy.yaml"), policy).unwrap();
    folder
}

/// A Prometheus with one job: 10 workers, far behind.
async fn prometheus() -> MockServer {
    let server = MockServer::start().await;
    let answer = |request: &Request| {
        let body = text(&request.body);
        let of_operator = [("records_total", "1000"), ("backlog_records", "180000")];
        let of_job = [("cpu_share", "0.5"), ("worker_up", "10"), ("uptime_seconds", "3600")];
        let time = body.split('&').find_map(|part| part.strip_prefix("time=")).unwrap_or("0").to_owned();
        let row = |labels: &str, value: &str| {
            let head = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"#;
            format!(r#"{head}"namespace":"streaming","app":"orders"{labels}}},"value":[{time},"{value}"]}}]}}}}"#)
        };
        let find = |metrics: &[(&str, &str)], labels| {
            metrics.iter().find(|(metric, _)| body.contains(metric)).map(|(_, value)| row(labels, value))
        };
        match find(&of_operator, r#","operator_name":"read""#).or_else(|| find(&of_job, "")) {
            Some(rows) => ResponseTemplate::new(200).set_body_raw(rows, "application/json"),
            // What a daemon before would have exported: there was none.
            None if body.contains("steelyard_") => {
                let none = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
                ResponseTemplate::new(200).set_body_raw(none, "application/json")
            }
            None => ResponseTemplate::new(404),
        }
    };
    Mock::given(method("POST")).and(path("/api/v1/query")).respond_with(answer).mount(&server).await;
    server
}

#[test]
fn wrong_questions_are_told_and_end_with_2() {
    let folder = folder_with(&POLICY.replace("maxWorkers: 100", "maxWorkerss: 100"));
    let folder = folder.path();
    refused(&run(folder, &["fly"]), 2, &["unrecognized subcommand"]);
    refused(&run(folder, &["run", "--intervall", "3s"]), 2, &["--interval"]);
    refused(&run(folder, &["run", "--prometheus", "http://127.0.0.1:1"]), 2, &["no policy is named"]);
    refused(&run(folder, &["run", "--policy", "policy.yaml"]), 2, &["`prometheus.url` is not set"]);
    let all = ["run", "--prometheus", "http://127.0.0.1:1", "--policy"];
    refused(&run(folder, &[&all[..], &["gone.yaml"]].concat()), 2, &["gone.yaml: this file cannot be read"]);
    refused(
        &run(folder, &[&all[..], &["policy.yaml"]].concat()),
        2,
        &["policy.yaml:15:13: `maxWorkerss`", "maxWorkers"],
    );
    refused(&run(folder, &["run", "--config", "gone.yaml"]), 2, &["gone.yaml: this file cannot be read"]);

    std::fs::write(folder.join("steelyard.yaml"), "policys: []\n").unwrap();
    refused(
        &run(folder, &["run"]),
        2,
        &["steelyard.yaml:1:1: `policys` is not known at the top: did you mean `policies`?"],
    );
    std::fs::remove_file(folder.join("steelyard.yaml")).unwrap();
    let output = steelyard(folder).args(["run"]).env("STEELYARD__MODE", "loud").output().unwrap();
    refused(&output, 2, &["STEELYARD__MODE: "]);
}

#[test]
fn acting_is_refused_with_the_mend() {
    let folder = folder_with(&POLICY.replace("mode: observe", "mode: act"));
    let arguments = ["run", "--once", "--policy", "policy.yaml", "--prometheus", "http://127.0.0.1:1"];
    let output = steelyard(folder.path()).args(arguments).env("STEELYARD__MODE", "act").output().unwrap();
    refused(&output, 2, &["`beam`", "`mode: observe`", "--dry-run"]);
}

#[test]
fn help_is_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["run", "--help"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("--dry-run") && output.stderr.is_empty());
    let whole = text(&run(folder.path(), &["--help"]).stdout);
    assert!(whole.contains("2  asked wrongly"), "{whole}");
}

#[test]
fn a_prometheus_that_is_away_fails_one_tick() {
    let folder = folder_with(POLICY);
    let arguments = ["run", "--once", "--policy", "policy.yaml", "--prometheus", "http://127.0.0.1:1"];
    refused(
        &run(folder.path(), &arguments),
        3,
        &["failed to connect to Prometheus", "every query to Prometheus failed"],
    );
}

#[test]
fn a_port_in_use_is_told() {
    let folder = folder_with(POLICY);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let arguments = ["run", "--policy", "policy.yaml", "--prometheus", "http://127.0.0.1:1", "--listen", &listen];
    let says = format!("failed to listen on `{listen}`: give `listen` another port");
    refused(&run(folder.path(), &arguments), 3, &[&says, "in use"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tick_prints_every_decision_and_ends() {
    let (folder, server) = (folder_with(POLICY), prometheus().await);
    let uri = server.uri();
    let once = ["run", "--once", "--policy", "policy.yaml", "--prometheus", &uri];
    let output = run(folder.path(), &[&once[..], &["--dry-run", "--format", "json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let stdout = text(&output.stdout);
    let decision: Value = serde_json::from_str(stdout.trim_end()).unwrap();
    assert_eq!(decision["namespace"], "streaming");
    assert_eq!(decision["name"], "orders");
    assert!(decision["because"].as_array().is_some_and(|steps| !steps.is_empty()), "{stdout}");
    assert_eq!(stdout.lines().count(), 1);

    let table = text(&run(folder.path(), &once).stdout);
    assert!(table.contains("  streaming/orders  ") && table.lines().count() == 1, "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_has_read_enough_is_no_failure() {
    let (folder, server) = (folder_with(POLICY), prometheus().await);
    let arguments = ["run", "--once", "--dry-run", "--policy", "policy.yaml", "--prometheus", &server.uri()];
    let mut child =
        steelyard(folder.path()).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{stderr}");
    assert!(!stderr.contains("error"), "{stderr}");
}

/// A daemon, and where it listens. Dropping it kills it.
struct Daemon {
    child: Child,
    stderr: BufReader<ChildStderr>,
    address: String,
}

impl Daemon {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let fixed = ["run", "--listen", "127.0.0.1:0", "--interval", "1s", "--log-format", "json"];
        let mut command = steelyard(folder);
        command.env("STEELYARD__SETTLE", "0s").env("STEELYARD__JITTER", "0s").args(fixed).args(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let mut daemon = Self { child, stderr, address: String::new() };
        while daemon.address.is_empty() {
            let mut line = String::new();
            assert!(daemon.stderr.read_line(&mut line).unwrap() > 0, "the daemon ended before it started");
            let event: Value = serde_json::from_str(&line).expect("each log line is JSON");
            if event["message"] == "started" {
                daemon.address = event["address"].as_str().unwrap().to_owned();
            }
        }
        daemon
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client.get(format!("http://{}{path}", self.address)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Asks until the answer is as wanted.
    async fn until(&self, path: &str, wanted: impl Fn(u16, &str) -> bool) -> String {
        let asked = async {
            loop {
                let (status, body) = self.get(path).await;
                if wanted(status, &body) {
                    return body;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("{path} never was as wanted"))
    }

    fn terminate(&self) {
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
    }

    /// Sends SIGTERM, waits, and gives the code and both streams.
    fn end(mut self) -> (Option<i32>, String, String) {
        self.terminate();
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        self.stderr.read_to_string(&mut stderr).unwrap();
        (self.child.wait().unwrap().code(), stdout, stderr)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_serves_reloads_records_and_drains() {
    let (folder, server) = (folder_with(POLICY), prometheus().await);
    let uri = server.uri();
    let arguments = ["--dry-run", "--policy", "policy.yaml", "--prometheus", &uri, "--record", "run.jsonl.zst"];
    let daemon = Daemon::start(folder.path(), &arguments);
    assert_eq!(daemon.get("/livez").await.0, 200);
    let ready: Value = serde_json::from_str(&daemon.until("/readyz", |status, _| status == 200).await).unwrap();
    assert_eq!(ready["classes"][0]["class"], "beam");
    assert_eq!(ready["classes"][0]["jobs"], 1);
    assert_eq!(ready["reload"], Value::Null);
    let metrics = daemon.get("/metrics").await.1;
    assert!(metrics.contains(r#"steelyard_job_running_workers{namespace="streaming",name="orders",class="beam"} 10"#));
    assert!(metrics.contains(r#"steelyard_query_series{class="beam",signal="backlog"} 1"#), "{metrics}");
    assert!(metrics.ends_with("# EOF\n"));

    let policy: PathBuf = folder.path().join("policy.yaml");
    std::fs::write(&policy, POLICY.replace("maxWorkers: 100", "maxWorkerss: 100")).unwrap();
    let bad = daemon.until("/readyz", |_, body| body.contains("maxWorkerss")).await;
    assert!(bad.contains("did you mean `maxWorkers`"), "{bad}");
    assert_eq!(daemon.get("/readyz").await.0, 200, "the last good set stays in force");
    std::fs::write(&policy, POLICY.replace("maxWorkers: 100", "maxWorkers: 50")).unwrap();
    daemon.until("/metrics", |_, body| body.contains(r#"steelyard_reloads_total{outcome="good"} 1"#)).await;
    assert!(daemon.get("/metrics").await.1.contains(r#"steelyard_reloads_total{outcome="bad"} 1"#));

    let (code, stdout, stderr) = daemon.end();
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.contains("  streaming/orders  "), "{stdout}");
    assert!(stderr.contains("draining") && !stderr.contains("panicked"), "{stderr}");
    let replayed = run(folder.path(), &["replay", "run.jsonl.zst", "--all"]);
    assert_eq!(replayed.status.code(), Some(0), "{}", text(&replayed.stderr));
    assert!(!replayed.stdout.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_without_prometheus_lives_and_is_not_ready() {
    let folder = folder_with(POLICY);
    let daemon = Daemon::start(folder.path(), &["--policy", "policy.yaml", "--prometheus", "http://127.0.0.1:1"]);
    let body = daemon.until("/readyz", |_, body| body.contains("\"failed\":[\"")).await;
    let (status, _) = daemon.get("/readyz").await;
    assert_eq!(status, 503, "{body}");
    assert_eq!(daemon.get("/livez").await.0, 200);
    let (code, stdout, stderr) = daemon.end();
    assert_eq!((code, stdout.as_str()), (Some(0), ""), "{stderr}");
    let told: Vec<Value> = stderr
        .lines()
        .map(|line| serde_json::from_str(line).expect("each log line is JSON"))
        .filter(|event: &Value| event["message"] == "failed to query prometheus")
        .collect();
    assert_eq!(told.len(), 5, "each query is told once, not at every tick\n{stderr}");
    for event in &told {
        assert_eq!(event["span"]["policy"], "beam");
        assert!(event["span"]["tick"].is_string() && event["query"].is_string() && event["error"].is_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_aborts_the_tick_in_hand() {
    let (folder, server) = (folder_with(POLICY), MockServer::start().await);
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(200).set_delay(2 * PATIENCE)).mount(&server).await;
    let arguments = ["--policy", "policy.yaml", "--prometheus", &server.uri()];
    std::fs::write(folder.path().join("steelyard.yaml"), "prometheus: { timeout: 10m }\n").unwrap();
    let mut daemon = Daemon::start(folder.path(), &arguments);
    let asked = async {
        while server.received_requests().await.unwrap_or_default().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("the first tick asks");
    daemon.terminate();
    let mut draining = String::new();
    while !draining.contains("draining") {
        assert!(daemon.stderr.read_line(&mut draining).unwrap() > 0, "{draining}");
    }
    assert_eq!(daemon.child.try_wait().unwrap(), None, "the tick in hand goes on");
    let (code, _, stderr) = daemon.end();
    assert_eq!(code, Some(3), "{stderr}");
    assert!(stderr.contains("error: aborted by a second signal"), "{stderr}");
}

/// An API server with one FlinkDeployment, `streaming/orders`, whose spec asks for 12 workers; watches stay silent.
async fn api_server() -> MockServer {
    let server = MockServer::start().await;
    let verbs = json!(["get", "list", "patch", "watch"]);
    let of = |name: &str, kind: &str| json!({"name": name, "singularName": "", "namespaced": true, "kind": kind, "verbs": verbs});
    let resources = json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "flink.apache.org/v1beta1",
        "resources": [of("flinkdeployments", "FlinkDeployment"), of("flinkdeployments/scale", "Scale")],
    });
    let object = json!({
        "apiVersion": "flink.apache.org/v1beta1", "kind": "FlinkDeployment",
        "metadata": {"name": "orders", "namespace": "streaming", "uid": "8b6e2f0c", "generation": 4, "resourceVersion": "7"},
        "spec": {
            "mode": "standalone", "flinkConfiguration": {"scheduler-mode": "reactive", "taskmanager.numberOfTaskSlots": "1"},
            "taskManager": {"replicas": 12}, "job": {"upgradeMode": "last-state", "state": "running"},
        },
        "status": {
            "lifecycleState": "STABLE", "jobManagerDeploymentStatus": "READY", "observedGeneration": 4,
            "jobStatus": {"state": "RUNNING"}, "reconciliationStatus": {"state": "DEPLOYED"},
        },
    });
    let list = json!({
        "apiVersion": "flink.apache.org/v1beta1", "kind": "FlinkDeploymentList", "items": [object],
        "metadata": {"resourceVersion": "7"},
    });
    let silence = ResponseTemplate::new(200).set_delay(2 * PATIENCE);
    let json = |body: Value| ResponseTemplate::new(200).set_body_json(body);
    Mock::given(query_param("watch", "true")).respond_with(silence).with_priority(1).mount(&server).await;
    let group = "/apis/flink.apache.org/v1beta1";
    Mock::given(path(group)).respond_with(json(resources)).mount(&server).await;
    Mock::given(path(format!("{group}/flinkdeployments"))).respond_with(json(list)).mount(&server).await;
    server
}

const TARGET: &str = "spec:\n  target: { apiVersion: flink.apache.org/v1beta1, kind: FlinkDeployment }\n";

/// A folder with a policy for FlinkDeployments, and settings to watch them there.
fn folder_with_cluster(prometheus: &MockServer, kubernetes: &MockServer) -> tempfile::TempDir {
    let folder = folder_with(&POLICY.replace("spec:\n", TARGET));
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
         contexts: [{{ name: test, context: {{ cluster: test, user: test }} }}]\n\
         clusters: [{{ name: test, cluster: {{ server: '{}' }} }}]\nusers: [{{ name: test, user: {{}} }}]\n",
        kubernetes.uri()
    );
    std::fs::write(folder.path().join("kubeconfig"), kubeconfig).unwrap();
    let settings = format!(
        "prometheus: {{ url: '{}' }}\npolicies: [policy.yaml]\nkubernetes: {{ enabled: true, kubeconfig: kubeconfig }}\n",
        prometheus.uri()
    );
    std::fs::write(folder.path().join("steelyard.yaml"), settings).unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_cluster_says_is_in_the_decision() {
    let (prometheus, kubernetes) = (prometheus().await, api_server().await);
    let folder = folder_with_cluster(&prometheus, &kubernetes);
    let output = run(folder.path(), &["run", "--once", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let decision: Value = serde_json::from_str(text(&output.stdout).trim_end()).unwrap();
    assert_eq!(decision["because"][0]["wished"], 12.0, "{decision:#}");
    assert_eq!(decision["because"][0]["running"], 10.0, "{decision:#}");

    let absent =
        steelyard(folder.path()).args(["run", "--once"]).env("STEELYARD__KUBERNETES__CONTEXT", "gone").output();
    refused(&absent.unwrap(), 2, &["`gone`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_that_cannot_be_watched_are_told_once_and_shown_until_they_can() {
    let (prometheus, kubernetes) = (prometheus().await, api_server().await);
    let folder = folder_with_cluster(&prometheus, &kubernetes);
    let daemon = Daemon::start(folder.path(), &[]);
    let is_well = |status, body: &str| status == 200 && body.contains("\"targets\":[]");
    daemon.until("/readyz", is_well).await;
    assert!(daemon.get("/metrics").await.1.contains("steelyard_targets_in_trouble 0\n"));

    let unknown = TARGET.replace("flink.apache.org/v1beta1", "flink.example.org/v1");
    std::fs::write(folder.path().join("policy.yaml"), POLICY.replace("spec:\n", &unknown)).unwrap();
    let body = daemon.until("/readyz", |_, body| body.contains("flink.example.org")).await;
    let readiness: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(readiness["targets"][0]["scope"], "the reloaded policies", "{body}");
    // Not any time in the body: a reload may have been at that very moment, and stays.
    let tick = |body: &str| serde_json::from_str::<Value>(body).unwrap()["last_tick"].clone();
    let first = tick(&body);
    daemon.until("/readyz", |_, body| tick(body) != first).await;
    daemon.until("/metrics", |_, body| body.contains("steelyard_targets_in_trouble 1\n")).await;

    std::fs::write(folder.path().join("policy.yaml"), POLICY.replace("spec:\n", TARGET)).unwrap();
    daemon.until("/readyz", is_well).await;
    let (code, _, stderr) = daemon.end();
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(stderr.matches("failed to watch the targets").count(), 1, "{stderr}");
}
