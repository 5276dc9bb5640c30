//! What is kept of one object: a fiftieth of what the API server sends.

use std::sync::Arc;

use kube::core::GroupVersionKind;

use super::annotations::Asked;
use super::gates::{self, Gate};
use super::kind::{ReplicasAt, Sort};
use super::lenient::Fields;
use super::patch::FIELD_MANAGER;
use super::wire::{Manager, Metadata, Reference, Wire};
use crate::engine::{OwnerWishes, Workers};

/// What is kept of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Tells it from an earlier object of the same name.
    pub uid: Box<str>,
    /// Counts the changes of its spec.
    pub generation: i64,
    /// Its `resourceVersion`, which grows with each change; 0 where that is no number.
    pub version: u64,
    /// Workers that the spec asks for; `None`: the field is not there.
    pub replicas: Option<Workers>,
    /// The highest parallelism that a Flink configuration allows, where it says one.
    pub max_parallelism: Option<u32>,
    /// Whether it waits for its finalizers, or its job came to its end: it is as good as gone.
    pub leaving: bool,
    /// Whether there is a `spec.job`.
    pub has_job: bool,
    /// Who set its count last.
    pub(super) by: Author,
    // Most objects carry nothing of it: a pointer for each rather than the whole.
    notes: Option<Box<Notes>>,
}

/// Who set a count last, as `managedFields` says it.
///
/// They have an owner of the count unless it was ever absent or 0, and then of a change through `/scale` no time either. So
/// they are asked only where this process was not there itself: while another replica scales, and before it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Author {
    /// One of our processes: what belongs to us is gone as soon as anybody else sets another count.
    Us,
    Other,
    Unknown,
}

impl Author {
    fn of(managers: &[Manager], at: ReplicasAt) -> Self {
        let has_count = |manager: &&Manager| {
            let Fields(owned) = &manager.fields_v1;
            match at {
                ReplicasAt::Spec => owned.spec.0.replicas.is_some(),
                ReplicasAt::TaskManager => owned.spec.0.task_manager.0.replicas.is_some(),
            }
        };
        let us = |manager: &Manager| {
            manager.manager.get() == Some(FIELD_MANAGER) && manager.subresource.get() == Some("scale")
        };
        let mut owners = managers.iter().filter(has_count);
        // Whoever applies the very count that we had set owns it beside us.
        if owners.clone().any(us) {
            Self::Us
        } else if owners.next().is_some() {
            Self::Other
        } else {
            Self::Unknown
        }
    }
}

/// What few objects carry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Notes {
    asked: Asked,
    gate: Gate,
    conflict: Option<Arc<str>>,
    claim: Option<Claim>,
}

/// What another autoscaler says it scales, in its own namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) group: Box<str>,
    pub(super) kind: Box<str>,
    pub(super) name: Box<str>,
}

impl Object {
    pub(super) fn of_wire(wire: Wire, kind: &GroupVersionKind) -> (Box<str>, Box<str>, Self) {
        let Wire { metadata, spec: Fields(spec), status: Fields(status) } = wire;
        let sort = Sort::of(kind);
        let gate = gates::gate(sort, &metadata, &spec, &status);
        let is_flink = sort == Sort::FlinkDeployment;
        let finished = is_flink && gates::is_finished(&metadata, &spec, &status);
        let by = Author::of(&metadata.managed_fields.0, ReplicasAt::of(kind));
        let Metadata { namespace, name, uid, resource_version, generation, deletion_timestamp, annotations, .. } =
            metadata;
        let count = match ReplicasAt::of(kind) {
            ReplicasAt::Spec => spec.replicas,
            ReplicasAt::TaskManager => spec.task_manager.0.replicas,
        };
        let conflict = (is_flink && spec.flink_configuration.has_autoscaler())
            .then(|| "Flink's own autoscaler (spec.flinkConfiguration, job.autoscaler.enabled)".into());
        let claim = spec.scale_target_ref.filter(|_| sort == Sort::Rival).and_then(|Fields(target)| Claim::of(target));
        let asked = annotations.map(|annotations| annotations.read()).unwrap_or_default();
        let notes = Notes { asked, gate, conflict, claim };
        let object = Self {
            uid,
            generation,
            version: resource_version.parse().unwrap_or(0),
            replicas: count.0.map(Workers),
            max_parallelism: spec.flink_configuration.max_parallelism.and_then(|text| text.parse().ok()),
            leaving: deletion_timestamp.is_some() || finished,
            has_job: spec.job.is_some(),
            by,
            notes: (notes != Notes::default()).then(|| Box::new(notes)),
        };
        (namespace, name, object)
    }

