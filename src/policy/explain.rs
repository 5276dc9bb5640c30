//! Every field of a policy with its value and where it comes from.

use std::sync::Arc;

use serde::Serialize;

use super::fields::{self, Field, Kind};
use super::set::Policy;
use super::source::Source;
use super::values::{Origin, Values};

/// One policy, explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explained {
    /// The policy's name.
    pub policy: String,
    /// The file it stands in.
    pub file: Arc<str>,
    /// Every field that has a value, in the order of the language.
    pub fields: Vec<ExplainedField>,
}

/// One field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedField {
    /// Its path, such as `spec.scaleUp.cpuAbove`.
    pub field: String,
    /// As it is, or would be, written.
    pub value: String,
    /// Who says so.
    #[serde(flatten)]
    pub from: ExplainedFrom,
    /// What it means.
    pub meaning: String,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "from", rename_all = "camelCase")]
pub enum ExplainedFrom {
    /// The file says so.
    File {
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
    },
    /// The preset of that name.
    Preset {
        /// Its name.
        preset: String,
    },
    /// Whatever the preset.
    Default,
}

pub(crate) fn explain(values: &Values, source: &Source, policy: &Policy) -> Explained {
    let preset = values.text("spec.preset").unwrap_or_default();
    let mut explainer = Explainer { values, source, preset, fields: Vec::new() };
    explainer.section("", "");
    Explained { policy: policy.plan.class.to_string(), file: Arc::clone(&source.name), fields: explainer.fields }
}

struct Explainer<'a> {
    values: &'a Values,
    source: &'a Source,
    preset: String,
    fields: Vec<ExplainedField>,
}

impl Explainer<'_> {
    fn section(&mut self, generic: &str, path: &str) {
        for field in fields::policies().children(generic) {
            let path = if path.is_empty() { field.name().to_owned() } else { format!("{path}.{}", field.name()) };
            self.field(field, &path);
        }
    }

    fn field(&mut self, field: &Field, path: &str) {
        match field.kind {
            Kind::Section => self.section(&field.path, path),
            Kind::Free { .. } => {
                let keys: Vec<_> = self.values.entries(path).map(|(key, _)| format!("{path}.{key}")).collect();
                keys.iter().for_each(|path| self.value(&field.doc, path));
            }
            Kind::List => {
                for index in 0..self.values.len(path) {
                    if let Some(item) = fields::policies().field(&format!("{}[]", field.path)) {
                        self.field(item, &format!("{path}[{index}]"));
                    }
                }
            }
            _ => self.value(&field.doc, path),
        }
    }

    fn value(&mut self, doc: &str, path: &str) {
        let Some((text, origin)) = self.values.explained(path) else { return };
        let from = match origin {
            Origin::Preset => ExplainedFrom::Preset { preset: self.preset.clone() },
            Origin::Default => ExplainedFrom::Default,
            Origin::File(span) => {
                let place = self.source.place(span);
                ExplainedFrom::File { line: place.line, column: place.column }
            }
        };
        let value = text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.fields.push(ExplainedField { field: path.to_owned(), value, from, meaning: doc.to_owned() });
    }
}
