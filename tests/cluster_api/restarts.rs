//! Somebody else's change of a count outlives the process that saw it: whenever the daemon is killed, and whoever goes on,
//! the same counts are set as without the kill.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use steelyard::cluster::{Fence, Fenced, Order, Outcome, Scaler, Targets};
use steelyard::engine::{
    self, Action, Decision, FleetLimits, JobIndex, JobTable, Learned, Memories, OperatorObservation, Reading,
    Timestamp, Workers,
};
use steelyard::policy::PolicySet;

use crate::conflicts::set_by_other;
use crate::objects::{flink, target};
use crate::policies::{policies, tick};
use crate::server::{Server, eventually};

const TICK: i64 = 15;
/// The policies' `conflictHold`.
const HOLD: i64 = 1800;
/// When somebody sets the count to 2: between two ticks.
const CHANGE: i64 = 20 * TICK - 5;
/// The first tick that can know of it.
const NOTICED: i64 = 20 * TICK;
const END: i64 = NOTICED + HOLD + 40 * TICK;

struct Open;

impl Fence for Open {
    fn may_write(&self) -> Result<Duration, Fenced> {
        Ok(Duration::from_secs(TICK.unsigned_abs()))
    }
}

/// The object, and the operator that carries every count out at once.
struct Cluster {
    server: Server,
    /// (second, count), as they were set.
    set: Vec<(i64, u32)>,
}

impl Cluster {
    fn new() -> Self {
        let server = Server::default();
        server.put(flink("streaming", "orders", 3));
        Self { server, set: vec![(-3600, 3)] }
    }

    fn object(&self) -> Value {
        self.server.object("streaming", "orders").unwrap()
    }

    /// What somebody else sets.
    fn change(&mut self, second: i64, count: u32) {
        self.server.put(set_by_other(self.object(), count));
        self.set.push((second, count));
    }

    /// The operator has taken what the daemon set.
    fn carry_out(&mut self, second: i64, count: u32) {
        let mut object = self.object();
        object["status"]["observedGeneration"] = object["metadata"]["generation"].clone();
        self.server.put(object);
        self.set.push((second, count));
    }

    /// What was set by us: all but the first and what somebody else set.
    fn ours(&self) -> Vec<(i64, u32)> {
        self.set.iter().filter(|(second, count)| *second >= 0 && *count != 2).copied().collect()
    }
}

/// One daemon.
struct Process {
    policies: PolicySet,
    targets: Targets,
    scaler: Scaler,
    jobs: JobTable,
    memories: Memories,
    /// What it reads back at its first tick.
    recalled: Option<Arc<Learned>>,
}

impl Process {
    async fn start(cluster: &Cluster, recalled: Option<Learned>) -> Self {
        let policies = policies([("beam", Some(target(&["streaming"], "")))]);
        let before = cluster.server.open_watches();
        let targets = Targets::start(cluster.server.client(), &policies).await.unwrap();
        targets.settled().await;
        eventually("a watch is open", || cluster.server.open_watches() > before).await;
        let scaler = Scaler::new(targets.clone(), 20);
        let (jobs, memories) = Default::default();
        Self { policies, targets, scaler, jobs, memories, recalled: recalled.map(Arc::new) }
    }

    /// What Prometheus has of it after a scrape.
    fn exported(&self) -> Option<Learned> {
        let learned = self.memories.learned(JobIndex(0))?;
        Some(serde_json::from_str(&serde_json::to_string(&learned).unwrap()).unwrap())
    }

    /// One tick: the job is two minutes behind with less than 5 workers, and well with more.
    async fn decide(&mut self, cluster: &Cluster, second: i64) -> Decision {
        let target = self.policies.policies[0].target.as_ref().unwrap();
        let count = Some(Workers(cluster.set.last().unwrap().1));
        let seen = || self.targets.object(target, "streaming", "orders").unwrap().replicas == count;
        eventually("the count is seen", seen).await;
        let at = Timestamp::from_millis(second * 1000);
        let mut seen = tick(&self.targets, &self.policies, &mut self.jobs, &[], second);
        let job = &mut seen.jobs[0];
        let (since, count) = *cluster.set.last().unwrap();
        (job.running, job.running_for) = (Reading::Fresh(f64::from(count)), Reading::Fresh((second - since) as f64));
        job.operators = vec![OperatorObservation {
            operator: "read".into(),
            throughput: Reading::Fresh(1000.0),
            total: None,
            backlog: Some(Reading::Fresh(if count < 5 { 130_000.0 } else { 0.0 })),
            growth: Some(Reading::Fresh(0.0)),
        }];
        if let Some(recalled) = self.recalled.take() {
            job.recalled = Some(recalled);
            self.targets.recall(&self.policies, &mut seen, at);
        }
        let plans = self.policies.plans(FleetLimits::default());
        engine::tick(&plans, &mut self.memories, &seen, at).remove(0)
    }

