//! What an earlier process of ours had learned, read back from Prometheus: the only memory between two processes.
//!
//! Each of our own metrics is asked for once, for all classes together, at the newest sample of the last ten minutes: an
//! instant vector would not do, as the series of a process that ended are marked stale. Several processes may have exported
//! in that time (a standby, the one before the last restart). What belongs together is taken from one of them, the one
//! that spoke last; only what was wanted is the largest of all, and until
//! when a job is left alone the latest.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::client::{Client, RowSink};
use super::error::Error;
use super::row::Labels;
use crate::engine::{JobIndex, JobTable, Learned, LearnedInput, Observations, Timestamp};
use crate::policy::PolicySet;
use crate::telemetry::learned::{
    CAPACITY, CIRCUIT_OPEN_UNTIL, INPUT_GAUGES, InputGauge, JOB_GAUGES, JobGauge, LEFT_ALONE, PREFIX, REGRET, WANTED,
    capacity, count, unknown_input,
};

/// How old a newest sample may be. A daemon that was away for longer knows too little of what happened meanwhile.
const REACH: Duration = Duration::from_secs(10 * 60);

/// But whom a count is left to holds for half an hour, and for more than a day where ours was taken back again and again:
/// it counts until its time, however long the daemon was away. Few jobs have such a series.
const REACH_OF_LEFT_ALONE: Duration = Duration::from_secs(2 * 24 * 3600);

/// How far apart samples of ours may lie: the resolution at which their times are looked for.
const RESOLUTION: &str = "15s";

/// What was read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recollected {
    /// Jobs of which something was known.
    pub jobs: usize,
    /// Jobs of which nothing was: they count as just rescaled.
    pub strangers: usize,
}

/// What one query is about.
#[derive(Debug, Clone, Copy)]
enum Topic {
    /// The largest wish.
    Wanted,
    /// When there was a wish last: not under doubt, and not while a job warms up.
    Known,
    /// When anything was said last.
    Spoke,
    Job(&'static JobGauge),
    Input(&'static InputGauge),
    Capacity,
    Circuit,
}

impl Topic {
    /// All of them.
    fn all() -> impl Iterator<Item = Self> {
        let jobs = JOB_GAUGES.iter().map(Self::Job);
        let inputs = INPUT_GAUGES.iter().map(Self::Input);
        [Self::Wanted, Self::Known, Self::Spoke, Self::Capacity, Self::Circuit].into_iter().chain(jobs).chain(inputs)
    }

    /// `window`: for how long the largest wish is looked for.
    fn query(self, window: Duration) -> String {
        let within = |name: &str, reach: Duration| format!("last_over_time({PREFIX}{name}[{}s])", reach.as_secs());
        let newest = |name: &str| within(name, REACH);
        let last_time =
            |name: &str| format!("max_over_time(timestamp({PREFIX}{name})[{}s:{RESOLUTION}])", REACH.as_secs());
        match self {
            Self::Wanted => format!("max_over_time({PREFIX}{WANTED}[{}s])", window.as_secs().max(1)),
            Self::Known => last_time(WANTED),
            Self::Spoke => last_time(REGRET),
            Self::Job(gauge) if LEFT_ALONE.contains(&gauge.name) => within(gauge.name, REACH_OF_LEFT_ALONE),
            Self::Job(gauge) => newest(gauge.name),
            Self::Input(gauge) => newest(gauge.name),
            Self::Capacity => newest(CAPACITY),
            Self::Circuit => newest(CIRCUIT_OPEN_UNTIL),
        }
    }
}

/// One sample of ours.
#[derive(Debug, Clone)]
struct Sample {
    /// The job, or none where it is about a class.
    job: Option<JobIndex>,
    class: Arc<str>,
    /// Which process exported it: a hash of the labels that tell it from others.
    process: u64,
    operator: Option<Arc<str>>,
    workers: Option<u32>,
    value: f64,
}

struct Samples<'a> {
    jobs: &'a JobTable,
    policies: &'a PolicySet,
    samples: Vec<Sample>,
}

impl RowSink for Samples<'_> {
    fn clear(&mut self) {
        self.samples.clear();
    }

    fn row(&mut self, labels: &Labels<'_>, value: f64) {
        let Some(class) = ours(labels, "class") else { return };
        let Some(policy) = self.policies.policies.iter().find(|policy| *policy.plan.class == *class) else { return };
        let class = Arc::clone(&policy.plan.class);
        let job = match (ours(labels, "namespace"), ours(labels, "name")) {
            (Some(namespace), Some(name)) => match self.jobs.get(&class, namespace, name) {
                Some(job) => Some(job),
                None => return,
            },
            _ => None,
        };
        let sample = Sample {
            job,
            class,
            process: process(labels),
            operator: ours(labels, "operator").map(Arc::from),
            workers: ours(labels, "workers").and_then(|workers| workers.parse().ok()),
            value,
        };
        if value.is_finite() {
            self.samples.push(sample);
        }
    }
}

/// A label that we exported. A scrape that gives its targets a label of the same name renames ours, unless it honours
/// them; and then the target's own, of that name, says something else.
fn ours<'a>(labels: &Labels<'a>, name: &str) -> Option<&'a str> {
    let renamed = labels.iter().find(|(key, _)| key.strip_prefix("exported_") == Some(name)).map(|(_, value)| value);
    renamed.or_else(|| labels.get(name))
}

