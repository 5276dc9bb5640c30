//! The archived blocks of real jobs, recorded anew from a real Prometheus.

use std::path::PathBuf;

use crate::support::prometheus::Prometheus;
use crate::support::steelyard::{answer, assert_same_decisions};

/// Folder, first and last tick in epoch seconds: as in `fixtures/refresh`.
const FIXTURES: [(&str, &str, &str); 2] =
    [("flink-rescale-2-4-3", "1795174589.790", "1795175669.790"), ("beam-step-up", "1795229314.078", "1795229974.078")];

#[tokio::test]
async fn a_recording_made_now_leads_to_the_same_decisions_as_the_one_that_is_kept() {
    for (fixture, from, to) in FIXTURES {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(fixture);
        let Some(prometheus) = Prometheus::serving(&folder.join("tsdb.tar.xz")).await else { return };
        let made = tempfile::tempdir().unwrap();
        let made = made.path().join("recording.jsonl.zst");
        let (url, policy) = (prometheus.url(), folder.join("policy.yaml"));
        let (policy, made) = (policy.to_str().unwrap(), made.to_str().unwrap());
        let record = ["record", "--prometheus", &url, "--policy", policy];
        let range = ["--from", from, "--to", to, "--step", "5s", "--output", made];
        answer(&[&record[..], &range[..]].concat()).await;
        let kept = folder.join("recording.jsonl.zst");
        let replayed = answer(&["replay", "--all", made]).await;
        assert!(replayed.lines().count() > 100, "{fixture}: {replayed}");
        assert_same_decisions(&replayed, &answer(&["replay", "--all", kept.to_str().unwrap()]).await);
    }
}
