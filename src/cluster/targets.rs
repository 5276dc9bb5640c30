//! The targets of all policies: which watches there are.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kube::Client;
use kube::core::GroupVersionKind;
use kube::discovery::ApiResource;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::error::Error;
use super::glob;
use super::kind::{self, Known, discover_once};
use super::ledger;
use super::object::Object;
use super::view::Shared;
use super::watch::{Scope, Watch};
use crate::policy::{PolicySet, Target};

/// What Kubernetes says about the targets of the policies, kept current in the background until the last clone of it
/// is dropped.
#[derive(Clone)]
pub struct Targets {
    pub(super) client: Client,
    pub(super) ledger: ledger::Shared,
    followed: Arc<Mutex<Followed>>,
}

/// What is watched.
#[derive(Default)]
pub(super) struct Followed {
    kinds: HashMap<GroupVersionKind, Arc<Known>>,
    pub(super) watches: HashMap<Scope, Running>,
    /// Other autoscalers where the targets are.
    pub(super) rivals: HashMap<Scope, Running>,
}

pub(super) struct Running {
    pub(super) view: Shared,
    pub(super) task: AbortOnDropHandle<()>,
    pub(super) settled: watch::Receiver<bool>,
}

/// Why something is not known about some targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Which objects, for people: `FlinkDeployment in all namespaces`.
    pub scope: String,
    /// Why, and the mend where it is known.
    pub why: Arc<str>,
}

impl Targets {
    /// Starts a watch for each distinct (kind, namespace, selector) of the policies that have a target.
    ///
    /// # Errors
    /// A kind that the cluster does not have, that cannot be scaled, or that is in no namespace. An API server that
    /// does not answer, or not yet, or not us, is no error: it is asked again in the background.
    pub async fn start(client: Client, policies: &PolicySet) -> Result<Self, Error> {
        let mut targets = Self { client, ledger: ledger::Shared::default(), followed: Arc::default() };
        targets.follow(policies).await?;
        Ok(targets)
    }

    pub(super) fn followed(&self) -> MutexGuard<'_, Followed> {
        // It is exchanged as a whole, at the end of `follow`.
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on with other policies, after a reload: watches that they still need run on untouched.
    ///
    /// # Errors
    /// As for [`start`](Self::start); then nothing has changed.
    pub async fn follow(&mut self, policies: &PolicySet) -> Result<(), Error> {
        let mut kinds = HashMap::new();
        let mut wanted = Vec::new();
        let mut rivals = Vec::new();
        for policy in &policies.policies {
            let Some(target) = &policy.target else { continue };
            let Some(kind) = kind::parse(target) else {
                let (policy, api_version) = (policy.plan.class.to_string(), target.api_version.clone());
                return Err(Error::ApiVersion { policy, api_version });
            };
            if !kinds.contains_key(&kind) {
                let known = self.followed().kinds.get(&kind).cloned().unwrap_or_default();
                if let Err(unusable) = discover_once(&known, &self.client, &kind).await
                    && let Some(error) = unusable.fatal(policy, target)
                {
                    return Err(error);
                }
                kinds.insert(kind.clone(), known);
            }
            wanted.extend(scopes(target, &kind));
            rivals.extend(kind::rivals().iter().flat_map(|rival| rival_scopes(target, rival)));
        }
        let mut followed = self.followed();
        for kind in kind::rivals() {
            // Asked for by its watches: nothing here waits for what may not be there.
            let known = followed.kinds.get(&kind).cloned().unwrap_or_default();
            kinds.insert(kind, known);
        }
        let Followed { watches, rivals: old_rivals, .. } = &mut *followed;
        let watches = self.go_on(watches, wanted, &kinds);
        let rivals = self.go_on(old_rivals, rivals, &kinds);
        *followed = Followed { kinds, watches, rivals };
        Ok(())
    }

