//! What was decided, and the whole derivation: one value that the log, the API, the recording and the replay print.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::ser::Serializer;

use super::job::{JobId, Workers};
use super::observation::Pause;
use super::reading::{Absence, Signal, seconds, seconds_up};
use super::step::{Named, Quantity, Step};
use super::time::Timestamp;

/// What was decided for one job at one tick.
#[must_use = "an unread decision scales nothing and records nothing"]
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// For which job.
    pub job: JobId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub action: Action,
    /// The derivation, in order.
    pub because: Vec<Step>,
}

impl Decision {
    /// The count that was wanted, also where a budget or the mode held it back.
    pub fn wish(&self) -> Option<Workers> {
        match &self.action {
            Action::Scale { to, .. } => Some(*to),
            Action::Hold(hold) => hold.wish(),
        }
    }

    /// The decision without its job and time, as `decide` prints it.
    pub fn answer(&self) -> Answer<'_> {
        Answer { action: &self.action, because: &self.because }
    }
}

/// JSON: `at`, `namespace`, `name`, then the [`Answer`].
impl Serialize for Decision {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Whole<'a> {
            at: Timestamp,
            namespace: &'a str,
            name: &'a str,
            #[serde(flatten)]
            answer: Answer<'a>,
        }
        let Self { job, at, action, because } = self;
        let answer = Answer { action, because };
        Whole { at: *at, namespace: job.namespace(), name: job.name(), answer }.serialize(serializer)
    }
}

/// A decision without its job and time: `{"action": "scale", "from": 10, "to": 42, "because": [...]}`.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Answer<'a> {
    /// What is to be done.
    #[serde(flatten)]
    pub action: &'a Action,
    /// The derivation, in order.
    pub because: &'a [Step],
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "action", rename_all = "camelCase")]
pub enum Action {
    /// Change the number of workers.
    Scale {
        /// The count that the decision was made from.
        from: Workers,
        /// The count to set.
        to: Workers,
    },
    /// Leave it, for the reason given.
    Hold(Hold),
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scale { from, to } => write!(f, "scale {from} -> {to}"),
            Self::Hold(hold) => write!(f, "hold: {hold}"),
        }
    }
}

