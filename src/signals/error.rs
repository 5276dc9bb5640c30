//! What can go wrong between us and Prometheus. No text here ever holds a secret.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;

use crate::engine::Signal;

/// Why Prometheus could not be asked, or did not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting of the connection makes no sense.
    #[error("prometheus setting `{setting}` {problem}")]
    Setting {
        /// Its key.
        setting: &'static str,
        /// What is wrong with it, and the mend.
        problem: String,
    },
    /// A file that a setting names could not be read.
    #[error("failed to read {}, which prometheus setting `{setting}` names", path.display())]
    File {
        /// The key of the setting.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file was read and holds something else than the setting needs.
    #[error("{}, which prometheus setting `{setting}` names, {problem}", path.display())]
    Content {
        /// The key of the setting.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What it should hold.
        problem: &'static str,
    },
    /// The HTTP client could not be set up.
    #[error(
        "failed to set up the client for Prometheus: check the `tls` settings, or give a `tls.ca_file` where the \
         system has no CA certificates"
    )]
    Build {
        /// Why.
        source: reqwest::Error,
    },
    /// No connection.
    #[error("failed to connect to Prometheus at {url}: check `url`, and `tls` where it is https")]
    Connect {
        /// The base URL, without credentials.
        url: Arc<str>,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A request was not carried out for another reason than the connection.
    #[error("failed to send a request to Prometheus at {url}")]
    Send {
        /// The base URL, without credentials.
        url: Arc<str>,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No answer within the time of one call, all its attempts together.
    #[error("no answer within {}: raise `timeout`, or make the query cheaper", humantime::format_duration(*within))]
    Timeout {
        /// The setting `timeout`.
        within: Duration,
        /// How the attempts before the last went, where there were any.
        source: Option<Box<Error>>,
    },
    /// Prometheus gave up on the query itself.
    #[error("Prometheus refused the query ({kind}): {text}")]
    Refused {
        /// Its `errorType`.
        kind: String,
        /// Its `error`.
        text: String,
        /// The status of the answer.
        status: StatusCode,
    },
    /// Another status than 200, from Prometheus or something before it.
    #[error("answered with status {status}{}{}", mend(*status), detail(text))]
    Status {
        /// The status.
        status: StatusCode,
        /// The first line of the body; empty where there is none.
        text: String,
    },
    /// The body broke off on the way.
    #[error("failed to read the answer")]
    Body {
        /// Why.
        source: reqwest::Error,
    },
    /// The body ended before the answer did.
    #[error("the answer is cut off after {bytes} bytes")]
    Truncated {
        /// How many there were.
        bytes: u64,
    },
    /// The body is not what the API promises.
    #[error("failed to parse the answer near byte {offset}: is `url` the address of a Prometheus?")]
    Parse {
        /// Where in the body.
        offset: u64,
        /// Why.
        source: serde_json::Error,
    },
    /// The body is JSON, but not an answer of this API.
    #[error("the answer is not one of the Prometheus API: {problem}")]
    Shape {
        /// What it lacks or has too much.
        problem: String,
    },
    /// The query gives something else than numbers per series.
    #[error("the query gives a {found} where an instant vector is needed: {}", wrong_type(found))]
    ResultType {
        /// The `resultType` of the answer.
        found: String,
    },
    /// The query of one signal failed.
    #[error("failed to query `{signal}` of class `{class}`")]
    Query {
        /// The class.
        class: Arc<str>,
        /// The signal.
        signal: Signal,
        /// Why; shared, as one query may answer for several classes.
        source: Arc<Error>,
    },
    /// The query of one signal failed over a range of time.
    #[error("failed to query `{signal}` of class `{class}` over a range of time, with the query `{query}`")]
    Range {
        /// The class.
        class: Arc<str>,
        /// The signal.
        signal: Signal,
        /// PromQL.
        query: String,
        /// Why; shared, as one query may answer for several classes.
        source: Arc<Error>,
    },
    /// Nothing answered in this tick, so this query was not sent.
    #[error("not asked, as Prometheus answered none of the queries before")]
    NotAsked,
    /// The range of a recording makes no sense.
    #[error("cannot ask for this range of time: {problem}")]
    Span {
        /// What is wrong with it, and the mend.
        problem: String,
    },
}

impl Error {
    /// Whether the same request may well succeed a moment later: no connection, a time-out, 429, 5xx, a body that
    /// broke off.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Send { .. } | Self::Body { .. } | Self::Truncated { .. } => true,
            Self::Refused { status, .. } | Self::Status { status, .. } => {
                *status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
            }
            Self::Timeout { .. }
            | Self::Setting { .. }
            | Self::File { .. }
            | Self::Content { .. }
            | Self::Build { .. }
            | Self::Parse { .. }
            | Self::Shape { .. }
            | Self::ResultType { .. }
            | Self::Query { .. }
            | Self::Range { .. }
            | Self::NotAsked
            | Self::Span { .. } => false,
        }
    }

    /// Whether a shorter range of time may well succeed: the server's limits on samples and time, or ours on time.
    pub(super) fn is_too_much(&self) -> bool {
        match self {
            Self::Timeout { .. } => true,
            Self::Refused { kind, text, .. } => kind == "timeout" || text.contains("too many samples"),
            _ => false,
        }
    }

    /// Whether a Prometheus (or what speaks like one) said it, and not what is in between or in its place.
    pub(super) fn is_of_prometheus(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::ResultType { .. })
    }

    /// Whether nothing came back at all, as from a Prometheus that is gone.
    pub(super) fn is_silence(&self) -> bool {
        matches!(self, Self::Connect { .. } | Self::Timeout { .. } | Self::Send { .. })
    }
}

/// Which setting to look at.
fn mend(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => ": check `bearer_token`, `bearer_token_file` or `basic_auth`",
        403 => ": these credentials (or this `tenant`) may not read here",
        404 => ": check the path in `url`",
        300..=399 => ": redirects are not followed, put the final address into `url`",
        _ => "",
    }
}

fn detail(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" ({text})") }
}

fn wrong_type(found: &str) -> &'static str {
    match found {
        "matrix" => "put a function such as rate() around the range selector",
        _ => "ask for numbers",
    }
}
