//! One PATCH of `/scale` and what a real API server's answer means. The status code is looked at first and the body
//! second: a 429 or a 404 may be plain text, and a 504 a JSON without a kind.

use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use kube::Client;
use kube::Resource as _;
use kube::api::{DynamicObject, Patch, PatchParams, ValidationDirective};
use kube::client::Body;
use kube::core::{Request, Status};
use kube::discovery::ApiResource;
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;

use super::error::describe;
use crate::engine::Workers;

/// Who we are to `managedFields`.
pub(super) const FIELD_MANAGER: &str = "steelyard";

/// For one answer. A patch takes 0.4 s on a busy server (99th percentile); with etcd away it would take 34 s.
pub(super) const ATTEMPT: Duration = Duration::from_secs(5);

/// A Scale or a Status has a few hundred bytes.
const LONGEST_BODY: usize = 1 << 20;

/// As much as a log line or an Event has room for.
const LONGEST_TEXT: usize = 300;

/// What the API server answers to a JSON patch whose test fails.
const TEST_FAILED: &str = "the server rejected our request";

/// What is to be set on which object, provided that it is still that one and still has that count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) resource: &'a ApiResource,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    pub(super) uid: &'a str,
    pub(super) from: Workers,
    pub(super) to: Workers,
}

/// What became of one attempt.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    /// The count is set; the version of the object since, where it can be compared.
    Done { version: Option<u64> },
    /// It is another object by now, or somebody else changed its count.
    TestFailed,
    /// Nobody knows whether it was carried out (`perhaps`), or it was not; it may be tried again, not before `after`.
    Again { why: String, after: Option<Duration>, perhaps: bool },
    /// Trying again would not help.
    No { refusal: Refusal, why: String },
}

/// In what way the API server refused for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Forbidden,
    NotFound,
    Invalid,
}

impl Wanted<'_> {
    /// The tests stand before the change, and the server takes all or nothing.
    pub(super) fn request(&self) -> Result<axum::http::Request<Vec<u8>>, kube::Error> {
        let Self { resource, namespace, name, uid, from, to } = self;
        // 0 is left out of a Scale: it tests as null, and there is nothing to replace.
        let (tested, change) = if from.0 == 0 { (json!(null), "add") } else { (json!(from.0), "replace") };
        let patch = json!([
            { "op": "test", "path": "/metadata/uid", "value": uid },
            { "op": "test", "path": "/spec/replicas", "value": tested },
            { "op": change, "path": "/spec/replicas", "value": to.0 },
        ]);
        let patch: Patch<()> = Patch::Json(serde_json::from_value(patch).map_err(kube::Error::SerdeError)?);
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            field_validation: Some(ValidationDirective::Strict),
            ..PatchParams::default()
        };
        let path = DynamicObject::url_path(resource, Some(namespace));
        Request::new(path).patch_subresource("scale", name, &params, &patch).map_err(kube::Error::BuildRequest)
    }
}

/// Sends it once.
pub(super) async fn send(client: &Client, wanted: &Wanted<'_>) -> Answer {
    let request = match wanted.request() {
        Ok(request) => request,
        Err(error) => return Answer::No { refusal: Refusal::Invalid, why: describe(&error) },
    };
    match timeout(ATTEMPT, exchange(client, request)).await {
        Ok(Ok(answer)) => answer,
        // Also a connection that was refused counts as perhaps: a proxy on the way may have passed it on.
        Ok(Err(error)) => Answer::Again { why: cut(&describe(&error)), after: None, perhaps: true },
        Err(_) => {
            let why = format!("no answer within {}", humantime::format_duration(ATTEMPT));
            Answer::Again { why, after: None, perhaps: true }
        }
    }
}

async fn exchange(client: &Client, request: axum::http::Request<Vec<u8>>) -> Result<Answer, kube::Error> {
    let response = client.send(request.map(Body::from)).await?;
    let code = response.status().as_u16();
    let after = response.headers().get("retry-after").and_then(|after| after.to_str().ok()?.parse().ok());
    let body = Limited::new(response.into_body(), LONGEST_BODY).collect().await;
    // What was set is set, also where its description broke off.
    let body = body.map(|body| body.to_bytes().to_vec()).unwrap_or_default();
    Ok(read(code, after.map(Duration::from_secs), &body))
}

/// What an answer means.
fn read(code: u16, after: Option<Duration>, body: &[u8]) -> Answer {
    if (200..300).contains(&code) {
        return Answer::Done { version: version(body) };
    }
    let status = serde_json::from_slice::<Status>(body).ok();
    let told = status.as_ref().map(|status| status.message.clone()).filter(|message| !message.is_empty());
    let told = told.unwrap_or_else(|| String::from_utf8_lossy(body).trim().to_owned());
    let details = status.and_then(|status| status.details);
    let why = cut(&format!("{code}: {told}"));
    let no = |refusal, why| Answer::No { refusal, why };
    match code {
        422 => {
            let empty = details.is_none_or(|details| details.name.is_empty() && details.causes.is_empty());
            if empty && told.contains(TEST_FAILED) { Answer::TestFailed } else { no(Refusal::Invalid, why) }
        }
        401 => no(Refusal::Forbidden, format!("{why} (see that the token is valid)")),
        // An admission policy refuses with 403 as well, and no right mends that.
        403 if told.contains("cannot patch") || told.contains("cannot update") => {
            no(Refusal::Forbidden, format!("{why} (grant patch on its scale subresource)"))
        }
        403 => no(Refusal::Forbidden, why),
        404 => no(Refusal::NotFound, why),
        // Busy, or in the middle of somebody else's write: certainly not carried out.
        409 | 429 | 503 => {
            let seconds = details.map(|details| u64::from(details.retry_after_seconds)).filter(|seconds| *seconds > 0);
            let after = after.or(seconds.map(Duration::from_secs));
            Answer::Again { why, after, perhaps: false }
        }
        408 | 500.. => Answer::Again { why, after, perhaps: true },
        _ => no(Refusal::Invalid, why),
    }
}