    /// What its owners ask for. Annotations that are not understood read as a pause.
    pub fn wishes(&self) -> OwnerWishes {
        self.notes.as_ref().map(|notes| notes.asked.wishes).unwrap_or_default()
    }

    /// Why its width must not be set now, if it must not. `rescaling`: what runs is not what is asked for, which says
    /// more than the states that an operator passes through meanwhile.
    pub(super) fn unsafe_reason(&self, rescaling: bool) -> Option<Arc<str>> {
        let notes = self.notes.as_ref()?;
        let gate = match &notes.gate {
            Gate::Busy(_) if rescaling => None,
            gate => gate.why(),
        };
        gate.or(notes.asked.fault.as_ref()).cloned()
    }

    /// Whether what speaks against scaling it now passes by itself.
    pub fn is_busy(&self) -> bool {
        self.notes.as_ref().is_some_and(|notes| matches!(notes.gate, Gate::Busy(_)))
    }

    /// Who else sets its count, as far as it says itself.
    pub(super) fn conflict(&self) -> Option<&Arc<str>> {
        self.notes.as_ref()?.conflict.as_ref()
    }

    /// What it scales, where it is another autoscaler.
    pub(super) fn claim(&self) -> Option<&Claim> {
        self.notes.as_ref()?.claim.as_ref()
    }
}

