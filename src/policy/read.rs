//! The way from files to policies: read, hold against the table, cross-check, resolve.

use std::path::PathBuf;
use std::sync::Arc;

use super::diagnostics::{Diagnostics, Severity};
use super::explain::{Explained, explain};
use super::fields;
use super::set::{Policy, PolicySet};
use super::source::{Source, Span};
use super::values::Values;
use super::yaml;
use super::{cross, files, resolve, shape};

/// What was found in policy files: the policies that can be used, and all that is wrong.
#[derive(Debug, Default)]
pub struct Checked {
    /// The policies without a fault. Use them only where `diagnostics` has no error: one that is missing may be the
    /// one that forbids what another does.
    pub set: PolicySet,
    /// Faults and warnings, in the order of files and positions.
    pub diagnostics: Diagnostics,
    /// For each policy of `set`: every field, its value, and where it comes from.
    pub explained: Vec<Explained>,
    /// How many files were read.
    pub files: usize,
}

/// Reads policy files, and folders of them (`*.yaml`, `*.yml`; hidden entries are passed over).
pub fn check(paths: &[PathBuf]) -> Checked {
    let mut problems = Diagnostics::default();
    let sources = files::read(paths, &mut problems);
    if paths.is_empty() {
        problems.file_error("policies", "no file was named: name a policy file or a folder of them".to_owned());
    }
    checked(&sources, problems)
}

/// The policies of files and folders, as [`check`] reads them.
///
/// # Errors
/// Everything that is wrong with them, if anything forbids their use.
pub fn load(paths: &[PathBuf]) -> Result<PolicySet, Diagnostics> {
    let Checked { set, diagnostics, .. } = check(paths);
    if diagnostics.has_errors() { Err(diagnostics) } else { Ok(set) }
}

/// The policies of one text; `name` is what diagnostics call it.
///
/// # Errors
/// Everything that is wrong with it, if anything forbids its use.
pub fn parse(name: &str, text: &str) -> Result<Vec<Policy>, Diagnostics> {
    let source = Source::new(name, text);
    let Checked { set, diagnostics, .. } = checked(&[source], Diagnostics::default());
    if diagnostics.has_errors() { Err(diagnostics) } else { Ok(set.policies) }
}

/// One document on its way.
struct Draft<'a> {
    source: &'a Source,
    span: Span,
    values: Values,
    /// `None`: something is wrong with it.
    policy: Option<Policy>,
}

fn checked(sources: &[Source], mut problems: Diagnostics) -> Checked {
    let mut drafts: Vec<Draft<'_>> = sources.iter().flat_map(|source| read(source, &mut problems)).collect();
    same_names(&drafts, &mut problems);
    for draft in &mut drafts {
        if !problems.has_errors_in(&draft.source.name) {
            draft.policy = resolve::policy(&draft.values, draft.source.slice(draft.span));
        }
    }
    same_objects(&drafts, &mut problems);
    let order: Vec<Arc<str>> = sources.iter().map(|source| Arc::clone(&source.name)).collect();
    problems.sort(&order);
    let mut all = Checked { diagnostics: problems, files: sources.len(), ..Checked::default() };
    for Draft { source, values, policy, .. } in drafts {
        if let Some(policy) = policy {
            all.explained.push(explain(&values, source, &policy));
            all.set.policies.push(policy);
        }
    }
    all
}

fn read<'a>(source: &'a Source, problems: &mut Diagnostics) -> Vec<Draft<'a>> {
    let before = problems.len();
    let documents = yaml::documents(source, problems);
    let documents: Vec<_> = documents.into_iter().filter(|document| !document.root.is_null()).collect();
    if documents.is_empty() && problems.len() == before {
        problems.file_error(&source.name, "this file has no policy: write one or remove the file".to_owned());
    }
    let draft = |document: yaml::Document| {
        let values = shape::read(fields::policies(), &document.root, source, problems);
        if shape::is_policy(&values) {
            cross::document(&values, source, problems);
        }
        Draft { source, span: document.span, values, policy: None }
    };
    documents.into_iter().map(draft).collect()
}

fn same_names(drafts: &[Draft<'_>], problems: &mut Diagnostics) {
    for (index, draft) in drafts.iter().enumerate() {
        let Some(name) = draft.values.found("metadata.name") else { continue };
        let same = |other: &&Draft<'_>| other.values.found("metadata.name").is_some_and(|n| n.text == name.text);
        if let Some(first) = drafts[..index].iter().find(same)
            && let Some(found) = first.values.found("metadata.name")
        {
            let (file, line) = (&first.source.name, first.source.place(found.at).line);
            let message = format!("the name {} is taken by {file}:{line}: give each policy its own", name.text);
            problems.push(Severity::Error, draft.source, name.at, message);
        }
    }
}

fn same_objects(drafts: &[Draft<'_>], problems: &mut Diagnostics) {
    for (index, draft) in drafts.iter().enumerate() {
        let Some(policy) = &draft.policy else { continue };
        for first in &drafts[..index] {
            let Some(other) = &first.policy else { continue };
            if let Some(objects) = cross::same_objects(policy, other) {
                let at = draft.values.key("spec.target").unwrap_or_default();
                let line = first.source.place(first.values.key("spec.target").unwrap_or_default()).line;
                let message = format!(
                    "policy {} selects the same objects at {}:{line} ({objects}), and an object has one policy: tell them \
                     apart by `namespaces` or `selector`",
                    other.plan.class, first.source.name
                );
                problems.push(Severity::Error, draft.source, at, message);
            }
        }
    }
}
