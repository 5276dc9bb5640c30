//! The house stays as it was drawn: what may import what, what the engine may touch, how long a file may be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Which modules each may import. `telemetry` is for all but the engine; nothing else is for all.
const ARROWS: [(&str, &[&str]); 12] = [
    ("engine", &[]),
    ("policy", &["engine"]),
    ("telemetry", &["engine"]),
    ("signals", &["engine", "policy", "telemetry"]),
    ("cluster", &["engine", "policy", "telemetry"]),
    ("serve", &["engine", "policy", "telemetry"]),
    ("run", &["engine", "policy", "telemetry", "signals", "cluster", "serve"]),
    ("record", &["engine", "policy"]),
    ("simulate", &["engine", "policy", "run", "record"]),
    ("report", &["engine"]),
    ("cli", &["engine", "policy", "telemetry", "signals", "cluster", "serve", "run", "record", "simulate", "report"]),
    ("main", &["cli"]),
];

/// What the engine may import from outside. (humantime only writes durations and times for people.)
const ENGINE_IMPORTS: [&str; 4] = ["std", "serde", "statrs", "humantime"];
/// What the engine may not even name: IO, clocks, tasks, logs.
const ENGINE_NEVER: [&str; 12] = [
    "tokio::",
    "kube::",
    "axum::",
    "tracing::",
    "::now(",
    "std::env",
    "std::fs",
    "std::net",
    "std::io",
    "std::process",
    "std::thread",
    "async ",
];

const LONGEST_FILE: usize = 500;

