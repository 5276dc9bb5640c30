//! What is wrong with what Prometheus gives, and the mend.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::engine::Signal;
use crate::signals::{
    Affected, Ages, AlternativeSurvey, By, Error, Jobs, LabelGap, PolicySurvey, QuerySurvey, SignalSurvey,
};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// The policy does not do its work with this Prometheus.
    Fault,
    /// Some jobs are not scaled, or something is probably not as it was meant.
    Warning,
    /// Good to know.
    Note,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub weight: Weight,
    /// `None`: the policy as a whole.
    pub signal: Option<Signal>,
    pub message: String,
}

/// What is to be said about one policy, faults first, else in the order of its signals.
pub(super) fn findings(found: &PolicySurvey) -> Vec<Finding> {
    let mut all = Findings::default();
    all.no_job(found);
    for signal in &found.signals {
        all.signal = Some(signal.signal);
        for (place, alternative) in signal.alternatives.iter().enumerate() {
            all.failures(place, alternative);
            all.gaps(place, alternative);
            all.remarks(place, alternative);
        }
        all.repeated(signal);
        all.values(signal);
        all.without(signal, found.jobs);
    }
    all.ages(found);
    all.idle_readers(found);
    let mut all = all.list;
    all.sort_by_key(|finding| finding.weight);
    all
}

#[derive(Default)]
struct Findings {
    list: Vec<Finding>,
    signal: Option<Signal>,
}

impl Findings {
    fn add(&mut self, weight: Weight, message: String) {
        self.list.push(Finding { weight, signal: self.signal, message });
    }

    fn no_job(&mut self, found: &PolicySurvey) {
        if found.jobs > 0 {
            return;
        }
        let mut queries = found.signals.iter().flat_map(|signal| &signal.alternatives).flat_map(|one| &one.queries);
        let why = if queries.clone().any(|query| query.series > 0) {
            "no row carries the labels of `by` that name a job"
        } else if queries.any(|query| query.failure.is_none()) {
            "no query gives a number: is this the Prometheus that scrapes these jobs, do they run, and are the metrics \
             and labels called as the queries say?"
        } else {
            // That says it all.
            return;
        };
        self.add(Weight::Fault, format!("there is no job: {why}"));
    }

    fn failures(&mut self, place: usize, alternative: &AlternativeSurvey) {
        let many = alternative.queries.len() > 1;
        for (part, query) in alternative.queries.iter().enumerate() {
            if let Some(failure) = &query.failure {
                let part = if many { format!(" (part {} of its split)", part + 1) } else { String::new() };
                let which = which(place);
                let message = format!("{which}{part} fails: {}{}", chain(failure), mend(failure));
                self.add(Weight::Fault, message);
            }
        }
    }

    fn gaps(&mut self, place: usize, alternative: &AlternativeSurvey) {
        let (series, which) = (alternative.series(), which(place));
        for LabelGap { by, label, rows, example } in &alternative.gaps {
            let missing = format!("`{label}` (`by.{}`) is missing in", by.key());
            if *rows == series {
                let all = if series == 1 { "the only row".to_owned() } else { format!("all {series} rows") };
                let message = format!(
                    "{missing} {all} of {which}, as in {example}: keep the label in the query, make it with \
                     label_replace(), or name another one in `by`"
                );
                self.add(Weight::Fault, message);
            } else {
                let meaning = match by {
                    By::Namespace | By::Name => "such a row belongs to no job",
                    By::Operator => "such a row counts for an operator `unnamed`",
                    By::Reason => "such a row says no reason",
                };
                let message = format!("{missing} {rows} of {series} rows of {which}, as in {example}: {meaning}");
                self.add(Weight::Warning, message);
            }
        }
    }

    fn remarks(&mut self, place: usize, alternative: &AlternativeSurvey) {
        let which = which(place);
        let histograms: usize = alternative.queries.iter().map(|query| query.histograms).sum();
        if histograms > 0 {
            let native = count(histograms, "native histogram");
            let message = format!(
                "{which} gives {native}, which are no numbers and are left out: take histogram_sum(), \
                 histogram_count() or histogram_quantile() of them"
            );
            self.add(Weight::Warning, message);
        }
        let said = |texts: fn(&QuerySurvey) -> &Vec<String>| {
            let texts: BTreeSet<&String> = alternative.queries.iter().flat_map(texts).collect();
            texts.into_iter().cloned().collect::<Vec<_>>()
        };
        for text in said(|query| &query.warnings) {
            let message = format!("Prometheus warns that rows of {which} may be missing, so no job is scaled: {text}");
            self.add(Weight::Warning, message);
        }
        for text in said(|query| &query.infos) {
            self.add(Weight::Note, format!("Prometheus says about {which}: {text}"));
        }
    }

    fn repeated(&mut self, signal: &SignalSurvey) {
        let Affected { rows, jobs } = &signal.repeated;
        if *rows == 0 {
            return;
        }
        let one = if signal.signal.is_per_operator() { "job and operator" } else { "job" };
        let answering = signal.alternatives.iter().find(|one| one.answers > 0);
        let message = format!(
            "{rows} rows of {} stand beside another one for the same {one}, so that none of them is used{}: aggregate \
             over all labels but those of `by`",
            some(jobs),
            answering.map(carried).unwrap_or_default(),
        );
        self.add(Weight::Fault, message);
    }

