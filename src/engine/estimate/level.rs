//! The level of an input: the mean of its balances, and the moment it stepped.

use std::collections::VecDeque;
use std::time::Duration;

use crate::engine::room;
use crate::engine::time::Timestamp;

/// What is compared with the time before: a step shows in two ticks of 15 s ...
const RECENT: Duration = Duration::from_secs(30);
/// ... and a large one in a single tick.
const NEWEST: Duration = Duration::from_secs(15);
/// A step is at least this share of the level before it,
const STEP_SHARE: f64 = 0.10;
/// and this many standard deviations,
const STEP_DEVIATIONS: f64 = 2.2;
/// which are at least this share of the level: a few samples may agree by chance.
const LEAST_DEVIATION: f64 = 0.03;
/// A large step is this many times as far off.
const LARGE: f64 = 1.5;
/// Fewer samples before it say nothing about their scatter.
const MIN_BEFORE: usize = 4;
/// With less time of samples than this a level is young: its mean still moves.
const YOUNG: Duration = Duration::from_secs(240);

/// The input of one operator. Samples outlive restarts of the job: the input does not care.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Level {
    samples: VecDeque<Sample>,
    mean: f32,
    /// Whether the newest step went up.
    rose: bool,
}

/// One balance. Small, as there are many: whole seconds last until 2106, seven digits are more than a balance has.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Sample {
    seconds: u32,
    input: f32,
}

impl Level {
    /// Takes in a balance, which may be negative, and forgets what is older than `window` or came before a step.
    ///
    /// The detector's numbers were searched in a closed loop (the evidence of the preset `balanced`): without it the
    /// time above the objective grows by a tenth.
    pub fn take(&mut self, input: f64, window: Duration, at: Timestamp) {
        let newest = seconds(at);
        // A clock that was set back leaves samples of the future: they would stay for ever.
        while self.samples.back().is_some_and(|sample| sample.seconds > newest) {
            self.samples.pop_back();
        }
        let window = whole(window);
        while self.samples.front().is_some_and(|sample| newest - sample.seconds >= window) {
            self.samples.pop_front();
        }
        // As many as the window holds of ticks like the last one.
        let tick = self.samples.back().map_or(window, |before| newest - before.seconds).max(1);
        room::make(&mut self.samples, || window.div_ceil(tick) as usize);
        self.samples.push_back(Sample { seconds: newest, input: input as f32 });
        let (mut level, keep) = self.step(newest);
        if let Some(keep) = keep {
            while self.samples.front().is_some_and(|sample| newest - sample.seconds >= keep) && self.samples.len() > 1 {
                self.samples.pop_front();
            }
            level = mean(&self.samples, 0);
        }
        if keep.is_some() {
            self.rose = level > f64::from(self.mean);
        }
        self.mean = level as f32;
    }

    /// Whether the newest step went up, and the level is young since: it may be on its way further up.
    pub fn is_rising(&self, window: Duration) -> bool {
        self.rose && self.is_young(window)
    }

    /// The mean of all samples, and how many seconds to keep, where the input stepped.
    fn step(&self, newest: u32) -> (f64, Option<u32>) {
        let since = |span: Duration| {
            let lately = self.samples.iter().rev().take_while(|sample| newest - sample.seconds < whole(span));
            self.samples.len() - lately.count()
        };
        let recent = since(RECENT);
        let before = sum(0.0, self.samples.range(..recent));
        let all = sum(before, self.samples.range(recent..)) / self.samples.len() as f64;
        if recent < MIN_BEFORE {
            return (all, None);
        }
        let level = before / recent as f64;
        let off = |start: usize| (mean(&self.samples, start) - level).abs();
        // Most samples are that close to the level, whatever its scatter.
        let (last, share) = (since(NEWEST), STEP_SHARE * level.abs());
        if off(last) <= LARGE * share && off(recent) <= share {
            return (all, None);
        }
        let squares = self.samples.range(..recent).map(|sample| (f64::from(sample.input) - level).powi(2));
        let deviation = (squares.sum::<f64>() / (recent - 1) as f64).sqrt().max(LEAST_DEVIATION * level.abs());
        let limit = share.max(STEP_DEVIATIONS * deviation);
        if off(last) > LARGE * limit {
            return (all, Some(whole(NEWEST)));
        }
        // With one sample only, "the last 30 s" would be the newest under a gentler limit.
        let stepped = self.samples.len() - recent > 1 && off(recent) > limit;
        (all, stepped.then(|| whole(RECENT)))
    }

    /// The level, in units per second, at least 0; `None` before the first balance.
    pub fn per_second(&self) -> Option<f64> {
        (!self.samples.is_empty()).then(|| f64::from(self.mean).max(0.0))
    }

    /// How much time the samples span.
    pub fn span(&self) -> Duration {
        match (self.samples.front(), self.samples.back()) {
            (Some(oldest), Some(newest)) => Duration::from_secs(u64::from(newest.seconds - oldest.seconds)),
            _ => Duration::ZERO,
        }
    }

    /// Whether the samples span too little time to be relied on: less than four minutes, or four fifths of a short window.
    pub fn is_young(&self, window: Duration) -> bool {
        self.span() < YOUNG.min(window * 4 / 5)
    }

    /// The standard deviation of the samples, in units per second; 0 of fewer than two.
    pub fn deviation(&self) -> f64 {
        let count = self.samples.len();
        if count < 2 {
            return 0.0;
        }
        let level = mean(&self.samples, 0);
        let squares = self.samples.iter().map(|sample| (f64::from(sample.input) - level).powi(2));
        (squares.sum::<f64>() / (count - 1) as f64).sqrt()
    }

