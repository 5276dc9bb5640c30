//! A recording as a workload: what arrived is what was processed and what the backlog grew by. And what it shows of the job.

use std::collections::VecDeque;
use std::path::Path;

use anyhow::Context as _;

use crate::cli::asked_wrongly;
use crate::cli::replay::refused;
use crate::engine::{self, FleetLimits, JobObservation, Learned, Memories, OperatorObservation, Timestamp};
use crate::policy::Policy;
use crate::record::Reader;
use crate::simulate::Workload;

/// A recorded job.
pub(super) struct Recorded {
    /// What came in.
    pub workload: Workload,
    /// The policy that it was recorded by.
    pub policy: Policy,
    /// What the rule itself has learned of it at the end.
    pub learned: Learned,
    /// The ticks at which it was seen.
    pub looks: Vec<Look>,
}

/// One tick, as far as it says what a job can do.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Look {
    /// Workers that ran.
    pub workers: Option<f64>,
    /// Processed per second.
    pub throughput: Option<f64>,
    pub cpu: Option<f64>,
    pub partitions: Option<f64>,
    /// In seconds.
    pub checkpoint_interval: Option<f64>,
}

/// Reads the recording of one job; of its only one, where it is not named.
///
/// # Errors
/// It cannot be read, has several jobs and none is named, or nothing of the job.
pub(super) fn read(path: &Path, job: Option<&str>) -> anyhow::Result<Recorded> {
    let reader = Reader::open(path).map_err(refused)?;
    let policies = reader.header().recorded_policies().map_err(refused)?;
    let plans = policies.plans(FleetLimits::default()).acting();
    let mut memories = Memories::default();
    let mut name: Option<String> = job.map(str::to_owned);
    let mut found: Option<(Timestamp, Arrivals, Recorded)> = None;
    for tick in reader {
        let tick = tick.map_err(refused)?;
        // What is decided does not matter, what is learned does.
        drop(engine::tick(&plans, &mut memories, &tick.seen, tick.at));
        let names: Vec<String> = tick.seen.jobs.iter().map(|job| job.id.to_string()).collect();
        if name.is_none() && names.len() > 1 {
            let known = names.join(", ");
            return Err(asked_wrongly(anyhow::anyhow!(
                "the recording has several jobs: choose with --job, of {known}"
            )));
        }
        let Some(seen) = tick.seen.jobs.iter().find(|job| name.as_ref().is_none_or(|name| *name == job.id.to_string()))
        else {
            continue;
        };
        name.get_or_insert_with(|| seen.id.to_string());
        let (start, arrivals, recorded) = found.get_or_insert_with(|| {
            let policy = policies.policies[usize::from(seen.class.0)].clone();
            let workload = Workload::Constant { rate: 0.0 };
            let recorded = Recorded { workload, policy, learned: Learned::default(), looks: Vec::new() };
            (tick.at, Arrivals::default(), recorded)
        });
        let throughput = arrivals.take(&recorded.policy, seen, tick.at.since(*start).as_secs_f64());
        recorded.learned = memories.learned(seen.index).unwrap_or_default();
        recorded.looks.push(Look {
            workers: seen.running.fresh(),
            throughput,
            cpu: seen.cpu.fresh(),
            partitions: seen.partitions.fresh(),
            checkpoint_interval: seen.checkpoint_interval.fresh(),
        });
    }
    if let Some((_, arrivals, recorded)) = found
        && !arrivals.points.is_empty()
    {
        let mut points = arrivals.points;
        points.dedup_by(|later, earlier| later.0 <= earlier.0);
        return Ok(Recorded { workload: Workload::Trace { points, interpolate: false }, ..recorded });
    }
    let whose = name.map_or_else(|| "no job".to_owned(), |name| format!("nothing of `{name}`"));
    Err(asked_wrongly(anyhow::anyhow!("{whose} is in the recording with throughput and backlog")))
        .with_context(|| format!("failed to make a workload of `{}`", path.display()))
}

/// The arrivals of a recorded job, `T + (B(now) - B(now - w)) / w`: both terms over the same time. `w` is the recorded
/// policy's rate window, or a tick where throughput is a running total; in either case whole commit intervals, where the
/// backlog is a consumer group's lag. Where a reading is missing the load goes on as it was.
#[derive(Default)]
struct Arrivals {
    /// Of the last window.
    past: VecDeque<Moment>,
    /// The running total of the tick before, where there is one.
    total: Option<(f64, f64)>,
    points: Vec<(f64, f64)>,
}

#[derive(Clone, Copy)]
struct Moment {
    at: f64,
    backlog: f64,
    /// Processed since the beginning.
    worked: f64,
}

