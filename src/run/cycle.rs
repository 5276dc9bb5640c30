//! The one loop.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::watch;

use super::changes::{Changes, paired};
use super::{Rules, Shutdown, Sink, Source, Stopwatch};
use crate::engine::{self, Decision, Memories, Observations, Timestamp};
use crate::policy::PolicySet;
use crate::serve::Board;
use crate::telemetry::{self, Metrics};

/// Writes down what a tick saw and decided.
pub trait Recorder: Send {
    /// Writes one tick.
    ///
    /// # Errors
    /// Whatever made it fail. It is told and counted, and never ends the loop.
    fn record(
        &mut self,
        rules: &Rules,
        seen: &Observations,
        decisions: &[Decision],
        at: Timestamp,
    ) -> anyhow::Result<()>;

    /// Ends the recording, after the last tick.
    ///
    /// # Errors
    /// Whatever made it fail. It is told and counted as well.
    fn finish(&mut self) -> anyhow::Result<()> {
        Ok(())
    }
}

/// What the loop needs besides its source and sink.
pub struct Cycle {
    /// What each tick decides by: its newest value at the tick's start.
    pub rules: watch::Receiver<Arc<Rules>>,
    /// Writes every tick down, if one is to.
    pub recorder: Option<Box<dyn Recorder>>,
    /// Who is told what happened, in a daemon.
    pub audience: Option<Audience>,
}

/// Where a daemon's loop publishes what happened.
#[derive(Debug, Default)]
pub struct Audience {
    /// For whoever reads along.
    pub board: Arc<Board>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    changes: Changes,
}

impl Audience {
    /// Publishes there, and logs each decision that changed.
    pub fn new(board: Arc<Board>, metrics: Arc<Metrics>) -> Self {
        Self { board, metrics, changes: Changes::default() }
    }

    fn publish(
        &mut self,
        rules: &Rules,
        memories: &Memories,
        (seen, decisions): (&Observations, &[Decision]),
        at: Timestamp,
        took: Duration,
    ) {
        let plans = &rules.plans;
        let spans: Vec<_> = plans.classes.iter().map(|plan| telemetry::class_at(&plan.class, at)).collect();
        for (job, decision) in self.changes.among(seen, decisions) {
            if let Some(span) = spans.get(usize::from(job.class.0)) {
                span.in_scope(|| telemetry::decision(decision));
            }
        }
        self.metrics.ticked(plans, memories, paired(seen, decisions), at, took);
        self.board.publish(plans, seen, at);
    }
}

/// Observes, decides, acts, records and publishes, until the source ends or a shutdown is asked for.
///
/// # Errors
/// What the sink could not carry out, or that the tick in hand was aborted.
pub async fn run(
    source: impl Source + Send,
    sink: impl Sink + Send,
    mut cycle: Cycle,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let ended = tokio::select! {
        biased;
        () = shutdown.aborted() => {
            Err(anyhow::anyhow!("aborted by a second signal, before the tick in hand was finished"))
        }
        ended = ticks(source, sink, &mut cycle, &shutdown) => ended,
    };
    // However it ended, the recording is whole up to there.
    cycle.finish_recording();
    ended
}

async fn ticks(
    mut source: impl Source + Send,
    mut sink: impl Sink + Send,
    cycle: &mut Cycle,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let mut memories = Memories::default();
    while let Some(at) = next(&mut source, shutdown).await {
        let stopwatch = Stopwatch::start();
        let rules = Arc::clone(&cycle.rules.borrow_and_update());
        let seen = source.observe(&rules.policies, at).await;
        let decisions = engine::tick(&rules.plans, &mut memories, &seen, at);
        sink.carry_out(&seen, &decisions).await.context("failed to carry out the decisions of a tick")?;
        cycle.record(&rules, &seen, &decisions, at);
        if let Some(audience) = &mut cycle.audience {
            audience.publish(&rules, &memories, (&seen, &decisions), at, stopwatch.elapsed());
        }
    }
    Ok(())
}

async fn next(source: &mut (impl Source + Send), shutdown: &Shutdown) -> Option<Timestamp> {
    tokio::select! {
        biased;
        () = shutdown.draining() => None,
        at = source.next_tick() => at,
    }
}

impl Cycle {
    fn record(&mut self, rules: &Rules, seen: &Observations, decisions: &[Decision], at: Timestamp) {
        let recorded = self.recorder.as_mut().map_or(Ok(()), |recorder| recorder.record(rules, seen, decisions, at));
        self.never_mind(recorded);
    }

