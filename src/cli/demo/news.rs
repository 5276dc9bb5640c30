//! Which decisions are worth a line.

use std::collections::HashMap;
use std::io::Write;
use std::time::Duration;

use super::fleet::Fleet;
use super::stage::Audience;
use crate::cli::line;
use crate::engine::{Action, Decision, Hold, JobIndex, JobObservation, Step};
use crate::run::Gist;

/// The decisions that say something that a reader does not know: changes, and holds that are no part of every change.
#[derive(Debug, Default)]
pub(super) struct News {
    told: HashMap<JobIndex, Gist>,
    /// Since when nothing, or not all, was to be seen of a job.
    unseen: HashMap<JobIndex, u32>,
}

/// A restart hides a job for a moment; that long, in seconds, is no restart.
const LONG: u32 = 180;

/// One of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    /// Seconds since the start.
    pub at: u32,
    pub job: String,
    pub action: String,
    pub why: String,
    pub scales: bool,
}

impl News {
    /// What is new at this tick.
    pub fn among(&mut self, at: u32, told: &[(&JobObservation, &Decision)]) -> Vec<Item> {
        let mut items = Vec::new();
        for (job, decision) in told {
            let Decision { job: id, at: _, action, because } = decision;
            if !is_unseen(action) {
                self.unseen.remove(&job.index);
            } else if at - *self.unseen.entry(job.index).or_insert(at) < LONG {
                continue;
            }
            if is_routine(action) {
                continue;
            }
            let gist = Gist::of(decision);
            if self.told.insert(job.index, gist) == Some(gist) {
                continue;
            }
            let why = why(action, because);
            let scales = matches!(action, Action::Scale { .. });
            items.push(Item { at, job: id.to_string(), action: action.to_string(), why, scales });
        }
        items
    }
}

/// What opened the gate and what decided the count: a line has no room for all that was read.
fn why(action: &Action, because: &[Step]) -> String {
    let read = |step: &&Step| {
        matches!(
            step,
            Step::Operator { .. }
                | Step::SmallBacklog { .. }
                | Step::Input { .. }
                | Step::Restart { .. }
                | Step::Deciding { .. }
                | Step::GatesShut { .. }
        )
    };
    let steps = line::key_steps(action, because).into_iter().filter(|step| !read(step));
    steps.map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Holds that every job goes through, before, after and between changes.
fn is_routine(action: &Action) -> bool {
    matches!(
        action,
        Action::Hold(
            Hold::Rescaling { .. }
                | Hold::WarmingUp { .. }
                | Hold::Recovering { .. }
                | Hold::Draining { .. }
                | Hold::WithinBand
                | Hold::Stabilizing { .. }
                | Hold::NotWorthRestart { .. }
                | Hold::AtMin
        )
    )
}

/// Holds that a restart brings, and that are news where they last.
fn is_unseen(action: &Action) -> bool {
    matches!(action, Action::Hold(Hold::NotRunning | Hold::PartialData { .. } | Hold::MissingSignal { .. }))
}

/// A time since the start as the demo's clock has it.
pub(super) fn clock(fleet: &Fleet, at: u32) -> String {
    let now = fleet.at().minus(Duration::from_secs(u64::from(fleet.now().saturating_sub(at))));
    let text = now.to_string();
    text.get(11..19).unwrap_or_default().to_owned()
}

/// Prints them as lines.
pub(super) struct Lines<W> {
    output: W,
    colored: bool,
    news: News,
}

impl<W: Write + Send> Lines<W> {
    pub fn new(output: W, colored: bool) -> Self {
        Self { output, colored, news: News::default() }
    }
}

impl<W: Write + Send> Audience for Lines<W> {
    fn show(&mut self, fleet: &Fleet, told: &[(&JobObservation, &Decision)]) -> anyhow::Result<()> {
        let items = self.news.among(fleet.now(), told);
        for Item { at, job, action, why, scales } in &items {
            let (bold, plain) = if self.colored && *scales { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
            let why = if why.is_empty() { String::new() } else { format!("  ({why})") };
            writeln!(self.output, "{}  {job:<17}  {bold}{action}{plain}{why}", clock(fleet, *at))?;
        }
        if !items.is_empty() {
            self.output.flush()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{ClassIndex, JobId, Observations, Timestamp, Workers};
    use crate::run::paired;

    #[test]
    fn what_every_job_goes_through_is_no_news_and_nothing_is_told_twice() {
        let scale = |from, to| Action::Scale { from: Workers(from), to: Workers(to) };
        let stalled = || Action::Hold(Hold::Stalled { operator: "source".into() });
        let warming = Action::Hold(Hold::WarmingUp { remaining: Duration::from_secs(5) });
        let not_running = || Action::Hold(Hold::NotRunning);
        let rows: [(Action, bool); 10] = [
            (Action::Hold(Hold::WithinBand), false),
            (scale(2, 3), true),
            (Action::Hold(Hold::Rescaling { wished: Workers(3), running: Workers(2) }), false),
            (warming, false),
            (stalled(), true),
            (stalled(), false),
            (scale(3, 4), true),
            // Every 100 s: after 200 s it is no restart any more.
            (not_running(), false),
            (not_running(), false),
            (not_running(), true),
        ];
        let mut news = News::default();
        let job = JobObservation::unseen(JobIndex(0), JobId::new("shop", "orders"), ClassIndex(0));
        let seen = Observations { classes: Vec::new(), jobs: vec![job] };
        for (place, (action, told)) in (1_u32..).zip(rows) {
            let id = seen.jobs[0].id.clone();
            let decisions = [Decision { job: id, at: Timestamp::default(), action, because: Vec::new() }];
            let pairs: Vec<_> = paired(&seen, &decisions).collect();
            assert_eq!(!news.among(place * 100, &pairs).is_empty(), told, "{place}");
        }
    }
}
