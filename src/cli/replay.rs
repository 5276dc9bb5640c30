//! `steelyard replay`: what would have been decided over a recording, and what another policy would change.

mod difference;
mod draw;
mod playback;
mod telling;

use std::io::{self, IsTerminal as _, Write};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::watch;

use super::draw::ReportFile;
use super::{Color, Format, Output, Stdout, asked_wrongly};
use crate::engine::FleetLimits;
use crate::policy::{self, PolicySet};
use crate::record::{Error, Reader};
use crate::run::{Cycle, Rules, Shutdown};

pub use difference::{Comparing, Counts};
pub use draw::{Drawing, Sketch};
pub use playback::{Playback, Played};
pub use telling::{Telling, Tellings};

/// The options.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A replay is an open loop: counts and restarts are the recording's, nothing that is decided is carried out. It starts
from empty memory, as a daemon does that is started at the recording's first tick. The policies' modes and the daemon's
limits on the whole fleet are not looked at.

A recording that a live run made holds its decisions too. Without --policy they are compared with the replay's; what
differs is told on stderr.")]
pub struct Args {
    /// The recording (plain, or compressed with zstd)
    recording: PathBuf,
    /// A policy file or folder to decide by (may be repeated), instead of the recording's own policies of the same names
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// Print only where this policy file or folder decides otherwise, both answers; exit code 1 if there is such a place
    #[arg(long, value_name = "FILE")]
    against: Vec<PathBuf>,
    /// Print every tick, not only where the wish or the reason to hold changes
    #[arg(long)]
    all: bool,
    /// Draw it as an HTML file that stands alone; with --against both
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// How decisions are printed
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
    /// When to colour them
    #[arg(long, value_enum, default_value_t)]
    color: Color,
}

/// Replays.
///
/// # Errors
/// The recording or a policy cannot be used, or stdout cannot be written.
pub async fn run(args: Args) -> anyhow::Result<bool> {
    let Args { recording, policy, against, all, report, format, color } = args;
    let report = report.as_deref().map(ReportFile::new).transpose()?;
    let reader = Reader::open(&recording).map_err(refused)?;
    let policies = with(&reader, &policy)?;
    let shutdown = Shutdown::on_signals()?;
    let progress = spinner();
    let (source, played) = Playback::new(reader, progress.clone());
    let others = match &*against {
        [] => None,
        files => Some(with(source.reader(), files)?.plans(FleetLimits::default()).acting()),
    };
    let sketch = report.as_ref().map(|_| Arc::new(Sketch::new(Arc::clone(&played), &policies, others.clone())));
    let (differs, what) = if let Some(plans) = others {
        let comparing = Comparing::new(Stdout::default(), Arc::clone(&played), plans, format, all);
        let counts = comparing.counts();
        play(source, Drawing::new(comparing, sketch.clone()), policies, shutdown).await?;
        let counts = *counts.lock().unwrap_or_else(PoisonError::into_inner);
        (counts.differs(), counts.to_string())
    } else {
        let telling =
            Telling::new(Stdout::default(), Arc::clone(&played), Output { format, color }, all, policy.is_empty());
        let tellings = telling.tellings();
        play(source, Drawing::new(telling, sketch.clone()), policies, shutdown).await?;
        let tellings = *tellings.lock().unwrap_or_else(PoisonError::into_inner);
        (tellings.differences > 0, tellings.to_string())
    };
    progress.finish_and_clear();
    tell(&format!("{}: {what}", played.summary()));
    if let (Some(file), Some(sketch)) = (report, sketch) {
        file.write(&sketch.report(&format!("Replay of {}", recording.display())))?;
    }
    // An answer about a part is none about the whole.
    anyhow::ensure!(played.ended(), "interrupted: the rest of the recording was not looked at");
    match played.take_error() {
        Some(error) if error.is_truncation() => {
            tell(&format!("warning: {error}; what stands above is decided from that"));
            Ok(!differs)
        }
        Some(error) => Err(refused(error)),
        None => Ok(!differs),
    }
}

/// Runs the one loop over a recording, by these policies whatever their modes, with nothing held back by the fleet.
///
/// # Errors
/// What the sink says.
pub async fn play(
    source: Playback,
    sink: impl crate::run::Sink + Send,
    policies: PolicySet,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let rules = Rules::telling(Arc::new(policies), FleetLimits::default());
    let (_keep, rules) = watch::channel(Arc::new(rules));
    let cycle = Cycle { rules, recorder: None, audience: None };
    crate::run::run(source, sink, cycle, shutdown).await
}

/// The recording's policies with those of the files in their place.
fn with(reader: &Reader, files: &[PathBuf]) -> anyhow::Result<PolicySet> {
    let others = if files.is_empty() { PolicySet::default() } else { policy::load(files).map_err(asked_wrongly)? };
    reader.header().policies_with(&others).map_err(refused)
}

/// What is wrong with a recording is the asker's to mend, unless reading it failed.
pub(super) fn refused(error: Error) -> anyhow::Error {
    if error.is_bad_input() { asked_wrongly(error) } else { error.into() }
}

fn tell(line: &str) {
    // Nobody may be listening on stderr; that must not change the answer.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Shows that something happens while the answers go elsewhere.
fn spinner() -> ProgressBar {
    if !io::stderr().is_terminal() || io::stdout().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {human_pos} ticks, {per_sec}");
    ProgressBar::no_length().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}
