//! How a run ends from outside: the first signal drains, a second aborts.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Whether this process is to end, as a value that is handed to whoever must know. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    drain: CancellationToken,
    abort: CancellationToken,
}

impl Shutdown {
    /// One that SIGINT and SIGTERM ask. Must be called inside a runtime.
    ///
    /// # Errors
    /// Where this system refuses a signal handler.
    pub fn on_signals() -> std::io::Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let shutdown = Self::default();
        let asked = shutdown.clone();
        tokio::spawn(async move {
            while !asked.abort.is_cancelled() {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                asked.ask();
            }
        });
        Ok(shutdown)
    }

    /// Asks to end: the first time to drain, the second time to abort.
    pub fn ask(&self) {
        if self.drain.is_cancelled() {
            tracing::warn!("aborting: the tick in hand is not finished");
            self.abort.cancel();
        } else {
            tracing::info!("draining: the tick in hand is finished, a second signal aborts");
            self.drain.cancel();
        }
    }

    /// Waits until no new work may begin. Cancel safe.
    pub async fn draining(&self) {
        self.drain.cancelled().await;
    }

    /// Waits until the work in hand is to be dropped. Cancel safe.
    pub async fn aborted(&self) {
        self.abort.cancelled().await;
    }
}
