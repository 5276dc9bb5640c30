//! Candidates for one Lease, on a paused clock and an API server that holds it as a real one does.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, Response};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::*;

/// What goes wrong, for one candidate's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Weather {
    #[default]
    Fair,
    /// No answer ever comes.
    Silence,
    /// The write is carried out, its answer is lost.
    Lost,
    Status(u16),
}

/// The server; clones are the same one.
#[derive(Clone, Default)]
struct Server {
    lease: Arc<Mutex<Option<Value>>>,
}

impl Server {
    fn client(&self, weather: &Arc<Mutex<Weather>>) -> Client {
        let (server, weather) = (self.clone(), Arc::clone(weather));
        let service = tower::service_fn(move |request: Request<kube::client::Body>| {
            let (server, weather) = (server.clone(), *weather.lock().unwrap());
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect_bytes().await.unwrap();
                if weather == Weather::Silence {
                    std::future::pending::<()>().await;
                }
                if let Weather::Status(code) = weather {
                    return Ok(answer(code, &status(code)));
                }
                let (code, value) = server.carry_out(&parts.method, serde_json::from_slice(&body).ok());
                if weather == Weather::Lost {
                    std::future::pending::<()>().await;
                }
                Ok::<_, Infallible>(answer(code, &value))
            }
        });
        Client::new(service, "steelyard")
    }

    fn carry_out(&self, method: &Method, body: Option<Value>) -> (u16, Value) {
        let mut lease = self.lease.lock().unwrap();
        let version = |lease: &Value| lease["metadata"]["resourceVersion"].as_str().unwrap_or("0").to_owned();
        match (method.as_str(), &*lease, body) {
            ("GET", Some(lease), _) => (200, lease.clone()),
            ("GET", None, _) | ("PUT", None, _) => (404, status(404)),
            ("POST", Some(_), _) => (409, status(409)),
            ("PUT", Some(there), Some(new)) if version(there) != version(&new) => (409, status(409)),
            (_, before, Some(mut new)) => {
                let next = before.as_ref().map_or(0, |lease| version(lease).parse::<u64>().unwrap()) + 1;
                new["metadata"]["resourceVersion"] = json!(next.to_string());
                *lease = Some(new.clone());
                (200, new)
            }
            (method, ..) => panic!("{method} without a body"),
        }
    }

    fn holder(&self) -> String {
        self.lease.lock().unwrap().as_ref().unwrap()["spec"]["holderIdentity"].as_str().unwrap().to_owned()
    }

    fn spec(&self, field: &str) -> Value {
        self.lease.lock().unwrap().as_ref().unwrap()["spec"][field].clone()
    }
}

fn status(code: u16) -> Value {
    let reason = match code {
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        429 => "TooManyRequests",
        _ => "InternalError",
    };
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "no", "reason": reason, "code": code})
}

fn answer(code: u16, value: &Value) -> Response<Body> {
    Response::builder().status(code).body(Body::from(value.to_string())).unwrap()
}

