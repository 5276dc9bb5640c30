//! A decrease waits until staying has cost as much as its restart: what comes back soon was never worth the way.

use crate::engine::decision::Hold;
use crate::engine::job::Workers;
use crate::engine::judge::Case;
use crate::engine::step::Step;
use crate::engine::terms::{self, Toll};

/// Holds a decrease whose price has not been collected.
///
/// The price is `W·(D + c/2 + k) + p·N·(A + B/λ − L)⁺·(1 + 1/h)` with `h = C(to)/λ − 1`: the workers that the restart
/// idles, and the late seconds until its lag is worked off at the new count. Source: the distilled rule (evidence of the
/// preset `balanced`); a fixed window instead is dearer on both axes.
pub(super) fn paid(case: &Case<'_>, to: Workers, running: Workers, because: &mut Vec<Step>) -> Result<(), Hold> {
    if !case.plan.parts.regret {
        return Ok(());
    }
    let toll = Toll::of(case);
    let restart = toll.idle(f64::from(running.0), case.plan.prices.restart);
    let late = late(case, to, running, &toll);
    let (collected, price) = (case.memory.regret, restart + late);
    because.push(Step::Regret { to, collected, restart, late });
    if collected >= price { Ok(()) } else { Err(Hold::NotWorthRestart { to, collected, price }) }
}

/// What the late seconds of the restart cost, of the operator where they cost most.
fn late(case: &Case<'_>, to: Workers, running: Workers, toll: &Toll) -> f64 {
    let prices = &case.plan.prices;
    let usual = case.memory.mean_workers().unwrap_or(0.0).max(f64::from(running.0.min(to.0)));
    // A late job whose limit lies elsewhere is late by the restart's own lag longer, wherever it goes.
    let useless = |to: Workers| case.memory.useful.is_some_and(|useful| case.plan.parts.effect && to >= useful.workers);
    case.memory
        .operators()
        .filter_map(|memory| {
            let input = memory.level().per_second().filter(|input| *input > 0.0)?;
            let waits = memory.standing_backlog(case.plan, case.at) / input;
            if waits > prices.lag_objective.as_secs_f64() && useless(to) {
                return Some(prices.lag * usual * toll.lag());
            }
            let lag = toll.lag() + waits;
            let above = (lag - prices.lag_objective.as_secs_f64()).max(0.0);
            if above <= 0.0 {
                return None;
            }
            let room = (1.0 + case.plan.scale_down.headroom) * input;
            let capacity = memory.capacity().of(f64::from(to.0)).unwrap_or(room);
            Some(prices.lag * usual * above * terms::lasts(capacity, input))
        })
        .fold(0.0, f64::max)
}
