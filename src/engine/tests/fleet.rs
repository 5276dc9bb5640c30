//! Between the jobs: budgets and the breaker.

use std::time::Duration;

use super::world::*;
use crate::engine::*;

fn waiting(index: u32, workers: u32, backlog_seconds: f64) -> JobObservation {
    let mut seen = job(index, workers);
    seen.operators = vec![operator("read", 1000.0, backlog_seconds * 1000.0, Some(0.0))];
    seen
}

fn idle(index: u32, workers: u32) -> JobObservation {
    let mut seen = job(index, workers);
    seen.cpu = Reading::Fresh(0.35);
    seen
}

fn told(decisions: &[Decision]) -> Vec<String> {
    decisions.iter().map(|decision| decision.action.to_string()).collect()
}

#[test]
fn few_rescales_at_once_go_to_increases_first_and_to_who_waits_longest() {
    let mut world = World::new(plan());
    world.plans.fleet.max_concurrent_rescales = Some(3);
    let mut on_its_way = job(4, 10);
    on_its_way.wished = Reading::Fresh(12.0);
    let jobs =
        [idle(0, 10), waiting(1, 10, 130.0), waiting(2, 10, 300.0), idle(3, 10), on_its_way, waiting(5, 10, 125.0)];
    assert_eq!(
        told(&world.tick(&jobs)),
        [
            "hold: maxConcurrentRescales leaves no room for 10 -> 5 now",
            "scale 10 -> 32",
            "scale 10 -> 60",
            "hold: maxConcurrentRescales leaves no room for 10 -> 5 now",
            "hold: rescaling: 10 of 12 workers run",
            "hold: maxConcurrentRescales leaves no room for 10 -> 31 now",
        ]
    );
    world.plans.fleet.max_concurrent_rescales = Some(5);
    let decisions = world.tick(&jobs);
    assert_eq!(decisions[0].action, scale(10, 5));
    assert_eq!(decisions[3].wish(), Some(Workers(5)));
    assert_eq!(hold(&decisions[3].action).name(), "fleetBudget");
}

#[test]
fn a_class_stays_within_its_workers() {
    let mut plan = plan();
    plan.limits.max_workers_total = Some(60);
    let mut world = World::new(plan);
    let jobs = [waiting(0, 10, 130.0), waiting(1, 10, 180.0), idle(2, 10)];
    // 30 run; 30 more may. Job 1 waits longest and takes them all; a decrease makes no room before it has happened.
    assert_eq!(
        told(&world.tick(&jobs)),
        ["hold: maxWorkersTotal leaves no room for 10 -> 32 now", "scale 10 -> 40", "scale 10 -> 5"]
    );
    world.plans.classes[0].limits.max_workers_total = Some(59);
    let decisions = world.tick(&jobs);
    assert_eq!(decisions[1].action, scale(10, 39), "what room there is");
    assert!(decisions[1].because.iter().any(|step| step.to_string() == "maxWorkersTotal leaves room for 29 of 40"));
}

fn fleet(count: u32) -> Vec<JobObservation> {
    (0..count).map(|index| idle(index, 10)).collect()
}

fn moved(decisions: &[Decision]) -> usize {
    decisions.iter().filter(|decision| matches!(decision.action, Action::Scale { .. })).count()
}

#[test]
fn the_breaker_opens_when_ten_jobs_and_a_fifth_of_the_class_lose_freshness() {
    for (jobs, lost, open) in [(50, 10, true), (50, 9, false), (51, 10, false), (12, 10, true), (9, 9, false)] {
        let mut world = World::new(plan());
        let mut seen = fleet(jobs);
        assert_eq!(moved(&world.tick(&seen)), jobs as usize);
        for job in seen.iter_mut().take(lost) {
            job.cpu = Reading::Missing;
        }
        let decisions = world.tick(&seen);
        let last = decisions.last().unwrap();
        let (whole, shut) = (jobs as usize > lost, moved(&decisions) == 0);
        assert_eq!(shut, open || !whole, "{lost} of {jobs}: {}", last.action);
        if open && whole {
            assert_eq!(hold(&last.action).name(), "circuitOpen");
            assert_eq!(last.wish(), Some(Workers(5)));
        }
    }
}

