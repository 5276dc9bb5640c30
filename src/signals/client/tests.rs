use serde_json::json;
use wiremock::matchers::{any, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::signals::testing::{AT, answer, connection, instant, series, vector};
use crate::signals::{BasicAuth, Secret};

async fn always(server: &MockServer, response: ResponseTemplate) {
    Mock::given(any()).respond_with(response).mount(server).await;
}

/// The headers of the last request.
async fn sent(server: &MockServer) -> reqwest::header::HeaderMap {
    server.received_requests().await.unwrap().pop().unwrap().headers
}

#[tokio::test]
async fn every_request_says_who_we_are_with_what_the_files_hold_then() {
    let server = MockServer::start().await;
    always(&server, vector(&[])).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("secret");

    let mut token = connection(&server);
    token.bearer_token_file = Some(file.clone());
    token.tenant = Some("team-a".to_owned());
    token.headers.insert("x-extra".to_owned(), Secret::new("more"));
    let client = Client::new(&token).unwrap();
    for text in ["one", "two\n"] {
        std::fs::write(&file, text).unwrap();
        instant(&client, "up", AT).await.unwrap();
        let headers = sent(&server).await;
        assert_eq!(headers["authorization"], format!("Bearer {}", text.trim()));
        assert_eq!(
            (&headers["x-scope-orgid"], &headers["x-extra"]),
            (&"team-a".parse().unwrap(), &"more".parse().unwrap())
        );
        assert!(headers["user-agent"].to_str().unwrap().starts_with("steelyard/"));
    }

    let mut basic = connection(&server);
    let username = "reader".to_owned();
    basic.basic_auth = Some(BasicAuth { username, password: None, password_file: Some(file.clone()) });
    let client = Client::new(&basic).unwrap();
    for (password, encoded) in [("a", "Basic cmVhZGVyOmE="), ("b", "Basic cmVhZGVyOmI=")] {
        std::fs::write(&file, password).unwrap();
        instant(&client, "up", AT).await.unwrap();
        assert_eq!(sent(&server).await["authorization"], encoded);
    }
    std::fs::remove_file(&file).unwrap();
    let error = instant(&client, "up", AT).await.unwrap_err();
    assert!(error.to_string().contains("`basic_auth.password_file`"), "{error}");
}

#[tokio::test]
async fn a_small_question_gives_every_label_and_what_was_said_beside() {
    let server = MockServer::start().await;
    let rows = [series("a", &[("x", "y")], "1"), series("b", &[], "NaN")];
    let body = json!({"status": "success", "data": {"resultType": "vector", "result": rows},
        "warnings": ["w"], "infos": ["i"]});
    answer(&server, "up", ResponseTemplate::new(200).set_body_json(body)).await;
    let found = instant(&Client::new(&connection(&server)).unwrap(), "up", AT).await.unwrap();
    let labels: Vec<_> = found.rows[0].0.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(labels, ["app=a", "namespace=n", "x=y"]);
    assert_eq!(found.rows[0].1, 1.0);
    assert!(found.rows[1].1.is_nan());
    assert_eq!((found.warnings, found.infos, found.histograms), (vec!["w".to_owned()], vec!["i".to_owned()], 0));
}

#[tokio::test]
async fn a_refusal_is_told_with_what_the_server_says_and_where_to_look() {
    let json = |kind: &str, error: &str| json!({"status": "error", "errorType": kind, "error": error});
    for (response, attempts, text) in [
        (
            ResponseTemplate::new(400).set_body_json(json("bad_data", "parse error")),
            1,
            "Prometheus refused the query (bad_data): parse error",
        ),
        (
            ResponseTemplate::new(503).set_body_json(json("timeout", "query timed out")),
            3,
            "Prometheus refused the query (timeout): query timed out",
        ),
        (
            ResponseTemplate::new(429).set_body_json(json("too_many_requests", "slow down")),
            3,
            "Prometheus refused the query (too_many_requests): slow down",
        ),
        (
            ResponseTemplate::new(401).set_body_string("no org id\n"),
            1,
            "answered with status 401 Unauthorized: check `bearer_token`, `bearer_token_file` or `basic_auth` (no org id)",
        ),
        (
            ResponseTemplate::new(403),
            1,
            "answered with status 403 Forbidden: these credentials (or this `tenant`) may not read here",
        ),
        (
            ResponseTemplate::new(404).set_body_string("<html>\n<h1>Not here</h1>"),
            1,
            "answered with status 404 Not Found: check the path in `url`",
        ),
        (
            ResponseTemplate::new(302).insert_header("location", "https://elsewhere/"),
            1,
            "answered with status 302 Found: redirects are not followed, put the final address into `url`",
        ),
        (ResponseTemplate::new(502), 3, "answered with status 502 Bad Gateway"),
        (
            ResponseTemplate::new(200).set_body_string("<html>"),
            1,
            "the answer is not one of the Prometheus API: '<' stands where it cannot (Opening)",
        ),
    ] {
        let server = MockServer::start().await;
        always(&server, response).await;
        let error = instant(&Client::new(&connection(&server)).unwrap(), "up", AT).await.unwrap_err();
        assert_eq!(error.to_string(), text);
        assert_eq!(server.received_requests().await.unwrap().len(), attempts, "{text}");
    }
}

#[tokio::test]
async fn a_time_out_ends_all_attempts_and_tells_the_last() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(503)).up_to_n_times(1).mount(&server).await;
    always(&server, ResponseTemplate::new(200).set_delay(Duration::from_secs(600))).await;
    let mut connection = connection(&server);
    connection.timeout = Duration::from_millis(700);
    let error = instant(&Client::new(&connection).unwrap(), "up", AT).await.unwrap_err();
    let Error::Timeout { within, source: Some(last) } = error else { panic!("expected a time-out: {error:?}") };
    assert_eq!(within, connection.timeout);
    assert_eq!(last.to_string(), "answered with status 503 Service Unavailable");
}

