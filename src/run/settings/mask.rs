//! What of a settings file may be shown: known keys, and values that are known to be no secrets. All else is masked,
//! also what stands at a key that is not known: `bearer_tokn` has a token as its value.

use reqwest::Url;

use super::fields::table;
use crate::policy::fields::{Kind, Text};
use crate::policy::shape::{is_name, is_open};
use crate::policy::source::{Shows, Source, Span};
use crate::policy::yaml::{Node, What};

/// Marks that are no part of a value.
const MARKS: &str = "{}[],:-?|>\"'";

/// For a text that may be no YAML: the known keys at the beginning of lines, and no value.
pub(super) fn by_line(text: &str) -> Shows {
    let mut shown = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let rest = line.trim_start_matches(['\u{feff}', ' ', '\t', '-']);
        let key = rest.split_once(':').map(|(key, _)| key);
        if let Some(key) = key.filter(|key| table().all().iter().any(|field| field.name() == *key)) {
            shown.push(Span { start, end: start + line.len() - rest.len() + key.len() + 1 });
        }
        start += line.len();
    }
    Shows::Only(shown)
}

/// For a text that was read to its end.
pub(super) fn by_field(source: &Source, root: &Node) -> Shows {
    let length = source.text.len();
    let mut mask = Mask { source, shown: vec![false; length], hidden: vec![false; length] };
    mask.node("", root);
    mask.marks();
    let Mask { shown, hidden, .. } = mask;
    let open: Vec<_> = shown.into_iter().zip(hidden).map(|(shown, hidden)| shown && !hidden).collect();
    let mut spans: Vec<Span> = Vec::new();
    for (at, _) in open.iter().enumerate().filter(|(_, open)| **open) {
        match spans.last_mut() {
            Some(last) if last.end == at => last.end = at + 1,
            _ => spans.push(Span { start: at, end: at + 1 }),
        }
    }
    Shows::Only(spans)
}

/// Byte by byte. What is hidden is so even where it is shown, too: an alias gives one text two meanings.
struct Mask<'a> {
    source: &'a Source,
    shown: Vec<bool>,
    hidden: Vec<bool>,
}

impl Mask<'_> {
    fn node(&mut self, generic: &str, node: &Node) {
        let kind =
            if generic.is_empty() { Some(Kind::Section) } else { table().field(generic).map(|field| field.kind) };
        match (kind, &node.what) {
            (Some(Kind::Section), What::Map(entries)) => {
                for (key, value) in entries {
                    let field = table().children(generic).find(|field| field.name() == key.text);
                    self.key(&key.text, key.span, field.is_some() || !value.is_null());
                    match field {
                        Some(field) => self.node(&field.path, value),
                        None => set(&mut self.hidden, value.span),
                    }
                }
            }
            (Some(Kind::Free { .. }), What::Map(entries)) => {
                for (key, value) in entries {
                    self.key(&key.text, key.span, !value.is_null());
                    self.node(&format!("{generic}.*"), value);
                }
            }
            (Some(Kind::List), What::List(items)) => {
                items.iter().for_each(|item| self.node(&format!("{generic}[]"), item));
            }
            (Some(Kind::Text(Text::Url)), What::Scalar { text, .. }) => self.url(text, node.span),
            (Some(kind), What::Scalar { text, .. }) if is_open(kind, text) && !is_mapping(kind) => {
                set(&mut self.shown, node.span);
            }
            _ => set(&mut self.hidden, node.span),
        }
    }

    fn key(&mut self, text: &str, span: Span, open: bool) {
        set(if open && is_name(text) { &mut self.shown } else { &mut self.hidden }, span);
    }

    /// Without user, password and query. Of what is no URL it cannot be told which part of it is a secret.
    fn url(&mut self, text: &str, span: Span) {
        let written = self.source.slice(span);
        let scheme = written.find("://").map(|at| at + 3);
        let Some(scheme) = scheme.filter(|_| Url::parse(text).is_ok_and(|url| url.has_host())) else {
            return set(&mut self.hidden, span);
        };
        let host = written.rfind('@').map_or(scheme, |at| at + 1);
        let end = written[host..].find(['?', '#']).map_or(written.len(), |at| host + at);
        let part = |from: usize, to: usize| Span { start: span.start + from, end: span.start + to };
        set(&mut self.shown, part(0, scheme));
        set(&mut self.hidden, part(scheme, host));
        set(&mut self.shown, part(host, end));
        set(&mut self.hidden, part(end, written.len()));
    }

    /// Shows marks between values, up to the first other sign of their line: a comment may hold anything.
    fn marks(&mut self) {
        let mut comment = false;
        for (at, character) in self.source.text.char_indices() {
            if character == '\n' {
                comment = false;
            } else if self.shown[at] || self.hidden[at] || character.is_whitespace() || comment {
            } else if MARKS.contains(character) {
                self.shown[at] = true;
            } else {
                comment = true;
            }
        }
    }
}

fn is_mapping(kind: Kind) -> bool {
    matches!(kind, Kind::Section | Kind::Free { .. })
}

fn set(bytes: &mut [bool], span: Span) {
    let end = span.end.min(bytes.len());
    bytes[span.start.min(end)..end].fill(true);
}
