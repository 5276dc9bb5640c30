//! A scenario's folder in `fixtures`.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::bed::datastream::truth::Truth;
use crate::component;

use super::stage::Stage;

const POLICY: &str = "policies/flink-datastream.yaml";

/// Writes all files.
pub async fn write(stage: &Stage) {
    let folder = component::root().join("fixtures").join(stage.scenario.name);
    std::fs::create_dir_all(&folder).expect("a folder");
    let to = stage.bed.now();
    let truth = stage.lane.truth();
    std::fs::copy(component::root().join(POLICY), folder.join("policy.yaml")).expect("the shipped policy");
    let told = tell(stage, &truth, to);
    write_numbers(&told, &folder.join("truth.json"));
    std::fs::write(folder.join("README.md"), readme(stage, &truth, to)).expect("a file");
    record(&stage.bed, stage.from, to, &folder);
    archive(&stage.bed, &folder).await;
}

/// A key a line: `fixtures/refresh` reads two of them with sed.
pub(super) fn write_numbers(told: &Value, file: &Path) {
    let text = serde_json::to_string(told).expect("JSON");
    let text = text.replace(",\"", ",\n\"").replacen('{', "{\n", 1) + "\n";
    std::fs::write(file, text).expect("a file");
}

/// What is rounded to a tenth of a second or record: more digits are noise.
pub(super) fn tenth(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

fn tell(stage: &Stage, truth: &Truth, to: f64) -> Value {
    let from = stage.from;
    let after = |pairs: Vec<(f64, f64)>| -> Vec<Value> {
        pairs.into_iter().map(|(begin, end)| json!([tenth(begin - from), tenth(end - from)])).collect()
    };
    let input: Vec<Value> = stage.lane.schedule().iter().map(|(at, rate)| json!([tenth(at - from), rate])).collect();
    let width: Vec<Value> = truth.widths(from, to).iter().map(|(at, width)| json!([tenth(at - from), width])).collect();
    let outages: Vec<Value> = stage.outages.iter().map(|(begin, end)| json!([tenth(*begin), tenth(*end)])).collect();
    json!({
        "flink": stage.scenario.version,
        "from": (from * 1000.0).round() / 1000.0,
        "to": (to * 1000.0).round() / 1000.0,
        "capacityOfOne": stage.lane.capacity_of_one(),
        "input": input,
        "width": width,
        "downtimes": after(truth.downtimes(from, to)),
        "outages": outages,
    })
}

fn readme(stage: &Stage, truth: &Truth, to: f64) -> String {
    let scenario = stage.scenario;
    let from = stage.from;
    let mut text = format!(
        "# {}\n\nMade by `fixtures/make {}` in {:.0} minutes from t0 = {from:.3}: Apache Flink {} in reactive mode, one slot per TaskManager, \
         checkpoints\nevery 10 s, 8 partitions, maxParallelism 8; scrapes every 5 s. One worker takes 10 ms a record (asleep, so CPU tells \
         nothing):\n100 records/s. {}\n\n{}\n\n| s after t0 | what happens |\n| --- | --- |\n",
        scenario.name,
        scenario.name,
        (to - from) / 60.0,
        scenario.version,
        if scenario.key_groups.is_some() {
            "A keyBy lies between source and work."
        } else {
            "Source, work and sink are one chained task."
        },
        scenario.about,
    );
    let mut rows = vec![(0.0, format!("{} workers run, {} records/s in", scenario.workers, scenario.rate))];
    rows.extend(stage.events.iter().cloned());
    for (stopped, again) in truth.downtimes(from, to) {
        rows.push((stopped - from, format!("restart: nothing is processed for {:.1} s", again - stopped)));
    }
    for (at, width) in truth.widths(from, to).into_iter().skip(1).filter(|(_, width)| *width > 0) {
        rows.push((at - from, format!("{width} of the job's workers process")));
    }
    rows.sort_by(|left, right| left.0.total_cmp(&right.0));
    for (at, what) in rows {
        writeln!(text, "| {at:.1} | {what} |").expect("a string takes it");
    }
    text + "\nThe numbers are in `truth.json`: what the job's own threads wrote down five times a second, not what Flink's metrics say.\n"
}

/// `recording.jsonl.zst`: what the folder's `policy.yaml` asks, over that time.
pub(super) fn record(bed: &Bed, from: f64, to: f64, folder: &Path) {
    let ran = Command::new(env!("CARGO_BIN_EXE_steelyard"))
        .args(["record", "--prometheus", &bed.prometheus.url(), "--step", "5s"])
        .args(["--from", &format!("{from:.3}"), "--to", &format!("{to:.3}")])
        .arg("--policy")
        .arg(folder.join("policy.yaml"))
        .arg("--output")
        .arg(folder.join("recording.jsonl.zst"))
        .output()
        .expect("the binary runs");
    assert!(ran.status.success(), "{}: {}", folder.display(), String::from_utf8_lossy(&ran.stderr));
}

/// The blocks of Prometheus, to record them anew when the queries of the policy change.
pub(super) async fn archive(bed: &Bed, folder: &Path) {
    let snapshot = bed.prometheus.snapshot().await;
    let archived = Command::new("tar")
        .arg("-cJf")
        .arg(folder.join("tsdb.tar.xz"))
        .arg("-C")
        .arg(snapshot.parent().expect("a folder of snapshots"))
        .arg("--transform=s,^[^/]*,tsdb,")
        .arg(snapshot.file_name().expect("a name"))
        .output()
        .expect("tar runs");
    assert!(archived.status.success(), "{}", String::from_utf8_lossy(&archived.stderr));
}
