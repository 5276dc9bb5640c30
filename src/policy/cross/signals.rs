//! The signals as a whole: labels to join by, units, what is better not left out.

use crate::engine::Signal;

use super::Report;
use crate::policy::diagnostics::Severity;
use crate::policy::resolve::{by_section, section, split_list};

const COMMON_BY: &str = "spec.signals.by";
const TARGET: &str = "spec.target";

/// Optional signals without which something is missing, and what.
const PROTECTIONS: [(Signal, &str); 5] = [
    (Signal::Running, "the width of a job is not known, and each is held as not running"),
    (Signal::Age, "old samples pass for new ones"),
    (Signal::Coverage, "workers whose metrics are missing go unnoticed"),
    (Signal::RunningFor, "restarts that nobody ordered are not waited out"),
    (Signal::Cpu, "there is no CPU gate, neither up nor down"),
];

pub(super) fn check(report: &mut Report<'_>) {
    let asked: Vec<Signal> =
        Signal::ALL.into_iter().filter(|signal| report.values.key(&section(*signal)).is_some()).collect();
    if !asked.is_empty() && asked.iter().all(|signal| by_section(report.values, *signal).is_none()) {
        if !report.values.is_faulty("spec.signals") {
            let message =
                "`signals` has no labels to join rows to jobs by: add `by` with `namespace`, `name`, `operator`";
            report.error(&["spec.signals"], message.to_owned());
        }
    } else {
        asked.iter().for_each(|signal| join(report, *signal));
    }
    if !asked.is_empty() {
        protections(report, &asked);
    }
    same_label(report, COMMON_BY);
    for signal in &asked {
        same_label(report, &format!("{}.by", section(*signal)));
    }
    reasons(report, &asked);
    operators(report);
    units(report);
    target(report);
}

fn join(report: &mut Report<'_>, signal: Signal) {
    let section = section(signal);
    let Some(by) = by_section(report.values, signal) else {
        if !report.values.is_faulty(COMMON_BY) && !report.values.is_faulty(&format!("{section}.by")) {
            let message = format!("`{signal}` has no labels to join its rows to jobs: add `by` under `signals`");
            report.error(&[&section], message);
        }
        return;
    };
    let namespace = format!("{by}.namespace");
    if report.values.found(&namespace).is_none()
        && !report.values.is_faulty(&namespace)
        && let Some((wants, why)) = wants_namespace(report, signal)
    {
        let at = if wants == TARGET { by } else { wants };
        report.error(&[&at], format!("{why}, and `by` is without `namespace`: add it"));
    }
}

/// The field that needs to know namespaces, and why.
pub(super) fn wants_namespace(report: &Report<'_>, signal: Signal) -> Option<(String, &'static str)> {
    if report.values.key(TARGET).is_some() {
        return Some((TARGET.to_owned(), "objects of `target` are found by namespace and name"));
    }
    let list = split_list(report.values, &section(signal)).filter(|list| report.values.len(list) > 0)?;
    Some((list, "`split` cuts by namespace"))
}

fn same_label(report: &mut Report<'_>, by: &str) {
    let names = ["namespace", "name", "operator", "reason"].map(|name| (name, format!("{by}.{name}")));
    for (index, (name, path)) in names.iter().enumerate() {
        let Some(found) = report.values.found(path) else { continue };
        let same = |(_, other): &&(&str, String)| report.values.found(other).is_some_and(|f| f.text == found.text);
        if let Some((other, _)) = names[..index].iter().find(same) {
            let message = format!("`{name}` and `{other}` are the same label, {}: name the label of each", found.text);
            report.at(Severity::Error, found.at, message);
        }
    }
}

/// A reason is only read from the rows of `unsafe`.
fn reasons(report: &mut Report<'_>, asked: &[Signal]) {
    for signal in asked {
        let path = format!("{}.by.reason", section(*signal));
        if *signal != Signal::Unsafe && report.values.found(&path).is_some() {
            report
                .warning(&[&path], format!("`reason` is read for `unsafe` only and not for `{signal}`: leave it out"));
        }
    }
    let unsafe_by = by_section(report.values, Signal::Unsafe).filter(|_| asked.contains(&Signal::Unsafe));
    let Some(by) = unsafe_by else { return };
    let reason = format!("{by}.reason");
    if report.values.found(&reason).is_none() && !report.values.is_faulty(&reason) {
        let message = "`unsafe` has no label for its reason, and all of its rows are told alike: add `reason` to `by`";
        report.warning(&[&section(Signal::Unsafe)], message.to_owned());
    }
}

/// Backlog and throughput are divided by each other, operator by operator.
fn operators(report: &mut Report<'_>) {
    let operator = |signal: Signal| {
        let by = by_section(report.values, signal)?;
        let path = format!("{by}.operator");
        (!report.values.is_faulty(&path)).then(|| (by, report.values.found(&path).is_some()))
    };
    let (Some((throughput, in_throughput)), Some((backlog, in_backlog))) =
        (operator(Signal::Throughput), operator(Signal::Backlog))
    else {
        return;
    };
    if in_throughput != in_backlog {
        let without = if in_throughput { backlog } else { throughput };
        let message = "throughput and backlog are compared operator by operator, and one of them has no `operator`: \
                       add it here or leave it out of both";
        report.error(&[&without], message.to_owned());
    }
}

fn units(report: &mut Report<'_>) {
    let unit = |signal: Signal| report.values.text(&format!("{}.unit", section(signal)));
    let (Some(throughput), Some(backlog)) = (unit(Signal::Throughput), unit(Signal::Backlog)) else { return };
    if throughput != backlog {
        let message = format!(
            "the backlog is in {backlog} and the throughput in {throughput}, and bytes are never divided by records: ask \
             for both in one unit"
        );
        report.error(&["spec.signals.backlog.unit"], message);
    }
}

fn protections(report: &mut Report<'_>, asked: &[Signal]) {
    let without: Vec<String> = PROTECTIONS
        .iter()
        .filter(|(signal, _)| !asked.contains(signal) && !report.values.is_faulty(&section(*signal)))
        .map(|(signal, why)| format!("without `{signal}` {why}"))
        .collect();
    if !without.is_empty() {
        report.warning(&["spec.signals"], format!("{}: add the signals where there are metrics", without.join(", ")));
    }
}

fn target(report: &mut Report<'_>) {
    let there = report.values.key(TARGET).is_some() || report.values.is_faulty(TARGET);
    let mode = report.values.text("spec.mode");
    if let Some(mode) = mode.filter(|mode| mode != "observe" && !there) {
        let message = format!("`mode` is {mode} and there is no `target` to act on: add `target` or write observe");
        report.warning(&["spec.mode"], message);
    }
    let namespaces = "spec.target.namespaces";
    if report.values.key(namespaces).is_some() && report.values.len(namespaces) == 0 {
        let message = "`namespaces` is an empty list: leave it out for all namespaces, or name one";
        report.error(&[namespaces], message.to_owned());
    }
    let list = "spec.target.selector.matchExpressions";
    for index in 0..report.values.len(list) {
        let at = |name: &str| format!("{list}[{index}].{name}");
        let Some(operator) = report.values.text(&at("operator")) else { continue };
        let wants_values = matches!(operator.as_str(), "In" | "NotIn");
        let values = at("values");
        if report.values.is_faulty(&values) || wants_values == (report.values.len(&values) > 0) {
            continue;
        }
        let mend = if wants_values { "needs `values`: add at least one" } else { "has no `values`: leave them out" };
        report.error(&[&at("operator")], format!("`operator` {operator} {mend}"));
    }
}
