//! Kubernetes HorizontalPodAutoscaler on CPU, and the parts of it that others stand on.
//!
//! Facts: the replica calculator and the horizontal controller of Kubernetes (`pkg/controller/podautoscaler`), autoscaling/v2
//! with its defaults: a sync every 15 s, tolerance 10 %, pods without a full window of metrics set aside, upwards at most
//! the larger of 4 pods and 100 % per sync, downwards to the largest recommendation of 300 s.

pub mod pace;
pub mod sizing;

use super::settings::Slot;
use pace::{Pace, Rules};
use sizing::{Pods, by_utilization};

/// Times in whole seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `averageUtilization`, as a share of the request.
    pub target: f64,
    /// `--horizontal-pod-autoscaler-tolerance`, a share.
    pub tolerance: f64,
    /// `--horizontal-pod-autoscaler-sync-period`.
    pub every: u32,
    /// How long a new pod's CPU is set aside: until a whole window of metrics was taken after it became ready.
    pub readiness: u32,
    /// `behavior.scaleDown.stabilizationWindowSeconds`.
    pub down_window: u32,
    /// `behavior.scaleUp.stabilizationWindowSeconds`.
    pub up_window: u32,
}

impl Settings {
    /// Kubernetes' defaults with the usual target of 80 %.
    pub fn usual() -> Self {
        Self { target: 0.8, tolerance: 0.1, every: 15, readiness: 30, down_window: 300, up_window: 0 }
    }

    /// What can be set, by name.
    pub fn slots(&mut self) -> Vec<(&'static str, Slot<'_>)> {
        vec![
            ("target", Slot::Share(&mut self.target)),
            ("tolerance", Slot::Share(&mut self.tolerance)),
            ("every", Slot::Time(&mut self.every)),
            ("readiness", Slot::TimeOrNone(&mut self.readiness)),
            ("downWindow", Slot::TimeOrNone(&mut self.down_window)),
            ("upWindow", Slot::TimeOrNone(&mut self.up_window)),
        ]
    }
}

/// The HPA of one job.
#[derive(Debug)]
pub struct HpaCpu {
    settings: Settings,
    limits: (u32, u32),
    pace: Pace,
}

impl HpaCpu {
    /// An HPA without a past.
    pub fn new(settings: Settings, limits: (u32, u32)) -> Self {
        let up = Rules { window: settings.up_window, ..Rules::usual_up() };
        let down = Rules { window: settings.down_window, ..Rules::usual_down() };
        Self { settings, limits, pace: Pace::new(up, down) }
    }

    /// The options.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// One sync: the replicas to set, of `replicas` that are set now. Without any CPU the HPA reports an error and holds.
    pub fn sync(&mut self, at: u32, replicas: u32, pods: &[Pods]) -> u32 {
        if pods.iter().all(|pods| !pods.ready || pods.count == 0) {
            return replicas;
        }
        let recommended = by_utilization(replicas, pods, self.settings.target, self.settings.tolerance);
        self.pace.take(at, replicas, recommended, self.limits)
    }
}
