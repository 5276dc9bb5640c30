//! What is shipped for Prometheus, held by Prometheus' own promtool: the queries of `policies/`, and `deploy/prometheus`.
//!
//! No server is started. Series are made by a small model of what jobs show (`promtool/job.rs`), traps are what can happen
//! to them (`promtool/traps.rs`), and each policy says what its queries answer then, in a table of its own.

#[expect(dead_code, reason = "each target with real components uses a part of it")]
#[path = "support/component.rs"]
mod component;

#[path = "promtool/beam.rs"]
mod beam;
#[path = "promtool/deploy.rs"]
mod deploy;
#[path = "promtool/expect.rs"]
mod expect;
#[path = "promtool/flink.rs"]
mod flink;
#[path = "promtool/job.rs"]
mod job;
#[path = "promtool/monitors.rs"]
mod monitors;
#[path = "promtool/portable.rs"]
mod portable;
#[path = "promtool/queries.rs"]
mod queries;
#[path = "promtool/series.rs"]
mod series;
#[path = "promtool/traps.rs"]
mod traps;
