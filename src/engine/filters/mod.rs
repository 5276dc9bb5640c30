//! What is left of the wish: the down window and what it costs, tolerance, effect, largest step, caps, owner, mode.

mod caps;
mod effect;
mod regret;
mod step;
mod tolerance;
mod window;

use std::cmp::Ordering;

use super::decision::{Action, Hold, Partial};
use super::job::Workers;
use super::judge::{Case, Wanted};
use super::observation::Pause;
use super::plan::Mode;
use super::step::Step;

pub(super) use caps::{bounds, most};
pub(super) use effect::{Verdict as Effect, believed, judge as effect, surplus};

/// Filters a wish.
pub(super) fn apply(case: &Case<'_>, wanted: &Wanted, because: &mut Vec<Step>) -> Action {
    match filtered(case, wanted, because) {
        Ok((from, to)) => Action::Scale { from, to },
        Err(hold) => Action::Hold(hold),
    }
}

fn filtered(case: &Case<'_>, wanted: &Wanted, because: &mut Vec<Step>) -> Result<(Workers, Workers), Hold> {
    let &Wanted { wish, running, fixed, .. } = wanted;
    // In the order of holds: what bars the way comes before what cuts the step.
    barred(case, running, wish)?;
    let lower = wish < running && !fixed;
    let wish = if lower { window::largest(case, wish, running, because)? } else { wish };
    let wish = if fixed { wish } else { tolerance::worth(case, wish, running, because) };
    let wish = if fixed { wish } else { effect::limited(case, wish, running, because)? };
    let bounded = caps::bounded(case, wish, because);
    if bounded == running {
        // What is said of standing still holds as long as nothing else kept the job there.
        let said = wanted.hold.clone().filter(|_| wanted.wish == running);
        return Err(said.unwrap_or_else(|| caps::hold(case, wish, running)));
    }
    barred(case, running, bounded)?;
    let to = step::limited(case, bounded, running, because);
    let to = if to > running { caps::capped(case, to, running, because)? } else { to };
    if to < running && lower {
        regret::paid(case, to, running, because)?;
    }
    carried_out(case, running, to, because)?;
    Ok((running, to))
}

/// Whether the owner, or doubt, bars the way from what runs to `to`.
fn barred(case: &Case<'_>, running: Workers, to: Workers) -> Result<(), Hold> {
    let barred = |pause| Err(Hold::Paused { pause, until: case.job.wishes.pause_until });
    match to.cmp(&running) {
        Ordering::Equal => Ok(()),
        Ordering::Greater if case.pause() == Some(Pause::Up) => barred(Pause::Up),
        Ordering::Greater => caps::readable(case),
        Ordering::Less if case.pause() == Some(Pause::Down) => barred(Pause::Down),
        Ordering::Less => case
            .coverage_gap()
            .map_or(Ok(()), |coverage| Err(Hold::PartialData { partial: Partial::Coverage { coverage } })),
    }
}

/// Whether a rescale that is still incomplete, or the mode, keeps the change from being carried out.
fn carried_out(case: &Case<'_>, running: Workers, to: Workers, because: &mut Vec<Step>) -> Result<(), Hold> {
    let up = to > running;
    if let Some(hold @ Hold::RescaleIncomplete { wished, .. }) = case.incomplete()
        && up
        && to <= wished
    {
        return Err(hold);
    }
    let mode = case.plan.mode;
    if mode == Mode::Observe || (mode == Mode::Up && !up) {
        because.push(Step::Mode { mode });
        return Err(Hold::Observing { from: running, to });
    }
    Ok(())
}
