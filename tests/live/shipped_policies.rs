//! The policies that are shipped, as Prometheus itself reads them.

use std::path::{Path, PathBuf};
use std::process::Command;

use steelyard::policy::{self, Policy};

use crate::component::program;
use crate::support;

/// Recordings of before `deploy/prometheus`: their series have no label `app`, and their policies ask otherwise. `job`
/// stands in for it where the shipped queries are asked of them.
const WITHOUT_APP: [&str; 2] = ["flink-rescale-2-4-3", "beam-step-up"];

fn load(path: impl AsRef<Path>) -> Vec<Policy> {
    policy::load(&[path.as_ref().to_path_buf()]).unwrap_or_else(|problems| panic!("{problems}")).policies
}

fn load_one(path: &Path) -> Policy {
    let [policy] = load(path).try_into().unwrap_or_else(|_| panic!("{} holds one policy", path.display()));
    policy
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn promtool_accepts_every_query() {
    let Some(promtool) = program("PROMTOOL", "promtool") else { return };
    let mut rules = Vec::new();
    for policy in load(root().join("policies")) {
        for (number, query) in policy.signals.iter().flat_map(|signal| &signal.alternatives).enumerate() {
            for part in &query.parts {
                rules.push(serde_json::json!({ "record": format!("query_{}_{number}", rules.len()), "expr": part }));
            }
        }
    }
    assert!(rules.len() >= 16, "two policies of at least eight signals, not {} queries", rules.len());
    let file = tempfile::NamedTempFile::new().unwrap();
    // JSON is YAML.
    let groups = serde_json::json!({ "groups": [{ "name": "shipped", "rules": rules }] });
    serde_json::to_writer(file.as_file(), &groups).unwrap();
    let checked = Command::new(promtool).args(["check", "rules"]).arg(file.path()).output().unwrap();
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{}{said}", String::from_utf8_lossy(&checked.stdout));
}

#[test]
fn the_policy_of_a_recording_asks_what_the_shipped_one_asks() {
    for folder in std::fs::read_dir(root().join("fixtures")).unwrap() {
        let folder = folder.unwrap();
        let file = folder.path().join("policy.yaml");
        if !file.exists() || WITHOUT_APP.iter().any(|name| folder.file_name() == *name) {
            continue;
        }
        let recorded = load_one(&file);
        let shipped = root().join("policies").join(format!("{}.yaml", recorded.plan.class));
        if shipped.exists() {
            assert_eq!(recorded.signals, load_one(&shipped).signals, "{}", file.display());
        }
    }
}

/// A query, with another label in the place of `app`.
fn by_job(query: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut words = query.split_inclusive(|c| !is_word(c));
    words
        .by_ref()
        .map(
            |word| {
                if word.trim_end_matches(|c| !is_word(c)) == "app" {
                    word.replace("app", "job")
                } else {
                    word.to_owned()
                }
            },
        )
        .collect()
}

/// What the shipped queries must say of a recording, at seconds after its beginning: the least and the most.
async fn hold(fixture: &str, policy: &str, begin: f64, truths: &[(u32, &str, f64, f64)]) {
    let archive = root().join("fixtures").join(fixture).join("tsdb.tar.xz");
    let Some(prometheus) = support::prometheus::Prometheus::serving(&archive).await else { return };
    let policy = load_one(&root().join("policies").join(format!("{policy}.yaml")));
    let mut wrong = Vec::new();
    for (after, name, least, most) in truths {
        let (signal, place) = name.split_once(':').map_or((*name, 0), |(name, place)| (name, place.parse().unwrap()));
        let asked = policy.signals.iter().find(|asked| asked.signal.name() == signal).expect("it is asked for");
        let counter = asked.counter;
        // The time of a question can be said inside of the question.
        let at = (begin + f64::from(*after)).round();
        let asked = by_job(&asked.alternatives[place].parts[0]);
        // The group that is read was not called like the job.
        let asked = asked.replace(r#""$1", "consumergroup""#, r#""flink", "consumergroup""#);
        let moment = |at: f64| format!("last_over_time(({asked})[1s:1s] @ {at})");
        let query = if counter {
            // Of a running total: what it grew by in a minute.
            format!("({} - {}) / 60", moment(at), moment(at - 60.0))
        } else {
            moment(at)
        };
        let said = prometheus.number(&query).await;
        if said.is_none_or(|said| said < *least || said > *most) {
            wrong.push(format!("+{after} s: {name} is {said:?} and not {least} to {most}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "{fixture}");
}

#[tokio::test]
async fn the_queries_say_the_truth_of_a_real_flink_job() {
    // fixtures/flink-rescale-2-4-3/README.md: 380 records/s; 397/s is what 2 workers can do.
    let truths = [
        (150, "running", 2.0, 2.0),
        (150, "throughput", 376.0, 384.0),
        (150, "cpu", 0.94, 0.98),
        (150, "busy", 0.94, 1.0),
        (150, "coverage", 1.0, 1.0),
        (150, "age", 0.0, 6.0),
        (325, "running", 3.0, 3.0),
        (325, "runningFor", 8.0, 20.0),
        (360, "running", 4.0, 4.0),
        (360, "runningFor", 15.0, 26.0),
        (600, "running", 4.0, 4.0),
        (600, "throughput", 376.0, 384.0),
        (600, "cpu", 0.47, 0.51),
        (600, "backlog", 0.0, 400.0),
        (1000, "running", 3.0, 3.0),
        (1000, "throughput", 376.0, 384.0),
        (1000, "cpu", 0.62, 0.66),
    ];
    hold("flink-rescale-2-4-3", "flink-datastream", 1_795_174_589.790, &truths).await;
}

#[tokio::test]
async fn the_queries_say_the_truth_of_a_real_beam_job() {
    // fixtures/beam-step-up/README.md: records of 1003 bytes, 320/s from 200 s on; 3 workers do 525 to 554/s.
    let megabytes = 1e6;
    let truths = [
        (95, "running", 1.0, 1.0),
        (95, "throughput", 0.099 * megabytes, 0.102 * megabytes),
        (95, "backlog", 0.0, 0.3 * megabytes),
        (95, "partitions", 8.0, 8.0),
        (330, "backlog", 18.0 * megabytes, 20.0 * megabytes),
        (330, "backlog:1", 18.0 * megabytes, 22.0 * megabytes),
        (330, "throughput", 0.16 * megabytes, 0.19 * megabytes),
        (420, "partitions", 8.0, 8.0),
        (640, "running", 3.0, 3.0),
        (520, "throughput", 0.48 * megabytes, 0.57 * megabytes),
        (640, "coverage", 1.0, 1.0),
        (640, "runningFor", 200.0, 240.0),
    ];
    hold("beam-step-up", "beam-flink-reactive", 1_795_229_314.078, &truths).await;
}
