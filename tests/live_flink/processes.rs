//! What the bed starts ends with the test, also where the test's own process is killed.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::bed::common::process::WARDEN;
use crate::bed::common::wait::until;

/// A process in a group of its own that would stay for an hour.
struct Sleeper(Child);

impl Sleeper {
    fn start() -> Self {
        Self(Command::new("sleep").arg("3600").process_group(0).spawn().expect("sleep runs"))
    }

    /// One that a SIGTERM does not end.
    fn stubborn() -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' TERM; echo deaf; while :; do sleep 1; done"]).stdout(Stdio::piped());
        let mut sleeper = Self(command.process_group(0).spawn().expect("sh runs"));
        let said = sleeper.0.stdout.take().expect("it was piped");
        BufReader::new(said).read_line(&mut String::new()).expect("it says when it is deaf");
        sleeper
    }

    fn is_running(&mut self) -> bool {
        self.0.try_wait().expect("a child").is_none()
    }

    /// Waits for its end; says the signal.
    async fn signal(&mut self) -> Option<i32> {
        let ended = async || self.0.try_wait().expect("a child");
        until("it is ended", Duration::from_secs(60), ended).await.signal()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn what_a_killed_test_leaves_behind_is_ended() {
    let (mut left, mut ended_in_time) = (Sleeper::start(), Sleeper::start());
    let (mut shared, mut stubborn) = (Sleeper::start(), Sleeper::stubborn());
    let folder = tempfile::tempdir().expect("a folder");
    let mut warden = Command::new("sh").args(["-c", WARDEN]).stdin(Stdio::piped()).spawn().expect("sh runs");
    let mut pipe = warden.stdin.take().expect("it was piped");
    let lines = [('+', &left), ('+', &ended_in_time), ('-', &ended_in_time), ('~', &shared), ('~', &stubborn)];
    for (what, sleeper) in lines {
        writeln!(pipe, "{what} {}", sleeper.0.id()).expect("it reads");
    }
    writeln!(pipe, "/ {}", folder.path().display()).expect("it reads");
    // What is stopped does not hear a SIGTERM.
    let stopped = Command::new("kill").args(["-s", "STOP", &shared.0.id().to_string()]).status();
    assert!(stopped.expect("kill runs").success());
    assert!(left.is_running() && shared.is_running() && stubborn.is_running(), "nothing ends while somebody can write");
    assert!(folder.path().exists());
    // As the death of the test's process closes it.
    drop(pipe);
    assert_eq!(left.signal().await, Some(9));
    assert_eq!(shared.signal().await, Some(15), "what all tests share ends in peace");
    assert_eq!(stubborn.signal().await, Some(9), "or not at all by itself");
    assert!(warden.wait().expect("a child").code().is_some(), "the warden ends as well");
    assert!(!folder.path().exists(), "what is left behind is removed");
    assert!(ended_in_time.is_running(), "what was taken back is nobody's");
}
