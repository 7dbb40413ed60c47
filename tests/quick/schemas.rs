//! The JSON Schemas of all payloads: held against the page about MQTT, against what other clients
//! read, and against two replays. Every other test holds what its subscribers receive against them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::mqtt_page::{documented, page};
use crate::support::daemon::{bottles, configuration};
use crate::support::program::{goldcrest, installed, root};
use crate::support::talker::Talker;
use crate::support::{Broker, Daemon, PATIENCE, Received, Subscriber, schema};

/// The schema of an example below this heading of the page.
fn of_heading(heading: &str) -> Option<&'static str> {
    match heading {
        "Commands" => Some("response"),
        topic => schema::of_topic(topic),
    }
}

#[test]
fn every_example_of_the_page_is_valid() {
    let documented = documented();
    assert!(documented.len() > 4, "{documented:?}");
    for (heading, payloads) in documented {
        let Some(name) = of_heading(&heading) else {
            panic!("no schema in docs/schemas for the examples below {heading}");
        };
        for payload in payloads {
            let faults = schema::faults(name, &payload.to_string());
            assert!(faults.is_empty(), "{heading}: {faults:#?}");
        }
    }
}

#[test]
fn every_key_of_a_schema_stands_on_the_page() {
    fn keys(schema: &Value, found: &mut Vec<String>) {
        for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
            found.push(key.clone());
            keys(inner, found);
        }
    }
    let page = page();
    for name in schema::names() {
        let path = root().join(format!("docs/schemas/{name}.json"));
        let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(
            schema["$schema"],
            "https://json-schema.org/draft/2020-12/schema"
        );
        let mut found = Vec::new();
        keys(&schema, &mut found);
        // Payloads that no branch of this page has yet are found missing here.
        for key in found {
            let named = page.contains(&format!("`{key}`")) || page.contains(&format!("\"{key}\""));
            assert!(named, "{name}: docs/mqtt.md does not name {key}");
        }
    }
}

#[test]
fn a_payload_that_the_schema_does_not_allow_is_found() {
    let good = json!({"v": 1, "state": "lost", "cause": "busy", "since": "2026-11-26T17:04:34.290Z", "losses": 0});
    let faults = |change: &dyn Fn(&mut Value)| {
        let mut payload = good.clone();
        change(&mut payload);
        schema::faults("camera", &payload.to_string())
    };
    assert_eq!(faults(&|_| {}), Vec::<String>::new());
    for (part, change) in [
        (
            "lists no such key",
            &(|p: &mut Value| p["colour"] = json!(1)) as &dyn Fn(&mut Value),
        ),
        ("lacks \"losses\"", &|p| {
            drop(p.as_object_mut().unwrap().remove("losses"))
        }),
        ("is not of type", &|p| p["losses"] = json!("none")),
        ("is not of type", &|p| p["losses"] = json!(1.5)),
        ("is below 0", &|p| p["losses"] = json!(-1)),
        ("is none of", &|p| p["cause"] = json!("tired")),
        ("is not 1", &|p| p["v"] = json!(2)),
        ("does not match", &|p| p["since"] = json!("yesterday")),
        ("lists no such key", &|p| {
            p["mode"] = json!({"fps": 1.0, "hue": 2})
        }),
    ] {
        let found = faults(change);
        assert!(
            found.iter().any(|fault| fault.contains(part)),
            "{part}: {found:?}"
        );
    }
    assert_eq!(
        schema::faults("availability", "online"),
        Vec::<String>::new()
    );
    assert_eq!(schema::faults("availability", "\"online\"").len(), 1);
    assert_eq!(schema::faults("label", "no JSON").len(), 1);
}

