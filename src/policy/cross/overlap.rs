//! Two policies that select one object.

use std::collections::BTreeSet;

use crate::policy::set::{Policy, Target};

/// Why two policies select the same objects, if they surely do as soon as there is one; `None`: they may not.
pub(crate) fn same_objects(one: &Policy, other: &Policy) -> Option<String> {
    let (one, other) = (one.target.as_ref()?, other.target.as_ref()?);
    let group = |target: &Target| target.api_version.rsplit_once('/').map(|(group, _)| group.to_owned());
    if one.kind != other.kind || group(one) != group(other) {
        return None;
    }
    let namespaces = shared_namespace(&one.namespaces, &other.namespaces)?;
    let narrower = if implies(&one.selector, &other.selector) {
        &one.selector
    } else if implies(&other.selector, &one.selector) {
        &other.selector
    } else {
        return None;
    };
    let labels = if narrower.is_empty() { String::new() } else { format!(" with {narrower}") };
    Some(format!("{}{labels} in {namespaces}", one.kind))
}

/// What is asked of one label.
#[derive(Debug, PartialEq, Eq)]
enum Asked<'a> {
    In(BTreeSet<&'a str>),
    NotIn(BTreeSet<&'a str>),
    Exists,
    Absent,
}

impl Asked<'_> {
    /// Whether a label that fits this fits the other too. As in Kubernetes, no label at all is in no list.
    fn implies(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::In(ours), Self::In(theirs)) => ours.is_subset(theirs),
            (Self::In(ours), Self::NotIn(theirs)) => ours.is_disjoint(theirs),
            (Self::NotIn(ours), Self::NotIn(theirs)) => theirs.is_subset(ours),
            (Self::In(_) | Self::Exists, Self::Exists) | (Self::Absent, Self::Absent | Self::NotIn(_)) => true,
            _ => false,
        }
    }
}

/// Whether every object that the one selector takes is taken by the other.
fn implies(one: &str, other: &str) -> bool {
    let ours = requirements(one);
    requirements(other).iter().all(|(key, asked)| ours.iter().any(|(k, have)| k == key && have.implies(asked)))
}

/// The labels of a selector and what is asked of them.
fn requirements(selector: &str) -> Vec<(&str, Asked<'_>)> {
    // A comma inside of parentheses parts values, not requirements.
    let mut depth = 0;
    let parts = selector.split(move |c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    });
    parts.filter(|part| !part.is_empty()).map(requirement).collect()
}

fn requirement(part: &str) -> (&str, Asked<'_>) {
    if let Some(key) = part.strip_prefix('!') {
        (key, Asked::Absent)
    } else if let Some((key, values)) = part.split_once(" in (") {
        (key, Asked::In(values_of(values)))
    } else if let Some((key, values)) = part.split_once(" notin (") {
        (key, Asked::NotIn(values_of(values)))
    } else if let Some((key, value)) = part.split_once('=') {
        (key, Asked::In(BTreeSet::from([value])))
    } else {
        (part, Asked::Exists)
    }
}

fn values_of(list: &str) -> BTreeSet<&str> {
    list.trim_end_matches(')').split(',').collect()
}

/// A namespace that both lists of globs take; an empty list takes all.
fn shared_namespace(ours: &[String], theirs: &[String]) -> Option<String> {
    let narrower = |ours: &String, theirs: &String| {
        let glob = if theirs.len() > ours.len() || ours == "*" { theirs } else { ours };
        if glob == "*" { "all namespaces".to_owned() } else { format!("namespaces {glob}") }
    };
    match (ours, theirs) {
        ([], []) => Some("all namespaces".to_owned()),
        ([], [glob, ..]) | ([glob, ..], []) => Some(narrower(glob, glob)),
        _ => {
            let pairs = ours.iter().flat_map(|ours| theirs.iter().map(move |theirs| (ours, theirs)));
            pairs.into_iter().find(|(a, b)| globs_meet(a.as_bytes(), b.as_bytes())).map(|(a, b)| narrower(a, b))
        }
    }
}

/// Whether there is a text that both globs match.
fn globs_meet(one: &[u8], other: &[u8]) -> bool {
    // Row by row over `one`: reachable[j] is whether `one` so far and the first j of `other` can match one text.
    let step = |row: &[bool], star: bool, byte: u8| {
        let mut next = vec![false; row.len()];
        for j in 0..row.len() {
            let before = j.checked_sub(1).map(|i| other[i]);
            next[j] = match before {
                _ if star => row[j] || (j > 0 && (next[j - 1] || row[j - 1])),
                Some(b'*') => next[j - 1] || row[j] || row[j - 1],
                Some(same) if same == byte => row[j - 1],
                _ => false,
            };
        }
        next
    };
    let mut row = vec![true];
    for byte in other {
        let last = row[row.len() - 1];
        row.push(last && *byte == b'*');
    }
    for byte in one {
        row = step(&row, *byte == b'*', *byte);
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_meet_where_a_text_fits_both() {
        for (one, other, meet) in [
            ("a", "a", true),
            ("a", "b", false),
            ("*", "", true),
            ("streaming-*", "streaming-a", true),
            ("streaming-*", "*-a", true),
            ("streaming-*", "batch-*", false),
            ("a*b", "ab", true),
            ("a*b", "a", false),
            ("a*b*c", "*x*", true),
            ("a*", "*b", true),
            ("ab*", "a", false),
            ("*a", "*b", false),
            ("**", "x", true),
        ] {
            assert_eq!(globs_meet(one.as_bytes(), other.as_bytes()), meet, "{one} {other}");
            assert_eq!(globs_meet(other.as_bytes(), one.as_bytes()), meet, "{other} {one}");
        }
    }

    #[test]
    fn a_comma_between_values_parts_nothing() {
        let keys = requirements("!legacy,stage in (a,b),tier=gold").into_iter().map(|(key, _)| key);
        assert_eq!(keys.collect::<Vec<_>>(), ["legacy", "stage", "tier"]);
        assert!(requirements("").is_empty());
    }

    #[test]
    fn a_selector_implies_what_all_of_its_objects_fit() {
        for (one, other, fits) in [
            ("c=x", "", true),
            ("", "c=x", false),
            ("c=x", "c in (x,y)", true),
            ("c in (x,y)", "c=x", false),
            ("c in (x)", "c=x", true),
            ("c=x", "c", true),
            ("c", "c=x", false),
            ("c=x", "c notin (z)", true),
            ("c=x", "c notin (x,z)", false),
            ("c notin (y,z)", "c notin (z)", true),
            ("c notin (z)", "c notin (y,z)", false),
            ("!c", "c notin (z)", true),
            ("!c", "c", false),
            ("c notin (z)", "c", false),
            ("a=1,c=x", "c", true),
            ("a=1", "a,c", false),
        ] {
            assert_eq!(implies(one, other), fits, "{one} {other}");
        }
    }
}
