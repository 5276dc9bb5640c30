//! Draws what came out of a simulation.

use std::sync::atomic::AtomicBool;

use super::results::Row;
use super::{Bout, show};
use crate::cli::draw::mark;
use crate::report::{self, Clock, Comparison, Course, Move, Panel, Quantity, Series, Shape, Spread, Tone, Track};
use crate::simulate::peers::{self, Peer};
use crate::simulate::{self, Run, RunError, Scores};

/// Of more runs than that no courses are drawn: nobody would look at them all.
pub(super) const DRAWN: usize = 24;
/// The lower bound: no rival of the others.
pub(super) const BOUND: &str = "clairvoyant";

/// The comparison of rows that met the same job and load.
pub(super) fn comparison(title: &str, rows: &[Row], objective: f64) -> Comparison {
    let drawn = |row: &Row| {
        let spread = |score: &dyn Fn(&Scores) -> f64| {
            let simulate::Spread { median, least, most } = row.spread(score);
            Spread { median, least, most }
        };
        report::Row {
            family: row.family.to_string(),
            name: row.name.to_string(),
            efficient: false,
            late: spread(&|scores| scores.violation_share),
            lag_p99: spread(&|scores| scores.lag_p99),
            worker_hours: Some(spread(&|scores| scores.worker_hours)),
            relative_hours: spread(&|scores| scores.worker_hours_over_clairvoyant),
            rescales: spread(&|scores| f64::from(scores.rescales)),
            reversals: spread(&|scores| f64::from(scores.reversals)),
            settled: Some(spread(&|scores| f64::from(scores.settle_seconds))),
        }
    };
    let mut comparison = Comparison {
        title: title.to_owned(),
        objective,
        of: format!("Scores: {}.", show::of_seeds(rows)),
        rows: rows.iter().map(drawn).collect(),
        // A line with a single family compares nothing.
        notes: show::equal(rows).into_iter().filter(|line| line.matches('%').count() > 1).collect(),
    };
    comparison.mark_efficient(BOUND);
    comparison
}

/// What was measured of the real Flink autoscaler.
pub(super) fn peer((settings, source): peers::Source, peer: &Peer) -> report::Row {
    let Peer { violation_share, lag_p99, worker_hours, rescales, reversals } = *peer;
    report::Row {
        family: "real Flink autoscaler".to_owned(),
        name: format!("real Flink {source}, {settings}"),
        efficient: false,
        late: Spread::one(violation_share),
        lag_p99: Spread::one(lag_p99),
        worker_hours: None,
        relative_hours: Spread::one(worker_hours),
        rescales: Spread::one(f64::from(rescales)),
        reversals: Spread::one(f64::from(reversals)),
        settled: None,
    }
}

/// What happened to each contender with that seed, decisions and all.
///
/// # Errors
/// A run that was stopped, or failed.
pub(super) fn courses(bouts: &[Bout], seed: u64, stop: &AtomicBool) -> Result<Vec<Course>, RunError> {
    let run = |bout: &Bout| simulate::simulate(&bout.world, &bout.contender, seed, true, stop).map(|run| course(&run));
    bouts.iter().map(run).collect()
}

/// One run, from the second on that is scored.
fn course(run: &Run) -> Course {
    let Run { contender, seed, world, history, decisions, scores } = run;
    let begin = world.quiet;
    let seconds = history.seconds();
    let scored = &seconds[(begin as usize).min(seconds.len() - 1)..];
    let new = || Track::every(1.0);
    let (mut input, mut capacity, mut backlog, mut lag) = (new(), new(), new(), new());
    let (mut ordered, mut running, mut cpu, mut busy) = (new(), new(), new(), new());
    for (at, pair) in (1_u32..).zip(scored.windows(2)) {
        let (before, now, at) = (&pair[0], &pair[1], f64::from(at));
        input.add(at, Some(now.arrived - before.arrived));
        capacity.add(at, Some(now.capacity));
        backlog.add(at, Some(now.backlog));
        lag.add(at, Some(now.lag));
        ordered.add(at, Some(f64::from(now.wished)));
        running.add(at, now.is_up().then_some(f64::from(now.width)));
        cpu.add(at, now.is_up().then_some(now.cpu - before.cpu));
        busy.add(at, now.is_up().then_some(now.busy - before.busy));
    }
    let line = |name: &str, tone, track| Series { name: name.to_owned(), tone, shape: Shape::Line, track };
    let steps = |name: &str, tone, track| Series { name: name.to_owned(), tone, shape: Shape::Steps, track };
    let panel = |title: &str, quantity, series| Panel { title: title.to_owned(), quantity, series, limit: None };
    let objective = world.plant.lag_objective;
    let limit = Some((
        format!("late above {}", humantime::format_duration(std::time::Duration::from_secs_f64(objective))),
        objective,
    ));
    let scored_second = |at: u32| at.checked_sub(begin).map(f64::from);
    let marks: Vec<_> =
        decisions.iter().filter_map(|(at, decision)| Some(mark(scored_second(*at)?, 0, decision))).collect();
    let marks = if marks.is_empty() { orders(scored) } else { marks };
    let facts = [
        ("late", format!("{:.1} %", scores.violation_share * 100.0)),
        ("lag p99", format!("{:.0} s", scores.lag_p99)),
        ("worker-hours", format!("{:.1}", scores.worker_hours)),
        ("rescales", scores.rescales.to_string()),
        ("seed", seed.to_string()),
    ];
    Course {
        name: contender.to_string(),
        facts: facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        clock: Clock::Elapsed,
        span: f64::from(u32::try_from(scored.len() - 1).unwrap_or(u32::MAX)),
        panels: vec![
            panel(
                "Input and capacity",
                Quantity::RecordsPerSecond,
                vec![
                    line("what the workers could process", Tone::Capacity, capacity),
                    line("arrives", Tone::Input, input),
                ],
            ),
            panel("Backlog", Quantity::Records, vec![line("waits", Tone::Waiting, backlog)]),
            Panel {
                limit,
                ..panel("Lag", Quantity::Seconds, vec![line("age of the oldest that waits", Tone::Waiting, lag)])
            },
            panel(
                "Workers",
                Quantity::Workers,
                vec![steps("run", Tone::Running, running), steps("ordered", Tone::Wished, ordered)],
            ),
            panel(
                "Load of a worker",
                Quantity::Share,
                vec![line("CPU", Tone::Cpu, cpu), line("hottest subtask busy", Tone::Busy, busy)],
            ),
        ],
        lanes: vec![contender.to_string()],
        marks,
    }
}

/// What a baseline ordered: it gives no reasons.
fn orders(scored: &[simulate::Second]) -> Vec<report::Mark> {
    let changed = (1_u32..).zip(scored.windows(2)).filter(|(_, pair)| pair[0].wished != pair[1].wished);
    changed
        .map(|(at, pair)| report::Mark {
            at: f64::from(at),
            lane: 0,
            way: if pair[1].wished > pair[0].wished { Move::Up } else { Move::Down },
            title: format!("scale {} -> {}", pair[0].wished, pair[1].wished),
            because: Vec::new(),
            derivation: Vec::new(),
        })
        .collect()
}
