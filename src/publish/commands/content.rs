//! What the payload of a command holds.

use serde_json::{Map, Value};

use super::object::Object;

/// The longest correlation that is repeated in an answer, in bytes of JSON.
const CORRELATION: usize = 256;

/// What a payload holds.
pub(super) enum Content {
    /// Text without blanks at its ends.
    Text(String),
    /// A JSON object without its correlation.
    Object(Map<String, Value>),
}

/// Reads a payload. Stores the object's correlation.
///
/// # Errors
/// What is malformed.
pub(super) fn content(payload: &[u8], correlation: &mut Option<Value>) -> Result<Content, String> {
    let Ok(text) = std::str::from_utf8(payload) else {
        return Err("the payload is not UTF-8 text".into());
    };
    let text = text.trim();
    if !text.starts_with('{') {
        return Ok(Content::Text(text.into()));
    }
    let Object(mut object) =
        serde_json::from_str(text).map_err(|e| format!("the payload is not valid JSON: {e}"))?;
    match object.remove("correlation") {
        Some(mark @ (Value::String(_) | Value::Number(_)))
            if mark.to_string().len() <= CORRELATION =>
        {
            *correlation = Some(mark);
        }
        None | Some(Value::Null) => {}
        Some(_) => {
            return Err(format!(
                "`correlation` must be a text or a number of at most {CORRELATION} bytes"
            ));
        }
    }
    Ok(Content::Object(object))
}
