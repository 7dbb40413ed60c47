//! The payloads of commands: plain text, or a JSON object with `value` and `correlation`. `teach`
//! has other keys.

use log::LevelFilter;
use serde_json::Value;

use super::command::{Command, NAMES};
use super::content::{Content, content};
use super::teach;

/// What a payload asks for, and the mark that the answer repeats.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    /// The command, or why it is none.
    pub(crate) command: Result<Command, String>,
    /// A text or a number of the asker's choice.
    pub(crate) correlation: Option<Value>,
}

/// Reads the payload of the command `name`.
pub(crate) fn parse(name: &str, payload: &[u8]) -> Asked {
    let mut correlation = None;
    let command = content(payload, &mut correlation).and_then(|content| match name {
        "teach" => teach::lesson(content).map(Command::Teach),
        _ => value(content).and_then(|value| command(name, value)),
    });
    Asked {
        command,
        correlation,
    }
}

/// The content's value: its text, or what its JSON object has in `value`; null for none.
fn value(content: Content) -> Result<Value, String> {
    let mut object = match content {
        Content::Text(text) if text.is_empty() => return Ok(Value::Null),
        Content::Text(text) => return Ok(Value::String(text)),
        Content::Object(object) => object,
    };
    let value = object.remove("value").unwrap_or_default();
    match object.keys().next() {
        Some(key) => Err(format!(
            "unknown key {key:?}; known are \"value\" and \"correlation\""
        )),
        None => Ok(value),
    }
}

/// The command `name` with this value.
fn command(name: &str, value: Value) -> Result<Command, String> {
    match name {
        "pause" => match switch(&value) {
            Some(true) => Ok(Command::Pause),
            Some(false) => Ok(Command::Resume),
            None => Err(wrong(&value, "ON, OFF, PRESS or nothing")),
        },
        "resume" => pressed(value, Command::Resume),
        "snapshot" => pressed(value, Command::Snapshot),
        "reload" => pressed(value, Command::Reload),
        "health" => pressed(value, Command::Health),
        "threshold" => match number(&value) {
            Some(number) => Ok(Command::Threshold(number)),
            None => Err(wrong(&value, "a number above 0 to 1")),
        },
        "log_level" => match level(&value) {
            Some(level) => Ok(Command::LogLevel(level)),
            None => Err(wrong(&value, "error, warn, info, debug or trace")),
        },
        _ => Err(format!("unknown command; known are {}", NAMES.join(", "))),
    }
}

/// A command that takes no value, or what a button sends.
fn pressed(value: Value, command: Command) -> Result<Command, String> {
    match switch(&value) {
        Some(true) => Ok(command),
        _ => Err(wrong(&value, "PRESS or nothing")),
    }
}

