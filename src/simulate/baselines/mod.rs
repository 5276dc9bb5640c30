//! What the field does: other autoscalers' rules, to be compared with. They live in the simulator only.
//!
//! Each is a pure decision on inputs of its own, tested against what is published of it, and a [`Scaler`] that takes these
//! inputs from the plant. A [`Baseline`] is one of them with its settings: `hpaCpu:target=0.6`.

pub mod daedalus;
pub mod ds2;
mod fixed;
pub mod flink;
pub mod hpa;
pub mod keda;
mod scalers;
mod settings;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::plant::PlantSpec;
use super::scaler::{Scaler, World};
pub use settings::SettingError;
use settings::Slot;

/// The names of all baselines, in the order of tables.
pub const NAMES: [&str; 7] = ["static", "hpaCpu", "kedaLag", "ds2", "flinkDefault", "flinkTuned", "daedalusLike"];

/// A baseline with its settings.
///
/// As text: its name, then what differs from its usual settings: `flinkTuned:target=0.6,window=2m`.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    name: &'static str,
    /// What was set, in the order in which it was.
    set: Vec<(String, String)>,
    rule: Rule,
}

#[derive(Debug, Clone, PartialEq)]
enum Rule {
    Fixed(fixed::Settings),
    Hpa(hpa::Settings),
    Keda(keda::Settings),
    Ds2(ds2::Settings),
    Flink(flink::Settings),
    Daedalus(daedalus::Settings),
}

impl Rule {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "static" => Self::Fixed(fixed::Settings::peak()),
            "hpaCpu" => Self::Hpa(hpa::Settings::usual()),
            "kedaLag" => Self::Keda(keda::Settings::usual()),
            "ds2" => Self::Ds2(ds2::Settings::usual()),
            "flinkDefault" => Self::Flink(flink::Settings::shipped()),
            "flinkTuned" => Self::Flink(flink::Settings::tuned()),
            "daedalusLike" => Self::Daedalus(daedalus::Settings::usual()),
            _ => return None,
        })
    }

    fn slots(&mut self) -> Vec<(&'static str, Slot<'_>)> {
        match self {
            Self::Fixed(settings) => settings.slots(),
            Self::Hpa(settings) => settings.slots(),
            Self::Keda(settings) => settings.slots(),
            Self::Ds2(settings) => settings.slots(),
            Self::Flink(settings) => settings.slots(),
            Self::Daedalus(settings) => settings.slots(),
        }
    }
}

impl Baseline {
    /// Its name, without its settings.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its settings' names; the first is the one that trades workers for lateness.
    pub fn settings(&self) -> Vec<&'static str> {
        self.rule.clone().slots().into_iter().map(|(name, _)| name).collect()
    }

    /// Changes one setting.
    ///
    /// # Errors
    /// It has no such setting, or the value does not fit it.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), SettingError> {
        settings::write(self.name, self.rule.slots(), key, value)?;
        match self.set.iter_mut().find(|(other, _)| other == key) {
            Some((_, old)) => value.clone_into(old),
            None => self.set.push((key.to_owned(), value.to_owned())),
        }
        Ok(())
    }

    /// Values of its first setting that draw its frontier, from few workers to many.
    pub fn frontier(&self) -> (&'static str, &'static [&'static str]) {
        match self.rule {
            Rule::Fixed(_) => ("factor", &["0.6", "0.8", "0.9", "1", "1.1", "1.3", "1.6"]),
            Rule::Hpa(_) => ("target", &["0.95", "0.9", "0.8", "0.7", "0.6", "0.5", "0.4", "0.3"]),
            Rule::Keda(_) => ("lagSeconds", &["60", "30", "20", "10", "5", "2", "1"]),
            Rule::Ds2(_) => ("factor", &["1", "1.1", "1.2", "1.4", "1.7", "2", "2.5"]),
            Rule::Flink(_) => ("target", &["1", "0.9", "0.8", "0.7", "0.6", "0.5", "0.4"]),
            Rule::Daedalus(_) => ("headroom", &["0.9", "1", "1.1", "1.25", "1.5", "1.8", "2.2"]),
        }
    }

    /// The world in which it decides: of a fixed width the job has had that width all along.
    pub fn world(&self, world: &World) -> World {
        let Rule::Fixed(settings) = &self.rule else { return world.clone() };
        let mut plant = PlantSpec::clone(&world.plant);
        plant.start_workers = settings.width(world);
        World { plant: Arc::new(plant), ..world.clone() }
    }

    /// The baseline for a job, in a run with that seed.
    pub fn scaler(&self, world: &World, seed: u64) -> Box<dyn Scaler> {
        let plant = &world.plant;
        let limits = (1, plant.max_workers);
        match self.rule.clone() {
            Rule::Fixed(settings) => Box::new(scalers::Fixed(settings.width(world))),
            Rule::Hpa(settings) => Box::new(scalers::Hpa::new(hpa::HpaCpu::new(settings, limits))),
            Rule::Keda(settings) => {
                let each = plant.capacity_per_worker;
                Box::new(keda::KedaLag::new(settings, each, plant.partitions, plant.max_workers))
            }
            Rule::Ds2(settings) => Box::new(ds2::Ds2::new(settings)),
            Rule::Flink(settings) => Box::new(scalers::Flink::new(flink::Autoscaler::new(settings, limits), seed)),
            Rule::Daedalus(settings) => Box::new(daedalus::Daedalus::new(settings, plant.max_workers)),
        }
    }
}

