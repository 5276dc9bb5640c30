//! The steps of a derivation: every number that a decision rests on, in the order in which it was used.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::decision::{Budget, Cap};
use super::job::Workers;
use super::plan::Mode;
use super::reading::{Reading, Signal};
use super::time::Timestamp;

/// One step of a derivation.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "step", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Step {
    /// What was read of the job as a whole; a signal that nobody asked for and nobody saw is left out.
    Job {
        /// The readings, judged by the age of their samples.
        #[serde(flatten)]
        readings: Readings,
    },
    /// What was read of one operator, and what follows from it.
    Operator {
        /// Which.
        operator: Arc<str>,
        /// Processed per second.
        throughput: Reading,
        /// Waiting; left out where the backlog query has no row for it: then it is shown and not judged.
        #[serde(skip_serializing_if = "Option::is_none")]
        backlog: Option<Reading>,
        /// How fast the backlog grows per second, as far as that counts (see `slope`).
        #[serde(skip_serializing_if = "Option::is_none")]
        growth: Option<f64>,
        /// The slope that was measured, where it does not count as growth: not significant, or under 2 % of throughput.
        #[serde(skip_serializing_if = "Option::is_none")]
        slope: Option<f64>,
        /// Backlog / throughput in seconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        backlog_time: Option<f64>,
    },
    /// A backlog that is too small to say anything counts as none.
    SmallBacklog {
        /// Of which operator.
        operator: Arc<str>,
        /// What waits.
        backlog: f64,
        /// What has to be exceeded: one second of the highest recent throughput, or the number of partitions.
        above: f64,
    },
    /// Some workers do not report: throughput was divided by the share of those that do.
    Coverage {
        /// Reporting / registered.
        coverage: f64,
    },
    /// The up gate is open because of a backlog.
    BacklogGate {
        /// Of which operator.
        operator: Arc<str>,
        /// Its backlog time in seconds.
        backlog_time: f64,
        /// The limit in seconds.
        above: f64,
    },
    /// The up gate is open because a backlog grows: at a limit of 0 that is enough.
    GrowthGate {
        /// Of which operator.
        operator: Arc<str>,
        /// How fast, per second.
        growth: f64,
    },
    /// The up gate is open because of CPU.
    CpuGate {
        /// Mean use of one worker.
        cpu: f64,
        /// The limit.
        above: f64,
    },
    /// The down gate is open: little CPU is used, no backlog grows, and none takes long.
    DownGate {
        /// Mean use of one worker.
        cpu: f64,
        /// The limit.
        below: f64,
        /// The longest backlog time in seconds.
        backlog_time: f64,
        /// The limit in seconds.
        backlog_time_below: f64,
    },
    /// Neither gate is open.
    GatesShut {
        /// The longest backlog time in seconds.
        backlog_time: f64,
        /// Mean use of one worker, where it is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        cpu: Option<f64>,
        /// An operator whose backlog grows, if one's does.
        #[serde(skip_serializing_if = "Option::is_none")]
        growing: Option<Arc<str>>,
    },
    /// Workers that one operator needs.
    Demand {
        /// Which.
        operator: Arc<str>,
        /// To keep up: W · (g⁺ + T) / T.
        keep_up: f64,
        /// To catch up, besides: W · τ / D₀.
        catch_up: f64,
    },
    /// The operator that needs the most.
    Deciding {
        /// Which.
        operator: Arc<str>,
        /// Keep up + catch up.
        workers: f64,
    },
    /// Workers that CPU asks for: W · u / cpuTarget.
    CpuDemand {
        /// Mean use of one worker.
        cpu: f64,
        /// What it should be.
        target: f64,
        /// Before rounding up.
        workers: f64,
    },
    /// The count that the rule wants.
    Wish {
        /// How many.
        workers: Workers,
    },
    /// The owner of the job fixed the count.
    Fixed {
        /// How many.
        workers: Workers,
    },
    /// A larger count was wanted within the down window, and it counts.
    DownWindow {
        /// What is wanted now.
        wish: Workers,
        /// The largest wish of the window.
        to: Workers,
        /// When that leaves the window.
        until: Timestamp,
    },
    /// The change is too small to be worth a rescale.
    Tolerance {
        /// What is wanted.
        wish: Workers,
        /// The share of what runs that a change has to exceed.
        tolerance: f64,
    },
    /// The change was cut to the largest step.
    MaxStep {
        /// What is wanted.
        wish: Workers,
        /// What remains.
        to: Workers,
    },
    /// An increase was cut by a cap.
    Capped {
        /// Which.
        cap: Cap,
        /// What is wanted.
        wish: Workers,
        /// The most that the cap allows.
        limit: Workers,
    },
    /// The count was raised to the least that may run.
    AtLeast {
        /// What is wanted.
        wish: Workers,
        /// `minWorkers`, or the owner's.
        min: Workers,
    },
    /// More workers run than may: the count goes to the most.
    AtMost {
        /// What is wanted.
        wish: Workers,
        /// `maxWorkers`, or the owner's.
        max: Workers,
    },
    /// The policy's mode does not carry this out.
    Mode {
        /// The mode.
        mode: Mode,
    },
    /// A limit of the fleet or the class left less room than was wanted.
    Budget {
        /// Which.
        budget: Budget,
        /// What is wanted.
        wish: Workers,
        /// What there is room for.
        room: u32,
    },
    /// Too much of the class looked wrong at once.
    Breaker {
        /// When.
        since: Timestamp,
        /// Until when nothing goes down.
        until: Timestamp,
    },
}

