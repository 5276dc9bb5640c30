//! What the README and the page on tuning show is what happens: every `console` block is run, and its output compared.
//!
//! In a block, a line `$ command` is run by a shell in a folder that has the repository's `fixtures` and `policies`; what
//! follows up to the next is its output on stdout. A line `...` stands for any number of lines, and `...` at the end of a line
//! for its rest. `STEELYARD_BLESS=1` writes the outputs that have no such line anew.

use std::path::Path;
use std::process::{Command, Output};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The pages, and the least number of commands that each shows.
const PAGES: [(&str, usize); 2] = [("README.md", 4), ("policies/TUNING.md", 8)];

/// One command of a page and the output that stands under it.
struct Shown {
    /// Of the command, from 1.
    line: usize,
    command: String,
    output: Vec<String>,
}

fn read(page: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(page)).unwrap()
}

fn shown(page: &str) -> Vec<Shown> {
    let mut commands: Vec<Shown> = Vec::new();
    let mut inside = false;
    for (line, text) in (1..).zip(read(page).lines()) {
        match (inside, text) {
            (false, "```console") => inside = true,
            (true, "```") => inside = false,
            (true, text) => match text.strip_prefix("$ ") {
                Some(command) => commands.push(Shown { line, command: command.to_owned(), output: Vec::new() }),
                None => commands.last_mut().expect("a command first").output.push(text.to_owned()),
            },
            _ => {}
        }
    }
    commands
}

fn run(command: &str, folder: &Path) -> Output {
    let ours = Path::new(env!("CARGO_BIN_EXE_steelyard"));
    let path = format!("{}:{}", ours.parent().unwrap().display(), std::env::var("PATH").unwrap());
    // The newcomer's command builds first; here it is built already.
    let command = command.replace("cargo run --release -- ", "steelyard ");
    Command::new("sh").args(["-c", &command]).current_dir(folder).env("PATH", path).output().unwrap()
}

fn same(shown: &str, real: &str) -> bool {
    shown.strip_suffix("...").map_or(shown == real, |start| real.starts_with(start))
}

/// Whether the lines are those shown, where `...` stands for any number of lines.
fn matches(shown: &[String], real: &[&str]) -> bool {
    match shown.split_first() {
        None => real.is_empty(),
        Some((first, rest)) if first == "..." => (0..=real.len()).any(|skipped| matches(rest, &real[skipped..])),
        Some((first, rest)) => real.split_first().is_some_and(|(line, real)| same(first, line) && matches(rest, real)),
    }
}

/// Runs the commands of a page one after the other in a folder of its own; says what differs, and writes it where told to.
fn differences(page: &str, least: usize) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    for name in ["fixtures", "policies"] {
        std::os::unix::fs::symlink(Path::new(ROOT).join(name), folder.path().join(name)).unwrap();
    }
    let commands = shown(page);
    assert!(commands.len() >= least, "{page} shows {} commands", commands.len());
    let mut text: Vec<String> = read(page).lines().map(str::to_owned).collect();
    let mut wrong = Vec::new();
    // From the last to the first when it is written: the lines before stay where they are.
    let mut anew = Vec::new();
    for Shown { line, command, output } in commands {
        let ran = run(&command, folder.path());
        let stdout = String::from_utf8(ran.stdout).unwrap();
        let real: Vec<&str> = stdout.lines().collect();
        let stderr = String::from_utf8_lossy(&ran.stderr);
        assert!(matches!(ran.status.code(), Some(0 | 1)), "{page}:{line}: {command}: {:?}\n{stderr}", ran.status);
        if !matches(&output, &real) {
            wrong.push(format!("{page}:{line}: {command}\nprints\n{stdout}\n{stderr}"));
            if !output.iter().any(|line| line.ends_with("...")) {
                anew.push((line..line + output.len(), real.iter().map(ToString::to_string).collect::<Vec<_>>()));
            }
        }
    }
    if std::env::var_os("STEELYARD_BLESS").is_some() && !anew.is_empty() {
        for (lines, output) in anew.into_iter().rev() {
            text.splice(lines, output);
        }
        std::fs::write(Path::new(ROOT).join(page), text.join("\n") + "\n").unwrap();
    }
    wrong
}

#[test]
fn every_command_of_a_page_prints_what_it_shows() {
    let wrong: Vec<String> = PAGES.iter().flat_map(|(page, least)| differences(page, *least)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_policy_of_the_readme_is_right() {
    let readme = std::fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    let blocks = readme.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let policies: Vec<&str> = blocks.filter(|block| block.starts_with("apiVersion")).collect();
    assert!(!policies.is_empty());
    let folder = tempfile::tempdir().unwrap();
    for policy in policies {
        std::fs::write(folder.path().join("shown.yaml"), policy).unwrap();
        let ran = run("steelyard check shown.yaml", folder.path());
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert!(said.ends_with("nothing is wrong\n"), "{said}");
    }
}

#[test]
fn an_ellipsis_stands_for_any_lines_and_nothing_else_does() {
    let shown = |lines: &[&str]| lines.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert!(matches(&shown(&["a", "...", "d"]), &["a", "b", "c", "d"]));
    assert!(matches(&shown(&["a", "...", "d"]), &["a", "d"]));
    assert!(!matches(&shown(&["a", "...", "d"]), &["a", "b"]));
    assert!(matches(&shown(&["a ..."]), &["a b"]));
    assert!(!matches(&shown(&["a ..."]), &["b a"]));
    assert!(!matches(&shown(&["a"]), &["a", "b"]));
    assert!(!matches(&shown(&["a", "b"]), &["a"]));
}
