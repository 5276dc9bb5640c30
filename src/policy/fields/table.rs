//! The table itself. The values under `seed` are those of the published rule; where it is silent they are ours. Those under
//! `balanced` were searched in a closed loop.

use crate::engine::Signal;

use super::kind::{DAY, HOUR, Kind, MINUTE, Text};
use super::{Default, Field};

fn at(path: &str, kind: Kind, doc: &str) -> Field {
    Field::at(path, kind, doc)
}

impl Field {
    /// By the presets `seed` and `balanced`.
    fn presets(self, seed: &'static str, balanced: &'static str) -> Self {
        Self { default: Default::Preset { seed: Some(seed), balanced }, ..self }
    }

    /// Only `balanced` looks at it.
    fn balanced(self, text: &'static str) -> Self {
        Self { default: Default::Preset { seed: None, balanced: text }, balanced: true, ..self }
    }

    /// The same, and under `seed` it may be given as well: others look at it.
    fn or_balanced(self, text: &'static str) -> Self {
        Self { default: Default::Preset { seed: None, balanced: text }, ..self }
    }

    /// That sibling may stand in place of it.
    fn instead(self, sibling: &'static str) -> Self {
        Self { instead: Some(sibling), ..self }
    }
}

/// A share above 0 and up to 1.
const SHARE: Kind = Kind::Share { zero: false, most: 1.0 };
/// Room above the input; none is possible.
const ROOM: Kind = Kind::Share { zero: true, most: 9.0 };
/// A share of what is there, by which it may grow.
const STEP: Kind = Kind::Share { zero: false, most: 9.0 };
/// As a word in place of a time.
pub(super) const WARM_UP: &str = "rateWindow + 2 scrapes";
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
        at(
            "spec.preset",
            Kind::Choice(&super::PRESETS),
            "The rule, and the values of all fields that the file leaves out",
        )
        .always(super::PRESETS[0]),
    ];
    fields.extend(target());
    fields.extend(signals());
    fields.extend(rule());
    fields.extend(limits());
    fields.extend(prices());
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
    let query = under("query", Kind::Text(Text::Query), "PromQL that gives an instant vector").required();
    fields.push(if signal == Signal::Throughput { query.instead("counter") } else { query });
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
        fields.push(under("counter", Kind::Text(Text::Query), "PromQL that gives running totals, in place of `query`"));
    }
    if signal == Signal::Backlog {
        let doc = "How often the consumer group commits whose lag this is";
        fields.push(under("commitInterval", duration(1, HOUR), doc));
    }
    fields
}

