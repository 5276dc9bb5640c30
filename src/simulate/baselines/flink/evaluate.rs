//! From the samples of a window to what the vertex can do, what it should do, and the band in which it is left alone.

use super::history::{History, Reading};
use super::settings::Settings;

/// What a pass makes of its window; all in records/s.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// The true processing rate: what the present width is taken to be able to process.
    pub capacity: f64,
    /// What comes in.
    pub demand: f64,
    /// What works the lag off within the catch-up time.
    pub catch_up: f64,
    /// Below this capacity the width is too small.
    pub up_below: f64,
    /// Above this one it is too large.
    pub down_above: f64,
    /// The capacity that a new width is sized for.
    pub wanted: f64,
}

impl Evaluation {
    /// Whether the capacity lies outside the band: the band decides whether to act, never how far.
    pub fn is_outside(&self) -> bool {
        self.capacity < self.up_below || self.capacity > self.down_above
    }
}

/// Evaluates a full window.
///
/// Required capacity is `demand / utilization + lag / catchUp + demand · restart / catchUp`, rounded to whole records/s
/// (`ScalingMetricEvaluator`, `AutoScalerUtils.getTargetProcessingCapacity` of the Flink Kubernetes Operator); the upper
/// edge of the band leaves the restart out. While more than `backlog` of lag is worked off, the band goes from 0 to 1.
/// `None` where the samples do not give a rate.
pub fn evaluate(settings: &Settings, history: &History) -> Option<Evaluation> {
    let consumed = history.consumed_rate();
    let demand = (consumed + history.lag_rate()).max(0.0);
    if consumed.is_nan() || demand.is_nan() {
        return None;
    }
    let lag = history.lag();
    let catch_up = if settings.catch_up == 0 { 0.0 } else { lag / settings.catch_up as f64 };
    let capacity = capacity(settings, history, consumed);
    // No rate but a lag is endless backlog; neither is none.
    let (most, least) = if lag / consumed > settings.backlog as f64 {
        (1.0, 0.0)
    } else {
        (settings.target + settings.boundary, settings.target - settings.boundary)
    };
    let required = |utilization: f64, with_restart: bool| {
        if utilization <= 0.0 {
            return f64::INFINITY;
        }
        let restart = match settings.catch_up {
            0 => 0.0,
            _ if !with_restart => 0.0,
            catch_up => demand * settings.restart as f64 / catch_up as f64,
        };
        (catch_up + restart + demand / utilization.min(1.0)).round()
    };
    Some(Evaluation {
        capacity,
        demand,
        catch_up,
        up_below: required(most, false),
        down_above: required(least, true),
        wanted: required(settings.target, true),
    })
}

/// Consumed rate over the mean busy share, or the observed rate where that one says much less. Nothing consumed counts
/// as endless capacity.
fn capacity(settings: &Settings, history: &History, consumed: f64) -> f64 {
    let by_busy = if consumed == 0.0 { f64::INFINITY } else { consumed / (history.busy() * 1000.0 / 1000.0) };
    let observed = history.observed(settings.observations);
    let observed_wins = !observed.is_nan() && (!by_busy.is_finite() || by_busy > observed * (1.0 + settings.switch));
    if observed_wins { observed } else { by_busy }
}

/// The capacity that a pass notes, records/s: the rate of the moment while the source has at least `observe` seconds
/// of lag, saturated or not; else the mean of the notes before, which so refreshes itself until the next start. NaN:
/// nothing to note.
pub fn observe(settings: &Settings, history: &History, reading: &Reading) -> f64 {
    if settings.observe == 0 {
        return f64::NAN;
    }
    if reading.per_second == 0.0 {
        return f64::INFINITY;
    }
    let free = 1.0 - reading.back_pressured_ms / 1000.0;
    if reading.pending.unwrap_or(0.0) >= settings.observe as f64 * reading.per_second && free > 0.0 {
        return reading.per_second / free;
    }
    history.observed(settings.observations)
}
