//! What Kubernetes says, joined to what Prometheus said: the same jobs, from the other side.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, MutexGuard};

use kube::core::GroupVersionKind;

use super::kind;
use super::ledger::{Ledger, Recalled};
use super::object::{Claim, Object};
use super::targets::{Running, Targets, scopes, selects};
use super::view::View;
use super::watch::Scope;
use crate::engine::{
    ClassIndex, JobId, JobIndex, JobObservation, JobTable, Observations, Reading, Signal, Timestamp, Workers,
};
use crate::policy::{Policy, PolicySet, Target};

/// One class that has a target, at one tick.
struct Class<'a> {
    policy: &'a Policy,
    target: &'a Target,
    kind: GroupVersionKind,
    views: Vec<Seen<'a>>,
}

/// One view of a class, and whether it can be believed now.
#[derive(Clone, Copy)]
struct Seen<'a> {
    scope: &'a Scope,
    view: &'a View,
    certain: bool,
}

/// What is known of one job.
enum Known<'a> {
    There { object: &'a Object, certain: bool },
    Gone,
    Unknown,
}

impl Class<'_> {
    fn of_job(&self, job: &JobObservation) -> Known<'_> {
        let (namespace, name) = (job.id.namespace(), job.id.name());
        if !selects(self.target, namespace) {
            return Known::Gone;
        }
        let here = |seen: &&Seen<'_>| seen.scope.namespace.as_deref().is_none_or(|only| only == namespace);
        match self.views.iter().find(here) {
            None => Known::Unknown,
            Some(Seen { view, certain, .. }) => match view.get(namespace, name) {
                Some(object) if !object.leaving => Known::There { object, certain: *certain },
                None if !certain => Known::Unknown,
                _ => Known::Gone,
            },
        }
    }

    /// Whom the count is left to after a change that was not ours.
    fn others(&self, ledger: &Ledger, object: &Object, job: &mut JobObservation, at: Timestamp) -> Option<Arc<str>> {
        let hold = self.policy.conflict_hold;
        job.left_alone = ledger.left_alone(&object.uid, hold);
        ledger.conflict(&object.uid, hold, at)
    }
}

impl Targets {
    /// Adds what the cluster knows to what Prometheus said: the objects without a row join, the rows without an
    /// object leave, and each job gets its `wished`, its owners' wishes and what speaks against touching it.
    ///
    /// While a watch has not listed yet, or has been broken for more than a minute, no job leaves for want of an
    /// object, and `wished` is `QueryFailed`: doubt holds. Conflicts are judged anew, by objects. Indexes are not taken
    /// back from `jobs`, as rows of a deleted job are in Prometheus for some minutes yet.
    pub fn apply(&self, policies: &PolicySet, jobs: &mut JobTable, observations: &mut Observations, at: Timestamp) {
        let followed = self.followed();
        let mut guards = look(&followed.watches, at);
        let rivals = look(&followed.rivals, at);
        let mut ledger = self.ledger.lock();
        for change in guards.iter_mut().flat_map(|(_, view, _)| view.take_changes()) {
            ledger.changed(change, at);
        }
        ledger.forget(at);
        let mut world = World { ledger: &mut ledger, rivals: Rivals::of(&rivals), at };
        let classes = classes(policies, &guards);

        let mut known = HashSet::new();
        observations.jobs.retain_mut(|job| {
            // It was said from the rows alone, and is judged anew by objects.
            job.conflict = None;
            let Some(Some(class)) = classes.get(usize::from(job.class.0)) else { return true };
            known.insert(job.index);
            match class.of_job(job) {
                Known::There { object, certain } => world.fill(job, object, certain, class),
                Known::Unknown => job.wished = Reading::QueryFailed,
                Known::Gone => return false,
            }
            true
        });
        for (index, class) in classes.iter().enumerate() {
            let Some(class) = class else { continue };
            let index = ClassIndex(u16::try_from(index).unwrap_or(u16::MAX));
            world.join_unseen(class, index, jobs, observations, &known);
            tell_if_nothing_is_known(class, index, observations);
        }
        mark_conflicts(&classes, observations, policies);
    }

