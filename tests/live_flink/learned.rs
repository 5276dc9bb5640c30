//! What the engine learns of a job, from what the daemon recorded of it.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use steelyard::engine::{self, FleetLimits, Learned, Memories, Reading};
use steelyard::policy;
use steelyard::record::{Reader, Tick};
use steelyard::run::Rules;

use crate::bed::common::prometheus::SCRAPE;
use crate::watch::{Decided, INTERVAL, Watch};

/// Plays the recording into the engine, as the daemon did, and says what it knows of the job at the end.
fn learned(recording: &Path, policy_file: &Path, job: &str) -> Learned {
    let policies = policy::load(&[policy_file.to_owned()]).unwrap_or_else(|problems| panic!("{problems}"));
    let plans = Rules::telling(Arc::new(policies), FleetLimits::default()).plans;
    let mut memories = Memories::default();
    let mut learned = None;
    for tick in Reader::open(recording).expect("the daemon records") {
        // The daemon still writes: the last line may be half there.
        let Ok(Tick { at, seen, decisions: _ }) = tick else { break };
        let _ = engine::tick(&plans, &mut memories, &seen, at);
        let index = seen.jobs.iter().find(|seen| seen.id.name() == job).map(|seen| seen.index);
        learned = index.and_then(|index| memories.learned(index)).or(learned);
    }
    learned.unwrap_or_else(|| panic!("{job} is not in {}", recording.display()))
}

/// The largest error of a learned capacity, as a share.
const CAPACITY: f64 = 0.1;

/// Holds the times that were learned of a job against the restarts that its truth knows of a rescale that was ordered then.
pub fn assert_times_learned(watch: &Watch, app: &str, ordered: f64, downtimes: &[(f64, f64)]) {
    let Learned { delay, downtime, .. } = learned(&watch.recording, &watch.policy, app);
    // It is read off ticks, of scrapes: to one of each.
    let exact = (SCRAPE + INTERVAL).as_secs_f64();
    let stopped = downtimes.first().expect("it restarted").0;
    let story = || {
        let restarts = downtimes.iter().map(|(stopped, again)| (stopped - ordered, again - ordered));
        let restarts: Vec<_> = restarts.collect();
        format!("stops and starts after the order at {ordered}: {restarts:?}\n{}", course(watch, app, ordered))
    };
    let close = |what: &str, learned: Option<Duration>, truth: f64| {
        let Some(learned) = learned.map(|learned| learned.as_secs_f64()) else {
            // A tick that knew nothing, and nothing is learned of a restart around it: that is the promise, too.
            let doubt = doubt(&watch.recording, app, ordered, ordered + RESCALED_BY);
            let doubt = doubt.unwrap_or_else(|| panic!("{app}: no {what} was learned; {}", story()));
            let _ = writeln!(std::io::stderr(), "\nWARNING {app}: no {what} was learned, as {doubt}");
            return;
        };
        assert!(
            (learned - truth).abs() <= exact,
            "{app}: a {what} of {learned} s was learned, the truth is {truth} s; {}",
            story()
        );
    };
    close("delay", delay, stopped - ordered);
    let longest = downtimes.iter().map(|(stopped, again)| again - stopped).fold(0.0, f64::max);
    close("downtime", downtime, longest);
}

/// An order is carried out by then, with all restarts that it takes, in seconds.
const RESCALED_BY: f64 = 120.0;

/// The first tick between two moments that says nothing about a job: a query failed on a busy machine, or a sample is old.
fn doubt(recording: &Path, job: &str, from: f64, to: f64) -> Option<String> {
    let unsure =
        |reading: Reading| matches!(reading, Reading::Stale { .. } | Reading::NotFinite | Reading::QueryFailed);
    let ticks = Reader::open(recording).expect("the daemon records").map_while(Result::ok);
    let mut ticks = ticks.filter(|tick| (from..to).contains(&tick.at.as_seconds()));
    ticks.find_map(|Tick { at, seen, decisions: _ }| {
        let one = seen.jobs.iter().find(|seen| seen.id.name() == job)?;
        let class = seen.classes.get(usize::from(one.class.0));
        let failed = class.is_some_and(|class| !class.failed.is_empty() || !class.partial.is_empty());
        let mut readings = [one.running, one.running_for].into_iter().chain(
            one.operators
                .iter()
                .flat_map(|seen| [seen.total.unwrap_or(seen.throughput), seen.backlog.unwrap_or_default()]),
        );
        (failed || readings.any(unsure)).then(|| format!("the tick at {at} says nothing: {class:?} {one:?}"))
    })
}

/// What was seen of a job's course from a moment on, a line for each tick.
fn course(watch: &Watch, app: &str, from: f64) -> String {
    let near = |told: &Decided| (-30.0..120.0).contains(&(told.at - from));
    let line = |told: Decided| {
        let seen = |name: &str| told.seen["seen"][name].to_string();
        format!(
            "{:+.0} s: wished {} running {} for {}\n",
            told.at - from,
            seen("wished"),
            seen("running"),
            seen("running_for")
        )
    };
    watch.decided(app).into_iter().filter(near).map(line).collect()
}

/// Holds the capacities that were learned of a job against the truth: widths with what they can do, in the policy's unit.
pub fn assert_capacity_learned(watch: &Watch, app: &str, truths: &[(usize, f64)]) {
    let Learned { capacity, .. } = learned(&watch.recording, &watch.policy, app);
    for &(width, truth) in truths {
        let learned =
            capacity.iter().find(|learned| learned.workers.0 as usize == width).map(|learned| learned.per_second);
        let learned = learned.unwrap_or_else(|| panic!("{app}: nothing was learned of {width} workers: {capacity:?}"));
        let off = learned / truth - 1.0;
        assert!(off.abs() <= CAPACITY, "{app}: {learned}/s was learned of {width} workers, the truth is {truth}/s");
    }
}
