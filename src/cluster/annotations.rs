//! What the people who run a job ask for, on the object itself.

use std::sync::Arc;

use k8s_openapi::jiff;
use serde::Deserialize;

use crate::engine::{OwnerWishes, Pause, Timestamp, Workers};

/// The annotations that are ours, as they were written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub(super) struct Annotations {
    #[serde(rename = "steelyard.dev/pause")]
    pub(super) pause: Option<String>,
    #[serde(rename = "steelyard.dev/pause-until")]
    pub(super) pause_until: Option<String>,
    #[serde(rename = "steelyard.dev/workers")]
    pub(super) workers: Option<String>,
    #[serde(rename = "steelyard.dev/min-workers")]
    pub(super) min_workers: Option<String>,
    #[serde(rename = "steelyard.dev/max-workers")]
    pub(super) max_workers: Option<String>,
}

/// What they mean.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Asked {
    pub(super) wishes: OwnerWishes,
    /// What could not be understood, and the mend.
    pub(super) fault: Option<Arc<str>>,
}

impl Annotations {
    /// Somebody wanted something of us: where it cannot be understood the job is paused both ways until it can,
    /// as any guess (no limit, no pause) would do what they tried to keep us from.
    pub(super) fn read(&self) -> Asked {
        let mut faults = Vec::new();
        let mut note = |key: &str, text: &str, mend: &str| {
            faults.push(format!("annotation steelyard.dev/{key}: `{text}` is not understood: {mend}"));
        };
        let Self { pause, pause_until, workers, min_workers, max_workers } = self;
        let mut wishes = OwnerWishes::default();
        match pause.as_deref() {
            None | Some("false") => {}
            Some("true") => wishes.pause = Some(Pause::Both),
            Some("up") => wishes.pause = Some(Pause::Up),
            Some("down") => wishes.pause = Some(Pause::Down),
            Some(other) => note("pause", other, "write \"true\", \"up\", \"down\" or \"false\""),
        }
        if let Some(text) = pause_until.as_deref() {
            wishes.pause_until = time(text);
            if wishes.pause_until.is_none() {
                note("pause-until", text, "write a time such as 2026-11-21T18:00:00Z");
            }
        }
        let mut count = |key: &str, text: Option<&str>| {
            let read = text.and_then(|text| text.parse().ok()).filter(|count| *count > 0).map(Workers);
            if let (Some(text), None) = (text, read) {
                note(key, text, "write a whole number of at least 1");
            }
            read
        };
        wishes.fixed = count("workers", workers.as_deref());
        wishes.min = count("min-workers", min_workers.as_deref());
        wishes.max = count("max-workers", max_workers.as_deref());
        if let (Some(min), Some(max)) = (wishes.min, wishes.max)
            && min > max
        {
            note("min-workers", &min.to_string(), &format!("it is above steelyard.dev/max-workers, {max}"));
        }
        if faults.is_empty() {
            return Asked { wishes, fault: None };
        }
        let wishes = OwnerWishes { pause: Some(Pause::Both), ..OwnerWishes::default() };
        Asked { wishes, fault: Some(faults.join("; ").into()) }
    }
}

/// RFC 3339 with any offset. Not epoch seconds: `2026` would be a moment in 1970, and the pause over.
fn time(text: &str) -> Option<Timestamp> {
    text.parse::<jiff::Timestamp>().ok().map(|time| Timestamp::from_millis(time.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: serde_json::Value) -> Asked {
        serde_json::from_value::<Annotations>(json).unwrap().read()
    }

    #[test]
    fn wishes_that_are_understood() {
        let nothing = read(serde_json::json!({"prometheus.io/scrape": "true"}));
        assert_eq!(nothing, Asked::default());
        for (text, pause) in
            [("true", Some(Pause::Both)), ("up", Some(Pause::Up)), ("down", Some(Pause::Down)), ("false", None)]
        {
            let asked = read(serde_json::json!({"steelyard.dev/pause": text}));
            assert_eq!((asked.wishes.pause, asked.fault), (pause, None), "{text}");
        }
        let asked = read(serde_json::json!({
            "steelyard.dev/pause-until": "2026-11-21T19:00:00+01:00", "steelyard.dev/workers": "7",
            "steelyard.dev/min-workers": "2", "steelyard.dev/max-workers": "2",
        }));
        let expected = OwnerWishes {
            pause: None,
            pause_until: Some(Timestamp::parse("2026-11-21T18:00:00Z").unwrap()),
            fixed: Some(Workers(7)),
            min: Some(Workers(2)),
            max: Some(Workers(2)),
        };
        assert_eq!(asked, Asked { wishes: expected, fault: None });
    }

    #[test]
    fn a_wish_that_is_not_understood_pauses_and_says_why() {
        for (key, text, mend) in [
            ("pause", "yes", "write \"true\""),
            ("pause", "", "write \"true\""),
            ("pause-until", "tomorrow", "such as 2026-11-21T18:00:00Z"),
            ("pause-until", "2026", "such as 2026-11-21T18:00:00Z"),
            ("pause-until", "2026-11-21T18:00:00", "such as 2026-11-21T18:00:00Z"),
            ("workers", "0", "at least 1"),
            ("workers", "-1", "at least 1"),
            ("workers", "4294967296", "at least 1"),
            ("min-workers", "2.5", "at least 1"),
            ("max-workers", "many", "at least 1"),
        ] {
            let asked = read(serde_json::json!({(format!("steelyard.dev/{key}")): text}));
            let paused = OwnerWishes { pause: Some(Pause::Both), ..OwnerWishes::default() };
            assert_eq!(asked.wishes, paused, "{key} {text}");
            let fault = asked.fault.unwrap();
            assert!(fault.contains(key) && fault.contains(text) && fault.contains(mend), "{fault}");
        }
        let crossed = read(serde_json::json!({"steelyard.dev/min-workers": "3", "steelyard.dev/max-workers": "2"}));
        assert_eq!(crossed.wishes.pause, Some(Pause::Both));
        assert!(crossed.fault.unwrap().contains("above steelyard.dev/max-workers, 2"));
    }
}
