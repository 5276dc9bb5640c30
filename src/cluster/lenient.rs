//! Fields that are read whatever stands in them.
//!
//! Any kind with a scale subresource may be a target, so nothing is assumed about what else stands in an object: a
//! field of an unexpected type counts as absent, since one odd object must not cost the list of all the others.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A count where there is one; anything else is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count(pub(super) Option<u32>);

/// A whole number where there is one; anything else is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Whole(pub(super) Option<i64>);

/// A text where there is one that is not empty; anything else is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Text(pub(super) Option<Box<str>>);

/// The fields of an object where there is one; anything else has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Fields<T>(pub(super) T);

/// The items of a list where there is one; anything else has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct List<T>(pub(super) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl Text {
    pub(super) fn get(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Whole(number) = Whole::deserialize(deserializer)?;
        Ok(Self(number.and_then(|number| u32::try_from(number).ok())))
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seen = deserializer.deserialize_any(Lenient::<IgnoredAny>(PhantomData))?;
        Ok(Self(if let Seen::Number(number) = seen { Some(number) } else { None }))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seen = deserializer.deserialize_any(Lenient::<IgnoredAny>(PhantomData))?;
        Ok(Self(if let Seen::Text(text) = seen { Some(text).filter(|text| !text.is_empty()) } else { None }))
    }
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Fields<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seen = deserializer.deserialize_any(Lenient::<T>(PhantomData))?;
        Ok(Self(if let Seen::Fields(fields) = seen { fields } else { T::default() }))
    }
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seen = deserializer.deserialize_any(Lenient::<T>(PhantomData))?;
        Ok(Self(if let Seen::Items(items) = seen { items } else { Vec::new() }))
    }
}

enum Seen<T> {
    Number(i64),
    Text(Box<str>),
    Fields(T),
    Items(Vec<T>),
    Other,
}

/// Takes whatever comes, and consumes it whole.
struct Lenient<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for Lenient<T> {
    type Value = Seen<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Seen<T>, E> {
        Ok(i64::try_from(number).map_or(Seen::Other, Seen::Number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Seen<T>, E> {
        Ok(Seen::Number(number))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Seen<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Seen::Fields)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Seen<T>, A::Error> {
        let mut all = Vec::new();
        while let Some(Fields(item)) = items.next_element()? {
            all.push(item);
        }
        Ok(Seen::Items(all))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Seen<T>, E> {
        Ok(Seen::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Seen<T>, E> {
        Ok(Seen::Other)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Seen<T>, E> {
        Ok(Seen::Text(text.into()))
    }

    fn visit_unit<E: Error>(self) -> Result<Seen<T>, E> {
        Ok(Seen::Other)
    }
}
