//! The table itself. The values under `seed` are those of the published rule; where it is silent they are ours.

use crate::engine::Signal;

use super::kind::{DAY, HOUR, Kind, MINUTE, Text};
use super::{Default, Field};

fn at(path: &str, kind: Kind, doc: &str) -> Field {
    Field::at(path, kind, doc)
}

impl Field {
    fn always(self, text: &'static str) -> Self {
        Self { default: Default::Always(text), ..self }
    }

    fn seed(self, text: &'static str) -> Self {
        Self { default: Default::Seed(text), ..self }
    }

    fn balanced(self) -> Self {
        Self { balanced: true, ..self }
    }
}

/// A share above 0 and up to 1.
const SHARE: Kind = Kind::Share { zero: false, most: 1.0 };
/// A share of what is there, by which it may grow.
const STEP: Kind = Kind::Share { zero: false, most: 9.0 };
const WORKERS: Kind = Kind::Count { least: 1, most: 100_000 };

const fn duration(least: u64, most: u64) -> Kind {
    Kind::Duration { least, most }
}

pub(super) fn fields() -> Vec<Field> {
    let mut fields = vec![
        at("apiVersion", Kind::Constant("steelyard.dev/v1alpha1"), "The version of this language").required(),
        at("kind", Kind::Constant("ScalingPolicy"), "What this document is").required(),
        at("metadata", Kind::Section, "What the policy is called").required(),
        at("metadata.name", Kind::Text(Text::DnsLabel), "The policy's name, unique over all files").required(),
        at("spec", Kind::Section, "What the policy says").required(),
        at("spec.mode", Kind::Choice(&["observe", "up", "act"]), "How far the policy may go: tell, increase, or both")
            .always("observe"),
        at("spec.preset", Kind::Choice(&["seed"]), "The rule, and the values of all fields that the file leaves out")
            .always("seed"),
    ];
    fields.extend(target());
    fields.extend(signals());
    fields.extend(rule());
    fields.extend(limits());
    fields.extend(balanced());
    fields
}

fn target() -> Vec<Field> {
    const SELECTOR: &str = "spec.target.selector";
    let selector = |rest: &str, kind: Kind, doc: &str| at(&format!("{SELECTOR}.{rest}"), kind, doc);
    let operators = Kind::Choice(&["In", "NotIn", "Exists", "DoesNotExist"]);
    vec![
        at("spec.target", Kind::Section, "What is scaled; without it the policy decides from Prometheus alone"),
        at("spec.target.apiVersion", Kind::Text(Text::ApiVersion), "For example `flink.apache.org/v1beta1`").required(),
        at("spec.target.kind", Kind::Text(Text::KindName), "A kind with a scale subresource").required(),
        at("spec.target.namespaces", Kind::List, "Globs of namespaces; left out: all"),
        at("spec.target.namespaces[]", Kind::Text(Text::Glob), "A namespace; `*` stands for any characters"),
        at(SELECTOR, Kind::Section, "Labels that an object must carry; left out: any"),
        selector("matchLabels", Kind::Free { keys: Text::LabelKey }, "Labels with exactly these values"),
        selector("matchLabels.*", Kind::Text(Text::LabelValue), "The value of the label"),
        selector("matchExpressions", Kind::List, "Conditions on labels, all of which must hold"),
        selector("matchExpressions[]", Kind::Section, "One condition"),
        selector("matchExpressions[].key", Kind::Text(Text::LabelKey), "The label").required(),
        selector("matchExpressions[].operator", operators, "How the label is compared").required(),
        selector("matchExpressions[].values", Kind::List, "Values of the label, for `In` and `NotIn`"),
        selector("matchExpressions[].values[]", Kind::Text(Text::LabelValue), "One value"),
    ]
}

/// The labels that join series to jobs, under `section`.
fn join_labels(section: &str) -> Vec<Field> {
    let by = |name: &str, doc: &str| at(&format!("{section}.by.{name}"), Kind::Text(Text::MetricLabel), doc);
    vec![
        at(&format!("{section}.by"), Kind::Section, "The labels that join series to jobs"),
        by("namespace", "The label that holds the namespace"),
        by("name", "The label that holds the job's name").required(),
        by("operator", "The label that holds the operator's name"),
        by("reason", "The label that holds the reason, for `unsafe`"),
    ]
}

