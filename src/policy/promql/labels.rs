//! Which labels the rows of a query's result can have.

use std::collections::BTreeSet;

use promql_parser::label::{MatchOp, Matchers};
use promql_parser::parser::{AggregateExpr, BinaryExpr, Call, Expr, LabelModifier, VectorMatchCardinality};

/// The labels that can be there, seen without a server: what a selector carries is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LabelSet {
    /// Whatever the series carry, except for these.
    AllBut(BTreeSet<String>),
    /// At most these.
    Only(BTreeSet<String>),
}

impl LabelSet {
    fn all() -> Self {
        Self::AllBut(BTreeSet::new())
    }

    fn none() -> Self {
        Self::Only(BTreeSet::new())
    }

    /// Whether a row can have the label.
    pub fn has(&self, label: &str) -> bool {
        match self {
            Self::AllBut(gone) => !gone.contains(label),
            Self::Only(there) => there.contains(label),
        }
    }

    fn with(mut self, label: &str) -> Self {
        match &mut self {
            Self::AllBut(gone) => _ = gone.remove(label),
            Self::Only(there) => _ = there.insert(label.to_owned()),
        }
        self
    }

    fn without(mut self, label: &str) -> Self {
        match &mut self {
            Self::AllBut(gone) => _ = gone.insert(label.to_owned()),
            Self::Only(there) => _ = there.remove(label),
        }
        self
    }

    fn keep(&self, labels: &[String]) -> Self {
        Self::Only(labels.iter().filter(|label| self.has(label)).cloned().collect())
    }

    /// What both have: of `a or b` a row may come from either.
    fn common(self, other: Self) -> Self {
        match (self, other) {
            (Self::AllBut(mut gone), Self::AllBut(more)) => {
                gone.extend(more);
                Self::AllBut(gone)
            }
            (Self::Only(there), other) | (other, Self::Only(there)) => {
                Self::Only(there.into_iter().filter(|label| other.has(label)).collect())
            }
        }
    }
}

/// The labels of an expression's rows; `None`: it has no rows (a number or a text).
pub(crate) fn labels(expr: &Expr) -> Option<LabelSet> {
    match expr {
        Expr::VectorSelector(_) | Expr::MatrixSelector(_) | Expr::Extension(_) => Some(LabelSet::all()),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) => None,
        Expr::Paren(paren) => labels(&paren.expr),
        Expr::Unary(unary) => labels(&unary.expr),
        Expr::Subquery(subquery) => labels(&subquery.expr),
        Expr::Aggregate(aggregate) => Some(aggregated(aggregate)),
        Expr::Binary(binary) => combined(binary),
        Expr::Call(call) => called(call),
    }
}

fn aggregated(aggregate: &AggregateExpr) -> LabelSet {
    let inner = labels(&aggregate.expr).unwrap_or(LabelSet::none());
    let op = aggregate.op.to_string();
    if matches!(op.as_str(), "topk" | "bottomk" | "limitk" | "limit_ratio") {
        return inner;
    }
    let grouped = match &aggregate.modifier {
        None => LabelSet::none(),
        Some(LabelModifier::Include(labels)) => inner.keep(&labels.labels),
        Some(LabelModifier::Exclude(labels)) => labels.labels.iter().fold(inner, |set, label| set.without(label)),
    };
    match aggregate.param.as_deref() {
        Some(Expr::StringLiteral(label)) if op == "count_values" => grouped.with(&label.val),
        _ => grouped,
    }
}

fn combined(binary: &BinaryExpr) -> Option<LabelSet> {
    let (left, right) = match (labels(&binary.lhs), labels(&binary.rhs)) {
        (Some(left), Some(right)) => (left, right),
        (one, other) => return one.or(other),
    };
    if binary.op.is_set_operator() {
        return Some(if binary.op.to_string() == "or" { left.common(right) } else { left });
    }
    let Some(modifier) = &binary.modifier else { return Some(left.common(right)) };
    Some(match (&modifier.card, &modifier.matching) {
        (VectorMatchCardinality::ManyToOne(more), _) => more.labels.iter().fold(left, |set, label| set.with(label)),
        (VectorMatchCardinality::OneToMany(more), _) => more.labels.iter().fold(right, |set, label| set.with(label)),
        (_, Some(LabelModifier::Include(on))) => left.keep(&on.labels),
        (_, Some(LabelModifier::Exclude(ignored))) => ignored.labels.iter().fold(left, |set, label| set.without(label)),
        (_, None) => left.common(right),
    })
}

