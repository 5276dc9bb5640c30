//! `demo` through the real binary: as lines into a pipe, as a table on a terminal, ended by its time or by Ctrl-C.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};

const STEELYARD: &str = env!("CARGO_BIN_EXE_steelyard");

fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(STEELYARD);
    command.arg("demo").args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What it prints.
fn printed(arguments: &[&str]) -> String {
    let ended = demo(arguments).output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).unwrap()
}

/// Ends what a failed test leaves behind.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    fn interrupt(&mut self) -> ExitStatus {
        assert!(Command::new("kill").args(["-INT", &self.0.id().to_string()]).status().unwrap().success());
        self.0.wait().unwrap()
    }
}

#[test]
fn a_seed_is_a_day() {
    let day = printed(&["--for", "6h", "--speed", "max"]);
    assert_eq!(day, printed(&["--for", "6h"]), "into a pipe it is as fast as it can be, and the same each time");
    assert_ne!(day, printed(&["--for", "6h", "--seed", "2"]));
    for (job, told) in [
        ("shop/checkout", "scale "),
        ("logs/adhoc", "hold: unsafe to rescale: a session cluster"),
        ("data/experiments", "hold: HorizontalPodAutoscaler experiments decides about this job too"),
        ("data/backfill", "hold: paused by its owner"),
        ("media/transcode", "maxParallelism"),
        ("logs/audit", "hold: backlog of `source` is missing"),
    ] {
        assert!(day.lines().any(|line| line.contains(job) && line.contains(told)), "{job}: {told}\n{day}");
    }
    let scales = day.lines().filter(|line| line.contains("  scale ")).collect::<Vec<_>>();
    assert!(scales.iter().all(|line| line.ends_with(')')), "each with its reasons: {day}");
    // What it sums up is what it told.
    let summary = day.lines().find(|line| line.starts_with("6:00 h of 30 jobs: ")).expect("a summary");
    let words: Vec<&str> = summary.split(' ').collect();
    let rescales: usize = words[words.iter().position(|word| *word == "rescales").unwrap() - 1].parse().unwrap();
    assert!(rescales >= scales.len() && scales.len() > 20, "{summary}: {} told", scales.len());
}

#[test]
fn a_speed_or_a_time_that_is_none_is_refused() {
    for arguments in [["--speed", "0"], ["--for", "soon"]] {
        let ended = demo(&arguments).output().unwrap();
        assert_eq!(ended.status.code(), Some(2), "{}", String::from_utf8_lossy(&ended.stderr));
        assert!(ended.stdout.is_empty());
    }
}

#[test]
fn it_serves_its_metrics_and_a_signal_ends_it() {
    let mut running = Running(demo(&["--speed", "50000", "--for", "10000h"]).spawn().unwrap());
    let mut stderr = BufReader::new(running.0.stderr.take().unwrap());
    let mut told = String::new();
    stderr.read_line(&mut told).unwrap();
    let address = told.trim().strip_prefix("metrics: http://").unwrap().strip_suffix("/metrics").unwrap().to_owned();
    let mut stdout = BufReader::new(running.0.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("  scale ") {
        line.clear();
        assert_ne!(stdout.read_line(&mut line).unwrap(), 0, "it goes on");
    }
    // By now there was a tick, so the page has it.
    let mut connection = TcpStream::connect(&address).unwrap();
    write!(connection, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut page = String::new();
    connection.read_to_string(&mut page).unwrap();
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(page.contains("steelyard_job_running_workers{") && page.contains("class=\"demo\""), "{page}");

    // What it prints meanwhile must not fill the pipe.
    let rest = std::thread::spawn(move || stdout.lines().map_while(Result::ok).collect::<Vec<_>>());
    let status = running.interrupt();
    assert_eq!(status.code(), Some(0));
    let rest = rest.join().unwrap();
    assert!(rest.iter().any(|line| line.contains(" of 30 jobs: ")), "it sums up all the same: {rest:?}");
}

/// On a pseudo-terminal, which `script` of util-linux gives.
#[test]
fn on_a_terminal_it_draws_in_place_and_gives_the_terminal_back() {
    let mut running = Running(
        Command::new("script")
            // In place of the shell: one that waits for it would take Ctrl-C as well, and end as interrupted.
            .args(["-qefc", &format!("exec {STEELYARD} demo --speed 20000"), "/dev/null"])
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let mut keyboard = running.0.stdin.take().unwrap();
    let mut stdout = running.0.stdout.take().unwrap();
    let mut screen = Vec::new();
    let mut read = |screen: &mut Vec<u8>| -> usize {
        let mut piece = [0; 4096];
        let count = stdout.read(&mut piece).unwrap_or_default();
        screen.extend_from_slice(&piece[..count]);
        count
    };
    let has = |screen: &[u8], text: &str| String::from_utf8_lossy(screen).contains(text);
    // Two drawings, from the top each.
    while String::from_utf8_lossy(&screen).matches("\u{1b}[H").count() < 2 {
        assert_ne!(read(&mut screen), 0, "{}", String::from_utf8_lossy(&screen));
    }
    assert!(has(&screen, "\u{1b}[?1049h") && has(&screen, "Latest changes") && has(&screen, "WORKERS"));
    // Ctrl-C, as a terminal passes it on.
    keyboard.write_all(&[3]).unwrap();
    while read(&mut screen) > 0 {}
    assert_eq!(running.0.wait().unwrap().code(), Some(0));
    let text = String::from_utf8_lossy(&screen).into_owned();
    let (_, after) = text.rsplit_once("\u{1b}[?25h\u{1b}[?1049l").expect("the cursor and the screen are given back");
    assert!(after.contains(" of 30 jobs: "), "and the sum stands on the old screen: {after}");
}
