//! Policies and answers for the tests of this room.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use wiremock::matchers::{body_string_contains, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::client::{Client, RowSink};
use super::decode::Envelope;
use super::row::Labels;
use super::{Connection, Error};
use crate::engine::{
    Limits, Mode, Parts, Plan, Preset, Prices, Restart, ScaleDown, ScaleUp, Signal, SignalSet, Timestamp,
};
use crate::policy::{Alternative, JoinLabels, Policy, PolicySet, SignalQuery};

/// A moment that is not a whole second.
pub const AT: Timestamp = Timestamp::from_millis(1_795_229_314_078);

/// A policy that asks for these signals; each alternative is one query.
pub fn policy(class: &str, signals: &[(Signal, &[&str])]) -> Policy {
    let second = Duration::from_secs(1);
    Policy {
        plan: Plan {
            class: Arc::from(class),
            mode: Mode::Observe,
            preset: Preset::Seed,
            signals: signals.iter().map(|(signal, _)| *signal).collect::<SignalSet>(),
            stale_after: second,
            scrape_interval: second,
            rate_window: second,
            commit_interval: None,
            growth_window: second,
            input_window: second,
            scale_up: ScaleUp {
                backlog_time_above: second,
                cpu_above: 0.9,
                drain_target: second,
                load_above: None,
                headroom: 0.0,
                headroom_per_minute: 0.0,
            },
            scale_down: ScaleDown {
                backlog_time_below: second,
                cpu_below: 0.7,
                cpu_target: 0.7,
                headroom: 0.0,
                window: second,
            },
            prices: Prices { lag_objective: second, lag: 12.0, restart: second },
            restart: Restart { delay: second, downtime: second, checkpoint_interval: second },
            parts: Parts::OFF,
            tolerance: 0.0,
            warm_up: second,
            rescale_timeout: second,
            limits: Limits {
                min_workers: 1,
                max_workers: 9,
                max_step_up: None,
                max_step_down: None,
                slots_per_worker: 1,
                max_parallelism: None,
                partitions: None,
                max_workers_total: None,
            },
        },
        target: None,
        signals: signals
            .iter()
            .map(|(signal, queries)| SignalQuery {
                signal: *signal,
                by: JoinLabels {
                    namespace: Some("namespace".to_owned()),
                    name: "app".to_owned(),
                    operator: Some("operator".to_owned()),
                    reason: Some("reason".to_owned()),
                },
                alternatives: queries.iter().map(|query| Alternative { parts: vec![(*query).to_owned()] }).collect(),
                counter: false,
                unit: None,
            })
            .collect(),
        conflict_hold: Duration::from_secs(1800),
        restart: Default::default(),
        text: Arc::from(""),
    }
}

/// One class `beam`.
pub fn policies(signals: &[(Signal, &[&str])]) -> PolicySet {
    PolicySet { policies: vec![policy("beam", signals)] }
}

/// The series `app` in the namespace `n`, with further labels.
pub fn series(app: &str, labels: &[(&str, &str)], value: &str) -> Value {
    let mut metric = json!({"namespace": "n", "app": app});
    for (name, text) in labels {
        metric[*name] = json!(text);
    }
    json!({"metric": metric, "value": [1_795_229_314.078, value]})
}

/// A successful answer with these series.
pub fn vector(series: &[Value]) -> ResponseTemplate {
    ResponseTemplate::new(200)
        .set_body_json(json!({"status": "success", "data": {"resultType": "vector", "result": series}}))
}

/// Answers the instant query `query` (a word that stands in no other).
pub async fn answer(server: &MockServer, query: &str, response: ResponseTemplate) {
    Mock::given(method("POST"))
        .and(path("/api/v1/query"))
        .and(body_string_contains(format!("query={query}&")))
        .respond_with(response)
        .mount(server)
        .await;
}

/// That server, with little patience.
pub fn connection(server: &MockServer) -> Connection {
    Connection::new(server.uri())
}

/// The answer to one instant query, whole.
#[derive(Debug)]
pub struct InstantAnswer {
    /// The labels and the value of each series, as they are.
    pub rows: Vec<(BTreeMap<String, String>, f64)>,
    pub warnings: Vec<String>,
    pub infos: Vec<String>,
    pub histograms: usize,
}

impl RowSink for Vec<(BTreeMap<String, String>, f64)> {
    fn clear(&mut self) {
        Vec::clear(self);
    }
    fn row(&mut self, labels: &Labels<'_>, value: f64) {
        self.push((labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(), value));
    }
}

/// Asks one instant query.
pub async fn instant(client: &Client, query: &str, at: Timestamp) -> Result<InstantAnswer, Error> {
    let mut rows = Vec::new();
    let Envelope { warnings, infos, histograms, .. } = client.vector(query, at, &mut rows).await?;
    Ok(InstantAnswer { rows, warnings, infos, histograms })
}
