//! One reading in JSON: a number, or the reason why there is none.

use std::borrow::Cow;
use std::time::Duration;

use serde::de::{Deserializer, Error as _};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::json::explain;
use crate::engine::Reading;

/// `"stale"` without an age counts as this old: older than any policy accepts.
const STALE_BY_DEFAULT: Duration = Duration::from_secs(3600);

/// A reading as it stands in JSON: unlike [`Reading`] it tells a key that was left out from a `null`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum WireReading {
    /// There is no such key.
    #[default]
    LeftOut,
    /// There is one.
    Given(Reading),
}

impl WireReading {
    /// Whether there is no such key.
    pub fn is_left_out(&self) -> bool {
        *self == Self::LeftOut
    }

    /// The reading; `otherwise` where the key was left out.
    pub fn or(self, otherwise: Reading) -> Reading {
        match self {
            Self::LeftOut => otherwise,
            Self::Given(reading) => reading,
        }
    }

    /// The reading; `None` where the key was left out.
    pub fn given(self) -> Option<Reading> {
        match self {
            Self::LeftOut => None,
            Self::Given(reading) => Some(reading),
        }
    }

    /// `Missing` is left out: both mean the same for every field but `backlog` and `growth`.
    pub fn unless_missing(reading: Reading) -> Self {
        if reading == Reading::Missing { Self::LeftOut } else { Self::Given(reading) }
    }
}

impl From<Option<Reading>> for WireReading {
    fn from(reading: Option<Reading>) -> Self {
        reading.map_or(Self::LeftOut, Self::Given)
    }
}

impl Serialize for WireReading {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// Beyond this a whole number may not be written exactly as an integer.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        match *self {
            Self::LeftOut | Self::Given(Reading::Missing) => serializer.serialize_unit(),
            Self::Given(Reading::Fresh(value)) if value.fract() == 0.0 && value.abs() < EXACT => {
                serializer.serialize_i64(value as i64)
            }
            Self::Given(Reading::Fresh(value)) => serializer.serialize_f64(value),
            Self::Given(Reading::Stale { age }) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("stale", &humantime::format_duration(age).to_string())?;
                map.end()
            }
            Self::Given(Reading::NotFinite) => serializer.serialize_str("NaN"),
            Self::Given(Reading::QueryFailed) => serializer.serialize_str("failed"),
        }
    }
}

impl<'de> Deserialize<'de> for WireReading {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, None, Reading::of_sample)
    }
}

/// For a field that holds a duration: seconds, or text such as `"1h 30m"`.
pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<WireReading, D::Error> {
    read(deserializer, Some(|text| humantime::parse_duration(text).ok()), Reading::of_sample)
}

/// For a field that may be negative.
pub(super) fn signed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<WireReading, D::Error> {
    read(deserializer, None, |value| match Reading::of_sample(value.abs()) {
        Reading::Fresh(_) => Reading::Fresh(value),
        other => other,
    })
}

/// Numbers are taken as text and parsed by the standard library: serde_json's own parser may be off by the last
/// digit, and a replay has to see the very numbers that the live run saw.
fn read<'de, D: Deserializer<'de>>(
    deserializer: D,
    text_as: Option<fn(&str) -> Option<Duration>>,
    number: fn(f64) -> Reading,
) -> Result<WireReading, D::Error> {
    let raw = <&'de RawValue>::deserialize(deserializer)?.get();
    let wrong = || {
        let durations = if text_as.is_some() { ", a duration (\"90s\")" } else { "" };
        D::Error::custom(format!(
            "`{raw}` is not a reading: give a number{durations}, null, \"stale\", \"NaN\" or \"failed\""
        ))
    };
    let reading = match raw.as_bytes()[0] {
        b'n' => Reading::Missing,
        b'-' | b'0'..=b'9' => number(raw.parse().map_err(|_| wrong())?),
        b'"' => match &*serde_json::from_str::<Cow<'_, str>>(raw).map_err(|error| D::Error::custom(explain(&error)))? {
            "stale" => Reading::Stale { age: STALE_BY_DEFAULT },
            "NaN" => Reading::NotFinite,
            "failed" => Reading::QueryFailed,
            text => {
                let duration = text_as.and_then(|parse| parse(text)).ok_or_else(wrong)?;
                Reading::Fresh(duration.as_secs_f64())
            }
        },
        b'{' => {
            let stale: Stale = serde_json::from_str(raw).map_err(|error| D::Error::custom(explain(&error)))?;
            Reading::Stale { age: stale.stale.0 }
        }
        _ => return Err(wrong()),
    };
    Ok(WireReading::Given(reading))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stale {
    stale: WireDuration,
}

