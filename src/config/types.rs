//! Values of a wrong type, in the words of a user rather than those of Rust.

/// What serde calls a type, and what to write instead.
const TYPES: [(&str, &str); 18] = [
    ("u8", "a whole number of 0 to 255"),
    ("u16", "a whole number of 0 to 65535"),
    ("u32", "a whole number of 0 to 4294967295"),
    ("u64", "a whole number of 0 or more"),
    ("usize", "a whole number of 0 or more"),
    ("i8", "a whole number of -128 to 127"),
    ("i16", "a whole number of -32768 to 32767"),
    ("i32", "a whole number of -2147483648 to 2147483647"),
    ("i64", "a whole number"),
    ("isize", "a whole number"),
    ("f32", "a number"),
    ("f64", "a number"),
    ("a boolean", "true or false"),
    ("a string", "a text in quotes"),
    ("path string", "a text in quotes"),
    ("string only", "a text in quotes"),
    ("a sequence", "a list in brackets"),
    ("a map", "a section"),
];

/// The kinds of values as serde begins to describe them.
const KINDS: [(&str, &str); 7] = [
    ("string", "a text"),
    ("integer", "a whole number"),
    ("floating point", "a number with a point"),
    ("boolean", "true or false"),
    ("sequence", "a list"),
    ("map", "a section"),
    ("datetime", "a date"),
];

/// serde's message about a value of a wrong type, or with another length or size than its type
/// allows; none for other messages. The value itself is not repeated unless it is a number that is
/// out of range: it may be a secret in the wrong place.
pub(super) fn in_words(message: &str) -> Option<String> {
    let (what, rest) = message.split_once(": ").or(message.split_once(", "))?;
    let (found, expected) = match what {
        "invalid type" | "invalid value" => rest.split_once(", expected ")?,
        _ => {
            let length = what.strip_prefix("invalid length ")?;
            let expected = rest.strip_prefix("expected ")?;
            return Some(format!("must be {}, and has {length}", wanted(expected)));
        }
    };
    let wanted = wanted(expected);
    let number = found
        .strip_prefix("integer `")
        .and_then(|number| number.strip_suffix('`'));
    let is = match number {
        Some(number) if what == "invalid value" => number,
        _ => {
            let kind = KINDS.iter().find(|(kind, _)| found.starts_with(kind));
            kind.map_or("something else", |(_, words)| words)
        }
    };
    Some(format!("must be {wanted}, and is {is}"))
}

/// The words for a type; its own, if somebody wrote them for users.
fn wanted(expected: &str) -> String {
    if expected.starts_with("struct ") {
        return "a section".into();
    }
    let lengths = ["an array of length ", "a tuple of size "];
    let length = lengths.iter().find_map(|of| expected.strip_prefix(of));
    if let Some(length) = length {
        return format!("a list of {length}");
    }
    let found = TYPES.iter().find(|(name, _)| *name == expected);
    found.map_or(expected, |(_, words)| words).into()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use log::LevelFilter;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "its fields are read by serde alone")]
    struct Section {
        port: Option<u16>,
        threads: Option<usize>,
        quality: Option<u8>,
        score: Option<f32>,
        on: Option<bool>,
        name: Option<String>,
        path: Option<PathBuf>,
        level: Option<LevelFilter>,
        hosts: Option<Vec<String>>,
        crop: Option<[f32; 4]>,
        inner: Option<Box<Section>>,
    }

    fn refused(text: &str) -> String {
        let error = toml::from_str::<Section>(text).err().expect(text);
        let words = in_words(error.message());
        words.unwrap_or_else(|| panic!("{text}: {}", error.message()))
    }

    #[test]
    fn no_name_of_a_rust_type_is_shown() {
        for (text, says) in [
            (
                "port = 'high'",
                "must be a whole number of 0 to 65535, and is a text",
            ),
            (
                "port = 70000",
                "must be a whole number of 0 to 65535, and is 70000",
            ),
            (
                "threads = -1",
                "must be a whole number of 0 or more, and is -1",
            ),
            (
                "threads = 1.5",
                "must be a whole number of 0 or more, and is a number with a point",
            ),
            (
                "quality = 256",
                "must be a whole number of 0 to 255, and is 256",
            ),
            ("score = 'x'", "must be a number, and is a text"),
            ("score = true", "must be a number, and is true or false"),
            ("on = 1", "must be true or false, and is a whole number"),
            (
                "name = 12345",
                "must be a text in quotes, and is a whole number",
            ),
            (
                "name = 2026-11-27",
                "must be a text in quotes, and is a section",
            ),
            ("path = []", "must be a text in quotes, and is a list"),
            (
                "path = 12345",
                "must be a text in quotes, and is a whole number",
            ),
            ("hosts = 'a'", "must be a list in brackets, and is a text"),
            (
                "hosts = [1]",
                "must be a text in quotes, and is a whole number",
            ),
            ("crop = [0.1]", "must be a list of 4, and has 1"),
            ("crop = 1", "must be a list of 4, and is a whole number"),
            ("inner = 1", "must be a section, and is a whole number"),
        ] {
            assert_eq!(refused(text), says, "{text}");
        }
    }

    #[test]
    fn other_messages_are_left_alone() {
        for text in ["unknown field `a`, expected `b`", "duplicate key", ""] {
            assert_eq!(in_words(text), None);
        }
        assert_eq!(
            in_words("invalid type: boolean `true`, expected a section [mqtt.tls]").as_deref(),
            Some("must be a section [mqtt.tls], and is true or false")
        );
    }
}
