//! Other worlds as tables: who is later at equal worker-hours, and who never comes to rest.

use std::fmt::Write as _;
use std::sync::Arc;

use super::results::{Row, families};
use super::scenarios::Stage;
use super::show;

/// Shares of late seconds that differ by less are equal.
const EQUAL_LATE: f64 = 0.002;
/// Worker-hours that differ by less, as a share, are equal.
const EQUAL_COST: f64 = 0.005;
/// More reversals an hour, while nothing changed any more, are a limit cycle ...
const CYCLE_PER_HOUR: f64 = 1.0;
/// ... and fewer than so many are none.
const CYCLE_REVERSALS: f64 = 2.0;

/// A table for each world and downtime, then how often others are ahead of the first contender at equal worker-hours, and how
/// often that runs in a circle. `rows` are in the order of `stages`, `per_stage` of each.
pub(super) fn tables(stages: &[Stage<'_>], rows: &[Row], per_stage: usize) -> String {
    let mut text = String::new();
    let cells: Vec<(&Stage<'_>, &[Row])> = stages.iter().zip(rows.chunks(per_stage)).collect();
    let same = |one: &(&Stage<'_>, &[Row]), next: &(&Stage<'_>, &[Row])| {
        one.0.other.map(|other| &other.name) == next.0.other.map(|other| &other.name)
            && one.0.downtime.to_bits() == next.0.downtime.to_bits()
    };
    for group in cells.chunk_by(same) {
        let (stage, first) = group[0];
        let title = stage.other.map_or("", |other| other.title.as_str());
        let mut header = vec![format!("{title}; D = {} s", stage.downtime)];
        header.extend(families(first).iter().map(ToString::to_string));
        header.extend(others(first).iter().map(|family| format!("{family} ahead")));
        let body: Vec<Vec<String>> = group.iter().map(|(stage, rows)| line(&stage.scenario.name, rows)).collect();
        let _ = writeln!(text, "{}", show::markdown(&header, &body));
    }
    text + &summary(rows, per_stage)
}

/// One scenario: each family as it was named, then by how much each other one that is swept is ahead of the first.
fn line(scenario: &str, rows: &[Row]) -> Vec<String> {
    let own = families(rows).into_iter().filter_map(|family| rows.iter().find(|row| row.family == family));
    let own = own.map(|row| match cycle(row) {
        Some(per_hour) => format!("{}, circle {per_hour:.1}/h", show::five(row)),
        None => show::five(row),
    });
    let ahead = others(rows).into_iter().map(|family| match ahead(rows, &family) {
        None => String::new(),
        Some((cost, points)) => format!("**{:.1} at {cost:.2}**", points * 100.0),
    });
    std::iter::once(scenario.to_owned()).chain(own).chain(ahead).collect()
}

/// The families with more than one setting, but for the first contender's.
fn others(rows: &[Row]) -> Vec<Arc<str>> {
    let several = |family: &Arc<str>| rows.iter().filter(|row| row.family == *family).count() > 1;
    families(rows).into_iter().skip(1).filter(several).collect()
}

/// Whether the family is less late than the first contender with as many worker-hours as either of both uses as named: the
/// worker-hours, and by which share of the seconds. `None`: it is not, or never uses so few.
///
/// Settings beyond that are no argument: with three times the workers anybody is in time.
fn ahead(rows: &[Row], family: &str) -> Option<(f64, f64)> {
    let first = rows.first()?;
    let named = rows.iter().find(|row| *row.family == *family)?;
    let (ours, theirs) = (frontier(rows, &first.family), frontier(rows, family));
    let lead = |row: &Row| {
        let (cost, _) = row.point();
        let within = |frontier: &[(f64, f64)]| late_within(frontier, cost * (1.0 + EQUAL_COST));
        let less = within(&theirs)?;
        // Who never uses so few is behind where all that it uses more makes it no less late.
        let late = within(&ours).or(ours.first().map(|(_, late)| *late))?;
        Some((cost, late - less))
    };
    let leads = [lead(first), lead(named)].into_iter().flatten();
    leads.filter(|(_, lead)| *lead > EQUAL_LATE).max_by(|one, other| one.1.total_cmp(&other.1))
}

/// Worker-hours and lateness of a family's settings that no other of them beats in both; from few worker-hours to many.
fn frontier(rows: &[Row], family: &str) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = rows.iter().filter(|row| *row.family == *family).map(Row::point).collect();
    points.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.total_cmp(&other.1)));
    let mut best = f64::INFINITY;
    points.retain(|(_, late)| {
        let better = *late < best;
        best = best.min(*late);
        better
    });
    points
}

