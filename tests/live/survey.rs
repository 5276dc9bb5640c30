//! `check --prometheus`: what the queries of a policy give, as a real Prometheus answers them.

use serde_json::{Value, json};

use super::faults::policy;
use crate::support::exporter::{Backlog, Exporter, Job};
use crate::support::prometheus::Prometheus;
use crate::support::steelyard::answer;

#[tokio::test]
async fn the_gaps_of_real_jobs_are_found_and_nothing_else() {
    let exporter = Exporter::start().await;
    for (name, backlog) in [
        ("calm", Backlog::Records { now: 0.0, growth: 0.0 }),
        ("gone", Backlog::Gone),
        ("nan", Backlog::Says(f64::NAN)),
        ("unknown", Backlog::Says(-1.0)),
    ] {
        exporter.set(name, Job::calm(2).backlog(backlog));
    }
    let Some(prometheus) = Prometheus::scraping(&[exporter.target()]).await else { return };
    prometheus.until("min(count_over_time(job_running_seconds[10s]))", |scrapes| scrapes >= 10.0).await;
    let (url, policy) = (prometheus.url(), policy());
    let check = ["check", &policy, "--prometheus", &url];
    let said = answer(&check).await;
    let said: Vec<_> = said.lines().filter(|line| line.contains(": ") && !line.starts_with("live: 4 jobs")).collect();
    assert_eq!(
        said,
        [
            "warning: backlog: unknown (negative, which is never taken for 0) in 1 row of 1 job (`streaming/unknown`)",
            "warning: backlog: NaN, infinite or too large to be true in 1 row of 1 job (`streaming/nan`): is something \
             divided by 0?",
            "warning: backlog: no row for 1 of 4 jobs (`streaming/gone`): such a job is not scaled",
            "1 policy in 1 file: 3 warnings",
        ]
    );
    let found: Value = serde_json::from_str(&answer(&[&check[..], &["--format", "json"]].concat()).await).unwrap();
    let policy = &found["prometheus"]["policies"][0];
    assert_eq!((&policy["jobs"], &policy["age"]["jobs"]), (&json!(4), &json!(4)));
    let age = policy["age"]["maxSeconds"].as_f64().unwrap();
    assert!(age < 10.0, "scraped every second, and {age} s old");
    for signal in policy["signals"].as_array().unwrap() {
        let expected = if signal["signal"] == "backlog" { 3 } else { 4 };
        assert_eq!((&signal["jobs"], &signal["repeated"]["rows"]), (&json!(expected), &json!(0)), "{signal}");
    }
}
