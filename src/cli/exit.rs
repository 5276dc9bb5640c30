//! The exit codes: the one place where they are said.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

use super::output::ClosedPipe;

pub(super) const AFTER_HELP: &str = "\
Exit codes:
  0  yes: done, or the answer is yes
  1  the answer is no: `check` found faults, `replay` differs
  2  asked wrongly: flags, settings or a policy
  3  we failed";

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done, or the answer is yes. A reader that closed its pipe has read enough: that is a yes too.
    Yes,
    /// 1: the answer is no (a check found faults, a replay differs).
    No,
    /// 2: flags, settings or a policy are wrong, so nothing was done.
    AskedWrongly,
    /// 3: it was asked rightly, and we failed.
    Failed,
}

impl Exit {
    /// What a command's result means.
    pub fn of(result: &anyhow::Result<bool>) -> Self {
        match result {
            Ok(true) => Self::Yes,
            Ok(false) => Self::No,
            Err(error) if error.chain().any(|cause| cause.is::<ClosedPipe>()) => Self::Yes,
            Err(error) if error.downcast_ref::<AskedWrongly>().is_some() => Self::AskedWrongly,
            Err(_) => Self::Failed,
        }
    }

    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Yes => 0,
            Self::No => 1,
            Self::AskedWrongly => 2,
            Self::Failed => 3,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// Marks an error as the asker's: bad flags, settings or policies. It reads like the error that it marks.
pub struct AskedWrongly(anyhow::Error);

/// Marks an error as the asker's, see [`AskedWrongly`]. For `map_err`.
pub fn asked_wrongly(error: impl Into<anyhow::Error>) -> anyhow::Error {
    AskedWrongly(error.into()).into()
}

impl fmt::Display for AskedWrongly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&*self.0, f)
    }
}

impl fmt::Debug for AskedWrongly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Error for AskedWrongly {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use anyhow::Context as _;

    use super::*;

    fn code(result: anyhow::Result<bool>) -> u8 {
        Exit::of(&result).code()
    }

    #[test]
    fn every_ending_has_its_code() {
        let failed = || anyhow::anyhow!("no route").context("failed to ask Prometheus");
        assert_eq!(code(Ok(true)), 0);
        assert_eq!(code(Ok(false)), 1);
        assert_eq!(code(Err(asked_wrongly(failed()))), 2);
        assert_eq!(code(Err(asked_wrongly(failed())).context("a sentence more")), 2);
        assert_eq!(code(Err(failed())), 3);
    }

    #[test]
    fn only_our_own_stdout_may_be_closed_without_harm() {
        let closed = |error: io::Error| Err::<bool, _>(error).context("failed to print");
        assert_eq!(code(closed(super::super::output::closed_pipe())), 0);
        assert_eq!(code(closed(io::ErrorKind::BrokenPipe.into())), 3, "a broken connection is no closed pipe");
        let through_json = serde_json::Error::io(super::super::output::closed_pipe());
        assert_eq!(code(Err(through_json.into())), 0);
    }

    #[test]
    fn a_marked_error_reads_as_if_it_were_not_marked() {
        let error = || anyhow::anyhow!("no such file").context("failed to read `a.yaml`");
        assert_eq!(format!("{:#}", asked_wrongly(error())), format!("{:#}", error()));
    }
}