fn rule() -> Vec<Field> {
    vec![
        at("spec.scaleUp", Kind::Section, "When and how far up"),
        at("spec.scaleUp.backlogTimeAbove", duration(0, DAY), "Up when the backlog would take longer than this")
            .presets("120s", "120s"),
        at("spec.scaleUp.cpuAbove", SHARE, "Up when the workers use more than this share of their CPU")
            .presets("0.9", "0.9"),
        at(
            "spec.scaleUp.drainTarget",
            duration(1, DAY),
            "A backlog is to be gone within this time; `balanced`: while no capacity is known",
        )
        .presets("60s", "5m"),
        at(
            "spec.scaleUp.loadAbove",
            STEP,
            "Up when the input is above this multiple of the capacity, where it is known",
        )
        .or("off")
        .balanced("1.08"),
        at("spec.scaleUp.headroom", ROOM, "An increase leaves this share of room above the input")
            .or("off")
            .balanced("0.25"),
        at("spec.scaleUp.headroomPerMinute", ROOM, "And this much more for each minute of downtime or of late metrics")
            .or("off")
            .balanced("0.55"),
        at("spec.scaleDown", Kind::Section, "When and how far down"),
        at("spec.scaleDown.backlogTimeBelow", duration(0, DAY), "Down only when the backlog takes less than this")
            .presets("10s", "10s"),
        at("spec.scaleDown.cpuBelow", SHARE, "Down only when the workers use less than this share of their CPU")
            .presets("0.7", "0.7"),
        at("spec.scaleDown.cpuTarget", SHARE, "The share of CPU that remains after the step").presets("0.7", "0.8"),
        at("spec.scaleDown.window", duration(0, DAY), "Down to the largest wish of this window").presets("0s", "60s"),
        at("spec.scaleDown.headroom", ROOM, "A decrease leaves this share of room above the input")
            .or("off")
            .balanced("0.1"),
        at("spec.growth", Kind::Section, "How the growth of the backlog is judged"),
        at("spec.growth.window", duration(1, DAY), "How long the backlog is watched for growth").presets("2m", "2m"),
        at("spec.input", Kind::Section, "How the level of the input is judged"),
        at("spec.input.window", duration(60, DAY), "How long the input is watched for its level").presets("5m", "5m"),
        at("spec.restart", Kind::Section, "What a restart of the job costs, until the job has shown it"),
        at("spec.restart.delay", duration(0, HOUR), "From the patch until the job stops; it goes on processing")
            .or_balanced("30s"),
        at("spec.restart.downtime", duration(0, HOUR), "How long nothing is processed").or_balanced("30s"),
        at("spec.restart.checkpointInterval", duration(0, HOUR), "Half of it is processed again after a restart")
            .or_balanced("10s"),
        at("spec.tolerance", Kind::Share { zero: true, most: 1.0 }, "Smaller changes are not worth a rescale")
            .presets("0", "0.15"),
        at("spec.warmUp", duration(0, HOUR), "After any restart nothing is decided for this long")
            .or(WARM_UP)
            .presets("150s", WARM_UP),
        at("spec.rescaleTimeout", duration(1, DAY), "How long a rescale may take until it is called incomplete")
            .presets("10m", "10m"),
        at("spec.conflictHold", duration(0, DAY), "How long a change that somebody else made is left alone")
            .presets("30m", "30m"),
    ]
}

fn limits() -> Vec<Field> {
    vec![
        at("spec.limits", Kind::Section, "Bounds on the result").required(),
        at("spec.limits.minWorkers", WORKERS, "Never fewer").presets("1", "1"),
        at("spec.limits.maxWorkers", WORKERS, "Never more").required(),
        at("spec.limits.slotsPerWorker", Kind::Count { least: 1, most: 1_000 }, "Parallel slots of one worker")
            .presets("1", "1"),
        at("spec.limits.maxStepUp", STEP, "At most this share of what runs is added at once (1: doubled)")
            .or("off")
            .presets("off", "off"),
        at("spec.limits.maxStepDown", SHARE, "At most this share of what runs is taken away at once (0.5: halved)")
            .or("off")
            .presets("off", "0.5"),
        at("spec.limits.maxParallelism", Kind::Count { least: 1, most: 32_768 }, "The highest parallelism of the jobs")
            .or("fromTarget")
            .presets("fromTarget", "fromTarget"),
        at("spec.limits.partitions", Kind::Count { least: 1, most: 1_000_000 }, "Partitions or splits of the sources")
            .or("none")
            .presets("none", "none"),
        at(
            "spec.limits.maxWorkersTotal",
            Kind::Count { least: 1, most: 10_000_000 },
            "For all jobs of the policy together",
        )
        .or("off")
        .presets("off", "off"),
    ]
}

/// What a late second and a restart cost, and which parts of the rule are on.
fn prices() -> Vec<Field> {
    let part = |name: &str, doc: &str| at(&format!("spec.{name}"), Kind::Choice(&["on", "off"]), doc).balanced("on");
    vec![
        at("spec.lagObjective", duration(1, DAY), "A lag above this is late").balanced("60s"),
        at(
            "spec.lagPrice",
            Kind::Count { least: 0, most: 1_000 },
            "How many times the job's workers a late second costs",
        )
        .balanced("14"),
        at("spec.restartPrice", duration(0, HOUR), "A restart costs all workers for this long, beside its downtime")
            .balanced("120s"),
        part("learnedCapacity", "Whether it is learned what each count of workers can process"),
        part("catchUp", "Whether a late job goes to the count that costs least"),
        part("draining", "Whether a backlog is left to drain where that is cheaper than a rescale"),
        part("regret", "Whether a decrease waits until staying has cost as much as its restart"),
        part("effect", "Whether an increase that was of no use is not repeated"),
    ]
}
