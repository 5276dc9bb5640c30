//! Two policies over one recording: where they decide differently.

use std::collections::HashMap;
use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use super::Played;
use crate::cli::Format;
use crate::engine::{self, Answer, Decision, JobIndex, Memories, Observations, Plans, Timestamp};
use crate::run::{Gist, Sink, paired};

/// Decides a second time by other plans, and prints where the answers differ.
pub struct Comparing<W> {
    output: W,
    played: Arc<Played>,
    plans: Plans,
    memories: Memories,
    format: Format,
    all: bool,
    /// The last difference of each job whose last decisions differed.
    parted: HashMap<JobIndex, (Gist, Gist)>,
    counts: Arc<Mutex<Counts>>,
}

/// How much two policies differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    decisions: u64,
    differing: u64,
}

impl<W: Write + Send> Comparing<W> {
    /// Compares with these plans. `all`: prints at every tick at which they differ, not only where the difference does.
    pub fn new(output: W, played: Arc<Played>, plans: Plans, format: Format, all: bool) -> Self {
        let (memories, parted, counts) = (Memories::default(), HashMap::new(), Arc::default());
        Self { output, played, plans, memories, format, all, parted, counts }
    }

    /// The counts so far, to be looked at when the loop has ended.
    pub fn counts(&self) -> Arc<Mutex<Counts>> {
        Arc::clone(&self.counts)
    }

    fn print(&mut self, policy: &Decision, against: &Decision) -> anyhow::Result<()> {
        let Decision { job, at, action, because: _ } = policy;
        match self.format {
            Format::Json => {
                let (policy, against) = (policy.answer(), against.answer());
                let line = Both { at: *at, namespace: job.namespace(), name: job.name(), policy, against };
                serde_json::to_writer(&mut self.output, &line)?;
                self.output.write_all(b"\n")?;
            }
            Format::Table => writeln!(self.output, "{at}  {job}  {action}  against: {}", against.action)?,
        }
        Ok(())
    }
}

impl<W: Write + Send> Sink for Comparing<W> {
    async fn carry_out(&mut self, seen: &Observations, decisions: &[Decision]) -> anyhow::Result<()> {
        let Some(at) = self.played.at() else { return Ok(()) };
        let others = engine::tick(&self.plans, &mut self.memories, seen, at);
        let mut differing = 0;
        // Both sides have a plan for every class of the recording, so both decide for every job, in one order.
        for ((job, one), other) in paired(seen, decisions).zip(&others) {
            let gists = (Gist::of(one), Gist::of(other));
            if gists.0 == gists.1 {
                self.parted.remove(&job.index);
                continue;
            }
            differing += 1;
            if self.parted.insert(job.index, gists) != Some(gists) || self.all {
                self.print(one, other)?;
            }
        }
        if differing > 0 {
            self.output.flush()?;
        }
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.decisions += decisions.len() as u64;
        counts.differing += differing;
        Ok(())
    }
}

#[derive(Serialize)]
struct Both<'a> {
    at: Timestamp,
    namespace: &'a str,
    name: &'a str,
    policy: Answer<'a>,
    against: Answer<'a>,
}

impl Counts {
    /// Whether there is a difference at all.
    pub fn differs(&self) -> bool {
        self.differing > 0
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { decisions, differing } = self;
        match differing {
            0 => write!(f, "all {decisions} decisions are the same"),
            _ => write!(f, "{differing} of {decisions} decisions differ"),
        }
    }
}