    /// Takes in what an earlier process knew of the counts, after the tick that read it back has been joined.
    ///
    /// Somebody else's change is left alone for as long as that process would have; one that came after its last tick, and
    /// that no process of ours made, from now on. Of an object that is not known for certain yet it is judged once it is.
    pub fn recall(&self, policies: &PolicySet, observations: &mut Observations, at: Timestamp) {
        let followed = self.followed();
        let guards = look(&followed.watches, at);
        let mut ledger = self.ledger.lock();
        let classes = classes(policies, &guards);
        for job in &mut observations.jobs {
            let (Some(known), Some(Some(class))) = (&job.recalled, classes.get(usize::from(job.class.0))) else {
                continue;
            };
            let recalled = Recalled { asked: known.asked, left_alone: known.left_alone };
            let name = &class.policy.plan.class;
            ledger.recall(name, &job.id, recalled);
            if let Known::There { object, certain: true } = class.of_job(job) {
                ledger.settle(name, &job.id, object, at);
                let others = class.others(&ledger, object, job, at);
                // A rival that is there now comes first.
                job.conflict = job.conflict.take().or(others);
            }
        }
    }
}

/// The classes that have a target, with what is seen of it.
fn classes<'a>(
    policies: &'a PolicySet,
    guards: &'a [(&'a Scope, MutexGuard<'a, View>, bool)],
) -> Vec<Option<Class<'a>>> {
    let views: HashMap<&Scope, Seen<'_>> =
        guards.iter().map(|(scope, view, certain)| (*scope, Seen { scope, view, certain: *certain })).collect();
    let class = |policy: &'a Policy| {
        let target = policy.target.as_ref()?;
        let kind = kind::parse(target)?;
        let views = scopes(target, &kind).iter().filter_map(|scope| views.get(scope).copied()).collect();
        Some(Class { policy, target, kind, views })
    };
    policies.policies.iter().map(class).collect()
}

/// The views of these watches, each with whether it can be believed now.
fn look(watches: &HashMap<Scope, Running>, at: Timestamp) -> Vec<(&Scope, MutexGuard<'_, View>, bool)> {
    let mut views = Vec::with_capacity(watches.len());
    for (scope, running) in watches {
        let mut view = running.view.lock();
        if running.task.is_finished() {
            view.failed("the watch ended by itself, which is a fault of ours: start Steelyard anew");
        }
        let certain = view.judge(at);
        views.push((scope, view, certain));
    }
    views
}

/// What other autoscalers say, and where nobody knows.
struct Rivals<'a> {
    /// (group, kind, namespace, name) of what is scaled -> (kind, name) of the autoscaler.
    claims: HashMap<(&'a str, &'a str, &'a str, &'a str), (&'a str, &'a str)>,
    /// Why, where it is more than that the first list is still on its way.
    doubts: Vec<(&'a Scope, Option<Arc<str>>)>,
}

impl<'a> Rivals<'a> {
    fn of(views: &'a [(&'a Scope, MutexGuard<'a, View>, bool)]) -> Self {
        let mut rivals = Self { claims: HashMap::new(), doubts: Vec::new() };
        for (scope, view, certain) in views {
            for (namespace, name, rival) in view.iter().filter(|(_, _, rival)| !rival.leaving) {
                let Some(Claim { group, kind, name: scaled }) = rival.claim() else { continue };
                rivals.claims.insert((group, kind, namespace, scaled), (&scope.kind.kind, name));
            }
            if !certain {
                rivals.doubts.push((scope, view.trouble().filter(|_| !view.is_starting())));
            }
        }
        rivals
    }

    /// Who else scales this object.
    fn claimant(&self, kind: &GroupVersionKind, job: &JobId) -> Option<Arc<str>> {
        if self.claims.is_empty() {
            return None;
        }
        let (rival, name) = self.claims.get(&(&*kind.group, &*kind.kind, job.namespace(), job.name()))?;
        Some(format!("{rival} {name}").into())
    }

    /// Whether it is not known who else scales this object, and why.
    fn doubt(&self, job: &JobId) -> Option<&(&'a Scope, Option<Arc<str>>)> {
        let here = |scope: &Scope| scope.namespace.as_deref().is_none_or(|only| only == job.namespace());
        self.doubts.iter().find(|(scope, _)| here(scope))
    }
}

/// What an object is judged by besides itself.
struct World<'a> {
    ledger: &'a mut Ledger,
    rivals: Rivals<'a>,
    at: Timestamp,
}

