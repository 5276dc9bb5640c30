//! The server.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::board::Board;
use crate::telemetry::Metrics;

/// How long requests in hand may take once the server is to end.
const GRACE: Duration = Duration::from_secs(3);

/// What can go wrong with the server.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be had.
    #[error("failed to listen on `{address}`{}", mend(.source))]
    Listen {
        /// Which.
        address: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The server ended by itself.
    #[error("failed to serve HTTP")]
    Serve {
        /// Why.
        #[source]
        source: io::Error,
    },
}

fn mend(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => ": give `listen` another port, or end what uses this one",
        io::ErrorKind::AddrNotAvailable => ": give `listen` an address of this machine",
        io::ErrorKind::PermissionDenied => ": give `listen` a port from 1024 up",
        _ => "",
    }
}

/// Listens; [`run`](Self::run) answers.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Takes the address, `HOST:PORT`; port 0 takes a free one.
    ///
    /// # Errors
    /// [`Error::Listen`] where it cannot be had.
    pub async fn bind(address: &str) -> Result<Self, Error> {
        let failed = |source| Error::Listen { address: address.to_owned(), source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `end` is ready, and then finishes the requests in hand, for 3 s at most.
    ///
    /// # Errors
    /// [`Error::Serve`] where the listener breaks.
    pub async fn run(
        self,
        board: Arc<Board>,
        metrics: Arc<Metrics>,
        end: impl Future<Output = ()> + Send,
    ) -> Result<(), Error> {
        let ending = CancellationToken::new();
        let app = router(board, metrics);
        let serve = axum::serve(self.listener, app).with_graceful_shutdown(ending.clone().cancelled_owned());
        let mut serve = std::pin::pin!(serve.into_future());
        let served = tokio::select! {
            served = &mut serve => served,
            () = end => {
                ending.cancel();
                tokio::time::timeout(GRACE, serve).await.unwrap_or(Ok(()))
            }
        };
        served.map_err(|source| Error::Serve { source })
    }
}

fn router(board: Arc<Board>, metrics: Arc<Metrics>) -> Router {
    Router::new()
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(readyz))
        .with_state(board)
        .merge(Router::new().route("/metrics", get(metrics_text)).with_state(metrics))
}

async fn readyz(State(board): State<Arc<Board>>) -> Response {
    let readiness = board.readiness();
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness)).into_response()
}

async fn metrics_text(State(metrics): State<Arc<Metrics>>) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], metrics.text())
}
