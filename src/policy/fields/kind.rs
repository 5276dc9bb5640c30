//! What may stand in a field, and how the text of a scalar becomes its value.

use std::time::Duration;

use super::Field;
use super::numbers::{count, number, positive, share, unquoted};

pub(super) const SECOND: u64 = 1;
pub(super) const MINUTE: u64 = 60 * SECOND;
pub(super) const HOUR: u64 = 60 * MINUTE;
pub(super) const DAY: u64 = 24 * HOUR;

/// Times up to days, for the JSON Schema: what the `humantime` crate reads. A time above 0 has a digit above 0.
pub(crate) fn duration_pattern(zero: bool) -> String {
    let units = "nsecs?|ns|usecs?|us|msecs?|millis|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d";
    let some = if zero { "" } else { "(?=.*[1-9])" };
    format!("^{some}\\s*([0-9]+(\\.[0-9]+)?\\s*({units})\\s*)+$")
}

/// The word of a field that may be left empty.
pub(crate) const EMPTY: &str = "~";

/// What may stand in a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// A mapping whose keys are fields.
    Section,
    /// A mapping whose keys are the user's own, of that form.
    Free { keys: Text },
    /// A list.
    List,
    /// Exactly this text.
    Constant(&'static str),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `true` or `false`.
    Switch,
    /// A text of that form.
    Text(Text),
    /// A time with its unit; bounds in seconds, both allowed.
    Duration { least: u64, most: u64 },
    /// A share: 0.7, not 70. `zero`: 0 is allowed.
    Share { zero: bool, most: f64 },
    /// A number above 0, or from 0 on.
    Number { zero: bool, most: f64 },
    /// A whole number; both bounds allowed.
    Count { least: u64, most: u64 },
}

/// The forms of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Text {
    /// A DNS label: the name of a policy.
    DnsLabel,
    /// `group/version` or `version`.
    ApiVersion,
    /// A Kubernetes kind.
    KindName,
    /// A namespace with `*`.
    Glob,
    /// The key of a Kubernetes label.
    LabelKey,
    /// The value of a Kubernetes label.
    LabelValue,
    /// The name of a Prometheus label.
    MetricLabel,
    /// A regular expression.
    Regex,
    /// PromQL.
    Query,
    /// Whatever is not blank: a path, a name.
    Any,
    /// Whatever is not blank, and nobody's business.
    Secret,
    /// Where a server is, over HTTP. It may hold a user and a password.
    Url,
    /// The name of a header of HTTP.
    HeaderName,
    /// `HOST:PORT`.
    Address,
}

/// The value of a scalar.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// The word that may stand in place of a value.
    Word,
    Switch(bool),
    Text(String),
    Duration(Duration),
    Share(f64),
    Number(f64),
    Count(u64),
}

/// Why a scalar cannot be the value of a field: a fragment with the mend that follows "`name` is `text`: ".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unusable(pub String);

impl Kind {
    /// Whether a value may hold what nobody is to see.
    pub const fn is_secret(self) -> bool {
        matches!(self, Self::Text(Text::Secret | Text::Url))
    }
}

impl Field {
    /// Reads a scalar. `plain`: it stands there without quotes, so that YAML would make a number of digits.
    pub fn read(&self, text: &str, plain: bool) -> Result<Value, Unusable> {
        if self.word == Some(text) {
            return Ok(Value::Word);
        }
        let value = match self.kind {
            Kind::Section | Kind::Free { .. } => Err("a mapping is meant".to_owned()),
            Kind::List => Err(format!("a list is meant: write [{}]", item(text))),
            Kind::Constant(only) => {
                if text == only {
                    Ok(Value::Text(text.into()))
                } else {
                    Err(format!("write {only}"))
                }
            }
            Kind::Choice(words) => choice(text, words),
            Kind::Switch => match text {
                "true" => Ok(Value::Switch(true)),
                "false" => Ok(Value::Switch(false)),
                _ => Err("write true or false".to_owned()),
            },
            Kind::Text(form) => form.read(text, plain).map(Value::Text),
            Kind::Duration { least, most } => duration(text, least, most).map(Value::Duration),
            Kind::Share { zero, most } => {
                share(text, zero, most).and_then(|share| unquoted(share, text, plain)).map(Value::Share)
            }
            Kind::Number { zero, most } => {
                positive(text, zero, most).and_then(|value| unquoted(value, text, plain)).map(Value::Number)
            }
            Kind::Count { least, most } => {
                count(text, least, most).and_then(|count| unquoted(count, text, plain)).map(Value::Count)
            }
        };
        value.map_err(|why| match self.word {
            Some(word) if word != EMPTY => Unusable(format!("{why}, or `{word}`")),
            _ => Unusable(why),
        })
    }
}

