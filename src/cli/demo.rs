//! `steelyard demo`: a modelled fleet under the daemon's own loop, its clock sped up.

mod fleet;
mod jobs;
mod news;
mod screen;
mod stage;

use std::io::{self, IsTerminal as _, Write as _};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use indicatif::HumanCount;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use self::fleet::{Fleet, Tally};
use self::jobs::{DAY, FLEET};
use self::news::Lines;
use self::screen::{Look, Screen};
use self::stage::{Audience, Carrier, INTERVAL, Modelled, Stage};
use super::{Color, Stdout};
use crate::engine::{FleetLimits, Mode};
use crate::policy::{self, Policy, PolicySet};
use crate::run::{self, Cycle, Rules, Shutdown};
use crate::serve::{Board, Server};
use crate::telemetry::Metrics;

/// What it decides by.
const POLICY: &str = include_str!("demo/policy.yaml");

/// A day in two minutes.
const SPEED: f64 = 720.0;
/// More drawings a second than that nobody sees.
const DRAWINGS: f64 = 12.0;

const AFTER: &str = "\
What to try next:
  steelyard replay fixtures/beam-step-up/recording.jsonl.zst     a real job's recording, each decision with its derivation
  steelyard run --dry-run --prometheus URL --policy FILE         on your own jobs: it decides and changes nothing
";

/// The options.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many times as fast as a clock: 720 is a day in two minutes, `max` as fast as it can. On a terminal 720, else max
    #[arg(long, value_name = "N")]
    speed: Option<Speed>,
    /// How much modelled time. On a terminal until Ctrl-C, else 24h
    #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration)]
    lasts: Option<Duration>,
    /// The seed of all noise: the same seed, the same day
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// When to colour what is printed
    #[arg(long, value_enum, default_value_t)]
    color: Color,
}

/// How fast the clock goes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Speed {
    Times(f64),
    Max,
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<f64>() {
            _ if text == "max" => Ok(Self::Max),
            Ok(times) if (0.1..=1e6).contains(&times) => Ok(Self::Times(times)),
            _ => Err(format!(
                "`{text}` is no speed: give a number from 0.1 to 1000000 (720: a day in two minutes), or max"
            )),
        }
    }
}

impl Speed {
    /// Real time between two ticks.
    fn pace(self) -> Option<Duration> {
        match self {
            Self::Times(times) => Some(Duration::from_secs(u64::from(INTERVAL)).div_f64(times)),
            Self::Max => None,
        }
    }

    /// Ticks between two drawings.
    fn drawn_every(self) -> u32 {
        let per_second = match self {
            Self::Times(times) => times / f64::from(INTERVAL),
            // An hour of the fleet at a time.
            Self::Max => 240.0 * DRAWINGS,
        };
        (per_second / DRAWINGS).ceil().max(1.0) as u32
    }
}

/// Runs the fleet until its time is over or a signal comes.
///
/// # Errors
/// Stdout cannot be written, or no port can be had on the loopback interface.
pub async fn run(args: Args) -> anyhow::Result<bool> {
    let Args { speed, lasts, seed, color } = args;
    let live = io::stdout().is_terminal();
    let speed = speed.unwrap_or(if live { Speed::Times(SPEED) } else { Speed::Max });
    let end = match lasts {
        Some(lasts) => u32::try_from(lasts.as_secs()).unwrap_or(u32::MAX),
        None if live => u32::MAX,
        None => DAY,
    };
    let policy = policy()?;
    let preset = POLICY.lines().find_map(|line| line.trim().strip_prefix("preset: ")).unwrap_or_default();
    let stage = Stage::new(Fleet::new(&FLEET, seed)?);
    let shutdown = Shutdown::on_signals().context("failed to listen for signals")?;
    let server = Server::bind("127.0.0.1:0").await?;
    let metrics = format!("http://{}/metrics", server.address());
    let what = format!("{} modelled jobs under the daemon's own loop, preset `{preset}`", FLEET.len());
    let source = Modelled::new(stage.clone(), policy.clone(), speed.pace(), end);
    let performance = Performance { source, policy, shutdown, server };
    if live {
        let title = format!("{what}. {metrics}  Ctrl-C ends it.");
        let screen = Screen::new(Look { title, colored: color.on_stdout() }, speed.drawn_every())?;
        performance.run(Carrier::new(stage.clone(), screen)).await?;
    } else {
        // Its port is another each time, so it is no part of the answer. Nobody may be listening.
        let _ = writeln!(io::stderr(), "metrics: {metrics}");
        let mut stdout = Stdout::default();
        writeln!(stdout, "{what}: an ordinary day from 06:00, and some trouble.\n")?;
        performance.run(Carrier::new(stage.clone(), Lines::new(stdout, color.on_stdout()))).await?;
    }
    let mut stdout = Stdout::default();
    writeln!(stdout, "\n{}\n\n{AFTER}", summary(&stage.fleet()))?;
    stdout.flush()?;
    Ok(true)
}

