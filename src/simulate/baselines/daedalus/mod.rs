//! A scaler like Daedalus: the smallest width that keeps up, will keep up, and is predicted to recover in time.
//!
//! Facts: Pfister et al., "Daedalus: Self-Adaptive Horizontal Autoscaling for Resource Efficiency of Distributed Stream
//! Processing Systems", ICPE'24, and its code. Like it: the loop of 60 s over readings of that minute, capacity by a
//! regression of throughput on CPU, the table that goes half way, learned downtimes that move by a second, the rules of the
//! decision. Unlike it: damped Holt smoothing in place of ARIMA, and one CPU for all workers, so that none is the hottest.

pub mod capacity;
pub mod forecast;

use super::settings::Slot;
use capacity::Capacities;
use forecast::{Forecast, Holt};

/// Seconds between two decisions.
pub const LOOP: u32 = 60;
/// After a start the job's readings say nothing about what it can do, for so long.
const DISCARD: u32 = 120;
/// After a rescale nothing is decided.
const REST: u32 = 180;
/// After a rescale only what cannot keep up is changed.
const CALM: u32 = 600;
/// How far the load is foretold.
const HORIZON: u32 = 900;
/// A forecast that was wrong by more than that gives way to a line through the last minute, which holds for `LINE`.
const WRONG: f64 = 0.25;
const LINE: u32 = 600;
/// What a restart reads again.
const CHECKPOINT: f64 = 10.0;
/// What a restart is taken to need at first, upwards and downwards.
const DOWNTIMES: (u32, u32) = (30, 15);

/// What can be set.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Within how many seconds a rescale is to have recovered.
    pub recovery: u32,
    /// What is taken to come in, as a multiple of what does: 1 in the paper.
    pub headroom: f64,
}

impl Settings {
    /// As published.
    pub fn usual() -> Self {
        Self { recovery: 600, headroom: 1.0 }
    }

    /// What can be set, by name.
    pub fn slots(&mut self) -> Vec<(&'static str, Slot<'_>)> {
        vec![("headroom", Slot::Number(&mut self.headroom)), ("recovery", Slot::Time(&mut self.recovery))]
    }
}

/// What the job showed at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Since when the job runs, in seconds.
    pub running_since: u32,
    /// Workers that run.
    pub width: u32,
    /// Mean CPU of a worker since the moment before.
    pub cpu: f64,
    /// Records/s processed since the moment before.
    pub processed: f64,
    /// Records that wait.
    pub backlog: f64,
}

/// The scaler of one job.
#[derive(Debug)]
pub struct Daedalus {
    settings: Settings,
    most: u32,
    capacities: Capacities,
    holt: Holt,
    /// What came in, records/s, at the moments of this minute: (second, rate).
    minute: Vec<(u32, f64)>,
    /// The moment before: when, which start, and its backlog.
    before: Option<(u32, u32, f64)>,
    downtimes: (u32, u32),
    rescaled_at: Option<u32>,
    recovering: Option<Recovery>,
}

/// A rescale that has not recovered yet.
#[derive(Debug, Clone, Copy)]
struct Recovery {
    since: u32,
    upwards: bool,
    /// Seconds that it was to need.
    predicted: u32,
}

impl Daedalus {
    /// A scaler without a past.
    pub fn new(settings: Settings, most: u32) -> Self {
        Self {
            settings,
            most,
            capacities: Capacities::new(most),
            holt: Holt::default(),
            minute: Vec::with_capacity(64),
            before: None,
            downtimes: DOWNTIMES,
            rescaled_at: None,
            recovering: None,
        }
    }

    /// The options.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Takes a moment.
    pub fn watch(&mut self, at: u32, moment: &Moment) {
        let before = self.before.replace((at, moment.running_since, moment.backlog));
        let Some((from, start, backlog)) = before else { return };
        if start != moment.running_since {
            return;
        }
        let arrives = moment.processed + (moment.backlog - backlog) / f64::from((at - from).max(1));
        self.minute.push((at, arrives.max(0.0)));
        if at >= moment.running_since + DISCARD {
            self.capacities.add(moment.width, moment.cpu, moment.processed);
        }
    }

