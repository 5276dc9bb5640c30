//! The real binary: one command and its answer, or the daemon.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use steelyard::engine::Timestamp;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::watch;

/// Longer than anything here takes, on a machine that is busy with other tests.
const DEADLINE: Duration = Duration::from_secs(60);

/// What a command says on stdout; it must exit with 0.
pub async fn answer(arguments: &[&str]) -> String {
    let ran = command().args(arguments).output();
    let ran = tokio::time::timeout(DEADLINE, ran).await.expect("an answer in time").expect("the binary runs");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{arguments:?} ended with {}: {said}", ran.status);
    String::from_utf8(ran.stdout).expect("UTF-8")
}

/// Whether two outputs of JSON lines say the same, but for the last digits of their numbers: Prometheus adds up in any order.
///
/// # Panics
/// With the first line that differs.
pub fn assert_same_decisions(left: &str, right: &str) {
    let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    for (left, right) in left.lines().zip(right.lines()) {
        assert!(is_same(&read(left), &read(right)), "these differ:\n{left}\n{right}");
    }
    assert_eq!(left.lines().count(), right.lines().count(), "the longer one goes on:\n{left}\n\n{right}");
}

fn is_same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| is_same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, left)| right.get(key).is_some_and(|right| is_same(left, right)))
        }
        (Value::Number(left), Value::Number(right)) => {
            let (left, right) = (left.as_f64().unwrap_or(f64::NAN), right.as_f64().unwrap_or(f64::NAN));
            (left - right).abs() <= 1e-9 * left.abs().max(right.abs())
        }
        (left, right) => left == right,
    }
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_steelyard"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    // A second after its time a tick finds every scrape of that time, also on a busy machine; Prometheus gives up after
    // one second itself.
    command.env("STEELYARD__SETTLE", "1s").env("STEELYARD__JITTER", "0s");
    command
}

/// One line of the daemon's decisions.
#[derive(Debug, Clone)]
pub struct Told {
    /// The tick's time, in epoch seconds.
    pub at: f64,
    /// The job's name.
    pub job: String,
    /// The line as it was printed.
    pub line: String,
    /// The reason to hold; `None`: a change is wanted.
    pub hold: Option<String>,
    /// The width that was counted and the one that is wanted.
    pub scale: Option<(u64, u64)>,
}

impl Told {
    /// Reads a line of `--format json`.
    pub fn read(line: &str) -> Self {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let at = Timestamp::parse(value["at"].as_str().expect("a time")).expect("a time").as_seconds();
        let count = |name: &str| value[name].as_u64();
        Self {
            at,
            job: value["name"].as_str().expect("a name").to_owned(),
            line: line.to_owned(),
            hold: value["reason"].as_str().map(str::to_owned),
            scale: (value["action"] == "scale").then(|| (count("from").unwrap_or(0), count("to").unwrap_or(0))),
        }
    }
}

/// `steelyard run`, with its decisions as they come.
pub struct Daemon {
    child: Child,
    /// Where its HTTP is.
    pub url: String,
    told: watch::Receiver<Vec<Told>>,
    log: watch::Receiver<String>,
}

impl Daemon {
    /// Starts it with these arguments after `run`, on a free port of loopback, and waits until it listens.
    pub async fn start(arguments: &[&str]) -> Self {
        let mut child = command()
            .arg("run")
            .args(["--listen", "127.0.0.1:0", "--log-format", "json", "--format", "json"])
            .args(arguments)
            .spawn()
            .expect("the binary runs");
        let told = follow_decisions(BufReader::new(child.stdout.take().expect("it was piped")).lines());
        let mut errors = BufReader::new(child.stderr.take().expect("it was piped")).lines();
        let (write, log) = watch::channel(String::new());
        tokio::spawn(async move {
            while let Ok(Some(line)) = errors.next_line().await {
                write.send_modify(|log| *log = format!("{log}{line}\n"));
            }
        });
        let mut daemon = Self { child, url: String::new(), told, log };
        let mut log = daemon.log.clone();
        let started = log.wait_for(|log| address(log).is_some());
        let started = tokio::time::timeout(DEADLINE, started).await.expect("the daemon starts in time");
        let said = started.map(|log| address(&log)).ok().flatten();
        let address = said.unwrap_or_else(|| panic!("the daemon ended: {}", daemon.log()));
        daemon.url = format!("http://{address}");
        daemon
    }

    /// What it decided so far.
    pub fn told(&self) -> Vec<Told> {
        self.told.borrow().clone()
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        self.log.borrow().clone()
    }

    /// Waits until the decisions so far are as they should be, and says them.
    pub async fn until(&self, what: &str, within: Duration, reached: impl Fn(&[Told]) -> bool) -> Vec<Told> {
        let mut told = self.told.clone();
        let waited = tokio::time::timeout(within, told.wait_for(|told| reached(told))).await;
        match waited {
            Ok(Ok(told)) => told.clone(),
            Ok(Err(_)) => panic!("{what}: the daemon ended: {}", self.log()),
            Err(_) => {
                let told: Vec<_> = self.told().into_iter().map(|told| told.line).collect();
                panic!("not within {within:?}: {what}; decisions:\n{}\nlog:\n{}", told.join("\n"), self.log())
            }
        }
    }

    /// The status and body of a page.
    pub async fn page(&self, path: &str) -> (u16, String) {
        let answer = reqwest::get(format!("{}{path}", self.url)).await.expect("the daemon answers");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    }

    /// Sends it that signal: `-STOP`, `-CONT`, ...
    pub async fn signal(&self, signal: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args([signal, &id]).status().await.expect("kill runs");
        assert!(sent.success(), "no process {id} to signal");
    }

    /// SIGTERM, as Kubernetes ends a pod; the exit code and all that it decided.
    pub async fn terminate(mut self) -> (Option<i32>, Vec<Told>) {
        self.signal("-TERM").await;
        let ended = tokio::time::timeout(DEADLINE, self.child.wait()).await.expect("it drains in time");
        // The last lines are still in the pipe.
        while self.told.changed().await.is_ok() {}
        (ended.expect("it can be waited for").code(), self.told())
    }
}

fn follow_decisions(mut lines: Lines<BufReader<ChildStdout>>) -> watch::Receiver<Vec<Told>> {
    let (write, told) = watch::channel(Vec::new());
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            write.send_modify(|told| told.push(Told::read(&line)));
        }
    });
    told
}

/// The address in the log line of the start.
fn address(log: &str) -> Option<String> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut values =
        lines.map(|line| line["fields"]["address"].as_str().or(line["address"].as_str()).map(str::to_owned));
    values.find_map(|address| address)
}
