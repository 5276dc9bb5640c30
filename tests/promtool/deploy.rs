//! `deploy/prometheus` against the policies: what is kept of a scrape is what they ask for, and the rules are their queries.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Output};

use promql_parser::label::{METRIC_NAME, MatchOp};
use promql_parser::parser::{Expr, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};
use serde_json::{Value, json};
use steelyard::engine::Signal;
use steelyard::policy::Policy;

use super::expect::{Case, Expected, columns};
use super::job::{KAFKA_IO, Kind};
use super::queries::{load, root, shipped};
use super::traps;
use crate::component;

/// The policies that have recording rules of their own.
const RECORDED: [&str; 4] = ["flink-datastream", "beam-flink-reactive", "beam-flink-seed", "beam-flink-portable"];

/// The policy whose rule records a signal: what two ask alike is recorded once.
fn recorder(class: &str, signal: Signal) -> &str {
    if class == "beam-flink-seed" && signal != Signal::Throughput { "beam-flink-reactive" } else { class }
}

fn folder() -> PathBuf {
    root().join("deploy/prometheus")
}

/// The documents of a YAML file, as JSON.
pub fn documents(file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn document(file: &str) -> Value {
    let [document] = documents(file).try_into().unwrap_or_else(|_| panic!("{file} is one document"));
    document
}

fn scrape_configs() -> Vec<Value> {
    document("scrape-configs.yaml")["scrape_configs"].as_array().expect("a list").clone()
}

/// The names of metrics that queries name: plain ones, and regular expressions on `__name__`.
#[derive(Default)]
struct Names(BTreeSet<String>);

impl Names {
    fn of<'a>(queries: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
        let mut names = Self::default();
        for query in queries {
            let expr = promql_parser::parser::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
            walk_expr(&mut names, &expr).expect("nothing here fails");
        }
        names.0
    }

    fn selector(&mut self, selector: &VectorSelector) {
        self.0.extend(selector.name.clone());
        for matcher in selector.matchers.find_matchers(METRIC_NAME) {
            match matcher.op {
                MatchOp::Equal | MatchOp::Re(_) => self.0.insert(matcher.value),
                ref op => panic!("a name by `{op}` keeps what nobody knows"),
            };
        }
    }
}

impl ExprVisitor for Names {
    type Error = std::convert::Infallible;

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool, Self::Error> {
        match expr {
            Expr::VectorSelector(selector) => self.selector(selector),
            Expr::MatrixSelector(selector) => self.selector(&selector.vs),
            _ => {}
        }
        Ok(true)
    }
}

/// Every policy that is shipped.
fn policies() -> Vec<Policy> {
    load(root().join("policies"))
}

fn queries(policies: &[Policy]) -> Vec<&str> {
    policies.iter().flat_map(columns).map(|(_, _, query)| query).collect()
}

/// What a list of metric relabellings keeps: the alternatives of its one `keep`.
fn kept(relabellings: &Value, labels: &str) -> BTreeSet<String> {
    let [keep] = relabellings.as_array().expect("a list").as_slice() else { panic!("one relabelling: {relabellings}") };
    assert_eq!((&keep["action"], &keep[labels]), (&json!("keep"), &json!(["__name__"])));
    keep["regex"].as_str().expect("a regular expression").split('|').map(str::to_owned).collect()
}

