//! Whose change was it? Our own patches and the changes that others made, so that the two are told apart.
//!
//! `managedFields` cannot tell: it names no owner of a count that was ever absent or 0, and has no time. What can is
//! the version that a patch's answer carries: a change that was seen between two versions is ours if our patch to that
//! very count lies between them. Its invariant: a change is ours only where we asked for that count.
//!
//! Where this process did not ask, as another replica scales or it had not started yet, `managedFields` is all there is:
//! what it does not call ours is left alone. What an earlier process knew is read back, and goes on from there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::object::{Author, Object};
use super::view::Change;
use crate::engine::{JobId, LeftAlone, Timestamp, Workers};

/// For how long a patch of ours, or a change of somebody else's, is remembered after it mattered last.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// A job whose count is set back again and again is left alone for twice as long each time, up to 64 times as long:
/// with half an hour that is more than a day.
const MOST_DOUBLINGS: u32 = 6;

/// What this process set, and what others changed, by the objects' uids.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    own: HashMap<Box<str>, Own>,
    others: HashMap<Box<str>, Other>,
    /// Another replica scales: its changes are not those of a stranger.
    standing_by: bool,
    /// What an earlier process knew of jobs whose objects have not been seen yet, by class and name.
    recalled: HashMap<(Arc<str>, JobId), Recalled>,
}

/// The last patch of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Own {
    from: Workers,
    to: Workers,
    at: Timestamp,
    /// `None`: it was sent, and no answer came; it may have been carried out.
    version: Option<u64>,
    /// Whether the watch has come as far.
    seen: bool,
}

/// The last change by somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Other {
    /// `None`: an earlier process saw it, and said no more than until when.
    from: Option<Workers>,
    to: Workers,
    at: Timestamp,
    version: u64,
    /// How often in a row what we had set was taken back.
    reverts: u32,
    /// As an earlier process said it.
    until: Option<Timestamp>,
}

/// What an earlier process knew of one job's count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Recalled {
    /// What the spec asked for at its last tick.
    pub(super) asked: Option<Workers>,
    pub(super) left_alone: Option<LeftAlone>,
}

