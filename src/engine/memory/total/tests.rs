//! Courses of totals as real series have them: each look is (second, total, backlog), each answer (rate, input).

use super::*;
use crate::engine::tests::world;

fn at(second: u64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000).plus(Duration::from_secs(second))
}

/// What is seen at one look.
#[derive(Clone, Copy)]
struct Seen {
    second: u64,
    total: Reading,
    backlog: Option<f64>,
    gap: bool,
    /// The second at which the job started.
    started: u64,
}

fn seen(second: u64, total: f64, backlog: f64) -> Seen {
    Seen { second, total: Reading::Fresh(total), backlog: Some(backlog), gap: false, started: 0 }
}

fn look(total: &mut Total, Seen { second, total: value, backlog, gap, started }: Seen) -> Option<(f64, Option<f64>)> {
    let job = Look { started: at(started), gap, busy: None, learn: None };
    let taken = total.take(&world::plan(), (value, backlog), &job, Some(100.0), at(second));
    taken.map(|difference| (difference.rate, difference.input))
}

fn course(looks: &[Seen]) -> Vec<Option<(f64, Option<f64>)>> {
    let mut total = Total::default();
    looks.iter().map(|seen| look(&mut total, *seen)).collect()
}

const EVEN: Option<(f64, Option<f64>)> = Some((100.0, Some(100.0)));
const AGAIN: Option<(f64, Option<f64>)> = Some((100.0, None));

#[test]
fn is_the_difference_of_two_looks_and_its_input_their_balance() {
    let looks = [seen(0, 5000.0, 0.0), seen(15, 6500.0, 300.0), seen(45, 9500.0, 0.0)];
    assert_eq!(course(&looks), [None, Some((100.0, Some(120.0))), Some((100.0, Some(90.0)))]);
}

#[test]
fn one_scrape_is_told_once_until_it_is_stale() {
    let stands = |second| seen(second, 6500.0, 0.0);
    let looks = [seen(0, 5000.0, 0.0), stands(15), stands(30), stands(75), stands(90)];
    assert_eq!(course(&looks), [None, EVEN, AGAIN, AGAIN, Some((0.0, Some(0.0)))]);
    let missed = [seen(0, 5000.0, 0.0), stands(15), stands(30), seen(45, 9500.0, 0.0)];
    assert_eq!(course(&missed), [None, EVEN, AGAIN, EVEN], "over both intervals, not twice as fast");
}

/// Prometheus is away for 45 s: what is asked in between stands still, though looks are three in a scrape.
#[test]
fn a_standstill_of_all_series_is_no_standstill_of_the_job() {
    let scraped = |second: u64| if (60..105).contains(&second) { 55 } else { second };
    let looks: Vec<Seen> =
        (0..40).map(|tick| tick * 5).map(|second| seen(second, 100.0 * scraped(second) as f64, 0.0)).collect();
    let said = course(&looks);
    for (look, said) in looks.iter().zip(&said).skip(3) {
        let stands = (60..105).contains(&look.second);
        assert_eq!(*said, if stands { AGAIN } else { EVEN }, "at {} s", look.second);
    }
}

/// Two workers, scraped every 15 s at 2 and at 7 s, and looked at every 5 s.
#[test]
fn workers_that_are_scraped_one_after_the_other_are_all_in_a_difference() {
    let scraped = |second: u64, first: u64| if second < first { 0.0 } else { ((second - first) / 15) as f64 * 750.0 };
    let looks: Vec<Seen> =
        (4..40).map(|tick| tick * 5).map(|second| seen(second, scraped(second, 2) + scraped(second, 7), 0.0)).collect();
    let said = course(&looks);
    assert_eq!(said[..3], [None, None, None], "less than a scrape says nothing");
    for (look, said) in looks.iter().zip(&said).skip(3) {
        // Nobody is scraped between 7 and 17 s.
        let moved = look.second % 15 != 0;
        assert_eq!(*said, if moved { EVEN } else { AGAIN }, "at {} s", look.second);
    }
}

#[test]
fn nothing_is_taken_across_a_restart() {
    let after = |second, total: f64| Seen { started: 20, ..seen(second, total, 0.0) };
    assert_eq!(
        course(&[seen(0, 5000.0, 0.0), seen(15, 6500.0, 0.0), after(30, 9e9), after(45, 9e9 + 1500.0)])[2..],
        [None, EVEN]
    );
}

/// The first TaskManager shows the new generation, the other still the old one; then the new one is whole.
#[test]
fn a_sum_of_two_generations_is_nothing_to_start_from() {
    let new = |second, total: f64, gap| Seen { gap, started: 20, ..seen(second, total, 0.0) };
    let looks = [
        seen(0, 100_000.0, 0.0),
        seen(15, 101_500.0, 0.0),
        new(30, 51_000.0, true),
        new(45, 2000.0, false),
        new(60, 3500.0, false),
    ];
    assert_eq!(course(&looks)[2..], [None, None, EVEN]);
}

