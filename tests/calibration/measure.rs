//! What is compared: restarts, what is seen of them, the width, the backlog, CPU and busy.

use std::sync::Arc;

use steelyard::simulate::{History, Plant, Readings};

use super::fixture::{BLEND, Fixture, Tick, WINDOW};

/// So long after a restart ticks show it at the latest, if they ever do: two scrapes and a tick.
const NOTICED: f64 = 15.0;

/// One line of the table.
pub struct Row {
    pub quantity: &'static str,
    pub unit: &'static str,
    pub recorded: f64,
    pub predicted: f64,
    /// The error: a difference of the two, or the mean over time of the differences.
    pub error: f64,
}

pub fn compare(fixture: &Fixture) -> Vec<Row> {
    let history = predicted(fixture);
    let mut rows = restarts(fixture, &history);
    rows.extend(widths(fixture, &history));
    rows.extend(backlog(fixture, &history));
    rows.extend(shares(fixture, &history));
    rows
}

/// The plant under the recorded load, with the recorded orders.
fn predicted(fixture: &Fixture) -> History {
    let mut plant = Plant::new(Arc::new(fixture.plant.clone()), 0, fixture.seconds, 1);
    for second in 0..fixture.seconds {
        let now = f64::from(second);
        for (at, workers) in fixture.orders() {
            if at.ceil() == now {
                plant.order(*workers);
            }
        }
        // What waits at the first tick comes in its second: a plant begins without a backlog.
        plant.step(fixture.rate(now) + if second == 0 { fixture.waiting() } else { 0.0 });
    }
    plant.into_history()
}

fn row(quantity: &'static str, unit: &'static str, recorded: f64, predicted: f64) -> Row {
    Row { quantity, unit, recorded, predicted, error: predicted - recorded }
}

/// From when to when the plant was down; fractions of a second from what it could do in it.
fn downtimes(history: &History) -> Vec<(f64, f64)> {
    let mut found: Vec<(f64, f64)> = Vec::new();
    let seconds = history.seconds();
    for (at, pair) in seconds.windows(2).enumerate() {
        let restarted =
            pair[1].width != pair[0].width || pair[1].up_since > pair[0].up_since.max(Some(0)) || !pair[1].is_up();
        if pair[0].is_up() && restarted {
            let begin = at as f64;
            let again = seconds[at + 1..]
                .iter()
                .position(|second| second.is_up())
                .map_or(seconds.len(), |after| at + 1 + after);
            let first = &seconds[again.min(seconds.len() - 1)];
            // In its last second the job was up for that share of it.
            let full = seconds.get(again + 1).map_or(first.capacity, |next| next.capacity);
            let share = if full > 0.0 { (first.capacity / full).clamp(0.0, 1.0) } else { 0.0 };
            found.push((begin, again as f64 - share));
        }
    }
    found
}

