//! What the bed starts ends with the test, also where the test's own process is killed.

use std::io::Write;
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
    let mut warden = Command::new("sh").args(["-c", WARDEN]).stdin(Stdio::piped()).spawn().expect("sh runs");
    let mut pipe = warden.stdin.take().expect("it was piped");
    writeln!(pipe, "+ {}\n+ {}\n- {}", left.0.id(), ended_in_time.0.id(), ended_in_time.0.id()).expect("it reads");
    assert!(left.0.try_wait().expect("a child").is_none(), "nothing ends while somebody can write");
    // As the death of the test's process closes it.
    drop(pipe);
    let ended = until("it is ended", Duration::from_secs(60), async || left.0.try_wait().expect("a child")).await;
    assert_eq!(ended.signal(), Some(9));
    assert!(warden.wait().expect("a child").code().is_some(), "the warden ends as well");
    assert!(ended_in_time.0.try_wait().expect("a child").is_none(), "what was taken back is nobody's");
}
