//! The baselines as scalers of the plant: what each of them looks at, and how often.

use super::daedalus::{Daedalus, LOOP, Moment};
use super::ds2::{Ds2, Interval};
use super::flink::{Autoscaler, Reading};
use super::hpa::HpaCpu;
use super::hpa::sizing::Pods;
use super::keda::KedaLag;
use crate::simulate::scaler::{Look, Scaler};

/// Flink's gauges are means of the last minute.
const GAUGE: u32 = 60;
/// metrics-server: CPU over so many seconds.
const CPU: u32 = 30;
/// Seconds between the moments that Daedalus regresses over.
const MOMENT: u32 = 5;

/// One width all the time.
#[derive(Debug)]
pub(super) struct Fixed(pub u32);

impl Scaler for Fixed {
    fn every(&self) -> u32 {
        1
    }

    fn decide(&mut self, look: &Look<'_>) -> Option<u32> {
        (look.wished != self.0).then_some(self.0)
    }
}

/// The HPA, and which of its pods are new.
#[derive(Debug)]
pub(super) struct Hpa {
    hpa: HpaCpu,
    /// The width, since when, and how many of them are new.
    width: Option<(u32, u32, u32)>,
}

impl Hpa {
    pub fn new(hpa: HpaCpu) -> Self {
        Self { hpa, width: None }
    }
}

impl Scaler for Hpa {
    fn every(&self) -> u32 {
        self.hpa.settings().every
    }

    fn decide(&mut self, look: &Look<'_>) -> Option<u32> {
        let (running, cpu) = (look.exact.running()?, look.exact.cpu(CPU)?);
        let known = self.width.is_some();
        let (width, since, mut new) = self.width.unwrap_or((running, look.at, 0));
        if width != running || !known {
            self.width = Some((running, look.at, running.saturating_sub(width)));
            new = running.saturating_sub(width);
        } else if look.at >= since + self.hpa.settings().readiness {
            new = 0;
        }
        // Pods that were ordered and are not there yet are pending: replicas without readiness.
        let pending = look.wished.saturating_sub(running);
        let old = running - new;
        let pods = [Pods { count: old, cpu, ready: true }, Pods { count: new + pending, cpu, ready: false }];
        let replicas = self.hpa.sync(look.at, look.wished, &pods);
        (replicas != look.wished).then_some(replicas)
    }
}

impl Scaler for KedaLag {
    fn every(&self) -> u32 {
        self.settings().every
    }

    fn decide(&mut self, look: &Look<'_>) -> Option<u32> {
        let replicas = self.sync(look.at, look.wished, Some(look.exact.group_lag())).max(1);
        (replicas != look.wished).then_some(replicas)
    }
}

impl Scaler for Ds2 {
    fn every(&self) -> u32 {
        self.settings().every
    }

    fn decide(&mut self, look: &Look<'_>) -> Option<u32> {
        let every = self.settings().every;
        let interval = Interval {
            running_since: look.exact.up_since()?,
            instances: look.exact.running()?,
            processed: look.exact.gauge(every)?,
            busy: look.exact.busy(every)?,
            backlog: look.exact.backlog()?,
        };
        // One action at a time.
        if look.wished != interval.instances {
            return None;
        }
        self.take(look.at, &interval)
    }
}

/// The Flink autoscaler in the operator's loop: a pass begins a while after the one before has ended. One that orders takes
/// a second, so that passes do not stay in step with the restarts that they cause: to the second of a restart the job shows
/// no rate at all, and an observed rate of one second later is what sticks.
#[derive(Debug)]
pub(super) struct Flink {
    autoscaler: Autoscaler,
    next: u32,
}

impl Flink {
    /// The first pass falls anywhere within the interval, as the seed has it.
    pub fn new(autoscaler: Autoscaler, seed: u64) -> Self {
        // Fibonacci hashing: seeds that follow each other spread over the interval.
        let part = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let next = (part % u64::from(autoscaler.settings().every)) as u32;
        Self { autoscaler, next }
    }
}

impl Scaler for Flink {
    fn every(&self) -> u32 {
        1
    }

    fn decide(&mut self, look: &Look<'_>) -> Option<u32> {
        if look.at < self.next {
            return None;
        }
        self.next = look.at + self.autoscaler.settings().every;
        let reading = Reading {
            consumed: look.exact.processed()?,
            per_second: look.exact.gauge(GAUGE)?,
            busy_ms: 1000.0 * look.exact.busy(GAUGE).unwrap_or(1.0),
            back_pressured_ms: 0.0,
            pending: look.exact.backlog(),
        };
        let (since, width) = (look.exact.up_since()?, look.exact.running()?);
        let order = self.autoscaler.pass(look.at, since, width, &reading)?;
        self.next += 1;
        Some(order)
    }
}

impl Scaler for Daedalus {
    fn every(&self) -> u32 {
        MOMENT
    }

    fn decide(&mut self, look: &Look<'_>) -> Option<u32> {
        let moment = Moment {
            running_since: look.exact.up_since()?,
            width: look.exact.running()?,
            cpu: look.exact.cpu(MOMENT)?,
            processed: look.exact.gauge(MOMENT)?,
            backlog: look.exact.backlog()?,
        };
        self.watch(look.at, &moment);
        if !look.at.is_multiple_of(LOOP) || look.wished != moment.width {
            return None;
        }
        Daedalus::decide(self, look.at, &moment)
    }
}
