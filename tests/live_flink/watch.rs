//! The daemon beside a bed, and what may be said of its decisions.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use steelyard::engine::Timestamp;
use steelyard::policy;

use crate::bed::Bed;
use crate::bed::common::prometheus::SCRAPE;
use crate::bed::common::wait::until_or;
use crate::command::{Daemon, answer};
use crate::component::root;

/// Between two ticks.
pub const INTERVAL: Duration = Duration::from_secs(5);
/// Records per second until a job runs: what comes in while everything starts would be a backlog that a test cannot foresee.
pub const CALM: f64 = 20.0;
/// Longer than anything is waited for.
pub const SOON: Duration = Duration::from_secs(300);
/// The count that the spec asks for has no series of its own without Kubernetes: pods that discovery knows are as many. And the
/// published rule: it wants at once what the newest readings demand, so that a truth can be held against each of them.
const WISHED: &str = "    wished: { query: 'count by (namespace, app) (up{component=\"taskmanager\"})' }\n  preset: seed\n  warmUp: 150s\n";

/// The daemon in a dry run, with the signals of a shipped policy.
pub struct Watch {
    /// It.
    pub daemon: Daemon,
    /// The shipped policy, with the count that was ordered, and the published rule.
    pub policy: PathBuf,
    /// What it records: every tick.
    pub recording: PathBuf,
    /// How long nothing is decided after a restart: until every window has filled.
    pub window: Duration,
    /// The window of the rates, in seconds.
    pub rate_window: f64,
}

impl Watch {
    /// Starts it with the signals of the shipped policy of that name.
    pub async fn start(bed: &Bed, policy: &str) -> Self {
        let shipped = root().join(format!("policies/{policy}.yaml"));
        let shipped = std::fs::read_to_string(shipped).expect("it is shipped");
        assert_eq!(shipped.matches("\n  preset: balanced\n").count(), 1, "one place for one more signal");
        let policy = bed.folder().join("policy.yaml");
        std::fs::write(&policy, shipped.replacen("  preset: balanced\n", WISHED, 1)).expect("a file");
        let loaded = policy::load(std::slice::from_ref(&policy)).unwrap_or_else(|problems| panic!("{problems}"));
        let plan = &loaded.policies[0].plan;
        let rate_window = loaded.policies[0].plan.rate_window.as_secs_f64();
        let window = plan.warm_up.max(plan.growth_window).max(loaded.policies[0].plan.rate_window);
        let recording = bed.folder().join("recording.jsonl");
        let (url, interval) = (bed.prometheus.url(), format!("{}s", INTERVAL.as_secs()));
        let (policy_file, recording_file) = (text(&policy), text(&recording));
        let daemon = Daemon::start(&[
            "--prometheus",
            &url,
            "--policy",
            policy_file,
            "--dry-run",
            "--interval",
            &interval,
            "--record",
            recording_file,
        ])
        .await;
        Self { daemon, policy, recording, window, rate_window }
    }

    /// When a job that runs since then, in epoch seconds, is decided about at the latest: the window has filled, the next
    /// scrape shows it, and two ticks more.
    pub fn decided_by(&self, since: f64) -> f64 {
        since + (self.window + SCRAPE + 2 * INTERVAL).as_secs_f64()
    }

    /// Waits for a tick of the job at or after a moment, and says all of the job's so far.
    ///
    /// From the recording: the daemon tells a decision when it changes, and records every one.
    pub async fn tick_after(&self, job: &str, moment: f64) -> Vec<Decided> {
        let look = async || {
            let decided = self.decided(job);
            decided.last().is_some_and(|last| last.at >= moment).then_some(decided)
        };
        let otherwise = || format!("a decision about {job} after {moment}; the daemon says:\n{}", self.daemon.log());
        until_or(SOON, look, otherwise).await
    }

    /// How many workers the policy wants by the command `decide`, for numbers that did not come from Prometheus.
    pub async fn decides(&self, numbers: &Value) -> u64 {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let file = folder.path().join("numbers.json");
        std::fs::write(&file, numbers.to_string()).expect("a file");
        let said = answer(&["decide", "--policy", text(&self.policy), "--format", "json", text(&file)]).await;
        let said: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
        let wanted = if said["action"] == "scale" { &said["to"] } else { &numbers["workers"] };
        wanted.as_u64().expect("a count")
    }

    /// Every decision about a job so far.
    pub fn decided(&self, job: &str) -> Vec<Decided> {
        let text = std::fs::read_to_string(&self.recording).unwrap_or_default();
        // The last line may be half written; the first one is the header.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().skip(1).filter_map(|line| Decided::read(line, job)).collect()
    }
}

/// What was decided about one job at one tick.
#[derive(Debug, Clone)]
pub struct Decided {
    /// The tick's time, in epoch seconds.
    pub at: f64,
    /// The reason to hold; `None`: a change is wanted.
    pub hold: Option<String>,
    /// The width that was counted and the one that is wanted.
    pub scale: Option<(u64, u64)>,
    /// What was seen of the job, and the decision.
    pub seen: Value,
}

impl Decided {
    /// Of a line of a recording; `None`: nothing was decided about that job.
    fn read(line: &str, job: &str) -> Option<Self> {
        let tick: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let of = |list: &Value| list.as_array()?.iter().find(|one| one["name"] == job).cloned();
        let decision = of(&tick["decisions"])?;
        let at = Timestamp::parse(tick["at"].as_str()?).expect("a time").as_seconds();
        let count = |name: &str| decision[name].as_u64().unwrap_or(0);
        Some(Self {
            at,
            hold: decision["reason"].as_str().map(str::to_owned),
            scale: (decision["action"] == "scale").then(|| (count("from"), count("to"))),
            seen: json!({ "at": tick["at"], "seen": of(&tick["jobs"]), "decided": decision }),
        })
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// In the time from `from` to `to`, where all is well, nothing may be said to be missing.
pub fn assert_nothing_missing(told: &[Decided], from: f64, to: f64) {
    let steady: Vec<&Decided> = told.iter().filter(|told| (from..=to).contains(&told.at)).collect();
    assert!(steady.len() >= 3, "{} ticks from {from} to {to}", steady.len());
    for told in steady {
        let missing =
            told.hold.as_deref().is_some_and(|hold| ["missingSignal", "partialData", "notRunning"].contains(&hold));
        assert!(!missing, "{}", told.seen);
    }
}

/// From the begin of a restart to the end of its blind time nothing may be wanted, whatever the numbers then say.
pub fn assert_blind(told: &[Decided], downtimes: &[(f64, f64)], window: Duration) {
    for (stopped, again) in downtimes {
        // The tick of the restart itself looks at scrapes from before it.
        let blind = (stopped + SCRAPE.as_secs_f64())..(again + (window - SCRAPE).as_secs_f64());
        for told in told.iter().filter(|told| blind.contains(&told.at)) {
            assert_eq!(told.scale, None, "wanted after the restart from {stopped} to {again}: {}", told.seen);
        }
    }
}
