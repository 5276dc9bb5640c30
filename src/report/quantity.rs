//! What a number counts, and how it is written.

/// What an axis counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Records.
    Records,
    /// Records per second.
    RecordsPerSecond,
    /// Bytes.
    Bytes,
    /// Bytes per second.
    BytesPerSecond,
    /// A time in seconds.
    Seconds,
    /// Workers.
    Workers,
    /// A share, 0..1, written in percent.
    Share,
    /// A ratio.
    Times,
}

impl Quantity {
    /// The unit, as it stands beside a title; nothing where the numbers have it, or the title.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::RecordsPerSecond => "records/s",
            Self::Bytes => "bytes",
            Self::BytesPerSecond => "bytes/s",
            Self::Seconds | Self::Workers | Self::Share | Self::Times => "",
        }
    }

    /// The number as people read it: `1.2 M`, `3:20 h`, `45 %`. Of `step`, the distance between two such numbers, no digit
    /// is lost.
    pub(super) fn write(self, value: f64, step: f64) -> String {
        match self {
            Self::Seconds => seconds(value),
            Self::Share => format!("{} %", decimal(value * 100.0, step * 100.0)),
            Self::Workers | Self::Times => decimal(value, step),
            Self::Records | Self::RecordsPerSecond | Self::Bytes | Self::BytesPerSecond => {
                let prefixes = [(1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")];
                // One prefix for a whole axis: that of the largest number would do as well, but steps decide what is legible.
                let (by, prefix) = prefixes.into_iter().find(|(by, _)| value.abs() >= *by).unwrap_or((1.0, ""));
                format!("{}{prefix}", decimal(value / by, step / by))
            }
        }
    }
}

/// A time: `0 s`, `45 s`, `5 min`, `2 h`, `2:30 h`.
fn seconds(value: f64) -> String {
    let whole = value.round() as i64;
    match whole {
        ..120 if (value - value.round()).abs() > 1e-6 && value < 10.0 => format!("{value:.1} s"),
        ..120 => format!("{whole} s"),
        120..7200 if whole % 60 == 0 => format!("{} min", whole / 60),
        120..7200 => format!("{}:{:02} min", whole / 60, whole % 60),
        _ if whole % 3600 == 0 => format!("{} h", whole / 3600),
        _ => format!("{}:{:02} h", whole / 3600, whole % 3600 / 60),
    }
}

/// With as many digits after the point as the step has, at most 6.
fn decimal(value: f64, step: f64) -> String {
    let mut digits = 0;
    let mut step = step.abs();
    while digits < 6 && step.is_finite() && step > 0.0 && (step - step.round()).abs() > 1e-6 * step.max(1e-6) {
        step *= 10.0;
        digits += 1;
    }
    let text = format!("{value:.digits$}");
    if text.trim_start_matches('-').chars().all(|character| matches!(character, '0' | '.')) {
        "0".to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        use Quantity::*;
        let rows = [
            (Records, 0.0, 500.0, "0"),
            (Records, 500.0, 500.0, "500"),
            (Records, 1500.0, 500.0, "1.5 k"),
            (RecordsPerSecond, 250_000.0, 50_000.0, "250 k"),
            (Bytes, 12_000_000.0, 2_000_000.0, "12 M"),
            (BytesPerSecond, 2.5e9, 0.5e9, "2.5 G"),
            (Records, 0.4, 0.2, "0.4"),
            (Workers, 12.0, 4.0, "12"),
            (Share, 0.25, 0.25, "25 %"),
            (Share, 0.005, 0.005, "0.5 %"),
            (Times, 1.25, 0.25, "1.25"),
            (Times, -0.0, 0.25, "0"),
            (Seconds, 0.0, 30.0, "0 s"),
            (Seconds, 0.5, 0.5, "0.5 s"),
            (Seconds, 90.0, 30.0, "90 s"),
            (Seconds, 120.0, 60.0, "2 min"),
            (Seconds, 150.0, 30.0, "2:30 min"),
            (Seconds, 7200.0, 3600.0, "2 h"),
            (Seconds, 9000.0, 1800.0, "2:30 h"),
        ];
        for (quantity, value, step, expected) in rows {
            assert_eq!(quantity.write(value, step), expected, "{quantity:?} {value}");
        }
    }
}
