//! Recordings: what is written comes back, and what is damaged keeps what can be read.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use steelyard::engine::{
    Action, ClassIndex, ClassObservation, Decision, Hold, JobObservation, JobTable, Learned, LearnedCapacity,
    LeftAlone, Observations, OperatorObservation, OwnerWishes, Pause, Reading, Signal, SignalSet, Timestamp, Workers,
};
use steelyard::policy::{self, PolicySet};
use steelyard::record::{Error, Header, Kept, Reader, Tick, Writer};

const CLASSES: [&str; 2] = ["beam", "flink"];

fn policies() -> PolicySet {
    let text = |name: &str| {
        format!(
            r"
apiVersion: steelyard.dev/v1alpha1
kind: ScalingPolicy
metadata: {{ name: {name} }}
spec:
  preset: seed
  limits: {{ maxWorkers: 50 }}
  signals:
    by: {{ namespace: namespace, name: app, operator: operator_name }}
    throughput: {{ query: throughput, unit: records }}
    backlog: {{ query: backlog, unit: records }}
    running: {{ query: workers }}
"
        )
    };
    let policies = CLASSES.into_iter().flat_map(|name| policy::parse(name, &text(name)).unwrap());
    PolicySet { policies: policies.collect() }
}

/// Bytes that a `Writer` leaves behind.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn at(tick: usize) -> Timestamp {
    Timestamp::from_millis(1_795_229_314_078 + 15_000 * i64::try_from(tick).unwrap())
}

/// The bytes after each of the ticks, and whether the file was ended properly.
fn written(ticks: &[Observations], compressed: bool, finish: bool) -> (Vec<u8>, Vec<usize>) {
    let shared = Shared::default();
    let header = Header::new(Duration::from_secs(15), &policies()).with_source("http://prometheus:9090");
    let mut writer = Writer::new(Box::new(shared.clone()), compressed, &header).unwrap();
    let mut ends = vec![shared.bytes().len()];
    for (tick, seen) in ticks.iter().enumerate() {
        writer.write(at(tick), seen, &policies(), None).unwrap();
        ends.push(shared.bytes().len());
    }
    if finish {
        writer.finish().unwrap();
    }
    (shared.bytes(), ends)
}

/// Every tick that can be read, and the error behind them.
fn read(bytes: Vec<u8>) -> (Vec<Tick>, Option<Error>) {
    let reader = match Reader::new(std::io::Cursor::new(bytes)) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut ticks = Vec::new();
    for tick in reader {
        match tick {
            Ok(tick) => ticks.push(tick),
            Err(error) => return (ticks, Some(error)),
        }
    }
    (ticks, None)
}

fn reading(low: f64) -> impl Strategy<Value = Reading> {
    prop_oneof![
        4 => (low..1e12).prop_map(Reading::Fresh),
        2 => (0_u32..100_000).prop_map(|whole| Reading::Fresh(whole.into())),
        1 => (0_u64..1_000_000_000).prop_map(|micros| Reading::Stale { age: Duration::from_micros(micros) }),
        1 => Just(Reading::Missing),
        1 => Just(Reading::NotFinite),
        1 => Just(Reading::QueryFailed),
    ]
}

fn signals() -> impl Strategy<Value = SignalSet> {
    proptest::collection::vec(proptest::sample::select(Signal::ALL.to_vec()), 0..4)
        .prop_map(|signals| signals.into_iter().collect())
}

fn wishes() -> impl Strategy<Value = OwnerWishes> {
    let pause = proptest::option::of(proptest::sample::select(vec![Pause::Both, Pause::Up, Pause::Down]));
    let until = proptest::option::of((0_i64..4_000_000_000_000).prop_map(Timestamp::from_millis));
    let count = || proptest::option::of(any::<u32>().prop_map(Workers));
    (pause, until, count(), count(), count()).prop_map(|(pause, pause_until, fixed, min, max)| OwnerWishes {
        pause,
        pause_until,
        fixed,
        min,
        max,
    })
}

