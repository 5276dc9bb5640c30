//! What a number of workers can process, learned count by count.

use crate::engine::job::Workers;

/// The weight of a new reading in the running mean.
const WEIGHT: f64 = 0.1;
/// A reading further off than this share speaks of another capacity.
const OFF: f64 = 0.15;
/// After so many readings of a saturated job in a row everything is forgotten: throughput at saturation is the capacity.
const OFF_SATURATED: u8 = 3;
/// After so many of one that is not: `busy` is less sure.
const OFF_UNSATURATED: u8 = 8;
/// Beyond the counts that were seen, capacity grows like their number to this power: measured curves have 0.75 to 0.8 at
/// some ten workers. It matters in large steps only, and fitting it comes too late for those.
const EXPONENT: f64 = 0.8;
/// Counts that are kept; the one that is furthest from what runs goes first.
const MOST_COUNTS: usize = 12;

/// A rate below one in eleven days is nothing, and none is as high as the other end: quotients of neither say anything.
const LEAST: f64 = 1e-6;
const MOST: f64 = 1e18;

/// What one operator can process with each count of workers, as far as it was seen. Ascending in both.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Capacity {
    counts: Vec<Count>,
    /// Readings in a row that were off.
    off: u8,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Count {
    workers: u32,
    per_second: f32,
}

impl Capacity {
    /// Takes in what `workers` were seen to be able to process, per second and above 0. `saturated`: throughput itself;
    /// else worked out from it and the busy share.
    /// Whether that contradicted what was known for so long that all of it was forgotten.
    pub fn learn(&mut self, workers: Workers, reading: f64, saturated: bool) -> bool {
        if workers.0 == 0 || !(LEAST..=MOST).contains(&reading) {
            return false;
        }
        let place = match self.counts.binary_search_by_key(&workers.0, |count| count.workers) {
            Ok(place) => place,
            Err(place) => {
                self.off = 0;
                self.insert(place, workers.0, reading);
                return false;
            }
        };
        let known = f64::from(self.counts[place].per_second);
        if (reading / known - 1.0).abs() <= OFF {
            self.off = 0;
            self.counts[place].per_second = (known + WEIGHT * (reading - known)) as f32;
            self.agree(workers.0);
            return false;
        }
        self.off += 1;
        if self.off < if saturated { OFF_SATURATED } else { OFF_UNSATURATED } {
            return false;
        }
        self.off = 0;
        self.counts.clear();
        self.insert(0, workers.0, reading);
        true
    }

    fn insert(&mut self, place: usize, workers: u32, reading: f64) {
        // Most operators have seen one or two counts: three take half of what the four would that a Vec begins with.
        if self.counts.capacity() == 0 {
            self.counts.reserve_exact(3);
        }
        self.counts.insert(place, Count { workers, per_second: reading as f32 });
        self.agree(workers);
        if self.counts.len() > MOST_COUNTS {
            let far = |count: &Count| (f64::from(count.workers) / f64::from(workers)).ln().abs();
            let last = self.counts.len() - 1;
            let furthest = if far(&self.counts[0]) > far(&self.counts[last]) { 0 } else { last };
            self.counts.remove(furthest);
        }
    }

    /// More workers cannot process less: what an older count says against the newest goes.
    fn agree(&mut self, workers: u32) {
        let Some(newest) = self.counts.iter().find(|count| count.workers == workers).copied() else { return };
        self.counts.retain(|count| {
            count.workers == newest.workers
                || (count.workers < newest.workers) == (count.per_second < newest.per_second)
                    && count.per_second != newest.per_second
        });
    }

    /// Forgets what more than so many workers can do.
    pub fn forget_above(&mut self, workers: Workers) {
        self.counts.retain(|count| count.workers <= workers.0);
        self.off = 0;
    }

    /// What `workers` can process per second: straight lines between the logarithms of what was seen, and a power law
    /// beyond. `None` while nothing is known.
    pub fn of(&self, workers: f64) -> Option<f64> {
        let above = self.counts.partition_point(|count| f64::from(count.workers) < workers);
        let grown = |from: &Count, exponent: f64| {
            f64::from(from.per_second) * (workers / f64::from(from.workers)).powf(exponent)
        };
        Some(match (above.checked_sub(1).and_then(|below| self.counts.get(below)), self.counts.get(above)) {
            (None, None) => return None,
            (Some(last), None) => grown(last, EXPONENT),
            (_, Some(seen)) if f64::from(seen.workers) == workers => f64::from(seen.per_second),
            (None, Some(first)) => grown(first, EXPONENT),
            (Some(low), Some(high)) => grown(low, exponent(low, high)),
        })
    }

