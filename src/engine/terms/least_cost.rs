//! The count that costs least to a job that is late, or would be once it restarts.
//!
//! All costs are in worker-seconds. A late second costs `p · N` of them: the price of the policy times the workers that
//! the job usually has. Source: the distilled rule (evidence of the preset `balanced`), where this is the largest single
//! gain of all; formulas are written with rates instead of quotients by the input, so that they hold without any.

use super::need::need;
use super::toll::Toll;
use crate::engine::estimate::Capacity;
use crate::engine::job::Workers;
use crate::engine::plan::Prices;
use crate::engine::step::Candidate;

/// So many counts are looked at one by one; beyond, in steps of a twenty-fifth: the cost is flat about its least.
const ONE_BY_ONE: u32 = 32;
const STEP: f64 = 0.04;

/// A lag in seconds that stands for one that nothing ends: a backlog without any input.
const FOREVER: f64 = 1e9;

/// One operator's case for more workers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Market<'a> {
    /// What counts can process.
    pub capacity: &'a Capacity,
    /// λ, per second.
    pub input: f64,
    /// B.
    pub backlog: f64,
    /// W.
    pub running: Workers,
    /// C(W), per second.
    pub processes: f64,
    /// need(λ).
    pub carries: Workers,
    /// N: the larger of need(λ) of the job and its mean width of six hours.
    pub usual: f64,
    /// What the restart takes.
    pub toll: Toll,
    /// p, L and k.
    pub prices: Prices,
}

