//! Tables that are kept as data beside the scenarios: CSV under one header, with comments.

use std::io;
use std::path::{Path, PathBuf};

/// Why such a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LinesError {
    /// The file cannot be read.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A line of it is none.
    #[error("{}:{line}: write {header}, as the header does", path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What stands in each line.
        header: &'static str,
    },
}

/// Gives the cells of each line below the header; `None` from `take`: the line is none. Lines that begin with `#` are comments.
///
/// # Errors
/// The file cannot be read, has another header, or a line of it is none.
pub(super) fn read(
    path: &Path,
    header: &'static str,
    mut take: impl FnMut(&[&str]) -> Option<()>,
) -> Result<(), LinesError> {
    let text = std::fs::read_to_string(path).map_err(|source| LinesError::Read { path: path.to_owned(), source })?;
    let mut lines = (1..).zip(text.lines()).filter(|(_, text)| !text.starts_with('#'));
    let wrong = |line| LinesError::Line { path: path.to_owned(), line, header };
    if let Some((line, _)) = lines.next().filter(|(_, text)| *text != header) {
        return Err(wrong(line));
    }
    for (line, text) in lines {
        take(&text.split(',').collect::<Vec<_>>()).ok_or_else(|| wrong(line))?;
    }
    Ok(())
}