impl Claim {
    fn of(target: Reference) -> Option<Self> {
        let Reference { api_version, kind, name } = target;
        // As KEDA fills in what is left out; a HorizontalPodAutoscaler names all three.
        let version = api_version.get().unwrap_or("apps/v1");
        Some(Self {
            group: version.split_once('/').map_or("", |(group, _)| group).into(),
            kind: kind.get().unwrap_or("Deployment").into(),
            name: name.0?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Pause;

    const FLINK: (&str, &str, &str) = ("flink.apache.org", "v1beta1", "FlinkDeployment");
    const APPS: (&str, &str, &str) = ("apps", "v1", "Deployment");

    fn read((group, version, kind): (&str, &str, &str), json: serde_json::Value) -> Object {
        let kind = GroupVersionKind::gvk(group, version, kind);
        Object::of_wire(serde_json::from_value(json).unwrap(), &kind).2
    }

    fn deployment(annotations: serde_json::Value) -> serde_json::Value {
        serde_json::json!({
            "metadata": {"name": "a", "annotations": annotations, "resourceVersion": "41"}, "spec": {"replicas": 4},
            "status": {"observedGeneration": 0},
        })
    }

    #[test]
    fn the_count_stands_where_the_kind_keeps_it() {
        let object = |spec: serde_json::Value| serde_json::json!({"metadata": {"name": "a"}, "spec": spec});
        let job = serde_json::json!({"parallelism": 2});
        let flink = read(FLINK, object(serde_json::json!({"job": job, "taskManager": {"replicas": 2}, "replicas": 3})));
        assert_eq!(flink.replicas, Some(Workers(2)));
        let unset = read(FLINK, object(serde_json::json!({"job": job, "replicas": 3})));
        assert_eq!(unset.replicas, None);
        assert_eq!(unset.unsafe_reason(true).as_deref(), Some("set spec.taskManager.replicas once"));
        let plain = read(APPS, deployment(serde_json::json!({})));
        assert_eq!((plain.replicas, plain.unsafe_reason(false), plain.version), (Some(Workers(4)), None, 41));
    }

    #[test]
    fn what_passes_by_itself_is_told_unless_a_rescale_is_under_way() {
        let mut behind = deployment(serde_json::json!({}));
        behind["metadata"]["generation"] = 1.into();
        let behind = read(APPS, behind);
        assert!(behind.unsafe_reason(false).unwrap().contains("metadata.generation 1"));
        assert_eq!(behind.unsafe_reason(true), None);
    }

    #[test]
    fn a_wish_that_is_not_understood_is_a_reason() {
        let object = read(APPS, deployment(serde_json::json!({"steelyard.dev/pause": "perhaps"})));
        assert_eq!(object.wishes().pause, Some(Pause::Both));
        assert!(object.unsafe_reason(true).unwrap().contains("`perhaps`"));
    }

    #[test]
    fn flinks_own_autoscaler_is_a_conflict_and_a_cap_is_read() {
        let flink = |configuration: serde_json::Value| {
            read(FLINK, serde_json::json!({"metadata": {"name": "a"}, "spec": {"flinkConfiguration": configuration}}))
        };
        let own = flink(serde_json::json!({"job.autoscaler.enabled": "true", "pipeline.max-parallelism": "120"}));
        assert!(own.conflict().unwrap().contains("job.autoscaler.enabled"));
        assert_eq!(own.max_parallelism, Some(120));
        assert_eq!(flink(serde_json::json!({"job.autoscaler.enabled": "false"})).conflict(), None);
        let elsewhere = serde_json::json!({
            "metadata": {"name": "a"}, "spec": {"flinkConfiguration": {"job.autoscaler.enabled": "true"}}
        });
        assert_eq!(read(APPS, elsewhere).conflict(), None);
    }

    #[test]
    fn an_autoscaler_names_what_it_scales() {
        let hpa = ("autoscaling", "v2", "HorizontalPodAutoscaler");
        let claim = |kind, target: serde_json::Value| {
            let json = serde_json::json!({"metadata": {"name": "a"}, "spec": {"scaleTargetRef": target}});
            read(kind, json).claim().map(|Claim { group, kind, name }| format!("{group}/{kind}/{name}"))
        };
        let flink =
            serde_json::json!({"apiVersion": "flink.apache.org/v1beta1", "kind": "FlinkDeployment", "name": "b"});
        assert_eq!(claim(hpa, flink.clone()).as_deref(), Some("flink.apache.org/FlinkDeployment/b"));
        let short = serde_json::json!({"name": "b"});
        assert_eq!(claim(("keda.sh", "v1alpha1", "ScaledObject"), short).as_deref(), Some("apps/Deployment/b"));
        let core = serde_json::json!({"apiVersion": "v1", "kind": "ReplicationController", "name": "b"});
        assert_eq!(claim(hpa, core).as_deref(), Some("/ReplicationController/b"));
        assert_eq!(claim(hpa, serde_json::json!({})), None);
        assert_eq!(claim(APPS, flink), None, "only autoscalers claim");
    }

    #[test]
    fn who_set_the_count_last_is_who_owns_it() {
        let flink = |fields: serde_json::Value| serde_json::json!({"f:spec": {"f:taskManager": fields}});
        let count = || flink(serde_json::json!({"f:replicas": {}}));
        let entry = |manager: &str, subresource: &str, fields: serde_json::Value| serde_json::json!({"manager": manager, "operation": "Update", "subresource": subresource, "fieldsV1": fields});
        for (name, managers, by) in [
            ("nobody", serde_json::json!([]), Author::Unknown),
            ("no list", serde_json::json!("?"), Author::Unknown),
            (
                "only of other fields",
                serde_json::json!([entry("helm", "", flink(serde_json::json!({"f:resource": {}})))]),
                Author::Unknown,
            ),
            ("somebody else", serde_json::json!([entry("kubectl-edit", "", count())]), Author::Other),
            (
                "us",
                serde_json::json!([
                    entry("helm", "", flink(serde_json::json!({}))),
                    entry("steelyard", "scale", count())
                ]),
                Author::Us,
            ),
            (
                "one who applies our value",
                serde_json::json!([entry("argocd", "", count()), entry("steelyard", "scale", count())]),
                Author::Us,
            ),
            ("another way of writing", serde_json::json!([entry("steelyard", "", count())]), Author::Other),
            (
                "another path",
                serde_json::json!([entry("steelyard", "scale", serde_json::json!({"f:spec": {"f:replicas": {}}}))]),
                Author::Unknown,
            ),
        ] {
            let object =
                read(FLINK, serde_json::json!({"metadata": {"name": "a", "managedFields": managers}, "spec": {}}));
            assert_eq!(object.by, by, "{name}");
        }
        let plain = serde_json::json!([entry("steelyard", "scale", serde_json::json!({"f:spec": {"f:replicas": {}}}))]);
        let plain =
            read(APPS, serde_json::json!({"metadata": {"name": "a", "managedFields": plain}, "spec": {"replicas": 1}}));
        assert_eq!(plain.by, Author::Us);
    }

    #[test]
    fn annotations_of_others_take_no_room() {
        assert_eq!(read(APPS, deployment(serde_json::json!({"team": "x"}))).notes, None);
        assert!(size_of::<Object>() <= 64, "{}", size_of::<Object>());
    }
}
