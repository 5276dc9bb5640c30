//! The few fields that are read of an object, as it comes over the wire; all others are skipped unread.

use serde::de::{Deserialize, Deserializer, IgnoredAny};

use super::annotations::Annotations;
use super::lenient::{Count, Fields, List, Text, Whole};
use super::options::Options;

/// One page of a list.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Page {
    pub(super) metadata: PageMetadata,
    // Go writes an empty list as null.
    pub(super) items: Option<Vec<Wire>>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageMetadata {
    #[serde(default)]
    pub(super) resource_version: String,
    #[serde(default, rename = "continue")]
    pub(super) more: String,
}

/// One object.
#[derive(Debug, Clone, serde::Deserialize)]
pub(super) struct Wire {
    pub(super) metadata: Metadata,
    #[serde(default)]
    pub(super) spec: Fields<Spec>,
    #[serde(default)]
    pub(super) status: Fields<Status>,
}

#[derive(Debug, Clone, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    #[serde(default)]
    pub(super) namespace: Box<str>,
    pub(super) name: Box<str>,
    #[serde(default)]
    pub(super) uid: Box<str>,
    #[serde(default)]
    pub(super) resource_version: String,
    #[serde(default)]
    pub(super) generation: i64,
    pub(super) deletion_timestamp: Option<IgnoredAny>,
    pub(super) annotations: Option<Annotations>,
    #[serde(default)]
    pub(super) owner_references: List<Owner>,
    #[serde(default)]
    pub(super) managed_fields: List<Manager>,
}

/// Who set which fields last, in one way of writing.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Manager {
    pub(super) manager: Text,
    pub(super) subresource: Text,
    pub(super) fields_v1: Fields<Owned>,
}

/// Of these fields, whether the count is among them.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Owned {
    #[serde(rename = "f:spec")]
    pub(super) spec: Fields<OwnedSpec>,
}

#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct OwnedSpec {
    #[serde(rename = "f:replicas")]
    pub(super) replicas: Option<IgnoredAny>,
    #[serde(rename = "f:taskManager")]
    pub(super) task_manager: Fields<OwnedTaskManager>,
}

#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct OwnedTaskManager {
    #[serde(rename = "f:replicas")]
    pub(super) replicas: Option<IgnoredAny>,
}

/// Who made an object.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Owner {
    pub(super) kind: Text,
    pub(super) name: Text,
}

#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Spec {
    pub(super) replicas: Count,
    pub(super) task_manager: Fields<TaskManager>,
    pub(super) job: Option<Fields<Job>>,
    pub(super) mode: Text,
    pub(super) flink_configuration: Options,
    pub(super) update_strategy: Fields<UpdateStrategy>,
    pub(super) scale_target_ref: Option<Fields<Reference>>,
}

#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct TaskManager {
    pub(super) replicas: Count,
}

/// The job of a FlinkDeployment.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Job {
    pub(super) state: Text,
    pub(super) upgrade_mode: Text,
}

/// How a StatefulSet rolls out.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct UpdateStrategy {
    pub(super) r#type: Text,
    pub(super) rolling_update: Fields<RollingUpdate>,
}

#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct RollingUpdate {
    pub(super) partition: Count,
}

/// What a HorizontalPodAutoscaler or ScaledObject scales.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Reference {
    pub(super) api_version: Text,
    pub(super) kind: Text,
    pub(super) name: Text,
}

#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Status {
    pub(super) observed_generation: Whole,
    pub(super) replicas: Count,
    pub(super) updated_replicas: Count,
    pub(super) error: Text,
    pub(super) lifecycle_state: Text,
    pub(super) job_manager_deployment_status: Text,
    pub(super) job_status: Fields<JobStatus>,
    pub(super) reconciliation_status: Fields<Reconciliation>,
}

#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct JobStatus {
    pub(super) state: Text,
    pub(super) savepoint_info: Fields<Savepoint>,
}

#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Savepoint {
    pub(super) trigger_id: Text,
}

#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Reconciliation {
    pub(super) state: Text,
    pub(super) last_reconciled_spec: ReconciledGeneration,
}

/// The generation inside of `lastReconciledSpec`, a text of JSON: what operators before 1.8 have in place of
/// `observedGeneration`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ReconciledGeneration(pub(super) Option<i64>);

