//! What a tick decides by: the policies in force and the plans made of them, as one value.

use std::sync::Arc;

use crate::engine::{FleetLimits, Mode, Plans};
use crate::policy::PolicySet;

/// What a tick decides by. A tick takes one and keeps it to its end, so that a reload never falls into its middle.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rules {
    /// What is asked for.
    pub policies: Arc<PolicySet>,
    /// What the engine is told.
    pub plans: Plans,
}

impl Rules {
    /// Policies that go as far as they and `mode` both allow.
    pub fn new(policies: Arc<PolicySet>, fleet: FleetLimits, mode: Mode) -> Self {
        let mut plans = policies.plans(fleet);
        for plan in &mut plans.classes {
            plan.mode = plan.mode.min(mode);
        }
        Self { policies, plans }
    }

    /// Policies whose modes are not looked at: for what only tells what it would do.
    pub fn telling(policies: Arc<PolicySet>, fleet: FleetLimits) -> Self {
        let plans = policies.plans(fleet).acting();
        Self { policies, plans }
    }

    /// The names of the policies, for a line of the log.
    pub fn class_names(&self) -> String {
        self.plans.classes.iter().map(|plan| &*plan.class).collect::<Vec<_>>().join(", ")
    }
}
