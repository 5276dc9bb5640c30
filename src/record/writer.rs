//! Writes a recording, so that one whose writer is killed can be read up to its last tick.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde::Serialize;
use zstd::stream::write::Encoder;

use super::error::Error;
use super::header::Header;
use super::wire::WireJob;
use crate::engine::{Action, ClassIndex, ClassObservation, Decision, Observations, Signal, SignalSet, Timestamp};
use crate::policy::PolicySet;

/// The level that zstd calls its default: the next ones cost several times as much for a few percent.
const LEVEL: i32 = 3;

/// Writes a recording.
///
/// After each tick everything is handed to the operating system, so the file of a killed process holds every tick
/// but perhaps the last. [`finish`](Self::finish) ends a compressed file properly; without it the reader says that
/// the end is missing.
pub struct Writer {
    output: Output,
    classes: Vec<String>,
    line: Vec<u8>,
}

enum Output {
    Plain(Box<dyn Write + Send>),
    Zstd(Encoder<'static, Box<dyn Write + Send>>),
}

impl Output {
    fn write_line(&mut self, line: &[u8]) -> std::io::Result<()> {
        let output: &mut dyn Write = match self {
            Self::Plain(output) => output,
            Self::Zstd(output) => output,
        };
        output.write_all(line)?;
        output.flush()
    }
}

impl Writer {
    /// Creates the file, or empties the one that is there, and writes the header. A name that ends in `.zst` gets
    /// a compressed file.
    ///
    /// # Errors
    /// The file cannot be created or written.
    pub fn create(path: &Path, header: &Header) -> Result<Self, Error> {
        let file = File::create(path).map_err(|source| Error::Create { path: path.into(), source })?;
        let compressed = path.extension().is_some_and(|extension| extension == "zst");
        Self::new(Box::new(BufWriter::new(file)), compressed, header)
    }

    /// Writes to anything that takes bytes, and the header at once.
    ///
    /// # Errors
    /// The header cannot be written.
    pub fn new(output: Box<dyn Write + Send>, compressed: bool, header: &Header) -> Result<Self, Error> {
        let output = if compressed {
            let mut encoder = Encoder::new(output, LEVEL).map_err(Error::Write)?;
            // So that a bit that flips on the way is an error and not another number.
            encoder.include_checksum(true).map_err(Error::Write)?;
            Output::Zstd(encoder)
        } else {
            Output::Plain(output)
        };
        let classes = header.policies().iter().map(|policy| policy.name.clone()).collect();
        let mut writer = Self { output, classes, line: Vec::new() };
        writer.write_line(header)?;
        Ok(writer)
    }

    /// Writes one tick: what was seen at that time by these policies, and what a live run decided.
    ///
    /// # Errors
    /// The line cannot be written, or a job is of a class that the header does not have (after a reload of the
    /// policies: begin another recording then).
    pub fn write(
        &mut self,
        at: Timestamp,
        seen: &Observations,
        policies: &PolicySet,
        decisions: Option<&[Decision]>,
    ) -> Result<(), Error> {
        let name = |class: ClassIndex| policies.policies.get(usize::from(class.0)).map(|policy| &*policy.plan.class);
        let only_class = self.classes.len() == 1;
        let mut jobs = Vec::with_capacity(seen.jobs.len());
        for job in &seen.jobs {
            let class = name(job.class).unwrap_or("?");
            if !self.classes.iter().any(|known| known == class) {
                return Err(Error::UnknownClass { job: job.id.clone(), class: class.to_owned() });
            }
            jobs.push(WireJob { class: (!only_class).then(|| class.into()), ..WireJob::from(job) });
        }
        let classes = seen.classes.iter().enumerate().filter(|(_, class)| **class != ClassObservation::default());
        let classes = classes.filter_map(|(position, ClassObservation { failed, partial, circuit_open_until })| {
            let class = name(ClassIndex(u16::try_from(position).ok()?))?;
            let circuit_open_until = *circuit_open_until;
            Some(ClassLine { class, failed: names(*failed), partial: names(*partial), circuit_open_until })
        });
        let decisions = decisions.map(|decisions| {
            decisions
                .iter()
                .map(|Decision { job, at: _, action, because: _ }| DecisionLine {
                    namespace: job.namespace(),
                    name: job.name(),
                    action,
                })
                .collect()
        });
        let line = TickLine { at, classes: classes.collect(), jobs, decisions };
        self.write_line(&line)
    }

    /// Ends the file.
    ///
    /// # Errors
    /// The last bytes cannot be written.
    pub fn finish(self) -> Result<(), Error> {
        let mut output = match self.output {
            Output::Plain(output) => output,
            Output::Zstd(encoder) => encoder.finish().map_err(Error::Write)?,
        };
        output.flush().map_err(Error::Write)
    }

    fn write_line(&mut self, line: &impl Serialize) -> Result<(), Error> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, line).map_err(|error| Error::Write(error.into()))?;
        self.line.push(b'\n');
        self.output.write_line(&self.line).map_err(Error::Write)
    }
}

fn names(signals: SignalSet) -> Vec<Signal> {
    signals.iter().collect()
}

#[derive(Serialize)]
struct TickLine<'a> {
    at: Timestamp,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    classes: Vec<ClassLine<'a>>,
    jobs: Vec<WireJob<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decisions: Option<Vec<DecisionLine<'a>>>,
}

#[derive(Serialize)]
struct ClassLine<'a> {
    class: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed: Vec<Signal>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    partial: Vec<Signal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    circuit_open_until: Option<Timestamp>,
}

/// A decision without its derivation: a replay derives it anew.
#[derive(Serialize)]
struct DecisionLine<'a> {
    namespace: &'a str,
    name: &'a str,
    #[serde(flatten)]
    action: &'a Action,
}
