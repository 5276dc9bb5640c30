//! How the text of a scalar becomes a number, and what is said where it is none.

/// A number that could be read, if it stands there as one.
pub(super) fn unquoted<T>(value: T, text: &str, plain: bool) -> Result<T, String> {
    if plain { Ok(value) } else { Err(format!("a number is meant, not a text: write {text} without quotes")) }
}

/// A decimal number, finite: YAML's `.inf`, `0x10` and `1_000` are none.
pub(super) fn number(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e' | b'E'));
    if plain { text.parse().ok().filter(|number: &f64| number.is_finite()) } else { None }
}

pub(super) fn share(text: &str, zero: bool, most: f64) -> Result<f64, String> {
    let percent = text.strip_suffix('%').and_then(|digits| number(digits.trim_end()));
    if let Some(percent) = percent {
        return Err(format!("a share is meant, 0..{most}, not a percentage: write {}", percent / 100.0));
    }
    let value = number(text).ok_or_else(|| {
        let mend = match text.replace(',', ".") {
            point if point != text && number(&point).is_some() => format!(": write {point}"),
            _ => String::new(),
        };
        format!("a share is meant, a number in 0..{most}{mend}")
    })?;
    if value < 0.0 {
        return Err(format!("a share cannot be negative: it is in 0..{most}"));
    }
    if value == 0.0 && !zero {
        return Err(format!("0 is not possible here: a share above 0 is meant, up to {most}"));
    }
    if value > most {
        // Nobody means 1.5 %: from 2 up it may be a percentage.
        let percent = (2.0..=100.0 * most).contains(&value);
        let mend = if percent { format!(": write {}", value / 100.0) } else { String::new() };
        return Err(format!("a share is meant, 0..{most}{mend}"));
    }
    Ok(value)
}

pub(super) fn positive(text: &str, zero: bool, most: f64) -> Result<f64, String> {
    let bound = if zero { "from 0 on" } else { "above 0" };
    match number(text) {
        Some(value) if value < 0.0 || value == 0.0 && !zero => Err(format!("a number {bound} is meant")),
        Some(value) if value > most => Err(format!("at most {most} is meant")),
        Some(value) => Ok(value),
        None => Err(format!("a number {bound} is meant")),
    }
}

pub(super) fn count(text: &str, least: u64, most: u64) -> Result<u64, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u64>() {
        Ok(value) if digits && value < least => Err(format!("at least {least} is meant")),
        Ok(value) if digits && value <= most => {
            if text.len() > 1 && text.starts_with('0') {
                return Err(format!("a leading 0 means an octal number to some tools: write {value}"));
            }
            Ok(value)
        }
        _ if digits => Err(format!("at most {most} is meant")),
        _ if number(text).is_some_and(|value| value < 0.0) => Err(format!("at least {least} is meant")),
        _ => Err("a whole number is meant".to_owned()),
    }
}
