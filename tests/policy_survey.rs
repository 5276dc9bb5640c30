//! `check --prometheus` through the real binary, against a scripted Prometheus: what it prints, and its exit code.

#[path = "support/seed_policy.rs"]
mod seed_policy;

use std::process::{Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use wiremock::matchers::{body_string_contains, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use seed_policy::seed_policy;

const POLICY: &str = seed_policy!(
    "
    staleAfter: 60s
    throughput: { query: processed, unit: records }
    backlog: { query: waiting, unit: records, or: [lagging] }
    cpu: { query: load }
    running: { query: width }
    runningFor: { query: uptime }
    coverage: { query: whole }
    age: { query: old }
"
);

/// Job, operator, value; an empty name is a label that is not there.
type Row = (&'static str, &'static str, &'static str);

const GOOD: [(&str, &[Row]); 8] = [
    ("processed", &[("orders", "read", "100"), ("refunds", "read", "5")]),
    ("waiting", &[("orders", "read", "7")]),
    ("lagging", &[("orders", "read", "8"), ("refunds", "read", "0")]),
    ("load", &[("orders", "", "0.5"), ("refunds", "", "0.1")]),
    ("width", &[("orders", "", "2"), ("refunds", "", "1")]),
    ("uptime", &[("orders", "", "3600"), ("refunds", "", "60")]),
    ("whole", &[("orders", "", "1"), ("refunds", "", "1")]),
    ("old", &[("orders", "", "12"), ("refunds", "", "3.5")]),
];

fn vector(rows: &[Row]) -> Value {
    let series = rows.iter().map(|(app, operator, value)| {
        let labels = [("namespace", "streaming"), ("app", app), ("operator_name", operator), ("pod", "p")];
        let metric: serde_json::Map<_, _> = labels
            .iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(name, text)| ((*name).into(), json!(text)))
            .collect();
        json!({"metric": metric, "value": [1, value]})
    });
    json!({"status": "success", "data": {"resultType": "vector", "result": series.collect::<Vec<_>>()}})
}

async fn answers(server: &MockServer, query: &str, response: ResponseTemplate) {
    Mock::given(method("POST"))
        .and(path("/api/v1/query"))
        .and(body_string_contains(format!("query={query}&")))
        .respond_with(response)
        .mount(server)
        .await;
}

/// A Prometheus with those answers, and for all other queries the good ones.
async fn prometheus(others: &[(&str, ResponseTemplate)]) -> MockServer {
    let server = MockServer::start().await;
    for (query, response) in others {
        answers(&server, query, response.clone()).await;
    }
    for (query, rows) in GOOD.iter().filter(|(query, _)| others.iter().all(|(other, _)| other != query)) {
        answers(&server, query, ResponseTemplate::new(200).set_body_json(vector(rows))).await;
    }
    server
}

fn rows(rows: &[Row]) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(vector(rows))
}

struct Answer {
    code: i32,
    stdout: String,
    stderr: String,
}

async fn check(url: &str, policy: &str, more: &[&str]) -> Answer {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("seed.yaml"), policy).unwrap();
    std::fs::write(folder.path().join("token.yaml"), "prometheus: { bearer_token: hush, retries: 0 }\n").unwrap();
    let run = tokio::process::Command::new(env!("CARGO_BIN_EXE_steelyard"))
        .args([&["check", "seed.yaml", "--prometheus", url], more].concat())
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let Output { status, stdout, stderr } = run.await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Answer { code: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr) }
}

/// The lines that say what is wrong.
fn findings(answer: &Answer) -> Vec<&str> {
    let starts = ["fault: ", "warning: ", "note: "];
    answer.stdout.lines().filter(|line| starts.iter().any(|start| line.starts_with(start))).collect()
}

#[tokio::test]
async fn a_policy_that_fits_its_prometheus_is_a_yes_with_a_table() {
    let server = prometheus(&[]).await;
    let answer = check(&server.uri(), POLICY, &[]).await;
    assert_eq!((answer.code, &*answer.stderr), (0, ""), "{}", answer.stdout);
    let lines: Vec<_> = answer.stdout.lines().collect();
    assert!(lines[0].starts_with(&format!("seed: 2 jobs at {}, 20", server.uri())), "{}", answer.stdout);
    // How long each query took is the last column.
    let table = lines[2..11].iter().map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        assert!(words.last().is_some_and(|took| took.ends_with('s') || *took == "TOOK"), "{line}");
        words[..words.len() - 1].join(" ")
    });
    assert_eq!(
        table.collect::<Vec<_>>(),
        [
            "SIGNAL JOBS SERIES UNKNOWN",
            "running 2 of 2 2 0",
            "runningFor 2 of 2 2 0",
            "coverage 2 of 2 2 0",
            "age 2 of 2 2 0",
            "throughput 2 of 2 2 0",
            "backlog 1 of 2 1 0",
            "or 1 of 2 2",
            "cpu 2 of 2 2 0",
        ]
    );
    let rest = ["", "samples are 3.5s old (median of 2 jobs), 12.0s at most (`streaming/orders`)", ""];
    assert_eq!(lines[11..], [&rest[..], &["1 policy in 1 file: nothing is wrong"]].concat(), "{}", answer.stdout);
}

