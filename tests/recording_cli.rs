//! `decide` and `replay` through the real binary: exit codes and both streams.

#[path = "support/seed_policy.rs"]
mod seed_policy;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use seed_policy::seed_policy;

const POLICY: &str = seed_policy!(
    "
    throughput: { query: throughput, unit: records }
    backlog: { query: backlog, unit: records }
    cpu: { query: cpu }
    running: { query: workers }
    runningFor: { query: uptime }
"
);

/// A folder with the policy of these tests, and more files as they come.
struct Bench(TempDir);

struct Answer {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Bench {
    fn new() -> Self {
        let bench = Self(TempDir::new().unwrap());
        bench.file("seed.yaml", POLICY);
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).unwrap();
        self.path(name).display().to_string()
    }

    fn steelyard(&self, arguments: &[&str], stdin: &str) -> Answer {
        let mut child = Command::new(env!("CARGO_BIN_EXE_steelyard"))
            .args(arguments)
            .current_dir(self.0.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that does not read its stdin may be gone already.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        Answer {
            code: status.code().unwrap_or(-1),
            stdout: String::from_utf8(stdout).unwrap(),
            stderr: String::from_utf8(stderr).unwrap(),
        }
    }

    fn decide(&self, numbers: &str) -> Value {
        let answer = self.steelyard(&["decide", "--policy", "seed.yaml", "--format", "json"], numbers);
        assert_eq!((answer.code, &*answer.stderr), (0, ""), "{numbers}");
        assert_eq!(answer.stdout.lines().count(), 1, "{}", answer.stdout);
        serde_json::from_str(&answer.stdout).unwrap()
    }
}

fn numbers(workers: u32, cpu: f64, backlog: u32, growth: i32) -> String {
    json!({"workers": workers, "running_for": "1h", "cpu": cpu, "max_parallelism": 128, "partitions": 64,
        "operators": {"read": {"throughput": 1000, "backlog": backlog, "growth": growth}}})
    .to_string()
}

/// The answer without its derivation.
fn gist(mut answer: Value) -> Value {
    answer.as_object_mut().unwrap().remove("because").expect("every answer says why");
    answer
}

#[test]
fn decide_answers_with_the_published_numbers() {
    let bench = Bench::new();
    let scale = |from, to| json!({"action": "scale", "from": from, "to": to});
    let within = || json!({"action": "hold", "reason": "withinBand"});
    let rows = [
        ("keep up 12 and catch up 30", numbers(10, 0.5, 180_000, 200), scale(10, 42)),
        ("31.67 is 32", numbers(10, 0.5, 130_000, 0), scale(10, 32)),
        ("half the CPU, half the workers", numbers(20, 0.35, 0, 0), scale(20, 10)),
        ("119 s and 89 % open nothing", numbers(10, 0.89, 119_000, 0), within()),
        ("11 s keep it from going down", numbers(10, 0.2, 11_000, 0), within()),
    ];
    for (name, numbers, expected) in rows {
        assert_eq!(gist(bench.decide(&numbers)), expected, "{name}");
    }
    let partitions = numbers(10, 0.5, 180_000, 200).replace("64", "33");
    let capped = bench.decide(&partitions);
    assert_eq!(gist(capped), scale(10, 33), "no more workers than partitions");
}

#[test]
fn decide_holds_on_what_is_missing() {
    let bench = Bench::new();
    let missing = |signal: &str, absence: Value| json!({"action": "hold", "reason": "missingSignal", "signal": signal, "absence": absence});
    let operator = |mut hold: Value| {
        hold["operator"] = "read".into();
        hold
    };
    let full = numbers(10, 0.5, 180_000, 200);
    let rows = [
        ("left out", full.replace("\"cpu\":0.5,", ""), missing("cpu", json!("missing"))),
        ("null", full.replace("0.5", "null"), missing("cpu", json!("missing"))),
        ("NaN", full.replace("0.5", "\"NaN\""), missing("cpu", json!("notFinite"))),
        ("failed", full.replace("0.5", "\"failed\""), missing("cpu", json!("queryFailed"))),
        ("stale", full.replace("0.5", "{\"stale\": \"90s\"}"), missing("cpu", json!({"stale": {"age": 90.0}}))),
        ("unknown to Flink", full.replace("180000", "-1"), operator(missing("backlog", json!("missing")))),
        (
            "no growth",
            full.replace(",\"growth\":200", "").replace("\"growth\":200,", ""),
            operator(missing("growth", json!("missing"))),
        ),
        (
            "not asked for, but told",
            full.replace("\"cpu\"", "\"age\":\"stale\",\"cpu\""),
            missing("age", json!({"stale": {"age": 3600.0}})),
        ),
    ];
    for (name, numbers, expected) in rows {
        assert_eq!(gist(bench.decide(&numbers)), expected, "{name}: {numbers}");
    }
    let young = bench.decide(&full.replace("\"1h\"", "\"60s\""));
    assert_eq!(young["reason"], "warmingUp", "{young}");
    let rescaling = bench.decide(&full.replace("\"workers\":10", "\"workers\":10,\"wished\":12"));
    assert_eq!(rescaling["reason"], "rescaling", "{rescaling}");
}

#[test]
fn decide_tells_people_how_it_came_to_it() {
    let bench = Bench::new();
    let file = bench.file("numbers.json", &numbers(10, 0.5, 180_000, 200));
    let answer = bench.steelyard(&["decide", "--policy", "seed.yaml", &file], "");
    assert_eq!((answer.code, &*answer.stderr), (0, ""));
    assert!(answer.stdout.starts_with("scale 10 -> 42\n  "), "{}", answer.stdout);
    assert!(answer.stdout.contains("12.00 workers to keep up and 30.00 more to catch up"), "{}", answer.stdout);
}

#[test]
fn decide_says_what_is_wrong_with_the_question() {
    let bench = Bench::new();
    let two = format!("{POLICY}---{}", POLICY.replace("name: seed", "name: other"));
    bench.file("two.yaml", &two);
    bench.file("bad.yaml", &POLICY.replace("maxWorkers", "maxWorker"));
    let good = numbers(10, 0.5, 0, 0);
    let rows: [(&[&str], &str, &str); 7] = [
        (
            &["--policy", "seed.yaml"],
            "{\n \"workes\": 3}",
            "stdin: line 2, column 9: `workes` is not known here: did you mean `workers`?",
        ),
        (&["--policy", "seed.yaml"], "{\"cpu\": 1", "stdin: line 1, column 9: EOF"),
        (&["--policy", "seed.yaml", "gone.json"], "", "failed to read `gone.json`"),
        (&["--policy", "two.yaml"], &good, "choose with --class, one of `seed`, `other`"),
        (&["--policy", "two.yaml", "--class", "third"], &good, "there is no policy `third`, only `seed`, `other`"),
        (&["--policy", "bad.yaml"], &good, "bad.yaml:7:"),
        (&[], &good, "--policy"),
    ];
    for (arguments, stdin, expected) in rows {
        let answer = bench.steelyard(&[&["decide"], arguments].concat(), stdin);
        assert_eq!((answer.code, &*answer.stdout), (2, ""), "{arguments:?}: {}", answer.stderr);
        assert!(answer.stderr.contains(expected), "{arguments:?}: {}", answer.stderr);
    }
    let answer = bench.steelyard(&["decide", "--policy", "two.yaml", "--class", "other"], &good);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
}

const START: i64 = 1_795_229_310;

/// 20 minutes at 15 s: after 10 minutes a backlog of three minutes stands there.
fn recording(decisions: impl Fn(i64) -> Option<Value>) -> String {
    let header = json!({"steelyardRecording": 1, "step": "15s", "policies": [{"name": "seed", "text": POLICY}]});
    let mut text = format!("{header}\n");
    for tick in 0..80_i64 {
        let backlog = if tick < 40 { 0 } else { 180_000 };
        let mut line = json!({"at": START + 15 * tick, "jobs": [{
            "namespace": "streaming", "name": "orders", "workers": 10, "wished": 10, "running_for": 3600 + 15 * tick,
            "coverage": 1, "age": 5, "cpu": 0.8,
            "operators": {"read": {"throughput": 1000, "backlog": backlog, "growth": 0}}}]});
        if let Some(decision) = decisions(tick) {
            line["decisions"] = json!([decision]);
        }
        text.push_str(&format!("{line}\n"));
    }
    text
}

fn lines(answer: &Answer) -> Vec<Value> {
    answer.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn replay_prints_what_changes() {
    let bench = Bench::new();
    bench.file("plain.jsonl", &recording(|_| None));
    let answer = bench.steelyard(&["replay", "plain.jsonl"], "");
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let told = lines(&answer);
    let last = told.last().unwrap();
    assert_eq!((&last["namespace"], &last["name"]), (&json!("streaming"), &json!("orders")));
    assert_eq!((&last["action"], &last["from"], &last["to"]), (&json!("scale"), &json!(10), &json!(40)));
    assert_eq!(last["at"], "2026-11-21T02:58:30.000Z", "the very tick of the backlog");
    assert!(last["because"].as_array().is_some_and(|steps| steps.len() > 3), "{last}");
    assert!(told.len() < 10, "{}", answer.stdout);
    assert!(answer.stderr.contains("80 ticks (19m 45s) of 1 job: "), "{}", answer.stderr);

    let all = bench.steelyard(&["replay", "plain.jsonl", "--all"], "");
    assert_eq!(lines(&all).len(), 80);
    let table = bench.steelyard(&["replay", "plain.jsonl", "--format", "table"], "");
    let line = table.stdout.lines().last().unwrap();
    assert!(line.starts_with("2026-11-21T02:58:30.000Z  streaming/orders  scale 10 -> 40"), "{line}");
    assert!(line.contains("30.00 more to catch up"), "{line}");
}

#[test]
fn replay_shows_what_another_policy_changes() {
    let bench = Bench::new();
    bench.file("plain.jsonl", &recording(|_| None));
    let patient = POLICY.replace("preset: seed", "preset: seed\n  scaleUp: { drainTarget: 2m }");
    bench.file("patient.yaml", &patient.replace("name: seed", "name: patient"));
    let with = bench.steelyard(&["replay", "plain.jsonl", "--policy", "patient.yaml"], "");
    assert_eq!(with.code, 0, "{}", with.stderr);
    assert_eq!(lines(&with).last().unwrap()["to"], 25);

    let against = bench.steelyard(&["replay", "plain.jsonl", "--against", "patient.yaml"], "");
    assert_eq!(against.code, 1, "{}", against.stderr);
    let told = lines(&against);
    assert_eq!(told.len(), 1, "{}", against.stdout);
    assert_eq!((&told[0]["policy"]["to"], &told[0]["against"]["to"]), (&json!(40), &json!(25)));
    assert!(against.stderr.contains("40 of 80 decisions differ"), "{}", against.stderr);
    let every = bench.steelyard(&["replay", "plain.jsonl", "--against", "patient.yaml", "--all"], "");
    assert_eq!(lines(&every).len(), 40);

    let itself = bench.steelyard(&["replay", "plain.jsonl", "--against", "seed.yaml"], "");
    assert_eq!((itself.code, &*itself.stdout), (0, ""), "{}", itself.stderr);
    assert!(itself.stderr.contains("all 80 decisions are the same"), "{}", itself.stderr);
}

#[test]
fn replay_compares_with_what_the_live_run_decided() {
    let bench = Bench::new();
    // The first replay says what is decided; a live run would have written the same.
    bench.file("plain.jsonl", &recording(|_| None));
    let decided = lines(&bench.steelyard(&["replay", "plain.jsonl", "--all"], ""));
    let live = |tick: i64| decided[usize::try_from(tick).unwrap()].clone();
    bench.file("live.jsonl", &recording(|tick| Some(live(tick))));
    let same = bench.steelyard(&["replay", "live.jsonl"], "");
    assert_eq!(same.code, 0, "{}", same.stderr);
    assert!(same.stderr.contains("all 80 of the live run are the same"), "{}", same.stderr);

    let odd = |tick: i64| {
        let mut decision = live(tick);
        if tick == 50 {
            decision["to"] = json!(41);
        }
        Some(decision)
    };
    bench.file("odd.jsonl", &recording(odd));
    let other = bench.steelyard(&["replay", "odd.jsonl"], "");
    assert_eq!(other.code, 1, "{}", other.stderr);
    assert!(other.stderr.contains("live: scale 10 -> 41, replay: scale 10 -> 40"), "{}", other.stderr);
    assert!(other.stderr.contains("1 of 80 of the live run differ"), "{}", other.stderr);
    let with_policy = bench.steelyard(&["replay", "odd.jsonl", "--policy", "seed.yaml"], "");
    assert_eq!(with_policy.code, 0, "another policy may decide otherwise: {}", with_policy.stderr);
}

#[test]
fn replay_keeps_what_can_be_read() {
    let bench = Bench::new();
    let whole = recording(|_| None);
    let path = bench.file("cut.jsonl", &whole[..whole.len() - 40]);
    let cut = bench.steelyard(&["replay", &path], "");
    assert_eq!(cut.code, 0, "{}", cut.stderr);
    assert_eq!(lines(&cut).last().unwrap()["to"], 40);
    assert!(
        cut.stderr.contains("warning: the recording ends in the middle of line 81; the 79 ticks before"),
        "{}",
        cut.stderr
    );

    let damaged = whole.replacen("\"cpu\":0.8", "\"cpu\":0.8.1", 1);
    bench.file("damaged.jsonl", &damaged);
    let answer = bench.steelyard(&["replay", "damaged.jsonl"], "");
    assert_eq!(answer.code, 2, "{}", answer.stderr);
    assert!(answer.stderr.contains("line 2, column "), "{}", answer.stderr);
}

#[test]
fn replay_refuses_what_it_cannot_read() {
    let bench = Bench::new();
    let whole = recording(|_| None);
    bench.file("newer.jsonl", &whole.replacen("\"steelyardRecording\":1", "\"steelyardRecording\":2", 1));
    bench.file("stale.jsonl", &whole.replacen("maxWorkers", "maxWorkerz", 1));
    bench.file("other.yaml", &POLICY.replace("name: seed", "name: other"));
    bench.file("two.yaml", &format!("{POLICY}---{}", POLICY.replace("name: seed", "name: other")));
    bench.file("plain.jsonl", &whole);
    let rows: [(&[&str], &str); 6] = [
        (&["gone.jsonl"], "failed to open `gone.jsonl`"),
        (&["."], "failed to open `.`"),
        (&["seed.yaml"], "not a Steelyard recording"),
        (&["newer.jsonl"], "upgrade Steelyard, or record again with this one"),
        (&["stale.jsonl"], "failed to use policy `seed` of the recording"),
        (&["plain.jsonl", "--policy", "two.yaml"], "the recording has no class `other`, only `seed`"),
    ];
    for (arguments, expected) in rows {
        let answer = bench.steelyard(&[&["replay"], arguments].concat(), "");
        assert_eq!((answer.code, &*answer.stdout), (2, ""), "{arguments:?}: {}", answer.stderr);
        assert!(answer.stderr.contains(expected), "{arguments:?}: {}", answer.stderr);
    }
    // A policy of the recording that no longer holds up is no harm where another takes its place.
    let answer = bench.steelyard(&["replay", "stale.jsonl", "--policy", "other.yaml"], "");
    assert_eq!(answer.code, 0, "{}", answer.stderr);
}

/// An answer about a part of a recording is none about the whole.
#[test]
fn an_interrupted_replay_is_no_yes() {
    let bench = Bench::new();
    let header = json!({"steelyardRecording": 1, "step": "15s", "policies": [{"name": "seed", "text": POLICY}]});
    let tick = |at: u64| json!({"at": at, "jobs": [{"namespace": "n", "name": "job", "workers": 3}]});
    let mut text = format!("{header}\n");
    // Far more than a pipe holds: it cannot end before its output is read.
    for place in 0..50_000 {
        text += &format!("{}\n", tick(1_800_000_000 + 15 * place));
    }
    let recording = bench.file("long.jsonl", &text);
    let mut child = Command::new(env!("CARGO_BIN_EXE_steelyard"))
        .args(["replay", &recording, "--all"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    stdout.read_line(&mut first).unwrap();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let told = 1 + stdout.lines().map_while(Result::ok).count();
    let ended = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(ended.stderr).unwrap();
    assert!(told < 50_000, "it was ended before its end");
    assert_eq!(ended.status.code(), Some(3), "{stderr}");
    assert!(stderr.ends_with("error: interrupted: the rest of the recording was not looked at\n"), "{stderr}");
}

#[test]
fn numbers_are_one_object() {
    let bench = Bench::new();
    for wrong in ["[]", "[\"n\", \"n\", \"p\", 10]", "10", "null", ""] {
        let answer = bench.steelyard(&["decide", "--policy", "seed.yaml", "-"], wrong);
        assert_eq!(answer.code, 2, "{wrong}: {}", answer.stderr);
        assert!(answer.stderr.contains("JSON"), "{wrong}: {}", answer.stderr);
        assert_eq!(answer.stdout, "");
    }
}
