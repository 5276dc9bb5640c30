//! What is wrong with a piece of JSON, for people: line, column, what, and the nearest known key.

use std::fmt;

use crate::engine::Signal;

/// Where a piece of JSON is wrong, and how.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct JsonFault {
    /// Counted from 1, in the whole file.
    pub line: u64,
    /// Counted from 1; just behind what is wrong. `None`: the line as a whole.
    pub column: Option<usize>,
    /// What is wrong, and the mend where there is a likely one.
    pub what: String,
}

impl fmt::Display for JsonFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, what } = self;
        write!(f, "line {line}")?;
        column.map_or(Ok(()), |column| write!(f, ", column {column}"))?;
        write!(f, ": {what}")
    }
}

impl JsonFault {
    /// What serde_json found in a document that starts on line `first_line` of its file.
    pub fn new(error: &serde_json::Error, first_line: u64) -> Self {
        Self {
            line: first_line + error.line().saturating_sub(1) as u64,
            column: Some(error.column()),
            what: explain(error),
        }
    }
}

/// The error's text without its position, and with the nearest key where a key is unknown.
pub(crate) fn explain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.strip_suffix(&format!(" at line {} column {}", error.line(), error.column())).unwrap_or(&text);
    let Some(rest) = what.strip_prefix("unknown field `").or_else(|| what.strip_prefix("unknown variant `")) else {
        return what.to_owned();
    };
    let mut words = rest.split('`');
    let unknown = words.next().unwrap_or_default();
    // What stands between the names is ", " and "expected one of ".
    let known: Vec<&str> = words.skip(1).step_by(2).collect();
    match nearest(unknown, &known) {
        Some(near) => format!("`{unknown}` is not known here: did you mean `{near}`?"),
        None => format!("`{unknown}` is not known here, only {}", List(&known)),
    }
}

/// The known word that was probably meant: a signal's other spelling (`runningFor`), or few letters off.
fn nearest<'a>(unknown: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = |word: &str| word.replace(['_', '-'], "").to_lowercase();
    let wanted = if Signal::from_name(unknown) == Some(Signal::Running) { "workers".into() } else { plain(unknown) };
    known
        .iter()
        .map(|word| (strsim::damerau_levenshtein(&wanted, &plain(word)), *word))
        .min()
        .filter(|(distance, word)| *distance <= 2.min(word.len() / 3))
        .map(|(_, word)| word)
}

struct List<'a>(&'a [&'a str]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, word) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(", ")?;
            }
            write!(f, "`{word}`")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::wire::WireJob;

    fn fault(text: &str) -> String {
        JsonFault::new(&serde_json::from_str::<WireJob<'_>>(text).unwrap_err(), 1).to_string()
    }

    #[test]
    fn a_fault_names_its_place_and_the_mend() {
        let rows = [
            ("{\n  \"wokers\": 10}", "line 2, column 10: `wokers` is not known here: did you mean `workers`?"),
            (r#"{"runningFor": 10}"#, "line 1, column 13: `runningFor` is not known here: did you mean `running_for`?"),
            (r#"{"running": 10}"#, "line 1, column 10: `running` is not known here: did you mean `workers`?"),
            (
                r#"{"cpu": true}"#,
                "line 1, column 13: `true` is not a reading: give a number, null, \"stale\", \"NaN\" or \"failed\"",
            ),
            (r#"{"cpu": 0.5"#, "line 1, column 11: EOF while parsing an object"),
        ];
        for (text, expected) in rows {
            assert_eq!(fault(text), expected, "{text}");
        }
        assert!(fault(r#"{"colour": 1}"#).contains("only `namespace`, `name`"), "{}", fault(r#"{"colour": 1}"#));
    }
}
