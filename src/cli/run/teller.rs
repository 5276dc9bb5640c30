//! Prints decisions as they come.

use std::io::Write;

use crate::cli::{Output, Stdout, line};
use crate::engine::{Decision, Observations};
use crate::run::{Changes, Sink, paired};

/// Which decisions are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// Each of every tick.
    All,
    /// Those whose wish or reason changed.
    Changed,
}

/// Tells decisions on stdout, and carries none out.
pub(super) struct Teller<W = Stdout> {
    output: Option<(W, Output, Which)>,
    changes: Changes,
}

impl Teller {
    /// Prints to stdout.
    pub fn printing(output: Output, which: Which) -> Self {
        Self { output: Some((Stdout::default(), output, which)), changes: Changes::default() }
    }

    /// Prints nothing: the log tells.
    pub fn silent() -> Self {
        Self { output: None, changes: Changes::default() }
    }
}

impl<W: Write + Send> Sink for Teller<W> {
    async fn carry_out(&mut self, seen: &Observations, decisions: &[Decision]) -> anyhow::Result<()> {
        let Some((to, output, which)) = &mut self.output else { return Ok(()) };
        let told = match which {
            Which::All => paired(seen, decisions).collect(),
            Which::Changed => self.changes.among(seen, decisions),
        };
        for (_, decision) in told {
            line::print(to, *output, decision)?;
        }
        to.flush()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Color, Format};
    use crate::engine::{Action, ClassIndex, Hold, JobId, JobIndex, JobObservation, Timestamp};

    #[tokio::test]
    async fn changed_decisions_are_printed_once_and_all_are_printed_always() {
        let output = Output { format: Format::Json, color: Color::Never };
        let job = JobObservation::unseen(JobIndex(0), JobId::new("streaming", "orders"), ClassIndex(0));
        let seen = Observations { classes: Vec::new(), jobs: vec![job] };
        let at = Timestamp::from_millis(1_795_229_300_000);
        let (job, action) = (seen.jobs[0].id.clone(), Action::Hold(Hold::AtMin));
        let decisions = [Decision { job, at, action, because: Vec::new() }];
        for (which, lines) in [(Which::Changed, 1), (Which::All, 3)] {
            let mut teller = Teller { output: Some((Vec::new(), output, which)), changes: Changes::default() };
            for _ in 0..3 {
                teller.carry_out(&seen, &decisions).await.unwrap();
            }
            let (printed, ..) = teller.output.unwrap();
            let expected = "{\"at\":\"2026-11-21T02:48:20.000Z\",\"namespace\":\"streaming\",\"name\":\"orders\",\
                            \"action\":\"hold\",\"reason\":\"atMin\",\"because\":[]}\n";
            assert_eq!(String::from_utf8(printed).unwrap(), expected.repeat(lines));
        }
    }
}
