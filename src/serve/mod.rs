//! HTTP, read-only: health and metrics. Reads what the loop publishes, and never calls it.

mod board;
mod http;

pub use board::{Board, ClassReport, Readiness, ReloadReport, TargetReport};
pub use http::{Error, Server};