fn split(section: &str) -> Vec<Field> {
    vec![
        at(&format!("{section}.split"), Kind::List, "Cuts a query that is too large for the server: one part for each"),
        at(&format!("{section}.split[]"), Kind::Text(Text::Regex), "A regular expression for namespaces of one part"),
    ]
}

fn signals() -> Vec<Field> {
    let mut fields =
        vec![at("spec.signals", Kind::Section, "What Prometheus is asked, one query a signal for all jobs").required()];
    fields.extend(join_labels("spec.signals"));
    fields.extend(split("spec.signals"));
    fields.extend([
        at("spec.signals.rateWindow", duration(1, HOUR), "The range of the rates in the queries").always("2m"),
        at("spec.signals.scrapeInterval", duration(1, 10 * MINUTE), "How often the workers are scraped").always("15s"),
        at("spec.signals.staleAfter", duration(1, HOUR), "A job whose samples are older than this is held")
            .always("60s"),
    ]);
    for signal in Signal::ALL {
        if let Some(doc) = signal_doc(signal) {
            fields.extend(signal_fields(signal, doc));
        }
    }
    fields
}

/// What a signal says; `None` for the one that is worked out and not asked for.
const fn signal_doc(signal: Signal) -> Option<&'static str> {
    Some(match signal {
        Signal::Throughput => "What each operator processes, in units a second",
        Signal::Backlog => "What waits before each operator, in units",
        Signal::Growth => return None,
        Signal::Cpu => "Mean CPU use of one worker as a share of what it may use",
        Signal::Busy => "Busy share of the hottest subtask, 0..1",
        Signal::Running => "Workers that run now",
        Signal::RunningFor => "Seconds since the job last started",
        Signal::Coverage => "Workers whose metrics are there as a share of those registered",
        Signal::Age => "Seconds since the newest sample of the worker that is worst off",
        Signal::Wished => "Workers that the spec asks for, where there is no target to read it from",
        Signal::MaxParallelism => "The highest parallelism that the job can have",
        Signal::Partitions => "Partitions or splits that the source reads",
        Signal::CheckpointInterval => "Seconds between checkpoints",
        Signal::Unsafe => "A row for each job that a rescale would harm",
    })
}

fn signal_fields(signal: Signal, doc: &str) -> Vec<Field> {
    let section = format!("spec.signals.{}", signal.name());
    let measured = matches!(signal, Signal::Throughput | Signal::Backlog);
    let mut fields = vec![at(&section, Kind::Section, doc)];
    if measured {
        fields[0].required = true;
    }
    let under = |name: &str, kind: Kind, doc: &str| at(&format!("{section}.{name}"), kind, doc);
    fields.push(under("query", Kind::Text(Text::Query), "PromQL that gives an instant vector").required());
    fields.push(under("or", Kind::List, "Fall-backs: for each job the first query that has a row for it counts"));
    fields.push(under("or[]", Kind::Text(Text::Query), "PromQL that gives an instant vector"));
    fields.extend(join_labels(&section));
    fields.extend(split(&section));
    if measured {
        fields.push(
            under("unit", Kind::Choice(&["records", "bytes"]), "What is counted: the same for throughput and backlog")
                .required(),
        );
    }
    if signal == Signal::Throughput {
        fields.push(under("counter", Kind::Text(Text::Query), "A running total in place of a rate").balanced());
    }
    if signal == Signal::Backlog {
        fields.push(under("commitInterval", duration(1, HOUR), "How often a consumer group commits").balanced());
    }
    fields
}

