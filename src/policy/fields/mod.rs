//! Tables of fields: every field that a file can have, once. For policies checking, hints, presets, the JSON Schema and
//! `--explain` all read the one table; settings have their own.

mod kind;
mod numbers;
mod table;

use std::sync::LazyLock;

pub(crate) use kind::{EMPTY, Kind, Text, Unusable, Value, duration_pattern};

/// One field. A path is written with dots; `[]` stands for every item of a list, `*` for every key of a mapping whose
/// keys are the user's.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub path: String,
    pub kind: Kind,
    /// A word that may stand in place of a value (`off`, `none`).
    pub word: Option<&'static str>,
    pub default: Default,
    /// Its section cannot be without it.
    pub required: bool,
    /// Only the preset `balanced` looks at it.
    pub balanced: bool,
    /// The sibling that may stand in place of this required field.
    pub instead: Option<&'static str>,
    /// One sentence for people, without a full stop.
    pub doc: String,
}

/// What holds where the file says nothing, as it would be written in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Default {
    /// There is no value then.
    None,
    /// Whatever the preset.
    Always(&'static str),
    /// By the preset; one that does not look at the field has no value for it.
    Preset {
        /// By `seed`.
        seed: Option<&'static str>,
        /// By `balanced`.
        balanced: &'static str,
    },
}

/// The presets by name; the first holds where a file names none.
pub(crate) const PRESETS: [&str; 2] = ["seed", "balanced"];

impl Default {
    /// As it would be written under that preset.
    pub fn text(self, preset: &str) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Always(text) => Some(text),
            Self::Preset { seed, balanced } => {
                if preset == PRESETS[1] {
                    Some(balanced)
                } else {
                    seed
                }
            }
        }
    }
}

impl Field {
    /// Its sentence, to be put behind a colon.
    pub fn meaning(&self) -> String {
        let (first, rest) = self.doc.split_at(1);
        let abbreviation =
            self.doc.split(' ').next().is_some_and(|word| word[1..].contains(|c: char| c.is_uppercase()));
        if abbreviation { self.doc.clone() } else { format!("{}{rest}", first.to_lowercase()) }
    }

    /// A field, to be refined by the methods below.
    pub fn at(path: &str, kind: Kind, doc: &str) -> Self {
        Self {
            path: path.into(),
            kind,
            word: None,
            default: Default::None,
            required: false,
            balanced: false,
            instead: None,
            doc: doc.into(),
        }
    }

    /// What holds where the file says nothing.
    pub fn always(self, text: &'static str) -> Self {
        Self { default: Default::Always(text), ..self }
    }

    /// Its section cannot be without it.
    pub fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// That word may stand in place of a value; `~`: so may nothing.
    pub fn or(self, word: &'static str) -> Self {
        Self { word: Some(word), ..self }
    }

    /// The last part of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or(&self.path)
    }

    /// Whether it stands directly under the section of that path.
    fn is_child_of(&self, section: &str) -> bool {
        let (parent, name) = self.path.rsplit_once('.').unwrap_or(("", &self.path));
        parent == section && name != "*" && !name.ends_with("[]")
    }
}

/// The known name that was probably meant.
pub(crate) fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |name: &str| strsim::damerau_levenshtein(&typed.to_lowercase(), &name.to_lowercase());
    let near = known.into_iter().map(|name| (distance(name), name)).min_by_key(|(distance, _)| *distance);
    near.filter(|(distance, name)| *distance <= 1 + name.len().max(typed.len()) / 4).map(|(_, name)| name)
}

/// All fields of one kind of file; a section stands before what is in it.
#[derive(Debug)]
pub(crate) struct Table(pub Vec<Field>);

impl Table {
    /// All fields.
    pub fn all(&self) -> &[Field] {
        &self.0
    }

    /// The field of exactly that path.
    pub fn field(&self, path: &str) -> Option<&Field> {
        self.all().iter().find(|field| field.path == path)
    }

    /// What stands directly under a section; the empty path is the document.
    pub fn children(&self, section: &str) -> impl Iterator<Item = &Field> {
        self.all().iter().filter(move |field| field.is_child_of(section))
    }
}

static POLICIES: LazyLock<Table> = LazyLock::new(|| Table(table::fields()));

/// The table of policies.
pub(crate) fn policies() -> &'static Table {
    &POLICIES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_a_value_that_its_field_accepts() {
        for field in policies().all() {
            for text in PRESETS.into_iter().filter_map(|preset| field.default.text(preset)) {
                assert!(field.read(text, true).is_ok(), "{} = {text}", field.path);
            }
        }
    }

    #[test]
    fn every_field_stands_once_under_a_section_that_exists() {
        let all = policies().all();
        for (index, field) in all.iter().enumerate() {
            assert!(all[..index].iter().all(|other| other.path != field.path), "{} twice", field.path);
            if let Some((parent, _)) = field.path.rsplit_once('.') {
                assert!(all[..index].iter().any(|other| other.path == parent), "{} has no section", field.path);
            }
            assert!(!field.doc.is_empty() && !field.doc.ends_with('.'), "{}", field.path);
        }
    }
}
