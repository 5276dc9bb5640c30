//! What is kept of one object: a fiftieth of what the API server sends.

use std::sync::Arc;

use kube::core::GroupVersionKind;

use super::annotations::Asked;
use super::kind::{ReplicasAt, is_flink_deployment};
use super::wire::{Metadata, Wire};
use crate::engine::{OwnerWishes, Reading, Workers};

/// What is kept of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Tells it from an earlier object of the same name.
    pub uid: Box<str>,
    /// Counts the changes of its spec.
    pub generation: i64,
    /// Workers that the spec asks for; `None`: the field is not there.
    pub replicas: Option<Workers>,
    /// Whether it waits for its finalizers, and is as good as gone.
    pub deleting: bool,
    /// Whether there is a `spec.job`.
    pub has_job: bool,
    // Few objects carry our annotations: a pointer for each rather than the whole.
    asked: Option<Box<Asked>>,
}

impl Object {
    pub(super) fn of_wire(wire: Wire, replicas_at: ReplicasAt) -> (Box<str>, Box<str>, Self) {
        let Wire { metadata, spec } = wire;
        let Metadata { namespace, name, uid, resource_version: _, generation, deletion_timestamp, annotations } =
            metadata;
        let count = match replicas_at {
            ReplicasAt::Spec => spec.0.replicas,
            ReplicasAt::TaskManager => spec.0.task_manager.0.replicas,
        };
        let asked = annotations.map(|annotations| annotations.read()).filter(|asked| *asked != Asked::default());
        let object = Self {
            uid,
            generation,
            replicas: count.0.map(Workers),
            deleting: deletion_timestamp.is_some(),
            has_job: spec.0.job.is_some(),
            asked: asked.map(Box::new),
        };
        (namespace, name, object)
    }

    /// What its owners ask for. Annotations that are not understood read as a pause.
    pub fn wishes(&self) -> OwnerWishes {
        self.asked.as_ref().map(|asked| asked.wishes).unwrap_or_default()
    }

    /// What its spec asks for. An absent count is not 0 and not 1: nobody has said it.
    pub(super) fn wished(&self) -> Reading {
        self.replicas.map_or(Reading::Missing, |Workers(count)| Reading::Fresh(f64::from(count)))
    }

    /// Why its width must not be set, if it must not.
    pub(super) fn unsafe_reason(&self, kind: &GroupVersionKind) -> Option<Arc<str>> {
        if is_flink_deployment(kind) && !self.has_job {
            return Some(
                "a session cluster (no spec.job) is never scaled, its jobs would be lost: take it out of the selector"
                    .into(),
            );
        }
        if self.replicas.is_none() {
            return Some(format!("set {} once", ReplicasAt::of(kind).path()).into());
        }
        self.asked.as_ref().and_then(|asked| asked.fault.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Pause;

    const FLINK: (&str, &str, &str) = ("flink.apache.org", "v1beta1", "FlinkDeployment");
    const APPS: (&str, &str, &str) = ("apps", "v1", "Deployment");

    fn read((group, version, kind): (&str, &str, &str), json: serde_json::Value) -> (Object, Option<Arc<str>>) {
        let kind = GroupVersionKind::gvk(group, version, kind);
        let (_, _, object) = Object::of_wire(serde_json::from_value(json).unwrap(), ReplicasAt::of(&kind));
        let reason = object.unsafe_reason(&kind);
        (object, reason)
    }

    #[test]
    fn what_must_not_be_scaled_says_why() {
        let object = |spec: serde_json::Value| serde_json::json!({"metadata": {"name": "a"}, "spec": spec});
        let job = serde_json::json!({"parallelism": 2});

        let (safe, reason) = read(FLINK, object(serde_json::json!({"job": job, "taskManager": {"replicas": 2}})));
        assert_eq!((safe.wished(), reason), (Reading::Fresh(2.0), None));
        let (zero, reason) = read(FLINK, object(serde_json::json!({"job": job, "taskManager": {"replicas": 0}})));
        assert_eq!((zero.wished(), reason), (Reading::Fresh(0.0), None));
        let (unset, reason) = read(FLINK, object(serde_json::json!({"job": job, "replicas": 3})));
        assert_eq!(unset.wished(), Reading::Missing);
        assert_eq!(reason.as_deref(), Some("set spec.taskManager.replicas once"));
        let (_, reason) = read(FLINK, object(serde_json::json!({"taskManager": {"replicas": 2}})));
        assert!(reason.unwrap().contains("session cluster"));
        let (plain, reason) = read(APPS, object(serde_json::json!({"replicas": 4})));
        assert_eq!((plain.wished(), reason), (Reading::Fresh(4.0), None));
        let (_, reason) = read(APPS, object(serde_json::json!({})));
        assert_eq!(reason.as_deref(), Some("set spec.replicas once"));
    }

    #[test]
    fn a_wish_that_is_not_understood_is_a_reason() {
        let json = serde_json::json!({
            "metadata": {"name": "a", "annotations": {"steelyard.dev/pause": "perhaps"}}, "spec": {"replicas": 4}
        });
        let (object, reason) = read(APPS, json);
        assert_eq!(object.wishes().pause, Some(Pause::Both));
        assert!(reason.unwrap().contains("`perhaps`"));
    }

    #[test]
    fn annotations_of_others_take_no_room() {
        let json =
            serde_json::json!({"metadata": {"name": "a", "annotations": {"team": "x"}}, "spec": {"replicas": 4}});
        assert_eq!(read(APPS, json).0.asked, None);
        assert!(size_of::<Object>() <= 56, "{}", size_of::<Object>());
    }
}
