//! From the fields of a document that has no fault to the plan and the queries.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::{self, Limits, Mode, Parts, Plan, Preset, Prices, ScaleDown, ScaleUp, Signal};

use super::fields::{PRESETS, Value};
use super::promql;
use super::set::{Alternative, JoinLabels, Policy, Restart, SignalQuery, Target, Unit};
use super::values::Values;

/// For estimates under a preset that does not look at them: what a restart is taken to be.
const RESTART: engine::Restart = engine::Restart {
    delay: Duration::from_secs(30),
    downtime: Duration::from_secs(30),
    checkpoint_interval: Duration::from_secs(10),
};
const LAG_OBJECTIVE: Duration = Duration::from_secs(60);

/// The policy; `None` where a field cannot be used, which has been reported then.
pub(crate) fn policy(values: &Values, text: &str) -> Option<Policy> {
    let signals: Vec<_> = Signal::ALL
        .into_iter()
        .filter(|signal| values.key(&section(*signal)).is_some())
        .map(|signal| signal_query(values, signal))
        .collect::<Option<_>>()?;
    Some(Policy {
        plan: plan(values, &signals)?,
        target: if values.key("spec.target").is_some() { Some(target(values)?) } else { None },
        conflict_hold: values.duration("spec.conflictHold")?,
        restart: Restart {
            delay: values.duration("spec.restart.delay"),
            downtime: values.duration("spec.restart.downtime"),
            checkpoint_interval: values.duration("spec.restart.checkpointInterval"),
        },
        signals,
        text: Arc::from(text),
    })
}

/// The path of a signal.
pub(crate) fn section(signal: Signal) -> String {
    format!("spec.signals.{}", signal.name())
}

fn plan(values: &Values, signals: &[SignalQuery]) -> Option<Plan> {
    Some(Plan {
        class: Arc::from(values.text("metadata.name")?),
        mode: match values.text("spec.mode")?.as_str() {
            "act" => Mode::Act,
            "up" => Mode::Up,
            _ => Mode::Observe,
        },
        preset: if values.preset() == PRESETS[1] { Preset::Balanced } else { Preset::Seed },
        signals: signals.iter().map(|query| query.signal).collect(),
        stale_after: values.duration("spec.signals.staleAfter")?,
        scrape_interval: values.duration("spec.signals.scrapeInterval")?,
        rate_window: values.duration("spec.signals.rateWindow")?,
        commit_interval: values.duration("spec.signals.backlog.commitInterval"),
        growth_window: values.duration("spec.growth.window")?,
        input_window: values.duration("spec.input.window")?,
        scale_up: ScaleUp {
            backlog_time_above: values.duration("spec.scaleUp.backlogTimeAbove")?,
            cpu_above: values.share("spec.scaleUp.cpuAbove")?,
            drain_target: values.duration("spec.scaleUp.drainTarget")?,
            load_above: values.share("spec.scaleUp.loadAbove"),
            headroom: values.share("spec.scaleUp.headroom").unwrap_or(0.0),
            headroom_per_minute: values.share("spec.scaleUp.headroomPerMinute").unwrap_or(0.0),
        },
        scale_down: ScaleDown {
            backlog_time_below: values.duration("spec.scaleDown.backlogTimeBelow")?,
            cpu_below: values.share("spec.scaleDown.cpuBelow")?,
            cpu_target: values.share("spec.scaleDown.cpuTarget")?,
            headroom: values.share("spec.scaleDown.headroom").unwrap_or(0.0),
            window: values.duration("spec.scaleDown.window")?,
        },
        prices: Prices {
            lag_objective: values.duration("spec.lagObjective").unwrap_or(LAG_OBJECTIVE),
            lag: values.count("spec.lagPrice").map_or(0.0, f64::from),
            restart: values.duration("spec.restartPrice").unwrap_or_default(),
        },
        restart: engine::Restart {
            delay: values.duration("spec.restart.delay").unwrap_or(RESTART.delay),
            downtime: values.duration("spec.restart.downtime").unwrap_or(RESTART.downtime),
            checkpoint_interval: values
                .duration("spec.restart.checkpointInterval")
                .unwrap_or(RESTART.checkpoint_interval),
        },
        parts: Parts {
            learned_capacity: on(values, "spec.learnedCapacity"),
            catch_up: on(values, "spec.catchUp"),
            draining: on(values, "spec.draining"),
            regret: on(values, "spec.regret"),
            effect: on(values, "spec.effect"),
        },
        tolerance: values.share("spec.tolerance")?,
        warm_up: warm_up(values)?,
        rescale_timeout: values.duration("spec.rescaleTimeout")?,
        limits: Limits {
            min_workers: values.count("spec.limits.minWorkers")?,
            max_workers: values.count("spec.limits.maxWorkers")?,
            max_step_up: values.share("spec.limits.maxStepUp"),
            max_step_down: values.share("spec.limits.maxStepDown"),
            slots_per_worker: values.count("spec.limits.slotsPerWorker")?,
            max_parallelism: values.count("spec.limits.maxParallelism"),
            partitions: values.count("spec.limits.partitions"),
            max_workers_total: values.count("spec.limits.maxWorkersTotal"),
        },
    })
}

