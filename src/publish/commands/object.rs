//! A JSON object in which no key stands twice.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

/// The keys and values of an object. serde_json's own type keeps the last of several values, so
/// that sender and reader may see two commands in one payload.
#[derive(Debug)]
pub(super) struct Object(pub(super) Map<String, Value>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Object, A::Error> {
                let mut map = Map::new();
                while let Some((key, value)) = access.next_entry::<String, Value>()? {
                    if map.contains_key(&key) {
                        return Err(A::Error::custom(format!("{key:?} stands there twice")));
                    }
                    map.insert(key, value);
                }
                Ok(Object(map))
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_stands_twice_is_refused() {
        let read = |text| serde_json::from_str::<Object>(text);
        let refused = read(r#"{"value":1,"value":2}"#).unwrap_err().to_string();
        assert!(
            refused.starts_with("\"value\" stands there twice"),
            "{refused}"
        );
        // Another spelling of the same key.
        assert!(read(r#"{"value":1,"valu\u0065":1}"#).is_err());
        assert_eq!(read(r#"{"value":1,"a":[]}"#).unwrap().0.len(), 2);
        assert!(read("{} {}").is_err() && read("[]").is_err());
    }
}
