//! One query, sent once, and all that is to be said about its answer.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use tokio::time::Instant;

use super::{By, LabelGap, QuerySurvey};
use crate::engine::{ClassIndex, Signal, Timestamp};
use crate::signals::ask::{Index, Joining, Request, Row};
use crate::signals::client::{Client, RowSink};
use crate::signals::row::Labels;
use crate::signals::silence::Silence;

/// So many names of labels are kept: to tell people what the series carry. A hostile answer must not fill the memory.
const LABEL_NAMES: usize = 64;

/// One request that came to its end.
pub(super) struct Measured<'p> {
    pub request: &'p Request<'p>,
    pub rows: Vec<Row>,
    pub query: QuerySurvey,
    /// By consumer: those that some row lacks.
    gaps: Vec<Vec<LabelGap>>,
}

impl Measured<'_> {
    /// The labels that its rows lack for that signal of that class.
    pub fn gaps(&self, class: ClassIndex, signal: Signal, alternative: u8) -> impl Iterator<Item = &LabelGap> {
        let consumers = self.request.consumers.iter().zip(&self.gaps);
        let ours = consumers.filter(move |(consumer, _)| {
            (consumer.class, consumer.asked.signal, consumer.alternative) == (class, signal, alternative)
        });
        ours.flat_map(|(_, gaps)| gaps)
    }
}

/// Joins rows as a tick does, and looks at their labels.
struct Looking<'a, 'i> {
    joining: Joining<'a, 'i>,
    names: BTreeSet<String>,
    gaps: Vec<Vec<LabelGap>>,
}

impl RowSink for Looking<'_, '_> {
    fn clear(&mut self) {
        self.joining.clear();
        self.names.clear();
        self.gaps.clear();
        self.gaps.resize_with(self.joining.consumers.len(), Vec::new);
    }

    fn row(&mut self, labels: &Labels<'_>, value: f64) {
        for (name, _) in labels.iter() {
            if !self.names.contains(name) && self.names.len() < LABEL_NAMES {
                self.names.insert(name.to_owned());
            }
        }
        for (consumer, gaps) in self.joining.consumers.iter().zip(&mut self.gaps) {
            for (by, label) in By::labels(consumer.asked).filter(|(_, label)| labels.get(label).is_none()) {
                match gaps.iter_mut().find(|gap| gap.by == by) {
                    Some(gap) => gap.rows += 1,
                    None => gaps.push(LabelGap { by, label: label.to_owned(), rows: 1, example: labels.to_string() }),
                }
            }
        }
        self.joining.row(labels, value);
    }
}

/// Asks one query.
pub(super) async fn measure<'p>(
    client: &Client,
    request: &'p Request<'p>,
    at: Timestamp,
    index: &Mutex<Index<'_>>,
    silence: &Silence,
) -> Measured<'p> {
    let joining = Joining { consumers: &request.consumers, index, rows: Vec::new(), strays: Vec::new() };
    let mut sink = Looking { joining, names: BTreeSet::new(), gaps: Vec::new() };
    let start = Instant::now();
    let result = silence.ask(client, request.query, at, &mut sink).await;
    let elapsed = start.elapsed();
    if result.is_err() {
        sink.clear();
    }
    let (envelope, failure) = match result {
        Ok(envelope) => (envelope, None),
        Err(error) => (Default::default(), Some(Arc::new(error))),
    };
    let Looking { joining, names: labels, gaps } = sink;
    let query = QuerySurvey {
        query: request.query.into(),
        elapsed,
        series: envelope.rows,
        histograms: envelope.histograms,
        labels,
        warnings: envelope.warnings,
        infos: envelope.infos,
        failure,
    };
    Measured { request, rows: joining.rows, query, gaps }
}
