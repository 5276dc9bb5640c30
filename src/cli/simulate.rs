//! `steelyard simulate`: policies against a modelled job, in a closed loop.

mod ablation;
mod contest;
mod draw;
mod guess;
mod held;
mod recorded;
mod results;
mod scenarios;
mod show;
mod worlds;

use std::io::{self, IsTerminal as _, Write as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};

use self::contest::{Sweep, entrants};
use self::recorded::Recorded;
use self::results::{Line, Row};
use self::scenarios::{Program, View};
use super::draw::ReportFile;
use super::{Format, Output, Stdout, asked_wrongly};
use crate::report::{Comparison, Report};
use crate::simulate::marks::Marks;
use crate::simulate::peers::Peers;
use crate::simulate::{Contender, OtherWorld, PlantSpec, RunError, Scenario, Task, Workload, World, cores, run_all};

const HELP: &str = "\
A workload is a CSV (`seconds,records_per_second`, a header line; a rate holds until the next line) or a shape:

  constant:rate=1000                    sine:low=500,high=2000,period=6h[,phase=0.25]
  step:from=1000,to=3000,at=10m         sawtooth:low=500,high=2000,period=1h
  spike:base=1000,peak=5000,at=10m,for=5m

A recording is a workload too: what was processed and what the backlog grew by. policies/TUNING.md goes from there to a
changed policy.

A plant is a YAML file; benches/scenarios has some. Where a recording is given and no plant, one is guessed from it and
written to stderr, with what each of its lines comes from: save it, correct it, and give it as --plant. A world is a YAML
file too: a `title`, and below `plant` what is different about every plant of the scenarios.

Each policy and baseline meets the same noise for the same seed. The scores leave out a quiet beginning in which nothing is
carried out. Rates are over the policy's own rateWindow; modes are not looked at.

Baselines, each with its settings (`flinkTuned:target=0.6,window=2m`; times are durations), and `clairvoyant`, the lower bound:

  ";

