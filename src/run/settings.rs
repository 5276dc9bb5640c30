//! `steelyard.yaml`: the daemon's settings, from four layers, checked.
//!
//! Built-in defaults < the file < `STEELYARD__A__B` in the environment < flags. Unknown keys are refused: a typo must not
//! scale anything. All problems of all layers are told at once, and no secret with them.

mod cross;
mod fields;
mod layers;
mod mask;

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

pub use layers::{Flags, Layers};

use super::Pace;
use crate::cluster;
use crate::engine::{FleetLimits, Mode};
use crate::signals;
use crate::telemetry::{LogFormat, LogLevel};

/// The settings in force. See `default.yaml` for what each means.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where Prometheus is.
    pub prometheus: signals::Connection,
    /// Whether and how the cluster is watched.
    #[serde(default)]
    pub kubernetes: Kubernetes,
    /// Between two ticks.
    #[serde(default, deserialize_with = "duration")]
    pub interval: Duration,
    /// From a tick's time until it fires at the earliest.
    #[serde(default, deserialize_with = "duration")]
    pub settle: Duration,
    /// The most that it fires later still.
    #[serde(default, deserialize_with = "duration")]
    pub jitter: Duration,
    /// Policy files and folders.
    #[serde(default)]
    pub policies: Vec<PathBuf>,
    /// How far any policy may go.
    #[serde(default)]
    pub mode: DaemonMode,
    /// Limits over all policies.
    #[serde(default)]
    pub fleet: Fleet,
    /// Where HTTP is served, `HOST:PORT`.
    #[serde(default)]
    pub listen: String,
    /// A file to record to.
    #[serde(default)]
    pub record: Option<PathBuf>,
    /// The log.
    #[serde(default)]
    pub log: Log,
}

/// Whether and how the cluster is watched.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Kubernetes {
    /// Whether at all: without it jobs are known from Prometheus alone.
    pub enabled: bool,
    /// A kubeconfig; `None`: what `kubectl` would use, or the pod's service account.
    pub kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig; `None`: its current one.
    pub context: Option<String>,
    /// Which of several replicas writes.
    pub lease: LeaseSettings,
}

/// Which of several replicas writes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LeaseSettings {
    /// Whether only the holder of a Lease writes.
    pub enabled: bool,
    /// The Lease's name.
    pub name: String,
    /// Its namespace; `None`: the pod's own.
    pub namespace: Option<String>,
}

/// Limits over all policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fleet {
    /// How many jobs may be rescaling at once; `None`: any number.
    pub max_concurrent_rescales: Option<u32>,
    /// How many counts are set in a second at most, over all policies.
    pub max_patches_per_second: u32,
}

/// The log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// How lines are written.
    pub format: LogFormat,
    /// What is logged.
    pub level: LogLevel,
}

/// The daemon's own [`Mode`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct DaemonMode(pub Mode);

impl Settings {
    /// When ticks happen. A jitter that does not fit the interval is cut to what does: a shorter interval alone is a
    /// good setting.
    pub fn pace(&self) -> Pace {
        let Self { interval, settle, jitter, .. } = *self;
        Pace { interval, settle, jitter: jitter.min(interval / 2) }
    }

    /// What the engine is told about the fleet.
    pub fn fleet_limits(&self) -> FleetLimits {
        let Fleet { max_concurrent_rescales, max_patches_per_second: _ } = self.fleet;
        FleetLimits { max_concurrent_rescales }
    }

    /// How to reach the cluster, where it is to be watched.
    pub fn cluster(&self) -> Option<cluster::Connection> {
        let Kubernetes { enabled, kubeconfig, context, lease: _ } = self.kubernetes.clone();
        enabled.then_some(cluster::Connection { kubeconfig, context })
    }

