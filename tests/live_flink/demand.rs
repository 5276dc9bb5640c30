//! What the truth demands: the command `decide`, told what the job's own threads wrote down instead of what Prometheus says.

use serde_json::json;

use crate::bed::datastream::Lane;
use crate::watch::Watch;

/// As the bed's job calls its source.
const SOURCE: &str = "Source:_log";

/// How many workers the policy wants for what the lane really does, over the rates' window until now, all of them at one width.
pub async fn demanded(lane: &Lane, watch: &Watch) -> u64 {
    let seconds = watch.rate_window;
    let truth = lane.truth();
    let (at, width) = (truth.at(), truth.width());
    let throughput = truth.processed(at - seconds, at) / seconds;
    let used = (throughput / (width as f64 * lane.capacity_of_one())).min(1.0);
    let growth = truth.input_rate() - throughput;
    let numbers = json!({
        "workers": width,
        "running_for": "1h",
        "cpu": used,
        "busy": used,
        "operators": { SOURCE: { "throughput": throughput, "backlog": truth.backlog(), "growth": growth } },
    });
    watch.decides(&numbers).await
}
