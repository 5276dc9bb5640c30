//! What the collector keeps of a job vertex, and the rates and means that are read from it.

use std::collections::VecDeque;

/// What one pass reads from a source vertex that does all of the work itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// `numRecordsIn`: records since the vertex last started.
    pub consumed: f64,
    /// `numRecordsInPerSecond`: records/s over the last 60 s; it climbs from 0 after a start.
    pub per_second: f64,
    /// `busyTimeMsPerSecond` of the busiest subtask, over the last 60 s or since the start.
    pub busy_ms: f64,
    /// `backPressuredTimeMsPerSecond`, the mean of the subtasks.
    pub back_pressured_ms: f64,
    /// `pendingRecords`; a source without that metric has none.
    pub pending: Option<f64>,
}

/// A reading as it is kept: three decimals, the lag of a source without one as 0, and the capacity that was noted.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    at: u32,
    consumed: f64,
    busy: f64,
    lag: f64,
    /// Records/s; NaN: nothing was noted.
    observed: f64,
}

impl Sample {
    pub fn of(reading: &Reading, at: u32, observed: f64) -> Self {
        Self {
            at,
            consumed: three_decimals(reading.consumed),
            busy: three_decimals(reading.busy_ms.max(0.0) / 1000.0),
            lag: three_decimals(reading.pending.unwrap_or(0.0)),
            observed: three_decimals(observed),
        }
    }
}

/// The samples since the last start, oldest first.
#[derive(Debug, Default)]
pub struct History(VecDeque<Sample>);

impl History {
    pub fn first_at(&self) -> Option<u32> {
        self.0.front().map(|sample| sample.at)
    }

    /// The first sample at or after a time.
    pub fn first_at_or_after(&self, at: u32) -> Option<u32> {
        self.0.iter().map(|sample| sample.at).find(|when| *when >= at)
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn push(&mut self, sample: Sample) {
        self.0.push_back(sample);
    }

    /// Drops what is older than a time.
    pub fn keep_from(&mut self, at: u32) {
        while self.0.front().is_some_and(|sample| sample.at < at) {
            self.0.pop_front();
        }
    }

    /// The newest lag, in records.
    pub fn lag(&self) -> f64 {
        self.0.back().map_or(0.0, |sample| sample.lag)
    }

    /// Records/s between the two end points; nothing in between counts. NaN with fewer than two.
    pub fn consumed_rate(&self) -> f64 {
        self.slope(|sample| sample.consumed)
    }

    /// Growth of the lag between the two end points, in records/s.
    pub fn lag_rate(&self) -> f64 {
        self.slope(|sample| sample.lag)
    }

    /// Mean of the busy gauge, as a share.
    pub fn busy(&self) -> f64 {
        self.mean(1, |sample| sample.busy)
    }

    /// Mean of the noted capacities, records/s; NaN with fewer than `least`, infinite where nothing finite is there.
    pub fn observed(&self, least: u32) -> f64 {
        self.mean(least, |sample| sample.observed)
    }

    fn slope(&self, of: impl Fn(&Sample) -> f64) -> f64 {
        let (Some(first), Some(last)) = (self.0.front(), self.0.back()) else { return f64::NAN };
        if self.0.len() < 2 {
            return f64::NAN;
        }
        (of(last) - of(first)) / (last.at - first.at).max(1) as f64
    }

    fn mean(&self, least: u32, of: impl Fn(&Sample) -> f64) -> f64 {
        let (mut sum, mut count, mut infinite) = (0.0, 0_u32, false);
        for value in self.0.iter().map(of) {
            if value.is_finite() {
                sum += value;
                count += 1;
            } else {
                infinite |= value.is_infinite();
            }
        }
        match count {
            0 if infinite => f64::INFINITY,
            count if count == 0 || count < least => f64::NAN,
            count => sum / f64::from(count),
        }
    }
}

/// Half up to three decimals, never down to 0.
fn three_decimals(value: f64) -> f64 {
    let rounded = (value * 1000.0).round() / 1000.0;
    if rounded == 0.0 || !rounded.is_finite() { value } else { rounded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_keep_three_decimals() {
        for (value, kept) in
            [(0.3745, 0.375), (0.3744, 0.374), (0.0004, 0.0004), (0.0, 0.0), (f64::INFINITY, f64::INFINITY)]
        {
            assert_eq!(three_decimals(value), kept, "{value}");
        }
        assert!(three_decimals(f64::NAN).is_nan());
    }

    #[test]
    fn only_the_end_points_make_a_rate() {
        let mut history = History::default();
        assert!(history.consumed_rate().is_nan());
        for (at, consumed, lag) in [(0, 0.0, 0.0), (60, 900_000.0, 5_000.0), (120, 1_200.0, 240.0)] {
            let reading =
                Reading { consumed, per_second: 1.0, busy_ms: 500.0, back_pressured_ms: 0.0, pending: Some(lag) };
            history.push(Sample::of(&reading, at, f64::NAN));
            assert!(at > 0 || history.lag_rate().is_nan());
        }
        assert_eq!((history.consumed_rate(), history.lag_rate(), history.lag()), (10.0, 2.0, 240.0));
        history.keep_from(60);
        assert_eq!(history.first_at(), Some(60));
        assert_eq!(history.first_at_or_after(61), Some(120));
    }

    #[test]
    fn a_mean_wants_enough_of_them_and_leaves_the_infinite_out() {
        let mut history = History::default();
        let reading = Reading { consumed: 0.0, per_second: 0.0, busy_ms: 0.0, back_pressured_ms: 0.0, pending: None };
        history.push(Sample::of(&reading, 0, f64::INFINITY));
        assert_eq!(history.observed(2), f64::INFINITY);
        history.push(Sample::of(&reading, 60, 100.0));
        assert!(history.observed(2).is_nan());
        history.push(Sample::of(&reading, 120, 300.0));
        assert_eq!(history.observed(2), 200.0);
    }
}
