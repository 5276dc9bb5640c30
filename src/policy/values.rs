//! What one document says, field by field, and what holds where it says nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::fields::{Default, PRESETS, Table, Value};
use super::source::Span;

/// The fields of one document. Paths are concrete: `spec.signals.backlog.or[0]`.
#[derive(Debug)]
pub(crate) struct Values {
    table: &'static Table,
    found: BTreeMap<String, Found>,
    /// Keys of sections and lists that are there.
    keys: BTreeMap<String, Span>,
    lists: BTreeMap<String, usize>,
    /// What is there and cannot be used; nothing is concluded from it, nor from its default.
    faulty: BTreeSet<String>,
}

/// A value that the file gives.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub value: Value,
    /// As it is written.
    pub text: String,
    pub at: Span,
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    File(Span),
    Preset,
    Default,
}

impl Values {
    /// Nothing yet, of a file with these fields.
    pub fn of(table: &'static Table) -> Self {
        Self { table, found: BTreeMap::new(), keys: BTreeMap::new(), lists: BTreeMap::new(), faulty: BTreeSet::new() }
    }

    pub fn insert(&mut self, path: &str, found: Found) {
        self.found.insert(path.to_owned(), found);
    }

    pub fn insert_key(&mut self, path: &str, key: Span) {
        self.keys.insert(path.to_owned(), key);
    }

    pub fn insert_list(&mut self, path: &str, len: usize) {
        self.lists.insert(path.to_owned(), len);
    }

    pub fn insert_fault(&mut self, path: &str) {
        self.faulty.insert(path.to_owned());
    }

    /// What the file gives.
    pub fn found(&self, path: &str) -> Option<&Found> {
        self.found.get(path)
    }

    /// Whether the section or list is there.
    pub fn key(&self, path: &str) -> Option<Span> {
        self.keys.get(path).copied()
    }

    /// Whether something at or under this path could not be used.
    pub fn is_faulty(&self, path: &str) -> bool {
        self.faulty.iter().any(|fault| fault.starts_with(path))
    }

    /// Whether nothing can be concluded from this path: it, something under it or a section above it could not be used.
    pub fn is_doubtful(&self, path: &str) -> bool {
        let above =
            |fault: &String| fault.is_empty() || path.strip_prefix(fault).is_some_and(|rest| rest.starts_with('.'));
        self.is_faulty(path) || self.faulty.iter().any(above)
    }

    /// The value, of the file or by default; `None`: there is none, or it cannot be used.
    pub fn value(&self, path: &str) -> Option<Value> {
        if self.faulty.contains(path) {
            return None;
        }
        if let Some(found) = self.found.get(path) {
            return Some(found.value.clone());
        }
        let field = self.table.field(path)?;
        field.read(field.default.text(self.preset())?, true).ok()
    }

    /// Whose values hold where the file says nothing; the first where it names none, or none that there is.
    pub fn preset(&self) -> &'static str {
        let named = self.found.get("spec.preset").map(|found| found.text.as_str());
        PRESETS.into_iter().find(|preset| named == Some(*preset)).unwrap_or(PRESETS[0])
    }

    /// The value as it is or would be written, and where it comes from.
    pub fn explained(&self, path: &str) -> Option<(String, Origin)> {
        if let Some(found) = self.found.get(path) {
            return Some((found.text.clone(), Origin::File(found.at)));
        }
        let default = self.table.field(path)?.default;
        let origin = if matches!(default, Default::Preset { .. }) { Origin::Preset } else { Origin::Default };
        Some((default.text(self.preset())?.to_owned(), origin))
    }

    pub fn text(&self, path: &str) -> Option<String> {
        if let Some(Value::Text(text)) = self.value(path) { Some(text) } else { None }
    }

    pub fn duration(&self, path: &str) -> Option<Duration> {
        if let Some(Value::Duration(time)) = self.value(path) { Some(time) } else { None }
    }

    pub fn share(&self, path: &str) -> Option<f64> {
        if let Some(Value::Share(share)) = self.value(path) { Some(share) } else { None }
    }

    pub fn number(&self, path: &str) -> Option<f64> {
        if let Some(Value::Number(number)) = self.value(path) { Some(number) } else { None }
    }

    /// Counts of the table fit into 32 bits.
    pub fn count(&self, path: &str) -> Option<u32> {
        if let Some(Value::Count(count)) = self.value(path) { u32::try_from(count).ok() } else { None }
    }

    /// How many items the list has; 0 where it is not there.
    pub fn len(&self, path: &str) -> usize {
        self.lists.get(path).copied().unwrap_or(0)
    }

    /// The usable items of a list of single values.
    pub fn items(&self, path: &str) -> Vec<&Found> {
        (0..self.len(path)).filter_map(|index| self.found.get(&format!("{path}[{index}]"))).collect()
    }

    /// The entries of a mapping whose keys are the user's.
    pub fn entries<'a>(&'a self, path: &str) -> impl Iterator<Item = (&'a str, &'a Found)> {
        let prefix = format!("{path}.");
        let after = prefix.clone();
        self.found
            .range(prefix.clone()..)
            .take_while(move |(path, _)| path.starts_with(&prefix))
            .map(move |(path, found)| (&path[after.len()..], found))
    }
}