fn operators() -> impl Strategy<Value = Vec<OperatorObservation>> {
    let some = || proptest::option::of(reading(0.0));
    let one = (reading(0.0), some(), some(), proptest::option::of(reading(-1e12)));
    proptest::collection::btree_map("[a-z\"\\\\ é\n]{0,8}", one, 0..4).prop_map(|map| {
        map.into_iter()
            .map(|(name, (throughput, total, backlog, growth))| OperatorObservation {
                operator: name.into(),
                throughput,
                total,
                backlog,
                growth,
            })
            .collect()
    })
}

/// What another process knew.
fn learned() -> impl Strategy<Value = Learned> {
    let time = || proptest::option::of((0_i64..4_000_000_000_000).prop_map(Timestamp::from_millis));
    let span = || proptest::option::of((0_u64..1_000_000).prop_map(Duration::from_millis));
    let rate = || 0.0..1e9_f64;
    let capacity = proptest::collection::vec(("[a-c]", any::<u32>(), rate()), 0..3);
    let count = || proptest::option::of(any::<u32>());
    let others = (count(), proptest::option::of(left_alone()));
    (time(), span(), span(), capacity, count(), proptest::option::of(rate()), others).prop_map(
        |(at, delay, downtime, capacity, wanted, regret, (asked, left_alone))| Learned {
            at,
            delay,
            downtime,
            capacity: capacity
                .into_iter()
                .map(|(operator, workers, per_second)| LearnedCapacity {
                    operator: operator.into(),
                    workers: Workers(workers),
                    per_second,
                })
                .collect(),
            wanted: wanted.map(Workers),
            regret,
            asked: asked.map(Workers),
            left_alone,
            ..Learned::default()
        },
    )
}

fn left_alone() -> impl Strategy<Value = LeftAlone> {
    (0_i64..4_000_000_000_000, any::<u32>())
        .prop_map(|(until, reverts)| LeftAlone { until: Timestamp::from_millis(until), reverts })
}

fn job() -> impl Strategy<Value = JobObservation> {
    let readings = proptest::collection::vec(reading(0.0), 10);
    let text = || proptest::option::of(".{0,12}".prop_map(Arc::<str>::from));
    let known = (text(), text(), wishes(), proptest::option::of(learned()), proptest::option::of(left_alone()));
    (0_usize..2, "[ab]", "[a-c]", readings, known, operators()).prop_map(
        |(class, namespace, name, readings, (unsafe_reason, conflict, wishes, recalled, left_alone), operators)| {
            // The index is set when the job is put into a tick.
            let id = steelyard::engine::JobId::new(&namespace, &name);
            JobObservation {
                index: Default::default(),
                id,
                class: ClassIndex(u16::try_from(class).unwrap()),
                running: readings[0],
                wished: readings[1],
                running_for: readings[2],
                coverage: readings[3],
                age: readings[4],
                cpu: readings[5],
                busy: readings[6],
                max_parallelism: readings[7],
                partitions: readings[8],
                checkpoint_interval: readings[9],
                unsafe_reason,
                conflict,
                left_alone,
                wishes,
                recalled: recalled.map(Arc::new),
                operators,
            }
        },
    )
}

