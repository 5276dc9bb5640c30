//! What a restart takes: the delay until the job stops, the downtime, the recovery. Learned from restarts that were
//! ordered, that is: after which the count was another. A crash or an outage says nothing about the next rescale.

use std::time::Duration;

use crate::engine::job::Workers;
use crate::engine::learned::Grown;
use crate::engine::time::Timestamp;

/// A restart and the new width are read from different series at different scrapes: they may show this far apart.
const SHOWS_WITHIN: Duration = Duration::from_secs(60);
/// What takes longer is an outage and no restart.
const LONGEST: Duration = Duration::from_secs(600);
/// A tick cannot tell less from nothing.
const SHORTEST: Duration = Duration::from_secs(1);
/// A backlog that is there for longer has other reasons than the restart.
const LONGEST_RECOVERY: Duration = Duration::from_secs(3600);
/// An order that has not come by then is forgotten.
const ORDER_LASTS: Duration = Duration::from_secs(30 * 60);

/// What a tick saw of the job's course.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Glance {
    /// It runs, and its numbers can be read.
    Runs {
        /// Workers that run.
        running: Workers,
        /// Workers that the spec asks for, where that is known.
        wished: Option<Workers>,
        /// When this generation started.
        started: Timestamp,
        /// Whether this is the first glance of it.
        restarted: bool,
        /// Whether there is no backlog.
        drained: bool,
    },
    /// It does not run, or has no numbers yet.
    Away,
    /// Nothing is known: a query failed or is stale. Times that include such a tick are not learned.
    Unknown,
}

/// The times of a job's restarts.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Restarts {
    delays: LastThree,
    downtimes: LastThree,
    recoveries: LastThree,
    /// The increase that made the generation that runs now.
    pub grown: Option<Grown>,
    previous: Option<Timestamp>,
    last: Option<Running>,
    /// Whether a tick since `last` knew nothing.
    blurred: bool,
    order: Option<Order>,
    /// The newest change of width: what ran before, and when it showed.
    change: Option<(Workers, Timestamp)>,
    /// A restart whose change of width has not shown yet.
    turn: Option<Turn>,
    /// Since when a backlog of a restart is being worked off.
    recovering: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Running {
    at: Timestamp,
    running: Workers,
    wished: Option<Workers>,
}

/// A count that was asked for and has not come.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Order {
    at: Timestamp,
    from: Workers,
    /// Its delay is known: further restarts of the same order are workers that come one by one.
    begun: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Turn {
    seen: Timestamp,
    started: Timestamp,
    downtime: Option<Duration>,
    delay: Option<Duration>,
}

impl Restarts {
    /// Takes in a tick.
    pub fn observe(&mut self, glance: Glance, at: Timestamp) {
        let before = self.previous.replace(at);
        match glance {
            Glance::Away => {}
            Glance::Unknown => self.blurred = true,
            Glance::Runs { running, wished, started, restarted, drained } => {
                self.follow_order(running, wished, before.unwrap_or(at), at);
                if let Some(last) = self.last {
                    if last.running != running {
                        self.change = Some((last.running, at));
                    }
                    if restarted {
                        self.turn(last, started, at);
                    }
                }
                self.settle(running, at);
                if self.recovering.is_some() && drained && self.turn.is_none() {
                    let took = at.since(self.recovering.take().unwrap_or(at));
                    self.recoveries.take(took, LONGEST_RECOVERY);
                }
                if wished == Some(running) && self.turn.is_none() {
                    self.order = self.order.filter(|order| !order.begun);
                }
                self.last = Some(Running { at, running, wished });
                self.blurred = false;
            }
        }
    }

    /// The patch came right after the tick before the one that shows it.
    fn follow_order(&mut self, running: Workers, wished: Option<Workers>, before: Timestamp, at: Timestamp) {
        self.order = self.order.filter(|order| at.since(order.at) < ORDER_LASTS);
        let Some(last) = self.last else { return };
        if wished.is_some() && last.wished.is_some() && wished != last.wished {
            let from = self.order.map_or(last.running, |order| order.from);
            self.order = (wished != Some(last.running) || running != last.running).then_some(Order {
                at: before,
                from,
                begun: false,
            });
        }
    }

    /// It stopped at some time after it was last read: a tick at most, which counts as downtime. Too long a time costs little,
    /// too short a one makes restarts look cheap (half a tick less: a point more of late time at 15 and 30 s). A restart that
    /// follows one whose change of width has not shown yet belongs to the same order: the delay is that of the first, the
    /// downtime the longest.
    fn turn(&mut self, last: Running, started: Timestamp, at: Timestamp) {
        let stopped = last.at;
        let known = !self.blurred;
        let downtime = known.then(|| started.since(stopped));
        let delay = self.order.filter(|order| known && !order.begun).map(|order| stopped.since(order.at));
        self.turn = Some(match self.turn {
            Some(first) => {
                Turn { seen: at, started, downtime: first.downtime.max(downtime), delay: first.delay.or(delay) }
            }
            None => Turn { seen: at, started, downtime, delay },
        });
        self.recovering = None;
    }