/// The readings of a job, as the rule saw them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Readings {
    /// Workers that run.
    pub running: Reading,
    /// Workers that the spec asks for.
    pub wished: Reading,
    /// Seconds since the job last (re)started.
    pub running_for: Reading,
    /// Reporting / registered workers.
    pub coverage: Reading,
    /// Seconds since the oldest worker's newest sample.
    pub age: Reading,
    /// Mean use of one worker.
    pub cpu: Reading,
}

impl Readings {
    fn named(&self) -> [(Signal, Reading); 6] {
        let Self { running, wished, running_for, coverage, age, cpu } = *self;
        [
            (Signal::Running, running),
            (Signal::Wished, wished),
            (Signal::RunningFor, running_for),
            (Signal::Coverage, coverage),
            (Signal::Age, age),
            (Signal::Cpu, cpu),
        ]
    }
}

impl Serialize for Readings {
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

impl fmt::Display for Readings {
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

/// An operator's name in backticks, cut where it is long: whole names are in the JSON.
pub(super) struct Named<'a>(pub &'a str);

/// Enough to tell an operator by; Flink cuts its own at 80.
const LONGEST_NAME: usize = 40;

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(LONGEST_NAME) {
            None => write!(f, "`{}`", self.0),
            Some((end, _)) => write!(f, "`{}…`", &self.0[..end]),
        }
    }
}

/// Seconds as people read them: `1m 30s`; below ten seconds with one decimal.
struct Seconds(f64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 9.95 {
            return write!(f, "{:.1}s", self.0);
        }
        // A backlog time of more than a million years is shown as that.
        let whole = self.0.round().min(3.0e13) as u64;
        humantime::format_duration(Duration::from_secs(whole)).fmt(f)
    }
}

