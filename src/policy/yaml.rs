//! YAML as a tree that knows where everything stands. Nothing is interpreted here: a scalar keeps its text, so that
//! `0x10`, `.nan` and `1_000` are refused by the field that they stand in and not turned into numbers.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, StrInput};

use super::diagnostics::{Diagnostics, Severity};
use super::source::{Source, Span};

/// The most nodes of one file, aliases counted as often as they are used: a policy has about 60.
const MOST_NODES: usize = 20_000;
/// The deepest nesting: a policy needs 6.
const DEEPEST: usize = 32;

/// One document.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub root: Node,
    /// From its first to its last byte.
    pub span: Span,
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub span: Span,
    pub what: What,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(crate) enum What {
    /// `plain`: written without quotes and not as a block.
    Scalar {
        text: String,
        plain: bool,
    },
    Map(Vec<(Key, Node)>),
    List(Vec<Node>),
}

/// A key and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub text: String,
    pub span: Span,
}

impl Node {
    /// What it is, for people.
    pub fn noun(&self) -> &'static str {
        match &self.what {
            _ if self.is_null() => "empty",
            What::Scalar { .. } => "a single value",
            What::Map(_) => "a mapping",
            What::List(_) => "a list",
        }
    }

    /// Whether nothing was written, or YAML's null.
    pub fn is_null(&self) -> bool {
        matches!(&self.what, What::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    fn size(&self) -> usize {
        1 + match &self.what {
            What::Scalar { .. } => 0,
            What::Map(entries) => entries.iter().map(|(_, value)| value.size()).sum(),
            What::List(items) => items.iter().map(Self::size).sum(),
        }
    }
}

/// What the only document of a file says; `None`: there is none that says anything. A second one is reported, by what such a
/// file is called with its verb: `a plant is`.
pub(crate) fn only(source: &Source, such: &str, problems: &mut Diagnostics) -> Option<Node> {
    let mut roots =
        documents(source, problems).into_iter().map(|document| document.root).filter(|root| !root.is_null());
    let root = roots.next()?;
    if let Some(second) = roots.next() {
        let message = format!("{such} one document: leave out all from the second `---` on");
        problems.push(Severity::Error, source, second.span, message);
    }
    Some(root)
}

/// The documents of a file; what is no YAML is reported, and the documents that can be read are given all the same.
pub(crate) fn documents(source: &Source, problems: &mut Diagnostics) -> Vec<Document> {
    let options = granit_parser::options! { emit_comments: false };
    let parser = Parser::new_from_str_with_options(&source.text, options);
    let mut reader = Reader { parser, source, problems, anchors: HashMap::new(), nodes: 0, read: 0, stopped: false };
    reader.all()
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    source: &'a Source,
    problems: &'a mut Diagnostics,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    /// Where the last event began, in bytes.
    read: usize,
    stopped: bool,
}

/// The document cannot be read on; the reason has been reported.
struct Broken;

impl<'a> Reader<'a> {
    fn all(&mut self) -> Vec<Document> {
        let mut documents = Vec::new();
        while !self.stopped {
            match self.event() {
                Ok(Some((Event::DocumentStart(..), start))) => match self.document() {
                    Ok((root, end)) => {
                        let start = if start.is_empty() { root.span.start } else { start.end };
                        documents.push(Document { root, span: Span { start, end } });
                    }
                    Err(Broken) => self.recover(),
                },
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(Broken) => self.recover(),
            }
        }
        documents
    }

    fn document(&mut self) -> Result<(Node, usize), Broken> {
        self.anchors.clear();
        let first = self.next()?;
        let root = self.node(first, 0)?;
        let (_, end) = self.next()?;
        Ok((root, end.start))
    }

    /// Goes on behind the next `---`.
    fn recover(&mut self) {
        self.stopped |= !matches!(self.parser.proceed_next_document(), Ok(true));
    }

    fn node(&mut self, (event, span): (Event<'a>, Where), depth: usize) -> Result<Node, Broken> {
        self.nodes += 1;
        if self.nodes > MOST_NODES || depth > DEEPEST {
            let limit = if depth > DEEPEST { "is nested too deep" } else { "is too large" };
            self.fault(span.into(), format!("this file {limit}: policies can stand in files of their own"));
            self.stopped = true;
            return Err(Broken);
        }
        let (anchor, node) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.is_some(), span);
                let plain = matches!(style, ScalarStyle::Plain);
                let text = if plain && span.is_empty() { String::new() } else { text.into_owned() };
                (anchor, Node { span: span.into(), what: What::Scalar { text, plain } })
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_tag(tag.is_some(), span);
                let mut items = Vec::new();
                let end = loop {
                    match self.next()? {
                        (Event::SequenceEnd, end) => break end,
                        item => items.push(self.node(item, depth + 1)?),
                    }
                };
                (anchor, Node { span: Span { start: span.start, end: end.end }, what: What::List(items) })
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_tag(tag.is_some(), span);
                let (entries, end) = self.entries(depth)?;
                (anchor, Node { span: Span { start: span.start, end }, what: What::Map(entries) })
            }
            Event::Alias(id) => {
                let Some(node) = self.anchors.get(&id).cloned() else {
                    self.fault(span.into(), "an alias inside of its own anchor has no end".into());
                    return Err(Broken);
                };
                self.nodes += node.size();
                (0, node)
            }
            _ => {
                self.fault(span.into(), "a value is missing here".into());
                return Err(Broken);
            }
        };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn entries(&mut self, depth: usize) -> Result<(Vec<(Key, Node)>, usize), Broken> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        loop {
            let key = match self.next()? {
                (Event::MappingEnd, end) => return Ok((entries, end.end)),
                key => self.node(key, depth + 1)?,
            };
            let value = self.next()?;
            let value = self.node(value, depth + 1)?;
            let What::Scalar { text, .. } = key.what else {
                self.fault(key.span, format!("a key is a name, this one is {}", key.noun()));
                continue;
            };
            if let Some((first, _)) = entries.iter().find(|(first, _)| first.text == text) {
                let line = self.source.place(first.span).line;
                let name = if self.source.shows(key.span) { format!("`{text}`") } else { "this key".to_owned() };
                self.fault(key.span, format!("{name} stands here a second time, first on line {line}: keep one"));
                continue;
            }
            entries.push((Key { text, span: key.span }, value));
        }
    }

    fn refuse_tag(&mut self, tagged: bool, span: Where) {
        if tagged {
            self.fault(span.into(), "a tag (`!...`) has no meaning here: leave it out".into());
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Where), Broken> {
        match self.event()? {
            Some(next) => Ok(next),
            None => {
                self.stopped = true;
                Err(Broken)
            }
        }
    }

    fn event(&mut self) -> Result<Option<(Event<'a>, Where)>, Broken> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok((event, span))) => {
                let span = Where::of(&span);
                self.read = span.start;
                Ok(Some((event, span)))
            }
            Some(Err(error)) => {
                let start = error.marker().byte_offset().unwrap_or(self.source.text.len());
                let (span, message) = syntax(&self.source.text, (self.read, start), error.info().as_str());
                self.fault(span, message);
                Err(Broken)
            }
        }
    }

    fn fault(&mut self, span: Span, message: String) {
        self.problems.push(Severity::Error, self.source, span, message);
    }
}

