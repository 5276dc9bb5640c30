//! What Prometheus says: queries, decoded as they stream in, joined to jobs.
//!
//! It owns the connection, the queries' time and retries, and the question which jobs there are. It judges nothing:
//! what is missing, repeated, negative, not a number or failed comes out as just that, and never as zero.

mod ask;
mod auth;
mod client;
mod connection;
pub mod decode;
mod error;
mod http;
mod join;
mod link;
mod matrix;
mod names;
mod observer;
mod range;
mod recollect;
mod roster;
mod row;
mod silence;
mod survey;
#[cfg(test)]
mod testing;

pub use client::Client;
pub use connection::{BasicAuth, Connection, Secret, Tls};
pub use error::Error;
pub use observer::{Observer, QueryOutcome, QueryReport, Seen};
pub use range::range;
pub use recollect::Recollected;
pub use roster::{KNOWN_FOR, Repeated};
pub use survey::{
    Affected, Ages, AlternativeSurvey, By, Jobs, LabelGap, PolicySurvey, QuerySurvey, SignalSurvey, survey,
};
