//! What ten thousand objects cost: alone in its process, so that nothing else moves the number.

use axum::body::Body;
use axum::http::{Request, Response};
use serde_json::json;
use steelyard::cluster::Targets;
use steelyard::engine::JobTable;

#[path = "support/scripted/objects.rs"]
mod objects;
#[path = "support/scripted/policies.rs"]
mod policies;

use objects::{flink, target};
use policies::{policies, tick, told};

const OBJECTS: usize = 10_000;
const PAGE: usize = 50;

fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

/// Makes its objects as they are asked for: the server of the other tests would hold them all in this process.
fn answer(request: &Request<kube::client::Body>, template: &str) -> String {
    let uri = request.uri().to_string();
    if !uri.contains("/namespaces/") {
        let verbs = ["list", "watch", "get", "patch"];
        let resource = |name: &str, kind: &str| json!({"name": name, "singularName": "", "namespaced": true, "kind": kind, "verbs": verbs});
        let resources = [resource("flinkdeployments", "FlinkDeployment"), resource("flinkdeployments/scale", "Scale")];
        let group = "flink.apache.org/v1beta1";
        return json!({"kind": "APIResourceList", "groupVersion": group, "resources": resources}).to_string();
    }
    let start: usize = uri.split("continue=").nth(1).map_or(0, |token| token.parse().unwrap());
    let object = |number: usize| template.replace("job-00000", &format!("job-{number:05}"));
    let items: Vec<_> = (start..start + PAGE).map(object).collect();
    let more = if start + PAGE < OBJECTS { (start + PAGE).to_string() } else { String::new() };
    let metadata = json!({"resourceVersion": "1", "continue": more});
    format!(r#"{{"metadata": {metadata}, "items": [{}]}}"#, items.join(","))
}

#[tokio::test(start_paused = true)]
async fn an_object_costs_less_than_a_kilobyte() {
    let template = flink("streaming", "job-00000", 3).to_string();
    assert!(template.len() > 6_000, "an object as large as real ones, not {} bytes", template.len());
    let service = tower::service_fn(move |request: Request<kube::client::Body>| {
        let text = answer(&request, &template);
        async move { Ok::<_, std::convert::Infallible>(Response::new(Body::from(text))) }
    });
    let client = kube::Client::new(service, "default");
    let policies = policies([("beam", Some(target(&["streaming"], "")))]);

    let before = resident_bytes();
    let targets = Targets::start(client, &policies).await.unwrap();
    targets.settled().await;
    let each = resident_bytes().saturating_sub(before) / OBJECTS;
    assert!(each < 1024, "{each} bytes for each of {OBJECTS} objects");

    let seen = tick(&targets, &policies, &mut JobTable::default(), &[], 0);
    assert_eq!(seen.jobs.len(), OBJECTS);
    assert_eq!(told(&seen)[OBJECTS - 1], "0 streaming/job-09999 3");
}
