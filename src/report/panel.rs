//! One plot: axes as text, lines as SVG.
//!
//! The SVG is stretched to whatever width there is; text beside it is HTML, so it is as large on a telephone as elsewhere.

use std::fmt::Write as _;

use super::escape::Escaped;
use super::model::{Panel, Series, Shape};
use super::path::{self, Frame, HIGH, WIDE};
use super::quantity::Quantity;
use super::scale::{Scale, Tick};

/// Steps of a plot's axis, at most.
const STEPS: usize = 4;

/// The axes of a plot.
#[derive(Debug, Clone)]
pub(super) struct Axes<'a> {
    pub time: Scale,
    pub times: &'a [Tick],
    pub value: Scale,
    pub values: Vec<Tick>,
}

/// The largest value that a panel has to show.
pub(super) fn most(panel: &Panel) -> f64 {
    let most = panel.series.iter().filter_map(|series| series.track.most()).fold(0.0, f64::max);
    // A limit far above all that happened would press the lines into the floor.
    let limit = panel.limit.as_ref().map_or(0.0, |(_, limit)| *limit);
    if limit <= most * 4.0 || most == 0.0 { most.max(limit) } else { most }
}

/// The round values of a panel's axis for a largest value.
pub(super) fn values(quantity: Quantity, most: f64) -> (Scale, Vec<Tick>) {
    // A share that stays small is still read against the whole, and noise above the whole needs no room.
    let most = if quantity == Quantity::Share && most < 1.1 { 1.0 } else { most };
    Scale::from_zero(most, quantity, STEPS)
}

/// Writes a plot. `ups` and `downs`: where decisions changed the count, in seconds.
pub(super) fn write(html: &mut String, panel: &Panel, axes: &Axes<'_>, (ups, downs): (&[f64], &[f64])) {
    let Panel { title, quantity, series, limit } = panel;
    let frame = Frame { time: axes.time, value: axes.value };
    let shown: Vec<&Series> = series.iter().filter(|series| !series.track.is_empty()).collect();
    let _ = write!(html, "<figure><figcaption><b>{}</b> <small>{}</small><ul>", Escaped(title), quantity.unit());
    for series in &shown {
        let class = series.tone.class();
        let _ = write!(html, "<li class=\"{class}\"><i></i>{} <output></output></li>", Escaped(&series.name));
    }
    let limit = limit.as_ref().filter(|(_, limit)| *limit <= axes.value.high);
    if let Some((name, _)) = limit {
        let _ = write!(html, "<li class=\"limit\"><i></i>{}</li>", Escaped(name));
    }
    html.push_str("</ul></figcaption>");
    write_values(html, axes);
    let names: Vec<&str> = shown.iter().map(|series| &*series.name).collect();
    let _ = write!(
        html,
        "<div class=\"plot\"><svg viewBox=\"0 0 {WIDE} {HIGH}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}: {}\">",
        Escaped(title),
        Escaped(&names.join(", ")),
    );
    write_grid(html, axes, frame);
    for (class, times) in [("up", ups), ("down", downs)] {
        let path: String = times.iter().map(|at| format!("M{} 0V{HIGH}", frame.x(*at))).collect();
        if !path.is_empty() {
            let _ = write!(html, "<path class=\"move {class}\" d=\"{path}\"/>");
        }
    }
    for series in &shown {
        write_series(html, series, frame);
    }
    if let Some((_, limit)) = limit {
        let _ = write!(html, "<path class=\"limit\" d=\"M0 {}H{WIDE}\"/>", frame.y(*limit));
    }
    html.push_str("</svg></div>");
    write_times(html, axes);
    html.push_str("</figure>\n");
}

fn write_series(html: &mut String, series: &Series, frame: Frame) {
    let class = series.tone.class();
    if series.shape == Shape::Line {
        let band = path::band(&series.track, frame);
        if !band.is_empty() {
            let _ = write!(html, "<path class=\"band {class}\" d=\"{band}\"/>");
        }
    }
    let line = match series.shape {
        Shape::Line => path::line(&series.track, frame),
        Shape::Steps => path::steps(&series.track, frame, frame.time.high),
    };
    let _ = write!(html, "<path class=\"line {class}\" d=\"{line}\"/>");
}

/// The round values, beside the plot.
pub(super) fn write_values(html: &mut String, axes: &Axes<'_>) {
    html.push_str("<div class=\"values\" aria-hidden=\"true\">");
    for Tick { at, label } in &axes.values {
        let _ = write!(html, "<span style=\"bottom:{:.2}%\">{}</span>", axes.value.share(*at) * 100.0, Escaped(label));
    }
    html.push_str("</div>");
}

/// Lines at the round values and times.
pub(super) fn write_grid(html: &mut String, axes: &Axes<'_>, frame: Frame) {
    let mut path = String::new();
    for tick in &axes.values {
        let _ = write!(path, "M0 {}H{WIDE}", frame.y(tick.at));
    }
    for tick in axes.times {
        let _ = write!(path, "M{} 0V{HIGH}", frame.x(tick.at));
    }
    let _ = write!(html, "<path class=\"grid\" d=\"{path}\"/>");
}

/// The round times, below the plot. Every second one can be left out where there is little room.
pub(super) fn write_times(html: &mut String, axes: &Axes<'_>) {
    html.push_str("<div class=\"times\" aria-hidden=\"true\">");
    for (place, Tick { at, label }) in axes.times.iter().enumerate() {
        let left = axes.time.share(*at) * 100.0;
        let class = match place % 2 {
            1 => " class=\"odd\"",
            // Centred below the edge it would be cut off.
            _ if left > 97.0 => " class=\"end\"",
            _ => "",
        };
        let _ = write!(
            html,
            "<span{class} style=\"left:{left:.2}%\">{}</span>",
            Escaped(label).to_string().replace('\n', "<br>")
        );
    }
    html.push_str("</div>");
}
