//! The JSON shape of one job at one moment: what a recording holds, and what `decide` is given.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use super::reading::{WireReading, duration, signed};
use crate::engine::{
    JobObservation, Learned, LeftAlone, OperatorObservation, OwnerWishes, Pause, Reading, Timestamp, Workers,
};

/// Text that is borrowed from the JSON where it holds no escapes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

/// One job. Every key may be left out; the [module](super) says what that means for each.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WireJob<'a> {
    /// Its namespace.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Text<'a>>,
    /// Its name.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text<'a>>,
    /// The name of the policy that decides for it.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub class: Option<Text<'a>>,
    /// Workers that run.
    #[serde(skip_serializing_if = "WireReading::is_left_out")]
    pub workers: WireReading,
    /// Workers that the spec asks for.
    #[serde(skip_serializing_if = "WireReading::is_left_out")]
    pub wished: WireReading,
    /// Since the last (re)start, in seconds or as text.
    #[serde(deserialize_with = "duration", skip_serializing_if = "WireReading::is_left_out")]
    pub running_for: WireReading,
    /// Workers whose metrics are there / workers registered.
    #[serde(skip_serializing_if = "WireReading::is_left_out")]
    pub coverage: WireReading,
    /// Of the oldest worker's newest raw sample, in seconds or as text.
    #[serde(deserialize_with = "duration", skip_serializing_if = "WireReading::is_left_out")]
    pub age: WireReading,
    /// Mean use of one worker, as a share.
    #[serde(skip_serializing_if = "WireReading::is_left_out")]
    pub cpu: WireReading,
    /// Busy share of the hottest subtask.
    #[serde(skip_serializing_if = "WireReading::is_left_out")]
    pub busy: WireReading,
    /// The highest parallelism that the job's state allows.
    #[serde(skip_serializing_if = "WireReading::is_left_out")]
    pub max_parallelism: WireReading,
    /// Partitions (splits) of the input.
    #[serde(skip_serializing_if = "WireReading::is_left_out")]
    pub partitions: WireReading,
    /// Between two checkpoints, in seconds or as text.
    #[serde(deserialize_with = "duration", skip_serializing_if = "WireReading::is_left_out")]
    pub checkpoint_interval: WireReading,
    /// Why a rescale would do harm.
    #[serde(rename = "unsafe", borrow, skip_serializing_if = "Option::is_none")]
    pub unsafe_reason: Option<Text<'a>>,
    /// Who else decides about this job.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Text<'a>>,
    /// Somebody else's last change of the count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_alone: Option<LeftAlone>,
    /// What the annotations of the scaled object ask for.
    #[serde(skip_serializing_if = "WireWishes::is_empty")]
    pub owner: WireWishes,
    /// What an earlier process had learned of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recalled: Option<Arc<Learned>>,
    /// By name.
    #[serde(borrow, skip_serializing_if = "WireOperators::is_empty")]
    pub operators: WireOperators<'a>,
}

impl<'a> From<&'a JobObservation> for WireJob<'a> {
    fn from(job: &'a JobObservation) -> Self {
        let JobObservation {
            index: _,
            id,
            class: _, // the writer knows the classes' names
            running,
            wished,
            running_for,
            coverage,
            age,
            cpu,
            busy,
            max_parallelism,
            partitions,
            checkpoint_interval,
            unsafe_reason,
            conflict,
            left_alone,
            wishes,
            recalled,
            operators,
        } = job;
        Self {
            namespace: Some(id.namespace().into()),
            name: Some(id.name().into()),
            class: None,
            workers: WireReading::unless_missing(*running),
            wished: WireReading::unless_missing(*wished),
            running_for: WireReading::unless_missing(*running_for),
            coverage: WireReading::unless_missing(*coverage),
            age: WireReading::unless_missing(*age),
            cpu: WireReading::unless_missing(*cpu),
            busy: WireReading::unless_missing(*busy),
            max_parallelism: WireReading::unless_missing(*max_parallelism),
            partitions: WireReading::unless_missing(*partitions),
            checkpoint_interval: WireReading::unless_missing(*checkpoint_interval),
            unsafe_reason: unsafe_reason.as_deref().map(Text::from),
            conflict: conflict.as_deref().map(Text::from),
            left_alone: *left_alone,
            owner: WireWishes::from(*wishes),
            recalled: recalled.clone(),
            operators: WireOperators(
                operators
                    .iter()
                    .map(|seen| {
                        let OperatorObservation { operator, throughput, total, backlog, growth } = seen;
                        let operator = Text::from(&**operator);
                        let throughput = WireReading::unless_missing(*throughput);
                        let wire = WireOperator {
                            throughput,
                            total: (*total).into(),
                            backlog: (*backlog).into(),
                            growth: (*growth).into(),
                        };
                        (operator, wire)
                    })
                    .collect(),
            ),
        }
    }
}

