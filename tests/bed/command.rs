//! `cargo test --test bed -- flink-1.20`: the bed for a person, with commands on its standard input.
//!
//! No test: without arguments, as among all other test targets, it tells how it is used and is content.

#[expect(dead_code, reason = "each target that has the bed uses a part of it")]
#[path = "mod.rs"]
mod bed;
#[path = "../support/component.rs"]
mod component;
#[path = "recordings/mod.rs"]
mod recordings;

use std::fmt::Display;
use std::io::Write;
use std::time::Duration;

use bed::datastream::{FLINK_1, FLINK_2};
use bed::flink::Cluster;
use bed::{Bed, beam, datastream};
use component::install;
use tokio::sync::mpsc;

const USAGE: &str = "\
usage: cargo test --test bed -- flink-1.20|flink-2 [keyed]
       cargo test --test bed -- beam [one-reader]
       cargo test --test bed -- record [NAME...]

The last makes the recordings in fixtures/ anew. The others bring up a real Prometheus and a real Flink in reactive mode with one
TaskManager, for Beam a Kafka as well, and take commands:
";

const COMMANDS: &str = "\
  rate N       N records/s come in from now on (one worker does 100, of Beam's 200)
  add [N]      order N TaskManagers more
  stop [N]     stop the N youngest (SIGTERM)
  kill         kill the youngest (SIGKILL)
  replace      order another one for the one that was killed
  kill-jm      kill the JobManager
  start-jm     start it again
  prometheus   restart Prometheus, with 20 s in between
  truth        what the job really does
  quit         end everything";

/// One of both kinds.
enum Lane {
    Datastream(datastream::Lane),
    Beam(beam::Lane),
}

impl Lane {
    async fn start(bed: &std::sync::Arc<Bed>, arguments: &[String]) -> Option<Self> {
        let is_among = |word: &str| arguments.iter().any(|argument| argument == word);
        let version = match arguments.first().map(String::as_str)? {
            "beam" => {
                let components = beam::Components::start(bed).await.expect("all was installed");
                let mut options = beam::Options::new("bed");
                if is_among("one-reader") {
                    options = options.one_reader();
                }
                return Some(Self::Beam(beam::Lane::start(bed, &components, options).await));
            }
            "flink-2" => FLINK_2,
            _ => FLINK_1,
        };
        let mut options = datastream::Options::new("bed", version);
        if is_among("keyed") {
            options = options.key_groups(datastream::PARTITIONS);
        }
        datastream::Lane::start(bed, options).map(Self::Datastream)
    }

    fn cluster(&mut self) -> &mut Cluster {
        match self {
            Self::Datastream(lane) => &mut lane.cluster,
            Self::Beam(lane) => &mut lane.cluster,
        }
    }

    async fn set_rate(&mut self, records_per_second: f64) {
        match self {
            Self::Datastream(lane) => lane.set_rate(records_per_second),
            Self::Beam(lane) => lane.set_rate(records_per_second).await,
        }
    }

    /// Width, input and work per second, backlog.
    fn truth(&self) -> (usize, f64, f64, f64) {
        // The last words of the workers are up to half a second old.
        const SECONDS: f64 = 10.0;
        match self {
            Self::Datastream(lane) => {
                let truth = lane.truth();
                let at = truth.at();
                let processed = truth.processed(at - SECONDS, at) / SECONDS;
                (truth.width(), truth.input_rate(), processed, truth.backlog())
            }
            Self::Beam(lane) => {
                let truth = lane.truth();
                let at = truth.at();
                let processed = truth.processed(at - SECONDS, at) / SECONDS;
                (truth.width(at), truth.input_rate(at), processed, truth.backlog(at))
            }
        }
    }
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("flink-1.20") => drop(install("flink", &[FLINK_1])),
        Some("flink-2") => drop(install("flink", &[FLINK_2])),
        Some("record") => {
            let failed = recordings::make(&arguments[1..]).await;
            assert!(failed.is_empty(), "these failed: {failed:?}");
            return;
        }
        Some("beam") => {
            install("flink", &[beam::FLINK]);
            install("kafka", &[beam::kafka::VERSION]);
        }
        // `cargo test` hands the same arguments to every target: none of them is an error here.
        _ => return say(format_args!("{USAGE}{COMMANDS}")),
    }
    let bed = Bed::start().await.expect("a Prometheus");
    let mut lane = Lane::start(&bed, &arguments).await.expect("Flink was installed");
    say(format_args!(
        "Prometheus  {}\nFlink       {}\nfiles       {}",
        bed.prometheus.url(),
        lane.cluster().url(),
        bed.folder().display()
    ));
    tokio::select! {
        _ = tokio::signal::ctrl_c() => return,
        _ = lane.cluster().until_running(1) => say("the job runs"),
    }
    say(COMMANDS);
    let mut lines = lines();
    loop {
        let line = tokio::select! {
            _ = tokio::signal::ctrl_c() => return,
            line = lines.recv() => line,
        };
        let Some(line) = line else { return };
        let mut words = line.split_whitespace();
        let (command, number) = (words.next(), words.next().map(str::parse::<f64>));
        let number = match number {
            Some(Err(error)) => {
                say(format_args!("{line}: {error}"));
                continue;
            }
            Some(Ok(number)) => Some(number),
            None => None,
        };
        if command == Some("quit") {
            return;
        }
        carry_out(&bed, &mut lane, command.unwrap_or("truth"), number).await;
    }
}

async fn carry_out(bed: &Bed, lane: &mut Lane, command: &str, number: Option<f64>) {
    let count = number.map_or(1, |number| number.max(0.0) as usize);
    match command {
        "rate" => match number {
            Some(rate) => lane.set_rate(rate.max(0.0)).await,
            None => say("rate N: records per second"),
        },
        "add" => lane.cluster().add(count),
        "stop" if count <= lane.cluster().ordered() => lane.cluster().stop(count).await,
        "kill" if lane.cluster().ordered() > 0 => lane.cluster().kill_task_manager(),
        "replace" if lane.cluster().has_killed() => lane.cluster().replace_killed(),
        "kill-jm" if lane.cluster().has_job_manager() => lane.cluster().kill_job_manager(),
        "start-jm" if !lane.cluster().has_job_manager() => lane.cluster().start_job_manager(),
        "prometheus" => {
            bed.prometheus.stop();
            tokio::time::sleep(Duration::from_secs(20)).await;
            bed.prometheus.start_again().await;
        }
        "truth" => {}
        _ => return say(format_args!("this cannot be done now, or is none of\n{COMMANDS}")),
    }
    let (width, input, processed, backlog) = lane.truth();
    say(format_args!(
        "ordered {}  width {width}  input {input}/s  processed {processed:.1}/s  backlog {backlog:.0}",
        lane.cluster().ordered(),
    ));
}

/// What is typed, line by line, from a thread that may wait for it for ever.
fn lines() -> mpsc::Receiver<String> {
    let (send, lines) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if send.blocking_send(line).is_err() {
                break;
            }
        }
    });
    lines
}

fn say(what: impl Display) {
    // Whoever listened may have gone.
    let _ = writeln!(std::io::stdout(), "{what}");
}
