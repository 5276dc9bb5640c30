//! Where a value lies in a plot, and which round values are written beside it.

use super::model::Clock;
use super::quantity::Quantity;

/// Steps between times, in seconds, from one second to a month.
const TIMES: [f64; 24] = [
    1.0,
    2.0,
    5.0,
    10.0,
    15.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    900.0,
    1800.0,
    3600.0,
    7200.0,
    10_800.0,
    21_600.0,
    43_200.0,
    86_400.0,
    172_800.0,
    345_600.0,
    604_800.0,
    1_209_600.0,
    2_592_000.0,
    7_776_000.0,
];

/// An axis: from `low` to `high`, `low < high`, both finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    pub low: f64,
    pub high: f64,
}

/// A value that is written beside an axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub at: f64,
    pub label: String,
}

impl Scale {
    /// Between these; a stretch of no length is given some.
    pub fn new(low: f64, high: f64) -> Self {
        let low = if low.is_finite() { low } else { 0.0 };
        if high.is_finite() && high > low { Self { low, high } } else { Self { low, high: low + 1.0 } }
    }

    /// From 0 to the next round value at or above `most`, and the round values on the way, at most `count` steps.
    pub fn from_zero(most: f64, quantity: Quantity, count: usize) -> (Self, Vec<Tick>) {
        Self::rounded(0.0, most, quantity, count)
    }

    /// From the round value at or below `least` to that at or above `most`.
    pub fn rounded(least: f64, most: f64, quantity: Quantity, count: usize) -> (Self, Vec<Tick>) {
        let around = Self::new(least, most);
        let step = step(quantity, (around.high - around.low) / count.max(1) as f64);
        // A hair's breadth above a round value needs no step of its own.
        let first = (around.low / step + 1e-9).floor();
        let last = (around.high / step - 1e-9).ceil().max(first + 1.0);
        let steps = (last - first) as u32;
        let tick = |place: u32| {
            let at = (first + f64::from(place)) * step;
            Tick { at, label: quantity.write(at, step) }
        };
        (Self { low: first * step, high: last * step }, (0..=steps).map(tick).collect())
    }

    /// Where a value lies: 0 at the low end, 1 at the high end; beyond them it stays at the end.
    pub fn share(&self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }
}

/// The smallest round step that is at least `least`.
fn step(quantity: Quantity, least: f64) -> f64 {
    if quantity == Quantity::Seconds && (1.0..=7_776_000.0).contains(&least) {
        return TIMES.into_iter().find(|time| *time >= least * (1.0 - 1e-9)).unwrap_or(least);
    }
    let power = 10_f64.powf(least.max(f64::MIN_POSITIVE).log10().floor());
    let round = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|digit| digit * power >= least * (1.0 - 1e-9));
    let step = round.unwrap_or(10.0) * power;
    // There is no half a worker.
    if quantity == Quantity::Workers { step.max(1.0).ceil() } else { step }
}

/// The times that are written under a plot of `span` seconds, at most `count` steps: hours and minutes.
pub(super) fn times(span: f64, clock: Clock, count: usize) -> Vec<Tick> {
    let least = (span / count.max(1) as f64).max(1.0);
    let step = TIMES.into_iter().find(|time| *time >= least * (1.0 - 1e-9)).unwrap_or(least);
    // On a clock round times are round on its face, not since the start.
    let start = clock.of_day();
    let first = (start / step).ceil() as u64;
    let last = ((start + span) / step + 1e-9).floor() as u64;
    let date = |at: f64| clock.date(at).filter(|_| span > 86_400.0);
    let mut shown = None;
    (first..=last)
        .map(|place| {
            let at = place as f64 * step - start;
            let mut label = clock.write(at, step < 60.0);
            let day = date(at);
            if day.is_some() && day != shown {
                label = format!("{label}\n{}", day.as_deref().unwrap_or_default());
                shown = day;
            }
            Tick { at, label }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Timestamp;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| &*tick.label).collect()
    }

    #[test]
    fn an_axis_ends_at_a_round_value() {
        let rows: [(f64, Quantity, &[&str]); 10] = [
            (37.0, Quantity::Records, &["0", "10", "20", "30", "40"]),
            (40.0, Quantity::Records, &["0", "10", "20", "30", "40"]),
            (40.1, Quantity::Records, &["0", "20", "40", "60"]),
            (260_000.0, Quantity::RecordsPerSecond, &["0", "100 k", "200 k", "300 k"]),
            (3.0, Quantity::Workers, &["0", "1", "2", "3"]),
            (0.4, Quantity::Workers, &["0", "1"]),
            (0.92, Quantity::Share, &["0 %", "25 %", "50 %", "75 %", "100 %"]),
            (100.0, Quantity::Seconds, &["0 s", "30 s", "60 s", "90 s", "2 min"]),
            (0.0, Quantity::Records, &["0", "0.25", "0.50", "0.75", "1.00"]),
            (f64::NAN, Quantity::Records, &["0", "0.25", "0.50", "0.75", "1.00"]),
        ];
        for (most, quantity, expected) in rows {
            let (scale, ticks) = Scale::from_zero(most, quantity, 4);
            assert_eq!(labels(&ticks), expected, "{most} {quantity:?}");
            assert_eq!((scale.low, scale.high), (0.0, ticks.last().unwrap().at));
        }
        let (scale, ticks) = Scale::rounded(1.12, 1.93, Quantity::Times, 4);
        assert_eq!((scale.low, labels(&ticks)), (1.0, vec!["1.00", "1.25", "1.50", "1.75", "2.00"]));
    }

    #[test]
    fn a_value_lies_between_the_ends() {
        let scale = Scale::new(10.0, 20.0);
        let shares = [5.0, 10.0, 12.5, 20.0, 99.0].map(|value| scale.share(value));
        assert_eq!(shares, [0.0, 0.0, 0.25, 1.0, 1.0]);
        assert_eq!(Scale::new(3.0, 3.0), Scale { low: 3.0, high: 4.0 });
    }

    #[test]
    fn times_are_hours_and_minutes() {
        let since = |span: f64| times(span, Clock::Elapsed, 6);
        assert_eq!(labels(&since(8400.0)), ["0:00", "0:30", "1:00", "1:30", "2:00"]);
        assert_eq!(labels(&since(64_800.0)), ["0:00", "3:00", "6:00", "9:00", "12:00", "15:00", "18:00"]);
        assert_eq!(labels(&since(50.0)), ["0:00:00", "0:00:10", "0:00:20", "0:00:30", "0:00:40", "0:00:50"]);
        assert_eq!(labels(&since(0.0)), ["0:00:00"]);
        let from = |text: &str| Clock::Utc(Timestamp::parse(text).unwrap());
        let morning = times(660.0, from("2026-11-21T02:46:34Z"), 6);
        assert_eq!(labels(&morning), ["02:48", "02:50", "02:52", "02:54", "02:56"]);
        assert_eq!(morning[0].at, 86.0, "on the clock's face, not since the start");
        let days = times(172_800.0, from("2026-11-21T18:00:00Z"), 4);
        assert_eq!(labels(&days), ["00:00\n11-22", "12:00", "00:00\n11-23", "12:00"]);
    }
}
