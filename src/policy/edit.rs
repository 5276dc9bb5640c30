//! A policy with some fields changed: what a sweep tries.

use std::fmt::Write as _;

use super::read::parse;
use super::set::Policy;
use super::source::{Source, Span};
use super::yaml::{self, Key, Node, What};
use super::{Diagnostics, Problem};

/// The policy as if its file said so: each field is a path below `spec` (`scaleUp.cpuAbove`), each value a single one as it
/// would be written (`0.8`, `90s`, `off`).
///
/// # Errors
/// What is wrong with the policy then, one sentence a problem.
pub fn with_fields(policy: &Policy, fields: &[(String, String)]) -> Result<Policy, String> {
    let source = Source::new("policy", &*policy.text);
    let mut problems = Diagnostics::default();
    let document = yaml::documents(&source, &mut problems).into_iter().find(|document| !document.root.is_null());
    let Some(mut document) = document else { return Err("the policy has no text".to_owned()) };
    for (path, value) in fields {
        let path = path.strip_prefix("spec.").unwrap_or(path);
        let mut parts: Vec<&str> = path.split('.').collect();
        parts.insert(0, "spec");
        set(&mut document.root, &parts, value).map_err(|part| format!("`{part}` holds a single value, no fields"))?;
    }
    let mut text = String::new();
    write(&document.root, &mut text);
    let parsed = parse("policy", &text).map_err(|problems| sentences(problems.iter()))?;
    let policy = parsed.into_iter().next().ok_or("nothing is left of the policy")?;
    Ok(Policy { text: text.into(), ..policy })
}

fn sentences<'a>(problems: impl Iterator<Item = &'a Problem>) -> String {
    problems.map(|problem| problem.message.clone()).collect::<Vec<_>>().join("; ")
}

/// Sets the value at that path, making the sections that are missing; the error is a part of it that is no section.
fn set<'a>(node: &mut Node, path: &[&'a str], value: &str) -> Result<(), &'a str> {
    let [first, rest @ ..] = path else {
        node.what = What::Scalar { text: value.to_owned(), plain: true };
        return Ok(());
    };
    let What::Map(entries) = &mut node.what else { return Err(first) };
    let place = entries.iter().position(|(key, _)| key.text == *first).unwrap_or_else(|| {
        let key = Key { text: (*first).to_owned(), span: Span::default() };
        entries.push((key, Node { span: Span::default(), what: What::Map(Vec::new()) }));
        entries.len() - 1
    });
    set(&mut entries[place].1, rest, value)
}

/// Writes a tree as YAML in flow style, on one line.
fn write(node: &Node, text: &mut String) {
    match &node.what {
        What::Scalar { text: scalar, plain } => write_scalar(scalar, *plain, text),
        What::List(items) => {
            text.push('[');
            for item in items {
                write(item, text);
                text.push_str(", ");
            }
            text.push(']');
        }
        What::Map(entries) => {
            text.push('{');
            for (key, value) in entries {
                write_scalar(&key.text, true, text);
                text.push_str(": ");
                write(value, text);
                text.push_str(", ");
            }
            text.push('}');
        }
    }
}

/// A plain scalar stays one where nothing in it has a meaning to YAML; all else goes in double quotes, as JSON writes it.
fn write_scalar(scalar: &str, plain: bool, text: &mut String) {
    let bare = scalar.chars().all(|c| c.is_ascii_alphanumeric() || "_.%+/".contains(c));
    if plain && bare && !scalar.is_empty() {
        text.push_str(scalar);
    } else if plain && scalar.is_empty() {
        text.push('~');
    } else {
        let _ = write!(text, "{}", serde_json::Value::from(scalar));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = include_str!("../../policies/beam-flink-reactive.yaml");

    fn policy() -> Policy {
        parse("beam.yaml", POLICY).unwrap().remove(0)
    }

    fn field(path: &str, value: &str) -> (String, String) {
        (path.to_owned(), value.to_owned())
    }

    #[test]
    fn nothing_changed_is_the_same_policy() {
        let before = policy();
        let after = with_fields(&before, &[]).unwrap();
        assert_eq!(after, Policy { text: after.text.clone(), ..before });
    }

    #[test]
    fn fields_that_stand_there_are_replaced_and_others_are_added() {
        let before = policy();
        let fields = [field("limits.maxWorkers", "36"), field("spec.scaleUp.cpuAbove", "0.8"), field("warmUp", "90s")];
        let after = with_fields(&before, &fields).unwrap();
        assert_eq!((before.plan.limits.max_workers, after.plan.limits.max_workers), (8, 36));
        assert_eq!((before.plan.scale_up.cpu_above, after.plan.scale_up.cpu_above), (0.9, 0.8));
        assert_eq!(after.plan.warm_up.as_secs(), 90);
        assert_eq!(after.signals, before.signals, "queries survive");
        let again = with_fields(&after, &[field("limits.maxWorkers", "4")]).unwrap();
        assert_eq!((again.plan.limits.max_workers, again.plan.scale_up.cpu_above), (4, 0.8));
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (path, value, told) in [
            ("scaleUp.cpuAbove", "80", "a share is meant"),
            ("scaleUp.cpuAbov", "0.8", "did you mean `cpuAbove`?"),
            ("warmUp", "90", "a time needs its unit"),
            ("signals.staleAfter.for", "90s", "`for` holds a single value, no fields"),
            ("scaleUp.cpuAbove", "0.8, mode: act", "a share is meant"),
        ] {
            let error = with_fields(&policy(), &[field(path, value)]).unwrap_err();
            assert!(error.contains(told), "{path}={value}: {error}");
        }
    }
}
