//! What the tick in hand began with, handed from the source to the sink.

use std::sync::{Arc, Mutex, PoisonError};

use super::Stopwatch;
use crate::policy::PolicySet;

/// When the tick in hand began and for which policies. Clones are the same one.
///
/// It is counted from before the first question to Prometheus, not from the decision: a process that was stopped in
/// between must see that what it holds is old.
#[derive(Debug, Clone, Default)]
pub struct Sight(Arc<Mutex<Option<Begun>>>);

/// One tick's begin.
#[derive(Debug, Clone)]
pub(super) struct Begun {
    pub(super) since: Stopwatch,
    pub(super) policies: Arc<PolicySet>,
}

impl Sight {
    /// A tick begins now, for these policies.
    pub fn begin(&self, policies: &Arc<PolicySet>) {
        let begun = Begun { since: Stopwatch::start(), policies: Arc::clone(policies) };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(begun);
    }

    /// Takes the begin of the tick in hand: it is good for one tick.
    pub(super) fn take(&self) -> Option<Begun> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