/// Delay of the first restart of each order, its downtime, and how long after it nothing whole is seen: means over all.
fn restarts(fixture: &Fixture, history: &History) -> Vec<Row> {
    let (truth, plant) = (fixture.downtimes().to_vec(), downtimes(history));
    let delay = |restarts: &[(f64, f64)]| {
        let first = |ordered: f64| {
            restarts.iter().find(|(stopped, _)| *stopped >= ordered).map(|(stopped, _)| stopped - ordered)
        };
        mean(fixture.orders().iter().filter_map(|(at, _)| first(*at)))
    };
    let downtime = |restarts: &[(f64, f64)]| mean(restarts.iter().map(|(stopped, again)| again - stopped));
    let whole = |tick: &Tick| {
        tick.running.is_some() && tick.throughput.is_some() && tick.coverage.is_none_or(|share| share >= 1.0)
    };
    let blind = mean(last_of_each_order(fixture, &truth).into_iter().filter_map(|again| {
        let after: Vec<&Tick> = fixture.ticks().iter().filter(|tick| tick.at > again).collect();
        // The first may still show a scrape of before the restart.
        let noticed = after.iter().take_while(|tick| tick.at < again + NOTICED).position(|tick| !whole(tick));
        after[noticed.unwrap_or_default()..].iter().find(|tick| whole(tick)).map(|tick| tick.at - again)
    }));
    let shown = |again: f64| {
        let seconds = (again.ceil() as u32 + 1)..=fixture.seconds;
        seconds
            .map(|now| (now, Readings::scraped(history, &fixture.plant.metrics, now)))
            // A scrape of before the restart shows the job as it was.
            .find(|(_, seen)| f64::from(seen.at()) >= again && seen.running().is_some())
    };
    let seen = mean(
        last_of_each_order(fixture, &plant).into_iter().filter_map(|again| Some(f64::from(shown(again)?.0) - again)),
    );
    let mut rows = vec![row("restarts", "", truth.len() as f64, plant.len() as f64)];
    // Where neither knows a restart there is nothing to say about it.
    if !(truth.is_empty() && plant.is_empty()) {
        rows.push(row("delay", "s", delay(&truth), delay(&plant)));
        rows.push(row("downtime", "s", downtime(&truth), downtime(&plant)));
        rows.push(row("blind after", "s", blind, seen));
    }
    rows
}

/// When the job was up again after the last restart of each order: restarts that follow each other hide each other's end.
fn last_of_each_order(fixture: &Fixture, restarts: &[(f64, f64)]) -> Vec<f64> {
    let ends = fixture.orders().iter().skip(1).map(|(at, _)| *at).chain([f64::INFINITY]);
    let last = |((at, _), end): (&(f64, u32), f64)| {
        restarts.iter().rfind(|(stopped, _)| stopped >= at && *stopped < end).map(|(_, again)| *again)
    };
    fixture.orders().iter().zip(ends).filter_map(last).collect()
}

/// The mean width; the error is the share of the seconds with another width than the recorded.
fn widths(fixture: &Fixture, history: &History) -> Vec<Row> {
    let pairs: Vec<(f64, f64)> = (0..=fixture.seconds)
        .map(|second| (f64::from(fixture.width(f64::from(second))), f64::from(history.at(second).width)))
        .collect();
    let differ = pairs.iter().filter(|(recorded, predicted)| recorded != predicted).count() as f64 / pairs.len() as f64;
    let mean_of = |which: fn(&(f64, f64)) -> f64| mean(pairs.iter().map(which));
    let mut row = row("width, mean", "", mean_of(|pair| pair.0), mean_of(|pair| pair.1));
    row.error = differ;
    vec![row]
}

fn backlog(fixture: &Fixture, history: &History) -> Vec<Row> {
    let recorded: Vec<(f64, f64)> = fixture.ticks().iter().filter_map(|tick| Some((tick.at, tick.backlog?))).collect();
    // The group's lag, where it is one; else the plant's is the backlog itself.
    let predicted: Vec<(f64, f64)> = recorded.iter().map(|(at, _)| (*at, history.at(*at as u32).group_lag)).collect();
    // Of what the restarts make: what waited at the first tick is no prediction.
    let stopped = fixture.downtimes().first().map_or(0.0, |(stopped, _)| *stopped);
    let peak = |points: &[(f64, f64)]| {
        points.iter().filter(|(at, _)| *at >= stopped).map(|(_, backlog)| *backlog).fold(0.0, f64::max)
    };
    let last = |points: &[(f64, f64)]| points.last().map_or(0.0, |(_, backlog)| *backlog);
    let again = fixture.downtimes().first().map_or(0.0, |(_, again)| *again);
    // Caught up: less than two seconds of input wait, beyond what is but not committed.
    let seconds = 2.0 + fixture.commits().unwrap_or_default();
    let caught_up = |points: &[(f64, f64)]| {
        let left = points.iter().rfind(|(at, backlog)| *at > again && *backlog > seconds * fixture.rate(*at));
        left.map_or(0.0, |(at, _)| at - again)
    };
    let mut rows = vec![
        row("backlog, peak", "records", peak(&recorded), peak(&predicted)),
        row("backlog, at the end", "records", last(&recorded), last(&predicted)),
        row("catching up", "s", caught_up(&recorded), caught_up(&predicted)),
    ];
    if let Some(interval) = fixture.commits() {
        rows.extend(teeth(fixture, interval, &recorded, &predicted));
    }
    rows
}

