//! The daemon's sink against a scripted API server: decisions become patches, and are told on the board, in the
//! metrics and as Events.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use steelyard::cluster::{Events, Fence, Fenced, Scaler, Targets};
use steelyard::engine::{
    Action, Decision, FleetLimits, Hold, JobTable, Mode, Observations, Reading, Timestamp, Workers,
};
use steelyard::policy::PolicySet;
use steelyard::run::{Acting, Rules, Sight, Sink as _, Tools};
use steelyard::serve::Board;
use steelyard::telemetry::Metrics;
use tokio::sync::watch;

use crate::objects::{flink, target};
use crate::policies::{policies, tick};
use crate::server::{Ask, Fault, Server, eventually};

const INTERVAL: Duration = Duration::from_secs(15);

struct Bench {
    server: Server,
    policies: Arc<PolicySet>,
    targets: Targets,
    jobs: JobTable,
    sight: Sight,
    rules: watch::Sender<Arc<Rules>>,
    board: Arc<Board>,
    metrics: Arc<Metrics>,
    acting: Acting,
}

impl Bench {
    async fn with(objects: &[Value]) -> Self {
        let server = Server::default();
        objects.iter().for_each(|object| server.put(object.clone()));
        let policies = Arc::new(policies([("beam", Some(target(&["streaming"], "")))]));
        let targets = Targets::start(server.client(), &policies).await.unwrap();
        targets.settled().await;
        eventually("a watch is open", || server.open_watches() == 1).await;
        let (rules, receiver) = watch::channel(rules(&policies, Mode::Act));
        let (sight, board, metrics) = (Sight::default(), Arc::<Board>::default(), Arc::<Metrics>::default());
        let counted = Arc::clone(&metrics);
        let count = move |written| {
            counted.event_written(if written == steelyard::cluster::Written::Done { "done" } else { "failed" })
        };
        let acting = Acting::new(Tools {
            scaler: Scaler::new(targets.clone(), 20),
            events: Events::new(server.client(), "steelyard-0", count),
            sight: sight.clone(),
            rules: receiver,
            interval: INTERVAL,
            board: Arc::clone(&board),
            metrics: Arc::clone(&metrics),
        });
        Self { server, policies, targets, jobs: JobTable::default(), sight, rules, board, metrics, acting }
    }

    /// One tick at which each job (they come sorted by name) is decided like this.
    async fn tick(&mut self, second: i64, actions: &[Action]) -> Observations {
        self.sight.begin(&self.policies);
        let mut seen = tick(&self.targets, &self.policies, &mut self.jobs, &[], second);
        assert_eq!(seen.jobs.len(), actions.len());
        for job in &mut seen.jobs {
            job.running = job.wished;
            job.running_for = Reading::Fresh(3600.0);
        }
        self.carry_out(&seen, second, actions).await;
        seen
    }

    async fn carry_out(&mut self, seen: &Observations, second: i64, actions: &[Action]) {
        let at = Timestamp::from_millis(second * 1000);
        let decide = |(job, action): (&steelyard::engine::JobObservation, &Action)| Decision {
            job: job.id.clone(),
            at,
            action: action.clone(),
            because: Vec::new(),
        };
        let decisions: Vec<_> = seen.jobs.iter().zip(actions).map(decide).collect();
        self.acting.carry_out(seen, &decisions).await.unwrap();
    }

    fn replicas(&self, name: &str) -> u64 {
        self.server.object("streaming", name).unwrap()["spec"]["taskManager"]["replicas"].as_u64().unwrap()
    }

    async fn events(&self, count: usize) -> Vec<Value> {
        eventually("the events are written", || self.server.sent(Ask::Event).len() >= count).await;
        self.server.sent(Ask::Event)
    }
}

fn rules(policies: &Arc<PolicySet>, mode: Mode) -> Arc<Rules> {
    Arc::new(Rules::new(Arc::clone(policies), FleetLimits::default(), mode))
}

fn scale(from: u32, to: u32) -> Action {
    Action::Scale { from: Workers(from), to: Workers(to) }
}

