//! What Kubernetes says about the targets of the policies, and what is done to them.
//!
//! It owns the connection to the API server and one watch per distinct (kind, namespace, selector); it refuses to
//! hold whole objects, to GET `/scale`, and to write anything but PATCH `/scale` and Events. Its invariants: what the
//! cluster did not say for certain is `QueryFailed` on the job, never an absent job and never a zero; and nothing is
//! written without a [`Fence`]'s leave.

mod annotations;
mod connect;
mod error;
mod events;
mod fence;
mod gates;
mod glob;
mod join;
mod kind;
mod lease;
mod ledger;
mod lenient;
mod object;
mod options;
mod patch;
mod rbac;
mod scale;
mod targets;
mod view;
mod watch;
mod wire;

pub use connect::{Connection, connect};
pub use error::Error;
pub use events::{Announcement, Events, Written};
pub use fence::{Fence, Fenced};
pub use lease::{Candidate, Leadership, stand};
pub use object::Object;
pub use rbac::{Account, rbac};
pub use scale::{Order, Outcome, Scaler};
pub use targets::{Targets, Trouble};
