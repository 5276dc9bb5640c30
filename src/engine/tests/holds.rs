//! Holds: each by itself, and the fixed order where several apply.

use std::time::Duration;

use super::world::*;
use crate::engine::*;

/// A job that would be scaled from 10 to 5.
fn down() -> JobObservation {
    let mut seen = job(0, 10);
    seen.cpu = Reading::Fresh(0.35);
    seen
}

/// A job that would be scaled from 10 to 42.
fn up() -> JobObservation {
    let mut seen = job(0, 10);
    seen.operators = vec![operator("read", 1000.0, 180_000.0, Some(200.0))];
    seen
}

fn held(change: impl Fn(&mut JobObservation)) -> String {
    let hold_of = |mut seen: JobObservation| {
        change(&mut seen);
        hold(&decide(plan(), &seen)).to_string()
    };
    let (up, down) = (hold_of(up()), hold_of(down()));
    assert_eq!(up, down, "both ways are held for the same reason");
    up
}

#[test]
fn without_a_change_both_move() {
    assert_eq!(decide(plan(), &up()), scale(10, 42));
    assert_eq!(decide(plan(), &down()), scale(10, 5));
}

#[test]
fn each_hold_says_what_is_wrong() {
    let seconds = Duration::from_secs;
    for (expected, change) in [
        (
            "unsafe to rescale: Impulse fires again",
            (|seen| seen.unsafe_reason = Some("Impulse fires again".into())) as fn(&mut JobObservation),
        ),
        ("policy other decides about this job too", |seen| seen.conflict = Some("policy other".into())),
        ("paused by its owner", |seen| seen.wishes.pause = Some(Pause::Both)),
        ("paused by its owner until 2030-01-01T00:00:00.000Z", |seen| {
            seen.wishes.pause_until = Some(Timestamp::parse("2030-01-01T00:00:00Z").unwrap());
        }),
        ("no worker runs", |seen| seen.running = Reading::Fresh(0.0)),
        ("no worker runs", |seen| seen.running = Reading::Missing),
        ("running is not a finite number", |seen| seen.running = Reading::NotFinite),
        ("running is not known, as its query failed", |seen| seen.running = Reading::QueryFailed),
        ("wished is not known, as its query failed", |seen| seen.wished = Reading::QueryFailed),
        ("runningFor is missing", |seen| seen.running_for = Reading::Missing),
        ("coverage is missing", |seen| seen.coverage = Reading::Missing),
        ("age is missing", |seen| seen.age = Reading::Missing),
        ("running is 1m 1s old", |seen| seen.age = Reading::Fresh(61.0)),
        ("cpu is missing", |seen| seen.cpu = Reading::Missing),
        ("cpu is 1m 30s old", |seen| seen.cpu = Reading::Stale { age: Duration::from_secs(90) }),
        ("throughput of `read` is missing", |seen| seen.operators[0].throughput = Reading::Missing),
        ("backlog of `read` is not a finite number", |seen| {
            seen.operators[0].backlog = Some(Reading::NotFinite);
        }),
        ("growth of `read` is missing", |seen| seen.operators[0].growth = Some(Reading::Missing)),
        ("backlog is missing", |seen| seen.operators[0].backlog = None),
        ("backlog is missing", |seen| seen.operators.clear()),
        ("more workers report than are registered (200 %): some start or end, or series are there twice", |seen| {
            seen.coverage = Reading::Fresh(2.0);
        }),
        ("only 0 % of the registered workers report", |seen| seen.coverage = Reading::Fresh(0.0)),
        ("rescaling: 10 of 12 workers run", |seen| seen.wished = Reading::Fresh(12.0)),
        ("warming up for another 1s", |seen| seen.running_for = Reading::Fresh(149.0)),
        ("`read` has a backlog and processes nothing", |seen| {
            seen.operators = vec![operator("read", 0.0, 10.0, Some(0.0))];
        }),
    ] {
        assert_eq!(held(change), expected);
    }
    let warm = |running_for| {
        let mut seen = up();
        seen.running_for = Reading::Fresh(running_for);
        decide(plan(), &seen)
    };
    assert_eq!(warm(150.0), scale(10, 42));
    assert_eq!(*hold(&warm(0.0)), Hold::WarmingUp { remaining: seconds(150) });
}

