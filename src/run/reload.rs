//! Policies and settings follow their files. A bad file keeps the last good set in force, and says so.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::watch;

use super::settings::{Layers, Settings};
use super::{Clock, Rules};
use crate::engine::Mode;
use crate::policy;
use crate::serve::{Board, ReloadReport};
use crate::telemetry::{Logs, Metrics, ReloadOutcome};

/// What is done with decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// They are told, as if every mode were `act`.
    Tell,
    /// They are carried out as far as the modes go.
    Act,
}

/// Settings, policies and the rules made of them, all checked.
#[derive(Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// What ticks decide by.
    pub rules: Rules,
    files: Fingerprint,
}

impl Loaded {
    /// Reads settings and the policies that they name.
    ///
    /// # Errors
    /// What is wrong with them: what, where, the mend.
    pub fn read(layers: &Layers, purpose: Purpose) -> anyhow::Result<Self> {
        let settings = layers.read()?;
        Self::with_policies(layers, settings, purpose)
    }

    fn with_policies(layers: &Layers, settings: Settings, purpose: Purpose) -> anyhow::Result<Self> {
        // Taken before the files are read: a change in between is seen as one the next time.
        let files = Fingerprint::of(layers.file(), &settings.policies);
        let policies = Arc::new(policy::load(&settings.policies)?);
        let rules = match purpose {
            Purpose::Tell => Rules::telling(policies, settings.fleet_limits()),
            Purpose::Act => Rules::new(policies, settings.fleet_limits(), settings.mode.0),
        };
        if purpose == Purpose::Act {
            refuse_to_act(&rules, settings.kubernetes.enabled)?;
        }
        Ok(Self { settings, rules, files })
    }
}

/// How often files that change while they are read are read again; then the next look finds them changed.
const READ_AGAIN: usize = 3;

/// What is to be carried out must have something to carry it out on.
fn refuse_to_act(rules: &Rules, has_cluster: bool) -> anyhow::Result<()> {
    let mut acting = rules.plans.classes.iter().zip(&rules.policies.policies);
    let without = acting.find(|(plan, policy)| plan.mode > Mode::Observe && !(has_cluster && policy.target.is_some()));
    let Some((plan, policy)) = without else { return Ok(()) };
    let (class, lacks) = (
        &plan.class,
        if policy.target.is_none() { "it has no `spec.target`" } else { "`kubernetes.enabled` is false" },
    );
    anyhow::bail!(
        "the policy `{class}` and the daemon's `mode` both allow scaling, and {lacks}: give what is missing, or set \
         `mode: observe` in either, or give --dry-run"
    )
}

/// Reads again what has changed.
#[derive(Debug)]
pub struct Reloader {
    layers: Layers,
    purpose: Purpose,
    started: Settings,
    /// The policies that were tried last: they are watched also where they were refused.
    policies: Vec<PathBuf>,
    files: Fingerprint,
    rules: watch::Sender<Arc<Rules>>,
    logs: Option<Logs>,
    board: Arc<Board>,
    metrics: Arc<Metrics>,
    clock: Clock,
}

impl Reloader {
    /// Follows the files of what was loaded, and hands out the rules in force.
    pub fn new(
        layers: Layers,
        purpose: Purpose,
        loaded: Loaded,
        board: Arc<Board>,
        metrics: Arc<Metrics>,
        clock: Clock,
    ) -> (Self, watch::Receiver<Arc<Rules>>) {
        let Loaded { settings, rules, files } = loaded;
        let (sender, receiver) = watch::channel(Arc::new(rules));
        let policies = settings.policies.clone();
        let reloader = Self {
            layers,
            purpose,
            started: settings,
            policies,
            files,
            rules: sender,
            logs: None,
            board,
            metrics,
            clock,
        };
        (reloader, receiver)
    }

    /// Changes the level of that log too.
    #[must_use]
    pub fn with_logs(mut self, logs: Logs) -> Self {
        self.logs = Some(logs);
        self
    }