#[test]
fn imports_follow_the_arrows() {
    let allowed: BTreeMap<_, BTreeSet<_>> =
        ARROWS.into_iter().map(|(from, to)| (from, to.iter().copied().collect())).collect();
    let mut wrong = Vec::new();
    for source in sources("src").iter().filter(|source| source.module != "lib") {
        let Some(to) = allowed.get(source.module.as_str()) else {
            wrong.push(format!("{}: the module `{}` has no arrows", source.name(), source.module));
            continue;
        };
        let root = if source.module == "main" { "steelyard::" } else { "crate::" };
        for (line, target) in crate_imports(&source.code, root) {
            if target != source.module && !to.contains(target.as_str()) {
                wrong.push(format!("{}:{line}: `{}` may not import `{target}`", source.name(), source.module));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_module_is_above_itself() {
    let below: BTreeMap<_, _> = ARROWS.into_iter().collect();
    for (start, _) in ARROWS {
        let mut todo: Vec<_> = below[start].to_vec();
        let mut reached = BTreeSet::new();
        while let Some(module) = todo.pop() {
            assert_ne!(module, start, "`{start}` is above itself");
            if reached.insert(module) {
                todo.extend(below[module]);
            }
        }
    }
    for (one, other) in [("signals", "cluster"), ("cluster", "signals"), ("serve", "run"), ("engine", "policy")] {
        assert!(!below[one].contains(&other), "`{one}` must never see `{other}`");
    }
}

#[test]
fn the_engine_cannot_do_io_or_read_a_clock() {
    let mut wrong = Vec::new();
    for source in sources("src/engine") {
        for (number, line) in lines_of(&source.code) {
            if let Some(word) = ENGINE_NEVER.iter().find(|word| line.contains(**word)) {
                wrong.push(format!("{}:{number}: `{word}`", source.name()));
            }
        }
        for (number, root) in outside_imports(&source.code) {
            if !ENGINE_IMPORTS.contains(&root.as_str()) {
                wrong.push(format!("{}:{number}: imports `{root}`", source.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "the engine must stay pure\n{}", wrong.join("\n"));
}

#[test]
fn only_the_command_line_prints() {
    let mut wrong = Vec::new();
    for source in sources("src").iter().filter(|source| source.module != "cli") {
        for (number, line) in lines_of(&source.code) {
            if ["print!(", "println!(", "dbg!("].iter().any(|word| line.contains(word)) {
                wrong.push(format!("{}:{number}: {line}", source.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_is_longer_than_it_can_be_read() {
    let files = sources("src").into_iter().chain(sources("tests")).chain(sources("benches"));
    let long: Vec<_> = files
        .map(|source| (source.name(), source.text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST_FILE)
        .map(|(name, lines)| format!("{name}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn the_clock_is_read_in_one_place() {
    let readers: Vec<_> = sources("src")
        .into_iter()
        .filter(|source| source.text.contains("disallowed_methods"))
        .map(|source| source.name())
        .collect();
    assert_eq!(readers, ["src/run/clock.rs"]);
}

/// One file of code.
struct Source {
    path: PathBuf,
    /// The top-level module that it belongs to.
    module: String,
    text: String,
    /// The text up to its tests, without comments, line by line.
    code: String,
}

impl Source {
    fn name(&self) -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        self.path.strip_prefix(root).unwrap_or(&self.path).display().to_string()
    }
}

fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(source(path));
            }
        }
    }
    assert!(folder == "benches" || !found.is_empty(), "no code in {folder}");
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

fn source(path: PathBuf) -> Source {
    let text = fs::read_to_string(&path).unwrap();
    let inside = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap_or(&path);
    let module = inside.iter().next().unwrap().to_string_lossy().trim_end_matches(".rs").to_owned();
    let tests = path.iter().any(|part| part == "tests");
    let own = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let code = if tests { String::new() } else { own.lines().map(without_comment).collect::<Vec<_>>().join("\n") };
    Source { path, module, text, code }
}

fn without_comment(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

fn lines_of(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.lines().enumerate().map(|(number, line)| (number + 1, line))
}

/// The top-level modules of this crate that a text names, with their lines, in `crate::a` and `crate::{a, b}`.
fn crate_imports(code: &str, root: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in lines_of(code) {
        for after in line.split(root).skip(1) {
            match after.strip_prefix('{') {
                None => found.push((number, word(after))),
                Some(group) => {
                    let end = group.rfind('}').unwrap_or(group.len());
                    found.extend(top_level(&group[..end]).into_iter().map(|name| (number, name)));
                }
            }
        }
    }
    found.retain(|(_, name)| name.starts_with(|first: char| first.is_ascii_lowercase()));
    found
}

/// The names before the first `::` of each part of a group: `a::{b, c}, d` -> a, d.
fn top_level(group: &str) -> Vec<String> {
    let mut names = Vec::new();
    let (mut depth, mut start) = (0_u32, 0);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(word(group[start..at].trim()));
                start = at + 1;
            }
            _ => {}
        }
    }
    names.push(word(group[start..].trim()));
    names.retain(|name| !name.is_empty());
    names
}

fn word(text: &str) -> String {
    text.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
}

/// The crates that `use` statements name.
fn outside_imports(code: &str) -> Vec<(usize, String)> {
    lines_of(code)
        .filter_map(|(number, line)| {
            let path = line.trim_start().trim_start_matches("pub ").strip_prefix("use ")?;
            Some((number, word(path.trim_start_matches("::"))))
        })
        .filter(|(_, root)| !["super", "crate", "self"].contains(&root.as_str()))
        // A module of the engine that `mod.rs` uses by its own name.
        .filter(|(_, root)| !is_engine_module(root))
        .collect()
}

fn is_engine_module(name: &str) -> bool {
    let engine = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/engine");
    walk(&engine).iter().any(|path| path.file_stem().is_some_and(|stem| stem == name) || path.ends_with(name))
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            all.extend(walk(&path));
        }
        all.push(path);
    }
    all
}

#[test]
fn the_reader_of_imports_sees_what_it_must() {
    let code =
        "use crate::engine::Plan;\nuse crate::{policy::{A, B}, run};\nfn f() { crate::serve::x() }\nuse crate::Kind;";
    let found: Vec<_> =
        crate_imports(code, "crate::").into_iter().map(|(line, name)| format!("{line} {name}")).collect();
    assert_eq!(found, ["1 engine", "2 policy", "2 run", "3 serve"]);
    let outside = outside_imports("use std::fmt;\npub use serde::Serialize;\nuse super::x;\n    use tokio::time;");
    let roots: Vec<_> = outside.into_iter().map(|(_, root)| root).collect();
    assert_eq!(roots, ["std", "serde", "tokio"]);
}
