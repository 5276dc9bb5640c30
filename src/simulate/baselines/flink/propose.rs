//! From an evaluation to an order: the size, and the timer that a scale-down waits for.

use std::collections::VecDeque;

use super::evaluate::Evaluation;
use super::settings::{Settings, Version};

/// The width that the evaluation asks for: `⌈width · wanted / capacity⌉`, at most `downFactor` less. No tolerance is
/// given to the ceiling, and limits never force a move: the present width is always within them.
pub fn propose(settings: &Settings, width: u32, limits: (u32, u32), evaluation: &Evaluation) -> Option<u32> {
    let factor = evaluation.wanted / evaluation.capacity;
    if factor.is_nan() {
        return None;
    }
    let wanted = (factor.max(1.0 - settings.down_factor) * width as f64).ceil();
    let (least, most) = (limits.0.min(width), limits.1.max(width));
    // `as` saturates, as it must for an endless factor.
    Some((wanted as u32).clamp(least.max(1), most))
}

/// What a scale-down waits for: proposals below the present width, all through the interval.
#[derive(Debug, Default)]
pub struct Timer {
    since: Option<u32>,
    /// The largest proposals of the interval in falling order, each with its time and whether it was outside the band.
    largest: VecDeque<(u32, u32, bool)>,
}

impl Timer {
    /// Starts again: a rescale, or a proposal that is not below the present width.
    pub fn clear(&mut self) {
        self.since = None;
        self.largest.clear();
    }

    /// Takes note of a proposal below the present width. Where it has waited long enough, says what to order, and
    /// whether the band allows it.
    pub fn down(&mut self, settings: &Settings, at: u32, proposal: u32, outside: bool) -> Option<(u32, bool)> {
        if settings.down_interval == 0 {
            return Some((proposal, outside));
        }
        while self.largest.back().is_some_and(|(_, other, _)| *other <= proposal) {
            self.largest.pop_back();
        }
        self.largest.push_back((at, proposal, outside));
        let since = *self.since.get_or_insert(at);
        if at < since + settings.down_interval {
            return None;
        }
        match settings.version {
            Version::V1_10 => Some((proposal, outside)),
            Version::V1_15 => {
                while self.largest.front().is_some_and(|(when, ..)| *when + settings.down_interval < at) {
                    self.largest.pop_front();
                }
                self.largest.front().map(|(_, largest, outside)| (*largest, *outside))
            }
        }
    }
}
