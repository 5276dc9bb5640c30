//! What the queries of `flink-datastream` say in each trap.

use super::expect::{Case, Expected};
use super::job::Kind;
use super::series::Series;
use super::traps;

const KIND: Kind = Kind::Flink;

fn job(namespace: &'static str, app: &'static str, table: &'static str) -> Expected {
    Expected { namespace, app, operator: "Source:_orders", table }
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
                #    running runningFor coverage age total backlog backlog:1 cpu  busy
                305s 2       300        1        5   60000 500     500       0.55 0.6  # each job for itself
                310s 2       300        1        10  60000 500     500       0.55 0.6  # nothing is new but the age
                "),
                job("billing", "orders", "
                #    running runningFor coverage age total backlog backlog:1 cpu busy
                305s 1       300        1        5   18000 40      500       0.3 0.3  # each job for itself
                310s 1       300        1        10  18000 40      500       0.3 0.3  # nothing is new but the age
                "),
            ]),
        one("restart", "a restart that adds a worker", traps::restart(KIND), "
                #    running runningFor coverage age total backlog backlog:1 cpu  busy
                305s 2       300        1        5   60000 500     500       0.55 0.6  # before
                320s 2       5          0.67     5   31900 1150    500       0.5  0.5  # one TaskManager shows the new generation, one the old, the JobManager nothing
                335s 3       20         0.75     5   3600  2100    500       0.4  0.4  # all are there; one has begun later and is no other restart
                350s 3       35         1        5   7200  900     500       0.4  0.4  # every attempt has two samples
                470s 3       155        1        5   36000 900     500       0.4  0.4  # warmUp is over
            "),
        one("restart", "a scale-up of two workers is two restarts", traps::two_restarts(KIND), "
                #    running runningFor coverage age total backlog backlog:1 cpu busy
                305s 3       4          0.6      5   1200  750     500       0.3 -  # the first scrape of three
                320s 3       19         1        5   5700  750     500       0.6 0.6  # three
                335s 4       4          0.57     5   1600  1000    500       0.3 -  # the first scrape of four
                350s 4       19         1        5   7600  1000    500       0.6 0.6  # four, never more
                485s 4       154        1        5   61600 1000    500       0.6 0.6  # warmUp is over
            "),
        one("nan", "samples that are no numbers", traps::nan(KIND), "
                #    running runningFor coverage age total backlog backlog:1 cpu  busy
                50s  2       45         1        5   9000  500     500       0.5  0.5  # the first sample is in the window
                155s 2       150        1        5   30000 500     500       0.55 0.6  # it has left the window as warmUp ends
                305s 2       300        1        5   60000 NaN     500       0.55 0.6  # a backlog that is no number
                320s 2       315        1        5   63000 500     500       0.55 0.6  # a scrape later all is well
            "),
        one("minus-one", "minus one where a number is not known", traps::minus_one(KIND), "
                #    running runningFor coverage age total backlog backlog:1 cpu  busy
                50s  2       45         1        5   9000  500     500       0.55 0.6  # a load of -1 is none
                305s 2       300        1        5   60000 -1      500       0.55 0.6  # one says -1
                350s 2       345        1        5   69000 -1      500       0.55 0.6  # both say -1
            "),
        one("ha-duplicates", "every series twice", traps::ha_duplicates(KIND), "
                #    running runningFor coverage age total  backlog backlog:1 cpu  busy
                305s 2       300        2        5   120000 1000    500       0.55 0.6  # sums are doubled and coverage says so
            "),
        one("pod-replaced", "a TaskManager is killed and another takes its place", traps::worker_replaced(KIND), "
                #    running runningFor coverage age total backlog backlog:1 cpu  busy
                305s 2       300        1        5   60000 500     500       0.55 0.6  # before
                320s 2       0          0.5      5   -     -       -         -    -  # no task runs; the dead worker is still registered
                350s 2       3          1        5   600   3000    500       0.3  -  # the first scrape of the new generation
                365s 2       18         1        5   3600  3000    500       0.55 0.6  # the second
                500s 2       153        1        5   30600 3000    500       0.55 0.6  # warmUp is over
            "),
        one("pod-replaced", "the JobManager is killed and another takes its place", traps::manager_replaced(KIND), "
                #    running runningFor coverage age total backlog backlog:1 cpu  busy
                320s 2       315        -        5   63000 500     500       0.55 0.6  # the tasks look well; nobody says how many workers there should be
                350s 2       0          1        5   -     -       -         -    -  # no task runs any more
                365s 2       2          1        5   400   3000    500       0.3  -  # another job_id, the same job
                515s 2       152        1        5   30400 3000    500       0.55 0.6  # warmUp is over
            "),
        one("standby", "a second JobManager stands by", traps::standby(KIND), "
                #    running runningFor coverage age total backlog backlog:1 cpu  busy
                305s 2       300        1        5   60000 500     500       0.55 0.6  # it knows no worker, and counts for nothing
            "),
        one("spare-worker", "a worker without tasks", traps::spare_worker(KIND), "
                #    running runningFor coverage age total backlog backlog:1 cpu  busy
                305s 3       300        1        5   90000 750     500       0.57 0.6  # three of four have tasks
            "),
        one("older-flink", "a Flink without runningTime", traps::older_flink(KIND), "
                #    running runningFor coverage age total backlog backlog:1 cpu  busy
                305s 2       300        1        5   60000 500     500       0.55 0.6  # uptime says it
            "),
        one("not-scraped", "a worker that is registered and not scraped", traps::not_scraped(KIND), "
                #    running runningFor coverage age total  backlog backlog:1 cpu  busy
                305s 3       300        1        5   90000  750     500       0.5  0.6  # before
                320s 3       315        0.67     5   63000  500     500       0.55 0.6  # the first scrape without it
                350s 2       345        0.67     5   69000  500     500       0.55 0.6  # nor is it in the width any more
                650s 2       645        0.67     5   129000 500     500       0.55 0.6  # after five minutes
            "),
        one("prometheus-away", "Prometheus is away for 100 s", traps::prometheus_away(KIND), "
                #    running runningFor coverage age total backlog backlog:1 cpu  busy
                380s -       300        1        80  60000 500     500       0.55 0.6  # asked afterwards about the gap: all stands still, age says so
                410s 2       405        1        5   81000 500     500       0.55 0.6  # it is back
                425s 2       420        1        5   84000 500     500       0.55 0.6  # a scrape later
            "),
        one("prometheus-away", "Prometheus is away for longer than the windows", traps::prometheus_long_away(KIND), "
                #    running runningFor coverage age total  backlog backlog:1 cpu  busy
                500s 2       495        1        5   99000  500     500       0.3  -  # one sample: no slope
                515s 2       510        1        5   102000 500     500       0.55 0.6  # two
            "),
        one("empty", "no series of any job", Vec::new(), "
                #    running runningFor coverage age total backlog backlog:1 cpu busy
                305s -       -          -        -   -     -       -         -   -  # no row, and none that is 0
            "),
        one("empty", "a JobManager without workers that are scraped", traps::manager_alone(KIND), "
                #    running runningFor coverage age total backlog backlog:1 cpu busy
                305s -       0          -        5   -     -       -         -   -  # none is registered: nothing is divided by 0
                320s -       0          -        5   -     -       -         -   -  # two are
            "),
        one("empty", "a worker that is scraped before it is registered", traps::worker_alone(KIND), "
                #    running runningFor coverage age total backlog backlog:1 cpu busy
                305s -       0          -        5   -     -       -         -   -  # nothing is divided by 0, and -1 is no load
            "),
        one("empty", "a job that has ended", traps::ended(KIND), "
                #    running runningFor coverage age total backlog backlog:1 cpu busy
                290s 1       285        1        5   28500 250     -         0.6 0.6  # before
                320s -       -          -        -   -     -       -         -   -  # its series have ended
                350s -       -          -        -   -     -       -         -   -  # and stay away
            "),
        one("skew", "few key groups: the hottest subtask is at its limit", traps::skew(KIND), "
                #    running runningFor coverage age total backlog backlog:1 cpu  busy
                305s 3       300        1        5   90000 750     -         0.91 1  # busy is the hottest, cpu the mean
            "),
        one("cpu-quota", "a CPU quota: busy lies", traps::quota(KIND), "
                #    running runningFor coverage age total backlog backlog:1 cpu  busy
                305s 1       300        1        5   30000 250     -         0.77 0.25  # cpu is the larger
            "),
        one("waiting-work", "work that waits for others: the load lies", traps::waiting_work(KIND), "
                #    running runningFor coverage age total backlog backlog:1 cpu busy
                305s 1       300        1        5   30000 250     -         1   1  # cpu is the larger
            "),
        one("legacy-source", "a source whose input is always 0", traps::legacy_source(KIND), "
                #    running runningFor coverage age total backlog backlog:1 cpu  busy
                305s 2       300        1        5   60000 -       500       0.55 0.6  # what it puts out; the group's lag
            "),
        one("lag", "no pendingRecords: the lag of the group", traps::lag(KIND), "
                #    running runningFor coverage age total backlog backlog:1 cpu  busy
                305s 3       300        1        5   90000 -       500       0.57 0.6  # two exporters, counted once
                320s 3       315        1        5   94500 -       3500      0.57 0.6  # a tooth
            "),
        one("lag", "a partition without a commit", traps::lag_unknown(KIND), "
                #    running runningFor coverage age total backlog backlog:1 cpu  busy
                305s 3       300        1        5   90000 -       -1        0.57 0.6  # unknown
            "),
        one("lag", "no group of that name", traps::lag_of_another(KIND), "
                #    running runningFor coverage age total backlog backlog:1 cpu  busy
                305s 3       300        1        5   90000 -       -         0.57 0.6  # no row
            "),
    ]
}