/// The object's version in a Scale.
fn version(body: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Scale {
        metadata: Metadata,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Metadata {
        resource_version: String,
    }
    serde_json::from_slice::<Scale>(body).ok()?.metadata.resource_version.parse().ok()
}

fn cut(text: &str) -> String {
    let mut cut: String = text.chars().take(LONGEST_TEXT).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use kube::core::GroupVersionKind;

    use super::*;

    fn status(code: u16, message: &str, details: serde_json::Value) -> Vec<u8> {
        let status =
            json!({"kind": "Status", "status": "Failure", "message": message, "code": code, "details": details});
        status.to_string().into_bytes()
    }

    #[test]
    fn the_patch_tests_the_object_and_the_count_before_it_sets_another() {
        let kind = GroupVersionKind::gvk("flink.apache.org", "v1beta1", "FlinkDeployment");
        let resource = ApiResource::from_gvk_with_plural(&kind, "flinkdeployments");
        for (from, tested, change) in [(3, json!(3), "replace"), (0, json!(null), "add")] {
            let (from, to) = (Workers(from), Workers(7));
            let wanted = Wanted { resource: &resource, namespace: "streaming", name: "orders", uid: "8b6e", from, to };
            let request = wanted.request().unwrap();
            let expected = "/apis/flink.apache.org/v1beta1/namespaces/streaming/flinkdeployments/orders/scale?\
                            &fieldManager=steelyard&fieldValidation=Strict";
            assert_eq!(request.uri().to_string(), expected);
            assert_eq!(
                (request.method().as_str(), &request.headers()["content-type"]),
                ("PATCH", &"application/json-patch+json".parse().unwrap())
            );
            let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
            assert_eq!(
                body,
                json!([
                    {"op": "test", "path": "/metadata/uid", "value": "8b6e"},
                    {"op": "test", "path": "/spec/replicas", "value": tested},
                    {"op": change, "path": "/spec/replicas", "value": 7},
                ])
            );
        }
    }

    #[test]
    fn what_is_done_and_what_was_overtaken() {
        let scale = json!({"kind": "Scale", "metadata": {"resourceVersion": "533"}, "spec": {"replicas": 7}});
        assert_eq!(read(200, None, scale.to_string().as_bytes()), Answer::Done { version: Some(533) });
        assert_eq!(read(200, None, b"{\"metadata\":"), Answer::Done { version: None });
        let refused = "the server rejected our request due to an error in our request";
        for details in [json!({}), json!(null)] {
            assert_eq!(read(422, None, &status(422, refused, details)), Answer::TestFailed);
        }
    }

    #[test]
    fn what_is_refused_for_good() {
        let flink =
            json!({"name": "fd-a", "group": "flink.apache.org", "kind": "FlinkDeployment", "causes": [{"field": "x"}]});
        for (code, body, refusal, expected) in [
            (
                422,
                status(422, "should be less than or equal to 20", flink.clone()),
                Refusal::Invalid,
                "422: should be less",
            ),
            (422, status(422, "json: cannot unmarshal", json!({})), Refusal::Invalid, "422: json"),
            (400, status(400, "error decoding patch", json!({})), Refusal::Invalid, "400: error"),
            (415, b"".to_vec(), Refusal::Invalid, "415: "),
            (401, status(401, "Unauthorized", json!(null)), Refusal::Forbidden, "see that the token is valid"),
            (403, status(403, "User \"a\" cannot patch resource", json!({})), Refusal::Forbidden, "grant patch"),
            (
                403,
                status(403, "denied request: at most 10", json!({})),
                Refusal::Forbidden,
                "403: denied request: at most 10",
            ),
            (404, status(404, "\"nope\" not found", flink), Refusal::NotFound, "404: \"nope\" not found"),
            (404, b"404 page not found\n".to_vec(), Refusal::NotFound, "404: 404 page not found"),
            (400, vec![b'x'; 5000], Refusal::Invalid, "x…"),
        ] {
            let Answer::No { refusal: found, why } = read(code, None, &body) else { panic!("{code} {expected}") };
            assert!(found == refusal && why.contains(expected), "{why}");
        }
    }

    #[test]
    fn what_may_be_tried_again_and_when() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let busy = status(429, "storage is (re)initializing", json!({"retryAfterSeconds": 2}));
        for (code, header, body, after, perhaps) in [
            (429, seconds(1), b"Too many requests, please try again later.\n".to_vec(), seconds(1), false),
            (429, None, busy, seconds(2), false),
            (503, seconds(5), b"".to_vec(), seconds(5), false),
            (409, None, status(409, "the object has been modified", json!({})), None, false),
            (500, None, status(500, "failed calling webhook", json!({})), None, true),
            (504, None, b"{\"metadata\":{},\"code\":504}".to_vec(), None, true),
            (408, None, b"".to_vec(), None, true),
        ] {
            let Answer::Again { why, after: found, perhaps: maybe } = read(code, header, &body) else {
                panic!("{code}")
            };
            assert_eq!((found, maybe), (after, perhaps), "{why}");
            assert!(why.starts_with(&code.to_string()), "{why}");
        }
    }
}
