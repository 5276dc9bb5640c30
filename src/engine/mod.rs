//! The rule, pure: values in, values out; no IO, no clock, no async, no logging.
//!
//! One job takes this way, and every room adds its steps to the derivation: [`Observations`] are judged by the age of
//! their samples (`sight`), the memory takes them in (`memory`), gates say whether the job may move at all, terms say
//! how many workers it needs, filters leave what may be had (`judge` holds the order). Then `fleet` arbitrates
//! between the jobs. The engine never learns what became of a [`Decision`] but by the next Observations.

mod decision;
mod estimate;
mod filters;
mod fleet;
mod gates;
mod invariant;
mod job;
mod judge;
mod learned;
mod memory;
mod observation;
mod plan;
mod reading;
mod room;
mod sight;
mod step;
mod terms;
mod time;

#[cfg(test)]
mod tests;

pub use decision::{Action, Answer, Budget, Cap, Decision, Hold, Partial};
pub use job::{ClassIndex, JobId, JobIndex, JobTable, Workers};
pub use learned::{Grown, Learned, LearnedCapacity, LearnedInput, LeftAlone, Useful};
pub use memory::Memories;
pub use observation::{ClassObservation, JobObservation, Observations, OperatorObservation, OwnerWishes, Pause};
pub use plan::{FleetLimits, Limits, Mode, Parts, Plan, Plans, Preset, Prices, Restart, ScaleDown, ScaleUp};
pub use reading::{Absence, Reading, Signal, SignalSet};
pub use step::{Candidate, Candidates, Known, Readings, Slope, Step, Told};
pub use time::Timestamp;

/// The only public door of the engine: decides for every job, then arbitrates between them.
///
/// Decisions come in the order of `seen.jobs`. A job whose class has no plan (its policy is gone) is left out, and
/// its memory goes with it. `at` must not go back from tick to tick for the windows to mean anything; where it does
/// (a clock that was set), spans count as zero and nothing is decided early.
pub fn tick(plans: &Plans, memories: &mut Memories, seen: &Observations, at: Timestamp) -> Vec<Decision> {
    memories.forget_departed(&seen.jobs);
    memories.recall_breakers(plans, &seen.classes);
    let trouble_free = ClassObservation::default();
    let mut scratch = judge::Scratch::default();
    let mut judged = Vec::with_capacity(seen.jobs.len());
    let mut proposals = Vec::with_capacity(seen.jobs.len());
    for job in &seen.jobs {
        let Some(plan) = plans.classes.get(job.class.0 as usize) else { continue };
        let class = seen.classes.get(job.class.0 as usize).unwrap_or(&trouble_free);
        let memory = memories.job(job, at);
        proposals.push(judge::judge(plan, class, job, memory, &mut scratch, at));
        judged.push(job);
    }
    fleet::arbitrate(plans, memories, &judged, &mut proposals, at);
    judged
        .into_iter()
        .zip(proposals)
        .map(|(job, proposal)| {
            let decision = Decision { job: job.id.clone(), at, action: proposal.action, because: proposal.because };
            debug_assert_eq!(
                invariant::check(&plans.classes[job.class.0 as usize], seen, job, &decision),
                Ok(()),
                "{decision:?}"
            );
            decision
        })
        .collect()
}