#[tokio::test]
async fn gaps_and_unknown_values_are_warnings_and_a_yes() {
    let jobs = ["a", "b", "c", "d", "e"].map(|app| (app, "read", "1"));
    let warned = json!({"status": "success", "data": {"resultType": "vector", "result": []}, "warnings": ["a store is away"],
        "infos": ["metric might not be a counter"]});
    let server = prometheus(&[
        ("processed", rows(&[&jobs[..], &[("orders", "read", "100"), ("", "read", "1")]].concat())),
        ("waiting", rows(&[("orders", "read", "-1")])),
        ("load", rows(&[("orders", "", "NaN"), ("refunds", "", "0.1")])),
        ("uptime", ResponseTemplate::new(200).set_body_json(warned)),
        ("old", rows(&[("orders", "", "61"), ("refunds", "", "60")])),
    ])
    .await;
    let answer = check(&server.uri(), POLICY, &[]).await;
    assert_eq!(answer.code, 0, "{}", answer.stdout);
    let held = "such a job is not scaled";
    let most = "no row for 5 of 7 jobs (`streaming/a`, `streaming/b`, `streaming/c` and 2 more)";
    assert_eq!(
        findings(&answer),
        [
            &*format!("warning: running: {most}: such a job counts as not running, and is not scaled"),
            "warning: runningFor: Prometheus warns that rows of the query may be missing, so no job is scaled: a store is \
             away",
            "warning: runningFor: no row for any of 7 jobs, while other signals have some (such a job is not scaled): is \
             the metric called as the query says, and does its selector match?",
            &format!("warning: coverage: {most}: {held}"),
            &format!("warning: age: {most}: {held}"),
            "warning: throughput: `app` (`by.name`) is missing in 1 of 7 rows of the query, as in \
             {namespace=\"streaming\", operator_name=\"read\", pod=\"p\"}: such a row belongs to no job",
            &format!("warning: throughput: no row for 1 of 7 jobs (`streaming/refunds`): {held}"),
            "warning: backlog: unknown (negative, which is never taken for 0) in 1 row of 1 job (`streaming/orders`)",
            &format!("warning: backlog: {most}: {held}"),
            "warning: cpu: NaN, infinite or too large to be true in 1 row of 1 job (`streaming/orders`): is something \
             divided by 0?",
            &format!("warning: cpu: {most}: {held}"),
            "warning: age: samples older than `staleAfter` (1m): 1 job (`streaming/orders`); such a job is not scaled",
            "note: runningFor: Prometheus says about the query: metric might not be a counter",
        ]
    );
    assert!(answer.stdout.ends_with("\n\n1 policy in 1 file: 12 warnings\n"), "{}", answer.stdout);
}

#[tokio::test]
async fn what_keeps_a_policy_from_its_work_is_a_fault_and_a_no() {
    let refusal = json!({"status": "error", "errorType": "execution", "error": "many-to-many matching not allowed"});
    let server = prometheus(&[
        ("processed", rows(&[("orders", "read", "1"), ("orders", "read", "2"), ("refunds", "read", "5")])),
        ("lagging", rows(&[("orders", "", "8"), ("refunds", "", "0")])),
        ("load", ResponseTemplate::new(422).set_body_json(refusal)),
        ("width", rows(&[])),
        ("uptime", rows(&[("", "", "3600")])),
    ])
    .await;
    let answer = check(&server.uri(), POLICY, &[]).await;
    assert_eq!((answer.code, &*answer.stderr), (1, ""), "{}", answer.stdout);
    let mend = "keep the label in the query, make it with label_replace(), or name another one in `by`";
    assert_eq!(
        findings(&answer),
        [
            "fault: running: no row for any of 2 jobs, while other signals have some (such a job counts as not running, \
             and is not scaled): is the metric called as the query says, and does its selector match?",
            &format!(
                "fault: runningFor: `app` (`by.name`) is missing in the only row of the query, as in \
                 {{namespace=\"streaming\", pod=\"p\"}}: {mend}"
            ),
            "fault: throughput: 2 rows of 1 job (`streaming/orders`) stand beside another one for the same job and \
             operator, so that none of them is used (its series carry `app`, `namespace`, `operator_name`, `pod`): \
             aggregate over all labels but those of `by`",
            &format!(
                "fault: backlog: `operator_name` (`by.operator`) is missing in all 2 rows of the fall-back `or[0]`, as in \
                 {{app=\"orders\", namespace=\"streaming\", pod=\"p\"}}: {mend}"
            ),
            "fault: cpu: the query fails: Prometheus refused the query (execution): many-to-many matching not allowed: \
             aggregate both sides to the labels that match them, or say which side is the one with group_left()",
        ]
    );
    assert!(answer.stdout.ends_with("\n\n1 file: 5 faults\n"), "{}", answer.stdout);
}

