//! What was learned of jobs, as metrics: one table for whoever exports it and whoever reads it back at the start.

use std::sync::Arc;

use crate::engine::{Grown, Learned, LearnedCapacity, LearnedInput, LeftAlone, Timestamp, Useful, Workers};

/// The prefix of every metric of ours.
pub const PREFIX: &str = "steelyard_";

/// One number that is known of a job.
#[derive(Debug, Clone, Copy)]
pub struct JobGauge {
    /// The metric's name behind [`PREFIX`].
    pub name: &'static str,
    /// What it means, for `/metrics` and the README.
    pub help: &'static str,
    /// The number; `None`: there is no series.
    pub get: fn(&Learned) -> Option<f64>,
    /// Puts back a number that was read.
    pub set: fn(&mut Learned, f64),
}

/// One number that is known of one operator of a job.
#[derive(Debug, Clone, Copy)]
pub struct InputGauge {
    /// The metric's name behind [`PREFIX`].
    pub name: &'static str,
    /// What it means, for `/metrics` and the README.
    pub help: &'static str,
    /// The number.
    pub get: fn(&LearnedInput) -> f64,
    /// Puts back a number that was read.
    pub set: fn(&mut LearnedInput, f64),
}

/// What the rule wants; it is read back as the largest of the down window.
pub const WANTED: &str = "job_wanted_workers";

/// What staying has cost. Every job that is known has this one at every tick: it shows which process spoke last.
pub const REGRET: &str = "job_regret_worker_seconds";

/// What a count of workers can process, by `operator` and `workers`.
pub const CAPACITY: &str = "job_capacity";

/// Until when a job is left alone after somebody else's change of its count, and how often ours was taken back.
pub const LEFT_ALONE: [&str; 2] = ["job_left_alone_until_timestamp_seconds", "job_left_alone_reverts"];

/// Until when a class's circuit breaker is open.
pub const CIRCUIT_OPEN_UNTIL: &str = "class_circuit_open_until_timestamp_seconds";

/// What is known of each job, one number each.
pub const JOB_GAUGES: [JobGauge; 15] = [
    JobGauge {
        name: "job_delay_seconds",
        help: "Learned: from a patch until the job stops; absent until one was seen",
        get: |learned| learned.delay.map(|delay| delay.as_secs_f64()),
        set: |learned, seconds| learned.delay = Some(duration(seconds)),
    },
    JobGauge {
        name: "job_downtime_seconds",
        help: "Learned: for how long nothing is processed in an ordered restart; absent until one was seen",
        get: |learned| learned.downtime.map(|downtime| downtime.as_secs_f64()),
        set: |learned, seconds| learned.downtime = Some(duration(seconds)),
    },
    JobGauge {
        name: "job_recovery_seconds",
        help: "Learned: from a new start until the backlog is gone; absent until one was seen",
        get: |learned| learned.recovery.map(|recovery| recovery.as_secs_f64()),
        set: |learned, seconds| learned.recovery = Some(duration(seconds)),
    },
    JobGauge {
        name: "job_mean_workers",
        help: "Mean width of the last six hours",
        get: |learned| learned.mean_workers,
        set: |learned, workers| learned.mean_workers = Some(workers),
    },
    JobGauge {
        name: REGRET,
        help: "What staying at more workers than wanted has cost so far",
        get: |learned| learned.regret,
        set: |learned, regret| learned.regret = Some(regret),
    },
    JobGauge {
        name: "job_useful_workers",
        help: "Beyond this count more workers were seen to be of no use; absent where none was",
        get: |learned| learned.useful.map(|useful| f64::from(useful.workers.0)),
        set: |learned, workers| useful(learned).workers = count(workers),
    },
    JobGauge {
        name: "job_useful_until_timestamp_seconds",
        help: "Until when increases end at the useful count",
        get: |learned| learned.useful.map(|useful| useful.until.as_seconds()),
        set: |learned, seconds| useful(learned).until = time(seconds),
    },
    JobGauge {
        name: "job_useful_input",
        help: "The input at which the useful count was found, per second",
        get: |learned| learned.useful.map(|useful| useful.input),
        set: |learned, input| useful(learned).input = input,
    },
    JobGauge {
        name: "job_grown_from_workers",
        help: "The count before the increase that made the generation that runs; absent where none did",
        get: |learned| learned.grown.map(|grown| f64::from(grown.from.0)),
        set: |learned, workers| grown(learned).from = count(workers),
    },
    JobGauge {
        name: "job_grown_timestamp_seconds",
        help: "When the generation that an increase made started",
        get: |learned| learned.grown.map(|grown| grown.at.as_seconds()),
        set: |learned, seconds| grown(learned).at = time(seconds),
    },
    JobGauge {
        name: "job_grown_judged",
        help: "Whether the effect of that increase has been judged: 1 or 0",
        get: |learned| learned.grown.map(|grown| f64::from(u8::from(grown.judged))),
        set: |learned, judged| grown(learned).judged = judged > 0.5,
    },
    JobGauge {
        name: "job_crashes",
        help: "Restarts of the last 30 minutes that nobody ordered; absent while there are none",
        get: |learned| (learned.restarts > 0).then(|| f64::from(learned.restarts)),
        set: |learned, restarts| learned.restarts = count(restarts).0,
    },
    JobGauge {
        name: "job_asked_workers",
        help: "Workers that the spec asks for, as it was last known",
        get: |learned| learned.asked.map(|asked| f64::from(asked.0)),
        set: |learned, workers| learned.asked = Some(count(workers)),
    },
    JobGauge {
        name: LEFT_ALONE[0],
        help: "Until when the job is left alone after somebody else's change of its count; absent where none is remembered",
        get: |learned| learned.left_alone.map(|left_alone| left_alone.until.as_seconds()),
        set: |learned, seconds| left_alone(learned).until = time(seconds),
    },
    JobGauge {
        name: LEFT_ALONE[1],
        help: "How often in a row somebody else took back what we had set",
        get: |learned| learned.left_alone.map(|left_alone| f64::from(left_alone.reverts)),
        set: |learned, reverts| left_alone(learned).reverts = count(reverts).0,
    },
];

