//! Settings that are wrong: for each file of the corpus the whole of what is said, and never a secret.
//!
//! A new file gets its `.err` by one run with `STEELYARD_BLESS=1`; read what it says before it is committed. Beside a
//! file can stand variables of the environment (`.env`, `NAME=VALUE`) and flags (`.flags`, `--flag value`).

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use steelyard::run::settings::{Flags, Layers};

const CORPUS: &str = "tests/settings/bad";
/// What stands in the corpus wherever a secret can stand.
const SECRET: &str = "eyJhbGciOiJIUzI1NiJ9";
const WHOLE: &str = include_str!("settings/whole.yaml");

fn corpus() -> Vec<PathBuf> {
    let entries = fs::read_dir(CORPUS).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|file| file.extension().is_some_and(|ending| ending == "yaml")).collect();
    files.sort();
    files
}

/// The lines of a file beside one of the corpus, cut in two.
fn beside(file: &Path, ending: &str, between: char) -> Vec<(String, String)> {
    let text = fs::read_to_string(file.with_extension(ending)).unwrap_or_default();
    let cut = |line: &str| line.split_once(between).map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap();
    text.lines().map(cut).collect()
}

fn flags(file: &Path) -> Flags {
    let mut flags = Flags::default();
    for (flag, value) in beside(file, "flags", ' ') {
        match flag.as_str() {
            "--prometheus" => flags.prometheus_url = Some(value),
            "--interval" => flags.interval = Some(value),
            "--listen" => flags.listen = Some(value),
            "--log-format" => flags.log_format = Some(value),
            other => panic!("{other} is no flag"),
        }
    }
    flags
}

#[test]
fn every_bad_file_says_all_that_is_wrong_with_it() {
    let bless = std::env::var_os("STEELYARD_BLESS").is_some();
    let files = corpus();
    assert!(files.len() >= 25, "{}", files.len());
    let mut differ = Vec::new();
    for file in files {
        let layers = Layers::new(Some(file.clone()), beside(&file, "env", '='), flags(&file));
        let problems = layers.read().expect_err(&file.display().to_string());
        let said = format!("{problems}\n");
        assert!(!said.contains(SECRET), "{said}");
        assert!(!problems.painted(true).to_string().contains(SECRET), "{said}");
        if bless {
            fs::write(file.with_extension("err"), &said).unwrap();
        }
        let wanted = fs::read_to_string(file.with_extension("err")).unwrap_or_default();
        if said != wanted {
            differ.push(format!("{}\n--- expected\n{wanted}--- said\n{said}", file.display()));
        }
        for problem in problems.iter() {
            assert!(!problem.message.ends_with('.'), "a fragment: {problem}");
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

fn said_of(text: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("steelyard.yaml");
    fs::write(&file, text).unwrap();
    let read = Layers::new(Some(file), [], Flags::default()).read();
    read.map(drop).map_err(|problems| format!("{problems}\n{}\n{problems:?}", problems.painted(true)))
}

#[test]
fn the_whole_file_is_good_until_something_is_wrong_with_it() {
    said_of(&WHOLE.replace("SECRET", "hunter2")).unwrap();
}

/// What can be put anywhere: typos, broken YAML, further keys.
const PIECES: &str = "[ a-z:{}\\[\\]\"'\n\t%*&(),@#?|>-]{1,6}";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_secret_shows_whatever_is_wrong(
        secret in "[A-Z0-9]{4}[A-Za-z0-9/+=._-]{8,20}[A-Z0-9]{4}",
        from in 0..WHOLE.len(),
        length in 0_usize..12,
        pieces in prop::collection::vec((0..WHOLE.len(), PIECES), 0..3),
        filling in PIECES,
        in_url in any::<bool>(),
    ) {
        // What is cut or put in never lies inside of a secret: a part of one is still told from other text, but a
        // test could not find it.
        let mut text = WHOLE.to_owned();
        if in_url {
            text = text.replace("http://", "http://reader:SECRET@");
        }
        let fits = |text: &str, at: usize| text.is_char_boundary(at) && !(1..6).any(|back| {
            at.checked_sub(back).and_then(|start| text.get(start..)).is_some_and(|rest| rest.starts_with("SECRET"))
        });
        let to = (from + length).min(text.len());
        if fits(&text, from) && fits(&text, to) {
            text.replace_range(from..to, &filling);
        }
        for (at, piece) in pieces {
            if at <= text.len() && fits(&text, at) {
                text.insert_str(at, &piece);
            }
        }
        if let Err(said) = said_of(&text.replace("SECRET", &secret)) {
            prop_assert!(!said.contains(&secret), "{text}\nsaid\n{said}");
        }
    }
}
