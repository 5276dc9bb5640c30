//! Steelyard scales Beam jobs: it reads Prometheus, works out how many workers each streaming job needs to keep up
//! with its input and to catch up with its backlog, and sets that number through the Kubernetes scale subresource.
//!
//! ```text
//! Prometheus ─▶ signals ─▶ Observations ─▶ engine::tick ─▶ Decisions ─▶ cluster ─▶ Outcomes
//! Kubernetes ─▶ cluster ─▶   (all jobs)     ▲      (pure)                 (PATCH /scale)  │
//!                                           └─ Memories        record ◀── TickRecord ◀────┘
//! ```

pub mod cli;
pub mod cluster;
pub mod engine;
pub mod policy;
pub mod record;
pub mod report;
pub mod run;
pub mod serve;
pub mod signals;
pub mod simulate;
pub mod telemetry;