/// What the loop needs beside a sink.
struct Performance {
    source: Modelled,
    policy: Policy,
    shutdown: Shutdown,
    server: Server,
}

impl Performance {
    /// The daemon's loop, with its page beside it. The sink is dropped before this returns, and with it the screen.
    async fn run<A: Audience>(self, sink: Carrier<A>) -> anyhow::Result<()> {
        let Self { source, policy, shutdown, server } = self;
        let rules = Rules::new(Arc::new(PolicySet { policies: vec![policy] }), FleetLimits::default(), Mode::Act);
        let (_keep, rules) = watch::channel(Arc::new(rules));
        let (board, metrics) = (Arc::<Board>::default(), Arc::<Metrics>::default());
        let audience = Some(run::Audience::new(Arc::clone(&board), Arc::clone(&metrics)));
        let ended = CancellationToken::new();
        let serving = server.run(board, metrics, ended.clone().cancelled_owned());
        let serving = AbortOnDropHandle::new(tokio::spawn(serving));
        let ran = run::run(source, sink, Cycle { rules, recorder: None, audience }, shutdown).await;
        ended.cancel();
        serving.await.context("the HTTP server panicked")??;
        ran
    }
}

fn policy() -> anyhow::Result<Policy> {
    let parsed = policy::parse("demo", POLICY).map_err(|faults| anyhow::anyhow!("{faults}"))?;
    parsed.into_iter().next().context("the demo has no policy")
}

/// What came of it, in a sentence.
fn summary(fleet: &Fleet) -> String {
    let Tally { ups, downs, late, seconds, worker_seconds } = fleet.tally();
    let (hours, minutes) = (fleet.now() / 3600, fleet.now() / 60 % 60);
    let late = if seconds > 0 { late as f64 / seconds as f64 * 100.0 } else { 0.0 };
    format!(
        "{hours}:{minutes:02} h of {} jobs: {} rescales ({ups} up, {downs} down), {late:.1} % of the time late (lag above 60 s), {} worker-hours.",
        fleet.jobs.len(),
        ups + downs,
        HumanCount(worker_seconds / 3600),
    )
}

/// What the policy decides about the fleet now, from no memory.
#[cfg(test)]
fn decided(fleet: &Fleet, policy: &Policy) -> (crate::engine::Observations, Vec<crate::engine::Decision>) {
    let seen = fleet.observe(policy);
    let plans = PolicySet { policies: vec![policy.clone()] }.plans(FleetLimits::default());
    let decisions = crate::engine::tick(&plans, &mut crate::engine::Memories::default(), &seen, fleet.at());
    (seen, decisions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_a_number_within_reason_or_all_there_is() {
        assert_eq!("720".parse(), Ok(Speed::Times(720.0)));
        assert_eq!("max".parse(), Ok(Speed::Max));
        for text in ["0", "-1", "fast", "NaN", "1e9", ""] {
            assert!(text.parse::<Speed>().is_err(), "{text}");
        }
        assert_eq!(Speed::Times(720.0).pace(), Some(Duration::from_micros(20_833) + Duration::from_nanos(333)));
        assert_eq!(
            (Speed::Times(720.0).drawn_every(), Speed::Times(1.0).drawn_every(), Speed::Max.drawn_every()),
            (4, 1, 240)
        );
    }

    #[test]
    fn the_policy_that_is_built_in_acts() {
        assert_eq!(policy().unwrap().plan.mode, Mode::Act);
    }
}
