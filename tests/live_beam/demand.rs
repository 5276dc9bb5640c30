//! What the truth demands: the command `decide`, told what the feed and the workers wrote down instead of what Prometheus says.

use serde_json::json;

use crate::bed::beam::{Lane, RECORD_BYTES};
use crate::watch::Watch;

/// How many workers the policy wants for what the lane really did, over the rates' window until now, all of them at one width.
pub async fn demanded(lane: &Lane, watch: &Watch) -> u64 {
    let seconds = watch.rate_window;
    let truth = lane.truth();
    // What the workers did last is not all written down yet.
    let at = truth.at() - 0.5;
    let width = truth.width(at);
    let throughput = truth.processed(at - seconds, at) / seconds;
    let growth = (truth.backlog(at) - truth.backlog(at - seconds)) / seconds;
    let numbers = json!({
        "workers": width,
        "running_for": "1h",
        // Asleep at work.
        "cpu": 0.05,
        "operators": {
            "read": {
                "throughput": throughput * RECORD_BYTES,
                "backlog": truth.backlog(at) * RECORD_BYTES,
                "growth": growth * RECORD_BYTES,
            },
        },
    });
    watch.decides(&numbers).await
}
