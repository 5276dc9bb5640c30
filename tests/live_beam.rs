//! The shipped policy against a real Beam pipeline that reads a real Kafka, under a real Prometheus.

#[expect(dead_code, reason = "each target that has the bed uses a part of it")]
mod bed;
#[expect(dead_code, reason = "each target that has the daemon uses a part of it")]
#[path = "support/steelyard.rs"]
mod command;
#[path = "support/component.rs"]
mod component;

#[path = "live_beam/course.rs"]
mod course;
#[path = "live_beam/demand.rs"]
mod demand;
#[path = "live_flink/learned.rs"]
mod learned;
#[path = "live_flink/watch.rs"]
mod watch;
