//! The gates of Deployments, StatefulSets and any other kind that can be scaled.

use super::{Gate, observed, shown};
use crate::cluster::kind::{ReplicasAt, Sort};
use crate::cluster::wire::{Metadata, Spec, Status};

/// Kinds whose controller sets the count of what it made.
const SETS_THE_COUNT: [&str; 3] = ["Deployment", "FlinkDeployment", "FlinkBlueGreenDeployment"];

pub(super) fn pass(sort: Sort, metadata: &Metadata, spec: &Spec, status: &Status) -> Result<(), Gate> {
    if let Some(owner) = metadata.owner_references.0.iter().find(|owner| sets_the_count(owner.kind.get())) {
        let (kind, name) = (shown(owner.kind.get()), shown(owner.name.get()));
        return Gate::shut(format!("{kind} {name} owns it and sets its count: let the policy select that instead"));
    }
    if spec.replicas.0.is_none() {
        return Gate::shut(format!("set {} once", ReplicasAt::Spec.path()));
    }
    let seen = status.observed_generation.0;
    // Not every kind says it; Deployments and StatefulSets do.
    if seen.is_some() || sort != Sort::Other {
        observed(metadata, seen, "status.observedGeneration", "its controller")?;
    }
    match sort {
        Sort::Deployment => rolled_out(status),
        // A roll-out that its owner holds back on purpose may stand for weeks.
        Sort::StatefulSet if !is_held_back(spec) => rolled_out(status),
        _ => Ok(()),
    }
}

fn sets_the_count(kind: Option<&str>) -> bool {
    kind.is_some_and(|kind| SETS_THE_COUNT.contains(&kind))
}

fn is_held_back(spec: &Spec) -> bool {
    let strategy = &spec.update_strategy.0;
    let partition = strategy.rolling_update.0.partition.0.unwrap_or(0);
    strategy.r#type.get() == Some("OnDelete") || partition > 0
}

/// New pods count as updated from the start, so a scale alone is no roll-out.
fn rolled_out(status: &Status) -> Result<(), Gate> {
    let (all, updated) = (status.replicas.0.unwrap_or(0), status.updated_replicas.0.unwrap_or(0));
    if updated >= all {
        return Ok(());
    }
    Gate::busy(format!("status.updatedReplicas is {updated} of {all}: wait until the roll-out is through"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cluster::gates::gate;
    use crate::cluster::wire::Wire;

    fn read(sort: Sort, object: &Value) -> Gate {
        let Wire { metadata, spec, status } = serde_json::from_value(object.clone()).unwrap();
        gate(sort, &metadata, &spec.0, &status.0)
    }

    fn object(spec: Value, status: Value) -> Value {
        json!({"metadata": {"name": "a", "generation": 2}, "spec": spec, "status": status})
    }

    #[test]
    fn a_gate_for_each_sort_and_both_sides_of_each() {
        let three = || json!({"replicas": 3});
        let whole = || json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3});
        let rolling = || json!({"observedGeneration": 2, "replicas": 4, "updatedReplicas": 3});
        let strategy = |strategy: Value| json!({"replicas": 3, "updateStrategy": strategy});
        let open = "";
        for (name, sort, spec, status, expected) in [
            ("a Deployment", Sort::Deployment, three(), whole(), open),
            (
                "at 0, as its pods leave",
                Sort::Deployment,
                json!({"replicas": 0}),
                json!({"observedGeneration": 2}),
                open,
            ),
            ("no count", Sort::Deployment, json!({}), whole(), "set spec.replicas once"),
            (
                "not observed",
                Sort::Deployment,
                three(),
                json!({"observedGeneration": 1}),
                "is 1 and metadata.generation 2",
            ),
            ("not seen", Sort::Deployment, three(), json!({}), "status.observedGeneration is not written yet"),
            ("rolling out", Sort::Deployment, three(), rolling(), "status.updatedReplicas is 3 of 4"),
            ("a StatefulSet", Sort::StatefulSet, three(), whole(), open),
            ("rolling out", Sort::StatefulSet, three(), rolling(), "status.updatedReplicas is 3 of 4"),
            ("on delete", Sort::StatefulSet, strategy(json!({"type": "OnDelete"})), rolling(), open),
            ("held back", Sort::StatefulSet, strategy(json!({"rollingUpdate": {"partition": 1}})), rolling(), open),
            (
                "not held back",
                Sort::StatefulSet,
                strategy(json!({"rollingUpdate": {"partition": 0}})),
                rolling(),
                "is 3 of 4",
            ),
            ("any other kind", Sort::Other, three(), json!({}), open),
            ("that says it", Sort::Other, three(), json!({"observedGeneration": 1}), "metadata.generation 2"),
            ("and rolls its own way", Sort::Other, three(), rolling(), open),
            ("never", Sort::Never("for this reason"), three(), whole(), "for this reason"),
        ] {
            let found = read(sort, &object(spec, status));
            let why = found.why().map(|why| &**why).unwrap_or_default();
            assert!(if expected.is_empty() { why.is_empty() } else { why.contains(expected) }, "{name}: {found:?}");
        }
    }

    #[test]
    fn what_another_controller_sets_is_left_to_it() {
        for (kind, shut) in [("Deployment", true), ("FlinkDeployment", true), ("SparkCluster", false)] {
            let mut owned = object(json!({"replicas": 3}), json!({"observedGeneration": 2}));
            owned["metadata"]["ownerReferences"] = json!([{"kind": kind, "name": "parent"}]);
            let found = read(Sort::Other, &owned);
            assert_eq!(found.why().is_some_and(|why| why.contains("parent owns it")), shut, "{kind}: {found:?}");
        }
    }
}
