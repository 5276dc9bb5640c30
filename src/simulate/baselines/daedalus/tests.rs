//! Against the published rules.

use super::*;

/// Workers of 100/s and 8 % CPU without load: the scaler sees `load` come in and be processed, a moment every 5 s; the
/// orders that it gave. `backlog` waits all the time.
fn watch(daedalus: &mut Daedalus, (from, until): (u32, u32), width: u32, load: f64, backlog: f64) -> Vec<(u32, u32)> {
    let mut orders = Vec::new();
    for at in (from..=until).step_by(5) {
        // The load swings a little, or no line could be drawn.
        let swing = [0.97, 1.03, 0.99, 1.01][at as usize / 5 % 4];
        let processed = load * swing;
        let cpu = 0.08 + 0.92 * processed / (100.0 * f64::from(width));
        let moment = Moment { running_since: 0, width, cpu, processed, backlog };
        daedalus.watch(at, &moment);
        if at % LOOP == 0 {
            orders.extend(daedalus.decide(at, &moment).map(|order| (at, order)));
        }
    }
    orders
}

fn usual() -> Daedalus {
    Daedalus::new(Settings::usual(), 60)
}

#[test]
fn it_goes_to_the_smallest_width_that_carries_the_load() {
    // 15 carry 1430/s, but would take 817 s to work off the 40 s that the restart costs.
    for (load, expected) in [(350.0, Some(4)), (930.0, None), (1_430.0, Some(16)), (1_370.0, Some(15))] {
        let orders = watch(&mut usual(), (0, 300), 10, load, 0.0);
        assert_eq!(orders.first().map(|(_, order)| *order), expected, "{load}: {orders:?}");
        // Nothing is known of a width before 120 s are discarded.
        assert!(orders.first().is_none_or(|(at, _)| *at == 180), "{orders:?}");
    }
}

#[test]
fn after_a_rescale_it_rests_and_then_moves_only_for_what_cannot_keep_up() {
    for (load, rest) in [(350.0, CALM), (1_430.0, REST)] {
        let mut daedalus = usual();
        let (first, _) = watch(&mut daedalus, (0, 300), 10, 350.0, 0.0)[0];
        // Nobody carries the order out: it would be wished at every decision.
        let again = watch(&mut daedalus, (305, 1_500), 10, load, 0.0);
        assert_eq!(again.first().map(|(at, _)| at - first), Some(rest), "{load}: {again:?}");
    }
}

#[test]
fn it_never_goes_down_with_more_than_a_second_of_backlog() {
    for (backlog, moves) in [(500.0, true), (1_500.0, false)] {
        let orders = watch(&mut usual(), (0, 300), 10, 350.0, backlog);
        assert_eq!(!orders.is_empty(), moves, "{backlog}: {orders:?}");
    }
}

#[test]
fn head_room_and_a_shorter_recovery_ask_for_more() {
    let first = |settings: Settings, load: f64| {
        watch(&mut Daedalus::new(settings, 60), (0, 300), 10, load, 0.0).first().map(|(_, order)| *order)
    };
    assert_eq!(first(Settings { headroom: 1.5, ..Settings::usual() }, 430.0), Some(7));
    // 40 s of load to catch up within 60 s, of which 30 are spent: 40/30 more than the load, so 34.
    let quick = first(Settings { recovery: 60, ..Settings::usual() }, 1_430.0).unwrap();
    assert!((33..=36).contains(&quick), "{quick}");
}

#[test]
fn recovery_counts_replay_downtime_and_backlog() {
    let flat = Forecast::Line { now: 100.0, slope: 0.0, lasts: 600 };
    // 10 s are read again, 30 s come in meanwhile: 4000 records, 100/s to spare.
    assert_eq!(recovery(30, 200.0, 100.0, 0.0, &flat), Some(70));
    assert_eq!(recovery(30, 200.0, 100.0, 1_000.0, &flat), Some(80));
    assert_eq!(recovery(0, 200.0, 100.0, 1_000.0, &flat), Some(10));
    assert_eq!(recovery(30, 100.0, 100.0, 0.0, &flat), None);
    assert_eq!(recovery(0, 100.0, 100.0, 0.0, &flat), Some(0));
}

#[test]
fn downtimes_are_learned_by_the_second() {
    let moment = |running_since, backlog| Moment { running_since, width: 4, cpu: 0.5, processed: 100.0, backlog };
    for (at, backlog, expected) in
        [(1_090, 0.0, (29, 15)), (1_130, 0.0, (30, 15)), (1_170, 0.0, (31, 15)), (1_170, 1_000.0, (30, 15))]
    {
        let mut daedalus = usual();
        daedalus.recovering = Some(Recovery { since: 1_000, upwards: true, predicted: 100 });
        daedalus.learn_downtime(at, &moment(1_030, backlog));
        assert_eq!(daedalus.downtimes, expected, "{at} {backlog}");
        assert_eq!(daedalus.recovering.is_none(), backlog == 0.0);
        // Before the job has started again nothing has recovered.
        let mut down = usual();
        down.recovering = Some(Recovery { since: 1_000, upwards: false, predicted: 100 });
        down.learn_downtime(at, &moment(0, 0.0));
        assert_eq!((down.downtimes, down.recovering.is_some()), (DOWNTIMES, true));
    }
}
