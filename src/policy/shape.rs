//! Holds a document against a table of fields: unknown keys, missing ones, and values that cannot be.

use super::diagnostics::{Diagnostics, Severity};
use super::fields::{self, EMPTY, Field, Kind, Table, Text, Unusable};
use super::source::{Shows, Source, Span};
use super::values::{Found, Values};
use super::yaml::{Key, Node, What};

/// What the document says; what is wrong with it is reported.
pub(crate) fn read(table: &'static Table, root: &Node, source: &Source, problems: &mut Diagnostics) -> Values {
    let mut reader = Reader { table, source, problems, values: Values::of(table) };
    let start = first_key(root).unwrap_or(root.span);
    if !reader.is_foreign(root) {
        reader.node("", "", &Key { text: ROOT.into(), span: start }, root);
    }
    reader.values
}

/// Whether the document says of itself that it is something else.
pub(crate) fn is_policy(values: &Values) -> bool {
    values.key("").is_some()
}

fn first_key(node: &Node) -> Option<Span> {
    if let What::Map(entries) = &node.what { entries.first().map(|(key, _)| key.span) } else { None }
}

/// What the document as a whole is called.
const ROOT: &str = "this document";
/// A name that stands in more sections than this is no hint where a misplaced one belongs.
const NAMED_SECTIONS: usize = 2;

struct Reader<'a> {
    table: &'static Table,
    source: &'a Source,
    problems: &'a mut Diagnostics,
    values: Values,
}

