//! docs/mqtt.md against a running daemon: its payloads have the keys that are published, and its
//! table tells which messages are retained.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

use image::{Rgb, RgbImage};
use serde_json::Value;

use crate::support::program::root;
use crate::support::{Broker, Daemon, PATIENCE, Received, Subscriber};

/// Topics with JSON payloads, as the page's headings name them.
const TOPICS: [&str; 6] = [
    "label",
    "event",
    "camera",
    "health",
    "settings",
    "snapshot/info",
];

/// Keys that depend on the machine, and maps whose keys are causes.
const OPEN: [&str; 4] = [
    ".temperature_c",
    ".memory.cgroup",
    ".drops.",
    ".counters.bad.",
];

pub(crate) fn page() -> String {
    fs::read_to_string(root().join("docs/mqtt.md")).unwrap()
}

/// The JSON payloads of the page, by the topic in the heading before them.
pub(crate) fn documented() -> BTreeMap<String, Vec<Value>> {
    let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let (mut topic, mut block) = (String::new(), None::<String>);
    for line in page().lines() {
        match (&mut block, line) {
            (None, "```json") => block = Some(String::new()),
            (Some(text), "```") => {
                let value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{text}: {e}"));
                found.entry(topic.clone()).or_default().push(value);
                block = None;
            }
            (Some(text), line) => text.push_str(line),
            (None, line) => {
                if let Some(heading) = line.strip_prefix("## ") {
                    topic = heading.trim_matches('`').to_string();
                }
            }
        }
    }
    found
}

/// The paths of all keys.
fn keys(value: &Value) -> BTreeSet<String> {
    fn collect(value: &Value, path: &str, into: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    let path = format!("{path}.{key}");
                    if !OPEN.iter().any(|open| path.starts_with(open)) {
                        collect(value, &path, into);
                        into.insert(path);
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, path, into)),
            _ => {}
        }
    }
    let mut all = BTreeSet::new();
    collect(value, "", &mut all);
    all
}

/// All messages of a daemon that sees a bottle, then the dark, and of one without a camera.
fn published() -> (Vec<Received>, BTreeMap<String, bool>) {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let folder = tempfile::tempdir().unwrap();
    for n in 0..20 {
        let picture = folder.path().join(format!("{n:02}.png"));
        if n < 10 {
            let bottle = format!("tests/recordings/bottles/bottles-{}.jpg", n + 20);
            let bottle = image::open(root().join(bottle)).unwrap();
            bottle.save(picture).unwrap();
        } else {
            RgbImage::from_pixel(64, 64, Rgb([2, 2, 2]))
                .save(picture)
                .unwrap();
        }
    }
    let source = format!(
        "kind = \"recording\"\nat_end = \"loop\"\npath = {:?}",
        folder.path()
    );
    let more = format!(
        "[health]\ninterval = 1.0\n[snapshot]\nenabled = true\n{}",
        broker.config_toml()
    );
    let daemon = Daemon::on(&source, &more);
    let mut all = Vec::new();
    let wait = |all: &mut Vec<Received>, wanted: &dyn Fn(&Received) -> bool| {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            all.push(subscriber.next(left).expect("a message"));
            if all.last().is_some_and(wanted) {
                break;
            }
        }
    };
    wait(&mut all, &|m| m.text.contains("\"reason\":\"dark\""));
    wait(&mut all, &|m| m.topic.ends_with("/health"));
    daemon.end();
    wait(&mut all, &|m| m.text == "offline");
    let nowhere = "kind = \"camera\"\n[camera]\ndevice = \"/dev/nowhere\"";
    let daemon = Daemon::on(nowhere, &broker.config_toml());
    wait(&mut all, &|m| m.text.contains("\"not-found\""));
    let late = Subscriber::new(&broker, "goldcrest/test/#");
    let mut retained: BTreeMap<String, bool> = TOPICS.map(|t| (t.to_string(), false)).into();
    // What is retained comes first; labels go on.
    let end = Instant::now() + Duration::from_secs(2);
    while let Some(message) = late.next(end.saturating_duration_since(Instant::now())) {
        let topic = message.topic.trim_start_matches("goldcrest/test/");
        *retained.entry(topic.into()).or_default() |= message.retained;
    }
    daemon.end();
    (all, retained)
}

#[test]
fn the_page_about_mqtt_has_the_keys_that_are_published() {
    let documented = documented();
    let (messages, retained) = published();
    for topic in TOPICS {
        let of_topic = messages
            .iter()
            .filter(|m| m.topic.ends_with(&format!("/{topic}")));
        let sent: Vec<_> = of_topic.map(|m| keys(&m.json())).collect();
        let payloads = documented.get(topic).map(Vec::as_slice).unwrap_or_default();
        assert!(!payloads.is_empty(), "the page has no payload of {topic}");
        let mut known = BTreeSet::new();
        for payload in payloads {
            let keys = keys(payload);
            assert!(
                sent.contains(&keys),
                "{topic}: nothing with the keys of {payload} was published, but {sent:#?}"
            );
            known.extend(keys);
        }
        for keys in &sent {
            let missing: Vec<_> = keys.difference(&known).collect();
            assert!(
                missing.is_empty(),
                "{topic}: the page's payloads lack {missing:?}"
            );
        }
    }
    for (topic, retained) in retained {
        let row = format!("| `goldcrest/<id>/{topic}` | 1 | {} |", yes(retained));
        assert!(page().contains(&row), "no row {row}");
    }
}

fn yes(is_so: bool) -> &'static str {
    if is_so { "yes" } else { "no" }
}