/// A duration in JSON: seconds, or text such as `"90s"`; written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WireDuration(pub Duration);

impl Serialize for WireDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(self.0))
    }
}

impl<'de> Deserialize<'de> for WireDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?.get();
        let text: Option<Cow<'_, str>> = serde_json::from_str(raw).ok();
        match text {
            Some(text) => humantime::parse_duration(&text).ok(),
            None => raw.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        }
        .map(Self)
        .ok_or_else(|| D::Error::custom(format!("`{raw}` is not a duration: give seconds or text such as \"90s\"")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Row {
        #[serde(default)]
        share: WireReading,
        #[serde(default, deserialize_with = "duration")]
        time: WireReading,
        #[serde(default, deserialize_with = "signed")]
        slope: WireReading,
    }

    fn row(text: &str) -> Result<Row, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn every_state_is_read() {
        let stale = |seconds| Reading::Stale { age: Duration::from_secs(seconds) };
        let rows = [
            ("0.5", Reading::Fresh(0.5)),
            ("0", Reading::Fresh(0.0)),
            ("1e3", Reading::Fresh(1000.0)),
            ("-1", Reading::Missing),
            ("null", Reading::Missing),
            ("\"stale\"", stale(3600)),
            ("{\"stale\": \"90s\"}", stale(90)),
            ("{ \"stale\": 90 }", stale(90)),
            ("\"NaN\"", Reading::NotFinite),
            ("1e999", Reading::NotFinite),
            ("\"failed\"", Reading::QueryFailed),
            ("\"N\\u0061N\"", Reading::NotFinite),
        ];
        for (text, expected) in rows {
            let row = row(&format!("{{\"share\": {text}}}")).unwrap();
            assert_eq!(row.share, WireReading::Given(expected), "{text}");
            assert!(row.time.is_left_out() && row.slope.is_left_out());
        }
        let row = row("{\"time\": \"1h 30m\", \"slope\": -12.5}").unwrap();
        assert_eq!(row.time, WireReading::Given(Reading::Fresh(5400.0)));
        assert_eq!(row.slope, WireReading::Given(Reading::Fresh(-12.5)));
    }

    #[test]
    fn what_is_no_reading_is_refused() {
        for text in ["true", "[]", "\"1h\"", "\"fast\"", "{}", "{\"stale\": -1}", "{\"stale\": \"9\", \"x\": 1}"] {
            let error = row(&format!("{{\"share\": {text}}}")).unwrap_err();
            assert!(error.column() > 10, "{text}: {error}");
        }
        let error = row("{\"time\": \"soon\"}").unwrap_err().to_string();
        assert!(error.contains("a duration (\"90s\")"), "{error}");
    }

    #[test]
    fn numbers_come_back_to_the_last_digit() {
        for value in [0.1 + 0.2, 1.0 / 3.0, 123_456_789.123_456_79, 5e-324, 0.1e15, 9_007_199_254_740_993.0, 1e15] {
            let text = serde_json::to_string(&WireReading::Given(Reading::Fresh(value))).unwrap();
            let back: WireReading = serde_json::from_str(&text).unwrap();
            assert_eq!(back, WireReading::Given(Reading::Fresh(value)), "{text}");
        }
        assert_eq!(serde_json::to_string(&WireReading::Given(Reading::Fresh(1000.0))).unwrap(), "1000");
    }
}
