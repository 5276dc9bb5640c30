//! What can go wrong with a recording.

use std::io;
use std::path::PathBuf;

use super::header::VERSION;
use super::json::JsonFault;
use crate::engine::{JobId, Timestamp};

/// What can go wrong with a recording.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is not there, or not to be read.
    #[error("failed to open `{}`", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be made.
    #[error("failed to create `{}`", path.display())]
    Create {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Reading failed half-way.
    #[error("failed to read line {line} of the recording ({kept})")]
    Read {
        /// Counted from 1.
        line: u64,
        /// What was read before.
        kept: Kept,
        /// Why.
        source: io::Error,
    },
    /// Writing failed, for example as the disk is full.
    #[error("failed to write the recording")]
    Write(#[source] io::Error),
    /// It is something else.
    #[error(
        "not a Steelyard recording: the first line should be a header such as \
         {{\"steelyardRecording\": {VERSION}, ...}}; `steelyard record` makes one"
    )]
    NotARecording,
    /// A newer Steelyard made it.
    #[error(
        "the recording has format {found}, this Steelyard reads formats up to {VERSION}: \
         upgrade Steelyard, or record again with this one"
    )]
    Newer {
        /// The format's number.
        found: u64,
    },
    /// The header of this version is not what it should be.
    #[error("failed to read the recording's header")]
    Header(#[source] JsonFault),
    /// A policy of the header does not hold up.
    #[error("failed to use policy `{name}` of the recording")]
    Policy {
        /// Its name.
        name: String,
        /// What is wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file ends within a line: its writer was killed, or it was copied in part.
    #[error("the recording ends in the middle of line {line}; {kept}")]
    Truncated {
        /// Counted from 1.
        line: u64,
        /// What was read before.
        kept: Kept,
    },
    /// A line is not a TickRecord.
    #[error("the recording is damaged; {kept}")]
    Damaged {
        /// What was read before.
        kept: Kept,
        /// What is wrong.
        source: JsonFault,
    },
    /// A line goes back in time.
    #[error("line {line} of the recording ({at}) is not later than the line before it; {kept}")]
    OutOfOrder {
        /// Counted from 1.
        line: u64,
        /// Its time.
        at: Timestamp,
        /// What was read before.
        kept: Kept,
    },
    /// A job is of a class that the header has no policy for.
    #[error("no policy of this recording is called `{class}`, the class of {job}")]
    UnknownClass {
        /// Whose class.
        job: JobId,
        /// Which.
        class: String,
    },
    /// The policies to replay with do not fit the recording.
    #[error("the recording has no class `{name}`, only {known}: rename the policy to the class that it is to replace")]
    NoSuchClass {
        /// The policy's name.
        name: String,
        /// The recording's classes.
        known: String,
    },
}

impl Error {
    /// Whether all that was written before stands, and only an unfinished end is lost.
    pub fn is_truncation(&self) -> bool {
        matches!(self, Self::Truncated { .. })
    }

    /// Whether a file was asked for that cannot be a recording of ours (rather than that reading it failed).
    pub fn is_bad_input(&self) -> bool {
        !matches!(self, Self::Read { .. } | Self::Write(_) | Self::Create { .. })
    }
}

/// How much of a recording was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kept {
    /// Whole TickRecords.
    pub ticks: u64,
    /// The time of the last of them.
    pub last: Option<Timestamp>,
}

impl std::fmt::Display for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.ticks, self.last) {
            (1, Some(last)) => write!(f, "the 1 tick before, at {last}, is kept"),
            (ticks, Some(last)) => write!(f, "the {ticks} ticks before, up to {last}, are kept"),
            (_, None) => f.write_str("it holds no whole tick"),
        }
    }
}
