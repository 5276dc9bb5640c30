//! KEDA on the lag of a consumer group: the total lag as an external `AverageValue` metric of an HPA.
//!
//! Facts: KEDA 2.20 (Kafka scaler, executor): the HPA asks every 15 s; the total lag is cut to `partitions · lagThreshold`
//! unless idle consumers are allowed; a trigger is active above `activationLagThreshold` (strictly); with a minimum of 0
//! the job goes to nothing once it has been inactive for `cooldownPeriod`, and activation alone wakes it.

use super::hpa::pace::{Pace, Rules};
use super::hpa::sizing::by_average_value;
use super::settings::Slot;

/// Lag in records, times in whole seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `lagThreshold`, the lag that one worker should have; without it, `lag_seconds` of what one worker can process.
    pub threshold: Option<f64>,
    /// See `threshold`. (KEDA's own default is 10 records, which no job this size can stand.)
    pub lag_seconds: f64,
    /// `activationLagThreshold`.
    pub activation: f64,
    /// `minReplicaCount`. A streaming job does not go to 0 in the simulator; with 1 activation changes nothing.
    pub least: u32,
    /// `cooldownPeriod`.
    pub cooldown: u32,
    /// The HPA's sync period.
    pub every: u32,
    /// The HPA's tolerance, a share.
    pub tolerance: f64,
    /// The HPA's down window.
    pub down_window: u32,
}

impl Settings {
    /// KEDA's and Kubernetes' defaults, with a threshold of 10 s of work.
    pub fn usual() -> Self {
        Self {
            threshold: None,
            lag_seconds: 10.0,
            activation: 0.0,
            least: 1,
            cooldown: 300,
            every: 15,
            tolerance: 0.1,
            down_window: 300,
        }
    }

    /// What can be set, by name.
    pub fn slots(&mut self) -> Vec<(&'static str, Slot<'_>)> {
        vec![
            ("lagSeconds", Slot::Number(&mut self.lag_seconds)),
            ("threshold", Slot::Maybe(&mut self.threshold)),
            ("every", Slot::Time(&mut self.every)),
            ("tolerance", Slot::Share(&mut self.tolerance)),
            ("downWindow", Slot::TimeOrNone(&mut self.down_window)),
        ]
    }
}

/// The ScaledObject of one job.
#[derive(Debug)]
pub struct KedaLag {
    settings: Settings,
    /// Records for each worker.
    threshold: f64,
    partitions: Option<u32>,
    most: u32,
    pace: Pace,
    active_at: Option<u32>,
}

impl KedaLag {
    /// A ScaledObject without a past, for workers that can process so many records/s.
    pub fn new(settings: Settings, capacity_per_worker: f64, partitions: Option<u32>, most: u32) -> Self {
        let threshold = settings.threshold.unwrap_or(settings.lag_seconds * capacity_per_worker);
        let down = Rules { window: settings.down_window, ..Rules::usual_down() };
        let pace = Pace::new(Rules::usual_up(), down);
        Self { settings, threshold, partitions, most, pace, active_at: None }
    }

    /// The options.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// One sync: the replicas to set, of `replicas` that are set now, with so many records waiting. A lag that cannot be
    /// read holds.
    pub fn sync(&mut self, at: u32, replicas: u32, lag: Option<f64>) -> u32 {
        let Some(lag) = lag else { return replicas };
        let active = lag > self.settings.activation;
        if active {
            self.active_at = Some(at);
        }
        let least = self.settings.least;
        if replicas == 0 {
            return if active { least.max(1) } else { 0 };
        }
        let since = *self.active_at.get_or_insert(at);
        if least == 0 && !active && at >= since + self.settings.cooldown {
            return 0;
        }
        let most = self.partitions.map_or(lag, |partitions| lag.min(partitions as f64 * self.threshold));
        let recommended = by_average_value(replicas, most.max(0.0), self.threshold, self.settings.tolerance);
        self.pace.take(at, replicas, recommended, (least.max(1), self.most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keda(settings: Settings, partitions: Option<u32>) -> KedaLag {
        KedaLag::new(settings, 100.0, partitions, 50)
    }

    #[test]
    fn replicas_follow_the_lag_up_to_the_partitions() {
        for (replicas, lag, partitions, expected) in [
            (3, Some(3_000.0), None, 3),
            (3, Some(3_300.0), None, 3),
            (3, Some(3_400.0), None, 4),
            (3, Some(20_000.0), None, 7),
            (20, Some(200_000.0), None, 40),
            (40, Some(200_000.0), None, 50),
            (20, Some(200_000.0), Some(32), 32),
            (32, Some(200_000.0), Some(32), 32),
            (5, None, None, 5),
        ] {
            let seen = keda(Settings::usual(), partitions).sync(0, replicas, lag);
            assert_eq!(seen, expected, "{replicas} {lag:?} {partitions:?}");
        }
        let own = Settings { threshold: Some(10.0), ..Settings::usual() };
        assert_eq!(keda(own, None).sync(0, 10, Some(150.0)), 15);
    }

    #[test]
    fn without_lag_it_ends_at_the_minimum_and_not_before_the_down_window() {
        let mut keda = keda(Settings::usual(), None);
        assert_eq!(keda.sync(0, 8, Some(8_000.0)), 8);
        assert_eq!(keda.sync(285, 8, Some(0.0)), 8);
        assert_eq!(keda.sync(300, 8, Some(0.0)), 1);
    }

    #[test]
    fn activation_matters_for_a_minimum_of_nothing_only() {
        let zero = || Settings { least: 0, activation: 5.0, ..Settings::usual() };
        let mut sleeping = keda(zero(), None);
        assert_eq!(sleeping.sync(0, 0, Some(5.0)), 0, "the threshold itself does not wake it");
        assert_eq!(sleeping.sync(15, 0, Some(6.0)), 1);
        let mut waking = keda(zero(), None);
        assert_eq!(waking.sync(0, 2, Some(6.0)), 2);
        assert_eq!(waking.sync(285, 2, Some(4.0)), 2);
        assert_eq!(waking.sync(300, 2, Some(4.0)), 0, "inactive for the whole cool-down");
        let mut one = keda(Settings { activation: 5.0, ..Settings::usual() }, None);
        assert_eq!((0..100).map(|step| one.sync(step * 15, 1, Some(0.0))).max(), Some(1));
    }
}
