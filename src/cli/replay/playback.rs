//! A recording as a source of the loop.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::ProgressBar;

use crate::engine::{Observations, Timestamp};
use crate::policy::PolicySet;
use crate::record::{Error, Kept, Reader, RecordedDecision, Tick};
use crate::run::Source;

/// The progress is drawn at most this often, in ticks: drawing must not be what takes the time.
const DRAWN_EVERY: u64 = 1024;

/// Plays a recording, as fast as it is asked.
pub struct Playback {
    reader: Reader,
    next: Observations,
    played: Arc<Played>,
    progress: ProgressBar,
}

/// What is known of a playback while it runs and after: shared with the sink and with whoever started it.
#[derive(Debug, Default)]
pub struct Played(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    kept: Kept,
    jobs: usize,
    first: Option<Timestamp>,
    decisions: Option<Vec<RecordedDecision>>,
    error: Option<Error>,
    ended: bool,
}

impl Playback {
    /// The ticks of that recording.
    pub fn new(reader: Reader, progress: ProgressBar) -> (Self, Arc<Played>) {
        let played = Arc::<Played>::default();
        let next = Observations::default();
        (Self { reader, next, played: Arc::clone(&played), progress }, played)
    }

    /// The recording.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }
}

impl Source for Playback {
    async fn next_tick(&mut self) -> Option<Timestamp> {
        let tick = self.reader.next();
        let mut state = self.played.state();
        match tick {
            Some(Ok(Tick { at, seen, decisions })) => {
                state.kept = self.reader.kept();
                state.jobs = self.reader.jobs().len();
                state.first = state.first.or(Some(at));
                state.decisions = decisions;
                self.next = seen;
                if state.kept.ticks.is_multiple_of(DRAWN_EVERY) {
                    self.progress.inc(DRAWN_EVERY);
                }
                Some(at)
            }
            Some(Err(error)) => {
                state.error = Some(error);
                state.ended = true;
                None
            }
            None => {
                state.ended = true;
                None
            }
        }
    }

    async fn observe(&mut self, _: &Arc<PolicySet>, _: Timestamp) -> Observations {
        std::mem::take(&mut self.next)
    }
}

impl Played {
    /// Whether the recording was played to its end, be it a bad one. It is not where somebody ended us before.
    pub fn ended(&self) -> bool {
        self.state().ended
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a live run decided at the tick that is being played, if that was recorded. Takes it.
    pub fn take_decisions(&self) -> Option<Vec<RecordedDecision>> {
        self.state().decisions.take()
    }

    /// What ended the playback before the recording's end, if something did. Takes it.
    pub fn take_error(&self) -> Option<Error> {
        self.state().error.take()
    }

    /// The time of the tick that is being played.
    pub fn at(&self) -> Option<Timestamp> {
        self.state().kept.last
    }

    /// How many ticks were played.
    pub fn ticks(&self) -> u64 {
        self.state().kept.ticks
    }

    /// What was played, for people: `240 ticks (1h) of 3 jobs`.
    pub fn summary(&self) -> String {
        let state = self.state();
        let State { kept: Kept { ticks, last }, jobs, first, decisions: _, error: _, ended: _ } = &*state;
        let plural = |count: u64| if count == 1 { "" } else { "s" };
        let span = match (first, last) {
            (Some(first), Some(last)) => Duration::from_secs(last.since(*first).as_secs()),
            _ => Duration::ZERO,
        };
        let span = humantime::format_duration(span);
        format!("{ticks} tick{} ({span}) of {jobs} job{}", plural(*ticks), plural(*jobs as u64))
    }
}
