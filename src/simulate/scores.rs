//! Scores of a run.

use serde::Serialize;

use super::clairvoyant::demand;
use super::history::{History, Second};
use super::scaler::World;

/// A change of direction within so many seconds is a reversal.
const REVERSAL_WITHIN: u32 = 30 * 60;

/// A time in which nothing changes says something about limit cycles if it is at least so many seconds long.
const STEADY_AT_LEAST: usize = 15 * 60;

/// What a run comes to, its quiet beginning left out. Times are seconds, shares 0..1.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Scores {
    /// Share of the seconds with a lag above the objective.
    pub violation_share: f64,
    /// Mean lag: the age of the oldest record that waits.
    pub lag_mean: f64,
    /// Its median.
    pub lag_p50: f64,
    /// 95 % of the seconds are below it.
    pub lag_p95: f64,
    /// 99 % of the seconds are below it.
    pub lag_p99: f64,
    /// The longest lag.
    pub lag_max: f64,
    /// Worker-hours; while workers come or go the larger number counts, as both are paid for.
    pub worker_hours: f64,
    /// The same over what the clairvoyant uses, who knows the load and pays no restarts.
    pub worker_hours_over_clairvoyant: f64,
    /// Orders of another count.
    pub rescales: u32,
    /// Of these, orders against the direction of the one before, within 30 minutes of it.
    pub reversals: u32,
    /// The last change of the job's width, since the load began.
    pub settle_seconds: u32,
    /// Missing workers over workers needed, mean (Herbst and others 2013; SPEC's under-provisioning accuracy).
    pub under_provisioning: f64,
    /// Idle workers over workers needed, mean.
    pub over_provisioning: f64,
    /// Reversals while nothing changed any more, and for how many hours that was so; `None` where it never was.
    #[serde(skip)]
    pub steady: Option<(u32, f64)>,
}

impl Scores {
    /// The scores of a run through that world.
    pub fn of(world: &World, history: &History) -> Self {
        let objective = world.plant.lag_objective;
        let begin = world.quiet as usize;
        let all = history.seconds();
        let scored = &all[(begin + 1).min(all.len())..];
        let seconds = scored.len().max(1) as f64;
        let needed = demand(world);
        let paid: f64 = scored.iter().map(|second| f64::from(paid(second, world.plant.max_workers))).sum();
        let least: f64 = needed.iter().take(scored.len()).map(|workers| f64::from(*workers)).sum();
        let mut lags: Vec<f64> = scored.iter().map(|second| second.lag).collect();
        lags.sort_unstable_by(f64::total_cmp);
        let (mut under, mut over) = (0.0, 0.0);
        for (second, needed) in scored.iter().zip(&needed) {
            let (needed, had) = (f64::from((*needed).max(1)), f64::from(second.width));
            under += (needed - had).max(0.0) / needed;
            over += (had - needed).max(0.0) / needed;
        }
        let orders = orders(&all[begin.min(all.len() - 1)..]);
        Self {
            violation_share: lags.iter().filter(|lag| **lag > objective).count() as f64 / seconds,
            lag_mean: lags.iter().sum::<f64>() / seconds,
            lag_p50: quantile(&lags, 0.5),
            lag_p95: quantile(&lags, 0.95),
            lag_p99: quantile(&lags, 0.99),
            lag_max: lags.last().copied().unwrap_or_default(),
            worker_hours: paid / 3600.0,
            worker_hours_over_clairvoyant: if least > 0.0 { paid / least } else { f64::NAN },
            rescales: u32::try_from(orders.len()).unwrap_or(u32::MAX),
            reversals: reversals(&orders),
            settle_seconds: settled(&all[begin.min(all.len() - 1)..]),
            under_provisioning: under / seconds,
            over_provisioning: over / seconds,
            steady: steady(world).map(|since| {
                let hours = (all.len() - 1 - since) as f64 / 3600.0;
                (reversals(&self::orders(&all[since..])), hours)
            }),
        }
    }
}

/// From which second of the run on a job has nothing to follow: in the second half of the time in which the load is constant,
/// and after the last outage and the last change of the capacity.
fn steady(world: &World) -> Option<usize> {
    let last = *world.rates.last()?;
    let changed = world.rates.iter().rposition(|rate| (rate - last).abs() > 1e-9 * last.abs()).map_or(0, |at| at + 1);
    let ended = |at: f64| world.quiet as usize + at.ceil().max(0.0) as usize;
    let outages = world.plant.outages.iter().map(|outage| ended(outage.at + outage.lasts));
    let steps = world.plant.capacity_steps.iter().map(|step| ended(step.at));
    let since = outages.chain(steps).chain([changed, world.quiet as usize]).max()?;
    let half = world.rates.len().checked_sub(since)? / 2;
    (half >= STEADY_AT_LEAST).then_some(world.rates.len() - half)
}

/// Workers that are paid for in that second.
pub fn paid(second: &Second, most: u32) -> u32 {
    second.width.max(second.wished).min(most)
}

/// The smallest value that at least that share of the values does not exceed (nearest rank).
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// When another count was ordered, and whether it was larger.
fn orders(seconds: &[Second]) -> Vec<(u32, bool)> {
    let pairs = (0_u32..).zip(seconds.windows(2));
    pairs
        .filter(|(_, pair)| pair[0].wished != pair[1].wished)
        .map(|(at, pair)| (at, pair[1].wished > pair[0].wished))
        .collect()
}

fn reversals(orders: &[(u32, bool)]) -> u32 {
    let turned = orders.windows(2).filter(|pair| pair[0].1 != pair[1].1 && pair[1].0 - pair[0].0 <= REVERSAL_WITHIN);
    u32::try_from(turned.count()).unwrap_or(u32::MAX)
}

fn settled(seconds: &[Second]) -> u32 {
    let changed = seconds.windows(2).rposition(|pair| pair[0].width != pair[1].width);
    changed.map_or(0, |at| u32::try_from(at + 1).unwrap_or(u32::MAX))
}

/// The median, the smallest and the largest of some runs' values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The middle one; of an even number the mean of the two in the middle.
    pub median: f64,
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
}

impl Spread {
    /// Of these values, at least one.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_unstable_by(f64::total_cmp);
        let (low, high) = (values.len().saturating_sub(1) / 2, values.len() / 2);
        let at = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
        Self { median: (at(low) + at(high)) / 2.0, least: at(0), most: at(values.len().wrapping_sub(1)) }
    }
}
