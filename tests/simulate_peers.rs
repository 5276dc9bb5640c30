//! Our imitation of the Flink operator's autoscaler against the scores of the real one, in the same scenarios.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use steelyard::simulate::peers::Peers;
use steelyard::simulate::{Contender, Scenario, Scores, Spread, Task, cores, run_all};

/// Within so many points of time, and so much of worker-hours over the clairvoyant's.
const TIME: f64 = 0.03;
const WORKER_HOURS: f64 = 0.15;
const SEEDS: std::ops::RangeInclusive<u64> = 1..=5;
const DOWNTIMES: [f64; 3] = [15.0, 30.0, 75.0];
const QUIET: u32 = 1800;
/// Of 48 cells; 38 are.
const MOST: usize = 36;

/// Where the imitation is known to differ: S1, S3 and S4 begin with a load that the start cannot carry, so much hangs on what
/// went before, which is not recorded; at 75 s the real code's first steps in S1 and S3 were larger, and why is not known.
#[test]
fn the_imitation_scores_as_the_real_code_in_most_cells() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/scenarios");
    let peers = Peers::load(&folder).expect("the shipped scores");
    let scenarios = Scenario::all(&folder).expect("the shipped scenarios");
    let mut cells = Vec::new();
    let mut tasks = Vec::new();
    for (baseline, settings) in [("flinkDefault", "default"), ("flinkTuned", "tuned")] {
        for downtime in DOWNTIMES {
            for scenario in &scenarios {
                let Some(real) = peers.get(downtime, &scenario.name, (settings, "1.10")) else { continue };
                cells.push((settings, downtime, scenario.name.as_str(), *real));
                let world = scenario.world(Some(downtime), QUIET);
                tasks.extend(SEEDS.map(|seed| {
                    let contender = Contender::Baseline { name: baseline.into() };
                    Task { world: world.clone(), contender, seed }
                }));
            }
        }
    }
    let scores = run_all(&tasks, cores(), &AtomicBool::new(false), |_| ()).expect("every run ends");
    let mut table = String::from("settings   D  scenario   ours: % late / p99 / worker-hours / rescales, real\n");
    let mut near = 0;
    for ((settings, downtime, scenario, real), runs) in cells.iter().zip(scores.chunks(SEEDS.count())) {
        let median = |score: fn(&Scores) -> f64| Spread::of(runs.iter().map(score)).median;
        let late = median(|run| run.violation_share);
        let hours = median(|run| run.worker_hours_over_clairvoyant);
        // Both are medians that were rounded: the last digit does not count.
        let is_near = (late - real.violation_share).abs() <= TIME + 0.0005
            && (hours - real.worker_hours).abs() <= WORKER_HOURS + 0.005;
        near += usize::from(is_near);
        writeln!(
            table,
            "{settings:8} {downtime:3} {scenario:>4}  {:5.1} / {:4.0} / {hours:.2} / {:2}  {:5.1} / {:4.0} / {:.2} / {:2}{}",
            late * 100.0,
            median(|run| run.lag_p99),
            median(|run| f64::from(run.rescales)),
            real.violation_share * 100.0,
            real.lag_p99,
            real.worker_hours,
            real.rescales,
            if is_near { "" } else { "  differs" },
        )
        .expect("a string takes it");
    }
    eprintln!("{table}{near} of {} cells are near", cells.len());
    assert_eq!(cells.len(), 48, "{table}");
    assert!(near >= MOST, "only {near} of {} cells are near\n{table}", cells.len());
}

/// What is known of each rule shows in the loop: limit cycles on a stationary noisy load (S10) where catching up raises what
/// the rule looks at, an outage that is never caught up (S9) where it has no term for a backlog.
#[test]
fn the_field_does_in_the_loop_what_it_is_known_for() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/scenarios");
    let scored = |scenario: &str, baseline: &str| {
        let world = Scenario::load(&folder.join(scenario)).expect("a shipped scenario").world(Some(30.0), QUIET);
        let contender = Contender::Baseline { name: baseline.into() };
        let tasks: Vec<Task> =
            (1..=3).map(|seed| Task { world: world.clone(), contender: contender.clone(), seed }).collect();
        let scores = run_all(&tasks, cores(), &AtomicBool::new(false), |_| ()).expect("every run ends");
        let median = |score: fn(&Scores) -> f64| Spread::of(scores.iter().map(score)).median;
        (
            median(|run| run.violation_share),
            median(|run| run.worker_hours_over_clairvoyant),
            median(|run| f64::from(run.rescales)),
        )
    };
    for baseline in ["static", "flinkDefault", "flinkTuned"] {
        assert!(scored("S10", baseline).2 <= 3.0, "{baseline}: {:?}", scored("S10", baseline));
    }
    assert_eq!(scored("S3", "static").2, 0.0);
    for (baseline, least) in [("hpaCpu", 60.0), ("kedaLag", 120.0)] {
        assert!(scored("S10", baseline).2 > least, "{baseline}: {:?}", scored("S10", baseline));
    }
    let (late, hours, _) = scored("S9", "ds2");
    assert!(late > 0.5 && hours < 1.4, "{late} {hours}");
    let (late, hours, _) = scored("S9", "daedalusLike");
    assert!(late < 0.3 && hours < 1.4, "{late} {hours}");
    // Its aim of 600 s makes it the cheapest, and late where the objective is 60 s.
    let (late, hours, _) = scored("S7", "daedalusLike");
    assert!(late > 0.05 && hours < 1.3, "{late} {hours}");
    // A setting reaches the loop: more head-room, more workers, less late.
    let (lean, rich) = (scored("S4", "ds2:factor=1.1"), scored("S4", "ds2:factor=2"));
    assert!(lean.1 < rich.1 && lean.0 > rich.0, "{lean:?} {rich:?}");
}
