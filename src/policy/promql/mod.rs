//! What can be said about a query without a server, and how it is cut by namespace.

mod flaws;
mod labels;
mod split;
mod syntax;
mod text;

pub(crate) use flaws::{Context, Flaw, flaws};
pub(crate) use split::{SplitError, part};

use promql_parser::parser::Expr;

/// The longest query, in bytes, and the most operators and brackets in it: an expression is a tree that may be as deep
/// as it has operators, and it is walked by recursion, so that a chain of thousands would exhaust the stack. The
/// largest query in use has about 30.
const LONGEST: usize = 16_000;
const MOST_OPERATORS: usize = 300;

/// Parses a query that is neither too long nor too deep.
fn parse(query: &str) -> Result<Expr, String> {
    if is_too_large(query) {
        return Err(TOO_LARGE.to_owned());
    }
    promql_parser::parser::parse(&text::without_raw(query))
}

const TOO_LARGE: &str = "this query is too large to be checked: put parts of it into recording rules";

const RANGE_VECTOR: &str = "this query gives a range vector where an instant one is needed: take `[...]` away or put a \
                            function such as rate() around it";

fn is_too_large(query: &str) -> bool {
    query.len() > LONGEST || operators(query) > MOST_OPERATORS
}

/// Operators and opening brackets outside of quotes, at least as many as the expression is deep.
fn operators(query: &str) -> usize {
    let mut quote = None;
    let mut escaped = false;
    let mut outside = String::with_capacity(query.len());
    for c in query.chars() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(mark) if c == '\\' && mark != '`' => escaped = true,
            Some(mark) if c == mark => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'' | '`') => quote = Some(c),
            None => outside.push(c),
        }
    }
    let marks = outside.chars().filter(|c| "+-*/%^<>=!([".contains(*c)).count();
    let words = outside.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
    let is_operator = |word: &&str| ["and", "or", "unless", "atan2"].contains(&word.to_lowercase().as_str());
    marks + words.filter(is_operator).count()
}