impl<'de> Deserialize<'de> for ReconciledGeneration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Default, serde::Deserialize)]
        #[serde(default)]
        struct Reconciled {
            resource_metadata: Fields<Resource>,
        }
        #[derive(Default, serde::Deserialize)]
        #[serde(default)]
        struct Resource {
            metadata: Fields<Generation>,
        }
        #[derive(Default, serde::Deserialize)]
        #[serde(default)]
        struct Generation {
            generation: Whole,
        }
        let text = Text::deserialize(deserializer)?;
        let read = text.get().and_then(|text| serde_json::from_str::<Reconciled>(text).ok());
        Ok(Self(read.and_then(|read| read.resource_metadata.0.metadata.0.generation.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> (Option<u32>, Option<u32>, bool) {
        let object = format!(r#"{{"metadata": {{"name": "a"}}, "spec": {text}, "status": {{"replicas": 9}}}}"#);
        let wire: Wire = serde_json::from_str(&object).unwrap();
        let Fields(Spec { replicas, task_manager, job, .. }) = wire.spec;
        (replicas.0, task_manager.0.replicas.0, job.is_some())
    }

    #[test]
    fn a_field_of_an_unexpected_type_is_absent_and_the_rest_is_read() {
        assert_eq!(spec(r#"{"replicas": 3}"#), (Some(3), None, false));
        assert_eq!(spec(r#"{"replicas": 0, "job": {"parallelism": 2}}"#), (Some(0), None, true));
        assert_eq!(
            spec(r#"{"taskManager": {"resource": {"cpu": 1.5}, "replicas": 5}, "job": null}"#),
            (None, Some(5), false)
        );
        for odd in [r#""3""#, "-1", "2.5", "true", "null", "[1, [2]]", r#"{"min": {"a": 1}}"#, "4294967296"] {
            assert_eq!(
                spec(&format!(r#"{{"replicas": {odd}, "taskManager": {{"replicas": 4}}}}"#)),
                (None, Some(4), false),
                "{odd}"
            );
        }
        for odd in [r#""none""#, "7", "[{}]", "null", "false", "1.5"] {
            assert_eq!(spec(&format!(r#"{{"taskManager": {odd}, "replicas": 4}}"#)), (Some(4), None, false), "{odd}");
            assert_eq!(spec(odd), (None, None, false), "{odd}");
        }
    }

    #[test]
    fn a_status_of_any_shape_is_read_as_far_as_it_goes() {
        let status = |text: &str| {
            let object = format!(r#"{{"metadata": {{"name": "a", "ownerReferences": {text}}}, "status": {text}}}"#);
            let wire: Wire = serde_json::from_str(&object).unwrap();
            (wire.status.0, wire.metadata.owner_references.0)
        };
        for odd in ["7", "null", r#""x""#, "false", "1.5", "[]"] {
            let (status, owners) = status(odd);
            assert_eq!((status.error.get(), owners.len()), (None, 0), "{odd}");
        }
        let (read, _) = status(
            r#"{"observedGeneration": "4", "error": {"a": 1}, "jobStatus": {"state": 3, "savepointInfo": []},
                "reconciliationStatus": {"state": "DEPLOYED", "lastReconciledSpec":
                "{\"spec\":{},\"resource_metadata\":{\"metadata\":{\"generation\":5}}}"}}"#,
        );
        assert_eq!((read.observed_generation, read.error.get()), (Whole(None), None));
        let Fields(Reconciliation { state, last_reconciled_spec }) = read.reconciliation_status;
        assert_eq!((state.get(), last_reconciled_spec), (Some("DEPLOYED"), ReconciledGeneration(Some(5))));
        let (_, owners) = status(r#"[{"kind": "FlinkBlueGreenDeployment", "name": "orders"}, 7]"#);
        assert_eq!(
            owners.iter().map(|owner| owner.kind.get()).collect::<Vec<_>>(),
            [Some("FlinkBlueGreenDeployment"), None]
        );
    }

    #[test]
    fn an_empty_list_may_be_null() {
        let page: Page = serde_json::from_str(r#"{"metadata": {"resourceVersion": "7"}, "items": null}"#).unwrap();
        assert!(page.items.is_none() && page.metadata.more.is_empty());
        assert_eq!(page.metadata.resource_version, "7");
    }
}
