//! What is remembered of one operator: its newest samples, its running total, the level of its input, its capacity.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::total::Total;
use crate::engine::estimate::{Capacity, Level, MIN_POINTS};
use crate::engine::job::Workers;
use crate::engine::learned::LearnedInput;
use crate::engine::observation::OperatorObservation;
use crate::engine::plan::Plan;
use crate::engine::reading::Reading;
use crate::engine::room;
use crate::engine::sight::Sight;
use crate::engine::time::Timestamp;

/// A job is saturated where its backlog was above two seconds of throughput for this long.
const SATURATED_FOR: Duration = Duration::from_secs(60);
/// What is left of a backlog that shrinks may wait in a few partitions, whose readers are then the only ones that work: in the
/// last ten seconds of a real job's backlog four workers did 329/s in place of 400.
const IN_EVERY_PARTITION: f64 = 10.0;
/// Readings that far from each other at least: one of a minute may be lost.
const SATURATED_SPAN: Duration = Duration::from_secs(40);
/// Below this share of busy time, throughput / busy is noise over noise.
const LEAST_BUSY: f64 = 0.2;

/// What is remembered of one operator.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OperatorMemory {
    pub(super) operator: Arc<str>,
    /// When the backlog query last had a row for it.
    pub(super) last_row: Option<Timestamp>,
    /// Backlog and throughput since the job last started, oldest first.
    samples: VecDeque<Sample>,
    /// Boxed, as not every policy gives totals.
    total: Option<Box<Total>>,
    pub(super) level: Level,
    pub(super) capacity: Capacity,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Sample {
    at: Timestamp,
    backlog: f64,
    throughput: f64,
}

/// What the job as a whole says about a tick.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub started: Timestamp,
    /// Whether some workers do not report.
    pub gap: bool,
    pub busy: Option<f64>,
    /// Whose capacity this is, where it can be learned from.
    pub learn: Option<Workers>,
}

impl OperatorMemory {
    pub(super) fn new(operator: Arc<str>) -> Self {
        Self {
            operator,
            last_row: None,
            samples: VecDeque::new(),
            total: None,
            level: Level::default(),
            capacity: Capacity::default(),
        }
    }

    /// An operator that another process knew.
    pub(super) fn recalled(input: &LearnedInput) -> Self {
        Self {
            last_row: Some(input.seen),
            level: Level::recalled(input.per_second, input.deviation, input.span, input.seen),
            ..Self::new(Arc::clone(&input.operator))
        }
    }

    /// Takes in a tick. Whether what was known of the capacity turned out to be wrong.
    pub(super) fn observe(
        &mut self,
        plan: &Plan,
        now: &OperatorObservation,
        sight: &Sight,
        look: &Look,
        at: Timestamp,
    ) -> bool {
        let backlog = now.backlog.map(|backlog| sight.judge(plan, backlog));
        let fresh_backlog = backlog.and_then(Reading::fresh);
        let usual = self.level.per_second();
        let totalled = now.total.and_then(|total| {
            let seen = (sight.judge(plan, total), fresh_backlog);
            self.total.get_or_insert_default().take(plan, seen, look, usual, at)
        });
        let throughput = if now.total.is_some() { self.rate() } else { sight.judge(plan, now.throughput).fresh() };
        if backlog.is_none() {
            return false;
        }
        self.last_row = Some(at);
        let (Some(backlog), Some(throughput)) = (fresh_backlog, throughput) else { return false };
        // Across a gap as long as the window nobody knows what the backlog did.
        if self.samples.back().is_some_and(|newest| newest.at < at.minus(plan.growth_window)) {
            self.samples.clear();
        }
        let tick = self.samples.back().map_or(Duration::ZERO, |newest| at.since(newest.at)).as_millis();
        // Of ticks like the last one both ends of what is watched, and the one that is dropped next.
        let kept = || plan.watched().as_millis().checked_div(tick).map_or(1, |ticks| ticks + 2);
        room::make(&mut self.samples, || usize::try_from(kept()).unwrap_or(usize::MAX));
        self.samples.push_back(Sample { at, backlog, throughput });
        if look.gap {
            return false;
        }
        let input = match now.growth.map(|growth| sight.judge(plan, growth)) {
            Some(growth) => growth.fresh().map(|growth| throughput + growth),
            None if now.total.is_some() && plan.commit_interval.is_none() => {
                totalled.and_then(|difference| difference.input)
            }
            None => self.balance(plan, now.total.is_some(), look.started, at),
        };
        if let Some(input) = input {
            self.level.take(input, plan.input_window, at);
        }
        self.learn(plan, now.total.is_some(), throughput, look, at)
    }