impl Reader<'_> {
    /// A ConfigMap among the policies gets one complaint, not twenty.
    fn is_foreign(&mut self, root: &Node) -> bool {
        let What::Map(entries) = &root.what else { return false };
        let mut foreign = false;
        for (key, value) in entries {
            let Some(field) = self.table.field(&key.text).filter(|field| matches!(field.kind, Kind::Constant(_)))
            else {
                continue;
            };
            if let What::Scalar { text, plain } = &value.what
                && !value.is_null()
                && field.read(text, *plain).is_err()
            {
                self.scalar(field, &key.text, key, value);
                foreign = true;
            }
        }
        foreign
    }

    /// `generic` is the path in the table, `path` the one in this document.
    fn node(&mut self, generic: &str, path: &str, key: &Key, node: &Node) {
        let kind = if generic.is_empty() {
            Kind::Section
        } else {
            self.table.field(generic).map_or(Kind::Section, |f| f.kind)
        };
        if node.is_null() {
            if self.table.field(generic).is_some_and(|field| field.word == Some(EMPTY)) {
                return;
            }
            let meaning = self.table.field(generic).map(Field::meaning).unwrap_or_default();
            self.fault(
                path,
                key.span,
                format!("{} is empty: give it a value or leave it out ({meaning})", self.named(key, node)),
            );
            return;
        }
        match (kind, &node.what) {
            (Kind::Section, What::Map(entries)) => {
                self.values.insert_key(path, key.span);
                self.section(generic, path, key, entries);
            }
            (Kind::Free { keys }, What::Map(entries)) => {
                self.values.insert_key(path, key.span);
                for (key, value) in entries {
                    self.free(keys, (generic, path), key, value);
                }
            }
            (Kind::List, What::List(items)) => {
                self.values.insert_key(path, key.span);
                self.values.insert_list(path, items.len());
                for (index, item) in items.iter().enumerate() {
                    let key = Key { text: key.text.clone(), span: item.span };
                    self.node(&format!("{generic}[]"), &format!("{path}[{index}]"), &key, item);
                }
            }
            (Kind::Section | Kind::Free { .. }, _) => {
                let inside = self.known(generic);
                let inside = if inside.is_empty() { inside } else { format!(" with {inside}") };
                let message = format!("{} is {}: a mapping is meant{inside}", self.named(key, node), node.noun());
                self.fault(path, node.span, message);
            }
            (Kind::List, What::Map(_)) => {
                self.fault(
                    path,
                    key.span,
                    format!("{} is a mapping: a list is meant, each item behind a `- `", self.named(key, node)),
                );
            }
            (_, What::Scalar { .. }) => {
                if let Some(field) = self.table.field(generic) {
                    self.scalar(field, path, key, node);
                }
            }
            (_, What::Map(_) | What::List(_)) => {
                let text = matches!(kind, Kind::Text(_));
                let mend = if text { "a text is meant: put it in quotes" } else { "a single value is meant" };
                self.fault(path, key.span, format!("{} is {}: {mend}", self.named(key, node), node.noun()));
            }
        }
    }

    fn section(&mut self, generic: &str, path: &str, key: &Key, entries: &[(Key, Node)]) {
        let mut meant = Vec::new();
        for (key, value) in entries {
            let child = join(path, &key.text);
            match self.table.children(generic).find(|field| field.name() == key.text) {
                Some(field) => self.node(&field.path, &child, key, value),
                None => {
                    let near = self.unknown(generic, &child, key, value);
                    near.iter().for_each(|near| self.values.insert_fault(&join(path, near)));
                    meant.extend(near);
                }
            }
        }
        let given = |name: &str| entries.iter().any(|(key, _)| key.text == name);
        for field in self.table.children(generic).filter(|field| field.required && !meant.contains(&field.name())) {
            if !given(field.name()) && !field.instead.is_some_and(given) {
                self.missing(field, &join(path, field.name()), key);
            }
        }
    }

    fn missing(&mut self, field: &Field, path: &str, section: &Key) {
        let inside: Vec<_> =
            self.table.children(&field.path).filter(|f| f.required).map(|f| format!("`{}`", f.name())).collect();
        let mend = match field.kind {
            Kind::Constant(text) => format!("add `{}: {text}`", field.name()),
            Kind::Section if !inside.is_empty() => format!("add it with {}", inside.join(", ")),
            _ => format!("add it ({})", field.meaning()),
        };
        self.fault(path, section.span, format!("{} is without `{}`: {mend}", quoted(section), field.name()));
    }

    /// Gives the name that was probably meant.
    fn unknown(&mut self, generic: &str, path: &str, key: &Key, value: &Node) -> Option<&'static str> {
        let near = fields::nearest(&key.text, self.table.children(generic).map(Field::name));
        let elsewhere: Vec<&str> = self
            .table
            .all()
            .iter()
            .filter(|field| field.name() == key.text && !field.path.contains("[]"))
            .filter_map(|field| field.path.rsplit_once('.').map(|(section, _)| section))
            .collect();
        let hint = if value.is_null() && key.text.contains(['(', ')', ' ', '"']) {
            "it looks like the rest of a text: inside of `{...}` put a text with commas in quotes".to_owned()
        } else if let Some(near) = near {
            format!("did you mean `{near}`?")
        } else if (1..=NAMED_SECTIONS).contains(&elsewhere.len()) {
            format!("it belongs under `{}`", elsewhere.join("` or `"))
        } else {
            format!("known there: {}", self.known(generic))
        };
        let place = if generic.is_empty() { "at the top" } else { &format!("under `{generic}`") };
        self.fault(path, key.span, format!("{} is not known {place}: {hint}", self.named(key, value)));
        near
    }

    fn free(&mut self, form: Text, (generic, path): (&str, &str), key: &Key, value: &Node) {
        if let Err(why) = form.read(&key.text, false) {
            let noun = if form == Text::LabelKey { "key of a label" } else { "name of a header" };
            self.fault(path, key.span, format!("{} cannot be the {noun}: {why}", self.named(key, value)));
        }
        self.node(&format!("{generic}.*"), &join(path, &key.text), key, value);
    }

    fn scalar(&mut self, field: &Field, path: &str, key: &Key, node: &Node) {
        let What::Scalar { text, plain } = &node.what else { return };
        match field.read(text, *plain) {
            Ok(value) => {
                self.values.insert(path, Found { value, text: text.clone(), at: node.span });
            }
            Err(Unusable(why)) if self.source.shows != Shows::Everything && !is_open(field.kind, text) => {
                self.fault(path, node.span, format!("{} cannot be used: {why}", self.named(key, node)));
            }
            Err(Unusable(why)) => {
                self.fault(path, node.span, format!("{} is {}: {why}", self.named(key, node), shown(text)))
            }
        }
    }

    /// The fields directly under a section, for a sentence.
    fn known(&self, section: &str) -> String {
        let fields = self.table.children(section);
        fields.map(|field| format!("`{}`", field.name())).collect::<Vec<_>>().join(", ")
    }

    /// A key for a sentence. Where a file holds secrets, one that is not known could be the rest of such.
    fn named(&self, key: &Key, value: &Node) -> String {
        let known = || self.table.all().iter().any(|field| field.name() == key.text);
        let open = self.source.shows == Shows::Everything
            || is_name(&key.text) && !value.is_null()
            || key.text == ROOT
            || known();
        if open { quoted(key) } else { "this key".to_owned() }
    }

    fn fault(&mut self, path: &str, span: Span, message: String) {
        self.values.insert_fault(path);
        self.problems.push(Severity::Error, self.source, span, message);
    }
}

/// Whether a value may be shown where a file holds secrets. A long one with blanks may have taken a comment or the next
/// line along.
pub(crate) fn is_open(kind: Kind, text: &str) -> bool {
    !kind.is_secret() && (text.len() <= 16 || !text.contains(char::is_whitespace))
}

/// Whether a text looks like the name of a setting or of a header.
pub(crate) fn is_name(text: &str) -> bool {
    text.len() <= 40
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn quoted(key: &Key) -> String {
    if key.text == ROOT { key.text.clone() } else { format!("`{}`", key.text) }
}

/// A value for a sentence: short, and in quotes where it could be taken for a part of the sentence.
fn shown(text: &str) -> String {
    if text.trim().is_empty() {
        return "empty".to_owned();
    }
    let one_line: String = text.chars().take(40).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let more = if text.chars().count() > 40 { "..." } else { "" };
    let word = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-+%/".contains(c));
    if word { format!("{one_line}{more}") } else { format!("`{one_line}{more}`") }
}
