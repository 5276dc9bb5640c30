//! HTTP, read-only: health and metrics. Reads what the loop publishes, and never calls it.

mod board;
mod http;

pub use board::{ActReport, Board, ClassReport, LeaseReport, Readiness, ReloadReport, TargetReport};
pub use http::{Error, Server};
