//! Processes that end with the test, however it ends.
//!
//! Each runs in a process group of its own and is ended with it when dropped, so also where a test panics. Where the test's
//! own process goes without unwinding (Ctrl-C, an abort, a time limit that kills), a small shell that holds the other end of a
//! pipe sees the pipe close and ends the groups that are left. What all tests of a process share is dropped by nobody: the
//! same shell ends it, in peace, and removes what it has left.

use std::fmt::Display;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use super::wait::until;

/// Reads lines until nobody can write any more. `+ PID`: that group is to be killed then. `~ PID`: it has five seconds to
/// end by itself, and is woken for that. `- PID`: it is taken back. `/ FOLDER`: to be removed after all of them.
pub const WARDEN: &str = r#"
trap '' INT TERM HUP
left=' ' gentle=' '
while read -r what which; do
  case $what in
    +) left="$left$which " ;;
    '~') left="$left$which " gentle="$gentle$which " ;;
    -) left="${left%% $which *} ${left#* $which }" ;;
    /) set -- "$@" "$which" ;;
  esac
done
exec 2>/dev/null
ending=''
for group in $left; do
  case $gentle in
    *" $group "*) kill -s TERM -- "-$group" && kill -s CONT -- "-$group" && ending="$ending $group" ;;
    *) kill -s KILL -- "-$group" ;;
  esac
done
looks=50
for group in $ending; do
  while [ $looks -gt 0 ] && kill -s 0 -- "-$group"; do sleep 0.1; looks=$((looks - 1)); done
  kill -s KILL -- "-$group"
done
# Others that end at the same moment may still write into it.
for folder; do
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    rm -rf -- "$folder"
    sleep 0.2
    [ -e "$folder" ] || break
  done
done
"#;

/// One for all beds of this process. It is never waited for: it outlives us on purpose.
fn warden() -> &'static Mutex<Child> {
    static SHELL: OnceLock<Mutex<Child>> = OnceLock::new();
    SHELL.get_or_init(|| {
        let shell = Command::new("sh")
            .args(["-c", WARDEN])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C goes to the test's group only.
            .process_group(0)
            .spawn()
            .expect("sh runs");
        Mutex::new(shell)
    })
}

fn tell_warden(what: char, which: impl Display) {
    // A test that panicked while it wrote leaves a whole pipe: lines this short are written at once.
    let mut shell = warden().lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    writeln!(shell.stdin.as_mut().expect("it was piped"), "{what} {which}").expect("the warden reads");
}

/// Removes a folder when the test's process has gone and all that it had started.
pub fn remove_at_the_end(folder: &Path) {
    tell_warden('/', folder.display());
}

/// A running process with a log file.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts it; what it says goes to the end of the log file.
    ///
    /// # Panics
    /// Where it cannot be started.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Self {
        Self::told(name, command, log, '+')
    }

    /// The same for what all tests of this process share: where nobody drops it, it ends in peace.
    pub fn start_for_all(name: &str, command: &mut Command, log: &Path) -> Self {
        Self::told(name, command, log, '~')
    }

    fn told(name: &str, command: &mut Command, log: &Path, how: char) -> Self {
        let file = std::fs::File::options().create(true).append(true).open(log);
        let file = file.unwrap_or_else(|error| panic!("{}: {error}", log.display()));
        let errors = file.try_clone().expect("a second handle of a file");
        // The warden first: a process that it does not know of would be left behind.
        warden();
        let child = command.stdin(Stdio::null()).stdout(file).stderr(errors).process_group(0).spawn();
        let child = child.unwrap_or_else(|error| panic!("{name} cannot be started: {error}: {command:?}"));
        tell_warden(how, child.id());
        Self { name: name.to_owned(), child, log: log.to_owned(), ended: None }
    }

    /// What it is called in errors.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id, which is also that of its group.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("a child can be asked for");
            if self.ended.is_some() {
                tell_warden('-', self.child.id());
            }
        }
        self.ended.is_none()
    }

    /// Panics with the end of its log where it does not run any more.
    pub fn assert_running(&mut self) {
        if !self.is_running() {
            panic!("{} ended with {:?}; its log ends so:\n{}", self.name, self.ended, self.log_tail());
        }
    }

    /// What it said so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The last lines of its log.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// SIGTERM, as Kubernetes ends a container, and SIGKILL after its 30 seconds of grace.
    pub async fn terminate(&mut self) {
        const GRACE: Duration = Duration::from_secs(30);
        self.signal("TERM");
        let ended = until("it ends", GRACE * 2, async || (!self.is_running()).then_some(()));
        // The shorter of the two limits is not an error: then it is killed.
        let _ = tokio::time::timeout(GRACE, ended).await;
        self.kill();
    }

    /// SIGKILL, to it and all its children.
    pub fn kill(&mut self) {
        if self.is_running() {
            self.signal("KILL");
            self.ended = Some(self.child.wait().expect("a child can be waited for"));
            tell_warden('-', self.child.id());
        }
    }

    fn signal(&mut self, signal: &str) {
        if !self.is_running() {
            return;
        }
        let group = format!("-{}", self.child.id());
        let sent = Command::new("kill").args(["-s", signal, "--", &group]).stderr(Stdio::null()).status();
        let sent = sent.expect("kill runs");
        // It may have ended by itself in between.
        assert!(sent.success() || !self.is_running(), "no group {group} to send SIG{signal} to: {}", self.name);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
