//! The only clock: what time it is, how long something took, and when the next tick is due.
//!
//! A tick's time is a whole multiple of the interval since the epoch, whenever it really fires: every replica and
//! every restart asks Prometheus for the same moments, and a recording made later has them too.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use crate::engine::Timestamp;

/// Says what time it is. Cheap to clone.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The time of this machine.
    pub fn wall() -> Self {
        Self(Arc::new(wall_time))
    }

    /// A clock that shows `start` now and goes on with tokio's, which a test can pause.
    pub fn starting_at(start: Timestamp) -> Self {
        let stopwatch = Stopwatch::start();
        Self::showing(move || start.plus(stopwatch.elapsed()))
    }

    /// A clock that shows whatever the function says.
    pub fn showing(time: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(time))
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock that all others are handed the time from")]
fn wall_time() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Measures how long something takes, untouched by changes of the wall clock.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(tokio::time::Instant);

impl Stopwatch {
    /// Starts one.
    pub fn start() -> Self {
        Self(tokio::time::Instant::now())
    }

    /// Since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// When ticks happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Between two ticks; at least a second.
    pub interval: Duration,
    /// How long after its time a tick fires at the earliest: by then Prometheus has the scrapes of that moment.
    pub settle: Duration,
    /// Each tick fires up to this much later still, so that many daemons do not ask at once. Less than half the
    /// interval.
    pub jitter: Duration,
}

/// The ticks of a live source.
#[derive(Debug)]
pub struct Ticks {
    clock: Clock,
    pace: Pace,
    jitter: RandomState,
    last: Option<Timestamp>,
}

impl Ticks {
    /// Ticks at that pace. The first fires at once, for the newest moment that has settled.
    pub fn new(clock: Clock, pace: Pace) -> Self {
        Self { clock, pace, jitter: RandomState::new(), last: None }
    }

    /// Waits for the next tick and says its time. Cancel safe.
    ///
    /// A tick that was missed by more than half an interval is skipped. A clock that is set forward skips what lies
    /// between; one that is set back goes on from where it then is.
    pub async fn next(&mut self) -> Timestamp {
        loop {
            let now = self.clock.now();
            let (tick, due) = self.upcoming(now);
            if due <= now {
                self.last = Some(tick);
                return tick;
            }
            // The wall clock may have been set meanwhile: look again after the sleep.
            tokio::time::sleep(due.since(now)).await;
        }
    }

    /// The next tick's time and when it fires.
    fn upcoming(&mut self, now: Timestamp) -> (Timestamp, Timestamp) {
        let Pace { interval, settle, .. } = self.pace;
        let settled = floor(now.minus(settle), interval);
        let Some(last) = &mut self.last else { return (settled, now) };
        if settled < last.minus(interval) {
            // Set back by more than a tick: the old timeline is gone.
            *last = settled;
        }
        let last = *last;
        let late = now.since(self.fires(settled));
        let tick = if settled > last && late <= interval / 2 { settled } else { settled.max(last).plus(interval) };
        (tick, self.fires(tick))
    }

    fn fires(&self, tick: Timestamp) -> Timestamp {
        let share = (self.jitter.hash_one(tick) >> 11) as f64 / (1_u64 << 53) as f64;
        tick.plus(self.pace.settle).plus(self.pace.jitter.mul_f64(share))
    }
}

/// The last whole multiple of `interval` at or before `time`.
fn floor(time: Timestamp, interval: Duration) -> Timestamp {
    let step = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX).max(1);
    Timestamp::from_millis(time.as_millis().div_euclid(step) * step)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    const PACE: Pace =
        Pace { interval: Duration::from_secs(15), settle: Duration::from_secs(2), jitter: Duration::from_secs(1) };
    const START: i64 = 1_800_000_000;

    fn second(seconds: i64) -> Timestamp {
        Timestamp::from_millis((START + seconds) * 1000)
    }

    fn assert_fired(clock: &Clock, tick: Timestamp) {
        let after = clock.now().since(tick);
        assert!(after >= PACE.settle && after <= PACE.settle + PACE.jitter, "{tick} fired {after:?} later");
    }

    #[tokio::test(start_paused = true)]
    async fn ticks_are_whole_intervals_and_fire_once_settled() {
        let clock = Clock::starting_at(second(22));
        let mut ticks = Ticks::new(clock.clone(), PACE);
        assert_eq!(ticks.next().await, second(15), "the first at once, for the newest settled moment");
        assert_eq!(clock.now(), second(22));
        for expected in [30, 45, 60, 75] {
            assert_eq!(ticks.next().await, second(expected));
            assert_fired(&clock, second(expected));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_moment_that_has_not_settled_is_not_asked_for() {
        for (now, first) in [(16, 0), (17, 15)] {
            let mut ticks = Ticks::new(Clock::starting_at(second(now)), PACE);
            assert_eq!(ticks.next().await, second(first), "at {now} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_tick_skips_what_it_missed_and_never_bursts() {
        let clock = Clock::starting_at(second(2));
        let mut ticks = Ticks::new(clock.clone(), PACE);
        assert_eq!(ticks.next().await, second(0));
        tokio::time::sleep(Duration::from_secs(50)).await;
        // 52 s: the tick of 45 s is 5 s late at most, that of 30 s is lost.
        assert_eq!(ticks.next().await, second(45));
        assert_eq!(clock.now(), second(52));
        tokio::time::sleep(Duration::from_secs(22)).await;
        // 74 s: the tick of 60 s was due 11 s ago.
        assert_eq!(ticks.next().await, second(75));
        assert_fired(&clock, second(75));
        assert_eq!(ticks.next().await, second(90));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_does_no_harm() {
        let set = Arc::new(AtomicI64::new(0));
        let clock = {
            let (set, inner) = (Arc::clone(&set), Clock::starting_at(second(7200)));
            Clock::showing(move || Timestamp::from_millis(inner.now().as_millis() + set.load(Ordering::Relaxed) * 1000))
        };
        let mut ticks = Ticks::new(clock.clone(), PACE);
        assert_eq!(ticks.next().await, second(7185));
        assert_eq!(ticks.next().await, second(7200));

        set.store(-3600, Ordering::Relaxed);
        let back = ticks.next().await;
        assert_eq!(back, second(3615), "back by an hour: on from there");
        assert_fired(&clock, back);

        set.store(-3603, Ordering::Relaxed);
        assert_eq!(ticks.next().await, second(3630), "back by 3 s: no tick twice");

        set.store(3600, Ordering::Relaxed);
        let forward = ticks.next().await;
        assert!(forward > second(10_800) && forward < second(10_870), "{forward}");
        assert_eq!(ticks.next().await, forward.plus(PACE.interval), "forward: no burst");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_is_cancelled_loses_no_tick() {
        let mut ticks = Ticks::new(Clock::starting_at(second(2)), PACE);
        ticks.next().await;
        for _ in 0..3 {
            let waited = tokio::time::timeout(Duration::from_secs(1), ticks.next()).await;
            assert!(waited.is_err());
        }
        assert_eq!(ticks.next().await, second(15));
    }
}
