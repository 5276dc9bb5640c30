//! `steelyard check --rbac`: roles and bindings as YAML documents, or as one JSON List.

use std::fmt::Write as _;
use std::io::Write;

use serde_json::{Value, json};

use crate::cli::Format;
use crate::cluster::{self, Account};
use crate::policy::PolicySet;

/// Writes what the policies need for that account.
///
/// # Errors
/// `out` cannot be written.
pub(super) fn print(
    policies: &PolicySet,
    account: Account,
    format: Format,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let made = cluster::rbac(policies, &account);
    match format {
        Format::Table => {
            for (number, object) in made.iter().enumerate() {
                write!(out, "{}{}", if number == 0 { "" } else { "---\n" }, yaml(object))?;
            }
        }
        Format::Json => {
            writeln!(out, "{}", json!({ "apiVersion": "v1", "kind": "List", "items": made }))?;
        }
    }
    Ok(())
}

/// Block style for mappings and lists of mappings, one line for lists of scalars.
fn yaml(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

fn block(value: &Value, indent: usize, text: &mut String) {
    let Value::Object(fields) = value else { return };
    for (name, value) in fields {
        let _ = write!(text, "{:indent$}{name}:", "");
        match value {
            Value::Object(_) => {
                text.push('\n');
                block(value, indent + 2, text);
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                text.push('\n');
                for item in items {
                    let mut inner = String::new();
                    block(item, indent + 4, &mut inner);
                    let _ = write!(text, "{:indent$}- {}", "", inner.trim_start(), indent = indent + 2);
                }
            }
            Value::Array(items) => {
                let items: Vec<_> = items.iter().map(scalar).collect();
                let _ = writeln!(text, " [{}]", items.join(", "));
            }
            _ => {
                let _ = writeln!(text, " {}", scalar(value));
            }
        }
    }
}

/// A name is plain; whatever could be read as something else is quoted, as JSON is.
fn scalar(value: &Value) -> String {
    match value.as_str() {
        Some(name) if is_plain(name) => name.to_owned(),
        _ => value.to_string(),
    }
}

fn is_plain(name: &str) -> bool {
    const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let lower = name.to_ascii_lowercase();
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.ends_with(|last: char| last.is_ascii_alphanumeric())
        && name.chars().all(|one| one.is_ascii_alphanumeric() || "-./:".contains(one))
        && !WORDS.contains(&&*lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_as_what_was_meant() {
        let object = json!({
            "kind": "Role", "odd": ["", "on", "1", "a: b", "-", "*", "a b", "#", "a:", "é", "2.5"],
            "rules": [{ "apiGroups": [""], "verbs": ["list"] }, { "only": { "name": "no" }, "verbs": ["get"] }],
            "empty": [],
        });
        let text = yaml(&object);
        let read: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(read, object, "{text}");
    }
}
