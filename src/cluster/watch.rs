//! One watch: list, then follow the changes, for as long as the process runs.
//!
//! kube's own watcher recovers as well, but in silence: after an error it says nothing until an object changes, so a
//! quiet namespace could not be told from a broken watch, and it puts no limit on a list that is never answered. Here
//! each round ends within a minute, and each answer is proof that the view is current.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use futures_util::TryStreamExt;
use kube::api::{DynamicObject, ListParams, WatchEvent, WatchParams};
use kube::core::{GroupVersionKind, Request};
use kube::discovery::ApiResource;
use kube::{Client, Resource};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::error::describe;
use super::kind::{CALL_TIMEOUT, Known, Sort, Unusable, discover_once};
use super::object::Object;
use super::view::{Objects, Shared, insert};
use super::wire::{Page, Wire};

/// How long the server keeps one watch open. Opening another costs it next to nothing, and a connection that died
/// without a word is noticed within a minute.
const ROUND_SECONDS: u32 = 50;

/// Longer than the server's own end of a round: silence until here means that nobody is there.
const SILENCE: Duration = Duration::from_secs(60);

/// A server that ends each watch at once is asked once a second.
const PACE: Duration = Duration::from_secs(1);

/// The page that client-go asks for: 500 objects of 12 KB are 6 MB at a time.
const PAGE: u32 = 500;

/// From here on the position itself is suspect (an etcd that was restored has other versions): list again.
const FAILURES_BEFORE_LIST: u32 = 3;

const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Which objects one watch follows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Scope {
    pub(super) kind: GroupVersionKind,
    /// `None`: all namespaces.
    pub(super) namespace: Option<String>,
    /// As Kubernetes writes label selectors; empty: any.
    pub(super) selector: String,
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kind, namespace, selector } = self;
        write!(f, "{} in ", kind.kind)?;
        match namespace {
            Some(namespace) => write!(f, "namespace `{namespace}`")?,
            None => f.write_str("all namespaces")?,
        }
        if selector.is_empty() { Ok(()) } else { write!(f, " where {selector}") }
    }
}

/// One watch, to be spawned.
pub(super) struct Watch {
    pub(super) client: Client,
    pub(super) scope: Scope,
    /// Shared by the watches of a kind: it is asked for once.
    pub(super) resource: Arc<Known>,
    pub(super) view: Shared,
    /// Turns true when there is a first list, or a first reason why there is none.
    pub(super) settled: watch::Sender<bool>,
}

enum Failure {
    /// The position is too old: list again. This is ordinary.
    Expired,
    Broken(String),
}

/// How far a watch has come.
#[derive(Default)]
struct Position {
    /// The resource version to go on from; `None`: list first.
    version: Option<String>,
    /// Whether anything was heard from the watch since this was last asked.
    progress: bool,
}

