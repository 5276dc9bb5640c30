use std::time::Duration;

use serde_json::{Value, json};
use wiremock::{MockServer, ResponseTemplate};

use super::*;
use crate::engine::Signal::{Age, Backlog, Cpu, Partitions, Running, Throughput, Unsafe};
use crate::signals::testing::{AT, answer, connection, policies, policy, series, vector};

async fn ask(server: &MockServer, policies: &PolicySet) -> Vec<PolicySurvey> {
    survey(&Client::new(&connection(server)).unwrap(), policies, AT).await.unwrap()
}

async fn ask_one(server: &MockServer, policies: &PolicySet) -> PolicySurvey {
    let [survey] = ask(server, policies).await.try_into().unwrap();
    survey
}

fn read(app: &str, value: &str) -> Value {
    series(app, &[("operator", "read")], value)
}

fn names(jobs: &Jobs) -> (usize, Vec<String>) {
    (jobs.count, jobs.examples.iter().map(ToString::to_string).collect())
}

fn some(count: usize, examples: &[&str]) -> (usize, Vec<String>) {
    (count, examples.iter().map(|name| (*name).to_owned()).collect())
}

fn affected(affected: &Affected) -> (usize, (usize, Vec<String>)) {
    (affected.rows, names(&affected.jobs))
}

#[tokio::test]
async fn jobs_with_one_signal_and_not_another_are_counted_and_the_first_are_named() {
    let server = MockServer::start().await;
    let all: Vec<_> = ["f", "e", "d", "c", "b", "a"].map(|app| read(app, "1")).into();
    answer(&server, "processed", vector(&all)).await;
    answer(&server, "waiting", vector(&[read("a", "1"), series("a", &[("operator", "write")], "2"), read("z", "1")]))
        .await;
    let policies = policies(&[(Throughput, &["processed"]), (Backlog, &["waiting"])]);
    let found = ask_one(&server, &policies).await;
    let PolicySurvey { policy, jobs, signals, ages, idle_readers } = &found;
    assert_eq!((&**policy, *jobs, ages, idle_readers), ("beam", 7, &None, &Jobs::default()));
    let [processed, waiting] = &signals[..] else { panic!("{signals:?}") };
    assert_eq!((processed.signal, processed.jobs, processed.alternatives[0].series()), (Throughput, 6, 6));
    assert_eq!(names(&processed.without), some(1, &["n/z"]));
    assert_eq!((waiting.signal, waiting.jobs, waiting.alternatives[0].series()), (Backlog, 2, 3));
    assert_eq!(names(&waiting.without), some(5, &["n/b", "n/c", "n/d"]));
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 2);
    for request in requests {
        let body = String::from_utf8(request.body).unwrap();
        assert!(body.contains("&time=1795229314.078&"), "{body}");
    }
}

#[tokio::test]
async fn each_fall_back_says_for_how_many_jobs_it_answers() {
    let server = MockServer::start().await;
    answer(&server, "first", vector(&[series("a", &[], "-1")])).await;
    answer(&server, "second", vector(&[series("a", &[], "1"), series("b", &[], "NaN"), series("c", &[], "1")])).await;
    answer(&server, "third", vector(&[series("c", &[], "+Inf")])).await;
    let found = ask_one(&server, &policies(&[(Cpu, &["first", "second", "third"])])).await;
    let [cpu] = &found.signals[..] else { panic!("{found:?}") };
    let answers: Vec<_> = cpu.alternatives.iter().map(|one| (one.jobs, one.answers)).collect();
    assert_eq!(answers, [(1, 1), (3, 2), (1, 0)]);
    assert_eq!(affected(&cpu.negative), (1, some(1, &["n/a"])), "a row that says unknown answers all the same");
    assert_eq!(affected(&cpu.not_finite), (1, some(1, &["n/b"])), "what does not answer does not matter");
    assert_eq!((cpu.jobs, names(&cpu.without)), (3, some(0, &[])));
}

