//! Policies that are wrong: for each file of the corpus the whole of what is said.
//!
//! A new file gets its `.err` by one run with `STEELYARD_BLESS=1`; read what it says before it is committed.

use std::fs;
use std::path::{Path, PathBuf};

use steelyard::policy;

const CORPUS: &str = "tests/policies/bad";

fn corpus() -> Vec<PathBuf> {
    let entries = fs::read_dir(CORPUS).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|file| file.extension().is_some_and(|ending| ending == "yaml")).collect();
    files.sort();
    files
}

/// What a file is expected to say.
fn expected(file: &Path) -> PathBuf {
    file.with_extension("err")
}

#[test]
fn every_bad_file_says_all_that_is_wrong_with_it() {
    let bless = std::env::var_os("STEELYARD_BLESS").is_some();
    let mut differ = Vec::new();
    for file in corpus() {
        let said = format!("{}\n", policy::check(std::slice::from_ref(&file)).diagnostics);
        if bless {
            fs::write(expected(&file), &said).unwrap();
        }
        let wanted = fs::read_to_string(expected(&file)).unwrap_or_default();
        if said != wanted {
            differ.push(format!("{}\n--- expected\n{wanted}--- said\n{said}", file.display()));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

#[test]
fn there_are_many_kinds_and_none_passes_in_silence() {
    let files = corpus();
    assert!(files.len() >= 60, "{}", files.len());
    for file in files {
        let checked = policy::check(std::slice::from_ref(&file));
        assert!(!checked.diagnostics.is_empty(), "{} is not bad", file.display());
        for problem in checked.diagnostics.iter() {
            assert!(!problem.message.ends_with('.'), "a fragment: {problem}");
            if let Some(at) = &problem.position {
                assert!(at.column - 1 <= at.text.chars().count(), "{problem}");
            }
        }
    }
}

#[test]
fn all_files_are_told_of_at_once_in_their_order() {
    let names = ["query-unclosed.yaml", "shape-mode-unknown.yaml", "cross-min-above-max.yaml"];
    let files: Vec<_> = names.iter().map(|name| Path::new(CORPUS).join(name)).collect();
    let problems = policy::load(&files).unwrap_err();
    let mut said: Vec<_> = problems.iter().map(|problem| problem.file.to_string()).collect();
    said.dedup();
    let named: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    assert_eq!(said, named, "by file");
    assert!(problems.to_string().contains("the name orders is taken by tests/policies/bad/query-unclosed.yaml:3"));
}