impl Watch {
    /// Never returns.
    pub(super) async fn run(self) {
        let backoff = ExponentialBuilder::new()
            .with_min_delay(PACE)
            .with_max_delay(LONGEST_PAUSE)
            .without_max_times()
            .with_jitter();
        let mut pauses = backoff.build();
        let mut failures = 0;
        let mut position = Position::default();
        loop {
            let (outcome, ()) = tokio::join!(self.round(&mut position), sleep(PACE));
            if std::mem::take(&mut position.progress) {
                pauses = backoff.build();
                failures = 0;
            }
            match outcome {
                Ok(()) => continue,
                Err(Failure::Expired) => position.version = None,
                Err(Failure::Broken(why)) => {
                    failures += 1;
                    if failures >= FAILURES_BEFORE_LIST {
                        position.version = None;
                    }
                    if self.view.lock().failed(&why) {
                        warn!(error = why, "the watch of kubernetes objects failed, will retry");
                    }
                    self.settled.send_replace(true);
                }
            }
            sleep(pauses.next().unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE)).await;
        }
    }

    async fn round(&self, position: &mut Position) -> Result<(), Failure> {
        let resource = match discover_once(&self.resource, &self.client, &self.scope.kind).await {
            Ok(resource) => resource,
            Err(Unusable::Absent) if Sort::of(&self.scope.kind) == Sort::Rival => {
                self.none_at_all().await;
                return Ok(());
            }
            Err(unusable) => return Err(Failure::Broken(self.unusable(&unusable))),
        };
        if position.version.is_none() {
            position.version = Some(self.list(resource).await?);
            self.settled.send_replace(true);
            return Ok(());
        }
        self.follow(resource, position).await
    }

    /// A cluster without that sort of autoscaler: nobody claims anything. It may be installed at any time.
    async fn none_at_all(&self) {
        {
            let mut view = self.view.lock();
            view.replace(Objects::new());
            self.well(view.well());
        }
        self.settled.send_replace(true);
        sleep(SILENCE).await;
    }

    fn unusable(&self, unusable: &Unusable) -> String {
        let kind = &self.scope.kind.kind;
        match unusable {
            Unusable::Absent => format!("the cluster knows no {kind} any more"),
            Unusable::NoScale => format!("{kind} has no scale subresource"),
            Unusable::NotNamespaced => format!("{kind} is not namespaced"),
            Unusable::Unknown(why) => format!("failed to ask for the kind {kind}: {why}"),
        }
    }

    fn request(&self, resource: &ApiResource) -> Request {
        Request::new(DynamicObject::url_path(resource, self.scope.namespace.as_deref()))
    }

    fn selector(&self) -> Option<String> {
        Some(self.scope.selector.clone()).filter(|selector| !selector.is_empty())
    }

    /// Takes all pages, then shows them at once: while a list is on its way the old view stays.
    async fn list(&self, resource: &ApiResource) -> Result<String, Failure> {
        let mut params = ListParams { label_selector: self.selector(), limit: Some(PAGE), ..ListParams::default() };
        let mut objects = Objects::new();
        loop {
            let request = self.request(resource).list(&params).map_err(kube::Error::BuildRequest);
            let request = request.map_err(|error| self.failure("list", &error))?;
            // The text is decoded here, as kube would print all of it to the log where it cannot be read.
            let text = timeout(CALL_TIMEOUT, self.client.request_text(request)).await;
            let text = text.map_err(|_| self.unanswered("list"))?.map_err(|error| self.failure("list", &error))?;
            let page = serde_json::from_str::<Page>(&text);
            drop(text);
            let page = page.map_err(|error| self.failure("list", &kube::Error::SerdeError(error)))?;
            for wire in page.items.into_iter().flatten() {
                insert(&mut objects, Object::of_wire(wire, &self.scope.kind));
            }
            if page.metadata.more.is_empty() {
                let mut view = self.view.lock();
                view.replace(objects);
                self.well(view.well());
                return Ok(page.metadata.resource_version);
            }
            params.continue_token = Some(page.metadata.more);
        }
    }

    /// Follows the changes from the position on, until the server ends the round.
    async fn follow(&self, resource: &ApiResource, position: &mut Position) -> Result<(), Failure> {
        let params = WatchParams {
            label_selector: self.selector(),
            timeout: Some(ROUND_SECONDS),
            bookmarks: true,
            ..WatchParams::default()
        };
        let from = position.version.as_deref().unwrap_or_default();
        let request = self.request(resource).watch(&params, from).map_err(kube::Error::BuildRequest);
        let request = request.map_err(|error| self.failure("watch", &error))?;
        let events = timeout(CALL_TIMEOUT, self.client.request_events::<Wire>(request)).await;
        let events = events.map_err(|_| self.unanswered("watch"))?.map_err(|error| self.failure("watch", &error))?;
        let mut events = pin!(events);
        self.well(self.view.lock().well());
        loop {
            let event = timeout(SILENCE, events.try_next()).await.map_err(|_| self.unanswered("watch"))?;
            let Some(event) = event.map_err(|error| self.failure("watch", &error))? else {
                position.progress = true;
                return Ok(());
            };
            let version = match event {
                WatchEvent::Added(wire) | WatchEvent::Modified(wire) => {
                    let version = wire.metadata.resource_version.clone();
                    self.view.lock().put(Object::of_wire(wire, &self.scope.kind));
                    version
                }
                WatchEvent::Deleted(wire) => {
                    self.view.lock().remove(&wire.metadata.namespace, &wire.metadata.name);
                    wire.metadata.resource_version
                }
                WatchEvent::Bookmark(bookmark) => bookmark.metadata.resource_version,
                WatchEvent::Error(status) => return Err(self.failure("watch", &kube::Error::Api(status))),
            };
            position.version = Some(version);
            position.progress = true;
        }
    }

    fn well(&self, recovered: bool) {
        if recovered {
            let namespace = self.scope.namespace.as_deref().unwrap_or("*");
            info!(namespace, "the watch of kubernetes objects works again");
        }
    }

    fn failure(&self, doing: &str, error: &kube::Error) -> Failure {
        let code = if let kube::Error::Api(status) = error { status.code } else { 0 };
        let mend = match (code, &self.scope.namespace) {
            (410, _) => return Failure::Expired,
            (403, Some(_)) => ": grant list and watch there",
            (403, None) => ": grant list and watch in a ClusterRole, or name the namespaces without globs",
            _ => "",
        };
        Failure::Broken(format!("failed to {doing} {}: {}{mend}", self.scope, describe(error)))
    }

    fn unanswered(&self, doing: &str) -> Failure {
        let waited = humantime::format_duration(CALL_TIMEOUT);
        Failure::Broken(format!("failed to {doing} {}: the API server said nothing for {waited}", self.scope))
    }
}
