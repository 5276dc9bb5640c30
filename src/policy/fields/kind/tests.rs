use serde_json::json;

use super::*;

fn matches(pattern: &str, text: &str) -> bool {
    jsonschema::is_valid(&json!({ "pattern": pattern }), &json!(text))
}

#[test]
fn the_patterns_of_the_schema_say_what_is_checked() {
    let long = "a".repeat(64);
    let texts = [
        "a",
        "A",
        "a-b",
        "-a",
        "a-",
        "a_b",
        "a.b",
        "a b",
        "1a",
        "*",
        "a*",
        "a/b",
        "a.b/c-d",
        "/a",
        "a/",
        "a/b/c",
        "_a",
        "Kind",
        "v1",
        "apps/v1",
        "é",
        "a(",
        "http://a",
        "https://u:p@a:9/b",
        "http://a?b",
        "http:///a",
        "ftp://a",
        "a:80",
        ":80",
        "a:b",
        "a:",
        &long,
        &long[1..],
    ];
    for form in [
        Text::DnsLabel,
        Text::ApiVersion,
        Text::KindName,
        Text::Glob,
        Text::LabelKey,
        Text::LabelValue,
        Text::MetricLabel,
        Text::Regex,
        Text::Query,
        Text::Any,
        Text::Secret,
        Text::Url,
        Text::HeaderName,
        Text::Address,
    ] {
        for text in texts {
            assert_eq!(form.read(text, false).is_ok(), matches(form.pattern(), text), "{form:?} {text}");
        }
    }
}

#[test]
fn times_are_read_with_their_units_and_within_their_bounds() {
    for (text, fine) in [
        ("90s", true),
        ("1h30m", true),
        ("1h 30m", true),
        ("2 min", true),
        ("500ms", false),
        ("1s", true),
        ("1day", true),
        ("25h", false),
        ("90", false),
        ("s", false),
        ("", false),
        ("-5s", false),
        ("1.5h", true),
        ("5M", false),
        ("∞", false),
    ] {
        assert_eq!(duration(text, 1, DAY).is_ok(), fine, "{text}");
        assert!(!fine || matches(&duration_pattern(false), text), "{text}");
    }
    assert!(matches(&duration_pattern(true), "0s") && !matches(&duration_pattern(false), "0s"));
    assert_eq!(duration("1h30m", 0, DAY), Ok(Duration::from_secs(5_400)));
}

#[test]
fn shares_and_counts_are_held_to_both_bounds() {
    for (text, zero, fine) in [
        ("0", true, true),
        ("0", false, false),
        ("0.0001", false, true),
        ("1", false, true),
        ("1.0001", false, false),
        ("-0.1", true, false),
        ("1e-1", true, true),
        (".5", true, true),
        ("nan", true, false),
        ("inf", true, false),
    ] {
        assert_eq!(share(text, zero, 1.0).is_ok(), fine, "{text}");
    }
    for (text, fine) in [
        ("0", false),
        ("1", true),
        ("10", true),
        ("11", false),
        ("+5", false),
        ("1_0", false),
        ("5.0", false),
        ("010", false),
    ] {
        assert_eq!(count(text, 1, 10).is_ok(), fine, "{text}");
    }
}
