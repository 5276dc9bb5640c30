//! What takes more than one tick: restarts, rescales, windows, rows that come and go.

use std::time::Duration;

use super::world::*;
use crate::engine::*;

fn hungry(workers: u32) -> JobObservation {
    let mut seen = job(0, workers);
    seen.operators = vec![operator("read", 1000.0, 180_000.0, Some(200.0))];
    seen
}

#[test]
fn a_rescale_is_waited_for_then_caps_the_job_then_is_forgotten() {
    let mut world = World::new(plan());
    let mut seen = hungry(10);
    assert_eq!(world.action(&seen), scale(10, 42));
    seen.wished = Reading::Fresh(42.0);
    seen.running = Reading::Fresh(12.0);
    let first = world.now.plus(TICK);
    let mut last = world.action(&seen);
    while world.now.since(first) < Duration::from_secs(600) {
        assert_eq!(hold(&last).name(), "rescaling", "{:?}", world.now.since(first));
        last = world.action(&seen);
    }
    let timed_out = world.now;
    while world.now.since(timed_out) < Duration::from_secs(1800) {
        assert_eq!(last, Action::Hold(Hold::RescaleIncomplete { wished: Workers(42), running: Workers(12) }));
        last = world.action(&seen);
    }
    // 12 · (1.2 + 3) = 50.4 is above the wish of 42 and may be asked for again; 42 itself may not.
    assert_eq!(last, scale(12, 51));
    seen.operators = vec![operator("read", 1000.0, 150_000.0, Some(0.0))];
    assert_eq!(hold(&world.action(&seen)).name(), "rescaleIncomplete", "42 is not above what is wished");
    seen.operators = vec![operator("read", 1000.0, 0.0, Some(0.0))];
    seen.cpu = Reading::Fresh(0.35);
    assert_eq!(world.action(&seen), scale(12, 6), "the way down is open");
    seen.running = Reading::Fresh(42.0);
    assert_eq!(world.action(&seen), scale(42, 21), "reached after all");
}

#[test]
fn a_new_wish_starts_the_clock_anew() {
    let mut world = World::new(plan());
    let mut seen = hungry(10);
    seen.wished = Reading::Fresh(12.0);
    for _ in 0..39 {
        assert_eq!(hold(&world.action(&seen)).name(), "rescaling");
    }
    seen.wished = Reading::Fresh(14.0);
    for _ in 0..40 {
        assert_eq!(hold(&world.action(&seen)).name(), "rescaling");
    }
    assert_eq!(hold(&world.action(&seen)).name(), "rescaleIncomplete");
}

/// Restarts the job and lets it warm up; `after` sees it at each of the ticks in between.
fn restart(world: &mut World, seen: &mut JobObservation, after: impl Fn(usize, &mut JobObservation)) -> &'static str {
    for tick in 0..12 {
        seen.running_for = Reading::Fresh(1.0 + 15.0 * tick as f64);
        after(tick, seen);
        world.tick(std::slice::from_ref(seen));
    }
    seen.running_for = Reading::Fresh(500.0);
    hold_name(&world.action(seen))
}

#[test]
fn three_crashes_in_half_an_hour_hold() {
    let mut world = World::new(plan());
    let mut seen = hungry(10);
    world.tick(std::slice::from_ref(&seen));
    assert_eq!(restart(&mut world, &mut seen, |_, _| {}), "scale");
    assert_eq!(restart(&mut world, &mut seen, |_, _| {}), "scale");
    assert_eq!(restart(&mut world, &mut seen, |_, _| {}), "unstable");
    for _ in 0..90 {
        world.tick(std::slice::from_ref(&seen));
    }
    assert_eq!(hold_name(&world.action(&seen)), "scale", "the first is more than half an hour ago");
}

#[test]
fn a_restart_in_a_gap_is_seen_by_the_later_start() {
    let mut world = World::new(plan());
    let mut seen = hungry(10);
    // Three times: up for two minutes, out of sight for 75 s, and back with a longer time than before.
    for up in [200.0, 260.0, 320.0, 380.0] {
        for tick in 0..4 {
            seen.running_for = Reading::Fresh(up - 45.0 + 15.0 * f64::from(tick));
            world.tick(std::slice::from_ref(&seen));
        }
        let gone = JobObservation { running: Reading::Missing, running_for: Reading::Missing, ..seen.clone() };
        for _ in 0..9 {
            world.tick(std::slice::from_ref(&gone));
        }
    }
    seen.running_for = Reading::Fresh(500.0);
    assert_eq!(hold_name(&world.action(&seen)), "unstable");
}

