//! What became of the job, second by second.

/// The job at the end of one second.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Second {
    /// Records that arrived up to now.
    pub arrived: f64,
    /// Records that were worked off up to now, those that were read again counted each time: a counter.
    pub processed: f64,
    /// Records that were to be read again up to now: `arrived + again = processed + backlog`.
    pub again: f64,
    /// Records that wait. `arrived - backlog` is how far the job has read.
    pub backlog: f64,
    /// What a consumer group's lag shows: records since the last commit. The backlog where there is no group.
    pub group_lag: f64,
    /// Age of the oldest record that waits, in seconds; 0 where none waits.
    pub lag: f64,
    /// What could have been processed in this second.
    pub capacity: f64,
    /// Seconds that the hottest subtask was busy, up to now: a counter.
    pub busy: f64,
    /// Share of CPU of a worker times seconds, up to now: a counter, without the noise of measuring.
    pub cpu: f64,
    /// What measuring the CPU adds to it at this second.
    pub cpu_noise: f64,
    /// Workers that the spec asks for.
    pub wished: u32,
    /// Workers that the job has, also while it is down.
    pub width: u32,
    /// The second at which the job last went up; `None` while it is down.
    pub up_since: Option<u32>,
}

impl Second {
    /// Whether the job processes.
    pub fn is_up(&self) -> bool {
        self.up_since.is_some()
    }
}

/// The seconds of a run: entry 0 is how it begins, entry t the state after t seconds.
#[derive(Debug, Clone, Default)]
pub struct History {
    seconds: Vec<Second>,
    /// Seconds that were forgotten: what is left begins with that one.
    begins: u32,
}

impl History {
    /// A history that begins so.
    pub fn new(first: Second, expected: usize) -> Self {
        let mut seconds = Vec::with_capacity(expected + 1);
        seconds.push(first);
        Self { seconds, begins: 0 }
    }

    /// Forgets all but the last `keep` seconds, at least one: what runs without end must not grow without end. Whoever asks
    /// for what was forgotten is given the first second that is left.
    pub fn forget(&mut self, keep: u32) {
        let gone = self.seconds.len().saturating_sub((keep as usize).max(1));
        self.seconds.drain(..gone);
        self.begins = self.begins.saturating_add(u32::try_from(gone).unwrap_or(u32::MAX));
    }

    /// Adds the next second.
    pub fn push(&mut self, second: Second) {
        self.seconds.push(second);
    }

    /// Says how old the oldest record is that waits at the last second.
    pub(super) fn set_lag(&mut self, lag: f64) {
        if let Some(last) = self.seconds.last_mut() {
            last.lag = lag;
        }
    }

    /// The state after that many seconds; the last one for what has not come yet.
    pub fn at(&self, second: u32) -> &Second {
        let last = self.seconds.len() - 1;
        &self.seconds[(second.saturating_sub(self.begins) as usize).min(last)]
    }

    /// The second that it is.
    pub fn now(&self) -> u32 {
        u32::try_from(self.seconds.len() - 1).unwrap_or(u32::MAX).saturating_add(self.begins)
    }

    /// All of it that was not forgotten, the beginning first.
    pub fn seconds(&self) -> &[Second] {
        &self.seconds
    }

    /// How long the oldest record waits that had not been read when `read` records had been, at the last second.
    ///
    /// The age of the record at position `read`: now minus the moment at which the cumulative arrivals were that large
    /// (first in, first out). `near` is where to look first.
    pub fn age(&self, read: f64, near: &mut usize) -> f64 {
        let last = self.seconds.len() - 1;
        let mut at = (*near).min(last);
        while at > 0 && self.seconds[at].arrived > read {
            at -= 1;
        }
        while at < last && self.seconds[at + 1].arrived <= read {
            at += 1;
        }
        *near = at;
        if at == last {
            return 0.0;
        }
        // Within a second records arrive evenly.
        let (before, after) = (self.seconds[at].arrived, self.seconds[at + 1].arrived);
        let part = if after > before { ((read - before) / (after - before)).clamp(0.0, 1.0) } else { 0.0 };
        (last - at) as f64 - part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forgotten_changes_no_count_of_seconds() {
        let second = |at: u32| Second { arrived: f64::from(at), ..Second::default() };
        let mut history = History::new(second(0), 10);
        (1..=9).for_each(|at| history.push(second(at)));
        history.forget(4);
        assert_eq!((history.now(), history.seconds().len()), (9, 4));
        let arrived = [0, 6, 8, 9, 50].map(|at| history.at(at).arrived);
        assert_eq!(arrived, [6.0, 6.0, 8.0, 9.0, 9.0]);
        let mut near = 0;
        assert_eq!(history.age(7.0, &mut near), 2.0);
        history.push(second(10));
        assert_eq!((history.now(), history.at(10).arrived), (10, 10.0));
        history.forget(0);
        assert_eq!((history.now(), history.seconds().len()), (10, 1));
    }
}
