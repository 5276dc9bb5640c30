//! What is not read but worked out from what was read.

mod growth;

pub(super) use growth::{Growth, MIN_POINTS, growth};
