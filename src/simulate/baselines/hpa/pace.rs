//! How fast an HPA may move: stabilization windows and rate policies (`spec.behavior` of autoscaling/v2).

use std::collections::VecDeque;

/// How much one policy allows within a period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    /// Pods, or per cent of what the period began with.
    pub amount: Amount,
    /// Seconds.
    pub period: u32,
}

/// What a policy counts in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Amount {
    /// Pods.
    Pods(u32),
    /// Per cent of the pods that there were when the period began.
    Percent(u32),
}

/// Which policy holds where there are several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Select {
    /// The one that allows the most change.
    Max,
    /// The one that allows the least.
    Min,
    /// This direction is off.
    Disabled,
}

/// One direction.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// Over how many seconds the most careful recommendation holds.
    pub window: u32,
    /// None: no limit.
    pub policies: Vec<Policy>,
    /// Which of them holds.
    pub select: Select,
}

impl Rules {
    /// Upwards as Kubernetes has it: no window, 4 pods or 100 % in 15 s, whichever is more.
    pub fn usual_up() -> Self {
        let policy = |amount| Policy { amount, period: 15 };
        Self { window: 0, policies: vec![policy(Amount::Pods(4)), policy(Amount::Percent(100))], select: Select::Max }
    }

    /// Downwards as Kubernetes has it: the largest recommendation of 5 min, then all at once.
    pub fn usual_down() -> Self {
        let policies = vec![Policy { amount: Amount::Percent(100), period: 15 }];
        Self { window: 300, policies, select: Select::Max }
    }
}

/// The memory of one HPA.
#[derive(Debug)]
pub struct Pace {
    up: Rules,
    down: Rules,
    /// (second, recommendation), in time order.
    recommended: VecDeque<(u32, u32)>,
    /// (second, pods more, pods fewer), in time order.
    changes: VecDeque<(u32, u32, u32)>,
}

impl Pace {
    /// A pace without a past.
    pub fn new(up: Rules, down: Rules) -> Self {
        Self { up, down, recommended: VecDeque::new(), changes: VecDeque::new() }
    }

    /// What a recommendation comes to now, in this order: stabilization, rate policies, limits.
    pub fn take(&mut self, at: u32, current: u32, recommended: u32, limits: (u32, u32)) -> u32 {
        // What it finds at first counts as recommended then.
        if self.recommended.is_empty() {
            self.recommended.push_back((at, current));
        }
        let stable = self.stabilize(at, current, recommended);
        let (least, most) = limits;
        let next = if stable > current {
            stable.min(self.up_limit(at, current)).clamp(least, most)
        } else {
            stable.max(self.down_limit(at, current)).clamp(least, most)
        };
        if next != current {
            self.changes.push_back((at, next.saturating_sub(current), current.saturating_sub(next)));
            let longest = self.up.policies.iter().chain(&self.down.policies).map(|policy| policy.period).max();
            let kept = at.saturating_sub(longest.unwrap_or(0));
            while self.changes.front().is_some_and(|(when, ..)| *when < kept) {
                self.changes.pop_front();
            }
        }
        next
    }

    /// Between the least recommendation of the up window and the largest of the down window nothing moves.
    fn stabilize(&mut self, at: u32, current: u32, recommended: u32) -> u32 {
        let (mut up, mut down) = (recommended, recommended);
        for (when, count) in &self.recommended {
            // Only what is younger than the window counts.
            if *when + self.up.window > at {
                up = up.min(*count);
            }
            if *when + self.down.window > at {
                down = down.max(*count);
            }
        }
        self.recommended.push_back((at, recommended));
        let longest = self.up.window.max(self.down.window);
        while self.recommended.front().is_some_and(|(when, _)| when + longest <= at) {
            self.recommended.pop_front();
        }
        if current < up {
            up
        } else if current > down {
            down
        } else {
            current
        }
    }

    fn up_limit(&self, at: u32, current: u32) -> u32 {
        let allowed = |policy: &Policy| {
            let start = self.start(at, policy.period, current);
            match policy.amount {
                Amount::Pods(pods) => start.saturating_add(pods),
                Amount::Percent(percent) => (start * (100 + percent)).div_ceil(100),
            }
        };
        let limits = self.up.policies.iter().map(allowed);
        let limit = match self.up.select {
            Select::Disabled => Some(current),
            Select::Max => limits.max(),
            Select::Min => limits.min(),
        };
        limit.map_or(u32::MAX, |limit| limit.max(current))
    }

