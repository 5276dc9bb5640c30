//! What is wrong with one query.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use promql_parser::label::{METRIC_NAME, MatchOp};
use promql_parser::parser::value::ValueType;
use promql_parser::parser::{Call, Expr, VectorSelector};
use promql_parser::util::duration::display_duration;

use super::labels::{LabelSet, labels};
use super::{parse, split, syntax, text};

/// One thing that is wrong. `at`: the part of the query that is at fault, in bytes; empty: all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub warning: bool,
    pub at: Range<usize>,
    pub message: String,
}

/// What a query is held against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    /// Labels that the result must have, each with the field that names it.
    pub needed: &'a [(String, String)],
    /// `rateWindow` and `scrapeInterval`, where they can be used.
    pub rate_window: Option<Duration>,
    pub scrape_interval: Option<Duration>,
    /// `records` or `bytes`, where the signal has a unit.
    pub unit: Option<&'a str>,
}

/// Everything that is wrong with a query.
pub(crate) fn flaws(query: &str, context: Context<'_>) -> Vec<Flaw> {
    let expr = match parse(query) {
        Ok(expr) => expr,
        Err(error) => return vec![syntax::flaw(query, &error)],
    };
    let mut found = Finder { context, converted: false, words: BTreeMap::new(), ranges: 0, flaws: Vec::new() };
    if found.result_type(&expr) {
        found.labels(&expr);
    }
    found.names(&expr);
    found.walk(&expr);
    found.placed(query)
}

/// What is at fault, counted from nought in the order of the text.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Whole,
    /// A name, and the how manieth of it.
    Word(String, usize),
    /// The how manieth range of a selector.
    Range(usize),
}

struct Finder<'a> {
    context: Context<'a>,
    /// Inside of a product or quotient, whose unit is not that of its parts: bytes divided by bytes per record are
    /// records.
    converted: bool,
    /// The names and ranges passed so far.
    words: BTreeMap<String, usize>,
    ranges: usize,
    flaws: Vec<(bool, Part, String)>,
}