    /// The smallest number of workers, before rounding up, that can process so much per second. `None` while nothing is
    /// known.
    pub fn need(&self, per_second: f64) -> Option<f64> {
        let first = self.counts.first()?;
        if per_second <= 0.0 {
            return Some(0.0);
        }
        let above = self.counts.partition_point(|count| f64::from(count.per_second) < per_second);
        let grown = |from: &Count, exponent: f64| {
            f64::from(from.workers) * (per_second / f64::from(from.per_second)).powf(1.0 / exponent)
        };
        Some(match (above.checked_sub(1).map(|below| &self.counts[below]), self.counts.get(above)) {
            (None, _) => grown(first, EXPONENT),
            (Some(last), None) => grown(last, EXPONENT),
            (Some(low), Some(high)) => grown(low, exponent(low, high)).min(f64::from(high.workers)),
        })
    }

    /// All that was learned: workers and what they can process per second.
    pub fn counts(&self) -> impl Iterator<Item = (Workers, f64)> + '_ {
        self.counts.iter().map(|count| (Workers(count.workers), f64::from(count.per_second)))
    }
}

/// The exponent of the power law through two counts; above 0, as both ascend.
fn exponent(low: &Count, high: &Count) -> f64 {
    (f64::from(high.per_second) / f64::from(low.per_second)).ln()
        / (f64::from(high.workers) / f64::from(low.workers)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capacity(counts: &[(u32, f64)]) -> Capacity {
        let mut capacity = Capacity::default();
        for (workers, reading) in counts {
            capacity.learn(Workers(*workers), *reading, true);
        }
        capacity
    }

    fn close(got: Option<f64>, wanted: f64) -> bool {
        got.is_some_and(|got| (got / wanted - 1.0).abs() < 1e-6)
    }

    #[test]
    fn lies_between_the_counts_that_were_seen_and_follows_a_power_law_beyond() {
        assert_eq!((Capacity::default().of(3.0), Capacity::default().need(3.0)), (None, None));
        let capacity = capacity(&[(4, 1000.0), (16, 3000.0)]);
        for (workers, per_second) in [
            (4.0, 1000.0),
            (16.0, 3000.0),
            (8.0, 3_000_000.0_f64.sqrt()),
            (2.0, 1000.0 * 0.5_f64.powf(0.8)),
            (32.0, 3000.0 * 2.0_f64.powf(0.8)),
        ] {
            assert!(close(capacity.of(workers), per_second), "{workers}: {:?}", capacity.of(workers));
            assert!(close(capacity.need(per_second), workers), "{workers}: {:?}", capacity.need(per_second));
        }
        assert_eq!(capacity.need(0.0), Some(0.0));
    }

    #[test]
    fn readings_within_15_percent_are_blended_by_a_tenth() {
        let mut one = capacity(&[(4, 1000.0)]);
        one.learn(Workers(4), 1149.0, true);
        assert!(close(one.of(4.0), 1014.9));
        one.learn(Workers(4), 1200.0, true);
        assert!(close(one.of(4.0), 1014.9), "further off: waits");
        assert_eq!(one.off, 1);
        one.learn(Workers(4), 1000.0, true);
        assert_eq!(one.off, 0, "in a row");
    }

    #[test]
    fn readings_that_stay_off_make_it_forget_everything() {
        for (saturated, ticks) in [(true, 3), (false, 8)] {
            let mut capacity = capacity(&[(4, 1000.0), (8, 1800.0)]);
            for tick in 1..=ticks {
                assert!(close(capacity.of(8.0), 1800.0), "{saturated} {tick}");
                assert_eq!(capacity.learn(Workers(8), 1200.0, saturated), tick == ticks, "{saturated} {tick}");
            }
            assert_eq!(capacity.counts().collect::<Vec<_>>(), [(Workers(8), 1200.0)], "{saturated}");
        }
    }

    #[test]
    fn more_workers_never_process_less() {
        let known = capacity(&[(4, 1000.0), (8, 1800.0), (12, 2400.0)]);
        let mut less = known.clone();
        less.learn(Workers(16), 1700.0, true);
        assert_eq!(less.counts().map(|(workers, _)| workers.0).collect::<Vec<_>>(), [4, 16]);
        let mut more = known;
        more.learn(Workers(2), 1900.0, true);
        assert_eq!(more.counts().map(|(workers, _)| workers.0).collect::<Vec<_>>(), [2, 12]);
        more.learn(Workers(1), 1900.0, true);
        assert_eq!(more.counts().map(|(workers, _)| workers.0).collect::<Vec<_>>(), [1, 12], "as much is no more");
    }

    #[test]
    fn keeps_the_counts_near_what_runs_and_forgets_what_it_is_told_to() {
        let mut many = Capacity::default();
        for workers in 1..=14 {
            many.learn(Workers(workers), f64::from(workers) * 100.0, false);
        }
        assert_eq!(many.counts().map(|(workers, _)| workers.0).collect::<Vec<_>>(), (3..=14).collect::<Vec<_>>());
        many.forget_above(Workers(6));
        assert_eq!(many.counts().map(|(workers, _)| workers.0).collect::<Vec<_>>(), [3, 4, 5, 6]);
        for nonsense in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            many.learn(Workers(7), nonsense, true);
        }
        many.learn(Workers(0), 5.0, true);
        assert_eq!(many.counts().count(), 4);
    }
}
