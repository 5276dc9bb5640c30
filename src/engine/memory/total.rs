//! A running total, and what was processed per second between two looks at it.
//!
//! A total is a sum over series that come and go. What it refuses to take for work: what a series held before it came
//! in, the way down when one went away, one generation's count set against another's.

use std::collections::VecDeque;
use std::time::Duration;

use super::operator::Look;
use crate::engine::plan::Plan;
use crate::engine::reading::Reading;
use crate::engine::room;
use crate::engine::step::Known;
use crate::engine::time::Timestamp;

/// A total that fell without a restart lost some of its series, and when they come back it jumps: after this long they
/// do not.
const SERIES_COME_BACK: Duration = Duration::from_secs(300);

/// A sum that fell has its series back once it was as fast all the time as this share of what it was. Without them it grows
/// back to where it was all the same, and then looks as if it had stood still.
const AS_BEFORE: f64 = 0.9;

/// A rate that is this many times what usually comes in is believed when the next look confirms it. More than any
/// job of the scenarios does, and far less than an offset or a counter that comes into the sum.
const JUMP: f64 = 10.0;

/// The total of one operator.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Total {
    /// Where differences are taken from, oldest first: the newest that is a scrape old, and those after it.
    looks: VecDeque<Taken>,
    /// The newest difference, per second.
    rate: Known,
    /// Whether the sum has fallen since, and is not what it was.
    lacks: bool,
    /// What came after a jump that nothing has confirmed yet.
    jumped: Option<Taken>,
    /// What the newest look was told, per second.
    told: Known,
}

/// One look.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Taken {
    at: Timestamp,
    value: f64,
    backlog: Known,
}

/// What two looks at a total say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Difference {
    /// Processed per second.
    pub rate: f64,
    /// What came in per second over the very same time; `None`: not known, or said already.
    pub input: Option<f64>,
}

impl Total {
    /// What was processed per second, and what came in, since a look that is at least a scrape older: workers are
    /// scraped one after the other, and over less time some of them would not have moved at all. `usual` is what comes
    /// in otherwise, where that is known.
    pub fn take(
        &mut self,
        plan: &Plan,
        (total, backlog): (Reading, Option<f64>),
        look: &Look,
        usual: Option<f64>,
        at: Timestamp,
    ) -> Option<Difference> {
        self.told = Known::NONE;
        let value = match total {
            Reading::Fresh(value) => value,
            // Nothing says that what comes after it is the same sum.
            Reading::Missing => {
                *self = Self::default();
                return None;
            }
            _ => return None,
        };
        let now = Taken { at, value, backlog: backlog.into() };
        // A restart may begin the total anew, and what was in flight is lost: the difference across it says nothing.
        while self.looks.front().is_some_and(|oldest| oldest.at < look.started) {
            self.looks.pop_front();
        }
        self.jumped = self.jumped.filter(|jumped| jumped.at >= look.started);
        // The sum over the workers lacks those that do not report: nothing is taken from it, nor set against it.
        if look.gap {
            return None;
        }
        // What came in has gone again.
        self.jumped = self.jumped.filter(|jumped| value >= jumped.value);
        let Some(newest) = self.jumped.or(self.looks.back().copied()) else {
            self.begin(now);
            return None;
        };
        let slow = || self.rate.get().is_some_and(|before| newest.until(now).rate < AS_BEFORE * before);
        self.lacks = value < newest.value || self.lacks && slow();
        if self.lacks {
            if self.rate.is_unknown() || at.since(newest.at) > SERIES_COME_BACK {
                self.begin(now);
            }
            return None;
        }
        let difference = match self.jumped {
            Some(jumped) => self.confirm(plan, jumped, now)?,
            None => self.difference(plan, now, usual)?,
        };
        self.rate = Some(difference.rate).into();
        self.told = self.rate;
        Some(difference)
    }

    /// What was processed per second, as far as the newest look could work it out.
    pub fn told(&self) -> Option<f64> {
        self.told.get()
    }

    /// The difference to an older look. Where no scrape came since the newest one it is told again, without its input.
    fn difference(&mut self, plan: &Plan, now: Taken, usual: Option<f64>) -> Option<Difference> {
        let newest = *self.looks.back()?;
        let again = self.rate.get().map(|rate| Difference { rate, input: None });
        #[expect(clippy::float_cmp, reason = "the same sample is the same number to the bit")]
        let same_scrape = now.value == newest.value && now.backlog == newest.backlog;
        if same_scrape && now.at.since(newest.at) <= plan.stale_after {
            return again;
        }
        let young = now.at.minus(a_scrape(plan));
        let Some(older) = self.looks.iter().rposition(|taken| taken.at <= young && taken.at < now.at) else {
            if newest.at < now.at {
                self.keep(now);
            }
            return again;
        };
        let difference = self.looks[older].until(now);
        if usual.is_some_and(|usual| difference.rate > JUMP * usual) {
            self.jumped = Some(now);
            return None;
        }
        self.looks.drain(..older);
        self.keep(now);
        Some(difference)
    }

    /// After a jump: what is as fast since then was no jump. Else series came in that had counted before.
    fn confirm(&mut self, plan: &Plan, jumped: Taken, now: Taken) -> Option<Difference> {
        if now.at.since(jumped.at) < a_scrape(plan) {
            return None;
        }
        let since = jumped.until(now);
        let over_all = self.looks.back().map(|before| before.until(now));
        self.begin(now);
        Some(over_all.filter(|all| since.rate >= all.rate / 2.0).unwrap_or(since))
    }

    /// One look more: most often the second.
    fn keep(&mut self, now: Taken) {
        room::make(&mut self.looks, || 2);
        self.looks.push_back(now);
    }

    /// Nothing is known but this look.
    fn begin(&mut self, now: Taken) {
        *self = Self { looks: VecDeque::with_capacity(2), ..Self::default() };
        self.looks.push_back(now);
    }
}

/// As long as every worker is scraped in; ticks and scrapes are not that punctual.
fn a_scrape(plan: &Plan) -> Duration {
    plan.scrape_interval * 4 / 5
}

impl Taken {
    fn until(&self, now: Self) -> Difference {
        let seconds = now.at.since(self.at).as_secs_f64();
        let rate = (now.value - self.value) / seconds;
        let grown = now.backlog.get().zip(self.backlog.get()).map(|(now, before)| (now - before) / seconds);
        Difference { rate, input: grown.map(|grown| rate + grown) }
    }
}

#[cfg(test)]
mod tests;
