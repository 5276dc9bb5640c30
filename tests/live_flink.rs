//! The shipped policy against real Flink jobs under a real Prometheus, whose truth is known to the last record.

#[expect(dead_code, reason = "each target that has the bed uses a part of it")]
mod bed;
#[expect(dead_code, reason = "each target that has the daemon uses a part of it")]
#[path = "support/steelyard.rs"]
mod command;
#[path = "support/component.rs"]
mod component;

#[path = "live_flink/demand.rs"]
mod demand;
#[path = "live_flink/faults.rs"]
mod faults;
#[path = "live_flink/learned.rs"]
mod learned;
#[path = "live_flink/load.rs"]
mod load;
#[path = "live_flink/processes.rs"]
mod processes;
#[path = "live_flink/watch.rs"]
mod watch;
