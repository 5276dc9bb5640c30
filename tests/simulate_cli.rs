//! `steelyard simulate`, the real binary: what it prints, and what it says about what it cannot use.

use std::process::{Command, Output};

use serde_json::Value;

const SCENARIO: &str = "benches/scenarios/S1";
const SEED: &str = "benches/scenarios/policies/seed.yaml";

fn simulate(arguments: &[&str]) -> Output {
    let binary = env!("CARGO_BIN_EXE_steelyard");
    let root = env!("CARGO_MANIFEST_DIR");
    Command::new(binary).current_dir(root).arg("simulate").args(arguments).output().unwrap()
}

fn answer(arguments: &[&str]) -> String {
    let output = simulate(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    assert_eq!(said, "", "nothing to say off a terminal");
    String::from_utf8(output.stdout).unwrap()
}

fn refused(arguments: &[&str]) -> String {
    let output = simulate(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    String::from_utf8(output.stderr).unwrap()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn plant() -> String {
    format!("{SCENARIO}/plant.yaml")
}

#[test]
fn a_line_of_json_has_the_scores_and_nothing_else() {
    let plant = plant();
    let run = ["--workload", "constant:rate=100000", "--plant", &plant, "--policy", SEED, "--baseline", "clairvoyant"];
    let told = answer(&[&run[..], &["--seeds", "3", "--duration", "30m", "--format", "json"]].concat());
    let lines = lines(&told);
    let who: Vec<_> =
        lines.iter().map(|line| (line["policy"].as_str().unwrap(), line["seed"].as_u64().unwrap())).collect();
    assert_eq!(
        who,
        [("seed", 1), ("seed", 2), ("seed", 3), ("clairvoyant", 1), ("clairvoyant", 2), ("clairvoyant", 3)]
    );
    let keys: Vec<&str> = told
        .lines()
        .next()
        .unwrap()
        .split('"')
        .filter(|part| part.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit()) && part.len() > 3)
        .collect();
    assert_eq!(
        keys,
        [
            "policy",
            "seed",
            "seed",
            "violation_share",
            "lag_mean",
            "lag_p50",
            "lag_p95",
            "lag_p99",
            "lag_max",
            "worker_hours",
            "worker_hours_over_clairvoyant",
            "rescales",
            "reversals",
            "settle_seconds",
            "under_provisioning",
            "over_provisioning"
        ]
    );
    assert_ne!(lines[0]["lag_mean"], lines[1]["lag_mean"], "another seed, another run");
    assert!(lines[0]["violation_share"].as_f64().unwrap() > 0.0 && lines[0]["rescales"].as_u64().unwrap() >= 2);
    let again = answer(&[&run[..], &["--seeds", "1", "--seed", "2", "--duration", "30m", "--format", "json"]].concat());
    assert_eq!(again.lines().next(), told.lines().nth(1), "a seed is a run, whoever else runs");
}

#[test]
fn a_table_has_medians_with_their_ends_and_marks_the_best() {
    let plant = plant();
    let run = ["--workload", "step:from=20000,to=60000,at=10m", "--plant", &plant, "--policy", SEED];
    let told = answer(
        &[&run[..], &["--seeds", "3", "--sweep", "scaleDown.cpuTarget=0.5,0.7", "--baseline", "clairvoyant"]].concat(),
    );
    assert!(told.contains("seed scaleDown.cpuTarget=0.5") && told.contains("seed scaleDown.cpuTarget=0.7"), "{told}");
    let clairvoyant = told.lines().find(|line| line.contains("clairvoyant") && line.starts_with(" *")).expect(&told);
    assert!(clairvoyant.contains(" 1.00 "), "{clairvoyant}");
    assert!(
        told.contains("late at equal worker-hours (of clairvoyant, 1.00 x clairvoyant): seed -, clairvoyant 0.0 %"),
        "{told}"
    );
    assert!(told.contains("medians of seeds 1 to 3"), "{told}");
}

#[test]
fn scenarios_give_a_table_in_markdown_and_lines_that_say_which() {
    let run = [
        "--scenarios",
        "benches/scenarios",
        "--only",
        "S1,S12",
        "--policy",
        SEED,
        "--seeds",
        "1",
        "--downtime",
        "2s,75s",
    ];
    let told = answer(&run);
    let rows: Vec<&str> = told.lines().collect();
    assert_eq!(rows[0], "| D = 2 s | seed |");
    assert!(rows[2].starts_with("| S1: a constant load, far too few workers | "), "{told}");
    assert!(told.contains("| D = 75 s | seed |"));
    let lines = lines(&answer(&[&run[..], &["--format", "json"]].concat()));
    let which: Vec<_> =
        lines.iter().map(|line| format!("{} {}", line["scenario"].as_str().unwrap(), line["downtime"])).collect();
    assert_eq!(which, ["S1 2.0", "S12 2.0", "S1 75.0", "S12 75.0"]);
}

#[test]
fn other_worlds_give_a_table_each_with_who_is_ahead_at_equal_worker_hours() {
    let run = [
        "--scenarios",
        "benches/scenarios",
        "--only",
        "S1",
        "--worlds",
        "benches/scenarios/worlds",
        "--policy",
        SEED,
        "--baseline",
        "hpaCpu,clairvoyant",
        "--sweep",
        "hpaCpu.target=0.4,0.9",
        "--seeds",
        "1",
    ];
    let told = answer(&run);
    let rows: Vec<&str> = told.lines().collect();
    assert!(rows[0].ends_with("; D = 30 s | seed | hpaCpu | clairvoyant | hpaCpu ahead |"), "{told}");
    let titles: Vec<&&str> = rows.iter().filter(|row| row.contains("; D = ")).collect();
    assert!(titles.len() > 9 && titles.iter().filter(|row| row.contains("; D = 90 s")).count() == 1, "{told}");
    assert_eq!(rows.iter().filter(|row| row.starts_with("| S1 | ")).count(), titles.len());
    let worlds = titles.len();
    let line = rows.iter().find(|row| row.starts_with("hpaCpu is ahead of seed at equal worker-hours in "));
    assert!(line.expect(&told).ends_with(&format!(" of {worlds}")), "{told}");
    assert!(rows.last().unwrap().ends_with(&format!(" of {worlds}")), "{told}");
    let one = ["--worlds", "benches/scenarios/worlds/redeploy.yaml", "--format", "json"];
    let run: Vec<&str> = run.iter().copied().filter(|word| !word.ends_with("/worlds") && *word != "--worlds").collect();
    let lines = lines(&answer(&[&run[..], &one[..]].concat()));
    let which =
        |line: &Value| format!("{} {} {} {}", line["world"], line["scenario"], line["downtime"], line["policy"]);
    let which: Vec<String> = lines.iter().map(which).collect();
    assert_eq!(which[0], r#""redeploy" "S1" 90.0 "seed""#);
    assert!(which[2].ends_with(r#""hpaCpu:target=0.4""#) && which.len() == 5, "{which:?}");
}

#[test]
fn a_policy_stands_beside_its_marks_and_beside_itself_with_one_thing_changed() {
    let run = ["--scenarios", "benches/scenarios", "--only", "S12", "--seeds", "1", "--downtime", "30s"];
    let policy = ["--policy", "benches/scenarios/policies/balanced.yaml"];
    let told = answer(&[&run[..], &policy[..], &["--marks"]].concat());
    assert!(
        told.starts_with("| D = 30 s | mark | balanced |  | real Flink, best | balanced is | rescales |"),
        "{told}"
    );
    assert!(told.contains("| S12 | 61.0 / 0.80 | "), "{told}");
    assert!(
        told.contains("`balanced`: 2 of 2 marks held; ahead of the real Flink autoscaler in 1 of 1 cells"),
        "{told}"
    );
    let told = answer(&[&run[..], &policy[..], &["--ablate"]].concat());
    let off = told.lines().find(|line| line.starts_with("| effect=off | ")).expect(&told);
    assert!(off.contains("S12@30 "), "without the effect check it keeps them all: {off}");
}

#[test]
fn a_recording_is_a_workload() {
    let run = [
        "--recording",
        "fixtures/flink-rescale-2-4-3/recording.jsonl.zst",
        "--plant",
        "fixtures/flink-rescale-2-4-3/plant.yaml",
    ];
    let told = answer(&[&run[..], &["--baseline", "clairvoyant", "--seeds", "1", "--format", "json"]].concat());
    let line = &lines(&told)[0];
    // 380 records/s all the time take 2 of 198.5.
    let hours = line["worker_hours"].as_f64().unwrap();
    assert!((hours / (1080.0 / 3600.0) - 2.0).abs() < 0.2, "{hours}");
}

/// The guess is told as the file that it is: saved and given it scores the same, and it is near the truth beside the recording.
#[test]
fn a_plant_is_guessed_from_a_recording_and_told() {
    let folder = tempfile::tempdir().unwrap();
    // What a worker really does, in the recording's unit, and how near the guess comes: of one that never is at its limit
    // `busy` alone tells.
    for (fixture, truth, within, has_restarts) in [
        ("flink-step-up", 100.0, 0.05, true),
        ("flink-rescale-2-4-3", 198.5, 0.05, true),
        ("beam-rescale-1-3-2", 200.0 * 1003.0, 0.05, true),
        ("beam-group-lag", 200.0, 0.05, true),
        ("flink-sine", 100.0, 0.25, false),
    ] {
        let recording = format!("fixtures/{fixture}/recording.jsonl.zst");
        let policy = format!("fixtures/{fixture}/policy.yaml");
        let run = ["--recording", &recording, "--policy", &policy, "--seeds", "2", "--format", "json"];
        let guessed = simulate(&run);
        let told = String::from_utf8(guessed.stderr).unwrap();
        assert!(guessed.status.success(), "{told}");
        assert!(told.starts_with(&format!("# The plant, guessed from {recording}: save it, ")), "{told}");
        let of_one = told.split_once("capacityPerWorker: ").unwrap().1.split(' ').next().unwrap();
        let of_one: f64 = of_one.parse().unwrap();
        assert!((of_one / truth - 1.0).abs() < within, "{fixture}: {of_one} for {truth}");
        assert_eq!(told.contains("# learned from the recording's restarts"), has_restarts, "{told}");
        let plant = folder.path().join("plant.yaml");
        std::fs::write(&plant, &told).unwrap();
        let again = answer(&[&run[..], &["--plant", plant.to_str().unwrap()]].concat());
        assert_eq!(again, String::from_utf8(guessed.stdout).unwrap(), "{fixture}");
    }
}

#[test]
fn a_short_recording_can_be_repeated() {
    let run =
        ["--recording", "fixtures/flink-step-up/recording.jsonl.zst", "--plant", "fixtures/flink-skew/plant.yaml"];
    let hours = |repeat: &str| {
        let run =
            [&run[..], &["--baseline", "static:workers=2", "--seeds", "1", "--format", "json", "--repeat", repeat]];
        lines(&answer(&run.concat()))[0]["worker_hours"].as_f64().unwrap()
    };
    assert!((hours("7") / hours("1") - 7.0).abs() < 0.1);
}

#[test]
fn what_cannot_be_used_is_told_with_the_mend() {
    let plant = plant();
    let with = |more: &[&str]| {
        let mut all = vec!["--workload", "constant:rate=1000", "--plant", &plant];
        all.extend(more);
        refused(&all)
    };
    for (more, told) in [
        (vec![], "nobody decides: name a policy (--policy FILE) or a baseline"),
        (vec!["--baseline", "nobody"], "no baseline is called `nobody`"),
        (vec!["--policy", SEED, "--sweep", "scaleUp.cpuAbov=1"], "did you mean `cpuAbove`?"),
        (vec!["--policy", SEED, "--sweep", "scaleUp.cpuAbove"], "write FIELD=A,B,C"),
        (vec!["--policy", SEED, "--duration", "0s"], "give --duration 1h"),
        (vec!["--policy", "no/such.yaml"], "no/such.yaml: this file cannot be read"),
    ] {
        let said = with(&more);
        assert!(said.contains(told), "{more:?}: {said}");
    }
    let said = refused(&["--workload", "square", "--plant", &plant, "--policy", SEED]);
    assert!(said.contains("the shapes are `constant`"), "{said}");
    let said = refused(&["--workload", "constant:rate=1", "--plant", SEED, "--policy", SEED]);
    assert!(said.contains("`apiVersion` is not known at the top"), "{said}");
    let said = refused(&["--scenarios", "benches/scenarios", "--only", "S99", "--policy", SEED]);
    assert!(said.contains("there is no scenario `S99`: known are S1, S2"), "{said}");
    let worlds = ["--scenarios", "benches/scenarios", "--policy", SEED, "--worlds"];
    let said = refused(&[&worlds[..], &["benches/scenarios/S1/plant.yaml"]].concat());
    assert!(said.contains("`capacityPerWorker` is not known at the top") && said.contains("plant.yaml:2:1"), "{said}");
    let said = refused(&["--worlds", "benches/scenarios/worlds", "--workload", "square", "--plant", &plant]);
    assert!(said.contains("cannot be used with '--workload <LOAD>'"), "{said}");
}
