//! The room `cluster` against a scripted API server, on a paused clock.

#[path = "cluster_api/objects.rs"]
mod objects;
#[path = "cluster_api/policies.rs"]
mod policies;
#[path = "cluster_api/server.rs"]
mod server;
#[path = "cluster_api/targets.rs"]
mod targets;
#[path = "cluster_api/watch.rs"]
mod watch;
