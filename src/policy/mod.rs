//! Policy files: what a tenant writes, checked to the last field, and the plan and queries that come of it.
//!
//! One table of fields drives the checks, the presets, the JSON Schema and `--explain`. All problems of all files are
//! told at once, each with its place and its mend; a policy with a problem is not used. The settings of the daemon are
//! read by the same machinery, with a table of their own.

mod cross;
mod diagnostics;
mod edit;
mod explain;
pub(crate) mod fields;
pub(crate) mod files;
mod promql;
mod read;
mod resolve;
mod schema;
mod set;
pub(crate) mod shape;
pub(crate) mod source;
pub(crate) mod values;
pub(crate) mod yaml;

pub use diagnostics::{Diagnostics, Position, Problem, Severity};
pub use edit::with_fields;
pub use explain::{Explained, ExplainedField, ExplainedFrom};
pub use read::{Checked, check, load, parse};
pub use schema::schema;
pub use set::{Alternative, JoinLabels, Policy, PolicySet, Restart, SignalQuery, Target, Unit};
