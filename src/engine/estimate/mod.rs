//! What is not read but worked out from what was read. Made for every preset: estimates are observations.

mod capacity;
mod growth;
mod level;
mod restart;

pub(super) use capacity::Capacity;
pub(super) use growth::{Growth, MIN_POINTS, growth};
pub(super) use level::Level;
pub(super) use restart::{Glance, Restarts};
