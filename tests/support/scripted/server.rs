//! A scripted API server behind kube's client: it holds objects, lists, watches and scales them as a real one does,
//! counts what it is asked, and fails as told.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{Request, Response};
use futures_util::stream;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// How a request may go wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    /// A Status object with this code and message.
    Status(u16, &'static str),
    /// Plain text, as priority and fairness and unknown paths answer.
    Text(u16, &'static str),
    /// Plain text, and when to ask again.
    Later(u16, &'static str, &'static str),
    /// A whole answer.
    Whole(u16, Value),
    /// The connection is refused.
    Refused,
    /// It is carried out, and the connection breaks before the answer.
    Lost,
    /// No answer ever comes.
    Silence,
    /// HTTP 200, then one ERROR event with this code.
    Event(u16, &'static str),
}

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    Discovery,
    List,
    Watch,
    /// Discovery, list or watch of other autoscalers.
    Rival,
    /// PATCH of `/scale`.
    Patch,
    /// POST of an Event.
    Event,
    Other,
}

#[derive(Default)]
struct State {
    version: u64,
    objects: BTreeMap<(String, String), Value>,
    seen: Vec<(Ask, String)>,
    once: BTreeMap<Ask, VecDeque<Fault>>,
    always: BTreeMap<Ask, Fault>,
    watchers: Vec<(String, mpsc::UnboundedSender<String>)>,
    page: Option<usize>,
    resources: Option<Value>,
    has_rivals: bool,
    latency: Duration,
    under_way: usize,
    most_under_way: usize,
    stalled: bool,
    held: Vec<(&'static str, Value)>,
    sent: Vec<(Ask, Value)>,
}

/// The server; clones are the same one.
#[derive(Clone, Default)]
pub struct Server(Arc<Mutex<State>>);

/// A real server ends a watch after the time that the client asked for.
const ROUND: Duration = Duration::from_secs(50);

impl Server {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub fn client(&self) -> kube::Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<kube::client::Body>| {
            let server = server.clone();
            let (parts, body) = request.into_parts();
            async move {
                let body = body.collect().await.expect("a body").to_bytes();
                server.answer(&parts, &body).await
            }
        });
        kube::Client::new(service, "default")
    }

    /// Creates or changes an object and tells the watches.
    pub fn put(&self, mut object: Value) {
        let mut state = self.state();
        state.version += 1;
        object["metadata"]["resourceVersion"] = json!(state.version.to_string());
        let key = key_of(&object);
        let verb = if state.objects.insert(key, object.clone()).is_some() { "MODIFIED" } else { "ADDED" };
        state.tell(verb, &object);
    }

    /// Creates or changes an object, and no watch hears of it.
    pub fn put_unheard(&self, object: Value) {
        self.stall_watches(true);
        self.put(object);
        self.lose_stalled();
    }

    /// What was kept back is never heard of.
    pub fn lose_stalled(&self) {
        let mut state = self.state();
        state.held.clear();
        state.stalled = false;
    }

    /// Keeps back what the watches would hear, until it is let go.
    pub fn stall_watches(&self, stall: bool) {
        let mut state = self.state();
        state.stalled = stall;
        for (verb, object) in std::mem::take(&mut state.held) {
            if stall {
                state.held.push((verb, object));
            } else {
                state.tell(verb, &object);
            }
        }
    }

    pub fn delete(&self, namespace: &str, name: &str) {
        let mut state = self.state();
        state.version += 1;
        let mut object = state.objects.remove(&(namespace.into(), name.into())).expect("it is there");
        object["metadata"]["resourceVersion"] = json!(state.version.to_string());
        state.tell("DELETED", &object);
    }

    /// Deletes an object, and no watch hears of it.
    pub fn delete_unheard(&self, namespace: &str, name: &str) {
        let mut state = self.state();
        state.version += 1;
        state.objects.remove(&(namespace.into(), name.into())).expect("it is there");
    }

    /// Ends all open watches with this line, or without any.
    pub fn cut_watches(&self, line: Option<String>) {
        for (_, watcher) in self.state().watchers.extract_if(.., |(uri, _)| !is_rival(uri)) {
            if let Some(line) = &line {
                let _ended = watcher.send(line.clone());
            }
        }
    }

    pub fn once(&self, ask: Ask, fault: Fault) {
        self.state().once.entry(ask).or_default().push_back(fault);
    }

    pub fn always(&self, ask: Ask, fault: Option<Fault>) {
        let mut state = self.state();
        match fault {
            Some(fault) => state.always.insert(ask, fault),
            None => state.always.remove(&ask),
        };
    }

    pub fn page(&self, size: usize) {
        self.state().page = Some(size);
    }

    /// From now on the cluster knows HorizontalPodAutoscalers.
    pub fn serve_rivals(&self) {
        self.state().has_rivals = true;
    }

    /// Each patch takes as long.
    pub fn slow_patches(&self, latency: Duration) {
        self.state().latency = latency;
    }

    /// How many patches were under way at once, at most.
    pub fn most_patches_under_way(&self) -> usize {
        self.state().most_under_way
    }

    /// The object as it is now.
    pub fn object(&self, namespace: &str, name: &str) -> Option<Value> {
        self.state().objects.get(&(namespace.into(), name.into())).cloned()
    }

    /// The bodies of the requests of that sort.
    pub fn sent(&self, ask: Ask) -> Vec<Value> {
        self.state().sent.iter().filter(|(sent, _)| *sent == ask).map(|(_, body)| body.clone()).collect()
    }

    /// What discovery answers, in place of the FlinkDeployments.
    pub fn serve(&self, resources: Value) {
        self.state().resources = Some(resources);
    }

    /// The path and query of each request of that sort.
    pub fn asked(&self, ask: Ask) -> Vec<String> {
        self.state().seen.iter().filter(|(seen, _)| *seen == ask).map(|(_, uri)| uri.clone()).collect()
    }

    pub fn open_watches(&self) -> usize {
        self.state().watchers.iter().filter(|(uri, watcher)| !is_rival(uri) && !watcher.is_closed()).count()
    }

    async fn answer(&self, request: &Parts, body: &[u8]) -> Result<Response<Body>, std::io::Error> {
        let uri = request.uri.to_string();
        let query = request.uri.query().unwrap_or_default();
        let ask = match request.uri.path().split('/').count() {
            _ if request.method == "PATCH" && request.uri.path().ends_with("/scale") => Ask::Patch,
            _ if request.method == "POST" && uri.contains("/apis/events.k8s.io/v1/") => Ask::Event,
            _ if is_rival(&uri) => Ask::Rival,
            _ if request.method != "GET" || uri.contains("/scale") => Ask::Other,
            // /apis/group/version or /api/v1
            3 | 4 => Ask::Discovery,
            _ if query.contains("watch=true") => Ask::Watch,
            _ => Ask::List,
        };
        let fault = {
            let mut state = self.state();
            state.seen.push((ask, uri.clone()));
            if let Ok(body) = serde_json::from_slice(body) {
                state.sent.push((ask, body));
            }
            let once = state.once.get_mut(&ask).and_then(VecDeque::pop_front);
            once.or_else(|| state.always.get(&ask).cloned())
        };
        match fault {
            None => {}
            Some(Fault::Refused) => return Err(std::io::ErrorKind::ConnectionRefused.into()),
            Some(Fault::Silence) => std::future::pending().await,
            Some(Fault::Lost) => {
                drop(self.patch(&uri, body));
                return Err(std::io::ErrorKind::ConnectionReset.into());
            }
            Some(Fault::Later(code, text, after)) => {
                let mut later = response(code, text);
                later.headers_mut().insert("retry-after", after.parse().expect("a header"));
                return Ok(later);
            }
            Some(Fault::Whole(code, body)) => return Ok(response(code, &body.to_string())),
            Some(Fault::Text(code, text)) => return Ok(response(code, text)),
            Some(Fault::Status(code, message)) => return Ok(response(code, &status(code, message).to_string())),
            Some(Fault::Event(code, message)) => return Ok(response(200, &error_event(code, message))),
        }
        Ok(match ask {
            Ask::Discovery => {
                let resources = self.state().resources.clone();
                response(200, &resources.unwrap_or_else(flink_resources).to_string())
            }
            Ask::List => self.list(&uri),
            Ask::Watch => self.watch(&uri),
            Ask::Rival if !self.state().has_rivals || uri.contains("keda") => response(404, "404 page not found"),
            Ask::Rival if !query.contains("limit=") && !query.contains("watch=true") => {
                let kind = ("HorizontalPodAutoscaler", "horizontalpodautoscalers");
                response(200, &resources("autoscaling/v2", kind.0, kind.1, true, &["status"]).to_string())
            }
            Ask::Rival if query.contains("watch=true") => self.watch(&uri),
            Ask::Rival => self.list(&uri),
            Ask::Patch => {
                let latency = {
                    let mut state = self.state();
                    state.under_way += 1;
                    state.most_under_way = state.most_under_way.max(state.under_way);
                    state.latency
                };
                tokio::time::sleep(latency).await;
                self.state().under_way -= 1;
                self.patch(&uri, body)
            }
            Ask::Event => response(201, &String::from_utf8_lossy(body)),
            Ask::Other => response(405, "the test's server only reads"),
        })
    }

    fn list(&self, uri: &str) -> Response<Body> {
        let state = self.state();
        let start: usize = parameter(uri, "continue").map_or(0, |token| token.parse().unwrap());
        let all: Vec<_> = state.objects.values().filter(|object| in_scope(uri, object)).collect();
        let size = state.page.unwrap_or(usize::MAX);
        let more = if all.len() - start > size { (start + size).to_string() } else { String::new() };
        let items: Vec<_> = all.into_iter().skip(start).take(size).collect();
        let list = json!({
            "apiVersion": "flink.apache.org/v1beta1", "kind": "FlinkDeploymentList", "items": items,
            "metadata": {"resourceVersion": state.version.to_string(), "continue": more},
        });
        response(200, &list.to_string())
    }

    /// As a real server answers a JSON patch of `/scale`: all of it or nothing.
    fn patch(&self, uri: &str, body: &[u8]) -> Response<Body> {
        let path: Vec<_> = uri.split(['?', '/']).collect();
        let at = path.iter().position(|part| *part == "namespaces").expect("a namespace");
        let Some(mut object) = self.object(path[at + 1], path[at + 3]) else {
            return response(404, &status(404, &format!("\"{}\" not found", path[at + 3])).to_string());
        };
        let place = if object["kind"] == "FlinkDeployment" { "/spec/taskManager" } else { "/spec" };
        let replicas = object.pointer(place).and_then(|spec| spec.get("replicas")).cloned().unwrap_or_default();
        let steps: Vec<Value> = serde_json::from_slice(body).expect("a JSON patch");
        let holds = |step: &Value| match (step["op"].as_str(), step["path"].as_str()) {
            (Some("test"), Some("/metadata/uid")) => step["value"] == object["metadata"]["uid"],
            // A count of 0 is left out of a Scale.
            (Some("test"), Some("/spec/replicas")) if replicas == 0 => step["value"].is_null(),
            (Some("test"), Some("/spec/replicas")) => step["value"] == replicas,
            (Some("replace"), Some("/spec/replicas")) => replicas != 0,
            _ => true,
        };
        if !steps.iter().all(holds) {
            let text = "the server rejected our request due to an error in our request";
            return response(422, &status(422, text).to_string());
        }
        let count = steps.last().expect("a step")["value"].clone();
        if count != replicas {
            object.pointer_mut(place).expect("a spec")["replicas"] = count.clone();
            object["metadata"]["generation"] = json!(object["metadata"]["generation"].as_u64().unwrap_or(0) + 1);
            let fields =
                if place == "/spec" { json!({"f:replicas": {}}) } else { json!({"f:taskManager": {"f:replicas": {}}}) };
            object["metadata"]["managedFields"] = json!([{
                "manager": parameter(uri, "fieldManager"), "operation": "Update", "subresource": "scale",
                "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": fields},
            }]);
            self.put(object);
        }
        let object = self.object(path[at + 1], path[at + 3]).expect("it is there");
        let metadata =
            ["name", "namespace", "uid", "resourceVersion"].map(|key| (key, object["metadata"][key].clone()));
        let metadata: BTreeMap<_, _> = metadata.into_iter().collect();
        response(200, &json!({"kind": "Scale", "metadata": metadata, "spec": {"replicas": count}}).to_string())
    }

    fn watch(&self, uri: &str) -> Response<Body> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.state().watchers.push((uri.into(), sender));
        let ends = tokio::time::Instant::now() + ROUND;
        let lines = stream::unfold(receiver, move |mut receiver| async move {
            let line = tokio::time::timeout_at(ends, receiver.recv()).await.ok()??;
            Some((Ok::<_, Infallible>(Bytes::from(line)), receiver))
        });
        Response::new(Body::from_stream(lines))
    }
}

