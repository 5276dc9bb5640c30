//! Whether two decisions say the same.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::engine::{Decision, JobId};

/// A decision as a recording holds it: what was done, without the derivation.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct RecordedDecision {
    namespace: String,
    name: String,
    #[serde(flatten)]
    action: Map<String, Value>,
}

impl RecordedDecision {
    /// For which job.
    pub fn is_for(&self, job: &JobId) -> bool {
        self.namespace == job.namespace() && self.name == job.name()
    }

    /// The namespace of the job.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name of the job.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What was done, as JSON.
    pub fn action(&self) -> &Map<String, Value> {
        &self.action
    }

    /// Whether that decision says the same as this one.
    ///
    /// A wish that the mode or a budget of the fleet held back is the same as one that is carried out: a replay
    /// knows neither.
    pub fn agrees_with(&self, decision: &Decision) -> bool {
        // Through text, as this one came: serde_json may read a number's last digit otherwise than it stands in memory.
        let other = serde_json::to_vec(&decision.action).and_then(|text| serde_json::from_slice(&text));
        other.is_ok_and(|other| unbound(self.action.clone()) == unbound(other))
    }
}

fn unbound(mut action: Map<String, Value>) -> Map<String, Value> {
    for transient in ["at", "because"] {
        action.remove(transient);
    }
    if matches!(action.get("reason").and_then(Value::as_str), Some("observing" | "fleetBudget")) {
        action.remove("reason");
        action.remove("budget");
        action.insert("action".into(), "scale".into());
    }
    action
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Action, Budget, Hold, Partial, Timestamp, Workers};

    fn recorded(action: &Action) -> RecordedDecision {
        let action = serde_json::to_string(action).unwrap();
        let job = r#"{"namespace": "streaming", "name": "orders", "#;
        serde_json::from_str(&action.replacen('{', job, 1)).unwrap()
    }

    fn decision(action: Action) -> Decision {
        Decision { job: JobId::new("streaming", "orders"), at: Timestamp::from_millis(0), action, because: Vec::new() }
    }

    #[test]
    fn numbers_are_the_same_to_the_last_digit() {
        for digits in 1..2000_u32 {
            let coverage = 1.0 / f64::from(digits) + 1e-17 * f64::from(digits);
            let action = Action::Hold(Hold::PartialData { partial: Partial::Coverage { coverage } });
            assert!(recorded(&action).agrees_with(&decision(action)), "{coverage:?}");
        }
    }

    #[test]
    fn a_wish_that_was_held_back_is_the_same_wish() {
        let (from, to) = (Workers(2), Workers(5));
        let scale = Action::Scale { from, to };
        let observing = Action::Hold(Hold::Observing { from, to });
        let budget = Action::Hold(Hold::FleetBudget { budget: Budget::ClassWorkers, from, to });
        for same in [&scale, &observing, &budget] {
            assert!(recorded(same).agrees_with(&decision(scale.clone())), "{same}");
            assert!(recorded(&scale).agrees_with(&decision(same.clone())), "{same}");
        }
        let other = Action::Scale { from, to: Workers(6) };
        for other in [other, Action::Hold(Hold::WithinBand), Action::Hold(Hold::AtMin)] {
            assert!(!recorded(&other).agrees_with(&decision(scale.clone())), "{other}");
        }
        assert!(recorded(&scale).is_for(&JobId::new("streaming", "orders")));
        assert!(!recorded(&scale).is_for(&JobId::new("streaming", "order")));
    }
}