/// Whether the value asks for something or for its opposite.
fn switch(value: &Value) -> Option<bool> {
    match value {
        Value::Null => Some(true),
        Value::Bool(on) => Some(*on),
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "on" | "press" | "true" | "1" => Some(true),
            "off" | "false" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn number(value: &Value) -> Option<f32> {
    let number = match value {
        Value::Number(number) => number.as_f64()? as f32,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

fn level(value: &Value) -> Option<LevelFilter> {
    let level: LevelFilter = value.as_str()?.parse().ok()?;
    // A daemon that logs nothing could not be told from one that hangs.
    (level != LevelFilter::Off).then_some(level)
}

/// The error for a value that does not fit, which is shown cut short.
fn wrong(value: &Value, wanted: &str) -> String {
    let shown: String = value.to_string().chars().take(64).collect();
    match value {
        Value::Null => format!("it needs a value: {wanted}"),
        _ => format!("its value must be {wanted}, and is {shown}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn ok(name: &str, payload: &str) -> Command {
        parse(name, payload.as_bytes()).command.expect(payload)
    }

    fn refused(name: &str, payload: &str) -> String {
        parse(name, payload.as_bytes()).command.expect_err(payload)
    }

    #[test]
    fn a_button_a_switch_and_an_empty_payload_pause() {
        for payload in [
            "",
            " \n",
            "PRESS",
            "ON",
            "on",
            "true",
            "{}",
            r#"{"value":true}"#,
        ] {
            assert_eq!(ok("pause", payload), Command::Pause, "{payload}");
        }
        for payload in [
            "OFF",
            "off",
            "0",
            r#"{"value":"OFF"}"#,
            r#"{"value":false}"#,
        ] {
            assert_eq!(ok("pause", payload), Command::Resume, "{payload}");
        }
        assert_eq!(ok("resume", "PRESS"), Command::Resume);
        assert!(refused("resume", "OFF").contains("PRESS or nothing"));
        assert!(refused("pause", "soon").contains("ON, OFF"));
    }

    #[test]
    fn numbers_and_levels_come_as_text_or_json() {
        for payload in ["0.7", " 0.7 ", r#"{"value":0.7}"#, r#"{"value":"0.7"}"#] {
            assert_eq!(ok("threshold", payload), Command::Threshold(0.7));
        }
        for payload in [
            "",
            "high",
            "NaN",
            "inf",
            "1e99",
            "0,7",
            r#"{"value":[0.7]}"#,
        ] {
            assert!(
                refused("threshold", payload).contains("number"),
                "{payload}"
            );
        }
        let debug = Command::LogLevel(LevelFilter::Debug);
        assert_eq!(ok("log_level", "debug"), debug);
        assert_eq!(ok("log_level", r#"{"value":"DEBUG"}"#), debug);
        for payload in ["", "off", "loud", "3"] {
            assert!(refused("log_level", payload).contains("trace"), "{payload}");
        }
    }

    #[test]
    fn every_name_is_understood_and_others_are_not() {
        for name in NAMES {
            let payload = match name {
                "threshold" => "0.5",
                "log_level" => "info",
                "teach" => "open",
                _ => "",
            };
            ok(name, payload);
        }
        for name in ["", "reboot", "Pause", "learn"] {
            assert!(refused(name, "").starts_with("unknown command"), "{name}");
        }
    }

    #[test]
    fn the_correlation_is_kept_even_where_the_command_is_refused() {
        let asked = parse("threshold", br#"{"value":"x","correlation":"abc"}"#);
        assert!(asked.command.is_err());
        assert_eq!(asked.correlation, Some(json!("abc")));
        let asked = parse("pause", br#"{"correlation":7}"#);
        assert_eq!(
            (asked.command, asked.correlation),
            (Ok(Command::Pause), Some(json!(7)))
        );
        let long = format!(r#"{{"correlation":"{}"}}"#, "x".repeat(300));
        for payload in [r#"{"correlation":[]}"#, long.as_str()] {
            assert!(
                refused("pause", payload).contains("at most 256"),
                "{payload}"
            );
        }
    }

    #[test]
    fn what_is_malformed_is_named() {
        assert!(refused("pause", "{").starts_with("the payload is not valid JSON"));
        assert!(refused("pause", r#"{"for":1}"#).contains("unknown key \"for\""));
        let twice = refused("threshold", r#"{"value":0.5,"value":0.7}"#);
        assert!(twice.contains("\"value\" stands there twice"), "{twice}");
        let bytes = parse("pause", &[0xff]).command.unwrap_err();
        assert!(bytes.contains("UTF-8"), "{bytes}");
        let deep = "{\"value\":".to_string() + &"[".repeat(3000);
        assert!(refused("pause", &deep).contains("JSON"));
        let long = refused("pause", &"x".repeat(4000));
        assert!(long.len() < 200, "{long}");
    }

    proptest! {
        #[test]
        fn no_payload_panics(name in 0..NAMES.len(), payload: Vec<u8>) {
            parse(NAMES[name], &payload);
        }

        #[test]
        fn no_text_panics_and_no_error_is_long(
            name in 0..NAMES.len(),
            payload in r#"\{?[ "a-z:{}\[\]0-9.,e+-]{0,80}\}?"#,
        ) {
            if let Err(why) = parse(NAMES[name], payload.as_bytes()).command {
                prop_assert!(why.len() < 400, "{}", why);
            }
        }
    }
}
