use serde_json::json;
use wiremock::{MockServer, ResponseTemplate};

use super::*;
use crate::engine::Reading::{self, Fresh, Missing, NotFinite, QueryFailed};
use crate::engine::Signal::{Backlog, Cpu, Running, Throughput};
use crate::signals::Connection;
use crate::signals::testing::{AT, answer, connection, policies, policy, series, vector};

async fn see(connection: &Connection, policies: &PolicySet) -> Seen {
    let mut observer = Observer::new(Client::new(connection).unwrap());
    let mut jobs = JobTable::default();
    let seen = observer.observe(&mut jobs, policies, AT);
    // The loop moves between threads.
    fn sendable<T: Send>(future: T) -> T {
        future
    }
    sendable(seen).await
}

fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(|error| error.to_string())
        .collect::<Vec<_>>()
        .join(": ")
}

fn failure(report: &QueryReport) -> String {
    match &report.outcome {
        QueryOutcome::Failed(error) => chain(error),
        other => panic!("expected a failure, found {other:?}"),
    }
}

#[tokio::test]
async fn all_queries_are_joined_at_one_shared_time_to_the_millisecond() {
    let server = MockServer::start().await;
    answer(
        &server,
        "throughput",
        vector(&[
            series("orders", &[("operator", "read")], "100"),
            series("orders", &[("operator", "write")], "NaN"),
            series("payments", &[("operator", "read")], "-1"),
        ]),
    )
    .await;
    answer(&server, "backlog", vector(&[series("orders", &[("operator", "read")], "5")])).await;
    answer(&server, "cpu", vector(&[series("payments", &[], "0.5"), series("orders", &[], "+Inf")])).await;
    answer(&server, "cpu_fallback", vector(&[series("orders", &[], "0.1"), series("invoices", &[], "0.7")])).await;
    answer(&server, "running", vector(&[json!({"metric": {"namespace": "n"}, "value": [1, "3"]})])).await;
    let policies = policies(&[
        (Throughput, &["throughput"]),
        (Backlog, &["backlog"]),
        (Cpu, &["cpu", "cpu_fallback"]),
        (Running, &["running"]),
    ]);
    let seen = see(&connection(&server), &policies).await;

    let mut jobs: Vec<_> = seen
        .observations
        .jobs
        .iter()
        .map(|job| {
            let operators: Vec<_> = job
                .operators
                .iter()
                .map(|found| (found.operator.to_string(), found.throughput, found.backlog))
                .collect();
            (job.id.to_string(), job.cpu, job.running, operators)
        })
        .collect();
    jobs.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let operator = |name: &str, throughput: Reading, backlog| (name.to_owned(), throughput, backlog);
    assert_eq!(
        jobs,
        [
            ("n/invoices".to_owned(), Fresh(0.7), Missing, vec![]),
            (
                "n/orders".to_owned(),
                NotFinite,
                Missing,
                vec![operator("read", Fresh(100.0), Some(Fresh(5.0))), operator("write", NotFinite, None)]
            ),
            ("n/payments".to_owned(), Fresh(0.5), Missing, vec![operator("read", Missing, None)]),
        ]
    );
    assert_eq!(seen.queries.len(), 5);
    let running = seen.queries.iter().find(|report| report.signal == Running).unwrap();
    assert_eq!((running.series, running.unmatched), (1, 1));
    assert_eq!(running.unmatched_example.as_deref(), Some(r#"{namespace="n"}"#));
    assert!(seen.queries.iter().all(|report| matches!(report.outcome, QueryOutcome::Ok)));

    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 5);
    for request in requests {
        let body = String::from_utf8(request.body).unwrap();
        assert!(body.contains("&time=1795229314.078&"), "{body}");
        assert!(body.contains("&timeout="), "{body}");
    }
}

#[tokio::test]
async fn a_query_that_two_classes_share_is_sent_once() {
    let server = MockServer::start().await;
    answer(&server, "shared", vector(&[series("a", &[], "1")])).await;
    let policies = PolicySet {
        policies: vec![
            policy("one", &[(Running, &["shared"])]),
            policy("two", &[(Running, &["shared"]), (Cpu, &["shared"])]),
        ],
    };
    let seen = see(&connection(&server), &policies).await;
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
    assert_eq!(seen.queries.len(), 3);
    let readings: Vec<_> =
        seen.observations.jobs.iter().map(|job| (job.running, job.cpu, job.conflict.as_deref())).collect();
    assert_eq!(readings, [(Fresh(1.0), Missing, Some("policy two")), (Fresh(1.0), Fresh(1.0), Some("policy one"))]);
}

#[tokio::test]
async fn a_server_that_recovers_is_asked_again_and_rows_do_not_come_twice() {
    let server = MockServer::start().await;
    let cut = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"namespace":"n","app":"a"},"value":[1,"1"]},"#;
    for response in [ResponseTemplate::new(503), ResponseTemplate::new(200).set_body_string(cut)] {
        wiremock::Mock::given(wiremock::matchers::any()).respond_with(response).up_to_n_times(1).mount(&server).await;
    }
    answer(&server, "running", vector(&[series("a", &[], "4")])).await;
    let seen = see(&connection(&server), &policies(&[(Running, &["running"])])).await;
    assert_eq!(server.received_requests().await.unwrap().len(), 3);
    assert_eq!(seen.observations.jobs[0].running, Fresh(4.0));
    assert_eq!(seen.queries[0].series, 1);
    assert!(seen.repeated.is_empty());
}

