//! What every bed stands on: processes that end with the test, addresses, components, a Prometheus, waiting.

pub mod addresses;
pub mod component;
pub mod process;
pub mod prometheus;
pub mod wait;
