//! What tests with real components share: a real Prometheus, and an exporter whose truth the test sets.

pub mod exporter;
mod program;
pub mod prometheus;
pub mod scrape;
pub mod steelyard;

pub use program::program;
