//! What is expected of every query at some moments, as a table, and promtool's form of it.
//!
//! ```text
//! 305s  200 500 0.55   # each job for itself
//! ```
//! After the time stands a value for each query in the order of [`columns`]: a number, `-` for no row, or `NaN`.

use serde_json::{Value, json};
use steelyard::engine::Signal;
use steelyard::policy::Policy;

use super::series::{STEP, Series};

/// The reason that the shipped policies give for `unsafe`.
const REASON: &str = "an Impulse source fires again in every subtask that a rescale adds";

/// One situation: series, and what the queries say of each job in it.
pub struct Case {
    /// What it shows, as policies/README.md calls it.
    pub trap: &'static str,
    /// In few words.
    pub name: &'static str,
    pub series: Vec<Series>,
    pub jobs: Vec<Expected>,
}

/// What the queries say of one job.
pub struct Expected {
    pub namespace: &'static str,
    pub app: &'static str,
    pub operator: &'static str,
    pub table: &'static str,
}

/// The queries of a policy in the order of its signals, each with its fall-backs: `backlog`, `backlog:1`.
pub fn columns(policy: &Policy) -> Vec<(String, Signal, &str)> {
    let mut columns = Vec::new();
    for signal in &policy.signals {
        for (number, alternative) in signal.alternatives.iter().enumerate() {
            let [query] = alternative.parts.as_slice() else { panic!("{} is cut in parts", signal.signal) };
            let fall_back = if number == 0 { String::new() } else { format!(":{number}") };
            columns.push((format!("{}{fall_back}", signal.signal.name()), signal.signal, query.as_str()));
        }
    }
    columns
}

impl Case {
    /// As an entry of `tests` in a promtool file.
    pub fn to_json(&self, columns: &[(String, Signal, &str)]) -> Value {
        let series: Vec<Value> = self.series.iter().map(Series::to_json).collect();
        let rows: Vec<Vec<Row<'_>>> = self.jobs.iter().map(|job| rows(job, columns.len())).collect();
        let mut asked = Vec::new();
        for (place, row) in rows[0].iter().enumerate() {
            for (column, (name, signal, query)) in columns.iter().enumerate() {
                let mut samples = Vec::new();
                let mut no_number = Vec::new();
                for (job, rows) in self.jobs.iter().zip(&rows) {
                    assert_eq!(rows[place].at, row.at, "{}: every job has the same moments", self.name);
                    let value = rows[place].cells[column];
                    let Expected { namespace, app, operator, .. } = job;
                    match value {
                        "-" | "?" => {}
                        "NaN" => {
                            let labels = format!("{{namespace={namespace:?}, app={app:?}}}");
                            no_number.push(json!({ "labels": labels, "value": 1 }));
                        }
                        _ => {
                            let number: f64 = value.parse().unwrap_or_else(|_| panic!("{}: `{value}`", self.name));
                            let more = match signal {
                                Signal::Throughput | Signal::Backlog if !operator.is_empty() => {
                                    format!(", operator_name={operator:?}")
                                }
                                Signal::Unsafe => format!(", reason={REASON:?}"),
                                _ => String::new(),
                            };
                            let labels = format!("{{namespace={namespace:?}, app={app:?}{more}}}");
                            samples.push(json!({ "labels": labels, "value": number }));
                        }
                    }
                }
                // The comment tells which of them it is where one fails.
                let what = format!("# {}: {name}", self.name);
                let round = format!("round(\n{query}\n, 0.01) {what}");
                let (expr, samples) = if no_number.is_empty() {
                    (round, samples)
                } else {
                    // promtool takes no NaN for another; what is no number differs from itself.
                    (format!("count by (namespace, app) ((\n{query}\n) != (\n{query}\n)) {what}"), no_number)
                };
                asked.push(json!({ "expr": expr, "eval_time": row.at, "exp_samples": samples }));
            }
        }
        let interval = format!("{STEP}s");
        json!({ "name": self.name, "interval": interval, "input_series": series, "promql_expr_test": asked })
    }
}

/// One line of a table.
struct Row<'a> {
    at: &'a str,
    cells: Vec<&'a str>,
}

fn rows<'a>(job: &'a Expected, columns: usize) -> Vec<Row<'a>> {
    let row = |line: &'a str| {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let at = words.next()?;
        let cells: Vec<&str> = words.collect();
        assert_eq!(cells.len(), columns, "as many values as queries: {line}");
        Some(Row { at, cells })
    };
    let rows: Vec<_> = job.table.lines().filter_map(row).collect();
    assert!(!rows.is_empty(), "{}/{} has no moment", job.namespace, job.app);
    rows
}
