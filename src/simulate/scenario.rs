//! Scenarios: a folder with a plant, a load and how long it lasts.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use super::plant::{PlantError, PlantSpec};
use super::scaler::World;
use super::workload::{Workload, WorkloadError};
use crate::policy::fields::{Field, Kind, Table, Text};
use crate::policy::source::Source;
use crate::policy::{Diagnostics, shape, yaml};

const WEEK: u64 = 7 * 24 * 3600;

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let at = Field::at;
    Table(vec![
        at("title", Kind::Text(Text::Any), "What it shows, in a few words").required(),
        at("workload", Kind::Text(Text::Any), "A shape, or a CSV in the scenario's folder").required(),
        at(
            "interpolate",
            Kind::Choice(&["yes", "no"]),
            "Whether a CSV's load goes in straight lines from line to line",
        )
        .always("no"),
        at("duration", Kind::Duration { least: 1, most: WEEK }, "How long it lasts").required(),
    ])
});

/// A job and its load, with a name.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The name of its folder.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// The job.
    pub plant: PlantSpec,
    /// Records per second, second by second.
    pub rates: Vec<f64>,
}

/// Why a scenario cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// A file or folder cannot be read.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// `scenario.yaml` is none.
    #[error("{0}")]
    Unusable(Diagnostics),
    /// Its plant cannot be used.
    #[error(transparent)]
    Plant(PlantError),
    /// Its load cannot be used.
    #[error("the scenario `{name}` has no load")]
    Workload {
        /// Which.
        name: String,
        /// Why.
        #[source]
        source: WorkloadError,
    },
    /// The folder holds none.
    #[error("`{}` holds no scenario: a scenario is a folder with `scenario.yaml` and `plant.yaml`", path.display())]
    None {
        /// The folder.
        path: PathBuf,
    },
}

impl Scenario {
    /// All scenarios of a folder, by name: those with a number after the same letters in the order of the number.
    ///
    /// # Errors
    /// The first scenario that cannot be used.
    pub fn all(folder: &Path) -> Result<Vec<Self>, ScenarioError> {
        let unreadable = |source| ScenarioError::Read { path: folder.to_owned(), source };
        let entries = std::fs::read_dir(folder).map_err(unreadable)?;
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(unreadable)?.path();
            if path.join("scenario.yaml").is_file() {
                found.push(Self::load(&path)?);
            }
        }
        if found.is_empty() {
            return Err(ScenarioError::None { path: folder.to_owned() });
        }
        let number = |name: &str| name.trim_start_matches(|c: char| !c.is_ascii_digit()).parse::<u32>().ok();
        found.sort_by_cached_key(|one| (number(&one.name), one.name.clone()));
        Ok(found)
    }

    /// The scenario of a folder.
    ///
    /// # Errors
    /// One of its files cannot be read, or used.
    pub fn load(folder: &Path) -> Result<Self, ScenarioError> {
        let name = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned();
        let path = folder.join("scenario.yaml");
        let text =
            std::fs::read_to_string(&path).map_err(|source| ScenarioError::Read { path: path.clone(), source })?;
        let source = Source::new(path.display().to_string(), text);
        let mut problems = Diagnostics::default();
        let Some(root) = yaml::only(&source, "a scenario is", &mut problems) else {
            if problems.is_empty() {
                let message = "this file has no scenario: write `title: ...`, `workload: ...` and `duration: ...`";
                problems.file_error(&source.name, message.to_owned());
            }
            return Err(ScenarioError::Unusable(problems));
        };
        let values = shape::read(&TABLE, &root, &source, &mut problems);
        let (Some(title), Some(load), Some(duration), false) =
            (values.text("title"), values.text("workload"), values.duration("duration"), problems.has_errors())
        else {
            return Err(ScenarioError::Unusable(problems));
        };
        let load = if load.ends_with(".csv") { folder.join(load).display().to_string() } else { load };
        let interpolate = values.text("interpolate").as_deref() == Some("yes");
        let workload = Workload::load(&load, interpolate)
            .map_err(|source| ScenarioError::Workload { name: name.clone(), source })?;
        let plant = PlantSpec::load(&folder.join("plant.yaml")).map_err(ScenarioError::Plant)?;
        let seconds = u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
        Ok(Self { name, title, plant, rates: workload.rates(seconds) })
    }

    /// Its world, with that downtime in place of the plant's own where one is given.
    pub fn world(&self, downtime: Option<f64>, quiet: u32) -> World {
        let mut plant = self.plant.clone();
        plant.downtime = downtime.unwrap_or(plant.downtime);
        World::new(Arc::new(plant), &self.rates, quiet)
    }
}
