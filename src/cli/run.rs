//! `steelyard run`: the daemon, its dry run, and one tick of it.

mod leading;
mod recording;
mod teller;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::AbortOnDropHandle;

use self::leading::Leading;
use self::recording::Recording;
use self::teller::{Teller, Which};
use super::{Output, asked_wrongly};
use crate::cluster::{self, Events, Scaler, Targets, Written};
use crate::run::settings::{Flags, Layers, Settings};
use crate::run::{
    Acting, Audience, Clock, Cycle, LiveSource, Loaded, Once, Purpose, Recorder, Reloader, Shutdown, Ticks, Tools,
};
use crate::serve::{self, Board, Server};
use crate::signals;
use crate::telemetry::{LogFormat, Logs, Metrics};

/// How often files are looked at for changes, at most.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The options.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Settings; `steelyard.yaml` in the working directory where it is there
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A policy file, or a folder of them; instead of those in the settings
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// Where Prometheus is
    #[arg(long, value_name = "URL")]
    prometheus: Option<String>,
    /// Print what would be done, whatever the modes, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Run one tick, print every decision, carry none out and exit
    #[arg(long)]
    once: bool,
    /// Between two ticks, for example 15s
    #[arg(long, value_name = "DURATION")]
    interval: Option<String>,
    /// Where /metrics, /livez and /readyz are served
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Record every tick, for `steelyard replay`; compressed where the name ends in .zst
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// How log lines are written
    #[arg(long, value_enum)]
    log_format: Option<LogFormat>,
    #[command(flatten)]
    output: Output,
}

/// Runs the loop against a live Prometheus until a signal comes, or for one tick.
///
/// # Errors
/// Settings or policies that cannot be used, an address that cannot be listened on, or, for a single tick, a
/// Prometheus that answered no query.
pub async fn run(args: Args) -> anyhow::Result<bool> {
    let Args { config, policy, prometheus, dry_run, once, interval, listen, record, log_format, output } = args;
    let log_format = log_format.map(|format| format.name().to_owned());
    let flags = Flags { prometheus_url: prometheus, policies: policy, interval, listen, record, log_format };
    let layers = Layers::of_process(config, flags);
    let purpose = if dry_run { Purpose::Tell } else { Purpose::Act };
    let loaded = Loaded::read(&layers, purpose).map_err(asked_wrongly)?;
    let settings = loaded.settings.clone();
    let logs = Logs::start(settings.log.format, &settings.log.level, output.color.on_stderr());

    let shutdown = Shutdown::on_signals().context("failed to listen for signals")?;
    let (clock, board, metrics) = (Clock::wall(), Arc::<Board>::default(), Arc::<Metrics>::default());
    let (source, cluster) = live(&settings, &loaded, &clock, (&board, &metrics), once).await?;
    let recorder = recorder(&settings, &loaded, &clock)?;
    let audience = Some(Audience::new(Arc::clone(&board), Arc::clone(&metrics)));
    if once {
        let teller = Teller::printing(output, Which::All);
        let (_keep, rules) = watch::channel(Arc::new(loaded.rules));
        let cycle = Cycle { rules, recorder, audience };
        crate::run::run(Once::new(source), teller, cycle, shutdown).await?;
        anyhow::ensure!(!board.blind(), "every query to Prometheus failed: the log says why");
        if board.readiness().classes.iter().all(|class| class.jobs == 0) {
            tracing::warn!("no job was seen: check the queries and the labels of `by`");
        }
        return Ok(true);
    }

    let server = Server::bind(&settings.listen).await?;
    let address = server.address();
    tracing::info!(%address, policy = loaded.rules.class_names(), "started");
    let (reloader, rules) =
        Reloader::new(layers, purpose, loaded, Arc::clone(&board), Arc::clone(&metrics), clock.clone());
    let reloading = reloader.with_logs(logs).follow(settings.interval.min(LOOK_EVERY));
    let cycle = Cycle { rules: rules.clone(), recorder, audience };
    match cluster.filter(|_| !dry_run) {
        Some((client, targets)) => {
            let counted = Arc::clone(&metrics);
            let leading = Leading::stand(&settings.kubernetes.lease, client.clone(), clock, &board, &metrics);
            let events = Events::new(client, &instance(), move |written| counted.event_written(outcome(written)));
            let acting = Acting::new(Tools {
                scaler: Scaler::new(targets, settings.fleet.max_patches_per_second),
                events,
                sight: source.sight(),
                rules,
                interval: settings.interval,
                board: Arc::clone(&board),
                metrics: Arc::clone(&metrics),
            });
            let acting = match &leading {
                Some(leading) => acting.behind(Arc::new(leading.leadership())),
                None => acting,
            };
            let ticking = crate::run::run(source, acting, cycle, shutdown);
            let ended = beside(ticking, reloading, |end| server.run(board, metrics, end)).await;
            if let Some(leading) = leading {
                leading.give_back().await;
            }
            ended?;
        }
        None => {
            let teller = if dry_run { Teller::printing(output, Which::Changed) } else { Teller::silent() };
            let ticking = crate::run::run(source, teller, cycle, shutdown);
            beside(ticking, reloading, |end| server.run(board, metrics, end)).await?;
        }
    }
    Ok(true)
}

