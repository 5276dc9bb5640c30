//! What an account must be allowed for a set of policies, and nothing more.
//!
//! Targets are watched, so no `get`; only the count is written, so `patch` on `/scale` alone, which the API server
//! judges apart from the object. Whoever watches a namespace by its name needs a Role there; a glob needs a ClusterRole.

use std::collections::{BTreeMap, BTreeSet};

use kube::core::GroupVersionKind;
use kube::discovery::ApiResource;
use serde_json::{Value, json};

use super::kind;
use super::targets::scopes;
use crate::policy::PolicySet;

const API: &str = "rbac.authorization.k8s.io";

/// For whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Where the daemon runs.
    pub namespace: String,
    /// The name of its ServiceAccount, of its Lease, and of what is made here.
    pub name: String,
}

/// One rule: what may be done with one resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Rule {
    group: String,
    resource: String,
    /// Only the object of that name.
    only: Option<String>,
    verbs: &'static [&'static str],
}

impl Rule {
    fn new(group: &str, resource: &str, verbs: &'static [&'static str]) -> Self {
        Self { group: group.to_owned(), resource: resource.to_owned(), only: None, verbs }
    }

    fn to_json(&self) -> Value {
        let mut rule = json!({ "apiGroups": [self.group], "resources": [self.resource], "verbs": self.verbs });
        if let Some(name) = &self.only {
            rule["resourceNames"] = json!([name]);
        }
        rule
    }
}

/// The roles that the policies need, and their bindings to the account. A target whose `apiVersion` is none needs
/// nothing: the daemon refuses it. The resource of a kind is named by the rule that nearly all kinds follow, its plural
/// in lower case: an API server that could be asked is not needed.
pub fn rbac(policies: &PolicySet, account: &Account) -> Vec<Value> {
    let mut everywhere = BTreeSet::new();
    let mut somewhere: BTreeMap<String, BTreeSet<Rule>> = BTreeMap::new();
    for target in policies.policies.iter().filter_map(|policy| policy.target.as_ref()) {
        let Some(kind) = kind::parse(target) else { continue };
        for scope in scopes(target, &kind) {
            match scope.namespace {
                None => everywhere.extend(needed(&kind)),
                Some(namespace) => somewhere.entry(namespace).or_default().extend(needed(&kind)),
            }
        }
    }
    let lease = Rule { only: Some(account.name.clone()), ..Rule::new(LEASES, "leases", &["get", "update"]) };
    // What is created has no name yet that a rule could name.
    let leases = [lease, Rule::new(LEASES, "leases", &["create"])];
    somewhere.entry(account.namespace.clone()).or_default().extend(leases);

    let mut made = Vec::new();
    if !everywhere.is_empty() {
        // Two installations in one cluster have two.
        let name = format!("{}:{}", account.name, account.namespace);
        made.extend(role(&name, None, &everywhere, account));
    }
    for (namespace, rules) in somewhere {
        let rules: BTreeSet<_> = rules.difference(&everywhere).cloned().collect();
        if !rules.is_empty() {
            made.extend(role(&account.name, Some(&namespace), &rules, account));
        }
    }
    made
}

const LEASES: &str = "coordination.k8s.io";

/// What is done with the objects of a kind, and beside them.
fn needed(kind: &GroupVersionKind) -> Vec<Rule> {
    let resource = ApiResource::from_gvk(kind).plural;
    // A job that another autoscaler scales is left to it. A rule for a kind that the cluster has not is harmless.
    let rivals =
        kind::rivals().map(|rival| Rule::new(&rival.group, &ApiResource::from_gvk(&rival).plural, &["list", "watch"]));
    let mut rules = vec![
        Rule::new(&kind.group, &resource, &["list", "watch"]),
        Rule::new(&kind.group, &format!("{resource}/scale"), &["patch"]),
        Rule::new("events.k8s.io", "events", &["create"]),
    ];
    rules.extend(rivals);
    rules
}

