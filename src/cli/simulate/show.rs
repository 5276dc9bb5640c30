//! Results as tables for people, in the terminal and in Markdown.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::results::{Row, equal_costs, families, front, late_at};
use crate::simulate::Spread;
use crate::simulate::peers::Peer;

/// The rows, the best marked.
pub(super) fn table(rows: &[Row], objective: f64) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    let late = format!("LATE (>{objective:.0} s)");
    table.set_header([
        "",
        "POLICY",
        &late,
        "LAG P99",
        "WORKER-HOURS",
        "/ CLAIRVOYANT",
        "RESCALES",
        "REVERSED",
        "SETTLED",
    ]);
    for (row, best) in rows.iter().zip(front(rows)) {
        table.add_row([
            if best { "*".to_owned() } else { String::new() },
            row.name.to_string(),
            cell(row.spread(|scores| scores.violation_share * 100.0), 1, " %"),
            cell(row.spread(|scores| scores.lag_p99), 0, " s"),
            cell(row.spread(|scores| scores.worker_hours), 1, ""),
            cell(row.spread(|scores| scores.worker_hours_over_clairvoyant), 2, ""),
            cell(row.spread(|scores| f64::from(scores.rescales)), 0, ""),
            cell(row.spread(|scores| f64::from(scores.reversals)), 0, ""),
            cell(row.spread(|scores| f64::from(scores.settle_seconds)), 0, " s"),
        ]);
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// `0.4 % (0.0-1.2)`.
fn cell(Spread { median, least, most }: Spread, digits: usize, unit: &str) -> String {
    if least == most {
        return format!("{median:.digits$}{unit}");
    }
    format!("{median:.digits$}{unit} ({least:.digits$}-{most:.digits$})")
}

/// Which seeds the values are of.
pub(super) fn of_seeds(rows: &[Row]) -> String {
    let seeds: Vec<u64> =
        rows.first().map(|row| row.scores.iter().map(|(seed, _)| *seed).collect()).unwrap_or_default();
    match seeds[..] {
        [one] => format!("seed {one}"),
        [first, .., last] => format!("medians of seeds {first} to {last} (least-most)"),
        [] => "no seed".to_owned(),
    }
}

/// How late each family is at the same worker-hours, a line each; nothing where there is nothing to compare.
pub(super) fn equal(rows: &[Row]) -> Vec<String> {
    let families = families(rows);
    if families.len() < 2 || families.len() == rows.len() {
        return Vec::new();
    }
    let line = |(whose, cost): (String, f64)| {
        let each = families.iter().map(|family| match late_at(rows, family, cost) {
            Some(late) => format!("{family} {:.1} %", late * 100.0),
            None => format!("{family} -"),
        });
        format!(
            "late at equal worker-hours ({whose}, {cost:.2} x clairvoyant): {}",
            each.collect::<Vec<_>>().join(", ")
        )
    };
    equal_costs(rows).into_iter().map(line).collect()
}

/// One cell of the scenarios' table: late seconds in %, lag p99 in s, worker-hours over the clairvoyant's, rescales, reversals;
/// medians.
pub(super) fn five(row: &Row) -> String {
    let median = |digits: usize, spread: Spread| format!("{:.digits$}", spread.median);
    [
        median(1, row.spread(|scores| scores.violation_share * 100.0)),
        median(0, row.spread(|scores| scores.lag_p99)),
        median(2, row.spread(|scores| scores.worker_hours_over_clairvoyant)),
        median(0, row.spread(|scores| f64::from(scores.rescales))),
        median(0, row.spread(|scores| f64::from(scores.reversals))),
    ]
    .join("/")
}

/// Three of them: late seconds in %, worker-hours over the clairvoyant's, rescales.
pub(super) fn three(row: &Row) -> String {
    let (hours, late) = row.point();
    format!("{:.1}/{hours:.2}/{:.0}", late * 100.0, row.spread(|scores| f64::from(scores.rescales)).median)
}

/// All five, of the real Flink autoscaler.
pub(super) fn peer(peer: &Peer) -> String {
    let Peer { violation_share, lag_p99, worker_hours, rescales, reversals } = peer;
    format!("{:.1}/{lag_p99:.0}/{worker_hours:.2}/{rescales}/{reversals}", violation_share * 100.0)
}

/// A table in Markdown.
pub(super) fn markdown(header: &[String], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule = vec!["---".to_owned(); header.len()];
    [line(header), line(&rule)].into_iter().chain(rows.iter().map(|row| line(row))).collect()
}
