//! Cuts a query by namespace: every selector of it gets one matcher more.

use promql_parser::label::{Matcher, Matchers};
use promql_parser::parser::Expr;

use super::parse;

/// Why a query cannot be cut.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum SplitError {
    #[error("{0}")]
    Query(String),
    #[error("`{0}` is no regular expression")]
    Regex(String),
    #[error("this query cannot be written out again with a further matcher: leave `split` out")]
    Unfaithful,
}

/// The part of a query for the namespaces that match `regex`, which `label` holds.
pub(crate) fn part(query: &str, label: &str, regex: &str) -> Result<String, SplitError> {
    let mut expr = parse(query).map_err(SplitError::Query)?;
    let matcher = matcher(label, regex)?;
    selectors(&mut expr, &mut |matchers| add(matchers, &matcher));
    let text = expr.to_string();
    // The parser prints what it has read, and a slip there would ask for something else.
    let faithful = parse(&text).is_ok_and(|again| in_order(again) == in_order(expr));
    if faithful { Ok(text) } else { Err(SplitError::Unfaithful) }
}

/// The matchers of each selector in a fixed order: the printer has one of its own, and it means nothing.
fn in_order(mut expr: Expr) -> Expr {
    selectors(&mut expr, &mut |matchers| matchers.matchers.sort_by_cached_key(ToString::to_string));
    expr
}

/// Taken from a parsed selector, as PromQL anchors and escapes expressions in ways of its own.
pub(super) fn matcher(label: &str, regex: &str) -> Result<Matcher, SplitError> {
    let wrong = || SplitError::Regex(regex.to_owned());
    let escaped = regex.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    match parse(&format!("x{{{label}=~\"{escaped}\"}}")) {
        Ok(Expr::VectorSelector(selector)) => selector.matchers.matchers.into_iter().next().ok_or_else(wrong),
        _ => Err(wrong()),
    }
}

/// Hands out the matchers of every selector.
fn selectors(expr: &mut Expr, change: &mut impl FnMut(&mut Matchers)) {
    match expr {
        Expr::VectorSelector(selector) => change(&mut selector.matchers),
        Expr::MatrixSelector(selector) => change(&mut selector.vs.matchers),
        Expr::Aggregate(aggregate) => {
            selectors(&mut aggregate.expr, change);
            if let Some(param) = &mut aggregate.param {
                selectors(param, change);
            }
        }
        Expr::Binary(binary) => {
            selectors(&mut binary.lhs, change);
            selectors(&mut binary.rhs, change);
        }
        Expr::Unary(unary) => selectors(&mut unary.expr, change),
        Expr::Paren(paren) => selectors(&mut paren.expr, change),
        Expr::Subquery(subquery) => selectors(&mut subquery.expr, change),
        Expr::Call(call) => call.args.args.iter_mut().for_each(|arg| selectors(arg, change)),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}

fn add(matchers: &mut Matchers, matcher: &Matcher) {
    if matchers.or_matchers.is_empty() {
        matchers.matchers.push(matcher.clone());
    }
    for alternative in &mut matchers.or_matchers {
        alternative.push(matcher.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_selector_of_a_query_is_cut() {
        for (query, cut) in [
            ("up", r#"up{ns=~"a.*"}"#),
            ("sum by (ns, app) (rate(x{a=\"b\"}[2m]))", r#"sum by (ns, app) (rate(x{a="b",ns=~"a.*"}[2m]))"#),
            (r#"sum(x{pod=~"w-.+", zone!=""})"#, r#"sum(x{ns=~"a.*",pod=~"w-.+",zone!=""})"#),
            ("-x offset 5m", r#"-x{ns=~"a.*"} offset 5m"#),
            (
                "sum by (ns) (x) / on (ns) group_left () max by (ns) (y > bool 1e9)",
                r#"sum by (ns) (x{ns=~"a.*"}) / on (ns) group_left () max by (ns) (y{ns=~"a.*"} > bool 1000000000)"#,
            ),
            ("max_over_time((x)[10m:1m])", r#"max_over_time((x{ns=~"a.*"})[10m:1m])"#),
            (r"x{pod=~`a-\d+`}", r#"x{ns=~"a.*",pod=~"a-\\d+"}"#),
            ("topk by (ns) (3, x)", r#"topk by (ns) (3, x{ns=~"a.*"})"#),
            (
                r#"label_replace(x{a="1" or b="2"}, "app", "$1", "pod", "(.+)-\\d+")"#,
                r#"label_replace(x{a="1", ns=~"a.*" or b="2", ns=~"a.*"}, "app", "$1", "pod", "(.+)-\\d+")"#,
            ),
        ] {
            assert_eq!(part(query, "ns", "a.*").as_deref(), Ok(cut));
        }
    }

    #[test]
    fn an_expression_is_carried_over_letter_by_letter() {
        assert_eq!(part("x", "ns", r#"a\d"b"#).as_deref(), Ok(r#"x{ns=~"a\\d\"b"}"#));
        assert_eq!(part("x", "ns", "a("), Err(SplitError::Regex("a(".into())));
        assert!(matches!(part("sum(", "ns", "a"), Err(SplitError::Query(_))));
    }
}