    fn go_on(
        &self,
        old: &mut HashMap<Scope, Running>,
        wanted: Vec<Scope>,
        kinds: &HashMap<GroupVersionKind, Arc<Known>>,
    ) -> HashMap<Scope, Running> {
        let mut watches = HashMap::new();
        for scope in wanted {
            let running = old.remove(&scope).or_else(|| watches.remove(&scope));
            let running = running.unwrap_or_else(|| self.spawn(&scope, &kinds[&scope.kind]));
            watches.insert(scope, running);
        }
        watches
    }

    /// Waits until every watch has its first list, or a first reason why it has none: somewhat over a
    /// minute at most, where nobody answers at all.
    pub async fn settled(&self) {
        let all: Vec<_> = {
            let followed = self.followed();
            followed.watches.values().chain(followed.rivals.values()).map(|running| running.settled.clone()).collect()
        };
        for mut settled in all {
            // The sender lives in the watch; if that has ended there is nothing to wait for.
            let _ended = settled.wait_for(|settled| *settled).await;
        }
    }

    /// What is not known at present, and why, in the order of the scopes' names.
    pub fn troubles(&self) -> Vec<Trouble> {
        let followed = self.followed();
        let mut troubles: Vec<_> = followed
            .watches
            .iter()
            .chain(&followed.rivals)
            .filter_map(|(scope, running)| {
                running.view.lock().trouble().map(|why| Trouble { scope: scope.to_string(), why })
            })
            .collect();
        troubles.sort_by(|one, other| one.scope.cmp(&other.scope));
        troubles
    }

    /// What is known of one object of a target.
    pub fn object(&self, target: &Target, namespace: &str, name: &str) -> Option<Object> {
        let kind = kind::parse(target)?;
        let followed = self.followed();
        scopes(target, &kind)
            .into_iter()
            .filter(|_| selects(target, namespace))
            .find_map(|scope| followed.watches.get(&scope)?.view.lock().get(namespace, name).cloned())
    }

    /// How the API server calls the kind of a target, once it has said so.
    pub(super) fn resource(&self, target: &Target) -> Option<ApiResource> {
        self.followed().kinds.get(&kind::parse(target)?)?.get().cloned()
    }

    fn spawn(&self, scope: &Scope, resource: &Arc<Known>) -> Running {
        let view = Shared::default();
        let (sender, settled) = watch::channel(false);
        let watch = Watch {
            client: self.client.clone(),
            scope: scope.clone(),
            resource: Arc::clone(resource),
            view: view.clone(),
            settled: sender,
        };
        Running { view, task: AbortOnDropHandle::new(tokio::spawn(watch.run())), settled }
    }
}

/// One scope for each namespace where all are named outright (that needs no right on the whole cluster), else one
/// for the cluster.
pub(super) fn scopes(target: &Target, kind: &GroupVersionKind) -> Vec<Scope> {
    let scope = |namespace: Option<&String>| Scope {
        kind: kind.clone(),
        namespace: namespace.cloned(),
        selector: target.selector.clone(),
    };
    let named = !target.namespaces.is_empty() && target.namespaces.iter().all(|pattern| glob::is_literal(pattern));
    if !named {
        return vec![scope(None)];
    }
    // One that is named twice is still one.
    let namespaces: BTreeSet<&String> = target.namespaces.iter().collect();
    namespaces.into_iter().map(|namespace| scope(Some(namespace))).collect()
}

/// Where other autoscalers may name objects of the target: labels select those, not the autoscalers.
fn rival_scopes(target: &Target, rival: &GroupVersionKind) -> Vec<Scope> {
    scopes(target, rival).into_iter().map(|scope| Scope { selector: String::new(), ..scope }).collect()
}

/// Whether the target reaches into that namespace.
pub(super) fn selects(target: &Target, namespace: &str) -> bool {
    target.namespaces.is_empty() || target.namespaces.iter().any(|pattern| glob::matches(pattern, namespace))
}