/// All baselines with their settings, a line each: `ds2 (factor, every, ...)`.
pub fn described() -> Vec<String> {
    let line = |name: &&'static str| {
        let settings =
            Rule::named(name).map(|mut rule| rule.slots().into_iter().map(|(key, _)| key).collect::<Vec<_>>());
        format!("{name} ({})", settings.unwrap_or_default().join(", "))
    };
    NAMES.iter().map(line).collect()
}

impl FromStr for Baseline {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, rest) = text.split_once(':').unwrap_or((text, ""));
        let known = NAMES.iter().find(|known| **known == name).and_then(|name| Some((*name, Rule::named(name)?)));
        let Some((name, rule)) = known else {
            let near = settings::similar(name, NAMES.into_iter());
            let known = settings::listed(super::baseline_names().into_iter());
            return Err(SettingError::Name { name: name.to_owned(), near, known });
        };
        let mut baseline = Self { name, set: Vec::new(), rule };
        for pair in rest.split(',').filter(|pair| !pair.is_empty()) {
            let Some((key, value)) = pair.split_once('=') else {
                return Err(SettingError::Form { baseline: name, text: pair.to_owned() });
            };
            baseline.set(key.trim(), value.trim())?;
        }
        Ok(baseline)
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        for (index, (key, value)) in self.set.iter().enumerate() {
            write!(f, "{}{key}={value}", if index == 0 { ':' } else { ',' })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_baseline_whose_settings_can_be_set() {
        for name in NAMES {
            let mut baseline: Baseline = name.parse().unwrap();
            assert_eq!(baseline.to_string(), name);
            let (first, values) = baseline.frontier();
            let settings = baseline.settings();
            assert!(settings.contains(&first) && values.len() > 4, "{name}: {settings:?}");
            for value in values {
                let before = baseline.clone();
                baseline.set(first, value).unwrap();
                assert_ne!(before, baseline, "{name}");
                assert_eq!(baseline.to_string(), format!("{name}:{first}={value}"));
                assert_eq!(baseline.to_string().parse(), Ok(baseline.clone()));
            }
        }
    }

    #[test]
    fn settings_reach_the_rule() {
        let Ok(Baseline { rule: Rule::Flink(flink), .. }) =
            "flinkTuned:target=0.6, window=2m,version=1.15,catchUp=0s".parse()
        else {
            panic!("a Flink rule")
        };
        let expected = flink::Settings {
            target: 0.6,
            window: 120,
            version: flink::Version::V1_15,
            catch_up: 0,
            ..flink::Settings::tuned()
        };
        assert_eq!(flink, expected);
    }

    #[test]
    fn what_is_wrong_is_said_with_the_mend() {
        for (text, message) in [
            (
                "hpaCPU2",
                "no baseline is called `hpaCPU2`, did you mean `hpaCpu`?: there are `static`, `hpaCpu`, `kedaLag`, `ds2`, `flinkDefault`, `flinkTuned`, `daedalusLike`, `clairvoyant`",
            ),
            (
                "ds2:factr=2",
                "the baseline `ds2` has no setting `factr`, did you mean `factor`?: it has `factor`, `every`, `warmUp`, `activation`, `ignore`",
            ),
            ("ds2:factor", "`factor` of the baseline `ds2` is not of the form `key=value`"),
            (
                "hpaCpu:target=70",
                "`70` is no value for the setting `target` of the baseline `hpaCpu`: write a share above 0, at most 1",
            ),
            (
                "flinkTuned:window=180",
                "`180` is no value for the setting `window` of the baseline `flinkTuned`: write a time of at least one second, such as `3m`",
            ),
            (
                "flinkTuned:version=2",
                "`2` is no value for the setting `version` of the baseline `flinkTuned`: write `1.10` or `1.15`",
            ),
            (
                "static:workers=0",
                "`0` is no value for the setting `workers` of the baseline `static`: write a whole number from 1 on",
            ),
        ] {
            assert_eq!(text.parse::<Baseline>().unwrap_err().to_string(), message);
        }
    }
}