fn rule() -> Vec<Field> {
    vec![
        at("spec.scaleUp", Kind::Section, "When and how far up"),
        at("spec.scaleUp.backlogTimeAbove", duration(0, DAY), "Up when the backlog would take longer than this")
            .seed("120s"),
        at("spec.scaleUp.cpuAbove", SHARE, "Up when the workers use more than this share of their CPU").seed("0.9"),
        at("spec.scaleUp.drainTarget", duration(1, DAY), "A backlog is to be gone within this time").seed("60s"),
        at("spec.scaleUp.loadAbove", STEP, "Up when the input is this multiple of the capacity").balanced(),
        at("spec.scaleUp.headroom", STEP, "Room above the input").balanced(),
        at("spec.scaleUp.headroomPerMinute", STEP, "Further room for each minute of downtime").balanced(),
        at("spec.scaleDown", Kind::Section, "When and how far down"),
        at("spec.scaleDown.backlogTimeBelow", duration(0, DAY), "Down only when the backlog takes less than this")
            .seed("10s"),
        at("spec.scaleDown.cpuBelow", SHARE, "Down only when the workers use less than this share of their CPU")
            .seed("0.7"),
        at("spec.scaleDown.cpuTarget", SHARE, "The share of CPU that remains after the step").seed("0.7"),
        at("spec.scaleDown.window", duration(0, DAY), "Down to the largest wish of this window").seed("0s"),
        at("spec.scaleDown.headroom", STEP, "Room above the input that a decrease leaves").balanced(),
        at("spec.growth", Kind::Section, "How the growth of the backlog is judged"),
        at("spec.growth.window", duration(1, DAY), "How long the backlog is watched for growth").seed("2m"),
        at("spec.restart", Kind::Section, "What a restart of the job costs, as far as it is known"),
        at("spec.restart.delay", duration(0, HOUR), "From the patch until the job stops; it goes on processing"),
        at("spec.restart.downtime", duration(0, HOUR), "How long nothing is processed"),
        at("spec.restart.checkpointInterval", duration(0, HOUR), "Half of it is processed again after a restart"),
        at("spec.tolerance", Kind::Share { zero: true, most: 1.0 }, "Smaller changes are not worth a rescale")
            .seed("0"),
        at("spec.warmUp", duration(0, HOUR), "After any restart nothing is decided for this long").seed("150s"),
        at("spec.rescaleTimeout", duration(1, DAY), "How long a rescale may take until it is called incomplete")
            .seed("10m"),
        at("spec.conflictHold", duration(0, DAY), "How long a change that somebody else made is left alone")
            .seed("30m"),
    ]
}

fn limits() -> Vec<Field> {
    vec![
        at("spec.limits", Kind::Section, "Bounds on the result").required(),
        at("spec.limits.minWorkers", WORKERS, "Never fewer").seed("1"),
        at("spec.limits.maxWorkers", WORKERS, "Never more").required(),
        at("spec.limits.slotsPerWorker", Kind::Count { least: 1, most: 1_000 }, "Parallel slots of one worker")
            .seed("1"),
        at("spec.limits.maxStepUp", STEP, "At most this share of what runs is added at once (1: doubled)")
            .or("off")
            .seed("off"),
        at("spec.limits.maxStepDown", SHARE, "At most this share of what runs is taken away at once (0.5: halved)")
            .or("off")
            .seed("off"),
        at("spec.limits.maxParallelism", Kind::Count { least: 1, most: 32_768 }, "The highest parallelism of the jobs")
            .or("fromTarget")
            .seed("fromTarget"),
        at("spec.limits.partitions", Kind::Count { least: 1, most: 1_000_000 }, "Partitions or splits of the sources")
            .or("none")
            .seed("none"),
        at(
            "spec.limits.maxWorkersTotal",
            Kind::Count { least: 1, most: 10_000_000 },
            "For all jobs of the policy together",
        )
        .or("off")
        .seed("off"),
    ]
}

/// What only that preset looks at. The names are known, so that nobody is told of a typo.
fn balanced() -> Vec<Field> {
    let part = |name: &str, doc: &str| at(&format!("spec.{name}"), Kind::Choice(&["on", "off"]), doc).balanced();
    vec![
        at("spec.lagObjective", duration(1, DAY), "A second later than this is a late second").balanced(),
        at("spec.lagPrice", Kind::Count { least: 0, most: 1_000 }, "What a late second costs, in workers").balanced(),
        at("spec.restartPrice", duration(0, HOUR), "What a restart costs beyond its downtime").balanced(),
        at("spec.input", Kind::Section, "How the level of the input is judged").balanced(),
        part("learnedCapacity", "Whether the capacity of each count is learned"),
        part("catchUp", "Whether the count that catches up at the least cost is looked for"),
        part("draining", "Whether a backlog that drains is left to drain"),
        part("regret", "Whether a decrease waits until staying has cost as much as the restart"),
        part("effect", "Whether an increase is judged by its effect"),
    ]
}
