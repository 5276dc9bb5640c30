//! What will come in: damped Holt smoothing of minutes, or a straight line where that was wrong lately.

/// Damped Holt smoothing: a level, and a trend that fades (Gardner and McKenzie, 1985).
#[derive(Debug, Clone, Default)]
pub struct Holt {
    state: Option<(f64, f64)>,
    /// What was foretold for the next value.
    foretold: Option<f64>,
    error: Option<f64>,
}

/// Usual weights; the trend keeps 90 % of itself from step to step.
const LEVEL: f64 = 0.5;
const TREND: f64 = 0.1;
const DAMPING: f64 = 0.9;

impl Holt {
    /// Adds the next value.
    pub fn add(&mut self, value: f64) {
        self.error = self.foretold.map(|foretold| (foretold - value).abs() / value.abs().max(f64::MIN_POSITIVE));
        let (level, trend) = match self.state {
            None => (value, 0.0),
            Some((level, trend)) => {
                let next = LEVEL * value + (1.0 - LEVEL) * (level + DAMPING * trend);
                (next, TREND * (next - level) + (1.0 - TREND) * DAMPING * trend)
            }
        };
        self.state = Some((level, trend));
        self.foretold = Some(self.ahead(1));
    }

    /// So many steps ahead; 0 with nothing seen.
    pub fn ahead(&self, steps: u32) -> f64 {
        let Some((level, trend)) = self.state else { return 0.0 };
        let fading = DAMPING * (1.0 - DAMPING.powi(steps as i32)) / (1.0 - DAMPING);
        (level + fading * trend).max(0.0)
    }

    /// How wrong the last forecast was, as a share of what came.
    pub fn error(&self) -> Option<f64> {
        self.error
    }
}

/// The load ahead.
#[derive(Debug, Clone)]
pub enum Forecast<'a> {
    /// Minutes by Holt.
    Holt(&'a Holt),
    /// From `now`, so much more each second, for as long as that is worth anything.
    Line {
        /// Records/s.
        now: f64,
        /// Records/s more, each second.
        slope: f64,
        /// Seconds.
        lasts: u32,
    },
}

impl Forecast<'_> {
    /// Records/s, so many seconds ahead.
    pub fn at(&self, seconds: u32) -> f64 {
        match self {
            Self::Holt(holt) => holt.ahead(seconds / 60 + 1),
            Self::Line { now, slope, lasts } => (now + slope * f64::from(seconds.min(*lasts))).max(0.0),
        }
    }

    /// The most within so many seconds.
    pub fn most(&self, seconds: u32) -> f64 {
        (0..=seconds / 60).map(|minute| self.at(60 * minute)).fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holt_follows_a_trend_and_lets_it_fade() {
        let mut holt = Holt::default();
        assert_eq!((holt.ahead(5), holt.error()), (0.0, None));
        for value in [100.0; 5] {
            holt.add(value);
        }
        assert_eq!((holt.ahead(15), holt.error()), (100.0, Some(0.0)));
        for minute in 1..60 {
            holt.add(100.0 + 10.0 * f64::from(minute));
        }
        let steps: Vec<_> = (1..=15).map(|step| holt.ahead(step)).collect();
        let gains: Vec<_> = steps.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gains.iter().all(|gain| *gain > 0.0) && gains.is_sorted_by(|one, next| one > next), "{steps:?}");
        holt.add(2.0 * holt.ahead(1));
        assert!((holt.error().unwrap() - 0.5).abs() < 1e-9);
    }

    #[test]
    fn the_largest_of_a_forecast() {
        let line = Forecast::Line { now: 100.0, slope: 1.0, lasts: 600 };
        assert_eq!((line.at(60), line.at(900), line.most(120)), (160.0, 700.0, 220.0));
        let falling = Forecast::Line { now: 100.0, slope: -1.0, lasts: 600 };
        assert_eq!((falling.at(200), falling.most(900)), (0.0, 100.0));
    }
}
