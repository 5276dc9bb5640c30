//! Where a query that does not parse goes wrong: the parser says what, and seldom where.

use std::ops::Range;

use super::flaws::Flaw;
use super::text;

/// The flaw behind an error of the parser.
pub(super) fn flaw(query: &str, error: &str) -> Flaw {
    if error == super::TOO_LARGE {
        return Flaw { warning: false, at: 0..0, message: error.to_owned() };
    }
    if let Some((at, message)) = unbalanced(query) {
        return Flaw { warning: false, at, message };
    }
    if error == "expected type vector in aggregation expression, got matrix" {
        let code = text::code(query);
        let range = code
            .find('[')
            .map(|start| code[start..].find(']').map_or(start..query.len(), |end| start..start + end + 1));
        return Flaw { warning: false, at: range.unwrap_or_default(), message: super::RANGE_VECTOR.to_owned() };
    }
    // `unknown function with name 'x'`, `... in call to function 'x'`: the name stands in the query.
    let at = error.split('\'').nth(1).and_then(|name| named(query, name, error)).unwrap_or_default();
    let message = match error {
        "invalid promql query" => "this is no PromQL: look for a missing operator, comma or operand".to_owned(),
        other if other.starts_with("no expression found") => "this query is empty: write one".to_owned(),
        other => match range_meant(other) {
            Some(function) => {
                format!("{function}() needs a range vector: write its window behind the selector, as in x[2m]")
            }
            None => format!("this is no PromQL: {other}"),
        },
    };
    Flaw { warning: false, at, message }
}

/// The one place of a name that an error quotes; `None`: there are several, or none.
fn named(query: &str, name: &str, error: &str) -> Option<Range<usize>> {
    let code = text::code(query);
    let mut found = if name.is_empty() { Vec::new() } else { text::words(&code, name) };
    if error.contains("function") {
        found.retain(|at| code[at.end..].trim_start().starts_with('('));
    } else if name.chars().count() <= 2 {
        // So short a name is in a matcher or a range, and elsewhere by chance.
        let depth = |end: usize, mark: char| code[..end].matches(mark).count();
        found.retain(|at| depth(at.start, '{') > depth(at.start, '}') || depth(at.start, '[') > depth(at.start, ']'));
    }
    if range_meant(error).is_some() && found.len() > 1 {
        found.retain(|at| !code[at.end..].split(')').next().unwrap_or_default().contains('['));
    }
    if let [at] = found.as_slice() { Some(at.clone()) } else { None }
}

/// The function of `expected type matrix in call to function 'rate', got vector`.
fn range_meant(error: &str) -> Option<&str> {
    error.strip_prefix("expected type matrix in call to function '")?.strip_suffix("', got vector")
}

/// The first bracket or quote without its partner: the rest of the query from there, and what is missing.
fn unbalanced(query: &str) -> Option<(Range<usize>, String)> {
    let mut open: Vec<(usize, char)> = Vec::new();
    let mut quote: Option<(usize, char)> = None;
    let mut escaped = false;
    for (index, c) in query.char_indices() {
        if let Some((_, mark)) = quote {
            if escaped {
                escaped = false;
            } else if c == '\\' && mark != '`' {
                escaped = true;
            } else if c == mark {
                quote = None;
            }
            continue;
        }
        let partner = match c {
            '"' | '\'' | '`' => {
                quote = Some((index, c));
                continue;
            }
            '(' | '[' | '{' => {
                open.push((index, c));
                continue;
            }
            ')' => '(',
            ']' => '[',
            '}' => '{',
            _ => continue,
        };
        match open.pop() {
            Some((_, last)) if last == partner => {}
            Some((_, last)) => {
                return Some((
                    index..query.len(),
                    format!("this is no PromQL: `{c}` stands where `{last}` is still open"),
                ));
            }
            None => {
                return Some((index..query.len(), format!("this is no PromQL: `{c}` closes what was never opened")));
            }
        }
    }
    let (index, mark) = quote.or_else(|| open.pop())?;
    Some((index..query.len(), format!("this is no PromQL: `{mark}` is never closed")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_partner_is_found() {
        for (query, at, says) in [
            ("sum(rate(x[2m])", "(rate(x[2m])", "`(` is never closed"),
            ("sum(x))", ")", "closes what was never opened"),
            ("x{a=\"b}", "\"b}", "`\"` is never closed"),
            ("rate(x[2m)", ")", "where `[` is still open"),
            ("sum by (a) x", "", "missing operator"),
            ("rat(x)", "rat", "unknown function"),
            ("sum by (b) (x{a=b})", "b", "unexpected"),
            ("sum(rate(x))", "rate", "rate() needs a range vector"),
            ("sum by (a) (x{a=\"[\"}[2m])", "[2m]", "take `[...]` away"),
            ("x{a=\"(\\\"\"} +", "", "missing operator"),
        ] {
            let error = promql_parser::parser::parse(query).unwrap_err();
            let flaw = flaw(query, &error);
            assert_eq!(&query[flaw.at], at, "{query}");
            assert!(flaw.message.contains(says), "{query}: {}", flaw.message);
        }
    }
}