#[test]
fn what_is_kept_of_a_scrape_is_what_the_policies_and_rules_ask_for() {
    let policies = policies();
    let rules = document("rules.yaml");
    let rules = rules["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap());
    let rules: Vec<&str> = rules.map(|rule| rule["expr"].as_str().unwrap()).collect();
    let asked = Names::of(queries(&policies));
    assert_eq!(Names::of(rules), asked, "the rules ask what the policies ask");
    let monitors = documents("podmonitors.yaml");
    let configs = scrape_configs();
    let mut kept_of_all = BTreeSet::new();
    for (monitor, config) in monitors.iter().zip(&configs) {
        assert_eq!(monitor["metadata"]["name"], config["job_name"]);
        let plain = kept(&config["metric_relabel_configs"], "source_labels");
        let endpoint = &monitor["spec"]["podMetricsEndpoints"][0];
        assert_eq!(kept(&endpoint["metricRelabelings"], "sourceLabels"), plain, "{}", config["job_name"]);
        kept_of_all.extend(plain);
    }
    assert_eq!(monitors.len(), configs.len());
    // What cAdvisor and kube-state-metrics say is scraped by whoever runs the cluster; README.md names it.
    let readme = std::fs::read_to_string(folder().join("README.md")).unwrap();
    let (others, ours): (BTreeSet<_>, BTreeSet<_>) =
        asked.into_iter().partition(|name| name.starts_with("container_") || name.starts_with("kube_"));
    assert_eq!(kept_of_all, ours);
    let told = readme.split('`').filter(|word| word.starts_with("container_") || word.starts_with("kube_"));
    assert_eq!(told.map(str::to_owned).collect::<BTreeSet<_>>(), others, "README.md names the others");
}

/// One query for a signal: its alternatives, each for the jobs that have no row in those before.
fn recorded(policy: &Policy, signal: Signal) -> String {
    let queries: Vec<&str> =
        columns(policy).into_iter().filter(|column| column.1 == signal).map(|(_, _, query)| query).collect();
    if let [query] = queries.as_slice() {
        return (*query).to_owned();
    }
    let indented = |query: &str| query.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n");
    let parts: Vec<String> = queries.into_iter().map(|query| format!("(\n{}\n)", indented(query))).collect();
    parts.join("\nor on (namespace, app)\n")
}

#[test]
fn the_rules_are_the_queries_of_the_policies() {
    let mut groups = Vec::new();
    for class in RECORDED {
        let policy = shipped(class);
        let rule = |signal: Signal| {
            let record = format!("steelyard:{}:{}", class.replace('-', "_"), signal.name());
            json!({ "record": record, "expr": recorded(&policy, signal) + "\n" })
        };
        let own = policy.signals.iter().filter(|asked| recorder(class, asked.signal) == class);
        let rules: Vec<Value> = own.map(|asked| rule(asked.signal)).collect();
        groups.push(json!({ "name": format!("steelyard-{class}"), "interval": "15s", "rules": rules }));
    }
    assert_eq!(document("rules.yaml")["groups"], json!(groups));
    assert_eq!(document("prometheusrule.yaml")["spec"]["groups"], json!(groups));
}

#[test]
fn the_policies_on_rules_are_the_shipped_ones_but_for_where_readings_come_from() {
    let on_rules = load(folder().join("policies"));
    let mut seen = BTreeSet::new();
    for on_rules in on_rules {
        let class = &*on_rules.plan.class;
        let shipped = shipped(class);
        assert_eq!(on_rules.plan, shipped.plan, "{class}");
        for (on_rules, shipped) in on_rules.signals.iter().zip(&shipped.signals) {
            let rules = recorder(class, shipped.signal).replace('-', "_");
            let rule = format!("steelyard:{rules}:{}", shipped.signal.name());
            let query = if shipped.signal == Signal::Age {
                // A recorded sample ages, too.
                format!("{rule} + (time() - timestamp({rule}))")
            } else {
                rule
            };
            assert_eq!(on_rules.alternatives.len(), 1);
            assert_eq!(on_rules.alternatives[0].parts, [query], "{class}");
            assert_eq!((&on_rules.by, &on_rules.unit), (&shipped.by, &shipped.unit), "{class}: {}", shipped.signal);
            assert_eq!(on_rules.counter, shipped.counter, "{class}: {}", shipped.signal);
        }
        seen.insert(class.to_owned());
    }
    assert_eq!(seen, policies().iter().map(|policy| policy.plan.class.to_string()).collect());
}

fn promtool(arguments: &[&str], folder: &std::path::Path) -> Option<Output> {
    let promtool = component::program("PROMTOOL", "promtool")?;
    Some(Command::new(promtool).args(arguments).current_dir(folder).output().unwrap())
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn promtool_accepts_the_scrape_configs() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = document("scrape-configs.yaml");
    for config in config["scrape_configs"].as_array_mut().unwrap() {
        // Some builds of Prometheus (Debian's) know no Kubernetes; what finds the targets is the same for every job.
        let discovery = config.as_object_mut().unwrap().remove("kubernetes_sd_configs");
        assert_eq!(discovery, Some(json!([{ "role": "pod" }])));
        config["static_configs"] = json!([{ "targets": ["127.0.0.1:1"] }]);
    }
    std::fs::write(folder.path().join("prometheus.yml"), config.to_string()).unwrap();
    let Some(checked) = promtool(&["check", "config", "prometheus.yml"], folder.path()) else { return };
    assert!(checked.status.success(), "{}", said(&checked));
}

#[test]
fn the_recorded_series_say_what_the_queries_say() {
    let folder = tempfile::tempdir().unwrap();
    let job = |operator, table| vec![Expected { namespace: "streaming", app: "orders", operator, table }];
    let rules = document("rules.yaml");
    let mut files = vec!["test", "rules"];
    for (file, class, cases) in [
        (
            "flink.yaml",
            "flink-datastream",
            [
                Case {
                    trap: "normal",
                    name: "two workers",
                    series: super::job::Job::steady(Kind::Flink).series,
                    jobs: job(
                        "Source:_orders",
                        "
                # running runningFor coverage age total backlog cpu busy
                305s 2 300 1 5 60000 500 0.55 0.6
                309s 2 300 1 9 60000 500 0.55 0.6 # between two evaluations
            ",
                    ),
                },
                Case {
                    trap: "lag",
                    name: "the fall-back",
                    series: traps::lag(Kind::Flink),
                    jobs: job(
                        "Source:_orders",
                        "
                305s 3 300 1 5 90000 500 0.57 0.6
            ",
                    ),
                },
            ],
        ),
        (
            "beam.yaml",
            "beam-flink-reactive",
            [
                Case {
                    trap: "normal",
                    name: "an Impulse source",
                    series: traps::impulse(),
                    jobs: job(
                        KAFKA_IO,
                        "
                # running runningFor coverage age total backlog cpu partitions unsafe
                305s 2 300 1 5 60000000 500000 0.3 8 1
            ",
                    ),
                },
                Case {
                    trap: "lag",
                    name: "the fall-back",
                    series: traps::lag(Kind::Beam),
                    jobs: job(
                        KAFKA_IO,
                        "
                305s 3 300 1 5 90000000 500000 0.3 8 -
            ",
                    ),
                },
            ],
        ),
        (
            "portable.yaml",
            "beam-flink-portable",
            [
                Case {
                    trap: "normal",
                    name: "two workers",
                    series: super::job::Job::steady(Kind::Portable).series,
                    jobs: job(
                        "",
                        "
                # running runningFor coverage age throughput backlog cpu partitions unsafe
                305s 2 300 1 5 200 500 0.3 2 2
            ",
                    ),
                },
                Case {
                    trap: "lag",
                    name: "the fall-back",
                    series: traps::lag_of_another(Kind::Portable),
                    jobs: job(
                        "",
                        "
                305s 3 300 1 5 300 - 0.3 - 3
            ",
                    ),
                },
            ],
        ),
    ] {
        let [policy] = load(self::folder().join("policies").join(format!("{class}.yaml"))).try_into().unwrap();
        let tests: Vec<Value> = cases.iter().map(|case| case.to_json(&columns(&policy))).collect();
        let name = json!(format!("steelyard-{class}"));
        let groups: Vec<&Value> =
            rules["groups"].as_array().unwrap().iter().filter(|group| group["name"] == name).collect();
        let rules = format!("{class}-rules.yaml");
        std::fs::write(folder.path().join(&rules), json!({ "groups": groups }).to_string()).unwrap();
        let test = json!({ "rule_files": [rules], "evaluation_interval": "15s", "tests": tests });
        std::fs::write(folder.path().join(file), test.to_string()).unwrap();
        files.push(file);
    }
    let Some(tested) = promtool(&files, folder.path()) else { return };
    assert!(tested.status.success(), "{}", said(&tested));
    assert_eq!(said(&tested).matches("SUCCESS").count(), 3, "{}", said(&tested));
}
