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
        let Some(root) = yaml::only(&source, "a plant is", &mut problems) else {
            if problems.is_empty() {
                problems.file_error(name, "this file has no plant: write `capacityPerWorker: 1000`, ...".to_owned());
            }
            return Err(problems);
        };
        let values = shape::read(table(), &root, &source, &mut problems);
        cross(&values, &source, &mut problems);
        problems.sort(std::slice::from_ref(&source.name));
        match resolved(&values, "", None) {
            Some(spec) if !problems.has_errors() => Ok(spec),
            _ => Err(problems),
        }
    }
}

/// What two fields say together.
fn cross(values: &Values, source: &Source, problems: &mut Diagnostics) {
    if let (Some(start), Some(most), Some(found)) =
        (values.count("startWorkers"), values.count("maxWorkers"), values.found("startWorkers"))
        && let Some(message) = contradiction(start, most)
    {
        problems.push(Severity::Error, source, found.at, message);
    }
    if let Some(skew) = values.found("skew").filter(|_| values.found("partitions").is_none()) {
        problems.push(Severity::Error, source, skew.at, NO_PARTITIONS.to_owned());
    }
}

const NO_PARTITIONS: &str = "skew is about partitions: say how many there are (`partitions: 64`)";

fn contradiction(start: u32, most: u32) -> Option<String> {
    (start > most)
        .then(|| format!("startWorkers {start} is above maxWorkers {most}: raise the maximum or start with fewer"))
}

impl PlantSpec {
    /// This plant with the changes that another file has below `section`, which it read by [`super::fields::changes`]. Outages
    /// and capacity steps are added to those that it has.
    ///
    /// # Errors
    /// A sentence: what the changes contradict.
    pub(in crate::simulate) fn changed(&self, values: &Values, section: &str) -> Result<Self, String> {
        let changed = resolved(values, &format!("{section}."), Some(self)).ok_or("a change cannot be used")?;
        contradiction(changed.start_workers, changed.max_workers).map_or(Ok(()), Err)?;
        match changed.skew {
            skew if skew > 1.0 && changed.partitions.is_none() => Err(NO_PARTITIONS.to_owned()),
            _ => Ok(changed),
        }
    }
}

/// The plant of what stands below `prefix`. Where nothing stands there it is as in `base`.
fn resolved(values: &Values, prefix: &str, base: Option<&PlantSpec>) -> Option<PlantSpec> {
    let at = |path: &str| format!("{prefix}{path}");
    let seconds = |path: &str| values.duration(&at(path)).map(|time| time.as_secs_f64());
    let time = |path: &str, of: fn(&PlantSpec) -> f64| seconds(path).or(base.map(of));
    let number = |path: &str, of: fn(&PlantSpec) -> f64| values.number(&at(path)).or(base.map(of));
    let share = |path: &str, of: fn(&PlantSpec) -> f64| values.share(&at(path)).or(base.map(of));
    let count = |path: &str, of: fn(&PlantSpec) -> u32| values.count(&at(path)).or(base.map(of));
    let each = |list: &str| (0..values.len(&at(list))).map(|item| format!("{list}[{item}]")).collect::<Vec<_>>();

    let mut outages = each("outages")
        .iter()
        .map(|one| Some(Outage { at: seconds(&format!("{one}.at"))?, lasts: seconds(&format!("{one}.for"))? }))
        .collect::<Option<Vec<_>>>()?;
    outages.extend(base.iter().flat_map(|base| &base.outages));
    outages.sort_by(|one, other| one.at.total_cmp(&other.at));
    let mut capacity_steps = each("capacitySteps")
        .iter()
        .map(|one| {
            let factor = values.number(&at(&format!("{one}.factor")))?;
            Some(CapacityStep { at: seconds(&format!("{one}.at"))?, factor })
        })
        .collect::<Option<Vec<_>>>()?;
    capacity_steps.extend(base.iter().flat_map(|base| &base.capacity_steps));
    capacity_steps.sort_by(|one, other| one.at.total_cmp(&other.at));

    let pod_start = time("podStart", |base| base.pod_start)?;
    Some(PlantSpec {
        capacity_per_worker: number("capacityPerWorker", |base| base.capacity_per_worker)?,
        sigma: share("sigma", |base| base.sigma)?,
        kappa: share("kappa", |base| base.kappa)?,
        max_workers: count("maxWorkers", |base| base.max_workers)?,
        start_workers: count("startWorkers", |base| base.start_workers)?,
        pod_start,
        pod_stop: time("podStop", |base| base.pod_stop).unwrap_or(pod_start),
        arrival: match (values.text(&at("arrival")).as_deref(), base) {
            (Some("stepwise"), _) => Arrival::Stepwise,
            (Some("firstThenRest"), _) => Arrival::FirstThenRest,
            (Some(_), _) => Arrival::Together,
            (None, base) => base?.arrival,
        },
        downtime: time("downtime", |base| base.downtime)?,
        checkpoint_interval: time("checkpointInterval", |base| base.checkpoint_interval)?,
        warm_up: WarmUp {
            duration: time("warmUp.duration", |base| base.warm_up.duration)?,
            from: share("warmUp.from", |base| base.warm_up.from)?,
        },
        noise: Deviations {
            arrivals: share("noise.arrivals", |base| base.noise.arrivals)?,
            capacity: share("noise.capacity", |base| base.noise.capacity)?,
            cpu: share("noise.cpu", |base| base.noise.cpu)?,
        },
        cpu: Cpu { idle: share("cpu.idle", |base| base.cpu.idle)?, full: share("cpu.full", |base| base.cpu.full)? },
        failures: seconds("failures.every").or(base.and_then(|base| base.failures)),
        outages,
        capacity_steps,
        ceiling: values.number(&at("ceiling")).or(base.and_then(|base| base.ceiling)),
        partitions: values.count(&at("partitions")).or(base.and_then(|base| base.partitions)),
        skew: number("skew", |base| base.skew)?,
        metrics: Metrics {
            scrape: time("metrics.scrape", |base| base.metrics.scrape)?,
            delay: time("metrics.delay", |base| base.metrics.delay)?,
            rate_window: time("metrics.rateWindow", |base| base.metrics.rate_window)?,
            blind_after_restart: time("metrics.blindAfterRestart", |base| base.metrics.blind_after_restart)?,
            backlog_commit: time("metrics.backlogCommit", |base| base.metrics.backlog_commit)?,
        },
        lag_objective: time("lagObjective", |base| base.lag_objective)?,
    })
}