#[tokio::test(start_paused = true)]
async fn decisions_are_carried_out_and_told() {
    let mut bench = Bench::with(&[flink("streaming", "clicks", 4), flink("streaming", "orders", 3)]).await;
    bench.tick(15, &[Action::Hold(Hold::WithinBand), scale(3, 5)]).await;
    assert_eq!((bench.replicas("clicks"), bench.replicas("orders")), (4, 5));

    let [event] = bench.events(1).await.try_into().unwrap();
    assert_eq!((&event["reason"], &event["type"]), (&json!("Scaled"), &json!("Normal")));
    assert_eq!(event["regarding"]["uid"], "8b6e2f0c-5d1a-4f8e-9c3b-000000orders");
    assert!(event["note"].as_str().unwrap().starts_with("scaled 3 -> 5"), "{event}");
    let [act] = bench.board.acts().try_into().unwrap();
    assert_eq!((act.outcome, act.from, act.to, act.why), ("scaled", Workers(3), Workers(5), None));
    let text = bench.metrics.text();
    assert!(text.contains("steelyard_patches_total{class=\"beam\",outcome=\"scaled\"} 1\n"), "{text}");
    eventually("the event is counted", || bench.metrics.text().contains("events_total{outcome=\"done\"} 1\n")).await;
}

