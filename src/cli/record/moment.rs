//! A moment as people say it on the command line.

use std::str::FromStr;
use std::time::Duration;

use crate::engine::Timestamp;

/// A moment: fixed, or so long before now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// That one.
    At(Timestamp),
    /// Counted back from now; zero is now.
    Ago(Duration),
}

impl Moment {
    /// The time that is meant.
    pub fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => now.minus(ago),
        }
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "now" {
            return Ok(Self::Ago(Duration::ZERO));
        }
        let Some(ago) = text.strip_prefix('-') else {
            return Timestamp::parse(text).map(Self::At).map_err(|_| wrong(text));
        };
        // Negative epoch seconds lie before 1970, where no Prometheus was.
        humantime::parse_duration(ago.trim_start()).map(Self::Ago).map_err(|_| wrong(text))
    }
}

fn wrong(text: &str) -> String {
    format!(
        "`{text}` is no time: give RFC 3339 (2026-11-21T04:53:20Z), epoch seconds, a time before now with its unit \
         (-6h, -90m) or now"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_say_a_time_is_understood() {
        let now = Timestamp::from_millis(1_795_229_600_000);
        let rows = [
            ("2026-11-21T02:48:34.078Z", 1_795_229_314_078),
            ("1795229314.078", 1_795_229_314_078),
            ("-6h", now.as_millis() - 6 * 3_600_000),
            ("-1h 30m", now.as_millis() - 90 * 60_000),
            ("now", now.as_millis()),
        ];
        for (text, millis) in rows {
            assert_eq!(text.parse::<Moment>().unwrap().at(now), Timestamp::from_millis(millis), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused_with_the_ways_there_are() {
        for text in ["", "-", "6h", "-6", "yesterday", "2026-11-21", "+1h", "NaN"] {
            let error = text.parse::<Moment>().unwrap_err();
            assert!(error.contains("RFC 3339") && error.contains("-6h"), "{text}: {error}");
        }
    }
}
