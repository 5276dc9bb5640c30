//! The preset `balanced`: both sides of its limits, each part alone, over a few ticks.

use std::sync::Arc;
use std::time::Duration;

use super::world::*;
use crate::engine::*;

/// Everything on, with the preset's values; one minute of warm-up.
pub(super) fn balanced() -> Plan {
    let seconds = Duration::from_secs;
    let seed = plan();
    Plan {
        preset: Preset::Balanced,
        signals: seed.signals.with(Signal::Busy),
        scale_up: ScaleUp {
            drain_target: seconds(300),
            load_above: Some(1.08),
            headroom: 0.25,
            headroom_per_minute: 0.4,
            ..seed.scale_up
        },
        scale_down: ScaleDown { cpu_target: 0.8, headroom: 0.13, window: seconds(60), ..seed.scale_down },
        parts: Parts::ON,
        tolerance: 0.1,
        warm_up: seconds(90),
        limits: Limits { max_step_down: Some(0.5), max_workers: 100, ..seed.limits },
        ..seed
    }
}

/// `workers` that process `throughput` and could process `throughput / busy`; the input is as much as `growth` more.
pub(super) fn loaded(workers: u32, throughput: f64, busy: f64, backlog: f64, growth: f64) -> JobObservation {
    let mut seen = job(0, workers);
    seen.busy = Reading::Fresh(busy);
    seen.operators = vec![operator("read", throughput, backlog, Some(growth))];
    seen
}

fn ticks(world: &mut World, seen: &JobObservation, ticks: usize) -> Action {
    (0..ticks).map(|_| world.action(seen)).last().expect("at least one tick")
}

fn name(action: &Action) -> &'static str {
    if let Action::Hold(hold) = action { hold.name() } else { "scale" }
}

/// A job that has run for ten minutes with a load of 0.8: 10 workers, 1000/s of 1250/s.
fn settled(plan: Plan) -> World {
    let mut world = World::new(plan);
    let action = ticks(&mut world, &loaded(10, 1000.0, 0.8, 0.0, 0.0), 40);
    assert_eq!(name(&action), "withinBand");
    world
}

#[test]
fn up_above_the_load_limit_at_two_ticks_in_a_row() {
    // 25 % + 0.4 · D/60 s of room at D 30 s: 1.45 of the input over 125/s a worker to the power of 0.8.
    for (name, input, wanted) in [("at 1.08", 1349.0, None), ("above 1.08", 1351.0, Some(18))] {
        let mut world = settled(balanced());
        // What the workers process is at its limit; the level is that of the newest five minutes, or of a step.
        let seen = loaded(10, 1250.0, 1.0, 1200.0, input - 1250.0);
        let actions: Vec<Action> = (0..24).map(|_| world.action(&seen)).collect();
        let ups: Vec<usize> = (0..24).filter(|tick| matches!(actions[*tick], Action::Scale { .. })).collect();
        match wanted {
            None => assert!(ups.is_empty(), "{name}: {actions:?}"),
            Some(to) => {
                let first = ups[0];
                let to_what = &actions[first];
                assert!(first >= 1, "{name}: not at the first tick");
                assert!(
                    matches!(to_what, Action::Scale { to: Workers(count), .. } if count.abs_diff(to) <= 1),
                    "{to_what}"
                );
            }
        }
    }
}

#[test]
fn a_young_level_has_to_be_further_above() {
    // A fresh process knows the capacity from the first tick on, and has a level of two minutes.
    for (input, wanted) in [(1.17 * 1250.0, "withinBand"), (1.19 * 1250.0, "scale")] {
        let mut world = World::new(balanced());
        let action = ticks(&mut world, &loaded(10, 1250.0, 1.0, 1200.0, input - 1250.0), 12);
        assert_eq!(name(&action), wanted, "{input}");
    }
}

#[test]
fn a_backlog_that_cannot_be_worked_off_opens_the_gate_below_the_load_limit() {
    for (input, backlog, wanted) in [
        (1.02 * 1250.0, 10.1 * 1250.0, "scale"),
        (1.02 * 1250.0, 9.9 * 1250.0, "withinBand"),
        (0.98 * 1250.0, 10.1 * 1250.0, "withinBand"),
    ] {
        let mut world = settled(balanced());
        let action = ticks(&mut world, &loaded(10, 1250.0, 1.0, backlog, input - 1250.0), 24);
        assert_eq!(name(&action), wanted, "{input} {backlog}");
    }
}

