//! A small model of what a Flink or Beam job shows: names and labels as in real exposition text (Flink 1.20, Beam 2.70 on
//! Flink 1.19, kafka_exporter, cAdvisor, kube-state-metrics), with those that deploy/prometheus adds.

use super::series::{ALWAYS, Life, STEP, Series};

/// What the sources of a job are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// DataStream: a FLIP-27 source and, behind a shuffle, a worker.
    Flink,
    /// Beam's classic runner: KafkaIO and what follows in one chained task.
    Beam,
    /// Beam's portable runner: Impulse, and the read in a stage of its own.
    Portable,
}

/// KafkaIO's operator: Flink cuts the name at 80 characters.
pub const KAFKA_IO: &str = "Source:_ReadOrders_KafkaIO_Read_KafkaIO_Read_ReadFromKafkaViaUnbounded_Read_Kafk";
const KAFKA_IO_TASK: &str = "Source:_ReadOrders_KafkaIO_Read_KafkaIO_Read_ReadFromKafkaViaUnbounded_Read_KafkaUnboundedSource_____Flat_Map_____Work_ParMultiDo_Work_";
/// The stage that reads, as the portable runner calls it.
pub const STAGE: &str = "_3_Read_orders_ReadFromKafka_KafkaIO_Read_KafkaIO_Read_ReadFromKafkaViaSDF_Read_";
const SOURCE_ID: &str = "cbc357ccb763df2852fee8c4fc7d55f2";
const IMPULSE_ID: &str = "5c1e0b7d94a3f2680d1b7ae3c6f59024";
const WORK_ID: &str = "0a448493b4782967b150582570326227";

/// Restart generations: the part of a task_attempt_id before its first "_".
pub const OLD: &str = "8f2c41d07b9ae35610cd72e94ab1f083";
pub const NEW: &str = "d190b7f6e02c4a8598317fd5c64ea023";
pub const NEWEST: &str = "41c8e9b2a6d70f35eb19c2d84706fa5e";

pub const MANAGER: &str = "orders-7d9f8c6b5-x2k4p";
pub const JOB_ID: &str = "6a1f0c9d2be84735a0f1d6c3e2b79845";

/// A record has 1000 bytes.
pub const RECORD: f64 = 1000.0;

/// One subtask of every task of the job, in one attempt, on one TaskManager.
#[derive(Clone, Copy)]
pub struct Attempt {
    pub pod: &'static str,
    pub subtask: u32,
    /// `task_attempt_num`
    pub number: u32,
    pub generation: &'static str,
    pub job_id: &'static str,
    pub life: Life,
    /// How old it is at its first scrape, in seconds.
    pub age: f64,
    /// What it reads, records/s.
    pub rate: f64,
    /// Busy shares of the source and of the work behind it.
    pub busy: (f64, f64),
    /// Records waiting, at a scrape; -1: not known.
    pub waiting: fn(usize) -> f64,
    /// Beam: the splits that it reads.
    pub splits: &'static [u32],
}

/// The two attempts of a job that has always run, as in every trap that does not say otherwise.
pub const FIRST: Attempt = Attempt {
    pod: "orders-taskmanager-1-1",
    subtask: 0,
    number: 0,
    generation: OLD,
    job_id: JOB_ID,
    life: ALWAYS,
    age: 0.0,
    rate: 100.0,
    busy: (0.2, 0.6),
    waiting: |_| 250.0,
    splits: &[0, 2, 4, 6],
};
pub const SECOND: Attempt =
    Attempt { pod: "orders-taskmanager-1-2", subtask: 1, busy: (0.2, 0.5), splits: &[1, 3, 5, 7], ..FIRST };

/// The series of one job.
pub struct Job {
    kind: Kind,
    namespace: &'static str,
    app: &'static str,
    pub series: Vec<Series>,
}

impl Job {
    /// `streaming/orders`, without any pod.
    pub fn new(kind: Kind) -> Self {
        Self::called(kind, "streaming", "orders")
    }

    pub fn called(kind: Kind, namespace: &'static str, app: &'static str) -> Self {
        Self { kind, namespace, app, series: Vec::new() }
    }

    /// Two workers that have run since the first scrape: 200 records/s, 500 waiting, committed to Kafka at each scrape.
    pub fn steady(kind: Kind) -> Self {
        Self::new(kind)
            .manager(MANAGER, JOB_ID, ALWAYS, |_| 2.0, running_since_0)
            .worker(FIRST.pod, ALWAYS, |_| 0.3)
            .worker(SECOND.pod, ALWAYS, |_| 0.3)
            .attempt(FIRST)
            .attempt(SECOND)
            .kafka("orders", "orders", |_| 500.0, 200.0)
    }

