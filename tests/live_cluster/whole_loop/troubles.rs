//! What happens beside Steelyard, with `--long`: an upgrade by the job's owner, an operator that is away, a value that the
//! operator refuses. None of it leads to a wrong patch.

use std::time::Duration;

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::stage::{APP, Stage};
use super::{CALM, DRAIN_TARGET, LENIENCE, STORM};
use crate::bed::common::prometheus::NAMESPACE;
use crate::bed::common::wait::until_or;

/// An upgrade with a savepoint, on a machine that does other things as well.
const UPGRADED: Duration = Duration::from_secs(300);
/// For as long the operator is away, and a refused value stands.
const A_MINUTE: Duration = Duration::from_secs(60);

/// The owner's change of the spec.
async fn owner(stage: &Stage, change: Value) {
    let api = stage.cluster.flink_deployments(NAMESPACE).await;
    let parameters = PatchParams { field_manager: Some("owner".to_owned()), ..PatchParams::default() };
    api.patch(APP, &parameters, &Patch::Merge(change)).await.expect("the owner may do anything");
}

/// The owner changes the configuration while a scale-up is under way: the operator takes a savepoint and deploys anew. Until
/// that is done nothing is patched, and then the job has the workers that it needs.
pub async fn an_upgrade_in_the_middle(stage: &mut Stage) {
    stage.set_input(STORM);
    let scaled = stage.until_scaled("up before the upgrade", |replicas| replicas > 1).await;
    owner(stage, json!({ "spec": { "flinkConfiguration": { "restart-strategy.fixed-delay.delay": "2 s" } } })).await;
    let upgraded = async || {
        let change = stage.witness.changes(APP).into_iter().find(|change| change.generation > scaled.generation)?;
        let stable = stage.is_reconciled().await && stage.truth().since()? > change.at;
        stable.then(|| stage.witness.changes(APP))
    };
    let changes = until_or(UPGRADED, upgraded, || format!("the upgrade is carried out: {}", stage.story())).await;
    let during: Vec<_> = changes.iter().filter(|change| change.generation > scaled.generation).collect();
    assert_eq!(during.len(), 1, "only the owner changed the spec: {during:?}\n{}", stage.story());
    let again = stage.until_restarted_since(scaled.at).await;
    stage.until_drained(again + 2.0 * DRAIN_TARGET + LENIENCE).await;
    calm_down(stage).await;
}

/// The operator is away while the input rises: one patch, which waits for it, and no second one.
pub async fn an_operator_that_is_away(stage: &mut Stage) {
    // In the middle of its work it would leave a state behind in which nothing may be patched until it is back.
    stage.until_reconciled().await;
    let before = stage.witness.changes(APP).len();
    stage.operator.stop().await;
    stage.set_input(STORM);
    let patched = stage.until_scaled("up without an operator", |replicas| replicas > 1).await;
    tokio::time::sleep(A_MINUTE).await;
    let changes = stage.witness.changes(APP);
    assert_eq!(changes.len(), before + 1, "nobody carries it out, so nothing more is asked: {}", stage.story());
    stage.operator.start_again();
    let again = stage.until_restarted_since(patched.at).await;
    stage.until_drained(again + 2.0 * DRAIN_TARGET + LENIENCE).await;
    calm_down(stage).await;
}

/// The owner asks for 0 workers, which the operator refuses for as long as it stands: it is the owner's to mend.
pub async fn a_refused_value(stage: &mut Stage) {
    owner(stage, json!({ "spec": { "taskManager": { "replicas": 0 } } })).await;
    let refused = async || stage.status("error").await.filter(|error| !error.is_null());
    until_or(UPGRADED, refused, || format!("the operator refuses it: {}", stage.story())).await;
    let before = stage.witness.changes(APP);
    stage.set_input(STORM);
    tokio::time::sleep(A_MINUTE).await;
    assert_eq!(stage.witness.changes(APP), before, "{}", stage.story());
    assert_eq!(before.last().map(|change| change.replicas), Some(0), "the owner's value stands");
    stage.set_input(CALM);
    owner(stage, json!({ "spec": { "taskManager": { "replicas": 1 } } })).await;
    stage.until_reconciled().await;
}

async fn calm_down(stage: &mut Stage) {
    stage.set_input(CALM);
    let patched = stage.until_scaled("down again", |replicas| replicas == 1).await;
    let again = stage.until_restarted_since(patched.at).await;
    stage.until_drained(again + DRAIN_TARGET + LENIENCE).await;
}
