//! Decoding a fleet's vector as it streams in, against the types of prometheus-http-query on the same bytes.
//!
//! `cargo bench --bench decode` prints ratios of CPU time and of peak heap, best of several rounds in one process.
//! The budgets: at least 3 times faster, in at most a fifteenth of the memory. Nothing fails by time here. Without
//! `--bench` (as `cargo test --benches` runs it), or with `-- --test`, a small vector is decoded once, and the rows are compared.
#![expect(clippy::print_stdout, reason = "a bench prints its result")]

mod support;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{FutureExt, stream};
use peak_alloc::PeakAlloc;
use prometheus_http_query::response::PromqlResult;
use serde::Deserialize;
use steelyard::engine::{JobIndex, JobTable};
use steelyard::signals::decode::{Labels, decode_vector};

use support::{is_full, measured};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const OPERATORS: usize = 10;
/// What hyper hands out at a time, about.
const CHUNK: usize = 64 << 10;

/// The library's own envelope, which it keeps private, around its public types.
#[derive(Deserialize)]
#[serde(tag = "status")]
enum ApiResponse {
    #[serde(alias = "success")]
    Success { data: PromqlResult },
}

fn body(jobs: usize) -> Bytes {
    let mut text = String::from(r#"{"status":"success","data":{"resultType":"vector","result":["#);
    for job in 0..jobs {
        for operator in 0..OPERATORS {
            let comma = if job + operator == 0 { "" } else { "," };
            let value = job as f64 * 1.37 + operator as f64;
            write!(
                text,
                r#"{comma}{{"metric":{{"namespace":"streaming-{:03}","job_name":"orders-enrichment-{job:05}","operator_name":"operator-{operator}"}},"value":[1795229314.078,"{value:.6}"]}}"#,
                job % 200,
            )
            .expect("a String takes all text");
        }
    }
    text.push_str("]}}");
    text.into()
}

/// The rows as a tick keeps them: job, operator, value.
type Rows = Vec<(u32, u32, f64)>;

/// What is known from the tick before.
struct Known {
    class: Arc<str>,
    jobs: JobTable,
    last: JobIndex,
    operators: HashMap<Box<str>, u32>,
}

impl Known {
    fn row(&mut self, labels: &Labels<'_>, value: f64) -> (u32, u32, f64) {
        let label = |name| labels.get(name).expect("every series has all labels");
        let (namespace, name) = (label("namespace"), label("job_name"));
        // As the join of a tick does: the rows of one job mostly come in a row.
        if !self.jobs.id(self.last).is_some_and(|id| id.name() == name && id.namespace() == namespace) {
            self.last = self.jobs.intern(&self.class, namespace, name);
        }
        let operator = label("operator_name");
        let next = self.operators.len() as u32;
        let operator = match self.operators.get(operator) {
            Some(known) => *known,
            None => *self.operators.entry(operator.into()).or_insert(next),
        };
        (self.last.0, operator, value)
    }
}

fn library(body: &Bytes) -> usize {
    let ApiResponse::Success { data } = serde_json::from_slice(body).expect("the body is an answer");
    data.data().as_vector().expect("it is a vector").len()
}

fn streamed(body: &Bytes, on_row: &mut impl FnMut(&Labels<'_>, f64)) -> usize {
    let chunks = stream::iter((0..body.len()).step_by(CHUNK).map(|from| {
        // The HTTP client hands out chunks of its own, so that each is copied once here as well.
        Ok(Bytes::copy_from_slice(&body[from..body.len().min(from + CHUNK)]))
    }));
    let decoded = decode_vector(chunks, on_row).now_or_never().expect("all chunks are there");
    decoded.expect("the body is an answer").rows
}

fn decoded(body: &Bytes) -> usize {
    let mut sum = 0.0;
    let rows = streamed(body, &mut |labels, value| sum += value + labels.iter().count() as f64);
    assert!(sum > 0.0);
    rows
}

fn joined(body: &Bytes, known: &mut Known) -> Rows {
    let mut rows = Rows::new();
    streamed(body, &mut |labels, value| rows.push(known.row(labels, value)));
    rows
}

/// Seconds, and peak heap in bytes above what was there before.
fn measure(work: impl FnOnce() -> usize, series: usize) -> (f64, f64) {
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    let (rows, took) = measured(work);
    assert_eq!(rows, series);
    (took.as_secs_f64(), HEAP.peak_usage().saturating_sub(before) as f64)
}

fn main() {
    let (jobs, rounds) = if is_full() { (40_000, 5) } else { (400, 1) };
    let series = jobs * OPERATORS;
    let body = body(jobs);
    let mut known =
        Known { class: "beam".into(), jobs: JobTable::default(), last: JobIndex::default(), operators: HashMap::new() };
    let rows = joined(&body, &mut known);
    assert_eq!(rows.len(), series);
    assert_eq!(known.jobs.len(), jobs);
    assert_eq!(rows[series - 1].2, ((jobs - 1) as f64 * 1.37 + 9.0).mul_add(1e6, 0.0).round() / 1e6);
    drop(rows);

    let mut best = [(f64::MAX, f64::MAX); 3];
    for _ in 0..rounds {
        let found = [
            measure(|| library(&body), series),
            measure(|| decoded(&body), series),
            measure(|| joined(&body, &mut known).len(), series),
        ];
        for (best, found) in best.iter_mut().zip(found) {
            *best = (best.0.min(found.0), best.1.min(found.1));
        }
    }
    let [theirs, ..] = best;
    println!("{series} series, {:.1} MB, best of {rounds}", body.len() as f64 / 1e6);
    for (name, (seconds, heap)) in ["prometheus-http-query", "streamed", "streamed + joined"].iter().zip(best) {
        println!(
            "{name:22} {:8.1} ms {:5.0} ns/series {:8.2} MB heap   {:4.1}x faster, 1/{:.1} of the memory",
            seconds * 1e3,
            seconds * 1e9 / series as f64,
            heap / 1e6,
            theirs.0 / seconds,
            theirs.1 / heap,
        );
    }
}