/// Why nothing is done. When several apply, the one that stands first here is reported.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "reason", rename_all = "camelCase")]
pub enum Hold {
    /// A rescale would do harm.
    UnsafeTarget {
        /// What harm, and the mend.
        why: Arc<str>,
    },
    /// Somebody else decides about this job.
    Conflict {
        /// Who.
        owner: Arc<str>,
    },
    /// The owner of the job asked for a pause.
    Paused {
        /// Which way it must not move.
        pause: Pause,
        /// Until when, if that was said.
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// No worker runs.
    NotRunning,
    /// A signal that the policy asks for is not there.
    MissingSignal {
        /// Which.
        signal: Signal,
        /// Why.
        absence: Absence,
        /// Of which operator, if of one.
        #[serde(skip_serializing_if = "Option::is_none")]
        operator: Option<Arc<str>>,
    },
    /// The picture is not whole.
    PartialData {
        /// In what way.
        #[serde(flatten)]
        partial: Partial,
    },
    /// A rescale is under way: what runs is not yet what the spec asks for.
    Rescaling {
        /// Workers that the spec asks for.
        wished: Workers,
        /// Workers that run.
        running: Workers,
    },
    /// A rescale did not reach its width in time: for now what runs is the most that can be had.
    RescaleIncomplete {
        /// Workers that the spec asks for.
        wished: Workers,
        /// Workers that run.
        running: Workers,
    },
    /// The job restarts again and again.
    Unstable {
        /// Restarts in the last 30 minutes.
        restarts: u32,
    },
    /// The job (re)started a moment ago: its rates still blend before and after.
    WarmingUp {
        /// How much longer.
        #[serde(with = "seconds")]
        remaining: Duration,
    },
    /// The job is still busy with its last restart, which makes a backlog of its own.
    Recovering {
        /// Until when it is left to that.
        until: Timestamp,
    },
    /// There is a backlog and nothing is processed.
    Stalled {
        /// By which operator.
        operator: Arc<str>,
    },
    /// A backlog drains, and waiting is cheaper than a rescale.
    Draining {
        /// Of which operator.
        operator: Arc<str>,
        /// How long the backlog takes, in seconds of its throughput.
        backlog_time: f64,
    },
    /// No gate is open, or the count that is wanted runs already.
    WithinBand,
    /// A smaller count was wanted, but a larger one within the down window.
    Stabilizing {
        /// When the larger wish leaves the window.
        until: Timestamp,
    },
    /// More is wanted, and more than this was of no use.
    Ineffective {
        /// This many.
        useful: Workers,
        /// Until when that is believed.
        until: Timestamp,
    },
    /// Fewer would do, and staying has not yet cost as much as the restart would.
    NotWorthRestart {
        /// How many would do.
        to: Workers,
        /// What staying has cost, in worker-seconds.
        collected: f64,
        /// What the restart costs, in worker-seconds.
        price: f64,
    },
    /// More is wanted than may be had.
    AtMax {
        /// What binds.
        cap: Cap,
    },
    /// As few as may be.
    AtMin,
    /// A change is wanted, and the policy's mode does not carry it out.
    Observing {
        /// What runs.
        from: Workers,
        /// What is wanted.
        to: Workers,
    },
    /// A change is wanted, and a limit of the fleet or class does not leave room for it now.
    FleetBudget {
        /// Which limit.
        budget: Budget,
        /// What runs.
        from: Workers,
        /// What is wanted.
        to: Workers,
    },
    /// A decrease is wanted, and too much of the class looks wrong at once.
    CircuitOpen {
        /// What runs.
        from: Workers,
        /// What is wanted.
        to: Workers,
        /// When the breaker half opens.
        until: Timestamp,
    },
}

impl Hold {
    /// Its place in the fixed order: of several holds the one with the lowest rank is reported.
    pub const fn rank(&self) -> u8 {
        match self {
            Self::UnsafeTarget { .. } => 0,
            Self::Conflict { .. } => 1,
            Self::Paused { .. } => 2,
            Self::NotRunning => 3,
            Self::MissingSignal { .. } => 4,
            Self::PartialData { .. } => 5,
            Self::Rescaling { .. } => 6,
            Self::RescaleIncomplete { .. } => 7,
            Self::Unstable { .. } => 8,
            Self::WarmingUp { .. } => 9,
            Self::Recovering { .. } => 10,
            Self::Stalled { .. } => 11,
            Self::Draining { .. } => 12,
            Self::WithinBand => 13,
            Self::Stabilizing { .. } => 14,
            Self::Ineffective { .. } => 15,
            Self::NotWorthRestart { .. } => 16,
            Self::AtMax { .. } => 17,
            Self::AtMin => 18,
            Self::Observing { .. } => 19,
            Self::FleetBudget { .. } => 20,
            Self::CircuitOpen { .. } => 21,
        }
    }

