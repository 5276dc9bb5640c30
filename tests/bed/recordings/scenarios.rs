//! What happens. Each begins when the job runs with its first width; nothing is wanted in the first 150 s, as after any restart.

use std::f64::consts::TAU;

use crate::bed::datastream::{FLINK_1, FLINK_2, PARTITIONS};

use super::stage::Stage;

/// How a scenario begins. One worker does 100 records/s.
#[derive(Debug)]
pub struct Scenario {
    /// Of the folder in `fixtures`.
    pub name: &'static str,
    /// Of Flink.
    pub version: &'static str,
    /// TaskManagers, of one slot.
    pub workers: usize,
    /// Records per second.
    pub rate: f64,
    /// A keyBy over so many key groups before the work.
    pub key_groups: Option<usize>,
    /// In one sentence, for the README.
    pub about: &'static str,
}

const PLAIN: Scenario = Scenario { name: "", version: FLINK_1, workers: 3, rate: 170.0, key_groups: None, about: "" };

/// All of them, the longest first.
pub const SCENARIOS: [Scenario; 8] = [
    Scenario {
        name: "flink-sine",
        version: FLINK_2,
        rate: 200.0,
        about: "The input is a sine between 100 and 300 records/s with a period of 300 s; nothing is scaled.",
        ..PLAIN
    },
    Scenario {
        name: "flink-2-rescale-2-4-3",
        version: FLINK_2,
        workers: 2,
        rate: 190.0,
        about: "Two workers more are ordered at once, later one is taken back. Flink 2 waits for a minute and restarts once.",
        ..PLAIN
    },
    Scenario {
        name: "flink-step-up",
        workers: 2,
        rate: 150.0,
        about: "The input rises above what two workers can do; later two more are ordered. Flink 1.20 restarts twice.",
        ..PLAIN
    },
    Scenario {
        name: "flink-step-down",
        version: FLINK_2,
        workers: 4,
        rate: 300.0,
        about: "The input falls to a third; later two of four workers are taken back.",
        ..PLAIN
    },
    Scenario {
        name: "flink-jobmanager-restart",
        version: FLINK_2,
        about: "The JobManager is killed and started again 15 s later. It has no high availability: the job is a new one, which \
                begins with one worker.",
        ..PLAIN
    },
    Scenario {
        name: "flink-taskmanager-killed",
        about: "A TaskManager is killed (SIGKILL), and another one started 20 s later.",
        ..PLAIN
    },
    Scenario {
        name: "flink-prometheus-restart",
        about: "Prometheus is killed (SIGKILL) and started again a minute later. The job does not notice.",
        ..PLAIN
    },
    Scenario {
        name: "flink-skew",
        version: FLINK_2,
        rate: 240.0,
        key_groups: Some(PARTITIONS),
        about: "A keyBy over 8 key groups before the work: of 3 workers two have 3 groups each and one has 2. With 3/8 of the \
                input to the hottest worker they can do 267 records/s, not 300.",
        ..PLAIN
    },
];

/// Plays it to its end.
pub async fn play(name: &str, stage: &mut Stage) {
    match name {
        "flink-sine" => sine(stage).await,
        "flink-2-rescale-2-4-3" => rescale(stage).await,
        "flink-step-up" => step_up(stage).await,
        "flink-step-down" => step_down(stage).await,
        "flink-jobmanager-restart" => job_manager(stage).await,
        "flink-taskmanager-killed" => task_manager(stage).await,
        "flink-prometheus-restart" => prometheus(stage).await,
        "flink-skew" => skew(stage).await,
        _ => panic!("`{name}` has no play"),
    }
}

async fn sine(stage: &mut Stage) {
    stage.note("the input begins to swing: 200 + 100 · sin(2π · t / 300 s) records/s, set every 5 s");
    let began = stage.clock();
    for step in 1..=132 {
        let seconds = f64::from(step) * 5.0;
        stage.at(began + seconds).await;
        stage.lane.set_rate((200.0 + 100.0 * (TAU * seconds / 300.0).sin()).round());
    }
}

async fn rescale(stage: &mut Stage) {
    stage.at(180.0).await;
    stage.note("two workers are ordered");
    stage.lane.cluster.add(2);
    stage.until_running(4).await;
    let again = stage.clock();
    stage.at(again + 180.0).await;
    stage.note("one worker is taken back");
    stage.lane.cluster.stop(1).await;
    stage.until_running(3).await;
    let again = stage.clock();
    stage.at(again + 170.0).await;
}

async fn step_up(stage: &mut Stage) {
    stage.at(170.0).await;
    stage.rate(260.0);
    // Growth is measured over two minutes.
    stage.at(310.0).await;
    stage.note("two workers are ordered");
    stage.lane.cluster.add(2);
    stage.until_running(4).await;
    let again = stage.clock();
    stage.at(again + 180.0).await;
}

async fn step_down(stage: &mut Stage) {
    stage.at(170.0).await;
    stage.rate(100.0);
    stage.at(310.0).await;
    stage.note("two workers are taken back");
    stage.lane.cluster.stop(2).await;
    stage.until_running(2).await;
    let again = stage.clock();
    stage.at(again + 180.0).await;
}

async fn job_manager(stage: &mut Stage) {
    stage.at(180.0).await;
    stage.note("the JobManager is killed");
    let killed = stage.clock();
    stage.lane.cluster.kill_job_manager();
    stage.at(killed + 15.0).await;
    stage.note("the JobManager is started");
    stage.lane.cluster.start_job_manager();
    stage.until_running(3).await;
    let again = stage.clock();
    stage.outages.push((killed, again));
    stage.at(again + 180.0).await;
}

async fn task_manager(stage: &mut Stage) {
    stage.at(180.0).await;
    stage.note("a TaskManager is killed");
    let killed = stage.clock();
    stage.lane.cluster.kill_task_manager();
    stage.at(killed + 20.0).await;
    stage.note("another TaskManager is started");
    stage.lane.cluster.replace_killed();
    // Not yet `until_running(3)`: the JobManager may still count the dead one.
    stage.at(killed + 45.0).await;
    stage.until_running(3).await;
    let again = stage.clock();
    stage.outages.push((killed, again));
    stage.at(again + 180.0).await;
}

async fn prometheus(stage: &mut Stage) {
    stage.at(180.0).await;
    stage.note("Prometheus is killed");
    let killed = stage.clock();
    stage.bed.prometheus.stop();
    stage.at(killed + 60.0).await;
    stage.bed.prometheus.start_again().await;
    stage.note("Prometheus runs again");
    stage.outages.push((killed, stage.clock()));
    stage.at(killed + 240.0).await;
}

async fn skew(stage: &mut Stage) {
    stage.at(200.0).await;
    stage.rate(285.0);
    stage.at(420.0).await;
}