#[test]
fn metrics_that_come_late_take_more_room() {
    // 1.25 + 0.4 · (30 s + E) / 60 s of 1400/s, where metrics are E later than a scrape of 15 s.
    for (age, wanted, told) in [(15.0, 19, false), (105.0, 29, true)] {
        let mut world = settled(Plan { stale_after: Duration::from_secs(180), ..balanced() });
        let seen = JobObservation { age: Reading::Fresh(age), ..loaded(10, 1250.0, 1.0, 1200.0, 150.0) };
        let decision = (0..24)
            .map(|_| world.tick(std::slice::from_ref(&seen)).remove(0))
            .find(|decision| decision.action != Action::Hold(Hold::WithinBand))
            .unwrap();
        assert_eq!(decision.action, scale(10, wanted), "{age}");
        let unseen = "what came in for 1m 30s is not seen yet";
        assert_eq!(decision.because.iter().any(|step| step.to_string().ends_with(unseen)), told, "{decision:?}");
    }
}

#[test]
fn a_fresh_process_counts_the_job_as_rescaled_a_moment_ago() {
    let mut world = World::new(balanced());
    let seen = loaded(10, 1250.0, 1.0, 1200.0, 500.0);
    for tick in 1..=30 {
        let action = world.action(&seen);
        if tick == 1 {
            assert_eq!(name(&action), "withinBand", "the first of two ticks");
        } else if tick <= 10 {
            assert_eq!(name(&action), "recovering", "{tick}");
        } else {
            assert_eq!(name(&action), "scale", "{tick}");
        }
    }
}

#[test]
fn down_when_staying_has_cost_as_much_as_the_restart() {
    // 10 workers could process 2000/s: with 13 % of room 1130/s need 5. Staying costs 5 a second; the restart
    // 10 · (30 + 5 + 120) = 1550, and its lag of 40 s is below the objective: 310 s. The window of 60 s is whole before.
    let mut world = World::new(balanced());
    let seen = loaded(10, 1000.0, 0.5, 0.0, 0.0);
    let (mut held, mut down) = (Vec::new(), None);
    for tick in 1..60 {
        match world.action(&seen) {
            Action::Hold(hold) => held.push(hold.name()),
            action => {
                down = Some((tick, action));
                break;
            }
        }
    }
    let (tick, action) = down.expect("it goes down");
    assert_eq!(action, scale(10, 5));
    // The first tick is second 0 and collects nothing: 1575 worker-seconds at the 22nd, 315 s later.
    assert_eq!(tick, 22);
    let (window, regret) = held.split_at(4);
    assert!(window.iter().all(|hold| *hold == "stabilizing"), "{held:?}");
    assert!(regret.iter().all(|hold| *hold == "notWorthRestart"), "{held:?}");

    // Where a restart costs more, regret holds for longer.
    let mut dear = balanced();
    dear.prices.restart = Duration::from_secs(300);
    let mut world = World::new(dear);
    let actions: Vec<Action> = (0..60).map(|_| world.action(&seen)).collect();
    let first = actions.iter().position(|action| matches!(action, Action::Scale { .. })).expect("it goes down");
    // 3350 worker-seconds at 5 a second: 670 s, the 46th tick.
    assert_eq!(first, 45);
    assert!(matches!(
        hold(&actions[44]),
        Hold::NotWorthRestart { to: Workers(5), collected, price } if (*collected - 3300.0).abs() < 1e-6 && (*price - 3350.0).abs() < 1e-6
    ));

    // Without the part the window alone decides.
    let mut off = balanced();
    off.prices.restart = Duration::from_secs(300);
    off.parts.regret = false;
    let mut world = World::new(off);
    assert_eq!(ticks(&mut world, &seen, 5), scale(10, 5));
}

