//! `record` through the real binary, against a scripted Prometheus; then the recording replays alone.

#[path = "support/seed_policy.rs"]
mod seed_policy;

use std::path::PathBuf;
use std::process::{Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use wiremock::matchers::{body_string_contains, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use seed_policy::seed_policy;

const POLICY: &str = seed_policy!(
    "
    throughput: { query: processed, unit: records }
    backlog: { query: waiting, unit: records }
    running: { query: width }
    runningFor: { query: uptime }
"
);

const START: i64 = 1_795_229_310;
const TICKS: i64 = 20;

/// One series with that value at every moment.
fn matrix(value: impl Fn(i64) -> String) -> Value {
    let labels = json!({"namespace": "streaming", "app": "orders", "operator_name": "read"});
    let values: Vec<Value> = (0..TICKS).map(|tick| json!([START + 15 * tick, value(tick)])).collect();
    json!({"status": "success", "data": {"resultType": "matrix", "result": [{"metric": labels, "values": values}]}})
}

async fn answers(server: &MockServer, query: &str, value: impl Fn(i64) -> String) {
    Mock::given(method("POST"))
        .and(path("/api/v1/query_range"))
        .and(body_string_contains(format!("query={query}")))
        .respond_with(ResponseTemplate::new(200).set_body_json(matrix(value)))
        .mount(server)
        .await;
}

async fn prometheus() -> MockServer {
    let server = MockServer::start().await;
    answers(&server, "processed", |_| "1000.25".into()).await;
    answers(&server, "waiting", |tick| if tick < 10 { "0".into() } else { "NaN".into() }).await;
    answers(&server, "width", |_| "4".into()).await;
    answers(&server, "uptime", |tick| (3600 + 15 * tick).to_string()).await;
    server
}

struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(TempDir::new().unwrap());
        std::fs::write(bench.path("seed.yaml"), POLICY).unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    async fn steelyard(&self, arguments: &[&str]) -> (i32, String, String) {
        let run = tokio::process::Command::new(env!("CARGO_BIN_EXE_steelyard"))
            .args(arguments)
            .current_dir(self.0.path())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let Output { status, stdout, stderr } = run.await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap_or(-1), text(stdout), text(stderr))
    }

    async fn record(&self, url: &str, more: &[&str]) -> (i32, String, String) {
        let (from, to) = (START.to_string(), (START + 15 * (TICKS - 1)).to_string());
        let all = ["record", "--prometheus", url, "--policy", "seed.yaml", "--from", &from, "--to", &to];
        self.steelyard(&[&all, more].concat()).await
    }
}

#[tokio::test]
async fn a_range_becomes_a_recording_that_replays_alone() {
    let bench = Bench::new();
    let server = prometheus().await;
    for name in ["incident.jsonl", "incident.jsonl.zst"] {
        let (code, stdout, stderr) = bench.record(&server.uri(), &["--output", name]).await;
        assert_eq!((code, &*stdout), (0, ""), "{stderr}");
        assert!(stderr.starts_with("recorded 20 ticks of 1 job, "), "{stderr}");
    }
    assert_eq!(bench.names(), ["incident.jsonl", "incident.jsonl.zst", "seed.yaml"], "nothing is left behind");
    let text = std::fs::read_to_string(bench.path("incident.jsonl")).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["source"], &lines[0]["step"]), (&json!(server.uri()), &json!("15s")));
    assert_eq!(lines[0]["policies"][0]["text"].as_str().unwrap().trim(), POLICY.trim());
    let first = &lines[1]["jobs"][0];
    assert_eq!((&lines[1]["at"], &first["running_for"]), (&json!("2026-11-21T02:48:30.000Z"), &json!(3600)));
    assert_eq!(first["operators"], json!({"read": {"throughput": 1000.25, "backlog": 0}}));
    assert_eq!(lines[20]["jobs"][0]["operators"]["read"]["backlog"], "NaN");

    drop(server);
    std::fs::remove_file(bench.path("seed.yaml")).unwrap();
    let (code, stdout, stderr) = bench.steelyard(&["replay", "incident.jsonl.zst"]).await;
    assert_eq!(code, 0, "{stderr}");
    let last: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
    assert_eq!((&last["reason"], &last["signal"]), (&json!("missingSignal"), &json!("backlog")), "{last}");
    assert_eq!(last["absence"], "notFinite");
}

