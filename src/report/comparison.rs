//! Policies side by side: the plot of lateness against worker-hours, and the table of scores.

use std::fmt::Write as _;

use super::escape::Escaped;
use super::model::{Comparison, Row, Spread};
use super::panel::{self, Axes};
use super::path::{Frame, HIGH, WIDE};
use super::quantity::Quantity;
use super::scale::Scale;

/// Colours that can be told apart; families beyond them share the last.
const COLOURS: usize = 10;

/// Writes a comparison. `place`: its number on the page.
pub(super) fn write(html: &mut String, comparison: &Comparison, place: usize, open: bool) {
    let Comparison { title, objective, of, rows, notes } = comparison;
    let open = if open { " open" } else { "" };
    let _ = writeln!(
        html,
        "<details class=\"comparison\" id=\"p{place}\"{open}><summary><h2>{}</h2></summary>",
        Escaped(title)
    );
    let families = families(rows);
    write_plot(html, comparison, &families, place);
    write_table(html, rows, &families, *objective, place);
    let _ = write!(
        html,
        "<p class=\"how\">{} ● and bold: nobody has both fewer late seconds and fewer worker-hours (but the clairvoyant, who \
         knows the load and whose restarts cost nothing).</p>",
        Escaped(of),
    );
    for note in notes {
        let _ = write!(html, "<p>{}</p>", Escaped(note));
    }
    html.push_str("</details>\n");
}

/// The families in the order of their rows.
fn families(rows: &[Row]) -> Vec<&str> {
    let mut families: Vec<&str> = Vec::new();
    for row in rows {
        if !families.contains(&&*row.family) {
            families.push(&row.family);
        }
    }
    families
}

fn colour(families: &[&str], family: &str) -> usize {
    families.iter().position(|one| *one == family).unwrap_or_default().min(COLOURS - 1)
}

fn drawn(rows: &[Row]) -> impl Iterator<Item = (usize, &Row)> {
    rows.iter().enumerate().filter(|(_, row)| row.relative_hours.median.is_finite() && row.late.median.is_finite())
}

fn write_plot(html: &mut String, comparison: &Comparison, families: &[&str], place: usize) {
    let rows = &comparison.rows;
    let ends = |of: &dyn Fn(&Row) -> Spread| {
        drawn(rows).fold((f64::INFINITY, 0.0_f64), |(least, most), (_, row)| {
            (least.min(of(row).least), most.max(of(row).most))
        })
    };
    let hours = ends(&|row| row.relative_hours);
    if !hours.0.is_finite() {
        return;
    }
    let late = ends(&|row| row.late);
    let room = (hours.1 - hours.0).max(0.1) * 0.03;
    let (time, times) = Scale::rounded(hours.0 - room, hours.1 + room, Quantity::Times, 8);
    let (value, values) = Scale::from_zero(late.1.max(0.01), Quantity::Share, 5);
    let axes = Axes { time, times: &times, value, values };
    let frame = Frame { time, value };
    let _ = write!(
        html,
        "<figure class=\"pareto\"><figcaption><b>Late seconds against worker-hours</b> \
         <small>further down and further left is better</small><ul>",
    );
    for family in families {
        let _ = write!(html, "<li class=\"f{}\"><i></i>{}</li>", colour(families, family), Escaped(family));
    }
    html.push_str("</ul></figcaption>");
    panel::write_values(html, &axes);
    let _ = write!(
        html,
        "<div class=\"plot\"><svg viewBox=\"0 0 {WIDE} {HIGH}\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"late seconds against worker-hours\">",
    );
    panel::write_grid(html, &axes, frame);
    let _ = write!(html, "<path class=\"front\" d=\"{}\"/>", front(rows, frame));
    for (_, row) in drawn(rows) {
        let (x, y) = (frame.x(row.relative_hours.median), frame.y(row.late.median));
        let _ = write!(
            html,
            "<path class=\"reach f{}\" d=\"M{} {y}H{}M{x} {}V{}\"/>",
            colour(families, &row.family),
            frame.x(row.relative_hours.least),
            frame.x(row.relative_hours.most),
            frame.y(row.late.least),
            frame.y(row.late.most),
        );
    }
    html.push_str("</svg>");
    // The efficient ones last, so that they lie on top.
    let mut order: Vec<_> = drawn(rows).collect();
    order.sort_by_key(|(_, row)| row.efficient);
    for (number, row) in order {
        let title = format!(
            "{}: {} late, {} x the clairvoyant's worker-hours",
            row.name,
            Quantity::Share.write(row.late.median, 0.001),
            Quantity::Times.write(row.relative_hours.median, 0.01),
        );
        let _ = write!(
            html,
            "<a class=\"dot f{}{}\" href=\"#p{place}r{number}\" style=\"left:{:.2}%;bottom:{:.2}%\" title=\"{}\">{}</a>",
            colour(families, &row.family),
            if row.efficient { " best" } else { "" },
            time.share(row.relative_hours.median) * 100.0,
            value.share(row.late.median) * 100.0,
            Escaped(&title),
            number + 1,
        );
    }
    html.push_str("</div>");
    panel::write_times(html, &axes);
    html.push_str("<div class=\"axis\">worker-hours, times those of the clairvoyant</div></figure>\n");
}