#[test]
fn what_a_sum_lacks_for_a_while_is_neither_negative_nor_a_jump() {
    for gap in [true, false] {
        let lacks = |second, total: f64| Seen { gap, ..seen(second, total, 0.0) };
        let looks = [
            seen(0, 1e6, 0.0),
            seen(15, 1_001_500.0, 0.0),
            lacks(30, 502_250.0),
            lacks(45, 503_000.0),
            seen(60, 1_006_000.0, 0.0),
        ];
        assert_eq!(course(&looks), [None, EVEN, None, None, EVEN], "coverage says so: {gap}");
    }
}

/// Half of it is away, and the rest grows beyond what the whole was.
#[test]
fn a_sum_that_has_grown_back_is_not_whole_again() {
    let mut looks = vec![seen(0, 10_000.0, 0.0), seen(15, 11_500.0, 0.0)];
    looks.extend((2..20).map(|tick| seen(15 * tick, 9000.0 + 750.0 * tick as f64, 0.0)));
    let said = course(&looks);
    assert!(said[2..].iter().all(Option::is_none), "{said:?}");
    // Once it is whole the time without is counted; after five minutes what is there is all there is.
    looks.push(seen(300, 10_000.0 + 30_000.0, 0.0));
    assert_eq!(course(&looks)[20], EVEN);
    looks.truncate(20);
    looks.extend((20..25).map(|tick| seen(15 * tick, 9000.0 + 750.0 * tick as f64, 0.0)));
    assert_eq!(course(&looks)[22..], [None, Some((50.0, Some(50.0))), Some((50.0, Some(50.0)))]);
}

#[test]
fn a_first_look_that_was_too_much_is_forgotten() {
    assert_eq!(course(&[seen(0, 1e6, 0.0), seen(15, 5000.0, 0.0), seen(30, 6500.0, 0.0)]), [None, None, EVEN]);
}

#[test]
fn a_sum_that_stays_smaller_is_taken_anew() {
    let small = |second| seen(second, 2e5 + 100.0 * second as f64, 0.0);
    let looks = [seen(0, 1e6, 0.0), seen(15, 1_001_500.0, 0.0), small(30), small(315), small(330), small(345)];
    assert_eq!(course(&looks), [None, EVEN, None, None, None, EVEN]);
}

#[test]
fn series_that_come_in_with_what_they_had_counted_are_no_work() {
    let more = |second| seen(second, 5000.0 + 100.0 * second as f64 + 1e6, 0.0);
    let looks = [seen(0, 5000.0, 0.0), seen(15, 6500.0, 0.0), more(30), more(45), more(60)];
    assert_eq!(course(&looks), [None, EVEN, None, EVEN, EVEN]);
    // And go again before that is clear.
    let gone = seen(45, 9500.0, 0.0);
    assert_eq!(course(&[looks[0], looks[1], looks[2], gone]), [None, EVEN, None, EVEN]);
}

#[test]
fn a_burst_is_believed_at_its_second_look_and_a_gentle_one_at_once() {
    let burst = |rate: f64| {
        let fast = |second: u64| seen(second, 6500.0 + rate * (second - 15) as f64, 0.0);
        course(&[seen(0, 5000.0, 0.0), seen(15, 6500.0, 0.0), fast(30), fast(45)])
    };
    assert_eq!(burst(1001.0)[2..], [None, Some((1001.0, Some(1001.0)))]);
    assert_eq!(burst(1000.0)[2..], [Some((1000.0, Some(1000.0))), Some((1000.0, Some(1000.0)))]);
}

#[test]
fn a_backlog_that_is_not_known_makes_no_balance() {
    let unknown = Seen { backlog: None, ..seen(15, 6500.0, 0.0) };
    let looks = [seen(0, 5000.0, 9e6), unknown, seen(30, 8000.0, 9e6), seen(45, 9500.0, 9e6)];
    assert_eq!(course(&looks), [None, AGAIN, AGAIN, EVEN]);
}

#[test]
fn a_row_that_was_away_begins_anew_and_a_failed_query_does_not() {
    for (reading, after) in [(Reading::Missing, None), (Reading::QueryFailed, EVEN), (Reading::NotFinite, EVEN)] {
        let away = Seen { total: reading, ..seen(30, 0.0, 0.0) };
        let looks = [seen(0, 5000.0, 0.0), seen(15, 6500.0, 0.0), away, seen(45, 9500.0, 0.0)];
        assert_eq!(course(&looks)[2..], [None, after], "{reading:?}");
    }
}
