//! May this job move at all, and which way? Gates are asked in the fixed order of [`Hold`](super::Hold); the first that is
//! shut holds.

mod backlog;
mod draining;
mod load;
mod published;
mod readings;
mod restart;

pub(super) use backlog::{Flow, flows, longest, show};
pub(super) use draining::{Wait, wait};
pub(super) use load::open;
pub(super) use published::{Direction, direction};
pub(super) use restart::{mask, rested};

use super::decision::Hold;
use super::judge::Case;

/// Asks every gate that needs nothing but the readings of the job as a whole.
pub(super) fn pass(case: &Case<'_>) -> Result<(), Hold> {
    readings::safe(case)?;
    readings::owned(case)?;
    readings::paused(case)?;
    readings::running(case)?;
    readings::fresh(case)?;
    readings::whole(case)?;
    restart::settled(case)?;
    restart::stable(case)?;
    restart::warm(case)
}
