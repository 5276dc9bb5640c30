//! What all commands share in what they print: the format, the colours, and a stdout that may be closed.

use std::error::Error;
use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Write};

use clap::{Args, ValueEnum};

/// The options of every command that prints an answer: flatten it into its `Args`.
#[derive(Debug, Clone, Copy, Args)]
pub struct Output {
    /// How answers are printed
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// When to colour them
    #[arg(long, value_enum, default_value_t)]
    pub color: Color,
}

/// How answers are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// Lines and tables for people.
    #[default]
    Table,
    /// JSON, one value a line.
    Json,
}

/// When to colour what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set or `TERM` is `dumb`.
    #[default]
    Auto,
    /// Also into a file or pipe.
    Always,
    /// Not at all.
    Never,
}

impl Color {
    /// Whether stdout takes colours.
    pub fn on_stdout(self) -> bool {
        self.on(io::stdout().is_terminal())
    }

    /// Whether stderr takes colours.
    pub fn on_stderr(self) -> bool {
        self.on(io::stderr().is_terminal())
    }

    fn on(self, terminal: bool) -> bool {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => terminal && !dumb && !set("NO_COLOR"),
        }
    }
}

/// Stdout, buffered: flush it when an answer is whole. It may be held across an `await`.
///
/// A reader that has closed the other end ends the command with exit code 0.
#[derive(Debug)]
pub struct Stdout(BufWriter<io::Stdout>);

impl Default for Stdout {
    fn default() -> Self {
        Self(BufWriter::new(io::stdout()))
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(marked)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(marked)
    }
}

fn marked(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::BrokenPipe { closed_pipe() } else { error }
}

/// Two layers, as an `io::Error` (and serde_json's around it) shows the source of what it carries, not that itself.
pub(super) fn closed_pipe() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, PrintFailed(ClosedPipe))
}

#[derive(Debug)]
struct PrintFailed(ClosedPipe);

impl fmt::Display for PrintFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failed to print")
    }
}

impl Error for PrintFailed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// The reader of our stdout has gone.
#[derive(Debug)]
pub(super) struct ClosedPipe;

impl fmt::Display for ClosedPipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stdout was closed")
    }
}

impl Error for ClosedPipe {}
