//! Jobs that have what they need, and whose world breaks: nothing may ever be wanted for them.

use std::time::Duration;

use tokio::join;
use tokio::time::sleep;

use crate::bed::Bed;
use crate::bed::datastream::{FLINK_1, FLINK_2, Lane, Options};
use crate::demand::demanded;
use crate::watch::{CALM, Decided, INTERVAL, Watch, assert_nothing_missing};

/// Of what the workers can do: too much for one worker less, too little for one more.
const SHARE: f64 = 0.57;

fn options(app: &str, version: &str, workers: usize) -> Options {
    Options::new(app, version).workers(workers).rate(CALM)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_wanted_whatever_is_killed() {
    join!(killed_processes(), killed_prometheus());
}

async fn killed_processes() {
    let Some(bed) = Bed::start().await else { return };
    let lanes = [("worker-killed", FLINK_1), ("master-killed", FLINK_2)];
    let [Some(mut worker), Some(mut master)] = lanes.map(|(app, version)| Lane::start(&bed, options(app, version, 2)))
    else {
        return;
    };
    let watch = Watch::start(&bed, "flink-datastream").await;
    join!(
        async {
            steady(&bed, &watch, &mut worker).await;
            let broke = bed.now();
            worker.cluster.kill_task_manager();
            sleep(Duration::from_secs(20)).await;
            worker.cluster.replace_killed();
            recovered(&watch, &mut worker, broke).await;
        },
        async {
            steady(&bed, &watch, &mut master).await;
            let broke = bed.now();
            let job = master.cluster.job().await.expect("it runs").id;
            master.cluster.kill_job_manager();
            sleep(Duration::from_secs(15)).await;
            master.cluster.start_job_manager();
            recovered(&watch, &mut master, broke).await;
            let now = master.cluster.job().await.expect("it runs").id;
            assert_ne!(job, now, "without high availability the job is a new one");
        },
    );
    for app in lanes.map(|(app, _)| app) {
        assert_nothing_wanted(&watch.decided(app));
    }
}

async fn killed_prometheus() {
    let Some(bed) = Bed::start().await else { return };
    let Some(mut lane) = Lane::start(&bed, options("unwatched", FLINK_1, 1)) else { return };
    let watch = Watch::start(&bed, "flink-datastream").await;
    steady(&bed, &watch, &mut lane).await;
    let app = lane.cluster.app().to_owned();
    let stopped = bed.now();
    bed.prometheus.stop();
    // Five ticks: what was scraped before is answered for longer.
    let away = watch.tick_after(&app, stopped + 5.0 * INTERVAL.as_secs_f64()).await;
    let away: Vec<_> = away.iter().filter(|told| told.at > stopped).collect();
    assert!(away.iter().all(|told| told.hold.as_deref() == Some("missingSignal")), "{away:?}");
    bed.prometheus.start_again().await;
    let back = bed.now();
    // For five minutes what was last scraped before would be answered; and the first rates are made of two samples.
    let told = watch.tick_after(&app, back + watch.rate_window / 2.0).await;
    assert_nothing_missing(&told, back + watch.rate_window / 4.0, f64::INFINITY);
    assert_nothing_wanted(&watch.decided(&app));
}

/// Waits until the job is decided about, and that it is left as it is.
async fn steady(bed: &Bed, watch: &Watch, lane: &mut Lane) {
    let workers = lane.cluster.ordered();
    lane.cluster.until_running(workers).await;
    lane.set_rate(SHARE * lane.capacity_of_one() * workers as f64);
    let since = bed.now();
    let app = lane.cluster.app().to_owned();
    let steady = watch.decided_by(since);
    let told = watch.tick_after(&app, steady + 2.0 * INTERVAL.as_secs_f64()).await;
    assert_nothing_missing(&told, steady - 4.0 * INTERVAL.as_secs_f64(), f64::INFINITY);
    let last = told.last().expect("it was waited for");
    assert_eq!(last.hold.as_deref(), Some("withinBand"), "{}", last.seen);
    let demanded = demanded(lane, watch).await;
    assert_eq!(demanded, workers as u64, "what the truth demands");
}

/// Waits until the job runs as before and its windows have filled.
async fn recovered(watch: &Watch, lane: &mut Lane, broke: f64) {
    let again = lane.until_restarted(lane.cluster.ordered(), broke).await;
    let app = lane.cluster.app().to_owned();
    let settled = watch.decided_by(again);
    let told = watch.tick_after(&app, settled + INTERVAL.as_secs_f64()).await;
    assert_nothing_missing(&told, again + watch.rate_window / 2.0, f64::INFINITY);
    assert_eq!(told.last().and_then(|told| told.hold.as_deref()), Some("withinBand"), "{:?}", told.last());
}

fn assert_nothing_wanted(told: &[Decided]) {
    assert!(told.len() > 20, "{} decisions", told.len());
    for told in told {
        assert_eq!(told.scale, None, "{}", told.seen);
    }
}
