//! What came out beside the marks that a rule is held to, and beside the real Flink autoscaler at its best.

use std::fmt::Write as _;

use super::results::Row;
use super::show;
use crate::simulate::marks::Mark;
use crate::simulate::peers::{Peer, SHOWN, Source};

/// The real Flink autoscaler with the settings that a search found.
pub(super) const RIVAL: Source = SHOWN[2];

/// Ahead is who uses at most this share of its worker-hours ...
const AHEAD: f64 = 0.92;
/// ... with no more late seconds than this share of all seconds above its own: noise of medians ...
const NO_MORE: f64 = 0.002;
/// ... or, where nobody can keep up for half of the time, a tenth more than its own.
const HOPELESS: (f64, f64) = (0.5, 1.1);

/// One cell: a scenario at a downtime.
pub(super) struct Cell<'a> {
    /// The scenario's name.
    pub scenario: &'a str,
    pub mark: Option<&'a Mark>,
    pub rival: Option<&'a Peer>,
    pub row: &'a Row,
}

/// Both numbers as tables show them, so that what looks equal is equal.
fn point(row: &Row) -> (f64, f64) {
    let (hours, late) = row.point();
    shown(late, hours)
}

fn shown(late: f64, hours: f64) -> (f64, f64) {
    ((late * 1000.0).round() / 10.0, (hours * 100.0).round() / 100.0)
}

impl Cell<'_> {
    /// Whether late seconds and worker-hours are within the mark.
    fn held(&self) -> Option<(bool, bool)> {
        let ((late, hours), mark) = (point(self.row), self.mark?);
        let (most_late, most_hours) = shown(mark.violation_share, mark.worker_hours);
        Some((late <= most_late, hours <= most_hours))
    }

    /// Whether it is ahead of the rival, by far fewer worker-hours at no more late seconds.
    fn is_ahead(&self) -> Option<bool> {
        let (rival, (late, hours)) = (self.rival?, point(self.row));
        let theirs = rival.violation_share;
        let most = if theirs > HOPELESS.0 { theirs * HOPELESS.1 } else { theirs + NO_MORE };
        Some(hours <= AHEAD * rival.worker_hours && late <= most * 100.0 + 1e-9)
    }

    /// Whether the rival is no worse in both and better in one.
    fn is_dominated(&self) -> bool {
        let Some(rival) = self.rival else { return false };
        let ((late, hours), theirs) = (point(self.row), shown(rival.violation_share, rival.worker_hours));
        theirs.0 <= late && theirs.1 <= hours && (theirs.0 < late || theirs.1 < hours)
    }

    fn line(&self) -> Vec<String> {
        let (late, hours) = point(self.row);
        let two = |late: f64, hours: f64| format!("{late:.1} / {hours:.2}");
        let mark = self.mark.map(|mark| shown(mark.violation_share, mark.worker_hours));
        let rival = self.rival.map(|rival| shown(rival.violation_share, rival.worker_hours));
        let held = match self.held() {
            None => String::new(),
            Some((true, true)) => "held".to_owned(),
            Some((late, hours)) => {
                let over: Vec<&str> = [(late, "late"), (hours, "worker-hours")]
                    .iter()
                    .filter(|(held, _)| !held)
                    .map(|(_, what)| *what)
                    .collect();
                format!("missed: {}", over.join(", "))
            }
        };
        let against = match self.is_ahead() {
            None => "",
            _ if self.is_dominated() => "dominated",
            Some(true) => "ahead",
            Some(false) => "neither",
        };
        vec![
            self.scenario.to_owned(),
            mark.map_or_else(String::new, |(late, hours)| two(late, hours)),
            two(late, hours),
            held,
            rival.map_or_else(String::new, |(late, hours)| two(late, hours)),
            against.to_owned(),
            format!("{:.0}", self.row.spread(|scores| f64::from(scores.rescales)).median),
        ]
    }
}

/// The table of a policy at one downtime, in Markdown.
pub(super) fn table(downtime: f64, name: &str, cells: &[Cell<'_>]) -> String {
    let header =
        [&format!("D = {downtime} s"), "mark", name, "", "real Flink, best", &format!("{name} is"), "rescales"];
    let rows: Vec<_> = cells.iter().map(Cell::line).collect();
    show::markdown(&header.map(str::to_owned), &rows)
}

/// All cells of a policy in a sentence.
pub(super) fn summary(name: &str, cells: &[Cell<'_>]) -> String {
    let held: Vec<bool> = cells.iter().filter_map(Cell::held).flat_map(|(late, hours)| [late, hours]).collect();
    let ahead: Vec<bool> = cells.iter().filter_map(Cell::is_ahead).collect();
    let count = |all: &[bool]| format!("{} of {}", all.iter().filter(|held| **held).count(), all.len());
    let mut text = format!("`{name}`: {} marks held", count(&held));
    let dominated = cells.iter().filter(|cell| cell.is_dominated()).count();
    if !ahead.is_empty() {
        let _ =
            write!(text, "; ahead of the real Flink autoscaler in {} cells, dominated in {dominated}", count(&ahead));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::Scores;

    #[test]
    fn both_sides_of_mark_and_rival() {
        let mark = Mark { violation_share: 0.045, worker_hours: 1.3 };
        let rival =
            |late: f64| Peer { violation_share: late, lag_p99: 0.0, worker_hours: 1.5, rescales: 2, reversals: 0 };
        for (late, hours, theirs, held, ahead, dominated) in [
            (0.045, 1.3, 0.043, (true, true), true, false),
            (0.0454, 1.304, 0.044, (true, true), true, false),
            (0.0456, 1.306, 0.044, (false, false), true, false),
            (0.045, 1.381, 0.045, (true, false), true, false),
            (0.045, 1.386, 0.045, (true, false), false, false),
            (0.046, 1.0, 0.043, (false, true), false, false),
            (0.045, 1.5, 0.045, (true, false), false, false),
            (0.046, 1.5, 0.045, (false, false), false, true),
            (0.66, 1.3, 0.6, (false, true), true, false),
            (0.661, 1.3, 0.6, (false, true), false, false),
        ] {
            let scores = Scores { violation_share: late, worker_hours_over_clairvoyant: hours, ..Scores::default() };
            let row = Row { family: "a".into(), name: "a".into(), scores: vec![(1, scores)] };
            let rival = rival(theirs);
            let cell = Cell { scenario: "S1", mark: Some(&mark), rival: Some(&rival), row: &row };
            assert_eq!(cell.held(), Some(held), "{late} {hours}");
            assert_eq!((cell.is_ahead(), cell.is_dominated()), (Some(ahead), dominated), "{late} {hours}");
        }
    }
}