#[tokio::test]
async fn a_prometheus_without_a_job_is_a_fault_with_the_mend() {
    let nothing = GOOD.map(|(query, _)| (query, rows(&[])));
    let answer = check(&prometheus(&nothing).await.uri(), POLICY, &[]).await;
    assert_eq!(answer.code, 1);
    assert_eq!(
        findings(&answer),
        [
            "fault: there is no job: no query gives a number: is this the Prometheus that scrapes these jobs, do they run, \
          and are the metrics and labels called as the queries say?"
        ]
    );
    let unnamed = GOOD.map(|(query, _)| (query, rows(&[("", "read", "1")])));
    let answer = check(&prometheus(&unnamed).await.uri(), POLICY, &[]).await;
    assert_eq!(answer.code, 1);
    assert_eq!(findings(&answer)[0], "fault: there is no job: no row carries the labels of `by` that name a job");
    assert_eq!(findings(&answer).len(), 9, "and each query lacks the label: {}", answer.stdout);
}

#[tokio::test]
async fn a_policy_without_age_hears_what_it_does_not_see() {
    let answer = check(&prometheus(&[]).await.uri(), &POLICY.replace("    age: { query: old }\n", ""), &[]).await;
    assert_eq!(answer.code, 0, "{}", answer.stdout);
    assert!(answer.stdout.contains("\nhow old the samples are is not known, as the policy has no signal `age`\n"));
    assert!(findings(&answer).is_empty(), "{}", answer.stdout);
}

#[tokio::test]
async fn programs_get_all_of_it_as_one_line() {
    let server = prometheus(&[("waiting", rows(&[("orders", "read", "-1")])), ("width", rows(&[]))]).await;
    let answer = check(&server.uri(), POLICY, &["--format", "json"]).await;
    assert_eq!((answer.code, answer.stdout.lines().count()), (1, 1), "{}", answer.stdout);
    let found: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!((&found["faults"], &found["warnings"]), (&json!(1), &json!(1)));
    let there = &found["prometheus"];
    assert_eq!(there["url"], server.uri());
    let problems: Vec<_> = there["problems"].as_array().unwrap().iter().collect();
    assert_eq!(problems.iter().map(|one| &one["severity"]).collect::<Vec<_>>(), ["error", "warning"]);
    assert_eq!((&problems[0]["policy"], &problems[0]["signal"]), (&json!("seed"), &json!("running")));
    let policy = &there["policies"][0];
    assert_eq!(policy["age"]["maxSeconds"], 12.0);
    let backlog = policy["signals"].as_array().unwrap().iter().find(|one| one["signal"] == "backlog").unwrap();
    assert_eq!(backlog["negative"], json!({"rows": 1, "jobs": {"count": 1, "examples": ["streaming/orders"]}}));
    assert_eq!(backlog["alternatives"][1]["answers"], 1);
    let query = &backlog["alternatives"][1]["queries"][0];
    assert_eq!((&query["query"], &query["series"], &query["error"]), (&json!("lagging"), &json!(2), &Value::Null));
    assert!(query["seconds"].as_f64().unwrap() > 0.0);
}

#[tokio::test]
async fn the_settings_say_who_we_are_and_no_answer_at_all_is_our_failure() {
    let server = MockServer::start().await;
    let good = rows(&[("orders", "read", "1")]);
    Mock::given(header("authorization", "Bearer hush")).respond_with(good).mount(&server).await;
    let answer = check(&server.uri(), POLICY, &["--config", "token.yaml"]).await;
    assert_eq!(answer.code, 0, "{}{}", answer.stdout, answer.stderr);

    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let answer = check(&format!("http://{address}"), POLICY, &["--config", "token.yaml"]).await;
    assert_eq!((answer.code, &*answer.stdout), (3, ""));
    let expected =
        format!("error: failed to ask Prometheus: failed to connect to Prometheus at http://{address}: check");
    assert!(answer.stderr.starts_with(&expected), "{}", answer.stderr);

    let wrongly = check(&server.uri(), POLICY, &["--config", "gone.yaml"]).await;
    assert_eq!(wrongly.code, 2, "{}", wrongly.stderr);
}

#[tokio::test]
async fn policies_with_a_fault_are_not_asked_for() {
    let server = prometheus(&[]).await;
    let answer = check(&server.uri(), &POLICY.replace("maxWorkers: 100", "maxWorkers: 0"), &[]).await;
    assert_eq!(answer.code, 1);
    assert_eq!(answer.stderr, "Prometheus is not asked before the policies are without fault\n");
    assert!(server.received_requests().await.unwrap().is_empty());
}
