//! The sink of the daemon: decisions become patches, and what became of them is told everywhere.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::watch;

use super::announce::{self, Announcer, News};
use super::course::{Courses, Reached, Stage};
use super::leave::{Alone, Leave};
use super::sight::{Begun, Sight};
use super::{Rules, Sink, Stopwatch, paired};
use crate::cluster::{Announcement, Events, Fence, Fenced, Order, Outcome, Scaler};
use crate::engine::{Action, Decision, Hold, JobId, JobObservation, Mode, Observations, Timestamp, Workers};
use crate::policy::{Policy, Target};
use crate::serve::{ActReport, Board};
use crate::telemetry::{self, Metrics, Patch};

/// More than 8 at once buy nothing but latency: the API server is bound by its CPU.
const AT_ONCE: usize = 8;

/// Carries decisions out.
pub struct Acting {
    scaler: Scaler,
    events: Events,
    sight: Sight,
    rules: watch::Receiver<Arc<Rules>>,
    life: Duration,
    fence: Arc<dyn Fence + Send + Sync>,
    board: Arc<Board>,
    metrics: Arc<Metrics>,
    announcer: Announcer,
    courses: Courses,
    /// The orders that failed at the tick before, and how: told when it is news.
    failing: HashMap<JobId, &'static str>,
}

/// What [`Acting`] works with.
pub struct Tools {
    /// Sets counts.
    pub scaler: Scaler,
    /// Tells on the objects.
    pub events: Events,
    /// What the source of the same loop says of the tick in hand.
    pub sight: Sight,
    /// What is in force, asked again before each write.
    pub rules: watch::Receiver<Arc<Rules>>,
    /// Between two ticks: for how long a decision is good.
    pub interval: Duration,
    /// Who is told.
    pub board: Arc<Board>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// One order of this tick.
struct Due<'a> {
    job: &'a JobObservation,
    decision: &'a Decision,
    policy: &'a Policy,
    target: &'a Target,
    /// What runs, for people; and what the spec asks for, which the patch tests.
    running: Workers,
    asked: Workers,
    to: Workers,
}

/// What became of it.
struct Ended<'a> {
    due: Due<'a>,
    outcome: Outcome,
    elapsed: Duration,
}

impl Acting {
    /// Acts with these tools.
    pub fn new(tools: Tools) -> Self {
        let Tools { scaler, events, sight, rules, interval, board, metrics } = tools;
        let (announcer, courses, failing) = Default::default();
        let fence = Arc::new(Alone);
        Self { scaler, events, sight, rules, life: interval, fence, board, metrics, announcer, courses, failing }
    }

    /// Asks that fence too before each write: whether this replica leads.
    #[must_use]
    pub fn behind(mut self, fence: Arc<dyn Fence + Send + Sync>) -> Self {
        self.fence = fence;
        self
    }

