//! What flows through each operator, and how long its backlog takes.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::decision::Hold;
use crate::engine::estimate::{Growth, growth};
use crate::engine::judge::Case;
use crate::engine::observation::OperatorObservation;
use crate::engine::reading::Reading;
use crate::engine::step::Step;

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
    let coverage = case.coverage_gap();
    let mut held: Option<Hold> = None;
    let mut hold = |hold: Hold| {
        if held.as_ref().is_none_or(|first| hold.rank() < first.rank()) {
            held = Some(hold);
        }
    };
    for (place, seen) in case.job.operators.iter().enumerate() {
        let (Reading::Fresh(throughput), Some(Reading::Fresh(waiting))) = (seen.throughput, seen.backlog) else {
            because.push(shown(case, seen, None));
            continue;
        };
        let throughput = if throughput < NOTHING { 0.0 } else { throughput / coverage.unwrap_or(1.0) };
        let (growth, slope) = match growth_of(case, seen, throughput) {
            Growth::Known { per_second, slope } => (per_second, slope),
            Growth::TooEarly { missing } => {
                because.push(shown(case, seen, None));
                // With the time there but too few points, the next tick brings one.
                hold(Hold::WarmingUp { remaining: missing.max(Duration::from_secs(1)) });
                continue;
            }
        };
        let floor = Floor::of(case, seen, throughput);
        let backlog = if floor.hides(waiting) { 0.0 } else { waiting };
        let stalled = backlog > 0.0 && throughput <= 0.0;
        let backlog_time = if backlog > 0.0 && !stalled { backlog / throughput } else { 0.0 };
        because.push(shown(
            case,
            seen,
            Some(Worked { growth, slope, backlog_time: (!stalled).then_some(backlog_time) }),
        ));
        if backlog < waiting {
            because.push(Step::SmallBacklog {
                operator: Arc::clone(&seen.operator),
                backlog: waiting,
                above: floor.one_second.max(floor.partitions),
            });
        }
        if stalled {
            hold(Hold::Stalled { operator: Arc::clone(&seen.operator) });
        }
        into.push(Flow { operator: place, throughput, growth, backlog_time });
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
    Step::Operator {
        operator: Arc::clone(&seen.operator),
        throughput: case.sight.judge(case.plan, seen.throughput),
        backlog: seen.backlog.map(|backlog| case.sight.judge(case.plan, backlog)),
        growth: worked.as_ref().map(|worked| worked.growth),
        slope: worked.as_ref().filter(|worked| worked.slope != worked.growth).map(|worked| worked.slope),
        backlog_time: worked.and_then(|worked| worked.backlog_time),
    }
}

/// A growth that is given is taken as it is, under the same 2 % and sign as a measured one without scatter.
fn growth_of(case: &Case<'_>, seen: &OperatorObservation, throughput: f64) -> Growth {
    match seen.growth.and_then(Reading::fresh) {
        Some(given) => Growth::given(given, throughput),
        None => case
            .memory
            .operator(&seen.operator)
            .map_or(Growth::TooEarly { missing: Duration::ZERO }, |memory| growth(memory.backlog(case.at), throughput)),
    }
}

/// Below which a backlog says nothing: what is in flight in any healthy job.
struct Floor {
    one_second: f64,
    partitions: f64,
}

impl Floor {
    fn of(case: &Case<'_>, seen: &OperatorObservation, throughput: f64) -> Self {
        let recent = case.memory.operator(&seen.operator).map_or(0.0, |memory| memory.highest_throughput());
        Self { one_second: recent.max(throughput), partitions: case.partitions().map_or(0.0, f64::from) }
    }

    fn hides(&self, backlog: f64) -> bool {
        backlog < self.one_second || backlog <= self.partitions
    }
}
