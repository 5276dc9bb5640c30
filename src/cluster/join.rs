//! What Kubernetes says, joined to what Prometheus said: the same jobs, from the other side.

use std::collections::{HashMap, HashSet};
use std::sync::MutexGuard;

use kube::core::GroupVersionKind;

use super::kind;
use super::object::Object;
use super::targets::{Targets, scopes, selects};
use super::view::View;
use super::watch::Scope;
use crate::engine::{ClassIndex, JobId, JobIndex, JobObservation, JobTable, Observations, Reading, Signal, Timestamp};
use crate::policy::{PolicySet, Target};

/// One class that has a target, at one tick.
struct Class<'a> {
    name: &'a std::sync::Arc<str>,
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
                Some(object) if !object.deleting => Known::There { object, certain: *certain },
                None if !certain => Known::Unknown,
                _ => Known::Gone,
            },
        }
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
        let mut guards: Vec<(&Scope, MutexGuard<'_, View>, bool)> = Vec::new();
        for (scope, running) in &self.watches {
            let mut view = running.view.lock();
            if running.task.is_finished() {
                view.failed("the watch ended by itself, which is a fault of ours: start Steelyard anew");
            }
            let certain = view.judge(at);
            guards.push((scope, view, certain));
        }
        let views: HashMap<&Scope, Seen<'_>> =
            guards.iter().map(|(scope, view, certain)| (*scope, Seen { scope, view, certain: *certain })).collect();
        let classes: Vec<Option<Class<'_>>> = policies
            .policies
            .iter()
            .map(|policy| {
                let target = policy.target.as_ref()?;
                let kind = kind::parse(target)?;
                let views = scopes(target, &kind).iter().filter_map(|scope| views.get(scope).copied()).collect();
                Some(Class { name: &policy.plan.class, target, kind, views })
            })
            .collect();

        let mut known = HashSet::new();
        observations.jobs.retain_mut(|job| {
            let Some(Some(class)) = classes.get(usize::from(job.class.0)) else { return true };
            known.insert(job.index);
            match class.of_job(job) {
                Known::There { object, certain } => fill(job, object, certain, &class.kind),
                Known::Unknown => job.wished = Reading::QueryFailed,
                Known::Gone => return false,
            }
            true
        });
        for (index, class) in classes.iter().enumerate() {
            let Some(class) = class else { continue };
            let index = ClassIndex(u16::try_from(index).unwrap_or(u16::MAX));
            join_unseen(class, index, jobs, observations, &known);
            tell_if_nothing_is_known(class, index, observations);
        }
        mark_conflicts(&classes, observations, policies);
    }
}

fn fill(job: &mut JobObservation, object: &Object, certain: bool, kind: &GroupVersionKind) {
    job.wished = if certain { object.wished() } else { Reading::QueryFailed };
    // A reason that Prometheus gave is as good as ours.
    job.unsafe_reason = job.unsafe_reason.take().or_else(|| object.unsafe_reason(kind));
    job.wishes = object.wishes();
}

fn join_unseen(
    class: &Class<'_>,
    index: ClassIndex,
    jobs: &mut JobTable,
    observations: &mut Observations,
    known: &HashSet<JobIndex>,
) {
    for seen in &class.views {
        for (namespace, name, object) in seen.view.iter() {
            if object.deleting || !selects(class.target, namespace) {
                continue;
            }
            let job = jobs.intern(class.name, namespace, name);
            let Some(id) = jobs.id(job).filter(|_| !known.contains(&job)) else { continue };
            let mut job = JobObservation::unseen(job, id.clone(), index);
            fill(&mut job, object, seen.certain, &class.kind);
            observations.jobs.push(job);
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
        job.conflict = claimants.filter(|claimants| claimants.contains(&job.class)).map(|claimants| {
            let mut rivals: Vec<_> = claimants.iter().filter(|class| **class != job.class).collect();
            rivals.sort_unstable();
            let rivals = rivals.into_iter().filter_map(|class| policies.policies.get(usize::from(class.0)));
            rivals.map(|policy| format!("policy {}", policy.plan.class)).collect::<Vec<_>>().join(", ").into()
        });
    }
}
