//! `steelyard record`: what a policy's queries say over a time range, as a recording.

mod moment;

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use super::asked_wrongly;
use crate::engine::{JobTable, Observations, Timestamp};
use crate::policy::{self, PolicySet};
use crate::record::{Header, Writer};
use crate::run::settings::{Flags, Layers};
use crate::run::{Clock, Shutdown};
use crate::signals::{self, Client, Connection};

pub use moment::Moment;

/// How long one query may take where the settings do not say it. A range is thousands of instant queries in one, and
/// nobody's tick waits for it; 2 minutes are what Prometheus itself gives a query (`query.timeout`).
const QUERY_TIMEOUT: Duration = Duration::from_secs(120);

/// The options.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Times are RFC 3339 (2026-11-21T04:53:20Z), epoch seconds, a time before now (-6h) or now. There is a tick at --from, and
one each --step after it, up to --to.

A recording starts from empty memory: its replay is what a daemon decides that was started at --from. So begin some
minutes before what you want to look at: the policy's longest window, or twice its warmUp.

A query may take 2 minutes, or as long as `prometheus.timeout` of the settings says.")]
pub struct Args {
    /// The URL of Prometheus [default: that of the settings]
    #[arg(long, value_name = "URL")]
    prometheus: Option<String>,
    /// A policy file or folder (may be repeated): its queries are asked, and the recording carries it
    #[arg(long, value_name = "FILE", required = true)]
    policy: Vec<PathBuf>,
    /// The time of the first tick
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Moment,
    /// No tick is later
    #[arg(long, value_name = "TIME", default_value = "now", allow_hyphen_values = true)]
    to: Moment,
    /// The time between two ticks
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = humantime::parse_duration)]
    step: Duration,
    /// Where the recording goes; compressed with zstd where the name ends in .zst
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// The settings of `steelyard run`: how Prometheus is reached and how we show who we are
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Records.
///
/// # Errors
/// Times, settings or policies are wrong, Prometheus cannot be asked, or the file cannot be written.
pub async fn run(args: Args) -> anyhow::Result<bool> {
    let Args { prometheus, policy, from, to, step, output, config } = args;
    let now = Clock::wall().now();
    let span = Span { from: from.at(now), to: to.at(now), step };
    span.check(now).map_err(asked_wrongly)?;
    let policies = policy::load(&policy).map_err(asked_wrongly)?;
    let flags = Flags { prometheus_url: prometheus, policies: policy, ..Flags::default() };
    let layers = Layers::of_process(config, flags).with_query_timeout(QUERY_TIMEOUT);
    let connection = layers.read().map_err(asked_wrongly)?.prometheus;
    let part = Part::beside(&output).map_err(asked_wrongly)?;
    let shutdown = Shutdown::on_signals()?;
    tokio::select! {
        biased;
        () = shutdown.draining() => anyhow::bail!("interrupted: `{}` was not written", output.display()),
        recorded = record(&connection, &policies, span, now, &part) => recorded?,
    }
    part.put_in_place(&output)?;
    Ok(true)
}

async fn record(
    connection: &Connection,
    policies: &PolicySet,
    span: Span,
    now: Timestamp,
    part: &Part,
) -> anyhow::Result<()> {
    let client = Client::new(connection).map_err(asked_wrongly)?;
    let bar = bar();
    let mut jobs = JobTable::default();
    let Span { from, to, step } = span;
    let ticks = signals::range(&client, &mut jobs, policies, from, to, step, |done, total| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    })
    .await;
    bar.finish_and_clear();
    let ticks = ticks.context("failed to ask Prometheus")?;

    let header = Header::new(step, policies).with_created(now).with_source(without_credentials(&connection.url));
    let mut writer = Writer::create(&part.0, &header)?;
    for (at, seen) in &ticks {
        writer.write(*at, seen, policies, None)?;
    }
    writer.finish()?;
    let size = std::fs::metadata(&part.0).map(|file| file.len()).unwrap_or_default();
    // Nobody may be listening on stderr; the recording is there all the same.
    let _ = writeln!(io::stderr(), "{}", summary(&ticks, jobs.len(), size));
    Ok(())
}

