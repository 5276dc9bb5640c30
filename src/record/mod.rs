//! The recording format: what was seen, tick by tick, so that any policy can decide about it again.
//!
//! # Recording format
//!
//! A recording is a text file of JSON Lines: a header, then one line a tick, in order of time. It may be compressed
//! with zstd as a whole (its name then usually ends in `.zst`); the reader looks at the bytes, not at the name.
//!
//! A recording starts from empty memory, or from what the daemon that made it had read back at its start (`recalled`):
//! its replay is what a daemon decides that was started at its first tick. A
//! file is complete in itself: policies and observations are in it, no clock and no network are needed to replay it.
//!
//! ## The header
//!
//! ```json
//! {"steelyardRecording": 1, "step": "15s", "source": "http://prometheus:9090",
//!  "policies": [{"name": "beam-flink", "text": "apiVersion: steelyard.dev/v1alpha1\nkind: ..."}]}
//! ```
//! (on one line)
//!
//! | key | meaning |
//! | --- | --- |
//! | `steelyardRecording` | the format's version, [`VERSION`]. It is looked at first; a newer one is refused, and what is unknown in this version is an error |
//! | `step` | the usual time between two ticks |
//! | `policies` | at least one: `name`, and as `text` the YAML document of the policy as it was written |
//! | `created`, `source` | optional: when it was made, and where the numbers come from |
//!
//! ## A tick
//!
//! ```json
//! {"at": "2026-11-21T04:53:15.000Z",
//!  "classes": [{"class": "beam-flink", "failed": ["cpu"], "partial": ["backlog"]}],
//!  "jobs": [{"namespace": "streaming", "name": "orders", "class": "beam-flink", "workers": 10, "wished": 10,
//!            "running_for": 3600, "coverage": 1, "age": "12s", "cpu": 0.5, "max_parallelism": 128,
//!            "operators": {"read": {"throughput": 1000, "backlog": 180000}, "write": {"throughput": 990}}}]}
//! ```
//! (on one line)
//!
//! | key | meaning |
//! | --- | --- |
//! | `at` | the time: RFC 3339 or epoch seconds; later than the line before |
//! | `classes` | optional, only classes of which there is something to say: signals whose query `failed`, those that Prometheus answered with warnings (`partial`), and until when an earlier process had the circuit breaker open (`circuit_open_until`, at the first tick only) |
//! | `jobs` | every job that is known at this tick; one that is left out has left |
//! | `decisions` | optional: what a live run decided at this tick, one object for each job: `namespace`, `name` and the decision without its derivation |
//!
//! Of a job, `name` must be there. `namespace` is `default` where it is left out, `class` may be left out where the
//! header has a single policy. All others may be left out:
//!
//! | key | left out | meaning |
//! | --- | --- | --- |
//! | `workers` | missing | workers that run |
//! | `wished` | missing | workers that the spec asks for |
//! | `running_for` | missing | since the last (re)start |
//! | `coverage` | missing | workers whose metrics are there / workers registered |
//! | `age` | missing | of the oldest worker's newest raw sample |
//! | `cpu`, `busy` | missing | shares, `0.5` for a half |
//! | `max_parallelism`, `partitions` | missing | counts |
//! | `checkpoint_interval` | missing | time between two checkpoints |
//! | `unsafe` | safe | text: why a rescale would do harm |
//! | `conflict` | none | text: who else decides about the job |
//! | `left_alone` | nobody | somebody else's last change of the count: `until` when the job is left alone (it may lie in the past), and how often in a row what we had set was taken back (`reverts`); it decides nothing, as a `conflict` stands beside it |
//! | `owner` | nothing asked | what annotations ask for: `pause` (`both`, `up`, `down`), `pause_until`, `workers`, `min`, `max` |
//! | `recalled` | nothing | what an earlier process had learned of the job, read back at the start: [`Learned`](crate::engine::Learned) |
//! | `operators` | none | by name: `throughput` (left out: missing), `backlog` (left out: no row, so the operator is not judged), `growth` (left out: measured from the backlog) |
//!
//! Each reading is one of
//!
//! | JSON | means |
//! | --- | --- |
//! | `12.5` | fresh. A number below 0 is unknown, so missing (but a `growth` may be negative) |
//! | `null` | missing: no row, or one that says "unknown" |
//! | `{"stale": "90s"}`, `"stale"` | stale: the sample is that old, an hour where it is not said |
//! | `"NaN"` | not a finite number |
//! | `"failed"` | the query failed |
//!
//! Times (`running_for`, `age`, `checkpoint_interval`) are seconds or text such as `"1h 30m"`.
//!
//! The same shape of a job is what `steelyard decide` is given.
//!
//! ## A file that is not whole
//!
//! The writer hands every tick to the operating system before the next, so the file of a killed process can be read up to
//! its last whole line. A file that ends within a line gives [`Error::Truncated`], a line that is no tick
//! [`Error::Damaged`]: each with its line, and all ticks before it are kept. (Of a compressed file whose bytes were changed
//! some ticks before the damage are lost too; its checksum tells of any change at its end.)

mod compare;
mod error;
mod header;
mod json;
mod policies;
mod reader;
mod reading;
pub(crate) mod wire;
mod writer;

pub use compare::RecordedDecision;
pub use error::{Error, Kept};
pub use header::{Header, HeaderPolicy, VERSION};
pub use json::JsonFault;
pub use reader::{Reader, Tick};
pub use writer::Writer;
