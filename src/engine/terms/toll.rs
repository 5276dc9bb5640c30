//! What a restart of the job takes and makes.

use std::time::Duration;

use crate::engine::judge::Case;
use crate::engine::reading::Reading;

/// What is lost beside downtime and replay: rates, scrapes and a first checkpoint.
const SLACK: Duration = Duration::from_secs(5);

/// The times of the next restart, in seconds, as far as anybody knows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Toll {
    /// S: from the patch until the job stops; it goes on processing.
    pub delay: f64,
    /// D: nothing is processed.
    pub downtime: f64,
    /// c/2: what is processed again, on average half a checkpoint interval.
    pub replay: f64,
    /// E: how much later than in the ordinary way the metrics tell: what the input did in that time is not known yet.
    pub unseen: f64,
    /// Whether the downtime was learned from this job.
    pub learned: bool,
}

/// How much later than in the ordinary way, a scrape, the metrics of the job tell, in seconds.
pub(crate) fn unseen(case: &Case<'_>) -> f64 {
    (case.job.age.fresh().unwrap_or(0.0) - case.plan.scrape_interval.as_secs_f64()).max(0.0)
}

impl Toll {
    /// What the job's own restarts took, and until there was one, what the policy says.
    pub fn of(case: &Case<'_>) -> Self {
        let (priors, times) = (&case.plan.restart, &case.memory.times);
        let interval = match case.sight.judge(case.plan, case.job.checkpoint_interval) {
            Reading::Fresh(seconds) => seconds,
            _ => priors.checkpoint_interval.as_secs_f64(),
        };
        Self {
            delay: times.delay().unwrap_or(priors.delay).as_secs_f64(),
            downtime: times.downtime().unwrap_or(priors.downtime).as_secs_f64(),
            replay: interval / 2.0,
            unseen: unseen(case),
            learned: times.downtime().is_some(),
        }
    }

    /// A = D + c/2 + 5 s: the lag that the restart makes.
    pub fn lag(&self) -> f64 {
        self.downtime + self.replay + SLACK.as_secs_f64()
    }

    /// Worker-seconds that the restart of so many workers idles, with what a restart costs beyond that (k, in seconds).
    pub fn idle(&self, workers: f64, restart_price: Duration) -> f64 {
        workers * (self.downtime + self.replay + restart_price.as_secs_f64())
    }
}
