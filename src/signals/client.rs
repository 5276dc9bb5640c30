//! One Prometheus: requests with time-outs, retries and credentials; answers checked before anyone reads rows.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use prometheus_http_query::response::RangeVector;
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout_at};

use super::auth::Auth;
use super::connection::Connection;
use super::decode::{Envelope, decode_vector};
use super::error::Error;
use super::http;
use super::link::{Link, endpoint};
use super::matrix::{self, Matrix};
use super::row::Labels;
use crate::engine::Timestamp;

/// How much of an error page is read.
const ERROR_PAGE: usize = 64 << 10;

/// A Prometheus that can be asked. Clones share connections and the bound on concurrent queries.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    link: Link,
    auth: Auth,
    /// The base URL as the user gave it, without credentials: for messages.
    shown: Arc<str>,
    timeout: Duration,
    retries: usize,
    concurrency: usize,
    permits: Semaphore,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("url", &self.shared.shown).finish_non_exhaustive()
    }
}

/// Takes the rows of one query. After a failed attempt it starts anew.
pub(super) trait RowSink {
    /// Forgets the rows of an attempt that failed.
    fn clear(&mut self);
    /// One row.
    fn row(&mut self, labels: &Labels<'_>, value: f64);
}

impl Client {
    /// Prepares to speak with that Prometheus; nothing is sent yet.
    ///
    /// # Errors
    /// Settings that make no sense, two kinds of credentials, files of certificates that cannot be read or used.
    pub fn new(connection: &Connection) -> Result<Self, Error> {
        let mut url = http::base_url(connection)?;
        let auth = Auth::new(connection, &mut url)?;
        let shown = Arc::from(url.as_str().trim_end_matches('/'));
        let link = Link::new(connection, url)?;
        let Connection { timeout, retries, concurrency, .. } = *connection;
        let permits = Semaphore::new(concurrency.min(Semaphore::MAX_PERMITS));
        Ok(Self { shared: Arc::new(Shared { link, auth, shown, timeout, retries, concurrency, permits }) })
    }

    /// The base URL, without credentials.
    pub fn url(&self) -> &str {
        &self.shared.shown
    }

    /// How many queries may be under way at once.
    pub(super) fn concurrency(&self) -> usize {
        self.shared.concurrency
    }

    /// The version that the server says it has: a small question for the start, whether there is a Prometheus at all.
    /// Servers that only speak its API (Thanos, Mimir, VictoriaMetrics) answer with a version of their own.
    ///
    /// # Errors
    /// No connection, credentials that do not suffice, another kind of server.
    pub async fn build_info(&self) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct BuildInfo {
            version: String,
        }
        let mut call = self.call();
        let answer = timeout_at(call.deadline, async {
            loop {
                let attempt = async {
                    let headers = self.shared.auth.headers().await?;
                    let api = self.shared.link.current();
                    let request = api.inner().get(endpoint(&api, "api/v1/status/buildinfo")).headers(headers);
                    let response = accepted(request.send().await.map_err(|error| self.unsent(error))?).await?;
                    matrix::data::<BuildInfo>(response).await
                };
                match attempt.await {
                    Ok(answer) => return Ok(answer.data.version),
                    Err(error) => call.pause(error).await?,
                }
            }
        });
        answer.await.unwrap_or_else(|_| Err(call.timed_out()))
    }

