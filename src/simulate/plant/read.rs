//! From a plant file to a plant.

use std::io;
use std::path::{Path, PathBuf};

use super::fields::table;
use super::spec::{Arrival, CapacityStep, Cpu, Deviations, Metrics, Outage, PlantSpec, WarmUp};
use crate::policy::source::Source;
use crate::policy::values::Values;
use crate::policy::{Diagnostics, Severity, shape, yaml};

/// Why there is no plant.
#[derive(Debug, thiserror::Error)]
pub enum PlantError {
    /// The file cannot be read.
    #[error("failed to read the plant `{}`", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is no plant: all that is wrong, each with its place and the mend.
    #[error("{0}")]
    Unusable(Diagnostics),
}

impl PlantSpec {
    /// The plant of that file.
    ///
    /// # Errors
    /// The file cannot be read, or is no plant.
    pub fn load(path: &Path) -> Result<Self, PlantError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| PlantError::Read { path: path.to_owned(), source })?;
        Self::parse(&path.display().to_string(), &text).map_err(PlantError::Unusable)
    }

    /// The plant of that text; `name` is what diagnostics call it.
    ///
    /// # Errors
    /// All that is wrong with it: unknown keys, values that cannot be, limits that contradict.
    pub fn parse(name: &str, text: &str) -> Result<Self, Diagnostics> {
        let source = Source::new(name, text);
        let mut problems = Diagnostics::default();
        let mut documents = yaml::documents(&source, &mut problems).into_iter().filter(|one| !one.root.is_null());
        let Some(document) = documents.next() else {
            if problems.is_empty() {
                problems.file_error(name, "this file has no plant: write `capacityPerWorker: 1000`, ...".to_owned());
            }
            return Err(problems);
        };
        if let Some(second) = documents.next() {
            let message = "a plant is one document: leave out all from the second `---` on".to_owned();
            problems.push(Severity::Error, &source, second.span, message);
        }
        let values = shape::read(table(), &document.root, &source, &mut problems);
        cross(&values, &source, &mut problems);
        problems.sort(std::slice::from_ref(&source.name));
        match resolved(&values) {
            Some(spec) if !problems.has_errors() => Ok(spec),
            _ => Err(problems),
        }
    }
}

/// What two fields say together.
fn cross(values: &Values, source: &Source, problems: &mut Diagnostics) {
    if let (Some(start), Some(most), Some(found)) =
        (values.count("startWorkers"), values.count("maxWorkers"), values.found("startWorkers"))
        && start > most
    {
        let message = format!("startWorkers {start} is above maxWorkers {most}: raise the maximum or start with fewer");
        problems.push(Severity::Error, source, found.at, message);
    }
    if let Some(skew) = values.found("skew").filter(|_| values.found("partitions").is_none()) {
        let message = "skew is about partitions: say how many there are (`partitions: 64`)".to_owned();
        problems.push(Severity::Error, source, skew.at, message);
    }
}

fn resolved(values: &Values) -> Option<PlantSpec> {
    let seconds = |path: &str| values.duration(path).map(|time| time.as_secs_f64());
    let each = |list: &str| (0..values.len(list)).map(|at| format!("{list}[{at}]")).collect::<Vec<_>>();
    let mut outages = each("outages")
        .iter()
        .map(|one| Some(Outage { at: seconds(&format!("{one}.at"))?, lasts: seconds(&format!("{one}.for"))? }))
        .collect::<Option<Vec<_>>>()?;
    outages.sort_by(|one, other| one.at.total_cmp(&other.at));
    let mut capacity_steps = each("capacitySteps")
        .iter()
        .map(|one| {
            let factor = values.number(&format!("{one}.factor"))?;
            Some(CapacityStep { at: seconds(&format!("{one}.at"))?, factor })
        })
        .collect::<Option<Vec<_>>>()?;
    capacity_steps.sort_by(|one, other| one.at.total_cmp(&other.at));
    let pod_start = seconds("podStart")?;
    Some(PlantSpec {
        capacity_per_worker: values.number("capacityPerWorker")?,
        sigma: values.share("sigma")?,
        kappa: values.share("kappa")?,
        max_workers: values.count("maxWorkers")?,
        start_workers: values.count("startWorkers")?,
        pod_start,
        pod_stop: seconds("podStop").unwrap_or(pod_start),
        arrival: match values.text("arrival")?.as_str() {
            "stepwise" => Arrival::Stepwise,
            "firstThenRest" => Arrival::FirstThenRest,
            _ => Arrival::Together,
        },
        downtime: seconds("downtime")?,
        checkpoint_interval: seconds("checkpointInterval")?,
        warm_up: WarmUp { duration: seconds("warmUp.duration")?, from: values.share("warmUp.from")? },
        noise: Deviations {
            arrivals: values.share("noise.arrivals")?,
            capacity: values.share("noise.capacity")?,
            cpu: values.share("noise.cpu")?,
        },
        cpu: Cpu { idle: values.share("cpu.idle")?, full: values.share("cpu.full")? },
        failures: seconds("failures.every"),
        outages,
        capacity_steps,
        ceiling: values.number("ceiling"),
        partitions: values.count("partitions"),
        skew: values.number("skew")?,
        metrics: Metrics {
            scrape: seconds("metrics.scrape")?,
            delay: seconds("metrics.delay")?,
            rate_window: seconds("metrics.rateWindow")?,
            blind_after_restart: seconds("metrics.blindAfterRestart")?,
            backlog_commit: seconds("metrics.backlogCommit")?,
        },
        lag_objective: seconds("lagObjective")?,
    })
}
