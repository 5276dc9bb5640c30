use super::*;
use crate::engine::{ClassIndex, JobId, JobIndex};

/// What one job is seen as, with the given rows (signal, alternative, operator or reason, value).
fn seen(rows: &[(Signal, u8, &str, f64)], failed: &[(Signal, u8)]) -> (JobObservation, usize) {
    let mut names = Names::default();
    let mut rows: Vec<Row> = rows
        .iter()
        .map(|&(signal, alternative, name, value)| Row {
            job: JobIndex(0),
            signal,
            alternative,
            name: names.intern(name),
            value,
        })
        .collect();
    rows.sort_unstable_by_key(order);
    let mut failures = Failures::default();
    for (signal, alternative) in failed {
        failures.add(*signal, *alternative);
    }
    let mut job = JobObservation::unseen(JobIndex(0), JobId::new("n", "j"), ClassIndex(0));
    let doubles = fill(&mut job, &rows, Signal::ALL.into_iter(), &failures, &names);
    assert_eq!(doubles.rows == 0, doubles.signals.is_empty());
    (job, doubles.rows)
}

use Reading::{Fresh, Missing, NotFinite, QueryFailed};
use Signal::{Backlog, Cpu, Growth, Running, Throughput, Unsafe};

#[test]
fn a_reading_of_the_job_is_the_row_of_the_first_alternative_that_has_one() {
    for (rows, failed, reading, repeated) in [
        (&[][..], &[][..], Missing, 0),
        (&[(0, 0.5)], &[], Fresh(0.5), 0),
        (&[(0, 0.5), (1, 0.9)], &[], Fresh(0.5), 0),
        (&[(1, 0.9)], &[], Fresh(0.9), 0),
        (&[(0, -1.0), (1, 0.9)], &[], Missing, 0),
        (&[(0, f64::NAN)], &[], NotFinite, 0),
        (&[(0, 0.5), (0, 0.5)], &[], Missing, 2),
        (&[(0, 0.5), (1, 0.5), (1, 0.5)], &[], Fresh(0.5), 0),
        // A later alternative that failed takes nothing away; an earlier one might have had another row.
        (&[(0, 0.5)], &[1], Fresh(0.5), 0),
        (&[(1, 0.5)], &[0], QueryFailed, 0),
        (&[(1, 0.5), (2, 0.5)], &[2, 0], QueryFailed, 0),
        (&[], &[1], QueryFailed, 0),
    ] {
        let rows: Vec<_> = rows.iter().map(|(alternative, value)| (Cpu, *alternative, "", *value)).collect();
        let failed: Vec<_> = failed.iter().map(|alternative| (Cpu, *alternative)).collect();
        let (job, count) = seen(&rows, &failed);
        assert_eq!((job.cpu, count), (reading, repeated), "{rows:?} {failed:?}");
        assert_eq!(job.running, Missing);
    }
}

#[test]
fn every_signal_of_the_job_has_its_own_place() {
    let singles: Vec<Signal> =
        Signal::ALL.into_iter().filter(|signal| !signal.is_per_operator() && *signal != Unsafe).collect();
    let rows: Vec<_> = singles.iter().map(|signal| (*signal, 0, "", *signal as u8 as f64)).collect();
    let (mut job, _) = seen(&rows, &[]);
    for signal in singles {
        assert_eq!(place(&mut job, signal).copied(), Some(Fresh(signal as u8 as f64)), "{signal}");
    }
}

type Given = &'static [(Signal, u8, &'static str, f64)];
type Failed = &'static [(Signal, u8)];
type Operators = Vec<(&'static str, Reading, Option<Reading>, Option<Reading>)>;

#[test]
fn operators_are_sorted_and_stand_once_with_what_is_known_of_each() {
    let rows: [(Given, Failed, Operators, usize); 7] = [
        (
            &[(Throughput, 0, "write", 5.0), (Backlog, 0, "read", 9.0), (Throughput, 0, "read", 3.0)],
            &[],
            vec![("read", Fresh(3.0), Some(Fresh(9.0)), None), ("write", Fresh(5.0), None, None)],
            0,
        ),
        (&[(Backlog, 0, "read", -1.0)], &[], vec![("read", Missing, Some(Missing), None)], 0),
        (&[(Growth, 0, "read", -7.0)], &[], vec![("read", Missing, None, Some(Fresh(-7.0)))], 0),
        (
            &[(Backlog, 0, "read", 1.0), (Backlog, 0, "read", 2.0), (Throughput, 0, "read", 3.0)],
            &[],
            vec![("read", Fresh(3.0), Some(Missing), None)],
            2,
        ),
        // The fall-back is for the job as a whole: its operators are not mixed with those of the first.
        (
            &[(Backlog, 0, "read", 1.0), (Backlog, 1, "read", 2.0), (Backlog, 1, "other", 2.0)],
            &[],
            vec![("read", Missing, Some(Fresh(1.0)), None)],
            0,
        ),
        // The operator is known from one signal; of the other nothing is known, which is not "no backlog".
        (&[(Throughput, 0, "read", 3.0)], &[(Backlog, 0)], vec![("read", Fresh(3.0), Some(QueryFailed), None)], 0),
        (
            &[(Throughput, 1, "read", 3.0), (Backlog, 0, "read", 1.0)],
            &[(Throughput, 0)],
            vec![("read", QueryFailed, Some(Fresh(1.0)), None)],
            0,
        ),
    ];
    for (rows, failed, expected, repeated) in rows {
        let (job, count) = seen(rows, failed);
        let found: Vec<_> = job
            .operators
            .iter()
            .map(|found| (&*found.operator, found.throughput, found.backlog, found.growth))
            .collect();
        assert_eq!(found, expected, "{rows:?} {failed:?}");
        assert_eq!(count, repeated, "{rows:?}");
    }
}

#[test]
fn any_unsafe_row_gives_its_reason_whatever_its_value() {
    assert_eq!(seen(&[(Running, 0, "", 1.0)], &[]).0.unsafe_reason, None);
    for value in [1.0, 0.0, -1.0, f64::NAN] {
        assert_eq!(seen(&[(Unsafe, 0, "an SDF", value)], &[]).0.unsafe_reason.as_deref(), Some("an SDF"));
    }
    let several = seen(&[(Unsafe, 0, "b", 1.0), (Unsafe, 0, "a", 1.0), (Unsafe, 1, "A", 1.0)], &[]);
    assert_eq!((several.0.unsafe_reason.as_deref(), several.1), (Some("a"), 0));
}