    /// Looks every so often, until it is dropped.
    pub async fn follow(mut self, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            self.look();
        }
    }

    /// Looks once: `None` where nothing has changed.
    pub fn look(&mut self) -> Option<ReloadOutcome> {
        let files = Fingerprint::of(self.layers.file(), &self.policies);
        if files == self.files {
            return None;
        }
        self.files = files;
        let mut read = self.read();
        // A link that was swapped while we read leaves a mixture of old and new: what is there now is read again.
        for _ in 0..READ_AGAIN {
            if Fingerprint::of(self.layers.file(), &self.policies) == self.files {
                break;
            }
            read = self.read();
        }
        let error = read.as_ref().err().map(|error| format!("{error:#}"));
        let outcome = if error.is_some() { ReloadOutcome::Bad } else { ReloadOutcome::Good };
        let mut next_start = Vec::new();
        match (read, &error) {
            (Ok(loaded), _) => next_start = self.put_in_force(loaded),
            (Err(_), error) => tracing::warn!(
                error,
                "failed to reload policies or settings: the last good ones stay in force until the files are mended"
            ),
        }
        self.metrics.reloaded(outcome);
        self.board.reloaded(ReloadReport { at: self.clock.now(), error, next_start });
        Some(outcome)
    }

    fn read(&mut self) -> anyhow::Result<Loaded> {
        let settings = self.layers.read().context("settings")?;
        self.policies.clone_from(&settings.policies);
        self.files = Fingerprint::of(self.layers.file(), &self.policies);
        Loaded::with_policies(&self.layers, settings, self.purpose)
    }

    /// Gives the settings that have changed and wait for the next start.
    fn put_in_force(&mut self, loaded: Loaded) -> Vec<&'static str> {
        let Loaded { settings, rules, files } = loaded;
        self.files = files;
        let fixed = settings.fixed_that_differ(&self.started);
        if !fixed.is_empty() {
            tracing::warn!(settings = fixed.join(", "), "these settings change with the next start only");
        }
        if let Some(logs) = &self.logs {
            logs.set_level(&settings.log.level);
        }
        tracing::info!(policy = rules.class_names(), "reloaded policies and settings");
        // One value, so that a tick sees the old rules or the new ones.
        self.rules.send_if_modified(|in_force| {
            let differ = **in_force != rules;
            if differ {
                *in_force = Arc::new(rules);
            }
            differ
        });
        fixed
    }
}

/// What stands in files. Contents count, not times: a ConfigMap is swapped by a link, and a touch is no change.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fingerprint(BTreeMap<PathBuf, Option<u64>>);

impl Fingerprint {
    fn of(settings: Option<&Path>, policies: &[PathBuf]) -> Self {
        let mut files = BTreeMap::new();
        for path in settings.into_iter().chain(policies.iter().map(PathBuf::as_path)) {
            match fs::read_dir(path) {
                Ok(entries) => {
                    let inside = entries.flatten().map(|entry| entry.path()).filter(|file| file.is_file());
                    files.extend(inside.map(|file| (file.clone(), content(&file))));
                }
                Err(_) => drop(files.insert(path.to_owned(), content(path))),
            }
        }
        Self(files)
    }
}

