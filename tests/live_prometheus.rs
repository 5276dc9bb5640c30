//! The whole path with a real Prometheus: recordings of real jobs, and jobs whose truth the test sets.

#[expect(dead_code, reason = "each target with real components uses a part of it")]
#[path = "support/component.rs"]
mod component;
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
