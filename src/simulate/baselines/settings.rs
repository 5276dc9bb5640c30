//! What is written after a baseline's name: `hpaCpu:target=0.6,downWindow=5m`.

use thiserror::Error;

use super::flink::Version;

/// A place that a setting is written to; times are whole seconds.
#[derive(Debug)]
pub enum Slot<'a> {
    /// Above 0, at most 1.
    Share(&'a mut f64),
    /// Above 0.
    Number(&'a mut f64),
    /// Above 0, or left to the plant.
    Maybe(&'a mut Option<f64>),
    /// At least 1.
    Count(&'a mut u32),
    /// At least 1, or left to the plant.
    MaybeCount(&'a mut Option<u32>),
    /// At least one second.
    Time(&'a mut u32),
    /// Zero turns it off.
    TimeOrNone(&'a mut u32),
    /// A release of the Flink operator.
    Version(&'a mut Version),
}

impl Slot<'_> {
    /// What can be written there.
    fn wants(&self) -> &'static str {
        match self {
            Self::Share(_) => "a share above 0, at most 1",
            Self::Number(_) | Self::Maybe(_) => "a number above 0",
            Self::Count(_) | Self::MaybeCount(_) => "a whole number from 1 on",
            Self::Time(_) => "a time of at least one second, such as `3m`",
            Self::TimeOrNone(_) => "a time in whole seconds, such as `3m`, or `0s`",
            Self::Version(_) => "`1.10` or `1.15`",
        }
    }

    /// Writes the text; `None` where it cannot be used.
    fn write(self, text: &str) -> Option<()> {
        let number = || text.parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0);
        let count = || text.parse::<u32>().ok().filter(|count| *count >= 1);
        let time = || {
            let time = humantime::parse_duration(text).ok().filter(|time| time.subsec_nanos() == 0)?;
            u32::try_from(time.as_secs()).ok()
        };
        match self {
            Self::Share(to) => *to = number().filter(|share| *share <= 1.0)?,
            Self::Number(to) => *to = number()?,
            Self::Maybe(to) => *to = Some(number()?),
            Self::Count(to) => *to = count()?,
            Self::MaybeCount(to) => *to = Some(count()?),
            Self::Time(to) => *to = time().filter(|seconds| *seconds >= 1)?,
            Self::TimeOrNone(to) => *to = time()?,
            Self::Version(to) => {
                *to = match text {
                    "1.10" => Version::V1_10,
                    "1.15" => Version::V1_15,
                    _ => return None,
                }
            }
        }
        Some(())
    }
}

/// Why a baseline is not understood.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SettingError {
    /// No baseline has this name.
    #[error("no baseline is called `{name}`{}: there are {known}", nearest(*.near))]
    Name {
        /// What was written.
        name: String,
        /// The most similar name.
        near: Option<&'static str>,
        /// All names.
        known: String,
    },
    /// Not of the form `key=value`.
    #[error("`{text}` of the baseline `{baseline}` is not of the form `key=value`")]
    Form {
        /// The baseline.
        baseline: &'static str,
        /// What was written.
        text: String,
    },
    /// The baseline has no such setting.
    #[error("the baseline `{baseline}` has no setting `{key}`{}: it has {known}", nearest(*.near))]
    Key {
        /// The baseline.
        baseline: &'static str,
        /// What was written.
        key: String,
        /// The most similar setting.
        near: Option<&'static str>,
        /// All of its settings.
        known: String,
    },
    /// The value does not fit the setting.
    #[error("`{value}` is no value for the setting `{key}` of the baseline `{baseline}`: write {wants}")]
    Value {
        /// The baseline.
        baseline: &'static str,
        /// The setting.
        key: &'static str,
        /// What was written.
        value: String,
        /// What can be.
        wants: &'static str,
    },
}

fn nearest(near: Option<&str>) -> String {
    near.map_or_else(String::new, |near| format!(", did you mean `{near}`?"))
}

/// The most similar of the names, where one is similar at all.
pub(super) fn similar(name: &str, names: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    names
        .map(|other| (strsim::jaro_winkler(&name.to_lowercase(), &other.to_lowercase()), other))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, name)| name)
}

/// The names in a sentence.
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Writes one setting.
///
/// # Errors
/// The baseline has no such setting, or the value does not fit it.
pub(super) fn write(
    baseline: &'static str,
    slots: Vec<(&'static str, Slot<'_>)>,
    key: &str,
    value: &str,
) -> Result<(), SettingError> {
    let names: Vec<&'static str> = slots.iter().map(|(name, _)| *name).collect();
    let Some((key, slot)) = slots.into_iter().find(|(name, _)| *name == key) else {
        let near = similar(key, names.iter().copied());
        return Err(SettingError::Key { baseline, key: key.to_owned(), near, known: listed(names.into_iter()) });
    };
    let wants = slot.wants();
    slot.write(value).ok_or_else(|| SettingError::Value { baseline, key, value: value.to_owned(), wants })
}