impl State {
    fn tell(&mut self, verb: &'static str, object: &Value) {
        if self.stalled {
            self.held.push((verb, object.clone()));
            return;
        }
        let line = format!("{}\n", json!({"type": verb, "object": object}));
        self.watchers.retain(|(uri, watcher)| !in_scope(uri, object) || watcher.send(line.clone()).is_ok());
    }
}

fn key_of(object: &Value) -> (String, String) {
    let text = |key: &str| object["metadata"][key].as_str().unwrap().to_owned();
    (text("namespace"), text("name"))
}

fn is_rival(uri: &str) -> bool {
    uri.contains("/apis/autoscaling/") || uri.contains("/apis/keda.sh/")
}

fn in_scope(uri: &str, object: &Value) -> bool {
    if is_rival(uri) != (object["kind"] == "HorizontalPodAutoscaler") {
        return false;
    }
    let namespace = uri.split_once("/namespaces/").map(|(_, rest)| rest.split('/').next().unwrap());
    namespace.is_none_or(|namespace| object["metadata"]["namespace"] == namespace)
}

/// One parameter of a query, still encoded.
pub fn parameter<'a>(uri: &'a str, key: &str) -> Option<&'a str> {
    let (_, query) = uri.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
}

fn response(code: u16, body: &str) -> Response<Body> {
    Response::builder().status(code).body(Body::from(body.to_owned())).unwrap()
}

fn status(code: u16, message: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": "Test", "code": code, "message": message})
}

/// What a watch ends with that cannot go on.
pub fn error_event(code: u16, message: &str) -> String {
    format!("{}\n", json!({"type": "ERROR", "object": status(code, message)}))
}

/// What discovery says about one kind: its plural, whether it is namespaced, its subresources.
pub fn resources(group_version: &str, kind: &str, plural: &str, namespaced: bool, subresources: &[&str]) -> Value {
    let verbs = ["get", "list", "watch", "patch"];
    let mut all =
        vec![json!({"name": plural, "kind": kind, "namespaced": namespaced, "verbs": verbs, "singularName": ""})];
    for name in subresources {
        all.push(json!({
            "name": format!("{plural}/{name}"), "kind": "Scale", "group": "autoscaling", "version": "v1",
            "namespaced": namespaced, "verbs": ["get", "patch", "update"], "singularName": "",
        }));
    }
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": all})
}

fn flink_resources() -> Value {
    resources("flink.apache.org/v1beta1", "FlinkDeployment", "flinkdeployments", true, &["status", "scale"])
}

/// Waits, on the paused clock, until the condition holds; fails the test after ten minutes of it.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..6_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("never happened: {what}");
}
