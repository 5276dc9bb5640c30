//! Prints what is decided over a recording, and compares it with what a live run decided.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};

use super::Played;
use crate::cli::{Output, line};
use crate::engine::{Decision, Observations};
use crate::record::RecordedDecision;
use crate::run::{Changes, Sink};

/// How many differences from the live run are told one by one.
const TOLD: u64 = 20;

/// Prints decisions as they come.
pub struct Telling<W> {
    output: W,
    played: Arc<Played>,
    how: Output,
    all: bool,
    compare: bool,
    changes: Changes,
    tellings: Arc<Mutex<Tellings>>,
}

/// What was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tellings {
    /// Decisions that were printed.
    pub printed: u64,
    /// Decisions of the live run that were compared.
    pub compared: u64,
    /// How many of those say something else than the replay.
    pub differences: u64,
}

impl<W: Write + Send> Telling<W> {
    /// Prints to `output`: every decision, or those that say something new. `compare`: also with the live run's.
    pub fn new(output: W, played: Arc<Played>, how: Output, all: bool, compare: bool) -> Self {
        Self { output, played, how, all, compare, changes: Changes::default(), tellings: Arc::default() }
    }

    /// What was told so far, to be looked at when the loop has ended.
    pub fn tellings(&self) -> Arc<Mutex<Tellings>> {
        Arc::clone(&self.tellings)
    }

    fn tell(&mut self, seen: &Observations, decisions: &[Decision]) -> anyhow::Result<Tellings> {
        let news = self.changes.among(seen, decisions);
        let told: Vec<&Decision> = if self.all {
            decisions.iter().collect()
        } else {
            news.into_iter().map(|(_, decision)| decision).collect()
        };
        for decision in &told {
            line::print(&mut self.output, self.how, decision)?;
        }
        if !told.is_empty() {
            self.output.flush()?;
        }
        Ok(Tellings { printed: told.len() as u64, ..Tellings::default() })
    }
}

impl<W: Write + Send> Sink for Telling<W> {
    async fn carry_out(&mut self, seen: &Observations, decisions: &[Decision]) -> anyhow::Result<()> {
        let mut now = self.tell(seen, decisions)?;
        if self.compare
            && let Some(recorded) = self.played.take_decisions()
        {
            let told = self.tellings.lock().unwrap_or_else(PoisonError::into_inner).differences;
            for difference in differences(&recorded, decisions) {
                now.differences += 1;
                if told + now.differences <= TOLD {
                    // Nobody may be listening on stderr; that must not change the answer.
                    let _ = writeln!(io::stderr(), "{difference}");
                }
            }
            now.compared = recorded.len().max(decisions.len()) as u64;
        }
        let mut tellings = self.tellings.lock().unwrap_or_else(PoisonError::into_inner);
        tellings.printed += now.printed;
        tellings.compared += now.compared;
        tellings.differences += now.differences;
        Ok(())
    }
}

/// Where the live run decided otherwise, in words. Decisions about one job stand in the same order on both sides.
fn differences(recorded: &[RecordedDecision], replayed: &[Decision]) -> Vec<String> {
    let mut taken = vec![false; recorded.len()];
    let mut found = Vec::new();
    for decision in replayed {
        let place = recorded.iter().enumerate().position(|(place, one)| !taken[place] && one.is_for(&decision.job));
        let Decision { job, at, action, because: _ } = decision;
        match place {
            Some(place) => {
                taken[place] = true;
                if !recorded[place].agrees_with(decision) {
                    found.push(format!("{at}  {job}  live: {}, replay: {action}", InWords(recorded[place].action())));
                }
            }
            None => found.push(format!("{at}  {job}  live: nothing, replay: {action}")),
        }
    }
    for (one, _) in recorded.iter().zip(taken).filter(|(_, taken)| !taken) {
        found.push(format!("{}/{}  live: {}, replay: nothing", one.namespace(), one.name(), InWords(one.action())));
    }
    found
}

/// A recorded decision, for people.
struct InWords<'a>(&'a Map<String, Value>);

impl fmt::Display for InWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |key| self.0.get(key).and_then(Value::as_str);
        match (self.0.get("from"), self.0.get("to")) {
            (Some(from), Some(to)) => write!(f, "{} {from} -> {to}", text("reason").unwrap_or("scale")),
            _ => write!(f, "{}", text("reason").or_else(|| text("action")).unwrap_or("?")),
        }
    }
}

impl fmt::Display for Tellings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { printed, compared, differences } = self;
        write!(f, "{printed} decisions printed")?;
        match (compared, differences) {
            (0, _) => Ok(()),
            (_, 0) => write!(f, "; all {compared} of the live run are the same"),
            _ => write!(f, "; {differences} of {compared} of the live run differ"),
        }
    }
}
