//! The traps that a query can meet, as the series that show them: what each does to [`Job::steady`].

use super::job::{Attempt, FIRST, JOB_ID, Job, Kind, MANAGER, NEW, NEWEST, SECOND, count, running_since_0};
use super::series::{ALWAYS, Edit, LAST, Life, Sample, Series};

const THIRD: Attempt = Attempt { pod: "orders-taskmanager-1-3", subtask: 2, splits: &[], ..FIRST };

fn three_workers(kind: Kind) -> Job {
    Job::new(kind)
        .manager(MANAGER, JOB_ID, ALWAYS, |_| 3.0, running_since_0)
        .worker(FIRST.pod, ALWAYS, |_| 0.3)
        .worker(SECOND.pod, ALWAYS, |_| 0.3)
        .worker(THIRD.pod, ALWAYS, |_| 0.3)
}

/// Two jobs that run well, of one name in two namespaces (a group has one name, so not where Kafka tells them apart), pods
/// named by a Deployment here and by a StatefulSet there.
pub fn normal(kind: Kind) -> Vec<Series> {
    let (app, pod) = if kind == Kind::Portable {
        ("refunds", "refunds-taskmanager-6c8f7d9b5-k7x2p")
    } else {
        ("orders", "orders-taskmanager-6c8f7d9b5-k7x2p")
    };
    let other = Job::called(kind, "billing", app)
        .manager("orders-jobmanager-0", "f03b", ALWAYS, |_| 1.0, running_since_0)
        .worker(pod, ALWAYS, |_| 0.1)
        .attempt(Attempt {
            pod,
            job_id: "f03b",
            generation: NEW,
            rate: 60.0,
            busy: (0.1, 0.3),
            waiting: |_| 40.0,
            splits: &[0, 1, 2, 3],
            ..FIRST
        });
    let other = if kind == Kind::Portable { other.kafka("refunds", "refunds", |_| 40.0, 60.0) } else { other };
    Job::steady(kind).series.into_iter().chain(other.series).collect()
}

/// Scale-up 2 -> 3 at 310 s: attempts end with a mark, the new generation's subtasks have moved; TaskManagers are scraped one
/// after the other, the JobManager last.
pub fn restart(kind: Kind) -> Vec<Series> {
    let new = Attempt { generation: NEW, number: 1, rate: 80.0, busy: (0.1, 0.4), ..FIRST };
    let later = |scrape| if scrape == 22 { 900.0 } else { 300.0 };
    Job::new(kind)
        .manager(
            MANAGER,
            JOB_ID,
            ALWAYS,
            |scrape| if scrape < 21 { 2.0 } else { 3.0 },
            |scrape| if scrape < 22 { running_since_0(scrape) } else { 20_000.0 + running_since_0(scrape - 22) },
        )
        .worker(FIRST.pod, ALWAYS, |_| 0.3)
        .worker(SECOND.pod, ALWAYS, |_| 0.3)
        .worker(THIRD.pod, Life::from(21), |_| 0.3)
        .attempt(Attempt { life: Life::until(21), ..FIRST })
        .attempt(Attempt { life: Life::until(22), ..SECOND })
        .attempt(Attempt {
            subtask: 2,
            life: Life::from(21),
            age: 5.0,
            waiting: |scrape| if scrape == 21 { 900.0 } else { 300.0 },
            splits: &[2, 5],
            ..new
        })
        .attempt(Attempt {
            pod: SECOND.pod,
            life: Life::from(22),
            age: 20.0,
            waiting: later,
            splits: &[0, 3, 6],
            ..new
        })
        .attempt(Attempt {
            pod: THIRD.pod,
            subtask: 1,
            life: Life::from(22),
            age: 5.0,
            waiting: later,
            splits: &[1, 4, 7],
            ..new
        })
        .kafka("orders", "orders", |_| 500.0, 200.0)
        .series
}

