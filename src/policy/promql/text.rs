//! A query as text: which part of it is code, and which is quoted.

use std::ops::Range;

/// The quoted texts of a query with their marks, in order; one that is never closed reaches to the end. Comments
/// are passed over.
pub(super) fn quoted(query: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut chars = query.char_indices();
    while let Some((start, mark)) = chars.next() {
        match mark {
            '#' => _ = chars.find(|(_, c)| *c == '\n'),
            '"' | '\'' | '`' => {
                let mut end = query.len();
                while let Some((at, c)) = chars.next() {
                    if c == '\\' && mark != '`' {
                        chars.next();
                    } else if c == mark {
                        end = at + 1;
                        break;
                    }
                }
                found.push(start..end);
            }
            _ => {}
        }
    }
    found
}

/// The query with its raw texts written as escaped ones: the parser looks for escapes in both.
pub(super) fn without_raw(query: &str) -> String {
    let mut text = String::with_capacity(query.len());
    let mut done = 0;
    for part in quoted(query) {
        let inner = query[part.clone()].strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
        if let Some(inner) = inner {
            text.push_str(&query[done..part.start]);
            let escaped = inner.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            text.extend(["\"", &escaped, "\""]);
            done = part.end;
        }
    }
    text.push_str(&query[done..]);
    text
}

/// The query with a blank for every byte of a quoted text, so that places in it are places in the query.
pub(super) fn code(query: &str) -> String {
    let mut code = String::with_capacity(query.len());
    for part in quoted(query) {
        code.push_str(&query[code.len()..part.start]);
        code.push_str(&" ".repeat(part.len()));
    }
    code.push_str(&query[code.len()..]);
    code
}

/// Where a name stands as a whole word. `code` as [`code`] gives it.
pub(super) fn words(code: &str, word: &str) -> Vec<Range<usize>> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let bounds = code.match_indices(word).map(|(start, _)| start..start + word.len());
    bounds.filter(|at| !code[..at.start].ends_with(is_part) && !code[at.end..].starts_with(is_part)).collect()
}

/// The ranges of selectors, with their brackets; subqueries are none.
pub(super) fn ranges(code: &str) -> Vec<Range<usize>> {
    let starts = code.match_indices('[').map(|(start, _)| start);
    let bounds = starts.filter_map(|start| Some(start..start + code[start..].find(']')? + 1));
    bounds.filter(|at| !code[at.clone()].contains(':')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_texts_are_escaped_and_nothing_else() {
        for (query, written) in [
            (r#"x{a=~`\d"`}"#, r#"x{a=~"\\d\""}"#),
            ("x{a=`1\n2`, b=`é`}", r#"x{a="1\n2", b="é"}"#),
            (r#"x{a="`\"`"}"#, r#"x{a="`\"`"}"#),
            ("x # `\n+ y{a=`\\`}", "x # `\n+ y{a=\"\\\\\"}"),
            ("x{a=`", "x{a=`"),
            ("x{a=``}", r#"x{a=""}"#),
        ] {
            assert_eq!(without_raw(query), written);
        }
    }
}
