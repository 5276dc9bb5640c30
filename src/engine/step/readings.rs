//! What was read of a job as a whole.

use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::Told;
use super::words::Seconds;
use crate::engine::reading::{Reading, Signal};

/// The readings of a job, as the rule saw them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Readings<R = Reading> {
    /// Workers that run.
    pub running: R,
    /// Workers that the spec asks for.
    pub wished: R,
    /// Seconds since the job last (re)started.
    pub running_for: R,
    /// Reporting / registered workers.
    pub coverage: R,
    /// Seconds since the oldest worker's newest sample.
    pub age: R,
    /// Mean use of one worker.
    pub cpu: R,
}

impl Readings {
    /// As a step holds them.
    pub(in crate::engine) fn told(self) -> Readings<Told> {
        let Self { running, wished, running_for, coverage, age, cpu } = self;
        Readings {
            running: running.into(),
            wished: wished.into(),
            running_for: running_for.into(),
            coverage: coverage.into(),
            age: age.into(),
            cpu: cpu.into(),
        }
    }
}

impl Readings<Told> {
    fn named(&self) -> [(Signal, Reading); 6] {
        let Self { running, wished, running_for, coverage, age, cpu } = *self;
        [
            (Signal::Running, running.into()),
            (Signal::Wished, wished.into()),
            (Signal::RunningFor, running_for.into()),
            (Signal::Coverage, coverage.into()),
            (Signal::Age, age.into()),
            (Signal::Cpu, cpu.into()),
        ]
    }
}

impl Serialize for Readings<Told> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (signal, reading) in self.named() {
            if reading != Reading::Missing {
                map.serialize_entry(signal.name(), &reading)?;
            }
        }
        map.end()
    }
}

impl fmt::Display for Readings<Told> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (signal, reading) in self.named().into_iter().filter(|(_, reading)| *reading != Reading::Missing) {
            f.write_str(if first { "" } else { ", " })?;
            first = false;
            match (signal, reading) {
                (Signal::RunningFor | Signal::Age, Reading::Fresh(seconds)) => {
                    write!(f, "{signal} {}", Seconds(seconds))?;
                }
                _ => write!(f, "{signal} {reading}")?,
            }
        }
        if first { f.write_str("no signal of the job") } else { Ok(()) }
    }
}
