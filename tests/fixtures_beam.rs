//! Recordings of real Beam jobs, replayed: whole outputs, and what may be said of every decision from the truth beside them.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use steelyard::engine::Timestamp;

/// After a restart: until the windows of two minutes hold nothing of before, and one scrape. The policy's warm-up is longer.
const BLIND: f64 = 125.0;

/// One decision of a replay.
struct Told {
    /// Seconds after the recording's first tick.
    at: f64,
    decision: Value,
}

impl Told {
    fn hold(&self) -> Option<&str> {
        self.decision["reason"].as_str()
    }

    /// From how many to how many; `None`: it holds.
    fn scale(&self) -> Option<(u64, u64)> {
        let count = |name: &str| self.decision[name].as_u64();
        (self.decision["action"] == "scale").then(|| (count("from").unwrap(), count("to").unwrap()))
    }

    /// The first step of that name.
    fn step(&self, name: &str) -> Option<&Value> {
        self.decision["because"].as_array().unwrap().iter().find(|step| step["step"] == name)
    }
}

/// A recording, replayed, and its truth.
struct Replayed {
    name: &'static str,
    told: Vec<Told>,
    truth: Value,
    books: Value,
}

impl Replayed {
    fn of(name: &'static str) -> Self {
        let folder = folder(name);
        let numbers = |file: &str| -> Value {
            serde_json::from_str(&std::fs::read_to_string(folder.join(file)).unwrap()).unwrap()
        };
        let (truth, books) = (numbers("truth.json"), numbers("books.json"));
        let from = truth["from"].as_f64().unwrap();
        let told = replay(name, &["--all", "--format", "json"]);
        let told = told.lines().map(|line| {
            let decision: Value = serde_json::from_str(line).unwrap();
            let at = Timestamp::parse(decision["at"].as_str().unwrap()).unwrap().as_seconds() - from;
            Told { at, decision }
        });
        let told: Vec<_> = told.collect();
        let ticks = (truth["to"].as_f64().unwrap() - from) / 5.0;
        assert!((told.len() as f64 - ticks).abs() <= 2.0, "{name}: {} of {ticks} ticks", told.len());
        Self { name, told, truth, books }
    }

    /// Times in which nothing was processed, in seconds after the first tick.
    fn downtimes(&self) -> Vec<(f64, f64)> {
        pairs(&self.truth["downtimes"])
    }

    /// Records per second that came in then.
    fn input(&self, at: f64) -> f64 {
        pairs(&self.truth["input"]).iter().rfind(|(from, _)| *from <= at).unwrap().1
    }

    /// Records that waited then, as the workers' own books say.
    fn backlog(&self, at: f64) -> f64 {
        let every: Vec<f64> = self.books["backlog"].as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect();
        let (before, share) = ((at / 10.0).floor(), (at / 10.0).fract());
        let next = every.get(before as usize + 1).unwrap_or(every.last().unwrap());
        every[before as usize] * (1.0 - share) + next * share
    }

    /// The most that was processed per second in the half minute before, as the workers' own books say.
    fn processed(&self, at: f64) -> f64 {
        let every: Vec<f64> = self.books["processed"].as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect();
        let now = (at / 10.0) as usize;
        every[now.saturating_sub(3)..=now].iter().copied().fold(0.0, f64::max)
    }

    /// Each wish once: when first, from how many, to how many.
    fn wishes(&self) -> Vec<(f64, u64, u64)> {
        let mut wishes: Vec<(f64, u64, u64)> = Vec::new();
        for (told, (from, to)) in self.told.iter().filter_map(|told| Some((told, told.scale()?))) {
            if wishes.last().is_none_or(|last| (last.1, last.2) != (from, to)) {
                wishes.push((told.at.round(), from, to));
            }
        }
        wishes
    }
}

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn pairs(value: &Value) -> Vec<(f64, f64)> {
    let pair = |pair: &Value| (pair[0].as_f64().unwrap(), pair[1].as_f64().unwrap());
    value.as_array().unwrap().iter().map(pair).collect()
}

