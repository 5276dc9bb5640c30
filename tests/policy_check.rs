//! `steelyard check`: what it prints and whether it says yes.

use std::path::PathBuf;

use serde_json::Value;
use steelyard::cli::check::{Args, answer};
use steelyard::cli::{Color, Format, Output};

async fn check(files: &[&str], change: impl FnOnce(&mut Args)) -> (bool, String) {
    let files = files.iter().map(|file| PathBuf::from("tests/policies").join(file)).collect();
    let output = Output { format: Format::Table, color: Color::Never };
    let (namespace, account) = ("steelyard".to_owned(), "steelyard".to_owned());
    let (schema, explain, rbac) = (false, false, false);
    let mut args = Args { files, schema, explain, prometheus: None, config: None, rbac, namespace, account, output };
    change(&mut args);
    let mut out = Vec::new();
    let yes = answer(args, &mut out).await.unwrap();
    (yes, String::from_utf8(out).unwrap())
}

#[tokio::test]
async fn right_policies_are_a_yes() {
    let (yes, said) = check(&["good/everything.yaml"], |_| ()).await;
    assert!(yes);
    assert_eq!(said, "1 policy in 1 file: nothing is wrong\n");
}

#[tokio::test]
async fn a_warning_is_told_and_is_a_yes() {
    let (yes, said) = check(&["bad/cross-warm-up-short.yaml"], |_| ()).await;
    assert!(yes);
    assert!(said.contains("cross-warm-up-short.yaml:32:11: warning: `warmUp` 30s is shorter"), "{said}");
    assert!(said.ends_with("\n\n1 policy in 1 file: 1 warning\n"), "{said}");
}

#[tokio::test]
async fn a_fault_is_a_no() {
    let (yes, said) = check(&["good/everything.yaml", "bad/shape-several-at-once.yaml"], |_| ()).await;
    assert!(!yes);
    assert!(
        said.starts_with("tests/policies/bad/shape-several-at-once.yaml:5:9: `mode` is on: write one of"),
        "{said}"
    );
    assert!(said.ends_with("2 files: 4 faults\n"), "{said}");
}

#[tokio::test]
async fn programs_get_places_and_messages() {
    let (yes, said) =
        check(&["bad/shape-share-percent.yaml", "gone.yaml"], |args| args.output.format = Format::Json).await;
    assert!(!yes);
    let answer: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&answer["faults"], &answer["files"]), (&Value::from(2), &Value::from(1)));
    let problems = answer["problems"].as_array().unwrap();
    let found = problems.iter().find(|problem| problem["line"] == 30).unwrap();
    assert_eq!(found["column"], 24);
    assert_eq!(found["width"], 2);
    assert_eq!(found["severity"], "error");
    assert_eq!(found["message"], "`cpuAbove` is 90: a share is meant, 0..1: write 0.9");
    assert!(problems.iter().any(|problem| problem["line"].is_null() && problem["file"] == "tests/policies/gone.yaml"));
}

#[tokio::test]
async fn every_field_is_explained_with_its_origin() {
    let (yes, said) = check(&["good/smallest.yaml"], |args| args.explain = true).await;
    assert!(yes);
    insta::assert_snapshot!(said);
}

#[tokio::test]
async fn an_explanation_for_programs_has_the_same_origins() {
    let (_, said) = check(&["good/everything.yaml"], |args| {
        args.explain = true;
        args.output.format = Format::Json;
    })
    .await;
    let answer: Value = serde_json::from_str(&said).unwrap();
    let fields = answer["explained"][0]["fields"].as_array().unwrap();
    let of = |path: &str| fields.iter().find(|field| field["field"] == path).unwrap_or_else(|| panic!("{path}"));
    assert_eq!(of("spec.scaleUp.cpuAbove")["value"], "0.85");
    assert_eq!(of("spec.scaleUp.cpuAbove")["from"], "file");
    assert_eq!(of("spec.scaleUp.cpuAbove")["line"], 54);
    assert_eq!(of("spec.target.selector.matchLabels.steelyard.dev/class")["value"], "beam-flink-reactive");
    assert_eq!(of("spec.target.selector.matchExpressions[0].values[1]")["value"], "canary");
    assert_eq!(of("spec.signals.backlog.or[0]")["from"], "file");
    assert!(fields.iter().all(|field| field["from"] == "file"), "the file says it all");
}

#[tokio::test]
async fn the_schema_needs_no_file() {
    let (yes, said) = check(&[], |args| args.schema = true).await;
    assert!(yes);
    let schema: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
}

#[tokio::test]
async fn roles_are_printed_for_right_policies_only() {
    let rbac = |args: &mut Args| args.rbac = true;
    let (yes, said) = check(&["good/everything.yaml"], rbac).await;
    assert!(yes);
    insta::assert_snapshot!(said);
    let (yes, said) = check(&["good/smallest.yaml"], |args| {
        rbac(args);
        (args.namespace, args.account) = ("streams".into(), "scaler".into());
        args.output.format = Format::Json;
    })
    .await;
    let list: Value = serde_json::from_str(&said).unwrap();
    let items = list["items"].as_array().unwrap();
    assert!(yes && items.len() == 2, "without a target there is only the Lease: {said}");
    assert_eq!(items[0]["metadata"], serde_json::json!({ "name": "scaler", "namespace": "streams" }));
    let (yes, said) = check(&["bad/shape-share-percent.yaml"], rbac).await;
    assert!(!yes && said.contains("a share is meant") && !said.contains("rbac.authorization"), "{said}");
}