    /// The settings that take a restart and differ from `other`'s.
    pub fn fixed_that_differ(&self, other: &Self) -> Vec<&'static str> {
        let Self {
            prometheus,
            kubernetes,
            interval,
            settle,
            jitter,
            policies: _,
            mode: _,
            fleet: Fleet { max_concurrent_rescales: _, max_patches_per_second },
            listen,
            record,
            log,
        } = self;
        [
            ("prometheus", *prometheus != other.prometheus),
            ("kubernetes", *kubernetes != other.kubernetes),
            ("interval", *interval != other.interval),
            ("settle", *settle != other.settle),
            ("jitter", *jitter != other.jitter),
            ("fleet.max_patches_per_second", *max_patches_per_second != other.fleet.max_patches_per_second),
            ("listen", *listen != other.listen),
            ("record", *record != other.record),
            ("log.format", log.format != other.log.format),
        ]
        .into_iter()
        .filter_map(|(key, differs)| differs.then_some(key))
        .collect()
    }
}

fn duration<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map_err(|_| serde::de::Error::custom("this is no duration: write for example 15s or 1m 30s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str, environment: &[(&str, &str)], flags: Flags) -> Result<Settings, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("steelyard.yaml");
        std::fs::write(&path, file).unwrap();
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let prefix = format!("{}/", folder.path().display());
        Layers::new(Some(path), environment, flags).read().map_err(|faults| faults.to_string().replace(&prefix, ""))
    }

    const ENOUGH: &str = "prometheus: { url: http://prometheus:9090 }\npolicies: [policies]\n";

    #[test]
    fn the_defaults_are_what_the_default_file_says() {
        let settings = read(ENOUGH, &[], Flags::default()).unwrap();
        let Settings {
            prometheus: _,
            kubernetes,
            interval,
            settle,
            jitter,
            policies,
            mode,
            fleet,
            listen,
            record,
            log,
        } = settings;
        let Kubernetes { enabled, kubeconfig, context, lease } = kubernetes;
        assert_eq!((enabled, kubeconfig, context), (false, None, None));
        assert_eq!((lease.enabled, &*lease.name, lease.namespace), (true, "steelyard", None));
        assert_eq!([interval, settle, jitter].map(|one| one.as_secs()), [15, 2, 1]);
        assert_eq!(policies, [PathBuf::from("policies")]);
        assert_eq!(mode, DaemonMode(Mode::Observe));
        assert_eq!(fleet, Fleet { max_concurrent_rescales: None, max_patches_per_second: 20 });
        assert_eq!(listen, "127.0.0.1:9464");
        assert_eq!(record, None);
        assert_eq!(log, Log::default());
    }

    #[test]
    fn each_layer_is_over_the_one_before() {
        let file = "prometheus: { url: http://file }\npolicies: [a, b]\ninterval: 30s\nfleet: { max_concurrent_rescales: 3 }\n";
        let settings = read(file, &[], Flags::default()).unwrap();
        assert_eq!(settings.interval.as_secs(), 30);
        let short = read(file, &[("STEELYARD__INTERVAL", "1s")], Flags::default()).unwrap();
        assert_eq!(short.pace().jitter, Duration::from_millis(500));
        assert_eq!(settings.fleet.max_concurrent_rescales, Some(3));

        let environment = [
            ("STEELYARD__PROMETHEUS__URL", "http://environment"),
            ("STEELYARD__PROMETHEUS__BEARER_TOKEN", "007"),
            ("STEELYARD__INTERVAL", "45s"),
            ("STEELYARD__POLICIES", "c,d"),
            ("STEELYARD__FLEET__MAX_CONCURRENT_RESCALES", "5"),
            ("STEELYARD__KUBERNETES__ENABLED", "true"),
            ("STEELYARD__LISTEN", ""),
            ("STEELYARD_PORT", "tcp://10.0.0.1:9464"),
        ];
        let settings = read(file, &environment, Flags::default()).unwrap();
        assert_eq!(settings.prometheus.url, "http://environment");
        assert_eq!(settings.prometheus.bearer_token, Some(signals::Secret::new("007")), "digits stay text");
        assert_eq!(settings.interval.as_secs(), 45);
        assert_eq!(settings.policies, [PathBuf::from("c"), PathBuf::from("d")]);
        assert_eq!(settings.fleet.max_concurrent_rescales, Some(5));
        assert!(settings.kubernetes.enabled);
        assert_eq!(settings.listen, "127.0.0.1:9464", "an empty variable says nothing");

        let flags = Flags {
            prometheus_url: Some("http://flag".into()),
            policies: vec!["e".into()],
            interval: Some("1m".into()),
            listen: Some("0.0.0.0:80".into()),
            record: Some("r.jsonl".into()),
            log_format: Some("json".into()),
        };
        let settings = read(file, &environment, flags).unwrap();
        assert_eq!(settings.prometheus.url, "http://flag");
        assert_eq!(settings.policies, [PathBuf::from("e")]);
        assert_eq!(settings.interval.as_secs(), 60);
        assert_eq!(settings.listen, "0.0.0.0:80");
        assert_eq!(settings.record, Some("r.jsonl".into()));
        assert_eq!(settings.log.format, LogFormat::Json);
    }

    #[test]
    fn another_query_timeout_is_the_default_and_no_more() {
        let variable = |value: &str| [("STEELYARD__PROMETHEUS__TIMEOUT".to_owned(), value.to_owned())];
        let flags =
            || Flags { prometheus_url: Some("http://p".into()), policies: vec!["policies".into()], ..Flags::default() };
        for (value, expected) in [("", 120), ("7s", 7)] {
            let layers = Layers::new(None, variable(value), flags());
            let settings = layers.with_query_timeout(Duration::from_secs(120)).read().unwrap();
            assert_eq!(settings.prometheus.timeout.as_secs(), expected);
        }
        assert_eq!(Layers::new(None, [], flags()).read().unwrap().prometheus.timeout.as_secs(), 10);
    }

    #[test]
    fn a_file_that_is_not_there_is_named_and_nothing_is_concluded_from_that() {
        let layers = Layers::new(Some("nowhere/steelyard.yaml".into()), [], Flags::default());
        let error = layers.read().unwrap_err().to_string();
        assert!(error.starts_with("nowhere/steelyard.yaml: this file cannot be read: No such file"), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        let error = Layers::new(None, [], Flags::default()).read().unwrap_err().to_string();
        assert!(error.starts_with("settings: `prometheus.url` is not set: "), "{error}");
        assert!(error.contains("settings: no policy is named: "), "{error}");
    }

    #[test]
    fn digits_and_headers_reach_the_types_as_they_are_written() {
        let file = "prometheus: { url: http://p, tenant: 0x10, headers: { X-Key: \"007\" }, retries: 0 }\npolicies: [a]\n\
                    record: ~\nkubernetes: { enabled: true, context: \"1\" }\n";
        let settings = read(file, &[("STEELYARD__PROMETHEUS__HEADERS__X_OTHER", "12")], Flags::default()).unwrap();
        let Settings { prometheus, kubernetes, record, .. } = settings;
        assert_eq!(prometheus.tenant.as_deref(), Some("0x10"));
        let headers = [("X-Key", "007"), ("x_other", "12")];
        assert_eq!(prometheus.headers, headers.map(|(name, value)| (name.into(), signals::Secret::new(value))).into());
        assert_eq!((prometheus.retries, record), (0, None));
        assert_eq!((kubernetes.enabled, kubernetes.context.as_deref()), (true, Some("1")));
    }

    #[test]
    fn what_takes_a_restart_is_told() {
        let before = read(ENOUGH, &[], Flags::default()).unwrap();
        let live = "mode: act\nfleet: { max_concurrent_rescales: 2 }\nlog: { level: debug }\n";
        let after = read(&format!("{ENOUGH}{live}"), &[], Flags::default()).unwrap();
        assert!(after.fixed_that_differ(&before).is_empty());
        let after =
            read(&format!("{ENOUGH}listen: 127.0.0.1:1\nlog: {{ format: json }}\n"), &[], Flags::default()).unwrap();
        assert_eq!(after.fixed_that_differ(&before), ["listen", "log.format"]);
    }
}