/// The options.
#[derive(Debug, clap::Args)]
#[command(after_long_help = format!("{HELP}{}", crate::simulate::baselines::described().join("\n  ")))]
pub struct Args {
    /// A CSV or a shape
    #[arg(long, value_name = "LOAD", required_unless_present_any = ["recording", "scenarios"], conflicts_with = "scenarios")]
    workload: Option<String>,
    /// The arrivals of a recording, throughput and growth of the backlog, as the workload
    #[arg(long, value_name = "FILE", conflicts_with_all = ["workload", "scenarios"])]
    recording: Option<PathBuf>,
    /// The job of the recording, where it has several: NAMESPACE/NAME
    #[arg(long, value_name = "JOB", requires = "recording")]
    job: Option<String>,
    /// The load so many times in a row: a short recording says little about settings that work over hours
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000),
          conflicts_with = "scenarios")]
    repeat: u16,
    /// Between the lines of a CSV the load goes in a straight line
    #[arg(long, requires = "workload")]
    interpolate: bool,
    /// How long, where the workload does not say: a shape lasts an hour
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, conflicts_with = "scenarios")]
    duration: Option<Duration>,
    /// The modelled job; with --recording it may be left out, and is then guessed from that
    #[arg(long, value_name = "FILE", required_unless_present_any = ["recording", "scenarios"],
          conflicts_with = "scenarios")]
    plant: Option<PathBuf>,
    /// Every scenario of a folder, as a table in Markdown
    #[arg(long, value_name = "FOLDER")]
    scenarios: Option<PathBuf>,
    /// What is different about every plant of the scenarios: a file, or each of a folder. Tables of who takes part as named;
    /// sweeps say whether the first of them is later than others at equal worker-hours
    #[arg(long, value_name = "FILE", requires = "scenarios", conflicts_with_all = ["workload", "recording"])]
    worlds: Option<PathBuf>,
    /// Only these scenarios
    #[arg(long, value_name = "NAME", value_delimiter = ',', requires = "scenarios")]
    only: Vec<String>,
    /// Beside the marks of the scenarios' folder (`marks.csv`) and the real Flink autoscaler at its best
    #[arg(long, requires = "scenarios", conflicts_with = "worlds")]
    marks: bool,
    /// What each part of the rule is worth in the scenarios: each policy as it is, and with one thing changed at a time
    #[arg(long, requires = "scenarios", conflicts_with_all = ["sweep", "marks", "baseline", "worlds"])]
    ablate: bool,
    /// How long a restart takes in the scenarios, several times over; left out: 2s,15s,30s,75s, and 30s in other worlds
    #[arg(long, value_name = "DURATION", value_delimiter = ',', value_parser = humantime::parse_duration)]
    downtime: Vec<Duration>,
    /// A policy file or folder that decides (may be repeated)
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// A baseline that decides, with its settings (may be repeated, or a list): NAME[:SETTING=VALUE,...]
    #[arg(long, value_name = "NAME")]
    baseline: Vec<String>,
    /// Every combination of these values of policy fields, or of a baseline's settings as NAME.SETTING (may be repeated);
    /// a baseline's NAME alone: the values that draw its frontier
    #[arg(long, value_name = "FIELD=A,B,C")]
    sweep: Vec<Sweep>,
    /// How many seeds
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    seeds: u64,
    /// The first of them
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Between two ticks of a policy
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "15s")]
    interval: Duration,
    /// Before the scores begin
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "30m")]
    quiet: Duration,
    /// How many runs at once; left out: one for each core
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Draw it as an HTML file that stands alone
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// Simulates.
///
/// # Errors
/// A plant, workload, policy or baseline cannot be used, or stdout cannot be written.
pub async fn run(args: Args) -> anyhow::Result<bool> {
    // The runs take the cores; the runtime only waits for them and for a signal.
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = Arc::clone(&stop);
    let work = tokio::task::spawn_blocking(move || simulate(&args, &stop));
    let signals = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stopping.store(true, Ordering::Relaxed);
        }
    });
    let ended = work.await;
    signals.abort();
    ended.context("the simulation ended early")?.map(|()| true)
}

fn simulate(args: &Args, stop: &AtomicBool) -> anyhow::Result<()> {
    if args.policy.is_empty() && args.baseline.is_empty() {
        let known = crate::simulate::baseline_names().join(", ");
        return Err(asked_wrongly(anyhow::anyhow!(
            "nobody decides: name a policy (--policy FILE) or a baseline (--baseline NAME, of {known})"
        )));
    }
    let report = args.report.as_deref().map(ReportFile::new).transpose()?;
    let changes = if args.ablate { &ablation::CHANGES[..] } else { &[] };
    let usual = args.worlds.is_some();
    let entrants = entrants(&args.policy, &args.baseline, &args.sweep, changes, args.interval, usual)?;
    let seeds: Vec<u64> = (0..args.seeds).map(|seed| args.seed.wrapping_add(seed)).collect();
    let quiet = u32::try_from(args.quiet.as_secs()).unwrap_or(u32::MAX);
    let contest = Contest { seeds, threads: args.threads.unwrap_or_else(cores), stop };
    if let Some(folder) = &args.scenarios {
        let scenarios = chosen(Scenario::all(folder).map_err(asked_wrongly)?, &args.only)?;
        let worlds = args.worlds.as_deref().map(OtherWorld::all).transpose().map_err(asked_wrongly)?;
        let downtimes = match (args.downtime.as_slice(), &worlds) {
            ([], None) => vec![2.0, 15.0, 30.0, 75.0],
            ([], Some(_)) => vec![30.0],
            (asked, _) => asked.iter().map(Duration::as_secs_f64).collect(),
        };
        let peers = Peers::load(folder).map_err(asked_wrongly)?;
        let view = match (args.marks, args.ablate) {
            (true, _) => View::Marks(Marks::load(folder).map_err(asked_wrongly)?),
            (_, true) => View::Ablation,
            _ => View::Scores,
        };
        let program = Program { scenarios, worlds, downtimes, entrants, quiet, peers, view };
        let stages = program.stages().map_err(asked_wrongly)?;
        let bouts = program.bouts(&stages).map_err(asked_wrongly)?;
        let rows = contest.rows(&bouts)?;
        program.print(&stages, &rows, args.output.format)?;
        let comparisons = program.comparisons(&stages, &rows);
        return contest.draw(report, ("Scenarios", Vec::new()), comparisons, &bouts);
    }
    let world = world(args, &entrants, quiet)?;
    let bout = |entrant: &contest::Entrant| Bout {
        world: world.clone(),
        family: Arc::clone(&entrant.family),
        contender: entrant.contender.clone(),
    };
    let bouts: Vec<Bout> = entrants.iter().map(bout).collect();
    let rows = contest.rows(&bouts)?;
    print(&rows, world.plant.lag_objective, args.output)?;
    let load = args.workload.clone().or_else(|| args.recording.as_ref().map(|file| file.display().to_string()));
    let load = load.unwrap_or_default();
    let comparison = draw::comparison("Comparison", &rows, world.plant.lag_objective);
    let plant = args.plant.as_ref().map_or_else(|| "guessed".to_owned(), |file| file.display().to_string());
    let facts = [("load", load), ("plant", plant), ("restart", format!("{} s", world.plant.downtime))];
    let facts = facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    contest.draw(report, ("Simulation", facts), vec![comparison], &bouts)
}

