//! The JSON Schema says what the table of fields says: it takes what `check` takes, and refuses what has a wrong shape.

use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use serde_json::{Value, json};
use steelyard::policy;

fn validator() -> Validator {
    let schema = policy::schema();
    jsonschema::meta::validate(&schema).expect("draft 2020-12");
    jsonschema::draft202012::new(&schema).unwrap()
}

fn files(folder: &str, start: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let name = |file: &Path| file.file_name().unwrap().to_string_lossy().into_owned();
    let mut files: Vec<_> =
        entries.filter(|file| name(file).starts_with(start) && name(file).ends_with(".yaml")).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

/// The documents of a file as an editor sees them: YAML that became JSON.
fn documents(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap();
    // YAML 1.2, as editors read it: `off` is a text.
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_multiple_with_options(&text, options)
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

#[test]
fn every_good_policy_is_valid() {
    let validator = validator();
    for file in files("tests/policies/good", "") {
        for document in documents(&file) {
            let errors: Vec<_> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
            assert_eq!(errors, Vec::<String>::new(), "{}", file.display());
        }
    }
}

#[test]
fn every_shipped_policy_is_valid_and_nothing_is_wrong_with_it() {
    let validator = validator();
    for file in files("policies", "") {
        assert!(documents(&file).iter().all(|document| validator.is_valid(document)), "{}", file.display());
        let problems = policy::check(std::slice::from_ref(&file)).diagnostics;
        assert!(problems.is_empty(), "{problems}");
    }
}

#[test]
fn a_wrong_shape_is_invalid() {
    let validator = validator();
    let files = files("tests/policies/bad", "shape-");
    let passed: Vec<_> =
        files.iter().filter(|file| documents(file).iter().all(|document| validator.is_valid(document))).collect();
    assert!(passed.is_empty(), "{passed:?}");
}

#[test]
fn what_only_a_look_at_several_fields_shows_is_valid_to_the_schema() {
    let validator = validator();
    for file in files("tests/policies/bad", "cross-").into_iter().chain(files("tests/policies/bad", "query-")) {
        assert!(documents(&file).iter().all(|document| validator.is_valid(document)), "{}", file.display());
    }
}

#[test]
fn off_is_valid_to_loaders_that_make_it_a_truth_value() {
    let validator = validator();
    let [mut document] = documents(Path::new("tests/policies/good/smallest.yaml")).try_into().unwrap();
    for (value, fine) in [(json!("off"), true), (json!(false), true), (json!(true), false), (json!("on"), false)] {
        document["spec"]["limits"]["maxStepUp"] = value.clone();
        assert_eq!(validator.is_valid(&document), fine, "{value}");
    }
    document["spec"]["limits"]["minWorkers"] = json!(false);
    assert!(!validator.is_valid(&document));
}

#[test]
fn an_editor_is_told_meanings_and_defaults() {
    let schema = policy::schema();
    let spec = &schema["properties"]["spec"]["properties"];
    assert_eq!(spec["scaleUp"]["properties"]["cpuAbove"]["default"], json!(0.9));
    assert_eq!(spec["limits"]["properties"]["maxStepUp"]["default"], json!("off"));
    assert_eq!(spec["mode"]["default"], json!("observe"));
    assert_eq!(schema["properties"]["spec"]["required"], json!(["signals", "limits"]));
    assert_eq!(spec["preset"]["enum"], json!(["seed", "balanced"]));
    assert_eq!(spec["lagObjective"]["description"], "A lag above this is late (preset `balanced`: 60s)");
    assert_eq!(spec["scaleDown"]["properties"]["window"]["default"], json!("0s"));
}
