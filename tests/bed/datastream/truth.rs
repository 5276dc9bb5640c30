//! What the job really did, from what its own threads wrote down: nothing of it went through Flink's metrics or Prometheus.

use std::collections::BTreeMap;
use std::path::Path;

/// A subtask that wrote nothing for so long, in seconds, does not run any more: it writes five times a second.
const SILENT: f64 = 2.0;
/// Subtasks that begin less than this apart, in seconds, belong to one restart.
const SAME_RESTART: f64 = 3.0;

/// One subtask of one attempt.
#[derive(Debug)]
struct Life {
    /// When, in epoch seconds, and how many records it had processed or read by then. Never empty.
    counts: Vec<(f64, u64)>,
    /// The partitions that it read and the next offset of each, as last said. Empty for a worker.
    positions: Vec<(usize, u64)>,
}

/// The truth up to now.
#[derive(Debug)]
pub struct Truth {
    at: f64,
    schedule: Vec<(f64, f64)>,
    readers: Vec<Life>,
    workers: Vec<Life>,
}

impl Truth {
    /// Of a job that writes into that folder and has that input.
    pub fn read(log: &Path, schedule: Vec<(f64, f64)>, at: f64) -> Self {
        let mut truth = Self { at, schedule, readers: Vec::new(), workers: Vec::new() };
        let Ok(files) = std::fs::read_dir(log.join("truth")) else { return truth };
        for file in files.map(|file| file.expect("a folder that can be read").path()) {
            let text = std::fs::read_to_string(&file).expect("a file that can be read");
            // The last line may be half written: only whole ones count.
            let whole = text.rfind('\n').map_or("", |end| &text[..end]);
            let Some(life) = Life::parse(whole) else { continue };
            let is_reader = file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("source-"));
            if is_reader { truth.readers.push(life) } else { truth.workers.push(life) }
        }
        truth
    }

    /// When it was read, in epoch seconds.
    pub fn at(&self) -> f64 {
        self.at
    }

    /// Since when the newest worker has been processing, in epoch seconds; `None`: none does.
    pub fn since(&self) -> Option<f64> {
        let newest = self.workers.iter().max_by(|left, right| left.began().total_cmp(&right.began()))?;
        newest.counts.iter().find(|(_, count)| *count > 0).map(|(at, _)| *at)
    }

    /// Records per second that come in now.
    pub fn input_rate(&self) -> f64 {
        self.schedule.last().map_or(0.0, |(_, rate)| *rate)
    }

    /// Records that came in until then.
    pub fn input(&self, until: f64) -> f64 {
        let ends = self.schedule.iter().skip(1).map(|(from, _)| *from).chain([f64::INFINITY]);
        self.schedule.iter().zip(ends).map(|((from, rate), end)| rate * (end.min(until) - from).max(0.0)).sum()
    }

    /// Records that nobody has read yet: of each partition, what its newest reader says.
    pub fn backlog(&self) -> f64 {
        let mut newest: BTreeMap<usize, (f64, u64)> = BTreeMap::new();
        for reader in &self.readers {
            let Some((said, _)) = reader.counts.last() else { continue };
            for (partition, next) in &reader.positions {
                let known = newest.entry(*partition).or_insert((*said, *next));
                if *said >= known.0 {
                    *known = (*said, *next);
                }
            }
        }
        let latest = newest.values().map(|(said, _)| *said).fold(0.0, f64::max);
        // As of the readers' last word: until now more has come in and more has been read.
        let until = if self.at - latest < SILENT { latest } else { self.at };
        let read: u64 = newest.values().map(|(_, next)| *next).sum();
        (self.input(until) - read as f64).max(0.0)
    }

    /// Workers that process now.
    pub fn width(&self) -> usize {
        let lives = self.workers.iter().filter_map(|worker| worker.counts.last());
        lives.filter(|(said, _)| self.at - said < SILENT).count()
    }

    /// Records that were processed between two moments, those that were read again counted again.
    pub fn processed(&self, from: f64, to: f64) -> f64 {
        self.workers.iter().map(|worker| worker.at(to) - worker.at(from)).sum()
    }

    /// Restarts that ended by then: from the last record before each to the first one of its last subtask, in epoch
    /// seconds.
    ///
    /// A pause alone is none, a busy machine makes them, nor is a subtask that begins late: some life ended and one began.
    pub fn downtimes(&self, from: f64, to: f64) -> Vec<(f64, f64)> {
        // Every moment at which some worker was seen to have done more than before.
        let mut moments: Vec<f64> = Vec::new();
        for worker in &self.workers {
            let mut before = 0;
            for (at, count) in &worker.counts {
                if *count > before {
                    moments.push(*at);
                }
                before = *count;
            }
        }
        moments.retain(|at| (from..=to).contains(at));
        moments.sort_by(f64::total_cmp);
        let begins: Vec<f64> = self.workers.iter().map(Life::began).collect();
        let ends: Vec<f64> = self.workers.iter().map(Life::ended).collect();
        let ended = |stopped: f64, again: f64| ends.iter().any(|end| stopped - SILENT < *end && *end < again);
        let pairs = moments.windows(2).map(|pair| (pair[0], pair[1]));
        let gaps = pairs.filter(|(stopped, again)| begins.iter().any(|begin| stopped < begin && begin <= again));
        let gaps = gaps.filter(|(stopped, again)| ended(*stopped, *again));
        let mut restarts: Vec<(f64, f64)> = Vec::new();
        for (stopped, again) in gaps {
            match restarts.last_mut() {
                // Its subtasks begin one by one.
                Some(restart) if stopped - restart.1 < SAME_RESTART => restart.1 = again,
                _ => restarts.push((stopped, again)),
            }
        }
        restarts
    }

    /// How many workers there were: from when on, in whole epoch seconds, and how many; each change once.
    pub fn widths(&self, from: f64, to: f64) -> Vec<(f64, usize)> {
        let mut widths: Vec<(f64, usize)> = Vec::new();
        let mut at = from;
        while at <= to {
            let alive = |worker: &&Life| {
                let ends = (worker.counts.first(), worker.counts.last());
                matches!(ends, (Some((first, _)), Some((last, _))) if *first <= at && at <= *last + SILENT / 4.0)
            };
            let width = self.workers.iter().filter(alive).count();
            if widths.last().is_none_or(|(_, before)| *before != width) {
                widths.push((at, width));
            }
            at += 1.0;
        }
        widths
    }
}