/// Flink 1.20's scale-up 2 -> 4 is two restarts: to 3 at 300 s, to 4 at 330 s, each all TaskManagers in one scrape.
pub fn two_restarts(kind: Kind) -> Vec<Series> {
    let four = "orders-taskmanager-1-4";
    let to_3 = Attempt { generation: NEW, number: 1, life: Life { from: 20, until: 22 }, age: 4.0, ..FIRST };
    let to_4 = Attempt { generation: NEWEST, number: 2, life: Life::from(22), age: 4.0, ..FIRST };
    let mut job = Job::new(kind)
        .manager(
            MANAGER,
            JOB_ID,
            ALWAYS,
            |scrape| if scrape < 20 { 2.0 } else { 4.0 },
            |scrape| match scrape {
                0..20 => running_since_0(scrape),
                20..22 => 4_000.0 + running_since_0(scrape - 20),
                _ => 4_000.0 + running_since_0(scrape - 22),
            },
        )
        .worker(FIRST.pod, ALWAYS, |_| 0.3)
        .worker(SECOND.pod, ALWAYS, |_| 0.3)
        .worker(THIRD.pod, Life::from(20), |_| 0.3)
        .worker(four, Life::from(20), |_| 0.3)
        .attempt(Attempt { life: Life::until(20), ..FIRST })
        .attempt(Attempt { life: Life::until(20), ..SECOND })
        .kafka("orders", "orders", |_| 500.0, 200.0);
    for (subtask, pod) in (0..).zip([FIRST.pod, SECOND.pod, THIRD.pod]) {
        job = job.attempt(Attempt { subtask, pod, ..to_3 });
    }
    for (subtask, pod) in (0..).zip([FIRST.pod, SECOND.pod, THIRD.pod, four]) {
        job = job.attempt(Attempt { subtask, pod, ..to_4 });
    }
    job.series
}

/// The first sample of an attempt and of a process, and one backlog at 300 s.
pub fn nan(kind: Kind) -> Vec<Series> {
    let no_number = Sample::Is(f64::NAN);
    let waiting = match kind {
        Kind::Flink => ("pendingRecords", ("subtask_index", "1")),
        Kind::Beam => ("pendingBytes", ("subtask_index", "1")),
        Kind::Portable => ("kafka_consumergroup_lag", ("partition", "1")),
    };
    let mut series = Job::steady(kind).series;
    if kind == Kind::Beam {
        // An Impulse source has no busy time. (That it is unsafe is another trap.)
        let mut impulse = Job::new(kind);
        impulse.impulse(&FIRST);
        series.extend(impulse.series);
    }
    series
        .replace("_CPU_Load", ("pod", FIRST.pod), 1..=LAST, Sample::Is(0.5))
        .replace("_CPU_Load", ("pod", FIRST.pod), [0], no_number)
        .replace("_accumulateBusyTimeMs", ("pod", FIRST.pod), [0], no_number)
        .replace(waiting.0, waiting.1, [20], no_number)
}

/// One subtask from 285 s, both from 345 s; the JobManager for one scrape at 300 s; CPU_Load of a process that has just begun.
pub fn minus_one(kind: Kind) -> Vec<Series> {
    let unknown = Sample::Is(-1.0);
    let (waiting, label, [first, second]) = match kind {
        Kind::Flink => ("pendingRecords", "subtask_index", ["0", "1"]),
        Kind::Beam => ("pendingBytes", "subtask_index", ["0", "1"]),
        Kind::Portable => ("kafka_consumergroup_lag", "partition", ["0", "1"]),
    };
    Job::steady(kind)
        .series
        .replace("_CPU_Load", ("pod", FIRST.pod), [0], unknown)
        .replace("_job_runningTime", ("pod", MANAGER), [20], unknown)
        .replace(waiting, (label, first), 19..=LAST, unknown)
        .replace(waiting, (label, second), 23..=LAST, unknown)
}

/// Two replicas of Prometheus scrape the same pods, and nothing removes the duplicates.
pub fn ha_duplicates(kind: Kind) -> Vec<Series> {
    Job::steady(kind).series.twice("", "prometheus_replica")
}

/// A TaskManager is killed at 302 s; no task runs until 342 s, when another has taken its place.
pub fn worker_replaced(kind: Kind) -> Vec<Series> {
    let new = Attempt { generation: NEW, number: 6, life: Life::from(23), age: 3.0, waiting: |_| 1500.0, ..FIRST };
    Job::new(kind)
        .manager(
            MANAGER,
            JOB_ID,
            ALWAYS,
            |_| 2.0,
            |scrape| match scrape {
                0..21 => running_since_0(scrape),
                21..23 => 0.0,
                _ => 3_000.0 + running_since_0(scrape - 23),
            },
        )
        .worker(FIRST.pod, ALWAYS, |_| 0.3)
        .worker(SECOND.pod, Life::until(21), |_| 0.3)
        .worker(THIRD.pod, Life::from(22), |_| 0.3)
        .attempt(Attempt { life: Life::until(21), ..FIRST })
        .attempt(Attempt { life: Life::until(21), ..SECOND })
        .attempt(Attempt { subtask: 1, busy: SECOND.busy, ..new })
        .attempt(Attempt { pod: THIRD.pod, splits: SECOND.splits, ..new })
        .kafka("orders", "orders", |_| 500.0, 200.0)
        .series
}

