//! What Prometheus gave: a table for people, JSON for programs.

use std::io::{self, Write};
use std::time::Duration;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::{Value, json};

use super::Surveyed;
use super::findings::{Finding, Weight, chain, count};
use crate::engine::Signal;
use crate::signals::{Affected, Ages, AlternativeSurvey, Jobs, LabelGap, PolicySurvey, QuerySurvey, SignalSurvey};

pub(super) fn table(surveyed: &Surveyed, colour: bool, out: &mut impl Write) -> io::Result<()> {
    let Surveyed { url, at, policies } = surveyed;
    for (policy, findings) in policies {
        let PolicySurvey { policy: name, jobs, signals, ages, idle_readers: _ } = policy;
        writeln!(out, "{name}: {} at {url}, {at}\n", count(*jobs, "job"))?;
        writeln!(out, "{}\n", rows(signals, *jobs))?;
        if let Some(Ages { jobs, median, max, oldest, .. }) = ages {
            let (median, max) = (short(*median), short(*max));
            writeln!(
                out,
                "samples are {median} old (median of {}), {max} at most (`{oldest}`)\n",
                count(*jobs, "job")
            )?;
        }
        if !signals.iter().any(|signal| signal.signal == Signal::Age) {
            writeln!(out, "how old the samples are is not known, as the policy has no signal `age`\n")?;
        }
        for finding in findings {
            let Finding { weight, signal, message } = finding;
            let signal = signal.map(|signal| format!("{signal}: ")).unwrap_or_default();
            let (paint, word) = match weight {
                Weight::Fault => ("\x1b[31m", "fault"),
                Weight::Warning => ("\x1b[33m", "warning"),
                Weight::Note => ("", "note"),
            };
            let (paint, plain) = if colour { (paint, "\x1b[0m") } else { ("", "") };
            writeln!(out, "{paint}{word}{plain}: {signal}{message}")?;
        }
        if !findings.is_empty() {
            writeln!(out)?;
        }
    }
    Ok(())
}

fn rows(signals: &[SignalSurvey], jobs: usize) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["SIGNAL", "JOBS", "SERIES", "UNKNOWN", "TOOK"]);
    for signal in signals {
        let unknown = signal.negative.rows + signal.not_finite.rows;
        for (place, alternative) in signal.alternatives.iter().enumerate() {
            let AlternativeSurvey { queries, answers, .. } = alternative;
            let (name, unknown) = if place == 0 {
                (signal.signal.to_string(), unknown.to_string())
            } else {
                ("  or".into(), String::new())
            };
            let took = queries.iter().map(|query| query.elapsed).max().unwrap_or_default();
            let failed = queries.iter().any(|query| query.failure.is_some());
            let series = if failed { "failed".to_owned() } else { alternative.series().to_string() };
            table.add_row([name, format!("{answers} of {jobs}"), series, unknown, short(took)]);
        }
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// As people say it: `8ms`, `12.3s`, `2m 5s`.
fn short(duration: Duration) -> String {
    match duration.as_secs_f64() {
        under if under < 1.0 => format!("{}ms", duration.as_millis()),
        under if under < 60.0 => format!("{under:.1}s"),
        _ => humantime::format_duration(Duration::from_secs(duration.as_secs())).to_string(),
    }
}

pub(super) fn json(surveyed: &Surveyed) -> Value {
    let Surveyed { url, at, policies } = surveyed;
    let problems = policies.iter().flat_map(|(policy, findings)| {
        findings.iter().map(|Finding { weight, signal, message }| {
            let severity = match weight {
                Weight::Fault => "error",
                Weight::Warning => "warning",
                Weight::Note => "note",
            };
            json!({"severity": severity, "policy": policy.policy, "signal": signal, "message": message})
        })
    });
    json!({
        "url": url,
        "at": at,
        "problems": problems.collect::<Vec<_>>(),
        "policies": policies.iter().map(|(survey, _)| policy(survey)).collect::<Vec<_>>(),
    })
}

fn policy(survey: &PolicySurvey) -> Value {
    let PolicySurvey { policy, jobs, signals, ages, idle_readers } = survey;
    let ages = ages.as_ref().map(|ages| {
        let Ages { jobs: counted, median, max, oldest, limit, stale } = ages;
        json!({
            "jobs": counted,
            "medianSeconds": median.as_secs_f64(),
            "maxSeconds": max.as_secs_f64(),
            "oldest": oldest.to_string(),
            "staleAfterSeconds": limit.as_secs_f64(),
            "stale": some(stale),
        })
    });
    let signals: Vec<_> = signals.iter().map(signal).collect();
    json!({"policy": policy, "jobs": jobs, "age": ages, "idleReaders": some(idle_readers), "signals": signals})
}

fn signal(survey: &SignalSurvey) -> Value {
    let SignalSurvey { signal, alternatives, jobs, without, negative, not_finite, repeated } = survey;
    json!({
        "signal": signal,
        "jobs": jobs,
        "without": some(without),
        "negative": affected(negative),
        "notFinite": affected(not_finite),
        "repeated": affected(repeated),
        "alternatives": alternatives.iter().map(alternative).collect::<Vec<_>>(),
    })
}

fn alternative(survey: &AlternativeSurvey) -> Value {
    let AlternativeSurvey { queries, jobs, answers, gaps } = survey;
    let gap = |gap: &LabelGap| {
        let LabelGap { by, label, rows, example } = gap;
        json!({"by": by.key(), "label": label, "rows": rows, "example": example})
    };
    let query = |query: &QuerySurvey| {
        json!({
            "query": query.query,
            "seconds": query.elapsed.as_secs_f64(),
            "series": query.series,
            "histograms": query.histograms,
            "labels": query.labels,
            "warnings": query.warnings,
            "infos": query.infos,
            "error": query.failure.as_ref().map(chain),
        })
    };
    json!({
        "jobs": jobs,
        "answers": answers,
        "missingLabels": gaps.iter().map(gap).collect::<Vec<_>>(),
        "queries": queries.iter().map(query).collect::<Vec<_>>(),
    })
}

fn some(jobs: &Jobs) -> Value {
    let Jobs { count, examples } = jobs;
    json!({"count": count, "examples": examples.iter().map(ToString::to_string).collect::<Vec<_>>()})
}

fn affected(affected: &Affected) -> Value {
    let Affected { rows, jobs } = affected;
    json!({"rows": rows, "jobs": some(jobs)})
}
