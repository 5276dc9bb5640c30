//! The gates of a FlinkDeployment, as operators 1.7 and 1.15 write its status.

use super::{Gate, observed, shown};
use crate::cluster::kind::ReplicasAt;
use crate::cluster::wire::{Metadata, Spec, Status};

pub(super) fn pass(metadata: &Metadata, spec: &Spec, status: &Status) -> Result<(), Gate> {
    may_ever(metadata, spec)?;
    error(status)?;
    // Before all that the status says: for its first seconds an upgrade shows nowhere else.
    generation(metadata, status)?;
    reconciled(status)?;
    lifecycle(status)?;
    running(status)
}

/// What the status cannot change.
fn may_ever(metadata: &Metadata, spec: &Spec) -> Result<(), Gate> {
    let Some(job) = &spec.job else {
        return Gate::shut(
            "a session cluster (no spec.job) is never scaled, its jobs would be lost: take it out of the selector",
        );
    };
    let parent = metadata.owner_references.0.iter().find(|owner| owner.kind.get() == Some("FlinkBlueGreenDeployment"));
    if let Some(parent) = parent {
        return Gate::shut(format!(
            "FlinkBlueGreenDeployment {} owns it and overwrites what is set here: take it out of the selector",
            shown(parent.name.get())
        ));
    }
    match spec.task_manager.0.replicas.0 {
        None => return Gate::shut(format!("set {} once", ReplicasAt::TaskManager.path())),
        Some(0) => {
            return Gate::shut("spec.taskManager.replicas is 0, which the Flink operator refuses: set it to 1 or more");
        }
        Some(_) => {}
    }
    let job = &job.0;
    let reactive = spec.mode.get() == Some("standalone") && spec.flink_configuration.is_reactive();
    // Left out it is stateless, and left out `mode` is native.
    if !reactive && matches!(job.upgrade_mode.get(), None | Some("stateless")) {
        return Gate::shut(
            "spec.job.upgradeMode is stateless and the job not reactive, so each rescale would drop its state: set \
             last-state or savepoint, or mode: standalone with scheduler-mode: reactive",
        );
    }
    match job.state.get() {
        None | Some("running") => Ok(()),
        Some(state) => Gate::shut(format!("spec.job.state is {state}: set it to running")),
    }
}

fn error(status: &Status) -> Result<(), Gate> {
    let Some(error) = status.error.get() else { return Ok(()) };
    Gate::shut(format!("status.error is set, so the operator refused a spec or failed: mend {}", brief(error)))
}

/// The operator writes an exception as JSON; its message says enough.
fn brief(error: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Exception {
        message: String,
    }
    let text = serde_json::from_str(error).map_or(error.to_owned(), |Exception { message }| message);
    let mut brief: String = text.chars().take(200).collect();
    if brief.len() < text.len() {
        brief.push('…');
    }
    brief
}

/// Operators before 1.8 write no `observedGeneration`.
fn generation(metadata: &Metadata, status: &Status) -> Result<(), Gate> {
    let reconciled = status.reconciliation_status.0.last_reconciled_spec.0;
    let (seen, by) = match status.observed_generation.0 {
        Some(seen) => (Some(seen), "status.observedGeneration"),
        None => (reconciled, "the generation in status.reconciliationStatus.lastReconciledSpec"),
    };
    observed(metadata, seen, by, "the Flink operator")
}

fn reconciled(status: &Status) -> Result<(), Gate> {
    match status.reconciliation_status.0.state.get() {
        Some("DEPLOYED") => Ok(()),
        Some("ROLLED_BACK") => {
            Gate::shut("status.reconciliationStatus.state is ROLLED_BACK: the last upgrade failed, mend the spec")
        }
        state => Gate::busy(format!("status.reconciliationStatus.state is {}: wait for DEPLOYED", shown(state))),
    }
}

/// UPGRADING (operator 1.7) or DEPLOYED (since 1.8) stands for a reconcile interval after any change, a scale in place too.
fn lifecycle(status: &Status) -> Result<(), Gate> {
    match status.lifecycle_state.get() {
        Some("STABLE") => Ok(()),
        Some(state @ ("FAILED" | "SUSPENDED" | "ROLLED_BACK")) => {
            Gate::shut(format!("status.lifecycleState is {state}: mend the deployment until it is STABLE"))
        }
        state => Gate::busy(format!("status.lifecycleState is {}: wait for STABLE", shown(state))),
    }
}

