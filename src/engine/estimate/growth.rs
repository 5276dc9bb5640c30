//! How fast a backlog grows: the slope of a straight line through it, where that is more than noise.

use std::sync::LazyLock;
use std::time::Duration;

use statrs::distribution::{ContinuousCDF, StudentsT};

/// Fewer points than this say nothing about a slope and its scatter.
pub(crate) const MIN_POINTS: usize = 5;

/// A shorter span says nothing about a trend: a rate window and a checkpoint saw-tooth are as long.
const MIN_SPAN: Duration = Duration::from_secs(60);

/// The chance of taking noise for growth: one-sided.
const ALPHA: f64 = 0.01;

/// A growth below this share of the throughput is not worth a worker.
const MIN_SHARE_OF_THROUGHPUT: f64 = 0.02;

/// Critical values of Student's t at 1 - [`ALPHA`], by degrees of freedom (entry 0 stands for 1). Computed once: an
/// inverse CDF costs microseconds, and there is one test per operator and tick. Beyond the table the last value is
/// taken, which is within 0.5 % of the normal distribution's.
static CRITICAL: LazyLock<Vec<f64>> = LazyLock::new(|| {
    (1..=240)
        .map(|freedom| {
            StudentsT::new(0.0, 1.0, f64::from(freedom)).map_or(f64::INFINITY, |t| t.inverse_cdf(1.0 - ALPHA))
        })
        .collect()
});

/// What the points say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Growth {
    /// This much per second; 0 where the slope does not count.
    Known {
        /// What counts.
        per_second: f64,
        /// What was measured.
        slope: f64,
    },
    /// There are too few points, or they span too little time: this much is missing, if time alone is.
    TooEarly {
        /// Until the span is long enough.
        missing: Duration,
    },
}

impl Growth {
    /// A growth that somebody gives: as a measured one without scatter.
    pub fn given(slope: f64, throughput: f64) -> Self {
        let counts = slope > 0.0 && slope > MIN_SHARE_OF_THROUGHPUT * throughput;
        Self::Known { per_second: if counts { slope } else { 0.0 }, slope }
    }
}

/// Least squares through `(seconds, backlog)` in ascending order of time.
///
/// The slope counts as growth when a one-sided t-test says that it is positive (α 0.01; a line without any scatter
/// is taken as it is) and when it exceeds 2 % of `throughput`; otherwise growth is 0.
/// Source of test and estimator: any text on simple linear regression, t = b / (s / √Σ(x − x̄)²), n − 2 degrees of
/// freedom.
pub(crate) fn growth(
    points: impl ExactSizeIterator<Item = (f64, f64)> + DoubleEndedIterator + Clone,
    throughput: f64,
) -> Growth {
    let count = points.len();
    let (first, last) = (points.clone().next(), points.clone().next_back());
    let span = first.zip(last).map_or(0.0, |((start, _), (end, _))| end - start);
    if count < MIN_POINTS || span < MIN_SPAN.as_secs_f64() {
        let missing = Duration::try_from_secs_f64(MIN_SPAN.as_secs_f64() - span).unwrap_or_default();
        return Growth::TooEarly { missing };
    }
    let n = count as f64;
    let (sum_x, sum_y) = points.clone().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (mean_x, mean_y) = (sum_x / n, sum_y / n);
    let (spread, together) = points.clone().fold((0.0, 0.0), |(spread, together), (x, y)| {
        (spread + (x - mean_x) * (x - mean_x), together + (x - mean_x) * (y - mean_y))
    });
    let slope = together / spread;
    let significant = slope > 0.0 && {
        let residual: f64 = points.map(|(x, y)| (y - mean_y - slope * (x - mean_x)).powi(2)).sum();
        let error = (residual / (n - 2.0) / spread).sqrt();
        let critical = CRITICAL[(count - 3).min(CRITICAL.len() - 1)];
        // Without scatter (up to rounding) there is nothing to test.
        error <= slope * 1e-12 || slope / error > critical
    };
    let counts = significant && slope > MIN_SHARE_OF_THROUGHPUT * throughput;
    Growth::Known { per_second: if counts { slope } else { 0.0 }, slope }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(count: usize, every: f64, slope: f64) -> Vec<(f64, f64)> {
        (0..count).map(|i| (i as f64 * every, 500.0 + slope * i as f64 * every)).collect()
    }

    fn of(points: &[(f64, f64)], throughput: f64) -> Growth {
        growth(points.iter().copied(), throughput)
    }

    #[test]
    fn needs_five_points_over_a_minute() {
        for (name, points, early) in [
            ("none", line(0, 15.0, 10.0), true),
            ("four points", line(4, 30.0, 10.0), true),
            ("five points over a minute", line(5, 15.0, 10.0), false),
            ("five points over 56 s", line(5, 14.0, 10.0), true),
            ("twelve points over 55 s", line(12, 5.0, 10.0), true),
            ("thirteen points over a minute", line(13, 5.0, 10.0), false),
        ] {
            assert_eq!(matches!(of(&points, 100.0), Growth::TooEarly { .. }), early, "{name}");
        }
        assert_eq!(of(&line(4, 10.0, 1.0), 1.0), Growth::TooEarly { missing: Duration::from_secs(30) });
    }

    #[test]
    fn a_line_without_scatter_is_taken_as_it_is_above_two_percent_of_throughput() {
        for (slope, counted) in [(20.0, 0.0), (20.1, 20.1), (200.0, 200.0), (-50.0, 0.0), (0.0, 0.0)] {
            let Growth::Known { per_second, slope: measured } = of(&line(9, 15.0, slope), 1000.0) else {
                panic!("enough points")
            };
            assert!((per_second - counted).abs() < 1e-9, "{slope}: {per_second}");
            assert!((measured - slope).abs() < 1e-9);
        }
    }

    /// Scatter of ±s around a line over 9 points: the t statistic is slope / (s' / √Sxx), so a slope on each side of
    /// t(7, 0.99) = 2.998 is built from the estimator itself.
    #[test]
    fn scatter_hides_a_slope_below_the_critical_value_and_not_above_it() {
        let zigzag: Vec<(f64, f64)> =
            (0..9).map(|i| (f64::from(i) * 15.0, if i % 2 == 0 { 100.0 } else { -100.0 })).collect();
        let mean = zigzag.iter().map(|p| p.1).sum::<f64>() / 9.0;
        let residual: f64 = zigzag.iter().map(|p| (p.1 - mean).powi(2)).sum();
        let spread: f64 = zigzag.iter().map(|p| (p.0 - 60.0).powi(2)).sum();
        let error = (residual / 7.0 / spread).sqrt();
        for (t, counts) in [(2.99, false), (3.01, true)] {
            let tilted: Vec<_> = zigzag.iter().map(|(x, y)| (*x, y + t * error * x)).collect();
            let Growth::Known { per_second, .. } = of(&tilted, 1.0) else { panic!("enough points") };
            assert_eq!(per_second > 0.0, counts, "t = {t}");
        }
    }

    #[test]
    fn critical_values_agree_with_printed_tables() {
        for (freedom, value) in [(3, 4.5407), (7, 2.9980), (28, 2.4671), (120, 2.3578)] {
            assert!((CRITICAL[freedom - 1] - value).abs() < 1e-3, "{freedom}: {}", CRITICAL[freedom - 1]);
        }
    }
}
