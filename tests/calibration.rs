//! The plant against real jobs: for each recording of a real rescale that has a fitted plant beside it, what the plant
//! predicts next to what was recorded. The whole table is compared; the errors that are allowed stand in
//! `calibration.json` beside the plant, so that whoever tunes a policy on a plant knows how far to trust it.

mod calibration {
    pub mod fixture;
    pub mod measure;
    pub mod table;
}

use calibration::fixture::Fixture;
use calibration::{measure, table};

#[test]
fn the_plants_predict_what_was_recorded() {
    let fixtures = Fixture::all();
    assert!(fixtures.len() >= 6, "a plant's files are gone");
    let mut text = String::new();
    let mut too_far = Vec::new();
    for fixture in &fixtures {
        let rows = measure::compare(fixture);
        too_far.extend(table::too_far(fixture, &rows));
        text.push_str(&table::markdown(fixture, &rows));
    }
    insta::assert_snapshot!("calibration", text);
    assert!(too_far.is_empty(), "beyond the error that is stated:\n{}", too_far.join("\n"));
}

/// What each recording is there for is in it: otherwise the table proves less than it says.
#[test]
fn the_recordings_hold_what_a_policy_must_live_with() {
    let fixtures = Fixture::all();
    let any = |what: &str, holds: &dyn Fn(&Fixture) -> bool| {
        assert!(fixtures.iter().any(holds), "no recording with {what}");
    };
    any("workers that come stepwise", &|one| one.downtimes().len() > one.orders().len());
    any("workers that come together", &|one| {
        let before = |at: f64| one.wished(at - 1.0);
        one.downtimes().len() == one.orders().len() && one.orders().iter().any(|(at, to)| *to >= before(*at) + 2)
    });
    any("missing series after a restart", &|one| one.ticks().iter().any(|tick| tick.coverage.is_some_and(|c| c < 1.0)));
    any("a width behind the wish", &|one| {
        one.ticks().iter().any(|tick| tick.running.is_some_and(|width| width < one.wished(tick.at)))
    });
    any("a width that stays behind the wish", &|one| {
        one.ticks().last().and_then(|tick| tick.running).is_some_and(|width| width < one.wished(f64::INFINITY))
    });
    any("a CPU that lies", &|one| {
        let saturated =
            |tick: &&calibration::fixture::Tick| tick.backlog > Some(10.0 * tick.throughput.unwrap_or(f64::INFINITY));
        one.ticks().iter().filter(saturated).any(|tick| tick.cpu.is_some_and(|cpu| cpu < 0.3))
    });
}