struct Replica {
    leadership: Leadership,
    weather: Arc<Mutex<Weather>>,
    end: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl Replica {
    fn start(server: &Server, identity: &str) -> Self {
        let weather = Arc::new(Mutex::new(Weather::Fair));
        let end = CancellationToken::new();
        let candidate = Candidate { namespace: None, name: "steelyard".into(), identity: identity.into() };
        let started = Instant::now();
        let wall = move || Timestamp::from_millis(1_800_000_000_000).plus(started.elapsed());
        let (leadership, standing) = stand(server.client(&weather), candidate, wall, end.clone());
        Self { leadership, weather, end, task: AbortOnDropHandle::new(tokio::spawn(standing)) }
    }

    fn weather(&self, weather: Weather) {
        *self.weather.lock().unwrap() = weather;
    }

    async fn ends(self) {
        self.end.cancel();
        self.task.await.unwrap();
    }
}

/// Waits until that replica leads.
async fn acquired(replica: &Replica) {
    let mut leadership = replica.leadership.clone();
    while !leadership.holds() {
        leadership.changed().await.expect("it stands for the lease");
    }
}

async fn seconds(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}

/// Looks every 100 ms, as long as told: never two at once. Says how long nobody led.
async fn watch_over(one: &Replica, other: &Replica, span: u64) -> Duration {
    let mut vacant = Duration::ZERO;
    for _ in 0..span * 10 {
        sleep(Duration::from_millis(100)).await;
        match (one.leadership.holds(), other.leadership.holds()) {
            (true, true) => panic!("two leaders"),
            (false, false) => vacant += Duration::from_millis(100),
            _ => {}
        }
    }
    vacant
}

#[tokio::test(start_paused = true)]
async fn the_first_leads_and_the_second_stands_by() {
    let server = Server::default();
    let one = Replica::start(&server, "one");
    acquired(&one).await;
    assert_eq!(server.spec("leaseTransitions"), 0);
    assert_eq!(server.spec("acquireTime"), "2027-01-15T08:00:00.000000Z", "six digits, or it is refused");
    let other = Replica::start(&server, "other");
    assert_eq!(watch_over(&one, &other, 120).await, Duration::ZERO);
    assert!(one.leadership.holds());
    assert_eq!(other.leadership.holder().as_deref(), Some("one"));
    assert_eq!(server.spec("leaseTransitions"), 0);
    assert_ne!(server.spec("renewTime"), server.spec("acquireTime"));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_given_back_is_taken_at_once() {
    let server = Server::default();
    let one = Replica::start(&server, "one");
    acquired(&one).await;
    let other = Replica::start(&server, "other");
    seconds(30).await;
    let leadership = one.leadership.clone();
    one.ends().await;
    assert!(!leadership.holds());
    assert_eq!(server.holder(), "");
    let given_back = Instant::now();
    acquired(&other).await;
    assert!(given_back.elapsed() < Duration::from_secs(3), "{:?}", given_back.elapsed());
    assert_eq!(server.spec("leaseTransitions"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_killed_leader_is_followed_once_its_lease_has_expired() {
    let server = Server::default();
    let one = Replica::start(&server, "one");
    acquired(&one).await;
    let other = Replica::start(&server, "other");
    seconds(30).await;
    drop(one);
    let killed = Instant::now();
    acquired(&other).await;
    let after = killed.elapsed().as_secs();
    // Its last renewal was up to a retry old, and was seen up to a retry late.
    assert!((12..=19).contains(&after), "{after} s");
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_cut_off_stops_before_another_begins() {
    for weather in [Weather::Silence, Weather::Lost, Weather::Status(500), Weather::Status(429)] {
        let server = Server::default();
        let one = Replica::start(&server, "one");
        acquired(&one).await;
        let other = Replica::start(&server, "other");
        seconds(10).await;
        one.weather(weather);
        let vacant = watch_over(&one, &other, 40).await;
        assert!(other.leadership.holds() && !one.leadership.holds(), "{weather:?}");
        // The difference between what a holder believes and what others wait for, and two retries.
        assert!(vacant >= Duration::from_secs(2) && vacant <= Duration::from_secs(11), "{weather:?}: {vacant:?}");
        assert!(one.leadership.trouble().is_some(), "{weather:?}");
        one.weather(Weather::Fair);
        watch_over(&one, &other, 30).await;
        assert_eq!(one.leadership.trouble(), None);
        assert!(one.leadership.holds() != other.leadership.holds());
    }
}

/// A process that was stopped (SIGSTOP) for longer than the Lease lasts: its clock went on, its attempts did not.
#[tokio::test(start_paused = true)]
async fn a_leader_that_was_stopped_does_not_lead_when_it_continues() {
    let server = Server::default();
    let one = Replica::start(&server, "one");
    acquired(&one).await;
    // Nothing of it is polled while time passes.
    one.task.abort();
    seconds(9).await;
    assert!(one.leadership.holds());
    seconds(2).await;
    assert!(!one.leadership.holds());
}

#[tokio::test(start_paused = true)]
async fn a_restarted_process_does_not_take_its_predecessors_lease_for_its_own() {
    let server = Server::default();
    let one = Replica::start(&server, "pod-1");
    acquired(&one).await;
    drop(one);
    let restarted = Instant::now();
    let again = Replica::start(&server, "pod-2");
    acquired(&again).await;
    assert!(restarted.elapsed() >= DURATION, "{:?}", restarted.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_label_on_the_lease_is_no_sign_of_life_and_an_edit_is_answered() {
    let server = Server::default();
    let one = Replica::start(&server, "one");
    acquired(&one).await;
    let other = Replica::start(&server, "other");
    seconds(5).await;
    drop(one);
    let killed = Instant::now();
    for _ in 0..10 {
        seconds(1).await;
        let mut lease = server.lease.lock().unwrap();
        let lease = lease.as_mut().unwrap();
        let version: u64 = lease["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap();
        lease["metadata"]["resourceVersion"] = json!((version + 1).to_string());
    }
    acquired(&other).await;
    assert!(killed.elapsed() < Duration::from_secs(20), "{:?}", killed.elapsed());

    // Somebody deletes it: it is made anew without a pause in the lead worth speaking of.
    *server.lease.lock().unwrap() = None;
    seconds(10).await;
    assert!(other.leadership.holds());
    assert_eq!(server.holder(), "other");
}

#[tokio::test(start_paused = true)]
async fn a_missing_right_is_told_with_its_mend() {
    let server = Server::default();
    let one = Replica::start(&server, "one");
    one.weather(Weather::Status(403));
    seconds(5).await;
    assert!(!one.leadership.holds());
    let trouble = one.leadership.trouble().unwrap();
    assert!(trouble.contains("lease `steelyard` in namespace `steelyard`: 403"), "{trouble}");
    assert!(trouble.contains("grant get, update and create on leases"), "{trouble}");
}

/// Three that crash, are cut off and come back at random: never two leaders, and with fair weather always one at last.
#[tokio::test(start_paused = true)]
async fn whatever_happens_there_are_never_two() {
    for seed in 0..20_u64 {
        let server = Server::default();
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut random = move |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        let mut replicas: Vec<_> = (0..3).map(|n| Replica::start(&server, &format!("r{n}"))).collect();
        for step in 0..600 {
            sleep(Duration::from_millis(500)).await;
            assert!(
                replicas.iter().filter(|replica| replica.leadership.holds()).count() <= 1,
                "seed {seed} step {step}"
            );
            let who = random(3) as usize;
            match random(40) {
                0 => replicas[who] = Replica::start(&server, &format!("r{who}-{step}")),
                1 => replicas[who].weather(Weather::Silence),
                2 => replicas[who].weather(Weather::Lost),
                3 => replicas[who].weather(Weather::Status(503)),
                4..=9 => replicas[who].weather(Weather::Fair),
                _ => {}
            }
        }
        for replica in &replicas {
            replica.weather(Weather::Fair);
        }
        seconds(40).await;
        assert_eq!(replicas.iter().filter(|replica| replica.leadership.holds()).count(), 1, "seed {seed}");
    }
}