/// The job and its load.
fn world(args: &Args, entrants: &[contest::Entrant], quiet: u32) -> anyhow::Result<World> {
    let recorded = args.recording.as_ref().map(|file| recorded::read(file, args.job.as_deref())).transpose()?;
    let plant = match (&args.plant, &recorded) {
        (Some(plant), _) => PlantSpec::load(plant).map_err(asked_wrongly)?,
        (None, Some(recorded)) => guessed(args, recorded, entrants)?,
        (None, None) => bail!("there is no plant"),
    };
    let workload = match (&args.workload, recorded) {
        (Some(load), _) => Workload::load(load, args.interpolate).map_err(asked_wrongly)?,
        (None, Some(recorded)) => recorded.workload,
        (None, None) => bail!("there is no workload"),
    };
    const HOUR: u32 = 3600;
    let asked = args.duration.map(|duration| u32::try_from(duration.as_secs()).unwrap_or(u32::MAX));
    let seconds = asked.or(workload.seconds()).unwrap_or(HOUR);
    if seconds == 0 {
        return Err(asked_wrongly(anyhow::anyhow!("a run of no time has no scores: give --duration 1h")));
    }
    let rates = workload.rates(seconds).repeat(usize::from(args.repeat));
    Ok(World::new(Arc::new(plant), &rates, quiet))
}

/// A plant from the recording, told to the asker line by line.
fn guessed(args: &Args, recorded: &Recorded, entrants: &[contest::Entrant]) -> anyhow::Result<PlantSpec> {
    let file = args.recording.as_deref().unwrap_or(Path::new("")).display();
    let most = entrants.iter().filter_map(contest::Entrant::most_workers).max();
    let most = most.unwrap_or(1).max(recorded.policy.plan.limits.max_workers);
    let text = guess::plant(recorded, most)
        .map_err(|why| asked_wrongly(anyhow::anyhow!("no plant can be guessed from `{file}`: {why}")))?;
    // Nobody may be listening on stderr; that must not change the answer.
    let _ = write!(io::stderr(), "# The plant, guessed from {file}: save it, correct it, give it as --plant.\n{text}");
    PlantSpec::parse("the guessed plant", &text).context("failed to guess a plant from the recording")
}

