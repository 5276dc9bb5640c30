//! What every bed stands on: processes that end with the test, addresses, a Prometheus, waiting, what lanes have in common.

pub mod addresses;
pub mod options;
pub mod process;
pub mod prometheus;
pub mod wait;