#[test]
fn a_moment_of_need_takes_the_regret_back() {
    let mut dear = balanced();
    dear.prices.restart = Duration::from_secs(300);
    let mut world = World::new(dear);
    let low = loaded(10, 1000.0, 0.5, 0.0, 0.0);
    ticks(&mut world, &low, 40);
    // Two minutes at 1800/s: all are needed.
    ticks(&mut world, &loaded(10, 1800.0, 0.9, 0.0, 0.0), 8);
    let learned = world.memories.learned(JobIndex(0)).unwrap();
    assert_eq!(learned.regret, Some(0.0));
    // Else it would long be paid: 3350 at 5 a second take 11 minutes, and 10 were collected before.
    assert_eq!(name(&ticks(&mut world, &low, 40)), "notWorthRestart");
}

#[test]
fn a_decrease_waits_for_the_backlog() {
    let mut world = World::new(balanced());
    ticks(&mut world, &loaded(10, 1000.0, 0.5, 0.0, 0.0), 21);
    assert_eq!(name(&world.action(&loaded(10, 1000.0, 0.5, 10_100.0, 0.0))), "draining");
    assert_eq!(name(&world.action(&loaded(10, 1000.0, 0.5, 9_900.0, 0.0))), "scale");
}

#[test]
fn a_late_job_goes_to_the_count_that_costs_least() {
    let late = loaded(10, 1250.0, 1.0, 400_000.0, -250.0);
    let mut world = settled(balanced());
    let action = ticks(&mut world, &late, 3);
    let Action::Scale { to, .. } = action else { panic!("{action}") };
    // 1000/s come in and 1250/s are processed: 400 s of backlog would take another 27 minutes.
    assert!(to > Workers(20), "{to}");

    let mut off = balanced();
    off.parts.catch_up = false;
    let mut world = settled(off);
    // Nothing is above capacity: without the part the backlog is left to what is to spare, and 9 would carry the input.
    assert_eq!(name(&ticks(&mut world, &late, 3)), "draining");
}

#[test]
fn a_backlog_that_drains_soon_is_left_alone() {
    // 100 s of backlog at five times the capacity that is needed: gone in 25 s.
    let late = loaded(40, 5000.0, 1.0, 100_000.0, -4000.0);
    let quick = |plan: Plan| {
        let mut world = World::new(plan);
        ticks(&mut world, &loaded(40, 1000.0, 0.2, 0.0, 0.0), 15);
        ticks(&mut world, &late, 2)
    };
    let action = quick(balanced());
    assert_eq!(name(&action), "draining", "{action}");
    let Action::Hold(Hold::Draining { backlog_time, .. }) = action else { panic!() };
    assert!((backlog_time - 20.0).abs() < 1e-9, "of what is processed: {backlog_time}");
}

/// A job of 10 that is asked to have 20, restarts, and comes back.
fn grown(world: &mut World, after: &JobObservation, ticks_after: usize) -> Vec<Action> {
    let before = loaded(10, 1000.0, 1.0, 90_000.0, 500.0);
    ticks(world, &before, 20);
    let mut asked = before.clone();
    asked.wished = Reading::Fresh(20.0);
    ticks(world, &asked, 2);
    let away = JobObservation { running: Reading::Missing, operators: Vec::new(), ..asked };
    ticks(world, &away, 3);
    (0..ticks_after)
        .map(|tick| {
            let mut seen = after.clone();
            seen.running_for = Reading::Fresh(20.0 + 15.0 * tick as f64);
            world.action(&seen)
        })
        .collect()
}

/// Twice the workers and no more throughput: the limit lies elsewhere.
fn useless() -> JobObservation {
    loaded(20, 1050.0, 1.0, 200_000.0, 450.0)
}