    async fn carry_out_all<'a>(&self, due: Vec<Due<'a>>, begun: &Begun) -> Vec<Ended<'a>> {
        let mut waiting = due.into_iter();
        let mut under_way = FuturesUnordered::new();
        let mut ended = Vec::new();
        loop {
            under_way.extend(waiting.by_ref().take(AT_ONCE - under_way.len()).map(|due| self.order(due, begun)));
            match under_way.next().await {
                Some(one) => ended.push(one),
                None => return ended,
            }
        }
    }

    async fn order<'a>(&self, due: Due<'a>, begun: &Begun) -> Ended<'a> {
        let stopwatch = Stopwatch::start();
        let leave = Leave {
            since: begun.since,
            life: self.life,
            rules: &self.rules,
            policy: due.policy,
            up: due.to > due.asked,
            outer: &*self.fence,
        };
        let (job, at) = (&due.job.id, due.decision.at);
        let order = Order { job, target: due.target, from: due.asked, to: due.to, at };
        let outcome = self.scaler.scale(&order, &leave).await;
        Ended { outcome, elapsed: stopwatch.elapsed(), due }
    }

    /// Logs and counts what became of the orders, shows it on the board and on the objects.
    fn tell(&mut self, ended: &[Ended<'_>]) {
        let mut failing = HashMap::new();
        let mut reports = Vec::with_capacity(ended.len());
        for Ended { due, outcome, elapsed } in ended {
            let Due { job, decision, policy, target, running, to, .. } = due;
            let class = &policy.plan.class;
            self.metrics.patched(Patch { class, outcome: outcome.name(), elapsed: *elapsed });
            let news = self.failing.get(&job.id) != Some(&outcome.name());
            telemetry::class_at(class, decision.at).in_scope(|| {
                telemetry::carried_out(
                    &job.id,
                    (*running, *to),
                    (outcome.name(), outcome.why().map(|why| &**why)),
                    *elapsed,
                    news,
                );
            });
            let why = outcome.why().cloned();
            reports.push(ActReport {
                at: decision.at,
                class: Arc::clone(class),
                job: job.id.clone(),
                from: *running,
                to: *to,
                outcome: outcome.name(),
                why: why.clone(),
            });
            if let Some(why) = why {
                failing.insert(job.id.clone(), outcome.name());
                // The next tick holds for it, and tells that.
                let holds = matches!(outcome, Outcome::Unsafe(_));
                if !holds && self.announcer.is_due(&job.id, "ScaleFailed", decision.at) {
                    self.announce(target, &job.id, announce::of_failure(*running, *to, &why), decision.at);
                }
            }
            if *outcome == Outcome::Scaled {
                self.courses.begin(decision, *to);
                self.announce(target, &job.id, announce::of_scale(decision, *running, *to), decision.at);
            }
        }
        self.failing = failing;
        if !reports.is_empty() {
            self.board.acted(reports);
        }
    }

    fn announce(&self, target: &Target, job: &JobId, news: News, at: Timestamp) {
        let Some(object) = self.scaler.object(target, job) else { return };
        let News { reason, warning, note } = news;
        self.events.announce(target, Announcement { job: job.clone(), uid: object.uid, reason, warning, note, at });
    }

    /// Tells reasons to hold that somebody should see, where the policy does more than observe.
    fn tell_holds(&mut self, seen: &Observations, decisions: &[Decision], begun: &Begun) {
        let rules = Arc::clone(&self.rules.borrow());
        let modes: HashMap<_, _> = rules.plans.classes.iter().map(|plan| (&plan.class, plan.mode)).collect();
        for (job, decision) in paired(seen, decisions) {
            let Some((reason, hold)) = announce::worth(decision) else { continue };
            let Some((policy, target)) = targeted(job, begun) else { continue };
            if modes.get(&policy.plan.class).is_none_or(|mode| *mode == Mode::Observe) {
                continue;
            }
            // What passes by itself is no refusal: an operator is at work.
            let passes = || self.scaler.object(target, &job.id).is_some_and(|object| object.is_busy());
            if matches!(hold, Hold::UnsafeTarget { .. }) && passes() {
                continue;
            }
            if self.announcer.is_due(&job.id, reason, decision.at) {
                self.announce(target, &job.id, announce::of_hold(reason, hold), decision.at);
            }
        }
    }

    fn follow_courses(&mut self, seen: &Observations, decisions: &[Decision], begun: &Begun, at: Timestamp) {
        for Reached { job, class, to, stage, after } in self.courses.follow(seen, decisions, at) {
            let Some(policy) = begun.policies.policies.get(usize::from(class.0)) else { continue };
            self.metrics.rescale_reached(&policy.plan.class, stage.name(), after);
            if stage == Stage::Width {
                let (namespace, job) = (job.namespace(), job.name());
                tracing::info!(namespace, job, to = to.0, elapsed = ?after, "rescale reached its width");
            }
        }
    }
}

impl Sink for Acting {
    async fn carry_out(&mut self, seen: &Observations, decisions: &[Decision]) -> anyhow::Result<()> {
        let Some(begun) = self.sight.take() else {
            anyhow::bail!("a sink that acts was given a source that does not say when a tick begins")
        };
        let standing_by = self.fence.may_write() == Err(Fenced::NotLeading);
        self.scaler.stand_by(standing_by);
        if standing_by {
            // The replica that leads acts, and tells.
            return Ok(());
        }
        if let Some(at) = decisions.first().map(|decision| decision.at) {
            self.announcer.begin(at);
            self.follow_courses(seen, decisions, &begun, at);
        }
        let mut due: Vec<_> =
            paired(seen, decisions).filter_map(|(job, decision)| Due::of(job, decision, &begun)).collect();
        due.sort_by_key(Due::turn);
        let ended = self.carry_out_all(due, &begun).await;
        self.tell(&ended);
        self.tell_holds(seen, decisions, &begun);
        Ok(())
    }
}

impl<'a> Due<'a> {
    fn of(job: &'a JobObservation, decision: &'a Decision, begun: &'a Begun) -> Option<Self> {
        let Action::Scale { from, to } = decision.action else { return None };
        let (policy, target) = targeted(job, begun)?;
        // Not what runs: the two differ where a rescale did not reach its width.
        let asked = Workers(job.wished.fresh()?.round() as u32);
        Some(Self { job, decision, policy, target, running: from, asked, to })
    }

    /// Where not all can be carried out in time: increases first, and of these the largest.
    fn turn(&self) -> (bool, std::cmp::Reverse<u32>) {
        let (from, to) = (u64::from(self.asked.0.max(1)), u64::from(self.to.0));
        let percent = to * 100 / from;
        (to < from, std::cmp::Reverse(u32::try_from(percent).unwrap_or(u32::MAX)))
    }
}

/// The policy that decides for a job and what it scales, at this tick.
fn targeted<'a>(job: &JobObservation, begun: &'a Begun) -> Option<(&'a Policy, &'a Target)> {
    let policy = begun.policies.policies.get(usize::from(job.class.0))?;
    Some((policy, policy.target.as_ref()?))
}
