use serde_json::{Value, json};
use wiremock::matchers::{body_string_contains, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::engine::{ClassIndex, Grown, JobId, JobObservation, LearnedCapacity, LeftAlone, Workers};
use crate::signals::testing::{AT, connection, policies, vector};

/// A series of ours, as the process behind `instance` exported it.
fn series(instance: &str, labels: Value, value: &str) -> Value {
    let mut metric =
        json!({"class": "beam", "namespace": "n", "name": "orders", "instance": instance, "job": "steelyard"});
    for (name, text) in labels.as_object().unwrap() {
        metric[name] = text.clone();
    }
    json!({"metric": metric, "value": [1_795_229_314.078, value]})
}

/// Answers the query that names that metric, in that way; `%28` is its bracket.
async fn answer(server: &MockServer, function: &str, metric: &str, rows: &[Value]) {
    let query = format!("{function}%28{PREFIX}{metric}");
    Mock::given(method("POST"))
        .and(path("/api/v1/query"))
        .and(body_string_contains(format!("{query}%5B")))
        .respond_with(vector(rows))
        .with_priority(1)
        .mount(server)
        .await;
}

/// Whoever is not named has no rows.
async fn server() -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(vector(&[])).with_priority(9).mount(&server).await;
    server
}

async fn known(server: &MockServer, rows: &[Value]) {
    seen(server, WANTED, rows).await;
}

/// When that metric was sampled last.
async fn seen(server: &MockServer, metric: &str, rows: &[Value]) {
    Mock::given(method("POST"))
        .and(body_string_contains(format!("timestamp%28{PREFIX}{metric}%29")))
        .respond_with(vector(rows))
        .with_priority(1)
        .mount(server)
        .await;
}

async fn read(server: &MockServer, names: &[&str]) -> (Result<Recollected, Error>, Observations) {
    let mut policies = policies(&[]);
    policies.policies[0].plan.scale_down.window = Duration::from_secs(900);
    let class = Arc::clone(&policies.policies[0].plan.class);
    let mut jobs = JobTable::default();
    let mut observations = Observations::default();
    for name in names {
        let index = jobs.intern(&class, "n", name);
        observations.jobs.push(JobObservation::unseen(index, JobId::new("n", name), ClassIndex(0)));
    }
    let client = Client::new(&connection(server)).unwrap();
    let told = recollect(&client, &jobs, &policies, &mut observations, AT).await;
    (told, observations)
}

#[tokio::test]
async fn what_a_process_exported_comes_back_as_it_was_learned() {
    let server = server().await;
    known(&server, &[series("a", json!({}), "1795229300")]).await;
    answer(&server, "max_over_time", WANTED, &[series("a", json!({}), "12")]).await;
    answer(&server, "last_over_time", "job_delay_seconds", &[series("a", json!({}), "42.5")]).await;
    answer(&server, "last_over_time", "job_downtime_seconds", &[series("a", json!({}), "100")]).await;
    answer(&server, "last_over_time", "job_grown_from_workers", &[series("a", json!({}), "4")]).await;
    answer(&server, "last_over_time", "job_grown_timestamp_seconds", &[series("a", json!({}), "1795229000")]).await;
    let capacities = [("8", "1600"), ("4", "900")];
    let rows = capacities.map(|(workers, rate)| series("a", json!({"operator": "read", "workers": workers}), rate));
    answer(&server, "last_over_time", CAPACITY, &rows).await;
    for (gauge, value) in INPUT_GAUGES.iter().zip(["1000", "20", "240", "1795229295"]) {
        let mut rows = vec![series("a", json!({"operator": "read"}), value)];
        if gauge.name == "job_input" {
            // Half an input is none.
            rows.push(series("a", json!({"operator": "write"}), "77"));
        }
        answer(&server, "last_over_time", gauge.name, &rows).await;
    }
    let circuit = json!({"metric": {"class": "beam", "instance": "a"}, "value": [1, "1795229400"]});
    answer(&server, "last_over_time", CIRCUIT_OPEN_UNTIL, &[circuit]).await;

    let (told, observations) = read(&server, &["orders", "payments"]).await;
    assert_eq!(told.unwrap(), Recollected { jobs: 1, strangers: 1 });
    let second = |seconds: i64| Timestamp::from_millis(seconds * 1000);
    let capacity =
        |workers, per_second| LearnedCapacity { operator: "read".into(), workers: Workers(workers), per_second };
    let expected = Learned {
        at: Some(second(1_795_229_300)),
        wanted: Some(Workers(12)),
        delay: Some(Duration::from_millis(42_500)),
        downtime: Some(Duration::from_secs(100)),
        grown: Some(Grown { from: Workers(4), at: second(1_795_229_000), judged: true }),
        capacity: vec![capacity(4, 900.0), capacity(8, 1600.0)],
        inputs: vec![LearnedInput {
            operator: "read".into(),
            per_second: 1000.0,
            deviation: 20.0,
            span: Duration::from_secs(240),
            seen: second(1_795_229_295),
        }],
        ..Learned::default()
    };
    assert_eq!(observations.jobs[0].recalled.as_deref(), Some(&expected));
    assert_eq!(observations.jobs[1].recalled, None);
    assert_eq!(observations.classes[0].circuit_open_until, Some(second(1_795_229_400)));
    // One question for each metric, whatever the number of jobs; wishes are looked for as long as the down window is.
    let asked = server.received_requests().await.unwrap();
    assert_eq!(asked.len(), Topic::all().count());
    assert!(asked.iter().any(|request| String::from_utf8_lossy(&request.body).contains("wanted_workers%5B900s%5D")));
}

