//! Where the real components are: in the cache that `tests/components/*` fill.

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
    found(cache().join(format!("{name}-{version}")), &format!("run `tests/components/{name} {version}`"))
}

/// Prometheus: `PROMETHEUS`, else what `tests/run` has installed, else from the PATH.
pub fn prometheus() -> Option<PathBuf> {
    let named = std::env::var_os("PROMETHEUS").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = named.into_iter().chain([cache().join("prometheus/usr/bin/prometheus")]);
    let place = places.find(|place| place.is_file());
    let place =
        place.or_else(|| std::env::split_paths(&path).map(|folder| folder.join("prometheus")).find(|p| p.is_file()));
    found(place.unwrap_or_else(|| PathBuf::from("prometheus")), "run `tests/run` or set PROMETHEUS")
}

fn found(place: PathBuf, mend: &str) -> Option<PathBuf> {
    if place.exists() {
        return Some(place);
    }
    let missing = format!("no {}: {mend}", place.display());
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{missing}; in CI every test with real components must run");
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Straight to the stream: what a passing test prints through the macros is swallowed.
    let _ = writeln!(std::io::stderr(), "\nSKIPPED {test}: {missing}");
    None
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
