//! What tests with real components share: a real Prometheus, and an exporter whose truth the test sets.

pub mod exporter;
pub mod prometheus;
pub mod scrape;
pub mod steelyard;
