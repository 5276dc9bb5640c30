//! Every query of every shipped policy in every trap.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use steelyard::engine::Signal;
use steelyard::policy::{self, Policy};

use super::expect::{self, Case, columns};
use super::{beam, flink, portable};
use crate::component;

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub fn load(path: impl AsRef<Path>) -> Vec<Policy> {
    policy::load(&[path.as_ref().to_path_buf()]).unwrap_or_else(|problems| panic!("{problems}")).policies
}

/// The shipped policy of that name.
pub fn shipped(class: &str) -> Policy {
    let [policy] = load(root().join("policies").join(format!("{class}.yaml"))).try_into().expect("one policy a file");
    policy
}

/// Runs the situations of a policy, a file for each trap.
fn hold(class: &str, cases: &[Case]) {
    let Some(promtool) = component::program("PROMTOOL", "promtool") else { return };
    let policy = shipped(class);
    let mut columns = columns(&policy);
    // The published rule takes rates: its slope is the last column.
    let seed = shipped("beam-flink-seed");
    if class == "beam-flink-reactive" {
        let rate = expect::columns(&seed).into_iter().find(|(_, signal, _)| *signal == Signal::Throughput);
        columns.extend(rate.map(|(_, signal, query)| ("rate".to_owned(), signal, query)));
    }
    let mut traps: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for case in cases {
        traps.entry(case.trap).or_default().push(case.to_json(&columns));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (trap, tests) in traps {
        let file = format!("{class}-{trap}.yaml");
        // JSON is YAML. promtool takes samples in by steps of the evaluation interval.
        std::fs::write(folder.path().join(&file), json!({ "evaluation_interval": "5s", "tests": tests }).to_string())
            .unwrap();
        files.push(file);
    }
    let tested = Command::new(promtool).args(["test", "rules"]).args(&files).current_dir(&folder).output().unwrap();
    let said = String::from_utf8_lossy(&tested.stdout) + String::from_utf8_lossy(&tested.stderr);
    assert!(tested.status.success(), "{said}");
    // A file that promtool did not read would pass as well.
    assert_eq!(said.matches("SUCCESS").count(), files.len(), "{said}");
    assert!(!said.contains("WARNING"), "{said}");
}

#[test]
fn flink_datastream_in_every_trap() {
    hold("flink-datastream", &flink::cases());
}

#[test]
fn beam_flink_reactive_in_every_trap() {
    hold("beam-flink-reactive", &beam::cases());
}

#[test]
fn beam_flink_portable_in_every_trap() {
    hold("beam-flink-portable", &portable::cases());
}

#[test]
fn the_published_setting_asks_what_the_reactive_policy_asks() {
    let (seed, reactive) = (shipped("beam-flink-seed"), shipped("beam-flink-reactive"));
    assert_eq!(seed.signals.len(), reactive.signals.len());
    for (seed, reactive) in seed.signals.iter().zip(&reactive.signals) {
        if seed.signal == Signal::Throughput {
            // As published: a rate. What is counted is the same.
            assert_eq!((seed.counter, reactive.counter), (false, true));
            assert_eq!((&seed.unit, &seed.by), (&reactive.unit, &reactive.by));
        } else {
            assert_eq!(seed, reactive);
        }
    }
    assert!(columns(&seed).len() >= 10);
}

#[test]
fn the_table_names_every_trap_of_every_policy_and_no_other() {
    let readme = std::fs::read_to_string(root().join("policies/README.md")).unwrap();
    let rows = readme.lines().filter(|line| line.starts_with("| `") || line.starts_with("| trap |"));
    let mut rows = rows.map(|line| line.split('|').map(str::trim).skip(1).collect::<Vec<_>>());
    let heads = rows.by_ref().find(|cells| cells[0] == "trap").expect("a table of traps");
    let mut told = BTreeSet::new();
    for cells in rows {
        let trap = cells[0].trim_matches('`').to_owned();
        assert!(cells[4].len() > 10, "{trap}: what the queries say");
        for (head, cell) in heads.iter().zip(&cells).skip(1).take(3) {
            assert!(["x", ""].contains(cell), "{trap}: `{cell}`");
            if *cell == "x" {
                told.insert((trap.clone(), (*head).to_owned()));
            }
        }
    }
    let mut there = BTreeSet::new();
    for (policy, cases) in [
        ("flink-datastream", flink::cases()),
        ("beam-flink-reactive", beam::cases()),
        ("beam-flink-portable", portable::cases()),
    ] {
        there.extend(cases.iter().map(|case| (case.trap.to_owned(), policy.to_owned())));
    }
    assert_eq!(told, there, "policies/README.md against tests/promtool");
}

#[test]
fn check_has_nothing_to_say_about_what_is_shipped() {
    for folder in ["policies", "deploy/prometheus/policies"] {
        let checked =
            Command::new(env!("CARGO_BIN_EXE_steelyard")).arg("check").arg(root().join(folder)).output().unwrap();
        let said = String::from_utf8_lossy(&checked.stdout);
        assert_eq!(
            (checked.status.code(), said.trim()),
            (Some(0), "4 policies in 4 files: nothing is wrong"),
            "{folder}"
        );
    }
}
