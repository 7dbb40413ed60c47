use std::collections::{BTreeMap, BTreeSet};

use super::super::catalogue::ELSEWHERE;
use super::*;
use crate::publish;

/// A sample: name, labels and value.
type Sample = (String, BTreeMap<String, String>, f64);

/// Reads the text as strictly as Prometheus and its linter do.
fn parsed(text: &str) -> Vec<Sample> {
    assert!(text.ends_with('\n'), "the last line has no end");
    let (mut families, mut samples, mut seen) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
    let (mut helped, mut current) = (String::new(), String::new());
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, words) = help.split_once(' ').expect("help has words");
            assert!(words.ends_with('.') && !words.contains('\\'), "{line}");
            helped = name.into();
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a type");
            assert_eq!(name, helped, "help comes first");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            assert!(["counter", "gauge"].contains(&kind), "{line}");
            assert!(
                families.insert(name.to_string(), kind).is_none(),
                "{name} comes twice"
            );
            current = name.into();
        } else {
            let (sample, value) = line.rsplit_once(' ').expect("a value");
            let (name, rest) = sample.split_once('{').expect("labels");
            assert_eq!(name, current, "{line} stands outside of its family");
            assert!(seen.insert(sample.to_string()), "{sample} comes twice");
            let labels = labels(rest.strip_suffix('}').expect("a brace"));
            assert!(labels.contains_key("id"), "{line}");
            samples.push((name.to_string(), labels, value.parse().expect("a number")));
        }
    }
    samples
}

/// Label pairs; values may hold everything, escaped.
fn labels(mut text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    loop {
        let (name, rest) = text.split_once("=\"").expect("a label");
        assert!(
            name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
            "{name}"
        );
        let (mut value, mut rest) = (String::new(), rest.chars());
        loop {
            match rest.next().expect("the value ends") {
                '"' => break,
                '\\' => value.push(match rest.next() {
                    Some('n') => '\n',
                    Some(c @ ('\\' | '"')) => c,
                    other => panic!("a wrong escape: {other:?}"),
                }),
                '\n' => panic!("a bare line end"),
                c => value.push(c),
            }
        }
        assert!(
            found.insert(name.to_string(), value).is_none(),
            "{name} comes twice"
        );
        match rest.as_str().strip_prefix(',') {
            Some(more) => text = more,
            None => {
                assert_eq!(rest.as_str(), "");
                return found;
            }
        }
    }
}

const BESIDE: Beside<'_> = Beside {
    id: "a",
    time: 1.5,
    failures: 2,
};

fn value(samples: &[Sample], name: &str, label: Option<(&str, &str)>) -> Option<f64> {
    let fits = |(found, labels, _): &&Sample| {
        found == name
            && label.is_none_or(|(key, value)| labels.get(key).is_some_and(|v| v == value))
    };
    samples.iter().find(fits).map(|sample| sample.2)
}

#[test]
fn prometheus_can_read_the_text_and_units_are_base_units() {
    let health = publish::sample_health();
    let samples = parsed(&text(&health, BESIDE));
    let one = |name| value(&samples, name, None);
    assert_eq!(one("goldcrest_info"), Some(1.0));
    assert_eq!(one("goldcrest_time_seconds"), Some(1.5));
    assert_eq!(one("goldcrest_textfile_failures_total"), Some(2.0));
    assert_eq!(one("goldcrest_frames_total"), Some(600.0));
    assert_eq!(
        one("goldcrest_memory_budget_bytes"),
        Some(48.0 * 1_048_576.0)
    );
    assert_eq!(
        one("goldcrest_resident_anonymous_bytes"),
        Some(8.0 * 1_048_576.0)
    );
    assert_eq!(one("goldcrest_camera_streaming"), Some(1.0));
    let picture = |state| value(&samples, "goldcrest_picture", Some(("state", state)));
    assert_eq!((picture("ok"), picture("dark")), (Some(1.0), Some(0.0)));
    let dropped = value(
        &samples,
        "goldcrest_dropped_total",
        Some(("cause", "still")),
    );
    assert_eq!(dropped, Some(1.0));
    let times = [("stage", "infer"), ("statistic", "p95")];
    assert!(samples.iter().any(|(name, labels, _)| {
        name == "goldcrest_stage_seconds" && times.iter().all(|(key, value)| labels[*key] == *value)
    }));
    let left = |name| value(&samples, name, Some(("region", "left")));
    assert_eq!(left("goldcrest_region_inferences_total"), Some(25.0));
    assert_eq!(left("goldcrest_region_still_frames_total"), Some(500.0));
    assert_eq!(left("goldcrest_region_no_turn_frames_total"), Some(75.0));
    let least = value(
        &samples,
        "goldcrest_region_look_seconds",
        Some(("statistic", "min")),
    );
    assert_eq!(least, Some(0.03));
    let info = samples.iter().find(|s| s.0 == "goldcrest_info").unwrap();
    assert_eq!(info.1["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!((&*info.1["kernel"], &*info.1["model"]), ("scalar", "cafe"));
    assert_eq!(info.1["head"], "beef");
}

#[test]
fn every_number_of_health_is_a_metric() {
    fn numbers(value: &Value, path: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    numbers(value, &format!("{path}/{key}"), found);
                }
            }
            _ if ELSEWHERE.iter().any(|known| path.starts_with(known)) => {}
            _ => found.push(path.into()),
        }
    }
    let json = serde_json::to_value(publish::sample_health()).unwrap();
    let mut found = Vec::new();
    numbers(&json, "", &mut found);
    assert!(found.len() > 15, "{found:?}");
    for path in found {
        let known = ENTRIES.iter().any(|entry| entry.pointer == path);
        assert!(known, "{path} is no metric: add it to the catalogue");
    }
}

#[test]
fn a_label_may_hold_any_text() {
    let beside = Beside {
        id: "a\\b\"c\nd",
        ..BESIDE
    };
    let samples = parsed(&text(&publish::sample_health(), beside));
    assert!(
        samples
            .iter()
            .all(|(_, labels, _)| labels["id"] == "a\\b\"c\nd")
    );
}

#[test]
fn every_family_has_its_name_once() {
    let names: BTreeSet<_> = ENTRIES.iter().map(|entry| entry.name).collect();
    assert_eq!(names.len(), ENTRIES.len());
    for entry in &ENTRIES {
        let counts = entry.kind == Kind::Counter;
        assert_eq!(entry.name.ends_with("_total"), counts, "{}", entry.name);
    }
}