/// `None`: it cannot be read.
fn content(file: &Path) -> Option<u64> {
    let bytes = fs::read(file).ok()?;
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    Some(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::super::settings::Flags;
    use super::*;
    use crate::engine::Timestamp;

    const POLICY: &str = include_str!("../../tests/policies/good/smallest.yaml");

    /// A folder with settings and policies, and who follows them.
    struct Bench {
        folder: tempfile::TempDir,
        board: Arc<Board>,
        metrics: Arc<Metrics>,
    }

    impl Bench {
        fn new() -> Self {
            let bench = Self { folder: tempfile::tempdir().unwrap(), board: Arc::default(), metrics: Arc::default() };
            fs::create_dir(bench.path("policies")).unwrap();
            bench.write("policies/a.yaml", POLICY);
            bench.settings("policies", "");
            bench
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn write(&self, name: &str, text: &str) {
            fs::write(self.path(name), text).unwrap();
        }

        fn settings(&self, policies: &str, more: &str) {
            let policies = self.path(policies);
            let text = format!("prometheus: {{ url: http://p }}\npolicies: ['{}']\n{more}", policies.display());
            self.write("steelyard.yaml", &text);
        }

        fn layers(&self) -> Layers {
            Layers::new(Some(self.path("steelyard.yaml")), [], Flags::default())
        }

        fn follow(&self, purpose: Purpose) -> (Reloader, watch::Receiver<Arc<Rules>>) {
            let layers = self.layers();
            let loaded = Loaded::read(&layers, purpose).unwrap();
            let clock = Clock::showing(|| Timestamp::from_millis(1_000));
            Reloader::new(layers, purpose, loaded, Arc::clone(&self.board), Arc::clone(&self.metrics), clock)
        }

        fn error(&self) -> Option<String> {
            self.board.readiness().reload.and_then(|reload| reload.error)
        }
    }

    fn most(rules: &watch::Receiver<Arc<Rules>>) -> u32 {
        rules.borrow().plans.classes[0].limits.max_workers
    }

    #[test]
    fn a_bad_policy_keeps_the_last_good_set_until_it_is_mended() {
        let bench = Bench::new();
        let (mut reloader, rules) = bench.follow(Purpose::Tell);
        assert_eq!(reloader.look(), None);
        assert_eq!(bench.board.readiness().reload, None);

        bench.write("policies/a.yaml", &POLICY.replace("maxWorkers: 20", "maxWorkerss: 30"));
        let in_force = Arc::clone(&rules.borrow());
        assert_eq!(reloader.look(), Some(ReloadOutcome::Bad));
        assert!(Arc::ptr_eq(&in_force, &rules.borrow()));
        assert!(bench.error().unwrap().contains("did you mean `maxWorkers`"), "{:?}", bench.error());
        assert_eq!(reloader.look(), None, "told once");

        bench.write("policies/a.yaml", &POLICY.replace("maxWorkers: 20", "maxWorkers: 30"));
        assert_eq!(reloader.look(), Some(ReloadOutcome::Good));
        assert_eq!(most(&rules), 30);
        assert_eq!(most(&watch::channel(in_force).1), 20, "a tick in hand keeps its own");
        assert_eq!(bench.error(), None);
        let text = bench.metrics.text();
        assert!(
            text.contains("reloads_total{outcome=\"bad\"} 1") && text.contains("reloads_total{outcome=\"good\"} 1")
        );
    }

    #[test]
    fn contents_count_and_not_times() {
        let bench = Bench::new();
        let (mut reloader, _rules) = bench.follow(Purpose::Tell);
        bench.write("policies/a.yaml", POLICY);
        assert_eq!(reloader.look(), None, "written again");
        bench.write("policies/b.yaml", &POLICY.replace("name: smallest", "name: another"));
        assert_eq!(reloader.look(), Some(ReloadOutcome::Good), "a file more");
        fs::remove_file(bench.path("policies/b.yaml")).unwrap();
        assert_eq!(reloader.look(), Some(ReloadOutcome::Good), "a file less");
        fs::remove_dir_all(bench.path("policies")).unwrap();
        assert_eq!(reloader.look(), Some(ReloadOutcome::Bad), "all gone");
    }

    #[test]
    fn a_configmap_that_is_swapped_is_seen() {
        let bench = Bench::new();
        let swap = |version: &str, text: &str| {
            fs::create_dir(bench.path(version)).unwrap();
            bench.write(&format!("{version}/a.yaml"), text);
            let link = bench.path("next");
            std::os::unix::fs::symlink(version, &link).unwrap();
            fs::rename(link, bench.path("..data")).unwrap();
        };
        swap("..1", POLICY);
        fs::create_dir(bench.path("mount")).unwrap();
        std::os::unix::fs::symlink("../..data/a.yaml", bench.path("mount/a.yaml")).unwrap();
        bench.settings("mount", "");
        let (mut reloader, rules) = bench.follow(Purpose::Tell);
        assert_eq!(reloader.look(), None);
        swap("..2", &POLICY.replace("maxWorkers: 20", "maxWorkers: 40"));
        assert_eq!(reloader.look(), Some(ReloadOutcome::Good));
        assert_eq!(most(&rules), 40);
    }

    #[test]
    fn settings_that_can_change_do_so_and_a_new_policy_path_is_watched_even_while_it_is_bad() {
        let bench = Bench::new();
        let (mut reloader, rules) = bench.follow(Purpose::Tell);
        bench.settings("policies", "fleet: { max_concurrent_rescales: 2 }\nlisten: 127.0.0.1:1\n");
        assert_eq!(reloader.look(), Some(ReloadOutcome::Good));
        assert_eq!(rules.borrow().plans.fleet.max_concurrent_rescales, Some(2));

        bench.settings("policies", "flet: {}\n");
        assert_eq!(reloader.look(), Some(ReloadOutcome::Bad));
        assert!(
            bench.error().unwrap().contains("steelyard.yaml:3:1: `flet` is not known at the top"),
            "{:?}",
            bench.error()
        );
        assert_eq!(rules.borrow().plans.fleet.max_concurrent_rescales, Some(2));

        bench.settings("elsewhere.yaml", "");
        assert_eq!(reloader.look(), Some(ReloadOutcome::Bad), "the new path leads nowhere");
        bench.write("elsewhere.yaml", &POLICY.replace("maxWorkers: 20", "maxWorkers: 50"));
        assert_eq!(reloader.look(), Some(ReloadOutcome::Good));
        assert_eq!(most(&rules), 50);
    }

    #[test]
    fn what_would_act_on_nothing_is_refused_at_start_and_at_a_reload() {
        let target = "target: { apiVersion: apps/v1, kind: Deployment }";
        let acting = POLICY.replace("spec:\n", "spec:\n  mode: act\n");
        let bench = Bench::new();
        bench.write("policies/a.yaml", &acting);
        bench.settings("policies", "mode: act\n");
        let error = Loaded::read(&bench.layers(), Purpose::Act).unwrap_err().to_string();
        assert!(error.contains("`smallest`") && error.contains("no `spec.target`"), "{error}");
        let targeted = POLICY.replace("spec:\n", &format!("spec:\n  mode: act\n  {target}\n"));
        bench.write("policies/a.yaml", &targeted);
        let error = Loaded::read(&bench.layers(), Purpose::Act).unwrap_err().to_string();
        assert!(error.contains("`kubernetes.enabled` is false") && error.contains("--dry-run"), "{error}");
        bench.settings("policies", "mode: act\nkubernetes: { enabled: true }\n");
        let (_, rules) = bench.follow(Purpose::Act);
        assert_eq!(rules.borrow().plans.classes[0].mode, Mode::Act);

        bench.settings("policies", "mode: observe\n");
        let (mut reloader, rules) = bench.follow(Purpose::Act);
        assert_eq!(rules.borrow().plans.classes[0].mode, Mode::Observe, "the narrower wins");
        bench.settings("policies", "mode: up\n");
        assert_eq!(reloader.look(), Some(ReloadOutcome::Bad));
        assert_eq!(rules.borrow().plans.classes[0].mode, Mode::Observe);

        let (_, rules) = bench.follow(Purpose::Tell);
        assert_eq!(rules.borrow().plans.classes[0].mode, Mode::Act, "a dry run shows what acting would do");
    }
}
