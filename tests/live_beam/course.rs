//! Two pipelines side by side: one that first has what it needs and then far too much to do, one that is scaled and broken.

use std::sync::Arc;
use std::time::Duration;

use steelyard::policy;
use tokio::join;
use tokio::time::sleep;

use crate::bed::Bed;
use crate::bed::beam::{Components, Lane, Options, RECORD_BYTES};
use crate::bed::common::prometheus::SCRAPE;
use crate::demand::demanded;
use crate::learned::{assert_capacity_learned, assert_times_learned};
use crate::watch::{CALM, Decided, INTERVAL, Watch, assert_blind, assert_nothing_missing};

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_gets_the_workers_that_its_input_demands() {
    let Some(bed) = Bed::start().await else { return };
    let Some(components) = Components::start(&bed).await else { return };
    let (mut stepped, mut broken) = join!(
        Lane::start(&bed, &components, Options::new("stepped").rate(CALM)),
        Lane::start(&bed, &components, Options::new("broken").rate(CALM)),
    );
    let watch = Watch::start(&bed, "beam-flink-reactive").await;
    join!(step(&bed, &watch, &mut stepped), rescale_and_kill(&bed, &watch, &mut broken));
    let (code, _) = watch.daemon.terminate().await;
    assert_eq!(code, Some(0), "SIGTERM drains");
}

async fn step(bed: &Arc<Bed>, watch: &Watch, lane: &mut Lane) {
    lane.cluster.until_running(1).await;
    lane.set_rate(0.5 * lane.capacity_of_one()).await;
    let app = lane.cluster.app().to_owned();
    let since = lane.since().await;

    // Half of what the worker can do: it is left alone, and nothing is missing, though KafkaIO says -1 where it has caught up.
    let told = watch.tick_after(&app, watch.decided_by(since)).await;
    assert_nothing_missing(&told, seen_by(since), f64::INFINITY);
    for told in &told {
        assert_eq!(told.scale, None, "{}", told.seen);
    }
    let last = told.last().expect("it was waited for");
    assert_eq!(last.hold.as_deref(), Some("withinBand"), "{}", last.seen);
    let least = format!("min_over_time(flink_taskmanager_job_task_operator_pendingBytes{{app=\"{app}\"}}[2m])");
    assert_eq!(bed.prometheus.number(&least).await, Some(-1.0), "what KafkaIO says where it has caught up");

    // Two workers and a half: within two ticks of the window filling it wants what the truth demands, and goes on so.
    let rate = 2.5 * lane.capacity_of_one();
    lane.set_rate(rate).await;
    let filled = bed.now() + growth_window(watch).as_secs_f64();
    let by = filled + (SCRAPE + 2 * INTERVAL).as_secs_f64();
    let mut next = by - INTERVAL.as_secs_f64();
    for _ in 0..4 {
        let told = watch.tick_after(&app, next).await;
        let demanded = demanded(lane, watch).await;
        let told = told.iter().rfind(|told| told.at >= next).expect("it was waited for");
        let (from, to) = told.scale.unwrap_or_else(|| panic!("{demanded} workers are demanded: {}", told.seen));
        assert_eq!(from, 1, "{}", told.seen);
        assert!(to.abs_diff(demanded) <= 1, "{demanded} workers are demanded: {}", told.seen);
        // Whatever the rule is: less does not carry the input.
        assert!(to as f64 * lane.capacity_of_one() >= rate, "{}", told.seen);
        next = told.at + INTERVAL.as_secs_f64() / 2.0;
    }
    let told = watch.tick_after(&app, next).await;
    assert_nothing_missing(&told, seen_by(since), f64::INFINITY);
    // It is saturated since a while: what it does is what it can.
    assert_capacity_learned(watch, &app, &[(1, lane.capacity_of_one() * RECORD_BYTES)]);
}

/// What growth is measured over.
fn growth_window(watch: &Watch) -> Duration {
    let loaded = policy::load(std::slice::from_ref(&watch.policy)).unwrap_or_else(|problems| panic!("{problems}"));
    loaded.policies[0].plan.growth_window
}

async fn rescale_and_kill(bed: &Arc<Bed>, watch: &Watch, lane: &mut Lane) {
    lane.cluster.until_running(1).await;
    let app = lane.cluster.app().to_owned();
    let since = lane.since().await;

    // Nearly three workers, and something that waits: it does not drain within the test.
    lane.pile_up(15_000.0, 2.8 * lane.capacity_of_one()).await;
    // An order is a change of what is wished: the daemon must have seen the job as it was before.
    watch.tick_after(&app, seen_by(since)).await;
    // Two more are ordered, which come one by one; then one is lost, and replaced by another.
    let ordered = bed.now();
    lane.cluster.add(2);
    let whole = lane.until_restarted(3, ordered).await;
    // The daemon must have seen that, too: until its sources count, a kill right after a rescale is one with it.
    watch.tick_after(&app, seen_by(whole)).await;
    let killed = bed.now();
    lane.cluster.kill_task_manager();
    sleep(Duration::from_secs(20)).await;
    lane.cluster.replace_killed();
    let again = lane.until_restarted(3, killed).await;

    // Until the windows have filled again nothing is wanted; then what the truth demands of three workers.
    let settled = watch.decided_by(again);
    let told = watch.tick_after(&app, settled).await;
    let restarts = lane.truth().restarts(since, bed.now());
    for (what, from, to) in [("a rescale", ordered, whole), ("a kill", killed, again)] {
        assert!(restarts.iter().any(|(_, end)| (from..=to).contains(end)), "{what} restarts the job: {restarts:?}");
    }
    assert_blind(&told, &restarts, watch.window);
    let decided: Vec<&Decided> = told.iter().filter(|told| told.at < settled - SCRAPE.as_secs_f64()).collect();
    for told in decided.iter().filter(|told| told.at < again) {
        assert_eq!(told.scale, None, "its workers come and go: {}", told.seen);
    }
    let demanded = demanded(lane, watch).await;
    let last = told.last().expect("it was waited for");
    let wanted = last.scale.map_or(3, |(_, to)| to);
    assert!(wanted.abs_diff(demanded) <= 1, "{demanded} workers are demanded: {}", last.seen);
    assert_nothing_missing(&told, seen_by(again), settled);
    let ordered_restarts: Vec<_> = restarts.into_iter().filter(|(_, end)| (ordered..=whole).contains(end)).collect();
    assert_times_learned(watch, &app, ordered, &ordered_restarts);
}

/// A source counts in the shipped `coverage` once it had read something so long ago.
const COUNTS_AFTER: Duration = Duration::from_secs(30);

/// When all signals of a job that runs since then are there: its sources count, slopes need two scrapes, and a tick sees
/// them.
fn seen_by(since: f64) -> f64 {
    since + (COUNTS_AFTER + 2 * SCRAPE + 2 * INTERVAL).as_secs_f64()
}