/// The JobManager is killed at 302 s; tasks go on until 332 s, and run again from 358 s under another JobManager, whose job
/// has another id.
pub fn manager_replaced(kind: Kind) -> Vec<Series> {
    let again = "b5d04c81f2a94e0bb7c6d1e83f5a2907";
    let old = Life::until(23);
    let new = Attempt { generation: NEW, job_id: again, life: Life::from(24), age: 2.0, waiting: |_| 1500.0, ..FIRST };
    Job::new(kind)
        .manager(MANAGER, JOB_ID, Life::until(21), |_| 2.0, running_since_0)
        .manager(
            "orders-7d9f8c6b5-q8w3z",
            again,
            Life::from(23),
            |_| 2.0,
            |scrape| if scrape == 23 { 0.0 } else { 2_000.0 + running_since_0(scrape - 24) },
        )
        .worker(FIRST.pod, ALWAYS, |_| 0.3)
        .worker(SECOND.pod, ALWAYS, |_| 0.3)
        .attempt(Attempt { life: old, ..FIRST })
        .attempt(Attempt { life: old, ..SECOND })
        .attempt(Attempt { subtask: 1, busy: SECOND.busy, ..new })
        .attempt(Attempt { pod: SECOND.pod, splits: SECOND.splits, ..new })
        .kafka("orders", "orders", |_| 500.0, 200.0)
        .series
}

/// A second JobManager stands by: it has no job, and knows no TaskManager.
pub fn standby(kind: Kind) -> Vec<Series> {
    let mut job = Job::steady(kind);
    job.add("orders-7d9f8c6b5-zz9pl", "flink_jobmanager_numRegisteredTaskManagers", &[], ALWAYS, |_| 0.0);
    job.series
}

/// Three of four workers have tasks: one is above maxParallelism, or the rescale is still to come.
pub fn spare_worker(kind: Kind) -> Vec<Series> {
    Job::new(kind)
        .manager(MANAGER, JOB_ID, ALWAYS, |_| 4.0, running_since_0)
        .worker(FIRST.pod, ALWAYS, |_| 0.3)
        .worker(SECOND.pod, ALWAYS, |_| 0.3)
        .worker(THIRD.pod, ALWAYS, |_| 0.3)
        .worker("orders-taskmanager-1-4", ALWAYS, |_| 0.05)
        .attempt(FIRST)
        .attempt(SECOND)
        .attempt(THIRD)
        .kafka("orders", "orders", |_| 500.0, 300.0)
        .series
}

/// Flink before 1.17 has no `runningTime`.
pub fn older_flink(kind: Kind) -> Vec<Series> {
    let mut series = Job::steady(kind).series;
    for one in series.iter_mut().filter(|one| one.name.ends_with("_runningTime")) {
        one.name = "flink_jobmanager_job_uptime".to_owned();
    }
    series.without("_accumulateIdleTimeMs")
}

/// Three workers run and are registered; one is not scraped after 300 s.
pub fn not_scraped(kind: Kind) -> Vec<Series> {
    three_workers(kind)
        .attempt(Attempt { splits: &[0, 3, 6], ..FIRST })
        .attempt(Attempt { splits: &[1, 4, 7], ..SECOND })
        .attempt(Attempt { splits: &[2, 5], busy: (0.2, 0.4), ..THIRD })
        .kafka("orders", "orders", |_| 500.0, 200.0)
        .series
        .unscraped(THIRD.pod, 21)
}

/// Prometheus is away from 305 to 400 s: nothing is marked as ended.
pub fn prometheus_away(kind: Kind) -> Vec<Series> {
    Job::steady(kind).series.gap(21..=26)
}

/// Prometheus is away for longer than the windows: from 305 to 490 s.
pub fn prometheus_long_away(kind: Kind) -> Vec<Series> {
    Job::steady(kind).series.gap(21..=32)
}

/// A JobManager alone; from 315 s two workers are registered, which nobody scrapes.
pub fn manager_alone(kind: Kind) -> Vec<Series> {
    let registered = |scrape| if scrape < 21 { 0.0 } else { 2.0 };
    Job::new(kind).manager(MANAGER, JOB_ID, ALWAYS, registered, |_| 0.0).series
}