/// The labels that are not about the job: which target was scraped.
fn process(labels: &Labels<'_>) -> u64 {
    const ABOUT: [&str; 6] = ["__name__", "class", "namespace", "name", "operator", "workers"];
    let renamed = |about: &str| labels.iter().any(|(key, _)| key.strip_prefix("exported_") == Some(about));
    let mut hasher = DefaultHasher::new();
    for (name, value) in labels.iter() {
        let about_the_job = match name.strip_prefix("exported_") {
            Some(rest) => ABOUT.contains(&rest),
            None => ABOUT.contains(&name) && !renamed(name),
        };
        if !about_the_job {
            (name, value).hash(&mut hasher);
        }
    }
    hasher.finish()
}

pub(super) async fn recollect(
    client: &Client,
    jobs: &JobTable,
    policies: &PolicySet,
    observations: &mut Observations,
    at: Timestamp,
) -> Result<Recollected, Error> {
    let window =
        policies.policies.iter().map(|policy| policy.plan.scale_down.window).max().unwrap_or_default().max(REACH);
    let ask = async |topic: Topic| {
        let mut sink = Samples { jobs, policies, samples: Vec::new() };
        client.vector(&topic.query(window), at, &mut sink).await?;
        Ok::<_, Error>((topic, sink.samples))
    };
    // Collected first: a stream over a closure would tie the future to one thread.
    let calls: Vec<_> = Topic::all().map(ask).collect();
    let answers: Vec<(Topic, Vec<Sample>)> =
        stream::iter(calls).buffer_unordered(client.concurrency()).try_collect().await?;

    let mut minds = Minds::default();
    for (topic, samples) in answers {
        for sample in samples {
            minds.take(topic, sample);
        }
    }
    for (position, policy) in policies.policies.iter().enumerate() {
        if let Some(until) = minds.circuits.get(&policy.plan.class) {
            if observations.classes.len() <= position {
                observations.classes.resize_with(position + 1, Default::default);
            }
            observations.classes[position].circuit_open_until = Some(*until);
        }
    }
    let mut told = Recollected::default();
    for job in &mut observations.jobs {
        job.recalled = minds.of(job.index).map(Arc::new);
        match job.recalled {
            Some(_) => told.jobs += 1,
            None => told.strangers += 1,
        }
    }
    Ok(told)
}

/// What each process knew of each job.
#[derive(Debug, Default)]
struct Minds {
    jobs: HashMap<JobIndex, Vec<Mind>>,
    circuits: HashMap<Arc<str>, Timestamp>,
}

/// What one process knew of one job.
#[derive(Debug, Default)]
struct Mind {
    process: u64,
    known: Option<Timestamp>,
    spoke: Option<Timestamp>,
    learned: Learned,
}

impl Minds {
    fn take(&mut self, topic: Topic, sample: Sample) {
        let Sample { job, class, process, operator, workers, value } = sample;
        let time = || Timestamp::from_seconds(value);
        let Some(job) = job else {
            if let (Topic::Circuit, Some(until)) = (topic, time()) {
                let newest = self.circuits.entry(class).or_insert(until);
                *newest = until.max(*newest);
            }
            return;
        };
        let minds = self.jobs.entry(job).or_default();
        let place = minds.iter().position(|mind| mind.process == process).unwrap_or_else(|| {
            minds.push(Mind { process, ..Mind::default() });
            minds.len() - 1
        });
        let Mind { known, spoke, learned, .. } = &mut minds[place];
        match topic {
            Topic::Wanted => learned.wanted = Some(count(value)),
            Topic::Known => *known = time(),
            Topic::Spoke => *spoke = time(),
            Topic::Job(gauge) => (gauge.set)(learned, value),
            Topic::Input(gauge) => {
                let Some(operator) = operator else { return };
                (gauge.set)(input(&mut learned.inputs, operator), value);
            }
            Topic::Capacity => {
                if let (Some(operator), Some(workers)) = (operator, workers) {
                    learned.capacity.push(capacity(operator, workers, value));
                }
            }
            Topic::Circuit => {}
        }
    }

    /// What the process that spoke last knew, with the largest wish of all and the longest time to leave the job alone:
    /// that may be all that is left of a process that ended long ago.
    fn of(&mut self, job: JobIndex) -> Option<Learned> {
        let minds = self.jobs.remove(&job)?;
        let wanted = minds.iter().filter_map(|mind| mind.learned.wanted).max();
        let left_alone = minds.iter().filter_map(|mind| mind.learned.left_alone).max_by_key(|left| left.until);
        let last = |mind: &Mind| mind.spoke.max(mind.known);
        let newest = minds.into_iter().filter(|mind| last(mind).is_some()).max_by_key(last);
        let Some(newest) = newest else {
            return left_alone.map(|left_alone| Learned { left_alone: Some(left_alone), ..Learned::default() });
        };
        let mut learned = Learned { wanted, left_alone, at: newest.known, ..newest.learned };
        // An input of which a part is missing says nothing.
        learned.inputs.retain(|input| input.per_second.is_finite() && input.deviation.is_finite());
        learned.inputs.sort_by(|one, other| one.operator.cmp(&other.operator));
        learned.capacity.sort_by(|one, other| (&one.operator, one.workers).cmp(&(&other.operator, other.workers)));
        Some(learned)
    }
}

fn input(inputs: &mut Vec<LearnedInput>, operator: Arc<str>) -> &mut LearnedInput {
    let place = inputs.iter().position(|input| input.operator == operator).unwrap_or_else(|| {
        inputs.push(unknown_input(operator));
        inputs.len() - 1
    });
    &mut inputs[place]
}

#[cfg(test)]
mod tests;
