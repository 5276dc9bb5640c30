//! The four layers: each held against the table of fields, then put on each other by the `config` crate.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use config::{Config, ConfigError, Map, Value, ValueKind};

use super::fields::table;
use super::{Settings, cross, mask};
use crate::policy::fields::Kind;
use crate::policy::source::{Shows, Source, Span};
use crate::policy::values::Values;
use crate::policy::yaml::{self, Key, Node, What};
use crate::policy::{Diagnostics, files, shape};

/// The innermost layer.
pub(super) const DEFAULTS: &str = include_str!("default.yaml");
/// What the names of the environment's variables begin with. The separator is doubled here too: Kubernetes puts
/// STEELYARD_PORT into the pods of a namespace that has a Service of that name.
const PREFIX: &str = "STEELYARD__";
/// Read from the working directory if it is there and no other file is named.
const USUAL_FILE: &str = "steelyard.yaml";
/// What the command line says about settings.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `prometheus.url`
    pub prometheus_url: Option<String>,
    /// `policies`; empty: not given.
    pub policies: Vec<PathBuf>,
    /// `interval`, as text.
    pub interval: Option<String>,
    /// `listen`
    pub listen: Option<String>,
    /// `record`
    pub record: Option<PathBuf>,
    /// `log.format`, by name.
    pub log_format: Option<String>,
}

/// Where settings come from. They can be read again and again, as the file changes.
#[derive(Debug, Clone)]
pub struct Layers {
    file: Option<PathBuf>,
    environment: BTreeMap<String, String>,
    flags: Flags,
    query_timeout: Option<Duration>,
}

impl Layers {
    /// The file that is named, or `steelyard.yaml` where it is there; this process's environment; the flags.
    pub fn of_process(file: Option<PathBuf>, flags: Flags) -> Self {
        let usual = || Some(PathBuf::from(USUAL_FILE)).filter(|file| file.exists());
        // A name or value that is no Unicode is none of ours, or is refused as an empty one.
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().unwrap_or_default())));
        Self::new(file.or_else(usual), environment, flags)
    }

    /// Exactly these.
    pub fn new(file: Option<PathBuf>, environment: impl IntoIterator<Item = (String, String)>, flags: Flags) -> Self {
        let ours = |(name, value): &(String, String)| name.starts_with(PREFIX) && !value.is_empty();
        Self { file, environment: environment.into_iter().filter(ours).collect(), flags, query_timeout: None }
    }

    /// Gives a query this long where no layer says how long, instead of the time that fits a tick.
    #[must_use]
    pub fn with_query_timeout(self, timeout: Duration) -> Self {
        Self { query_timeout: Some(timeout), ..self }
    }

    /// The settings file, if there is one.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Reads all layers.
    ///
    /// # Errors
    /// All that is wrong with them: what, where (file with line and column, variable or flag) and the mend.
    pub fn read(&self) -> Result<Settings, Diagnostics> {
        let mut problems = Diagnostics::default();
        let defaults = Layer::of(Source::new("default.yaml", DEFAULTS), false, &mut problems);
        let mut layers = vec![Layer { is_given: false, ..defaults }];
        layers.extend(self.query_timeout.map(|timeout| {
            let text = humantime::format_duration(timeout).to_string();
            Layer { is_given: false, ..Layer::single("default", "prometheus.timeout", &[text], &mut problems) }
        }));
        let before = problems.len();
        layers.extend(self.file.as_deref().and_then(|file| Layer::file(file, &mut problems)));
        let whole = problems.len() == before || layers.iter().any(|layer| layer.is_given && layer.root.is_some());
        for (name, value) in &self.environment {
            layers.push(Layer::variable(name, value, &mut problems));
        }
        for (flag, key, values) in self.flags.given() {
            layers.push(Layer::single(flag, key, &values, &mut problems));
        }
        let file = self.file.as_ref().map(|file| file.display().to_string());
        cross::check(&layers, file.as_deref(), whole, &mut problems);
        let mut order: Vec<Arc<str>> = layers.iter().map(|layer| Arc::clone(&layer.source.name)).collect();
        order.extend(file.as_deref().map(Arc::from));
        problems.sort(&order);
        if problems.has_errors() {
            return Err(problems);
        }
        merged(layers).and_then(Config::try_deserialize).map_err(|error| {
            problems.file_error(file.as_deref().unwrap_or("settings"), unfit(&error));
            problems
        })
    }
}