    /// What came in per second over a window: what was processed and what the backlog grew by, between the same ends.
    fn balance(&self, plan: &Plan, totals: bool, started: Timestamp, at: Timestamp) -> Option<f64> {
        let window = plan.balance_window(totals);
        let newest = self.samples.back()?;
        let of_this_start = self.samples.iter().rev().skip(1).take_while(|sample| sample.at >= started);
        // What is younger is further from a whole interval than a quarter of itself: no quotient is needed to see that.
        let young = at.minus(window.saturating_mul(4) / 5);
        // Ticks and commits do not beat as one: the shortest span that is whole intervals, but for a quarter.
        let oldest = of_this_start.skip_while(|sample| sample.at > young).find(|sample| {
            let span = at.since(sample.at);
            let times = (span.as_secs_f64() / window.as_secs_f64()).round();
            times >= 1.0 && span.abs_diff(window.mul_f64(times)) <= span / 4
        })?;
        let span = newest.at.since(oldest.at).as_secs_f64();
        if span <= 0.0 {
            return None;
        }
        let throughput = if !totals && window == plan.rate_window {
            newest.throughput
        } else {
            let mut worked = 0.0;
            let since = self.samples.iter().skip_while(|sample| sample.at < oldest.at);
            for (before, after) in since.clone().zip(since.skip(1)) {
                worked += after.throughput * after.at.since(before.at).as_secs_f64();
            }
            worked / span
        };
        Some(throughput + (newest.backlog - oldest.backlog) / span)
    }

    fn learn(&mut self, plan: &Plan, totals: bool, throughput: f64, look: &Look, at: Timestamp) -> bool {
        let Some(workers) = look.learn.filter(|_| throughput > 0.0) else { return false };
        if self.is_saturated(plan, throughput, at) && !self.is_nearly_drained(throughput, at) {
            return self.capacity.learn(workers, throughput, true);
        }
        let Some(busy) = look.busy.filter(|busy| *busy >= LEAST_BUSY) else { return false };
        // The busy share is a mean over the window of the rates; so must be what is divided by it.
        let worked = if totals { self.mean_throughput(plan.rate_window, at).unwrap_or(throughput) } else { throughput };
        self.capacity.learn(workers, worked / busy.min(1.0), false)
    }

    /// The mean of what was processed per second in the ticks of a window.
    fn mean_throughput(&self, window: Duration, at: Timestamp) -> Option<f64> {
        let lately = self.samples.iter().rev().take_while(|sample| at.since(sample.at) < window);
        let (count, sum) = lately.fold((0.0, 0.0), |(count, sum), sample| (count + 1.0, sum + sample.throughput));
        (count > 0.0).then(|| sum / count)
    }

    fn last_minute(&self, at: Timestamp) -> impl Iterator<Item = &Sample> {
        let since = at.minus(SATURATED_FOR);
        self.samples.iter().rev().take_while(move |sample| sample.at >= since)
    }

