//! What has to be asked, and which job, operator and signal each row of an answer stands for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::client::RowSink;
use super::names::Names;
use super::row::Labels;
use crate::engine::{ClassIndex, JobIndex, JobTable, Signal};
use crate::policy::{JoinLabels, PolicySet, SignalQuery};

/// The namespace of jobs whose series carry none.
const DEFAULT_NAMESPACE: &str = "default";
/// The operator of a job whose signals are not cut by operator.
const ONLY_OPERATOR: &str = "source";
/// The operator of a row without the label for it. The row is not dropped: a backlog that nobody owns is a backlog.
const UNNAMED_OPERATOR: &str = "unnamed";
/// What an `unsafe` row without a reason says.
const NO_REASON: &str = "its policy's `unsafe` query has a row for it";

/// One query, sent once however many signals it answers.
#[derive(Debug)]
pub(super) struct Request<'p> {
    pub query: &'p str,
    pub consumers: Vec<Consumer<'p>>,
}

/// One signal of one class that a query answers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Consumer<'p> {
    pub class: ClassIndex,
    pub class_name: &'p Arc<str>,
    pub asked: &'p SignalQuery,
    /// Its place among the fall-backs.
    pub alternative: u8,
}

/// Everything that the policies ask, each text once, in their order.
pub(super) fn requests(policies: &PolicySet) -> Vec<Request<'_>> {
    let mut requests: Vec<Request<'_>> = Vec::new();
    let mut by_text: HashMap<&str, usize> = HashMap::new();
    for (position, policy) in policies.policies.iter().enumerate() {
        let class = ClassIndex(u16::try_from(position).expect("a policy set is checked to be smaller"));
        for asked in &policy.signals {
            for (alternative, parts) in (0_u8..).zip(&asked.alternatives) {
                for query in &parts.parts {
                    let place = *by_text.entry(query).or_insert_with(|| {
                        requests.push(Request { query, consumers: Vec::new() });
                        requests.len() - 1
                    });
                    let class_name = &policy.plan.class;
                    requests[place].consumers.push(Consumer { class, class_name, asked, alternative });
                }
            }
        }
    }
    requests
}

/// One row, joined: small, so that a fleet's worth of them is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Row {
    pub job: JobIndex,
    pub signal: Signal,
    pub alternative: u8,
    /// The operator's name; for `unsafe` the reason; else 0.
    pub name: u32,
    pub value: f64,
}

/// Where names become numbers.
#[derive(Debug)]
pub(super) struct Index<'a> {
    pub jobs: &'a mut JobTable,
    pub names: &'a mut Names,
    /// Jobs of rows that were thrown away.
    pub met: Vec<JobIndex>,
    /// The job of the row before. Prometheus gives the rows of one job mostly in a row.
    pub last: JobIndex,
}

impl Index<'_> {
    fn job(&mut self, class: &Arc<str>, namespace: &str, name: &str) -> JobIndex {
        let is_last = self.jobs.id(self.last).is_some_and(|id| id.name() == name && id.namespace() == namespace)
            && self.jobs.class(self.last) == Some(class);
        if !is_last {
            self.last = self.jobs.intern(class, namespace, name);
        }
        self.last
    }
}

impl Consumer<'_> {
    /// The row, without its value; `None` where it lacks a label that names the job.
    pub fn join(&self, labels: &Labels<'_>, index: &mut Index<'_>) -> Option<Row> {
        let SignalQuery { signal, by: JoinLabels { namespace, name, operator, reason }, .. } = self.asked;
        let namespace = namespace.as_ref().map_or(Some(DEFAULT_NAMESPACE), |label| labels.get(label))?;
        let job = index.job(self.class_name, namespace, labels.get(name)?);
        let name = if signal.is_per_operator() {
            let operator =
                operator.as_ref().map_or(ONLY_OPERATOR, |label| labels.get(label).unwrap_or(UNNAMED_OPERATOR));
            index.names.intern(operator)
        } else if *signal == Signal::Unsafe {
            index.names.intern(reason.as_ref().and_then(|label| labels.get(label)).unwrap_or(NO_REASON))
        } else {
            0
        };
        Some(Row { job, signal: *signal, alternative: self.alternative, name, value: 0.0 })
    }
}

/// Rows that name no job.
#[derive(Debug, Default)]
pub(super) struct Strays {
    pub count: usize,
    pub example: Option<String>,
}

impl Strays {
    pub fn add(&mut self, labels: &Labels<'_>) {
        self.count += 1;
        if self.example.is_none() {
            self.example = Some(labels.to_string());
        }
    }
}

/// Joins the rows of one query, while other queries do the same.
#[derive(Debug)]
pub(super) struct Joining<'a, 'i> {
    pub consumers: &'a [Consumer<'a>],
    pub index: &'a Mutex<Index<'i>>,
    pub rows: Vec<Row>,
    /// By consumer.
    pub strays: Vec<Strays>,
}

impl RowSink for Joining<'_, '_> {
    fn clear(&mut self) {
        // Their jobs have an index by now, so they must not be lost: they are there, whatever became of the answer.
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        index.met.extend(self.rows.drain(..).map(|row| row.job));
        self.strays.clear();
        self.strays.resize_with(self.consumers.len(), Strays::default);
    }

    fn row(&mut self, labels: &Labels<'_>, value: f64) {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        for (consumer, strays) in self.consumers.iter().zip(&mut self.strays) {
            match consumer.join(labels, &mut index) {
                Some(row) => self.rows.push(Row { value, ..row }),
                None => strays.add(labels),
            }
        }
    }
}
