//! Other worlds: what may be unkind about a job, laid over the plants of all scenarios.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use super::plant::{PlantSpec, fields};
use super::scenario::Scenario;
use crate::policy::fields::{Field, Kind, Table, Text};
use crate::policy::source::Source;
use crate::policy::values::Values;
use crate::policy::{Diagnostics, shape, yaml};

const PLANT: &str = "plant";

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let at = Field::at;
    let mut table = vec![
        at("title", Kind::Text(Text::Any), "What it shows, in a few words").required(),
        at(PLANT, Kind::Section, "What is different about every plant").required(),
    ];
    table.extend(fields::changes(PLANT));
    Table(table)
});

/// A world in which every plant is different in the same way.
///
/// Its file has a `title` and, below `plant`, fields of a plant file. What stands there holds in place of what a scenario's
/// plant says; outages and capacity steps come to those of the plant.
#[derive(Debug, Clone)]
pub struct OtherWorld {
    /// The name of its file, without `.yaml`.
    pub name: String,
    /// What it shows.
    pub title: String,
    changes: Arc<Values>,
}

/// Why there is no such world.
#[derive(Debug, thiserror::Error)]
pub enum OtherWorldError {
    /// A file or folder cannot be read.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is none: all that is wrong, each with its place and the mend.
    #[error("{0}")]
    Unusable(Diagnostics),
    /// The folder holds none.
    #[error("`{}` holds no world: a world is a file `NAME.yaml` with `title` and `plant`", path.display())]
    None {
        /// The folder.
        path: PathBuf,
    },
    /// It does not go with a scenario's plant.
    #[error("the world `{world}` does not go with the scenario `{scenario}`: {why}")]
    Contradiction {
        /// Which world.
        world: String,
        /// Which scenario.
        scenario: String,
        /// What contradicts, and the mend.
        why: String,
    },
}

impl OtherWorld {
    /// The world of a file, or all worlds of a folder by name.
    ///
    /// # Errors
    /// The first world that cannot be used.
    pub fn all(path: &Path) -> Result<Vec<Self>, OtherWorldError> {
        if path.is_file() {
            return Ok(vec![Self::load(path)?]);
        }
        let unreadable = |source| OtherWorldError::Read { path: path.to_owned(), source };
        let entries = std::fs::read_dir(path).map_err(unreadable)?;
        let mut files = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>().map_err(unreadable)?;
        files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
        files.sort();
        if files.is_empty() {
            return Err(OtherWorldError::None { path: path.to_owned() });
        }
        files.iter().map(|file| Self::load(file)).collect()
    }

    /// The world of a file.
    ///
    /// # Errors
    /// The file cannot be read, or is no world.
    pub fn load(path: &Path) -> Result<Self, OtherWorldError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| OtherWorldError::Read { path: path.to_owned(), source })?;
        let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Self::parse(name, &path.display().to_string(), &text).map_err(OtherWorldError::Unusable)
    }

    /// The world of that text; `file` is what diagnostics call it.
    ///
    /// # Errors
    /// All that is wrong with it: unknown keys, values that cannot be.
    pub fn parse(name: String, file: &str, text: &str) -> Result<Self, Diagnostics> {
        let source = Source::new(file, text);
        let mut problems = Diagnostics::default();
        let Some(root) = yaml::only(&source, "a world is", &mut problems) else {
            if problems.is_empty() {
                problems.file_error(file, "this file has no world: write `title: ...` and `plant: { ... }`".to_owned());
            }
            return Err(problems);
        };
        let values = shape::read(&TABLE, &root, &source, &mut problems);
        problems.sort(std::slice::from_ref(&source.name));
        match values.text("title") {
            Some(title) if !problems.has_errors() => Ok(Self { name, title, changes: Arc::new(values) }),
            _ => Err(problems),
        }
    }

    /// Whether it says how long a restart takes.
    pub fn sets_downtime(&self) -> bool {
        self.changes.found("plant.downtime").is_some()
    }

    /// The scenario's plant as it is in this world; `downtime` in seconds, where it does not say that itself.
    ///
    /// # Errors
    /// They contradict each other.
    pub fn plant(&self, scenario: &Scenario, downtime: Option<f64>) -> Result<PlantSpec, OtherWorldError> {
        let mut plant = scenario.plant.clone();
        plant.downtime = downtime.unwrap_or(plant.downtime);
        plant.changed(&self.changes, PLANT).map_err(|why| OtherWorldError::Contradiction {
            world: self.name.clone(),
            scenario: scenario.name.clone(),
            why,
        })
    }
}
