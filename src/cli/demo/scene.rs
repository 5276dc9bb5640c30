//! Each decision with the numbers that it rests on, a line at a time.

use std::io::Write;
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount};

use crate::engine::{Action, Decision, JobObservation, Observations, Reading, Signal, Step, Timestamp};
use crate::policy::{PolicySet, Unit};
use crate::run::{Changes, Sink, paired};

/// A line is printed at least this often, in recorded time, so that one sees the numbers move.
const QUIET: Duration = Duration::from_secs(30);

/// Prints what was measured and what is decided.
pub(super) struct Scene<W> {
    output: W,
    bytes: bool,
    colored: bool,
    changes: Changes,
    first: Option<Timestamp>,
    printed: Option<Timestamp>,
}

impl<W: Write + Send> Scene<W> {
    pub fn new(output: W, policies: &PolicySet, colored: bool) -> Self {
        let unit = |policy: &crate::policy::Policy| {
            policy.signals.iter().find(|asked| asked.signal == Signal::Backlog).and_then(|asked| asked.unit)
        };
        let bytes = policies.policies.iter().filter_map(unit).all(|unit| unit == Unit::Bytes);
        Self { output, bytes, colored, changes: Changes::default(), first: None, printed: None }
    }

    fn line(&mut self, job: &JobObservation, decision: &Decision, new: bool) -> std::io::Result<()> {
        let Decision { at, action, job: _, because: _ } = decision;
        let since = at.since(*self.first.get_or_insert(*at)).as_secs();
        let workers = shown(job.running, |workers| format!("{workers:.0}"));
        // One operator with a backlog is what the recording has; of several the largest is the one to look at.
        let sources = || job.operators.iter().filter_map(|operator| Some((operator.throughput, operator.backlog?)));
        let (throughput, backlog) = sources()
            .max_by(|one, other| one.1.fresh().unwrap_or(-1.0).total_cmp(&other.1.fresh().unwrap_or(-1.0)))
            .unwrap_or_default();
        let rate = shown(throughput, |rate| format!("{}/s", self.quantity(rate)));
        let waiting = shown(backlog, |waiting| self.quantity(waiting));
        let takes = match (backlog.fresh(), throughput.fresh()) {
            (Some(backlog), Some(throughput)) if throughput > 0.0 => format!("{:.0} s", backlog / throughput),
            _ => "?".to_owned(),
        };
        let (paint, plain) = match action {
            Action::Scale { .. } if self.colored => ("\x1b[1;33m", "\x1b[0m"),
            Action::Hold(_) if self.colored && !new => ("\x1b[2m", "\x1b[0m"),
            _ => ("", ""),
        };
        let why = needs(decision);
        writeln!(
            self.output,
            "{:>2}:{:02}  workers {workers:>2}  reads {rate:>12}  waiting {waiting:>10} = {takes:>5}  {paint}{action}{plain}{why}",
            since / 60,
            since % 60,
        )?;
        self.output.flush()
    }

    fn quantity(&self, value: f64) -> String {
        if self.bytes { HumanBytes(value as u64).to_string() } else { HumanCount(value as u64).to_string() }
    }
}

impl<W: Write + Send> Sink for Scene<W> {
    async fn carry_out(&mut self, seen: &Observations, decisions: &[Decision]) -> anyhow::Result<()> {
        let new = !self.changes.among(seen, decisions).is_empty();
        let Some(at) = decisions.first().map(|decision| decision.at) else { return Ok(()) };
        let due = self.printed.is_none_or(|printed| at.since(printed) >= QUIET);
        if new || due {
            self.printed = Some(at);
            for (job, decision) in paired(seen, decisions) {
                self.line(job, decision, new)?;
            }
        }
        Ok(())
    }
}

/// What the count is made of, where one is wanted.
fn needs(decision: &Decision) -> String {
    let Action::Scale { .. } = decision.action else { return String::new() };
    let deciding = decision.because.iter().find_map(|step| match step {
        Step::Deciding { operator, .. } => Some(operator),
        _ => None,
    });
    let demand = decision.because.iter().find_map(|step| match step {
        Step::Demand { operator, keep_up, catch_up } if Some(operator) == deciding => Some((keep_up, catch_up)),
        _ => None,
    });
    demand.map_or_else(String::new, |(keep_up, catch_up)| {
        format!("  ({keep_up:.2} to keep up and {catch_up:.2} to catch up)")
    })
}

fn shown(reading: Reading, show: impl Fn(f64) -> String) -> String {
    reading.fresh().map_or_else(|| "?".to_owned(), show)
}
