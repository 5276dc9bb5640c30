//! Every query of the shipped policies against series as Flink and Beam show them, evaluated by Prometheus' own engine.
//!
//! The queries are read from the policies, so what is tested is what is shipped: each becomes a recording rule
//! `<policy>:<signal>`, its dashes as underscores. The files in `tests/queries` are in promtool's own format and name
//! these rules; `policies/README.md` says which of them shows which trap.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use steelyard::policy::{self, Policy};

use crate::support;

/// What each policy is held against; each has a file of its own for each policy.
const TRAPS: [&str; 9] = [
    "normal",
    "restart",
    "nan",
    "minus-one",
    "ha-duplicates",
    "pod-replaced",
    "not-scraped",
    "prometheus-away",
    "empty",
];

/// What the test files call the rules that are made of the policies.
const RULES: &str = "shipped.yaml";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn shipped() -> Vec<Policy> {
    policy::load(&[root().join("policies")]).unwrap_or_else(|problems| panic!("{problems}")).policies
}

/// The recording rules of one policy: name and query.
fn rules(policy: &Policy) -> Vec<(String, &str)> {
    let class = policy.plan.class.replace('-', "_");
    let mut rules = Vec::new();
    for signal in &policy.signals {
        for (number, alternative) in signal.alternatives.iter().enumerate() {
            // A fall-back is a rule of its own: the first of them would hide it.
            let fall_back = if number == 0 { String::new() } else { format!(":{number}") };
            let [query] = alternative.parts.as_slice() else {
                panic!("{class}: {} is cut in parts; these tests know queries for all namespaces", signal.signal)
            };
            rules.push((format!("{class}:{}{fall_back}", signal.signal.name()), query.as_str()));
        }
    }
    rules
}

fn test_file(class: &str, trap: &str) -> String {
    format!("{class}-{trap}.yaml")
}

#[test]
fn every_query_says_in_every_trap_what_its_test_file_says() {
    let Some(promtool) = support::program("PROMTOOL", "promtool") else { return };
    let policies = shipped();
    assert!(policies.len() >= 2, "the shipped policies are there");
    let folder = tempfile::tempdir().unwrap();
    let rules = policies.iter().flat_map(rules);
    let rules: Vec<Value> = rules.map(|(name, query)| json!({ "record": name, "expr": query })).collect();
    let groups = json!({ "groups": [{ "name": "shipped", "rules": rules }] });
    // JSON is YAML.
    std::fs::write(folder.path().join(RULES), groups.to_string()).unwrap();
    let mut files = Vec::new();
    for policy in &policies {
        for trap in TRAPS {
            let file = test_file(&policy.plan.class, trap);
            std::fs::copy(root().join("tests/queries").join(&file), folder.path().join(&file))
                .unwrap_or_else(|error| panic!("tests/queries/{file}: {error}"));
            files.push(file);
        }
    }
    let tested = Command::new(promtool).args(["test", "rules"]).args(&files).current_dir(&folder).output().unwrap();
    let said = String::from_utf8_lossy(&tested.stdout) + String::from_utf8_lossy(&tested.stderr);
    assert!(tested.status.success(), "{said}");
    // A file that promtool did not read, or rules that it did not find, would pass as well.
    assert_eq!(said.matches("SUCCESS").count(), files.len(), "{said}");
    assert!(!said.contains("WARNING"), "{said}");
}

#[test]
fn every_trap_asks_for_every_query() {
    for policy in shipped() {
        for trap in TRAPS {
            let file = test_file(&policy.plan.class, trap);
            let text = std::fs::read_to_string(root().join("tests/queries").join(&file)).unwrap();
            assert!(text.lines().any(|line| line == format!("rule_files: [{RULES}]")), "{file}");
            for (rule, _) in rules(&policy) {
                let asked = text.lines().filter(|line| line.contains("expr:"));
                let found = asked.flat_map(|line| line.split(['(', ')', ',', ' '])).any(|word| word == rule);
                assert!(found, "{file} does not ask for {rule}");
            }
        }
    }
}

#[test]
fn the_table_names_every_test_file_and_no_other() {
    let table = std::fs::read_to_string(root().join("policies/README.md")).unwrap();
    let told: BTreeSet<String> = table
        .split('`')
        .filter_map(|word| {
            Path::new(word)
                .strip_prefix("../tests/queries")
                .or_else(|_| Path::new(word).strip_prefix("tests/queries"))
                .ok()
        })
        .map(|file| file.display().to_string())
        .filter(|file| !file.is_empty())
        .collect();
    let there = std::fs::read_dir(root().join("tests/queries")).unwrap();
    let there: BTreeSet<String> =
        there.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(told, there, "policies/README.md against tests/queries");
}