    /// A restart counts once its change of width shows, shortly before or after it.
    fn settle(&mut self, running: Workers, at: Timestamp) {
        let Some(turn) = self.turn else { return };
        let changed = self.change.filter(|(_, when)| turn.seen.since(*when) <= SHOWS_WITHIN).map(|(from, _)| from);
        match changed.filter(|from| *from != running) {
            Some(from) => self.learn(turn, from, running),
            None if at.since(turn.seen) > SHOWS_WITHIN => {}
            None => return,
        }
        self.turn = None;
    }

    fn learn(&mut self, turn: Turn, from: Workers, running: Workers) {
        if let Some(downtime) = turn.downtime {
            self.downtimes.take(downtime.max(SHORTEST), LONGEST);
        }
        if let Some(delay) = turn.delay {
            self.delays.take(delay.max(SHORTEST), LONGEST);
        }
        let from = self.order.map_or(from, |order| order.from);
        if let Some(order) = &mut self.order {
            order.begun = true;
        }
        self.grown = (running > from).then_some(Grown { from, at: turn.started, judged: false });
        self.recovering = Some(turn.started);
        self.change = None;
    }

    /// The longest delay of the last three.
    pub fn delay(&self) -> Option<Duration> {
        self.delays.longest()
    }

    /// The longest downtime of the last three.
    pub fn downtime(&self) -> Option<Duration> {
        self.downtimes.longest()
    }

    /// The longest recovery of the last three.
    pub fn recovery(&self) -> Option<Duration> {
        self.recoveries.longest()
    }

    /// What another process knew.
    pub fn recalled(
        delay: Option<Duration>,
        downtime: Option<Duration>,
        recovery: Option<Duration>,
        grown: Option<Grown>,
    ) -> Self {
        let one = |time: Option<Duration>, most| {
            let mut last = LastThree::default();
            time.into_iter().for_each(|time| last.take(time, most));
            last
        };
        Self {
            delays: one(delay, LONGEST),
            downtimes: one(downtime.map(|time| time.max(SHORTEST)), LONGEST),
            recoveries: one(recovery, LONGEST_RECOVERY),
            grown,
            ..Self::default()
        }
    }
}

/// The last three of a time, in seconds; unused places are negative.
#[derive(Debug, Clone, Copy, PartialEq)]
struct LastThree {
    seconds: [f32; 3],
    next: u8,
}

impl Default for LastThree {
    fn default() -> Self {
        Self { seconds: [-1.0; 3], next: 0 }
    }
}

impl LastThree {
    /// Takes a time in; one beyond `most` is no such time at all.
    fn take(&mut self, time: Duration, most: Duration) {
        if time <= most {
            self.seconds[usize::from(self.next)] = time.as_secs_f32();
            self.next = (self.next + 1) % 3;
        }
    }

