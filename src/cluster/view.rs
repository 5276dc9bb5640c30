//! What one watch has seen, and how far it can be believed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::object::{Author, Object};
use crate::engine::{Timestamp, Workers};

/// For how long a broken watch is still believed. An API server that restarts is away for seconds.
const BELIEVED: Duration = Duration::from_secs(60);

/// Namespace -> name -> object: nested, so that a look-up borrows both parts of its key.
pub(super) type Objects = HashMap<Box<str>, HashMap<Box<str>, Object>>;

/// A count that changed between two looks at one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) uid: Box<str>,
    pub(super) from: Workers,
    pub(super) to: Workers,
    /// The versions of the two looks: it happened after the first, and at the second at the latest.
    pub(super) after: u64,
    pub(super) version: u64,
    pub(super) by: Author,
}

/// What one watch has seen.
#[derive(Debug, Default)]
pub(super) struct View {
    objects: Objects,
    /// Since they were last taken, in their order.
    changes: Vec<Change>,
    listed: bool,
    trouble: Option<Arc<str>>,
    // Noted at ticks: time is handed in, and a tick is as fine as anything here is used.
    since: Option<Timestamp>,
}

/// One view between its watch and the ticks. Neither holds it across an await.
#[derive(Debug, Clone, Default)]
pub(super) struct Shared(Arc<Mutex<View>>);

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, View> {
        // Every change below is whole at each of its steps, so a panic elsewhere does not spoil the view.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn insert(objects: &mut Objects, (namespace, name, object): (Box<str>, Box<str>, Object)) {
    objects.entry(namespace).or_default().insert(name, object);
}

impl View {
    /// A list has come to its end: what is not in it is gone.
    pub(super) fn replace(&mut self, objects: Objects) {
        for (namespace, name, now) in pairs(&objects) {
            self.changes.extend(self.get(namespace, name).and_then(|before| change(before, now)));
        }
        self.objects = objects;
        self.listed = true;
    }

    pub(super) fn put(&mut self, (namespace, name, now): (Box<str>, Box<str>, Object)) {
        self.changes.extend(self.get(&namespace, &name).and_then(|before| change(before, &now)));
        insert(&mut self.objects, (namespace, name, now));
    }

    /// The counts that changed since this was last asked.
    pub(super) fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    pub(super) fn remove(&mut self, namespace: &str, name: &str) {
        if let Some(names) = self.objects.get_mut(namespace) {
            names.remove(name);
            if names.is_empty() {
                self.objects.remove(namespace);
            }
        }
    }

    /// The API server answered. Says whether there was trouble before.
    pub(super) fn well(&mut self) -> bool {
        self.since = None;
        self.trouble.take().is_some()
    }

    /// Says whether this trouble is news.
    pub(super) fn failed(&mut self, why: &str) -> bool {
        let news = self.trouble.as_deref() != Some(why);
        self.trouble = Some(why.into());
        news
    }

    pub(super) fn trouble(&self) -> Option<Arc<str>> {
        match &self.trouble {
            None if !self.listed => Some("not listed yet".into()),
            trouble => trouble.clone(),
        }
    }

    /// Whether nothing was heard yet, good or bad: the first list is on its way.
    pub(super) fn is_starting(&self) -> bool {
        !self.listed && self.trouble.is_none()
    }

    /// Whether what is not here is certainly not there, as of this tick.
    pub(super) fn judge(&mut self, at: Timestamp) -> bool {
        let broken_for = match self.trouble {
            Some(_) => at.since(*self.since.get_or_insert(at)),
            None => Duration::ZERO,
        };
        self.listed && broken_for <= BELIEVED
    }

    pub(super) fn get(&self, namespace: &str, name: &str) -> Option<&Object> {
        self.objects.get(namespace)?.get(name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str, &Object)> {
        pairs(&self.objects)
    }
}

fn pairs(objects: &Objects) -> impl Iterator<Item = (&str, &str, &Object)> {
    objects
        .iter()
        .flat_map(|(namespace, names)| names.iter().map(move |(name, object)| (&**namespace, &**name, object)))
}

/// A count that was not there before, or is not there now, is no change of a count.
fn change(before: &Object, now: &Object) -> Option<Change> {
    let (from, to) = (before.replicas?, now.replicas?);
    let same = before.uid == now.uid;
    let change = || {
        let (after, version) = (before.version, now.version);
        Change { uid: now.uid.clone(), from, to, after, version, by: now.by }
    };
    (same && from != to).then(change)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_believed_once_listed_and_for_a_minute_of_trouble() {
        let second = |seconds: i64| Timestamp::from_millis(seconds * 1000);
        let mut view = View::default();
        assert!(!view.judge(second(0)) && view.is_starting(), "nothing was listed");
        assert_eq!(view.trouble().as_deref(), Some("not listed yet"));
        view.replace(Objects::default());
        assert!(view.judge(second(0)) && view.trouble().is_none());

        assert!(!view.is_starting());
        assert!(view.failed("refused") && !view.failed("refused") && view.failed("reset"));
        assert!(view.judge(second(100)), "the first tick that sees it");
        assert!(view.judge(second(160)), "a minute later");
        assert!(!view.judge(second(161)));
        assert!(view.well() && !view.well());
        assert!(view.judge(second(162)));

        view.failed("refused");
        assert!(view.judge(second(170)), "new trouble has its own minute");
    }
}