fn called(call: &Call) -> Option<LabelSet> {
    let args = &call.args.args;
    let text = |index: usize| match args.get(index).map(|arg| &**arg) {
        Some(Expr::StringLiteral(literal)) => literal.val.as_str(),
        _ => "",
    };
    let inner = args.iter().find_map(|arg| labels(arg));
    match call.func.name {
        "time" | "pi" | "scalar" => None,
        "vector" => Some(LabelSet::none()),
        "absent" | "absent_over_time" => {
            Some(LabelSet::Only(args.first().map_or_else(BTreeSet::new, |arg| equal(arg))))
        }
        "label_replace" if text(2).is_empty() => inner.map(|set| set.without(text(1))),
        "label_replace" | "label_join" => inner.map(|set| set.with(text(1))),
        "histogram_quantile" | "histogram_fraction" => {
            args.last().and_then(|arg| labels(arg)).map(|set| set.without("le"))
        }
        // `hour()` and its like give one row without labels when nothing is handed in.
        _ => Some(inner.unwrap_or(LabelSet::none())),
    }
}

/// The labels that an absent series is known to have.
fn equal(expr: &Expr) -> BTreeSet<String> {
    let of = |matchers: &Matchers| {
        let equal = matchers.matchers.iter().filter(|matcher| matches!(matcher.op, MatchOp::Equal));
        equal.map(|matcher| matcher.name.clone()).collect()
    };
    match expr {
        Expr::VectorSelector(selector) => of(&selector.matchers),
        Expr::MatrixSelector(selector) => of(&selector.vs.matchers),
        Expr::Paren(paren) => equal(&paren.expr),
        _ => BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests {
    use promql_parser::parser::parse;

    use super::*;

    #[test]
    fn labels_survive_as_prometheus_lets_them() {
        for (query, there, gone) in [
            ("x", "ns app pod", ""),
            ("sum(x)", "", "ns"),
            ("sum by (ns, app) (x)", "ns app", "pod"),
            ("sum without (pod) (x)", "ns app", "pod"),
            ("sum by (ns, app) (sum by (ns) (x))", "ns", "app"),
            ("topk by (ns) (3, x)", "ns pod", ""),
            ("count_values by (ns) (\"v\", x)", "ns v", "pod"),
            ("rate(x[2m])", "ns pod", ""),
            ("max_over_time(sum by (ns) (x)[5m:15s])", "ns", "pod"),
            ("label_replace(sum by (ns) (x), \"app\", \"$1\", \"ns\", \"(.*)\")", "ns app", "pod"),
            ("label_replace(x, \"app\", \"\", \"\", \"\")", "ns", "app"),
            ("label_join(sum by (ns) (x), \"app\", \"-\", \"ns\")", "ns app", "pod"),
            ("sum by (ns, app) (x) / sum by (ns, app) (y)", "ns app", "pod"),
            ("x / on (ns, app) y", "ns app", "pod"),
            ("x / ignoring (pod) y", "ns app", "pod"),
            ("x * on (ns) group_left (team) y", "ns pod team", ""),
            ("x * on (ns) group_right (team) sum by (ns) (y)", "ns team", "pod"),
            ("x > 0", "ns pod", ""),
            ("2 * sum by (ns) (x)", "ns", "pod"),
            ("x or sum by (ns) (y)", "ns", "pod"),
            ("sum by (ns) (x) and y", "ns", "pod"),
            ("x unless sum(y)", "ns pod", ""),
            ("vector(1)", "", "ns"),
            ("absent(x{ns=\"a\"})", "ns", "pod"),
            ("-(x)", "ns pod", ""),
            ("clamp_min(sum by (ns) (x), 0)", "ns", "pod"),
            ("histogram_quantile(0.9, sum by (ns, le) (rate(x[2m])))", "ns", "le pod"),
        ] {
            let set = labels(&parse(query).unwrap()).unwrap_or_else(|| panic!("{query} has rows"));
            assert!(there.split_whitespace().all(|label| set.has(label)), "{query} keeps {there}: {set:?}");
            assert!(!gone.split_whitespace().any(|label| set.has(label)), "{query} loses {gone}: {set:?}");
        }
        for query in ["1", "time()", "scalar(x)", "\"text\"", "1 + 2"] {
            assert_eq!(labels(&parse(query).unwrap()), None, "{query}");
        }
    }
}