    /// A level that another process knew: samples with that mean and deviation, over that span, up to `at`.
    pub fn recalled(per_second: f64, deviation: f64, span: Duration, at: Timestamp) -> Self {
        /// As many as a window of five minutes has at ticks of 15 s. Even, so that they balance.
        const COUNT: u32 = 20;
        let (newest, span) = (seconds(at), whole(span));
        // Half above and half below by as much have this deviation (n - 1).
        let off = deviation * (f64::from(COUNT - 1) / f64::from(COUNT)).sqrt();
        let sample = |index: u32| Sample {
            seconds: newest.saturating_sub(span - span * index / (COUNT - 1)),
            input: (if index.is_multiple_of(2) { per_second - off } else { per_second + off }) as f32,
        };
        Self { samples: (0..COUNT).map(sample).collect(), mean: per_second as f32, rose: false }
    }
}

/// The mean of the samples from that place on.
fn mean(samples: &VecDeque<Sample>, start: usize) -> f64 {
    sum(0.0, samples.range(start..)) / (samples.len() - start) as f64
}

fn sum<'a>(before: f64, samples: impl Iterator<Item = &'a Sample>) -> f64 {
    samples.fold(before, |sum, sample| sum + f64::from(sample.input))
}

fn seconds(at: Timestamp) -> u32 {
    u32::try_from(at.as_millis() / 1000).unwrap_or(0)
}

fn whole(span: Duration) -> u32 {
    u32::try_from(span.as_secs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(300);

    fn at(second: u32) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000 + i64::from(second) * 1000)
    }

    /// Balances of 15 s each.
    fn level(balances: &[f64]) -> Level {
        let mut level = Level::default();
        for (tick, balance) in (0..).zip(balances) {
            level.take(*balance, WINDOW, at(tick * 15));
        }
        level
    }

    fn close(got: Option<f64>, wanted: f64) -> bool {
        got.is_some_and(|got| (got - wanted).abs() < 1e-3)
    }

    #[test]
    fn is_the_mean_of_the_window_and_never_negative() {
        assert_eq!(Level::default().per_second(), None);
        assert!(close(level(&[100.0, 104.0]).per_second(), 102.0));
        assert!(close(level(&[-50.0, 20.0]).per_second(), 0.0), "single balances may be negative, not their mean");
        // 5 min of 15 s hold twenty samples; the first falls out.
        let mut balances = vec![160.0];
        balances.extend([100.0; 19]);
        let mut gentle = Level { samples: VecDeque::new(), mean: 0.0, rose: false };
        for (tick, balance) in (0..).zip(&balances) {
            gentle.take(*balance, WINDOW, at(tick * 15));
        }
        assert!(close(gentle.per_second(), 103.0));
        gentle.take(100.0, WINDOW, at(300));
        assert!(close(gentle.per_second(), 100.0));
        assert_eq!(gentle.span(), Duration::from_secs(285));
    }

    #[test]
    fn a_step_is_told_from_noise_on_both_sides_of_its_limits() {
        let flat = [100.0; 10];
        // (after, what is kept): flat samples have the least deviation, 3, so that 10 % is the limit.
        for (name, after, kept) in [
            ("one tick, 15 % off, waits", vec![114.9], 11),
            ("one tick, more than 15 % off", vec![115.1], 1),
            ("two ticks, 10 % off, no step", vec![110.0, 109.9], 12),
            ("two ticks, more than 10 % off", vec![110.0, 110.2], 2),
            ("down as up", vec![90.0, 89.8], 2),
        ] {
            let level = level(&[&flat[..], &after].concat());
            assert_eq!(level.samples.len(), kept, "{name}");
        }
        // Scatter of ±10 has a deviation of about 10.5: 2.2 of them are 23.2, and half as much again 34.8.
        let noisy: Vec<f64> = (0..10).map(|i| if i % 2 == 0 { 90.0 } else { 110.0 }).collect();
        for (after, kept) in [(vec![123.0, 123.0], 12), (vec![124.0, 124.0], 2), (vec![133.0], 11), (vec![135.0], 1)] {
            assert_eq!(level(&[&noisy[..], &after].concat()).samples.len(), kept, "{after:?}");
        }
    }

    #[test]
    fn few_samples_say_nothing_about_a_step() {
        assert_eq!(level(&[100.0, 100.0, 100.0, 200.0]).samples.len(), 4);
        // Four before the last two are enough.
        assert_eq!(level(&[100.0, 100.0, 100.0, 100.0, 100.0, 200.0]).samples.len(), 1);
    }

    #[test]
    fn samples_outlive_a_gap_of_their_own_window_only() {
        let mut before = level(&[100.0; 5]);
        before.take(101.0, WINDOW, at(60 + 299));
        assert_eq!(before.samples.len(), 2);
        before.take(101.0, WINDOW, at(60 + 299 + 300));
        assert_eq!(before.samples.len(), 1);
        before.take(50.0, WINDOW, at(0));
        assert!(close(before.per_second(), 50.0), "a clock that was set back begins anew");
    }

    #[test]
    fn is_young_for_four_minutes() {
        assert!(level(&[1.0; 16]).is_young(WINDOW));
        assert!(!level(&[1.0; 17]).is_young(WINDOW));
        assert!(!level(&[1.0; 5]).is_young(Duration::from_secs(75)));
    }

    #[test]
    fn what_is_recalled_is_what_was_exported() {
        let known = level(&[100.0, 104.0, 96.0, 101.0, 99.0, 103.0, 97.0, 100.0]);
        let (per_second, deviation) = (known.per_second().unwrap(), known.deviation());
        let again = Level::recalled(per_second, deviation, known.span(), at(105));
        assert!(close(again.per_second(), per_second));
        assert!((again.deviation() - deviation).abs() < 1e-3);
        assert_eq!(again.span(), known.span());
    }
}
