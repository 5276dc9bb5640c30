//! The fleet as a table that is drawn again in place.

use std::collections::VecDeque;
use std::io::{self, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use indicatif::HumanCount;
use terminal_size::{Height, Width, terminal_size};

use super::fleet::{Fleet, Running};
use super::news::{Item, News, clock};
use super::stage::Audience;
use crate::cli::Stdout;
use crate::engine::{Action, Decision, Hold, JobObservation};

/// Lines of the latest changes that are kept.
const CHANGES: usize = 12;
/// Lines that are neither jobs nor changes: two above, the table's header, one between, the changes' header.
const AROUND: usize = 5;
/// A job stays highlighted for so many modelled seconds after a change.
const FRESH: u32 = 600;

/// Takes the terminal over, and gives it back when dropped.
pub(super) struct Screen {
    output: Stdout,
    look: Look,
    /// Ticks between two drawings.
    every: u32,
    ticks: u32,
    news: News,
    changes: VecDeque<Item>,
}

/// What does not change.
#[derive(Debug, Clone)]
pub(super) struct Look {
    pub title: String,
    pub colored: bool,
}

impl Screen {
    /// Draws at every so many ticks.
    ///
    /// # Errors
    /// Stdout cannot be written.
    pub fn new(look: Look, every: u32) -> io::Result<Self> {
        let mut output = Stdout::default();
        // The other screen, so that what stood there stays; no cursor.
        output.write_all(b"\x1b[?1049h\x1b[?25l\x1b[2J")?;
        output.flush()?;
        Ok(Self { output, look, every: every.max(1), ticks: 0, news: News::default(), changes: VecDeque::new() })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // If the terminal is gone there is nothing to give back.
        let _ = self.output.write_all(b"\x1b[?25h\x1b[?1049l");
        let _ = self.output.flush();
    }
}

impl Audience for Screen {
    fn show(&mut self, fleet: &Fleet, told: &[(&JobObservation, &Decision)]) -> anyhow::Result<()> {
        for item in self.news.among(fleet.now(), told) {
            if self.changes.len() == CHANGES {
                self.changes.pop_front();
            }
            self.changes.push_back(item);
        }
        self.ticks += 1;
        if !self.ticks.is_multiple_of(self.every) {
            return Ok(());
        }
        let (width, height) = terminal_size().map_or((100, 40), |(Width(width), Height(height))| (width, height));
        let lines = frame(&self.look, fleet, told, &self.changes, (usize::from(width), usize::from(height)));
        self.output.write_all(b"\x1b[H")?;
        for (place, line) in lines.iter().enumerate() {
            let end = if place + 1 < lines.len() { "\x1b[K\r\n" } else { "\x1b[K\x1b[J" };
            write!(self.output, "{line}{end}")?;
        }
        self.output.flush()?;
        Ok(())
    }
}

/// The lines of one drawing, none longer than the terminal is wide, and not more than it is high.
fn frame(
    look: &Look,
    fleet: &Fleet,
    told: &[(&JobObservation, &Decision)],
    changes: &VecDeque<Item>,
    (width, height): (usize, usize),
) -> Vec<String> {
    let changed = changes.len().clamp(1, (height.saturating_sub(AROUND) / 3).clamp(1, CHANGES));
    let room = height.saturating_sub(AROUND + changed).max(1);
    let all: Vec<(&Running, &Decision)> =
        fleet.jobs.iter().zip(told).map(|(job, (_, decision))| (job, *decision)).collect();
    let shown = chosen(&all, changes, room);
    let tally = fleet.tally();
    let late = if tally.seconds > 0 { tally.late as f64 / tally.seconds as f64 * 100.0 } else { 0.0 };
    let workers: u32 = fleet.jobs.iter().map(|job| job.width().unwrap_or(job.wished)).sum();
    let mut lines = vec![
        cut(&format!("{}  {}", &clock(fleet, fleet.now())[..5], look.title), width),
        cut(
            &format!(
                "{workers} workers, {} rescales ({} up, {} down), {late:.1} % late{}",
                tally.ups + tally.downs,
                tally.ups,
                tally.downs,
                match all.len() - shown.len() {
                    0 => String::new(),
                    hidden => format!(", {hidden} jobs not shown"),
                }
            ),
            width,
        ),
    ];
    let table = table(&shown, fleet.now());
    for (place, line) in table.lines().enumerate() {
        let line = cut(line.trim_end(), width);
        let paint = place.checked_sub(1).and_then(|place| shown.get(place)).map_or("\x1b[1m", |(job, decision)| {
            let id = job.id.to_string();
            let fresh = changes.iter().any(|item| item.scales && item.job == id && fleet.now() - item.at < FRESH);
            paint(&decision.action, fresh)
        });
        lines.push(painted(&line, if look.colored { paint } else { "" }));
    }
    lines.push(String::new());
    lines.push(painted(&cut("Latest changes", width), if look.colored { "\x1b[1m" } else { "" }));
    for item in changes.iter().rev().take(changed) {
        let Item { at, job, action, why, scales: _ } = item;
        let why = if why.is_empty() { String::new() } else { format!("  {why}") };
        lines.push(cut(&format!("{}  {job}  {action}{why}", clock(fleet, *at)), width));
    }
    lines
}

/// The jobs that there is room for: all, or those that changed last, in the order of the fleet.
fn chosen<'a>(
    all: &[(&'a Running, &'a Decision)],
    changes: &VecDeque<Item>,
    room: usize,
) -> Vec<(&'a Running, &'a Decision)> {
    if all.len() <= room {
        return all.to_vec();
    }
    let changed = |job: &Running| {
        let id = job.id.to_string();
        changes.iter().rposition(|item| item.job == id)
    };
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|place| std::cmp::Reverse(changed(all[*place].0)));
    order.truncate(room);
    order.sort_unstable();
    order.into_iter().map(|place| all[place]).collect()
}