impl Arrivals {
    /// Takes in one tick, and says what was processed per second.
    fn take(&mut self, policy: &Policy, seen: &JobObservation, at: f64) -> Option<f64> {
        let totals = seen.operators.iter().any(|operator| operator.total.is_some());
        let backlog = sum(seen, |operator| operator.backlog?.fresh());
        let before = self.past.back().copied();
        let rate = if totals {
            // The sum lacks workers whose series are not there: the next difference would be what they did in all.
            let whole = seen.coverage.fresh().is_none_or(|share| share >= 1.0);
            let total = sum(seen, |operator| operator.total?.fresh()).filter(|_| whole).map(|total| (at, total));
            let last = std::mem::replace(&mut self.total, total);
            let newer = |((now, total), (then, before)): ((f64, f64), (f64, f64))| {
                (total >= before && now > then).then(|| (total - before) / (now - then))
            };
            total.zip(last).and_then(newer)
        } else {
            sum(seen, |operator| operator.throughput.fresh())
        };
        let (Some(rate), Some(backlog)) = (rate, backlog) else {
            if totals {
                // What was processed meanwhile is not known.
                self.past.clear();
            }
            return rate;
        };
        let worked = before.map_or(0.0, |before| before.worked + rate * (at - before.at));
        self.past.push_back(Moment { at, backlog, worked });
        let window = window(policy, totals);
        while self.past.get(1).is_some_and(|moment| at - moment.at >= window) {
            self.past.pop_front();
        }
        let Some(first) = self.past.front().filter(|first| at > first.at) else {
            if !totals {
                self.arrive(at, rate);
            }
            return Some(rate);
        };
        let span = at - first.at;
        let throughput = if totals { (worked - first.worked) / span } else { rate };
        // Less than a whole window of a group's lag is a part of a tooth.
        if policy.plan.commit_interval.is_none_or(|commits| span >= commits.as_secs_f64()) {
            self.arrive(at, throughput + (backlog - first.backlog) / span);
        }
        Some(rate)
    }

    fn arrive(&mut self, at: f64, rate: f64) {
        let at = if self.points.is_empty() { 0.0 } else { at };
        self.points.push((at, rate.max(0.0)));
    }
}

/// Over how many seconds a balance is drawn; more than none, so that there is a tick before.
fn window(policy: &Policy, totals: bool) -> f64 {
    let least = if totals { 1e-3 } else { policy.plan.rate_window.as_secs_f64() };
    match policy.plan.commit_interval.map(|commits| commits.as_secs_f64()) {
        Some(commits) if commits > 0.0 => commits * (least / commits).ceil(),
        _ => least,
    }
}

/// Over all operators that have a backlog; nothing where one of them lacks it.
fn sum(job: &JobObservation, value: impl Fn(&OperatorObservation) -> Option<f64>) -> Option<f64> {
    let mut judged = job.operators.iter().filter(|operator| operator.backlog.is_some()).peekable();
    judged.peek()?;
    judged.map(value).sum()
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write as _;

    use super::*;

    /// By a policy of running totals and of a group that commits every 60 s.
    const POLICY: &str = include_str!("../../../tests/policies/good/balanced.yaml");

    /// The recording of a job, a line of its readings every 15 s.
    pub fn recorded(job: impl Fn(u32) -> String) -> Recorded {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let text = serde_json::to_string(POLICY).unwrap();
        writeln!(file, r#"{{"steelyardRecording":1,"step":"15s","policies":[{{"name":"balanced","text":{text}}}]}}"#)
            .unwrap();
        for at in (0..1200).step_by(15) {
            let epoch = 1_790_000_000 + at;
            writeln!(file, r#"{{"at":{epoch},"jobs":[{{"name":"orders",{}}}]}}"#, job(at)).unwrap();
        }
        read(file.path(), None).unwrap()
    }

    fn rates(recorded: &Recorded) -> Vec<f64> {
        let Workload::Trace { points, .. } = &recorded.workload else { panic!("{:?}", recorded.workload) };
        assert_eq!(points[0].0, 0.0, "a load begins at its beginning");
        points.iter().map(|point| point.1).collect()
    }

    #[test]
    fn a_groups_saw_tooth_is_no_load() {
        let rates = rates(&recorded(|at| {
            let (total, lag) = (300 * at, 300 * (at % 60));
            format!(r#""workers":2,"coverage":1,"operators":{{"read":{{"total":{total},"backlog":{lag}}}}}"#)
        }));
        assert!(rates.len() > 70, "{} ticks say what came in", rates.len());
        assert!(rates.iter().all(|rate| (rate - 300.0).abs() < 1e-6), "{rates:?}");
    }

    #[test]
    fn totals_that_begin_anew_or_lack_a_worker_are_no_load() {
        let rates = rates(&recorded(|at| {
            // A restart at 600 s, after which one of two workers is not scraped for two ticks.
            let partial = (600..630).contains(&at);
            let total = if at < 600 { 300 * at } else { 300 * (at - 600) } / if partial { 2 } else { 1 };
            let coverage = if partial { 0.5 } else { 1.0 };
            format!(r#""workers":2,"coverage":{coverage},"operators":{{"read":{{"total":{total},"backlog":0}}}}"#)
        }));
        assert!(rates.len() > 60, "{} ticks say what came in", rates.len());
        assert!(rates.iter().all(|rate| (rate - 300.0).abs() < 1e-6), "{rates:?}");
    }
}
