//! `steelyard demo`: a real job's recording, decided again before your eyes.

mod scene;

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::ProgressBar;

use super::replay::{Playback, play};
use super::{Color, Stdout};
use crate::record::Reader;
use crate::run::Shutdown;

use scene::Scene;

/// Eleven minutes of a real job, so that the command works anywhere.
const RECORDING: &[u8] = include_bytes!("../../fixtures/beam-step-up/recording.jsonl.zst");

/// Between two ticks on a terminal: slow enough to read along, and over within half a minute.
const PAUSE: Duration = Duration::from_millis(150);

const BEFORE: &str = "\
A real Beam pipeline (KafkaIO, Flink in reactive mode), recorded tick by tick. Its input grows from 100 to 170 and, at
3:20, to 320 records/s; one worker manages 180. At 6:00 its operator orders more workers by hand. Steelyard only looks
on here: each line is what was measured, and what Steelyard decides.
";

const AFTER: &str = "\
What to try next:
  steelyard replay fixtures/beam-step-up/recording.jsonl.zst     each decision with its whole derivation, as JSON
  steelyard run --dry-run --prometheus URL --policy FILE         the same on your own jobs: it decides and changes nothing
";

/// The options.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many times as fast as usual, on a terminal
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// Without any pause, as into a pipe
    #[arg(long)]
    fast: bool,
    /// When to colour what is printed
    #[arg(long, value_enum, default_value_t)]
    color: Color,
}

/// Plays the recording.
///
/// # Errors
/// Stdout cannot be written.
pub async fn run(args: Args) -> anyhow::Result<bool> {
    let Args { speed, fast, color } = args;
    let pause = if fast || !io::stdout().is_terminal() { Duration::ZERO } else { PAUSE.div_f64(speed) };
    let reader = Reader::new(RECORDING)?;
    let policies = reader.header().recorded_policies()?;
    let mut stdout = Stdout::default();
    writeln!(stdout, "{BEFORE}")?;
    stdout.flush()?;
    let scene = Scene::new(stdout, &policies, color.on_stdout());
    let shutdown = Shutdown::on_signals()?;
    let (source, played) = Playback::new(reader, ProgressBar::hidden());
    play(source.with_pause(pause), scene, policies, shutdown).await?;
    if let Some(error) = played.take_error() {
        return Err(error.into());
    }
    let mut stdout = Stdout::default();
    writeln!(stdout, "\n{AFTER}")?;
    stdout.flush()?;
    Ok(true)
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.01..=1000.0).contains(&speed) => Ok(speed),
        _ => Err(format!("`{text}` is no speed: give a number from 0.01 to 1000, 2 is twice as fast")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recording_that_is_built_in_is_whole() {
        let reader = Reader::new(RECORDING).unwrap();
        assert_eq!(reader.header().recorded_policies().unwrap().policies.len(), 1);
        let ticks: Vec<_> = reader.collect::<Result<_, _>>().unwrap();
        assert!(ticks.len() > 100, "{}", ticks.len());
        assert!(ticks.iter().all(|tick| tick.seen.jobs.len() == 1));
    }

    #[test]
    fn a_speed_is_a_number_within_reason() {
        assert_eq!(speed("2"), Ok(2.0));
        for text in ["0", "-1", "fast", "NaN", "1e9"] {
            assert!(speed(text).is_err(), "{text}");
        }
    }
}
