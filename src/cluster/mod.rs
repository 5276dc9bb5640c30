//! What Kubernetes says about the targets of the policies.
//!
//! It owns the connection to the API server and one watch per distinct (kind, namespace, selector); it refuses to
//! hold whole objects, to GET `/scale`, and to write anything. Its invariant: what the cluster did not say for
//! certain is `QueryFailed` on the job, never an absent job and never a zero.

mod annotations;
mod connect;
mod error;
mod glob;
mod join;
mod kind;
mod object;
mod targets;
mod view;
mod watch;
mod wire;

pub use connect::{Connection, connect};
pub use error::Error;
pub use object::Object;
pub use targets::{Targets, Trouble};
