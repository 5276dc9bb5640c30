//! The table of a plant file's fields.

use std::sync::LazyLock;

use crate::policy::fields::{Default, Field, Kind, Table};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
/// The longest run.
const LONGEST: u64 = 366 * DAY;
const RATE: Kind = Kind::Number { zero: false, most: 1e15 };
const FACTOR: Kind = Kind::Number { zero: false, most: 1e6 };
const DEVIATION: Kind = Kind::Share { zero: true, most: 1.0 };

static TABLE: LazyLock<Table> = LazyLock::new(|| Table(fields()));

/// All fields.
pub(super) fn table() -> &'static Table {
    &TABLE
}

/// The fields below `section` of another file, where they change a plant: none is needed, and none has a default.
pub(in crate::simulate) fn changes(section: &str) -> Vec<Field> {
    let changed = |field: Field| Field {
        required: field.required && field.path.contains('.'),
        default: Default::None,
        path: format!("{section}.{}", field.path),
        ..field
    };
    fields().into_iter().map(changed).collect()
}

const fn time(least: u64, most: u64) -> Kind {
    Kind::Duration { least, most }
}

fn fields() -> Vec<Field> {
    let at = Field::at;
    let workers = Kind::Count { least: 1, most: 10_000 };
    vec![
        at("capacityPerWorker", RATE, "Records per second of one worker alone").required(),
        at("sigma", DEVIATION, "Contention: C(n) = c n / (1 + sigma (n - 1) + kappa n (n - 1))").always("0"),
        at("kappa", DEVIATION, "Coherence, in the formula of `sigma`").always("0"),
        at("maxWorkers", workers, "More workers than that never come").required(),
        at("startWorkers", workers, "Workers at the start").required(),
        at("podStart", time(0, HOUR), "From an order for more until the job stops; it goes on processing")
            .always("30s"),
        at("podStop", time(0, HOUR), "From an order for less until the job stops; left out: as `podStart`"),
        at(
            "arrival",
            Kind::Choice(&["together", "stepwise", "firstThenRest"]),
            "How workers join that were ordered together; `stepwise`: one by one, each its own restart",
        )
        .always("together"),
        at("downtime", time(0, DAY), "How long nothing is processed at a restart").required(),
        at("checkpointInterval", time(0, HOUR), "Half of it is processed again after a restart").always("10s"),
        at("warmUp", Kind::Section, "How the job gets up to speed after a restart"),
        at("warmUp.duration", time(0, HOUR), "How long that takes").always("0s"),
        at("warmUp.from", Kind::Share { zero: true, most: 1.0 }, "The share of its capacity that it begins with")
            .always("1"),
        at("noise", Kind::Section, "Standard deviations of the noise"),
        at("noise.arrivals", DEVIATION, "Of the arrivals, as a share of them").always("0"),
        at("noise.capacity", DEVIATION, "Of the capacity, as a share of it").always("0"),
        at("noise.cpu", DEVIATION, "Of a measured share of CPU").always("0"),
        at("cpu", Kind::Section, "The share of CPU of a worker, a straight line over its load"),
        at("cpu.idle", DEVIATION, "Without load").always("0.08"),
        at("cpu.full", DEVIATION, "At capacity; well below 1 where the work waits for something else").always("1"),
        at("failures", Kind::Section, "The job fails and restarts"),
        at("failures.every", time(1, LONGEST), "How often").required(),
        at("outages", Kind::List, "When the job is stopped"),
        at("outages[]", Kind::Section, "One outage"),
        at("outages[].at", time(0, LONGEST), "From then").required(),
        at("outages[].for", time(1, LONGEST), "For so long").required(),
        at("capacitySteps", Kind::List, "When what a worker can do changes"),
        at("capacitySteps[]", Kind::Section, "One change"),
        at("capacitySteps[].at", time(0, LONGEST), "From then").required(),
        at("capacitySteps[].factor", FACTOR, "So many times what it was at the start").required(),
        at("ceiling", RATE, "Records per second that no worker helps to exceed"),
        at("partitions", Kind::Count { least: 1, most: 1_000_000 }, "Partitions of the input"),
        at(
            "skew",
            Kind::Number { zero: false, most: 1e6 },
            "The heaviest partition has so many times the others' share",
        )
        .always("1"),
        at("metrics", Kind::Section, "How the job's state becomes readings"),
        at("metrics.scrape", time(1, HOUR), "Between two scrapes").always("15s"),
        at("metrics.delay", time(0, HOUR), "From a scrape until it can be asked for").always("0s"),
        at("metrics.rateWindow", time(1, HOUR), "The window of rates and means").always("60s"),
        at("metrics.blindAfterRestart", time(0, HOUR), "After a restart there are no series for so long").always("25s"),
        at(
            "metrics.backlogCommit",
            time(0, HOUR),
            "Between two commits of the consumer group whose lag is the backlog",
        )
        .always("0s"),
        at("lagObjective", time(1, DAY), "A second later than this counts as a violation").always("60s"),
    ]
}
