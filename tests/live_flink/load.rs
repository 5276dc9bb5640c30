//! More input than one worker can take: the right wish, the rescale that follows it, and what is learned of it.

use std::sync::Arc;

use tokio::join;

use crate::bed::Bed;
use crate::bed::datastream::{FLINK_1, FLINK_2, Lane, Options};
use crate::demand::demanded;
use crate::learned::{assert_capacity_learned, assert_times_learned};
use crate::watch::{CALM, INTERVAL, Watch, assert_blind, assert_nothing_missing};

/// Half of it is more than one worker can take.
const RATE: f64 = 150.0;

#[tokio::test(flavor = "multi_thread")]
async fn a_job_gets_the_workers_that_its_input_demands() {
    let Some(bed) = Bed::start().await else { return };
    let lanes = [("one", FLINK_1), ("two", FLINK_2)].map(|(app, version)| Options::new(app, version).rate(CALM));
    let [Some(mut one), Some(mut two)] = lanes.map(|options| Lane::start(&bed, options)) else { return };
    let watch = Watch::start(&bed, "flink-datastream").await;
    join!(course(&bed, &watch, &mut one), course(&bed, &watch, &mut two));
    let (code, _) = watch.daemon.terminate().await;
    assert_eq!(code, Some(0), "SIGTERM drains");
}

async fn course(bed: &Arc<Bed>, watch: &Watch, lane: &mut Lane) {
    lane.cluster.until_running(1).await;
    let app = lane.cluster.app().to_owned();
    lane.set_rate(RATE);
    let since = bed.now();

    // Within two ticks of the window filling it wants what the truth demands, and goes on wanting that.
    let by = watch.decided_by(since);
    let told = watch.tick_after(&app, by - INTERVAL.as_secs_f64()).await;
    assert!(told.iter().any(|told| told.scale.is_some()), "nothing wanted by {by}: {:?}", told.last());
    let mut next = told.last().map_or(by, |told| told.at);
    for _ in 0..3 {
        next += INTERVAL.as_secs_f64();
        let told = watch.tick_after(&app, next).await;
        let told = told.last().expect("it was waited for");
        let demanded = demanded(lane, watch).await;
        let (from, to) = told.scale.unwrap_or_else(|| panic!("{demanded} workers are demanded: {}", told.seen));
        assert_eq!(from, 1, "{}", told.seen);
        assert!(to.abs_diff(demanded) <= 1, "{demanded} workers are demanded: {}", told.seen);
        // Whatever the rule is: less does not carry the input.
        assert!(to as f64 * lane.capacity_of_one() >= RATE, "{}", told.seen);
    }
    let steady_from = since + 2.0 * INTERVAL.as_secs_f64();
    assert_nothing_missing(&watch.tick_after(&app, next).await, steady_from, next);

    // Two more are ordered: 1.20 restarts for the first as it comes and for the second half a minute later, 2.x once.
    let ordered = bed.now();
    lane.cluster.add(2);
    let again = lane.until_restarted(3, ordered).await;
    let downtimes = lane.truth().downtimes(ordered, bed.now());

    // Until the windows have filled again nothing is wanted; then what the truth demands of three workers.
    let settled = watch.decided_by(again);
    let told = watch.tick_after(&app, settled).await;
    assert_blind(&told, &downtimes, watch.window);
    let first_restart = downtimes.first().map_or(again, |(stopped, _)| *stopped);
    for told in told.iter().filter(|told| told.at > ordered + INTERVAL.as_secs_f64() && told.at < first_restart) {
        assert_eq!(told.scale, None, "three were ordered and have not come: {}", told.seen);
    }
    let demanded = demanded(lane, watch).await;
    let last = told.last().expect("it was waited for");
    let wanted = last.scale.map_or(3, |(_, to)| to);
    assert!(wanted.abs_diff(demanded) <= 1, "{demanded} workers are demanded: {}", last.seen);
    assert_nothing_missing(&told, again + 2.0 * INTERVAL.as_secs_f64(), settled);
    assert_times_learned(watch, &app, ordered, &downtimes);
    assert_capacity_learned(watch, &app, &[1, 3].map(|width| (width, lane.capacity(width))));
}
