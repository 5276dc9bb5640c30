//! Stands for the Lease beside the loop, and shows who leads.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::instance;
use crate::cluster::{Candidate, Leadership, stand};
use crate::run::Clock;
use crate::run::settings::LeaseSettings;
use crate::serve::{Board, LeaseReport};
use crate::telemetry::Metrics;

/// A candidate for the Lease, for as long as it is kept.
pub(super) struct Leading {
    leadership: Leadership,
    end: CancellationToken,
    standing: AbortOnDropHandle<()>,
    _showing: AbortOnDropHandle<()>,
}

impl Leading {
    /// Stands for the Lease of the settings; `None`: there is none, and this is the only replica.
    pub(super) fn stand(
        settings: &LeaseSettings,
        client: kube::Client,
        clock: Clock,
        board: &Arc<Board>,
        metrics: &Arc<Metrics>,
    ) -> Option<Self> {
        let LeaseSettings { enabled, name, namespace } = settings.clone();
        if !enabled {
            metrics.leads(true);
            return None;
        }
        // A container that is restarted in its pod has the name of the one before, and is another.
        let identity = format!("{}_{:016x}", instance(), RandomState::new().hash_one(std::process::id()));
        let candidate = Candidate { namespace, name, identity };
        let end = CancellationToken::new();
        let (leadership, standing) = stand(client, candidate, move || clock.now(), end.clone());
        let standing = AbortOnDropHandle::new(tokio::spawn(standing));
        let showing = show(leadership.clone(), Arc::clone(board), Arc::clone(metrics));
        let showing = AbortOnDropHandle::new(tokio::spawn(showing));
        Some(Self { leadership, end, standing, _showing: showing })
    }

    /// Whether we lead.
    pub(super) fn leadership(&self) -> Leadership {
        self.leadership.clone()
    }

    /// Ends the candidature after the last write: a standby need not wait for the Lease to expire.
    pub(super) async fn give_back(self) {
        self.end.cancel();
        if let Err(error) = self.standing.await {
            tracing::warn!(%error, "failed to give the lease back: it expires by itself");
        }
    }
}

/// Whoever reads `/metrics` and `/readyz` knows who leads.
async fn show(leadership: Leadership, board: Arc<Board>, metrics: Arc<Metrics>) {
    let mut leadership = leadership;
    loop {
        metrics.leads(leadership.holds());
        board.leads(LeaseReport {
            leads: leadership.holds(),
            holder: leadership.holder(),
            trouble: leadership.trouble(),
        });
        if leadership.changed().await.is_none() {
            return;
        }
    }
}
