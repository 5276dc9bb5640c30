//! One element of an instant vector, parsed where it lies.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A label's name and value, borrowed from the body where nothing in them is escaped.
pub(super) type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The labels of one series.
#[derive(Debug, Clone, Copy, Default)]
pub struct Labels<'a>(&'a [Pair<'a>]);

impl<'a> Labels<'a> {
    pub(super) fn of(pairs: &'a [Pair<'a>]) -> Self {
        Self(pairs)
    }

    /// The value of a label; `None` where it is absent or empty, which Prometheus takes for the same.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| &**value).filter(|value| !value.is_empty())
    }

    /// Every label with its value, in the order of the answer.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }
}

impl fmt::Display for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (position, (name, value)) in self.iter().enumerate() {
            write!(f, "{}{name}={value:?}", if position == 0 { "" } else { ", " })?;
        }
        f.write_str("}")
    }
}

/// Empties a list and gives it another lifetime. Collecting nothing from a list's own iterator keeps its allocation.
pub(super) fn recycle<'b>(mut pairs: Vec<Pair<'_>>) -> Vec<Pair<'b>> {
    pairs.clear();
    pairs.into_iter().map(|_| (Cow::Borrowed(""), Cow::Borrowed(""))).collect()
}

/// A string, borrowed where nothing in it is escaped.
pub(super) struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Cow<'de, str>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Cow<'de, str>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }
    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// The value of a sample. Its time is that of the evaluation and says nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample(pub f64);

/// `[time, "value"]`.
pub(super) struct SampleSeed;

impl<'de> DeserializeSeed<'de> for SampleSeed {
    type Value = Sample;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Sample, D::Error> {
        deserializer.deserialize_tuple(2, self)
    }
}

impl<'de> Visitor<'de> for SampleSeed {
    type Value = Sample;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sample: [time, \"value\"]")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Sample, A::Error> {
        parts.next_element::<IgnoredAny>()?.ok_or_else(|| de::Error::invalid_length(0, &self))?;
        let value = parts.next_element_seed(NumberSeed)?.ok_or_else(|| de::Error::invalid_length(1, &self))?;
        match parts.next_element::<IgnoredAny>()? {
            None => Ok(Sample(value)),
            Some(_) => Err(de::Error::invalid_length(3, &self)),
        }
    }
}

/// A number in a string, as Prometheus writes them: also `NaN`, `+Inf` and `-Inf`.
struct NumberSeed;

impl<'de> DeserializeSeed<'de> for NumberSeed {
    type Value = f64;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<f64, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NumberSeed {
    type Value = f64;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number in a string")
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<f64, E> {
        text.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

/// `{"metric": {...}, "value": [...]}`: fills the labels and gives the sample, or `None` for a native histogram.
pub(super) struct RowSeed<'s, 'de> {
    pub labels: &'s mut Vec<Pair<'de>>,
}

impl<'de> DeserializeSeed<'de> for RowSeed<'_, 'de> {
    type Value = Option<Sample>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RowSeed<'_, 'de> {
    type Value = Option<Sample>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a series with `metric` and `value`")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut sample = None;
        let mut histogram = false;
        while let Some(key) = members.next_key_seed(Text)? {
            match &*key {
                "metric" => members.next_value_seed(MetricSeed { labels: self.labels })?,
                "value" => sample = Some(members.next_value_seed(SampleSeed)?),
                other => {
                    histogram |= other == "histogram";
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        if sample.is_none() && !histogram {
            return Err(de::Error::missing_field("value"));
        }
        Ok(sample)
    }
}

struct MetricSeed<'s, 'de> {
    labels: &'s mut Vec<Pair<'de>>,
}

impl<'de> DeserializeSeed<'de> for MetricSeed<'_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for MetricSeed<'_, 'de> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the labels of a series")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key_seed(Text)? {
            self.labels.push((name, members.next_value_seed(Text)?));
        }
        Ok(())
    }
}