impl Life {
    fn parse(text: &str) -> Option<Self> {
        let mut counts = Vec::new();
        let mut positions = Vec::new();
        for line in text.lines() {
            let mut words = line.split(' ');
            let millis: f64 = words.next()?.parse().ok()?;
            counts.push((millis / 1000.0, words.next()?.parse().ok()?));
            positions = words.filter_map(|word| word.split_once(':')).collect();
        }
        let number = |(partition, next): (&str, &str)| Some((partition.parse().ok()?, next.parse().ok()?));
        let positions = positions.into_iter().map(number).collect::<Option<_>>()?;
        (!counts.is_empty()).then_some(Self { counts, positions })
    }

    /// When it first said something, in epoch seconds.
    fn began(&self) -> f64 {
        self.counts[0].0
    }

    /// When it last said something, in epoch seconds.
    fn ended(&self) -> f64 {
        self.counts[self.counts.len() - 1].0
    }

    /// Its count at a moment: of the last word before it, and a share of what came until the next.
    fn at(&self, moment: f64) -> f64 {
        let after = self.counts.partition_point(|(at, _)| *at <= moment);
        let Some((since, before)) = after.checked_sub(1).map(|last| self.counts[last]) else { return 0.0 };
        let before_it = before as f64;
        match self.counts.get(after) {
            None => before_it,
            Some((until, count)) => before_it + (*count as f64 - before_it) * (moment - since) / (until - since),
        }
    }
}
