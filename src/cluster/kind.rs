//! Kinds: where they keep their replicas, and whether the cluster lets them be scaled.

use std::sync::OnceLock;
use std::time::Duration;

use kube::core::{GroupVersion, GroupVersionKind};
use kube::discovery::{self, ApiResource, Scope};
use kube::error::DiscoveryError;

use super::error::{Error, describe};
use crate::policy::{Policy, Target};

/// For one answer of the API server that is not a watch. A list of 10,000 whole objects took 7 s on a busy machine;
/// with etcd away the server itself answers after 34 to 60 s.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// Discovery is small, and start-up waits for it.
const DISCOVERY_TIMEOUT: Duration = Duration::from_secs(10);

/// Where an object keeps the count that its scale subresource sets. Discovery does not tell the path (it stands in
/// the CustomResourceDefinition, which few accounts may read), so the kinds that differ from the rest are named here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReplicasAt {
    Spec,
    TaskManager,
}

impl ReplicasAt {
    pub(super) fn of(kind: &GroupVersionKind) -> Self {
        if Sort::of(kind) == Sort::FlinkDeployment { Self::TaskManager } else { Self::Spec }
    }

    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Spec => "spec.replicas",
            Self::TaskManager => "spec.taskManager.replicas",
        }
    }
}

/// How the objects of a kind are read and judged. Any version: an object is the same one in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    FlinkDeployment,
    Deployment,
    StatefulSet,
    /// Another autoscaler: what it names is left to it.
    Rival,
    /// No change of its count is harmless, for this reason.
    Never(&'static str),
    Other,
}

impl Sort {
    pub(super) fn of(kind: &GroupVersionKind) -> Self {
        match (&*kind.group, &*kind.kind) {
            ("flink.apache.org", "FlinkDeployment") => Self::FlinkDeployment,
            ("flink.apache.org", "FlinkSessionJob") => Self::Never(
                "its parallelism changes by a redeployment only: let it run as a FlinkDeployment of its own",
            ),
            ("flink.apache.org", "FlinkBlueGreenDeployment") => {
                Self::Never("each change of it deploys the job a second time: let it run as a plain FlinkDeployment")
            }
            ("sparkoperator.k8s.io", _) => Self::Never(
                "its operator answers a change of the spec by killing the driver and submitting it anew: turn on \
                 spec.dynamicAllocation, or target the StatefulSet or Deployment of its executors",
            ),
            ("spark.apache.org", "SparkCluster") => {
                Self::Never("target its StatefulSet NAME-worker, with minWorkers equal to maxWorkers")
            }
            ("spark.apache.org", _) => {
                Self::Never("its operator carries no change of the count out: use dynamic allocation")
            }
            ("autoscaling", "HorizontalPodAutoscaler") | ("keda.sh", "ScaledObject") => Self::Rival,
            ("apps", "Deployment") => Self::Deployment,
            ("apps", "StatefulSet") => Self::StatefulSet,
            _ => Self::Other,
        }
    }
}

/// The kinds of other autoscalers. Of a ScaledObject KEDA makes a HorizontalPodAutoscaler, but not while it is paused
/// or scaled to nothing.
pub(super) fn rivals() -> [GroupVersionKind; 2] {
    [
        GroupVersionKind::gvk("autoscaling", "v2", "HorizontalPodAutoscaler"),
        GroupVersionKind::gvk("keda.sh", "v1alpha1", "ScaledObject"),
    ]
}

/// The kind that a policy names, as yet without looking whether the cluster has it.
pub(super) fn parse(target: &Target) -> Option<GroupVersionKind> {
    let GroupVersion { group, version } = target.api_version.parse().ok()?;
    // `apps/` and `/v1` parse, and `a/b/c` keeps its second slash in the version.
    let complete = !version.is_empty() && !version.contains('/') && !target.kind.is_empty();
    let named = !group.is_empty() || !target.api_version.starts_with('/');
    (complete && named).then(|| GroupVersionKind::gvk(&group, &version, &target.kind))
}

/// How the question for a kind went wrong.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    Absent,
    NoScale,
    NotNamespaced,
    /// Not answered, for this reason: ask again.
    Unknown(String),
}

impl Unusable {
    /// The error for the policy that named the kind; `None`: it may pass by itself.
    pub(super) fn fatal(&self, policy: &Policy, target: &Target) -> Option<Error> {
        let policy = policy.plan.class.to_string();
        let Target { api_version, kind, .. } = target.clone();
        match self {
            Self::Absent => Some(Error::KindAbsent { policy, kind, api_version }),
            Self::NoScale => {
                let mend = match parse(target).as_ref().map(Sort::of) {
                    Some(Sort::Never(mend)) => mend,
                    _ => "target the kind that holds the workers",
                };
                Some(Error::NoScale { policy, kind, api_version, mend })
            }
            Self::NotNamespaced => Some(Error::NotNamespaced { policy, kind, api_version }),
            Self::Unknown(_) => None,
        }
    }
}

