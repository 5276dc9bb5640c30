//! The few options of a Flink configuration that matter here. It may be flat (`"job.autoscaler.enabled": "true"`) or
//! nested, also both in one object.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// What was found of them; a text stays as it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) scheduler_mode: Option<Box<str>>,
    pub(super) max_parallelism: Option<Box<str>>,
    autoscaler: Option<Box<str>>,
    autoscaler_scaling: Option<Box<str>>,
}

impl Options {
    /// Whether Flink's own autoscaler sets parallelisms. One that only watches (`scaling.enabled: false`) does not.
    pub(super) fn has_autoscaler(&self) -> bool {
        let says =
            |text: &Option<Box<str>>, word: &str| text.as_ref().is_some_and(|text| text.eq_ignore_ascii_case(word));
        says(&self.autoscaler, "true") && !says(&self.autoscaler_scaling, "false")
    }

    /// Whether the job takes whatever workers there are.
    pub(super) fn is_reactive(&self) -> bool {
        self.scheduler_mode.as_ref().is_some_and(|mode| mode.eq_ignore_ascii_case("reactive"))
    }

    fn take(&mut self, path: &str, text: &str) {
        let place = match path {
            "scheduler-mode" => &mut self.scheduler_mode,
            "pipeline.max-parallelism" => &mut self.max_parallelism,
            // The prefix is what operators before 1.7 wanted, and later ones still take.
            "job.autoscaler.enabled" | "kubernetes.operator.job.autoscaler.enabled" => &mut self.autoscaler,
            "job.autoscaler.scaling.enabled" | "kubernetes.operator.job.autoscaler.scaling.enabled" => {
                &mut self.autoscaler_scaling
            }
            _ => return,
        };
        *place = Some(text.trim().into());
    }
}

impl<'de> Deserialize<'de> for Options {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut options = Self::default();
        Branch { path: String::new(), into: &mut options }.deserialize(deserializer)?;
        Ok(options)
    }
}

/// One node of the tree and where it stands.
struct Branch<'a> {
    path: String,
    into: &'a mut Options,
}

impl<'de> DeserializeSeed<'de> for Branch<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Branch<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { path, into } = self;
        while let Some(key) = map.next_key::<String>()? {
            let path = if path.is_empty() { key } else { format!("{path}.{key}") };
            map.next_value_seed(Branch { path, into: &mut *into })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element::<serde::de::IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.into.take(&self.path, text);
        Ok(())
    }

    fn visit_bool<E: Error>(self, switch: bool) -> Result<(), E> {
        self.into.take(&self.path, if switch { "true" } else { "false" });
        Ok(())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.into.take(&self.path, &number.to_string());
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: serde_json::Value) -> Options {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn flat_and_nested_say_the_same() {
        for json in [
            serde_json::json!({"scheduler-mode": "REACTIVE", "pipeline.max-parallelism": "128", "job.autoscaler.enabled": "true"}),
            serde_json::json!({"scheduler-mode": "reactive", "pipeline": {"max-parallelism": 128}, "job": {"autoscaler": {"enabled": true}}}),
            serde_json::json!({"scheduler-mode": "reactive ", "pipeline": {"max-parallelism": "128", "jars": ["a", {"b": [1.5]}], "x": null},
                "kubernetes.operator.job": {"autoscaler.enabled": "True"}, "a": -1, "b": 2.5}),
        ] {
            let options = read(json.clone());
            assert!(options.is_reactive() && options.has_autoscaler(), "{json}");
            assert_eq!(options.max_parallelism.as_deref(), Some("128"), "{json}");
        }
        for odd in [
            serde_json::json!(null),
            serde_json::json!("x"),
            serde_json::json!([1]),
            serde_json::json!({"scheduler-mode": {"a": 1}}),
        ] {
            assert_eq!(read(odd.clone()), Options::default(), "{odd}");
        }
    }

    #[test]
    fn an_autoscaler_that_only_watches_sets_nothing() {
        for (enabled, scaling, sets) in [
            ("true", None, true),
            ("true", Some("true"), true),
            ("true", Some("false"), false),
            ("false", Some("true"), false),
            ("no", None, false),
        ] {
            let mut json = serde_json::json!({"job.autoscaler.enabled": enabled});
            if let Some(scaling) = scaling {
                json["job.autoscaler.scaling.enabled"] = scaling.into();
            }
            assert_eq!(read(json).has_autoscaler(), sets, "{enabled} {scaling:?}");
        }
    }
}
