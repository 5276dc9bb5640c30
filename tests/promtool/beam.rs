//! What the queries of `beam-flink-reactive`, which are those of `beam-flink-seed`, say in each trap.

use super::expect::{Case, Expected};
use super::job::KAFKA_IO;
use super::job::Kind;
use super::series::Series;
use super::traps;

const KIND: Kind = Kind::Beam;

fn job(namespace: &'static str, app: &'static str, table: &'static str) -> Expected {
    Expected { namespace, app, operator: KAFKA_IO, table }
}

fn one(trap: &'static str, name: &'static str, series: Vec<Series>, table: &'static str) -> Case {
    several(trap, name, series, vec![job("streaming", "orders", table)])
}

fn several(trap: &'static str, name: &'static str, series: Vec<Series>, jobs: Vec<Expected>) -> Case {
    Case { trap, name, series, jobs }
}

/// Every trap, its situations after each other.
pub fn cases() -> Vec<Case> {
    vec![
        several("normal", "two jobs that run well", traps::normal(KIND), vec![
                job("streaming", "orders", "
                #    running runningFor coverage age throughput backlog backlog:1 cpu cpu:1 partitions unsafe
                305s 2       300        1        5   200000     500000  500000    0.3 0.3   8          -  # each job for itself
                310s 2       300        1        10  200000     500000  500000    0.3 0.3   8          -  # nothing is new but the age
                "),
                job("billing", "orders", "
                #    running runningFor coverage age throughput backlog backlog:1 cpu cpu:1 partitions unsafe
                305s 1       300        1        5   60000      40000   500000    0.1 0.3   4          -  # each job for itself
                310s 1       300        1        10  60000      40000   500000    0.1 0.3   4          -  # nothing is new but the age
                "),
            ]),
        one("restart", "a restart that adds a worker", traps::restart(KIND), "
                #    running runningFor coverage age throughput backlog backlog:1 cpu cpu:1 partitions unsafe
                305s 2       300        1        5   200000     500000  500000    0.3 0.3   8          -  # before
                320s 2       5          0.67     5   100000     1150000 500000    0.3 0.3   8          -  # one TaskManager shows the new generation, one the old, the JobManager nothing
                335s 3       20         0.75     5   80000      2100000 500000    0.3 0.3   8          -  # all are there; one has begun later and is no other restart
                350s 3       35         1        5   240000     900000  500000    0.3 0.3   8          -  # every attempt has two samples
                470s 3       155        1        5   240000     900000  500000    0.3 0.3   8          -  # warmUp is over
            "),
        one("restart", "a scale-up of two workers is two restarts", traps::two_restarts(KIND), "
                #    running runningFor coverage age throughput backlog backlog:1 cpu cpu:1 partitions unsafe
                305s 3       4          0.6      5   -          750000  500000    0.3 0.3   8          -  # the first scrape of three
                320s 3       19         1        5   300000     750000  500000    0.3 0.3   8          -  # three
                335s 4       4          0.57     5   -          1000000 500000    0.3 0.3   8          -  # the first scrape of four
                350s 4       19         1        5   400000     1000000 500000    0.3 0.3   8          -  # four, never more
                485s 4       154        1        5   400000     1000000 500000    0.3 0.3   8          -  # warmUp is over
            "),
        one("nan", "samples that are no numbers", traps::nan(KIND), "
                #    running runningFor coverage age throughput backlog backlog:1 cpu cpu:1 partitions unsafe
                50s 2       45         1        5   200000     500000  500000    0.4 0.3   8          1  # the first sample is in the window
                155s 2       150        1        5   200000     500000  500000    0.4 0.3   8          1  # it has left the window as warmUp ends
                305s 2       300        1        5   200000     NaN     500000    0.4 0.3   8          1  # a backlog that is no number
                320s 2       315        1        5   200000     500000  500000    0.4 0.3   8          1  # a scrape later all is well
            "),
        one("minus-one", "minus one where a number is not known", traps::minus_one(KIND), "
                #    running runningFor coverage age throughput backlog backlog:1 cpu cpu:1 partitions unsafe
                50s 2       45         1        5   200000     500000  500000    0.3 0.3   8          -  # a load of -1 is none
                305s 2       300        1        5   200000     250000  500000    0.3 0.3   8          -  # one says -1
                350s 2       345        1        5   200000     0       500000    0.3 0.3   8          -  # both say -1
            "),
        one("ha-duplicates", "every series twice", traps::ha_duplicates(KIND), "
                #    running runningFor coverage age throughput backlog backlog:1 cpu cpu:1 partitions unsafe
                305s 2       300        2        5   400000     1000000 500000    0.3 0.3   8          -  # sums are doubled and coverage says so
            "),
        one("pod-replaced", "a TaskManager is killed and another takes its place", traps::worker_replaced(KIND), "
                #    running runningFor coverage age throughput backlog backlog:1 cpu cpu:1 partitions unsafe
                305s 2       300        1        5   200000     500000  500000    0.3 0.3   8          -  # before
                320s 2       0          0.5      5   -          -       -         -   0.3   8          -  # no task runs; the dead worker is still registered
                350s 2       3          1        5   -          3000000 500000    0.3 0.3   8          -  # the first scrape of the new generation
                365s 2       18         1        5   200000     3000000 500000    0.3 0.3   8          -  # the second
                500s 2       153        1        5   200000     3000000 500000    0.3 0.3   8          -  # warmUp is over
            "),
        one("pod-replaced", "the JobManager is killed and another takes its place", traps::manager_replaced(KIND), "
                #    running runningFor coverage age throughput backlog backlog:1 cpu cpu:1 partitions unsafe
                320s 2       315        -        5   200000     500000  500000    0.3 0.3   8          -  # the tasks look well; nobody says how many workers there should be
                350s 2       0          1        5   -          -       -         -   0.3   8          -  # no task runs any more
                365s 2       2          1        5   -          3000000 500000    0.3 0.3   8          -  # another job_id, the same job
                515s 2       152        1        5   200000     3000000 500000    0.3 0.3   8          -  # warmUp is over
            "),
        one("standby", "a second JobManager stands by", traps::standby(KIND), "
                #    running runningFor coverage age throughput backlog backlog:1 cpu cpu:1 partitions unsafe
                305s 2       300        1        5   200000     500000  500000    0.3 0.3   8          -  # it knows no worker, and counts for nothing
            "),
        one("spare-worker", "a worker without tasks", traps::spare_worker(KIND), "
                #    running runningFor coverage age throughput backlog backlog:1 cpu cpu:1 partitions unsafe
                305s 3       300        1        5   300000     750000  500000    0.3 0.3   8          -  # three of four have tasks
            "),
        one("older-flink", "a Flink without runningTime", traps::older_flink(KIND), "
                #    running runningFor coverage age throughput backlog backlog:1 cpu cpu:1 partitions unsafe
                305s 2       300        1        5   200000     500000  500000    0.3 0.3   8          -  # uptime says it
            "),
        one("not-scraped", "a worker that is registered and not scraped", traps::not_scraped(KIND), "
                #    running runningFor coverage age throughput backlog backlog:1 cpu cpu:1 partitions unsafe
                305s 3       300        1        5   300000     750000  500000    0.3 0.3   8          -  # before
                320s 3       315        0.67     5   200000     500000  500000    0.3 0.3   8          -  # the first scrape without it
                350s 2       345        0.67     5   200000     500000  500000    0.3 0.3   8          -  # nor is it in the width any more
                650s 2       645        0.67     5   200000     500000  500000    0.3 0.3   6          -  # after five minutes
            "),
        one("prometheus-away", "Prometheus is away for 100 s", traps::prometheus_away(KIND), "
                #    running runningFor coverage age throughput backlog backlog:1 cpu cpu:1 partitions unsafe
                380s -       300        1        80  200000     500000  500000    0.3 0.3   8          -  # asked afterwards about the gap: all stands still, age says so
                410s 2       405        1        5   200000     500000  500000    0.3 0.3   8          -  # it is back
                425s 2       420        1        5   200000     500000  500000    0.3 0.3   8          -  # a scrape later
            "),
        one("prometheus-away", "Prometheus is away for longer than the windows", traps::prometheus_long_away(KIND), "
                #    running runningFor coverage age throughput backlog backlog:1 cpu cpu:1 partitions unsafe
                500s 2       495        1        5   -          500000  500000    0.3 -     8          -  # one sample: no slope
                515s 2       510        1        5   200000     500000  500000    0.3 0.3   8          -  # two
            "),
        one("empty", "no series of any job", Vec::new(), "
                #    running runningFor coverage age throughput backlog backlog:1 cpu cpu:1 partitions unsafe
                305s -       -          -        -   -          -       -         -   -     -          -  # no row, and none that is 0
            "),
        one("empty", "a JobManager without workers that are scraped", traps::manager_alone(KIND), "
                #    running runningFor coverage age throughput backlog backlog:1 cpu cpu:1 partitions unsafe
                305s -       0          -        5   -          -       -         -   -     -          -  # none is registered: nothing is divided by 0
                320s -       0          -        5   -          -       -         -   -     -          -  # two are
            "),
        one("empty", "a worker that is scraped before it is registered", traps::worker_alone(KIND), "
                #    running runningFor coverage age throughput backlog backlog:1 cpu cpu:1 partitions unsafe
                305s -       0          -        5   -          -       -         -   -     -          -  # nothing is divided by 0, and -1 is no load
            "),
        one("empty", "a job that has ended", traps::ended(KIND), "
                #    running runningFor coverage age throughput backlog backlog:1 cpu cpu:1 partitions unsafe
                290s 1       285        1        5   100000     250000  -         0.3 0.3   4          -  # before
                320s -       -          -        -   -          -       -         -   -     4          -  # its series have ended
                350s -       -          -        -   -          -       -         -   -     4          -  # and stay away
            "),
        one("kafka-io-busy", "KafkaIO is busy at any load", traps::waiting_work(KIND), "
                #    running runningFor coverage age throughput backlog backlog:1 cpu  cpu:1 partitions unsafe
                305s 1       300        1        5   100000     250000  -         0.02 0.3   4          -  # no query looks at it
            "),
        one("one-reader", "no --maxParallelism: one reader for three workers", traps::one_reader(), "
                #    running runningFor coverage age throughput backlog backlog:1 cpu cpu:1 partitions unsafe
                305s 3       300        1        5   190000     250000  -         0.3 0.3   1          -  # the width is three, the splits are one
            "),
        one("late-splits", "splits without a batch since the restart", traps::late_splits(), "
                #    running runningFor coverage age throughput backlog backlog:1 cpu cpu:1 partitions unsafe
                350s 2       40         1        5   200000     500000  -         0.3 0.3   8          -  # they are remembered
            "),
        one("loading-classes", "a worker that loads its classes", traps::loading_classes(), "
                #    running runningFor coverage age throughput backlog backlog:1 cpu cpu:1 partitions unsafe
                305s 2       300        0.5      5   200000     250000  500000    0.3 0.3   8          -  # half of the sources say their backlog
                320s 2       315        1        5   200000     500000  500000    0.3 0.3   8          -  # all do
            "),
        one("no-bytes-read", "a source that does not count bytes", traps::no_bytes_read(), "
                #    running runningFor coverage age throughput backlog backlog:1 cpu cpu:1 partitions unsafe
                305s 2       300        1        5   -          500000  -         0.3 0.3   8          -  # no throughput: the job is held
            "),
        one("impulse", "an Impulse source, and a failover", traps::impulse(), "
                #    running runningFor coverage age throughput backlog backlog:1 cpu cpu:1 partitions unsafe
                305s 2       300        1        5   200000     500000  500000    0.3 0.3   8          1  # a row
                320s 2       315        1        5   -          -       -         -   0.3   8          1  # a row while no task runs
                350s 2       345        1        5   200000     500000  500000    0.3 0.3   8          1  # a row
            "),
        one("lag", "no pendingBytes: the lag of the group", traps::lag(KIND), "
                #    running runningFor coverage age throughput backlog backlog:1 cpu cpu:1 partitions unsafe
                305s 3       300        1        5   300000     -       500000    0.3 0.3   8          -  # two exporters, counted once; bytes
                320s 3       315        1        5   300000     -       3500000   0.3 0.3   8          -  # a tooth
            "),
        one("lag", "a partition without a commit", traps::lag_unknown(KIND), "
                #    running runningFor coverage age throughput backlog backlog:1 cpu cpu:1 partitions unsafe
                305s 3       300        1        5   300000     -       -1000     0.3 0.3   8          -  # unknown
            "),
        one("lag", "no group of that name", traps::lag_of_another(KIND), "
                #    running runningFor coverage age throughput backlog backlog:1 cpu cpu:1 partitions unsafe
                305s 3       300        1        5   300000     -       -         0.3 0.3   8          -  # no row
            "),
        one("no-load", "no CPU_Load", traps::no_load(), "
                #    running runningFor coverage age throughput backlog backlog:1 cpu cpu:1 partitions unsafe
                305s 2       300        1        5   200000     500000  500000    -   0.3   8          -  # what the containers use of what they ask for
            "),
    ]
}
