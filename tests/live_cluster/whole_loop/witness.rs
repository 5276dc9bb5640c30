//! Who changed which count, and when: from a look at the objects a few times a second, beside everything that is tested.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::api::{Api, DynamicObject, ListParams};
use steelyard::run::Clock;
use tokio_util::task::AbortOnDropHandle;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(300);

/// One count that was seen, and since when, in epoch seconds. The first one is that of the creation.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// When it was first seen.
    pub at: f64,
    /// What the spec asked for since.
    pub replicas: u64,
    /// Which change of the spec it was.
    pub generation: i64,
}

type Seen = Arc<Mutex<BTreeMap<String, Vec<Change>>>>;

/// Sees the counts of all objects of a namespace.
#[derive(Debug)]
pub struct Witness {
    seen: Seen,
    _work: AbortOnDropHandle<()>,
}

impl Witness {
    /// Begins to look.
    pub fn start(objects: Api<DynamicObject>) -> Self {
        let seen = Seen::default();
        let write = Arc::clone(&seen);
        let clock = Clock::wall();
        let work = tokio::spawn(async move {
            let mut next = tokio::time::interval(LOOK);
            loop {
                next.tick().await;
                let Ok(list) = objects.list(&ListParams::default()).await else { continue };
                let mut seen = write.lock().unwrap_or_else(PoisonError::into_inner);
                for object in list {
                    let replicas = object.data["spec"]["taskManager"]["replicas"].as_u64().unwrap_or(0);
                    let generation = object.metadata.generation.unwrap_or_default();
                    let changes = seen.entry(object.metadata.name.unwrap_or_default()).or_default();
                    let known = changes.last().map(|change| (change.replicas, change.generation));
                    // The operator's finalizer is no change of the spec.
                    if known != Some((replicas, generation)) {
                        changes.push(Change { at: clock.now().as_seconds(), replicas, generation });
                    }
                }
            }
        });
        Self { seen, _work: AbortOnDropHandle::new(work) }
    }

    /// All changes of one object's spec.
    pub fn changes(&self, name: &str) -> Vec<Change> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned().unwrap_or_default()
    }
}
