//! What the job really did, from what the feed and the workers wrote down: nothing of it went through Flink's metrics, Kafka's
//! offsets or Prometheus.

use std::collections::BTreeMap;
use std::path::Path;

/// A worker that wrote nothing for so long, in seconds, does not work: it writes five times a second.
const SILENT: f64 = 2.0;

/// What the feed said: when, in epoch seconds, how many records until then, and how many a second from then on.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Fed {
    at: f64,
    records: f64,
    rate: f64,
}

/// What a worker said: when, in epoch seconds, how many records until then, and the last offsets of partitions that moved.
#[derive(Debug, Clone, PartialEq)]
struct Done {
    at: f64,
    records: f64,
    last: Vec<(usize, f64)>,
}

/// The truth up to now.
#[derive(Debug)]
pub struct Truth {
    at: f64,
    fed: Vec<Fed>,
    /// One for each subtask of each attempt.
    workers: Vec<Vec<Done>>,
}

impl Truth {
    pub(super) fn read(fed: &Path, ledgers: &Path, at: f64) -> Self {
        let files = std::fs::read_dir(ledgers).unwrap_or_else(|error| panic!("{}: {error}", ledgers.display()));
        let workers = files.map(|file| lines(&file.expect("a folder that can be read").path(), Done::parse));
        Self { at, fed: lines(fed, Fed::parse), workers: workers.collect() }
    }

    /// When it was read, in epoch seconds.
    pub fn at(&self) -> f64 {
        self.at
    }

    /// When the first record had been processed, in epoch seconds; `None`: not yet.
    pub fn since(&self) -> Option<f64> {
        self.workers.iter().filter_map(|worker| worker.first()).map(|done| done.at).min_by(f64::total_cmp)
    }

    /// Records per second that came in at that moment.
    pub fn input_rate(&self, at: f64) -> f64 {
        self.fed[..self.fed.partition_point(|fed| fed.at <= at)].last().map_or(0.0, |fed| fed.rate)
    }

    /// Each input rate: from when on, in epoch seconds, and records per second.
    pub fn schedule(&self) -> Vec<(f64, f64)> {
        let mut steps: Vec<(f64, f64)> = Vec::new();
        for fed in &self.fed {
            if steps.last().is_none_or(|(_, rate)| *rate != fed.rate) {
                steps.push((fed.at, fed.rate));
            }
        }
        steps
    }

    /// Records that came in until then.
    pub fn input(&self, until: f64) -> f64 {
        count_at(self.fed.iter().map(|fed| (fed.at, fed.records)), until)
    }

    /// Records that were processed between two moments, those that were read again counted again.
    pub fn processed(&self, from: f64, to: f64) -> f64 {
        let of_one = |worker: &Vec<Done>, at| count_at(worker.iter().map(|done| (done.at, done.records)), at);
        self.workers.iter().map(|worker| of_one(worker, to) - of_one(worker, from)).sum()
    }

    /// Records in the broker at that moment that nobody had processed yet, or were to be processed again.
    pub fn backlog(&self, at: f64) -> f64 {
        let mut newest: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
        for done in self.workers.iter().flatten().filter(|done| done.at <= at) {
            for (partition, offset) in &done.last {
                let known = newest.entry(*partition).or_insert((done.at, *offset));
                if done.at >= known.0 {
                    *known = (done.at, *offset);
                }
            }
        }
        let processed: f64 = newest.values().map(|(_, offset)| offset + 1.0).sum();
        (self.input(at) - processed).max(0.0)
    }

    /// Workers that worked at that moment.
    pub fn width(&self, at: f64) -> usize {
        let worked = |worker: &&Vec<Done>| worker.iter().any(|done| (at - SILENT..=at).contains(&done.at));
        self.workers.iter().filter(worked).count()
    }

    /// From when on, in epoch seconds, and how many workers worked, for each generation of them that began before `to`.
    pub fn widths(&self, to: f64) -> Vec<(f64, usize)> {
        let first: Vec<f64> = self.workers.iter().filter_map(|worker| worker.first()).map(|done| done.at).collect();
        let begins: Vec<f64> =
            self.since().into_iter().chain(self.restarts(0.0, to).iter().map(|(_, again)| *again)).collect();
        let ends = begins.iter().skip(1).copied().chain([to]);
        let generations = begins.iter().zip(ends);
        generations
            .map(|(begin, end)| (*begin, first.iter().filter(|at| (*begin..end).contains(*at)).count()))
            .collect()
    }

    /// Restarts that ended between two moments: since when nobody processed anything, and when the first one did again, in
    /// epoch seconds. A pause within one attempt is none.
    pub fn restarts(&self, from: f64, to: f64) -> Vec<(f64, f64)> {
        let mut moments: Vec<f64> = self.workers.iter().flatten().map(|done| done.at).collect();
        moments.sort_by(f64::total_cmp);
        let lives: Vec<(f64, f64)> =
            self.workers.iter().filter_map(|worker| Some((worker.first()?.at, worker.last()?.at))).collect();
        let pairs = moments.windows(2).map(|pair| (pair[0], pair[1]));
        let is_restart = |(stopped, again): &(f64, f64)| {
            (from..=to).contains(again) && !lives.iter().any(|(first, last)| first <= stopped && again <= last)
        };
        pairs.filter(is_restart).collect()
    }
}

impl Fed {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ').map(str::parse::<f64>);
        let mut next = || words.next()?.ok();
        Some(Self { at: next()? / 1000.0, records: next()?, rate: next()? })
    }
}

impl Done {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let (at, records) = (words.next()?.parse::<f64>().ok()? / 1000.0, words.next()?.parse().ok()?);
        let last = words.map(|word| {
            let (partition, offset) = word.split_once(':')?;
            Some((partition.parse().ok()?, offset.parse().ok()?))
        });
        Some(Self { at, records, last: last.collect::<Option<_>>()? })
    }
}

/// Whole lines, as the last one may be half written.
fn lines<T>(file: &Path, parse: impl Fn(&str) -> Option<T>) -> Vec<T> {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let parsed = whole.lines().map(|line| parse(line).unwrap_or_else(|| panic!("{}: `{line}`", file.display())));
    parsed.collect()
}

/// A running total at a moment: what was last said before it, and a share of what came until the next word.
fn count_at(said: impl Iterator<Item = (f64, f64)>, moment: f64) -> f64 {
    let (mut before, mut known) = (0.0, None);
    for (at, count) in said {
        if at > moment {
            return match known {
                // Its first word is of its first records.
                None => 0.0,
                Some(since) => before + (count - before) * (moment - since) / (at - since),
            };
        }
        (before, known) = (count, Some(at));
    }
    before
}
