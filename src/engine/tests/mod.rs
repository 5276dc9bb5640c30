//! The engine through its door: worlds in, decisions out.

mod balanced;
mod course;
mod fleet;
mod holds;
mod learning;
mod properties;
mod seed;
mod totals;
pub(in crate::engine) mod world;
