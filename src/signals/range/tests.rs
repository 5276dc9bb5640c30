use serde_json::json;
use wiremock::matchers::{body_string_contains, path};
use wiremock::{Mock, MockServer, Request as Received, ResponseTemplate};

use super::*;
use crate::engine::Reading::{Fresh, Missing, NotFinite};
use crate::engine::Signal::{Backlog, Cpu, Running, Throughput};
use crate::signals::testing::{AT, answer, connection, policies, series, vector};
use crate::signals::{KNOWN_FOR, Observer};

const STEP: Duration = Duration::from_millis(15_500);

/// The values that a query has over time, by step; `None`: no sample.
type Course = fn(usize) -> Option<&'static str>;

/// Answers range queries for `query` with the one series `orders` whose values follow `course` from [`AT`] on.
async fn serve(server: &MockServer, query: &str, course: Course) {
    let respond = move |request: &Received| {
        let form = String::from_utf8_lossy(&request.body).into_owned();
        let field =
            |name: &str| -> f64 { form.split('&').find_map(|pair| pair.strip_prefix(name)).unwrap().parse().unwrap() };
        let (start, end, step) = (field("start="), field("end="), field("step="));
        let values: Vec<_> = (0..)
            .map(|place| start + step * f64::from(place))
            .take_while(|time| *time <= end + 1e-6)
            .filter_map(|time| {
                let place = ((time - AT.as_seconds()) / STEP.as_secs_f64()).round() as usize;
                Some(json!([(time * 1000.0).round() / 1000.0, course(place)?]))
            })
            .collect();
        assert!(values.len() <= 11_000, "Prometheus refuses more points");
        let result = if values.is_empty() {
            json!([])
        } else {
            json!([{"metric": {"namespace": "n", "app": "orders", "operator": "read"}, "values": values}])
        };
        ResponseTemplate::new(200)
            .set_body_json(json!({"status": "success", "data": {"resultType": "matrix", "result": result}}))
    };
    Mock::given(path("/api/v1/query_range"))
        .and(body_string_contains(format!("query={query}&")))
        .respond_with(respond)
        .mount(server)
        .await;
}

fn client(server: &MockServer) -> Client {
    Client::new(&connection(server)).unwrap()
}

fn at(place: u32) -> Timestamp {
    AT.plus(STEP * place)
}

