//! Programs of real components.

use std::io::Write;
use std::path::PathBuf;

/// A program that the test needs: from the environment variable, else from the PATH.
///
/// Where it is missing the test is skipped, loudly; with `CI=true` that is a failure.
pub fn program(variable: &str, name: &str) -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(variable) {
        return Some(PathBuf::from(path));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "no `{name}` on the PATH and no {variable}: in CI every test with real components must run"
        );
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        // Straight to the stream: what a passing test prints through the macros is swallowed.
        let _ = writeln!(std::io::stderr(), "\nSKIPPED {test}: no `{name}` on the PATH and no {variable}");
    }
    found
}