impl World<'_> {
    fn fill(&mut self, job: &mut JobObservation, object: &Object, certain: bool, class: &Class<'_>) {
        let wished = self.ledger.wished(object, self.at).or(object.replicas);
        let doubt = self.rivals.doubt(&job.id);
        job.wished = match wished {
            // Before the first list of other autoscalers nothing is known for certain either.
            _ if !certain || matches!(doubt, Some((_, None))) => Reading::QueryFailed,
            Some(Workers(count)) => Reading::Fresh(f64::from(count)),
            // An absent count is not 0 and not 1: nobody has said it.
            None => Reading::Missing,
        };
        // A reason that Prometheus gave is as good as ours.
        let rescaling = job.running.fresh().zip(job.wished.fresh()).is_some_and(|(runs, asked)| runs.round() != asked);
        let reason = job.unsafe_reason.take().or_else(|| object.unsafe_reason(rescaling));
        job.unsafe_reason = reason.or_else(|| {
            let (scope, why) = doubt?;
            let (kind, why) = (&scope.kind.kind, why.as_deref()?);
            Some(format!("not known whether a {kind} sets its count too: {why}").into())
        });
        if certain {
            self.ledger.settle(&class.policy.plan.class, &job.id, object, self.at);
        }
        let others = class.others(self.ledger, object, job, self.at);
        let rival = object.conflict().cloned().or_else(|| self.rivals.claimant(&class.kind, &job.id));
        job.conflict = rival.or(others);
        job.wishes = object.wishes();
        if let (Reading::Missing, None, Some(most)) =
            (job.max_parallelism, class.policy.plan.limits.max_parallelism, object.max_parallelism)
        {
            job.max_parallelism = Reading::Fresh(f64::from(most));
        }
    }

    fn join_unseen(
        &mut self,
        class: &Class<'_>,
        index: ClassIndex,
        jobs: &mut JobTable,
        observations: &mut Observations,
        known: &HashSet<JobIndex>,
    ) {
        for seen in &class.views {
            for (namespace, name, object) in seen.view.iter() {
                if object.leaving || !selects(class.target, namespace) {
                    continue;
                }
                let job = jobs.intern(&class.policy.plan.class, namespace, name);
                let Some(id) = jobs.id(job).filter(|_| !known.contains(&job)) else { continue };
                let mut job = JobObservation::unseen(job, id.clone(), index);
                self.fill(&mut job, object, seen.certain, class);
                observations.jobs.push(job);
            }
        }
    }
}

/// Where no view of a class can be believed, its `wished` failed as a query fails.
fn tell_if_nothing_is_known(class: &Class<'_>, index: ClassIndex, observations: &mut Observations) {
    if class.views.iter().any(|seen| seen.certain) {
        return;
    }
    let index = usize::from(index.0);
    if observations.classes.len() <= index {
        observations.classes.resize_with(index + 1, Default::default);
    }
    observations.classes[index].failed.insert(Signal::Wished);
}

/// A group and a kind; `None`: the class scales nothing, and decides from Prometheus alone.
type Sort<'a> = Option<(&'a str, &'a str)>;

/// Two policies that select one object: neither may move it. A kind is the same in all its versions.
///
/// This replaces what was said from the rows alone: two policies that differ in their selectors only read the rows of
/// each other's jobs, and those have left by now; and a policy that scales nothing is nobody's rival.
fn mark_conflicts(classes: &[Option<Class<'_>>], observations: &mut Observations, policies: &PolicySet) {
    let sort = |class: ClassIndex| -> Sort<'_> {
        let class = classes.get(usize::from(class.0))?.as_ref()?;
        Some((&class.kind.group, &class.kind.kind))
    };
    let mut claims: HashMap<(Sort<'_>, JobId), Vec<ClassIndex>> = HashMap::new();
    if policies.policies.len() > 1 {
        for job in &observations.jobs {
            // A job that is kept without an object claims nothing: nobody knows whether it is selected.
            let class = classes.get(usize::from(job.class.0)).and_then(Option::as_ref);
            if class.is_none_or(|class| matches!(class.of_job(job), Known::There { .. })) {
                claims.entry((sort(job.class), job.id.clone())).or_default().push(job.class);
            }
        }
        claims.retain(|_, classes| classes.len() > 1);
    }
    for job in &mut observations.jobs {
        let claimants = if claims.is_empty() { None } else { claims.get(&(sort(job.class), job.id.clone())) };
        if let Some(claimants) = claimants.filter(|claimants| claimants.contains(&job.class)) {
            let mut rivals: Vec<_> = claimants.iter().filter(|class| **class != job.class).collect();
            rivals.sort_unstable();
            let rivals = rivals.into_iter().filter_map(|class| policies.policies.get(usize::from(class.0)));
            let rivals: Vec<_> = rivals.map(|policy| format!("policy {}", policy.plan.class)).collect();
            job.conflict = Some(rivals.join(", ").into());
        }
    }
}
