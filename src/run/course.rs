//! What became of a rescale after its patch, as the signals tell it: restarted, at its width, processing as before.
//!
//! It is told and counted, and decides nothing: what the engine makes of restarts is in its own memory.

use std::collections::HashMap;
use std::time::Duration;

use super::changes::paired;
use crate::engine::{ClassIndex, Decision, JobId, JobObservation, Observations, Reading, Step, Timestamp, Workers};

/// A rescale that has not come to its end by then is no longer followed: it timed out long before.
const FOLLOWED: Duration = Duration::from_secs(3600);

/// Throughput is never quite what it was: a rate over some window, or what one tick saw.
const AS_BEFORE: f64 = 0.9;

/// The rescales under way.
#[derive(Debug, Default)]
pub(super) struct Courses(HashMap<JobId, Course>);

#[derive(Debug)]
struct Course {
    to: Workers,
    patched: Timestamp,
    throughput_before: f64,
    reached: Option<Stage>,
}

/// How far a rescale has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// The job started anew after the patch.
    Restarted,
    /// As many workers run as were asked for.
    Width,
    /// The job processes as much as before.
    Throughput,
}

impl Stage {
    /// Its name in metrics and logs.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Restarted => "restarted",
            Self::Width => "width",
            Self::Throughput => "throughput",
        }
    }
}

/// A stage that was reached now.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reached {
    pub(super) job: JobId,
    pub(super) class: ClassIndex,
    pub(super) to: Workers,
    pub(super) stage: Stage,
    /// Since the patch, to within one interval.
    pub(super) after: Duration,
}

impl Courses {
    /// A patch was carried out.
    pub(super) fn begin(&mut self, decision: &Decision, to: Workers) {
        let throughput_before = throughput(decision).unwrap_or(0.0);
        let course = Course { to, patched: decision.at, throughput_before, reached: None };
        self.0.insert(decision.job.clone(), course);
    }

    /// Looks at every rescale under way. Of several stages reached at once, all are told.
    pub(super) fn follow(&mut self, seen: &Observations, decisions: &[Decision], at: Timestamp) -> Vec<Reached> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let mut news = Vec::new();
        let mut going_on = HashMap::with_capacity(self.0.len());
        for (job, decision) in paired(seen, decisions) {
            let Some(mut course) = self.0.remove(&job.id) else { continue };
            for stage in [Stage::Restarted, Stage::Width, Stage::Throughput] {
                if course.reached < Some(stage) && course.is_at(stage, job, decision) {
                    course.reached = Some(stage);
                    let after = at.since(course.patched);
                    news.push(Reached { job: job.id.clone(), class: job.class, to: course.to, stage, after });
                }
            }
            if course.goes_on(job, at) {
                going_on.insert(job.id.clone(), course);
            }
        }
        // What has left is followed no longer.
        self.0 = going_on;
        news
    }
}

impl Course {
    fn is_at(&self, stage: Stage, job: &JobObservation, decision: &Decision) -> bool {
        let width = || job.running.fresh().is_some_and(|running| running.round() == f64::from(self.to.0));
        match stage {
            Stage::Restarted => {
                job.running_for.fresh().is_some_and(|seconds| seconds < decision.at.since(self.patched).as_secs_f64())
            }
            Stage::Width => width(),
            // Before the job has its width, it is the throughput of before.
            Stage::Throughput => {
                width()
                    && self.reached >= Some(Stage::Width)
                    && throughput(decision).is_some_and(|now| now >= AS_BEFORE * self.throughput_before)
            }
        }
    }

    fn goes_on(&self, job: &JobObservation, at: Timestamp) -> bool {
        let overtaken = job.wished.fresh().is_some_and(|wished| wished.round() != f64::from(self.to.0));
        self.reached != Some(Stage::Throughput) && !overtaken && at.since(self.patched) < FOLLOWED
    }
}