fn running(status: &Status) -> Result<(), Gate> {
    let manager = status.job_manager_deployment_status.get();
    if manager != Some("READY") {
        return Gate::busy(format!("status.jobManagerDeploymentStatus is {}: wait for READY", shown(manager)));
    }
    let job = &status.job_status.0;
    match job.state.get() {
        Some("RUNNING") => {}
        Some(state @ ("FAILED" | "FINISHED" | "CANCELED")) => {
            return Gate::shut(format!("status.jobStatus.state is {state}: start the job anew"));
        }
        state => return Gate::busy(format!("status.jobStatus.state is {}: wait for RUNNING", shown(state))),
    }
    match job.savepoint_info.0.trigger_id.get() {
        None => Ok(()),
        Some(_) => Gate::busy("status.jobStatus.savepointInfo.triggerId is set: wait until the savepoint is taken"),
    }
}

/// Whether the job came to its end by itself: then there is nothing left to scale, and nothing to report.
pub(in crate::cluster) fn is_finished(metadata: &Metadata, spec: &Spec, status: &Status) -> bool {
    let asked_for = spec.job.as_ref().is_some_and(|job| matches!(job.0.state.get(), None | Some("running")));
    // An upgrade passes through FINISHED as well, with another lifecycle.
    asked_for
        && matches!(status.job_status.0.state.get(), Some("FINISHED" | "CANCELED"))
        && status.lifecycle_state.get() == Some("STABLE")
        && reconciled(status).is_ok()
        && generation(metadata, status).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cluster::gates::gate;
    use crate::cluster::kind::Sort;
    use crate::cluster::wire::Wire;

    /// A reactive application that runs, as operator 1.15 writes it.
    fn running_well() -> Value {
        json!({
            "metadata": {"name": "orders", "generation": 4},
            "spec": {
                "mode": "standalone", "flinkConfiguration": {"scheduler-mode": "reactive"},
                "job": {"state": "running", "upgradeMode": "stateless"}, "taskManager": {"replicas": 3},
            },
            "status": {
                "observedGeneration": 4, "lifecycleState": "STABLE", "jobManagerDeploymentStatus": "READY",
                "jobStatus": {"state": "RUNNING", "savepointInfo": {"lastSavepoint": {}}},
                "reconciliationStatus": {
                    "state": "DEPLOYED",
                    "lastReconciledSpec": "{\"resource_metadata\":{\"metadata\":{\"generation\":4}}}",
                },
            },
        })
    }

    fn read(object: &Value) -> Gate {
        let Wire { metadata, spec, status } = serde_json::from_value(object.clone()).unwrap();
        gate(Sort::FlinkDeployment, &metadata, &spec.0, &status.0)
    }

    /// The gate with other values at these places (null: the field is gone).
    fn with(changes: &[(&str, Value)]) -> Gate {
        let mut object = running_well();
        for (at, value) in changes {
            let (parent, name) = at.rsplit_once('/').unwrap();
            let parent = object.pointer_mut(parent).unwrap().as_object_mut().unwrap();
            if value.is_null() {
                parent.remove(name).unwrap();
            } else {
                parent.insert(name.to_owned(), value.clone());
            }
        }
        read(&object)
    }

    #[test]
    fn what_leaves_the_gate_open() {
        let savepoint = json!("savepoint");
        let rows: [(&str, &[(&str, Value)]); 7] = [
            ("as it runs", &[]),
            ("operator 1.7 writes no observedGeneration", &[("/status/observedGeneration", Value::Null)]),
            ("an older generation than was observed", &[("/metadata/generation", json!(3))]),
            ("no state is running", &[("/spec/job/state", Value::Null)]),
            (
                "not reactive, with savepoints",
                &[("/spec/flinkConfiguration", json!({})), ("/spec/job/upgradeMode", savepoint.clone())],
            ),
            ("native, last-state", &[("/spec/mode", Value::Null), ("/spec/job/upgradeMode", json!("last-state"))]),
            (
                "owned by somebody harmless",
                &[("/metadata/ownerReferences", json!([{"kind": "Application", "name": "a"}]))],
            ),
        ];
        for (name, changes) in rows {
            assert_eq!(with(changes), Gate::Open, "{name}");
        }
    }

    #[test]
    fn what_shuts_it_until_somebody_acts() {
        let rows: [(&str, Value, &str); 13] = [
            ("/spec/job", Value::Null, "session cluster (no spec.job)"),
            (
                "/metadata/ownerReferences",
                json!([{"kind": "FlinkBlueGreenDeployment", "name": "blue"}]),
                "FlinkBlueGreenDeployment blue",
            ),
            ("/spec/taskManager", Value::Null, "set spec.taskManager.replicas once"),
            ("/spec/taskManager", json!({"replicas": 0}), "spec.taskManager.replicas is 0"),
            ("/spec/mode", Value::Null, "upgradeMode is stateless"),
            ("/spec/mode", json!("native"), "upgradeMode is stateless"),
            ("/spec/flinkConfiguration", Value::Null, "scheduler-mode: reactive"),
            ("/spec/job/state", json!("suspended"), "spec.job.state is suspended: set it to running"),
            (
                "/status/error",
                json!("{\"type\":\"x\",\"message\":\"replicas must be larger than 0\"}"),
                "mend replicas must be larger than 0",
            ),
            ("/status/error", json!("x".repeat(300)), "x…"),
            ("/status/reconciliationStatus/state", json!("ROLLED_BACK"), "ROLLED_BACK"),
            ("/status/lifecycleState", json!("FAILED"), "status.lifecycleState is FAILED"),
            ("/status/jobStatus/state", json!("FAILED"), "status.jobStatus.state is FAILED"),
        ];
        for (at, value, expected) in rows {
            let found = with(&[(at, value.clone())]);
            assert!(matches!(&found, Gate::Shut(why) if why.contains(expected)), "{at} {value}: {found:?}");
        }
        let unset = with(&[("/spec/mode", Value::Null), ("/spec/job/upgradeMode", Value::Null)]);
        assert!(matches!(unset, Gate::Shut(why) if why.contains("upgradeMode")), "left out it is stateless");
    }

    #[test]
    fn what_shuts_it_for_a_while() {
        let rows: [(&str, Value, &str); 17] = [
            ("/metadata/generation", json!(5), "status.observedGeneration is 4 and metadata.generation 5"),
            ("/status/observedGeneration", json!(3), "status.observedGeneration is 3"),
            ("/status", json!({}), "lastReconciledSpec is not written yet"),
            ("/status/reconciliationStatus/state", json!("UPGRADING"), "reconciliationStatus.state is UPGRADING"),
            ("/status/reconciliationStatus/state", json!("ROLLING_BACK"), "is ROLLING_BACK"),
            ("/status/reconciliationStatus/state", Value::Null, "is not written yet"),
            ("/status/lifecycleState", json!("UPGRADING"), "lifecycleState is UPGRADING: wait for STABLE"),
            ("/status/lifecycleState", json!("DEPLOYED"), "lifecycleState is DEPLOYED"),
            ("/status/lifecycleState", json!("CREATED"), "lifecycleState is CREATED"),
            ("/status/lifecycleState", Value::Null, "lifecycleState is not written yet"),
            (
                "/status/jobManagerDeploymentStatus",
                json!("DEPLOYED_NOT_READY"),
                "is DEPLOYED_NOT_READY: wait for READY",
            ),
            ("/status/jobManagerDeploymentStatus", json!("MISSING"), "is MISSING"),
            ("/status/jobManagerDeploymentStatus", Value::Null, "is not written yet"),
            ("/status/jobStatus/state", json!("RECONCILING"), "jobStatus.state is RECONCILING: wait for RUNNING"),
            ("/status/jobStatus/state", json!("CREATED"), "is CREATED"),
            ("/status/jobStatus/state", Value::Null, "is not written yet"),
            ("/status/jobStatus/savepointInfo", json!({"triggerId": "a1"}), "savepointInfo.triggerId is set"),
        ];
        for (at, value, expected) in rows {
            let found = with(&[(at, value.clone())]);
            assert!(matches!(&found, Gate::Busy(why) if why.contains(expected)), "{at} {value}: {found:?}");
        }
        let old = json!({"state": "DEPLOYED", "lastReconciledSpec": "{\"resource_metadata\":{\"metadata\":{\"generation\":3}}}"});
        let before_1_8 = with(&[("/status/observedGeneration", Value::Null), ("/status/reconciliationStatus", old)]);
        assert!(
            matches!(before_1_8, Gate::Busy(why) if why.contains("lastReconciledSpec is 3")),
            "by lastReconciledSpec"
        );
    }

    #[test]
    fn a_job_that_ended_by_itself_is_told_from_an_upgrade() {
        let finished = |changes: &[(&str, Value)]| {
            let mut object = running_well();
            object["status"]["jobStatus"]["state"] = json!("FINISHED");
            for (at, value) in changes {
                *object.pointer_mut(at).unwrap() = value.clone();
            }
            let Wire { metadata, spec, status } = serde_json::from_value(object).unwrap();
            is_finished(&metadata, &spec.0, &status.0)
        };
        assert!(finished(&[]));
        for (at, value) in [
            ("/status/jobStatus/state", json!("RUNNING")),
            ("/status/lifecycleState", json!("UPGRADING")),
            ("/status/lifecycleState", json!("SUSPENDED")),
            ("/status/reconciliationStatus/state", json!("UPGRADING")),
            ("/status/observedGeneration", json!(3)),
            ("/spec/job/state", json!("suspended")),
        ] {
            assert!(!finished(&[(at, value.clone())]), "{at} {value}");
        }
    }
}
