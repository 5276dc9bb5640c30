//! What a report is made of.

use super::quantity::Quantity;
use super::track::Track;
use crate::engine::Timestamp;

/// A whole report.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// What it is about, in a few words.
    pub title: String,
    /// Name and value of what is the same for all of it, in order.
    pub facts: Vec<(String, String)>,
    /// How policies compare.
    pub comparisons: Vec<Comparison>,
    /// What happened over time. Where all of them have the same panels, those share their scales.
    pub courses: Vec<Course>,
    /// What the reader must know of what is not shown.
    pub notes: Vec<String>,
}

/// What happened to one job, over time.
#[derive(Debug, Clone)]
pub struct Course {
    /// Whose.
    pub name: String,
    /// Name and value of what is told above the plots.
    pub facts: Vec<(String, String)>,
    /// How its times are written.
    pub clock: Clock,
    /// Seconds of all of it.
    pub span: f64,
    /// The plots, one below the other.
    pub panels: Vec<Panel>,
    /// Who decides: the names of the marks' lanes.
    pub lanes: Vec<String>,
    /// What was decided, in order of time.
    pub marks: Vec<Mark>,
}

/// How times are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Hours and minutes since the start.
    Elapsed,
    /// The time of day, UTC, of a start at that time.
    Utc(Timestamp),
}

/// One plot.
#[derive(Debug, Clone)]
pub struct Panel {
    /// What it shows.
    pub title: String,
    /// What its axis counts.
    pub quantity: Quantity,
    /// Its lines; those without any value are left out.
    pub series: Vec<Series>,
    /// A limit to be drawn across, and its name.
    pub limit: Option<(String, f64)>,
}

/// One line.
#[derive(Debug, Clone)]
pub struct Series {
    /// What it shows.
    pub name: String,
    /// How it looks.
    pub tone: Tone,
    /// How it goes from value to value.
    pub shape: Shape,
    /// Its values.
    pub track: Track,
}

/// What a line stands for: each has a colour and a stroke of its own, the same in every plot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// What arrives.
    Input,
    /// What is processed.
    Throughput,
    /// What could be.
    Capacity,
    /// What waits, and how long.
    Waiting,
    /// What runs.
    Running,
    /// What the spec asks for.
    Wished,
    /// What is wanted.
    Wanted,
    /// What another policy wants.
    Other,
    /// CPU.
    Cpu,
    /// Busy.
    Busy,
}

/// How a line goes from value to value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Straight.
    Line,
    /// It holds until the next.
    Steps,
}

/// A decision.
#[derive(Debug, Clone)]
pub struct Mark {
    /// Seconds since the start.
    pub at: f64,
    /// Whose: a place in [`Course::lanes`].
    pub lane: usize,
    /// Which way.
    pub way: Move,
    /// What was decided.
    pub title: String,
    /// The steps that a reader needs.
    pub because: Vec<String>,
    /// The whole derivation.
    pub derivation: Vec<String>,
}

/// Which way a decision goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// More workers.
    Up,
    /// Fewer.
    Down,
    /// None.
    Hold,
}

/// Policies side by side.
#[derive(Debug, Clone, Default)]
pub struct Comparison {
    /// In what.
    pub title: String,
    /// Lag above it is late, in seconds.
    pub objective: f64,
    /// How the values came about: of which seeds.
    pub of: String,
    /// Those who are compared.
    pub rows: Vec<Row>,
    /// What else is to be said.
    pub notes: Vec<String>,
}

/// One of those who are compared.
#[derive(Debug, Clone)]
pub struct Row {
    /// With whom it shares a colour.
    pub family: String,
    /// Its own name.
    pub name: String,
    /// Nobody has both fewer late seconds and fewer worker-hours.
    pub efficient: bool,
    /// Share of the seconds that are late.
    pub late: Spread,
    /// Of the lag the 99th percentile, in seconds.
    pub lag_p99: Spread,
    /// Worker-hours; `None` where they are not known.
    pub worker_hours: Option<Spread>,
    /// Worker-hours over the clairvoyant's.
    pub relative_hours: Spread,
    /// Orders of another count.
    pub rescales: Spread,
    /// Of these against the direction of the one before.
    pub reversals: Spread,
    /// Seconds until the width last changed.
    pub settled: Option<Spread>,
}

/// A median with the smallest and the largest value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
}

impl Comparison {
    /// Marks the rows that nobody beats in both worker-hours and lateness, by their medians. `bound` is the family that
    /// knows the future: nobody can be asked to beat it, and it beats nobody.
    pub fn mark_efficient(&mut self, bound: &str) {
        let rivals = |row: &&Row| row.family != bound;
        let point = |row: &Row| (row.relative_hours.median, row.late.median);
        let points: Vec<(f64, f64)> = self.rows.iter().filter(rivals).map(point).collect();
        let beaten = |(hours, late): (f64, f64)| {
            points.iter().any(|(h, l)| *h <= hours && *l <= late && (*h < hours || *l < late))
        };
        for row in &mut self.rows {
            let (hours, late) = point(row);
            row.efficient = row.family != bound && hours.is_finite() && late.is_finite() && !beaten((hours, late));
        }
    }
}

impl Spread {
    /// One value.
    pub fn one(value: f64) -> Self {
        Self { median: value, least: value, most: value }
    }

    /// All three times that much.
    pub fn scaled(self, by: f64) -> Self {
        let Self { median, least, most } = self;
        Self { median: median * by, least: least * by, most: most * by }
    }
}

impl Clock {
    /// Seconds of the day at the start.
    pub(super) fn of_day(self) -> f64 {
        const DAY: i64 = 86_400_000;
        match self {
            Self::Elapsed => 0.0,
            Self::Utc(start) => start.as_millis().rem_euclid(DAY) as f64 / 1000.0,
        }
    }

    /// A time in seconds since the start: `3:05`, or `14:05` of a day; with its seconds where they are asked for.
    pub(super) fn write(self, at: f64, seconds: bool) -> String {
        let all = (self.of_day() + at).round().max(0.0) as u64;
        let (hours, minutes, second) = (all / 3600, all / 60 % 60, all % 60);
        let hours = match self {
            Self::Elapsed => hours.to_string(),
            Self::Utc(_) => format!("{:02}", hours % 24),
        };
        if seconds { format!("{hours}:{minutes:02}:{second:02}") } else { format!("{hours}:{minutes:02}") }
    }

    /// The month and day of a time, where there is a calendar.
    pub(super) fn date(self, at: f64) -> Option<String> {
        let Self::Utc(start) = self else { return None };
        let time = Timestamp::from_millis(start.as_millis() + (at * 1000.0).round() as i64).to_string();
        time.get(5..10).map(str::to_owned)
    }
}

impl Tone {
    /// Its class in the style sheet.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Throughput => "throughput",
            Self::Capacity => "capacity",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Wished => "wished",
            Self::Wanted => "wanted",
            Self::Other => "other",
            Self::Cpu => "cpu",
            Self::Busy => "busy",
        }
    }
}

impl Move {
    /// Its class in the style sheet, and its sign.
    pub(super) fn looks(self) -> (&'static str, &'static str) {
        match self {
            Self::Up => ("up", "▲"),
            Self::Down => ("down", "▼"),
            Self::Hold => ("hold", "·"),
        }
    }
}