/// One ledger between the ticks and the writer. Neither holds it across an await.
#[derive(Debug, Clone, Default)]
pub(super) struct Shared(Arc<Mutex<Ledger>>);

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Ledger> {
        // Every change below is whole at each of its steps.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    /// Notes a patch before it is sent: from now on its effect may be seen.
    pub(super) fn sending(&mut self, uid: &str, from: Workers, to: Workers, at: Timestamp) {
        self.own.insert(uid.into(), Own { from, to, at, version: None, seen: false });
    }

    /// It was carried out, at that version; `None`: the answer named none that can be compared.
    pub(super) fn carried_out(&mut self, uid: &str, version: Option<u64>) {
        if let Some(own) = self.own.get_mut(uid) {
            own.version = version;
        }
    }

    /// It was refused for certain: nothing of it will be seen.
    pub(super) fn refused(&mut self, uid: &str) {
        self.own.remove(uid);
    }

    /// Whether another replica scales at present.
    pub(super) fn stand_by(&mut self, standing_by: bool) {
        self.standing_by = standing_by;
    }

    /// Takes in a change that a watch has seen.
    pub(super) fn changed(&mut self, change: Change, at: Timestamp) {
        let Change { uid, from, to, after, version, by } = change;
        if let Some(own) = self.own.get_mut(&uid).filter(|own| own.is(to, after, version)) {
            own.seen = true;
            return;
        }
        if self.standing_by && by == Author::Us {
            // The replica that leads set it. Whether somebody takes it back is known here too.
            let version = Some(version).filter(|version| *version > 0);
            self.own.insert(uid, Own { from, to, at, version, seen: true });
            return;
        }
        self.note(uid, from, to, version, at);
    }

    /// The count that is asked for: what the object says, or what we set since that look at it. Notes where what we set
    /// is gone by the time it could be seen: a list may skip what lies between.
    pub(super) fn wished(&mut self, object: &Object, at: Timestamp) -> Option<Workers> {
        let own = self.own.get_mut(&object.uid)?;
        let version = own.version.filter(|_| !own.seen)?;
        if object.version < version {
            return Some(own.to);
        }
        own.seen = true;
        let to = own.to;
        let pardoned = self.standing_by && object.by == Author::Us;
        if let Some(now) = object.replicas.filter(|now| *now != to && !pardoned) {
            self.note(object.uid.clone(), to, now, object.version, at);
        }
        None
    }

    fn note(&mut self, uid: Box<str>, from: Workers, to: Workers, version: u64, at: Timestamp) {
        if self.others.get(&uid).is_some_and(|known| known.to == to && known.version == version) {
            return;
        }
        let taken_back = self.own.get(&uid).is_some_and(|own| own.to == from && own.from == to);
        let before = self.others.get(&uid).map_or(0, |other| other.reverts);
        let reverts = if taken_back { before + 1 } else { 0 };
        self.others.insert(uid, Other { from: Some(from), to, at, version, reverts, until: None });
    }

    /// Takes in what an earlier process knew of a job.
    pub(super) fn recall(&mut self, class: &Arc<str>, job: &JobId, recalled: Recalled) {
        self.recalled.insert((Arc::clone(class), job.clone()), recalled);
    }

    /// The object of a job is known for certain: what was recalled of it is compared with it, once.
    pub(super) fn settle(&mut self, class: &Arc<str>, job: &JobId, object: &Object, at: Timestamp) {
        if self.recalled.is_empty() {
            return;
        }
        let Some(Recalled { asked, left_alone }) = self.recalled.remove(&(Arc::clone(class), job.clone())) else {
            return;
        };
        // What this process has seen itself is newer.
        let (false, Some(to)) = (self.others.contains_key(&object.uid), object.replicas) else { return };
        let version = object.version;
        let before = asked.filter(|asked| *asked != to && object.by != Author::Us);
        let other = match (before, left_alone) {
            // Nobody saw it, so it is not known whether ours was taken back.
            (Some(from), _) => Other { from: Some(from), to, at, version, reverts: 0, until: None },
            (None, Some(LeftAlone { until, reverts })) => {
                Other { from: None, to, at: until.min(at), version, reverts, until: Some(until) }
            }
            (None, None) => return,
        };
        self.others.insert(object.uid.clone(), other);
    }

    /// What is to be known of somebody else's last change by a process that comes after this one.
    pub(super) fn left_alone(&self, uid: &str, hold: Duration) -> Option<LeftAlone> {
        self.others.get(uid).map(|other| LeftAlone { until: other.until(hold), reverts: other.reverts })
    }

    /// Who must be left alone with an object for now, as the reason to hold. `hold`: after one change.
    pub(super) fn conflict(&self, uid: &str, hold: Duration, at: Timestamp) -> Option<Arc<str>> {
        let other = self.others.get(uid)?;
        let until = other.until(hold);
        (at < until).then(|| other.told(until).into())
    }

    /// Forgets what is long over.
    pub(super) fn forget(&mut self, at: Timestamp) {
        self.own.retain(|_, own| at.since(own.at) < KEPT);
        self.others.retain(|_, other| at.since(other.at) < KEPT * 2_u32.pow(other.reverts.min(1)));
    }
}

impl Other {
    fn until(&self, hold: Duration) -> Timestamp {
        let doublings = self.reverts.saturating_sub(1).min(MOST_DOUBLINGS);
        self.until.unwrap_or_else(|| self.at.plus(hold * 2_u32.pow(doublings)))
    }

    /// Who it was, for people.
    fn told(&self, until: Timestamp) -> String {
        let Self { from, to, reverts, .. } = self;
        let what = match (from, reverts) {
            (Some(from), 0) => format!("changed its count from {from} to {to}"),
            (Some(from), _) => format!("took our {from} back to {to}"),
            (None, 0) => "changed its count before this process started".to_owned(),
            (None, _) => "took our count back before this process started".to_owned(),
        };
        match reverts {
            0 => format!("whoever {what} (left alone until {until})"),
            1 => format!("whoever {what} (left alone until {until}; a GitOps tool must ignore the count)"),
            _ => format!(
                "whoever {what}, for the {reverts}. time (left alone until {until}; a GitOps tool must ignore the count)"
            ),
        }
    }
}

