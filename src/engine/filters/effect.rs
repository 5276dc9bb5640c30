//! Did the last increase help? One that did not is not repeated: the limit lies elsewhere.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::decision::Hold;
use crate::engine::gates::Flow;
use crate::engine::job::Workers;
use crate::engine::judge::Case;
use crate::engine::learned::Useful;
use crate::engine::step::Step;
use crate::engine::terms::round_up;

/// An increase is judged this long after its restart, once.
const JUDGED_AFTER: Duration = Duration::from_secs(150);
/// What is expected of workers: throughput grows like their number to this power.
const EXPECTED_EXPONENT: f64 = 0.7;
/// Less than this share of it is no effect.
const LEAST_SHARE: f64 = 0.5;
/// Expected gains below this are lost in noise.
const LEAST_EXPECTED: f64 = 0.2;
/// What was reached takes so many: throughput that helps grows like their number to this power, as capacities do.
const USEFUL_EXPONENT: f64 = 0.8;
/// A limit is believed for this long,
const BELIEVED_FOR: Duration = Duration::from_secs(4 * 3600);
/// or until the input has risen by this share.
const INPUT_RISES: f64 = 0.2;

/// What was found of the last increase.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Verdict {
    /// It is too early, or there was none, or it was judged before.
    Pending,
    /// It helped, or the job is not short of anything.
    Helped,
    /// It did not.
    Useless {
        /// From how many.
        from: Workers,
        /// What is of use.
        useful: Useful,
    },
}

/// Judges the last increase, at the first whole look from 150 s after its restart on.
pub(crate) fn judge(case: &Case<'_>, flows: &[Flow], because: &mut Vec<Step>) -> Verdict {
    let Some(grown) = case.memory.times.grown.filter(|grown| !grown.judged) else { return Verdict::Pending };
    let Some(running) = case.sight.running else { return Verdict::Pending };
    let since = grown.at.max(case.memory.started);
    if !case.plan.parts.effect || case.at.since(since) < JUDGED_AFTER {
        return Verdict::Pending;
    }
    if running <= grown.from {
        return Verdict::Helped;
    }
    let mut useful: Option<Workers> = None;
    for flow in flows {
        let operator = case.operator(flow.operator);
        let Some(memory) = case.memory.operator(operator) else { continue };
        let (Some(throughput), Some(input)) = (memory.recent_throughput(case.at), memory.level().per_second()) else {
            continue;
        };
        let Some(before) = memory.capacity().of(f64::from(grown.from.0)) else { continue };
        if !memory.is_saturated(case.plan, flow.throughput, case.at) || input <= throughput {
            continue;
        }
        let expected = (f64::from(running.0) / f64::from(grown.from.0)).powf(EXPECTED_EXPONENT) - 1.0;
        let gain = throughput / before - 1.0;
        if expected < LEAST_EXPECTED || gain >= LEAST_SHARE * expected {
            continue;
        }
        let count = f64::from(grown.from.0) * (throughput / before).powf(1.0 / USEFUL_EXPONENT);
        let count = round_up(count).clamp(grown.from, running);
        useful = useful.max(Some(count));
        because.push(Step::NoEffect {
            operator: Arc::clone(operator),
            from: grown.from,
            to: running,
            gain,
            expected,
            useful: count,
        });
    }
    match useful {
        None => Verdict::Helped,
        Some(workers) => Verdict::Useless {
            from: grown.from,
            useful: Useful { workers, until: case.at.plus(BELIEVED_FOR), input: input(case) },
        },
    }
}

/// The input of all operators together.
fn input(case: &Case<'_>) -> f64 {
    case.memory.operators().filter_map(|memory| memory.level().per_second()).sum()
}

/// Whether a limit is still believed.
pub(crate) fn believed(case: &Case<'_>, useful: &Useful) -> bool {
    case.at < useful.until && input(case) < (1.0 + INPUT_RISES) * useful.input
}

/// What is of use, where more run.
///
/// A job whose limit lies elsewhere is late for as long as its input stays above that: waiting for its backlog to be gone
/// before the useless workers go keeps them for hours (measured: 1.1 instead of 0.75 times the clairvoyant's). Where the
/// limit was drawn wrongly, throughput falls with them, which is seen, and the limit is lifted.
pub(crate) fn surplus(case: &Case<'_>, running: Workers, because: &mut Vec<Step>) -> Option<Workers> {
    let useful = case.memory.useful.filter(|useful| case.plan.parts.effect && useful.workers < running)?;
    because.push(Step::Surplus { running, useful: useful.workers });
    Some(useful.workers)
}

/// An increase ends at what is of use. Below that it is free: a hold that barred it too would keep a job late.
pub(super) fn limited(
    case: &Case<'_>,
    wish: Workers,
    running: Workers,
    because: &mut Vec<Step>,
) -> Result<Workers, Hold> {
    let Some(useful) = case.memory.useful.filter(|_| case.plan.parts.effect && wish > running) else {
        return Ok(wish);
    };
    if wish <= useful.workers {
        return Ok(wish);
    }
    because.push(Step::Useful { wish, to: useful.workers, until: useful.until });
    if useful.workers > running {
        Ok(useful.workers)
    } else {
        Err(Hold::Ineffective { useful: useful.workers, until: useful.until })
    }
}
