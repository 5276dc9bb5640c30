//! One decision in one line: for people, or as JSON.

use std::collections::HashSet;
use std::io::Write;

use super::{Format, Output};
use crate::engine::{Action, Decision, Hold, Step};

/// Prints it, with its whole derivation where it is JSON.
pub(super) fn print(to: &mut impl Write, output: Output, decision: &Decision) -> anyhow::Result<()> {
    match output.format {
        Format::Json => {
            serde_json::to_writer(&mut *to, decision)?;
            to.write_all(b"\n")?;
        }
        Format::Table => writeln!(to, "{}", line(decision, output.color.on_stdout()))?,
    }
    Ok(())
}

/// The time, the job, what is decided, and the steps that decided it.
fn line(decision: &Decision, colored: bool) -> String {
    let Decision { job, at, action, because } = decision;
    let (bold, plain) = match action {
        Action::Scale { .. } | Action::Hold(Hold::Observing { .. }) if colored => ("\x1b[1m", "\x1b[0m"),
        _ => ("", ""),
    };
    let steps: Vec<_> = key_steps(action, because).into_iter().map(Step::to_string).collect();
    let why = if steps.is_empty() { String::new() } else { format!("  ({})", steps.join("; ")) };
    format!("{at}  {job}  {bold}{action}{plain}{why}")
}

/// The steps that a reader needs: of the operators, those that opened a gate or decided.
pub(super) fn key_steps<'a>(action: &Action, because: &'a [Step]) -> Vec<&'a Step> {
    let mut named: HashSet<&str> = because
        .iter()
        .filter_map(|step| match step {
            Step::BacklogGate { operator, .. } | Step::Deciding { operator, .. } => Some(&**operator),
            Step::GatesShut { growing, .. } => growing.as_deref(),
            _ => None,
        })
        .collect();
    if let Action::Hold(Hold::Stalled { operator } | Hold::MissingSignal { operator: Some(operator), .. }) = action {
        named.insert(operator);
    }
    let is_key = |step: &&Step| match step {
        Step::Job { .. } => false,
        Step::Operator { operator, .. } | Step::SmallBacklog { operator, .. } | Step::Demand { operator, .. } => {
            named.contains(&**operator)
        }
        // The action says the same.
        Step::Wish { .. } | Step::Mode { .. } => false,
        _ => true,
    };
    because.iter().filter(is_key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{JobId, Timestamp, Workers};

    fn decision(name: &str, action: Action, because: Vec<Step>) -> Decision {
        Decision { job: JobId::new("streaming", name), at: Timestamp::from_millis(1_795_229_300_000), action, because }
    }

    #[test]
    fn a_line_has_the_key_numbers_and_not_all() {
        let demand = |operator: &str| Step::Demand { operator: operator.into(), keep_up: 12.0, catch_up: 30.0 };
        let because = vec![
            Step::BacklogGate { operator: "read".into(), backlog_time: 180.0, above: 120.0 },
            demand("read"),
            demand("write"),
            Step::Deciding { operator: "read".into(), workers: 42.0 },
            Step::Wish { workers: Workers(42) },
        ];
        let scale = decision("orders", Action::Scale { from: Workers(10), to: Workers(42) }, because);
        assert_eq!(
            line(&scale, false),
            "2026-11-21T02:48:20.000Z  streaming/orders  scale 10 -> 42  (up: the backlog of `read` takes 3m, more than \
             2m; `read` needs 12.00 workers to keep up and 30.00 more to catch up; `read` needs the most: 42.00 workers)"
        );
        assert!(line(&scale, true).contains("\x1b[1mscale 10 -> 42\x1b[0m"));
        let hold = decision("orders", Action::Hold(Hold::NotRunning), Vec::new());
        assert_eq!(line(&hold, true), "2026-11-21T02:48:20.000Z  streaming/orders  hold: no worker runs");
    }
}
