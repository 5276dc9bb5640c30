//! A small report, whole; and what no report may have.

use super::*;
use crate::engine::Timestamp;

fn track(values: &[f64]) -> Track {
    let mut track = Track::every(60.0);
    for (place, value) in values.iter().enumerate() {
        track.add(place as f64 * 60.0, Some(*value));
    }
    track
}

fn course(clock: Clock) -> Course {
    let series =
        |name: &str, tone, shape, values: &[f64]| Series { name: name.to_owned(), tone, shape, track: track(values) };
    let workers = vec![
        series("run", Tone::Running, Shape::Steps, &[2.0, 2.0, 3.0, 3.0]),
        series("never seen", Tone::Wished, Shape::Steps, &[]),
    ];
    let lag = vec![series("age", Tone::Waiting, Shape::Line, &[0.0, 70.0, 20.0, 0.0])];
    Course {
        name: "streaming/<orders>".to_owned(),
        facts: vec![("late".to_owned(), "25.0 %".to_owned())],
        clock,
        span: 180.0,
        panels: vec![
            Panel {
                title: "Lag".to_owned(),
                quantity: Quantity::Seconds,
                series: lag,
                limit: Some(("late above 1m".to_owned(), 60.0)),
            },
            Panel { title: "Workers".to_owned(), quantity: Quantity::Workers, series: workers, limit: None },
            Panel { title: "Nothing".to_owned(), quantity: Quantity::Share, series: Vec::new(), limit: None },
        ],
        lanes: vec!["policy".to_owned()],
        marks: vec![Mark {
            at: 75.0,
            lane: 0,
            way: Move::Up,
            title: "scale 2 -> 3".to_owned(),
            because: vec!["up: the backlog of `a\"b` takes 2m 5s, more than 2m".to_owned()],
            derivation: vec![
                "throughput 5/s".to_owned(),
                "up: the backlog of `a\"b` takes 2m 5s, more than 2m".to_owned(),
            ],
        }],
    }
}

fn row(family: &str, name: &str, hours: f64, late: f64) -> Row {
    let one = Spread::one(1.0);
    Row {
        family: family.to_owned(),
        name: name.to_owned(),
        efficient: false,
        late: Spread { median: late, least: late / 2.0, most: late * 2.0 },
        lag_p99: Spread::one(42.0),
        worker_hours: Some(one),
        relative_hours: Spread::one(hours),
        rescales: one,
        reversals: one,
        settled: None,
    }
}

fn report() -> Report {
    let mut comparison = Comparison {
        title: "Comparison".to_owned(),
        objective: 60.0,
        of: "Scores: seed 1.".to_owned(),
        rows: vec![
            row("seed", "seed a=1", 1.6, 0.01),
            row("seed", "seed a=2", 1.8, 0.02),
            row("ds2", "ds2", 1.2, 0.5),
            row("bound", "bound", 1.0, 0.0),
            row("lost", "lost", f64::NAN, 0.0),
        ],
        notes: vec!["equal".to_owned()],
    };
    comparison.mark_efficient("bound");
    Report {
        title: "A <small> report".to_owned(),
        facts: vec![("load".to_owned(), "constant".to_owned())],
        comparisons: vec![comparison],
        courses: vec![course(Clock::Elapsed)],
        notes: vec!["one note".to_owned()],
    }
}

/// The page between its style sheet and its script.
fn body(html: &str) -> &str {
    let start = html.find("<body>").unwrap();
    &html[start..html.rfind("<script>").unwrap()]
}

#[test]
fn a_small_report_is_drawn_like_this() {
    let html = report().html();
    // A line for each element that is worth one.
    let body = body(&html).replace("><", ">\n<");
    insta::assert_snapshot!(body);
}

#[test]
fn a_report_stands_alone_and_is_the_same_each_time() {
    let html = report().html();
    for outside in ["http:", "https:", "@import", "url(", "src=", "<link"] {
        assert!(!html.contains(outside), "{outside}");
    }
    assert!(!html.contains("<orders>") && !html.contains("a\"b"), "text is escaped");
    assert_eq!(html, report().html());

    for tag in ["details", "figure", "table", "svg", "div", "ol", "ul", "li", "main", "nav"] {
        let begun = html.matches(&format!("<{tag}>")).count() + html.matches(&format!("<{tag} ")).count();
        assert_eq!(begun, html.matches(&format!("</{tag}>")).count(), "{tag}");
    }
    assert_eq!(html.matches("<svg").count(), 3, "a plot without values is left out");
}

#[test]
fn those_whom_nobody_beats_are_marked_and_the_bound_is_no_rival() {
    let report = report();
    let efficient: Vec<&str> =
        report.comparisons[0].rows.iter().filter(|row| row.efficient).map(|row| &*row.name).collect();
    assert_eq!(efficient, ["seed a=1", "ds2"]);
    let html = report.html();
    assert_eq!(html.matches(" ●</th>").count(), 2);
    assert!(!html.contains("NaN") && !html.contains("inf"), "what is not known is not drawn");
}

#[test]
fn a_day_of_the_calendar_is_a_time_of_day() {
    let clock = Clock::Utc(Timestamp::parse("2026-11-21T23:59:00Z").unwrap());
    let html = Report { courses: vec![course(clock)], ..Report::default() }.html();
    assert!(html.contains("<time>00:00:15</time>"), "75 s later is the next day");
    assert!(html.contains(">00:01:00</span>"), "{html}");
}

#[test]
fn a_long_list_is_cut_and_says_so() {
    let mut course = course(Clock::Elapsed);
    course.marks = vec![course.marks[0].clone(); course::LISTED + 7];
    let html = Report { courses: vec![course], ..Report::default() }.html();
    assert!(html.contains("<p>7 more are not listed.</p>"));
    assert_eq!(html.matches("<li id=\"c0d").count(), course::LISTED);
    assert!(!html.contains(&format!("href=\"#c0d{}\"", course::LISTED)), "no link leads to what is not there");
}