/// What is known of each operator with a backlog, by `operator`.
pub const INPUT_GAUGES: [InputGauge; 4] = [
    InputGauge {
        name: "job_input",
        help: "The level of an operator's input, per second",
        get: |input| input.per_second,
        set: |input, value| input.per_second = value,
    },
    InputGauge {
        name: "job_input_deviation",
        help: "The standard deviation of the samples behind that level, per second",
        get: |input| input.deviation,
        set: |input, value| input.deviation = value,
    },
    InputGauge {
        name: "job_input_span_seconds",
        help: "How much time those samples span",
        get: |input| input.span.as_secs_f64(),
        set: |input, value| input.span = duration(value),
    },
    InputGauge {
        name: "job_input_seen_timestamp_seconds",
        help: "When the operator last had a backlog reading",
        get: |input| input.seen.as_seconds(),
        set: |input, value| input.seen = time(value),
    },
];

/// A capacity that was read.
pub fn capacity(operator: Arc<str>, workers: u32, per_second: f64) -> LearnedCapacity {
    LearnedCapacity { operator, workers: Workers(workers), per_second }
}

/// The input of an operator of which nothing is known yet.
pub fn unknown_input(operator: Arc<str>) -> LearnedInput {
    let none = std::time::Duration::ZERO;
    LearnedInput { operator, per_second: f64::NAN, deviation: f64::NAN, span: none, seen: time(0.0) }
}

/// The whole number of workers that a sample stands for.
pub fn count(value: f64) -> Workers {
    Workers(value.round() as u32)
}

fn useful(learned: &mut Learned) -> &mut Useful {
    // Each part that is not read leaves a value that never binds: it ran out in 1970.
    learned.useful.get_or_insert(Useful { workers: Workers(u32::MAX), until: time(0.0), input: 0.0 })
}

fn grown(learned: &mut Learned) -> &mut Grown {
    learned.grown.get_or_insert(Grown { from: Workers(u32::MAX), at: time(0.0), judged: true })
}

fn left_alone(learned: &mut Learned) -> &mut LeftAlone {
    learned.left_alone.get_or_insert(LeftAlone { until: time(0.0), reverts: 0 })
}

fn duration(seconds: f64) -> std::time::Duration {
    std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

fn time(seconds: f64) -> Timestamp {
    Timestamp::from_seconds(seconds).unwrap_or(Timestamp::from_millis(0))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// With another value in every field than the one that stands for nothing.
    fn full() -> Learned {
        Learned {
            at: None,
            delay: Some(Duration::from_secs(40)),
            downtime: Some(Duration::from_millis(1500)),
            recovery: Some(Duration::from_secs(90)),
            capacity: Vec::new(),
            inputs: Vec::new(),
            wanted: None,
            mean_workers: Some(7.25),
            regret: Some(321.5),
            useful: Some(Useful { workers: Workers(12), until: time(1_800_014_400.0), input: 75_000.0 }),
            grown: Some(Grown { from: Workers(4), at: time(1_799_999_000.0), judged: false }),
            restarts: 2,
            asked: Some(Workers(7)),
            left_alone: Some(LeftAlone { until: time(1_800_001_800.0), reverts: 3 }),
        }
    }

    #[test]
    fn what_is_exported_reads_back_as_it_was() {
        let before = full();
        let mut after = Learned::default();
        for gauge in JOB_GAUGES {
            let value = (gauge.get)(&before).unwrap_or_else(|| panic!("{} is set", gauge.name));
            (gauge.set)(&mut after, value);
            assert_eq!((gauge.get)(&Learned::default()), None, "{}: nothing known, no series", gauge.name);
        }
        assert_eq!(after, before);

        let input = LearnedInput {
            operator: "read".into(),
            per_second: 1000.0,
            deviation: 20.0,
            span: Duration::from_secs(240),
            seen: time(1_800_000_000.0),
        };
        let mut after = unknown_input("read".into());
        for gauge in INPUT_GAUGES {
            (gauge.set)(&mut after, (gauge.get)(&input));
        }
        assert_eq!(after, input);
    }
}