/// Processed per second over all operators that are judged, as the engine has read it or worked it out of running totals;
/// `None`: not known.
fn throughput(decision: &Decision) -> Option<f64> {
    let mut judged = decision.because.iter().filter_map(|step| match step {
        Step::Operator { throughput, backlog: Some(_), .. } => Some(Reading::from(*throughput)),
        _ => None,
    });
    let first = judged.next()?.fresh()?;
    judged.try_fold(first, |sum, throughput| Some(sum + throughput.fresh()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Action, Hold, JobIndex, Slope};

    fn second(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    /// A job at a tick, and what it processes.
    struct Told(JobObservation, f64);

    fn job(running: f64, running_for: f64, throughput: f64, wished: f64) -> Told {
        let mut job = JobObservation::unseen(JobIndex(0), JobId::new("streaming", "orders"), ClassIndex(0));
        job.running = Reading::Fresh(running);
        job.running_for = Reading::Fresh(running_for);
        job.wished = Reading::Fresh(wished);
        Told(job, throughput)
    }

    /// With two operators that are judged, and one that is only shown.
    fn decision(Told(job, throughput): &Told, at: i64) -> Decision {
        let operator = |name: &str, throughput: Reading, backlog: Option<Reading>| Step::Operator {
            operator: name.into(),
            throughput: throughput.into(),
            backlog: backlog.map(Into::into),
            slope: Slope::UNKNOWN,
            backlog_time: None.into(),
        };
        let half = Reading::Fresh(throughput / 2.0);
        let none = Some(Reading::Fresh(0.0));
        let because =
            vec![operator("read", half, none), operator("scan", half, none), operator("write", Reading::Missing, None)];
        Decision { job: job.id.clone(), at: second(at), action: Action::Hold(Hold::WithinBand), because }
    }

    fn begin(courses: &mut Courses, at: i64) {
        courses.begin(&decision(&job(2.0, 3600.0, 1000.0, 2.0), at), Workers(4));
    }

    fn reached(courses: &mut Courses, told: Told, at: i64) -> Vec<(&'static str, u64)> {
        let decisions = [decision(&told, at)];
        let seen = Observations { classes: Vec::new(), jobs: vec![told.0] };
        let news = courses.follow(&seen, &decisions, second(at));
        news.iter().map(|news| (news.stage.name(), news.after.as_secs())).collect()
    }

    #[test]
    fn each_stage_is_told_once_and_in_order() {
        let mut courses = Courses::default();
        begin(&mut courses, 0);
        for (at, running, running_for, throughput, expected) in [
            (15, 2.0, 3615.0, 1000.0, &[][..]),
            (30, 2.0, 3630.0, 1000.0, &[]),
            (45, 3.0, 5.0, 0.0, &[("restarted", 45)]),
            (60, 4.0, 3.0, 0.0, &[("width", 60)]),
            (75, 4.0, 18.0, 800.0, &[]),
            (90, 4.0, 33.0, 900.0, &[("throughput", 90)]),
            (105, 4.0, 48.0, 1500.0, &[]),
        ] {
            assert_eq!(reached(&mut courses, job(running, running_for, throughput, 4.0), at), expected, "{at} s");
        }
        assert!(courses.0.is_empty());
    }

    #[test]
    fn what_came_at_once_is_told_at_once() {
        let mut courses = Courses::default();
        begin(&mut courses, 0);
        let expected = [("restarted", 15), ("width", 15), ("throughput", 15)];
        assert_eq!(reached(&mut courses, job(4.0, 5.0, 1000.0, 4.0), 15), expected);
    }

    #[test]
    fn what_is_overtaken_or_takes_for_ever_is_followed_no_longer() {
        for (name, wished, at) in [("another count is asked for", 3.0, 15), ("an hour", 4.0, 3600)] {
            let mut courses = Courses::default();
            begin(&mut courses, 0);
            assert_eq!(reached(&mut courses, job(2.0, 9000.0, 1000.0, wished), at), [], "{name}");
            assert!(courses.0.is_empty(), "{name}");
        }
        let mut courses = Courses::default();
        begin(&mut courses, 0);
        assert_eq!(courses.follow(&Observations::default(), &[], second(15)), []);
        begin(&mut courses, 15);
        courses.follow(&Observations { classes: Vec::new(), jobs: Vec::new() }, &[], second(30));
        assert!(courses.0.is_empty(), "its job has left");
    }
}
