//! Recordings of real jobs, replayed: whole outputs, and the truth that stands in each folder's README.

#[path = "fixtures/truth.rs"]
mod truth;

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use steelyard::engine::Timestamp;

/// One decision of a replay.
struct Told {
    /// Seconds after the recording's t0.
    at: f64,
    /// Held for this reason; `None`: `from -> to` is wanted.
    hold: Option<String>,
    from: u64,
    to: u64,
}

fn replay(fixture: &str, options: &[&str]) -> String {
    let recording =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(fixture).join("recording.jsonl.zst");
    let replayed =
        Command::new(env!("CARGO_BIN_EXE_steelyard")).arg("replay").arg(recording).args(options).output().unwrap();
    let said = String::from_utf8_lossy(&replayed.stderr);
    assert!(replayed.status.success(), "{fixture}: {said}");
    String::from_utf8(replayed.stdout).unwrap()
}

/// Every tick of a replay.
fn ticks(fixture: &str, t0: f64) -> Vec<Told> {
    let told = replay(fixture, &["--all", "--format", "json"]);
    told.lines()
        .map(|line| {
            let decision: Value = serde_json::from_str(line).unwrap();
            let at = Timestamp::parse(decision["at"].as_str().unwrap()).unwrap().as_seconds() - t0;
            let hold = decision["reason"].as_str().map(str::to_owned);
            let count = |name: &str| decision[name].as_u64().unwrap_or(0);
            Told { at, hold, from: count("from"), to: count("to") }
        })
        .collect()
}

/// No tick between the begin of a restart and the end of its blind time wants anything: two minutes after the last task
/// runs again, when the window of the rates holds nothing of before, and one scrape.
fn assert_blind(ticks: &[Told], restarts: &[(f64, f64)]) {
    const WINDOW_AND_SCRAPE: f64 = 125.0;
    for (begin, running_again) in restarts {
        let blind = ticks.iter().filter(|tick| tick.at > *begin && tick.at < running_again + WINDOW_AND_SCRAPE);
        let (mut seen, mut wanted) = (0, Vec::new());
        for tick in blind {
            seen += 1;
            if tick.hold.is_none() {
                wanted.push((tick.at, tick.from, tick.to));
            }
        }
        assert!(seen >= 20, "the recording covers the restart at {begin} s");
        assert_eq!(wanted, [], "wanted in the blind time of the restart at {begin} s");
    }
}

/// What was wanted, each change once: from when on, from how many, to how many.
fn wants(ticks: &[Told]) -> Vec<(f64, u64, u64)> {
    let mut wants: Vec<(f64, u64, u64)> = Vec::new();
    for tick in ticks.iter().filter(|tick| tick.hold.is_none()) {
        if wants.last().is_none_or(|(_, from, to)| (*from, *to) != (tick.from, tick.to)) {
            wants.push((tick.at.round(), tick.from, tick.to));
        }
    }
    wants
}

#[test]
fn the_beam_job_wants_more_when_its_backlog_takes_a_minute_and_nothing_while_it_restarts() {
    let ticks = ticks("beam-step-up", 1_795_229_314.078);
    assert_eq!(ticks.len(), 133);
    let (first, from, to) = wants(&ticks)[0];
    assert!((255.0..=300.0).contains(&first) && from == 1 && to > 1, "first {from} -> {to} at {first} s");
    assert_blind(&ticks, &[(370.0, 385.0), (402.0, 422.4)]);
    assert_eq!(wants(&ticks), [(275.0, 1, 3), (295.0, 1, 4), (355.0, 1, 5)]);
    // 554 records/s, 13 MB, shrinking: three workers are enough.
    let last = ticks.last().unwrap();
    assert_eq!(last.hold.as_deref(), Some("withinBand"));
}

#[test]
fn the_flink_job_wants_what_its_load_needs_and_nothing_while_it_restarts() {
    let ticks = ticks("flink-rescale-2-4-3", 1_795_174_589.790);
    assert_eq!(ticks.len(), 217);
    assert_blind(&ticks, &[(307.0, 312.0), (337.0, 342.0), (720.3, 729.0)]);
    // 96 % of two workers: three. 49 % of four: three. 64 % of three: as they are.
    assert_eq!(wants(&ticks), [(150.0, 2, 3), (495.0, 4, 3)]);
    let last = ticks.last().unwrap();
    assert_eq!(last.hold.as_deref(), Some("withinBand"));
}

#[test]
fn the_whole_story_of_the_beam_job() {
    insta::assert_snapshot!(replay("beam-step-up", &["--format", "json"]));
}

#[test]
fn the_whole_story_of_the_flink_job() {
    insta::assert_snapshot!(replay("flink-rescale-2-4-3", &["--format", "json"]));
}
