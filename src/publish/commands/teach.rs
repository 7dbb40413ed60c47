//! The payload of `teach`: a label as plain text, or a JSON object with one key.

use serde_json::Value;

use super::command::Lesson;
use super::content::Content;

/// The keys, one of which an object has.
const KEYS: [&str; 6] = ["label", "take", "select", "undo", "forget", "list"];

/// What the payload asks for.
pub(super) fn lesson(content: Content) -> Result<Lesson, String> {
    let object = match content {
        Content::Text(text) if text.is_empty() => {
            return Err(format!(
                "it needs a label, or a JSON object with one of {}",
                keys()
            ));
        }
        Content::Text(label) => return Ok(Lesson::Example(label)),
        Content::Object(object) => object,
    };
    if let Some(key) = object.keys().find(|key| !KEYS.contains(&key.as_str())) {
        let key: String = key.chars().take(64).collect();
        return Err(format!(
            "unknown key {key:?}; known are {} and \"correlation\"",
            keys()
        ));
    }
    let mut pairs = object.into_iter();
    let (Some((key, value)), None) = (pairs.next(), pairs.next()) else {
        return Err(format!("it needs exactly one of {}", keys()));
    };
    let text = |value: Value| match value {
        Value::String(text) => Ok(text.trim().to_string()),
        _ => Err(format!("{key:?} must be a text")),
    };
    match key.as_str() {
        "label" => text(value).map(Lesson::Example),
        "select" => text(value).map(Lesson::Select),
        "forget" => text(value).map(Lesson::Forget),
        _ if value != Value::Bool(true) => Err(format!("{key:?} must be true")),
        "take" => Ok(Lesson::Take),
        "undo" => Ok(Lesson::Undo),
        _ => Ok(Lesson::List),
    }
}

/// The keys as a list in words.
fn keys() -> String {
    KEYS.map(|key| format!("{key:?}")).join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::command::Command;
    use super::super::parse::parse;
    use super::*;

    fn asked(payload: &str) -> Result<Lesson, String> {
        match parse("teach", payload.as_bytes()).command? {
            Command::Teach(lesson) => Ok(lesson),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_label_comes_as_text_or_in_json() {
        let open = || Ok(Lesson::Example("halb öffen".into()));
        assert_eq!(asked(" halb öffen\n"), open());
        assert_eq!(asked(r#"{"label":"halb öffen"}"#), open());
        assert_eq!(asked("undo"), Ok(Lesson::Example("undo".into())));
    }

    #[test]
    fn each_key_asks_for_something() {
        for (payload, lesson) in [
            (r#"{"take":true}"#, Lesson::Take),
            (r#"{"undo":true}"#, Lesson::Undo),
            (r#"{"list":true}"#, Lesson::List),
            (r#"{"forget":"open"}"#, Lesson::Forget("open".into())),
            (r#"{"select":" a b "}"#, Lesson::Select("a b".into())),
        ] {
            assert_eq!(asked(payload), Ok(lesson), "{payload}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_the_keys() {
        for (payload, why) in [
            ("", "it needs a label, or a JSON object with one of "),
            ("{}", "it needs exactly one of \"label\""),
            (r#"{"label":"a","undo":true}"#, "it needs exactly one of"),
            (
                r#"{"learn":"a"}"#,
                "unknown key \"learn\"; known are \"label\"",
            ),
            (r#"{"label":"a","x":1}"#, "unknown key \"x\""),
            (r#"{"lab":"a"}"#, "unknown key \"lab\""),
            (r#"{", ":"a"}"#, "unknown key \", \""),
            (r#"{"label":7}"#, "\"label\" must be a text"),
            (r#"{"forget":true}"#, "\"forget\" must be a text"),
            (r#"{"undo":false}"#, "\"undo\" must be true"),
            (r#"{"list":"open"}"#, "\"list\" must be true"),
        ] {
            let refused = asked(payload).unwrap_err();
            assert!(refused.starts_with(why), "{payload}: {refused}");
        }
    }

    #[test]
    fn the_correlation_is_no_key_of_its_own() {
        let asked = parse("teach", br#"{"undo":true,"correlation":"abc"}"#);
        assert_eq!(asked.command, Ok(Command::Teach(Lesson::Undo)));
        assert_eq!(asked.correlation, Some(json!("abc")));
    }
}
