//! What must hold of every Decision, whatever the rule: checked in tests, and of each decision in debug builds.

use super::decision::{Action, Decision};
use super::observation::{JobObservation, Observations, Pause};
use super::plan::{Plan, Preset};
use super::reading::{Reading, Signal};
use super::step::Step;

/// Checks one decision against what was seen.
///
/// # Errors
/// A sentence that names the promise that was broken.
pub(super) fn check(plan: &Plan, seen: &Observations, job: &JobObservation, decision: &Decision) -> Result<(), String> {
    let Action::Scale { from, to } = decision.action else { return Ok(()) };
    let broken = |promise: &str| Err(format!("{promise}: {} {}", decision.job, decision.action));
    if from == to {
        return broken("a rescale changes the count");
    }
    if Reading::Fresh(f64::from(from.0)) != rounded(job.running) {
        return broken("a rescale starts from what runs");
    }
    within_bounds(plan, job, from.0, to.0).or_else(|promise| broken(&promise))?;
    if job.unsafe_reason.is_some() || job.conflict.is_some() {
        return broken("an unsafe or contested target is left alone");
    }
    let paused = job.wishes.pause_until.is_none_or(|until| until > decision.at)
        && match job.wishes.pause {
            Some(Pause::Both) => true,
            Some(Pause::Up) => to > from,
            Some(Pause::Down) => to < from,
            None => job.wishes.pause_until.is_some(),
        };
    if paused {
        return broken("a paused job is left alone");
    }
    only_fresh(plan, seen, job).or_else(|promise| broken(&promise))?;
    if to < from && job.coverage.fresh().is_some_and(|coverage| coverage < 1.0 - 1e-9) {
        return broken("doubt never scales down");
    }
    within_steps(plan, from.0, to.0).or_else(|promise| broken(&promise))?;
    if plan.preset == Preset::Balanced && plan.parts.regret && to < from {
        paid(decision).or_else(|promise| broken(&promise))?;
    }
    Ok(())
}

/// At most one step up or down; one worker may always come or go.
fn within_steps(plan: &Plan, from: u32, to: u32) -> Result<(), String> {
    let share = if to > from { plan.limits.max_step_up } else { plan.limits.max_step_down };
    let most = share.map_or(f64::INFINITY, |share| (f64::from(from) * share * (1.0 + 1e-9)).floor().max(1.0));
    if f64::from(from.abs_diff(to)) <= most { Ok(()) } else { Err("never more than one step".into()) }
}

/// A decrease that the rule wanted has collected what its restart costs. One that the owner or a limit forces is free.
fn paid(decision: &Decision) -> Result<(), String> {
    let forced = |step: &Step| matches!(step, Step::Fixed { .. } | Step::AtMost { .. });
    let enough =
        |step: &Step| matches!(step, Step::Regret { collected, restart, late, .. } if *collected >= restart + late);
    let steps = &decision.because;
    if steps.iter().any(forced) || steps.iter().any(enough) {
        Ok(())
    } else {
        Err("a decrease has been paid for".into())
    }
}

fn rounded(reading: Reading) -> Reading {
    reading.fresh().map_or(reading, |count| Reading::Fresh(count.round()))
}

/// Never outside min/max; a job that already runs outside moves towards them.
fn within_bounds(plan: &Plan, job: &JobObservation, from: u32, to: u32) -> Result<(), String> {
    let (min, max) = (plan.limits.min_workers, plan.limits.max_workers);
    let caps = [
        job.max_parallelism.fresh().map(|cap| cap as u32).filter(|cap| *cap > 0).or(plan.limits.max_parallelism),
        job.partitions.fresh().map(|cap| cap as u32).filter(|cap| *cap > 0).or(plan.limits.partitions),
    ];
    for cap in caps.into_iter().flatten() {
        if to > from && to > cap.div_ceil(plan.limits.slots_per_worker.max(1)) {
            return Err("an increase stays within the caps".into());
        }
    }
    let towards = if to > from { to <= max } else { to >= min };
    // A cap from a reading may keep a job below its minimum.
    let allowed = towards && (to >= min || to > from) && (to <= max || to < from);
    if allowed && to > 0 { Ok(()) } else { Err("never outside min/max".into()) }
}

/// Every signal that the policy asks for and the rule reads was fresh.
fn only_fresh(plan: &Plan, seen: &Observations, job: &JobObservation) -> Result<(), String> {
    if let Some(class) = seen.classes.get(job.class.0 as usize) {
        let read = [Signal::Throughput, Signal::Backlog, Signal::Unsafe];
        if read.into_iter().any(|signal| class.failed.contains(signal)) || !class.partial.is_empty() {
            return Err("never from a query that failed or was partial".into());
        }
    }
    let stale = job.age.fresh().is_some_and(|age| age > plan.stale_after.as_secs_f64());
    let needed = [
        (Signal::Age, job.age),
        (Signal::Running, job.running),
        (Signal::RunningFor, job.running_for),
        (Signal::Coverage, job.coverage),
        (Signal::Cpu, job.cpu),
        (Signal::Wished, job.wished),
    ];
    let usable = |signal, reading: Reading| match reading {
        Reading::Fresh(_) => !stale || signal == Signal::Wished,
        Reading::Missing => !plan.signals.contains(signal),
        _ => false,
    };
    if let Some((signal, _)) = needed.into_iter().find(|(signal, reading)| !usable(*signal, *reading)) {
        return Err(format!("never from a reading that is not fresh ({signal})"));
    }
    let judged = job.operators.iter().filter(|operator| operator.backlog.is_some());
    let mut rows = 0;
    for operator in judged {
        rows += 1;
        let fresh = [Some(operator.total.unwrap_or(operator.throughput)), operator.backlog, operator.growth];
        if stale || fresh.into_iter().flatten().any(|reading| reading.fresh().is_none()) {
            return Err(format!("never from a reading that is not fresh (of `{}`)", operator.operator));
        }
    }
    if rows == 0 { Err("never without a backlog row".into()) } else { Ok(()) }
}