impl Finder<'_> {
    fn error(&mut self, at: Part, message: String) {
        self.push(false, at, message);
    }

    fn warning(&mut self, at: Part, message: String) {
        self.push(true, at, message);
    }

    fn push(&mut self, warning: bool, at: Part, message: String) {
        let flaw = (warning, at, message);
        if !self.flaws.contains(&flaw) {
            self.flaws.push(flaw);
        }
    }

    /// Passes one more occurrence of a name.
    fn word(&mut self, word: &str) -> Part {
        let count = self.words.entry(word.to_owned()).or_default();
        *count += 1;
        Part::Word(word.to_owned(), *count - 1)
    }

    /// The flaws with their places. Where the text has another number of occurrences than the expression, which of
    /// them is meant cannot be told.
    fn placed(self, query: &str) -> Vec<Flaw> {
        let code = text::code(query);
        let place = |part: Part| {
            let (found, passed, index) = match part {
                Part::Whole => return 0..0,
                Part::Word(word, index) => {
                    (text::words(&code, &word), self.words.get(&word).copied().unwrap_or_default(), index)
                }
                Part::Range(index) => (text::ranges(&code), self.ranges, index),
            };
            if found.len() == passed { found.get(index).cloned().unwrap_or_default() } else { 0..0 }
        };
        let flaw = |(warning, part, message)| Flaw { warning, at: place(part), message };
        self.flaws.into_iter().map(flaw).collect()
    }

    /// Whether the result has rows.
    fn result_type(&mut self, expr: &Expr) -> bool {
        let message = match expr.value_type() {
            ValueType::Vector => return true,
            ValueType::Matrix => super::RANGE_VECTOR,
            ValueType::Scalar => {
                "this query gives one number without labels, and so says nothing of any job: write it into the policy \
                 as a constant, or ask for series"
            }
            ValueType::String => "this query gives a text where numbers are needed",
        };
        self.error(Part::Whole, message.to_owned());
        false
    }

    fn labels(&mut self, expr: &Expr) {
        let Some(set) = labels(expr) else { return };
        if self.context.needed.is_empty() {
            return;
        }
        for (label, field) in self.context.needed {
            if set.has(label) {
                continue;
            }
            let message = match &set {
                LabelSet::Only(there) if there.is_empty() => format!(
                    "`{label}`, which `{field}` joins by, is gone from the result, as all labels are: aggregate `by ({})`",
                    self.needed_list()
                ),
                LabelSet::Only(there) => format!(
                    "`{label}`, which `{field}` joins by, is gone from the result, which has {}: add it to the outermost \
                     `by (...)` or `on (...)`",
                    listed(there.iter())
                ),
                LabelSet::AllBut(_) => format!(
                    "`{label}`, which `{field}` joins by, is taken away from the result: take it out of the outermost \
                     `without (...)`, `ignoring (...)` or label_replace()"
                ),
            };
            self.error(Part::Whole, message);
        }
        if let LabelSet::Only(there) = &set {
            let more: Vec<_> =
                there.iter().filter(|label| self.context.needed.iter().all(|(l, _)| l != *label)).collect();
            if !more.is_empty() {
                let message = format!(
                    "the result also has {}, so that one job may have several rows: aggregate `by ({})`",
                    listed(more.into_iter()),
                    self.needed_list()
                );
                self.warning(Part::Whole, message);
            }
        }
    }

    fn needed_list(&self) -> String {
        self.context.needed.iter().map(|(label, _)| label.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Whether rows that differ by their metric's name alone can be in the result. Whatever drops the name then
    /// makes two rows one, and Prometheus fails the whole query, for every job.
    fn names(&mut self, expr: &Expr) -> Option<Part> {
        match expr {
            Expr::VectorSelector(selector) => self.nameless(selector),
            Expr::MatrixSelector(selector) => self.nameless(&selector.vs),
            Expr::Paren(paren) => self.names(&paren.expr),
            Expr::Subquery(subquery) => self.names(&subquery.expr),
            Expr::Unary(unary) => {
                let mixed = self.names(&unary.expr);
                self.dropped(mixed, "the sign")
            }
            Expr::Aggregate(aggregate) => {
                if let Some(param) = &aggregate.param {
                    self.names(param);
                }
                let mixed = self.names(&aggregate.expr);
                let keeps = ["topk", "bottomk", "limitk", "limit_ratio"].contains(&aggregate.op.to_string().as_str());
                mixed.filter(|_| keeps)
            }
            Expr::Binary(binary) => {
                let (left, right) = (self.names(&binary.lhs), self.names(&binary.rhs));
                let filters = binary.op.is_comparison_operator() && !binary.return_bool();
                if filters || binary.op.is_set_operator() {
                    return left.or(right.filter(|_| binary.op.is_set_operator()));
                }
                self.dropped(left.or(right), &format!("`{}`", binary.op))
            }
            Expr::Call(call) => self.called(call),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => None,
        }
    }

    fn called(&mut self, call: &Call) -> Option<Part> {
        let mixed = call.args.args.iter().map(|arg| self.names(arg)).fold(None, Option::or);
        match call.func.name {
            "last_over_time" | "first_over_time" | "sort" | "sort_desc" | "sort_by_label" | "sort_by_label_desc"
            | "label_replace" | "label_join" | "info" => mixed,
            "absent" | "absent_over_time" | "scalar" => None,
            name => self.dropped(mixed, &format!("{name}()")),
        }
    }

    fn dropped(&mut self, mixed: Option<Part>, by: &str) -> Option<Part> {
        if let Some(at) = mixed {
            let message = format!(
                "{by} drops the metric's name, and this selector takes several names: where two series differ by name \
                 alone, Prometheus fails the whole query, for every job: name one metric, or rename by relabeling"
            );
            self.error(at, message);
        }
        None
    }

    /// The name's matcher of a selector that takes several names.
    fn nameless(&mut self, selector: &VectorSelector) -> Option<Part> {
        let matchers = &selector.matchers;
        let all = matchers.matchers.iter().chain(matchers.or_matchers.iter().flatten());
        let places: Vec<_> = all.filter(|m| m.name == METRIC_NAME).map(|_| self.word(METRIC_NAME)).collect();
        is_nameless(selector).then(|| places.into_iter().next().unwrap_or(Part::Whole))
    }

    fn walk(&mut self, expr: &Expr) {
        match expr {
            Expr::VectorSelector(selector) => self.unit(selector),
            Expr::MatrixSelector(selector) => {
                self.ranges += 1;
                self.unit(&selector.vs);
            }
            Expr::Paren(paren) => self.walk(&paren.expr),
            Expr::Subquery(subquery) => self.walk(&subquery.expr),
            Expr::Unary(unary) => self.walk(&unary.expr),
            Expr::Aggregate(aggregate) => {
                if let Some(param) = &aggregate.param {
                    self.walk(param);
                }
                self.walk(&aggregate.expr);
            }
            Expr::Binary(binary) => {
                let outside = self.converted;
                self.converted |= matches!(binary.op.to_string().as_str(), "*" | "/");
                self.walk(&binary.lhs);
                self.walk(&binary.rhs);
                self.converted = outside;
            }
            Expr::Call(call) => {
                self.relabeling(call);
                for arg in &call.args.args {
                    if let Expr::MatrixSelector(selector) = &**arg {
                        self.range(call.func.name, selector.range);
                    }
                    self.walk(arg);
                }
            }
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
        }
    }

    /// Arguments that parse as texts, and that Prometheus refuses.
    fn relabeling(&mut self, call: &Call) {
        let function = call.func.name;
        let Part::Word(_, nth) = self.word(function) else { return };
        let texts = call.args.args.iter().enumerate().filter_map(|(index, arg)| match &**arg {
            Expr::StringLiteral(literal) => Some((index, literal.val.as_str())),
            _ => None,
        });
        for (index, text) in texts {
            let wrong = match (function, index) {
                ("label_replace" | "label_join", 1) if !is_label(text) => "label name: take letters, digits and `_`",
                ("label_join", 3..) if !is_label(text) => "label name: take letters, digits and `_`",
                ("label_replace", 4) if split::matcher("x", text).is_err() => "regular expression",
                _ => continue,
            };
            self.error(Part::Word(function.to_owned(), nth), format!("`{text}` in {function}() is no {wrong}"));
        }
    }

    fn range(&mut self, function: &str, range: Duration) {
        let needs_two = matches!(function, "rate" | "increase" | "delta" | "deriv" | "irate" | "idelta" | "changes");
        let text = display_duration(&range);
        let at = Part::Range(self.ranges);
        if let Some(scrape) = self.context.scrape_interval
            && range < scrape * if needs_two { 2 } else { 1 }
        {
            let scrape = display_duration(&scrape);
            let samples = if needs_two { "two samples, and a rate needs two" } else { "one" };
            let message = format!(
                "{function}() over {text} with a scrape every {scrape} does not always see {samples}: widen the range"
            );
            return self.error(at, message);
        }
        if let Some(window) = self.context.rate_window
            && matches!(function, "rate" | "increase")
            && range != window
        {
            let window = display_duration(&window);
            let message = format!(
                "{function}() is over {text} and `rateWindow` is {window}: write the same in both, as warm-up and growth \
                 go by `rateWindow`"
            );
            self.warning(at, message);
        }
    }

    fn unit(&mut self, selector: &VectorSelector) {
        let Some(name) = &selector.name else { return };
        let at = self.word(name);
        let Some(unit) = self.context.unit else { return };
        if self.converted {
            return;
        }
        let lower = name.to_lowercase();
        let (bytes, records) =
            (lower.contains("bytes"), ["records", "messages", "events"].iter().any(|word| lower.contains(word)));
        let counted = match unit {
            "records" if bytes && !records => "bytes",
            "bytes" if records && !bytes => "records",
            _ => return,
        };
        let message = format!("`unit` is {unit}, and {name} looks as if it counted {counted}: write `unit: {counted}`");
        self.warning(at, message);
    }
}

fn is_label(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.chars().all(is_part) && text.starts_with(|c: char| !c.is_ascii_digit())
}

/// Whether the selector takes metrics of several names.
fn is_nameless(selector: &VectorSelector) -> bool {
    let matchers = &selector.matchers;
    let mut named = matchers.matchers.iter().chain(matchers.or_matchers.iter().flatten());
    selector.name.is_none() && !named.any(|m| m.name == METRIC_NAME && matches!(m.op, MatchOp::Equal))
}

fn listed<'a>(labels: impl Iterator<Item = &'a String>) -> String {
    labels.map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(query: &str) -> Vec<String> {
        let needed = [("ns".to_owned(), "by.namespace".to_owned()), ("app".to_owned(), "by.name".to_owned())];
        let context = Context {
            needed: &needed,
            rate_window: Some(Duration::from_secs(120)),
            scrape_interval: Some(Duration::from_secs(15)),
            unit: Some("records"),
        };
        flaws(query, context).into_iter().map(|flaw| format!("{}|{}", &query[flaw.at], flaw.message)).collect()
    }

    #[test]
    fn a_name_expression_is_fine_until_something_drops_the_name() {
        let regex = r#"{__name__=~".+_count"}"#;
        for fine in [
            format!("sum by (ns, app) ({regex})"),
            format!("sum by (ns, app) ({regex} >= 0)"),
            format!("sum by (ns, app) (last_over_time({regex}[2m]))"),
            format!("sum by (ns, app) (topk(3, {regex}))"),
            format!("count by (ns, app) (count by (ns, app, pod) ({regex}))"),
            r#"sum by (ns, app) (rate({__name__="x_total"}[2m]))"#.to_owned(),
            format!("clamp_min(sum by (ns, app) ({regex}), 0)"),
        ] {
            assert_eq!(said(&fine), Vec::<String>::new(), "{fine}");
        }
        for broken in [
            format!("sum by (ns, app) (rate({regex}[2m]))"),
            format!("sum by (ns, app) (deriv({regex}[2m]))"),
            format!("sum by (ns, app) (max_over_time({regex}[2m]))"),
            format!("sum by (ns, app) (rate(({regex})[2m:15s]))"),
            r#"sum by (ns, app) (rate({job="x"}[2m]))"#.to_owned(),
            format!("sum by (ns, app) (clamp_min({regex} >= 0, 0))"),
            format!("sum by (ns, app) ({regex} * 2)"),
            format!("sum by (ns, app) (-{regex})"),
        ] {
            let said = said(&broken);
            let at = if broken.contains("__name__") { "__name__|" } else { "|" };
            assert!(said.len() == 1 && said[0].starts_with(at), "{broken}: {said:?}");
        }
    }

    #[test]
    fn a_chain_of_operators_does_not_exhaust_the_stack() {
        for (start, step, end) in
            [("a", "+a", ""), ("", "-", "a"), ("", "(", ""), ("a", "==1", ""), ("a", " or a", ""), ("", "abs(", "")]
        {
            let most = super::super::MOST_OPERATORS;
            for (count, too_large) in [(most / 2, false), (most + 1, true), (10 * most, true)] {
                let said = said(&format!("{start}{}{end}", step.repeat(count)));
                assert_eq!(said.iter().any(|flaw| flaw.contains("recording rules")), too_large, "{count} {step}");
            }
        }
        assert!(said(&format!("x{{a=\"{}\"}}", "+".repeat(1_000))).is_empty(), "a text is no operator");
    }

    #[test]
    fn a_unit_is_doubted_only_where_nothing_converts_it() {
        for (value, doubted) in [
            ("backlog_bytes", true),
            ("backlog_bytes + lag_bytes", true),
            ("backlog_bytes / bytes_per_record", false),
            ("backlog_bytes * 0.01", false),
            ("lag / 2 + backlog_bytes", true),
        ] {
            let said = said(&format!("sum by (ns, app) ({value})"));
            assert_eq!(said.iter().any(|flaw| flaw.contains("looks as if it counted bytes")), doubted, "{value}");
        }
        assert!(said("sum by (ns, app) (backlog_bytes) / on (ns, app) sum by (ns, app) (bytes_per_record)").is_empty());
    }

    #[test]
    fn ranges_are_held_against_scrapes_at_both_sides_of_the_limit() {
        let all = |function: &str, range: &str| said(&format!("sum by (ns, app) ({function}(x[{range}]))"));
        assert!(all("rate", "29s")[0].contains("two samples"));
        assert!(all("rate", "30s")[0].contains("`rateWindow` is 2m"));
        assert_eq!(all("rate", "2m"), Vec::<String>::new());
        assert_eq!(all("max_over_time", "15s"), Vec::<String>::new());
        assert!(all("max_over_time", "14s")[0].contains("does not always see one"));
    }
}