    async fn act(&mut self, cluster: &mut Cluster, second: i64) {
        let decision = self.decide(cluster, second).await;
        let Action::Scale { from, to } = decision.action else { return };
        let target = self.policies.policies[0].target.as_ref().unwrap();
        let order = Order { job: &decision.job, target, from, to, at: decision.at };
        assert_eq!(self.scaler.scale(&order, &Open).await, Outcome::Scaled);
        cluster.carry_out(second, to.0);
    }
}

/// The whole scenario; what happens around a tick is the caller's, with the process at hand.
async fn scenario(mut around: impl AsyncFnMut(&mut Cluster, &mut Process, i64)) -> Vec<(i64, u32)> {
    let mut cluster = Cluster::new();
    let mut process = Process::start(&cluster, None).await;
    let mut second = 0;
    while second < END {
        if second == NOTICED {
            cluster.change(CHANGE, 2);
        }
        around(&mut cluster, &mut process, second).await;
        second += TICK;
    }
    cluster.ours()
}

async fn uninterrupted() -> Vec<(i64, u32)> {
    let set = scenario(async |cluster, process, second| process.act(cluster, second).await).await;
    let [(first, 10), (again, 7)] = set[..] else { panic!("it scales up, and again after the hold: {set:?}") };
    assert!(first < CHANGE && (NOTICED + HOLD..NOTICED + HOLD + 3 * TICK).contains(&again), "{set:?}");
    set
}

/// The same counts; nobody moves while somebody else is left alone.
fn assert_same(killed: &[(i64, u32)], lived: &[(i64, u32)], what: &str) {
    let counts = |set: &[(i64, u32)]| set.iter().map(|(_, count)| *count).collect::<Vec<_>>();
    assert_eq!(counts(killed), counts(lived), "{what}: {killed:?}");
    let again = killed.last().unwrap().0;
    assert!(again >= NOTICED + HOLD, "{what}: {killed:?}");
    assert!(again <= NOTICED + HOLD + 8 * TICK, "it goes on in time, {what}: {killed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_killed_process_and_the_next_one_set_what_one_that_lived_sets() {
    let lived = uninterrupted().await;
    // Around our own patch, around somebody else's change, in the middle and at the end of its time. The next one comes
    // at once, or after some ticks that nobody saw; Prometheus has the last tick of the first, or only the one before.
    let kills = (0..26).chain([60, 138, 139, 140, 141]);
    for (kill, away, unscraped) in kills.flat_map(|kill| [(kill, 0, false), (kill, 0, true), (kill, 3, false)]) {
        let killed = kill * TICK;
        let mut exported: Vec<Option<Learned>> = Vec::new();
        let set = scenario(async |cluster, process, second| {
            if (killed..killed + away * TICK).contains(&second) {
                return;
            }
            if second == killed + away * TICK {
                let back = if unscraped { 2 } else { 1 };
                let last = exported.len().checked_sub(back).and_then(|place| exported[place].clone());
                *process = Process::start(cluster, last).await;
            }
            process.act(cluster, second).await;
            exported.push(process.exported());
        })
        .await;
        // One that knows nothing at all leaves nobody alone: that is what is exported for.
        assert_same(&set, &lived, &format!("killed at {killed}, away for {away} ticks, unscraped {unscraped}"));
    }
}

#[tokio::test(start_paused = true)]
async fn without_what_was_exported_the_count_would_be_set_at_once() {
    let set = scenario(async |cluster, process, second| {
        if second == NOTICED + TICK {
            *process = Process::start(cluster, None).await;
        }
        process.act(cluster, second).await;
    })
    .await;
    assert!(set.last().unwrap().0 < NOTICED + HOLD, "{set:?}");
}

#[tokio::test(start_paused = true)]
async fn a_standby_that_takes_over_leaves_alone_whom_the_leader_left_alone() {
    let lived = uninterrupted().await;
    for takes_over in [8, 19, 20, 21, 22, 60, 139, 140] {
        let mut standby: Option<Process> = None;
        let set = scenario(async |cluster, process, second| {
            if second == 0 {
                let other = Process::start(cluster, None).await;
                other.scaler.stand_by(true);
                standby = Some(other);
            }
            if let Some(other) = &mut standby {
                let _decided = other.decide(cluster, second).await;
            }
            // It leads from the end of this tick on, as a sink that asks its fence.
            if second == takes_over * TICK
                && let Some(other) = standby.take()
            {
                other.scaler.stand_by(false);
                *process = other;
            } else {
                process.act(cluster, second).await;
            }
        })
        .await;
        assert_same(&set, &lived, &format!("taken over at tick {takes_over}"));
    }
}
