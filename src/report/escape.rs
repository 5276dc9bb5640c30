//! Text that came from elsewhere, made harmless in HTML.

use std::fmt::{self, Write as _};

/// Text as it may stand in an element or in a quoted attribute.
pub(super) struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // No text of a metric or policy has them by intention, and HTML knows no way to write them.
                control if control.is_control() && control != '\n' && control != '\t' => f.write_char('\u{fffd}')?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// JSON that may stand in a `<script>`: nothing in it can end that element.
pub(super) fn json_in_script(value: &serde_json::Value) -> String {
    value.to_string().replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_name_is_markup() {
        let rows = [
            ("orders-1", "orders-1"),
            ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
            ("\" onload='x' & co", "&quot; onload=&#39;x&#39; &amp; co"),
            ("Grüße\u{0}\u{1b}[2J", "Grüße\u{fffd}\u{fffd}[2J"),
        ];
        for (text, expected) in rows {
            assert_eq!(Escaped(text).to_string(), expected);
        }
    }

    #[test]
    fn a_script_is_not_ended_by_its_data() {
        let value = serde_json::json!({"name": "</script><!--\u{2028}"});
        let text = json_in_script(&value);
        assert!(!text.contains('<') && !text.contains('\u{2028}'), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