/// Until rates no longer blend before and after a restart: the window that they look back, and two scrapes.
fn warm_up(values: &Values) -> Option<Duration> {
    let word = values.value("spec.warmUp") == Some(Value::Word);
    let rates = || {
        let scrape = values.duration("spec.signals.scrapeInterval")?;
        Some(values.duration("spec.signals.rateWindow")?.saturating_add(scrape * 2))
    };
    if word { rates() } else { values.duration("spec.warmUp") }
}

/// The published rule has no such parts.
fn on(values: &Values, path: &str) -> bool {
    values.preset() == PRESETS[1] && values.text(path).as_deref() == Some("on")
}

fn target(values: &Values) -> Option<Target> {
    Some(Target {
        api_version: values.text("spec.target.apiVersion")?,
        kind: values.text("spec.target.kind")?,
        namespaces: values.items("spec.target.namespaces").iter().map(|found| found.text.clone()).collect(),
        selector: selector(values),
    })
}

/// As `kubectl --selector` takes it, in a fixed order so that equal selectors are equal texts.
fn selector(values: &Values) -> String {
    let mut parts: Vec<String> = values
        .entries("spec.target.selector.matchLabels")
        .map(|(label, value)| format!("{label}={}", value.text))
        .collect();
    let list = "spec.target.selector.matchExpressions";
    for index in 0..values.len(list) {
        let at = |name: &str| format!("{list}[{index}].{name}");
        let (Some(key), Some(operator)) = (values.text(&at("key")), values.text(&at("operator"))) else { continue };
        let mut options: Vec<_> = values.items(&at("values")).iter().map(|found| found.text.as_str()).collect();
        options.sort_unstable();
        let options = options.join(",");
        parts.push(match operator.as_str() {
            "In" => format!("{key} in ({options})"),
            "NotIn" => format!("{key} notin ({options})"),
            "Exists" => key,
            _ => format!("!{key}"),
        });
    }
    parts.sort_unstable();
    parts.dedup();
    parts.join(",")
}

fn signal_query(values: &Values, signal: Signal) -> Option<SignalQuery> {
    let section = section(signal);
    let by = join_labels(values, signal)?;
    let split = split(values, &section);
    let fallbacks = values.items(&format!("{section}.or"));
    let counter = values.found(&format!("{section}.counter"));
    let queries = values.found(&format!("{section}.query")).or(counter).into_iter().chain(fallbacks);
    let alternative = |query: &str| {
        let label = by.namespace.as_deref().filter(|_| !split.is_empty());
        let Some(label) = label else { return Some(Alternative { parts: vec![query.trim().to_owned()] }) };
        let parts = split.iter().map(|regex| promql::part(query, label, regex).ok());
        Some(Alternative { parts: parts.collect::<Option<_>>()? })
    };
    Some(SignalQuery {
        signal,
        counter: counter.is_some(),
        alternatives: queries.map(|found| alternative(&found.text)).collect::<Option<_>>()?,
        unit: match values.text(&format!("{section}.unit")).as_deref() {
            Some("records") => Some(Unit::Records),
            Some("bytes") => Some(Unit::Bytes),
            _ => None,
        },
        by,
    })
}

/// The section whose `by` holds for a signal: its own, else the common one; `None`: there is neither.
pub(crate) fn by_section(values: &Values, signal: Signal) -> Option<String> {
    [format!("{}.by", section(signal)), "spec.signals.by".to_owned()].into_iter().find(|by| values.key(by).is_some())
}

/// The labels that join the rows of a signal.
pub(crate) fn join_labels(values: &Values, signal: Signal) -> Option<JoinLabels> {
    let by = by_section(values, signal)?;
    let label = |name: &str| values.text(&format!("{by}.{name}"));
    Some(JoinLabels {
        namespace: label("namespace"),
        name: label("name")?,
        operator: label("operator").filter(|_| signal.is_per_operator()),
        reason: label("reason").filter(|_| signal == Signal::Unsafe),
    })
}

/// The expressions by which a signal's queries are cut: its own, else the common ones.
pub(crate) fn split(values: &Values, section: &str) -> Vec<String> {
    split_list(values, section)
        .map(|list| values.items(&list).iter().map(|found| found.text.clone()).collect())
        .unwrap_or_default()
}

/// Where those expressions stand.
pub(crate) fn split_list(values: &Values, section: &str) -> Option<String> {
    [format!("{section}.split"), "spec.signals.split".to_owned()].into_iter().find(|list| values.key(list).is_some())
}
