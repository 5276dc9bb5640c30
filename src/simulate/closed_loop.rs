//! The closed loop: who decides sees the job, and the job does what was decided.
//!
//! A policy decides through [`crate::run::run`], the loop of the daemon, with a Source that moves the plant on to the next tick
//! and a Sink that hands orders to it. Time is the plant's own, so the loop never waits. A baseline is asked directly.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use tokio::sync::watch;

use super::baselines::{self, Baseline, SettingError};
use super::clairvoyant::{self, Clairvoyant};
use super::history::History;
use super::observe::observation;
use super::plant::Plant;
use super::readings::Readings;
use super::scaler::{Look, Scaler, World};
use super::scores::Scores;
use crate::engine::{Action, ClassIndex, Decision, FleetLimits, JobId, JobIndex, Observations, Timestamp};
use crate::policy::{Policy, PolicySet};
use crate::run::{self, Cycle, Gist, Rules, Shutdown, Sink, Source};

/// The second 0 of every run: some midnight.
const EPOCH: Timestamp = Timestamp::from_millis(1_800_057_600_000);

/// Who decides.
#[derive(Debug, Clone)]
pub enum Contender {
    /// A policy of ours, by the daemon's loop.
    Policy {
        /// What the tables call it.
        name: Arc<str>,
        /// The policy. Its mode is not looked at.
        policy: Arc<Policy>,
        /// Seconds between two ticks.
        interval: u32,
    },
    /// A baseline.
    Baseline {
        /// One of [`baseline_names`], and its [settings](Baseline).
        name: Arc<str>,
    },
}

impl Contender {
    /// What the tables call it.
    pub fn name(&self) -> &str {
        match self {
            Self::Policy { name, .. } => name,
            Self::Baseline { name } => name,
        }
    }
}

/// The names of all baselines, in the order of tables; the lower bound is the last.
pub fn baseline_names() -> Vec<&'static str> {
    let others = baselines::NAMES.into_iter().filter(|name| *name != clairvoyant::NAME);
    others.chain([clairvoyant::NAME]).collect()
}

/// Why a run came to no end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It was asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// The loop failed.
    #[error("the loop of `{policy}` failed")]
    Loop {
        /// Whose.
        policy: Arc<str>,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no such baseline, or not with these settings.
    #[error(transparent)]
    Baseline(SettingError),
}

/// What became of one job under one contender.
#[derive(Debug, Clone)]
pub struct Run {
    /// Who decided.
    pub contender: Arc<str>,
    /// The seed of its noise.
    pub seed: u64,
    /// Job and load.
    pub world: World,
    /// The job, second by second, its quiet beginning included.
    pub history: History,
    /// What was decided when, each time that said something new. Empty for baselines, and where it was not to be kept.
    pub decisions: Vec<(u32, Decision)>,
    /// What it comes to.
    pub scores: Scores,
}

/// Runs one contender. `keep`: decisions are kept with their derivations. `stop` ends the run early.
///
/// # Errors
/// It was stopped, or the loop failed.
pub fn simulate(
    world: &World,
    contender: &Contender,
    seed: u64,
    keep: bool,
    stop: &AtomicBool,
) -> Result<Run, RunError> {
    let plant = |world: &World| Plant::new(Arc::clone(&world.plant), world.quiet, world.seconds(), seed);
    let (history, decisions) = match contender {
        Contender::Policy { name, policy, interval } => {
            by_policy(plant(world), world, name, policy, *interval, keep, stop)?
        }
        Contender::Baseline { name } if **name == *clairvoyant::NAME => {
            let free = Clairvoyant::world(world);
            (by_scaler(plant(&free), &free, &mut Clairvoyant::new(world), stop)?, Vec::new())
        }
        Contender::Baseline { name } => {
            let baseline: Baseline = name.parse().map_err(RunError::Baseline)?;
            let world = baseline.world(world);
            let mut scaler = baseline.scaler(&world, seed);
            (by_scaler(plant(&world), &world, &mut *scaler, stop)?, Vec::new())
        }
    };
    let scores = Scores::of(world, &history);
    Ok(Run { contender: contender.name().into(), seed, world: world.clone(), history, decisions, scores })
}

