//! Processes that end with the test process, however that ends: a failed test, an abort, a kill. Unlike the bed's, which end
//! with a test, they are shared by all tests of a process, end in peace, and what they leave behind is removed.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

/// Runs beside the process and ends it, by its id, once nobody holds its own stdin any more: the kernel closes that
/// for whoever ends without a word, which no destructor outlives. Then it removes what the process has left.
const KEEPER: &str = r#"
log=$1 folder=$2
shift 2
trap : INT TERM HUP
"$@" >>"$log" 2>&1 </dev/null &
child=$!
echo "$child"
exec >/dev/null
read -r _
kill -CONT "$child" 2>/dev/null
kill -TERM "$child" 2>/dev/null
for _ in {1..50}; do
  kill -0 "$child" 2>/dev/null || break
  sleep 0.1
done
kill -KILL "$child" 2>/dev/null
wait "$child" 2>/dev/null
# Others that end at the same moment may still write into it.
if [ -n "$folder" ]; then
  for _ in {1..50}; do
    rm -rf "$folder" 2>/dev/null
    sleep 0.2
    [ -e "$folder" ] || break
  done
fi
"#;

/// A running process; dropping it ends it (TERM, after five seconds KILL).
#[derive(Debug)]
pub struct Process {
    stdin: Option<ChildStdin>,
    keeper: Child,
    id: u32,
    log: PathBuf,
}

impl Process {
    /// Starts the command, which writes to that log; `leaves` is removed after its end.
    pub fn start(command: &Command, log: &Path, leaves: Option<&Path>) -> Self {
        let mut keeper = Command::new("bash");
        keeper.args(["-c", KEEPER, "keeper"]).arg(log).arg(leaves.unwrap_or_else(|| Path::new("")));
        keeper.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => keeper.env(name, value),
                None => keeper.env_remove(name),
            };
        }
        keeper.current_dir(command.get_current_dir().unwrap_or_else(|| Path::new("/")));
        let mut keeper =
            keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("bash runs");
        let mut id = String::new();
        let said = keeper.stdout.take().expect("it was piped");
        BufReader::new(said).read_line(&mut id).expect("the keeper says the process id");
        let id = id.trim().parse().expect("a process id");
        Self { stdin: keeper.stdin.take(), keeper, id, log: log.to_owned() }
    }

    /// Whether it has not ended.
    pub fn is_running(&self) -> bool {
        // The keeper waits for it at once, so it leaves no zombie.
        Path::new(&format!("/proc/{}", self.id)).exists()
    }

    /// The last lines that it wrote.
    pub fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // The keeper ends once it has ended everything.
        let _ended = self.keeper.wait();
    }
}