/// Reads lines of topic and payload from a client of another make, until the daemon's `offline`.
fn read_all(mut client: Command, broker: &Broker) -> Vec<(String, String)> {
    let mut child = client
        .env("PORT", broker.port().to_string())
        .stdout(Stdio::piped())
        .stdin(Stdio::null())
        .spawn()
        .expect("the client starts");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut talker = None;
    let mut found = Vec::new();
    while let Some(Ok(line)) = lines.next() {
        let Some((topic, payload)) = line.split_once(' ') else {
            continue;
        };
        match topic {
            // The client's own message shows that its subscription stands.
            "goldcrest/ready" => {
                let mut connected = Talker::connected(&broker.config(), "front");
                (0..3).for_each(|label| connected.see(label));
                connected.wait_sent();
                assert!(connected.publisher.close(PATIENCE));
                talker = Some(connected);
            }
            _ => found.push((topic.to_string(), payload.to_string())),
        }
        if payload == "offline" && talker.is_some() {
            break;
        }
    }
    child.kill().ok();
    child.wait().ok();
    found
}

fn hold(found: &[(String, String)]) {
    let of = |name: &str| {
        let topic = format!("goldcrest/front/{name}");
        found.iter().filter(|(of, _)| *of == topic).count()
    };
    assert!(
        of("label") > 0 && of("event") == 3 && of("availability") == 2,
        "{found:#?}"
    );
    for (topic, payload) in found {
        let name = topic.rsplit('/').next().and_then(schema::of_topic);
        let faults = schema::faults(name.expect("a schema"), payload);
        assert!(faults.is_empty(), "{topic}: {faults:#?}");
    }
}

#[test]
fn mosquitto_sub_reads_every_payload() {
    let broker = Broker::start();
    broker.publish("goldcrest/ready", "yes");
    let mut client = Command::new(installed("mosquitto_sub"));
    let port = broker.port().to_string();
    client.args([
        "-h",
        "127.0.0.1",
        "-p",
        &port,
        "-q",
        "1",
        "-v",
        "-t",
        "goldcrest/#",
    ]);
    hold(&read_all(client, &broker));
}

#[test]
fn paho_reads_every_payload() {
    let has = Command::new("python3")
        .args(["-c", "import paho.mqtt.client"])
        .output();
    if !has.is_ok_and(|ran| ran.status.success()) {
        // Without the package python3-paho-mqtt, mosquitto_sub above is the other client.
        return;
    }
    let broker = Broker::start();
    broker.publish("goldcrest/ready", "yes");
    let mut client = Command::new("python3");
    client.arg(root().join("tests/support/paho_subscriber.py"));
    hold(&read_all(client, &broker));
}

/// The payloads of a replay of the shipped recording, by topic, with the times at which it ran left
/// out. Topics have no order among one another: `online` comes once the states so far are sent.
fn replayed() -> BTreeMap<String, Vec<String>> {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/#");
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path(), &bottles("stop"), &broker.config_toml());
    let ran = goldcrest(&[
        "replay",
        "tests/recordings/bottles",
        "--mqtt",
        "--config",
        config.to_str().unwrap(),
    ]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let mut found = BTreeMap::<_, Vec<_>>::new();
    loop {
        let Received { topic, text, .. } = subscriber.next(PATIENCE).expect("an end");
        let ended = text == "offline";
        let masked = match serde_json::from_str::<Value>(&text) {
            // A label that is withdrawn names the time of the replay itself.
            Ok(json) if json.get("reason").is_some() => {
                text.replace(json["since"].as_str().unwrap(), "(now)")
            }
            _ => text,
        };
        found.entry(topic).or_default().push(masked);
        if ended {
            return found;
        }
    }
}

#[test]
fn two_replays_publish_the_same_bytes() {
    let (first, second) = (replayed(), replayed());
    assert!(
        first.keys().any(|topic| topic.ends_with("/event")),
        "{first:#?}"
    );
    assert_eq!(first, second);
}

#[test]
fn a_daemon_publishes_nothing_that_no_schema_knows() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let daemon = Daemon::start(&format!(
        "[health]\ninterval = 1.0\n{}",
        broker.config_toml()
    ));
    let mut seen = BTreeSet::new();
    while !["label", "event", "camera", "health"]
        .iter()
        .all(|name| seen.contains(*name))
    {
        let message = subscriber.next(PATIENCE).expect("a message");
        let rest = message.topic.strip_prefix("goldcrest/test/").unwrap();
        assert!(
            schema::of_topic(rest).is_some(),
            "no schema for {}",
            message.topic
        );
        seen.insert(rest.to_string());
    }
    daemon.end();
}