/// A text as an item of a list in brackets: in quotes where it would not stay one text there.
fn item(text: &str) -> String {
    let bare = text.starts_with(|c: char| c.is_ascii_alphanumeric()) && only_of(text, "_-./");
    if bare { text.to_owned() } else { format!("'{}'", text.replace('\'', "''")) }
}

fn choice(text: &str, words: &[&str]) -> Result<Value, String> {
    if words.contains(&text) {
        return Ok(Value::Text(text.into()));
    }
    let listed = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    if words.len() == 1 {
        return Err(format!("write {listed}"));
    }
    Err(match super::nearest(text, words.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? It is one of {listed}"),
        None => format!("write one of {listed}"),
    })
}

fn duration(text: &str, least: u64, most: u64) -> Result<Duration, String> {
    let digits = text.trim();
    if let Ok(number) = digits.parse::<f64>() {
        if number.is_finite() && number >= 0.0 {
            return Err(format!("a time needs its unit: write {digits}s for seconds or {digits}m for minutes"));
        }
        return Err("a time is meant, and it cannot be negative: write 90s or 2m".to_owned());
    }
    if let Some(positive) = digits.strip_prefix('-') {
        return Err(format!("a time cannot be negative: write {positive}"));
    }
    let time = humantime::parse_duration(digits).map_err(|_| "no time: write 90s, 2m or 1h30m".to_owned())?;
    let (low, high) = (Duration::from_secs(least), Duration::from_secs(most));
    if time < low {
        let zero = if time.is_zero() { "0 is not possible here: " } else { "" };
        return Err(format!("{zero}at least {} is meant", humantime::format_duration(low)));
    }
    if time > high {
        let month = if digits.contains('M') { " (`M` is months, `m` is minutes)" } else { "" };
        return Err(format!("at most {} is meant{month}", humantime::format_duration(high)));
    }
    Ok(time)
}