fn chosen(scenarios: Vec<Scenario>, only: &[String]) -> anyhow::Result<Vec<Scenario>> {
    let known: Vec<String> = scenarios.iter().map(|scenario| scenario.name.clone()).collect();
    if let Some(unknown) = only.iter().find(|name| !known.contains(name)) {
        let known = known.join(", ");
        return Err(asked_wrongly(anyhow::anyhow!("there is no scenario `{unknown}`: known are {known}")));
    }
    Ok(scenarios.into_iter().filter(|scenario| only.is_empty() || only.contains(&scenario.name)).collect())
}

/// One contender in one world, to be run with every seed.
struct Bout {
    world: World,
    family: Arc<str>,
    contender: Contender,
}

/// How bouts are run.
struct Contest<'a> {
    seeds: Vec<u64>,
    threads: NonZeroUsize,
    stop: &'a AtomicBool,
}

impl Contest<'_> {
    /// A row for each bout.
    fn rows(&self, bouts: &[Bout]) -> anyhow::Result<Vec<Row>> {
        let tasks: Vec<Task> = bouts
            .iter()
            .flat_map(|bout| {
                let task = |seed| Task { world: bout.world.clone(), contender: bout.contender.clone(), seed };
                self.seeds.iter().copied().map(task)
            })
            .collect();
        let progress = progress(&tasks);
        let done = |task: &Task| progress.inc(u64::from(task.seconds()) / 3600);
        let scores = run_all(&tasks, self.threads, self.stop, done);
        progress.finish_and_clear();
        let scores = scores.map_err(|error| match error {
            RunError::Baseline(_) => asked_wrongly(error),
            error => error.into(),
        })?;
        let row = |(bout, scores): (&Bout, &[crate::simulate::Scores])| Row {
            family: Arc::clone(&bout.family),
            name: bout.contender.name().into(),
            scores: self.seeds.iter().copied().zip(scores.iter().copied()).collect(),
        };
        Ok(bouts.iter().zip(scores.chunks(self.seeds.len())).map(row).collect())
    }

    /// Draws comparisons, and what happened to each bout with the first seed, where these are not too many.
    fn draw(
        &self,
        file: Option<ReportFile>,
        (title, facts): (&str, Vec<(String, String)>),
        comparisons: Vec<Comparison>,
        bouts: &[Bout],
    ) -> anyhow::Result<()> {
        let Some(file) = file else { return Ok(()) };
        let drawn = if comparisons.len() == 1 && bouts.len() <= draw::DRAWN { bouts } else { &[] };
        let note = (drawn.len() < bouts.len()).then(|| {
            let most = draw::DRAWN;
            format!("No courses over time: those of a single job and load are drawn, of {most} contenders at most.")
        });
        let report = Report {
            title: title.to_owned(),
            facts,
            comparisons,
            courses: draw::courses(drawn, self.seeds[0], self.stop)?,
            notes: note.into_iter().collect(),
        };
        file.write(&report)
    }
}

fn progress(tasks: &[Task]) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let hours = tasks.iter().map(|task| u64::from(task.seconds()) / 3600).sum();
    let style = ProgressStyle::with_template("{bar:30} {human_pos}/{human_len} job-hours, {eta} left");
    ProgressBar::new(hours).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn print(rows: &[Row], objective: f64, output: Output) -> anyhow::Result<()> {
    let mut stdout = Stdout::default();
    match output.format {
        Format::Json => {
            for row in rows {
                for (seed, scores) in &row.scores {
                    let line = Line { scenario: None, policy: &row.name, seed: *seed, scores };
                    serde_json::to_writer(&mut stdout, &line)?;
                    writeln!(stdout)?;
                }
            }
        }
        Format::Table => {
            writeln!(stdout, "{}", show::table(rows, objective).trim_fmt())?;
            for line in show::equal(rows) {
                writeln!(stdout, "{line}")?;
            }
            let seeds = show::of_seeds(rows);
            writeln!(stdout, "{seeds}; *: nobody has both fewer worker-hours and fewer late seconds")?;
        }
    }
    stdout.flush()?;
    Ok(())
}
