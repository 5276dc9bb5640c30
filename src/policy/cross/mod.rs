//! What is wrong although each field alone is right: fields that contradict each other, queries, and policies that
//! get into each other's way.

mod balanced;
mod limits;
mod overlap;
mod queries;
mod signals;
mod windows;

use std::ops::Range;

use super::diagnostics::{Diagnostics, Severity};
use super::source::{Source, Span};
use super::values::Values;

pub(crate) use overlap::same_objects;

/// Checks one document.
pub(crate) fn document(values: &Values, source: &Source, problems: &mut Diagnostics) {
    let mut report = Report { values, source, problems };
    limits::check(&mut report);
    windows::check(&mut report);
    signals::check(&mut report);
    queries::check(&mut report);
    balanced::check(&mut report);
}

/// One document under check.
pub(crate) struct Report<'a> {
    pub values: &'a Values,
    source: &'a Source,
    problems: &'a mut Diagnostics,
}

impl Report<'_> {
    /// A contradiction of several fields: told at the first that the file gives, as the presets do not contradict
    /// themselves.
    fn error(&mut self, paths: &[&str], message: String) {
        let at = self.place(paths);
        self.problems.push(Severity::Error, self.source, at, message);
    }

    fn warning(&mut self, paths: &[&str], message: String) {
        let at = self.place(paths);
        self.problems.push(Severity::Warning, self.source, at, message);
    }

    fn at(&mut self, severity: Severity, at: Span, message: String) {
        self.problems.push(severity, self.source, at, message);
    }

    /// Where a part of a text stands in its span of the file: the file may fold and escape the text, so that the
    /// part is looked for letter by letter, and is found where it stands there as often.
    fn find(&self, within: Span, text: &str, part: Range<usize>) -> Option<Span> {
        let needle = text.get(part.clone()).filter(|needle| !needle.is_empty())?;
        let index = text.match_indices(needle).position(|(start, _)| start == part.start)?;
        let (mut rest, mut found) = (within, Vec::new());
        loop {
            let next = self.source.find(rest, needle);
            // The whole span is also the answer where nothing is found.
            if next == rest && self.source.slice(rest) != needle {
                break;
            }
            found.push(next);
            rest.start = next.end;
        }
        if found.len() == text.matches(needle).count() { found.get(index).copied() } else { None }
    }

    fn place(&self, paths: &[&str]) -> Span {
        let value = |path: &&str| self.values.found(path).map(|found| found.at);
        let key = |path: &&str| self.values.key(path);
        paths.iter().find_map(value).or_else(|| paths.iter().find_map(key)).or_else(|| key(&"")).unwrap_or_default()
    }

    /// The value as it is or would be written.
    fn written(&self, path: &str) -> String {
        self.values.explained(path).map(|(text, _)| text).unwrap_or_default()
    }
}

/// The last part of a path, for sentences.
fn name(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}