impl Market<'_> {
    /// Worker-seconds of one late second: p · N.
    fn late_second(&self) -> f64 {
        self.prices.lag * self.usual
    }

    fn objective(&self) -> f64 {
        self.prices.lag_objective.as_secs_f64()
    }

    /// Whether the backlog is more than the objective allows: B/λ > L.
    pub fn is_late(&self) -> bool {
        self.backlog > self.input * self.objective()
    }

    /// B/λ in seconds; 0 without a backlog. A backlog without any input is endless.
    pub fn lag(&self) -> f64 {
        if self.backlog <= 0.0 { 0.0 } else { (self.backlog / self.input).min(FOREVER) }
    }

    /// λ·P: the largest backlog on the way up. `P = (B/λ + (1 − C(W)/λ)·(S + E))⁺ + A`: it grows until the job stops, and
    /// has grown since the newest sample, which comes E late.
    fn peak(&self) -> f64 {
        let grows = self.toll.delay + self.toll.unseen;
        (self.backlog + (self.input - self.processes) * grows).max(0.0) + self.input * self.toll.lag()
    }

    /// P in seconds.
    pub fn peak_lag(&self) -> f64 {
        let peak = self.peak();
        if peak <= 0.0 { 0.0 } else { (peak / self.input).min(FOREVER) }
    }

    /// Whether the peak is worth to be looked at: 5 s above the objective, at a load above 1.
    pub fn peaks_high(&self) -> bool {
        self.input > self.processes && self.peak() > self.input * (self.objective() + 5.0)
    }

    /// What staying costs: `p·N·(B/λ − L)⁺/h + (W − need(λ))·(B/λ)/h` with `h = C(W)/λ − 1`; endless at a load of 1.
    pub fn staying(&self) -> f64 {
        let spare = self.processes - self.input;
        if spare <= 0.0 {
            return f64::INFINITY;
        }
        let late = (self.backlog - self.input * self.objective()).max(0.0) / spare;
        let above = f64::from(self.running.0.saturating_sub(self.carries.0));
        self.late_second() * late + above * self.backlog / spare
    }

    /// In how many seconds the backlog is gone at what runs; `None`: never.
    pub fn drains_in(&self) -> Option<f64> {
        let spare = self.processes - self.input;
        (spare > 0.0).then(|| self.backlog / spare)
    }

    /// What going to `workers` costs, where `enough` is m₀; endless where they do not carry the input.
    ///
    /// `p·N·(P − L)⁺/h + (m − need(λ))·(P/h + D) + [m > m₀]·(m·(D + c/2 + k) + p·N·(A − L)⁺·(1 + 1/h₀))`
    pub fn going_to(&self, workers: Workers, enough: Workers) -> Option<Candidate> {
        self.priced(workers, enough, self.capacity.of(f64::from(enough.0)))
    }

    /// The same, with C(m₀) at hand.
    fn priced(&self, workers: Workers, enough: Workers, carried: Option<f64>) -> Option<Candidate> {
        let spare = self.capacity.of(f64::from(workers.0))? - self.input;
        if spare <= 0.0 {
            return None;
        }
        let peak = self.peak();
        let drains_in = peak / spare;
        let late = (peak - self.input * self.objective()).max(0.0) / spare;
        let above = f64::from(workers.0.saturating_sub(self.carries.0));
        let mut cost = self.late_second() * late + above * (drains_in + self.toll.downtime);
        if workers > enough {
            cost += self.way_back(workers, carried);
        }
        Some(Candidate { workers, drains_in, cost })
    }

    /// A larger count is given back by a restart of its own. `carried`: C(m₀).
    fn way_back(&self, workers: Workers, carried: Option<f64>) -> f64 {
        let above = (self.toll.lag() - self.objective()).max(0.0);
        let late = above * carried.map_or(1.0, |carried| lasts(carried, self.input));
        self.toll.idle(f64::from(workers.0), self.prices.restart) + self.late_second() * late
    }

    /// What even `most` workers take: seconds until the backlog is gone, and seconds late.
    fn soonest(&self, most: Workers) -> (f64, f64) {
        let spare = self.capacity.of(f64::from(most.0)).unwrap_or(0.0) - self.input;
        if spare <= 0.0 {
            return (0.0, 0.0);
        }
        let peak = self.peak();
        // More workers never process less, but for rounding.
        let rounding = 1.0 - 1e-9;
        (rounding * peak / spare, rounding * (peak - self.input * self.objective()).max(0.0) / spare)
    }

    /// What so many workers or more cost at least: they are done no sooner than the most of them, and each idles through
    /// the restart and is given back.
    fn least(&self, workers: Workers, enough: Workers, carried: Option<f64>, (drains, late): (f64, f64)) -> f64 {
        let above = f64::from(workers.0.saturating_sub(self.carries.0));
        let cost = self.late_second() * late + above * (drains + self.toll.downtime);
        if workers > enough { cost + self.way_back(workers, carried) } else { cost }
    }

    /// m₀ and the count from there to `most` that costs least, the smaller of several. `None` where not even `most`
    /// carries the input.
    pub fn cheapest(&self, enough: Workers, most: Workers) -> Option<(Candidate, Candidate)> {
        let mut first: Option<Candidate> = None;
        let mut best: Option<Candidate> = None;
        let mut workers = enough;
        let carried = self.capacity.of(f64::from(enough.0));
        let soonest = self.soonest(most.max(enough));
        while workers <= most.max(enough) {
            // No larger count costs less than that.
            if best.is_some_and(|best| best.cost <= self.least(workers, enough, carried, soonest)) {
                break;
            }
            if let Some(candidate) = self.priced(workers, enough, carried) {
                first.get_or_insert(candidate);
                if best.is_none_or(|best| candidate.cost < best.cost) {
                    best = Some(candidate);
                }
            }
            let far = workers.0 - enough.0 >= ONE_BY_ONE;
            let step = if far { (f64::from(workers.0) * STEP).max(1.0) as u32 } else { 1 };
            let Some(next) = workers.0.checked_add(step) else { break };
            workers = Workers(next);
        }
        first.zip(best)
    }

    /// What a move costs beyond its [`Candidate`], for a job whose backlog drains already: `p·N·(S + D) + 2·W·(D + c/2 + k)`.
    pub fn moving(&self) -> f64 {
        self.late_second() * (self.toll.delay + self.toll.downtime)
            + 2.0 * self.toll.idle(f64::from(self.running.0), self.prices.restart)
    }
}

/// How many times as long as it is large a lag above the objective lasts: `1 + 1/h` with `h = C/λ − 1`. Where nothing is to
/// spare the lag stays: a day of it is dear enough.
pub(crate) fn lasts(capacity: f64, input: f64) -> f64 {
    const DAY: f64 = 86_400.0;
    let spare = capacity - input;
    if spare > 0.0 { (1.0 + input / spare).min(DAY) } else { DAY }
}