    /// Sends an instant query and gives its rows to `sink` as they stream in.
    pub(super) async fn vector(&self, query: &str, at: Timestamp, sink: &mut impl RowSink) -> Result<Envelope, Error> {
        let _permit = self.shared.permits.acquire().await;
        let mut call = self.call();
        let answer = timeout_at(call.deadline, async {
            loop {
                let attempt = async {
                    sink.clear();
                    // The library's `at` takes whole seconds only.
                    let request = self.shared.link.current().query(query).query("time", at.as_seconds());
                    let mut request = request.timeout(call.rest_in_millis());
                    for (name, value) in &self.shared.auth.headers().await? {
                        request = request.header(name.clone(), value.clone());
                    }
                    let response = request.post_raw().await.map_err(|error| self.unsent(error))?;
                    let body = accepted(response).await?.bytes_stream();
                    decode_vector(body, &mut |labels: &Labels<'_>, value| sink.row(labels, value)).await
                };
                match attempt.await {
                    Ok(envelope) => return Ok(envelope),
                    Err(error) => call.pause(error).await?,
                }
            }
        });
        answer.await.unwrap_or_else(|_| Err(call.timed_out()))
    }

    /// Sends a range query. The library's builder takes whole seconds only, so the form is our own.
    pub(super) async fn matrix(
        &self,
        query: &str,
        from: Timestamp,
        to: Timestamp,
        step: Duration,
    ) -> Result<Matrix<RangeVector>, Error> {
        let _permit = self.shared.permits.acquire().await;
        let mut call = self.call();
        let answer = timeout_at(call.deadline, async {
            loop {
                let attempt = async {
                    let form = [
                        ("query", query.to_owned()),
                        ("start", from.as_seconds().to_string()),
                        ("end", to.as_seconds().to_string()),
                        ("step", step.as_secs_f64().to_string()),
                        ("timeout", format!("{}ms", call.rest_in_millis())),
                    ];
                    let headers = self.shared.auth.headers().await?;
                    let api = self.shared.link.current();
                    let address = endpoint(&api, "api/v1/query_range");
                    let request = api.inner().post(address).form(&form).headers(headers);
                    let response = accepted(request.send().await.map_err(|error| self.unsent(error))?).await?;
                    matrix::series(response).await
                };
                match attempt.await {
                    Ok(matrix) => return Ok(matrix),
                    Err(error) => call.pause(error).await?,
                }
            }
        });
        answer.await.unwrap_or_else(|_| Err(call.timed_out()))
    }

    fn call(&self) -> Call {
        // A tenth of a second and then doubled, at random: short against the ten seconds of a call.
        let delays = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(100))
            .with_jitter()
            .with_max_times(self.shared.retries)
            .build();
        let within = self.shared.timeout;
        Call { within, deadline: Instant::now() + within, delays, last: None }
    }

    fn unsent(&self, source: impl Unsent) -> Error {
        let url = Arc::clone(&self.shared.shown);
        if source.is_about_the_connection() {
            Error::Connect { url, source: source.boxed() }
        } else {
            Error::Send { url, source: source.boxed() }
        }
    }
}

/// The time and the attempts that one call has.
struct Call {
    within: Duration,
    deadline: Instant,
    delays: ExponentialBackoff,
    last: Option<Error>,
}

impl Call {
    /// What is left, for the server to give up as well.
    fn rest_in_millis(&self) -> i64 {
        i64::try_from(self.deadline.saturating_duration_since(Instant::now()).as_millis()).unwrap_or(i64::MAX).max(1)
    }

    /// Waits before the next attempt, or gives the error back where there is none.
    async fn pause(&mut self, error: Error) -> Result<(), Error> {
        if !error.is_transient() {
            return Err(error);
        }
        let Some(delay) = self.delays.next() else { return Err(error) };
        self.last = Some(error);
        sleep(delay).await;
        Ok(())
    }

    fn timed_out(self) -> Error {
        Error::Timeout { within: self.within, source: self.last.map(Box::new) }
    }
}

/// The two errors that a request can end with before there is an answer.
trait Unsent {
    fn is_about_the_connection(&self) -> bool;
    fn boxed(self) -> Box<dyn std::error::Error + Send + Sync>;
}

impl Unsent for reqwest::Error {
    fn is_about_the_connection(&self) -> bool {
        self.is_connect()
    }
    fn boxed(self) -> Box<dyn std::error::Error + Send + Sync> {
        self.into()
    }
}

impl Unsent for prometheus_http_query::Error {
    fn is_about_the_connection(&self) -> bool {
        let Self::Client(error) = self else { return false };
        error.inner().is_some_and(reqwest::Error::is_connect)
    }
    fn boxed(self) -> Box<dyn std::error::Error + Send + Sync> {
        self.into()
    }
}

/// The response, if its status is 200; else what it says about the failure.
async fn accepted(mut response: Response) -> Result<Response, Error> {
    #[derive(Deserialize)]
    struct Refusal {
        #[serde(rename = "errorType")]
        kind: String,
        error: String,
    }
    let status = response.status();
    if status == StatusCode::OK {
        return Ok(response);
    }
    let mut page = Vec::new();
    while page.len() < ERROR_PAGE
        && let Ok(Some(chunk)) = response.chunk().await
    {
        page.extend_from_slice(&chunk);
    }
    match serde_json::from_slice::<Refusal>(&page) {
        Ok(Refusal { kind, error }) if !matches!(status.as_u16(), 401 | 403) => {
            Err(Error::Refused { kind, text: error, status })
        }
        _ => Err(Error::Status { status, text: first_line(&page) }),
    }
}

/// What of an error page can stand in a message; nothing of a page in HTML.
fn first_line(page: &[u8]) -> String {
    let text = String::from_utf8_lossy(page);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    if line.starts_with('<') { String::new() } else { line.chars().filter(|c| !c.is_control()).take(200).collect() }
}

#[cfg(test)]
mod tests;
