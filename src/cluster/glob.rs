//! Globs of namespaces: `*` is any run of characters, `?` is one. A namespace has no other special characters.

/// Whether the pattern names exactly one namespace.
pub(super) fn is_literal(pattern: &str) -> bool {
    !pattern.contains(['*', '?'])
}

/// Whether the pattern matches the whole name. Time is at worst the product of the lengths, never exponential.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut p, mut n) = (0, 0);
    // The last `*` and how much of the name it stands for: the only place to come back to.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(b'?') => (p, n) = (p + 1, n + 1),
            Some(byte) if *byte == name[n] => (p, n) = (p + 1, n + 1),
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    (p, n) = (at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, name, expected) in [
            ("streaming", "streaming", true),
            ("streaming", "streaming-a", false),
            ("streaming", "stream", false),
            ("streaming-*", "streaming-a", true),
            ("streaming-*", "streaming-", true),
            ("streaming-*", "streaming", false),
            ("streaming-*", "my-streaming-a", false),
            ("*", "", true),
            ("*", "anything", true),
            ("", "", true),
            ("", "a", false),
            ("*-prod", "team-a-prod", true),
            ("*-prod", "team-a-prod-2", false),
            ("team-?", "team-a", true),
            ("team-?", "team-", false),
            ("team-?", "team-ab", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-d", false),
            ("**a", "a", true),
            ("[a]", "a", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} on {name}");
        }
        assert!(is_literal("streaming") && !is_literal("streaming-*") && !is_literal("team-?"));
    }

    #[test]
    fn many_stars_do_not_take_exponential_time() {
        let pattern = format!("{}b", "a*".repeat(30));
        assert!(!matches(&pattern, &"a".repeat(63)));
    }
}
