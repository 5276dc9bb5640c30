//! What a policy must live with, and whether a recording holds it.

use super::fixture::{Fixture, Tick};

/// What it is, and whether it is in there.
pub type Trait = (&'static str, fn(&Fixture) -> bool);

/// All that must be in some recording: otherwise the table proves less than it says.
pub const TRAITS: [Trait; 7] = [
    ("workers that come stepwise", |one| one.downtimes().len() > one.orders().len()),
    ("workers that come together", |one| {
        let before = |at: f64| one.wished(at - 1.0);
        one.downtimes().len() == one.orders().len() && one.orders().iter().any(|(at, to)| *to >= before(*at) + 2)
    }),
    ("missing series after a restart", |one| {
        let after = |tick: &&Tick| one.downtimes().iter().any(|(_, again)| (*again..again + 60.0).contains(&tick.at));
        one.ticks().iter().filter(after).any(|tick| tick.coverage.is_some_and(|coverage| coverage < 1.0))
    }),
    ("a width behind the wish", |one| {
        one.ticks().iter().any(|tick| tick.running.is_some_and(|width| width < one.wished(tick.at)))
    }),
    ("a width that stays behind the wish", |one| {
        one.ticks().last().and_then(|tick| tick.running).is_some_and(|width| width < one.wished(f64::INFINITY))
    }),
    ("a CPU that lies", |one| {
        let at_limit = one.clear_ticks().filter(|tick| one.is_at_limit(tick)).filter_map(|tick| tick.cpu);
        let (sum, count) = at_limit.fold((0.0, 0.0), |(sum, count), cpu| (sum + cpu, count + 1.0));
        count >= 10.0 && sum / count < 0.3
    }),
    ("a consumer group's saw-tooth", |one| one.commits().is_some_and(|interval| teeth(one, interval) >= 5)),
];

/// How often the backlog falls at once by what comes in within half a commit interval at least: no worker is as fast.
fn teeth(one: &Fixture, interval: f64) -> usize {
    let fell = |pair: &&[Tick]| {
        let (Some(before), Some(after)) = (pair[0].backlog, pair[1].backlog) else { return false };
        before - after > 0.5 * interval * one.rate(pair[1].at)
    };
    one.ticks().windows(2).filter(fell).count()
}