#[test]
fn at_the_limit_of_staleness_a_reading_is_fresh() {
    let mut seen = up();
    seen.age = Reading::Fresh(60.0);
    assert_eq!(decide(plan(), &seen), scale(10, 42));
}

#[test]
fn signals_that_nobody_asked_for_may_be_missing_but_not_broken() {
    let mut plan = plan();
    plan.signals = [Signal::Throughput, Signal::Backlog, Signal::Running].into_iter().collect();
    plan.warm_up = Duration::ZERO;
    let mut seen = up();
    (seen.cpu, seen.coverage, seen.age) = (Reading::Missing, Reading::Missing, Reading::Missing);
    (seen.running_for, seen.wished) = (Reading::Missing, Reading::Missing);
    assert_eq!(decide(plan.clone(), &seen), scale(10, 42));
    seen.operators = vec![operator("read", 1000.0, 0.0, Some(0.0))];
    assert_eq!(decide(plan.clone(), &seen), Action::Hold(Hold::WithinBand), "without cpu nothing goes down");
    seen.cpu = Reading::NotFinite;
    assert!(matches!(hold(&decide(plan, &seen)), Hold::MissingSignal { signal: Signal::Cpu, .. }));
}

#[test]
fn a_failed_or_partial_query_holds_the_class() {
    for (signal, expected) in [
        (Signal::Throughput, "throughput is not known, as its query failed"),
        (Signal::Backlog, "backlog is not known, as its query failed"),
        (Signal::Unsafe, "unsafe is not known, as its query failed"),
    ] {
        let mut class = ClassObservation::default();
        class.failed.insert(signal);
        let seen = Observations { classes: vec![class], jobs: vec![up()] };
        let decision = World::new(plan()).tick_seen(&seen).remove(0);
        assert_eq!(hold(&decision.action).to_string(), expected);
    }
    let mut class = ClassObservation::default();
    class.partial.insert(Signal::Cpu);
    let seen = Observations {
        classes: vec![class],
        jobs: vec![up(), {
            let mut j = down();
            j.index = JobIndex(1);
            j
        }],
    };
    for decision in World::new(plan()).tick_seen(&seen) {
        assert_eq!(hold(&decision.action).to_string(), "Prometheus answered with warnings to the query of cpu");
    }
}

/// Everything is wrong at once; each is mended in turn, and the next in the order shows.
#[test]
fn of_several_holds_the_first_of_the_order_is_reported() {
    let mut world = World::new(plan());
    let mut seen = up();
    seen.operators.push(operator("write", 100.0, 0.0, Some(0.0)));
    world.tick(std::slice::from_ref(&seen));

    seen.operators.pop();
    seen.unsafe_reason = Some("x".into());
    seen.conflict = Some("y".into());
    seen.wishes.pause = Some(Pause::Both);
    seen.running = Reading::Fresh(0.0);
    seen.cpu = Reading::Missing;
    seen.wished = Reading::Fresh(12.0);
    let mut reasons = Vec::new();
    let mut next = |seen: &JobObservation| {
        let action = world.action(seen);
        let hold = hold(&action);
        reasons.push((hold.name(), hold.rank()));
    };
    next(&seen);
    seen.unsafe_reason = None;
    next(&seen);
    seen.conflict = None;
    next(&seen);
    seen.wishes.pause = None;
    next(&seen);
    seen.running = Reading::Fresh(10.0);
    next(&seen);
    seen.cpu = Reading::Fresh(0.35);
    next(&seen);
    seen.operators.push(operator("write", 0.0, 50.0, Some(0.0)));
    next(&seen);
    seen.wished = Reading::Fresh(10.0);
    seen.running_for = Reading::Fresh(20.0);
    next(&seen);
    seen.running_for = Reading::Fresh(200.0);
    next(&seen);
    seen.operators[1] = operator("write", 100.0, 0.0, Some(0.0));
    seen.operators[0] = operator("read", 1000.0, 0.0, Some(0.0));
    seen.cpu = Reading::Fresh(0.8);
    next(&seen);
    let names: Vec<_> = reasons.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        [
            "unsafeTarget",
            "conflict",
            "paused",
            "notRunning",
            "missingSignal",
            "partialData",
            "rescaling",
            "warmingUp",
            "stalled",
            "withinBand"
        ]
    );
    assert!(reasons.is_sorted_by_key(|(_, rank)| *rank));
}

