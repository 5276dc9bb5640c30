//! Where the real components are: those that `tests/components/*` install, in their cache, and the programs of the machine.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The folder of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn cache() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    cache.expect("XDG_CACHE_HOME or HOME is set").join("steelyard-tests")
}

/// What `tests/components/NAME VERSION` has installed. `None`: it is not there, and the test is skipped, loudly; with `CI=true`
/// that is a failure.
pub fn installed(name: &str, version: &str) -> Option<PathBuf> {
    let place = cache().join(format!("{name}-{version}"));
    let missing = || format!("no {}: run `tests/components/{name} {version}`", place.display());
    found(Some(place.clone()).filter(|place| place.exists()), missing)
}

/// A program: what the environment variable names, else from the PATH, else what `tests/run` has installed. `None`: as above.
pub fn program(variable: &str, name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([cache().join("prometheus/usr/bin")]);
    let place = || folders.map(|folder| folder.join(name)).find(|file| file.is_file());
    found(std::env::var_os(variable).map(PathBuf::from).or_else(place), || {
        format!("no `{name}` on the PATH and no {variable}: run `tests/run`")
    })
}

fn found(place: Option<PathBuf>, missing: impl Fn() -> String) -> Option<PathBuf> {
    if place.is_none() {
        let missing = missing();
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "{missing}; in CI every test with real components must run"
        );
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        // Straight to the stream: what a passing test prints through the macros is swallowed.
        let _ = writeln!(std::io::stderr(), "\nSKIPPED {test}: {missing}");
    }
    place
}

/// Runs `tests/components/NAME ARGUMENTS`, which installs what is missing, and says the path that it prints.
///
/// # Panics
/// With what it said, where it fails.
pub fn install(name: &str, arguments: &[&str]) -> PathBuf {
    let script = root().join("tests/components").join(name);
    let ran = Command::new(&script).args(arguments).stdin(Stdio::null()).output();
    let ran = ran.unwrap_or_else(|error| panic!("{}: {error}", script.display()));
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{} ended with {}: {said}", script.display(), ran.status);
    PathBuf::from(String::from_utf8(ran.stdout).expect("a path in UTF-8").trim())
}
