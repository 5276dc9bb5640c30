//! Who is scaled: names, and the small integers that stand for them inside one process.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A number of workers (TaskManagers, executors, replicas: what the scale subresource counts).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Workers(pub u32);

impl fmt::Display for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A job's name: namespace and name of the object that is scaled, or of the series where there is none.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(Arc<(Box<str>, Box<str>)>);

impl JobId {
    /// The job of that name.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self(Arc::new((namespace.into(), name.into())))
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.0.0
    }

    /// The name within the namespace.
    pub fn name(&self) -> &str {
        &self.0.1
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace(), self.name())
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A position in [`Plans::classes`](super::Plans::classes). It may change when policies are reloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ClassIndex(pub u16);

/// Stands for one job of one class, as long as this process knows the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct JobIndex(pub u32);

/// Hands out a [`JobIndex`] for each (class, namespace, name), and takes it back when the job has left.
///
/// Look-ups borrow their key: a tick that sees only known jobs allocates nothing here. An index that was taken
/// back is handed out again, so forget a job's [`Memories`](super::Memories) first: `engine::tick` does when an
/// Observation no longer names it.
#[derive(Debug, Default)]
pub struct JobTable {
    slots: Vec<Option<Entry>>,
    free: Vec<JobIndex>,
    /// Class name -> namespace -> name -> index: nested so that a look-up borrows every part of its key.
    index: HashMap<Arc<str>, HashMap<Box<str>, ByName>>,
}

type ByName = HashMap<Box<str>, JobIndex>;

#[derive(Debug, Clone)]
struct Entry {
    class: Arc<str>,
    id: JobId,
}

impl JobTable {
    /// The index of that job, a new one where it was not known.
    pub fn intern(&mut self, class: &Arc<str>, namespace: &str, name: &str) -> JobIndex {
        if let Some(known) = self.get(class, namespace, name) {
            return known;
        }
        let entry = Entry { class: Arc::clone(class), id: JobId::new(namespace, name) };
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            JobIndex(u32::try_from(self.slots.len() - 1).expect("fewer than four billion jobs"))
        });
        self.slots[index.0 as usize] = Some(entry);
        self.index
            .entry(Arc::clone(class))
            .or_default()
            .entry(namespace.into())
            .or_default()
            .insert(name.into(), index);
        index
    }

    /// The index of that job, if it is known.
    pub fn get(&self, class: &str, namespace: &str, name: &str) -> Option<JobIndex> {
        self.index.get(class)?.get(namespace)?.get(name).copied()
    }

    /// The name behind an index, if it stands for a job.
    pub fn id(&self, index: JobIndex) -> Option<&JobId> {
        self.slots.get(index.0 as usize)?.as_ref().map(|entry| &entry.id)
    }

    /// The class of the job behind an index.
    pub fn class(&self, index: JobIndex) -> Option<&Arc<str>> {
        self.slots.get(index.0 as usize)?.as_ref().map(|entry| &entry.class)
    }

    /// Takes an index back: its job has left.
    pub fn retire(&mut self, index: JobIndex) {
        let Some(entry) = self.slots.get_mut(index.0 as usize).and_then(Option::take) else { return };
        if let Some(namespaces) = self.index.get_mut(&*entry.class)
            && let Some(names) = namespaces.get_mut(entry.id.namespace())
        {
            names.remove(entry.id.name());
            if names.is_empty() {
                namespaces.remove(entry.id.namespace());
            }
        }
        self.free.push(index);
    }

    /// One more than the largest index ever handed out: the length of a column indexed by job.
    pub fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// How many jobs are known now.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether no job is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_stands_for_one_job_of_one_class_until_it_leaves() {
        let (beam, flink) = (Arc::from("beam"), Arc::from("flink"));
        let mut table = JobTable::default();
        let orders = table.intern(&beam, "streaming", "orders");
        assert_eq!(table.intern(&beam, "streaming", "orders"), orders);
        let other_class = table.intern(&flink, "streaming", "orders");
        assert_ne!(other_class, orders);
        assert_eq!(table.id(orders).unwrap().to_string(), "streaming/orders");

        table.retire(orders);
        assert_eq!(table.id(orders), None);
        assert_eq!(table.get("beam", "streaming", "orders"), None);
        assert_eq!(table.len(), 1);
        assert_eq!(table.intern(&beam, "streaming", "payments"), orders, "a free index is used again");
        assert_eq!(table.capacity(), 2);
        table.retire(JobIndex(99));
        assert_eq!(table.len(), 2);
    }
}