    /// Decides on the minute that ends now: the width to go to, if any.
    pub fn decide(&mut self, at: u32, now: &Moment) -> Option<u32> {
        if self.minute.len() < 2 {
            return None;
        }
        let load = self.minute.iter().map(|(_, rate)| rate).sum::<f64>() / self.minute.len() as f64;
        let slope = slope(&self.minute);
        self.minute.clear();
        self.holt.add(load);
        if at >= now.running_since + DISCARD {
            self.capacities.update(now.width);
        }
        self.learn_downtime(at, now);
        let rested = self.rescaled_at.map(|when| at - when);
        if rested.is_some_and(|rested| rested < REST) {
            return None;
        }
        let present = self.capacities.of(now.width, now.width)?;
        let holt = self.holt.clone();
        let forecast = if holt.error().is_some_and(|error| error < WRONG) {
            Forecast::Holt(&holt)
        } else {
            Forecast::Line { now: load, slope, lasts: LINE }
        };
        let headroom = self.settings.headroom;
        let keeps_up = present >= headroom * load && present >= headroom * forecast.at(0);
        if keeps_up && rested.is_some_and(|rested| rested < CALM) {
            return None;
        }
        let wish = self.smallest(now, load, &forecast).unwrap_or(self.most);
        if wish == now.width || (wish < now.width && now.backlog > present) {
            return None;
        }
        self.rescaled_at = Some(at);
        let capacity = self.capacities.of(wish, now.width).unwrap_or(present);
        let predicted = recovery(self.downtime(wish > now.width), capacity, load, now.backlog, &forecast);
        self.recovering = predicted.map(|predicted| Recovery { since: at, upwards: wish > now.width, predicted });
        Some(wish)
    }

    /// The smallest width that carries the load, all that is foretold, and recovers in time; `None`: none does.
    fn smallest(&self, now: &Moment, load: f64, forecast: &Forecast<'_>) -> Option<u32> {
        let most_ahead = forecast.most(HORIZON);
        (1..=self.most).find(|width| {
            let Some(capacity) = self.capacities.of(*width, now.width) else { return false };
            let capacity = capacity / self.settings.headroom;
            if capacity <= load || capacity < most_ahead {
                return false;
            }
            // Staying needs no restart.
            let downtime = if *width == now.width { 0 } else { self.downtime(*width > now.width) };
            recovery(downtime, capacity, load, now.backlog, forecast)
                .is_some_and(|needs| needs <= self.settings.recovery && capacity >= forecast.most(needs))
        })
    }

    fn downtime(&self, upwards: bool) -> u32 {
        if upwards { self.downtimes.0 } else { self.downtimes.1 }
    }

    /// A recovery that took longer than predicted makes the downtime of its direction a second longer; and shorter.
    fn learn_downtime(&mut self, at: u32, now: &Moment) {
        let Some(recovery) = self.recovering else { return };
        let drained = now.running_since > recovery.since && now.backlog <= now.processed;
        if !drained {
            return;
        }
        let took = at - recovery.since;
        let downtime = if recovery.upwards { &mut self.downtimes.0 } else { &mut self.downtimes.1 };
        // The loop sees the end of a recovery up to a whole interval late.
        if took > recovery.predicted + LOOP {
            *downtime += 1;
        } else if took < recovery.predicted {
            *downtime = (*downtime).saturating_sub(1).max(1);
        }
        self.recovering = None;
    }
}

/// Seconds from the stop until the backlog is gone: what a checkpoint reads again, what comes in while the job is down,
/// and what waits already, against what the capacity leaves over. `None`: longer than anything is foretold.
fn recovery(downtime: u32, capacity: f64, load: f64, backlog: f64, forecast: &Forecast<'_>) -> Option<u32> {
    let replay = if downtime == 0 { 0.0 } else { CHECKPOINT * load };
    let mut waits = backlog + replay;
    for second in 0..HORIZON {
        if second >= downtime && waits <= 0.0 {
            return Some(second);
        }
        waits += forecast.at(second);
        if second >= downtime {
            waits -= capacity;
        }
    }
    None
}

/// The slope of a line through the points, per second; 0 for fewer than two.
fn slope(points: &[(u32, f64)]) -> f64 {
    let Some((first, _)) = points.first() else { return 0.0 };
    let count = points.len() as f64;
    let x = |at: u32| f64::from(at - first);
    let mean_x = points.iter().map(|(at, _)| x(*at)).sum::<f64>() / count;
    let mean_y = points.iter().map(|(_, rate)| rate).sum::<f64>() / count;
    let squares: f64 = points.iter().map(|(at, _)| (x(*at) - mean_x).powi(2)).sum();
    let products: f64 = points.iter().map(|(at, rate)| (x(*at) - mean_x) * (rate - mean_y)).sum();
    if squares > 0.0 { products / squares } else { 0.0 }
}

#[cfg(test)]
mod tests;
