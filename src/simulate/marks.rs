//! What a rule is held to in the scenarios: kept as data beside them.

use std::collections::BTreeMap;
use std::path::Path;

use super::lines::{self, LinesError};

/// Its file, in the folder of the scenarios.
pub const FILE: &str = "marks.csv";
const HEADER: &str = "downtime,scenario,violation,worker_hours";

/// The most that may come out of one scenario at one downtime.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mark {
    /// Share of the seconds that may be late, to be compared after rounding to a tenth of a percent.
    pub violation_share: f64,
    /// Worker-hours over the clairvoyant's, to be compared after rounding to a hundredth.
    pub worker_hours: f64,
}

/// All marks.
#[derive(Debug, Clone, Default)]
pub struct Marks(BTreeMap<(u32, String), Mark>);

impl Marks {
    /// The marks of a folder of scenarios.
    ///
    /// # Errors
    /// The file cannot be read, or a line of it is none.
    pub fn load(folder: &Path) -> Result<Self, LinesError> {
        let mut marks = Self::default();
        lines::read(&folder.join(FILE), HEADER, |cells| marks.add(cells))?;
        Ok(marks)
    }

    fn add(&mut self, cells: &[&str]) -> Option<()> {
        let [downtime, scenario, late, hours] = *cells else { return None };
        let mark = Mark { violation_share: late.parse::<f64>().ok()? / 100.0, worker_hours: hours.parse().ok()? };
        self.0.insert((downtime.parse().ok()?, scenario.to_owned()), mark);
        Some(())
    }

    /// The mark of a scenario at a downtime in seconds.
    pub fn get(&self, downtime: f64, scenario: &str) -> Option<&Mark> {
        if downtime.fract() != 0.0 {
            return None;
        }
        self.0.get(&(downtime as u32, scenario.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_file_has_a_mark_for_each_scenario_at_30_and_75_seconds() {
        let marks = Marks::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/scenarios")).unwrap();
        for scenario in ["S1", "S2", "S3", "S4", "S7", "S9", "S10", "S12"] {
            assert!([30.0, 75.0].iter().all(|downtime| marks.get(*downtime, scenario).is_some()), "{scenario}");
        }
        let mark = marks.get(30.0, "S1").unwrap();
        assert!((mark.violation_share - 0.045).abs() < 1e-12 && (mark.worker_hours - 1.3).abs() < 1e-12);
        assert!(marks.get(2.0, "S1").is_none() && marks.get(30.5, "S1").is_none());
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Marks::load(folder.path()).unwrap_err(), LinesError::Read { .. }));
        for (text, line) in [
            (format!("# whose\n{HEADER}\n30,S1,4.5,1.3\n30,S1,4.5\n"), 4),
            (format!("{HEADER}\n30,S1,few,1.3\n"), 2),
            ("30,S1,4.5,1.3\n".to_owned(), 1),
        ] {
            std::fs::write(folder.path().join(FILE), text).unwrap();
            let error = Marks::load(folder.path()).unwrap_err();
            assert!(matches!(error, LinesError::Line { line: at, .. } if at == line), "{error}");
        }
    }
}