/// A worker that is scraped before it is registered, and cannot tell its load.
pub fn worker_alone(kind: Kind) -> Vec<Series> {
    let job = Job::new(kind).manager(MANAGER, JOB_ID, ALWAYS, |_| 0.0, |_| 0.0);
    let series = job.worker(FIRST.pod, ALWAYS, |_| -1.0).series;
    series.into_iter().filter(|one| !one.name.starts_with("container") && !one.name.starts_with("kube")).collect()
}

/// A job that has ended, and its pods with it, at 300 s.
pub fn ended(kind: Kind) -> Vec<Series> {
    let life = Life::until(20);
    Job::new(kind)
        .manager(MANAGER, JOB_ID, life, |_| 1.0, running_since_0)
        .worker(FIRST.pod, life, |_| 0.3)
        .attempt(Attempt { life, ..FIRST })
        .series
}

/// Flink: the hottest subtask is at its limit and the mean is not (few key groups); Beam: at its limit by its own count.
pub fn skew(kind: Kind) -> Vec<Series> {
    three_workers(kind)
        .attempt(Attempt { busy: (0.2, 0.749), ..FIRST })
        .attempt(Attempt { busy: (0.2, 0.987), ..SECOND })
        .attempt(Attempt { busy: (0.2, 0.999), ..THIRD })
        .series
}

/// A CPU quota: workers at 69 % of what they can do are busy for a quarter of the time.
pub fn quota(kind: Kind) -> Vec<Series> {
    Job::new(kind)
        .manager(MANAGER, JOB_ID, ALWAYS, |_| 1.0, running_since_0)
        .worker(FIRST.pod, ALWAYS, |_| 0.77)
        .attempt(Attempt { busy: (0.01, 0.25), ..FIRST })
        .series
}

/// Work that waits for others: at its limit and without load.
pub fn waiting_work(kind: Kind) -> Vec<Series> {
    Job::new(kind)
        .manager(MANAGER, JOB_ID, ALWAYS, |_| 1.0, running_since_0)
        .worker(FIRST.pod, ALWAYS, |_| 0.02)
        .attempt(Attempt { busy: (0.3, 1.0), ..FIRST })
        .series
}

/// A legacy source: its input is always 0, and it has no `pendingRecords`.
pub fn legacy_source(kind: Kind) -> Vec<Series> {
    Job::steady(kind)
        .series
        .replace("_operator_numRecordsIn", ("operator_name", "Source:_orders"), 0..=LAST, Sample::Is(0.0))
        .without("_pendingRecords")
}

/// The job starts at 300 s. The second worker loads its classes until 330 s and has a task without a backlog, then says
/// -1, and reads its first record at 345 s.
pub fn loading_classes() -> Vec<Series> {
    let second = ("subtask_index", "1");
    Job::new(Kind::Beam)
        .manager(MANAGER, JOB_ID, ALWAYS, |_| 2.0, |scrape| running_since_0(scrape.saturating_sub(20)))
        .worker(FIRST.pod, ALWAYS, |_| 0.3)
        .worker(SECOND.pod, ALWAYS, |_| 0.3)
        .attempt(Attempt { life: Life::from(20), ..FIRST })
        .attempt(Attempt { life: Life::from(20), ..SECOND })
        .kafka("orders", "orders", |_| 500.0, 200.0)
        .series
        .replace("_pendingBytes", second, 20..22, Sample::None)
        .replace("_pendingBytes", second, 22..23, Sample::Is(-1.0))
        .replace("_source_bytes_read", second, 20..23, Sample::None)
        .replace("_source_elements_read", second, 20..23, Sample::None)
}

/// ... and no partition of the second one has records.
pub fn nothing_to_read() -> Vec<Series> {
    loading_classes()
        .replace("_pendingBytes", ("subtask_index", "1"), 22..=LAST, Sample::Is(-1.0))
        .replace("_source_bytes_read", ("subtask_index", "1"), 20..=LAST, Sample::None)
        .replace("_source_elements_read", ("subtask_index", "1"), 20..=LAST, Sample::None)
}

/// The sources say nothing of a backlog; two exporters show the group's lag, a saw-tooth of one commit.
pub fn lag(kind: Kind) -> Vec<Series> {
    let tooth = |scrape: usize| if scrape.is_multiple_of(2) { 500.0 } else { 3500.0 };
    let job = three_workers(kind).attempt(FIRST).attempt(SECOND).attempt(THIRD);
    let series = job.kafka("orders", "orders", tooth, 300.0).series.twice("kafka", "instance");
    match kind {
        Kind::Flink => series.without("_pendingRecords"),
        Kind::Beam => series.without("_pendingBytes"),
        Kind::Portable => series,
    }
}