fn replay(name: &str, options: &[&str]) -> String {
    let recording = folder(name).join("recording.jsonl.zst");
    let ran =
        Command::new(env!("CARGO_BIN_EXE_steelyard")).arg("replay").arg(recording).args(options).output().unwrap();
    assert!(ran.status.success(), "{name}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

const RECORDINGS: [&str; 3] = ["beam-rescale-1-3-2", "beam-one-reader", "beam-taskmanager-killed"];

#[test]
fn nothing_is_wanted_in_the_blind_time_of_a_restart() {
    let mut restarts = 0;
    for replayed in RECORDINGS.map(Replayed::of) {
        for (stopped, again) in replayed.downtimes() {
            let blind = replayed.told.iter().filter(|told| told.at > stopped && told.at < again + BLIND);
            let scales: Vec<_> = blind.filter_map(|told| Some((told.at, told.scale()?))).collect();
            assert_eq!(scales, [], "{}: wanted after the restart from {stopped} to {again} s", replayed.name);
            restarts += 1;
        }
    }
    // Two as two workers come one by one, one as one goes, and two of a kill: down, and back.
    assert!(restarts >= 5, "{restarts} restarts");
}

#[test]
fn nothing_shrinks_on_missing_data() {
    let mut without = 0;
    for replayed in RECORDINGS.map(Replayed::of) {
        for told in &replayed.told {
            let text = told.decision.to_string();
            let is_whole = !["missing", "stale", "notFinite", "queryFailed"]
                .iter()
                .any(|absence| text.contains(&format!("\"{absence}\"")));
            let covered = told.step("job").and_then(|job| job["coverage"].as_f64()) == Some(1.0);
            if is_whole && covered {
                continue;
            }
            without += 1;
            let shrinks = told.scale().is_some_and(|(from, to)| to < from);
            assert!(!shrinks, "{}: {text}", replayed.name);
        }
    }
    assert!(without >= 20, "only {without} ticks lack something: the recordings prove nothing");
}

#[test]
fn nothing_shrinks_while_records_wait() {
    for replayed in RECORDINGS.map(Replayed::of) {
        for (told, (from, to)) in replayed.told.iter().filter_map(|told| Some((told, told.scale()?))) {
            let waits = replayed.backlog(told.at) / replayed.input(told.at);
            assert!(
                to > from || waits < 12.0,
                "{}: {from} -> {to} with {waits} s of records at {} s",
                replayed.name,
                told.at
            );
        }
    }
}

#[test]
fn the_backlog_is_what_waits() {
    for replayed in RECORDINGS.map(Replayed::of) {
        let (mut compared, mut off) = (0, Vec::new());
        let restarts = replayed.downtimes();
        for told in &replayed.told {
            // A subtask whose worker still loads its classes has no backlog yet, and `coverage` says so: in
            // `beam-taskmanager-killed` a third of it is away for 70 s. Then it says -1 for 25 s more, which means "caught up"
            // of any other. The time of the warm-up lies over that.
            let restarted = |(stopped, again): &(f64, f64)| told.at > stopped - 5.0 && told.at < again + BLIND;
            let covered = told.step("job").and_then(|job| job["coverage"].as_f64()) == Some(1.0);
            if restarts.iter().any(restarted) || !covered || told.at < BLIND {
                continue;
            }
            let Some(said) = told.step("operator").and_then(|operator| operator["backlog"].as_f64()) else { continue };
            let (said, true_backlog) = (said / 1003.0, replayed.backlog(told.at));
            compared += 1;
            // Six seconds of the input: KafkaIO asks the broker for its end once a second, and is scraped every five.
            if (said - true_backlog).abs() > 6.0 * replayed.input(told.at) + 0.05 * true_backlog {
                off.push((told.at, said, true_backlog));
            }
        }
        assert!(compared >= 30, "{}: {compared} ticks with a backlog", replayed.name);
        assert_eq!(off, [], "{}: when, said, true", replayed.name);
    }
}

/// The lag of the job's consumer group: between two commits it keeps what was processed, and nothing of that waits.
#[test]
fn a_groups_lag_is_what_waits_and_what_is_not_committed() {
    const COMMITS: f64 = 30.0;
    let replayed = Replayed::of("beam-group-lag");
    let (mut compared, mut highest) = (0, 0.0_f64);
    for told in &replayed.told {
        // Until the first commit of a generation the last one before it counts.
        let restarted = |(stopped, again): &(f64, f64)| told.at > stopped - 5.0 && told.at < again + 2.0 * COMMITS;
        if told.at < COMMITS || replayed.downtimes().iter().any(restarted) {
            continue;
        }
        let Some(lag) = told.step("operator").and_then(|operator| operator["backlog"].as_f64()) else { continue };
        compared += 1;
        let beyond = (lag - replayed.backlog(told.at)) / replayed.processed(told.at);
        // A scrape is up to 5 s old, and a commit takes its time.
        assert!((-6.0..COMMITS + 6.0).contains(&beyond), "{beyond} s of work more than what waits, at {} s", told.at);
        highest = highest.max(beyond);
    }
    assert!(compared >= 60 && highest > 0.8 * COMMITS, "{compared} ticks, a tooth of {highest} s");
}

/// A tooth of half a minute of input is no backlog; one that stands and grows from commit to commit is.
#[test]
fn a_saw_tooth_leads_to_no_wish_of_its_own() {
    let replayed = Replayed::of("beam-group-lag");
    let wishes = replayed.wishes();
    let [(first, from, to), later @ ..] = &wishes[..] else { panic!("nothing was wanted") };
    assert_eq!((*from, *to), (1, 3));
    assert!((165.0..340.0).contains(first), "at {first} s, with 280 records/s for a worker of 200 from 165 s on");
    // Until the job stops for its rescale the first wish has not come true, and it gets later.
    let stops = replayed.downtimes().iter().map(|(stopped, _)| *stopped).find(|stopped| stopped > first).unwrap();
    let more = |(at, from, to): &(f64, u64, u64)| *from == 1 && *to > 3 && (*first..=stops).contains(at);
    assert!(later.iter().all(more), "{wishes:?}");
}

/// Registered, scraped, with its task: only its source says nothing.
#[test]
fn a_worker_that_loads_its_classes_is_not_covered() {
    let replayed = Replayed::of("beam-taskmanager-killed");
    let (_, again) = replayed.downtimes()[1];
    let loading = replayed.told.iter().filter(|told| (again + 5.0..again + 65.0).contains(&told.at));
    let covered: Vec<_> = loading.filter_map(|told| told.step("job")?["coverage"].as_f64()).collect();
    assert!(covered.len() >= 10 && covered.iter().all(|share| *share < 1.0), "{covered:?}");
}

#[test]
fn a_rescale_with_enough_workers_leads_to_no_wish() {
    assert_eq!(Replayed::of("beam-rescale-1-3-2").wishes(), []);
}

/// 320 records/s for one reader of 200: more workers would read nothing, and its backlog is told, not acted on.
#[test]
fn one_reader_is_never_given_company() {
    let replayed = Replayed::of("beam-one-reader");
    assert_eq!(replayed.wishes(), []);
    let last = replayed.told.last().unwrap();
    assert_eq!((last.hold(), &last.decision["cap"]), (Some("atMax"), &"partitions".into()));
    assert!(replayed.backlog(last.at) / 200.0 > 120.0, "its backlog opens the gate");
}

/// Its backlog takes more than two minutes from the beginning: all workers that the policy allows are right, and nothing
/// else is ever wanted.
#[test]
fn a_kill_leads_to_no_wish_of_its_own() {
    let replayed = Replayed::of("beam-taskmanager-killed");
    for (told, scale) in replayed.told.iter().filter_map(|told| Some((told, told.scale()?))) {
        assert_eq!(scale, (3, 8), "at {} s", told.at);
        assert!(replayed.backlog(told.at) / 600.0 > 120.0, "at {} s", told.at);
    }
    assert_eq!(replayed.wishes().len(), 1);
}

#[test]
fn the_whole_story_of_a_rescale() {
    insta::assert_snapshot!(replay("beam-rescale-1-3-2", &["--format", "json"]));
}

#[test]
fn the_whole_story_of_one_reader() {
    insta::assert_snapshot!(replay("beam-one-reader", &["--format", "json"]));
}

#[test]
fn the_whole_story_of_a_groups_lag() {
    insta::assert_snapshot!(replay("beam-group-lag", &["--format", "json"]));
}

#[test]
fn the_whole_story_of_a_killed_taskmanager() {
    insta::assert_snapshot!(replay("beam-taskmanager-killed", &["--format", "json"]));
}
