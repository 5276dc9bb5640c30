//! Logs, and every metric's name, unit and labels.
//!
//! Log messages are constant and lowercase; what varies is a field: `job`, `namespace`, `tick`, `policy`, `query`,
//! `from`, `to`, `hold`, `missing`, `error`, `elapsed`, `outcome`; and where a decision or the process itself is told: `because`,
//! `address`, `file`, `settings`, `version`. What is told about a class at a tick is in its span, [`class_at`]: `tick` and `policy`
//! stand there. There is none for a job: a fleet has tens of thousands. Metric labels come from enums and policies,
//! never from an error's text.

pub mod learned;
mod logs;
mod metrics;
mod snapshot;

pub use logs::{LogFormat, LogLevel, Logs, carried_out, class_at, decision};
pub use metrics::{Metrics, Patch, Query, ReloadOutcome};