/// A Role with its binding, or a ClusterRole with its own.
fn role(name: &str, namespace: Option<&str>, rules: &BTreeSet<Rule>, account: &Account) -> [Value; 2] {
    let kind = if namespace.is_some() { "Role" } else { "ClusterRole" };
    let metadata = match namespace {
        Some(namespace) => json!({ "name": name, "namespace": namespace }),
        None => json!({ "name": name }),
    };
    let version = format!("{API}/v1");
    let Account { namespace, name: subject } = account;
    [
        json!({
            "apiVersion": version, "kind": kind, "metadata": metadata,
            "rules": rules.iter().map(Rule::to_json).collect::<Vec<_>>(),
        }),
        json!({
            "apiVersion": version, "kind": format!("{kind}Binding"), "metadata": metadata,
            "roleRef": { "apiGroup": API, "kind": kind, "name": name },
            "subjects": [{ "kind": "ServiceAccount", "name": subject, "namespace": namespace }],
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy;

    fn policy(name: &str, api_version: &str, kind: &str, namespaces: &str) -> String {
        format!(
            "apiVersion: steelyard.dev/v1alpha1\nkind: ScalingPolicy\nmetadata: {{ name: {name} }}\nspec:\n  \
             target: {{ apiVersion: {api_version}, kind: {kind}, namespaces: {namespaces}, selector: {{ matchLabels: {{ c: {name} }} }} }}\n  \
             signals:\n    by: {{ namespace: ns, name: app, operator: task }}\n    \
             throughput: {{ query: 'sum by (ns, app, task) (rate(a[2m]))', unit: records }}\n    \
             backlog: {{ query: 'sum by (ns, app, task) (b)', unit: records }}\n    \
             running: {{ query: 'count by (ns, app) (c)' }}\n  limits: {{ maxWorkers: 4 }}\n"
        )
    }

    fn roles(policies: &[String]) -> Vec<(String, Vec<String>)> {
        let policies = policy::parse("test.yaml", &policies.join("---\n")).unwrap_or_else(|error| panic!("{error}"));
        let set = PolicySet { policies };
        let account = Account { namespace: "home".into(), name: "steelyard".into() };
        let made = rbac(&set, &account);
        assert!(made.iter().skip(1).step_by(2).all(|binding| binding["subjects"][0]["namespace"] == "home"));
        let text = |value: &Value| value.as_str().unwrap_or("*").to_owned();
        made.iter()
            .step_by(2)
            .map(|role| {
                let rules = role["rules"].as_array().unwrap().iter();
                let rules = rules.map(|rule| format!("{} {}", text(&rule["resources"][0]), rule["verbs"]));
                (text(&role["metadata"]["namespace"]), rules.collect())
            })
            .collect()
    }

    const FLINK: [&str; 5] = [
        r#"horizontalpodautoscalers ["list","watch"]"#,
        r#"events ["create"]"#,
        r#"flinkdeployments ["list","watch"]"#,
        r#"flinkdeployments/scale ["patch"]"#,
        r#"scaledobjects ["list","watch"]"#,
    ];
    const LEASE: [&str; 2] = [r#"leases ["create"]"#, r#"leases ["get","update"]"#];

    fn owned(namespace: &str, rules: &[&str]) -> (String, Vec<String>) {
        (namespace.to_owned(), rules.iter().map(|rule| (*rule).to_owned()).collect())
    }

    #[test]
    fn a_glob_needs_the_cluster_and_names_need_their_namespaces() {
        let flink = "flink.apache.org/v1beta1";
        assert_eq!(
            roles(&[policy("a", flink, "FlinkDeployment", "['streaming-*']")]),
            [owned("*", &FLINK), owned("home", &LEASE)]
        );
        assert_eq!(
            roles(&[policy("a", flink, "FlinkDeployment", "[one, two]")]),
            [owned("home", &LEASE), owned("one", &FLINK), owned("two", &FLINK)]
        );
    }

    #[test]
    fn what_the_cluster_grants_is_not_granted_again() {
        let flink = "flink.apache.org/v1beta1";
        let policies = [
            policy("a", flink, "FlinkDeployment", "['*']"),
            policy("b", "apps/v1", "Deployment", "[home]"),
            policy("c", flink, "FlinkDeployment", "[one]"),
        ];
        let here = [r#"deployments ["list","watch"]"#, r#"deployments/scale ["patch"]"#];
        assert_eq!(roles(&policies), [owned("*", &FLINK), owned("home", &[here, LEASE].concat())]);
    }
}
