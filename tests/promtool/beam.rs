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
                #    running runningFor coverage age total    backlog backlog:1 cpu cpu:1 partitions unsafe rate
                305s 2       300        1        5   60000000 500000  500000    0.3 0.3   8          -      200000  # each job for itself
                310s 2       300        1        10  60000000 500000  500000    0.3 0.3   8          -      200000  # nothing is new but the age
                "),
                job("billing", "orders", "
                #    running runningFor coverage age total    backlog backlog:1 cpu cpu:1 partitions unsafe rate
                305s 1       300        1        5   18000000 40000   500000    0.1 0.3   4          -      60000  # each job for itself
                310s 1       300        1        10  18000000 40000   500000    0.1 0.3   4          -      60000  # nothing is new but the age
                "),
            ]),
        one("restart", "a restart that adds a worker", traps::restart(KIND), "
                #    running runningFor coverage age total    backlog backlog:1 cpu cpu:1 partitions unsafe rate
                305s 2       300        1        5   60000000 500000  500000    0.3 0.3   8          -      200000  # before
                320s 2       5          0.67     5   31900000 1150000 500000    0.3 0.3   8          -      100000  # one TaskManager shows the new generation, one the old, the JobManager nothing
                335s 3       20         0.75     5   3600000  2100000 500000    0.3 0.3   8          -      80000  # all are there; one has begun later and is no other restart
                350s 3       35         0.33     5   7200000  900000  500000    0.3 0.3   8          -      240000  # every attempt has two samples
                470s 3       155        1        5   36000000 900000  500000    0.3 0.3   8          -      240000  # warmUp is over
            "),
        one("restart", "a scale-up of two workers is two restarts", traps::two_restarts(KIND), "
                #    running runningFor coverage age total    backlog backlog:1 cpu cpu:1 partitions unsafe rate
                305s 3       4          0.6      5   1200000  750000  500000    0.3 0.3   8          -      -  # the first scrape of three
                320s 3       19         0        5   5700000  750000  500000    0.3 0.3   8          -      300000  # three
                335s 4       4          0.57     5   1600000  1000000 500000    0.3 0.3   8          -      -  # the first scrape of four
                350s 4       19         0        5   7600000  1000000 500000    0.3 0.3   8          -      400000  # four, never more
                485s 4       154        1        5   61600000 1000000 500000    0.3 0.3   8          -      400000  # warmUp is over
            "),
        one("nan", "samples that are no numbers", traps::nan(KIND), "
                #    running runningFor coverage age total    backlog backlog:1 cpu cpu:1 partitions unsafe rate
                50s  2       45         1        5   9000000  500000  500000    0.4 0.3   8          1      200000  # the first sample is in the window
                155s 2       150        1        5   30000000 500000  500000    0.4 0.3   8          1      200000  # it has left the window as warmUp ends
                305s 2       300        1        5   60000000 NaN     500000    0.4 0.3   8          1      200000  # a backlog that is no number
                320s 2       315        1        5   63000000 500000  500000    0.4 0.3   8          1      200000  # a scrape later all is well
            "),
        one("minus-one", "minus one where a number is not known", traps::minus_one(KIND), "
                #    running runningFor coverage age total    backlog backlog:1 cpu cpu:1 partitions unsafe rate
                50s  2       45         1        5   9000000  500000  500000    0.3 0.3   8          -      200000  # a load of -1 is none
                305s 2       300        1        5   60000000 250000  500000    0.3 0.3   8          -      200000  # one says -1
                350s 2       345        1        5   69000000 0       500000    0.3 0.3   8          -      200000  # both say -1
            "),
        one("ha-duplicates", "every series twice", traps::ha_duplicates(KIND), "
                #    running runningFor coverage age total     backlog backlog:1 cpu cpu:1 partitions unsafe rate
                305s 2       300        2        5   120000000 1000000 500000    0.3 0.3   8          -      400000  # sums are doubled and coverage says so
            "),
        one("pod-replaced", "a TaskManager is killed and another takes its place", traps::worker_replaced(KIND), "
                #    running runningFor coverage age total    backlog backlog:1 cpu cpu:1 partitions unsafe rate
                305s 2       300        1        5   60000000 500000  500000    0.3 0.3   8          -      200000  # before
                320s 2       0          0.5      5   -        -       -         -   0.3   8          -      -  # no task runs; the dead worker is still registered
                350s 2       3          0        5   600000   3000000 500000    0.3 0.3   8          -      -  # the first scrape of the new generation
                365s 2       18         0        5   3600000  3000000 500000    0.3 0.3   8          -      200000  # the second
                500s 2       153        1        5   30600000 3000000 500000    0.3 0.3   8          -      200000  # warmUp is over
            "),
        one("pod-replaced", "the JobManager is killed and another takes its place", traps::manager_replaced(KIND), "
                #    running runningFor coverage age total    backlog backlog:1 cpu cpu:1 partitions unsafe rate
                320s 2       315        -        5   63000000 500000  500000    0.3 0.3   8          -      200000  # the tasks look well; nobody says how many workers there should be
                350s 2       0          1        5   -        -       -         -   0.3   8          -      -  # no task runs any more
                365s 2       2          0        5   400000   3000000 500000    0.3 0.3   8          -      -  # another job_id, the same job
                515s 2       152        1        5   30400000 3000000 500000    0.3 0.3   8          -      200000  # warmUp is over
            "),
        one("standby", "a second JobManager stands by", traps::standby(KIND), "
                #    running runningFor coverage age total    backlog backlog:1 cpu cpu:1 partitions unsafe rate
                305s 2       300        1        5   60000000 500000  500000    0.3 0.3   8          -      200000  # it knows no worker, and counts for nothing
            "),
        one("spare-worker", "a worker without tasks", traps::spare_worker(KIND), "
                #    running runningFor coverage age total    backlog backlog:1 cpu cpu:1 partitions unsafe rate
                305s 3       300        1        5   90000000 750000  500000    0.3 0.3   8          -      300000  # three of four have tasks
            "),
        one("older-flink", "a Flink without runningTime", traps::older_flink(KIND), "
                #    running runningFor coverage age total    backlog backlog:1 cpu cpu:1 partitions unsafe rate
                305s 2       300        1        5   60000000 500000  500000    0.3 0.3   8          -      200000  # uptime says it
            "),
        one("not-scraped", "a worker that is registered and not scraped", traps::not_scraped(KIND), "
                #    running runningFor coverage age total     backlog backlog:1 cpu cpu:1 partitions unsafe rate
                305s 3       300        1        5   90000000  750000  500000    0.3 0.3   8          -      300000  # before
                320s 3       315        0.67     5   63000000  500000  500000    0.3 0.3   8          -      200000  # the first scrape without it
                350s 2       345        0.67     5   69000000  500000  500000    0.3 0.3   8          -      200000  # nor is it in the width any more
                650s 2       645        0.67     5   129000000 500000  500000    0.3 0.3   6          -      200000  # after five minutes
            "),
        one("prometheus-away", "Prometheus is away for 100 s", traps::prometheus_away(KIND), "
                #    running runningFor coverage age total    backlog backlog:1 cpu cpu:1 partitions unsafe rate
                380s -       300        1        80  60000000 500000  500000    0.3 0.3   8          -      200000  # asked afterwards about the gap: all stands still, age says so
                410s 2       405        1        5   81000000 500000  500000    0.3 0.3   8          -      200000  # it is back
                425s 2       420        1        5   84000000 500000  500000    0.3 0.3   8          -      200000  # a scrape later
            "),
        one("prometheus-away", "Prometheus is away for longer than the windows", traps::prometheus_long_away(KIND), "
                #    running runningFor coverage age total     backlog backlog:1 cpu cpu:1 partitions unsafe rate
                500s 2       495        1        5   99000000  500000  500000    0.3 -     8          -      -  # one sample: no slope
                515s 2       510        1        5   102000000 500000  500000    0.3 0.3   8          -      200000  # two
            "),
        one("empty", "no series of any job", Vec::new(), "
                #    running runningFor coverage age total backlog backlog:1 cpu cpu:1 partitions unsafe rate
                305s -       -          -        -   -     -       -         -   -     -          -      -  # no row, and none that is 0
            "),
        one("empty", "a JobManager without workers that are scraped", traps::manager_alone(KIND), "
                #    running runningFor coverage age total backlog backlog:1 cpu cpu:1 partitions unsafe rate
                305s -       0          -        5   -     -       -         -   -     -          -      -  # none is registered: nothing is divided by 0
                320s -       0          -        5   -     -       -         -   -     -          -      -  # two are
            "),
        one("empty", "a worker that is scraped before it is registered", traps::worker_alone(KIND), "
                #    running runningFor coverage age total backlog backlog:1 cpu cpu:1 partitions unsafe rate
                305s -       0          -        5   -     -       -         -   -     -          -      -  # nothing is divided by 0, and -1 is no load
            "),
        one("empty", "a job that has ended", traps::ended(KIND), "
                #    running runningFor coverage age total    backlog backlog:1 cpu cpu:1 partitions unsafe rate
                290s 1       285        1        5   28500000 250000  -         0.3 0.3   4          -      100000  # before
                320s -       -          -        -   -        -       -         -   -     4          -      -  # its series have ended
                350s -       -          -        -   -        -       -         -   -     4          -      -  # and stay away
            "),
        one("kafka-io-busy", "KafkaIO is busy at any load", traps::waiting_work(KIND), "
                #    running runningFor coverage age total    backlog backlog:1 cpu  cpu:1 partitions unsafe rate
                305s 1       300        1        5   30000000 250000  -         0.02 0.3   4          -      100000  # no query looks at it
            "),
        one("one-reader", "no --maxParallelism: one reader for three workers", traps::one_reader(), "
                #    running runningFor coverage age total    backlog backlog:1 cpu cpu:1 partitions unsafe rate
                305s 3       300        1        5   57000000 250000  -         0.3 0.3   1          -      190000  # the width is three, the splits are one
            "),
        one("late-splits", "splits without a batch since the restart", traps::late_splits(), "
                #    running runningFor coverage age total   backlog backlog:1 cpu cpu:1 partitions unsafe rate
                350s 2       40         1        5   8000000 500000  -         0.3 0.3   8          -      200000  # they are remembered
            "),
        one("loading-classes", "a worker that loads its classes", traps::loading_classes(), "
                #    running runningFor coverage age total    backlog backlog:1 cpu cpu:1 partitions unsafe rate
                320s 2       15         0        5   1500000  250000  500000    0.3 0.3   8          -      100000  # half of the sources say their backlog, and nobody has read for two scrapes
                335s 2       30         0        5   3000000  250000  500000    0.3 0.3   8          -      100000  # the other says -1, as one that has caught up
                350s 2       45         0.5      5   9000000  500000  500000    0.3 0.3   8          -      100000  # it reads, and says what waits
                365s 2       60         0.5      5   12000000 500000  500000    0.3 0.3   8          -      200000  # a scrape later
                380s 2       75         1        5   15000000 500000  500000    0.3 0.3   8          -      200000  # and another
            "),
        one("loading-classes", "a worker that has nothing to read", traps::nothing_to_read(), "
                #    running runningFor coverage age total    backlog backlog:1 cpu cpu:1 partitions unsafe rate
                470s 2       165        0.5      5   16500000 250000  500000    0.3 0.3   8          -      100000  # it may yet be one that loads its classes
                485s 2       180        1        5   18000000 250000  500000    0.3 0.3   8          -      100000  # three minutes are enough
            "),
        one("no-bytes-read", "a source that does not count bytes", traps::no_bytes_read(), "
                #    running runningFor coverage age total backlog backlog:1 cpu cpu:1 partitions unsafe rate
                305s 2       300        1        5   -     500000  -         0.3 0.3   8          -      -  # no throughput: the job is held
            "),
        one("impulse", "an Impulse source, and a failover", traps::impulse(), "
                #    running runningFor coverage age total    backlog backlog:1 cpu cpu:1 partitions unsafe rate
                305s 2       300        1        5   60000000 500000  500000    0.3 0.3   8          1      200000  # a row
                320s 2       315        1        5   -        -       -         -   0.3   8          1      -  # a row while no task runs
                350s 2       345        1        5   69000000 500000  500000    0.3 0.3   8          1      200000  # a row
            "),
        one("lag", "no pendingBytes: the lag of the group", traps::lag(KIND), "
                #    running runningFor coverage age total    backlog backlog:1 cpu cpu:1 partitions unsafe rate
                305s 3       300        1        5   90000000 -       500000    0.3 0.3   8          -      300000  # two exporters, counted once; bytes
                320s 3       315        1        5   94500000 -       3500000   0.3 0.3   8          -      300000  # a tooth
            "),
        one("lag", "a partition without a commit", traps::lag_unknown(KIND), "
                #    running runningFor coverage age total    backlog backlog:1 cpu cpu:1 partitions unsafe rate
                305s 3       300        1        5   90000000 -       -1000     0.3 0.3   8          -      300000  # unknown
            "),
        one("lag", "no group of that name", traps::lag_of_another(KIND), "
                #    running runningFor coverage age total    backlog backlog:1 cpu cpu:1 partitions unsafe rate
                305s 3       300        1        5   90000000 -       -         0.3 0.3   8          -      300000  # no row
            "),
        one("no-load", "no CPU_Load", traps::no_load(), "
                #    running runningFor coverage age total    backlog backlog:1 cpu cpu:1 partitions unsafe rate
                305s 2       300        1        5   60000000 500000  500000    -   0.3   8          -      200000  # what the containers use of what they ask for
            "),
    ]
}