#[tokio::test]
async fn the_version_is_that_of_the_server_below_the_base_path() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path("/base/api/v1/status/buildinfo"))
        .and(header("authorization", "Bearer t"))
        .respond_with(
            ResponseTemplate::new(200).set_body_json(json!({"status": "success", "data": {"version": "3.5.0"}})),
        )
        .mount(&server)
        .await;
    let mut connection = Connection::new(format!("{}/base/", server.uri()));
    connection.bearer_token = Some(Secret::new("t"));
    assert_eq!(Client::new(&connection).unwrap().build_info().await.unwrap(), "3.5.0");
    let wrong = Client::new(&Connection::new(server.uri())).unwrap().build_info().await.unwrap_err();
    assert_eq!(wrong.to_string(), "answered with status 404 Not Found: check the path in `url`");
}

#[tokio::test]
async fn an_answer_may_be_compressed() {
    let server = MockServer::start().await;
    // {"status":"success","data":{"resultType":"vector","result":[{"metric":{"app":"a"},"value":[1,"2"]}]}}
    let compressed = zipped(
        br#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"app":"a"},"value":[1,"2"]}]}}"#,
    );
    let response = ResponseTemplate::new(200).set_body_bytes(compressed).insert_header("content-encoding", "gzip");
    always(&server, response).await;
    let found = instant(&Client::new(&connection(&server)).unwrap(), "up", AT).await.unwrap();
    assert_eq!(found.rows[0].1, 2.0);
    assert!(sent(&server).await["accept-encoding"].to_str().unwrap().contains("gzip"));
}

/// A gzip file with one stored block (RFC 1951, 3.2.4; RFC 1952).
fn zipped(text: &[u8]) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    let crc = text.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 })
    });
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    file.extend(length.to_le_bytes());
    file.extend((!length).to_le_bytes());
    file.extend(text);
    file.extend((!crc).to_le_bytes());
    file.extend(u32::from(length).to_le_bytes());
    file
}