    /// A JobManager: registered TaskManagers, and how long its job runs (in ms).
    pub fn manager(
        mut self,
        pod: &str,
        job_id: &str,
        life: Life,
        registered: fn(usize) -> f64,
        running: fn(usize) -> f64,
    ) -> Self {
        self.add(pod, "flink_jobmanager_numRegisteredTaskManagers", &[], life, registered);
        let labels = [("job_id", job_id), ("job_name", "orders_pipeline")];
        self.add(pod, "flink_jobmanager_job_runningTime", &labels, life, running);
        self
    }

    /// A TaskManager's process, and its container.
    pub fn worker(mut self, pod: &'static str, life: Life, load: fn(usize) -> f64) -> Self {
        let tm_id = format!("{}:6122_4b7e1", pod.replace('-', "_"));
        let labels = [("tm_id", tm_id.as_str())];
        self.add(pod, "flink_taskmanager_Status_JVM_CPU_Load", &labels, life, load);
        self.add(pod, "flink_taskmanager_Status_JVM_CPU_Time", &labels, life, |scrape| 31e9 + 4.5e9 * count(scrape));
        self.container(pod, "flink-main-container", life, 0.3, Some(1.0))
    }

    /// A container of a pod: cores that it uses, and those that it asks for.
    pub fn container(mut self, pod: &str, name: &str, life: Life, cores: f64, asks: Option<f64>) -> Self {
        let pod_of = [("namespace", self.namespace), ("pod", pod), ("container", name)];
        let mut labels = pod_of.to_vec();
        labels.extend([("id", "/kubepods/burstable/pod1"), ("metrics_path", "/metrics/cadvisor"), ("node", "n1")]);
        self.series.push(Series::new("container_cpu_usage_seconds_total", &labels, life, |scrape| {
            cores * count(scrape * STEP)
        }));
        if let Some(asks) = asks {
            let mut labels = pod_of.to_vec();
            labels.extend([("resource", "cpu"), ("unit", "core"), ("uid", "abc-0"), ("job", "kube-state-metrics")]);
            self.series.push(Series::new("kube_pod_container_resource_requests", &labels, life, |_| asks));
        }
        self
    }

    /// One subtask of each of the job's tasks.
    pub fn attempt(mut self, attempt: Attempt) -> Self {
        let Attempt { rate, busy, waiting, splits, .. } = attempt;
        let since = |rate: f64| move |scrape: usize| rate * (attempt.age + count((scrape - attempt.life.from) * STEP));
        match self.kind {
            Kind::Flink => {
                let task = ("Source:_orders", SOURCE_ID);
                self.task(&attempt, task, 0.0, busy.0);
                self.operator(&attempt, task, "Source:_orders", "numRecordsIn", since(rate));
                self.operator(&attempt, task, "Source:_orders", "numRecordsOut", since(rate));
                self.operator(&attempt, task, "Source:_orders", "pendingRecords", waiting);
                let task = ("work____done:_Writer", WORK_ID);
                self.task(&attempt, task, rate, busy.1);
                self.operator(&attempt, task, "work", "numRecordsIn", since(rate));
                self.operator(&attempt, task, "work", "numRecordsOut", since(rate));
            }
            Kind::Beam => {
                let task = (KAFKA_IO_TASK, SOURCE_ID);
                // KafkaIO counts as busy while it waits.
                self.task(&attempt, task, 0.0, 1.0);
                for (name, factor) in [
                    ("numRecordsIn", 1.0),
                    ("numRecordsOut", 1.0),
                    ("source_elements_read", 1.0),
                    ("source_bytes_read", RECORD),
                    ("numBytesIn", 0.0),
                ] {
                    self.operator(&attempt, task, KAFKA_IO, name, since(rate * factor));
                }
                let bytes = move |scrape| if waiting(scrape) < 0.0 { -1.0 } else { waiting(scrape) * RECORD };
                self.operator(&attempt, task, KAFKA_IO, "pendingBytes", bytes);
                for split in splits {
                    let name = format!("source_splits_{split}_elements_read");
                    self.operator(&attempt, task, KAFKA_IO, &name, since(rate / count(splits.len())));
                }
                self.operator(&attempt, task, "Work_ParMultiDo_Work_", "numRecordsIn", since(rate));
                self.operator(&attempt, task, "Work_ParMultiDo_Work_", "numRecordsOut", since(rate));
            }
            Kind::Portable => {
                self.impulse(&attempt);
                let task = (STAGE, WORK_ID);
                self.task(&attempt, task, rate, 1.0);
                // Splits and restrictions go by before the records do: operators of one name, told apart by operator_id.
                for (id, share) in [("11aa", 0.0), ("22bb", 0.01), ("33cc", 1.0)] {
                    self.one(&attempt, task, (STAGE, id), "numRecordsOut", since(rate * share));
                }
            }
        }
        self
    }

