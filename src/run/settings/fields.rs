//! The table of settings: what can be written, and in which form. What holds where nothing is written is in
//! `default.yaml`.

use std::sync::LazyLock;

use crate::policy::fields::{EMPTY, Field, Kind, Table, Text};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut fields = prometheus();
    fields.extend(daemon());
    Table(fields)
});

/// All settings.
pub(super) fn table() -> &'static Table {
    &TABLE
}

fn prometheus() -> Vec<Field> {
    let at = |name: &str, kind: Kind, doc: &str| Field::at(&format!("prometheus.{name}"), kind, doc);
    let (any, secret) = (Kind::Text(Text::Any), Kind::Text(Text::Secret));
    vec![
        Field::at("prometheus", Kind::Section, "Where Prometheus is and how we show who we are"),
        at("url", Kind::Text(Text::Url), "The address of the server, without `/api/v1`"),
        at("timeout", Kind::Duration { least: 1, most: HOUR }, "How long one query may take"),
        at("concurrency", Kind::Count { least: 1, most: 1_000 }, "How many queries are under way at once"),
        at("retries", Kind::Count { least: 0, most: 100 }, "How often a query is sent again after a failure"),
        at("bearer_token", secret, "A bearer token"),
        at("bearer_token_file", any, "A file with a bearer token"),
        at("basic_auth", Kind::Section, "A user and a password"),
        at("basic_auth.username", any, "The user"),
        at("basic_auth.password", secret, "The password"),
        at("basic_auth.password_file", any, "A file with the password"),
        at("tls", Kind::Section, "What is trusted, and the certificate that is shown"),
        at("tls.ca_file", any, "The authorities that are trusted in place of the system's, as PEM"),
        at("tls.cert_file", any, "The certificate that is shown, as PEM"),
        at("tls.key_file", any, "Its private key, as PEM"),
        at("tls.server_name", any, "The name in the server's certificate, where it is not the host of the URL"),
        at("headers", Kind::Free { keys: Text::HeaderName }, "Further headers of each request"),
        at("headers.*", secret, "The value of the header"),
        at("tenant", any, "The tenant, sent as `X-Scope-OrgID`"),
    ]
}

fn daemon() -> Vec<Field> {
    let at = Field::at;
    let any = Kind::Text(Text::Any);
    vec![
        at("kubernetes", Kind::Section, "Whether and how the cluster is watched"),
        at("kubernetes.enabled", Kind::Switch, "Whether it is watched at all"),
        at("kubernetes.kubeconfig", any, "A kubeconfig in place of the usual one").or(EMPTY),
        at("kubernetes.context", any, "A context in place of the current one").or(EMPTY),
        at("kubernetes.lease", Kind::Section, "Which of several replicas writes"),
        at("kubernetes.lease.enabled", Kind::Switch, "Whether only the holder of a Lease writes"),
        at("kubernetes.lease.name", any, "The Lease's name, another one for each installation"),
        at("kubernetes.lease.namespace", any, "The Lease's namespace in place of the pod's own").or(EMPTY),
        at("interval", Kind::Duration { least: 1, most: DAY }, "Between two ticks"),
        at("settle", Kind::Duration { least: 0, most: 10 * MINUTE }, "From a tick's time until it fires"),
        at("jitter", Kind::Duration { least: 0, most: HOUR }, "The most that a tick fires later still"),
        at("policies", Kind::List, "Policy files, and folders of them"),
        at("policies[]", any, "A policy file, or a folder of them"),
        at("mode", Kind::Choice(&["observe", "up", "act"]), "How far any policy may go"),
        at("fleet", Kind::Section, "Limits over all policies"),
        at(
            "fleet.max_concurrent_rescales",
            Kind::Count { least: 1, most: 1_000_000 },
            "How many jobs may be rescaling at once",
        )
        .or(EMPTY),
        at(
            "fleet.max_patches_per_second",
            Kind::Count { least: 1, most: 1_000 },
            "How many counts are set in a second at most",
        ),
        at("listen", Kind::Text(Text::Address), "Where HTTP is served"),
        at("record", any, "A file to which every tick is recorded").or(EMPTY),
        at("log", Kind::Section, "The log"),
        at("log.format", Kind::Choice(&["human", "json"]), "How lines are written"),
        at("log.level", any, "What is logged"),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::layers::DEFAULTS;
    use super::*;
    use crate::policy::source::Source;
    use crate::policy::yaml::{self, Node, What};
    use crate::policy::{Diagnostics, shape};

    fn paths(node: &Node, path: &str, found: &mut Vec<String>) {
        let What::Map(entries) = &node.what else { return };
        for (key, value) in entries {
            let path = if path.is_empty() { key.text.clone() } else { format!("{path}.{}", key.text) };
            paths(value, &path, found);
            found.push(path);
        }
    }

    /// The default file with its commented fields written out.
    fn uncommented() -> String {
        let names: Vec<_> = table().all().iter().map(|field| format!("{}:", field.name())).collect();
        let line = |line: &str| match line.split_once("# ") {
            Some((indent, rest)) if names.iter().any(|name| rest.trim_start().starts_with(name)) => {
                format!("{indent}{rest}\n")
            }
            _ => format!("{line}\n"),
        };
        DEFAULTS.lines().map(line).collect()
    }

    #[test]
    fn the_default_file_names_every_field_and_no_other() {
        for text in [DEFAULTS.to_owned(), uncommented()] {
            let source = Source::new("default.yaml", text.clone());
            let mut problems = Diagnostics::default();
            let documents = yaml::documents(&source, &mut problems);
            shape::read(table(), &documents[0].root, &source, &mut problems);
            assert!(problems.is_empty(), "{problems}");
            let mut found = Vec::new();
            paths(&documents[0].root, "", &mut found);
            let all = text != DEFAULTS;
            for field in table().all().iter().filter(|field| all && !field.path.ends_with(['*', ']'])) {
                assert!(found.contains(&field.path), "{} is not in\n{text}", field.path);
            }
        }
    }
}
