//! May this object be scaled at all, as far as it says itself? Each gate reads the small decoded object and nothing
//! else. What an object says is necessary and never sufficient: Prometheus must agree that the job runs.

mod flink;
mod plain;

use std::sync::Arc;

use super::kind::Sort;
use super::wire::{Metadata, Spec, Status};

pub(super) use flink::is_finished;

/// What an object says about being scaled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Gate {
    /// Nothing speaks against it.
    #[default]
    Open,
    /// Not now, for this reason, which passes by itself.
    Busy(Arc<str>),
    /// Not until somebody mends this.
    Shut(Arc<str>),
}

impl Gate {
    pub(super) fn why(&self) -> Option<&Arc<str>> {
        match self {
            Self::Open => None,
            Self::Busy(why) | Self::Shut(why) => Some(why),
        }
    }

    fn busy(why: impl Into<Arc<str>>) -> Result<(), Self> {
        Err(Self::Busy(why.into()))
    }

    fn shut(why: impl Into<Arc<str>>) -> Result<(), Self> {
        Err(Self::Shut(why.into()))
    }
}

/// Asks every gate of that sort of object; the first that is not open is told.
pub(super) fn gate(sort: Sort, metadata: &Metadata, spec: &Spec, status: &Status) -> Gate {
    let asked = match sort {
        Sort::FlinkDeployment => flink::pass(metadata, spec, status),
        Sort::Deployment | Sort::StatefulSet | Sort::Other => plain::pass(sort, metadata, spec, status),
        Sort::Never(why) => Gate::shut(why),
        // An autoscaler is no target.
        Sort::Rival => Ok(()),
    };
    asked.err().unwrap_or_default()
}

/// `None` is told as what it is.
fn shown(text: Option<&str>) -> &str {
    text.unwrap_or("not written yet")
}

/// The controller has seen the newest spec.
fn observed(metadata: &Metadata, seen: Option<i64>, by: &str, whose: &str) -> Result<(), Gate> {
    let newest = metadata.generation;
    match seen {
        Some(seen) if seen >= newest => Ok(()),
        Some(seen) => Gate::busy(format!(
            "{by} is {seen} and metadata.generation {newest}: {whose} has not taken the newest spec yet; where this \
             stays, see that it runs"
        )),
        None => Gate::busy(format!("{by} is not written yet: {whose} has not seen the object; see that it runs")),
    }
}
