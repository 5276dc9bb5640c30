//! A file's text, and where in it a span lies; for a text with secrets, which part of it may be shown.

use std::sync::Arc;

/// A range of bytes of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

/// One file as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// What diagnostics call it.
    pub name: Arc<str>,
    /// All of it.
    pub text: Arc<str>,
    /// What of it diagnostics may show.
    pub shows: Shows,
}

/// What of a text diagnostics may show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shows {
    /// All of it.
    Everything,
    /// These parts alone; the rest is masked.
    Only(Vec<Span>),
    /// There is no text with lines: a variable or a flag.
    Nothing,
}

/// Where a span begins, for people: lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub line: usize,
    pub column: usize,
    /// The whole line, without its end.
    pub text: String,
    /// How many characters of that line the span covers, at least 1.
    pub width: usize,
}

/// What stands for a text that may not be shown, however long that is.
const MASK: &str = "***";

impl Source {
    /// A text that may be shown.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into(), shows: Shows::Everything }
    }

    /// Whether all of a span may be shown.
    pub fn shows(&self, span: Span) -> bool {
        match &self.shows {
            Shows::Everything => true,
            Shows::Only(parts) => parts.iter().any(|part| part.start <= span.start && span.end <= part.end),
            Shows::Nothing => false,
        }
    }

    /// Where `span` begins. A span that goes on over several lines is cut at the end of its first.
    pub fn place(&self, span: Span) -> Place {
        let start = self.boundary(span.start);
        let before = &self.text[..start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line_end = self.text[start..].find('\n').map_or(self.text.len(), |at| start + at);
        let end = self.boundary(span.end).clamp(start, line_end);
        let line = before.matches('\n').count() + 1;
        let column = self.text[line_start..start].trim_start_matches('\u{feff}').chars().count() + 1;
        let width = self.text[start..end].trim_end().chars().count().max(1);
        let (text, width) = match &self.shows {
            Shows::Everything => (self.text[line_start..line_end].to_owned(), width),
            _ => self.masked((line_start, line_end), (start, end)),
        };
        let text = text.trim_start_matches('\u{feff}').trim_end().replace('\t', " ");
        Place { line, column, text, width }
    }

    /// A line without what may not be shown, and how much of it is underlined. Before the span a character is masked
    /// one by one, as the column tells their number anyway; from there on the first that is masked ends the line.
    fn masked(&self, (line_start, line_end): (usize, usize), (start, end): (usize, usize)) -> (String, usize) {
        let (mut text, mut width) = (String::new(), 0);
        for (at, character) in self.text[line_start..line_end].char_indices() {
            let at = line_start + at;
            let span = Span { start: at, end: at + character.len_utf8() };
            let shown = character.is_whitespace() || character == '\u{feff}' || self.shows(span);
            let underlined = usize::from((start..end.max(start + 1)).contains(&at));
            if shown {
                text.push(character);
                width += underlined;
            } else if at < start {
                text.push('*');
            } else {
                text.push_str(MASK);
                width += underlined * MASK.len();
                break;
            }
        }
        (text, width.max(1))
    }

    /// The text that a span covers.
    pub fn slice(&self, span: Span) -> &str {
        &self.text[self.boundary(span.start)..self.boundary(span.end.max(span.start))]
    }

    /// The span of the first occurrence of `needle` inside `within`; `within` itself where it is not there (an
    /// escape, or a text folded over lines, hides it).
    pub fn find(&self, within: Span, needle: &str) -> Span {
        match self.slice(within).find(needle) {
            Some(at) => Span { start: within.start + at, end: within.start + at + needle.len() },
            None => within,
        }
    }

    fn boundary(&self, at: usize) -> usize {
        let at = at.min(self.text.len());
        (0..=at).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_characters_from_one_and_stays_on_its_line() {
        let source = Source::new("a.yaml", "é: 1\nkey: »x«\n  y\n");
        let at = source.text.find('»').unwrap();
        let place = source.place(Span { start: at, end: source.text.len() });
        assert_eq!(place, Place { line: 2, column: 6, text: "key: »x«".into(), width: 3 });
        assert_eq!(source.place(Span { start: 0, end: 2 }).column, 1);
        let end = source.place(Span { start: 999, end: 1000 });
        assert_eq!((end.line, end.column, end.width), (4, 1, 1));
    }

    #[test]
    fn a_needle_is_found_inside_its_span_only() {
        let source = Source::new("a.yaml", "[2m] [5m] [5m]");
        let within = Span { start: 5, end: 14 };
        assert_eq!(source.find(within, "[5m]"), Span { start: 5, end: 9 });
        assert_eq!(source.find(within, "[2m]"), within);
    }

    #[test]
    fn what_may_not_be_shown_is_masked_without_its_length() {
        let text = "a: { key: hidden, b: 12, c: alsohidden }";
        let part = |part: &str| {
            let start = text.find(part).unwrap();
            Span { start, end: start + part.len() }
        };
        let parts = vec![part("a: { key: "), part(", b: 12, c: ")];
        let source = Source { shows: Shows::Only(parts), ..Source::new("a.yaml", text) };
        let shown = |span| {
            let Place { text, width, .. } = source.place(span);
            (text, width)
        };
        assert_eq!(shown(part("key")), ("a: { key: ***".to_owned(), 3));
        assert_eq!(shown(part("hidden")), ("a: { key: ***".to_owned(), 3));
        assert_eq!(shown(part("12")), ("a: { key: ******, b: 12, c: ***".to_owned(), 2));
        assert_eq!(shown(part("{ key: hidden, b")), ("a: { key: ***".to_owned(), 10));
        assert!(source.shows(part("key")) && !source.shows(part("key: hidden")));
    }
}
