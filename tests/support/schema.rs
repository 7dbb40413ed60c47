//! The JSON Schemas in `docs/schemas`, and a validator of the part of JSON Schema 2020-12 that they
//! use. A keyword or a pattern that it does not know fails the test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::{LazyLock, Mutex};

use serde_json::Value;

use super::program::root;

/// The schemas, by the name of their file.
static SCHEMAS: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let files = fs::read_dir(root().join("docs/schemas")).expect("the folder of schemas");
    let read = |file: fs::DirEntry| {
        let text = fs::read_to_string(file.path()).expect("a schema");
        let schema = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{file:?}: {e}"));
        let name = file.path().file_stem()?.to_str()?.to_string();
        Some((name, schema))
    };
    files.filter_map(|file| read(file.ok()?)).collect()
});

/// What tests published themselves, in the place of a daemon or of a stranger.
static FOREIGN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Notes a payload that is no daemon's.
pub fn note_foreign(payload: &str) {
    FOREIGN.lock().unwrap().insert(payload.into());
}

/// Whether a test published this payload itself.
pub fn is_foreign(payload: &str) -> bool {
    FOREIGN.lock().unwrap().contains(payload)
}

/// The names of all schemas.
pub fn names() -> Vec<&'static str> {
    SCHEMAS.keys().map(String::as_str).collect()
}

/// The schema for the last levels of a topic, behind the id. A picture has none.
pub fn of_topic(rest: &str) -> Option<&'static str> {
    let name = match rest.split_once('/') {
        Some(("response", _)) => "response",
        Some(("snapshot", "info")) => "snapshot-info",
        Some((_, "label")) => "label",
        Some((_, "event")) => "event",
        Some(_) => return None,
        None => rest,
    };
    SCHEMAS
        .keys()
        .map(String::as_str)
        .find(|known| *known == name)
}

/// What is wrong with a payload of the schema `name`, or nothing. A key that the schema does not
/// list is wrong here; users are to ignore such.
pub fn faults(name: &str, payload: &str) -> Vec<String> {
    let value = match name {
        "availability" => Value::from(payload),
        _ => match serde_json::from_str(payload) {
            Ok(value) => value,
            Err(e) => return vec![format!("{e}: {payload}")],
        },
    };
    let mut faults = Vec::new();
    validate(&SCHEMAS[name], &value, name, &mut faults);
    faults
}

fn validate(schema: &Value, value: &Value, path: &str, faults: &mut Vec<String>) {
    let rules = schema.as_object().expect("a schema is an object");
    let mut fault = |why: String| faults.push(format!("{path}: {why}: {value}"));
    let (number, text) = (value.as_f64(), value.as_str());
    for (keyword, rule) in rules {
        match keyword.as_str() {
            "$schema" | "$id" | "title" | "description" => {}
            "type" => {
                let one = [rule.clone()];
                let types = rule.as_array().map_or(&one[..], Vec::as_slice);
                if !types
                    .iter()
                    .any(|name| is(value, name.as_str().expect("a type")))
                {
                    fault(format!("is not of type {rule}"));
                }
            }
            "const" if value != rule => fault(format!("is not {rule}")),
            "enum" if !rule.as_array().expect("a list").contains(value) => {
                fault(format!("is none of {rule}"));
            }
            "minimum" if number < rule.as_f64() && number.is_some() => {
                fault(format!("is below {rule}"));
            }
            "maximum" if number > rule.as_f64() => fault(format!("is above {rule}")),
            "maxItems" if value.as_array().map(|items| items.len() as u64) > rule.as_u64() => {
                fault(format!("has more than {rule} items"));
            }
            "pattern" | "format" if text.is_some_and(|text| !matches(rule, text)) => {
                fault(format!("does not match {rule}"));
            }
            "required" => {
                for key in rule.as_array().expect("a list") {
                    if value.get(key.as_str().expect("a key")).is_none() {
                        fault(format!("lacks {key}"));
                    }
                }
            }
            "const"
            | "enum"
            | "minimum"
            | "maximum"
            | "maxItems"
            | "pattern"
            | "format"
            | "properties"
            | "additionalProperties"
            | "items" => {}
            unknown => panic!("{path}: teach this validator the keyword {unknown}"),
        }
    }
    if let (Some(items), Some(values)) = (rules.get("items"), value.as_array()) {
        for (n, value) in values.iter().enumerate() {
            validate(items, value, &format!("{path}[{n}]"), faults);
        }
    }
    let Some(fields) = value.as_object() else {
        return;
    };
    for (key, value) in fields {
        let path = format!("{path}.{key}");
        let known = rules.get("properties").and_then(|known| known.get(key));
        match known.or(rules.get("additionalProperties")) {
            Some(schema) => validate(schema, value, &path, faults),
            None => faults.push(format!("{path}: the schema lists no such key")),
        }
    }
}

fn is(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("teach this validator the type {other}"),
    }
}

/// Whether `text` has the pattern or the format of this name.
fn matches(rule: &Value, text: &str) -> bool {
    let hex = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match rule.as_str().expect("a text") {
        "^[0-9a-f]{64}$" => text.len() == 64 && hex(text),
        "^[0-9a-f]+-[0-9]+(-[A-Za-z0-9_-]+)?$" => {
            text.split_once('-').is_some_and(|(run, rest)| {
                let (seq, region) = rest.split_once('-').unwrap_or((rest, "all"));
                let plain = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
                hex(run) && digits(seq) && !region.is_empty() && region.bytes().all(plain)
            })
        }
        "date-time" => {
            text.len() == 24 && text.ends_with('Z') && humantime::parse_rfc3339(text).is_ok()
        }
        other => panic!("teach this validator the pattern {other}"),
    }
}
