//! The answer to a lesson: what is taught now, and how good it is.

use serde_json::{Map, Value, json};

use crate::engine::Class;
use crate::lessons::{Did, State};

/// The keys of the answer.
pub(super) fn answer(did: &Did, state: &State) -> Map<String, Value> {
    let mut answer = Map::new();
    let mut put = |key: &str, value: Value| {
        answer.insert(key.into(), value);
    };
    match did {
        Did::Taught(label) => put("label", json!(label)),
        Did::Undid(label) => put("undone", json!(label)),
        Did::Forgot(label, count) => {
            put("forgotten", json!(label));
            put("gone", json!(count));
        }
        Did::Listed => {}
    }
    put("examples", json!(state.examples()));
    put("labels", json!(state.labels));
    let quality = state.quality.as_ref();
    put(
        "accuracy",
        json!(quality.and_then(|q| q.accuracy).map(rounded)),
    );
    put("interval", json!(quality.map(|q| q.interval.map(rounded))));
    let warnings = quality.map_or(&[][..], |q| &q.warnings);
    put("warnings", json!(warnings));
    if let Some(why) = &state.missing {
        put("missing", json!(why));
    }
    if let (Did::Listed, Some(quality)) = (did, quality) {
        let classes: Vec<Value> = quality.classes.iter().map(class).collect();
        put("classes", json!(classes));
    }
    answer
}

/// The same as one line for the log.
pub(super) fn in_words(did: &Did, state: &State) -> String {
    let did = match did {
        Did::Taught(label) => format!("took an example of {label:?}"),
        Did::Undid(label) => format!("took the newest example back, which was of {label:?}"),
        Did::Forgot(label, count) => format!("forgot {label:?} ({})", counted(*count, "example")),
        Did::Listed => "listed what is taught".into(),
    };
    let examples = counted(state.examples(), "example");
    let labels = counted(state.labels.len(), "label");
    let good = match state.quality.as_ref().map(|q| q.accuracy) {
        Some(Some(share)) => format!(", {:.0} % right when left out", 100.0 * share),
        Some(None) => ", too few to tell how good".into(),
        None => String::new(),
    };
    let missing = state.missing.iter().map(|why| format!("; {why}"));
    format!(
        "{did}; now {examples} of {labels}{good}{}",
        missing.collect::<String>()
    )
}

/// So many of `noun`, in words.
fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    }
}

/// A label with how good it is.
fn class(class: &Class) -> Value {
    json!({
        "label": class.label,
        "examples": class.examples,
        "bursts": class.bursts,
        "accuracy": class.accuracy.map(rounded),
        "confused_with": class.confused_with,
    })
}

/// A share with four decimals.
fn rounded(share: f32) -> f64 {
    (f64::from(share) * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Quality;

    #[test]
    fn an_answer_tells_accuracy_and_what_is_weak() {
        let class = |label: &str, accuracy| Class {
            label: label.into(),
            examples: 4,
            bursts: 2,
            accuracy,
            confused_with: None,
        };
        let state = State {
            labels: [("open".to_string(), 4), ("shut".to_string(), 9)].into(),
            quality: Some(Quality {
                accuracy: Some(0.912_34),
                interval: [0.8, 0.97],
                classes: vec![class("open", None), class("shut", Some(1.0))],
                warnings: vec!["teach more of open".into()],
            }),
            missing: None,
        };
        assert_eq!(
            in_words(&Did::Taught("open".into()), &state),
            "took an example of \"open\"; now 13 examples of 2 labels, 91 % right when left out"
        );
        let told = Value::Object(answer(&Did::Taught("open".into()), &state));
        let wanted = json!({"label": "open", "examples": 13, "labels": {"open": 4, "shut": 9},
            "accuracy": 0.9123, "interval": [0.8, 0.97], "warnings": ["teach more of open"]});
        assert_eq!(told, wanted);
        let listed = Value::Object(answer(&Did::Listed, &state));
        let open = json!({"label": "open", "examples": 4, "bursts": 2, "accuracy": null, "confused_with": null});
        assert_eq!(listed["classes"][0], open);
    }

    #[test]
    fn without_a_head_the_answer_tells_what_is_missing() {
        let state = State {
            labels: [("open".to_string(), 1)].into(),
            quality: None,
            missing: Some("teach a second label".into()),
        };
        assert_eq!(
            in_words(&Did::Forgot("shut".into(), 3), &state),
            "forgot \"shut\" (3 examples); now 1 example of 1 label; teach a second label"
        );
        let told = Value::Object(answer(&Did::Forgot("shut".into(), 3), &state));
        let wanted = json!({"forgotten": "shut", "gone": 3, "examples": 1, "labels": {"open": 1},
            "accuracy": null, "interval": null, "warnings": [], "missing": "teach a second label"});
        assert_eq!(told, wanted);
    }
}
