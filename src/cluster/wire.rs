//! The few fields that are read of an object, as it comes over the wire; all others are skipped unread.
//!
//! Any kind with a scale subresource may be a target, so nothing is assumed about what else stands in a `spec`: a
//! field of an unexpected type counts as absent, since one odd object must not cost the list of all the others.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::annotations::Annotations;

/// One page of a list.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Page {
    pub(super) metadata: PageMetadata,
    // Go writes an empty list as null.
    pub(super) items: Option<Vec<Wire>>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageMetadata {
    #[serde(default)]
    pub(super) resource_version: String,
    #[serde(default, rename = "continue")]
    pub(super) more: String,
}

/// One object.
#[derive(Debug, Clone, serde::Deserialize)]
pub(super) struct Wire {
    pub(super) metadata: Metadata,
    #[serde(default)]
    pub(super) spec: Fields<Spec>,
}

#[derive(Debug, Clone, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    #[serde(default)]
    pub(super) namespace: Box<str>,
    pub(super) name: Box<str>,
    #[serde(default)]
    pub(super) uid: Box<str>,
    #[serde(default)]
    pub(super) resource_version: String,
    #[serde(default)]
    pub(super) generation: i64,
    pub(super) deletion_timestamp: Option<IgnoredAny>,
    pub(super) annotations: Option<Annotations>,
}

#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Spec {
    pub(super) replicas: Count,
    pub(super) task_manager: Fields<TaskManager>,
    pub(super) job: Option<IgnoredAny>,
}

#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct TaskManager {
    pub(super) replicas: Count,
}

/// A count where there is one; anything else is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count(pub(super) Option<u32>);

/// The fields of an object where there is one; anything else has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Fields<T>(pub(super) T);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Lenient::<IgnoredAny>(PhantomData)).map(|seen| match seen {
            Seen::Count(count) => Self(Some(count)),
            Seen::Fields(IgnoredAny) | Seen::Other => Self(None),
        })
    }
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Fields<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Lenient(PhantomData)).map(|seen| match seen {
            Seen::Fields(fields) => Self(fields),
            Seen::Count(_) | Seen::Other => Self(T::default()),
        })
    }
}

enum Seen<T> {
    Count(u32),
    Fields(T),
    Other,
}

/// Takes whatever comes, and consumes it whole.
struct Lenient<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Lenient<T> {
    type Value = Seen<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Seen<T>, E> {
        Ok(u32::try_from(number).map_or(Seen::Other, Seen::Count))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Seen<T>, E> {
        Ok(u32::try_from(number).map_or(Seen::Other, Seen::Count))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Seen<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Seen::Fields)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Seen<T>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Seen::Other)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Seen<T>, E> {
        Ok(Seen::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Seen<T>, E> {
        Ok(Seen::Other)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Seen<T>, E> {
        Ok(Seen::Other)
    }

    fn visit_unit<E: Error>(self) -> Result<Seen<T>, E> {
        Ok(Seen::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> (Option<u32>, Option<u32>, bool) {
        let object = format!(r#"{{"metadata": {{"name": "a"}}, "spec": {text}, "status": {{"replicas": 9}}}}"#);
        let wire: Wire = serde_json::from_str(&object).unwrap();
        let Fields(Spec { replicas, task_manager, job }) = wire.spec;
        (replicas.0, task_manager.0.replicas.0, job.is_some())
    }

    #[test]
    fn a_field_of_an_unexpected_type_is_absent_and_the_rest_is_read() {
        assert_eq!(spec(r#"{"replicas": 3}"#), (Some(3), None, false));
        assert_eq!(spec(r#"{"replicas": 0, "job": {"parallelism": 2}}"#), (Some(0), None, true));
        assert_eq!(
            spec(r#"{"taskManager": {"resource": {"cpu": 1.5}, "replicas": 5}, "job": null}"#),
            (None, Some(5), false)
        );
        for odd in [r#""3""#, "-1", "2.5", "true", "null", "[1, [2]]", r#"{"min": {"a": 1}}"#, "4294967296"] {
            assert_eq!(
                spec(&format!(r#"{{"replicas": {odd}, "taskManager": {{"replicas": 4}}}}"#)),
                (None, Some(4), false),
                "{odd}"
            );
        }
        for odd in [r#""none""#, "7", "[{}]", "null", "false", "1.5"] {
            assert_eq!(spec(&format!(r#"{{"taskManager": {odd}, "replicas": 4}}"#)), (Some(4), None, false), "{odd}");
            assert_eq!(spec(odd), (None, None, false), "{odd}");
        }
    }

    #[test]
    fn an_empty_list_may_be_null() {
        let page: Page = serde_json::from_str(r#"{"metadata": {"resourceVersion": "7"}, "items": null}"#).unwrap();
        assert!(page.items.is_none() && page.metadata.more.is_empty());
        assert_eq!(page.metadata.resource_version, "7");
    }
}