impl WireJob<'_> {
    /// Puts what stands here over `job`; `text` makes the shared strings.
    ///
    /// Names and class are the caller's to handle. Readings that are left out are `Missing`.
    pub fn put_into(&self, job: &mut JobObservation, mut text: impl FnMut(&str) -> Arc<str>) {
        let Self {
            namespace: _,
            name: _,
            class: _,
            workers,
            wished,
            running_for,
            coverage,
            age,
            cpu,
            busy,
            max_parallelism,
            partitions,
            checkpoint_interval,
            unsafe_reason,
            conflict,
            left_alone,
            owner,
            recalled,
            operators,
        } = self;
        job.running = workers.or(Reading::Missing);
        job.wished = wished.or(Reading::Missing);
        job.running_for = running_for.or(Reading::Missing);
        job.coverage = coverage.or(Reading::Missing);
        job.age = age.or(Reading::Missing);
        job.cpu = cpu.or(Reading::Missing);
        job.busy = busy.or(Reading::Missing);
        job.max_parallelism = max_parallelism.or(Reading::Missing);
        job.partitions = partitions.or(Reading::Missing);
        job.checkpoint_interval = checkpoint_interval.or(Reading::Missing);
        job.unsafe_reason = unsafe_reason.as_ref().map(|reason| text(&reason.0));
        job.conflict = conflict.as_ref().map(|owner| text(&owner.0));
        job.left_alone = *left_alone;
        job.wishes = (*owner).into();
        job.recalled = recalled.clone();
        job.operators = operators
            .0
            .iter()
            .map(|(name, WireOperator { throughput, total, backlog, growth })| OperatorObservation {
                operator: text(&name.0),
                throughput: throughput.or(Reading::Missing),
                total: total.given(),
                backlog: backlog.given(),
                growth: growth.given(),
            })
            .collect();
    }
}

/// One operator of a job.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WireOperator {
    /// Processed per second.
    #[serde(skip_serializing_if = "WireReading::is_left_out")]
    pub throughput: WireReading,
    /// Processed since some start: a running total in place of `throughput`.
    #[serde(skip_serializing_if = "WireReading::is_left_out")]
    pub total: WireReading,
    /// Waiting; left out: the operator is shown and not judged.
    #[serde(skip_serializing_if = "WireReading::is_left_out")]
    pub backlog: WireReading,
    /// How fast the backlog grows, per second, where that is given rather than measured.
    #[serde(deserialize_with = "signed", skip_serializing_if = "WireReading::is_left_out")]
    pub growth: WireReading,
}

/// What the annotations of the scaled object ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WireWishes {
    /// `both`, `up` or `down`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
    /// When the pause ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause_until: Option<Timestamp>,
    /// This many, whatever the load.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<Workers>,
    /// At least this many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<Workers>,
    /// At most this many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<Workers>,
}

impl WireWishes {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl From<OwnerWishes> for WireWishes {
    fn from(wishes: OwnerWishes) -> Self {
        let OwnerWishes { pause, pause_until, fixed, min, max } = wishes;
        Self { pause, pause_until, workers: fixed, min, max }
    }
}

impl From<WireWishes> for OwnerWishes {
    fn from(wishes: WireWishes) -> Self {
        let WireWishes { pause, pause_until, workers, min, max } = wishes;
        Self { pause, pause_until, fixed: workers, min, max }
    }
}

/// A job's operators, sorted by name, each once: an object in JSON.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WireOperators<'a>(pub Vec<(Text<'a>, WireOperator)>);

impl WireOperators<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for WireOperators<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, operator)| (name, operator)))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for WireOperators<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Operators;
        impl<'de> Visitor<'de> for Operators {
            type Value = WireOperators<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of operators by name")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut operators: Vec<(Text<'de>, WireOperator)> = Vec::with_capacity(map.size_hint().unwrap_or(1));
                while let Some(entry) = map.next_entry()? {
                    operators.push(entry);
                }
                operators.sort_by(|(one, _), (other, _)| one.0.cmp(&other.0));
                match operators.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                    Some(twice) => Err(M::Error::custom(format!("operator `{}` stands here twice", twice[0].0.0))),
                    None => Ok(WireOperators(operators)),
                }
            }
        }
        deserializer.deserialize_map(Operators)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{ClassIndex, JobId, JobIndex};

    #[test]
    fn a_job_written_by_hand_is_understood() {
        let text = r#"{"namespace": "streaming", "name": "orders", "workers": 10, "running_for": "1h", "cpu": "NaN",
            "owner": {"pause": "up", "pause_until": "2026-11-21T06:00:00Z", "max": 12}, "unsafe": "an SDF",
            "operators": {"write": {"throughput": 5}, "read": {"throughput": 1000, "backlog": null, "growth": -3}}}"#;
        let wire: WireJob<'_> = serde_json::from_str(text).unwrap();
        let mut job = JobObservation::unseen(JobIndex(0), JobId::new("streaming", "orders"), ClassIndex(0));
        wire.put_into(&mut job, |text| text.into());
        assert_eq!(job.running, Reading::Fresh(10.0));
        assert_eq!((job.running_for, job.cpu), (Reading::Fresh(3600.0), Reading::NotFinite));
        assert_eq!(job.wished, Reading::Missing);
        assert_eq!(job.wishes.max, Some(Workers(12)));
        assert_eq!(job.wishes.pause, Some(Pause::Up));
        assert_eq!(job.unsafe_reason.as_deref(), Some("an SDF"));
        let [read, write] = &job.operators[..] else { panic!("{:?}", job.operators) };
        assert_eq!(
            (&*read.operator, read.backlog, read.growth),
            ("read", Some(Reading::Missing), Some(Reading::Fresh(-3.0)))
        );
        assert_eq!((&*write.operator, write.backlog, write.growth), ("write", None, None));
        assert_eq!(
            serde_json::from_str::<WireJob<'_>>(&serde_json::to_string(&WireJob::from(&job)).unwrap()).unwrap(),
            {
                let mut same = wire.clone();
                same.class = None;
                same
            }
        );
    }

    #[test]
    fn what_stands_twice_is_refused() {
        for text in [r#"{"operators": {"a": {}, "b": {}, "a": {}}}"#, r#"{"cpu": 1, "cpu": 2}"#] {
            assert!(serde_json::from_str::<WireJob<'_>>(text).is_err(), "{text}");
        }
    }
}
