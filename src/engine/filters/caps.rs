//! Bounds: the policy's least and most, which may force a change, and caps from readings, which only stop increases.

use crate::engine::decision::{Cap, Hold};
use crate::engine::job::Workers;
use crate::engine::judge::Case;
use crate::engine::memory::Course;
use crate::engine::reading::{Absence, Signal};
use crate::engine::step::Step;

/// The least and the most that may run: the policy's, narrowed by the owner's.
pub(crate) fn bounds(case: &Case<'_>) -> (Workers, Workers) {
    let (limits, wishes) = (&case.plan.limits, &case.job.wishes);
    let max = wishes.max.map_or(limits.max_workers, |max| max.0.min(limits.max_workers)).max(limits.min_workers);
    let min = wishes.min.map_or(limits.min_workers, |min| min.0.max(limits.min_workers)).min(max);
    (Workers(min), Workers(max))
}

/// The most that may run by all caps that are known.
pub(crate) fn most(case: &Case<'_>) -> Workers {
    let slots = case.plan.limits.slots_per_worker.max(1);
    let caps = [case.max_parallelism(), case.partitions()];
    let (_, max) = bounds(case);
    caps.into_iter().flatten().map(|parallelism| Workers(parallelism.div_ceil(slots))).fold(max, Workers::min)
}

/// The wish within the least and the most. A job that runs outside them is brought back, gate or no gate.
pub(super) fn bounded(case: &Case<'_>, wish: Workers, because: &mut Vec<Step>) -> Workers {
    let (min, max) = bounds(case);
    if wish < min {
        because.push(Step::AtLeast { wish, min });
        return min;
    }
    if wish > max {
        let cap = max_cap(case);
        // An increase that the most cuts short is reported as a cap; too many that run already as what they are.
        because.push(match case.sight.running {
            Some(running) if running > max => Step::AtMost { wish, max },
            _ => Step::Capped { cap, wish, limit: max },
        });
        return max;
    }
    wish
}

/// Why a bounded wish that equals what runs is no change.
pub(super) fn hold(case: &Case<'_>, wish: Workers, running: Workers) -> Hold {
    if wish > running {
        return Hold::AtMax { cap: max_cap(case) };
    }
    if wish < running {
        return Hold::AtMin;
    }
    case.incomplete().unwrap_or(Hold::WithinBand)
}

/// Whether every cap that is read for this job can be read: none at all caps nothing, one in doubt stops increases.
pub(super) fn readable(case: &Case<'_>) -> Result<(), Hold> {
    let limits = &case.plan.limits;
    for (signal, reading, constant) in [
        (Signal::MaxParallelism, case.job.max_parallelism, limits.max_parallelism),
        (Signal::Partitions, case.job.partitions, limits.partitions),
    ] {
        match reading.value() {
            Ok(_) | Err(Absence::Missing) => {}
            Err(_) if constant.is_some() => {}
            Err(absence) => return Err(Hold::MissingSignal { signal, absence, operator: None }),
        }
    }
    Ok(())
}

/// Which of the two maxima binds.
fn max_cap(case: &Case<'_>) -> Cap {
    let owners = case.job.wishes.max.is_some_and(|max| max.0 < case.plan.limits.max_workers);
    if owners { Cap::OwnerMax } else { Cap::MaxWorkers }
}

/// An increase within the caps from readings: ⌈maxParallelism / slots⌉, ⌈partitions / slots⌉, and what an incomplete
/// rescale reached. The tightest is reported.
pub(super) fn capped(
    case: &Case<'_>,
    wish: Workers,
    running: Workers,
    because: &mut Vec<Step>,
) -> Result<Workers, Hold> {
    let slots = case.plan.limits.slots_per_worker.max(1);
    let workers = |parallelism: u32| Workers(parallelism.div_ceil(slots));
    let incomplete = match case.memory.course(case.at) {
        Course::Incomplete { cap } => cap,
        Course::Settled | Course::Rescaling => None,
    };
    let tightest = [
        (Cap::MaxParallelism, case.max_parallelism().map(workers)),
        (Cap::Partitions, case.partitions().map(workers)),
        (Cap::RescaleIncomplete, incomplete),
    ]
    .into_iter()
    .filter_map(|(cap, limit)| limit.map(|limit| (cap, limit)))
    .min_by_key(|(_, limit)| *limit);
    let Some((cap, limit)) = tightest.filter(|(_, limit)| *limit < wish) else { return Ok(wish) };
    because.push(Step::Capped { cap, wish, limit });
    if limit > running {
        return Ok(limit);
    }
    Err(case.incomplete().filter(|_| cap == Cap::RescaleIncomplete).unwrap_or(Hold::AtMax { cap }))
}
