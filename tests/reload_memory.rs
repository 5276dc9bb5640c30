//! A reload that reorders policies takes no job's memory, and gives none to another: the real loop with the real live
//! source, against a scripted Prometheus, at ticks that come as fast as they are asked for.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use steelyard::engine::{Action, Decision, FleetLimits, Observations, Timestamp};
use steelyard::policy::{self, PolicySet};
use steelyard::run::{Clock, Cycle, LiveSource, Pace, Rules, Shutdown, Sink, Source, Ticks, run};
use steelyard::signals::{Client, Connection, Observer};
use tokio::sync::watch;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const START: i64 = 1_795_229_310;
const STEP: u64 = 15;
/// When `payments` comes: its warm-up ends that much later than that of `orders`.
const PAYMENTS_COME: i64 = 60;

/// A policy whose jobs nobody says the running time of: what is known of their start is in memory alone.
fn rules(order: &[&str]) -> Arc<Rules> {
    let parse = |class: &&str| {
        let text = format!(
            "apiVersion: steelyard.dev/v1alpha1\nkind: ScalingPolicy\nmetadata: {{ name: {class} }}\nspec:\n  \
             warmUp: 150s\n  limits: {{ maxWorkers: 20 }}\n  signals:\n    \
             by: {{ namespace: namespace, name: app, operator: operator }}\n    \
             rateWindow: 1m\n    scrapeInterval: 15s\n    \
             throughput: {{ query: {class}_processed, unit: records }}\n    \
             backlog: {{ query: {class}_waiting, unit: records }}\n    running: {{ query: {class}_width }}\n"
        );
        policy::parse(class, &text).unwrap().remove(0)
    };
    let policies = PolicySet { policies: order.iter().map(parse).collect() };
    Arc::new(Rules::telling(Arc::new(policies), FleetLimits::default()))
}

/// One job for each class, named as the class is: idle but for its throughput.
fn answer(request: &Request) -> ResponseTemplate {
    let form = String::from_utf8_lossy(&request.body).into_owned();
    let field = |name: &str| form.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).unwrap();
    let (class, signal) = field("query").split_once('_').unwrap();
    let at: f64 = field("time").parse().unwrap();
    let there = class != "payments" || at >= (START + PAYMENTS_COME) as f64;
    let value = match signal {
        "processed" => "1000",
        "waiting" => "0",
        _ => "4",
    };
    let row = json!({
        "metric": {"namespace": "streaming", "app": class, "operator": "read"},
        "value": [at, value],
    });
    let rows = if there { vec![row] } else { Vec::new() };
    ResponseTemplate::new(200)
        .set_body_json(json!({"status": "success", "data": {"resultType": "vector", "result": rows}}))
}

/// A live source whose ticks do not wait for their time.
struct Hurried {
    live: LiveSource,
    next: Timestamp,
}

impl Source for Hurried {
    async fn next_tick(&mut self) -> Option<Timestamp> {
        let at = self.next;
        self.next = at.plus(Duration::from_secs(STEP));
        Some(at)
    }

    async fn observe(&mut self, policies: &Arc<PolicySet>, at: Timestamp) -> Observations {
        self.live.observe(policies, at).await
    }
}

/// Writes down who is warming up, and reloads at set seconds.
struct Log {
    warming: Arc<Mutex<Vec<(u64, String)>>>,
    reloads: Vec<(u64, &'static [&'static str])>,
    rules: watch::Sender<Arc<Rules>>,
    shutdown: Shutdown,
}

impl Sink for Log {
    async fn carry_out(&mut self, seen: &Observations, decisions: &[Decision]) -> anyhow::Result<()> {
        assert!(!decisions.is_empty());
        let second = decisions[0].at.since(Timestamp::from_millis(START * 1000)).as_secs();
        for (job, decision) in seen.jobs.iter().zip(decisions) {
            assert_eq!(job.id, decision.job);
            match &decision.action {
                Action::Hold(hold) if hold.name() == "warmingUp" => {
                    self.warming.lock().unwrap().push((second, decision.job.name().to_owned()));
                }
                Action::Hold(hold) => assert_eq!(hold.name(), "withinBand", "at {second} s"),
                scale => panic!("at {second} s {}: {scale}", decision.job),
            }
        }
        if let Some((_, order)) = self.reloads.iter().find(|(at, _)| *at == second) {
            self.rules.send_replace(rules(order));
        }
        if second >= 420 {
            self.shutdown.ask();
        }
        Ok(())
    }
}

/// The last second at which each of these jobs was warming up.
async fn warm_after(reloads: Vec<(u64, &'static [&'static str])>) -> [Option<u64>; 2] {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(answer).mount(&server).await;
    let client = Client::new(&Connection::new(server.uri())).unwrap();
    let start = Timestamp::from_millis(START * 1000);
    let pace = Pace { interval: Duration::from_secs(STEP), settle: Duration::ZERO, jitter: Duration::ZERO };
    let ticks = Ticks::new(Clock::showing(move || start), pace);
    let source = Hurried { live: LiveSource::new(ticks, Observer::new(client), Arc::default()), next: start };
    let (sender, receiver) = watch::channel(rules(&["orders", "payments"]));
    let (warming, shutdown) = (Arc::<Mutex<Vec<_>>>::default(), Shutdown::default());
    let sink = Log { warming: Arc::clone(&warming), reloads, rules: sender, shutdown: shutdown.clone() };
    run(source, sink, Cycle { rules: receiver, recorder: None, audience: None }, shutdown).await.unwrap();
    let warming = warming.lock().unwrap();
    ["orders", "payments"].map(|name| warming.iter().filter(|(_, job)| job == name).map(|(second, _)| *second).max())
}

#[tokio::test]
async fn memories_survive_a_reload_that_reorders_policies() {
    let undisturbed = warm_after(Vec::new()).await;
    assert_eq!(undisturbed, [Some(135), Some(195)], "150 s from when each was first seen");
    let reordered = warm_after(vec![
        (105, &["payments", "orders"]),
        (165, &["refunds", "payments", "orders"]),
        // By now both have the points for a trend; with an empty memory they would warm up again.
        (300, &["orders", "refunds", "payments"]),
    ])
    .await;
    assert_eq!(reordered, undisturbed);
}

#[tokio::test]
async fn the_memory_of_a_policy_that_was_away_is_gone() {
    let warm = warm_after(vec![(225, &["payments"]), (255, &["payments", "orders"])]).await;
    assert_eq!(warm, [Some(405), Some(195)], "`orders` begins anew at 270 s, and `payments` does not");
}