/// The saw-tooth of a lag between restarts: the highest and the lowest of each commit interval, wherever it begins, as commits
/// of plant and job do not beat as one. Means; and how often it falls.
fn teeth(fixture: &Fixture, interval: f64, recorded: &[(f64, f64)], predicted: &[(f64, f64)]) -> Vec<Row> {
    let calm = |at: f64| {
        // Until all commits of before the restart are gone.
        let near = |(stopped, again): &(f64, f64)| at + interval > *stopped && at < again + BLEND;
        at >= interval && !fixture.downtimes().iter().any(near)
    };
    let each = |points: &[(f64, f64)], extreme: fn(f64, f64) -> f64| {
        let begins = points.iter().filter(|(at, _)| calm(*at) && at + interval <= points[points.len() - 1].0);
        mean(begins.filter_map(|(begin, _)| {
            let within = points.iter().filter(|(at, _)| (*begin..begin + interval).contains(at));
            within.map(|(_, lag)| *lag).reduce(extreme)
        }))
    };
    let falls = |points: &[(f64, f64)]| {
        let calm = points.windows(2).filter(|pair| calm(pair[0].0));
        calm.filter(|pair| pair[0].1 - pair[1].1 > 0.3 * interval * fixture.rate(pair[1].0)).count() as f64
    };
    vec![
        row("tooth, highest", "records", each(recorded, f64::max), each(predicted, f64::max)),
        row("tooth, lowest", "records", each(recorded, f64::min), each(predicted, f64::min)),
        row("tooth, falls", "", falls(recorded), falls(predicted)),
    ]
}

/// Means over the time in which nothing blends; the error is the mean of the differences' sizes.
fn shares(fixture: &Fixture, history: &History) -> Vec<Row> {
    let all: Vec<&Tick> = fixture.clear_ticks().collect();
    let at_limit: Vec<&Tick> = all.iter().copied().filter(|tick| fixture.is_at_limit(tick)).collect();
    let compare = |quantity,
                   ticks: &[&Tick],
                   unit,
                   recorded: fn(&Tick) -> Option<f64>,
                   predicted: &dyn Fn(Readings<'_>) -> Option<f64>| {
        let pairs: Vec<(f64, f64)> = ticks
            .iter()
            .filter_map(|tick| {
                Some((recorded(tick)?, predicted(Readings::scraped(history, &fixture.plant.metrics, tick.at as u32))?))
            })
            .collect();
        if pairs.is_empty() {
            return None;
        }
        let mut row = row(quantity, unit, mean(pairs.iter().map(|pair| pair.0)), mean(pairs.iter().map(|pair| pair.1)));
        row.error = mean(pairs.iter().map(|(recorded, predicted)| (predicted - recorded).abs()));
        Some(row)
    };
    [
        compare("throughput", &all, "/s", |tick| tick.throughput, &|seen| seen.throughput(WINDOW)),
        compare("cpu", &all, "", |tick| tick.cpu, &|seen| seen.cpu(WINDOW)),
        compare("busy", &all, "", |tick| tick.busy, &|seen| seen.busy(WINDOW)),
        // Where it can do no more: 1 of an honest CPU.
        compare("cpu, at its limit", &at_limit, "", |tick| tick.cpu, &|seen| seen.cpu(WINDOW)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (sum, count) = values.into_iter().fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    if count > 0.0 { sum / count } else { f64::NAN }
}
