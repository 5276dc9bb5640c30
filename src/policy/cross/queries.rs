//! Every query of a document, held against the labels, windows and units around it.

use std::collections::BTreeSet;

use crate::engine::Signal;
use crate::policy::diagnostics::Severity;
use crate::policy::promql::{self, Context, Flaw, SplitError};
use crate::policy::resolve::{by_section, join_labels, section, split_list};
use crate::policy::source::Span;

use super::Report;

pub(super) fn check(report: &mut Report<'_>) {
    for signal in Signal::ALL {
        let section = section(signal);
        if report.values.key(&section).is_none() {
            continue;
        }
        let needed = needed(report, signal);
        let unit = report.values.text(&format!("{section}.unit"));
        let context = Context {
            needed: &needed,
            rate_window: report.values.duration("spec.signals.rateWindow"),
            scrape_interval: report.values.duration("spec.signals.scrapeInterval"),
            unit: unit.as_deref(),
        };
        let fallbacks = report.values.items(&format!("{section}.or"));
        let first =
            ["query", "counter"].into_iter().filter_map(|name| report.values.found(&format!("{section}.{name}")));
        let queries = first.chain(fallbacks);
        let queries: Vec<(String, Span)> = queries.map(|found| (found.text.clone(), found.at)).collect();
        let mut seen = BTreeSet::new();
        for (query, at) in &queries {
            if !seen.insert(query.trim()) {
                let message =
                    format!("this query of `{signal}` stands here a second time: a fall-back asks for another");
                report.at(Severity::Error, *at, message);
                continue;
            }
            let flaws = promql::flaws(query, context);
            for flaw in flaws {
                tell(report, query, &flaw, *at);
            }
            split(report, signal, query, *at);
        }
    }
}

/// The labels that the result must have, each with the field that names it; none where `by` itself is wrong.
fn needed(report: &Report<'_>, signal: Signal) -> Vec<(String, String)> {
    let section = by_section(report.values, signal).filter(|by| !report.values.is_faulty(by));
    let (Some(section), Some(by)) = (section, join_labels(report.values, signal)) else { return Vec::new() };
    let lacks_namespace = by.namespace.is_none() && super::signals::wants_namespace(report, signal).is_some();
    if lacks_namespace || by.operator.as_ref() == Some(&by.name) {
        return Vec::new();
    }
    let own = section != "spec.signals.by";
    let field = |name: &str| if own { format!("{signal}.by.{name}") } else { format!("by.{name}") };
    [(by.namespace, "namespace"), (Some(by.name), "name"), (by.operator, "operator"), (by.reason, "reason")]
        .into_iter()
        .filter_map(|(label, name)| Some((label?, field(name))))
        .collect()
}

fn tell(report: &mut Report<'_>, query: &str, flaw: &Flaw, at: Span) {
    let severity = if flaw.warning { Severity::Warning } else { Severity::Error };
    let line = query[flaw.at.clone()].lines().next().unwrap_or_default().trim_end();
    let place = report.find(at, query, flaw.at.start..flaw.at.start + line.len()).unwrap_or(at);
    report.at(severity, place, flaw.message.clone());
}

fn split(report: &mut Report<'_>, signal: Signal, query: &str, at: Span) {
    let Some(list) = split_list(report.values, &section(signal)) else { return };
    let Some(label) = join_labels(report.values, signal).and_then(|by| by.namespace) else { return };
    let parts: Vec<(String, Span)> =
        report.values.items(&list).iter().map(|found| (found.text.clone(), found.at)).collect();
    for (regex, place) in parts {
        let place = match promql::part(query, &label, &regex) {
            Ok(_) => continue,
            // Told already.
            Err(SplitError::Query(_)) => return,
            Err(SplitError::Regex(_)) => (place, format!("`split` is `{regex}`: this is no regular expression")),
            Err(error) => (at, error.to_string()),
        };
        report.at(Severity::Error, place.0, place.1);
    }
}
