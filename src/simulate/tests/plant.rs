//! The course of restarts, and what a width can do.

use super::{downtimes, run, spec, widths};

#[test]
fn workers_that_come_together_restart_the_job_once_and_it_goes_on_until_then() {
    let history = run(spec(""), 200, 500.0, &[(50, 20)]);
    assert_eq!(downtimes(&history), [(80, 100)]);
    assert_eq!(widths(&history), [(80, 20)]);
    let wished: Vec<u32> = [50, 51, 79, 80].map(|at| history.at(at).wished).to_vec();
    assert_eq!(wished, [10, 20, 20, 20]);
    assert_eq!((history.at(79).capacity, history.at(81).capacity, history.at(101).capacity), (1000.0, 0.0, 2000.0));
    assert_eq!((history.at(100).up_since, history.at(99).up_since), (Some(100), None));
}

#[test]
fn workers_that_come_one_by_one_restart_it_each_time_thirty_seconds_apart() {
    let history = run(spec("arrival: stepwise\ndowntime: 2s"), 200, 500.0, &[(10, 13)]);
    assert_eq!(widths(&history), [(40, 11), (70, 12), (100, 13)]);
    assert_eq!(downtimes(&history), [(40, 42), (70, 72), (100, 102)]);
    let history = run(spec("arrival: firstThenRest\ndowntime: 2s"), 200, 500.0, &[(10, 14), (120, 10)]);
    assert_eq!(widths(&history), [(40, 11), (70, 14), (150, 10)], "down at once");
}

#[test]
fn a_restart_of_half_a_second_takes_half_a_second() {
    let history = run(spec("downtime: 500ms"), 100, 1000.0, &[(0, 20)]);
    assert_eq!(history.at(31).capacity, 1000.0, "half of 2000");
    assert_eq!(history.at(31).up_since, Some(31));
}

#[test]
fn an_order_on_its_way_is_followed_by_the_next() {
    let history = run(spec(""), 300, 500.0, &[(10, 12), (25, 14), (100, 8), (105, 9)]);
    // 14 are there at 55 s, while the job is down for 12: they are taken along. Of 8 and 9 the later holds at 130 s.
    assert_eq!(widths(&history)[..2], [(40, 12), (55, 14)]);
    assert_eq!(downtimes(&history)[0], (40, 60));
    assert_eq!(history.at(299).width, 9);
    assert_eq!(downtimes(&history).len(), 2);
}

#[test]
fn no_more_workers_come_than_there_are() {
    let history = run(spec(""), 200, 500.0, &[(10, 60)]);
    assert_eq!((history.at(199).wished, history.at(199).width), (60, 40), "the width stays behind the wish");
}

#[test]
fn failures_outages_and_steps_come_when_they_are_due() {
    let history = run(spec("failures: { every: 100s }"), 450, 500.0, &[]);
    assert_eq!(downtimes(&history), [(100, 120), (200, 220), (300, 320), (400, 420)]);
    let history = run(spec("outages: [{ at: 50s, for: 100s }]"), 200, 500.0, &[(60, 20)]);
    assert_eq!(downtimes(&history), [(50, 150)], "who comes meanwhile is there at the end");
    assert_eq!(history.at(151).capacity, 2000.0);
    let history = run(spec("capacitySteps: [{ at: 50s, factor: 0.6 }, { at: 80s, factor: 2 }]"), 100, 500.0, &[]);
    assert_eq!([50, 51, 80, 81].map(|at| history.at(at).capacity), [1000.0, 600.0, 600.0, 2000.0]);
}

#[test]
fn it_warms_up_in_a_straight_line() {
    let history = run(spec("warmUp: { duration: 60s, from: 0.5 }"), 200, 500.0, &[(0, 20)]);
    // Up at 50 s: half of 2000, and all of it a minute later.
    for (at, capacity) in [(30, 1000.0), (51, 1000.0), (81, 1500.0), (111, 2000.0), (150, 2000.0)] {
        assert_eq!(history.at(at).capacity, capacity, "at {at} s");
    }
    assert_eq!(
        run(spec("warmUp: { duration: 60s, from: 0.5 }"), 9, 500.0, &[]).at(1).capacity,
        1000.0,
        "warm at first"
    );
}

#[test]
fn capacity_follows_the_law_the_partitions_and_the_ceiling() {
    let close = |one: f64, other: f64| (one - other).abs() < 1e-9 * other;
    let scaling = spec("sigma: 0.025\nkappa: 0.001");
    assert!(close(scaling.capacity(1, 0.0), 100.0));
    assert!(close(scaling.capacity(10, 0.0), 1000.0 / (1.0 + 0.225 + 0.09)));
    // 8 partitions: 8 workers have one each, 7 have two at most and do the work of 4; the ninth has none.
    let even = spec("partitions: 8");
    for (workers, useful) in [(1, 1.0), (2, 2.0), (3, 8.0 / 3.0), (4, 4.0), (7, 4.0), (8, 8.0), (9, 8.0), (16, 8.0)] {
        assert!(close(even.capacity(workers, 0.0), 100.0 * useful), "{workers}: {}", even.capacity(workers, 0.0));
    }
    // One partition with three times the others' share: 3 of 10 parts are its worker's, at least.
    let skewed = spec("partitions: 8\nskew: 3");
    for (workers, useful) in [(1, 1.0), (8, 10.0 / 3.0), (16, 10.0 / 3.0), (4, 10.0 / 4.0)] {
        assert!(close(skewed.capacity(workers, 0.0), 100.0 * useful), "{workers}: {}", skewed.capacity(workers, 0.0));
    }
    let limited = spec("ceiling: 750");
    assert_eq!([7, 8, 40].map(|workers| limited.capacity(workers, 0.0)), [700.0, 750.0, 750.0]);
}
