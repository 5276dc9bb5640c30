//! Reports: what happened to jobs, and how policies compare, as one HTML file that stands alone.
//!
//! The file needs no network and no script: plots are SVG that was drawn here, and the few lines of script only add what a
//! pointer asks for. A [`Report`] is made of [`Course`]s, one for each job or contender, and of [`Comparison`]s. A series is
//! kept as a [`Track`], which has a fixed size however long it becomes: what lies close together is drawn as the band that
//! it covers. Nothing is read and nothing written here: [`Report::html`] gives the text.

mod comparison;
mod course;
mod escape;
mod model;
mod page;
mod panel;
mod path;
mod quantity;
mod scale;
mod track;

#[cfg(test)]
mod tests;

pub use model::{Clock, Comparison, Course, Mark, Move, Panel, Report, Row, Series, Shape, Spread, Tone};
pub use quantity::Quantity;
pub use track::Track;