#[tokio::test]
async fn the_process_that_spoke_last_is_believed_and_the_largest_wish_of_all_counts() {
    let server = server().await;
    known(&server, &[series("old", json!({}), "1795229000"), series("new", json!({}), "1795229300")]).await;
    answer(&server, "max_over_time", WANTED, &[series("old", json!({}), "20"), series("new", json!({}), "7")]).await;
    let regret = [series("old", json!({}), "9000"), series("new", json!({}), "5")];
    answer(&server, "last_over_time", "job_regret_worker_seconds", &regret).await;
    answer(&server, "last_over_time", "job_downtime_seconds", &[series("old", json!({}), "60")]).await;
    let (_, observations) = read(&server, &["orders"]).await;
    let learned = observations.jobs[0].recalled.as_deref().unwrap();
    assert_eq!((learned.wanted, learned.regret, learned.downtime), (Some(Workers(20)), Some(5.0), None));
}

/// While a job warms up nothing is wanted: a wish may have been there for one tick of ten minutes.
#[tokio::test]
async fn a_process_that_wanted_nothing_of_late_is_believed_and_has_watched_nothing() {
    let server = server().await;
    known(&server, &[series("old", json!({}), "1795229000")]).await;
    seen(&server, REGRET, &[series("old", json!({}), "1795229010"), series("new", json!({}), "1795229300")]).await;
    answer(
        &server,
        "last_over_time",
        "job_downtime_seconds",
        &[series("old", json!({}), "60"), series("new", json!({}), "30")],
    )
    .await;
    let (told, observations) = read(&server, &["orders"]).await;
    assert_eq!(told.unwrap(), Recollected { jobs: 1, strangers: 0 });
    let learned = observations.jobs[0].recalled.as_deref().unwrap();
    assert_eq!((learned.at, learned.downtime), (None, Some(Duration::from_secs(30))));
}

/// A scrape through a PodMonitor gives the target's namespace to every series and renames ours.
#[tokio::test]
async fn labels_that_a_scrape_renamed_are_still_ours() {
    let server = server().await;
    let renamed = |value: &str| {
        let metric = json!({"class": "beam", "exported_namespace": "n", "exported_name": "orders", "namespace": "steelyard",
            "name": "steelyard-0", "instance": "a"});
        json!({"metric": metric, "value": [1, value]})
    };
    known(&server, &[renamed("1795229300")]).await;
    answer(&server, "max_over_time", WANTED, &[renamed("3")]).await;
    let (told, observations) = read(&server, &["orders"]).await;
    assert_eq!(told.unwrap().jobs, 1);
    assert_eq!(observations.jobs[0].recalled.as_deref().unwrap().wanted, Some(Workers(3)));
}

#[tokio::test]
async fn what_is_not_ours_or_not_finite_is_not_believed() {
    let server = server().await;
    known(&server, &[series("a", json!({}), "1795229300"), series("a", json!({"name": "gone"}), "1795229300")]).await;
    answer(&server, "max_over_time", WANTED, &[series("a", json!({"class": "other"}), "3")]).await;
    answer(&server, "last_over_time", "job_regret_worker_seconds", &[series("a", json!({}), "NaN")]).await;
    let (_, observations) = read(&server, &["orders"]).await;
    let learned = observations.jobs[0].recalled.as_deref().unwrap();
    assert_eq!((learned.wanted, learned.regret), (None, None));
}

#[tokio::test]
async fn half_an_answer_is_none() {
    let server = server().await;
    known(&server, &[series("a", json!({}), "1795229300")]).await;
    Mock::given(method("POST"))
        .and(body_string_contains("job_regret"))
        .respond_with(ResponseTemplate::new(422))
        .with_priority(1)
        .mount(&server)
        .await;
    let (told, observations) = read(&server, &["orders"]).await;
    assert!(told.is_err());
    assert_eq!(observations.jobs[0].recalled, None);
}

/// Who must be left alone outlives what else is known: until its time, whoever said it.
#[tokio::test]
async fn until_when_a_job_is_left_alone_is_the_latest_of_all_and_outlives_the_rest() {
    let server = server().await;
    let of = |instance: &str, name: &str, value: &str| series(instance, json!({"name": name}), value);
    known(&server, &[of("new", "orders", "1795229300")]).await;
    answer(&server, "last_over_time", "job_asked_workers", &[of("new", "orders", "7")]).await;
    let until = [
        of("old", "orders", "1795236000"),
        of("new", "orders", "1795232000"),
        // Nothing else is left of the process that left this one alone.
        of("old", "payments", "1795239600"),
    ];
    answer(&server, "last_over_time", LEFT_ALONE[0], &until).await;
    let reverts = [of("old", "orders", "3"), of("new", "orders", "1"), of("old", "payments", "2")];
    answer(&server, "last_over_time", LEFT_ALONE[1], &reverts).await;
    let (told, observations) = read(&server, &["orders", "payments"]).await;
    assert_eq!(told.unwrap(), Recollected { jobs: 2, strangers: 0 });
    let left_alone = |until: i64, reverts| Some(LeftAlone { until: Timestamp::from_millis(until * 1000), reverts });
    let orders = observations.jobs[0].recalled.as_deref().unwrap();
    assert_eq!((orders.asked, orders.left_alone), (Some(Workers(7)), left_alone(1_795_236_000, 3)));
    let payments = observations.jobs[1].recalled.as_deref().unwrap();
    assert_eq!(*payments, Learned { left_alone: left_alone(1_795_239_600, 2), ..Learned::default() });
    let asked = server.received_requests().await.unwrap();
    let reach = |name: &str| asked.iter().any(|request| String::from_utf8_lossy(&request.body).contains(name));
    assert!(reach("job_left_alone_reverts%5B172800s%5D") && reach("job_asked_workers%5B600s%5D"));
}
