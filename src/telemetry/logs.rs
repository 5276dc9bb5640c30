//! The log: to stderr, for people or as JSON, its level changeable while it runs.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use tracing::Span;
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry, fmt as layer, reload};

use crate::engine::{Action, Decision, Hold, JobId, Timestamp, Workers};

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// The name in settings and flags.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
        }
    }
}

/// What is logged: `error`, `warn`, `info`, `debug`, `trace`, `off`, or a list of `module=level`
/// (`info,steelyard::signals=debug`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct LogLevel(String);

impl Default for LogLevel {
    fn default() -> Self {
        Self("info".into())
    }
}

impl LogLevel {
    fn filter(&self) -> EnvFilter {
        EnvFilter::builder().parse_lossy(&self.0)
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for LogLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = |level: &str| !level.is_empty() && level.parse::<tracing_subscriber::filter::LevelFilter>().is_ok();
        let whole = text.split(',').all(|part| match part.rsplit_once('=') {
            Some((_, level)) => known(level),
            None => known(part),
        });
        match EnvFilter::builder().parse(text) {
            Ok(_) if whole && !text.trim().is_empty() => Ok(Self(text.to_owned())),
            _ => Err(format!(
                "`{text}` is no log level: write error, warn, info, debug, trace or off, \
                 or for example `info,steelyard::signals=debug`"
            )),
        }
    }
}

impl TryFrom<String> for LogLevel {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// The log of this process.
#[derive(Debug, Clone)]
pub struct Logs {
    level: reload::Handle<EnvFilter, Registry>,
}

impl Logs {
    /// Starts logging to stderr, unless this process logs already.
    pub fn start(format: LogFormat, level: &LogLevel, colored: bool) -> Self {
        let (filter, handle) = reload::Layer::new(level.filter());
        let lines = layer::layer().with_writer(io::stderr).with_ansi(colored);
        let lines = match format {
            LogFormat::Human => lines.with_target(false).boxed(),
            LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
        };
        // A second subscriber is refused: the first one stays, which only tests see.
        let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
        Self { level: handle }
    }

    /// Logs from now on what that level asks for.
    pub fn set_level(&self, level: &LogLevel) {
        // Fails only when the subscriber is gone, and with it the log.
        let _ = self.level.reload(level.filter());
    }
}

/// The span of one class at one tick.
pub fn class_at(class: &str, at: Timestamp) -> Span {
    // Of the highest level: a warning keeps its tick and policy where nothing below warnings is logged.
    tracing::error_span!("class", tick = %at, policy = class)
}

/// The one event of a decision that changed: info when it scales (or would, but for the mode), debug when it holds. To
/// be told inside the span of its class.
pub fn decision(decision: &Decision) {
    let (job, namespace) = (decision.job.name(), decision.job.namespace());
    let because = || decision.because.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    match &decision.action {
        Action::Scale { from, to } => {
            tracing::info!(namespace, job, from = from.0, to = to.0, because = because(), "decision");
        }
        Action::Hold(hold @ Hold::Observing { from, to }) => tracing::info!(
            namespace,
            job,
            hold = hold.name(),
            from = from.0,
            to = to.0,
            because = because(),
            "decision"
        ),
        Action::Hold(hold) => tracing::debug!(
            namespace,
            job,
            hold = hold.name(),
            to = hold.wish().map(|to| to.0),
            because = because(),
            "decision"
        ),
    }
}

/// The one event of a decision that was carried out, or was not: info when the count is set, a warning when that failed
/// and it is news. To be told inside the span of its class.
pub fn carried_out(
    job: &JobId,
    (from, to): (Workers, Workers),
    (outcome, error): (&'static str, Option<&str>),
    elapsed: Duration,
    news: bool,
) {
    let (job, namespace, from, to) = (job.name(), job.namespace(), from.0, to.0);
    match error {
        Some(error) if news => {
            tracing::warn!(namespace, job, from, to, outcome, error, ?elapsed, "failed to scale, will decide anew");
        }
        Some(error) => tracing::debug!(namespace, job, from, to, outcome, error, ?elapsed, "failed to scale again"),
        None if outcome == "scaled" => tracing::info!(namespace, job, from, to, outcome, ?elapsed, "scaled"),
        None => tracing::debug!(namespace, job, from, to, outcome, ?elapsed, "not scaled, will decide anew"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_a_word_or_a_list_and_nothing_else() {
        for good in ["info", "off", "debug", "info,steelyard::signals=debug", "warn,hyper=error"] {
            assert_eq!(good.parse::<LogLevel>().map(|level| level.to_string()), Ok(good.to_owned()), "{good}");
        }
        for bad in ["", "loud", "info,steelyard=loud", "info,,debug"] {
            let error = bad.parse::<LogLevel>().expect_err(bad);
            assert!(error.contains("is no log level"), "{error}");
        }
    }
}