/// How late a frontier is with so many worker-hours: between two settings in a straight line. `None`: all use more.
fn late_within(frontier: &[(f64, f64)], cost: f64) -> Option<f64> {
    let dearer = frontier.partition_point(|(own, _)| *own <= cost);
    let (from, late) = *frontier.get(dearer.checked_sub(1)?)?;
    let Some((to, less)) = frontier.get(dearer) else { return Some(late) };
    Some(late + (less - late) * (cost - from) / (to - from))
}

/// Reversals an hour of one that runs in a circle.
fn cycle(row: &Row) -> Option<f64> {
    let hours = row.scores.iter().find_map(|(_, scores)| scores.steady)?.1;
    let reversals = row.spread(|scores| f64::from(scores.steady.map_or(0, |(reversals, _)| reversals))).median;
    let per_hour = reversals / hours;
    (reversals >= CYCLE_REVERSALS && per_hour > CYCLE_PER_HOUR).then_some(per_hour)
}

/// What the tables come to for the first contender.
fn summary(rows: &[Row], per_stage: usize) -> String {
    let mut text = String::new();
    let Some(first) = rows.first() else { return text };
    let stages = rows.len() / per_stage.max(1);
    for family in others(&rows[..per_stage]) {
        let leads = rows.chunks(per_stage).filter(|rows| ahead(rows, &family).is_some()).count();
        let _ = writeln!(text, "{family} is ahead of {} at equal worker-hours in {leads} of {stages}", first.name);
    }
    let cycles = rows.chunks(per_stage).filter(|rows| cycle(&rows[0]).is_some()).count();
    let _ = writeln!(text, "{} runs in a circle in {cycles} of {stages}", first.name);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::Scores;

    fn row(name: &str, family: &str, cost: f64, late: f64, steady: Option<(u32, f64)>) -> Row {
        let scores = Scores { violation_share: late, worker_hours_over_clairvoyant: cost, steady, ..Scores::default() };
        Row { family: family.into(), name: name.into(), scores: vec![(1, scores)] }
    }

    #[test]
    fn ahead_at_equal_worker_hours_on_both_sides_of_the_limit() {
        for (name, cost, late, told) in [
            ("as many worker-hours, as late", 1.5, 0.302, ""),
            ("and less late", 1.5, 0.2979, "**0.2 at 1.50**"),
            ("between two settings of ours", 1.75, 0.17, "**3.0 at 1.75**"),
            ("on the line between them", 1.75, 0.2, ""),
            ("dearer than all of ours", 3.0, 0.05, "**5.0 at 3.00**"),
            ("and as late as the best of them", 3.0, 0.099, ""),
            ("cheaper than all of ours, and later", 1.2, 0.35, ""),
            ("cheaper, and less late", 1.2, 0.25, "**5.7 at 1.50**"),
        ] {
            let rows = [
                row("ours", "ours", 1.5, 0.3, None),
                row("ours a=1", "ours", 2.0, 0.1, None),
                row("ours a=2, which is worth nothing", "ours", 1.9, 0.9, None),
                row("theirs", "theirs", cost / (1.0 + EQUAL_COST), late, None),
                row("theirs:a=1, far beyond", "theirs", 9.0, 0.0, None),
            ];
            let shown = |text: &str| text.replace(&format!("{cost:.2}"), &format!("{:.2}", cost / (1.0 + EQUAL_COST)));
            assert_eq!(line("S", &rows).last().unwrap(), &shown(told), "{name}");
            let leads = u8::from(!told.is_empty());
            let told = summary(&rows, rows.len());
            let sentence = format!("theirs is ahead of ours at equal worker-hours in {leads} of 1\n");
            assert!(told.starts_with(&sentence), "{name}: {told}");
        }
    }

    #[test]
    fn a_circle_is_more_than_a_reversal_an_hour_and_two_at_least() {
        for (steady, circle) in [
            (None, None),
            (Some((1, 0.5)), None),
            (Some((2, 2.0)), None),
            (Some((2, 1.9)), Some("1.1")),
            (Some((9, 3.0)), Some("3.0")),
        ] {
            let rows = [row("ours", "ours", 1.0, 0.0, steady)];
            let told = line("S", &rows);
            assert_eq!(
                told[1].split_once(", circle ").map(|(_, told)| told.trim_end_matches("/h")),
                circle,
                "{steady:?}"
            );
        }
    }
}
