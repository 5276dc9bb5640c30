//! What a real API server answers: etcd, kube-apiserver and kube-controller-manager of one release, RBAC on, with the
//! CustomResourceDefinitions of Flink's operator; and the whole loop with that operator and real Flink processes.

#[expect(dead_code, reason = "each live suite uses its part of what they share")]
mod support;

#[expect(dead_code, reason = "each target that has the bed uses a part of it")]
#[path = "bed/mod.rs"]
mod bed;

#[path = "support/component.rs"]
mod component;

#[path = "support/kubernetes/mod.rs"]
mod kubernetes;

#[path = "support/scripted/policies.rs"]
mod policies;

#[path = "live_cluster/account.rs"]
mod account;
#[path = "live_cluster/act.rs"]
mod act;
#[path = "live_cluster/api.rs"]
mod api;
#[path = "live_cluster/daemon.rs"]
mod daemon;
#[path = "live_cluster/deploy.rs"]
mod deploy;
#[path = "live_cluster/replicas.rs"]
mod replicas;
#[path = "live_cluster/station.rs"]
mod station;
#[path = "live_cluster/whole_loop/mod.rs"]
mod whole_loop;
