//! DS2, for a job as one operator behind its source.
//!
//! Facts: Kalavri et al., "Three steps is all you need: fast, accurate, automatic scaling decisions for distributed
//! streaming dataflows", OSDI'18, and its scaling manager's knobs: an interval of metrics, a warm-up that is ignored after
//! each action, an activation time over which decisions are taken together (their median), a change that is too small to be
//! worth it, a target-rate ratio. DS2 knows neither backlog nor downtime.

pub mod model;

use super::settings::Slot;

/// Times in whole seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What is planned for, as a multiple of what comes in.
    pub factor: f64,
    /// Between two plans.
    pub every: u32,
    /// Ignored after a start.
    pub warm_up: u32,
    /// So many plans make one decision: their median.
    pub activation: u32,
    /// Changes by as much as that are not worth it.
    pub ignore: u32,
}

impl Settings {
    /// As DS2 was run on Flink, with 20 % of head-room.
    pub fn usual() -> Self {
        Self { factor: 1.2, every: 30, warm_up: 60, activation: 5, ignore: 1 }
    }

    /// What can be set, by name.
    pub fn slots(&mut self) -> Vec<(&'static str, Slot<'_>)> {
        vec![
            ("factor", Slot::Number(&mut self.factor)),
            ("every", Slot::Time(&mut self.every)),
            ("warmUp", Slot::TimeOrNone(&mut self.warm_up)),
            ("activation", Slot::Count(&mut self.activation)),
            ("ignore", Slot::Count(&mut self.ignore)),
        ]
    }
}

/// What the last interval showed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Since when the job runs, in seconds.
    pub running_since: u32,
    /// Instances.
    pub instances: u32,
    /// Records/s that were processed.
    pub processed: f64,
    /// Busy share: the useful part of the time.
    pub busy: f64,
    /// Records that wait at its end.
    pub backlog: f64,
}

/// The scaling manager of one job.
#[derive(Debug)]
pub struct Ds2 {
    settings: Settings,
    plans: Vec<u32>,
    /// When, which start, and the backlog then.
    last: Option<(u32, u32, f64)>,
}

impl Ds2 {
    /// A manager without a past.
    pub fn new(settings: Settings) -> Self {
        let plans = Vec::with_capacity(settings.activation as usize);
        Self { settings, plans, last: None }
    }

    /// The options.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Takes the interval that ends now: the instances to go to, if any.
    pub fn take(&mut self, at: u32, seen: &Interval) -> Option<u32> {
        let before = self.last.replace((at, seen.running_since, seen.backlog));
        let (from, start, backlog) = before?;
        if start != seen.running_since {
            self.plans.clear();
            return None;
        }
        // Warm-up is over, and the whole interval lies behind it.
        if from < seen.running_since + self.settings.warm_up {
            return None;
        }
        let arrives = (seen.processed + (seen.backlog - backlog) / f64::from((at - from).max(1))).max(0.0);
        let processes = seen.processed / seen.busy;
        self.plans.push(model::needed(seen.instances, processes, self.settings.factor * arrives));
        if self.plans.len() < self.settings.activation as usize {
            return None;
        }
        self.plans.sort_unstable();
        let median = self.plans[self.plans.len() / 2];
        self.plans.clear();
        (median.abs_diff(seen.instances) > self.settings.ignore).then_some(median)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saturated(instances: u32, processed: f64, backlog: f64) -> Interval {
        Interval { running_since: 0, instances, processed, busy: 1.0, backlog }
    }

    #[test]
    fn it_waits_for_the_warm_up_and_for_five_plans() {
        let mut ds2 = Ds2::new(Settings::usual());
        // 1000/s are processed, 1500/s arrive: 10 · 1.2 · 1.5 = 18.
        let orders: Vec<_> = (0..12)
            .filter_map(|step| {
                let at = step * 30;
                ds2.take(at, &saturated(10, 1000.0, 500.0 * f64::from(at))).map(|order| (at, order))
            })
            .collect();
        // 60 s of warm-up, then intervals that end at 90, ..., 210; and again.
        assert_eq!(orders.first(), Some(&(210, 18)));
        assert_eq!(orders.len(), 1);
    }

    #[test]
    fn the_median_counts_and_one_instance_is_not_worth_it() {
        for (outlier, backlog_step, expected) in [(9, 0.0, None), (3, 10_000.0, Some(16))] {
            let mut ds2 = Ds2::new(Settings { warm_up: 0, factor: 1.0, ..Settings::usual() });
            let mut backlog = 0.0;
            let mut order = None;
            for step in 0..=5 {
                backlog += if step == outlier { 1e6 } else { 0.6 * backlog_step * 3.0 };
                order = order.or(ds2.take(step * 30, &saturated(10, 1000.0, backlog)));
            }
            assert_eq!(order, expected, "{outlier}");
        }
        let mut ds2 = Ds2::new(Settings { warm_up: 0, factor: 1.1, activation: 1, ..Settings::usual() });
        ds2.take(0, &saturated(10, 1000.0, 0.0));
        assert_eq!(ds2.take(30, &saturated(10, 1000.0, 0.0)), None, "11 are 10 and 1");
        assert_eq!(ds2.take(60, &saturated(10, 1000.0, 3_000.0)), Some(13), "10 · 1.1 · 1.1, rounded up");
    }

    #[test]
    fn a_start_throws_the_plans_away() {
        let mut ds2 = Ds2::new(Settings { warm_up: 0, activation: 2, ..Settings::usual() });
        let at = |running_since| Interval { running_since, ..saturated(10, 1000.0, 0.0) };
        assert_eq!(ds2.take(0, &at(0)), None);
        assert_eq!(ds2.take(30, &at(0)), None);
        assert_eq!(ds2.take(60, &at(50)), None);
        assert_eq!(ds2.take(90, &at(50)), None);
        assert_eq!(ds2.take(120, &at(50)), Some(12));
    }
}
