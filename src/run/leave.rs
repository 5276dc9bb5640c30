//! The leave to write one decision of one tick: it is young enough, and it would still be allowed now.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::{Rules, Stopwatch};
use crate::cluster::{Fence, Fenced};
use crate::engine::Mode;
use crate::policy::Policy;

/// The innermost fence. What else must hold at the moment of a write, such as a lease, is asked before it.
pub(super) struct Leave<'a> {
    /// When the tick began.
    pub(super) since: Stopwatch,
    /// How long its decisions are good: one interval, then they are taken anew.
    pub(super) life: Duration,
    /// What is in force now, which may be newer than what was decided by.
    pub(super) rules: &'a watch::Receiver<Arc<Rules>>,
    /// What was decided by.
    pub(super) policy: &'a Policy,
    pub(super) up: bool,
    /// Asked first.
    pub(super) outer: &'a (dyn Fence + Send),
}

impl Fence for Leave<'_> {
    fn may_write(&self) -> Result<Duration, Fenced> {
        let outer = self.outer.may_write()?;
        let age = self.since.elapsed();
        let left = self.life.checked_sub(age).filter(|left| !left.is_zero()).ok_or(Fenced::TooOld { age })?;
        if self.is_allowed_now() { Ok(left.min(outer)) } else { Err(Fenced::Withdrawn) }
    }
}

impl Leave<'_> {
    /// Turning a mode down must stop also what is on its way.
    fn is_allowed_now(&self) -> bool {
        let rules = self.rules.borrow();
        let in_force = rules.policies.policies.iter().zip(&rules.plans.classes);
        let mut now = in_force.filter(|(policy, _)| policy.plan.class == self.policy.plan.class);
        now.next().is_some_and(|(policy, plan)| {
            let least = if self.up { Mode::Up } else { Mode::Act };
            policy.target == self.policy.target && plan.mode >= least
        })
    }
}

/// A fence that lets everything pass: there is no other replica.
pub(super) struct Alone;

impl Fence for Alone {
    fn may_write(&self) -> Result<Duration, Fenced> {
        Ok(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::FleetLimits;
    use crate::policy::{self, PolicySet};

    const POLICY: &str = include_str!("../../tests/policies/good/smallest.yaml");
    const LIFE: Duration = Duration::from_secs(15);

    struct Standby;

    impl Fence for Standby {
        fn may_write(&self) -> Result<Duration, Fenced> {
            Err(Fenced::NotLeading)
        }
    }

    fn rules(name: &str, mode: Mode) -> Arc<Rules> {
        let text =
            POLICY.replace("name: smallest", &format!("name: {name}")).replace("spec:\n", "spec:\n  mode: act\n");
        let policies = PolicySet { policies: policy::parse("smallest.yaml", &text).unwrap() };
        Arc::new(Rules::new(Arc::new(policies), FleetLimits::default(), mode))
    }

    #[tokio::test(start_paused = true)]
    async fn a_decision_is_good_for_one_interval() {
        let rules = rules("a", Mode::Act);
        let (_keep, now) = watch::channel(Arc::clone(&rules));
        let policy = &rules.policies.policies[0];
        let leave = |outer| Leave { since: Stopwatch::start(), life: LIFE, rules: &now, policy, up: false, outer };
        let open = leave(&Alone);
        assert_eq!(open.may_write(), Ok(LIFE));
        tokio::time::advance(Duration::from_millis(14_999)).await;
        assert_eq!(open.may_write(), Ok(Duration::from_millis(1)));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(open.may_write(), Err(Fenced::TooOld { age: LIFE }));
        assert_eq!(leave(&Standby).may_write(), Err(Fenced::NotLeading), "the outer fence is asked first");
    }

    #[tokio::test(start_paused = true)]
    async fn a_mode_that_is_turned_down_stops_what_is_on_its_way() {
        let decided_by = rules("a", Mode::Act);
        let policy = &decided_by.policies.policies[0];
        for (name, mode, up, allowed) in [
            ("a", Mode::Act, true, true),
            ("a", Mode::Act, false, true),
            ("a", Mode::Up, true, true),
            ("a", Mode::Up, false, false),
            ("a", Mode::Observe, true, false),
            ("b", Mode::Act, true, false),
        ] {
            let (_keep, now) = watch::channel(rules(name, mode));
            let leave = Leave { since: Stopwatch::start(), life: LIFE, rules: &now, policy, up, outer: &Alone };
            let expected = if allowed { Ok(LIFE) } else { Err(Fenced::Withdrawn) };
            assert_eq!(leave.may_write(), expected, "{name} {mode:?} up {up}");
        }
    }
}
