//! What one watch has seen, and how far it can be believed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::object::Object;
use crate::engine::Timestamp;

/// For how long a broken watch is still believed. An API server that restarts is away for seconds.
const BELIEVED: Duration = Duration::from_secs(60);

/// Namespace -> name -> object: nested, so that a look-up borrows both parts of its key.
pub(super) type Objects = HashMap<Box<str>, HashMap<Box<str>, Object>>;

/// What one watch has seen.
#[derive(Debug, Default)]
pub(super) struct View {
    objects: Objects,
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
        self.objects = objects;
        self.listed = true;
    }

    pub(super) fn put(&mut self, object: (Box<str>, Box<str>, Object)) {
        insert(&mut self.objects, object);
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
        self.objects
            .iter()
            .flat_map(|(namespace, names)| names.iter().map(move |(name, object)| (&**namespace, &**name, object)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_believed_once_listed_and_for_a_minute_of_trouble() {
        let second = |seconds: i64| Timestamp::from_millis(seconds * 1000);
        let mut view = View::default();
        assert!(!view.judge(second(0)), "nothing was listed");
        assert_eq!(view.trouble().as_deref(), Some("not listed yet"));
        view.replace(Objects::default());
        assert!(view.judge(second(0)) && view.trouble().is_none());

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