/// The stairs along the efficient points: above and right of them is what they beat.
fn front(rows: &[Row], frame: Frame) -> String {
    let mut best: Vec<(f64, f64)> = drawn(rows)
        .filter(|(_, row)| row.efficient)
        .map(|(_, row)| (row.relative_hours.median, row.late.median))
        .collect();
    best.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut path = String::new();
    for (place, (hours, late)) in best.iter().enumerate() {
        let (x, y) = (frame.x(*hours), frame.y(*late));
        let _ = if place == 0 { write!(path, "M{x} 0V{y}") } else { write!(path, "H{x}V{y}") };
    }
    if !path.is_empty() {
        let _ = write!(path, "H{WIDE}");
    }
    path
}

fn write_table(html: &mut String, rows: &[Row], families: &[&str], objective: f64, place: usize) {
    let _ = writeln!(
        html,
        "<div class=\"wide\"><table><thead><tr><th></th><th>policy</th><th>late<br><small>lag &gt; {objective:.0} s</small></th>\
         <th>lag p99</th><th>worker-hours</th><th>/ clairvoyant</th><th>rescales</th><th>reversed</th>\
         <th>settled after</th></tr></thead><tbody>",
    );
    for (number, row) in rows.iter().enumerate() {
        let Row { family, name, efficient, late, lag_p99, worker_hours, relative_hours, rescales, reversals, settled } =
            row;
        let class = if *efficient { " class=\"best\"" } else { "" };
        let _ = write!(
            html,
            "<tr id=\"p{place}r{number}\"{class}><td class=\"number f{}\">{}</td><th scope=\"row\">{}{}</th>",
            colour(families, family),
            number + 1,
            Escaped(name),
            if *efficient { " ●" } else { "" },
        );
        cell(html, Some(late.scaled(100.0)), 1, " %");
        cell(html, Some(*lag_p99), 0, " s");
        cell(html, *worker_hours, 1, "");
        cell(html, Some(*relative_hours), 2, "");
        cell(html, Some(*rescales), 0, "");
        cell(html, Some(*reversals), 0, "");
        cell(html, settled.map(|settled| settled.scaled(1.0 / 60.0)), 0, " min");
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n");
}

fn cell(html: &mut String, spread: Option<Spread>, digits: usize, unit: &str) {
    let Some(Spread { median, least, most }) = spread.filter(|spread| spread.median.is_finite()) else {
        html.push_str("<td>–</td>");
        return;
    };
    let _ = write!(html, "<td>{median:.digits$}{unit}");
    if least < most {
        let _ = write!(html, "<br><small>{least:.digits$}–{most:.digits$}</small>");
    }
    html.push_str("</td>");
}
