//! What each part of the rule is worth: the policy with one thing changed at a time.

use super::results::Row;
use super::show;

/// What is changed, each alone: every part that can be switched off, and prices and pace without what they add.
pub(super) const CHANGES: [(&str, &str); 15] = [
    ("learnedCapacity", "off"),
    ("catchUp", "off"),
    ("draining", "off"),
    ("regret", "off"),
    ("effect", "off"),
    ("scaleUp.loadAbove", "off"),
    ("scaleUp.headroom", "off"),
    ("scaleUp.headroomPerMinute", "off"),
    ("scaleDown.headroom", "off"),
    ("scaleDown.window", "0s"),
    ("input.window", "1m"),
    ("lagPrice", "0"),
    ("restartPrice", "0s"),
    ("tolerance", "0"),
    ("limits.maxStepDown", "off"),
];

/// So many of the cells that changed most are named.
const NAMED: usize = 2;
/// What a hundredth of all seconds late is worth in worker-hours over the clairvoyant's, to order the moves by.
const LATE: f64 = 10.0;

/// All cells of one variant: scenario, downtime and what came out.
pub(super) type Variant<'a> = Vec<(&'a str, f64, &'a Row)>;

/// The table, in Markdown: the policy as it is, and each change beside it.
pub(super) fn table(downtimes: &[f64], base: &Variant<'_>, changed: &[Variant<'_>]) -> String {
    let mut header = vec!["changed".to_owned()];
    header.extend(downtimes.iter().map(|downtime| format!("D = {downtime} s")));
    header.push("largest moves".to_owned());
    let means = |variant: &Variant<'_>| downtimes.iter().map(|downtime| mean(variant, *downtime)).collect::<Vec<_>>();
    let line = |name: String, variant: &Variant<'_>, moves: String| {
        std::iter::once(name).chain(means(variant)).chain([moves]).collect::<Vec<_>>()
    };
    let name = base.first().map(|(_, _, row)| row.name.to_string()).unwrap_or_default();
    let mut rows = vec![line(name, base, String::new())];
    rows.extend(changed.iter().map(|variant| {
        let row = variant.first().map(|(_, _, row)| *row);
        let name = row.map(|row| row.name.trim_start_matches(&*row.family).trim().to_owned()).unwrap_or_default();
        line(name, variant, moves(base, variant))
    }));
    show::markdown(&header, &rows)
}

/// Means over the scenarios of the medians over the seeds: late seconds in %, worker-hours over the clairvoyant's, rescales.
fn mean(variant: &Variant<'_>, downtime: f64) -> String {
    #[expect(clippy::float_cmp, reason = "the very number that the cell was made with")]
    let rows = || variant.iter().filter(|(_, at, _)| *at == downtime).map(|(_, _, row)| *row);
    let count = rows().count().max(1) as f64;
    let rescales: f64 = rows().map(|row| row.spread(|scores| f64::from(scores.rescales)).median).sum();
    let (hours, late) = rows().map(Row::point).fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
    format!("{:.1}/{:.2}/{:.1}", late / count * 100.0, hours / count, rescales / count)
}

fn moves(base: &Variant<'_>, variant: &Variant<'_>) -> String {
    let size = |one: &Row, other: &Row| {
        let ((hours, late), (h, l)) = (one.point(), other.point());
        (h - hours).abs() + LATE * (l - late).abs()
    };
    let mut moves: Vec<(f64, String)> = Vec::new();
    for ((scenario, downtime, before), (_, _, after)) in base.iter().zip(variant) {
        let (was, is) = (show::three(before), show::three(after));
        // What rounds to the same is no move.
        if was != is {
            moves.push((size(before, after), format!("{scenario}@{downtime} {was} to {is}")));
        }
    }
    moves.sort_by(|one, other| other.0.total_cmp(&one.0));
    moves.into_iter().take(NAMED).map(|(_, told)| told).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::Scores;

    fn row(name: &str, late: f64, hours: f64, rescales: u32) -> Row {
        let scores =
            Scores { violation_share: late, worker_hours_over_clairvoyant: hours, rescales, ..Scores::default() };
        Row { family: "balanced".into(), name: name.into(), scores: vec![(1, scores)] }
    }

    #[test]
    fn the_means_of_all_scenarios_and_what_moved_most() {
        let (a, b, c) = (row("balanced", 0.1, 1.0, 2), row("balanced", 0.2, 1.5, 4), row("balanced", 0.0, 1.2, 1));
        let base = vec![("S1", 30.0, &a), ("S2", 30.0, &b), ("S1", 75.0, &c)];
        let off = "balanced effect=off";
        let (d, e, f) = (row(off, 0.1, 1.0, 2), row(off, 0.2, 1.7, 5), row(off, 0.05, 1.2, 1));
        let changed = vec![("S1", 30.0, &d), ("S2", 30.0, &e), ("S1", 75.0, &f)];
        let told = table(&[30.0, 75.0], &base, &[changed]);
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines[0], "| changed | D = 30 s | D = 75 s | largest moves |");
        assert_eq!(lines[2], "| balanced | 15.0/1.25/3.0 | 0.0/1.20/1.0 |  |");
        assert_eq!(
            lines[3],
            "| effect=off | 15.0/1.35/3.5 | 5.0/1.20/1.0 | S1@75 0.0/1.20/1 to 5.0/1.20/1; S2@30 20.0/1.50/4 to \
             20.0/1.70/5 |"
        );
    }
}
