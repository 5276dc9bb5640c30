//! The targets of all policies: which watches there are.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use kube::Client;
use kube::core::GroupVersionKind;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::error::Error;
use super::glob;
use super::kind::{self, Known, discover_once};
use super::object::Object;
use super::view::Shared;
use super::watch::{Scope, Watch};
use crate::policy::{PolicySet, Target};

/// What Kubernetes says about the targets of the policies, kept current in the background until it is dropped.
pub struct Targets {
    client: Client,
    kinds: HashMap<GroupVersionKind, Arc<Known>>,
    pub(super) watches: HashMap<Scope, Running>,
}

pub(super) struct Running {
    pub(super) view: Shared,
    pub(super) task: AbortOnDropHandle<()>,
    settled: watch::Receiver<bool>,
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
        let mut targets = Self { client, kinds: HashMap::new(), watches: HashMap::new() };
        targets.follow(policies).await?;
        Ok(targets)
    }

    /// Goes on with other policies, after a reload: watches that they still need run on untouched.
    ///
    /// # Errors
    /// As for [`start`](Self::start); then nothing has changed.
    pub async fn follow(&mut self, policies: &PolicySet) -> Result<(), Error> {
        let mut kinds = HashMap::new();
        let mut wanted = Vec::new();
        for policy in &policies.policies {
            let Some(target) = &policy.target else { continue };
            let Some(kind) = kind::parse(target) else {
                let (policy, api_version) = (policy.plan.class.to_string(), target.api_version.clone());
                return Err(Error::ApiVersion { policy, api_version });
            };
            if !kinds.contains_key(&kind) {
                let known = self.kinds.get(&kind).cloned().unwrap_or_default();
                if let Err(unusable) = discover_once(&known, &self.client, &kind).await
                    && let Some(error) = unusable.fatal(policy, target)
                {
                    return Err(error);
                }
                kinds.insert(kind.clone(), known);
            }
            wanted.extend(scopes(target, &kind));
        }
        let mut watches = HashMap::new();
        for scope in wanted {
            let running = self.watches.remove(&scope).or_else(|| watches.remove(&scope));
            let running = running.unwrap_or_else(|| self.spawn(&scope, &kinds[&scope.kind]));
            watches.insert(scope, running);
        }
        self.kinds = kinds;
        self.watches = watches;
        Ok(())
    }

    /// Waits until every watch has its first list, or a first reason why it has none: somewhat over a
    /// minute at most, where nobody answers at all.
    pub async fn settled(&self) {
        for running in self.watches.values() {
            let mut settled = running.settled.clone();
            // The sender lives in the watch; if that has ended there is nothing to wait for.
            let _ended = settled.wait_for(|settled| *settled).await;
        }
    }

    /// What is not known at present, and why, in the order of the scopes' names.
    pub fn troubles(&self) -> Vec<Trouble> {
        let mut troubles: Vec<_> = self
            .watches
            .iter()
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
        scopes(target, &kind)
            .into_iter()
            .filter(|_| selects(target, namespace))
            .find_map(|scope| self.watches.get(&scope)?.view.lock().get(namespace, name).cloned())
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

/// Whether the target reaches into that namespace.
pub(super) fn selects(target: &Target, namespace: &str) -> bool {
    target.namespaces.is_empty() || target.namespaces.iter().any(|pattern| glob::matches(pattern, namespace))
}