#[test]
fn an_increase_without_effect_is_not_repeated_and_given_back_once_that_has_paid() {
    let mut world = World::new(balanced());
    let actions = grown(&mut world, &useless(), 11);
    assert!(actions.iter().all(|action| name(action) != "scale"), "{actions:?}");
    // 10 · (1050 / 1000)^(1 / 0.8) = 10.6
    let learned = world.memories.learned(JobIndex(0)).unwrap();
    let useful = learned.useful.unwrap_or_else(|| panic!("{actions:?}"));
    assert_eq!(useful.workers, Workers(11));
    assert!(useful.until.since(world.now) > Duration::from_secs(3 * 3600 + 3500));
    // What is of use is taken to do what all of them did.
    let most = learned.capacity.last().unwrap();
    assert_eq!((most.workers, most.per_second.round()), (Workers(11), 1050.0));

    // Late all the same, it keeps them until staying has cost as much as the restart: with D of 40 s 20 · (40 + 5 + 120)
    // = 3300, and 12 · 17 · 50 = 10,200 for its late seconds, at 9 a second 1500 s.
    let mut seen = useless();
    seen.running_for = Reading::Fresh(3600.0);
    let given_back = (1..200).find(|_| world.action(&seen) == scale(20, 11)).expect("it goes down");
    assert!((80..120).contains(&given_back), "{given_back}");

    // The input rises by a fifth: it may be tried again.
    let mut more = loaded(20, 1050.0, 1.0, 200_000.0, 850.0);
    more.running_for = Reading::Fresh(7200.0);
    let action = ticks(&mut world, &more, 30);
    assert_eq!(name(&action), "scale", "{action}");

    // Without the part it goes on.
    let mut off = balanced();
    off.parts.effect = false;
    let actions = grown(&mut World::new(off), &useless(), 16);
    assert_eq!(name(actions.last().unwrap()), "scale", "{actions:?}");
}

#[test]
fn a_limit_that_was_wrong_is_lifted_when_throughput_falls_with_the_workers() {
    for (at_useful, wanted, up) in [(1000.0, 11, "ineffective"), (800.0, 20, "scale")] {
        let mut world = World::new(balanced());
        grown(&mut world, &useless(), 11);
        let away = JobObservation { running: Reading::Missing, operators: Vec::new(), ..useless() };
        ticks(&mut world, &away, 3);
        let mut last = None;
        for tick in 0..24 {
            let mut fewer = loaded(11, at_useful, 1.0, 300_000.0, 1500.0 - at_useful);
            fewer.running_for = Reading::Fresh(20.0 + 15.0 * f64::from(tick));
            last = Some(world.action(&fewer));
        }
        let useful = world.memories.learned(JobIndex(0)).unwrap().useful.map(|useful| useful.workers);
        assert_eq!(useful, Some(Workers(wanted)), "{at_useful}");
        assert_eq!(last.as_ref().map(name), Some(up), "{at_useful}: {last:?}");
    }
}

#[test]
fn what_runs_is_needed_while_the_input_steps_up() {
    // 20 workers for an input that 8 would carry, and then 11: until it has stayed there for four minutes nobody knows.
    for (before, kept) in [(500.0, true), (1500.0, false)] {
        let mut world = World::new(balanced());
        ticks(&mut world, &loaded(20, before, before / 2500.0, 0.0, 0.0), 12);
        let actions: Vec<Action> = (0..16).map(|_| world.action(&loaded(20, 1000.0, 0.4, 0.0, 0.0))).collect();
        assert_eq!(actions.iter().all(|action| name(action) == "withinBand"), kept, "{before}: {actions:?}");
        assert_eq!(name(&ticks(&mut world, &loaded(20, 1000.0, 0.4, 0.0, 0.0), 40)), "scale", "{before}");
    }
}

#[test]
fn an_increase_that_helped_is_left_alone() {
    let helped = loaded(20, 1700.0, 1.0, 200_000.0, -200.0);
    let mut world = World::new(balanced());
    let actions = grown(&mut world, &helped, 16);
    assert!(actions.iter().all(|action| name(action) != "ineffective"), "{actions:?}");
    let learned = world.memories.learned(JobIndex(0)).unwrap();
    assert_eq!(learned.useful, None);
    assert_eq!(learned.grown.map(|grown| (grown.from, grown.judged)), Some((Workers(10), true)));
    assert!(learned.downtime.is_some() && learned.delay.is_some());
}