fn table(shown: &[(&Running, &Decision)], now: u32) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["JOB", "ARRIVES", "WORKERS", "LAST 4 HOURS", "LAG", "DECISION"]);
    for (job, decision) in shown {
        let workers = match job.width() {
            Some(width) if width == job.wished => width.to_string(),
            Some(width) => format!("{width} of {}", job.wished),
            None => format!("- of {}", job.wished),
        };
        table.add_row([
            job.id.to_string(),
            format!("{}/s", HumanCount(job.arrives(now) as u64)),
            workers,
            spark(&job.widths),
            lag(job.lag()),
            decision.action.to_string().trim_start_matches("hold: ").to_owned(),
        ]);
    }
    for column in [1, 2, 4] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

fn lag(seconds: f64) -> String {
    match seconds as u64 {
        seconds @ ..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}

/// Counts as a row of bars, each as high as its share of the highest.
fn spark(widths: &VecDeque<u32>) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = widths.iter().copied().max().unwrap_or_default().max(1);
    widths.iter().map(|width| BARS[((width * 8).div_ceil(most) as usize).clamp(1, 8) - 1]).collect()
}

/// How a job's line looks: bright where something is done, dim where nothing is worth a look.
fn paint(action: &Action, fresh: bool) -> &'static str {
    match action {
        Action::Scale { .. } => "\x1b[1;33m",
        _ if fresh => "\x1b[33m",
        Action::Hold(Hold::WithinBand | Hold::Stabilizing { .. } | Hold::AtMin) => "\x1b[2m",
        Action::Hold(
            Hold::UnsafeTarget { .. }
            | Hold::Conflict { .. }
            | Hold::Stalled { .. }
            | Hold::MissingSignal { .. }
            | Hold::RescaleIncomplete { .. }
            | Hold::Unstable { .. },
        ) => "\x1b[31m",
        Action::Hold(_) => "",
    }
}

fn painted(line: &str, paint: &str) -> String {
    if paint.is_empty() { line.to_owned() } else { format!("{paint}{line}\x1b[0m") }
}

fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    let mut short: String = line.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::super::jobs::FLEET;
    use super::super::{decided, policy};
    use super::*;

    #[test]
    fn a_drawing_fits_the_terminal() {
        let mut fleet = Fleet::new(&FLEET, 1).unwrap();
        fleet.advance(3600);
        let (seen, decisions) = decided(&fleet, &policy().unwrap());
        let told: Vec<_> = seen.jobs.iter().zip(&decisions).collect();
        let look = Look { title: "a demo".to_owned(), colored: false };
        let change = |job: &str, at| Item {
            at,
            job: job.to_owned(),
            action: "scale 2 -> 3".to_owned(),
            why: "because ".repeat(40),
            scales: true,
        };
        let changes = VecDeque::from([change("shop/stock", 900), change("ads/bids", 3500)]);
        for (width, height) in [(200, 60), (100, 40), (80, 24), (40, 10)] {
            let lines = frame(&look, &fleet, &told, &changes, (width, height));
            assert!(lines.len() <= height, "{} lines for {height}", lines.len());
            assert!(lines.iter().all(|line| line.chars().count() <= width), "{width}");
            assert!(lines[0].starts_with("07:00  a demo"), "{}", lines[0]);
            let text = lines.join("\n");
            assert!(text.contains("06:58:20  ads/bids  scale 2 -> 3"), "{text}");
            assert!(
                text.contains("\n ads/bids") && text.contains("\n shop/stock"),
                "those that changed are shown: {text}"
            );
            if width >= 80 {
                assert_eq!(text.contains("jobs not shown"), height < 40, "{text}");
            }
        }
    }

    #[test]
    fn bars_are_as_high_as_their_share() {
        assert_eq!(spark(&VecDeque::from([1, 4, 8, 8])), "▁▄██");
        assert_eq!(spark(&VecDeque::from([0, 3])), "▁█");
        assert_eq!(spark(&VecDeque::new()), "");
        assert_eq!((lag(59.9), lag(119.0), lag(150.0)), ("59 s".to_owned(), "119 s".to_owned(), "2 min".to_owned()));
    }
}
