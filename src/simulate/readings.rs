//! What can be seen of the job: at some second, over some window, and not at all while it is down.

use super::history::{History, Second};
use super::plant::Metrics;

/// The job as its series show it at one second.
///
/// While the job is down, and for `blindAfterRestart` after that, there are no series: every answer but
/// [`Self::group_lag`] is `None`, never 0.
#[derive(Debug, Clone, Copy)]
pub struct Readings<'a> {
    history: &'a History,
    at: u32,
    blind: f64,
}

impl<'a> Readings<'a> {
    /// As Prometheus shows it at `now`: the newest scrape that has arrived.
    pub fn scraped(history: &'a History, metrics: &Metrics, now: u32) -> Self {
        let arrived = f64::from(now) - metrics.delay;
        let at = (arrived / metrics.scrape).floor() * metrics.scrape;
        Self { history, at: at.max(0.0) as u32, blind: metrics.blind_after_restart }
    }

    /// As the job itself says it at `now`.
    pub fn exact(history: &'a History, now: u32) -> Self {
        Self { history, at: now, blind: 0.0 }
    }

    /// The second that is seen.
    pub fn at(&self) -> u32 {
        self.at
    }

    fn second(&self, at: u32) -> &'a Second {
        self.history.at(at)
    }

    /// When the job went up, if it is up and its series are there.
    pub fn up_since(&self) -> Option<u32> {
        self.second(self.at).up_since.filter(|up| *up == 0 || f64::from(self.at) >= f64::from(*up) + self.blind)
    }

    /// Workers that run.
    pub fn running(&self) -> Option<u32> {
        self.up_since().map(|_| self.second(self.at).width)
    }

    /// Seconds since the job went up.
    pub fn running_for(&self) -> Option<f64> {
        self.up_since().map(|up| f64::from(self.at - up))
    }

    /// Records that wait, as the job says it.
    pub fn backlog(&self) -> Option<f64> {
        self.up_since().map(|_| self.second(self.at).backlog)
    }

    /// Records that wait, as the consumer group's lag says it: seen while the job is down, too, and up to one commit
    /// interval of records too large. The backlog itself where the group commits all the time.
    pub fn group_lag(&self) -> f64 {
        self.second(self.at).group_lag
    }

    /// Records processed since the job went up: a counter of this generation.
    pub fn processed(&self) -> Option<f64> {
        let up = self.up_since()?;
        Some(self.second(self.at).processed - self.second(up).processed)
    }

    /// Records per second over the last `window` seconds, whatever the job did then: what was processed before a restart and
    /// the time that it took are both in it.
    pub fn throughput(&self, window: u32) -> Option<f64> {
        self.up_since()?;
        let from = self.at.saturating_sub(window);
        self.mean(from, |second| second.processed)
    }

    /// Records of this generation in the last `window` seconds, divided by `window` also where it is younger: Flink's
    /// `numRecordsInPerSecond`, which begins at 0 after each restart.
    pub fn gauge(&self, window: u32) -> Option<f64> {
        let up = self.up_since()?;
        let from = self.at.saturating_sub(window).max(up);
        Some((self.second(self.at).processed - self.second(from).processed) / f64::from(window.max(1)))
    }

    /// Busy share of the hottest subtask over the last `window` seconds of this generation.
    pub fn busy(&self, window: u32) -> Option<f64> {
        let up = self.up_since()?;
        self.mean(self.at.saturating_sub(window).max(up), |second| second.busy)
    }

    /// Mean share of CPU of a worker over the last `window` seconds, as it is measured, at least 0.
    pub fn cpu(&self, window: u32) -> Option<f64> {
        self.up_since()?;
        let from = self.at.saturating_sub(window);
        Some((self.mean(from, |second| second.cpu)? + self.second(self.at).cpu_noise).max(0.0))
    }

    /// Growth of a counter from one second to the one that is seen, per second; `None` where that is no time.
    fn mean(&self, from: u32, counter: impl Fn(&Second) -> f64) -> Option<f64> {
        let span = self.at.checked_sub(from).filter(|span| *span > 0)?;
        Some((counter(self.second(self.at)) - counter(self.second(from))) / f64::from(span))
    }
}
