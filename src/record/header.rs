//! The first line of a recording.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::json::JsonFault;
use super::reading::WireDuration;
use crate::engine::Timestamp;
use crate::policy::PolicySet;

/// The version that is written, and the newest that is read.
///
/// History:
/// - 1 (Steelyard 0.1): the first.
pub const VERSION: u64 = 1;

/// The first line of a recording: what it was made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Header {
    #[serde(rename = "steelyardRecording")]
    version: u64,
    step: WireDuration,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    policies: Vec<HeaderPolicy>,
}

/// A policy as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderPolicy {
    /// Its name, the class of its jobs.
    pub name: String,
    /// The YAML document.
    pub text: String,
}

impl Header {
    /// The header of a recording with a tick every `step`, decided by these policies.
    pub fn new(step: Duration, policies: &PolicySet) -> Self {
        let policies = policies
            .policies
            .iter()
            .map(|policy| HeaderPolicy { name: policy.plan.class.to_string(), text: policy.text.to_string() })
            .collect();
        Self { version: VERSION, step: WireDuration(step), created: None, source: None, policies }
    }

    /// Says where the numbers come from: no secrets, as a recording is passed on.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Says when the recording was made.
    #[must_use]
    pub fn with_created(mut self, at: Timestamp) -> Self {
        self.created = Some(at);
        self
    }

    /// The policies; a job's class is the position of its policy here.
    pub fn policies(&self) -> &[HeaderPolicy] {
        &self.policies
    }

    /// Reads the first line of a recording: the version first, and nothing else of a newer one.
    pub(super) fn parse(line: &str) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Version {
            #[serde(rename = "steelyardRecording")]
            version: u64,
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Whole {
            #[serde(rename = "steelyardRecording")]
            version: u64,
            step: WireDuration,
            created: Option<Timestamp>,
            source: Option<String>,
            policies: Vec<HeaderPolicy>,
        }
        let Version { version: found } = serde_json::from_str(line).map_err(|_| Error::NotARecording)?;
        if found > VERSION {
            return Err(Error::Newer { found });
        }
        let fault = |what: String| Error::Header(JsonFault { line: 1, column: None, what });
        let Whole { version, step, created, source, policies } =
            serde_json::from_str(line).map_err(|error| Error::Header(JsonFault::new(&error, 1)))?;
        if version == 0 {
            return Err(fault("there is no format 0".into()));
        }
        if policies.is_empty() {
            return Err(fault("`policies` is empty, so nothing can decide".into()));
        }
        for (position, HeaderPolicy { name, .. }) in policies.iter().enumerate() {
            if policies[..position].iter().any(|other| other.name == *name) {
                return Err(fault(format!("two policies are called `{name}`")));
            }
        }
        Ok(Self { version, step, created, source, policies })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        r#"{"steelyardRecording": 1, "step": "15s", "policies": [{"name": "beam", "text": "spec: {}"}]}"#;

    #[test]
    fn a_header_is_read_and_written_alike() {
        let header = Header::parse(GOOD).unwrap();
        let Header { version, step, created, source, policies } = &header;
        assert_eq!((*version, step.0, created, source), (VERSION, Duration::from_secs(15), &None, &None));
        assert_eq!(policies[0].name, "beam");
        let header = header.with_source("http://prometheus:9090").with_created(Timestamp::from_millis(5));
        assert_eq!(Header::parse(&serde_json::to_string(&header).unwrap()).unwrap(), header);
    }

    #[test]
    fn the_version_is_looked_at_before_anything_else() {
        let newer = r#"{"steelyardRecording": 2, "step": {"every": 15}, "tenants": 7}"#;
        let error = Header::parse(newer).unwrap_err();
        assert!(matches!(error, Error::Newer { found: 2 }), "{error}");
        let text = error.to_string();
        assert!(text.contains("upgrade Steelyard, or record again"), "{text}");
    }

    #[test]
    fn what_is_no_header_is_refused_with_the_reason() {
        let rows = [
            ("kind: ScalingPolicy", "not a Steelyard recording"),
            (r#"{"status": "success", "data": {}}"#, "not a Steelyard recording"),
            (r#"{"steelyardRecording": "1"}"#, "not a Steelyard recording"),
            (r#"{"steelyardRecording": 0, "step": "15s", "policies": []}"#, "no format 0"),
            (r#"{"steelyardRecording": 1, "step": "15s", "policies": []}"#, "`policies` is empty"),
            (r#"{"steelyardRecording": 1, "policies": []}"#, "missing field `step`"),
            (&GOOD.replace("step", "stepp"), "did you mean `step`?"),
            (&GOOD.replace("}]", r#"}, {"name": "beam", "text": ""}]"#), "two policies are called `beam`"),
        ];
        for (line, expected) in rows {
            let error = anyhow::Error::new(Header::parse(line).unwrap_err());
            assert!(format!("{error:#}").contains(expected), "{line}: {error:#}");
        }
    }
}