#[test]
fn an_incomplete_rescale_is_reported_before_what_follows_it_in_the_order() {
    let mut world = World::new(plan());
    let mut seen = hungry(10);
    seen.wished = Reading::Fresh(12.0);
    for _ in 0..42 {
        world.tick(std::slice::from_ref(&seen));
    }
    seen.running_for = Reading::Fresh(20.0);
    assert_eq!(hold_name(&world.action(&seen)), "rescaleIncomplete");
}

/// Takes the job through a restart of 3 minutes that begins now; the width that it leads to shows so many ticks later.
fn restart_to(world: &mut World, seen: &mut JobObservation, width: f64, ticks_later: u32) {
    for tick in 0..12 {
        seen.running_for = Reading::Fresh(1.0 + 15.0 * f64::from(tick));
        if tick == ticks_later {
            seen.running = Reading::Fresh(width);
        }
        world.tick(std::slice::from_ref(seen));
    }
    seen.running_for = Reading::Fresh(500.0);
}

#[test]
fn a_width_that_shows_after_the_restart_explains_it() {
    // (what, width before and after, ticks until it shows, what the third such restart leads to)
    let rows = [
        ("wider at once", 10.0, 1.0, 0, "scale"),
        ("wider, a minute later", 10.0, 1.0, 4, "scale"),
        ("wider, but later than that", 10.0, 1.0, 5, "unstable"),
        ("as wide", 10.0, 0.0, 0, "unstable"),
        ("narrower", 10.0, -1.0, 1, "unstable"),
    ];
    for (what, mut width, by, ticks_later, third) in rows {
        let mut world = World::new(plan());
        let mut seen = hungry(10);
        seen.wished = Reading::Missing;
        world.tick(std::slice::from_ref(&seen));
        for _ in 0..3 {
            width += by;
            restart_to(&mut world, &mut seen, width, ticks_later);
        }
        assert_eq!(hold_name(&world.action(&seen)), third, "{what}");
    }
}

#[test]
fn a_worker_that_crashed_and_came_back_is_no_explanation() {
    let mut world = World::new(plan());
    let mut seen = hungry(10);
    seen.wished = Reading::Missing;
    world.tick(std::slice::from_ref(&seen));
    for _ in 0..3 {
        restart_to(&mut world, &mut seen, 9.0, 0);
        restart_to(&mut world, &mut seen, 10.0, 0);
    }
    assert_eq!(hold_name(&world.action(&seen)), "unstable");
}

#[test]
fn a_restart_while_an_ordered_rescale_is_under_way_is_no_crash() {
    let mut world = World::new(plan());
    let mut seen = hungry(10);
    world.tick(std::slice::from_ref(&seen));
    for wish in [8.0, 6.0, 4.0] {
        seen.wished = Reading::Fresh(wish);
        // The pods are going: the order is seen three ticks before the job stops.
        for _ in 0..3 {
            assert_eq!(hold_name(&world.action(&seen)), "rescaling");
        }
        restart_to(&mut world, &mut seen, wish, 1);
    }
    assert_eq!(hold_name(&world.action(&seen)), "scale");
}

fn hold_name(action: &Action) -> &'static str {
    if let Action::Hold(hold) = action { hold.name() } else { "scale" }
}

#[test]
fn without_running_for_a_change_of_width_is_a_restart_and_a_new_job_has_just_started() {
    let mut plan = plan();
    plan.signals = [Signal::Throughput, Signal::Backlog, Signal::Running].into_iter().collect();
    let mut world = World::new(plan);
    let mut seen = hungry(10);
    seen.running_for = Reading::Missing;
    for _ in 0..10 {
        assert_eq!(hold_name(&world.action(&seen)), "warmingUp");
    }
    assert_eq!(hold_name(&world.action(&seen)), "scale");
    (seen.running, seen.wished) = (Reading::Fresh(42.0), Reading::Fresh(42.0));
    for _ in 0..10 {
        assert_eq!(hold_name(&world.action(&seen)), "warmingUp");
    }
    assert_eq!(hold_name(&world.action(&seen)), "scale");
}

