//! The plant against real jobs: for each recording of a real rescale that has a fitted plant beside it, what the plant
//! predicts next to what was recorded. The whole table is compared; the errors that are allowed stand in
//! `calibration.json` beside the plant, so that whoever tunes a policy on a plant knows how far to trust it.

mod calibration {
    pub mod fixture;
    pub mod holds;
    pub mod measure;
    pub mod table;
}

use calibration::fixture::Fixture;
use calibration::{holds, measure, table};

#[test]
fn the_plants_predict_what_was_recorded() {
    let fixtures = Fixture::all();
    assert!(fixtures.len() >= 7, "a plant's files are gone");
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
    for (what, holds) in holds::TRAITS {
        assert!(fixtures.iter().any(holds), "no recording with {what}");
    }
}
