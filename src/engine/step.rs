//! The steps of a derivation: every number that a decision rests on, in the order in which it was used.

mod packed;
mod readings;
mod words;

use std::sync::Arc;

use serde::Serialize;

use super::decision::{Budget, Cap};
use super::job::Workers;
use super::plan::Mode;
use super::time::Timestamp;

pub use packed::{Known, Slope, Told};
pub use readings::Readings;
pub(super) use words::{Named, Quantity};

/// The size of a step in bytes. Every job of the fleet holds some dozens, so what is large and rare is boxed.
const SIZE: usize = 56;
const _: () = assert!(size_of::<Step>() <= SIZE, "a step has grown");

/// One step of a derivation.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "step", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Step {
    /// What was read of the job as a whole; a signal that nobody asked for and nobody saw is left out.
    Job {
        /// The readings, judged by the age of their samples.
        #[serde(flatten)]
        readings: Readings<Told>,
    },
    /// What was read of one operator, and what follows from it.
    Operator {
        /// Which.
        operator: Arc<str>,
        /// Processed per second.
        throughput: Told,
        /// Waiting; left out where the backlog query has no row for it: then it is shown and not judged.
        #[serde(skip_serializing_if = "Option::is_none")]
        backlog: Option<Told>,
        /// How fast the backlog grows.
        #[serde(flatten)]
        slope: Slope,
        /// Backlog / throughput in seconds.
        #[serde(skip_serializing_if = "Known::is_unknown")]
        backlog_time: Known,
    },
    /// A backlog that is too small to say anything counts as none.
    SmallBacklog {
        /// Of which operator.
        operator: Arc<str>,
        /// What waits.
        backlog: f64,
        /// What has to be exceeded: one second of the highest recent throughput, or the number of partitions.
        above: f64,
    },
    /// A group's lag grows until it commits: the least of an interval is what stands.
    LeastBacklog {
        /// Of which operator.
        operator: Arc<str>,
        /// What waits by the newest reading.
        backlog: f64,
        /// The least within one commit interval.
        least: f64,
    },
    /// Some workers do not report: throughput was divided by the share of those that do.
    Coverage {
        /// Reporting / registered.
        coverage: f64,
    },
    /// The up gate is open because of a backlog.
    BacklogGate {
        /// Of which operator.
        operator: Arc<str>,
        /// Its backlog time in seconds.
        backlog_time: f64,
        /// The limit in seconds.
        above: f64,
    },
    /// The up gate is open because a backlog grows: at a limit of 0 that is enough.
    GrowthGate {
        /// Of which operator.
        operator: Arc<str>,
        /// How fast, per second.
        growth: f64,
    },
    /// The up gate is open because of CPU.
    CpuGate {
        /// Mean use of one worker.
        cpu: f64,
        /// The limit.
        above: f64,
    },
    /// The down gate is open: little CPU is used, no backlog grows, and none takes long.
    DownGate {
        /// Mean use of one worker.
        cpu: f64,
        /// The limit.
        below: f64,
        /// The longest backlog time in seconds.
        backlog_time: f64,
        /// The limit in seconds.
        backlog_time_below: f64,
    },
    /// Neither gate is open.
    GatesShut {
        /// The longest backlog time in seconds.
        backlog_time: f64,
        /// Mean use of one worker, where it is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        cpu: Option<f64>,
        /// An operator whose backlog grows, if one's does.
        #[serde(skip_serializing_if = "Option::is_none")]
        growing: Option<Arc<str>>,
    },
    /// Workers that one operator needs.
    Demand {
        /// Which.
        operator: Arc<str>,
        /// To keep up: W · (g⁺ + T) / T.
        keep_up: f64,
        /// To catch up, besides: W · τ / D₀.
        catch_up: f64,
    },
    /// The operator that needs the most.
    Deciding {
        /// Which.
        operator: Arc<str>,
        /// Keep up + catch up.
        workers: f64,
    },
    /// Workers that CPU asks for: W · u / cpuTarget.
    CpuDemand {
        /// Mean use of one worker.
        cpu: f64,
        /// What it should be.
        target: f64,
        /// Before rounding up.
        workers: f64,
    },
    /// The level of an operator's input, and what runs against it.
    Input {
        /// Of which operator.
        operator: Arc<str>,
        /// The mean of its balances, per second.
        input: f64,
        /// How much time they span, in seconds.
        span: f64,
        /// What the workers that run can process per second, where that is known.
        #[serde(skip_serializing_if = "Known::is_unknown")]
        capacity: Known,
        /// Input / capacity.
        #[serde(skip_serializing_if = "Known::is_unknown")]
        load: Known,
    },
    /// What a restart takes, in seconds.
    Restart {
        /// From the patch until the job stops.
        delay: f64,
        /// How long nothing is processed.
        downtime: f64,
        /// The lag that it makes: downtime, half a checkpoint interval, and 5 s.
        lag: f64,
        /// How late the metrics come, beyond a scrape; left out where they do not.
        #[serde(skip_serializing_if = "Known::is_unknown")]
        unseen: Known,
        /// Whether the downtime was learned from this job; else the policy says so.
        learned: bool,
    },
    /// The up gate is open because the input is above what the workers can process.
    LoadGate {
        /// Of which operator.
        operator: Arc<str>,
        /// Input / capacity.
        load: f64,
        /// The limit.
        above: f64,
    },
    /// The up gate is open because a backlog stands that the workers cannot work off.
    ShortGate {
        /// Of which operator.
        operator: Arc<str>,
        /// Its backlog time in seconds.
        backlog_time: f64,
        /// The limit in seconds.
        above: f64,
        /// Input / capacity: above 1.
        load: f64,
    },
    /// The up gate is open because the job is late.
    LateGate {
        /// Of which operator.
        operator: Arc<str>,
        /// Backlog / input in seconds.
        lag: f64,
        /// The objective in seconds.
        above: f64,
    },
    /// An up gate has to stay open for a second tick.
    FirstTick,
    /// Workers that carry the input with room.
    Enough {
        /// Of which operator.
        operator: Arc<str>,
        /// How many.
        workers: Workers,
        /// The input with its room, per second.
        capacity: f64,
    },
    /// What each count would cost, in worker-seconds: late seconds, workers until the backlog is gone, the way back.
    LeastCost {
        /// Of which operator.
        operator: Arc<str>,
        /// The largest lag on the way, in seconds.
        peak_lag: f64,
        /// The objective in seconds.
        objective: f64,
        /// The counts that were weighed.
        #[serde(flatten)]
        candidates: Box<Candidates>,
        /// What staying costs; left out where the workers that run never work the backlog off.
        #[serde(skip_serializing_if = "Known::is_unknown")]
        staying: Known,
    },
    /// The backlog drains: going elsewhere costs more than waiting, in worker-seconds.
    Draining {
        /// Of which operator.
        operator: Arc<str>,
        /// What staying costs.
        staying: f64,
        /// What moving costs, its restart counted in.
        moving: f64,
        /// How many seconds the backlog takes at this width.
        drains_in: f64,
    },
    /// A restart's own backlog is left to it while nothing is known of the capacity.
    Masked {
        /// Until when.
        until: Timestamp,
    },
    /// Workers that one operator needs, as long as nothing is known of the capacity.
    RoughDemand {
        /// Which.
        operator: Arc<str>,
        /// Its input, and its backlog with that of a restart within the drain target.
        by_backlog: f64,
        /// CPU at its target.
        #[serde(skip_serializing_if = "Option::is_none")]
        by_cpu: Option<f64>,
    },
    /// Fewer workers carry the input with the room that a decrease leaves.
    Fewer {
        /// How many.
        workers: Workers,
        /// The room, as a share of the input.
        headroom: f64,
    },
    /// The input has just stepped up, and may go on: what runs is needed.
    Rising {
        /// Of which operator.
        operator: Arc<str>,
        /// Its level now, per second.
        input: f64,
    },
    /// More run than are of use, and the job is late all the same: its limit lies elsewhere.
    Surplus {
        /// How many run.
        running: Workers,
        /// How many are of use.
        useful: Workers,
    },
    /// What staying has cost so far, against what the decrease costs, in worker-seconds.
    Regret {
        /// To how many workers.
        to: Workers,
        /// Collected.
        collected: f64,
        /// The workers that a restart idles.
        restart: f64,
        /// The late seconds that it makes.
        late: f64,
    },
    /// The last increase was of no use.
    NoEffect {
        /// Of which operator.
        operator: Arc<str>,
        /// From how many.
        from: Workers,
        /// To how many.
        to: Workers,
        /// What throughput grew by, as a share.
        gain: f64,
        /// What it should have grown by.
        expected: f64,
        /// More than this many are of no use.
        useful: Workers,
    },
    /// More than so many workers were of no use.
    Useful {
        /// What is wanted.
        wish: Workers,
        /// What is of use.
        to: Workers,
        /// Until when that is believed.
        until: Timestamp,
    },
    /// The count that the rule wants.
    Wish {
        /// How many.
        workers: Workers,
    },
    /// The owner of the job fixed the count.
    Fixed {
        /// How many.
        workers: Workers,
    },
    /// A larger count was wanted within the down window, and it counts.
    DownWindow {
        /// What is wanted now.
        wish: Workers,
        /// The largest wish of the window.
        to: Workers,
        /// When that leaves the window.
        until: Timestamp,
    },
    /// The change is too small to be worth a rescale.
    Tolerance {
        /// What is wanted.
        wish: Workers,
        /// The share of what runs that a change has to exceed.
        tolerance: f64,
    },
    /// The change was cut to the largest step.
    MaxStep {
        /// What is wanted.
        wish: Workers,
        /// What remains.
        to: Workers,
    },
    /// An increase was cut by a cap.
    Capped {
        /// Which.
        cap: Cap,
        /// What is wanted.
        wish: Workers,
        /// The most that the cap allows.
        limit: Workers,
    },
    /// The count was raised to the least that may run.
    AtLeast {
        /// What is wanted.
        wish: Workers,
        /// `minWorkers`, or the owner's.
        min: Workers,
    },
    /// More workers run than may: the count goes to the most.
    AtMost {
        /// What is wanted.
        wish: Workers,
        /// `maxWorkers`, or the owner's.
        max: Workers,
    },
    /// The policy's mode does not carry this out.
    Mode {
        /// The mode.
        mode: Mode,
    },
    /// A limit of the fleet or the class left less room than was wanted.
    Budget {
        /// Which.
        budget: Budget,
        /// What is wanted.
        wish: Workers,
        /// What there is room for.
        room: u32,
    },
    /// Too much of the class looked wrong at once.
    Breaker {
        /// When.
        since: Timestamp,
        /// Until when nothing goes down.
        until: Timestamp,
    },
}

/// The counts that were weighed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Candidates {
    /// The count that is enough.
    pub enough: Candidate,
    /// The count that costs least.
    pub chosen: Candidate,
}

/// A count and what going there costs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// How many workers.
    pub workers: Workers,
    /// In how many seconds the largest backlog is gone then.
    pub drains_in: f64,
    /// In worker-seconds.
    pub cost: f64,
}
