//! What flows through each operator, and how long its backlog takes.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::decision::{Hold, Partial};
use crate::engine::estimate::{Growth, growth};
use crate::engine::judge::Case;
use crate::engine::memory::OperatorMemory;
use crate::engine::observation::OperatorObservation;
use crate::engine::plan::Preset;
use crate::engine::reading::Reading;
use crate::engine::step::{Slope, Step};

/// A rate below one in eleven days is nothing: no quotient of it says anything.
const NOTHING: f64 = 1e-6;

/// One judged operator.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flow {
    /// Its place in the Observation.
    pub operator: usize,
    /// Processed per second, coverage counted in.
    pub throughput: f64,
    /// How fast the backlog grows per second; 0 where that is not significant.
    pub growth: f64,
    /// Waiting; 0 where it says nothing.
    pub backlog: f64,
    /// Backlog / throughput in seconds; 0 without a backlog.
    pub backlog_time: f64,
}

impl Flow {
    /// Nothing comes in and nothing waits: it requires nothing.
    pub fn is_idle(&self) -> bool {
        self.throughput <= 0.0
    }
}

/// Shows the readings of every operator of a job that is held before anything is worked out.
pub(crate) fn show(case: &Case<'_>, because: &mut Vec<Step>) {
    because.extend(case.job.operators.iter().map(|seen| shown(case, seen, None)));
}

/// Works out the flow of every judged operator and shows each as a step.
///
/// # Errors
/// The first of the holds in their order, after every operator was shown.
pub(crate) fn flows(case: &Case<'_>, into: &mut Vec<Flow>, because: &mut Vec<Step>) -> Result<(), Hold> {
    into.clear();
    // What is divided by the coverage of some workers; a total is never taken of some.
    let coverage = case.coverage_gap();
    let mut held: Option<Hold> = None;
    let mut hold = |hold: Hold| {
        if held.as_ref().is_none_or(|first| hold.rank() < first.rank()) {
            held = Some(hold);
        }
    };
    for (place, seen) in case.job.operators.iter().enumerate() {
        let (throughput, Some(Reading::Fresh(waiting))) = (case.throughput(seen), seen.backlog) else {
            because.push(shown(case, seen, None));
            continue;
        };
        let Reading::Fresh(throughput) = throughput else {
            because.push(shown(case, seen, None));
            // A running total needs two looks, and all of the workers.
            hold(match coverage {
                Some(coverage) => Hold::PartialData { partial: Partial::Coverage { coverage } },
                None => Hold::WarmingUp { remaining: Duration::from_secs(1) },
            });
            continue;
        };
        let throughput = if throughput < NOTHING {
            0.0
        } else {
            throughput / coverage.filter(|_| seen.total.is_none()).unwrap_or(1.0)
        };
        let memory = case.memory.operator_near(place, &seen.operator);
        let standing = standing(case, memory, waiting);
        let floor = Floor::of(case, memory, throughput, standing);
        let backlog = if floor.hides(standing) { 0.0 } else { standing };
        let (growth, slope) = match growth_of(case, seen, memory, throughput, backlog) {
            Growth::Known { per_second, slope } => (per_second, slope),
            Growth::TooEarly { missing } => {
                because.push(shown(case, seen, None));
                // With the time there but too few points, the next tick brings one.
                hold(Hold::WarmingUp { remaining: missing.max(Duration::from_secs(1)) });
                continue;
            }
        };
        let stalled = backlog > 0.0 && throughput <= 0.0;
        let backlog_time = if backlog > 0.0 && !stalled { backlog / throughput } else { 0.0 };
        because.push(shown(
            case,
            seen,
            Some(Worked { growth, slope, backlog_time: (!stalled).then_some(backlog_time) }),
        ));
        if standing < waiting {
            let operator = Arc::clone(&seen.operator);
            because.push(Step::LeastBacklog { operator, backlog: waiting, least: standing });
        }
        if backlog < standing {
            because.push(Step::SmallBacklog {
                operator: Arc::clone(&seen.operator),
                backlog: standing,
                above: floor.one_second.max(floor.partitions),
            });
        }
        if stalled {
            hold(Hold::Stalled { operator: Arc::clone(&seen.operator) });
        }
        into.push(Flow { operator: place, throughput, growth, backlog, backlog_time });
    }
    held.map_or(Ok(()), Err)
}

/// The operator whose backlog takes longest; the first of several that take as long.
pub(crate) fn longest(flows: &[Flow]) -> Option<&Flow> {
    flows.iter().reduce(|longest, flow| if flow.backlog_time > longest.backlog_time { flow } else { longest })
}

/// What was worked out of an operator's readings.
struct Worked {
    growth: f64,
    slope: f64,
    backlog_time: Option<f64>,
}

fn shown(case: &Case<'_>, seen: &OperatorObservation, worked: Option<Worked>) -> Step {
    let slope = worked.as_ref().map_or(Slope::UNKNOWN, |&Worked { growth, slope, .. }| {
        let counts = slope == growth;
        Slope::measured(if counts { growth } else { slope }, counts)
    });
    Step::Operator {
        operator: Arc::clone(&seen.operator),
        throughput: case.throughput(seen).into(),
        backlog: seen.backlog.map(|backlog| case.sight.judge(case.plan, backlog).into()),
        slope,
        backlog_time: worked.and_then(|worked| worked.backlog_time).into(),
    }
}

/// A growth that is given is taken as it is, under the same 2 % and sign as a measured one without scatter. Where the
/// rule knows the level of the input, growth is what that has above the throughput: one balance, whose two ends are the
/// same. (A slope stays negative for minutes after a backlog is gone.)
fn growth_of(
    case: &Case<'_>,
    seen: &OperatorObservation,
    memory: Option<&OperatorMemory>,
    throughput: f64,
    backlog: f64,
) -> Growth {
    match (case.plan.preset, seen.growth.and_then(Reading::fresh)) {
        // What is not there does not grow: one throughput below the mean input is noise.
        (Preset::Balanced, _) if backlog <= 0.0 => Growth::given(0.0, throughput),
        (Preset::Balanced, _) => memory
            .and_then(|memory| memory.level().per_second())
            .map_or(Growth::TooEarly { missing: Duration::ZERO }, |input| {
                Growth::given(input - throughput, throughput)
            }),
        (Preset::Seed, Some(given)) => Growth::given(given, throughput),
        (Preset::Seed, None) => memory.map_or(Growth::TooEarly { missing: Duration::ZERO }, |memory| {
            growth(memory.backlog(case.plan.growth_window, case.at), throughput)
        }),
    }
}

/// What waits, but for what a group has not committed yet: that grows until it does.
fn standing(case: &Case<'_>, memory: Option<&OperatorMemory>, waiting: f64) -> f64 {
    match (case.plan.preset, memory) {
        (Preset::Balanced, Some(memory)) => memory.standing_backlog(case.plan, case.at).min(waiting),
        _ => waiting,
    }
}

/// Below which a backlog says nothing: what is in flight in any healthy job.
struct Floor {
    one_second: f64,
    partitions: f64,
}

impl Floor {
    fn of(case: &Case<'_>, memory: Option<&OperatorMemory>, throughput: f64, standing: f64) -> Self {
        // What is nothing needs no comparison.
        let recent = memory
            .filter(|_| standing > 0.0)
            .map_or(0.0, |memory| memory.highest_throughput(case.plan.growth_window, case.at));
        Self { one_second: recent.max(throughput), partitions: case.partitions().map_or(0.0, f64::from) }
    }

    fn hides(&self, backlog: f64) -> bool {
        backlog < self.one_second || backlog <= self.partitions
    }
}
