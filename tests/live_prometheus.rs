//! The whole path with a real Prometheus: recordings of real jobs, and jobs whose truth the test sets.

mod support;

#[path = "live/faults.rs"]
mod faults;
#[path = "live/recordings.rs"]
mod recordings;
#[path = "live/scrape.rs"]
mod scrape;
#[path = "live/shipped_policies.rs"]
mod shipped_policies;
#[path = "live/soak.rs"]
mod soak;
#[path = "live/survey.rs"]
mod survey;