    /// An Impulse source, whose busy time is no number.
    pub fn impulse(&mut self, attempt: &Attempt) {
        let task = ("Source:_Impulse", IMPULSE_ID);
        self.task(attempt, task, 0.0, f64::NAN);
        self.operator(attempt, task, "Source:_Impulse", "numRecordsIn", |_| 0.0);
        self.operator(attempt, task, "Source:_Impulse", "numRecordsOut", |_| 1.0);
    }

    /// A task behind a shuffle, which can be wider than the sources.
    pub fn keyed(mut self, attempt: Attempt) -> Self {
        self.task(&attempt, ("Sum_ParMultiDo_Sum_", WORK_ID), attempt.rate, attempt.busy.1);
        self
    }

    /// A consumer group on two partitions of a topic, as kafka_exporter shows it: both carry half.
    pub fn kafka(mut self, group: &str, topic: &str, lag: fn(usize) -> f64, rate: f64) -> Self {
        for partition in ["0", "1"] {
            let labels = [
                ("consumergroup", group),
                ("topic", topic),
                ("partition", partition),
                ("namespace", "kafka"),
                ("pod", "kafka-exporter-6b5d8c9f7-tt2wq"),
            ];
            let offset = |scrape| 1e6 + rate / 2.0 * count(scrape * STEP);
            self.series.push(Series::new("kafka_consumergroup_current_offset", &labels, ALWAYS, offset));
            self.series.push(Series::new("kafka_consumergroup_lag", &labels, ALWAYS, |scrape| lag(scrape) / 2.0));
        }
        self
    }

    /// What every task shows, busy for that share of its time.
    fn task(&mut self, attempt: &Attempt, task: (&str, &str), rate: f64, busy: f64) {
        for (name, per_second) in [
            ("numRecordsIn", rate),
            ("accumulateBusyTimeMs", busy * 1000.0),
            ("accumulateIdleTimeMs", if busy.is_nan() { 1000.0 } else { (1.0 - busy) * 1000.0 }),
            ("accumulateBackPressuredTimeMs", 0.0),
        ] {
            let value = |scrape| per_second * (attempt.age + count((scrape - attempt.life.from) * STEP));
            let labels = Labels::of(attempt, task);
            self.add(
                attempt.pod,
                &format!("flink_taskmanager_job_task_{name}"),
                &labels.as_pairs(),
                attempt.life,
                value,
            );
        }
    }

    fn operator(
        &mut self,
        attempt: &Attempt,
        task: (&str, &str),
        operator: &str,
        name: &str,
        value: impl Fn(usize) -> f64,
    ) {
        self.one(attempt, task, (operator, task.1), name, value);
    }

    fn one(
        &mut self,
        attempt: &Attempt,
        task: (&str, &str),
        (operator, id): (&str, &str),
        name: &str,
        value: impl Fn(usize) -> f64,
    ) {
        let labels = Labels::of(attempt, task);
        let mut labels = labels.as_pairs();
        labels.extend([("operator_id", id), ("operator_name", operator)]);
        self.add(attempt.pod, &format!("flink_taskmanager_job_task_operator_{name}"), &labels, attempt.life, value);
    }

    /// A series of a pod, with the labels that the scrape gives.
    pub fn add(&mut self, pod: &str, name: &str, own: &[(&str, &str)], life: Life, value: impl Fn(usize) -> f64) {
        let component = if name.starts_with("flink_jobmanager") { "jobmanager" } else { "taskmanager" };
        let host = pod.replace('-', "_");
        let mut labels = vec![
            ("namespace", self.namespace),
            ("app", self.app),
            ("pod", pod),
            ("component", component),
            ("container", "flink-main-container"),
            ("job", "flink"),
            ("instance", "10.244.1.9:9249"),
            ("host", host.as_str()),
        ];
        labels.extend_from_slice(own);
        self.series.push(Series::new(name, &labels, life, value));
    }
}

/// The labels of a task's series.
struct Labels([(&'static str, String); 7]);

impl Labels {
    fn of(attempt: &Attempt, (name, id): (&str, &str)) -> Self {
        let Attempt { subtask, number, generation, job_id, .. } = attempt;
        Self([
            ("job_id", (*job_id).to_owned()),
            ("job_name", "orders_pipeline".to_owned()),
            ("task_id", id.to_owned()),
            ("task_name", name.to_owned()),
            ("subtask_index", subtask.to_string()),
            ("task_attempt_num", number.to_string()),
            ("task_attempt_id", format!("{generation}_{id}_{subtask}_{number}")),
        ])
    }

    fn as_pairs(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }
}

/// Running since the first scrape.
pub fn running_since_0(scrape: usize) -> f64 {
    count(scrape * STEP) * 1000.0
}

/// A small number, as it stands in a sample.
pub fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).expect("small numbers only"))
}
