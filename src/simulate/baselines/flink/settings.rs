//! What the Flink operator's autoscaler can be told.

use super::super::settings::Slot;

/// Which release's treatment of a due scale-down is followed; nothing else that one vertex shows differs between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// 1.10.0: a due scale-down orders the proposal of that very pass.
    V1_10,
    /// 1.15.0: it orders the largest proposal of the interval, where that one was outside the band.
    V1_15,
}

/// The autoscaler's options, times in whole seconds. Names and defaults are those of `job.autoscaler.*`.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Between two passes; 60 in the operator, 10 in the standalone autoscaler.
    pub every: u32,
    /// `metrics.window`.
    pub window: u32,
    /// `stabilization.interval`: after a start, samples are kept and nothing is decided.
    pub stabilization: u32,
    /// `utilization.target`, 0..1: what a new width is sized for.
    pub target: f64,
    /// How far utilization may be from the target before anything is done.
    pub boundary: f64,
    /// `catch-up.duration`; 0 leaves lag and restarts out of the size.
    pub catch_up: u32,
    /// `restart.time`, the time that a restart is taken to need.
    pub restart: u32,
    /// `scale-down.interval`.
    pub down_interval: u32,
    /// `scale-down.max-factor`, 0..1: the largest share that one step takes away.
    pub down_factor: f64,
    /// `backlog-processing.lag-threshold`: more lag than that is being worked off, and only a width that cannot keep
    /// up moves.
    pub backlog: u32,
    /// `observed-true-processing-rate.lag-threshold`; 0 turns the observed rate off.
    pub observe: u32,
    /// `observed-true-processing-rate.switch-threshold`, a share.
    pub switch: f64,
    /// `observed-true-processing-rate.min-observations`.
    pub observations: u32,
    /// The release.
    pub version: Version,
}

impl Settings {
    /// The options as they are shipped.
    pub fn shipped() -> Self {
        Self {
            every: 60,
            window: 900,
            stabilization: 300,
            target: 0.7,
            boundary: 0.3,
            catch_up: 1800,
            restart: 300,
            down_interval: 3600,
            down_factor: 0.6,
            backlog: 300,
            observe: 30,
            switch: 0.15,
            observations: 2,
            version: Version::V1_10,
        }
    }

    /// The options that did best by hand for jobs that must not be a minute late.
    pub fn tuned() -> Self {
        Self {
            window: 180,
            stabilization: 60,
            boundary: 0.2,
            catch_up: 600,
            restart: 60,
            down_interval: 600,
            ..Self::shipped()
        }
    }

    /// What can be set, by name.
    pub fn slots(&mut self) -> Vec<(&'static str, Slot<'_>)> {
        vec![
            ("target", Slot::Share(&mut self.target)),
            ("boundary", Slot::Share(&mut self.boundary)),
            ("every", Slot::Time(&mut self.every)),
            ("window", Slot::Time(&mut self.window)),
            ("stabilization", Slot::Time(&mut self.stabilization)),
            ("catchUp", Slot::TimeOrNone(&mut self.catch_up)),
            ("restart", Slot::TimeOrNone(&mut self.restart)),
            ("downInterval", Slot::TimeOrNone(&mut self.down_interval)),
            ("downFactor", Slot::Share(&mut self.down_factor)),
            ("backlog", Slot::Time(&mut self.backlog)),
            ("observe", Slot::TimeOrNone(&mut self.observe)),
            ("version", Slot::Version(&mut self.version)),
        ]
    }
}