    fn down_limit(&self, at: u32, current: u32) -> u32 {
        let allowed = |policy: &Policy| {
            let start = self.start(at, policy.period, current);
            match policy.amount {
                Amount::Pods(pods) => start.saturating_sub(pods),
                Amount::Percent(percent) => start * 100_u32.saturating_sub(percent) / 100,
            }
        };
        let limits = self.down.policies.iter().map(allowed);
        let limit = match self.down.select {
            Select::Disabled => Some(current),
            Select::Max => limits.min(),
            Select::Min => limits.max(),
        };
        limit.map_or(0, |limit| limit.min(current))
    }

    /// The replicas at the beginning of the period.
    fn start(&self, at: u32, period: u32, current: u32) -> u32 {
        let recent = self.changes.iter().filter(|(when, ..)| *when + period > at);
        let (more, fewer) = recent.fold((0, 0), |sum, (_, more, fewer)| (sum.0 + more, sum.1 + fewer));
        (current + fewer).saturating_sub(more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(policies: &[Amount], select: Select) -> Rules {
        let policies = policies.iter().map(|amount| Policy { amount: *amount, period: 60 }).collect();
        Rules { window: 0, policies, select }
    }

    #[test]
    fn rate_rows_of_the_upstream_tests() {
        use Amount::{Percent, Pods};
        let usual = || (Rules::usual_up(), Rules { window: 0, ..Rules::usual_down() });
        let up = |policies: &[Amount], select| (rules(policies, select), usual().1);
        let down = |policies: &[Amount], select| (usual().0, rules(policies, select));
        for (row, current, wanted, limits, (up, down), expected) in [
            (1, 5, 7, (3, 8), usual(), 7),
            (2, 3, 1, (2, 8), usual(), 2),
            (3, 1, 0, (0, 10), usual(), 0),
            (4, 20, 1000, (1, 10), usual(), 10),
            (5, 10, 50, (1, 1000), usual(), 20),
            (6, 3, 1000, (1, 2000), up(&[Percent(1)], Select::Max), 4),
            (7, 10, 500, (1, 1000), up(&[Pods(100), Percent(100)], Select::Max), 110),
            (8, 10, 500, (1, 1000), up(&[Pods(2), Percent(100)], Select::Max), 20),
            (9, 10, 50, (1, 1000), up(&[Pods(30)], Select::Max), 40),
            (10, 10, 50, (1, 1000), up(&[Percent(200)], Select::Max), 30),
            (11, 1, 1000, (1, 1000), up(&[Pods(2), Percent(50)], Select::Min), 2),
            (12, 5, 1, (1, 1000), down(&[Pods(2), Percent(50)], Select::Min), 3),
            (13, 5, 50, (1, 1000), up(&[Pods(2)], Select::Disabled), 5),
            (14, 5, 1, (1, 1000), down(&[Pods(2)], Select::Disabled), 5),
        ] {
            assert_eq!(Pace::new(up, down).take(100, current, wanted, limits), expected, "row {row}");
        }
    }

    #[test]
    fn a_period_counts_what_was_changed_in_it() {
        let up = rules(&[Amount::Pods(4)], Select::Max);
        let mut pace = Pace::new(up, Rules::usual_down());
        assert_eq!(pace.take(0, 10, 12, (1, 100)), 12);
        assert_eq!(pace.take(15, 12, 50, (1, 100)), 14);
        assert_eq!(pace.take(30, 14, 50, (1, 100)), 14);
        assert_eq!(pace.take(60, 14, 50, (1, 100)), 16);
    }

    #[test]
    fn stabilization_rows_of_the_upstream_tests() {
        let (minute, now) = (60, 1_000);
        for (row, current, raw, history, (up, down), expected) in [
            (1, 100, 5, None, (0, 0), 5),
            (2, 100, 3, Some((4, 5)), (0, 180), 5),
            (3, 1, 7, Some((4, 5)), (300, 0), 4),
            (4, 100, 3, Some((1, 2)), (300, 0), 3),
            (5, 1, 3, Some((4, 5)), (0, 300), 3),
        ] {
            let mut pace =
                Pace::new(Rules { window: up, ..Rules::usual_up() }, Rules { window: down, ..Rules::usual_down() });
            if let Some((older, newer)) = history {
                pace.recommended.extend([(now - 2 * minute, older), (now - minute, newer)]);
            }
            assert_eq!(pace.stabilize(now, current, raw), expected, "row {row}");
        }
    }

    #[test]
    fn a_decrease_waits_for_the_whole_window() {
        let mut pace = Pace::new(Rules::usual_up(), Rules::usual_down());
        assert_eq!(pace.take(0, 10, 10, (1, 100)), 10);
        for at in (15..300).step_by(15) {
            assert_eq!(pace.take(at, 10, 4, (1, 100)), 10, "{at}");
        }
        assert_eq!(pace.take(300, 10, 4, (1, 100)), 4);
    }
}
