//! What happened to one job: its plots, and its decisions as marks and as a list.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::escape::{Escaped, json_in_script};
use super::model::{Course, Mark, Move, Panel};
use super::panel::{self, Axes};
use super::scale::{self, Scale};

/// More decisions than that are not listed: a list that long is not read.
pub(super) const LISTED: usize = 400;
/// Steps of the time axis, at most.
const TIMES: usize = 8;

/// Writes a course. `most`: for each panel the largest value that its axis must have room for. `place`: its number on the page.
pub(super) fn write(html: &mut String, course: &Course, most: &[f64], place: usize, open: bool) {
    let Course { name, facts, clock, span, panels, lanes: _, marks } = course;
    let open = if open { " open" } else { "" };
    let _ = write!(html, "<details class=\"course\" id=\"c{place}\"{open}><summary><h2>{}</h2>", Escaped(name));
    for (name, value) in facts {
        let _ = write!(html, " <span class=\"fact\">{} <b>{}</b></span>", Escaped(name), Escaped(value));
    }
    html.push_str("</summary>\n");
    let times = scale::times(*span, *clock, TIMES);
    let time = Scale::new(0.0, *span);
    let moved = |way: Move| -> Vec<f64> {
        marks.iter().filter(|mark| mark.way == way && mark.lane == 0).map(|mark| mark.at).collect()
    };
    let (ups, downs) = (moved(Move::Up), moved(Move::Down));
    html.push_str("<div class=\"now\" aria-hidden=\"true\"></div>");
    for (panel, most) in panels.iter().zip(most) {
        if panel.series.iter().all(|series| series.track.is_empty()) {
            continue;
        }
        let (value, values) = panel::values(panel.quantity, panel::most(panel).max(*most));
        let axes = Axes { time, times: &times, value, values };
        panel::write(html, panel, &axes, (&ups, &downs));
    }
    write_lanes(html, course, time, place);
    write_list(html, course, place);
    let _ = writeln!(html, "<script type=\"application/json\">{}</script></details>", json_in_script(&readout(course)));
}

/// The marks, a lane for each who decides.
fn write_lanes(html: &mut String, course: &Course, time: Scale, place: usize) {
    if course.marks.is_empty() {
        return;
    }
    html.push_str("<figure class=\"lanes\"><figcaption><b>Decisions</b> <ul>");
    html.push_str("<li class=\"up\">▲ more workers</li><li class=\"down\">▼ fewer</li><li class=\"hold\">· another reason to hold</li>");
    html.push_str("</ul></figcaption>");
    for (lane, name) in course.lanes.iter().enumerate() {
        // A single lane is whose the course is.
        let name = if course.lanes.len() > 1 { name } else { "" };
        let _ = write!(html, "<div class=\"whose\">{}</div><div class=\"lane\">", Escaped(name));
        for (number, mark) in course.marks.iter().enumerate().filter(|(_, mark)| mark.lane == lane) {
            let (class, sign) = mark.way.looks();
            let left = time.share(mark.at) * 100.0;
            let title = format!("{}  {}", course.clock.write(mark.at, true), mark.title);
            // What is not listed has nowhere to lead to.
            let link = if number < LISTED { format!(" href=\"#c{place}d{number}\"") } else { String::new() };
            let _ = write!(
                html,
                "<a class=\"{class}\"{link} style=\"left:{left:.2}%\" title=\"{}\">{sign}</a>",
                Escaped(&title),
            );
        }
        html.push_str("</div>");
    }
    html.push_str("</figure>\n");
}

/// The decisions with their reasons.
fn write_list(html: &mut String, course: &Course, place: usize) {
    if course.marks.is_empty() {
        return;
    }
    let _ = write!(
        html,
        "<details class=\"list\" open><summary>{} decisions that said something new; each unfolds its whole derivation</summary><ol>",
        course.marks.len(),
    );
    for (number, mark) in course.marks.iter().take(LISTED).enumerate() {
        let Mark { at, lane, way, title, because, derivation } = mark;
        let (class, sign) = way.looks();
        let whose = match (course.lanes.len(), course.lanes.get(*lane)) {
            (2.., Some(name)) => format!("<small>{}</small> ", Escaped(name)),
            _ => String::new(),
        };
        let _ = write!(html, "<li id=\"c{place}d{number}\" class=\"{class}\">");
        let what =
            format!("<time>{}</time> <i>{sign}</i> {whose}<b>{}</b>", course.clock.write(*at, true), Escaped(title),);
        // The line itself unfolds the whole derivation.
        if derivation.len() > because.len() {
            let _ = write!(html, "<details><summary>{what}</summary><ul>");
            for step in derivation {
                let _ = write!(html, "<li>{}</li>", Escaped(step));
            }
            html.push_str("</ul></details>");
        } else {
            html.push_str(&what);
        }
        // Why nothing is done stands in the line; why something is, below it.
        if !because.is_empty() && *way != Move::Hold {
            let _ = write!(html, "<p>{}</p>", Escaped(&because.join("; ")));
        }
        html.push_str("</li>\n");
    }
    html.push_str("</ol>");
    if course.marks.len() > LISTED {
        let _ = write!(html, "<p>{} more are not listed.</p>", course.marks.len() - LISTED);
    }
    html.push_str("</details>\n");
}

/// What a pointer over the plots can ask for: the mean of each bucket, of each line.
fn readout(course: &Course) -> Value {
    let shown = |panel: &Panel| -> Vec<Value> {
        let drawn = panel.series.iter().filter(|series| !series.track.is_empty());
        drawn
            .map(|series| {
                let values: Vec<Value> = series.track.means().map(|value| value.map_or(Value::Null, short)).collect();
                json!({"every": series.track.width(), "steps": series.shape == super::Shape::Steps, "values": values})
            })
            .collect()
    };
    let panels: Vec<Value> = course
        .panels
        .iter()
        .filter(|panel| panel.series.iter().any(|series| !series.track.is_empty()))
        .map(|panel| json!({"share": panel.quantity == super::Quantity::Share, "series": shown(panel)}))
        .collect();
    json!({"span": course.span, "start": course.clock.of_day(), "wraps": course.clock != super::Clock::Elapsed, "panels": panels})
}

/// Four digits are more than a pixel tells.
fn short(value: f64) -> Value {
    format!("{value:.3e}").parse::<f64>().map_or(Value::Null, |value| json!(value))
}