/// Lets a scaler decide.
fn by_scaler(mut plant: Plant, world: &World, scaler: &mut dyn Scaler, stop: &AtomicBool) -> Result<History, RunError> {
    let every = scaler.every().max(1);
    for rate in world.rates.iter() {
        plant.step(*rate);
        let at = plant.now();
        if !at.is_multiple_of(every) {
            continue;
        }
        if stop.load(Ordering::Relaxed) {
            return Err(RunError::Interrupted);
        }
        let look = Look {
            at,
            wished: plant.wished(),
            scraped: Readings::scraped(plant.history(), &world.plant.metrics, at),
            exact: Readings::exact(plant.history(), at),
            plant: &world.plant,
        };
        let wish = scaler.decide(&look);
        if let Some(workers) = wish.filter(|_| at >= world.quiet) {
            plant.order(workers.min(world.plant.max_workers));
        }
    }
    Ok(plant.into_history())
}

/// Lets the loop decide.
fn by_policy(
    plant: Plant,
    world: &World,
    name: &Arc<str>,
    policy: &Arc<Policy>,
    interval: u32,
    keep: bool,
    stop: &AtomicBool,
) -> Result<(History, Vec<(u32, Decision)>), RunError> {
    let job = Arc::new(Mutex::new(Job { plant, told: None, decisions: Vec::new() }));
    let source = Modelled {
        job: Arc::clone(&job),
        rates: Arc::clone(&world.rates),
        policy: Arc::clone(policy),
        id: JobId::new("simulation", name),
        interval: interval.max(1),
        stop,
    };
    let sink = Carrier { job: Arc::clone(&job), quiet: world.quiet, keep };
    let policies = PolicySet { policies: vec![Policy::clone(policy)] };
    let rules = Rules::telling(Arc::new(policies), FleetLimits::default());
    let (_keep, rules) = watch::channel(Arc::new(rules));
    let cycle = Cycle { rules, recorder: None, audience: None };
    // Neither source nor sink ever waits, so one poll takes the loop to its end.
    let ended = run::run(source, sink, cycle, Shutdown::default()).now_or_never();
    let failed = |error: anyhow::Error| RunError::Loop { policy: Arc::clone(name), source: error.into() };
    ended.unwrap_or_else(|| Err(anyhow::anyhow!("the loop waits for something"))).map_err(failed)?;
    if stop.load(Ordering::Relaxed) {
        return Err(RunError::Interrupted);
    }
    let job = Arc::into_inner(job).expect("source and sink went with the loop");
    let Job { plant, decisions, .. } = job.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok((plant.into_history(), decisions))
}

/// The job, shared between source and sink.
struct Job {
    plant: Plant,
    told: Option<Gist>,
    decisions: Vec<(u32, Decision)>,
}

fn locked(job: &Mutex<Job>) -> MutexGuard<'_, Job> {
    job.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Moves the plant on to the next tick and shows it.
struct Modelled<'a> {
    job: Arc<Mutex<Job>>,
    rates: Arc<[f64]>,
    policy: Arc<Policy>,
    id: JobId,
    interval: u32,
    stop: &'a AtomicBool,
}

impl Source for Modelled<'_> {
    async fn next_tick(&mut self) -> Option<Timestamp> {
        let mut job = locked(&self.job);
        let stopped = self.stop.load(Ordering::Relaxed);
        let due = (job.plant.now() / self.interval + 1) * self.interval;
        while !stopped && job.plant.now() < due {
            let rate = *self.rates.get(job.plant.now() as usize)?;
            job.plant.step(rate);
        }
        (!stopped).then(|| moment(due))
    }

    async fn observe(&mut self, _: &Arc<PolicySet>, _: Timestamp) -> Observations {
        let job = locked(&self.job);
        let seen = observation(&job.plant, &self.policy, JobIndex(0), self.id.clone(), ClassIndex(0));
        Observations { classes: Vec::new(), jobs: vec![seen] }
    }
}

/// Hands orders to the plant.
struct Carrier {
    job: Arc<Mutex<Job>>,
    quiet: u32,
    keep: bool,
}

impl Sink for Carrier {
    async fn carry_out(&mut self, _: &Observations, decisions: &[Decision]) -> anyhow::Result<()> {
        let Some(decision) = decisions.first() else { return Ok(()) };
        let mut job = locked(&self.job);
        let at = job.plant.now();
        if at >= self.quiet
            && let Action::Scale { to, .. } = decision.action
        {
            job.plant.order(to.0);
        }
        if self.keep {
            let gist = Gist::of(decision);
            if job.told != Some(gist) {
                job.told = Some(gist);
                job.decisions.push((at, decision.clone()));
            }
        }
        Ok(())
    }
}

/// The time of a second of a run.
pub(super) fn moment(second: u32) -> Timestamp {
    EPOCH.plus(std::time::Duration::from_secs(u64::from(second)))
}
