//! The JSON Schema of policy files, for editors. It says what the table says; what several fields say together, and
//! what is inside of a query, only `check` sees.

use serde_json::{Map, Value, json};

use super::fields::{self, Default, Field, Kind, PRESETS};

/// The JSON Schema (draft 2020-12) of one document of a policy file.
pub fn schema() -> Value {
    let mut root = section("");
    if let Value::Object(root) = &mut root {
        root.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
        root.insert("$id".into(), json!("https://steelyard.dev/schemas/scaling-policy-v1alpha1.json"));
        root.insert("title".into(), json!("Steelyard scaling policy"));
    }
    root
}

fn section(path: &str) -> Value {
    let properties: Map<String, Value> =
        fields::policies().children(path).map(|field| (field.name().to_owned(), one(field))).collect();
    let required = || fields::policies().children(path).filter(|field| field.required);
    let always: Vec<_> = required().filter(|field| field.instead.is_none()).map(Field::name).collect();
    let mut value =
        json!({ "type": "object", "properties": properties, "required": always, "additionalProperties": false });
    for (field, sibling) in required().filter_map(|field| Some((field, field.instead?))) {
        value["oneOf"] = json!([{ "required": [field.name()] }, { "required": [sibling] }]);
    }
    value
}

fn one(field: &Field) -> Value {
    let child = |mark: &str| fields::policies().field(&format!("{}{mark}", field.path)).map_or(json!({}), one);
    let mut value = match field.kind {
        Kind::Section => section(&field.path),
        Kind::Free { keys } => json!({
            "type": "object",
            "propertyNames": { "pattern": keys.pattern() },
            "additionalProperties": child(".*"),
        }),
        Kind::List => json!({ "type": "array", "items": child("[]") }),
        Kind::Constant(text) => json!({ "const": text }),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::Switch => json!({ "type": "boolean" }),
        Kind::Text(form) => json!({ "type": "string", "pattern": form.pattern() }),
        Kind::Duration { least, .. } => json!({ "type": "string", "pattern": fields::duration_pattern(least == 0) }),
        Kind::Share { zero: true, most } => json!({ "type": "number", "minimum": 0, "maximum": most }),
        Kind::Share { zero: false, most } => json!({ "type": "number", "exclusiveMinimum": 0, "maximum": most }),
        Kind::Number { zero: true, most } => json!({ "type": "number", "minimum": 0, "maximum": most }),
        Kind::Number { zero: false, most } => json!({ "type": "number", "exclusiveMinimum": 0, "maximum": most }),
        Kind::Count { least, most } => json!({ "type": "integer", "minimum": least, "maximum": most }),
    };
    if let Some(word) = field.word {
        // To loaders of YAML 1.1 a bare `off` is the truth value.
        let words = if word == "off" { json!([word, false]) } else { json!([word]) };
        value = json!({ "anyOf": [value, { "enum": words }] });
    }
    if let Value::Object(object) = &mut value {
        let doc = match field.default {
            Default::Preset { seed: Some(seed), balanced } if seed == balanced => {
                format!("{} (by the presets: {seed})", field.doc)
            }
            Default::Preset { seed: Some(seed), balanced } => {
                format!("{} (preset `seed`: {seed}, `balanced`: {balanced})", field.doc)
            }
            Default::Preset { seed: None, balanced } => format!("{} (preset `balanced`: {balanced})", field.doc),
            Default::None | Default::Always(_) => field.doc.clone(),
        };
        object.insert("description".into(), doc.into());
        // Without a `preset` the first holds.
        if let Some(text) = field.default.text(PRESETS[0]) {
            let plain = matches!(field.kind, Kind::Share { .. } | Kind::Number { .. } | Kind::Count { .. })
                && field.word != Some(text);
            let value = if plain { serde_json::from_str(text).unwrap_or(json!(text)) } else { json!(text) };
            object.insert("default".into(), value);
        }
    }
    value
}