/// Ticks as a live run sees them: jobs interned in the order of their coming, each once a tick.
fn ticks() -> impl Strategy<Value = Vec<Observations>> {
    let class = (signals(), signals()).prop_map(|(failed, partial)| ClassObservation {
        failed,
        partial,
        circuit_open_until: None,
    });
    let tick = (proptest::collection::vec(class, 0..3), proptest::collection::vec(job(), 0..5));
    proptest::collection::vec(tick, 0..5).prop_map(|ticks| {
        let mut table = JobTable::default();
        let names = CLASSES.map(Arc::<str>::from);
        ticks
            .into_iter()
            .map(|(mut classes, jobs)| {
                while classes.last().is_some_and(|class| *class == ClassObservation::default()) {
                    classes.pop();
                }
                let mut seen = Observations { classes, jobs: Vec::new() };
                for mut job in jobs {
                    let class = &names[usize::from(job.class.0)];
                    job.index = table.intern(class, job.id.namespace(), job.id.name());
                    if seen.jobs.iter().all(|other| other.index != job.index) {
                        seen.jobs.push(job);
                    }
                }
                seen
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_written_comes_back(ticks in ticks()) {
        for compressed in [false, true] {
            let (bytes, _) = written(&ticks, compressed, true);
            let (back, error) = read(bytes);
            prop_assert!(error.is_none(), "{error:?}");
            let back: Vec<Observations> = back.into_iter().map(|tick| tick.seen).collect();
            prop_assert_eq!(&back, &ticks);
        }
    }

    #[test]
    fn a_damaged_byte_costs_no_line_before_it(place in 0_usize..1200, byte in any::<u8>(), compressed in any::<bool>()) {
        let ticks: Vec<Observations> = (0..4).map(two_jobs).collect();
        let (mut bytes, ends) = written(&ticks, compressed, true);
        let place = place % bytes.len();
        bytes[place] = byte;
        let before = ends.iter().filter(|end| **end <= place).count().saturating_sub(1);
        let (kept, error) = read(bytes);
        if compressed {
            // What is decoded together is lost together, and the checksum tells of what still looks like a tick.
            let read: Vec<Observations> = kept.into_iter().map(|tick| tick.seen).collect();
            prop_assert!(error.is_some() || read == ticks);
        } else {
            prop_assert!(kept.len() >= before, "{} of {before}", kept.len());
            for (tick, kept) in kept.iter().take(before).enumerate() {
                prop_assert_eq!(&kept.seen, &ticks[tick]);
            }
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(start in 0_usize..2, bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let (mut file, _) = written(&[], start == 1, false);
        file.extend(bytes);
        let (ticks, _) = read(file);
        prop_assert!(ticks.is_empty());
    }
}

fn two_jobs(tick: u32) -> Observations {
    let mut table = JobTable::default();
    let names = CLASSES.map(Arc::<str>::from);
    let jobs = (0..2_u16).map(|class| {
        let index = table.intern(&names[usize::from(class)], "streaming", "orders");
        let id = table.id(index).unwrap().clone();
        let mut job = JobObservation::unseen(index, id, ClassIndex(class));
        job.running = Reading::Fresh(f64::from(tick));
        job.operators = vec![OperatorObservation {
            operator: "réad".into(),
            throughput: Reading::Fresh(1000.1),
            total: None,
            backlog: Some(Reading::Missing),
            growth: None,
        }];
        job
    });
    Observations { classes: Vec::new(), jobs: jobs.collect() }
}

#[test]
fn a_file_cut_at_any_byte_keeps_all_whole_lines() {
    let ticks: Vec<Observations> = (0..4).map(two_jobs).collect();
    let (bytes, ends) = written(&ticks, false, true);
    for cut in 0..=bytes.len() {
        // A line whose newline alone is missing is whole.
        let whole = ends.iter().filter(|end| cut + 1 >= **end).count();
        let (kept, error) = read(bytes[..cut].to_vec());
        assert_eq!(kept.len(), whole.saturating_sub(1), "cut at {cut}");
        for (tick, kept) in kept.iter().enumerate() {
            assert_eq!((kept.at, &kept.seen), (at(tick), &ticks[tick]));
        }
        let at_a_line = ends.iter().any(|end| cut == *end || cut + 1 == *end);
        match error {
            None => assert!(at_a_line, "cut at {cut}"),
            Some(Error::Truncated { line, kept }) => {
                assert!(!at_a_line, "cut at {cut}");
                assert_eq!((line, kept.ticks), (whole as u64 + 1, whole.saturating_sub(1) as u64), "cut at {cut}");
            }
            Some(Error::NotARecording) => assert_eq!(whole, 0, "cut at {cut}"),
            Some(error) => panic!(
                "cut at {cut}: {error}: {:?} {}",
                std::error::Error::source(&error),
                String::from_utf8_lossy(&bytes[..cut])
            ),
        }
    }
}

#[test]
fn a_compressed_file_of_a_killed_process_keeps_every_tick_that_was_written() {
    let ticks: Vec<Observations> = (0..4).map(two_jobs).collect();
    let (bytes, ends) = written(&ticks, true, true);
    for cut in 0..bytes.len() {
        let whole = ends.iter().filter(|end| cut >= **end).count();
        let (kept, error) = read(bytes[..cut].to_vec());
        assert!(kept.len() >= whole.saturating_sub(1), "cut at {cut}: {}", kept.len());
        for (tick, kept) in kept.iter().enumerate() {
            assert_eq!(kept.seen, ticks[tick], "cut at {cut}");
        }
        let error = error.unwrap_or_else(|| panic!("cut at {cut}: the missing end goes unseen"));
        assert!(error.is_truncation() || kept.is_empty(), "cut at {cut}: {error}");
    }
    let (killed, _) = written(&ticks, true, false);
    let (kept, error) = read(killed);
    assert_eq!(kept.len(), ticks.len());
    let Some(Error::Truncated { kept: Kept { ticks: 4, last }, .. }) = error else { panic!("{error:?}") };
    assert_eq!(last, Some(at(3)));
}

#[test]
fn a_plain_and_a_compressed_file_hold_the_same_under_any_name() {
    let directory = tempfile::tempdir().unwrap();
    let header = Header::new(Duration::from_secs(15), &policies());
    let read =
        |name: &str| -> Vec<Tick> { Reader::open(&directory.path().join(name)).unwrap().map(Result::unwrap).collect() };
    for name in ["plain.jsonl", "small.jsonl.zst"] {
        let mut writer = Writer::create(&directory.path().join(name), &header).unwrap();
        for tick in 0..50 {
            writer.write(at(tick), &two_jobs(tick.try_into().unwrap()), &policies(), None).unwrap();
        }
        writer.finish().unwrap();
    }
    let size = |name: &str| std::fs::metadata(directory.path().join(name)).unwrap().len();
    assert!(size("small.jsonl.zst") * 3 < size("plain.jsonl"), "{} {}", size("small.jsonl.zst"), size("plain.jsonl"));
    std::fs::copy(directory.path().join("small.jsonl.zst"), directory.path().join("renamed.jsonl")).unwrap();
    assert_eq!(read("plain.jsonl").len(), 50);
    assert_eq!(read("small.jsonl.zst"), read("plain.jsonl"));
    assert_eq!(read("renamed.jsonl"), read("plain.jsonl"));
}

#[test]
fn decisions_are_kept_and_compared_without_their_derivation() {
    let shared = Shared::default();
    let header = Header::new(Duration::from_secs(15), &policies());
    let mut writer = Writer::new(Box::new(shared.clone()), false, &header).unwrap();
    let seen = two_jobs(3);
    let job = seen.jobs[0].id.clone();
    let (from, to) = (Workers(3), Workers(7));
    let observing = Action::Hold(Hold::Observing { from, to });
    let live = Decision { job: job.clone(), at: at(0), action: observing, because: Vec::new() };
    writer.write(at(0), &seen, &policies(), Some(std::slice::from_ref(&live))).unwrap();
    writer.finish().unwrap();
    let (ticks, error) = read(shared.bytes());
    assert!(error.is_none(), "{error:?}");
    let recorded = ticks[0].decisions.as_deref().unwrap();
    assert_eq!(recorded.len(), 1);
    assert!(recorded[0].is_for(&job));
    assert!(recorded[0].agrees_with(&live));
    assert!(recorded[0].agrees_with(&Decision { action: Action::Scale { from, to }, ..live.clone() }));
    assert!(!recorded[0].agrees_with(&Decision { action: Action::Scale { from, to: from }, ..live }));
}

#[test]
fn a_job_of_an_unknown_class_is_not_written() {
    let header = Header::new(Duration::from_secs(15), &PolicySet { policies: policies().policies[..1].to_vec() });
    let mut writer = Writer::new(Box::new(Shared::default()), false, &header).unwrap();
    let error = writer.write(at(0), &two_jobs(1), &policies(), None).unwrap_err();
    assert!(matches!(&error, Error::UnknownClass { class, .. } if class == "flink"), "{error}");
}

const HEADER: &str = r#"{"steelyardRecording": 1, "step": "15s", "policies": [{"name": "beam", "text": "x"}]}"#;

#[test]
fn a_recording_written_by_hand_is_read() {
    let text = format!(
        "{HEADER}\n{}\n\n{}",
        r#"{"at": 1795229314, "jobs": [{"name": "orders", "workers": 2, "operators": {"read": {"throughput": 5}}}]}"#,
        r#"{"at": "2026-11-21T03:48:50Z", "classes": [{"class": "beam", "failed": ["cpu"]}], "jobs": []}"#,
    );
    let (ticks, error) = read(text.into_bytes());
    assert!(error.is_none(), "{error:?}");
    assert_eq!(ticks[0].seen.jobs[0].id.to_string(), "default/orders");
    assert_eq!(ticks[0].seen.jobs[0].operators[0].backlog, None);
    assert!(ticks[1].seen.classes[0].failed.contains(Signal::Cpu));
}

#[test]
fn a_damaged_line_is_named_and_what_stands_before_it_is_kept() {
    let good = r#"{"at": 100, "jobs": []}"#;
    let rows = [
        ("{\"at\": 200, \"jobs\": [}", "line 3, column 22: expected value"),
        ("{\"at\": 200, \"jobs\": []} {}", "line 3, column 25: trailing characters"),
        ("{\"at\": 200, \"job\": []}", "line 3, column 17: `job` is not known here: did you mean `jobs`?"),
        ("{\"at\": 200}", "line 3, column 11: missing field `jobs`"),
        ("{\"at\": \"noon\", \"jobs\": []}", "neither RFC 3339"),
        ("{\"at\": 200, \"jobs\": [{\"workers\": 1}]}", "line 3: a job has no `name`"),
        (
            "{\"at\": 200, \"jobs\": [{\"name\": \"a\"}, {\"name\": \"a\"}]}",
            "line 3: job `default/a` stands here twice",
        ),
        ("{\"at\": 200, \"jobs\": [{\"name\": \"a\", \"class\": \"x\"}]}", "line 3: the header has no policy `x`"),
        ("{\"at\": 200, \"classes\": [{\"class\": \"x\"}], \"jobs\": []}", "line 3: the header has no policy `x`"),
        ("{\"at\": 100, \"jobs\": []}", "line 3 of the recording (1970-01-01T00:01:40.000Z) is not later"),
        ("\u{0}", "line 3, column 1: expected value"),
    ];
    for (line, expected) in rows {
        let (ticks, error) = read(format!("{HEADER}\n{good}\n{line}\n{good}\n").into_bytes());
        assert_eq!(ticks.len(), 1, "{line}");
        let error = format!("{:#}", anyhow::Error::new(error.unwrap()));
        assert!(error.contains(expected), "{line}: {error}");
        assert!(error.contains("the 1 tick before, at 1970-01-01T00:01:40.000Z, is kept"), "{line}: {error}");
    }
}

#[test]
fn a_file_of_another_kind_is_refused_at_once() {
    let newer = HEADER.replace(": 1,", ": 7,");
    let rows: [(&[u8], &str); 6] = [
        (b"", "not a Steelyard recording"),
        (b"\x7fELF\x02\x01\x01", "not a Steelyard recording"),
        (b"apiVersion: v1\n", "not a Steelyard recording"),
        (b"{\"a\": 1}\n", "`steelyard record` makes one"),
        (newer.as_bytes(), "the recording has format 7, this Steelyard reads formats up to 1: upgrade Steelyard"),
        (b"\x28\xb5\x2f\xfdgarbage", "failed to read line 1"),
    ];
    for (bytes, expected) in rows {
        let (_, error) = read(bytes.to_vec());
        let error = error.unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let Err(error) = Reader::open(std::path::Path::new("/nowhere/at.all")) else { panic!("it opened") };
    assert_eq!(error.to_string(), "failed to open `/nowhere/at.all`");
}

#[test]
fn the_examples_of_the_documentation_are_a_recording() {
    let text: String = include_str!("../src/record/mod.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("//!"))
        .map(|line| format!("{}\n", line.trim()))
        .collect();
    let lines: Vec<String> = text
        .split("```json\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().replace('\n', " ").trim().to_owned() + "\n")
        .collect();
    assert_eq!(lines.len(), 2, "the header and a tick");
    let (ticks, error) = read(lines.concat().into_bytes());
    assert!(error.is_none(), "{error:?}");
    let job = &ticks[0].seen.jobs[0];
    assert_eq!((job.age, job.operators.len()), (Reading::Fresh(12.0), 2));
    assert!(ticks[0].seen.classes[0].partial.contains(Signal::Backlog));
}