    fn finish_recording(&mut self) {
        let finished = self.recorder.as_mut().map_or(Ok(()), |recorder| recorder.finish());
        self.never_mind(finished);
    }

    /// A recording that fails is told and counted, and scaling goes on.
    fn never_mind(&self, recorded: anyhow::Result<()>) {
        let Err(error) = recorded else { return };
        tracing::warn!(error = format!("{error:#}"), "failed to record: this tick will be missing from the recording");
        if let Some(audience) = &self.audience {
            audience.metrics.recording_failed();
        }
    }
}

/// One tick of another source.
#[derive(Debug)]
pub struct Once<S> {
    source: S,
    done: bool,
}

impl<S> Once<S> {
    /// The first tick of that source.
    pub fn new(source: S) -> Self {
        Self { source, done: false }
    }
}

impl<S: Source + Send> Source for Once<S> {
    async fn next_tick(&mut self) -> Option<Timestamp> {
        if self.done {
            return None;
        }
        let at = self.source.next_tick().await;
        self.done = true;
        at
    }

    async fn observe(&mut self, policies: &Arc<PolicySet>, at: Timestamp) -> Observations {
        self.source.observe(policies, at).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::engine::{ClassIndex, FleetLimits, JobId, JobIndex, JobObservation, Mode};
    use crate::policy;
    use crate::run::{Clock, Pace, Ticks};

    const POLICY: &str = include_str!("../../tests/policies/good/smallest.yaml");
    const INTERVAL: Duration = Duration::from_secs(15);

    /// One job at 1 worker; each observation takes as long as the script says.
    struct Script {
        ticks: Ticks,
        takes: Vec<Duration>,
        seen: Arc<Mutex<Vec<Timestamp>>>,
    }

    impl Source for Script {
        async fn next_tick(&mut self) -> Option<Timestamp> {
            Some(self.ticks.next().await)
        }

        async fn observe(&mut self, _: &Arc<PolicySet>, at: Timestamp) -> Observations {
            let takes = if self.takes.is_empty() { Duration::ZERO } else { self.takes.remove(0) };
            tokio::time::sleep(takes).await;
            self.seen.lock().unwrap().push(at);
            let job = JobObservation::unseen(JobIndex(0), JobId::new("streaming", "orders"), ClassIndex(0));
            Observations { classes: Vec::new(), jobs: vec![job] }
        }
    }

    /// Keeps the times that were carried out, and asks for a shutdown after the nth.
    struct Log {
        carried: Arc<Mutex<Vec<Timestamp>>>,
        last: usize,
        shutdown: Shutdown,
    }

    impl Sink for Log {
        async fn carry_out(&mut self, seen: &Observations, decisions: &[Decision]) -> anyhow::Result<()> {
            assert_eq!(seen.jobs.len(), decisions.len());
            let mut carried = self.carried.lock().unwrap();
            carried.push(decisions[0].at);
            if carried.len() == self.last {
                self.shutdown.ask();
            }
            Ok(())
        }
    }

    /// Counts the ticks that it fails to record, and adds 100 for its end.
    struct Failing(Arc<Mutex<u32>>);

    impl Recorder for Failing {
        fn record(&mut self, _: &Rules, _: &Observations, _: &[Decision], _: Timestamp) -> anyhow::Result<()> {
            *self.0.lock().unwrap() += 1;
            anyhow::bail!("disk full")
        }

        fn finish(&mut self) -> anyhow::Result<()> {
            *self.0.lock().unwrap() += 100;
            Ok(())
        }
    }

    struct Bench {
        shutdown: Shutdown,
        seen: Arc<Mutex<Vec<Timestamp>>>,
        carried: Arc<Mutex<Vec<Timestamp>>>,
        metrics: Arc<Metrics>,
        _rules: watch::Sender<Arc<Rules>>,
        cycle: Option<Cycle>,
        clock: Clock,
    }

    impl Bench {
        fn new() -> Self {
            let policies = PolicySet { policies: policy::parse("smallest.yaml", POLICY).unwrap() };
            let rules = Rules::new(Arc::new(policies), FleetLimits::default(), Mode::Act);
            let (sender, rules) = watch::channel(Arc::new(rules));
            let metrics = Arc::new(Metrics::default());
            let audience = Some(Audience::new(Arc::default(), Arc::clone(&metrics)));
            let cycle = Cycle { rules, recorder: None, audience };
            Self {
                shutdown: Shutdown::default(),
                seen: Arc::default(),
                carried: Arc::default(),
                metrics,
                _rules: sender,
                cycle: Some(cycle),
                clock: Clock::starting_at(Timestamp::from_millis(1_800_000_002_000)),
            }
        }

        /// Runs until `last` ticks were carried out, or it ends otherwise.
        async fn run(&mut self, takes: &[u64], last: usize) -> anyhow::Result<()> {
            let pace = Pace { interval: INTERVAL, settle: Duration::from_secs(2), jitter: Duration::ZERO };
            let ticks = Ticks::new(self.clock.clone(), pace);
            let takes = takes.iter().copied().map(Duration::from_secs).collect();
            let source = Script { ticks, takes, seen: Arc::clone(&self.seen) };
            let sink = Log { carried: Arc::clone(&self.carried), last, shutdown: self.shutdown.clone() };
            run(source, sink, self.cycle.take().unwrap(), self.shutdown.clone()).await
        }

        /// Seconds since the first tick.
        fn carried(&self) -> Vec<u64> {
            let carried = self.carried.lock().unwrap();
            carried.iter().map(|at| at.since(carried[0]).as_secs()).collect()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn ticks_follow_each_other_at_the_interval() {
        let mut bench = Bench::new();
        bench.run(&[], 4).await.unwrap();
        assert_eq!(bench.carried(), [0, 15, 30, 45]);
        assert!(bench.metrics.text().contains("steelyard_ticks_total 4\n"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_source_skips_ticks() {
        let mut bench = Bench::new();
        bench.run(&[0, 40], 4).await.unwrap();
        // The second tick of 15 s was seen at 57 s: that of 45 s is 10 s late by then.
        assert_eq!(bench.carried(), [0, 15, 60, 75]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_first_signal_finishes_the_tick_in_hand() {
        let mut bench = Bench::new();
        let shutdown = bench.shutdown.clone();
        let asks = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(5)).await;
            shutdown.ask();
        });
        bench.run(&[10], usize::MAX).await.unwrap();
        asks.await.unwrap();
        assert_eq!(bench.carried(), [0], "begun before the signal, carried out after it");
        assert_eq!(bench.clock.now(), Timestamp::from_millis(1_800_000_012_000));
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_signal_drops_the_tick_in_hand() {
        let mut bench = Bench::new();
        let tried = Arc::default();
        bench.cycle.as_mut().unwrap().recorder = Some(Box::new(Failing(Arc::clone(&tried))));
        let shutdown = bench.shutdown.clone();
        let asks = tokio::spawn(async move {
            for _ in 0..2 {
                tokio::time::sleep(Duration::from_secs(5)).await;
                shutdown.ask();
            }
        });
        let error = bench.run(&[600], usize::MAX).await.unwrap_err();
        asks.await.unwrap();
        assert!(error.to_string().contains("second signal"), "{error}");
        assert!(bench.carried.lock().unwrap().is_empty());
        assert_eq!(*tried.lock().unwrap(), 100, "the recording is ended all the same");
        assert_eq!(bench.clock.now(), Timestamp::from_millis(1_800_000_012_000));
    }

    #[tokio::test(start_paused = true)]
    async fn a_recording_that_fails_does_not_stop_scaling() {
        let mut bench = Bench::new();
        let tried = Arc::default();
        bench.cycle.as_mut().unwrap().recorder = Some(Box::new(Failing(Arc::clone(&tried))));
        bench.run(&[], 3).await.unwrap();
        assert_eq!(bench.carried(), [0, 15, 30]);
        assert_eq!(*tried.lock().unwrap(), 103);
        assert!(bench.metrics.text().contains("steelyard_recording_failures_total 3\n"));
    }

    #[tokio::test(start_paused = true)]
    async fn one_tick_is_one_tick() {
        let mut bench = Bench::new();
        let pace = Pace { interval: INTERVAL, settle: Duration::ZERO, jitter: Duration::ZERO };
        let ticks = Ticks::new(bench.clock.clone(), pace);
        let source = Once::new(Script { ticks, takes: Vec::new(), seen: Arc::clone(&bench.seen) });
        let sink = Log { carried: Arc::clone(&bench.carried), last: usize::MAX, shutdown: Shutdown::default() };
        run(source, sink, bench.cycle.take().unwrap(), Shutdown::default()).await.unwrap();
        assert_eq!(bench.carried(), [0]);
    }
}