#[tokio::test]
async fn settings_say_who_we_are() {
    let bench = Bench::new();
    let server = MockServer::start().await;
    Mock::given(header("authorization", "Bearer topsecret"))
        .respond_with(ResponseTemplate::new(200).set_body_json(matrix(|_| "1".into())))
        .mount(&server)
        .await;
    let settings = format!("prometheus:\n  url: {}\n  bearer_token: topsecret\n", server.uri());
    std::fs::write(bench.path("settings.yaml"), settings).unwrap();
    let (from, to) = (START.to_string(), (START + 15).to_string());
    let arguments = ["record", "--config", "settings.yaml", "--policy", "seed.yaml", "--from", &from, "--to", &to];
    let (code, _, stderr) = bench.steelyard(&[&arguments[..], &["--output", "a.jsonl"]].concat()).await;
    assert_eq!(code, 0, "{stderr}");
    assert!(!std::fs::read_to_string(bench.path("a.jsonl")).unwrap().contains("topsecret"));
    let (code, _, stderr) = bench.record(&server.uri(), &["--output", "b.jsonl"]).await;
    assert_eq!(code, 3, "without the token: {stderr}");
}

#[tokio::test]
async fn a_failure_leaves_what_was_there() {
    let bench = Bench::new();
    std::fs::write(bench.path("kept.jsonl"), "precious").unwrap();
    let server = MockServer::start().await;
    Mock::given(path("/api/v1/query_range"))
        .respond_with(ResponseTemplate::new(422).set_body_json(
            json!({"status": "error", "errorType": "execution", "error": "query processing would load too many samples"}),
        ))
        .mount(&server)
        .await;
    let (code, stdout, stderr) = bench.record(&server.uri(), &["--output", "kept.jsonl"]).await;
    assert_eq!((code, &*stdout), (3, ""), "{stderr}");
    assert!(stderr.contains("failed to ask Prometheus") && stderr.contains("too many samples"), "{stderr}");
    assert_eq!(std::fs::read_to_string(bench.path("kept.jsonl")).unwrap(), "precious");
    assert_eq!(bench.names(), ["kept.jsonl", "seed.yaml"]);
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused_before_prometheus_is_asked() {
    let bench = Bench::new();
    let server = MockServer::start().await;
    let url = server.uri();
    let base = ["record", "--prometheus", &url, "--policy", "seed.yaml"];
    let rows: [(&[&str], &str); 8] = [
        (&["--from", "yesterday", "--output", "a"], "`yesterday` is no time"),
        (&["--from", "-1h", "--to", "-2h", "--output", "a"], "swap them"),
        (&["--from", "2199-01-01T00:00:00Z", "--to", "2199-01-01T01:00:00Z", "--output", "a"], "has not come yet"),
        (&["--from", "-1h", "--step", "10ms", "--output", "a"], "below a second"),
        (&["--from", "-1h", "--step", "often", "--output", "a"], "--step"),
        (&["--from", "-1h", "--output", "."], "is a folder"),
        (&["--from", "-1h", "--output", "no/such/a"], "there is no folder `no/such`"),
        (&["--from", "-1h"], "--output"),
    ];
    for (more, expected) in rows {
        let (code, stdout, stderr) = bench.steelyard(&[&base, more].concat()).await;
        assert_eq!((code, &*stdout), (2, ""), "{more:?}: {stderr}");
        assert!(stderr.contains(expected), "{more:?}: {stderr}");
    }
    assert!(server.received_requests().await.unwrap().is_empty());
    assert_eq!(bench.names(), ["seed.yaml"]);
}
