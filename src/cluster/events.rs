//! Events on the objects: what `kubectl describe` shows of what was done and why.
//!
//! They are written in the background, one after the other, and dropped where the API server is slower than they come:
//! a failure to write one never holds a decision up. kube's own recorder is not used: it makes a series by patching an
//! Event that may have expired, and then fails for as long as it remembers it.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff;
use kube::Client;
use kube::api::{Api, ObjectMeta, PostParams};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::error::describe;
use super::patch::FIELD_MANAGER;
use crate::engine::{JobId, Timestamp};
use crate::policy::Target;

/// As many as may wait to be written.
const WAITING: usize = 256;

/// For one answer.
const ATTEMPT: Duration = Duration::from_secs(5);

/// Between two: at 5 a second ten thousand of them take half an hour, and leave the API server to the patches.
const PAUSE: Duration = Duration::from_millis(200);

/// The API server refuses a longer note, and counts bytes.
const LONGEST_NOTE: usize = 1024;

/// The API server adds five characters to the name.
const LONGEST_NAME: usize = 200;

/// What is told about one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// Of which job.
    pub job: JobId,
    /// The uid of its object: without it `kubectl describe` does not show the event.
    pub uid: Box<str>,
    /// In one word, such as `Scaled`.
    pub reason: &'static str,
    /// Whether somebody should look.
    pub warning: bool,
    /// In a sentence. What is longer than 1024 bytes is cut.
    pub note: String,
    /// When.
    pub at: Timestamp,
}

/// How the writing of one ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is there.
    Done,
    /// It was refused, or not answered.
    Failed,
    /// Too many waited.
    Dropped,
}

/// Called with each end.
type Count = Arc<dyn Fn(Written) + Send + Sync>;

/// Writes events.
pub struct Events {
    sender: mpsc::Sender<Event>,
    instance: String,
    count: Count,
    _writer: AbortOnDropHandle<()>,
}

impl Events {
    /// Writes with that client, as that instance (a pod's name). Must be called inside a runtime.
    pub fn new(client: Client, instance: &str, count: impl Fn(Written) + Send + Sync + 'static) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        let count: Count = Arc::new(count);
        let writer = AbortOnDropHandle::new(tokio::spawn(write(client, receiver, Arc::clone(&count))));
        // The API server wants one of 1 to 128 bytes.
        let instance = if instance.is_empty() { FIELD_MANAGER } else { cut(instance, 128) };
        Self { sender, instance: instance.to_owned(), count, _writer: writer }
    }

    /// Hands one over. Never waits.
    pub fn announce(&self, target: &Target, announcement: Announcement) {
        if self.sender.try_send(event(target, announcement, &self.instance)).is_err() {
            (self.count)(Written::Dropped);
        }
    }
}

fn event(target: &Target, announcement: Announcement, instance: &str) -> Event {
    let Announcement { job, uid, reason, warning, note, at } = announcement;
    let (namespace, name) = (job.namespace().to_owned(), job.name().to_owned());
    // A name must not end in a dot before the dash.
    let prefix = cut(&name, LONGEST_NAME).trim_end_matches(['.', '-']);
    Event {
        metadata: ObjectMeta {
            generate_name: Some(format!("{prefix}-")),
            namespace: Some(namespace.clone()),
            ..ObjectMeta::default()
        },
        event_time: jiff::Timestamp::from_millisecond(at.as_millis()).ok().map(MicroTime),
        reporting_controller: Some(FIELD_MANAGER.to_owned()),
        reporting_instance: Some(instance.to_owned()),
        action: Some("Scale".to_owned()),
        reason: Some(reason.to_owned()),
        type_: Some(if warning { "Warning" } else { "Normal" }.to_owned()),
        regarding: Some(ObjectReference {
            api_version: Some(target.api_version.clone()),
            kind: Some(target.kind.clone()),
            namespace: Some(namespace),
            name: Some(name),
            uid: Some(uid.into()),
            ..ObjectReference::default()
        }),
        note: Some(shortened(note)),
        ..Event::default()
    }
}

async fn write(client: Client, mut events: mpsc::Receiver<Event>, count: Count) {
    let mut trouble = None;
    while let Some(event) = events.recv().await {
        let namespace = event.metadata.namespace.clone().unwrap_or_default();
        let api: Api<Event> = Api::namespaced(client.clone(), &namespace);
        let created = timeout(ATTEMPT, api.create(&PostParams::default(), &event)).await;
        let error = match created {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(describe(&error)),
            Err(_) => Some(format!("no answer within {}", humantime::format_duration(ATTEMPT))),
        };
        count(if error.is_none() { Written::Done } else { Written::Failed });
        // Told when it begins: the next hundred fail for the same reason.
        if let (None, Some(error)) = (&trouble, &error) {
            tracing::warn!(namespace, error, "failed to write a kubernetes event: scaling goes on without");
        }
        trouble = error;
        tokio::time::sleep(PAUSE).await;
    }
}

/// Cut where a character ends.
fn shortened(note: String) -> String {
    if note.len() <= LONGEST_NOTE {
        return note;
    }
    format!("{}…", cut(&note, LONGEST_NOTE - '…'.len_utf8()))
}

/// The first bytes of a text, as many as make whole characters.
fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announced(name: &str, note: &str) -> serde_json::Value {
        let target = Target {
            api_version: "flink.apache.org/v1beta1".into(),
            kind: "FlinkDeployment".into(),
            namespaces: Vec::new(),
            selector: String::new(),
        };
        let job = JobId::new("streaming", name);
        let at = Timestamp::from_millis(1_795_229_314_078);
        let announcement =
            Announcement { job, uid: "8b6e".into(), reason: "Scaled", warning: false, note: note.into(), at };
        serde_json::to_value(event(&target, announcement, "steelyard-0")).unwrap()
    }

    #[test]
    fn an_event_is_as_the_api_server_wants_it() {
        let event = announced("orders", "3 -> 5");
        assert_eq!(event["eventTime"], "2026-11-21T02:48:34.078000Z", "six digits, no fewer and no more");
        assert_eq!(event["regarding"]["uid"], "8b6e");
        assert_eq!(event["regarding"]["kind"], "FlinkDeployment");
        assert_eq!(event["metadata"], serde_json::json!({"generateName": "orders-", "namespace": "streaming"}));
        assert_eq!((&event["type"], &event["note"]), (&"Normal".into(), &"3 -> 5".into()));
        assert_eq!(event["reportingInstance"], "steelyard-0");
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        for (characters, bytes) in [("x", 1), ("é", 2), ("漢", 3), ("🦀", 4)] {
            for count in [LONGEST_NOTE / bytes - 1, LONGEST_NOTE / bytes, LONGEST_NOTE / bytes + 1, 3000] {
                let note = characters.repeat(count);
                let cut = shortened(note.clone());
                assert!(
                    cut.len() <= LONGEST_NOTE && cut.len() > LONGEST_NOTE - 8 || cut == note,
                    "{characters} {count}"
                );
                assert_eq!(cut == note, note.len() <= LONGEST_NOTE, "{characters} {count}");
            }
        }
        let name = format!("{}.x", "a".repeat(LONGEST_NAME - 1));
        let event = announced(&name, "");
        assert_eq!(event["metadata"]["generateName"], format!("{}-", "a".repeat(LONGEST_NAME - 1)));
    }
}
