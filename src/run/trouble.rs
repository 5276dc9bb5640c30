//! Tells what is wrong with queries when it begins and when it ends, not at every tick.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::engine::{Signal, Timestamp};
use crate::signals::{QueryOutcome, QueryReport, Repeated};
use crate::telemetry;

/// What was wrong at the tick before.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    known: HashSet<Trouble>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Trouble {
    class: Arc<str>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Failed(Signal),
    Partial(Signal),
    Unmatched(Signal),
    Histograms(Signal),
    Repeated,
}

impl Troubles {
    /// Logs what is new and what is over. Returns how many troubles began.
    pub fn tell(&mut self, queries: &[QueryReport], repeated: &[Repeated], at: Timestamp) -> usize {
        let mut now = HashSet::new();
        let mut began = 0;
        let mut spans = HashMap::new();
        let mut span =
            |class: &Arc<str>| spans.entry(Arc::clone(class)).or_insert_with(|| telemetry::class_at(class, at)).clone();
        // The span to tell it in, where it is new.
        let mut meet = |class: &Arc<str>, kind| {
            let trouble = Trouble { class: Arc::clone(class), kind };
            let new = !self.known.contains(&trouble) && !now.contains(&trouble);
            began += usize::from(new);
            now.insert(trouble);
            new.then(|| span(class))
        };
        for query in queries {
            let QueryReport { class, signal, unmatched, unmatched_example, histograms, outcome, .. } = query;
            let signal = *signal;
            match outcome {
                QueryOutcome::Ok => {}
                QueryOutcome::Partial(warnings) => {
                    if let Some(span) = meet(class, Kind::Partial(signal)) {
                        let error = warnings.join("; ");
                        span.in_scope(|| tracing::warn!(query = %signal, error, "prometheus answered with warnings"));
                    }
                }
                QueryOutcome::Failed(error) => {
                    if let Some(span) = meet(class, Kind::Failed(signal)) {
                        let error = chain(error);
                        span.in_scope(|| tracing::warn!(query = %signal, error, "failed to query prometheus"));
                    }
                }
            }
            if *unmatched > 0
                && let Some(span) = meet(class, Kind::Unmatched(signal))
            {
                let example = unmatched_example.as_deref().unwrap_or_default();
                let error = format!("{unmatched} rows lack the labels that name a job, such as {example}");
                span.in_scope(|| tracing::warn!(query = %signal, error, "rows are in no reading: check `by`"));
            }
            if *histograms > 0
                && let Some(span) = meet(class, Kind::Histograms(signal))
            {
                let error = format!("{histograms} rows are histograms and no numbers");
                span.in_scope(|| tracing::warn!(query = %signal, error, "rows are in no reading: check the query"));
            }
        }
        for Repeated { class, rows, signals, example } in repeated {
            if let Some(span) = meet(class, Kind::Repeated) {
                let (namespace, job) = (example.namespace(), example.name());
                let error = format!("{rows} rows are not the only one for their job or operator");
                let query = names(signals.iter());
                span.in_scope(|| tracing::warn!(query, error, namespace, job, "rows are in no reading: check `by`"));
            }
        }
        for Trouble { class, kind } in self.known.difference(&now) {
            span(class).in_scope(|| tracing::info!(query = kind.signal(), error = kind.name(), "trouble is over"));
        }
        self.known = now;
        began
    }
}

impl Kind {
    fn signal(self) -> Option<&'static str> {
        match self {
            Self::Failed(signal) | Self::Partial(signal) | Self::Unmatched(signal) | Self::Histograms(signal) => {
                Some(signal.name())
            }
            Self::Repeated => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Failed(_) => "failed",
            Self::Partial(_) => "warnings",
            Self::Unmatched(_) => "unmatched rows",
            Self::Histograms(_) => "histograms",
            Self::Repeated => "repeated rows",
        }
    }
}

fn names(signals: impl Iterator<Item = Signal>) -> String {
    signals.map(Signal::name).collect::<Vec<_>>().join(", ")
}

/// The label of an outcome in metrics.
pub(super) const fn label(outcome: &QueryOutcome) -> &'static str {
    match outcome {
        QueryOutcome::Ok => "ok",
        QueryOutcome::Partial(_) => "partial",
        QueryOutcome::Failed(_) => "failed",
    }
}

/// An error with its causes, in one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::engine::JobId;
    use crate::signals::Error;

    fn report(signal: Signal, outcome: QueryOutcome, unmatched: usize) -> QueryReport {
        QueryReport {
            class: "beam".into(),
            signal,
            elapsed: Duration::ZERO,
            series: 1,
            unmatched,
            unmatched_example: None,
            histograms: 0,
            outcome,
        }
    }

    #[test]
    fn a_trouble_is_told_when_it_begins() {
        let failed = || report(Signal::Cpu, QueryOutcome::Failed(Error::NotAsked), 0);
        let well = || report(Signal::Cpu, QueryOutcome::Ok, 0);
        let stray = || report(Signal::Backlog, QueryOutcome::Partial(vec!["slow store".into()]), 2);
        let repeated = || Repeated {
            class: "beam".into(),
            signals: [Signal::Cpu].into_iter().collect(),
            rows: 2,
            example: JobId::new("streaming", "orders"),
        };
        let mut troubles = Troubles::default();
        for (queries, repeated, began) in [
            (vec![well()], vec![], 0),
            (vec![failed()], vec![], 1),
            (vec![failed(), failed()], vec![], 0),
            (vec![failed(), stray()], vec![repeated()], 3),
            (vec![stray()], vec![repeated()], 0),
            (vec![failed(), failed()], vec![], 1),
            (vec![], vec![], 0),
        ] {
            assert_eq!(troubles.tell(&queries, &repeated, Timestamp::default()), began, "{queries:?}");
        }
    }
}
