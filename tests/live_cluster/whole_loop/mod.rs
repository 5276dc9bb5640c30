//! The whole loop: the real Flink Kubernetes Operator carries out a real FlinkDeployment in reactive mode, whose pods are real
//! Flink processes, under a real Prometheus; Steelyard scales it up and down again through `/scale`, under its own account.

mod day;
mod ground;
mod scores;
mod stage;
mod troubles;
mod witness;

use std::time::Duration;

use tokio::sync::Mutex;

use self::ground::MOST;
use self::stage::{APP, SESSION, Stage};

/// A dozen JVMs are as many as two cores carry: one stage at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

/// What one worker can do a second: each record takes it 10 ms, asleep. Two cores could not burn for four workers, so here
/// `cpu` is the share of time that a task is busy, and a worker's capacity is the same on any machine.
const CAPACITY: f64 = 100.0;
/// Half a worker.
const CALM: f64 = 50.0;
/// Three workers at 53 %. The rule sizes by the backlog that it sees, not by what comes in until the new workers run: with more
/// than this a machine that starts them slowly would break the promise, and not the rule.
const STORM: f64 = 1.6 * CAPACITY;

/// The policy's, which nothing here changes.
const DRAIN_TARGET: f64 = 60.0;
/// What a promise about time may be late by.
const LENIENCE: f64 = 60.0;

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_scaled_up_and_down_again_and_then_left_alone() {
    let _alone = ALONE.lock().await;
    let Some(mut stage) = Stage::set(CALM).await else { return };
    let quiet = Duration::from_secs(if is_long() { 600 } else { 180 });

    // Up: more comes in than one worker can take.
    stage.set_input(STORM);
    let patched = stage.until_scaled("up", |replicas| replicas > 1).await;
    let again = stage.until_restarted_since(patched.at).await;
    let by = again + DRAIN_TARGET + LENIENCE;
    stage.until_drained(by).await;

    // Down: the input is what it was.
    stage.set_input(CALM);
    let patched = stage.until_scaled("down", |replicas| replicas == 1).await;
    let again = stage.until_restarted_since(patched.at).await;
    stage.until_drained(again + DRAIN_TARGET + LENIENCE).await;

    // And then nothing moves.
    let before = stage.witness.changes(APP);
    tokio::time::sleep(quiet).await;
    assert_eq!(stage.witness.changes(APP), before, "it moved: {}", stage.story());
    assert!(before.iter().all(|change| change.replicas <= MOST), "{before:?}");
    // Its windows empty slowly, so the way down may have steps; but up it goes once and down it goes once.
    let turns = before
        .windows(3)
        .filter(|three| (three[0].replicas < three[1].replicas) != (three[1].replicas < three[2].replicas));
    assert!(turns.count() == 1 && before.len() <= 6, "up, then down, in few steps: {before:?}");
    assert!(stage.drained() < CALM, "nothing was lost and nothing waits: {}", stage.story());
    stage.assert_told(&before).await;
    assert_eq!(stage.witness.changes(SESSION).len(), 1, "a session cluster is never touched");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_beside_it_leads_to_no_wrong_patch() {
    if !is_long() {
        return;
    }
    let _alone = ALONE.lock().await;
    let Some(mut stage) = Stage::set(CALM).await else { return };
    troubles::an_upgrade_in_the_middle(&mut stage).await;
    troubles::an_operator_that_is_away(&mut stage).await;
    troubles::a_refused_value(&mut stage).await;
    assert_eq!(stage.witness.changes(SESSION).len(), 1, "a session cluster is never touched");
    stage.end().await;
}

/// What takes a quarter of an hour and more runs with `--long` only.
fn is_long() -> bool {
    std::env::var_os("STEELYARD_LONG").is_some()
}
