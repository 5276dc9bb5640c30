//! Which decisions and outcomes are told as Kubernetes Events: when they begin, and again every hour while they last.

use std::collections::HashMap;
use std::time::Duration;

use crate::engine::{Action, Decision, Hold, JobId, Timestamp, Workers};

/// What lasts is told again, as the API server keeps an Event for an hour by default.
const AGAIN: Duration = Duration::from_secs(3600);

/// What comes and goes is told this often at most.
const SPACING: Duration = Duration::from_secs(600);

/// What was told of each job, by reason.
#[derive(Debug, Default)]
pub(super) struct Announcer {
    told: HashMap<(JobId, &'static str), Told>,
    tick: u64,
}

#[derive(Debug, Clone, Copy)]
struct Told {
    at: Timestamp,
    /// The tick that had it last.
    tick: u64,
}

/// What is worth an Event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct News {
    pub(super) reason: &'static str,
    pub(super) warning: bool,
    pub(super) note: String,
}

impl Announcer {
    /// A tick begins: what was not told for long is forgotten.
    pub(super) fn begin(&mut self, at: Timestamp) {
        self.tick += 1;
        self.told.retain(|_, told| at.since(told.at) < AGAIN * 2);
    }

    /// Whether this is to be told now. To be asked at every tick at which it holds.
    pub(super) fn is_due(&mut self, job: &JobId, reason: &'static str, at: Timestamp) -> bool {
        let tick = self.tick;
        let told = self.told.entry((job.clone(), reason));
        match told {
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(Told { at, tick });
                true
            }
            std::collections::hash_map::Entry::Occupied(mut place) => {
                let Told { at: before, tick: last } = *place.get();
                let lasts = last + 1 >= tick;
                let due = at.since(before) >= if lasts { AGAIN } else { SPACING };
                place.insert(Told { at: if due { at } else { before }, tick });
                due
            }
        }
    }
}

/// The reason to hold in one word, where it is worth an Event; most are ordinary.
pub(super) fn worth(decision: &Decision) -> Option<(&'static str, &Hold)> {
    let Action::Hold(hold) = &decision.action else { return None };
    let reason = match hold.name() {
        "unsafeTarget" => "UnsafeTarget",
        "conflict" => "Conflict",
        "stalled" => "Stalled",
        "atMax" => "AtMax",
        "ineffective" => "Ineffective",
        "unstable" => "Unstable",
        "rescaleIncomplete" => "RescaleIncomplete",
        _ => return None,
    };
    Some((reason, hold))
}

/// That reason in a sentence.
pub(super) fn of_hold(reason: &'static str, hold: &Hold) -> News {
    News { reason, warning: !matches!(hold, Hold::AtMax { .. }), note: format!("not scaled: {hold}") }
}

/// A count that was set, and why.
pub(super) fn of_scale(decision: &Decision, from: Workers, to: Workers) -> News {
    let because: Vec<_> = decision.because.iter().map(ToString::to_string).collect();
    News { reason: "Scaled", warning: false, note: format!("scaled {from} -> {to}: {}", because.join("; ")) }
}

/// A count that could not be set.
pub(super) fn of_failure(from: Workers, to: Workers, why: &str) -> News {
    News { reason: "ScaleFailed", warning: true, note: format!("failed to scale {from} -> {to}: {why}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Cap;

    fn second(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn news_is_told_when_it_begins_and_hourly_while_it_lasts() {
        let job = JobId::new("streaming", "orders");
        let mut announcer = Announcer::default();
        let mut told = Vec::new();
        for at in (0..2 * 3600).step_by(15) {
            announcer.begin(second(at));
            if announcer.is_due(&job, "AtMax", second(at)) {
                told.push(at);
            }
        }
        assert_eq!(told, [0, 3600]);
    }

    #[test]
    fn what_comes_and_goes_is_told_every_ten_minutes_at_most() {
        let (orders, clicks) = (JobId::new("streaming", "orders"), JobId::new("streaming", "clicks"));
        let mut announcer = Announcer::default();
        let mut told = Vec::new();
        for at in (0..1300).step_by(15) {
            announcer.begin(second(at));
            if at % 30 == 0 && announcer.is_due(&orders, "Stalled", second(at)) {
                told.push(at);
            }
        }
        assert_eq!(told, [0, 600, 1200]);
        assert!(announcer.is_due(&orders, "AtMax", second(1300)), "another reason is other news");
        assert!(announcer.is_due(&clicks, "Stalled", second(1300)), "and so is another job");
        announcer.begin(second(90_000));
        assert!(announcer.told.is_empty());
    }

    #[test]
    fn what_is_worth_an_event() {
        let news = |hold| {
            let job = JobId::new("streaming", "orders");
            let decision = Decision { job, at: second(0), action: Action::Hold(hold), because: Vec::new() };
            worth(&decision).map(|(reason, hold)| of_hold(reason, hold))
        };
        for (hold, reason, warning) in [
            (Hold::UnsafeTarget { why: "a session cluster".into() }, "UnsafeTarget", true),
            (Hold::Conflict { owner: "HorizontalPodAutoscaler x".into() }, "Conflict", true),
            (Hold::Stalled { operator: "read".into() }, "Stalled", true),
            (Hold::Unstable { restarts: 3 }, "Unstable", true),
            (Hold::RescaleIncomplete { wished: Workers(4), running: Workers(3) }, "RescaleIncomplete", true),
            (Hold::AtMax { cap: Cap::MaxWorkers }, "AtMax", false),
        ] {
            let expected = News { reason, warning, note: format!("not scaled: {hold}") };
            assert_eq!(news(hold), Some(expected));
        }
        for ordinary in
            [Hold::WithinBand, Hold::NotRunning, Hold::AtMin, Hold::Observing { from: Workers(1), to: Workers(2) }]
        {
            assert_eq!(news(ordinary), None);
        }
    }
}