impl Own {
    /// Whether a change to that count between those versions is this patch.
    fn is(&self, to: Workers, after: u64, version: u64) -> bool {
        let within = |own: u64| version == 0 || (after < own && own <= version);
        self.to == to && self.version.is_none_or(within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Duration = Duration::from_secs(1800);

    fn second(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn change(from: u32, to: u32, after: u64, version: u64) -> Change {
        Change { uid: "u".into(), from: Workers(from), to: Workers(to), after, version, by: Author::Other }
    }

    fn object(count: u32, version: u64, by: Author) -> Object {
        let json = serde_json::json!({"metadata": {"name": "orders", "uid": "u"}, "spec": {"replicas": count}});
        let kind = kube::core::GroupVersionKind::gvk("apps", "v1", "Deployment");
        let (_, _, mut object) = Object::of_wire(serde_json::from_value(json).unwrap(), &kind);
        (object.version, object.by) = (version, by);
        object
    }

    /// Ours from 3 to 5 at version 20.
    fn patched() -> Ledger {
        let mut ledger = Ledger::default();
        ledger.sending("u", Workers(3), Workers(5), second(0));
        ledger.carried_out("u", Some(20));
        ledger
    }

    fn conflict(ledger: &Ledger, at: i64) -> String {
        ledger.conflict("u", HOLD, second(at)).as_deref().unwrap_or_default().to_owned()
    }

    #[test]
    fn a_change_is_ours_where_our_patch_lies_between_the_looks() {
        for (name, change, ours) in [
            ("seen as it was made", change(3, 5, 10, 20), true),
            ("seen with later changes of other fields", change(3, 5, 10, 25), true),
            ("to another count", change(3, 4, 10, 20), false),
            ("the same count before us", change(3, 5, 10, 19), false),
            ("the same count after us", change(3, 5, 20, 30), false),
            ("versions that are no numbers", change(3, 5, 0, 0), true),
        ] {
            let mut ledger = patched();
            ledger.changed(change, second(15));
            assert_eq!(conflict(&ledger, 16).is_empty(), ours, "{name}: {}", conflict(&ledger, 16));
        }
        let mut ledger = Ledger::default();
        ledger.changed(change(3, 5, 10, 20), second(15));
        assert!(conflict(&ledger, 16).contains("changed its count from 3 to 5"));
    }

    #[test]
    fn a_patch_without_an_answer_may_have_been_carried_out_and_a_refused_one_was_not() {
        let mut ledger = Ledger::default();
        ledger.sending("u", Workers(3), Workers(5), second(0));
        ledger.changed(change(3, 5, 10, 20), second(15));
        assert_eq!(conflict(&ledger, 16), "");
        ledger.refused("u");
        ledger.changed(change(5, 6, 20, 21), second(30));
        assert!(conflict(&ledger, 31).contains("from 5 to 6"));
    }

    #[test]
    fn others_are_left_alone_for_a_while_and_longer_where_they_take_ours_back() {
        let mut ledger = Ledger::default();
        ledger.changed(change(3, 9, 1, 2), second(0));
        assert!(!conflict(&ledger, 1799).is_empty());
        assert_eq!(conflict(&ledger, 1800), "");

        let mut ledger = patched();
        ledger.changed(change(3, 5, 10, 20), second(15));
        ledger.changed(change(5, 3, 20, 21), second(60));
        assert!(conflict(&ledger, 61).contains("took our 5 back to 3 (left"), "{}", conflict(&ledger, 61));
        assert_eq!(conflict(&ledger, 1860), "");
        ledger.sending("u", Workers(3), Workers(5), second(1900));
        ledger.carried_out("u", Some(30));
        ledger.changed(change(5, 3, 30, 31), second(1960));
        assert!(conflict(&ledger, 1960 + 3599).contains("for the 2. time"));
        assert_eq!(conflict(&ledger, 1960 + 3600), "");
    }

    #[test]
    fn two_watches_that_see_one_change_see_one() {
        let mut ledger = patched();
        for _ in 0..2 {
            ledger.changed(change(5, 3, 20, 21), second(60));
        }
        assert!(conflict(&ledger, 61).contains("back to 3 (left"), "{}", conflict(&ledger, 61));
    }

    #[test]
    fn another_replicas_changes_are_not_a_strangers() {
        for (by, pardoned) in [(Author::Us, true), (Author::Other, false), (Author::Unknown, false)] {
            let mut ledger = Ledger::default();
            ledger.stand_by(true);
            ledger.changed(Change { by, ..change(3, 5, 1, 2) }, second(0));
            assert_eq!(conflict(&ledger, 1).is_empty(), pardoned, "{by:?}");
            ledger.stand_by(false);
            ledger.changed(Change { by, ..change(5, 6, 2, 3) }, second(15));
            assert!(!conflict(&ledger, 16).is_empty(), "who leads knows its own changes: {by:?}");
        }
        // Before it stood by it had set 5 itself, and the answer came before the watch.
        for (by, pardoned) in [(Author::Us, true), (Author::Other, false)] {
            let mut ledger = patched();
            ledger.stand_by(true);
            assert_eq!(ledger.wished(&object(7, 30, by), second(15)), None);
            assert_eq!(conflict(&ledger, 16).is_empty(), pardoned, "{by:?}");
        }
    }

    #[test]
    fn what_an_earlier_process_knew_goes_on_and_what_it_missed_begins() {
        let left = |until: i64, reverts| Some(LeftAlone { until: second(until), reverts });
        let (us, other, unknown) = (Author::Us, Author::Other, Author::Unknown);
        for (name, asked, left_alone, now, said, until) in [
            ("nothing was known", None::<u32>, None, (5, other), "", 0),
            ("nothing happened", Some(5), None, (5, other), "", 0),
            ("it is left alone", Some(5), left(200, 0), (5, other), "changed its count before this process", 200),
            ("ours was taken back", Some(5), left(200, 1), (5, other), "took our count back before", 200),
            ("again and again", Some(5), left(200, 4), (5, other), "for the 4. time", 200),
            ("its time is over", Some(5), left(90, 1), (5, other), "", 0),
            ("somebody came meanwhile", Some(3), None, (5, other), "changed its count from 3 to 5", 100 + 1800),
            ("and that is newer", Some(3), left(200, 2), (5, other), "changed its count from 3 to 5", 100 + 1800),
            ("one of ours came meanwhile", Some(3), None, (5, us), "", 0),
            ("nobody says who it was", Some(3), None, (5, unknown), "changed its count from 3 to 5", 100 + 1800),
        ] {
            let mut ledger = Ledger::default();
            let (class, job) = ("beam".into(), JobId::new("streaming", "orders"));
            ledger.recall(&class, &job, Recalled { asked: asked.map(Workers), left_alone });
            let (count, by) = now;
            for at in [100, 115] {
                ledger.settle(&class, &job, &object(count, 40, by), second(at));
            }
            assert!(conflict(&ledger, 100).contains(said), "{name}: {}", conflict(&ledger, 100));
            assert_eq!(conflict(&ledger, 100).is_empty(), said.is_empty(), "{name}");
            if until > 0 {
                assert!(!conflict(&ledger, until - 1).is_empty(), "{name}");
                assert_eq!(conflict(&ledger, until), "", "{name}");
                assert_eq!(ledger.left_alone("u", HOLD).unwrap().until, second(until), "{name}");
            }
        }
    }

    #[test]
    fn a_value_that_is_taken_back_is_left_alone_longer_after_a_restart_too() {
        let mut ledger = Ledger::default();
        let (class, job) = ("beam".into(), JobId::new("streaming", "orders"));
        let left_alone = Some(LeftAlone { until: second(90), reverts: 1 });
        ledger.recall(&class, &job, Recalled { asked: Some(Workers(3)), left_alone });
        ledger.settle(&class, &job, &object(3, 40, Author::Other), second(100));
        ledger.sending("u", Workers(3), Workers(5), second(115));
        ledger.carried_out("u", Some(50));
        ledger.changed(change(3, 5, 40, 50), second(130));
        ledger.changed(change(5, 3, 50, 60), second(145));
        assert!(conflict(&ledger, 145 + 3599).contains("for the 2. time"), "{}", conflict(&ledger, 146));
        assert_eq!(conflict(&ledger, 145 + 3600), "");
        assert_eq!(ledger.left_alone("u", HOLD), Some(LeftAlone { until: second(145 + 3600), reverts: 2 }));
    }

    #[test]
    fn what_is_long_over_is_forgotten() {
        let mut ledger = patched();
        ledger.changed(change(5, 3, 20, 21), second(60));
        ledger.forget(second(3 * 24 * 3600));
        assert!(ledger.own.is_empty() && ledger.others.is_empty());
    }
}