/// need(λ) of an operator; what runs where nothing is known.
pub(crate) fn carries(capacity: &Capacity, input: f64, running: Workers) -> Workers {
    need(capacity, input).unwrap_or(running)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn market<'a>(capacity: &'a Capacity, input: f64, backlog: f64, running: u32) -> Market<'a> {
        Market {
            capacity,
            input,
            backlog,
            running: Workers(running),
            processes: capacity.of(f64::from(running)).unwrap(),
            carries: need(capacity, input).unwrap(),
            usual: 12.0,
            toll: Toll { delay: 30.0, downtime: 75.0, replay: 5.0, unseen: 0.0, learned: true },
            prices: Prices { lag_objective: Duration::from_secs(60), lag: 12.0, restart: Duration::from_secs(120) },
        }
    }

    fn capacity() -> Capacity {
        let mut capacity = Capacity::default();
        capacity.learn(Workers(10), 1000.0, true);
        capacity
    }

    /// The formula as it is published, with quotients by the input.
    fn published(market: &Market<'_>, m: u32, m0: u32) -> f64 {
        let (p, n, l) = (12.0, market.usual, 60.0);
        let (lambda, b, s, d, c2, k) = (market.input, market.backlog, 30.0, 75.0, 5.0, 120.0);
        let a = d + c2 + 5.0;
        let peak = (b / lambda + (1.0 - market.processes / lambda) * s).max(0.0) + a;
        let h = |m: u32| market.capacity.of(f64::from(m)).unwrap() / lambda - 1.0;
        let way_back = f64::from(m) * (d + c2 + k) + p * n * (a - l).max(0.0) * (1.0 + 1.0 / h(m0));
        p * n * (peak - l).max(0.0) / h(m)
            + f64::from(m.saturating_sub(market.carries.0)) * (peak / h(m) + d)
            + if m > m0 { way_back } else { 0.0 }
    }

    #[test]
    fn costs_what_the_formula_says_and_takes_the_least() {
        let capacity = capacity();
        let mut larger = 0;
        for (input, backlog, running, enough) in
            [(1000.0, 180_000.0, 12, 14), (1500.0, 0.0, 10, 20), (900.0, 90_000.0, 10, 12), (1200.0, 700_000.0, 16, 15)]
        {
            let market = market(&capacity, input, backlog, running);
            let (first, best) = market.cheapest(Workers(enough), Workers(60)).unwrap();
            let by_hand = (enough..=60).map(|m| (m, published(&market, m, enough)));
            let (least, cost) = by_hand.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
            assert_eq!((first.workers, best.workers), (Workers(enough), Workers(least)), "{input} {backlog}");
            assert!((best.cost / cost - 1.0).abs() < 1e-9, "{best:?} {cost}");
            assert!((first.cost / published(&market, enough, enough) - 1.0).abs() < 1e-9);
            larger += usize::from(best.workers > first.workers);
        }
        assert!(larger >= 2, "a late job is worth more than enough: {larger}");
    }

    #[test]
    fn both_sides_of_late_and_of_a_high_peak() {
        let capacity = capacity();
        for (backlog, late) in [(60_000.0, false), (60_001.0, true)] {
            assert_eq!(market(&capacity, 1000.0, backlog, 20).is_late(), late);
        }
        // The restart alone makes 85 s: above 65 s, but only a load above 1 has to move.
        assert!(market(&capacity, 1001.0, 0.0, 10).peaks_high());
        assert!(!market(&capacity, 999.0, 0.0, 10).peaks_high());
        let mut short = market(&capacity, 1010.0, 0.0, 10);
        short.toll.downtime = 30.0;
        assert!(!short.peaks_high(), "40 s");
        short.backlog = 25_500.0;
        assert!(short.peaks_high(), "{}", short.peak_lag());
        short.backlog = 24_800.0;
        assert!(!short.peaks_high(), "{}", short.peak_lag());
    }

    #[test]
    fn staying_is_endless_where_nothing_is_to_spare() {
        let capacity = capacity();
        assert_eq!(market(&capacity, 1000.0, 90_000.0, 10).staying(), f64::INFINITY);
        assert_eq!(market(&capacity, 1000.0, 90_000.0, 10).drains_in(), None);
        let draining = market(&capacity, 1000.0, 90_000.0, 20);
        let h = capacity.of(20.0).unwrap() / 1000.0 - 1.0;
        let by_hand = 12.0 * 12.0 * 30.0 / h + 10.0 * 90.0 / h;
        assert!((draining.staying() / by_hand - 1.0).abs() < 1e-9);
        assert!((draining.drains_in().unwrap() - 90.0 / h).abs() < 1e-9);
        let moving = 12.0 * 12.0 * 105.0 + 2.0 * 20.0 * 200.0;
        assert!((draining.moving() - moving).abs() < 1e-9);
    }

    #[test]
    fn nothing_comes_in_and_nothing_carries_it_are_no_traps() {
        let capacity = capacity();
        let idle = market(&capacity, 0.0, 5_000.0, 10);
        assert!(idle.is_late() && idle.lag().is_finite() && idle.peak_lag().is_finite());
        assert!(idle.staying().is_finite());
        assert!(idle.cheapest(Workers(1), Workers(20)).unwrap().1.cost.is_finite());
        assert_eq!(market(&capacity, 1e9, 0.0, 10).cheapest(Workers(11), Workers(40)), None);
    }
}
