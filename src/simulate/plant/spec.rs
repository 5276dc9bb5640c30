//! What a plant is: the fields of its file, and the capacity that follows from them.

/// A modelled job. Times are seconds, rates records/s, shares 0..1.
#[derive(Debug, Clone, PartialEq)]
pub struct PlantSpec {
    /// What one worker alone can process, c.
    pub capacity_per_worker: f64,
    /// Contention: `C(n) = c n / (1 + sigma (n - 1) + kappa n (n - 1))`.
    pub sigma: f64,
    /// Coherence, in the same formula.
    pub kappa: f64,
    /// More workers than that never come.
    pub max_workers: u32,
    /// Workers at the start.
    pub start_workers: u32,
    /// From an order for more until the job stops; it goes on processing.
    pub pod_start: f64,
    /// From an order for less until the job stops.
    pub pod_stop: f64,
    /// How workers join that were ordered together.
    pub arrival: Arrival,
    /// How long nothing is processed at a restart.
    pub downtime: f64,
    /// Half of it is processed again after a restart.
    pub checkpoint_interval: f64,
    /// How a job gets up to speed after a restart.
    pub warm_up: WarmUp,
    /// Standard deviations of the noise, as shares of what is noisy (of `cpu`: added to it).
    pub noise: Deviations,
    /// What is measured as CPU.
    pub cpu: Cpu,
    /// The job fails this often.
    pub failures: Option<f64>,
    /// When the job is stopped, in order of time.
    pub outages: Vec<Outage>,
    /// When what a worker can do changes, in order of time.
    pub capacity_steps: Vec<CapacityStep>,
    /// A limit that no worker helps against.
    pub ceiling: Option<f64>,
    /// Partitions of the input: more workers than that read nothing.
    pub partitions: Option<u32>,
    /// The heaviest partition's share is so many times the others'.
    pub skew: f64,
    /// How the job's state becomes readings.
    pub metrics: Metrics,
    /// A second later than this counts as a violation.
    pub lag_objective: f64,
}

/// How workers join that were ordered together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// All at once, one restart.
    Together,
    /// One by one, each its own restart, 30 s apart.
    Stepwise,
    /// The first alone, the rest together 30 s later: what Flink 1.20 in reactive mode does when they register in quick
    /// succession.
    FirstThenRest,
}

/// How a job gets up to speed after a restart: in a straight line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WarmUp {
    /// How long it takes.
    pub duration: f64,
    /// The share of its capacity that it begins with.
    pub from: f64,
}

/// Standard deviations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Deviations {
    /// Of the arrivals, as a share of them.
    pub arrivals: f64,
    /// Of the capacity, as a share of it.
    pub capacity: f64,
    /// Of a measured share of CPU.
    pub cpu: f64,
}

/// The share of CPU of a worker: a straight line over its load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cpu {
    /// Without load.
    pub idle: f64,
    /// At capacity. Well below 1 where the work waits for something else.
    pub full: f64,
}

/// A time for which the job is stopped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outage {
    /// From then, since the beginning of the scored time.
    pub at: f64,
    /// For so long.
    pub lasts: f64,
}

/// A change of what a worker can do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CapacityStep {
    /// From then, since the beginning of the scored time.
    pub at: f64,
    /// The capacity is so many times what it was at the start.
    pub factor: f64,
}

/// How the job's state becomes readings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metrics {
    /// Between two scrapes, at least 1.
    pub scrape: f64,
    /// From a scrape until it can be asked for.
    pub delay: f64,
    /// The window of rates and means.
    pub rate_window: f64,
    /// After a restart there are no series for so long.
    pub blind_after_restart: f64,
    /// A consumer group's commits: the backlog is then its lag. 0: the backlog is the job's own.
    pub backlog_commit: f64,
}

impl PlantSpec {
    /// What `workers` can process at that second of the scored time (before it: as at its beginning), without noise: what no
    /// ceiling, uneven partition or step leaves out.
    pub fn capacity(&self, workers: u32, at: f64) -> f64 {
        let capacity = self.undisturbed(workers, at) * self.evenness(workers);
        self.ceiling.map_or(capacity, |ceiling| capacity.min(ceiling))
    }

    /// The universal scalability law, with the step in force; no ceiling, no partitions.
    pub(in crate::simulate) fn undisturbed(&self, workers: u32, at: f64) -> f64 {
        let n = f64::from(workers);
        let factor = self.capacity_step(at).checked_sub(1).map_or(1.0, |step| self.capacity_steps[step].factor);
        factor * self.capacity_per_worker * n / (1.0 + self.sigma * (n - 1.0) + self.kappa * n * (n - 1.0))
    }

    /// How many capacity steps lie at or before that second; one at the beginning has always been.
    pub(in crate::simulate) fn capacity_step(&self, at: f64) -> usize {
        self.capacity_steps.iter().take_while(|step| step.at <= at.max(0.0)).count()
    }

    /// What is left where the partitions do not spread evenly: `(1 / n) / (share of the busiest worker)`. The partitions are
    /// dealt out in turn, and the heaviest is on a worker with the most of them.
    fn evenness(&self, workers: u32) -> f64 {
        let Some(partitions) = self.partitions else { return 1.0 };
        let most = partitions.div_ceil(workers);
        let busiest = f64::from(most) - 1.0 + self.skew;
        let all = f64::from(partitions) - 1.0 + self.skew;
        all / busiest / f64::from(workers)
    }

    /// The share of the capacity at that age of the job since its restart.
    pub(in crate::simulate) fn warmth(&self, age: f64) -> f64 {
        let WarmUp { duration, from } = self.warm_up;
        if age >= duration { 1.0 } else { from + (1.0 - from) * (age.max(0.0) / duration) }
    }
}