#[test]
fn as_long_as_nothing_is_known_the_published_gates_decide() {
    let unknown = |backlog: f64, cpu: f64, running_for: f64| {
        let mut seen = loaded(10, 1000.0, 0.0, backlog, 0.0);
        (seen.busy, seen.cpu, seen.running_for) = (Reading::Missing, Reading::Fresh(cpu), Reading::Fresh(running_for));
        seen
    };
    let mut plan = balanced();
    plan.parts.learned_capacity = false;
    let decide = |seen: JobObservation| World::new(plan.clone()).action(&seen);
    // 10 · (1000 + (121,000 + 1000 · 35) / 300) / 1000 = 15.2
    assert_eq!(decide(unknown(121_000.0, 0.5, 3600.0)), scale(10, 16));
    assert_eq!(name(&decide(unknown(119_000.0, 0.8, 3600.0))), "withinBand");
    // 10 · 0.95 / 0.8 = 11.875, and 10 · (1000 + 35,000 / 300) / 1000 = 11.2
    assert_eq!(decide(unknown(0.0, 0.95, 3600.0)), scale(10, 12));
    // A restart's own backlog is left to it until it is gone, at most four minutes, and until rates of two minutes no longer
    // look back at it: one that is processed as fast as it comes takes all of that, six minutes from the first look on.
    let mut world = World::new(plan.clone());
    for tick in 0..26 {
        let action = world.action(&unknown(121_000.0, 0.95, 200.0 + 15.0 * f64::from(tick)));
        assert_eq!(name(&action), if tick < 24 { "recovering" } else { "scale" }, "{tick}");
    }
    // Worked off at 1000/s more than comes in: 121 s, and two minutes.
    let mut world = World::new(plan.clone());
    for tick in 0..20 {
        let mut seen = unknown(121_000.0, 0.95, 200.0 + 15.0 * f64::from(tick));
        seen.operators = vec![operator("read", 2000.0, 121_000.0, Some(-1000.0))];
        assert_eq!(name(&world.action(&seen)), if tick < 17 { "recovering" } else { "scale" }, "{tick}");
    }
    // Down by at most 30 %: an eighth is what a useless reading of CPU orders.
    let mut world = World::new(plan.clone());
    let low = unknown(0.0, 0.1, 3600.0);
    let down = (0..80).map(|_| world.action(&low)).find(|action| matches!(action, Action::Scale { .. }));
    assert_eq!(down, Some(scale(10, 7)));
}

#[test]
fn a_killed_process_that_reads_back_decides_as_one_that_lived() {
    // A day of load in fast motion, a kill at any tick of it; none of the two may move where the other does not.
    let at = |tick: usize| {
        let phase = tick as f64 / 120.0 * std::f64::consts::TAU;
        let input = 1000.0 + 150.0 * phase.sin();
        loaded(10, input, input / 1250.0, 0.0, 0.0)
    };
    for killed in (30..150).step_by(7) {
        let mut lived = World::new(balanced());
        for tick in 0..killed {
            lived.action(&at(tick));
        }
        let mut read_back = World::new(balanced());
        read_back.now = lived.now;
        let learned = lived.memories.learned(JobIndex(0)).unwrap();
        let json = serde_json::to_string(&learned).unwrap();
        let learned = Some(Arc::new(serde_json::from_str(&json).unwrap()));
        let at = |tick| JobObservation { recalled: learned.clone(), ..at(tick) };
        for tick in killed..killed + 120 {
            let (one, other) = (lived.action(&at(tick)), read_back.action(&at(tick)));
            if matches!(other, Action::Scale { .. }) {
                assert_eq!(one, other, "killed at {killed}, tick {tick}");
            }
        }
    }
}

#[test]
fn whom_a_count_is_left_to_is_carried_from_process_to_process() {
    let left_alone = |reverts| Some(LeftAlone { until: Timestamp::from_millis(1_800_001_800_000), reverts });
    let learned = Learned { asked: Some(Workers(7)), left_alone: left_alone(2), ..Learned::default() };
    let recalled = JobObservation { recalled: Some(Arc::new(learned)), ..loaded(10, 1000.0, 0.8, 0.0, 0.0) };
    let known = |world: &World| {
        let learned = world.memories.learned(JobIndex(0)).unwrap();
        (learned.asked, learned.left_alone)
    };
    let mut world = World::new(balanced());
    // As long as nobody knows what the spec asks for, what an earlier process knew stands.
    world.action(&JobObservation { wished: Reading::QueryFailed, ..recalled.clone() });
    assert_eq!(known(&world), (Some(Workers(7)), left_alone(2)));
    // It decides nothing: where it does, the cluster says so as a conflict.
    world.action(&JobObservation { left_alone: left_alone(3), ..recalled.clone() });
    assert_eq!(known(&world), (Some(Workers(10)), left_alone(3)));
    world.action(&recalled);
    assert_eq!(known(&world), (Some(Workers(10)), None));
}

