//! What all reports share: a decision as a mark, and the file that they go to.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::{asked_wrongly, line};
use crate::engine::{Action, Decision, Hold};
use crate::report::{Mark, Move, Report};

/// A file that a report will go to: `--report FILE.html`.
#[derive(Debug, Clone)]
pub(super) struct ReportFile(PathBuf);

impl ReportFile {
    /// That file. What it needs is looked at before the work begins, not after it.
    ///
    /// # Errors
    /// Its folder is not there, or the name is that of a folder.
    pub fn new(path: &Path) -> anyhow::Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.is_dir() {
            let message = format!("there is no folder `{}` for the report: create it", folder.display());
            return Err(asked_wrongly(anyhow::anyhow!(message)));
        }
        if path.is_dir() {
            let message = format!("`{}` is a folder: give the report a name, such as report.html", path.display());
            return Err(asked_wrongly(anyhow::anyhow!(message)));
        }
        Ok(Self(path.to_owned()))
    }

    /// Writes it, and says so on stderr.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, report: &Report) -> anyhow::Result<()> {
        let Self(path) = self;
        std::fs::write(path, report.html())
            .with_context(|| format!("failed to write the report `{}`", path.display()))?;
        // Nobody may be listening on stderr; that must not change the answer.
        let _ = writeln!(io::stderr(), "report: {}", path.display());
        Ok(())
    }
}

/// A decision as it is drawn.
pub(super) fn mark(at: f64, lane: usize, decision: &Decision) -> Mark {
    let Decision { job: _, at: _, action, because } = decision;
    let way = match action {
        Action::Scale { from, to } | Action::Hold(Hold::Observing { from, to }) if to > from => Move::Up,
        Action::Scale { .. } | Action::Hold(Hold::Observing { .. }) => Move::Down,
        Action::Hold(_) => Move::Hold,
    };
    let texts = |steps: Vec<&crate::engine::Step>| steps.into_iter().map(ToString::to_string).collect();
    Mark {
        at,
        lane,
        way,
        title: action.to_string(),
        because: texts(line::key_steps(action, because)),
        derivation: texts(because.iter().collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{JobId, Step, Timestamp, Workers};

    #[test]
    fn a_mark_tells_which_way_and_why() {
        let scale = |from, to| Action::Scale { from: Workers(from), to: Workers(to) };
        let observing = Action::Hold(Hold::Observing { from: Workers(4), to: Workers(6) });
        for (action, way) in [
            (scale(4, 6), Move::Up),
            (scale(6, 4), Move::Down),
            (observing, Move::Up),
            (Action::Hold(Hold::AtMin), Move::Hold),
        ] {
            let because = vec![Step::CpuGate { cpu: 0.95, above: 0.9 }, Step::Wish { workers: Workers(6) }];
            let decision = Decision { job: JobId::new("n", "j"), at: Timestamp::default(), action, because };
            let mark = mark(60.0, 1, &decision);
            assert_eq!((mark.way, mark.at, mark.lane), (way, 60.0, 1));
            assert_eq!(mark.because, ["up: cpu 0.95 is above 0.90"]);
            assert_eq!(mark.derivation.len(), 2);
        }
    }

    #[test]
    fn a_report_needs_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report.html");
        ReportFile::new(&file).unwrap().write(&Report { title: "a <b>".to_owned(), ..Report::default() }).unwrap();
        assert!(std::fs::read_to_string(&file).unwrap().contains("<h1>a &lt;b&gt;</h1>"));
        ReportFile::new(Path::new("report.html")).unwrap();
        for (path, expected) in
            [(folder.path().join("no/report.html"), "create it"), (folder.path().to_owned(), "is a folder")]
        {
            let error = ReportFile::new(&path).unwrap_err();
            assert!(format!("{error:#}").contains(expected), "{error:#}");
        }
    }
}