impl Text {
    /// The form as a regular expression (ECMA 262), for the JSON Schema.
    pub const fn pattern(self) -> &'static str {
        match self {
            Self::DnsLabel => "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
            Self::ApiVersion => "^([a-zA-Z0-9.-]*/)?[a-zA-Z0-9]+$",
            Self::KindName => "^[A-Z][a-zA-Z0-9]*$",
            Self::Glob => "^[a-z0-9*-]+$",
            Self::LabelKey => {
                "^([a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?/)?[a-zA-Z0-9]([a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?$"
            }
            Self::LabelValue => "^([a-zA-Z0-9]([a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?)?$",
            Self::MetricLabel => "^[a-zA-Z_][a-zA-Z0-9_]*$",
            Self::Regex | Self::Query | Self::Any | Self::Secret => "\\S",
            Self::Url => "^https?://[^\\s/?#][^\\s?#]*$",
            Self::HeaderName => "^[a-zA-Z0-9!#$%&'*+.^_`|~-]+$",
            Self::Address => "^\\S+:[0-9]{1,5}$",
        }
    }

    /// Reads a text. What is said against it repeats it only where it is no secret.
    pub fn read(self, text: &str, plain: bool) -> Result<String, String> {
        if plain && (number(text).is_some() || matches!(text, "true" | "false" | "True" | "False" | "TRUE" | "FALSE")) {
            if self == Self::Query {
                return Err("PromQL that gives series is meant".to_owned());
            }
            if self == Self::Secret {
                return Err(
                    "a text is meant, and YAML reads this as a number or truth value: put it in quotes".to_owned()
                );
            }
            return Err(format!("a text is meant, and YAML reads this as a number or truth value: write \"{text}\""));
        }
        if text.trim().is_empty() && self != Self::LabelValue {
            return Err("a text is meant".to_owned());
        }
        match self.fault(text) {
            Some(why) => Err(why),
            None => Ok(text.to_owned()),
        }
    }

    /// Why the text has not this form.
    fn fault(self, text: &str) -> Option<String> {
        let word = |more: &str| only_of(text, more);
        let ends = |text: &str| {
            let alnum = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
            alnum(text.chars().next()) && alnum(text.chars().last())
        };
        let fine = match self {
            Self::DnsLabel => {
                text.len() <= 63 && word("-") && ends(text) && !text.bytes().any(|byte| byte.is_ascii_uppercase())
            }
            Self::ApiVersion => {
                let (group, version) = text.rsplit_once('/').unwrap_or(("", text));
                only_of(group, ".-") && !version.is_empty() && only_of(version, "") && text.matches('/').count() <= 1
            }
            Self::KindName => word("") && text.starts_with(|c: char| c.is_ascii_uppercase()),
            Self::Glob => word("-*") && !text.bytes().any(|byte| byte.is_ascii_uppercase()),
            Self::LabelKey => {
                let (prefix, name) = text.split_once('/').unwrap_or(("x", text));
                only_of(prefix, ".-") && ends(prefix) && only_of(name, "._-") && ends(name) && name.len() <= 63
            }
            Self::LabelValue => text.is_empty() || (text.len() <= 63 && word("._-") && ends(text)),
            Self::MetricLabel => word("_") && !text.starts_with(|c: char| c.is_ascii_digit()),
            Self::Regex | Self::Query | Self::Any | Self::Secret => true,
            Self::Url => {
                let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
                let rest = rest.filter(|rest| !rest.contains(|c: char| c.is_whitespace() || matches!(c, '?' | '#')));
                rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
            }
            Self::HeaderName => !text.is_empty() && only_of(text, "!#$%&'*+.^_`|~-"),
            Self::Address => {
                let parts =
                    text.rsplit_once(':').filter(|(host, _)| !host.is_empty() && !host.contains(char::is_whitespace));
                parts.is_some_and(|(_, port)| only_of(port, "") && port.parse::<u16>().is_ok())
            }
        };
        (!fine).then(|| {
            match self {
                Self::DnsLabel => "a name has small letters, digits and `-` inside, at most 63 of them",
                Self::ApiVersion => "write group/version, for example flink.apache.org/v1beta1",
                Self::KindName => "write a kind as Kubernetes spells it, for example FlinkDeployment",
                Self::Glob => "a namespace has small letters, digits, `-`, and `*` for any characters",
                Self::LabelKey => "write the key of a label, for example app or steelyard.dev/class",
                Self::LabelValue => {
                    "the value of a label has letters, digits and `-`, `_`, `.` inside, at most 63 of them"
                }
                Self::MetricLabel => "the name of a label in Prometheus has letters, digits and `_`",
                Self::Url => "write the address of a server without `?` and `#`, for example http://prometheus:9090",
                Self::HeaderName => "the name of a header has letters, digits and `-`",
                Self::Address => "write HOST:PORT, for example 127.0.0.1:9464",
                Self::Regex | Self::Query | Self::Any | Self::Secret => "a text is meant",
            }
            .to_owned()
        })
    }
}

/// Whether all characters are letters, digits or in `more`.
fn only_of(text: &str, more: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
}

#[cfg(test)]
mod tests;
