//! What the truth demands: the command `decide`, told what the feed and the workers wrote down instead of what Prometheus says.

use std::path::Path;

use serde_json::{Value, json};

use crate::bed::beam::{Lane, RECORD_BYTES};
use crate::command::answer;

/// How many workers the policy wants for what the lane really did, over so many seconds until now, all of them at one width.
pub async fn demanded(lane: &Lane, policy: &Path, seconds: f64) -> u64 {
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
    let folder = tempfile::tempdir().expect("a temporary directory");
    let file = folder.path().join("numbers.json");
    std::fs::write(&file, numbers.to_string()).expect("a file");
    let (policy, file) = (policy.to_str().expect("UTF-8"), file.to_str().expect("UTF-8"));
    let said = answer(&["decide", "--policy", policy, "--format", "json", file]).await;
    let said: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
    if said["action"] == "scale" { said["to"].as_u64().expect("a count") } else { width as u64 }
}
