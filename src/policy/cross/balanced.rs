//! What only the preset `balanced` looks at: said under another, or against itself.

use humantime::format_duration;

use super::{Report, name};
use crate::policy::fields::{self, PRESETS};

const LOAD_ABOVE: &str = "spec.scaleUp.loadAbove";
const DOWN_ROOM: &str = "spec.scaleDown.headroom";
const LEARNED: &str = "spec.learnedCapacity";
const NEEDS_CAPACITY: [&str; 3] = ["spec.catchUp", "spec.draining", "spec.effect"];
const COMMIT: &str = "spec.signals.backlog.commitInterval";
const RATE: &str = "spec.signals.rateWindow";
const COUNTER: &str = "spec.signals.throughput.counter";
const QUERY: &str = "spec.signals.throughput.query";

pub(super) fn check(report: &mut Report<'_>) {
    unread(report);
    room(report);
    parts(report);
    commits(report);
    counter(report);
}

/// A value that nobody looks at was meant for something.
fn unread(report: &mut Report<'_>) {
    if report.values.preset() == PRESETS[1] || report.values.is_faulty("spec.preset") {
        return;
    }
    for field in fields::policies().all().iter().filter(|field| field.balanced) {
        let Some(found) = report.values.found(&field.path) else { continue };
        if found.text == "off" {
            continue;
        }
        let message = format!(
            "the preset {} does not look at `{}`: write `preset: balanced` or leave it out",
            report.values.preset(),
            field.name()
        );
        report.warning(&[&field.path], message);
    }
}

/// After a decrease the load is as high as its room allows; above the up gate it would go straight back.
fn room(report: &mut Report<'_>) {
    if report.values.preset() != PRESETS[1] {
        return;
    }
    let (Some(above), Some(room)) = (report.values.share(LOAD_ABOVE), report.values.share(DOWN_ROOM)) else { return };
    if above * (1.0 + room) < 1.0 {
        let message = format!(
            "a decrease that leaves a `headroom` of {} ends at a load of {:.3}, above `loadAbove` {}: it would order an \
             increase: raise either",
            report.written(DOWN_ROOM),
            1.0 / (1.0 + room),
            report.written(LOAD_ABOVE)
        );
        report.error(&[LOAD_ABOVE, DOWN_ROOM], message);
    }
}

fn parts(report: &mut Report<'_>) {
    let off = |report: &Report<'_>, path: &str| report.values.text(path).as_deref() == Some("off");
    if report.values.preset() != PRESETS[1] || !off(report, LEARNED) {
        return;
    }
    let idle: Vec<String> = NEEDS_CAPACITY
        .iter()
        .filter(|path| report.values.found(path).is_some_and(|found| found.text == "on"))
        .map(|path| format!("`{}`", name(path)))
        .collect();
    if !idle.is_empty() {
        let message = format!(
            "without `learnedCapacity` no capacity is known, and {} have nothing to go by: leave them out",
            idle.join(", ")
        );
        report.warning(&[LEARNED], message);
    }
}

/// A balance of work and backlog over a part of a commit interval sees the saw-tooth of the lag.
fn commits(report: &mut Report<'_>) {
    let (Some(commit), Some(rate)) = (report.values.duration(COMMIT), report.values.duration(RATE)) else { return };
    if report.values.found(QUERY).is_none() || commit.is_zero() || rate.as_millis().is_multiple_of(commit.as_millis()) {
        return;
    }
    let whole = commit * u32::try_from(rate.as_millis().div_ceil(commit.as_millis())).unwrap_or(1);
    let message = format!(
        "`rateWindow` {} is not whole commit intervals of {}: rates and backlog are then not of the same time: write {} here \
         and in the queries",
        report.written(RATE),
        report.written(COMMIT),
        format_duration(whole)
    );
    report.warning(&[RATE, COMMIT], message);
}

fn counter(report: &mut Report<'_>) {
    let Some(counter) = report.values.found(COUNTER).cloned() else { return };
    if report.values.found(QUERY).is_some() {
        let message = "`counter` stands in place of `query`, and both are here: leave one out";
        report.error(&[COUNTER], message.to_owned());
    }
    if let Some(function) =
        ["rate(", "irate(", "increase(", "delta(", "deriv("].iter().rev().find(|call| counter.text.contains(**call))
    {
        let message = format!(
            "`counter` is a running total, and `{})` makes a rate of it: leave the function out, or write `query`",
            function
        );
        report.error(&[COUNTER], message);
    }
}
