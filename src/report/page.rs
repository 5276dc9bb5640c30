//! The page.

use std::fmt::Write as _;

use super::escape::Escaped;
use super::model::{Course, Report};
use super::{comparison, course, panel};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// More of a kind than that are folded, but the first.
const UNFOLDED: usize = 3;

impl Report {
    /// The whole file.
    pub fn html(&self) -> String {
        let Self { title, facts, comparisons, courses, notes } = self;
        let mut html = String::new();
        let _ = write!(
            html,
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <meta name=\"color-scheme\" content=\"light dark\">\
             <meta name=\"generator\" content=\"steelyard {version}\">\n<title>{title}</title>\n<style>\n{STYLE}</style></head>\n<body>\n\
             <header><h1>{title}</h1><dl>",
            version = env!("CARGO_PKG_VERSION"),
            title = Escaped(title),
        );
        for (name, value) in facts {
            let _ = write!(html, "<div><dt>{}</dt><dd>{}</dd></div>", Escaped(name), Escaped(value));
        }
        html.push_str("</dl>");
        for note in notes {
            let _ = write!(html, "<p class=\"note\">{}</p>", Escaped(note));
        }
        write_contents(&mut html, self);
        html.push_str("</header>\n<main>\n");
        for (place, comparison) in comparisons.iter().enumerate() {
            comparison::write(&mut html, comparison, place, comparisons.len() <= UNFOLDED || place == 0);
        }
        let most = shared(courses);
        for (place, course) in courses.iter().enumerate() {
            course::write(&mut html, course, &most, place, courses.len() <= UNFOLDED || place == 0);
        }
        let _ = write!(html, "</main>\n<script>\n{SCRIPT}</script>\n</body></html>\n");
        html
    }
}

/// Links to what the page has, where that is more than one thing.
fn write_contents(html: &mut String, report: &Report) {
    if report.comparisons.len() + report.courses.len() < 2 {
        return;
    }
    html.push_str("<nav>");
    let comparisons = report.comparisons.iter().map(|one| &one.title).enumerate().map(|(at, name)| ('p', at, name));
    let courses = report.courses.iter().map(|one| &one.name).enumerate().map(|(at, name)| ('c', at, name));
    for (kind, place, name) in comparisons.chain(courses) {
        let _ = write!(html, "<a href=\"#{kind}{place}\">{}</a> ", Escaped(name));
    }
    html.push_str("</nav>");
}

/// For each panel the largest value of all courses, so that they can be compared; 0, which shares nothing, where their panels
/// are not the same or show different jobs.
fn shared(courses: &[Course]) -> Vec<f64> {
    let panels = courses.iter().map(|course| course.panels.len()).max().unwrap_or_default();
    let alike = |place: usize| {
        let kind = |course: &Course| course.panels.get(place).map(|panel| (panel.title.clone(), panel.quantity));
        courses.windows(2).all(|pair| kind(&pair[0]) == kind(&pair[1]) && pair[0].clock == pair[1].clock)
    };
    let most =
        |place: usize| courses.iter().filter_map(|one| one.panels.get(place)).map(panel::most).fold(0.0, f64::max);
    let elapsed = courses.iter().all(|course| course.clock == super::Clock::Elapsed);
    (0..panels).map(|place| if elapsed && alike(place) { most(place) } else { 0.0 }).collect()
}