#[test]
fn what_cannot_be_read_back_moves_nothing_for_a_while() {
    let mut world = World::new(balanced());
    let nothing = |seen| JobObservation { recalled: Some(Arc::default()), ..seen };
    let seen = nothing(loaded(10, 1250.0, 1.0, 1200.0, 500.0));
    for _ in 0..9 {
        assert!(matches!(world.action(&seen), Action::Hold(_)));
    }
    let low = nothing(loaded(10, 1000.0, 0.5, 0.0, 0.0));
    let mut world = World::new(balanced());
    for tick in 0..20 {
        let wanted = if tick < 4 { "stabilizing" } else { "notWorthRestart" };
        assert_eq!(name(&world.action(&low)), wanted, "{tick}");
    }
}

#[test]
fn the_steps_can_be_followed() {
    let mut world = settled(balanced());
    let late = loaded(10, 1250.0, 1.0, 400_000.0, -250.0);
    ticks(&mut world, &late, 2);
    let decision = world.tick(std::slice::from_ref(&late)).remove(0);
    let said: Vec<String> = decision.because.iter().map(ToString::to_string).collect();
    let starts = [
        "running 10",
        "`read`: throughput 1250/s, backlog 400000",
        "the input of `read` is 1000/s over 4m 45s; what runs can process 1250/s: a load of 0.80",
        "a restart comes after 30s, stops the job for 30s and makes a lag of 40s (as the policy says)",
        "late: the backlog of `read` is 6m 40s of its input, more than 1m",
        "`read` needs",
        "the lag of `read` will peak at",
        "wanted: ",
    ];
    for (said, start) in said.iter().zip(starts) {
        assert!(said.starts_with(start), "{said}\n{start}");
    }
    assert_eq!(said.len(), starts.len(), "{said:#?}");
    assert!(said[6].contains("cost least") && said[6].contains("staying costs"), "{}", said[6]);
}

/// The engine takes differences of running totals, and drops the one across a restart.
#[test]
fn a_running_total_becomes_a_rate() {
    let mut world = World::new(balanced());
    let total = |count: f64, backlog: f64| {
        let mut seen = loaded(10, 0.0, 0.8, backlog, 0.0);
        (seen.operators[0].throughput, seen.operators[0].growth) = (Reading::Missing, None);
        seen.operators[0].total = Some(Reading::Fresh(count));
        seen
    };
    assert_eq!(name(&world.action(&total(5000.0, 0.0))), "warmingUp", "one look is no rate");
    for tick in 1..20 {
        let decision = world.tick(&[total(5000.0 + 15_000.0 * f64::from(tick), 1.0)]).remove(0);
        let Some(Step::Operator { throughput, .. }) = decision.because.get(1) else { panic!("{decision:?}") };
        assert_eq!(Reading::from(*throughput), Reading::Fresh(1000.0));
    }
    let input = |world: &World| world.memories.learned(JobIndex(0)).unwrap().inputs[0].per_second;
    assert!((input(&world) - 1000.0).abs() < 0.1, "{}", input(&world));
    // A total that begins anew, in a job that says that it restarted.
    let mut restarted = total(300.0, 0.0);
    restarted.running_for = Reading::Fresh(100.0);
    assert_eq!(name(&world.action(&restarted)), "warmingUp");
    assert!((input(&world) - 1000.0).abs() < 0.1, "the level outlives the restart");
    // Part of the series is gone for two ticks and comes back: no jump.
    let mut world = World::new(balanced());
    for tick in 0..10 {
        world.action(&total(1e6 + 15_000.0 * f64::from(tick), 0.0));
    }
    for tick in 10..12 {
        assert_eq!(name(&world.action(&total(9e5 + 15_000.0 * f64::from(tick), 0.0))), "warmingUp");
    }
    world.action(&total(1e6 + 15_000.0 * 12.0, 0.0));
    assert!((input(&world) - 1000.0).abs() < 0.1, "{}", input(&world));
}
