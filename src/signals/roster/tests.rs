use super::*;
use crate::engine::{Reading, Signal};
use crate::signals::testing::policy;

const MINUTE: Duration = Duration::from_secs(60);
const START: Timestamp = Timestamp::from_millis(1_000_000);

struct World {
    policies: PolicySet,
    jobs: JobTable,
    names: Names,
    roster: Roster,
}

impl World {
    fn of(classes: &[&str]) -> Self {
        let policies = classes.iter().map(|class| policy(class, &[(Signal::Running, &["a"])])).collect();
        let (jobs, names, roster) = (JobTable::default(), Names::default(), Roster::default());
        Self { policies: PolicySet { policies }, jobs, names, roster }
    }

    /// What is seen of each job ("class/name running"), with a row of 1 for each of `rows` (class, name).
    fn see(&mut self, rows: &[(&str, &str)], trouble: impl FnOnce(&mut Answers), at: Timestamp) -> Vec<String> {
        let mut answers = Answers::of(self.policies.policies.len());
        for (class, name) in rows {
            let job = self.jobs.intern(&Arc::from(*class), "n", name);
            answers.rows.push(Row { job, signal: Signal::Running, alternative: 0, name: 0, value: 1.0 });
        }
        trouble(&mut answers);
        let (seen, _) = self.roster.observe(&self.policies, &self.jobs, &self.names, answers, at);
        let class = |job: &JobObservation| self.policies.policies[job.class.0 as usize].plan.class.to_string();
        seen.jobs
            .iter()
            .map(|job| {
                let conflict = job.conflict.as_deref().map(|with| format!(" against {with}")).unwrap_or_default();
                let running = match job.running {
                    Reading::Fresh(number) => number.to_string(),
                    other => format!("{other:?}"),
                };
                format!("{}/{} {running}{conflict}", class(job), job.id.name())
            })
            .collect()
    }
}

fn nothing(_: &mut Answers) {}

#[test]
fn a_job_is_known_for_ten_minutes_after_its_last_row() {
    let mut world = World::of(&["beam"]);
    assert_eq!(world.see(&[("beam", "a"), ("beam", "b")], nothing, START), ["beam/a 1", "beam/b 1"]);
    let last = START.plus(KNOWN_FOR);
    assert_eq!(world.see(&[("beam", "b")], nothing, last), ["beam/a Missing", "beam/b 1"]);
    let later = last.plus(Duration::from_millis(1));
    assert_eq!(world.see(&[("beam", "b")], nothing, later), ["beam/b 1"]);
    assert_eq!(world.see(&[("beam", "a")], nothing, later), ["beam/a 1", "beam/b Missing"], "it may come back");
}

#[test]
fn nobody_is_forgotten_while_a_query_of_the_class_fails_or_is_answered_in_part() {
    let mut world = World::of(&["beam", "flink"]);
    world.see(&[("beam", "a"), ("flink", "b")], nothing, START);
    let failing = |answers: &mut Answers| answers.failures[0].add(Signal::Running, 0);
    let partial = |answers: &mut Answers| answers.partial[0].insert(Signal::Running);
    assert_eq!(world.see(&[], failing, START.plus(30 * MINUTE)), ["beam/a QueryFailed"], "the other class answered");
    assert_eq!(world.see(&[], partial, START.plus(60 * MINUTE)), ["beam/a Missing"]);
    assert_eq!(world.see(&[], nothing, START.plus(70 * MINUTE)), ["beam/a Missing"], "ten minutes from now on");
    assert_eq!(world.see(&[], nothing, START.plus(71 * MINUTE)), [""; 0]);
}

#[test]
fn a_retired_index_may_stand_for_another_job() {
    let mut world = World::of(&["beam"]);
    world.see(&[("beam", "a")], nothing, START);
    let index = world.jobs.get("beam", "n", "a").unwrap();
    world.jobs.retire(index);
    assert_eq!(world.see(&[], nothing, START), [""; 0]);
    assert_eq!(world.see(&[("beam", "b")], nothing, START), ["beam/b 1"]);
    assert_eq!(world.jobs.get("beam", "n", "b"), Some(index));
}

#[test]
fn jobs_of_a_policy_that_is_gone_leave_at_once_and_those_of_one_that_moved_stay() {
    let mut world = World::of(&["beam", "flink"]);
    world.see(&[("beam", "a"), ("flink", "b")], nothing, START);
    world.policies.policies.remove(0);
    assert_eq!(world.see(&[], nothing, START), ["flink/b Missing"]);
}