/// ... and one partition has no commit.
pub fn lag_unknown(kind: Kind) -> Vec<Series> {
    lag(kind).replace("kafka_consumergroup_lag", ("partition", "1"), 0..=LAST, Sample::Is(-1.0))
}

/// ... and no group is called like the job.
pub fn lag_of_another(kind: Kind) -> Vec<Series> {
    let mut series = lag(kind);
    for one in series.iter_mut().filter(|one| one.name.starts_with("kafka")) {
        for (_, value) in one.labels.iter_mut().filter(|(name, _)| name == "consumergroup") {
            *value = "payments".to_owned();
        }
    }
    series
}

/// Beam without --maxParallelism: one split, so one reader; the others' source subtasks are FINISHED and have no series. A task
/// behind a shuffle runs on all three.
pub fn one_reader() -> Vec<Series> {
    three_workers(Kind::Beam)
        .attempt(Attempt { splits: &[0], rate: 190.0, ..FIRST })
        .keyed(FIRST)
        .keyed(SECOND)
        .keyed(THIRD)
        .series
}

/// After a restart at 300 s only three of eight splits have had a batch.
pub fn late_splits() -> Vec<Series> {
    let new = Attempt { generation: NEW, number: 1, life: Life::from(21), age: 10.0, ..FIRST };
    Job::new(Kind::Beam)
        .manager(
            MANAGER,
            JOB_ID,
            ALWAYS,
            |_| 2.0,
            |scrape| if scrape < 21 { running_since_0(scrape) } else { 10_000.0 + running_since_0(scrape - 21) },
        )
        .worker(FIRST.pod, ALWAYS, |_| 0.3)
        .worker(SECOND.pod, ALWAYS, |_| 0.3)
        .attempt(Attempt { life: Life::until(21), ..FIRST })
        .attempt(Attempt { life: Life::until(21), ..SECOND })
        .attempt(Attempt { splits: &[2], ..new })
        .attempt(Attempt { pod: SECOND.pod, subtask: 1, splits: &[1, 3], ..new })
        .series
}

/// A source of Beam that says how many bytes wait, and not how many it reads (GenerateSequence, own sources).
pub fn no_bytes_read() -> Vec<Series> {
    Job::steady(Kind::Beam).series.without("_source_bytes_read")
}

/// An Impulse source beside KafkaIO (Create), in a job that fails over at 315 s and has no tasks for two scrapes.
pub fn impulse() -> Vec<Series> {
    let mut job = Job::steady(Kind::Beam);
    job.impulse(&FIRST);
    let (tasks, others): (Vec<_>, Vec<_>) = job.series.into_iter().partition(|one| one.name.contains("_job_task_"));
    let mut tasks = tasks;
    for one in &mut tasks {
        one.samples[21] = Sample::Stale;
        one.samples[22] = Sample::None;
    }
    others.into_iter().chain(tasks).collect()
}

/// What the scrape keeps of Flink has no load.
pub fn no_load() -> Vec<Series> {
    Job::steady(Kind::Beam).series.without("_CPU_Load")
}

/// Python beside the JVM, pause containers, and a pod that waits for a node: it asks for a core and uses none.
pub fn containers() -> Vec<Series> {
    let mut job = Job::steady(Kind::Portable);
    for pod in [FIRST.pod, SECOND.pod] {
        for (container, cores, asks) in [("python", 1.2, Some(1.0)), ("POD", 0.5, None), ("", 1.5, None)] {
            job = job.container(pod, container, ALWAYS, cores, asks);
        }
    }
    let pending = Job::new(Kind::Portable).container(THIRD.pod, "python", ALWAYS, 0.0, Some(1.0)).series;
    job.series.extend(pending.into_iter().filter(|one| one.name.starts_with("kube")));
    job.series
}

/// ... and nobody asks for anything.
pub fn no_requests() -> Vec<Series> {
    containers().without("kube_pod_container_resource_requests")
}

/// The group commits every 60 s only, by steps of a minute's input.
pub fn steps() -> Vec<Series> {
    let mut series = Job::steady(Kind::Portable).series;
    for one in series.iter_mut().filter(|one| one.name == "kafka_consumergroup_current_offset") {
        for (scrape, sample) in one.samples.iter_mut().enumerate() {
            *sample = Sample::Is(1e6 + 6_000.0 * count(scrape / 4));
        }
    }
    series
}