    /// Whether so much was waiting all the time that the job could not have processed more.
    pub fn is_saturated(&self, plan: &Plan, throughput: f64, at: Timestamp) -> bool {
        let in_flight = plan.in_flight().as_secs_f64() * throughput;
        let mut oldest = None;
        for sample in self.last_minute(at) {
            if sample.backlog <= in_flight {
                return false;
            }
            oldest = Some(sample.at);
        }
        oldest.is_some_and(|oldest| oldest <= at.minus(SATURATED_SPAN))
    }

    /// Whether the rest of a backlog is being worked off.
    fn is_nearly_drained(&self, throughput: f64, at: Timestamp) -> bool {
        let mut lately = self.last_minute(at).map(|sample| sample.backlog);
        let (newest, oldest) = (lately.next().unwrap_or(0.0), lately.last().unwrap_or(0.0));
        newest <= IN_EVERY_PARTITION * throughput && newest < oldest
    }

    /// The mean throughput of the last minute.
    pub fn recent_throughput(&self, at: Timestamp) -> Option<f64> {
        let (count, sum) =
            self.last_minute(at).fold((0.0, 0.0), |(count, sum), sample| (count + 1.0, sum + sample.throughput));
        (count > 0.0).then(|| sum / count)
    }

    /// Drops what is older than anybody looks at, or than the job's last start. The newest five stay, however far apart:
    /// a window that is shorter than five ticks would never say anything.
    pub(super) fn trim(&mut self, window: Duration, started: Timestamp, at: Timestamp) {
        let since = at.minus(window);
        while self
            .samples
            .front()
            .is_some_and(|oldest| oldest.at < started || (oldest.at < since && self.samples.len() > MIN_POINTS))
        {
            self.samples.pop_front();
        }
    }

    /// The samples of a window; five at least.
    fn within(
        &self,
        window: Duration,
        at: Timestamp,
    ) -> impl ExactSizeIterator<Item = &Sample> + DoubleEndedIterator + Clone {
        let since = at.minus(window);
        let older = match self.samples.front() {
            Some(oldest) if oldest.at < since => self.samples.partition_point(|sample| sample.at < since),
            _ => 0,
        };
        self.samples.range(older.min(self.samples.len().saturating_sub(MIN_POINTS))..)
    }

    /// The backlog over a window: (seconds before now as a negative number, backlog), oldest first.
    pub fn backlog(
        &self,
        window: Duration,
        at: Timestamp,
    ) -> impl ExactSizeIterator<Item = (f64, f64)> + DoubleEndedIterator + Clone {
        self.within(window, at).map(move |sample| (-at.since(sample.at).as_secs_f64(), sample.backlog))
    }

    /// The highest throughput within a window.
    pub fn highest_throughput(&self, window: Duration, at: Timestamp) -> f64 {
        self.within(window, at).map(|sample| sample.throughput).fold(0.0, f64::max)
    }

    /// What was processed per second, where that was worked out from a running total at the newest tick.
    pub fn rate(&self) -> Option<f64> {
        self.total.as_deref()?.told()
    }

    /// Whether nothing waits that is worth a name.
    pub(super) fn is_drained(&self, window: Duration, at: Timestamp) -> bool {
        let Some(newest) = self.samples.back() else { return false };
        newest.backlog <= 0.0 || self.within(window, at).any(|sample| sample.throughput >= newest.backlog)
    }

    /// The newest backlog; of a group's lag the least within one commit interval, as it grows until the group commits. 0
    /// where none was seen since the job last started.
    pub fn standing_backlog(&self, plan: &Plan, at: Timestamp) -> f64 {
        let newest = self.samples.back().map_or(0.0, |newest| newest.backlog);
        let Some(interval) = plan.commit_interval else { return newest };
        let since = at.minus(interval);
        let lately = self.samples.iter().rev().take_while(|sample| sample.at >= since);
        lately.map(|sample| sample.backlog).fold(newest, f64::min)
    }

    /// The level of the input.
    pub fn level(&self) -> &Level {
        &self.level
    }

    /// What counts of workers can process.
    pub fn capacity(&self) -> &Capacity {
        &self.capacity
    }
}
