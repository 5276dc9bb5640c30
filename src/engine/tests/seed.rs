//! The published rule, row by row, at both sides of every limit.

use std::time::Duration;

use super::world::*;
use crate::engine::*;

/// W, T, g, B, u -> action; D₀ 60 s, cpuTarget 0.7.
fn row(workers: u32, throughput: f64, growth: f64, backlog: f64, cpu: f64) -> Action {
    let mut seen = job(0, workers);
    seen.cpu = Reading::Fresh(cpu);
    seen.operators = vec![operator("read", throughput, backlog, Some(growth))];
    decide(plan(), &seen)
}

#[test]
fn the_rows_of_the_contract() {
    assert_eq!(row(10, 1000.0, 200.0, 180_000.0, 0.5), scale(10, 42));
    assert_eq!(row(10, 1000.0, 0.0, 130_000.0, 0.5), scale(10, 32));
    assert_eq!(row(20, 1000.0, 0.0, 0.0, 0.35), scale(20, 10));
    assert_eq!(row(10, 1000.0, 0.0, 119_000.0, 0.89), Action::Hold(Hold::WithinBand));
    assert_eq!(row(10, 1000.0, 0.0, 11_000.0, 0.20), Action::Hold(Hold::WithinBand));
}

/// The worked example of the 2016 talk, as snapshots: any backlog opens the gate.
#[test]
fn the_talks_example() {
    let mut eager = plan();
    eager.scale_up.backlog_time_above = Duration::ZERO;
    let snapshot = |workers, throughput, growth, backlog| {
        let mut seen = job(0, workers);
        seen.operators = vec![operator("read", throughput, backlog, Some(growth))];
        decide(eager.clone(), &seen)
    };
    assert_eq!(snapshot(9, 300.0, 100.0, 0.0), scale(9, 12));
    assert_eq!(snapshot(12, 400.0, 0.0, 10_000.0), scale(12, 17));
    // 17 workers process 17/12 of 400: what is above the input of 400 drains 10,000 within the target.
    let surplus = 400.0 * 17.0 / 12.0 - 400.0;
    assert!((10_000.0_f64 / surplus - 60.0).abs() < 1e-9);
}

#[test]
fn both_sides_of_every_gate() {
    let (held, up_by_cpu) = (Action::Hold(Hold::WithinBand), scale(10, 13));
    for (name, (throughput, growth, backlog, cpu), expected) in [
        ("backlog time at the limit", (1000.0, 0.0, 120_000.0, 0.8), held.clone()),
        ("backlog time above it", (1000.0, 0.0, 120_001.0, 0.8), scale(10, 31)),
        ("cpu at the limit", (1000.0, 0.0, 0.0, 0.9), held.clone()),
        ("cpu above it", (1000.0, 0.0, 0.0, 0.904), up_by_cpu),
        ("cpu opens the gate and growth asks for more", (1000.0, 900.0, 0.0, 0.95), scale(10, 19)),
        (
            "the backlog opens the gate, cpu is above its target and does not count",
            (1000.0, 0.0, 120_001.0, 0.9),
            scale(10, 31),
        ),
        ("down: cpu at the limit", (1000.0, 0.0, 0.0, 0.7), held.clone()),
        ("down: cpu below it", (1000.0, 0.0, 0.0, 0.62), scale(10, 9)),
        ("down: too little for a whole worker", (1000.0, 0.0, 0.0, 0.69), held.clone()),
        ("down: backlog time at the limit", (1000.0, 0.0, 10_000.0, 0.3), held.clone()),
        ("down: backlog time below it", (1000.0, 0.0, 9_999.0, 0.3), scale(10, 5)),
        ("down: a backlog that grows", (1000.0, 21.0, 0.0, 0.3), held.clone()),
        ("down: growth that does not count", (1000.0, 20.0, 0.0, 0.3), scale(10, 5)),
        ("down: a backlog that shrinks", (1000.0, -500.0, 5_000.0, 0.3), scale(10, 5)),
        ("down: idle", (0.0, 0.0, 0.0, 0.02), scale(10, 1)),
        ("down: one record a month", (4e-7, 0.0, 0.0, 0.02), scale(10, 1)),
    ] {
        assert_eq!(row(10, throughput, growth, backlog, cpu), expected, "{name}");
    }
}

#[test]
fn the_operator_that_needs_the_most_decides_and_any_backlog_bars_the_way_down() {
    let mut seen = job(0, 10);
    seen.operators = vec![
        operator("a", 1000.0, 130_000.0, Some(0.0)),
        operator("b", 10.0, 1_800.0, Some(2.0)),
        operator("c", 500.0, 0.0, Some(400.0)),
    ];
    let decision = explain(plan(), &seen);
    assert_eq!(decision.action, scale(10, 42));
    let deciding = decision.because.iter().find_map(|step| match step {
        Step::Deciding { operator, workers } => Some((operator.to_string(), *workers)),
        _ => None,
    });
    assert_eq!(deciding, Some(("b".into(), 42.0)));

    seen.cpu = Reading::Fresh(0.2);
    for (backlog, expected) in [(12_000.0, Action::Hold(Hold::WithinBand)), (8_000.0, scale(10, 3))] {
        seen.operators = vec![operator("a", 1000.0, 0.0, Some(0.0)), operator("b", 1000.0, backlog, Some(0.0))];
        assert_eq!(decide(plan(), &seen), expected, "{backlog}");
    }
}

