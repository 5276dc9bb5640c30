//! The policies that are shipped, as Prometheus itself reads them.

use std::path::{Path, PathBuf};
use std::process::Command;

use steelyard::policy::{self, Policy};

use crate::support;

/// The folder of each recording, and the shipped policy that it is about.
const FIXTURES: [(&str, &str); 2] =
    [("flink-rescale-2-4-3", "flink-datastream"), ("beam-step-up", "beam-flink-reactive")];

fn load(path: impl AsRef<Path>) -> Vec<Policy> {
    policy::load(&[path.as_ref().to_path_buf()]).unwrap_or_else(|problems| panic!("{problems}")).policies
}

fn load_one(path: &Path) -> Policy {
    let [policy] = load(path).try_into().unwrap_or_else(|_| panic!("{} holds one policy", path.display()));
    policy
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn promtool_accepts_every_query() {
    let Some(promtool) = support::program("PROMTOOL", "promtool") else { return };
    let mut rules = Vec::new();
    for policy in load(root().join("policies")) {
        for (number, query) in policy.signals.iter().flat_map(|signal| &signal.alternatives).enumerate() {
            for part in &query.parts {
                rules.push(serde_json::json!({ "record": format!("query_{}_{number}", rules.len()), "expr": part }));
            }
        }
    }
    assert!(rules.len() >= 16, "two policies of at least eight signals, not {} queries", rules.len());
    let file = tempfile::NamedTempFile::new().unwrap();
    // JSON is YAML.
    let groups = serde_json::json!({ "groups": [{ "name": "shipped", "rules": rules }] });
    serde_json::to_writer(file.as_file(), &groups).unwrap();
    let checked = Command::new(promtool).args(["check", "rules"]).arg(file.path()).output().unwrap();
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{}{said}", String::from_utf8_lossy(&checked.stdout));
}

#[test]
fn the_policy_of_a_recording_asks_what_the_shipped_one_asks() {
    for (fixture, shipped) in FIXTURES {
        let recorded = load_one(&root().join("fixtures").join(fixture).join("policy.yaml"));
        let shipped = load_one(&root().join("policies").join(format!("{shipped}.yaml")));
        assert_eq!(recorded.signals, shipped.signals, "{fixture}");
        assert_eq!(recorded.plan.class, shipped.plan.class, "{fixture}");
    }
}