#[test]
fn a_job_that_two_policies_know_names_the_other_one() {
    let mut world = World::of(&["beam", "flink", "more"]);
    let rows = [("more", "x"), ("flink", "x"), ("beam", "a"), ("flink", "a"), ("beam", "x"), ("flink", "b")];
    assert_eq!(
        world.see(&rows, nothing, START),
        [
            "more/x 1 against policy beam",
            "flink/x 1 against policy beam",
            "beam/a 1 against policy flink",
            "flink/a 1 against policy beam",
            "beam/x 1 against policy flink",
            "flink/b 1",
        ]
    );
}

#[test]
fn a_class_has_lost_a_signal_when_its_first_alternative_failed() {
    let world = World::of(&["beam"]);
    let failed = |signal, alternative| {
        let mut answers = Answers::of(1);
        answers.failures[0].add(signal, alternative);
        classes(&world.policies, &answers)[0].failed.contains(signal)
    };
    assert!(failed(Signal::Backlog, 0));
    assert!(!failed(Signal::Backlog, 1));
    assert!(failed(Signal::Unsafe, 1), "whether a job is safe is then not known");
}

#[test]
fn rows_that_are_not_unique_are_named() {
    let mut world = World::of(&["beam"]);
    let mut answers = Answers::of(1);
    let job = world.jobs.intern(&Arc::from("beam"), "n", "a");
    answers.rows = vec![Row { job, signal: Signal::Running, alternative: 0, name: 0, value: 1.0 }; 2];
    let (seen, repeated) = world.roster.observe(&world.policies, &world.jobs, &world.names, answers, START);
    assert_eq!(seen.jobs[0].running, Reading::Missing);
    assert_eq!(repeated.len(), 1);
    let Repeated { class, rows, signals, example } = &repeated[0];
    assert_eq!((&**class, *rows, example.to_string()), ("beam", 2, "n/a".to_owned()));
    assert_eq!(signals.iter().collect::<Vec<_>>(), [Signal::Running]);
}

/// A fall-back's total is another sum: one tick stands between the two, so that nobody takes their difference.
#[test]
fn totals_of_another_alternative_begin_with_a_tick_without() {
    use Signal::{Backlog, Throughput};
    let mut world = World::of(&[]);
    let mut asked = policy("beam", &[(Throughput, &["a", "b"]), (Backlog, &["a", "b"])]);
    asked.signals[0].counter = true;
    assert_eq!(asked.signals[0].signal, Throughput);
    world.policies.policies.push(asked);
    let job = world.jobs.intern(&Arc::from("beam"), "n", "a");
    let read = world.names.intern("read");
    // (the alternatives of throughput and backlog that have a row, one of throughput that failed) -> the total.
    for (place, (throughput, backlog, failed, total)) in [
        (&[0, 1][..], 0, None, Reading::Fresh(7.0)),
        (&[0], 0, None, Reading::Fresh(7.0)),
        (&[1], 0, None, Reading::Missing),
        (&[1], 0, None, Reading::Fresh(7.0)),
        (&[0, 1], 0, None, Reading::Missing),
        (&[0, 1], 0, None, Reading::Fresh(7.0)),
        (&[1], 0, Some(0), Reading::QueryFailed),
        (&[0], 0, None, Reading::Fresh(7.0)),
        (&[], 0, None, Reading::Missing),
        (&[0], 0, None, Reading::Fresh(7.0)),
        (&[0], 1, None, Reading::Missing),
        (&[0], 1, None, Reading::Fresh(7.0)),
    ]
    .into_iter()
    .enumerate()
    {
        let mut answers = Answers::of(1);
        let row = |signal, alternative| Row { job, signal, alternative, name: read, value: 7.0 };
        answers.rows.extend(throughput.iter().map(|alternative| row(Throughput, *alternative)));
        answers.rows.push(row(Backlog, backlog));
        if let Some(failed) = failed {
            answers.failures[0].add(Throughput, failed);
        }
        let (seen, _) = world.roster.observe(&world.policies, &world.jobs, &world.names, answers, START);
        assert_eq!(seen.jobs[0].operators[0].total, Some(total), "look {place}");
    }
}