    fn values(&mut self, signal: &SignalSurvey) {
        let mut add = |Affected { rows, jobs }: &Affected, what: &str, mend: &str| {
            if *rows > 0 {
                let (rows, jobs) = (count(*rows, "row"), some(jobs));
                self.add(Weight::Warning, format!("{what} in {rows} of {jobs}{mend}"));
            }
        };
        add(&signal.negative, "unknown (negative, which is never taken for 0)", "");
        add(&signal.not_finite, "NaN, infinite or too large to be true", ": is something divided by 0?");
    }

    fn without(&mut self, found: &SignalSurvey, jobs: usize) {
        let without = found.without.count;
        // Where no job is known that is the fault; a job without a row of `unsafe` is a safe one.
        if without == 0 || jobs == 0 || found.signal == Signal::Unsafe {
            return;
        }
        let meaning = match found.signal {
            Signal::Running => "such a job counts as not running, and is not scaled",
            Signal::Busy | Signal::MaxParallelism | Signal::Partitions | Signal::CheckpointInterval => {
                "such a job is decided without it"
            }
            _ => "such a job is not scaled",
        };
        if found.jobs > 0 {
            let names = names(&found.without);
            let message = format!("no row for {without} of {jobs} jobs ({names}): {meaning}");
            self.add(Weight::Warning, message);
            return;
        }
        let required = matches!(found.signal, Signal::Throughput | Signal::Backlog | Signal::Running);
        let explained = found
            .alternatives
            .iter()
            .any(|one| one.queries.iter().any(|query| query.failure.is_some()) || !one.gaps.is_empty());
        // What failed or lacks its labels is told already.
        if explained {
            return;
        }
        let weight = if required { Weight::Fault } else { Weight::Warning };
        let message = format!(
            "no row for any of {}, while other signals have some ({meaning}): is the metric called as the query says, \
             and does its selector match?",
            count(jobs, "job")
        );
        self.add(weight, message);
    }

    fn ages(&mut self, found: &PolicySurvey) {
        self.signal = Some(Signal::Age);
        if let Some(Ages { stale, limit, .. }) = found.ages.as_ref().filter(|ages| ages.stale.count > 0) {
            let (limit, jobs) = (humantime::format_duration(*limit), some(stale));
            let message = format!("samples older than `staleAfter` ({limit}): {jobs}; such a job is not scaled");
            self.add(Weight::Warning, message);
        }
    }

    fn idle_readers(&mut self, found: &PolicySurvey) {
        self.signal = Some(Signal::Partitions);
        if found.idle_readers.count > 0 {
            let message = format!(
                "more slots than partitions in {}: the readers beyond have nothing to read, and no increase is ordered: \
                 give the input more partitions; a Beam job is submitted with --maxParallelism, as the number of its splits \
                 is fixed then",
                some(&found.idle_readers)
            );
            self.add(Weight::Warning, message);
        }
    }
}

fn which(place: usize) -> String {
    if place == 0 { "the query".to_owned() } else { format!("the fall-back `or[{}]`", place - 1) }
}

/// The labels that its series carry.
fn carried(alternative: &AlternativeSurvey) -> String {
    let labels: BTreeSet<&String> = alternative.queries.iter().flat_map(|query| &query.labels).collect();
    let names: Vec<_> = labels.iter().take(8).map(|label| format!("`{label}`")).collect();
    let more = if labels.len() > names.len() { " and more" } else { "" };
    format!(" (its series carry {}{more})", names.join(", "))
}

/// "3 jobs".
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// "`n/a`, `n/b`, `n/c` and 4 more".
fn names(Jobs { count, examples }: &Jobs) -> String {
    let names: Vec<_> = examples.iter().map(|job| format!("`{job}`")).collect();
    let rest = count.saturating_sub(examples.len());
    let rest = if rest == 0 { String::new() } else { format!(" and {rest} more") };
    format!("{}{rest}", names.join(", "))
}

/// "2 jobs (`n/a`, `n/b`)".
fn some(jobs: &Jobs) -> String {
    format!("{} ({})", count(jobs.count, "job"), names(jobs))
}

/// What to do about a failure that does not say it itself.
fn mend(failure: &Error) -> &'static str {
    let Error::Refused { kind, text, .. } = failure else { return "" };
    if text.contains("too many samples") || kind == "timeout" {
        ": cut the query with `split`"
    } else if text.contains("many-to-many") || text.contains("duplicate series") {
        ": aggregate both sides to the labels that match them, or say which side is the one with group_left()"
    } else if kind == "bad_data" {
        ": mend the query there"
    } else {
        ""
    }
}

pub(super) fn chain(error: &Arc<Error>) -> String {
    format!("{:#}", anyhow::Error::from(Arc::clone(error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::JobId;

    #[test]
    fn readers_without_anything_to_read_are_a_warning_with_its_mend() {
        let job = JobId::new("streaming", "orders");
        let survey = |idle: Vec<JobId>| PolicySurvey {
            policy: "beam".into(),
            jobs: 1,
            signals: Vec::new(),
            ages: None,
            idle_readers: Jobs { count: idle.len(), examples: idle },
        };
        assert!(findings(&survey(Vec::new())).is_empty());
        let [Finding { weight: Weight::Warning, signal: Some(Signal::Partitions), message }] =
            &findings(&survey(vec![job]))[..]
        else {
            panic!("one warning")
        };
        assert!(message.starts_with("more slots than partitions in 1 job (`streaming/orders`): "), "{message}");
        assert!(message.contains("--maxParallelism"), "{message}");
    }
}