/// What the API server said about a kind, once it has.
pub(super) type Known = OnceLock<ApiResource>;

/// Asks the API server for a kind unless that is known. Those who ask at the same time do not wait for each other:
/// one after the other, a hundred namespaces would take a hundred time-outs to tell that nobody answers.
pub(super) async fn discover_once<'a>(
    known: &'a Known,
    client: &kube::Client,
    kind: &GroupVersionKind,
) -> Result<&'a ApiResource, Unusable> {
    if let Some(resource) = known.get() {
        return Ok(resource);
    }
    let resource = discover(client, kind).await?;
    Ok(known.get_or_init(|| resource))
}

/// Asks the API server for a kind, once.
async fn discover(client: &kube::Client, kind: &GroupVersionKind) -> Result<ApiResource, Unusable> {
    let answer = tokio::time::timeout(DISCOVERY_TIMEOUT, discovery::pinned_kind(client, kind)).await;
    let is_target = Sort::of(kind) != Sort::Rival;
    match answer {
        Ok(Ok((_, capabilities)))
            if is_target && !capabilities.subresources.iter().any(|(sub, _)| sub.plural == "scale") =>
        {
            Err(Unusable::NoScale)
        }
        Ok(Ok((_, capabilities))) if capabilities.scope != Scope::Namespaced => Err(Unusable::NotNamespaced),
        Ok(Ok((resource, _))) => Ok(resource),
        // The group is unknown (plain text "404 page not found"), or known without this kind.
        Ok(Err(kube::Error::Api(status))) if status.code == 404 => Err(Unusable::Absent),
        Ok(Err(kube::Error::Discovery(DiscoveryError::MissingKind(_)))) => Err(Unusable::Absent),
        Ok(Err(error)) => Err(Unusable::Unknown(describe(&error))),
        Err(_) => {
            let waited = humantime::format_duration(DISCOVERY_TIMEOUT);
            Err(Unusable::Unknown(format!("the API server did not answer within {waited}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_versions() {
        let kind = |api_version: &str| {
            let target = Target {
                api_version: api_version.into(),
                kind: "Thing".into(),
                namespaces: Vec::new(),
                selector: String::new(),
            };
            parse(&target).map(|kind| (kind.group, kind.version))
        };
        assert_eq!(kind("apps/v1"), Some(("apps".into(), "v1".into())));
        assert_eq!(kind("v1"), Some((String::new(), "v1".into())));
        for wrong in ["", "apps/", "/v1", "a/b/c"] {
            assert_eq!(kind(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_never_scaled_names_the_mend() {
        let sort = |group: &str, kind: &str| Sort::of(&GroupVersionKind::gvk(group, "v1", kind));
        for (group, kind, mend) in [
            ("sparkoperator.k8s.io", "SparkApplication", "spec.dynamicAllocation"),
            ("sparkoperator.k8s.io", "ScheduledSparkApplication", "spec.dynamicAllocation"),
            ("spark.apache.org", "SparkApplication", "dynamic allocation"),
            ("spark.apache.org", "SparkCluster", "NAME-worker"),
            ("flink.apache.org", "FlinkSessionJob", "FlinkDeployment"),
            ("flink.apache.org", "FlinkBlueGreenDeployment", "FlinkDeployment"),
        ] {
            let Sort::Never(why) = sort(group, kind) else { panic!("{kind} may be scaled") };
            assert!(why.contains(mend), "{kind}: {why}");
        }
        assert_eq!(sort("apps", "ReplicaSet"), Sort::Other);
        assert_eq!(sort("spark.example.org", "SparkApplication"), Sort::Other);
        assert!(rivals().iter().all(|kind| Sort::of(kind) == Sort::Rival));
    }

    #[test]
    fn only_a_flink_deployment_keeps_its_replicas_elsewhere() {
        for (group, kind, path) in [
            ("flink.apache.org", "FlinkDeployment", "spec.taskManager.replicas"),
            ("flink.example.org", "FlinkDeployment", "spec.replicas"),
            ("apps", "Deployment", "spec.replicas"),
        ] {
            assert_eq!(ReplicasAt::of(&GroupVersionKind::gvk(group, "v9", kind)).path(), path);
        }
    }
}
