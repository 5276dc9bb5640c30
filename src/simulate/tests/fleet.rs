//! A whole fleet restarted at once: only those scale that need it, and nothing keeps them from it.

use std::sync::Arc;

use crate::engine::{
    Action, ClassIndex, ClassObservation, FleetLimits, Hold, JobId, JobIndex, Memories, Observations, Plans, tick,
};
use crate::policy::{self, Policy};
use crate::simulate::closed_loop::moment;
use crate::simulate::{Plant, PlantSpec, observation};

const JOBS: u32 = 50;
const TICK: u32 = 15;
/// All jobs stop then, for half a minute.
const RESTART: u32 = 3 * 3600;
const END: u32 = 5 * 3600;
/// One in ten jobs has had twice the load since a minute before,
const GROWN: u32 = 10;
/// and one in ten a third of it since five minutes before.
const SHRUNK: u32 = 5;

/// What a fleet did.
#[derive(Default)]
struct Course {
    /// Second, job, from, to.
    scaled: Vec<(u32, u32, u32, u32)>,
    /// When a decrease was held by the breaker.
    held: Vec<u32>,
    /// When the breaker was open.
    open: Vec<u32>,
    /// Jobs that are late at the end.
    late: Vec<u32>,
}

fn policy(name: &str) -> Policy {
    let text = match name {
        "seed" => include_str!("../../../benches/scenarios/policies/seed.yaml"),
        _ => include_str!("../../../benches/scenarios/policies/balanced.yaml"),
    };
    policy::parse(name, text).unwrap().remove(0)
}

/// Fifty jobs at loads of their own, some of which have grown; `restarts`: all of them at once.
fn fleet(policy: &Policy, restarts: bool) -> Course {
    let outage = if restarts { format!("outages: [{{ at: {RESTART}s, for: 30s }}]\n") } else { String::new() };
    let text = format!(
        "capacityPerWorker: 8000\nsigma: 0.0253\nmaxWorkers: 36\nstartWorkers: 9\npodStart: 30s\ndowntime: 30s\n\
         warmUp: {{ duration: 60s, from: 0.5 }}\nnoise: {{ arrivals: 0.05, capacity: 0.03, cpu: 0.02 }}\n{outage}"
    );
    let spec = Arc::new(PlantSpec::parse("plant.yaml", &text).unwrap());
    let mut plants: Vec<Plant> = (0..JOBS).map(|job| Plant::new(Arc::clone(&spec), 0, END, u64::from(job))).collect();
    let rate = |job: u32, second: u32| {
        let usual = 30_000.0 + 500.0 * f64::from(job);
        match job % 10 {
            0 if second >= RESTART - 60 => 2.0 * usual,
            SHRUNK if second >= RESTART - 300 => usual / 3.0,
            _ => usual,
        }
    };
    let mut plan = policy.plan.clone();
    plan.mode = crate::engine::Mode::Act;
    let limits = FleetLimits { max_concurrent_rescales: Some(5) };
    let plans = Plans { classes: vec![plan], fleet: limits };
    let mut memories = Memories::default();
    let mut course = Course::default();
    for second in 0..END {
        for (job, plant) in (0..).zip(&mut plants) {
            plant.step(rate(job, second));
        }
        if !(second + 1).is_multiple_of(TICK) {
            continue;
        }
        let jobs = (0..).zip(&plants).map(|(job, plant)| {
            let id = JobId::new("fleet", &format!("job-{job:02}"));
            observation(plant, policy, JobIndex(job), id, ClassIndex(0))
        });
        let seen = Observations { classes: vec![ClassObservation::default()], jobs: jobs.collect() };
        let decisions = tick(&plans, &mut memories, &seen, moment(second + 1));
        if memories.breaker_open_until(&policy.plan.class).is_some_and(|until| until > moment(second + 1)) {
            course.open.push(second);
        }
        for ((job, plant), decision) in (0..).zip(&mut plants).zip(decisions) {
            match decision.action {
                Action::Scale { from, to } => {
                    plant.order(to.0);
                    course.scaled.push((second, job, from.0, to.0));
                }
                Action::Hold(Hold::CircuitOpen { from, to, .. }) => {
                    assert!(to < from, "the breaker holds decreases alone");
                    course.held.push(second);
                }
                Action::Hold(_) => {}
            }
        }
    }
    course.late =
        (0..).zip(&plants).filter(|(_, plant)| plant.history().at(END).lag > 60.0).map(|(job, _)| job).collect();
    course
}

/// What was ordered within an hour of the restart.
fn after(course: &Course) -> Vec<&(u32, u32, u32, u32)> {
    course.scaled.iter().filter(|(second, ..)| (RESTART - 60..RESTART + 3600).contains(second)).collect()
}

#[test]
fn only_what_has_to_is_scaled_after_a_restart_of_all() {
    let balanced = fleet(&policy("balanced"), true);
    let grown = |job: u32| job.is_multiple_of(GROWN);
    let ups = |course: &Course, grows: bool| {
        after(course).iter().filter(|(_, job, from, to)| to > from && grown(*job) == grows).count()
    };
    // Five have grown, and go up once, or once more when they see what they can do; the others have a minute's backlog each.
    let (needed, needless) = (ups(&balanced, true), ups(&balanced, false));
    assert!((5..=10).contains(&needed), "{needed}: {:?}", after(&balanced));
    assert!(needless <= 2, "{needless}: {:?}", after(&balanced));
    assert_eq!(balanced.late, [0; 0], "nobody is left late");

    // The published rule chases the backlog that the restart made.
    let seed = fleet(&policy("seed"), true);
    assert!(ups(&seed, false) >= 10, "{}", ups(&seed, false));
}

#[test]
fn the_breaker_opens_for_ten_minutes_and_holds_decreases_alone() {
    let (restarted, calm) = (fleet(&policy("balanced"), true), fleet(&policy("balanced"), false));
    assert_eq!(calm.open, [0; 0], "loads that double or fall are no reason");
    let (first, last) = (restarted.open[0], restarted.open[restarted.open.len() - 1]);
    assert!((RESTART..RESTART + 60).contains(&first), "{first}");
    assert!((600..=720).contains(&(last - first)), "{}", last - first);
    assert_eq!(restarted.open.len() as u32, (last - first) / TICK + 1, "once");
    let downs = |course: &Course, from: u32, until: u32| {
        let down =
            |(second, _, from_workers, to): &&(u32, u32, u32, u32)| to < from_workers && (from..until).contains(second);
        course.scaled.iter().filter(down).count()
    };
    // Five jobs have a third of their load: without a restart they would be smaller by then.
    assert_eq!(downs(&restarted, RESTART, last), 0);
    assert!(downs(&calm, RESTART, last) > 0 && !restarted.held.is_empty());
    assert!(restarted.held.iter().all(|second| *second <= last + 660), "{:?}", restarted.held);
    assert!(downs(&restarted, last, END) >= 5, "what waited comes");
}