    /// The reason's name in JSON, metrics and logs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::UnsafeTarget { .. } => "unsafeTarget",
            Self::Conflict { .. } => "conflict",
            Self::Paused { .. } => "paused",
            Self::NotRunning => "notRunning",
            Self::MissingSignal { .. } => "missingSignal",
            Self::PartialData { .. } => "partialData",
            Self::Rescaling { .. } => "rescaling",
            Self::RescaleIncomplete { .. } => "rescaleIncomplete",
            Self::Unstable { .. } => "unstable",
            Self::WarmingUp { .. } => "warmingUp",
            Self::Recovering { .. } => "recovering",
            Self::Stalled { .. } => "stalled",
            Self::Draining { .. } => "draining",
            Self::WithinBand => "withinBand",
            Self::Stabilizing { .. } => "stabilizing",
            Self::Ineffective { .. } => "ineffective",
            Self::NotWorthRestart { .. } => "notWorthRestart",
            Self::AtMax { .. } => "atMax",
            Self::AtMin => "atMin",
            Self::Observing { .. } => "observing",
            Self::FleetBudget { .. } => "fleetBudget",
            Self::CircuitOpen { .. } => "circuitOpen",
        }
    }

    /// The count that would be set if this hold fell away.
    pub const fn wish(&self) -> Option<Workers> {
        match self {
            Self::Observing { to, .. } | Self::FleetBudget { to, .. } | Self::CircuitOpen { to, .. } => Some(*to),
            _ => None,
        }
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnsafeTarget { why } => write!(f, "unsafe to rescale: {why}"),
            Self::Conflict { owner } => write!(f, "{owner} decides about this job too"),
            Self::Paused { pause, until } => {
                f.write_str(match pause {
                    Pause::Both => "paused by its owner",
                    Pause::Up => "increases paused by its owner",
                    Pause::Down => "decreases paused by its owner",
                })?;
                until.map_or(Ok(()), |until| write!(f, " until {until}"))
            }
            Self::NotRunning => f.write_str("no worker runs"),
            Self::MissingSignal { signal, absence, operator: None } => write!(f, "{signal} is {absence}"),
            Self::MissingSignal { signal, absence, operator: Some(operator) } => {
                write!(f, "{signal} of {} is {absence}", Named(operator))
            }
            Self::PartialData { partial } => partial.fmt(f),
            Self::Rescaling { wished, running } => write!(f, "rescaling: {running} of {wished} workers run"),
            Self::RescaleIncomplete { wished, running } => {
                write!(f, "the rescale did not get beyond {running} of {wished} workers")
            }
            Self::Unstable { restarts } => write!(f, "{restarts} restarts in 30 minutes"),
            Self::WarmingUp { remaining } => {
                write!(f, "warming up for another {}", humantime::format_duration(seconds_up(*remaining)))
            }
            Self::Recovering { until } => write!(f, "recovering from the last restart until {until}"),
            Self::Draining { operator, backlog_time } => write!(
                f,
                "the backlog of {} drains: {} of it are left",
                Named(operator),
                humantime::format_duration(seconds_up(Duration::try_from_secs_f64(*backlog_time).unwrap_or_default()))
            ),
            Self::Stalled { operator } => write!(f, "{} has a backlog and processes nothing", Named(operator)),
            Self::WithinBand => f.write_str("within the band"),
            Self::Stabilizing { until } => write!(f, "a larger count was wanted within the down window, until {until}"),
            Self::Ineffective { useful, until } => {
                write!(f, "more than {useful} workers were of no use (until {until}, or until the input rises)")
            }
            Self::NotWorthRestart { to, collected, price } => write!(
                f,
                "{to} would do, and staying has cost {} of the {} worker-seconds of a restart",
                Quantity(*collected),
                Quantity(*price)
            ),
            Self::AtMax { cap } => write!(f, "at the most that {cap} allows"),
            Self::AtMin => f.write_str("at minWorkers"),
            Self::Observing { from, to } => write!(f, "observing only: {from} -> {to} is wanted"),
            Self::FleetBudget { budget, from, to } => write!(f, "{budget} leaves no room for {from} -> {to} now"),
            Self::CircuitOpen { from, to, until } => {
                write!(
                    f,
                    "no decreases until {until}, as much of the class looks wrong at once: {from} -> {to} is wanted"
                )
            }
        }
    }
}

/// In what way the picture is not whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "camelCase")]
pub enum Partial {
    /// Prometheus answered with warnings.
    Warnings {
        /// To the query of which signal.
        signal: Signal,
    },
    /// An operator that this generation of the job had is gone.
    LostRow {
        /// Which.
        operator: Arc<str>,
    },
    /// More workers report than are registered: one that starts or is about to go is scraped and not registered, or series
    /// are there twice. The first passes by itself.
    Unregistered {
        /// Reporting / registered.
        coverage: f64,
    },
    /// Fewer workers report than are registered, so nothing goes down.
    Coverage {
        /// Reporting / registered.
        coverage: f64,
    },
}

impl fmt::Display for Partial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Warnings { signal } => write!(f, "Prometheus answered with warnings to the query of {signal}"),
            Self::LostRow { operator } => {
                write!(f, "the backlog of {} is gone although the job did not restart", Named(operator))
            }
            Self::Unregistered { coverage } => write!(
                f,
                "more workers report than are registered ({:.0} %): some start or end, or series are there twice",
                coverage * 100.0
            ),
            Self::Coverage { coverage } => write!(f, "only {:.0} % of the registered workers report", coverage * 100.0),
        }
    }
}

/// What binds an increase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Cap {
    /// `limits.maxWorkers`.
    MaxWorkers,
    /// The annotation that narrows it.
    OwnerMax,
    /// ⌈maxParallelism / slots⌉.
    MaxParallelism,
    /// ⌈partitions / slots⌉.
    Partitions,
    /// A rescale that did not get beyond what runs.
    RescaleIncomplete,
}

impl fmt::Display for Cap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MaxWorkers => "maxWorkers",
            Self::OwnerMax => "the owner's maximum",
            Self::MaxParallelism => "maxParallelism",
            Self::Partitions => "partitions",
            Self::RescaleIncomplete => "an incomplete rescale",
        })
    }
}

/// Which limit of the fleet or class left no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Budget {
    /// `maxConcurrentRescales`.
    ConcurrentRescales,
    /// `limits.maxWorkersTotal`.
    ClassWorkers,
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConcurrentRescales => "maxConcurrentRescales",
            Self::ClassWorkers => "maxWorkersTotal",
        })
    }
}
