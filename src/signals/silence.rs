//! A Prometheus that answers nothing is not asked for everything.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::OnceCell;

use super::client::{Client, RowSink};
use super::decode::Envelope;
use super::error::Error;
use super::row::Labels;
use crate::engine::Timestamp;

/// Whether Prometheus is simply not there: as many queries as go at once came back with nothing, none with anything,
/// and neither does the cheapest of all. Without this a tick without Prometheus would take the time-out once per
/// query; without the cheap one a few heavy queries would keep all others from being asked, at every tick.
#[derive(Debug, Default)]
pub(super) struct Silence {
    silent: AtomicUsize,
    answered: AtomicUsize,
    gone: OnceCell<bool>,
}

impl Silence {
    /// Asks, unless nothing answers.
    pub async fn ask(
        &self,
        client: &Client,
        query: &str,
        at: Timestamp,
        sink: &mut impl RowSink,
    ) -> Result<Envelope, Error> {
        if self.is_complete(client, at).await {
            return Err(Error::NotAsked);
        }
        let result = client.vector(query, at, sink).await;
        let counter = if result.as_ref().is_err_and(Error::is_silence) { &self.silent } else { &self.answered };
        counter.fetch_add(1, Ordering::Relaxed);
        result
    }

    async fn is_complete(&self, client: &Client, at: Timestamp) -> bool {
        if self.answered.load(Ordering::Relaxed) > 0 || self.silent.load(Ordering::Relaxed) < client.concurrency() {
            return false;
        }
        let ask = || async { client.vector("1", at, &mut Nobody).await.is_err_and(|error| error.is_silence()) };
        *self.gone.get_or_init(ask).await
    }
}

/// Takes no row.
struct Nobody;

impl RowSink for Nobody {
    fn clear(&mut self) {}
    fn row(&mut self, _: &Labels<'_>, _: f64) {}
}
