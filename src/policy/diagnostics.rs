//! What is wrong with files, all of it at once: file, line, column, the text underlined, the mend.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::source::{Place, Shows, Source, Span};

/// Problems of one or more files, in the order of files and positions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics {
    problems: Vec<Problem>,
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used, and probably does not do what was meant.
    Warning,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// The file, as it was named or found; for settings also a variable or flag.
    pub file: Arc<str>,
    /// `None` where the file as a whole is at fault (it cannot be read), and for what stands in no file.
    pub position: Option<Position>,
    /// What is wrong and the mend: a fragment without a full stop.
    pub message: String,
}

/// Where in a file. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// How many characters are underlined, at least 1.
    pub width: usize,
    /// The line.
    pub text: String,
}

impl Diagnostics {
    /// How many problems there are, warnings counted in.
    pub fn len(&self) -> usize {
        self.problems.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// Whether something in it forbids the use of the policies.
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// The text of [`Display`](fmt::Display), in colours where they are wanted.
    pub fn painted(&self, colour: bool) -> impl fmt::Display {
        Painted { problems: &self.problems, colour }
    }

    /// The problems, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter()
    }

    /// Whether something forbids the use of that file.
    pub(crate) fn has_errors_in(&self, file: &str) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error && *problem.file == *file)
    }

    /// Adds a problem of a whole file.
    pub(crate) fn file_error(&mut self, file: &str, message: String) {
        self.problems.push(Problem { severity: Severity::Error, file: file.into(), position: None, message });
    }

    pub(crate) fn push(&mut self, severity: Severity, source: &Source, span: Span, message: String) {
        let position = (source.shows != Shows::Nothing).then(|| {
            let Place { line, column, text, width } = source.place(span);
            Position { line, column, width, text }
        });
        let problem = Problem { severity, file: Arc::clone(&source.name), position, message };
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Sorts by file (in the order in which they were named), then position.
    pub(crate) fn sort(&mut self, files: &[Arc<str>]) {
        let rank = |problem: &Problem| files.iter().position(|file| *file == problem.file);
        self.problems.sort_by_key(|problem| {
            let place = problem.position.as_ref().map_or((0, 0), |at| (at.line, at.column));
            (rank(problem), place)
        });
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Painted { problems: &self.problems, colour: false }.fmt(f)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(f, false)
    }
}

/// Problems as they are shown on a terminal, with or without colours.
struct Painted<'a> {
    problems: &'a [Problem],
    colour: bool,
}

impl fmt::Display for Painted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            problem.print(f, self.colour)?;
        }
        Ok(())
    }
}

impl Problem {
    fn print(&self, f: &mut fmt::Formatter<'_>, colour: bool) -> fmt::Result {
        let Self { severity, file, position, message } = self;
        let kind = if *severity == Severity::Warning { "warning: " } else { "" };
        let hue = if *severity == Severity::Warning { "\x1b[33m" } else { "\x1b[31m" };
        let (bold, hue, plain) = if colour { ("\x1b[1m", hue, "\x1b[0m") } else { ("", "", "") };
        let Some(Position { line, column, width, text }) = position else {
            return write!(f, "{bold}{file}{plain}: {hue}{kind}{plain}{message}");
        };
        write!(f, "{bold}{file}:{line}:{column}{plain}: {hue}{kind}{plain}{message}\n   |\n   | {text}\n   | ")?;
        write!(f, "{:indent$}{hue}{:^<width$}{plain}", "", "", indent = column - 1)
    }
}

impl Error for Diagnostics {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_starts_with_its_place_and_underlines_the_text() {
        let source = Source::new("p.yaml", "a:\n  cpuAbove: 90\n");
        let mut all = Diagnostics::default();
        all.push(Severity::Error, &source, Span { start: 15, end: 17 }, "too much".into());
        all.push(Severity::Warning, &source, Span { start: 0, end: 1 }, "odd".into());
        all.file_error("q.yaml", "cannot be read".into());
        all.sort(&["p.yaml".into(), "q.yaml".into()]);
        assert_eq!(
            all.to_string(),
            "p.yaml:1:1: warning: odd\n   |\n   | a:\n   | ^\n\n\
             p.yaml:2:13: too much\n   |\n   |   cpuAbove: 90\n   |             ^^\n\n\
             q.yaml: cannot be read"
        );
        assert!(all.has_errors());
        let painted = all.painted(true).to_string();
        assert!(painted.contains("\x1b[1mp.yaml:2:13\x1b[0m: "), "{painted:?}");
        assert!(painted.ends_with("\x1b[1mq.yaml\x1b[0m: \x1b[31m\x1b[0mcannot be read"), "{painted:?}");
        assert_eq!(all.len(), 3);
    }
}