/// A quantity as people read it: three decimals where it is small, none where it is large.
pub(super) struct Quantity(pub f64);

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = if self.0.fract() == 0.0 || self.0.abs() >= 1000.0 {
            0
        } else if self.0.abs() >= 10.0 {
            1
        } else {
            3
        };
        write!(f, "{:.decimals$}", self.0)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Job { readings } => readings.fmt(f),
            Self::Operator { operator, throughput, backlog, growth, slope, backlog_time } => {
                write!(f, "{}: throughput {throughput}/s", Named(operator))?;
                match backlog {
                    None => f.write_str(", no backlog row: not judged")?,
                    Some(backlog) => write!(f, ", backlog {backlog}")?,
                }
                if let Some(growth) = growth {
                    write!(f, ", growth {}/s", Quantity(*growth))?;
                }
                if let Some(slope) = slope {
                    write!(f, " (a slope of {}/s does not count)", Quantity(*slope))?;
                }
                backlog_time.map_or(Ok(()), |seconds| write!(f, ", backlog time {}", Seconds(seconds)))
            }
            Self::SmallBacklog { operator, backlog, above } => {
                write!(
                    f,
                    "the backlog of {}, {}, is not above {}: it counts as 0",
                    Named(operator),
                    Quantity(*backlog),
                    Quantity(*above)
                )
            }
            Self::Coverage { coverage } => {
                write!(
                    f,
                    "{:.0} % of the workers report: throughput is divided by that, and nothing goes down",
                    coverage * 100.0
                )
            }
            Self::BacklogGate { operator, backlog_time, above } => {
                write!(
                    f,
                    "up: the backlog of {} takes {}, more than {}",
                    Named(operator),
                    Seconds(*backlog_time),
                    Seconds(*above)
                )
            }
            Self::GrowthGate { operator, growth } => {
                write!(f, "up: the backlog of {} grows by {}/s", Named(operator), Quantity(*growth))
            }
            Self::CpuGate { cpu, above } => write!(f, "up: cpu {cpu:.2} is above {above:.2}"),
            Self::DownGate { cpu, below, backlog_time, backlog_time_below } => write!(
                f,
                "down: cpu {cpu:.2} is below {below:.2}, no backlog grows, and the longest takes {}, less than {}",
                Seconds(*backlog_time),
                Seconds(*backlog_time_below)
            ),
            Self::GatesShut { backlog_time, cpu, growing } => {
                write!(f, "neither up nor down: the longest backlog takes {}", Seconds(*backlog_time))?;
                match cpu {
                    Some(cpu) => write!(f, ", cpu {cpu:.2}")?,
                    None => f.write_str(", cpu is not known")?,
                }
                growing.as_ref().map_or(Ok(()), |operator| write!(f, ", the backlog of {} grows", Named(operator)))
            }
            Self::Demand { operator, keep_up, catch_up } => {
                write!(
                    f,
                    "{} needs {keep_up:.2} workers to keep up and {catch_up:.2} more to catch up",
                    Named(operator)
                )
            }
            Self::Deciding { operator, workers } => {
                write!(f, "{} needs the most: {workers:.2} workers", Named(operator))
            }
            Self::CpuDemand { cpu, target, workers } => {
                write!(f, "cpu {cpu:.2} comes to {target:.2} with {workers:.2} workers")
            }
            Self::Wish { workers } => write!(f, "wanted: {workers}"),
            Self::Fixed { workers } => write!(f, "fixed by the owner: {workers}"),
            Self::DownWindow { wish, to, until } => {
                write!(f, "{wish} is wanted, {to} was within the down window (until {until})")
            }
            Self::Tolerance { wish, tolerance } => {
                write!(f, "{wish} differs by no more than {:.0} %", tolerance * 100.0)
            }
            Self::MaxStep { wish, to } => write!(f, "{wish} is more than one step away: {to}"),
            Self::Capped { cap, wish, limit } => write!(f, "{cap} allows {limit} of {wish}"),
            Self::AtLeast { wish, min } => write!(f, "{wish} is below the minimum: {min}"),
            Self::AtMost { wish, max } => write!(f, "{wish} is above the maximum: {max}"),
            Self::Mode { mode: Mode::Observe } => f.write_str("mode observe: nothing is carried out"),
            Self::Mode { mode: Mode::Up } => f.write_str("mode up: decreases are not carried out"),
            Self::Mode { mode: Mode::Act } => f.write_str("mode act"),
            Self::Budget { budget, wish, room } => write!(f, "{budget} leaves room for {room} of {wish}"),
            Self::Breaker { since, until } => {
                write!(f, "the breaker of the class opened at {since}: nothing goes down until {until}")
            }
        }
    }
}