#[tokio::test]
async fn an_answer_that_breaks_off_for_good_still_makes_its_jobs_known() {
    let server = MockServer::start().await;
    let cut = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"namespace":"n","app":"a"},"value":[1,"1"]},"#;
    answer(&server, "running", ResponseTemplate::new(200).set_body_string(cut)).await;
    let seen = see(&connection(&server), &policies(&[(Running, &["running"])])).await;
    assert_eq!(server.received_requests().await.unwrap().len(), 3, "two retries");
    assert_eq!(seen.observations.jobs[0].running, QueryFailed);
    assert!(seen.observations.classes[0].failed.contains(Running));
    assert_eq!(
        failure(&seen.queries[0]),
        format!("failed to query `running` of class `beam`: the answer is cut off after {} bytes", cut.len())
    );
}

#[tokio::test]
async fn a_query_that_is_wrong_is_not_sent_again_and_its_signal_fails() {
    let server = MockServer::start().await;
    let refusal = json!({"status": "error", "errorType": "execution", "error": "many-to-many matching not allowed"});
    answer(&server, "wrong", ResponseTemplate::new(422).set_body_json(refusal)).await;
    answer(&server, "running", vector(&[series("a", &[], "4")])).await;
    let seen = see(&connection(&server), &policies(&[(Running, &["running"]), (Cpu, &["wrong"])])).await;
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
    let job = &seen.observations.jobs[0];
    assert_eq!((job.running, job.cpu), (Fresh(4.0), QueryFailed));
    assert_eq!(seen.observations.classes[0].failed.iter().collect::<Vec<_>>(), [Cpu]);
    let report = seen.queries.iter().find(|report| report.signal == Cpu).unwrap();
    assert_eq!(
        failure(report),
        "failed to query `cpu` of class `beam`: Prometheus refused the query (execution): many-to-many matching not allowed"
    );
}

#[tokio::test]
async fn warnings_make_a_signal_partial() {
    let server = MockServer::start().await;
    let body = json!({"status": "success", "data": {"resultType": "vector", "result": [series("a", &[], "4")]},
        "warnings": ["a store is away"], "infos": ["a hint"]});
    answer(&server, "running", ResponseTemplate::new(200).set_body_json(body)).await;
    let seen = see(&connection(&server), &policies(&[(Running, &["running"])])).await;
    assert_eq!(seen.observations.jobs[0].running, Fresh(4.0));
    let class = &seen.observations.classes[0];
    assert!(class.partial.contains(Running) && class.failed.is_empty());
    assert!(matches!(&seen.queries[0].outcome, QueryOutcome::Partial(warnings) if warnings == &["a store is away"]));
}

#[tokio::test]
async fn a_prometheus_that_hangs_costs_one_time_out_however_many_queries_there_are() {
    let server = MockServer::start().await;
    let hangs = ResponseTemplate::new(200).set_delay(Duration::from_secs(600));
    wiremock::Mock::given(wiremock::matchers::any()).respond_with(hangs).mount(&server).await;
    let mut connection = connection(&server);
    (connection.timeout, connection.concurrency) = (Duration::from_millis(300), 2);
    let names: Vec<String> = (0..40).map(|number| format!("q{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let seen = see(&connection, &policies(&[(Running, &names)])).await;
    assert_eq!(seen.queries.len(), 40);
    assert!(server.received_requests().await.unwrap().len() <= 4, "the rest is not asked");
    let texts: Vec<String> = seen.queries.iter().map(failure).collect();
    let late =
        "failed to query `running` of class `beam`: no answer within 300ms: raise `timeout`, or make the query cheaper";
    let skipped =
        "failed to query `running` of class `beam`: not asked, as Prometheus answered none of the queries before";
    assert!(texts.iter().filter(|text| *text == late).count() >= 2, "{texts:?}");
    assert!(texts.iter().filter(|text| *text == skipped).count() >= 36, "{texts:?}");
    assert!(seen.observations.classes[0].failed.contains(Running));
}

#[tokio::test]
async fn queries_that_are_too_heavy_do_not_keep_others_from_being_asked() {
    let server = MockServer::start().await;
    for heavy in ["heavy1", "heavy2"] {
        answer(&server, heavy, vector(&[]).set_delay(Duration::from_secs(600))).await;
    }
    let one = json!({"status": "success", "data": {"resultType": "scalar", "result": [1, "1"]}});
    answer(&server, "1", ResponseTemplate::new(200).set_body_json(one)).await;
    answer(&server, "running", vector(&[series("a", &[], "4")])).await;
    let mut connection = connection(&server);
    (connection.timeout, connection.concurrency) = (Duration::from_secs(1), 2);
    let seen =
        see(&connection, &policies(&[(Throughput, &["heavy1"]), (Backlog, &["heavy2"]), (Running, &["running"])]))
            .await;
    assert_eq!(seen.observations.jobs[0].running, Fresh(4.0));
    assert_eq!(seen.observations.classes[0].failed.iter().collect::<Vec<_>>(), [Throughput, Backlog]);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_with_the_mend() {
    // Bound and closed again: nobody listens there.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut connection = Connection::new(format!("http://user:hidden@{address}/base/"));
    connection.retries = 1;
    let seen = see(&connection, &policies(&[(Running, &["running"])])).await;
    let text = failure(&seen.queries[0]);
    let start = format!(
        "failed to query `running` of class `beam`: failed to connect to Prometheus at http://{address}/base: check \
         `url`, and `tls` where it is https: "
    );
    assert!(text.starts_with(&start), "{text}");
    assert!(text.contains("refused") && !text.contains("hidden"), "{text}");
}