/// What is in the recording, for people: gaps are told, as an empty recording looks like a quiet night.
fn summary(ticks: &[(Timestamp, Observations)], jobs: usize, size: u64) -> String {
    let empty = ticks.iter().filter(|(_, seen)| seen.jobs.is_empty()).count();
    let partial = ticks.iter().filter(|(_, seen)| seen.classes.iter().any(|class| !class.partial.is_empty())).count();
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    let (count, job) = (ticks.len(), plural(jobs));
    let mut text = format!("recorded {count} tick{} of {jobs} job{job}, {}", plural(count), HumanBytes(size));
    if empty > 0 {
        text += &format!("; {empty} ticks have no job: were the queries' series there at that time?");
    }
    if partial > 0 {
        text += &format!("; {partial} ticks are partial: Prometheus answered with warnings");
    }
    text
}

/// A URL as it may stand in a file that is passed on.
fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..authority].rfind('@').map_or(0, |at| at + 1);
    let path = rest.find(['?', '#']).unwrap_or(rest.len());
    format!("{scheme}://{}", &rest[host..path])
}

fn bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} requests, {elapsed}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// When the ticks are.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: Timestamp,
    to: Timestamp,
    step: Duration,
}

impl Span {
    fn check(self, now: Timestamp) -> anyhow::Result<()> {
        let Self { from, to, step } = self;
        anyhow::ensure!(from <= to, "--to {to} is before --from {from}: swap them");
        anyhow::ensure!(from <= now, "--from {from} has not come yet (it is {now}): nothing was measured there");
        anyhow::ensure!(
            step >= Duration::from_secs(1),
            "--step {} is below a second: Prometheus scrapes more seldom than that",
            humantime::format_duration(step)
        );
        Ok(())
    }
}

/// The recording while it is written: beside its place, so that a failure never leaves half a file there.
struct Part(PathBuf);

impl Part {
    /// A name beside `output`, with the same ending.
    fn beside(output: &Path) -> anyhow::Result<Self> {
        anyhow::ensure!(!output.is_dir(), "--output `{}` is a folder: name a file in it", output.display());
        let name = output.file_name().with_context(|| format!("--output `{}` names no file", output.display()))?;
        let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        anyhow::ensure!(folder.is_dir(), "there is no folder `{}` for --output: create it first", folder.display());
        Ok(Self(folder.join(format!(".{}.{}", std::process::id(), name.to_string_lossy()))))
    }

    fn put_in_place(&self, output: &Path) -> anyhow::Result<()> {
        std::fs::rename(&self.0, output).with_context(|| format!("failed to put `{}` in place", output.display()))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Gone already where it was put in place; there is nothing to be done where it cannot be removed.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_names_its_source_and_no_secret() {
        let rows = [
            ("http://prometheus:9090", "http://prometheus:9090"),
            ("https://me:p@ss@host:1/prom/", "https://host:1/prom/"),
            ("https://host/prom?token=1#x", "https://host/prom"),
            ("https://host/a@b", "https://host/a@b"),
            ("https://me:secret@host", "https://host"),
        ];
        for (url, expected) in rows {
            assert_eq!(without_credentials(url), expected, "{url}");
        }
    }

    #[test]
    fn a_span_that_makes_no_sense_is_refused() {
        let at = Timestamp::from_millis;
        let second = Duration::from_secs(1);
        let rows = [
            (at(0), at(0), second, ""),
            (at(1), at(0), second, "swap them"),
            (at(2_000), at(3_000), second, "has not come yet"),
            (at(0), at(0), second / 2, "below a second"),
        ];
        for (from, to, step, expected) in rows {
            let checked = Span { from, to, step }.check(at(1_000));
            let error = checked.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(expected) && error.is_empty() == expected.is_empty(), "{error}");
        }
    }
}
