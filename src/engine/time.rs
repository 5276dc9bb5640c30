//! Points in time, as the engine sees them: handed in, compared, never read from a clock.

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time, in whole milliseconds since the Unix epoch (the resolution of Prometheus).
///
/// In JSON it is written as RFC 3339 in UTC with milliseconds; RFC 3339 or epoch seconds are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The given number of milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Epoch seconds, rounded to the millisecond; `None` where that is not a finite, representable time.
    pub fn from_seconds(seconds: f64) -> Option<Self> {
        let millis = (seconds * 1000.0).round();
        (millis.is_finite() && millis.abs() < 8.0e15).then_some(Self(millis as i64))
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Seconds since the epoch.
    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// How long ago `earlier` was; zero where it lies ahead (a clock that was set back).
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// This time moved forward by `by`.
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }

    /// This time moved back by `by`.
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Parses RFC 3339 or epoch seconds.
    ///
    /// # Errors
    /// A sentence that says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is neither RFC 3339 (2026-11-21T04:53:20Z) nor epoch seconds");
        if let Ok(seconds) = text.parse::<f64>() {
            return Self::from_seconds(seconds).ok_or_else(wrong);
        }
        let (local, ahead) = without_offset(text).unwrap_or((text, 0));
        let time = humantime::parse_rfc3339_weak(local).map_err(|_| wrong())?;
        let since = time.duration_since(UNIX_EPOCH).map_err(|_| wrong())?;
        let millis = i64::try_from(since.as_millis()).map_err(|_| wrong())?;
        Ok(Self(millis - ahead * 60_000))
    }
}

/// Takes an offset such as `+01:00` off a time: what is left, and by how many minutes that clock is ahead of UTC.
/// humantime reads UTC only.
fn without_offset(text: &str) -> Option<(&str, i64)> {
    let (local, offset) = text.split_at_checked(text.len().checked_sub(6)?)?;
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let two = |digits: &str| {
        (digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse::<i64>().ok())?
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    let sign = match offset.as_bytes()[0] {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    (hours < 24 && minutes < 60 && local.contains(':')).then_some((local, sign * (hours * 60 + minutes)))
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Year 9999 is the last that RFC 3339 can write.
        let millis = u64::try_from(self.0).unwrap_or(0).min(253_402_300_799_999);
        humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(millis)).fmt(f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TimeVisitor;
        impl Visitor<'_> for TimeVisitor {
            type Value = Timestamp;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time: RFC 3339 or epoch seconds")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                Timestamp::parse(text).map_err(E::custom)
            }
            fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Timestamp, E> {
                Timestamp::from_seconds(seconds).ok_or_else(|| E::custom("not a representable time"))
            }
            fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Timestamp, E> {
                self.visit_f64(seconds as f64)
            }
            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Timestamp, E> {
                self.visit_f64(seconds as f64)
            }
        }
        deserializer.deserialize_any(TimeVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_both_of_the_common_forms() {
        let time = Timestamp::from_millis(1_795_229_314_078);
        assert_eq!(time.to_string(), "2026-11-21T02:48:34.078Z");
        assert_eq!(Timestamp::parse(&time.to_string()), Ok(time));
        assert_eq!(Timestamp::parse("1795229314.078"), Ok(time));
        assert_eq!(serde_json::from_str::<Timestamp>("1795229314.078").unwrap(), time);
        assert_eq!(serde_json::from_str::<Timestamp>(&serde_json::to_string(&time).unwrap()).unwrap(), time);
        for (text, utc) in [
            ("2026-11-21T03:48:34.078+01:00", "2026-11-21T02:48:34.078Z"),
            ("2026-11-20T21:18:34-05:30", "2026-11-21T02:48:34Z"),
            ("2026-11-21 02:48:34+00:00", "2026-11-21T02:48:34Z"),
        ] {
            assert_eq!(Timestamp::parse(text), Timestamp::parse(utc), "{text}");
        }
        for wrong in ["2026-11-21T02:48:34+24:00", "2026-11-21T02:48:34+1:00", "+01:00", "2026-11-21+01:00", "é:00:00"]
        {
            assert!(Timestamp::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Timestamp::parse("yesterday").is_err());
        assert!(Timestamp::parse("inf").is_err());
    }

    #[test]
    fn a_clock_that_goes_back_never_gives_a_negative_time() {
        let (early, late) = (Timestamp::from_millis(1_000), Timestamp::from_millis(4_000));
        assert_eq!(late.since(early), Duration::from_secs(3));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(early.plus(Duration::from_secs(3)), late);
        assert_eq!(late.minus(Duration::from_secs(3)), early);
    }
}
