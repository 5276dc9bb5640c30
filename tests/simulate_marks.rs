//! What the preset `balanced` is held to: the marks of the scenarios that it holds, so that a later change does not lose one
//! silently. Those that it misses are in benches/scenarios/README.md.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::OnceLock;

const SCENARIOS: [&str; 8] = ["S1", "S2", "S3", "S4", "S7", "S9", "S10", "S12"];

/// Medians of the published seeds.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    /// Late seconds in %.
    late: f64,
    /// Worker-hours over the clairvoyant's.
    hours: f64,
    rescales: f64,
    most_rescales: f64,
}

type Cells = BTreeMap<(String, u32, String), Cell>;

/// Both presets in every scenario, at each downtime: ten seconds of a debug build.
fn cells() -> &'static Cells {
    static CELLS: OnceLock<Cells> = OnceLock::new();
    CELLS.get_or_init(|| {
        let command = ["simulate", "--scenarios", "benches/scenarios", "--policy", "benches/scenarios/policies"];
        let output = Command::new(env!("CARGO_BIN_EXE_steelyard"))
            .args(command)
            .args(["--seeds", "20", "--format", "json"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut runs: BTreeMap<_, Vec<[f64; 3]>> = BTreeMap::new();
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let (policy, scenario) = (line["policy"].as_str().unwrap(), line["scenario"].as_str().unwrap());
            let key = (policy.to_owned(), line["downtime"].as_f64().unwrap() as u32, scenario.to_owned());
            let score = |name: &str| line[name].as_f64().unwrap();
            let scores = [score("violation_share") * 100.0, score("worker_hours_over_clairvoyant"), score("rescales")];
            runs.entry(key).or_default().push(scores);
        }
        runs.into_iter().map(|(key, runs)| (key, cell(&runs))).collect()
    })
}

fn cell(runs: &[[f64; 3]]) -> Cell {
    assert_eq!(runs.len(), 20);
    let [late, hours, rescales] = [0, 1, 2].map(|score| {
        let mut values: Vec<f64> = runs.iter().map(|run| run[score]).collect();
        values.sort_unstable_by(f64::total_cmp);
        values
    });
    let median = |values: &[f64]| f64::midpoint(values[9], values[10]);
    Cell { late: median(&late), hours: median(&hours), rescales: median(&rescales), most_rescales: rescales[19] }
}

fn of(policy: &str, downtime: u32, scenario: &str) -> Cell {
    cells()[&(policy.to_owned(), downtime, scenario.to_owned())]
}

fn balanced(downtime: u32, scenario: &str) -> Cell {
    of("balanced", downtime, scenario)
}

#[test]
fn holds_its_marks() {
    // Late seconds, worker-hours; `None`: missed, and what there is instead stands in the README.
    let held = [
        (30, "S1", Some(4.5), None),
        (30, "S2", Some(3.5), Some(1.45)),
        (30, "S3", None, Some(1.5)),
        (30, "S4", Some(0.1), Some(1.3)),
        (30, "S7", None, Some(1.3)),
        (30, "S9", Some(23.0), Some(1.32)),
        (30, "S10", Some(0.0), Some(1.15)),
        (30, "S12", Some(61.0), Some(0.8)),
        (75, "S1", Some(11.0), None),
        (75, "S2", Some(9.0), None),
        (75, "S3", Some(6.0), Some(1.9)),
        (75, "S4", None, Some(1.68)),
        (75, "S7", None, Some(1.62)),
        (75, "S9", Some(24.0), Some(1.55)),
        (75, "S10", Some(0.3), Some(1.2)),
        (75, "S12", Some(63.0), Some(0.85)),
    ];
    for (downtime, scenario, late, hours) in held {
        let cell = balanced(downtime, scenario);
        // Compared as the tables show it: a tenth of a percent, a hundredth.
        assert!(late.is_none_or(|most| cell.late < most + 0.05), "{scenario} at {downtime} s: {cell:?}");
        assert!(hours.is_none_or(|most| cell.hours < most + 0.005), "{scenario} at {downtime} s: {cell:?}");
    }
    // What is missed is not let go: no more than what there was to begin with.
    for (downtime, scenario, late, hours) in [
        (30, "S1", 4.5, 1.4),
        (30, "S3", 0.7, 1.5),
        (30, "S7", 2.8, 1.3),
        (75, "S1", 11.0, 1.75),
        (75, "S2", 9.0, 1.77),
        (75, "S4", 4.4, 1.68),
        (75, "S7", 9.3, 1.62),
    ] {
        let cell = balanced(downtime, scenario);
        assert!(cell.late <= late && cell.hours <= hours, "{scenario} at {downtime} s: {cell:?}");
    }
}

#[test]
fn does_not_rescale_without_need() {
    for downtime in [2, 15, 30, 75] {
        let (stationary, step) = (balanced(downtime, "S10"), balanced(downtime, "S1"));
        assert!(stationary.most_rescales <= 4.0, "S10 at {downtime} s, six hours: {stationary:?}");
        assert!(step.most_rescales <= 3.0, "S1 at {downtime} s: {step:?}");
    }
}

#[test]
fn is_no_worse_than_the_published_rule_where_restarts_cost_nothing() {
    let (mut ours, mut theirs) = (Cell::default(), Cell::default());
    for scenario in SCENARIOS {
        let (one, other) = (balanced(2, scenario), of("seed", 2, scenario));
        // S12 has half of the workers and no more throughput; what that costs are its restarts.
        let late = if scenario == "S12" { other.late * 1.02 } else { other.late + 0.05 };
        assert!(one.late <= late && one.hours <= other.hours, "{scenario}: {one:?}, seed {other:?}");
        ours.rescales += one.rescales;
        theirs.rescales += other.rescales;
    }
    assert!(ours.rescales <= theirs.rescales * 2.0 / 3.0, "{ours:?} {theirs:?}");
}