#[test]
fn the_breaker_opens_when_throughput_halves_and_the_workers_do_not() {
    let at = |throughput: f64, workers: u32| -> Vec<JobObservation> {
        (0..20)
            .map(|index| {
                let mut seen = idle(index, workers);
                seen.operators = vec![operator("read", throughput, 0.0, Some(0.0))];
                seen
            })
            .collect()
    };
    for (name, then, open) in [
        ("halved", at(500.0, 10), true),
        ("a little more than half", at(501.0, 10), false),
        ("halved with the workers", at(500.0, 5), false),
        ("gone", at(0.0, 10), true),
    ] {
        let mut world = World::new(plan());
        world.tick(&at(1000.0, 10));
        world.tick(&at(1000.0, 10));
        assert_eq!(moved(&world.tick(&then)) == 0, open, "{name}");
    }
    let mut world = World::new(plan());
    for (throughput, open) in [(1000.0, false), (750.0, false), (500.0, true)] {
        assert_eq!(moved(&world.tick(&at(throughput, 10))) == 0, open, "over two ticks");
    }
    let mut world = World::new(plan());
    for throughput in [1000.0, 800.0, 640.0, 512.0, 410.0] {
        assert!(moved(&world.tick(&at(throughput, 10))) > 0, "slower than that is load, not a fault");
    }
}

#[test]
fn an_open_breaker_lets_increases_pass_half_opens_and_closes() {
    let mut world = World::new(plan());
    let mut seen = fleet(20);
    seen.push(waiting(20, 10, 130.0));
    world.tick(&seen);
    let mut broken = seen.clone();
    for job in broken.iter_mut().take(12) {
        job.cpu = Reading::Missing;
    }
    let decisions = world.tick(&broken);
    assert_eq!((moved(&decisions), &decisions[20].action), (1, &scale(10, 32)));
    let opened = world.now;

    assert_eq!(moved(&world.tick(&seen)), 1, "the data is back, the breaker stays open");
    world.now = opened.plus(Duration::from_secs(600)).minus(TICK);
    assert_eq!(moved(&world.tick(&seen)), 2, "half open: one decrease a tick");
    world.now = opened.plus(Duration::from_secs(1200)).minus(TICK);
    assert_eq!(moved(&world.tick(&seen)), 21, "closed");
}

#[test]
fn a_budget_is_reported_before_the_breaker() {
    let mut world = World::new(plan());
    world.plans.fleet.max_concurrent_rescales = Some(0);
    let mut seen = fleet(20);
    world.tick(&seen);
    for job in seen.iter_mut().take(12) {
        job.cpu = Reading::Missing;
    }
    let decisions = world.tick(&seen);
    assert_eq!(hold(&decisions[19].action).name(), "fleetBudget");
}

#[test]
fn many_wishes_alone_never_trip_it() {
    let mut world = World::new(plan());
    for _ in 0..5 {
        assert_eq!(moved(&world.tick(&fleet(100))), 100);
    }
}

#[test]
fn jobs_that_are_suspended_or_refused_do_not_trip_it_and_jobs_that_vanish_do() {
    let after = |change: fn(&mut JobObservation)| {
        let mut world = World::new(plan());
        let mut seen = fleet(30);
        world.tick(&seen);
        seen[..12].iter_mut().for_each(change);
        moved(&world.tick(&seen))
    };
    assert_eq!(after(|job| (job.running, job.wished) = (Reading::Fresh(0.0), Reading::Fresh(0.0))), 18);
    assert_eq!(after(|job| job.unsafe_reason = Some("session cluster".into())), 18);
    assert_eq!(after(|job| (job.running, job.operators) = (Reading::Missing, Vec::new())), 0);
}

#[test]
fn our_own_rescales_never_trip_it() {
    let mut world = World::new(plan());
    let mut seen = fleet(20);
    world.tick(&seen);
    for job in &mut seen[..15] {
        job.wished = Reading::Fresh(5.0);
    }
    assert_eq!(moved(&world.tick(&seen)), 5, "who is held still counts");
}

#[test]
fn classes_do_not_share_a_breaker() {
    let mut world = World::new(plan());
    let mut other = plan();
    other.class = "other".into();
    world.plans.classes.push(other);
    let mut seen = fleet(40);
    for job in &mut seen[20..] {
        job.class = ClassIndex(1);
    }
    world.tick(&seen);
    for job in &mut seen[20..35] {
        job.cpu = Reading::Missing;
    }
    assert_eq!(moved(&world.tick(&seen)), 20);
}