#[tokio::test(start_paused = true)]
async fn a_rescale_is_followed_to_its_end() {
    let mut bench = Bench::with(&[flink("streaming", "orders", 3)]).await;
    let mut seen = bench.tick(0, &[scale(3, 5)]).await;
    let hold = [Action::Hold(Hold::WithinBand)];
    let job = &mut seen.jobs[0];
    (job.wished, job.running, job.running_for) = (Reading::Fresh(5.0), Reading::Fresh(5.0), Reading::Fresh(10.0));
    bench.sight.begin(&bench.policies);
    bench.carry_out(&seen, 45, &hold).await;
    let text = bench.metrics.text();
    for stage in ["restarted", "width"] {
        let line = format!("steelyard_rescale_duration_seconds_sum{{class=\"beam\",stage=\"{stage}\"}} 45.0\n");
        assert!(text.contains(&line), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_shown_until_it_is_over_and_told_once() {
    let mut bench = Bench::with(&[flink("streaming", "orders", 3)]).await;
    let forbidden = Fault::Status(403, "User \"x\" cannot patch resource \"flinkdeployments/scale\"");
    bench.server.always(Ask::Patch, Some(forbidden));
    for second in [15, 30, 45] {
        bench.tick(second, &[scale(3, 5)]).await;
    }
    let [failing] = bench.board.readiness().failing.try_into().unwrap();
    assert_eq!((failing.outcome, failing.job.to_string()), ("forbidden", "streaming/orders".to_owned()));
    assert!(failing.why.unwrap().contains("grant patch on its scale subresource"));
    bench.server.always(Ask::Patch, None);
    bench.tick(60, &[scale(3, 5)]).await;
    assert_eq!(bench.board.readiness().failing, []);
    let reasons: Vec<_> =
        bench.events(2).await.iter().map(|event| event["reason"].as_str().unwrap().to_owned()).collect();
    assert_eq!(reasons, ["ScaleFailed", "Scaled"]);
    assert!(bench.metrics.text().contains("steelyard_patches_total{class=\"beam\",outcome=\"forbidden\"} 3\n"));
}

#[tokio::test(start_paused = true)]
async fn holds_that_somebody_should_see_are_events_unless_only_observed() {
    let mut session = flink("streaming", "session", 2);
    session["spec"].as_object_mut().unwrap().remove("job");
    let mut upgrading = flink("streaming", "upgrading", 2);
    upgrading["metadata"]["generation"] = json!(5);
    let mut bench = Bench::with(&[flink("streaming", "orders", 3), session, upgrading]).await;
    let held = |seen: &Observations| -> Vec<Action> {
        let hold = |why: &Option<Arc<str>>| {
            why.clone().map_or(Hold::Unstable { restarts: 3 }, |why| Hold::UnsafeTarget { why })
        };
        seen.jobs.iter().map(|job| Action::Hold(hold(&job.unsafe_reason))).collect()
    };
    let seen = tick(&bench.targets, &bench.policies, &mut bench.jobs, &[], 0);
    for (mode, second) in [(Mode::Observe, 15), (Mode::Up, 30), (Mode::Act, 45)] {
        bench.rules.send_replace(rules(&bench.policies, mode));
        bench.tick(second, &held(&seen)).await;
    }
    let events = bench.events(2).await;
    let told: Vec<_> = events
        .iter()
        .map(|event| (event["regarding"]["name"].as_str().unwrap(), event["reason"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("orders", "Unstable"), ("session", "UnsafeTarget")], "an upgrade passes by itself");
    assert!(events[1]["note"].as_str().unwrap().contains("session cluster"));
    assert_eq!(bench.server.asked(Ask::Patch), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_was_decided_too_long_ago_or_under_another_mode_is_not_carried_out() {
    let mut bench = Bench::with(&[flink("streaming", "orders", 3)]).await;
    let seen = tick(&bench.targets, &bench.policies, &mut bench.jobs, &[], 0);
    bench.sight.begin(&bench.policies);
    tokio::time::advance(INTERVAL).await;
    bench.carry_out(&seen, 15, &[scale(3, 5)]).await;
    bench.rules.send_replace(rules(&bench.policies, Mode::Up));
    bench.tick(30, &[scale(3, 2)]).await;
    assert_eq!(bench.server.asked(Ask::Patch), [""; 0]);
    bench.tick(45, &[scale(3, 4)]).await;
    assert_eq!(bench.replicas("orders"), 4, "an increase may pass");
    let outcomes: Vec<_> = bench.board.acts().iter().map(|act| act.outcome).collect();
    assert_eq!(outcomes, ["fenced", "fenced", "scaled"]);
}

#[tokio::test(start_paused = true)]
async fn few_patches_are_under_way_at_once_and_what_is_left_is_decided_anew() {
    let names: Vec<_> = (0..40).map(|number| format!("job-{number:02}")).collect();
    let objects: Vec<_> = names.iter().map(|name| flink("streaming", name, 3)).collect();
    let mut bench = Bench::with(&objects).await;
    bench.server.slow_patches(Duration::from_secs(4));
    let began = tokio::time::Instant::now();
    bench.tick(15, &vec![scale(3, 5); 40]).await;
    assert_eq!(bench.server.most_patches_under_way(), 8);
    // Four rounds begin within the decisions' 15 s; the last of them ends after it.
    assert!(began.elapsed() < INTERVAL + Duration::from_secs(5), "{:?}", began.elapsed());
    let outcomes: Vec<_> = bench.board.acts().iter().map(|act| act.outcome).collect();
    let count = |name| outcomes.iter().filter(|outcome| **outcome == name).count();
    assert_eq!((count("scaled"), count("fenced")), (32, 8));
}

struct Standby;

impl Fence for Standby {
    fn may_write(&self) -> Result<Duration, Fenced> {
        Err(Fenced::NotLeading)
    }
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_does_not_lead_writes_nothing() {
    let mut bench = Bench::with(&[flink("streaming", "orders", 3)]).await;
    bench.acting = bench.acting.behind(Arc::new(Standby));
    bench.tick(15, &[scale(3, 5)]).await;
    bench.tick(30, &[Action::Hold(Hold::Unstable { restarts: 3 })]).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!((bench.server.asked(Ask::Patch).len(), bench.server.asked(Ask::Event).len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn increases_come_first_where_the_time_is_short() {
    let names = ["a", "b", "c"];
    let objects: Vec<_> = names.iter().map(|name| flink("streaming", name, 4)).collect();
    let mut bench = Bench::with(&objects).await;
    bench.tick(15, &[scale(4, 2), scale(4, 5), scale(4, 8)]).await;
    let order: Vec<_> =
        bench.server.asked(Ask::Patch).iter().map(|uri| uri.split('/').nth(7).unwrap().to_owned()).collect();
    assert_eq!(order, ["c", "b", "a"]);
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_takes_no_events_holds_nothing_up() {
    let mut bench = Bench::with(&[flink("streaming", "orders", 3)]).await;
    bench.server.always(Ask::Event, Some(Fault::Silence));
    let began = tokio::time::Instant::now();
    bench.tick(15, &[scale(3, 5)]).await;
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(bench.replicas("orders"), 5);
    eventually("it is counted", || bench.metrics.text().contains("steelyard_events_total{outcome=\"failed\"} 1\n"))
        .await;
}
