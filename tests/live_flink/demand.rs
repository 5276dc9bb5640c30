//! What the truth demands: the command `decide`, told what the job's own threads wrote down instead of what Prometheus says.

use std::path::Path;

use serde_json::{Value, json};

use crate::bed::datastream::Lane;
use crate::command::answer;

/// As the bed's job calls its source.
const SOURCE: &str = "Source:_log";

/// How many workers the policy wants for what the lane really does, over so many seconds until now, all of them at one width.
pub async fn demanded(lane: &Lane, policy: &Path, seconds: f64) -> u64 {
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
    let folder = tempfile::tempdir().expect("a temporary directory");
    let file = folder.path().join("numbers.json");
    std::fs::write(&file, numbers.to_string()).expect("a file");
    let (policy, file) = (policy.to_str().expect("UTF-8"), file.to_str().expect("UTF-8"));
    let said = answer(&["decide", "--policy", policy, "--format", "json", file]).await;
    let said: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
    if said["action"] == "scale" { said["to"].as_u64().expect("a count") } else { width as u64 }
}
