//! A series of values over time that never grows beyond a fixed size.

/// More buckets than that are merged in pairs: about one for each pixel of a wide screen.
pub(super) const MOST: usize = 1024;

/// Values over time, in buckets of equal width that become wider as time goes on: of each bucket the smallest, the largest,
/// the mean and the last value are kept, so nothing that stood out is lost.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    /// Seconds of a bucket.
    every: f64,
    buckets: Vec<Bucket>,
}

/// What fell into one stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bucket {
    pub low: f64,
    pub high: f64,
    pub first: f64,
    pub last: f64,
    sum: f64,
    count: u32,
    /// There was a moment at which no value was to be had.
    missing: bool,
}

impl Default for Bucket {
    fn default() -> Self {
        let nothing = f64::NAN;
        Self { low: nothing, high: nothing, first: nothing, last: nothing, sum: 0.0, count: 0, missing: false }
    }
}

/// What a bucket has to draw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Stretch<'a> {
    /// Values, at that time.
    Values(f64, &'a Bucket),
    /// Nothing was known: the line breaks.
    Gap,
}

impl Track {
    /// An empty one for values that come about every so many seconds, above 0.
    pub fn every(seconds: f64) -> Self {
        let every = if seconds.is_finite() && seconds > 0.0 { seconds } else { 1.0 };
        Self { every, buckets: Vec::new() }
    }

    /// Adds a value at a time in seconds since the start, not before the last one. `None`, or what is not a finite number:
    /// it is not known, and the line breaks there.
    pub fn add(&mut self, at: f64, value: Option<f64>) {
        let at = if at.is_finite() { at.max(0.0) } else { return };
        while at / self.every >= MOST as f64 {
            self.widen();
        }
        let place = (at / self.every) as usize;
        if place >= self.buckets.len() {
            self.buckets.resize(place + 1, Bucket::default());
        }
        self.buckets[place].add(value.filter(|value| value.is_finite()));
    }

    /// The largest value; `None` where there is none.
    pub fn most(&self) -> Option<f64> {
        self.values().map(|bucket| bucket.high).max_by(f64::total_cmp)
    }

    /// Whether there is no value at all.
    pub fn is_empty(&self) -> bool {
        self.values().next().is_none()
    }

    fn values(&self) -> impl Iterator<Item = &Bucket> {
        self.buckets.iter().filter(|bucket| bucket.count > 0)
    }

    /// Seconds of a bucket.
    pub(super) fn width(&self) -> f64 {
        self.every
    }

    /// The mean at each bucket.
    pub(super) fn means(&self) -> impl Iterator<Item = Option<f64>> {
        self.buckets.iter().map(|bucket| (bucket.count > 0).then(|| bucket.mean()))
    }

    /// What is to be drawn, in order.
    pub(super) fn stretches(&self) -> impl Iterator<Item = Stretch<'_>> {
        self.buckets.iter().enumerate().filter_map(|(place, bucket)| match bucket {
            Bucket { count: 0, missing: false, .. } => None,
            Bucket { count: 0, missing: true, .. } => Some(Stretch::Gap),
            _ => Some(Stretch::Values(place as f64 * self.every, bucket)),
        })
    }

    /// Makes buckets twice as wide.
    fn widen(&mut self) {
        self.every *= 2.0;
        self.buckets = self
            .buckets
            .chunks(2)
            .map(|pair| pair.iter().fold(Bucket::default(), |merged, bucket| merged.with(bucket)))
            .collect();
    }
}

impl Bucket {
    fn add(&mut self, value: Option<f64>) {
        match value {
            None => self.missing = true,
            Some(value) => {
                let one =
                    Self { low: value, high: value, first: value, last: value, sum: value, count: 1, missing: false };
                *self = self.with(&one);
            }
        }
    }

    fn with(&self, later: &Self) -> Self {
        Self {
            // The smaller of a number and NaN is the number.
            low: self.low.min(later.low),
            high: self.high.max(later.high),
            first: if self.count > 0 { self.first } else { later.first },
            last: if later.count > 0 { later.last } else { self.last },
            sum: self.sum + later.sum,
            count: self.count.saturating_add(later.count),
            missing: self.missing || later.missing,
        }
    }

    /// The mean of its values.
    pub fn mean(&self) -> f64 {
        self.sum / f64::from(self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_series_is_kept_as_it_is() {
        let mut track = Track::every(15.0);
        for (at, value) in [(0.0, Some(1.0)), (15.0, None), (30.0, Some(3.0)), (45.0, Some(f64::NAN))] {
            track.add(at, value);
        }
        assert_eq!(track.means().collect::<Vec<_>>(), [Some(1.0), None, Some(3.0), None]);
        let shapes: Vec<_> = track.stretches().map(|stretch| stretch == Stretch::Gap).collect();
        assert_eq!(shapes, [false, true, false, true]);
        assert_eq!((track.width(), track.most()), (15.0, Some(3.0)));
    }

    #[test]
    fn a_long_series_keeps_what_stood_out() {
        let mut track = Track::every(1.0);
        for second in 0..100_000_u32 {
            track.add(f64::from(second), Some(if second == 70_001 { 500.0 } else { 1.0 }));
        }
        assert!(track.buckets.len() <= MOST, "{}", track.buckets.len());
        assert_eq!(track.width(), 128.0);
        assert_eq!(track.most(), Some(500.0));
        let place = 70_001 / 128;
        let bucket = track.buckets[place];
        assert_eq!((bucket.low, bucket.high, bucket.first, bucket.last), (1.0, 500.0, 1.0, 1.0));
        assert!((bucket.mean() - (127.0 + 500.0) / 128.0).abs() < 1e-9);
    }

    #[test]
    fn what_was_missing_for_a_moment_breaks_no_wide_bucket() {
        let mut track = Track::every(1.0);
        for second in 0..3000_u32 {
            track.add(f64::from(second), (second % 100 != 0).then_some(2.0));
        }
        assert!(track.stretches().all(|stretch| matches!(stretch, Stretch::Values(..))));
        let mut nothing = Track::every(1.0);
        nothing.add(5.0, None);
        assert!(nothing.is_empty() && nothing.most().is_none());
        nothing.add(f64::INFINITY, Some(1.0));
        assert!(nothing.is_empty(), "no time, no value");
    }
}
