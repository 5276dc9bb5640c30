//! What a signal said: a number, or the reason why there is none. Never a silent zero.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

/// What a policy can ask Prometheus for, and `growth`, which the engine derives (or `decide` is given).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Signal {
    /// Processed, per operator, in records/s or bytes/s.
    Throughput,
    /// Waiting, per operator, in the unit of the throughput.
    Backlog,
    /// How fast the backlog grows, per operator, per second.
    Growth,
    /// Mean use of one worker against what the policy names; may exceed 1.
    Cpu,
    /// Busy share of the hottest subtask, 0..1.
    Busy,
    /// Workers that run now.
    Running,
    /// Seconds since the job last (re)started.
    RunningFor,
    /// Workers whose metrics are there / workers registered.
    Coverage,
    /// Seconds since the oldest worker's newest raw sample.
    Age,
    /// The replicas that the spec asks for, where no cluster says it.
    Wished,
    /// The highest parallelism that the job's state allows.
    MaxParallelism,
    /// Partitions of the input; for Beam the number of splits.
    Partitions,
    /// Seconds between two checkpoints.
    CheckpointInterval,
    /// A row means that a rescale would do harm.
    Unsafe,
}

impl Signal {
    /// All signals, in the order in which a derivation names them.
    pub const ALL: [Self; 14] = [
        Self::Running,
        Self::Wished,
        Self::RunningFor,
        Self::Coverage,
        Self::Age,
        Self::Throughput,
        Self::Backlog,
        Self::Growth,
        Self::Cpu,
        Self::Busy,
        Self::MaxParallelism,
        Self::Partitions,
        Self::CheckpointInterval,
        Self::Unsafe,
    ];

