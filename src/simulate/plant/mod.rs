//! The plant: a modelled streaming job, one second at a time.

pub(super) mod fields;
mod read;
mod spec;

use std::collections::VecDeque;
use std::sync::Arc;

use super::history::{History, Second};
use super::noise::{Noise, Stream};

pub use read::PlantError;
pub use spec::{Arrival, CapacityStep, Cpu, Deviations, Metrics, Outage, PlantSpec, WarmUp};

/// Where workers come one by one, their restarts are so many seconds apart: the default
/// `jobmanager.adaptive-scheduler.scaling-interval.min` of Flink 1.20, measured as 30 s from restart to restart.
const COOL_DOWN: f64 = 30.0;

/// How much of the last value stays in the noise of the arrivals, and of the capacity, per second.
const ARRIVALS_REMEMBER: f64 = 0.9;
const CAPACITY_REMEMBERS: f64 = 0.995;

/// A job that runs.
#[derive(Debug, Clone)]
pub struct Plant {
    spec: Arc<PlantSpec>,
    /// Seconds before the time zero of failures, outages and capacity steps.
    quiet: u32,
    history: History,
    near: usize,
    arrivals: Noise,
    capacity: Noise,
    cpu: Noise,
    /// What the spec asks for.
    wished: u32,
    /// What the job has.
    width: u32,
    /// What was ordered and is on its way, oldest first: when the workers are there (or gone), and how many.
    coming: VecDeque<(f64, u32)>,
    /// Workers that are there for the job to take.
    ready: u32,
    /// Of the change to `ready` no part has been taken yet.
    fresh: bool,
    /// The next worker that comes by itself is not taken before.
    not_before: f64,
    phase: Phase,
    restarts: u32,
    /// How far the job had read at its group's last commit.
    committed: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    Up { since: f64 },
    Down { until: f64, again: f64 },
}

impl Plant {
    /// The job at its start: up for as long as anybody can tell, without a backlog.
    pub fn new(spec: Arc<PlantSpec>, quiet: u32, seconds: u32, seed: u64) -> Self {
        let width = spec.start_workers;
        let first = Second { wished: width, width, up_since: Some(0), ..Second::default() };
        Self {
            quiet,
            history: History::new(first, seconds as usize),
            near: 0,
            arrivals: Noise::new(seed, Stream::Arrivals, spec.noise.arrivals, ARRIVALS_REMEMBER),
            capacity: Noise::new(seed, Stream::Capacity, spec.noise.capacity, CAPACITY_REMEMBERS),
            cpu: Noise::new(seed, Stream::Cpu, spec.noise.cpu, 0.0),
            wished: width,
            width,
            coming: VecDeque::new(),
            ready: width,
            fresh: false,
            not_before: 0.0,
            // It is warm.
            phase: Phase::Up { since: -spec.warm_up.duration },
            restarts: 0,
            committed: 0.0,
            spec,
        }
    }

    /// What became of it so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Forgets all but the last `keep` seconds of it.
    pub fn forget(&mut self, keep: u32) {
        self.history.forget(keep);
    }

    /// All of what became of it.
    pub fn into_history(self) -> History {
        self.history
    }

    /// What it is.
    pub fn spec(&self) -> &Arc<PlantSpec> {
        &self.spec
    }

    /// The second that it is.
    pub fn now(&self) -> u32 {
        self.history.now()
    }

    /// Workers that the spec asks for.
    pub fn wished(&self) -> u32 {
        self.wished
    }

    /// Restarts so far, whatever their cause.
    pub fn restarts(&self) -> u32 {
        self.restarts
    }

    /// Asks for that many workers, at least 1. Beyond [`PlantSpec::max_workers`] none come.
    ///
    /// The job goes on at its old width until they are there (or, on the way down, until the order has reached it), then it
    /// restarts. Workers that are there while the job is down are taken along.
    pub fn order(&mut self, workers: u32) {
        let workers = workers.max(1);
        if workers == self.wished {
            return;
        }
        let takes = if workers > self.wished { self.spec.pod_start } else { self.spec.pod_stop };
        self.wished = workers;
        // An order overtakes none that was given before it.
        let due = self.coming.back().map_or(0.0, |(due, _)| *due).max(f64::from(self.now()) + takes);
        self.coming.push_back((due, workers.min(self.spec.max_workers)));
    }