#[test]
fn a_pause_may_be_one_way_and_may_end() {
    let paused = |pause, until: Option<&str>, seen: JobObservation| {
        let mut seen = seen;
        seen.wishes.pause = pause;
        seen.wishes.pause_until = until.map(|until| Timestamp::parse(until).unwrap());
        decide(plan(), &seen)
    };
    let (past, future) = (Some("2020-01-01T00:00:00Z"), Some("2030-01-01T00:00:00Z"));
    assert_eq!(paused(Some(Pause::Up), None, down()), scale(10, 5));
    assert_eq!(paused(Some(Pause::Down), None, up()), scale(10, 42));
    assert_eq!(hold(&paused(Some(Pause::Up), None, up())).name(), "paused");
    assert_eq!(hold(&paused(Some(Pause::Down), future, down())).name(), "paused");
    assert_eq!(paused(Some(Pause::Both), past, up()), scale(10, 42));
    assert_eq!(paused(None, past, up()), scale(10, 42));
    assert_eq!(hold(&paused(None, future, up())).name(), "paused");
}

#[test]
fn what_bars_the_way_is_reported_before_what_cuts_the_step() {
    type Change = fn(&mut Plan, &mut JobObservation);
    let rows: [(&str, JobObservation, Change, &str); 6] = [
        (
            "paused up, at the most",
            up(),
            |plan, seen| {
                plan.limits.max_workers = 10;
                seen.wishes.pause = Some(Pause::Up);
            },
            "paused",
        ),
        (
            "paused up, at a cap",
            up(),
            |_, seen| {
                seen.partitions = Reading::Fresh(10.0);
                seen.wishes.pause = Some(Pause::Up);
            },
            "paused",
        ),
        (
            "paused down, at the least",
            down(),
            |plan, seen| {
                plan.limits.min_workers = 10;
                seen.wishes.pause = Some(Pause::Down);
            },
            "paused",
        ),
        (
            "not whole, at the least",
            down(),
            |plan, seen| {
                plan.limits.min_workers = 10;
                seen.coverage = Reading::Fresh(0.5);
            },
            "partialData",
        ),
        (
            "not whole, and a down window",
            down(),
            |plan, seen| {
                plan.scale_down.window = Duration::from_secs(600);
                seen.coverage = Reading::Fresh(0.5);
            },
            "partialData",
        ),
        (
            "brought back by the least, paused up",
            down(),
            |plan, seen| {
                plan.limits.min_workers = 12;
                seen.wishes.pause = Some(Pause::Up);
            },
            "paused",
        ),
    ];
    for (name, mut seen, change, expected) in rows {
        let mut plan = plan();
        change(&mut plan, &mut seen);
        assert_eq!(hold(&decide(plan, &seen)).name(), expected, "{name}");
    }
}

#[test]
fn a_cap_in_doubt_stops_increases_only() {
    let with = |seen: JobObservation, state, constant| {
        let mut plan = plan();
        plan.limits.partitions = constant;
        decide(plan, &JobObservation { partitions: state, ..seen })
    };
    for state in [Reading::NotFinite, Reading::QueryFailed, Reading::Stale { age: Duration::from_secs(90) }] {
        let held = with(up(), state, None);
        assert!(matches!(hold(&held), Hold::MissingSignal { signal: Signal::Partitions, .. }), "{held}");
        assert_eq!(with(up(), state, Some(20)), scale(10, 20), "the constant stands in");
        assert_eq!(with(down(), state, None), scale(10, 5));
    }
    assert_eq!(with(up(), Reading::Missing, None), scale(10, 42));
}

#[test]
fn shares_of_workers_are_not_off_by_one() {
    let of_hundred = |change: fn(&mut Plan), cpu: f64| {
        let mut plan = plan();
        change(&mut plan);
        let mut seen = job(0, 100);
        seen.cpu = Reading::Fresh(cpu);
        decide(plan, &seen)
    };
    assert_eq!(of_hundred(|plan| plan.limits.max_step_up = Some(0.29), 1.4), scale(100, 129));
    assert_eq!(of_hundred(|plan| plan.limits.max_step_down = Some(0.57), 0.1), scale(100, 43));
    assert_eq!(of_hundred(|plan| plan.tolerance = 0.29, 0.903), Action::Hold(Hold::WithinBand));
    assert_eq!(of_hundred(|plan| plan.tolerance = 0.28, 0.903), scale(100, 129));
}

