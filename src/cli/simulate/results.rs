//! What came out: rows of scores, the front of the best, and who is late how often at equal worker-hours.

use std::sync::Arc;

use serde::Serialize;

use crate::simulate::{Scores, Spread};

/// The scores of one contender, one a seed.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// The policy's or the baseline's name, without its sweep.
    pub family: Arc<str>,
    /// With its sweep.
    pub name: Arc<str>,
    /// In the order of the seeds.
    pub scores: Vec<(u64, Scores)>,
}

/// One line of JSON.
#[derive(Debug, Serialize)]
pub(super) struct Line<'a> {
    /// Of which scenario, where there are several.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<Setting<'a>>,
    pub policy: &'a str,
    pub seed: u64,
    #[serde(flatten)]
    pub scores: &'a Scores,
}

/// World, scenario and downtime.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Setting<'a> {
    /// Where it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub world: Option<&'a str>,
    pub scenario: &'a str,
    /// Seconds.
    pub downtime: f64,
}

impl Row {
    /// Of one score over the seeds.
    pub fn spread(&self, score: impl Fn(&Scores) -> f64) -> Spread {
        Spread::of(self.scores.iter().map(|(_, scores)| score(scores)))
    }

    /// Median worker-hours over the clairvoyant's, and median share of late seconds.
    pub fn point(&self) -> (f64, f64) {
        let cost = self.spread(|scores| scores.worker_hours_over_clairvoyant).median;
        (cost, self.spread(|scores| scores.violation_share).median)
    }
}

/// Which rows nobody beats in both worker-hours and lateness.
pub(super) fn front(rows: &[Row]) -> Vec<bool> {
    let points: Vec<_> = rows.iter().map(Row::point).collect();
    let beaten =
        |(cost, late): (f64, f64)| points.iter().any(|(c, l)| *c <= cost && *l <= late && (*c < cost || *l < late));
    points.iter().map(|point| !beaten(*point)).collect()
}

/// For a family, how late it is at that many worker-hours: between its two nearest settings in a straight line; `None` where
/// all its settings use more or all use less.
pub(super) fn late_at(rows: &[Row], family: &str, cost: f64) -> Option<f64> {
    let mut points: Vec<_> = rows.iter().filter(|row| *row.family == *family).map(Row::point).collect();
    points.sort_by(|one, other| one.0.total_cmp(&other.0));
    if let Some((_, late)) =
        points.iter().filter(|(c, _)| (c - cost).abs() <= 0.005 * cost).min_by(|a, b| a.1.total_cmp(&b.1))
    {
        return Some(*late);
    }
    let pair = points.windows(2).find(|pair| pair[0].0 <= cost && cost <= pair[1].0)?;
    let share = (cost - pair[0].0) / (pair[1].0 - pair[0].0);
    Some(pair[0].1 + share * (pair[1].1 - pair[0].1))
}

/// The families, in the order of their rows.
pub(super) fn families(rows: &[Row]) -> Vec<Arc<str>> {
    let mut families: Vec<Arc<str>> = Vec::new();
    for row in rows {
        if !families.contains(&row.family) {
            families.push(Arc::clone(&row.family));
        }
    }
    families
}

/// Worker-hours at which families can be compared: those of each family with a single setting, else the middle of the
/// stretch that all families cover.
pub(super) fn equal_costs(rows: &[Row]) -> Vec<(String, f64)> {
    let families = families(rows);
    let of = |family: &Arc<str>| -> Vec<f64> {
        rows.iter().filter(|row| row.family == *family).map(|row| row.point().0).collect()
    };
    let single = families.iter().map(|family| (family, of(family))).filter(|(_, costs)| costs.len() == 1);
    let costs: Vec<_> = single.map(|(family, costs)| (format!("of {family}"), costs[0])).collect();
    if !costs.is_empty() {
        return costs;
    }
    let low = families.iter().map(|family| of(family).into_iter().fold(f64::INFINITY, f64::min)).fold(0.0, f64::max);
    let high = families.iter().map(|family| of(family).into_iter().fold(0.0, f64::max)).fold(f64::INFINITY, f64::min);
    if low <= high { vec![("in the middle".to_owned(), (low + high) / 2.0)] } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(family: &str, cost: f64, late: f64) -> Row {
        let scores =
            Scores { violation_share: late, worker_hours_over_clairvoyant: cost, ..crate::simulate::Scores::default() };
        Row { family: family.into(), name: family.into(), scores: vec![(1, scores)] }
    }

    #[test]
    fn nobody_beats_the_front() {
        let rows = [row("a", 1.0, 0.3), row("a", 1.5, 0.1), row("b", 1.6, 0.1), row("b", 1.2, 0.4), row("c", 2.0, 0.0)];
        assert_eq!(front(&rows), [true, true, false, false, true]);
        assert_eq!(front(&[row("a", 1.0, 0.1), row("b", 1.0, 0.1)]), [true, true], "equals do not beat each other");
    }

    #[test]
    fn lateness_is_read_between_settings_and_not_beyond_them() {
        let rows = [row("a", 2.0, 0.0), row("a", 1.0, 0.4), row("b", 1.5, 0.1)];
        assert_eq!(late_at(&rows, "a", 1.5).map(|late| (late * 1e6).round()), Some(200_000.0));
        assert_eq!(late_at(&rows, "a", 2.0), Some(0.0));
        assert_eq!(late_at(&rows, "a", 2.1), None);
        assert_eq!(late_at(&rows, "b", 1.5), Some(0.1));
        assert_eq!(late_at(&rows, "b", 1.6), None);
        assert_eq!(equal_costs(&rows), [("of b".to_owned(), 1.5)]);
        let swept = [row("a", 1.0, 0.0), row("a", 2.0, 0.0), row("b", 1.5, 0.0), row("b", 3.0, 0.0)];
        assert_eq!(equal_costs(&swept), [("in the middle".to_owned(), 1.75)]);
    }
}
