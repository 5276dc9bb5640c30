//! Scores of the real Flink autoscaler in the same scenarios: measured once, kept as data, shown beside ours.

use std::collections::BTreeMap;
use std::path::Path;

use super::lines::{self, LinesError};

/// Its file, in the folder of the scenarios.
pub const FILE: &str = "real-flink-autoscaler.csv";
const HEADER: &str = "start,downtime,scenario,settings,source,violation,lag_p99,worker_hours,rescales,reversals";

/// Medians of one cell of its tables.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peer {
    /// Share of the seconds with a lag above 60 s.
    pub violation_share: f64,
    /// 99 % of the seconds have a lag below it, in seconds.
    pub lag_p99: f64,
    /// Over the clairvoyant's.
    pub worker_hours: f64,
    /// Orders of another count.
    pub rescales: u32,
    /// Of these against the direction of the one before, within 30 minutes.
    pub reversals: u32,
}

/// Whose scores: the settings (`default`, `tuned`, `best`), and where they are from (`1.10`, `1.15`, or `formula`).
pub type Source = (&'static str, &'static str);

/// What stands beside ours: as shipped, tuned by hand, and with the settings that a search found.
pub const SHOWN: [Source; 3] = [("default", "1.10"), ("tuned", "1.10"), ("best", "1.15")];

/// All cells that follow a quiet beginning.
#[derive(Debug, Clone, Default)]
pub struct Peers(BTreeMap<(u32, String, String, String), Peer>);

impl Peers {
    /// The scores in a folder of scenarios; none where it has no such file.
    ///
    /// # Errors
    /// The file cannot be read, or a line of it is none.
    pub fn load(folder: &Path) -> Result<Self, LinesError> {
        let path = folder.join(FILE);
        if !path.exists() {
            return Ok(Self::default());
        }
        let mut peers = Self::default();
        lines::read(&path, HEADER, |cells| peers.add(cells))?;
        Ok(peers)
    }

    fn add(&mut self, cells: &[&str]) -> Option<()> {
        let [start, downtime, scenario, settings, source, late, lag_p99, hours, rescales, reversals] = *cells else {
            return None;
        };
        let peer = Peer {
            violation_share: late.parse::<f64>().ok()? / 100.0,
            lag_p99: lag_p99.parse().ok()?,
            worker_hours: hours.parse().ok()?,
            rescales: rescales.parse().ok()?,
            reversals: reversals.parse().ok()?,
        };
        let key = (downtime.parse().ok()?, scenario.to_owned(), settings.to_owned(), source.to_owned());
        if start == "quiet" {
            self.0.insert(key, peer);
        }
        Some(())
    }

    /// Whether there is any.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The cell of a scenario at a downtime in seconds.
    pub fn get(&self, downtime: f64, scenario: &str, (settings, source): Source) -> Option<&Peer> {
        if downtime.fract() != 0.0 {
            return None;
        }
        self.0.get(&(downtime as u32, scenario.to_owned(), settings.to_owned(), source.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_file_has_a_cell_for_each_scenario() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/scenarios");
        let peers = Peers::load(&folder).unwrap();
        for scenario in ["S1", "S2", "S3", "S4", "S7", "S9", "S10", "S12"] {
            for downtime in [15.0, 30.0, 75.0] {
                assert!(SHOWN.iter().all(|source| peers.get(downtime, scenario, *source).is_some()), "{scenario}");
            }
            assert!(peers.get(2.0, scenario, SHOWN[0]).is_none() && peers.get(15.5, scenario, SHOWN[0]).is_none());
        }
        let tuned = peers.get(30.0, "S1", ("tuned", "1.10")).unwrap();
        assert!((tuned.violation_share - 0.211).abs() < 1e-12);
        assert_eq!((tuned.lag_p99, tuned.worker_hours, tuned.rescales, tuned.reversals), (190.0, 1.57, 2, 0));
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Peers::load(folder.path()).unwrap().is_empty());
        let good = "quiet,15,S1,tuned,1.10,19.2,164,1.56,2,0";
        for (text, line) in [
            (format!("# whence\n{HEADER}\n{good}\n{good},1\n"), 4),
            (format!("{good}\n"), 1),
            (format!("{HEADER}\n{}\n", good.replace("1.56", "many")), 2),
        ] {
            std::fs::write(folder.path().join(FILE), text).unwrap();
            let error = Peers::load(folder.path()).unwrap_err();
            assert!(matches!(error, LinesError::Line { line: at, .. } if at == line), "{error}");
        }
    }
}
