//! The objects of the Prometheus operator, as far as they can be held without a cluster: their shape, and that they say what
//! the plain configuration says.

use serde_json::{Map, Value, json};

use super::deploy::documents;

/// The fields of the operator's CRDs (monitoring.coreos.com/v1) that are used here, and no others: a typo is no field.
fn schema(kind: &str, spec: &Value) -> Value {
    let name = json!({ "type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" });
    let labels = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": { "const": "monitoring.coreos.com/v1" },
            "kind": { "const": kind },
            "metadata": {
                "type": "object",
                "additionalProperties": false,
                "required": ["name"],
                "properties": { "name": name, "labels": labels },
            },
            "spec": spec,
        },
    })
}

fn pod_monitor() -> Value {
    let texts = json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 });
    let duration = json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h)$" });
    let label = json!({ "type": "string", "pattern": "^[a-zA-Z_][a-zA-Z0-9_]*$" });
    let relabelling = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "sourceLabels": { "type": "array", "items": label, "minItems": 1 },
            "targetLabel": label,
            "regex": { "type": "string" },
            "replacement": { "type": "string" },
            "separator": { "type": "string" },
            "action": { "enum": ["replace", "keep", "drop", "labeldrop", "labelkeep", "labelmap", "hashmod"] },
        },
    });
    let relabellings = json!({ "type": "array", "items": relabelling, "minItems": 1 });
    let endpoint = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["port"],
        "properties": {
            // A container's port has a name of at most 15 characters.
            "port": { "type": "string", "maxLength": 15 },
            "interval": duration,
            "scrapeTimeout": duration,
            "relabelings": relabellings,
            "metricRelabelings": relabellings,
        },
    });
    let expression = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["key", "operator"],
        "properties": {
            "key": { "type": "string" },
            "operator": { "enum": ["In", "NotIn", "Exists", "DoesNotExist"] },
            "values": texts,
        },
    });
    let selector = json!({
        "type": "object",
        "additionalProperties": false,
        "minProperties": 1,
        "properties": {
            "matchLabels": { "type": "object", "additionalProperties": { "type": "string" } },
            "matchExpressions": { "type": "array", "items": expression },
        },
    });
    let namespaces = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": { "any": { "type": "boolean" }, "matchNames": texts },
    });
    schema(
        "PodMonitor",
        &json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["selector", "podMetricsEndpoints"],
            "properties": {
                "namespaceSelector": namespaces,
                "selector": selector,
                "podMetricsEndpoints": { "type": "array", "items": endpoint, "minItems": 1 },
            },
        }),
    )
}

fn prometheus_rule() -> Value {
    let rule = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["record", "expr"],
        "properties": { "record": { "type": "string" }, "expr": { "type": "string" } },
    });
    let group = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["name", "rules"],
        "properties": {
            "name": { "type": "string" },
            "interval": { "type": "string" },
            "rules": { "type": "array", "items": rule },
        },
    });
    schema(
        "PrometheusRule",
        &json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["groups"],
            "properties": { "groups": { "type": "array", "items": group, "minItems": 1 } },
        }),
    )
}

fn faults(schema: &Value, document: &Value) -> Vec<String> {
    let validator = jsonschema::validator_for(schema).expect("it is a schema");
    validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn the_objects_have_the_shape_of_the_operators_kinds() {
    let none = Vec::<String>::new();
    for monitor in documents("podmonitors.yaml") {
        assert_eq!(faults(&pod_monitor(), &monitor), none, "{}", monitor["metadata"]["name"]);
        let mut typo = monitor.clone();
        typo["spec"]["podMetricsEndpoints"][0]["metricsRelabelings"] = json!([]);
        assert_eq!(faults(&pod_monitor(), &typo).len(), 1, "what is no field is found");
    }
    for rule in documents("prometheusrule.yaml") {
        assert_eq!(faults(&prometheus_rule(), &rule), none);
    }
}

/// `sourceLabels` as `source_labels`, all through.
fn snake_case(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (snake(name), snake_case(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(snake_case).collect()),
        other => other.clone(),
    }
}

fn snake(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_uppercase() { format!("_{}", c.to_ascii_lowercase()) } else { c.to_string() };
    name.chars().map(letter).collect()
}

#[test]
fn a_monitor_gives_the_labels_that_the_plain_configuration_gives() {
    let configs = documents("scrape-configs.yaml").remove(0);
    let configs = configs["scrape_configs"].as_array().unwrap().clone();
    for (monitor, config) in documents("podmonitors.yaml").iter().zip(&configs) {
        let endpoint = snake_case(&monitor["spec"]["podMetricsEndpoints"][0]);
        // Which pods, and where they listen, a monitor says by its selector and its port.
        let labels = |relabellings: &Value| -> Map<String, Value> {
            let all = relabellings.as_array().unwrap().iter();
            all.filter(|one| one["target_label"].as_str().is_some_and(|label| label != "__address__"))
                .map(|one| (one["target_label"].as_str().unwrap().to_owned(), one["source_labels"].clone()))
                .collect()
        };
        assert_eq!(labels(&endpoint["relabelings"]), labels(&config["relabel_configs"]));
        assert!(labels(&endpoint["relabelings"]).contains_key("namespace"));
        assert_eq!(endpoint["metric_relabelings"], config["metric_relabel_configs"]);
        assert_eq!(endpoint["interval"], config["scrape_interval"]);
        assert_eq!(endpoint["scrape_timeout"], config["scrape_timeout"]);
    }
    let flink = &documents("podmonitors.yaml")[0]["spec"];
    let readme = std::fs::read_to_string(super::queries::root().join("deploy/prometheus/README.md")).unwrap();
    let port = flink["podMetricsEndpoints"][0]["port"].as_str().unwrap();
    assert!(
        readme.contains(&format!("ports: [{{ name: {port}, containerPort: 9249 }}]")),
        "the port that pods declare"
    );
}