/// Who writes Events: the pod.
fn instance() -> String {
    std::env::var("HOSTNAME").unwrap_or_default()
}

const fn outcome(written: Written) -> &'static str {
    match written {
        Written::Done => "done",
        Written::Failed => "failed",
        Written::Dropped => "dropped",
    }
}

/// Ticks, and beside it follows files and serves. One that ends early ends all: a daemon without its parts must not
/// look alive.
async fn beside<S: Future<Output = Result<(), serve::Error>> + Send + 'static>(
    ticking: impl Future<Output = anyhow::Result<()>>,
    reloading: impl Future<Output = ()> + Send + 'static,
    serving: impl FnOnce(WaitForCancellationFutureOwned) -> S,
) -> anyhow::Result<()> {
    let ended = CancellationToken::new();
    let mut serving = AbortOnDropHandle::new(tokio::spawn(serving(ended.clone().cancelled_owned())));
    let reloading = AbortOnDropHandle::new(tokio::spawn(reloading));
    tokio::select! {
        ticked = ticking => {
            ended.cancel();
            serving.await.context("the HTTP server panicked")??;
            ticked
        }
        served = &mut serving => {
            served.context("the HTTP server panicked")??;
            bail!("the HTTP server ended by itself")
        }
        reloaded = reloading => {
            reloaded.context("the reloading of files panicked")?;
            bail!("the reloading of files ended by itself")
        }
    }
}

/// Tells at the start whether there is a Prometheus at all. Its version decides nothing: servers that only speak its
/// API answer with versions of their own, and one that is too old to be asked for it fails here.
async fn greet(client: signals::Client) {
    match client.build_info().await {
        Ok(version) => tracing::info!(version, "prometheus answers"),
        Err(error) => {
            let error = format!("{:#}", anyhow::Error::from(error));
            tracing::warn!(
                error,
                "prometheus did not say its version: check prometheus.url, every job holds meanwhile"
            );
        }
    }
}

/// `settled`: only once the cluster's first lists are there. A daemon does not wait for them: until then what the
/// cluster has not said is in doubt, and doubt holds.
async fn live(
    settings: &Settings,
    loaded: &Loaded,
    clock: &Clock,
    (board, metrics): (&Arc<Board>, &Arc<Metrics>),
    settled: bool,
) -> anyhow::Result<(LiveSource, Option<(kube::Client, Targets)>)> {
    let client = signals::Client::new(&settings.prometheus).map_err(asked_wrongly)?;
    if !settled {
        // Beside the first tick: a Prometheus that is away at the start is asked again at each tick anyway.
        tokio::spawn(greet(client.clone()));
    }
    let ticks = Ticks::new(clock.clone(), settings.pace());
    let source = LiveSource::new(ticks, signals::Observer::new(client), Arc::clone(metrics));
    let Some(cluster) = settings.cluster() else { return Ok((source, None)) };
    let client = cluster::connect(&cluster).await.map_err(asked_wrongly)?;
    let policies = &loaded.rules.policies;
    let targets = Targets::start(client.clone(), policies).await.map_err(asked_wrongly)?;
    if settled {
        targets.settled().await;
    }
    let source = source.with_targets(targets.clone(), Arc::clone(policies), Arc::clone(board));
    Ok((source, Some((client, targets))))
}

fn recorder(settings: &Settings, loaded: &Loaded, clock: &Clock) -> anyhow::Result<Option<Box<dyn Recorder>>> {
    let Some(path) = &settings.record else { return Ok(None) };
    let policies = Arc::clone(&loaded.rules.policies);
    let recording = Recording::create(path, settings.interval, policies, clock.clone()).map_err(asked_wrongly)?;
    Ok(Some(Box::new(recording)))
}