#[test]
fn the_mode_carries_out_both_ups_only_or_nothing() {
    let with = |mode, seen: JobObservation| {
        let mut plan = plan();
        plan.mode = mode;
        decide(plan, &seen)
    };
    let observing = |to| Action::Hold(Hold::Observing { from: Workers(10), to: Workers(to) });
    assert_eq!(with(Mode::Observe, up()), observing(42));
    assert_eq!(with(Mode::Observe, down()), observing(5));
    assert_eq!(with(Mode::Up, up()), scale(10, 42));
    assert_eq!(with(Mode::Up, down()), observing(5));
    assert_eq!(with(Mode::Act, down()), scale(10, 5));
}

#[test]
fn limits_bind_on_both_sides_and_are_named() {
    type Change = fn(&mut Plan, &mut JobObservation);
    let rows: [(&str, JobObservation, Change, &str); 19] = [
        ("max above the wish", up(), |plan, _| plan.limits.max_workers = 43, "scale 10 -> 42"),
        ("max below the wish", up(), |plan, _| plan.limits.max_workers = 41, "scale 10 -> 41"),
        ("max is what runs", up(), |plan, _| plan.limits.max_workers = 10, "hold: at the most that maxWorkers allows"),
        ("more run than may", up(), |plan, _| plan.limits.max_workers = 8, "scale 10 -> 8"),
        (
            "the owner's max",
            up(),
            |_, seen| seen.wishes.max = Some(Workers(10)),
            "hold: at the most that the owner's maximum allows",
        ),
        (
            "the owner cannot widen",
            up(),
            |plan, seen| {
                plan.limits.max_workers = 20;
                seen.wishes.max = Some(Workers(30));
            },
            "scale 10 -> 20",
        ),
        ("min below the wish", down(), |plan, _| plan.limits.min_workers = 4, "scale 10 -> 5"),
        ("min above the wish", down(), |plan, _| plan.limits.min_workers = 6, "scale 10 -> 6"),
        ("min is what runs", down(), |plan, _| plan.limits.min_workers = 10, "hold: at minWorkers"),
        ("fewer run than must", down(), |plan, _| plan.limits.min_workers = 12, "scale 10 -> 12"),
        ("the owner's min", down(), |_, seen| seen.wishes.min = Some(Workers(7)), "scale 10 -> 7"),
        (
            "max parallelism by slots",
            up(),
            |plan, seen| {
                plan.limits.slots_per_worker = 4;
                seen.max_parallelism = Reading::Fresh(90.0);
            },
            "scale 10 -> 23",
        ),
        (
            "partitions are tighter",
            up(),
            |_, seen| {
                seen.max_parallelism = Reading::Fresh(90.0);
                seen.partitions = Reading::Fresh(12.0);
            },
            "scale 10 -> 12",
        ),
        (
            "a reading never forces down",
            up(),
            |_, seen| seen.partitions = Reading::Fresh(8.0),
            "hold: at the most that partitions allows",
        ),
        ("a constant where nothing is read", up(), |plan, _| plan.limits.max_parallelism = Some(16), "scale 10 -> 16"),
        ("the largest step up", up(), |plan, _| plan.limits.max_step_up = Some(1.0), "scale 10 -> 20"),
        ("the largest step down", down(), |plan, _| plan.limits.max_step_down = Some(0.3), "scale 10 -> 7"),
        ("tolerance at the change", down(), |plan, _| plan.tolerance = 0.5, "hold: within the band"),
        ("tolerance below the change", down(), |plan, _| plan.tolerance = 0.49, "scale 10 -> 5"),
    ];
    for (name, mut seen, change, expected) in rows {
        let mut plan = plan();
        change(&mut plan, &mut seen);
        assert_eq!(decide(plan, &seen).to_string(), expected, "{name}");
    }
}

#[test]
fn the_owner_may_fix_the_count_within_the_limits() {
    let fixed = |count, seen: JobObservation| {
        let mut seen = seen;
        seen.wishes.fixed = Some(Workers(count));
        let mut plan = plan();
        plan.limits.max_workers = 30;
        plan.tolerance = 0.5;
        decide(plan, &seen)
    };
    assert_eq!(fixed(12, down()), scale(10, 12));
    assert_eq!(fixed(3, up()), scale(10, 3));
    assert_eq!(fixed(99, up()), scale(10, 30));
    assert_eq!(fixed(10, up()), Action::Hold(Hold::WithinBand));
}
