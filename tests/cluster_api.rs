//! The room `cluster` against a scripted API server, on a paused clock.

#[path = "cluster_api/acting.rs"]
mod acting;
#[path = "cluster_api/conflicts.rs"]
mod conflicts;
#[path = "support/scripted/objects.rs"]
mod objects;
#[path = "support/scripted/policies.rs"]
mod policies;
#[path = "cluster_api/restarts.rs"]
mod restarts;
#[path = "cluster_api/scale.rs"]
mod scale;
#[path = "support/scripted/server.rs"]
mod server;
#[path = "cluster_api/targets.rs"]
mod targets;
#[path = "cluster_api/watch.rs"]
mod watch;