/// Where the text stops being YAML, and the mend where the parser's words do not give it.
fn syntax(text: &str, (read, start): (usize, usize), error: &str) -> (Span, String) {
    let start = (0..=start.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let indent = text[line_start..].len() - text[line_start..].trim_start_matches([' ', '\t']).len();
    if let Some(tab) = text[line_start..line_start + indent].find('\t') {
        let at = line_start + tab;
        return (Span { start: at, end: at + 1 }, "not YAML: a tab cannot indent: write spaces".to_owned());
    }
    if error.contains("trailing content after")
        && error.contains("quoted scalar")
        && let Some(at) = quote_before(text, read, start)
    {
        return (
            Span { start: at, end: at + 1 },
            "not YAML: the quote that opens here does not end with its text: close the quote where the text ends"
                .to_owned(),
        );
    }
    const MENDS: [(&str, &str); 9] = [
        ("mapping values are not allowed", "put a text with `: ` in quotes, or look for a missing `:` above"),
        ("expected ',' or", "close the bracket above, and put texts with brackets or commas in quotes"),
        ("mismatched bracket", "close `[` with `]` and `{` with `}`"),
        ("unclosed bracket", "close it where the list or mapping ends"),
        ("misplaced bracket", "leave it out, or put a text with brackets in quotes"),
        ("illegal placement of ':'", "look for a bracket above that is not closed, or put a text with `:` in quotes"),
        ("did not find expected key", "begin the keys of one mapping in one column"),
        ("multiline quoted scalar", "close the quote where the text ends"),
        ("unknown anchor", "put a text that begins with `*` in quotes"),
    ];
    let mend = MENDS.iter().find(|(part, _)| error.contains(part)).map_or_else(String::new, |(_, m)| format!(": {m}"));
    (Span { start, end: start + 1 }, format!("not YAML: {error}{mend}"))
}

/// Where the quoted text began that ends at `end`; nothing before `from` was in doubt.
fn quote_before(text: &str, from: usize, end: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = from;
    while at < end {
        let quote = bytes[at];
        let opens = at == 0 || bytes[at - 1].is_ascii_whitespace() || b"{[,:".contains(&bytes[at - 1]);
        if !matches!(quote, b'"' | b'\'') || !opens {
            at += 1;
            continue;
        }
        let mut close = at + 1;
        while close < bytes.len() && (bytes[close] != quote || quote == b'\'' && bytes.get(close + 1) == Some(&quote)) {
            let pair = bytes[close] == quote || quote == b'"' && bytes[close] == b'\\';
            close += 1 + usize::from(pair);
        }
        // The parser stops behind the closing quote, and before the next text.
        if close + 1 >= end || text[close + 1..end].trim().is_empty() {
            return Some(at);
        }
        at = close + 1;
    }
    None
}

/// A span of the parser, in bytes.
#[derive(Clone, Copy)]
struct Where {
    start: usize,
    end: usize,
}

impl Where {
    fn of(span: &granit_parser::Span) -> Self {
        let range = span.byte_range().unwrap_or_default();
        Self { start: range.start, end: range.end }
    }

    fn is_empty(self) -> bool {
        self.start == self.end
    }
}

impl From<Where> for Span {
    fn from(at: Where) -> Self {
        Self { start: at.start, end: at.end }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<Document>, String) {
        let source = Source::new("x.yaml", text);
        let mut problems = Diagnostics::default();
        (documents(&source, &mut problems), problems.to_string())
    }

    /// Every scalar with what its span covers.
    fn scalars<'a>(node: &'a Node, source: &'a str, found: &mut Vec<(&'a str, &'a str)>) {
        match &node.what {
            What::Scalar { text, .. } => found.push((text, &source[node.span.start..node.span.end])),
            What::List(items) => items.iter().for_each(|item| scalars(item, source, found)),
            What::Map(entries) => {
                for (key, value) in entries {
                    assert_eq!(key.text, source[key.span.start..key.span.end].trim_matches(['"', '\'']));
                    scalars(value, source, found);
                }
            }
        }
    }

    #[test]
    fn a_span_covers_what_is_written() {
        for text in [
            "a: é\nb: [1, 'x y', \"z\"]\n\"c\": { d: .nan }\n",
            "a: é\r\nb: [1, 'x y', \"z\"]\r\n'c': { d: .nan }\r\n",
            "\u{feff}a: é\nb:\n- 1\n- 'x y'\n- \"z\"\nc: { d: .nan } # end",
        ] {
            let (documents, problems) = read(text);
            assert_eq!(problems, "", "{text:?}");
            let mut found = Vec::new();
            scalars(&documents[0].root, text, &mut found);
            let written = [("é", "é"), ("1", "1"), ("x y", "'x y'"), ("z", "\"z\""), (".nan", ".nan")];
            assert_eq!(found, written, "{text:?}");
        }
    }

    #[test]
    fn a_broken_document_does_not_hide_the_next() {
        let (documents, problems) = read("a: 1\n---\nb: [\n---\nc: 3\n");
        assert_eq!(documents.len(), 2, "{problems}");
        assert!(problems.starts_with("x.yaml:3:4: not YAML"), "{problems}");
        let texts: Vec<_> = documents.iter().map(|d| d.span.start).collect();
        assert_eq!(texts.len(), 2);
    }

    #[test]
    fn an_alias_repeats_its_anchor_and_is_counted_each_time() {
        let (documents, problems) = read("a: &x { b: 1 }\nc: *x\n");
        assert_eq!(problems, "");
        assert_eq!(documents[0].root.size(), 5);
        let bomb: String =
            (1..9).map(|i| format!("k{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 9].join(","))).collect();
        let (_, problems) = read(&format!("k0: &a0 x\n{bomb}"));
        assert!(problems.contains("too large"), "{problems}");
    }
}
