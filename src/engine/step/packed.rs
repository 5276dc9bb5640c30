//! What a step holds, in as few bytes as it takes: every job of the fleet keeps some dozens of steps.

use std::fmt;
use std::time::Duration;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::engine::reading::Reading;

/// A number, or none: what `Option<f64>` says in half of its bytes. A NaN stands for none, as no step rests on one.
#[derive(Clone, Copy)]
pub struct Known(f64);

impl Known {
    /// None.
    pub const NONE: Self = Self(f64::NAN);

    /// The number, where it is known.
    pub fn get(self) -> Option<f64> {
        (!self.0.is_nan()).then_some(self.0)
    }

    /// Whether there is none.
    pub fn is_unknown(&self) -> bool {
        self.0.is_nan()
    }
}

impl Default for Known {
    fn default() -> Self {
        Self::NONE
    }
}

impl From<Option<f64>> for Known {
    fn from(number: Option<f64>) -> Self {
        number.map_or(Self::NONE, Self)
    }
}

impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// JSON: the number or `null`, as of an `Option`.
impl Serialize for Known {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.get().serialize(serializer)
    }
}

/// A [`Reading`], in nine bytes for its sixteen.
#[derive(Clone, Copy)]
#[repr(Rust, packed)]
pub struct Told {
    state: State,
    /// The number of a fresh one, the age in seconds of a stale one, else nothing.
    number: f64,
}

#[derive(Clone, Copy)]
enum State {
    Fresh,
    Stale,
    Missing,
    NotFinite,
    QueryFailed,
}

impl From<Reading> for Told {
    fn from(reading: Reading) -> Self {
        let (state, number) = match reading {
            Reading::Fresh(number) => (State::Fresh, number),
            Reading::Stale { age } => (State::Stale, age.as_secs_f64()),
            Reading::Missing => (State::Missing, 0.0),
            Reading::NotFinite => (State::NotFinite, 0.0),
            Reading::QueryFailed => (State::QueryFailed, 0.0),
        };
        Self { state, number }
    }
}

impl From<Told> for Reading {
    fn from(Told { state, number }: Told) -> Self {
        match state {
            State::Fresh => Self::Fresh(number),
            // Only the longest of all is not what it was once it is seconds.
            State::Stale => Self::Stale { age: Duration::try_from_secs_f64(number).unwrap_or(Duration::MAX) },
            State::Missing => Self::Missing,
            State::NotFinite => Self::NotFinite,
            State::QueryFailed => Self::QueryFailed,
        }
    }
}

impl PartialEq for Told {
    fn eq(&self, other: &Self) -> bool {
        Reading::from(*self) == Reading::from(*other)
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Reading::from(*self).fmt(f)
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Reading::from(*self).fmt(f)
    }
}

impl Serialize for Told {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Reading::from(*self).serialize(serializer)
    }
}

/// The slope of a backlog, per second, in nine bytes.
#[derive(Clone, Copy)]
#[repr(Rust, packed)]
pub struct Slope {
    measured: Known,
    counts: bool,
}

impl Slope {
    /// Nothing was worked out.
    pub const UNKNOWN: Self = Self { measured: Known::NONE, counts: false };

    /// A slope that was measured, and whether it counts as growth: it is significant, and not under 2 % of throughput.
    pub fn measured(per_second: f64, counts: bool) -> Self {
        Self { measured: Some(per_second).into(), counts }
    }

    /// How fast the backlog grows, as far as that counts: else 0.
    pub fn growth(self) -> Option<f64> {
        let Self { measured, counts } = self;
        measured.get().map(|slope| if counts { slope } else { 0.0 })
    }

    /// The slope, where it does not count as growth.
    pub fn uncounted(self) -> Option<f64> {
        let Self { measured, counts } = self;
        measured.get().filter(|_| !counts)
    }
}

impl PartialEq for Slope {
    fn eq(&self, other: &Self) -> bool {
        (self.growth(), self.uncounted()) == (other.growth(), other.uncounted())
    }
}

impl fmt::Debug for Slope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slope").field("growth", &self.growth()).field("uncounted", &self.uncounted()).finish()
    }
}

/// JSON, among the fields of its step: `growth`, and `slope` where it does not count.
impl Serialize for Slope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(growth) = self.growth() {
            map.serialize_entry("growth", &growth)?;
        }
        if let Some(slope) = self.uncounted() {
            map.serialize_entry("slope", &slope)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_an_option_says() {
        for number in [None, Some(0.0), Some(-0.5), Some(1e18)] {
            let known = Known::from(number);
            assert_eq!(known.get(), number);
            assert_eq!(known.is_unknown(), number.is_none());
            assert_eq!(known, Known::from(number));
            assert_eq!(serde_json::to_string(&known).unwrap(), serde_json::to_string(&number).unwrap());
            assert_eq!(format!("{known:?}"), format!("{number:?}"));
        }
        assert_ne!(Known::from(None), Known::from(Some(0.0)));
        assert_eq!(size_of::<Known>(), size_of::<f64>());
    }

    #[test]
    fn tells_what_was_read() {
        let old = |age| Reading::Stale { age };
        for reading in [
            Reading::Fresh(0.0),
            Reading::Fresh(12.5),
            Reading::Missing,
            Reading::NotFinite,
            Reading::QueryFailed,
            old(Duration::ZERO),
            old(Duration::from_millis(61_001)),
            old(Duration::new(86_400, 123_456_789)),
            old(Duration::MAX),
        ] {
            let told = Told::from(reading);
            assert_eq!(Reading::from(told), reading);
            assert_eq!(told, Told::from(reading));
            assert_eq!(serde_json::to_string(&told).unwrap(), serde_json::to_string(&reading).unwrap());
            assert_eq!((told.to_string(), format!("{told:?}")), (reading.to_string(), format!("{reading:?}")));
        }
        assert_ne!(Told::from(Reading::Missing), Told::from(Reading::Fresh(0.0)));
    }

    #[test]
    fn a_slope_counts_or_is_told_beside_a_growth_of_nothing() {
        for (slope, growth, uncounted, json) in [
            (Slope::UNKNOWN, None, None, "{}"),
            (Slope::measured(2.5, true), Some(2.5), None, r#"{"growth":2.5}"#),
            (Slope::measured(-2.5, false), Some(0.0), Some(-2.5), r#"{"growth":0.0,"slope":-2.5}"#),
        ] {
            assert_eq!((slope.growth(), slope.uncounted()), (growth, uncounted));
            assert_eq!(serde_json::to_string(&slope).unwrap(), json);
            assert_eq!(slope, { slope });
        }
        assert_ne!(Slope::measured(2.5, true), Slope::measured(2.5, false));
    }
}