#[tokio::test]
async fn labels_that_are_missing_are_told_apart_by_what_they_are_for() {
    let server = MockServer::start().await;
    let bare = |value: &str| json!({"metric": {"pod": "p", "app": ""}, "value": [1, value]});
    answer(&server, "processed", vector(&[bare("1"), bare("2"), series("a", &[("pod", "q")], "3")])).await;
    answer(&server, "harm", vector(&[series("a", &[], "1")])).await;
    answer(&server, "width", vector(&[series("a", &[], "1")])).await;
    let policies = policies(&[(Throughput, &["processed"]), (Unsafe, &["harm"]), (Running, &["width"])]);
    let found = ask_one(&server, &policies).await;
    let gaps: Vec<Vec<_>> = found
        .signals
        .iter()
        .map(|signal| {
            let gaps = signal.alternatives[0].gaps.iter();
            gaps.map(|gap| (gap.by, gap.label.as_str(), gap.rows, gap.example.as_str())).collect()
        })
        .collect();
    let example = r#"{app="", pod="p"}"#;
    assert_eq!(
        gaps,
        [
            vec![
                (By::Namespace, "namespace", 2, example),
                (By::Name, "app", 2, example),
                (By::Operator, "operator", 3, example)
            ],
            vec![(By::Reason, "reason", 1, r#"{app="a", namespace="n"}"#)],
            vec![],
        ]
    );
    let labels: Vec<_> = found.signals[0].alternatives[0].queries[0].labels.iter().map(String::as_str).collect();
    assert_eq!(labels, ["app", "namespace", "pod"]);
    assert_eq!(found.jobs, 1);
}

#[tokio::test]
async fn rows_that_repeat_are_counted_also_over_the_parts_of_a_query() {
    let server = MockServer::start().await;
    answer(&server, "one", vector(&[read("a", "1"), read("a", "2"), read("b", "1")])).await;
    answer(&server, "two", vector(&[read("b", "1"), read("c", "1"), series("c", &[("operator", "write")], "1")])).await;
    answer(&server, "harm", vector(&[series("a", &[], "1"), series("a", &[], "1")])).await;
    let mut policies = policies(&[(Throughput, &["one"]), (Unsafe, &["harm"])]);
    policies.policies[0].signals[0].alternatives[0].parts.push("two".to_owned());
    let found = ask_one(&server, &policies).await;
    let [processed, harm] = &found.signals[..] else { panic!("{found:?}") };
    assert_eq!(affected(&processed.repeated), (4, some(2, &["n/a", "n/b"])));
    assert_eq!(processed.alternatives[0].queries.iter().map(|query| query.series).collect::<Vec<_>>(), [3, 3]);
    assert_eq!(processed.alternatives[0].series(), 6);
    assert_eq!(harm.repeated, Affected::default(), "any row counts");
}

#[tokio::test]
async fn the_age_of_samples_comes_from_the_policys_own_signal() {
    let server = MockServer::start().await;
    let rows = ["1", "61.5", "2", "60", "NaN", "-1"];
    let rows: Vec<_> = rows.iter().zip('a'..).map(|(age, app)| series(&app.to_string(), &[], age)).collect();
    answer(&server, "old", vector(&rows)).await;
    let mut policies = policies(&[(Age, &["old"])]);
    policies.policies[0].plan.stale_after = Duration::from_secs(60);
    let found = ask_one(&server, &policies).await;
    let Ages { jobs, median, max, oldest, limit, stale } = found.ages.unwrap();
    assert_eq!((jobs, median, max), (4, Duration::from_secs(2), Duration::from_millis(61_500)));
    assert_eq!((&*oldest.to_string(), limit, names(&stale)), ("n/b", Duration::from_secs(60), some(1, &["n/b"])));
    assert_eq!(affected(&found.signals[0].not_finite), (1, some(1, &["n/e"])));
}

#[tokio::test]
async fn jobs_with_more_slots_than_partitions_are_named() {
    let server = MockServer::start().await;
    let rows = |values: &[&str]| {
        let rows = values.iter().zip('a'..).filter(|(value, _)| !value.is_empty());
        vector(&rows.map(|(value, app)| series(&app.to_string(), &[], value)).collect::<Vec<_>>())
    };
    answer(&server, "width", rows(&["3", "4", "5", "9", "NaN", "3"])).await;
    answer(&server, "splits", rows(&["1", "8", "8", "", "1", "-1"])).await;
    let mut policies = policies(&[(Running, &["width"]), (Partitions, &["splits"])]);
    assert_eq!(names(&ask_one(&server, &policies).await.idle_readers), some(1, &["n/a"]));
    policies.policies[0].plan.limits.slots_per_worker = 2;
    assert_eq!(names(&ask_one(&server, &policies).await.idle_readers), some(2, &["n/a", "n/c"]), "5 of 2 slots");
}

#[tokio::test]
async fn a_query_that_fails_and_what_prometheus_says_besides_are_told() {
    let server = MockServer::start().await;
    let refusal = json!({"status": "error", "errorType": "bad_data", "error": "unknown function"});
    answer(&server, "wrong", ResponseTemplate::new(400).set_body_json(refusal)).await;
    let histogram = json!({"metric": {"namespace": "n", "app": "b"}, "histogram": [1, {"count": "1", "sum": "2"}]});
    let body = json!({"status": "success", "data": {"resultType": "vector", "result": [series("a", &[], "1"), histogram]},
        "warnings": ["a store is away"], "infos": ["a hint"]});
    answer(&server, "width", ResponseTemplate::new(200).set_body_json(body)).await;
    let found = ask_one(&server, &policies(&[(Cpu, &["wrong"]), (Running, &["width"])])).await;
    let [wrong, width] = [0, 1].map(|place| &found.signals[place].alternatives[0].queries[0]);
    let failure = wrong.failure.as_ref().unwrap();
    assert_eq!(failure.to_string(), "Prometheus refused the query (bad_data): unknown function");
    assert_eq!((wrong.series, width.series, width.histograms), (0, 1, 1));
    assert_eq!((&*width.warnings, &*width.infos), (&["a store is away".to_owned()][..], &["a hint".to_owned()][..]));
    assert!(width.failure.is_none() && width.elapsed > Duration::ZERO);
}

#[tokio::test]
async fn a_query_that_two_policies_share_is_asked_once_and_told_for_both() {
    let server = MockServer::start().await;
    answer(&server, "shared", vector(&[series("a", &[], "1"), series("b", &[], "1")])).await;
    let set =
        PolicySet { policies: vec![policy("one", &[(Running, &["shared"])]), policy("two", &[(Cpu, &["shared"])])] };
    let found = ask(&server, &set).await;
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
    let told: Vec<_> = found.iter().map(|one| (&*one.policy, one.jobs, one.signals[0].signal)).collect();
    assert_eq!(told, [("one", 2, Running), ("two", 2, Cpu)]);
}

#[tokio::test]
async fn no_prometheus_is_an_error_and_not_a_survey() {
    // Bound and closed again: nobody listens there.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut nobody = crate::signals::Connection::new(format!("http://{address}"));
    nobody.retries = 0;
    let other = MockServer::start().await;
    for (connection, expected) in [
        (nobody, format!("failed to connect to Prometheus at http://{address}: check")),
        (connection(&other), "answered with status 404 Not Found: check the path in `url`".to_owned()),
    ] {
        let client = Client::new(&connection).unwrap();
        let error = survey(&client, &policies(&[(Cpu, &["a", "b"])]), AT).await.unwrap_err();
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
}