#[tokio::test]
async fn a_range_is_what_the_observer_would_have_seen_at_each_step() {
    let courses: [(&str, Course); 5] = [
        ("throughput", |place| Some(["100", "NaN", "-1", "0", "7"][place % 5])),
        ("backlog", |place| (place % 3 > 0).then_some("9")),
        ("cpu", |place| (place % 2 == 0).then_some("0.5")),
        ("fallback", |place| (place > 2).then_some("0.7")),
        ("running", |place| (place > 0).then_some("4")),
    ];
    let policies = policies(&[
        (Throughput, &["throughput"]),
        (Backlog, &["backlog"]),
        (Cpu, &["cpu", "fallback"]),
        (Running, &["running"]),
    ]);
    let server = MockServer::start().await;
    for (query, course) in courses {
        serve(&server, query, course).await;
    }
    let mut jobs = JobTable::default();
    let mut told = Vec::new();
    let progress = |done, total| told.push((done, total));
    // A span that the step does not divide ends with the last step in it.
    let to = at(5).plus(STEP / 2);
    let recorded = range(&client(&server), &mut jobs, &policies, AT, to, STEP, progress).await.unwrap();
    assert_eq!(told, [(0, 5), (1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]);
    let times: Vec<_> = recorded.iter().map(|(time, _)| *time).collect();
    assert_eq!(times, [at(0), at(1), at(2), at(3), at(4), at(5)]);
    let first = &recorded[1].1.jobs[0];
    assert_eq!((first.cpu, first.running, first.operators[0].throughput), (Missing, Fresh(4.0), NotFinite));

    let live = MockServer::start().await;
    let mut observer = Observer::new(client(&live));
    let mut jobs = JobTable::default();
    for (place, (time, observations)) in recorded.into_iter().enumerate() {
        live.reset().await;
        for (query, course) in courses {
            let row = course(place).map(|value| series("orders", &[("operator", "read")], value));
            answer(&live, query, vector(row.as_slice())).await;
        }
        assert_eq!(observer.observe(&mut jobs, &policies, time).await.observations, observations, "step {place}");
    }
}

#[tokio::test]
async fn a_long_range_is_asked_in_pieces_and_a_job_is_known_across_them() {
    let server = MockServer::start().await;
    // The last row is the last point of the first piece.
    serve(&server, "running", |place| (place < 11_000).then_some("2")).await;
    let policies = policies(&[(Running, &["running"])]);
    let mut jobs = JobTable::default();
    let recorded = range(&client(&server), &mut jobs, &policies, AT, at(11_099), STEP, |_, _| ()).await.unwrap();
    assert_eq!(recorded.len(), 11_100);
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
    let kept = (KNOWN_FOR.as_millis() / STEP.as_millis()) as usize;
    for (place, (time, observations)) in recorded.iter().enumerate() {
        assert_eq!(*time, at(place as u32));
        let running: Vec<_> = observations.jobs.iter().map(|job| job.running).collect();
        let expected = match place {
            0..11_000 => vec![Fresh(2.0)],
            _ if place < 11_000 + kept => vec![Missing],
            _ => vec![],
        };
        assert_eq!(running, expected, "step {place}");
    }
}

#[tokio::test]
async fn a_piece_that_is_too_much_for_the_server_is_halved() {
    let server = MockServer::start().await;
    let refusal = json!({"status": "error", "errorType": "execution",
        "error": "query processing would load too many samples into memory in query execution"});
    Mock::given(path("/api/v1/query_range"))
        .respond_with(ResponseTemplate::new(422).set_body_json(refusal))
        .up_to_n_times(2)
        .mount(&server)
        .await;
    serve(&server, "running", |place| Some(["1", "2"][place % 2])).await;
    let policies = policies(&[(Running, &["running"])]);
    let recorded =
        range(&client(&server), &mut JobTable::default(), &policies, AT, at(800), STEP, |_, _| ()).await.unwrap();
    // 801 steps, refused; 400, refused; 200, 200, 401.
    assert_eq!(server.received_requests().await.unwrap().len(), 5);
    assert_eq!(recorded.len(), 801);
    for (place, (_, observations)) in recorded.iter().enumerate() {
        assert_eq!(observations.jobs[0].running, Fresh([1.0, 2.0][place % 2]), "step {place}");
    }
}

#[tokio::test]
async fn warnings_count_for_every_step_and_a_failure_ends_it_all() {
    let server = MockServer::start().await;
    let body = json!({"status": "success", "warnings": ["w"], "data": {"resultType": "matrix", "result": []}});
    Mock::given(body_string_contains("query=cpu&"))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&server)
        .await;
    let cpu = policies(&[(Cpu, &["cpu"])]);
    let recorded = range(&client(&server), &mut JobTable::default(), &cpu, AT, at(1), STEP, |_, _| ()).await.unwrap();
    assert!(recorded.iter().all(|(_, seen)| seen.classes[0].partial.contains(Cpu)) && recorded.len() == 2);

    let refusal = json!({"status": "error", "errorType": "execution", "error": "boom"});
    Mock::given(body_string_contains("query=running&"))
        .respond_with(ResponseTemplate::new(422).set_body_json(refusal))
        .mount(&server)
        .await;
    let both = policies(&[(Cpu, &["cpu"]), (Running, &["running"])]);
    let error = range(&client(&server), &mut JobTable::default(), &both, AT, at(1), STEP, |_, _| ()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "failed to query `running` of class `beam` over a range of time, with the query `running`"
    );
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "Prometheus refused the query (execution): boom");
}

#[test]
fn a_range_that_makes_no_sense_is_refused_with_the_mend() {
    let second = Duration::from_secs(1);
    assert_eq!(steps(AT, AT, second).unwrap(), 1);
    assert_eq!(steps(AT, AT.plus(second), second).unwrap(), 2);
    for (to, step, text) in [
        (AT.minus(second), second, "is before its start"),
        (AT, Duration::ZERO, "must be whole milliseconds and above 0"),
        (AT, Duration::from_micros(1500), "must be whole milliseconds and above 0"),
    ] {
        let error = steps(AT, to, step).unwrap_err().to_string();
        assert!(error.starts_with("cannot ask for this range of time: ") && error.contains(text), "{error}");
    }
}