    /// The name in policies, JSON and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::Backlog => "backlog",
            Self::Growth => "growth",
            Self::Cpu => "cpu",
            Self::Busy => "busy",
            Self::Running => "running",
            Self::RunningFor => "runningFor",
            Self::Coverage => "coverage",
            Self::Age => "age",
            Self::Wished => "wished",
            Self::MaxParallelism => "maxParallelism",
            Self::Partitions => "partitions",
            Self::CheckpointInterval => "checkpointInterval",
            Self::Unsafe => "unsafe",
        }
    }

    /// The signal of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|signal| signal.name() == name)
    }

    /// Whether there is a row for each operator of a job rather than one for the job.
    pub const fn is_per_operator(self) -> bool {
        matches!(self, Self::Throughput | Self::Backlog | Self::Growth)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of signals, as small as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SignalSet(u16);

impl SignalSet {
    /// Adds a signal.
    pub fn insert(&mut self, signal: Signal) {
        self.0 |= 1 << signal as u16;
    }

    /// This set and one signal more.
    #[must_use]
    pub fn with(mut self, signal: Signal) -> Self {
        self.insert(signal);
        self
    }

    /// Whether the signal is in the set.
    pub fn contains(self, signal: Signal) -> bool {
        self.0 & (1 << signal as u16) != 0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The signals of the set, in the order of [`Signal::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Signal> {
        Signal::ALL.into_iter().filter(move |signal| self.contains(*signal))
    }
}

impl FromIterator<Signal> for SignalSet {
    fn from_iter<I: IntoIterator<Item = Signal>>(signals: I) -> Self {
        signals.into_iter().fold(Self::default(), Self::with)
    }
}

/// No number that a signal can mean is as large: Flink and Beam say "none" with the largest long, 9.2e18.
const LARGEST: f64 = 1e18;

/// One signal at one moment. A `Fresh` number is finite, and below 1e18.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Reading {
    /// A finite number.
    Fresh(f64),
    /// There was a number once; its sample is this old.
    Stale {
        /// Since the sample was taken.
        age: Duration,
    },
    /// No row, or one that says "unknown" (`-1`).
    #[default]
    Missing,
    /// NaN, infinite, or so large that it stands for either.
    NotFinite,
    /// The query failed, so nothing is known about any job.
    QueryFailed,
}

impl Reading {
    /// The reading of a raw sample value: NaN, the infinities and what is as large as no count can be are `NotFinite`,
    /// a negative number is what Flink, Beam and Kafka answer for "unknown".
    pub fn of_sample(value: f64) -> Self {
        if !value.is_finite() || value.abs() > LARGEST {
            Self::NotFinite
        } else if value < 0.0 {
            Self::Missing
        } else {
            Self::Fresh(value)
        }
    }

    /// The number, where there is a fresh one.
    pub const fn fresh(self) -> Option<f64> {
        if let Self::Fresh(value) = self { Some(value) } else { None }
    }

    /// The number, or why there is none.
    ///
    /// # Errors
    /// The [`Absence`] that stands for every state but `Fresh`.
    pub const fn value(self) -> Result<f64, Absence> {
        match self {
            Self::Fresh(value) => Ok(value),
            Self::Stale { age } => Err(Absence::Stale { age }),
            Self::Missing => Err(Absence::Missing),
            Self::NotFinite => Err(Absence::NotFinite),
            Self::QueryFailed => Err(Absence::QueryFailed),
        }
    }

    /// This reading once the age of the job's samples is known: a number older than `limit` is stale.
    #[must_use]
    pub fn judged(self, age: Duration, limit: Duration) -> Self {
        match self {
            Self::Fresh(_) if age > limit => Self::Stale { age },
            other => other,
        }
    }
}

/// JSON: the number, or the name of the state; a stale reading says how many seconds old.
impl Serialize for Reading {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.value() {
            Ok(value) => serializer.serialize_f64(value),
            Err(absence) => absence.serialize(serializer),
        }
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value() {
            Ok(value) => super::step::Quantity(value).fmt(f),
            Err(absence) => absence.fmt(f),
        }
    }
}

/// Why there is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Absence {
    /// No row, or one that says "unknown" (`-1`).
    Missing,
    /// The newest sample is too old.
    Stale {
        /// Since the sample was taken.
        #[serde(with = "seconds")]
        age: Duration,
    },
    /// NaN or infinite.
    NotFinite,
    /// The query failed.
    QueryFailed,
}

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("missing"),
            Self::Stale { age } => write!(f, "{} old", humantime::format_duration(whole_seconds(*age))),
            Self::NotFinite => f.write_str("not a finite number"),
            Self::QueryFailed => f.write_str("not known, as its query failed"),
        }
    }
}

/// Cuts a duration to whole seconds, for people.
pub(crate) fn whole_seconds(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs())
}

/// Rounds a duration up to whole seconds, for people: what remains is never nothing.
pub(crate) fn seconds_up(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs() + u64::from(duration.subsec_nanos() > 0))
}

/// Durations in JSON: seconds, as a number.
pub(crate) mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(duration.as_secs_f64())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_that_is_no_number_is_never_zero() {
        for (sample, reading) in [
            (0.0, Reading::Fresh(0.0)),
            (3.5, Reading::Fresh(3.5)),
            (-1.0, Reading::Missing),
            (f64::NAN, Reading::NotFinite),
            (f64::INFINITY, Reading::NotFinite),
            (f64::NEG_INFINITY, Reading::NotFinite),
            (9.2e18, Reading::NotFinite),
            (-9.2e18, Reading::NotFinite),
        ] {
            assert_eq!(Reading::of_sample(sample), reading, "{sample}");
        }
    }

    #[test]
    fn a_number_is_stale_beyond_the_limit_and_fresh_at_it() {
        let limit = Duration::from_secs(60);
        assert_eq!(Reading::Fresh(1.0).judged(limit, limit), Reading::Fresh(1.0));
        let older = limit + Duration::from_millis(1);
        assert_eq!(Reading::Fresh(1.0).judged(older, limit), Reading::Stale { age: older });
        assert_eq!(Reading::Missing.judged(older, limit), Reading::Missing);
    }

    #[test]
    fn every_signal_is_found_by_its_name_and_fits_a_set() {
        for signal in Signal::ALL {
            assert_eq!(Signal::from_name(signal.name()), Some(signal));
            let json = serde_json::to_string(&signal).unwrap();
            assert_eq!(json, format!("\"{}\"", signal.name()));
            assert!(SignalSet::default().with(signal).contains(signal));
        }
        let all: SignalSet = Signal::ALL.into_iter().collect();
        assert_eq!(all.iter().count(), Signal::ALL.len());
        assert_eq!(Signal::from_name("colour"), None);
    }
}