    fn longest(&self) -> Option<Duration> {
        let longest = self.seconds.into_iter().fold(-1.0, f32::max);
        (longest >= 0.0).then(|| Duration::from_millis((f64::from(longest) * 1000.0).round() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000 + second * 1000)
    }

    fn runs(running: u32, wished: u32, started: i64, restarted: bool) -> Glance {
        let started = at(started);
        Glance::Runs { running: Workers(running), wished: Some(Workers(wished)), started, restarted, drained: true }
    }

    /// Ticks of 15 s from second 0; a rescale 4 -> 8 that is asked for after the tick at 0 and stops the job at `stop`.
    fn rescaled(stop: i64, start: i64) -> Restarts {
        let mut restarts = Restarts::default();
        for tick in 0..60 {
            let now = tick * 15;
            let wished = if now == 0 { 4 } else { 8 };
            let glance = if now < stop {
                runs(4, wished, -3600, false)
            } else if now < start + 25 {
                Glance::Away
            } else {
                runs(8, wished, start, now - 15 < start + 25)
            };
            restarts.observe(glance, at(now));
        }
        restarts
    }

    #[test]
    fn an_ordered_restart_is_measured_from_the_last_reading() {
        // Last read at 30; asked for at 0.
        let restarts = rescaled(38, 68);
        assert_eq!(restarts.delay(), Some(Duration::from_secs(30)));
        assert_eq!(restarts.downtime(), Some(Duration::from_secs(38)));
        assert_eq!(restarts.grown, Some(Grown { from: Workers(4), at: at(68), judged: false }));
        assert!(restarts.recovery().is_some());
        // Clamped below, and an outage is none.
        assert_eq!(rescaled(38, 38).downtime(), Some(Duration::from_secs(8)));
        assert_eq!(rescaled(38, 630).downtime(), Some(Duration::from_secs(600)));
        assert_eq!(rescaled(38, 631).downtime(), None);
    }

    #[test]
    fn a_crash_teaches_nothing() {
        let mut restarts = Restarts::default();
        for tick in 0..20 {
            let now = tick * 15;
            let glance = match now {
                0..30 => runs(4, 4, -3600, false),
                30..120 => Glance::Away,
                _ => runs(4, 4, 100, now == 120),
            };
            restarts.observe(glance, at(now));
        }
        assert_eq!((restarts.downtime(), restarts.delay(), restarts.grown), (None, None, None));
    }

    #[test]
    fn a_blackout_of_the_metrics_teaches_nothing() {
        let mut restarts = Restarts::default();
        for tick in 0..20 {
            let now = tick * 15;
            let glance = match now {
                0..30 => runs(4, if now == 0 { 4 } else { 8 }, -3600, false),
                45 => Glance::Unknown,
                30..120 => Glance::Away,
                _ => runs(8, 8, 100, now == 120),
            };
            restarts.observe(glance, at(now));
        }
        assert_eq!((restarts.downtime(), restarts.delay()), (None, None));
        assert!(restarts.grown.is_some());
    }

    #[test]
    fn the_width_may_show_before_or_after_the_restart() {
        for (width, restart) in [(45, 60), (60, 45), (60, 60)] {
            let mut restarts = Restarts::default();
            for tick in 0..20 {
                let now = tick * 15;
                let running = if now < width { 4 } else { 8 };
                let started = if now < restart { -3600 } else { 43 };
                restarts.observe(runs(running, if now == 0 { 4 } else { 8 }, started, now == restart), at(now));
            }
            assert!(restarts.downtime().is_some(), "{width} {restart}");
            assert_eq!(restarts.grown.map(|grown| grown.from), Some(Workers(4)));
        }
    }

    #[test]
    fn workers_that_come_one_by_one_are_several_short_restarts() {
        let mut restarts = Restarts::default();
        restarts.observe(runs(4, 4, -3600, false), at(0));
        // Each of four workers restarts the job; in between it is read once.
        for (step, running) in (0..4).zip(5..9) {
            let now = 60 + step * 60;
            restarts.observe(runs(running - 1, 8, -3600, false), at(now - 15));
            restarts.observe(Glance::Away, at(now));
            restarts.observe(Glance::Away, at(now + 15));
            restarts.observe(runs(running, 8, now + 10, true), at(now + 30));
        }
        assert_eq!(restarts.downtime(), Some(Duration::from_secs(25)));
        assert_eq!(restarts.delay(), Some(Duration::from_secs(45)), "of the order, not of each worker");
        assert_eq!(restarts.grown.map(|grown| grown.from), Some(Workers(4)));
    }

    #[test]
    fn a_restart_before_the_first_ones_width_showed_belongs_to_the_same_order() {
        let mut restarts = Restarts::default();
        restarts.observe(runs(1, 1, -3600, false), at(0));
        restarts.observe(runs(1, 3, -3600, false), at(5));
        // It was last read at 5, ran with two by 12, which nobody saw, and again with three by 31.
        restarts.observe(Glance::Away, at(10));
        restarts.observe(runs(1, 3, 12, true), at(15));
        restarts.observe(runs(1, 3, 12, false), at(20));
        restarts.observe(Glance::Away, at(25));
        restarts.observe(Glance::Away, at(30));
        restarts.observe(runs(3, 3, 31, true), at(35));
        assert_eq!(restarts.delay(), Some(Duration::from_secs(5)));
        assert_eq!(restarts.downtime(), Some(Duration::from_secs(11)));
        assert_eq!(restarts.grown, Some(Grown { from: Workers(1), at: at(31), judged: false }));
    }

    #[test]
    fn the_longest_of_the_last_three_counts() {
        let mut last = LastThree::default();
        assert_eq!(last.longest(), None);
        for seconds in [40, 10, 20] {
            last.take(Duration::from_secs(seconds), LONGEST);
        }
        assert_eq!(last.longest(), Some(Duration::from_secs(40)));
        last.take(Duration::from_secs(601), LONGEST);
        assert_eq!(last.longest(), Some(Duration::from_secs(40)));
        last.take(Duration::from_secs(5), LONGEST);
        assert_eq!(last.longest(), Some(Duration::from_secs(20)));
    }
}
