//! One order against a scripted API server: every row of what a real one answers to a PATCH that can be met.

use std::sync::Mutex;
use std::time::Duration;

use serde_json::json;
use steelyard::cluster::{Fence, Fenced, Order, Outcome, Scaler, Targets};
use steelyard::engine::{JobId, Timestamp, Workers};
use steelyard::policy::PolicySet;
use tokio::time::Instant;

use crate::objects::{flink, target};
use crate::policies::policies;
use crate::server::{Ask, Fault, Server, eventually, parameter};

/// As a leader's fence: open for 15 s.
struct Open(Instant);

impl Open {
    fn new() -> Self {
        Self(Instant::now() + Duration::from_secs(15))
    }
}

impl Fence for Open {
    fn may_write(&self) -> Result<Duration, Fenced> {
        let left = self.0.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(Fenced::TooOld { age: Duration::from_secs(15) }) } else { Ok(left) }
    }
}

/// Counts how often it is asked, and shuts after so many.
struct Counting(Mutex<u32>, u32);

impl Fence for Counting {
    fn may_write(&self) -> Result<Duration, Fenced> {
        let mut asked = self.0.lock().unwrap();
        *asked += 1;
        if *asked > self.1 { Err(Fenced::NotLeading) } else { Ok(Duration::from_secs(15)) }
    }
}

struct Bench {
    server: Server,
    policies: PolicySet,
    targets: Targets,
    scaler: Scaler,
}

impl Bench {
    /// `streaming/orders` has 3 workers.
    async fn new() -> Self {
        let server = Server::default();
        server.put(flink("streaming", "orders", 3));
        let policies = policies([("beam", Some(target(&["streaming"], "")))]);
        let targets = Targets::start(server.client(), &policies).await.unwrap();
        targets.settled().await;
        eventually("a watch is open", || server.open_watches() == 1).await;
        let scaler = Scaler::new(targets.clone(), 20);
        Self { server, policies, targets, scaler }
    }

    async fn scale(&self, from: u32, to: u32) -> Outcome {
        self.scale_behind(from, to, &Open::new()).await
    }

    async fn scale_behind(&self, from: u32, to: u32, fence: &impl Fence) -> Outcome {
        let job = JobId::new("streaming", "orders");
        let target = self.policies.policies[0].target.as_ref().unwrap();
        let at = Timestamp::from_millis(1_000);
        let order = Order { job: &job, target, from: Workers(from), to: Workers(to), at };
        self.scaler.scale(&order, fence).await
    }

    fn replicas(&self) -> u64 {
        self.server.object("streaming", "orders").unwrap()["spec"]["taskManager"]["replicas"].as_u64().unwrap()
    }

    fn patches(&self) -> usize {
        self.server.asked(Ask::Patch).len()
    }