    /// One second at that load (records/s, without its noise).
    ///
    /// ```text
    /// a   = rate (1 + e)                                  e: noise of the arrivals
    /// K   = min(ceiling, k(n) C(n)) w (1 + eta)           eta: noise of the capacity; 0 while down
    /// C   = c n / (1 + sigma (n - 1) + kappa n (n - 1))   universal scalability law
    /// w   = from + (1 - from) min(1, t / warmUp)          t since the restart
    /// p   = min(K, Q + a),  Q' = Q + a - p
    /// lag = t - A^-1(A(t) - Q(t))                         age of the oldest record that waits, A: cumulative arrivals
    /// ```
    /// A restart takes `downtime`; when it is over, what was processed in the last half checkpoint interval before it waits again.
    pub fn step(&mut self, rate: f64) {
        let now = self.now();
        let start = f64::from(now);
        self.take_orders(start);
        self.interrupt(now);
        let last = *self.history.at(now);

        let (up_for, age) = match self.phase {
            Phase::Up { since } => (1.0, start - since),
            Phase::Down { until, .. } => ((start + 1.0 - until).clamp(0.0, 1.0), 0.0),
        };
        let mut again = 0.0;
        if let Phase::Down { until, again: lost } = self.phase
            && until <= start + 1.0
        {
            self.phase = Phase::Up { since: until };
            again = lost;
        }
        let arrived = (rate * (1.0 + self.arrivals.step())).max(0.0);
        let drift = (1.0 + self.capacity.step()).max(0.0);
        let scored = start - f64::from(self.quiet);
        let capacity = self.spec.capacity(self.width, scored) * self.spec.warmth(age) * drift * up_for;
        let waiting = last.backlog + again + arrived;
        let processed = waiting.min(capacity);
        let backlog = waiting - processed;

        let full = self.spec.undisturbed(self.width, scored);
        let busy = if capacity > 0.0 { up_for * processed / capacity } else { 0.0 };
        let load = if full > 0.0 { processed / full } else { 0.0 };
        let up_since = match self.phase {
            Phase::Up { since } => Some(since.max(0.0).ceil() as u32),
            Phase::Down { .. } => None,
        };
        let total = last.arrived + arrived;
        self.commit(now + 1, total - backlog, up_since);
        self.history.push(Second {
            arrived: total,
            processed: last.processed + processed,
            again: last.again + again,
            backlog,
            group_lag: if self.spec.metrics.backlog_commit > 0.0 { total - self.committed } else { backlog },
            lag: 0.0,
            capacity,
            busy: last.busy + busy,
            cpu: last.cpu + self.spec.cpu.idle + (self.spec.cpu.full - self.spec.cpu.idle) * load,
            cpu_noise: self.cpu.step(),
            wished: self.wished,
            width: self.width,
            up_since,
        });
        let lag = if backlog > 0.0 { self.history.age(total - backlog, &mut self.near) } else { 0.0 };
        self.history.set_lag(lag);
    }

    /// A consumer group commits with each checkpoint, while the job is up. The first is an interval after a restart: until then the
    /// lag goes on growing from the last one before it (recorded: `fixtures/beam-group-lag`).
    fn commit(&mut self, at: u32, read: f64, up_since: Option<u32>) {
        let every = self.spec.metrics.backlog_commit;
        let Some(age) = up_since.and_then(|up| at.checked_sub(up)).filter(|age| *age > 0 && every > 0.0) else {
            return;
        };
        if (f64::from(age) / every).floor() > (f64::from(age - 1) / every).floor() {
            self.committed = self.committed.max(read);
        }
    }

    /// Takes workers that have come, which restarts the job.
    fn take_orders(&mut self, now: f64) {
        while let Some((due, workers)) = self.coming.front().copied()
            && due <= now
        {
            self.coming.pop_front();
            self.fresh |= workers != self.ready;
            self.ready = workers;
        }
        if self.ready == self.width {
            self.fresh = false;
            return;
        }
        let next = match self.spec.arrival {
            Arrival::Together => self.ready,
            _ if self.ready < self.width => self.ready,
            Arrival::FirstThenRest if !self.fresh => self.ready,
            Arrival::Stepwise | Arrival::FirstThenRest => self.width + 1,
        };
        match self.phase {
            // It is down anyway, and takes along what is there.
            Phase::Down { .. } if self.spec.arrival == Arrival::Together => self.width = next,
            Phase::Up { .. } if now >= self.not_before => {
                self.stop(now, self.spec.downtime);
                self.width = next;
                self.fresh = false;
                if self.spec.arrival != Arrival::Together {
                    self.not_before = now + COOL_DOWN;
                }
            }
            _ => {}
        }
    }

    /// Failures and outages that begin at this second.
    fn interrupt(&mut self, now: u32) {
        let Some(scored) = now.checked_sub(self.quiet) else { return };
        let at = f64::from(scored);
        if let Some(every) = self.spec.failures
            && scored > 0
            && (at / every).floor() > ((at - 1.0) / every).floor()
            && matches!(self.phase, Phase::Up { .. })
        {
            self.stop(f64::from(now), self.spec.downtime);
        }
        let outage = self.spec.outages.iter().find(|outage| outage.at.ceil() as u32 == scored);
        if let Some(lasts) = outage.map(|outage| outage.lasts) {
            self.stop(f64::from(now), lasts);
        }
    }

    /// Stops the job for a while; where it is down, that takes at least as long.
    fn stop(&mut self, now: f64, lasts: f64) {
        let until = now + lasts;
        self.phase = match self.phase {
            Phase::Down { until: before, again } => Phase::Down { until: until.max(before), again },
            Phase::Up { .. } => {
                self.restarts += 1;
                Phase::Down { until, again: self.replay() }
            }
        };
    }

    /// Records that are read again: those of the last half checkpoint interval, as long as this generation lasts.
    fn replay(&self) -> f64 {
        let now = self.now();
        let last = self.history.at(now);
        let span = (self.spec.checkpoint_interval / 2.0).min(f64::from(now - last.up_since.unwrap_or(now)));
        let whole = span.floor() as u32;
        let processed = |back: u32| self.history.at(now.saturating_sub(back)).processed;
        let part = (span - f64::from(whole)) * (processed(whole) - processed(whole + 1));
        last.processed - processed(whole) + part
    }
}