#[test]
fn a_row_that_this_generation_lost_holds_and_an_older_generations_does_not() {
    let mut world = World::new(plan());
    let mut seen = hungry(10);
    seen.operators.push(operator("write", 1.0, 0.0, Some(0.0)));
    assert_eq!(hold_name(&world.action(&seen)), "scale");
    seen.operators.pop();
    for _ in 0..3 {
        assert_eq!(
            hold(&world.action(&seen)).to_string(),
            "the backlog of `write` is gone although the job did not restart"
        );
    }
    // The job is restarted without that operator and warmed up again.
    seen.running_for = Reading::Fresh(10.0);
    assert_eq!(hold_name(&world.action(&seen)), "warmingUp");
    seen.running_for = Reading::Fresh(155.0);
    for _ in 0..10 {
        world.now = world.now.plus(TICK);
    }
    assert_eq!(hold_name(&world.action(&seen)), "scale");
}

#[test]
fn growth_before_the_last_restart_says_nothing() {
    let mut world = World::new(plan());
    let mut seen = hungry(10);
    let grown = |backlog: f64| vec![operator("read", 1000.0, backlog, None)];
    for tick in 0..20 {
        seen.operators = grown(200_000.0 + 15_000.0 * f64::from(tick));
        world.tick(std::slice::from_ref(&seen));
    }
    seen.running_for = Reading::Fresh(5.0);
    world.tick(std::slice::from_ref(&seen));
    // 150 s later the rates are clean, but a daemon that slept has too few points since the restart.
    seen.running_for = Reading::Fresh(160.0);
    world.now = world.now.plus(Duration::from_secs(140));
    assert_eq!(hold_name(&world.action(&seen)), "warmingUp");
}

#[test]
fn growth_across_an_outage_says_nothing() {
    let mut world = World::new(plan());
    let mut seen = hungry(10);
    let mut after = |outage: u64| {
        for tick in 0..20 {
            seen.operators = vec![operator("read", 1000.0, 200_000.0 + 15_000.0 * f64::from(tick), None)];
            world.tick(std::slice::from_ref(&seen));
        }
        world.now = world.now.plus(Duration::from_secs(outage)).minus(TICK);
        hold_name(&world.action(&seen))
    };
    assert_eq!(after(120), "scale", "as long as the window");
    assert_eq!(after(121), "warmingUp");
}

#[test]
fn an_outage_does_not_empty_the_down_window() {
    let mut slow = plan();
    slow.scale_down.window = Duration::from_secs(60);
    let mut world = World::new(slow);
    let seen = job(0, 10);
    for _ in 0..6 {
        assert_eq!(hold_name(&world.action(&seen)), "withinBand");
    }
    let gone = JobObservation { running: Reading::Missing, operators: Vec::new(), ..seen.clone() };
    for _ in 0..10 {
        assert_eq!(hold_name(&world.action(&gone)), "notRunning");
    }
    let low = JobObservation { cpu: Reading::Fresh(0.35), ..seen };
    for _ in 0..4 {
        assert_eq!(hold_name(&world.action(&low)), "stabilizing");
    }
    assert_eq!(world.action(&low), scale(10, 5));
}

#[test]
fn a_decrease_goes_to_the_largest_wish_of_the_window() {
    let mut slow = plan();
    slow.scale_down.window = Duration::from_secs(60);
    let mut world = World::new(slow);
    let mut seen = job(0, 10);
    let mut at_cpu = |cpu: f64| {
        seen.cpu = Reading::Fresh(cpu);
        world.action(&seen)
    };
    for _ in 0..4 {
        assert_eq!(hold_name(&at_cpu(0.35)), "stabilizing", "the window has not been watched whole");
    }
    assert_eq!(at_cpu(0.35), scale(10, 5));
    assert_eq!(at_cpu(0.49), scale(10, 7));
    for _ in 0..4 {
        assert_eq!(at_cpu(0.35), scale(10, 7), "7 is in the window");
    }
    assert_eq!(at_cpu(0.35), scale(10, 5));
    assert_eq!(hold_name(&at_cpu(0.8)), "withinBand");
    assert_eq!(hold_name(&at_cpu(0.35)), "stabilizing");
}

#[test]
fn a_job_that_leaves_is_forgotten_and_its_index_starts_afresh() {
    let mut world = World::new(plan());
    let mut seen = hungry(10);
    seen.operators = vec![operator("read", 1000.0, 180_000.0, None)];
    for _ in 0..5 {
        world.tick(std::slice::from_ref(&seen));
    }
    assert_eq!(hold_name(&world.action(&seen)), "scale");
    world.tick(&[]);
    assert_eq!(hold_name(&world.action(&seen)), "warmingUp", "growth has to be measured anew");
}