    /// Changes the object and waits until the watch has seen it.
    async fn change(&self, change: impl FnOnce(&mut serde_json::Value)) {
        let mut object = self.server.object("streaming", "orders").unwrap();
        change(&mut object);
        self.server.put(object);
        let version = self.server.object("streaming", "orders").unwrap()["metadata"]["resourceVersion"].clone();
        let target = self.policies.policies[0].target.as_ref().unwrap();
        let seen = || self.targets.object(target, "streaming", "orders").unwrap().version.to_string();
        eventually("the change is seen", || version == seen()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_count_is_set_by_one_request_that_names_us() {
    let bench = Bench::new().await;
    assert_eq!(bench.scale(3, 5).await, Outcome::Scaled);
    assert_eq!(bench.replicas(), 5);
    let [uri] = bench.server.asked(Ask::Patch).try_into().unwrap();
    assert!(
        uri.starts_with("/apis/flink.apache.org/v1beta1/namespaces/streaming/flinkdeployments/orders/scale?"),
        "{uri}"
    );
    assert_eq!(
        (parameter(&uri, "fieldManager"), parameter(&uri, "fieldValidation")),
        (Some("steelyard"), Some("Strict"))
    );
    let [body] = bench.server.sent(Ask::Patch).try_into().unwrap();
    assert_eq!(body[0]["value"], "8b6e2f0c-5d1a-4f8e-9c3b-000000orders");
    assert_eq!(
        (&body[1], &body[2]["value"]),
        (&json!({"op": "test", "path": "/spec/replicas", "value": 3}), &json!(5))
    );
    assert_eq!(bench.server.asked(Ask::Other), [""; 0], "and never a GET of /scale");
}

#[tokio::test(start_paused = true)]
async fn what_the_newest_object_speaks_against_is_not_sent() {
    let bench = Bench::new().await;
    assert_eq!(bench.scale(3, 3).await, Outcome::Unneeded);
    assert_eq!(bench.scale(2, 3).await, Outcome::Unneeded);
    assert_eq!(bench.scale(2, 5).await, Outcome::Overtaken, "it was decided from another count");
    assert!(matches!(bench.scale(3, 0).await, Outcome::Invalid(why) if why.contains("0 is never set")));
    bench.change(|object| object["metadata"]["generation"] = json!(5)).await;
    assert!(matches!(bench.scale(3, 5).await, Outcome::Unsafe(why) if why.contains("metadata.generation 5")));
    bench.change(|object| object["status"]["observedGeneration"] = json!(5)).await;
    assert_eq!(bench.scale(3, 5).await, Outcome::Scaled);
    bench.change(|object| object["metadata"]["deletionTimestamp"] = json!("2026-11-21T05:00:00Z")).await;
    assert_eq!(bench.scale(5, 6).await, Outcome::Overtaken);
    bench.change(|object| drop(object["spec"].as_object_mut().unwrap().remove("job"))).await;
    assert_eq!(bench.patches(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_test_that_fails_drops_the_decision() {
    let bench = Bench::new().await;
    let mut other = flink("streaming", "orders", 3);
    other["metadata"]["uid"] = json!("made-anew");
    // No watch hears of it before the patch is sent: the server decides.
    bench.server.delete_unheard("streaming", "orders");
    bench.server.put_unheard(other);
    assert_eq!(bench.scale(3, 5).await, Outcome::Overtaken, "another object of the same name");
    bench.server.put_unheard(flink("streaming", "orders", 4));
    assert_eq!(bench.scale(3, 5).await, Outcome::Overtaken, "another count");
    assert_eq!((bench.replicas(), bench.patches()), (4, 2), "and none is sent again");
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_for_good_is_told_and_not_tried_again() {
    let bench = Bench::new().await;
    let details = json!({"name": "orders", "kind": "FlinkDeployment", "causes": [{"reason": "FieldValueInvalid"}]});
    let message = "spec.taskManager.replicas in body should be less than or equal to 20";
    let invalid = json!({"kind": "Status", "status": "Failure", "code": 422, "reason": "Invalid", "message": message, "details": details});
    for (fault, name, told) in [
        (Fault::Status(403, "User \"x\" cannot patch resource \"flinkdeployments/scale\""), "forbidden", "grant patch"),
        (Fault::Status(403, "denied request: at most 10 task managers"), "forbidden", "at most 10"),
        (Fault::Status(401, "Unauthorized"), "forbidden", "token"),
        (Fault::Status(404, "flinkdeployments.flink.apache.org \"orders\" not found"), "notFound", "404"),
        (Fault::Text(404, "404 page not found"), "notFound", "404 page not found"),
        (Fault::Whole(422, invalid), "invalid", "less than or equal to 20"),
        (Fault::Status(400, "error decoding patch"), "invalid", "error decoding"),
        (Fault::Text(415, ""), "invalid", "415"),
    ] {
        let before = bench.patches();
        bench.server.once(Ask::Patch, fault.clone());
        let outcome = bench.scale(3, 5).await;
        assert_eq!(outcome.name(), name, "{fault:?}: {outcome:?}");
        assert!(outcome.why().unwrap().contains(told), "{outcome:?}");
        assert_eq!(bench.patches(), before + 1, "{fault:?}");
    }
    assert_eq!(bench.replicas(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_passes_is_tried_again_while_the_decision_is_good() {
    for fault in [
        Fault::Later(429, "Too many requests, please try again later.", "1"),
        Fault::Later(503, "the request has been made before all known HTTP paths have been installed", "5"),
        Fault::Status(500, "Internal error occurred: failed calling webhook"),
        Fault::Status(409, "the object has been modified"),
        Fault::Text(504, "{\"metadata\":{},\"code\":504}"),
        Fault::Refused,
        Fault::Silence,
    ] {
        let bench = Bench::new().await;
        bench.server.once(Ask::Patch, fault.clone());
        let began = Instant::now();
        assert_eq!(bench.scale(3, 5).await, Outcome::Scaled, "{fault:?}");
        let took = began.elapsed();
        let least = match fault {
            Fault::Later(_, _, after) => Duration::from_secs(after.parse().unwrap()),
            Fault::Silence => Duration::from_secs(5),
            _ => Duration::from_millis(250),
        };
        assert!(took >= least && took < least + Duration::from_secs(2), "{fault:?} took {took:?}");
        assert_eq!(bench.patches(), 2, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_ends_with_its_decision() {
    for (fault, told) in [
        (Fault::Status(500, "etcdserver: no leader"), "500: etcdserver: no leader"),
        (Fault::Later(429, "Too many requests", "60"), "429: Too many requests"),
        (Fault::Silence, "no answer within 5s"),
        (Fault::Refused, "refused"),
    ] {
        let bench = Bench::new().await;
        bench.server.always(Ask::Patch, Some(fault.clone()));
        let began = Instant::now();
        let outcome = bench.scale(3, 5).await;
        assert!(matches!(&outcome, Outcome::Unavailable(why) if why.contains(told)), "{fault:?}: {outcome:?}");
        // What is left after its life is the time-out of one request.
        assert!(began.elapsed() <= Duration::from_secs(20), "{fault:?} took {:?}", began.elapsed());
        assert!((1..=20).contains(&bench.patches()), "{fault:?}: {}", bench.patches());
    }
}

#[tokio::test(start_paused = true)]
async fn the_fence_is_asked_before_each_attempt() {
    let bench = Bench::new().await;
    let shut = Counting(Mutex::new(0), 0);
    assert_eq!(bench.scale_behind(3, 5, &shut).await, Outcome::Fenced(Fenced::NotLeading));
    assert_eq!(bench.patches(), 0);
    bench.server.always(Ask::Patch, Some(Fault::Status(503, "starting")));
    let twice = Counting(Mutex::new(0), 2);
    assert!(matches!(bench.scale_behind(3, 5, &twice).await, Outcome::Unavailable(why) if why.contains("starting")));
    assert_eq!((bench.patches(), *twice.0.lock().unwrap()), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_lost_is_no_stranger() {
    let bench = Bench::new().await;
    bench.server.once(Ask::Patch, Fault::Lost);
    assert_eq!(bench.scale(3, 5).await, Outcome::Overtaken, "the second attempt finds what the first set");
    assert_eq!((bench.replicas(), bench.patches()), (5, 2));
    let target = bench.policies.policies[0].target.as_ref().unwrap();
    eventually("it is seen", || {
        bench.targets.object(target, "streaming", "orders").unwrap().replicas == Some(Workers(5))
    })
    .await;
    let mut jobs = steelyard::engine::JobTable::default();
    let seen = crate::policies::tick(&bench.targets, &bench.policies, &mut jobs, &[], 15);
    assert_eq!(seen.jobs[0].conflict, None);
}

#[tokio::test(start_paused = true)]
async fn orders_keep_their_pace() {
    let bench = Bench::new().await;
    let began = Instant::now();
    for (from, to) in [(3, 4), (4, 5), (5, 6), (6, 7), (7, 8)] {
        bench.change(|object| object["status"]["observedGeneration"] = object["metadata"]["generation"].clone()).await;
        assert_eq!(bench.scale(from, to).await, Outcome::Scaled);
        bench.change(|object| object["status"]["observedGeneration"] = object["metadata"]["generation"].clone()).await;
    }
    assert!(began.elapsed() >= Duration::from_millis(200), "20 in a second: {:?}", began.elapsed());
}