impl Flags {
    /// Those that are there: the flag, its setting and the values.
    fn given(&self) -> Vec<(&'static str, &'static str, Vec<String>)> {
        let Self { prometheus_url, policies, interval, listen, record, log_format } = self;
        let path = |path: &PathBuf| path.to_string_lossy().into_owned();
        let one = |value: &Option<String>| value.iter().cloned().collect::<Vec<_>>();
        let all = vec![
            ("--prometheus", "prometheus.url", one(prometheus_url)),
            ("--policy", "policies", policies.iter().map(path).collect()),
            ("--interval", "interval", one(interval)),
            ("--listen", "listen", one(listen)),
            ("--record", "record", record.iter().map(path).collect()),
            ("--log-format", "log.format", one(log_format)),
        ];
        all.into_iter().filter(|(.., values)| !values.is_empty()).collect()
    }
}

/// The defaults, the file, one variable or one flag.
#[derive(Debug)]
pub(super) struct Layer {
    pub source: Source,
    /// `None`: it says nothing, or cannot be read.
    root: Option<Node>,
    pub values: Values,
    /// Whether the user says it.
    pub is_given: bool,
}

impl Layer {
    /// A text that is YAML, or is reported not to be. `masked`: it may hold secrets.
    fn of(mut source: Source, masked: bool, problems: &mut Diagnostics) -> Self {
        if masked {
            source.shows = mask::by_line(&source.text);
        }
        let before = problems.len();
        let root = yaml::only(&source, "settings are", problems);
        // What was dropped as a fault is not in the tree, so that the tree could not mask it.
        if let Some(root) = root.as_ref().filter(|_| masked && problems.len() == before) {
            source.shows = mask::by_field(&source, root);
        }
        Self::with(source, root, problems)
    }

    fn with(source: Source, root: Option<Node>, problems: &mut Diagnostics) -> Self {
        let values = match &root {
            Some(root) => shape::read(table(), root, &source, problems),
            None => Values::of(table()),
        };
        Self { source, root, values, is_given: true }
    }

    fn file(file: &Path, problems: &mut Diagnostics) -> Option<Self> {
        Some(Self::of(files::text(file, problems)?, true, problems))
    }

    /// A variable of the environment; commas part the items of a list.
    fn variable(name: &str, value: &str, problems: &mut Diagnostics) -> Self {
        let key = name.trim_start_matches(PREFIX).to_lowercase().replace("__", ".");
        let is_list = table().field(&key).is_some_and(|field| field.kind == Kind::List);
        let values: Vec<_> =
            if is_list { value.split(',').map(str::to_owned).collect() } else { vec![value.to_owned()] };
        Self::single(name, &key, &values, problems)
    }

    /// One setting, from nowhere where it would have a line.
    fn single(name: &str, key: &str, values: &[String], problems: &mut Diagnostics) -> Self {
        let kind = table().field(key).map(|field| field.kind);
        // Only numbers are read as they would be without quotes: a password of digits stays text.
        let plain = matches!(kind, Some(Kind::Count { .. } | Kind::Number { .. } | Kind::Share { .. }));
        let node = |what| Node { span: Span::default(), what };
        let scalar = |text: &String| node(What::Scalar { text: text.clone(), plain });
        let value = match values {
            [value] if kind != Some(Kind::List) => scalar(value),
            _ => node(What::List(values.iter().map(scalar).collect())),
        };
        let root = key.rsplit('.').fold(value, |value, part| {
            node(What::Map(vec![(Key { text: part.to_owned(), span: Span::default() }, value)]))
        });
        let source = Source { shows: Shows::Nothing, ..Source::new(name, "") };
        Self::with(source, Some(root), problems)
    }
}

fn merged(layers: Vec<Layer>) -> Result<Config, ConfigError> {
    let roots = layers.into_iter().filter_map(|layer| layer.root);
    roots.fold(Config::builder(), |builder, root| builder.add_source(Tree(root))).build()
}

/// A layer as the `config` crate takes it: scalars stay texts, which the fields read as what they are.
#[derive(Debug, Clone)]
struct Tree(Node);

impl config::Source for Tree {
    fn clone_into_box(&self) -> Box<dyn config::Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        value(&self.0).into_table()
    }
}

fn value(node: &Node) -> Value {
    let kind = match &node.what {
        _ if node.is_null() => ValueKind::Nil,
        What::Scalar { text, .. } => ValueKind::String(text.clone()),
        What::Map(entries) => {
            ValueKind::Table(entries.iter().map(|(key, node)| (key.text.clone(), value(node))).collect())
        }
        What::List(items) => ValueKind::Array(items.iter().map(value).collect()),
    };
    Value::new(None, kind)
}

/// For what the table lets pass and the types do not: the crate's own words could repeat a secret.
fn unfit(error: &ConfigError) -> String {
    let key = match error {
        ConfigError::NotFound(key) => Some(key.as_str()),
        ConfigError::Type { key, .. } | ConfigError::At { key, .. } => key.as_deref(),
        _ => None,
    };
    format!("`{}` cannot be used: write it as the README has it", key.unwrap_or("steelyard.yaml"))
}
