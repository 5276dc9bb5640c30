//! Plant files, shapes and traces: what is understood, and what is said about the rest.

use std::path::Path;

use super::SMOOTH;
use crate::simulate::{PlantSpec, Scenario, Workload};

/// Every field, as documented.
const WHOLE: &str = "\
capacityPerWorker: 8000
sigma: 0.025
kappa: 0
maxWorkers: 36
startWorkers: 6
podStart: 30s
podStop: 10s
arrival: stepwise
downtime: 30s
checkpointInterval: 10s
warmUp: { duration: 60s, from: 0.5 }
noise: { arrivals: 0.05, capacity: 0.03, cpu: 0.02 }
cpu: { idle: 0.08, full: 1.0 }
failures: { every: 45m }
outages: [{ at: 1h, for: 30m }]
capacitySteps: [{ at: 90m, factor: 0.65 }]
ceiling: 75000
partitions: 64
skew: 3
metrics: { scrape: 15s, delay: 0s, rateWindow: 60s, blindAfterRestart: 25s, backlogCommit: 0s }
lagObjective: 60s
";

#[test]
fn a_plant_says_all_that_it_can_and_little_is_enough() {
    let whole = PlantSpec::parse("plant.yaml", WHOLE).unwrap();
    insta::assert_debug_snapshot!(whole);
    let small = PlantSpec::parse("plant.yaml", SMOOTH).unwrap();
    assert_eq!((small.pod_stop, small.metrics.blind_after_restart, small.skew), (30.0, 25.0, 1.0));
}

#[test]
fn what_is_wrong_with_a_plant_is_told_with_its_place() {
    let told = |text: &str| PlantSpec::parse("plant.yaml", text).unwrap_err().to_string();
    let wrong = "capacityPerWorkr: 8000\nmaxWorkers: 4\nstartWorkers: 6\ndowntime: 30\nnoise: { arrivals: 5% }\n\
                 arrival: later\nskew: 0\nfailures: {}\n";
    insta::assert_snapshot!(told(wrong));
    assert!(told("").contains("plant.yaml: this file has no plant"));
    assert!(told("# nothing\n").contains("no plant"));
    assert!(told(&format!("{SMOOTH}---\n{SMOOTH}")).contains("one document"));
    assert!(told(&format!("{SMOOTH}skew: 3\n")).contains("say how many there are"));
    assert!(told("capacityPerWorker: [\n").contains("not YAML"));
}

#[test]
fn a_file_that_is_no_scenario_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let told = |text: &str| {
        std::fs::write(folder.path().join("scenario.yaml"), text).unwrap();
        Scenario::load(folder.path()).unwrap_err().to_string()
    };
    let scenario = "title: x\nworkload: constant:rate=10\nduration: 1h\n";
    assert!(told("").contains("this file has no scenario: write `title: ...`"));
    assert!(told(&format!("{scenario}---\n{scenario}")).contains("a scenario is one document"));
    assert!(told("title: [\n").contains("not YAML"));
    assert!(told(scenario).contains("plant"), "it is one, and lacks its plant");
}

#[test]
fn shapes_say_how_much_comes_when() {
    for (text, rates) in [
        ("constant:rate=10", vec![(0.0, 10.0), (1e6, 10.0)]),
        ("step:from=1,to=3,at=1m30s", vec![(89.0, 1.0), (90.0, 3.0)]),
        ("sine:low=0,high=10,period=1h", vec![(0.0, 5.0), (900.0, 10.0), (2700.0, 0.0)]),
        ("sine:low=0,high=10,period=1h,phase=0.25", vec![(0.0, 10.0), (1800.0, 0.0)]),
        ("sawtooth:low=0,high=100,period=100s", vec![(0.0, 0.0), (50.0, 50.0), (99.0, 99.0), (100.0, 0.0)]),
        ("spike:base=1,peak=9,at=10s,for=5s", vec![(9.0, 1.0), (10.0, 9.0), (14.0, 9.0), (15.0, 1.0)]),
    ] {
        let workload: Workload = text.parse().unwrap();
        for (at, rate) in rates {
            assert!((workload.rate(at) - rate).abs() < 1e-9, "{text} at {at}: {}", workload.rate(at));
        }
    }
    let told = |text: &str| Workload::load(text, false).unwrap_err().to_string();
    for (text, part) in [
        ("step:from=1,to=3", "`at` is missing: give `from`, `to`, `at`"),
        ("step:from=1,to=3,at=90", "write a time with its unit"),
        ("step:from=-1,to=3,at=9s", "`from` is `-1`: write a number from 0 on"),
        ("step:form=1", "`form` is none of `from`, `to`, `at`"),
        ("sine:low=0,high=1,period=0s", "`period` is above 0"),
        ("square", "the shapes are `constant`"),
        ("no/such.csv", "failed to read the workload `no/such.csv`"),
    ] {
        assert!(told(text).contains(part), "{text}: {}", told(text));
    }
}

#[test]
fn a_trace_holds_or_goes_in_straight_lines() {
    let text = "seconds,records_per_second\n0,100\n60,200\n120,0\n";
    let (held, lines) = (Workload::trace("w.csv", text, false).unwrap(), Workload::trace("w.csv", text, true).unwrap());
    assert_eq!([0.0, 59.0, 60.0, 130.0].map(|at| held.rate(at)), [100.0, 100.0, 200.0, 0.0]);
    assert_eq!([0.0, 30.0, 60.0, 90.0, 130.0].map(|at| lines.rate(at)), [100.0, 150.0, 200.0, 100.0, 0.0]);
    assert_eq!(held.seconds(), Some(180));
    for (text, told) in [
        ("0,100\n", "w.csv:1: the first line is the header"),
        ("seconds,records_per_second\n", "w.csv:2: there is no load"),
        ("seconds,records_per_second\n5,1\n", "w.csv:2: the first line is for second 0, not 5"),
        ("seconds,records_per_second\n0,1\n9,1\n9,2\n", "w.csv:4: 9 s is not after 9 s: sort the lines"),
        ("seconds,records_per_second\n0,x\n", "w.csv:2: `0,x` is not two numbers"),
        ("seconds,records_per_second\n0,NaN\n", "w.csv:2: `0,NaN` is not two numbers"),
    ] {
        let said = Workload::trace("w.csv", text, false).unwrap_err().to_string();
        assert!(said.starts_with(told), "{said}");
    }
}

#[test]
fn the_shipped_scenarios_can_be_used() {
    let scenarios = Scenario::all(Path::new("benches/scenarios")).unwrap();
    let told: Vec<String> = scenarios
        .iter()
        .map(|one| {
            format!(
                "{} {} h, {} of {} workers",
                one.name,
                one.rates.len() as f64 / 3600.0,
                one.plant.start_workers,
                one.plant.max_workers
            )
        })
        .collect();
    insta::assert_debug_snapshot!(told);
}
