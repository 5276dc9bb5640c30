//! A memory as another process left it, and what is exported of it.

use std::sync::Arc;

use super::operator::OperatorMemory;
use super::{JobMemory, Mean, Restart, UNSTABLE_RESTARTS, WATCHED_WITHIN};
use crate::engine::estimate::Restarts;
use crate::engine::job::Workers;
use crate::engine::learned::{Learned, LearnedCapacity, LearnedInput};
use crate::engine::time::Timestamp;

impl JobMemory {
    /// A memory of what another process knew.
    pub(super) fn recalled(recalled: &Learned, at: Timestamp) -> Self {
        let Learned {
            at: sampled,
            delay,
            downtime,
            recovery,
            capacity,
            inputs,
            wanted,
            mean_workers,
            regret,
            useful,
            grown,
            restarts,
            asked,
            left_alone,
        } = recalled;
        let mut memory = Self::new(at);
        memory.times = Restarts::recalled(*delay, *downtime, *recovery, *grown);
        let lately = sampled.is_some_and(|sampled| at.since(sampled) <= WATCHED_WITHIN);
        if let Some(wanted) = *wanted {
            memory.wishes.push_back((at, wanted));
            if lately {
                memory.watched_since = Timestamp::from_millis(0);
            }
        }
        if lately && !inputs.is_empty() {
            memory.rested_since = Timestamp::from_millis(0);
        }
        if let Some(value) = mean_workers.filter(|mean| mean.is_finite() && *mean > 0.0) {
            memory.mean_workers = Mean::of_all_its_time(value);
        }
        memory.regret = regret.filter(|regret| regret.is_finite() && *regret > 0.0).unwrap_or(0.0);
        (memory.asked, memory.left_alone) = (*asked, *left_alone);
        memory.useful = useful.filter(|useful| useful.until > at);
        for _ in 0..(*restarts as usize).min(UNSTABLE_RESTARTS) {
            // As wide as nothing: no width explains it away.
            memory.restarts.push_back(Restart { at, from: Workers(u32::MAX) });
        }
        for input in inputs.iter().filter(|input| input.per_second.is_finite() && input.deviation.is_finite()) {
            memory.operators.push(OperatorMemory::recalled(input));
        }
        memory.operators.sort_by(|one, other| one.operator.cmp(&other.operator));
        memory.operators.dedup_by(|one, other| one.operator == other.operator);
        for LearnedCapacity { operator, workers, per_second } in capacity {
            let place = match memory.operators.binary_search_by(|known| known.operator.cmp(operator)) {
                Ok(place) => place,
                Err(place) => {
                    memory.operators.insert(place, OperatorMemory::new(Arc::clone(operator)));
                    place
                }
            };
            memory.operators[place].capacity.learn(*workers, *per_second, true);
        }
        memory
    }

    /// What is exported of it.
    pub(super) fn learned(&self) -> Learned {
        let judged = || self.operators.iter().filter(|memory| memory.last_row.is_some());
        Learned {
            at: self.previous,
            delay: self.times.delay(),
            downtime: self.times.downtime(),
            recovery: self.times.recovery(),
            capacity: judged()
                .flat_map(|memory| {
                    memory.capacity.counts().map(|(workers, per_second)| LearnedCapacity {
                        operator: Arc::clone(&memory.operator),
                        workers,
                        per_second,
                    })
                })
                .collect(),
            inputs: judged()
                .filter_map(|memory| {
                    Some(LearnedInput {
                        operator: Arc::clone(&memory.operator),
                        per_second: memory.level.per_second()?,
                        deviation: memory.level.deviation(),
                        span: memory.level.span(),
                        seen: memory.last_row?,
                    })
                })
                .collect(),
            wanted: self.wishes.back().map(|(_, wish)| *wish),
            mean_workers: self.mean_workers.value(),
            regret: Some(self.regret),
            useful: self.useful,
            grown: self.times.grown,
            restarts: self.restarts.len() as u32,
            asked: self.asked,
            left_alone: self.left_alone,
        }
    }
}