#[test]
fn operators_without_a_backlog_row_are_shown_and_not_judged() {
    let mut seen = job(0, 10);
    let mut bystander = operator("write", 0.0, 0.0, None);
    bystander.backlog = None;
    seen.operators.push(bystander);
    seen.cpu = Reading::Fresh(0.35);
    let decision = explain(plan(), &seen);
    assert_eq!(decision.action, scale(10, 5));
    assert!(
        decision.because.iter().any(|step| step.to_string() == "`write`: throughput 0/s, no backlog row: not judged")
    );
}

#[test]
fn a_backlog_below_a_second_of_throughput_or_within_the_partitions_counts_as_none() {
    for (name, throughput, backlog, partitions, expected) in [
        ("below one second", 1000.0, 999.0, None, scale(10, 5)),
        ("one second, slow to drain", 0.5, 6.0, None, Action::Hold(Hold::WithinBand)),
        ("the same, one for each partition", 0.5, 6.0, Some(6), scale(10, 5)),
        ("one more than the partitions", 0.5, 7.0, Some(6), Action::Hold(Hold::WithinBand)),
        ("nothing flows, and only what SDFs always report waits", 0.0, 6.0, Some(6), scale(10, 5)),
    ] {
        let mut seen = job(0, 10);
        seen.cpu = Reading::Fresh(0.35);
        seen.partitions = partitions.map_or(Reading::Missing, |count| Reading::Fresh(f64::from(count)));
        seen.operators = vec![operator("read", throughput, backlog, Some(0.0))];
        assert_eq!(decide(plan(), &seen), expected, "{name}");
    }
}

#[test]
fn the_floor_of_the_backlog_is_the_highest_throughput_of_the_window() {
    let mut world = World::new(plan());
    let mut seen = job(0, 10);
    seen.operators = vec![operator("read", 1000.0, 0.0, Some(0.0))];
    world.tick(std::slice::from_ref(&seen));
    // Input ends: 900 wait for a moment while the rate runs out.
    seen.cpu = Reading::Fresh(0.35);
    seen.operators = vec![operator("read", 1.0, 900.0, Some(0.0))];
    assert_eq!(world.action(&seen), scale(10, 5));
    for _ in 0..8 {
        world.tick(std::slice::from_ref(&seen));
    }
    assert_eq!(world.action(&seen), scale(10, 160), "the window has forgotten the 1000/s: 900 s of backlog");
}

#[test]
fn growth_is_measured_when_it_is_not_given() {
    let mut world = World::new(plan());
    let mut seen = job(0, 10);
    seen.cpu = Reading::Fresh(0.95);
    let mut actions = Vec::new();
    for tick in 0..9 {
        seen.operators = vec![operator("read", 1000.0, 200.0 * 15.0 * f64::from(tick), None)];
        actions.push(world.action(&seen));
    }
    for (tick, action) in actions[..4].iter().enumerate() {
        assert!(matches!(hold(action), Hold::WarmingUp { .. }), "tick {tick}: {action}");
    }
    // W (g + T)/T + W τ/D₀ = 12 + 10 · 12/60 = 14 after a minute.
    assert_eq!(actions[4], scale(10, 14));
}

#[test]
fn coverage_below_one_raises_throughput_and_bars_the_way_down() {
    let mut seen = job(0, 10);
    seen.coverage = Reading::Fresh(0.5);
    // 500/s of half the workers are 1000/s: 100 s of backlog, not 200 s.
    seen.operators = vec![operator("read", 500.0, 100_000.0, Some(0.0))];
    assert_eq!(decide(plan(), &seen), Action::Hold(Hold::WithinBand));
    seen.operators = vec![operator("read", 500.0, 180_000.0, Some(0.0))];
    assert_eq!(decide(plan(), &seen), scale(10, 40));
    seen.operators = vec![operator("read", 500.0, 0.0, Some(0.0))];
    seen.cpu = Reading::Fresh(0.2);
    assert_eq!(decide(plan(), &seen), Action::Hold(Hold::PartialData { partial: Partial::Coverage { coverage: 0.5 } }));
}

#[test]
fn the_whole_derivation_is_told_in_order() {
    let mut seen = job(0, 10);
    seen.cpu = Reading::Fresh(0.5);
    seen.operators = vec![operator("read", 1000.0, 180_000.0, Some(200.0))];
    let mut narrow = plan();
    narrow.limits.max_workers = 40;
    let decision = explain(narrow, &seen);
    assert_eq!(decision.action, scale(10, 40));
    let told: Vec<String> = decision.because.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "running 10, wished 10, runningFor 1h, coverage 1, age 5.0s, cpu 0.500",
            "`read`: throughput 1000/s, backlog 180000, growth 200/s, backlog time 3m",
            "up: the backlog of `read` takes 3m, more than 2m",
            "`read` needs 12.00 workers to keep up and 30.00 more to catch up",
            "`read` needs the most: 42.00 workers",
            "wanted: 42",
            "maxWorkers allows 40 of 42",
        ]
    );
    let json = serde_json::to_value(decision.answer()).unwrap();
    assert_eq!(json["action"], "scale");
    assert_eq!((json["from"].as_u64(), json["to"].as_u64()), (Some(10), Some(40)));
    assert_eq!(json["because"][0]["step"], "job");
    assert_eq!(json["because"][0]["runningFor"], 3600.0);
    assert_eq!(json["because"][3]["keepUp"], 12.0);
    assert_eq!(serde_json::to_value(&decision).unwrap()["name"], "job-000");
}
