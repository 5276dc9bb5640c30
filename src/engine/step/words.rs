//! Steps as sentences, and numbers as people read them.

use std::fmt;
use std::time::Duration;

use super::{Candidate, Candidates, Step};
use crate::engine::job::Workers;
use crate::engine::plan::Mode;

/// An operator's name in backticks, cut where it is long: whole names are in the JSON.
pub(in crate::engine) struct Named<'a>(pub &'a str);

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
pub(super) struct Seconds(pub f64);

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
pub(in crate::engine) struct Quantity(pub f64);

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
            Self::Operator { operator, throughput, backlog, slope, backlog_time } => {
                write!(f, "{}: throughput {throughput}/s", Named(operator))?;
                match backlog {
                    None => f.write_str(", no backlog row: not judged")?,
                    Some(backlog) => write!(f, ", backlog {backlog}")?,
                }
                if let Some(growth) = slope.growth() {
                    write!(f, ", growth {}/s", Quantity(growth))?;
                }
                if let Some(slope) = slope.uncounted() {
                    write!(f, " (a slope of {}/s does not count)", Quantity(slope))?;
                }
                backlog_time.get().map_or(Ok(()), |seconds| write!(f, ", backlog time {}", Seconds(seconds)))
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
            Self::LeastBacklog { operator, backlog, least } => write!(
                f,
                "the lag of {} grows from commit to commit: {} stand, not {}",
                Named(operator),
                Quantity(*least),
                Quantity(*backlog)
            ),
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
            Self::Input { operator, input, span, capacity, load } => {
                write!(f, "the input of {} is {}/s over {}", Named(operator), Quantity(*input), Seconds(*span))?;
                match (capacity.get(), load.get()) {
                    (Some(capacity), Some(load)) => {
                        write!(f, "; what runs can process {}/s: a load of {load:.2}", Quantity(capacity))
                    }
                    _ => f.write_str("; what the workers can process is not known yet"),
                }
            }
            Self::Restart { delay, downtime, lag, unseen, learned } => {
                write!(
                    f,
                    "a restart comes after {}, stops the job for {} and makes a lag of {} ({})",
                    Seconds(*delay),
                    Seconds(*downtime),
                    Seconds(*lag),
                    if *learned { "as this job's last ones" } else { "as the policy says" }
                )?;
                match unseen.get() {
                    Some(unseen) => write!(f, "; what came in for {} is not seen yet", Seconds(unseen)),
                    None => Ok(()),
                }
            }
            Self::LoadGate { operator, load, above } => {
                write!(f, "up: the load of {} is {load:.2}, above {above:.2}", Named(operator))
            }
            Self::ShortGate { operator, backlog_time, above, load } => write!(
                f,
                "up: the backlog of {} takes {}, more than {}, and grows at a load of {load:.2}",
                Named(operator),
                Seconds(*backlog_time),
                Seconds(*above)
            ),
            Self::LateGate { operator, lag, above } => write!(
                f,
                "late: the backlog of {} is {} of its input, more than {}",
                Named(operator),
                Seconds(*lag),
                Seconds(*above)
            ),
            Self::FirstTick => f.write_str("a gate has to be open at two ticks in a row"),
            Self::Enough { operator, workers, capacity } => write!(
                f,
                "{} needs {} for {}/s, its input with room",
                Named(operator),
                Counted(*workers),
                Quantity(*capacity)
            ),
            Self::LeastCost { operator, peak_lag, objective, candidates, staying } => {
                let Candidates { enough, chosen } = &**candidates;
                write!(
                    f,
                    "the lag of {} will peak at {} ({} is the objective): {chosen} cost least",
                    Named(operator),
                    Seconds(*peak_lag),
                    Seconds(*objective)
                )?;
                if enough != chosen {
                    write!(f, "; {enough}")?;
                }
                match staying.get() {
                    Some(staying) => write!(f, "; staying costs {}", Quantity(staying)),
                    None => f.write_str("; what runs never works it off"),
                }
            }
            Self::Draining { operator, staying, moving, drains_in } => write!(
                f,
                "the backlog of {} drains in {}: staying costs {} worker-seconds, moving {}",
                Named(operator),
                Seconds(*drains_in),
                Quantity(*staying),
                Quantity(*moving)
            ),
            Self::Masked { until } => write!(f, "the backlog of the last restart is left to drain until {until}"),
            Self::RoughDemand { operator, by_backlog, by_cpu } => {
                write!(f, "{} needs {by_backlog:.2} workers by input and backlog", Named(operator))?;
                by_cpu.map_or(Ok(()), |workers| write!(f, " and {workers:.2} by cpu"))
            }
            Self::Fewer { workers, headroom } => {
                write!(f, "the input with {:.0} % of room takes {}", headroom * 100.0, Counted(*workers))
            }
            Self::Rising { operator, input } => write!(
                f,
                "the input of {} has just risen to {}/s and may go on: what runs is needed",
                Named(operator),
                Quantity(*input)
            ),
            Self::Surplus { running, useful } => {
                write!(f, "late with {running} workers, of which {useful} are of use: the limit lies elsewhere")
            }
            Self::Regret { to, collected, restart, late } => write!(
                f,
                "staying has cost {} worker-seconds; the restart to {to} costs {}: {} idle and {} late",
                Quantity(*collected),
                Quantity(restart + late),
                Quantity(*restart),
                Quantity(*late)
            ),
            Self::NoEffect { operator, from, to, gain, expected, useful } => write!(
                f,
                "{from} -> {to} gained {:.0} % of throughput for {} where {:.0} % were due: more than {useful} are of no use",
                gain * 100.0,
                Named(operator),
                expected * 100.0
            ),
            Self::Useful { wish, to, until } => {
                write!(f, "{wish} is more than was of use: {to} (until {until}, or until the input rises by a fifth)")
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

/// A count with its noun.
struct Counted(Workers);

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} worker{}", self.0, if self.0.0 == 1 { "" } else { "s" })
    }
}

/// In a sentence about costs.
impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { workers, drains_in, cost } = self;
        write!(f, "{workers} workers (gone in {}, {} worker-seconds)", Seconds(*drains_in), Quantity(*cost))
    }
}
