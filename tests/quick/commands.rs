//! Commands to a running daemon through a real broker: what they change, how they are answered, and
//! what is refused.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::program::{IN_THE_RECORDING, field, root};
use crate::support::{Broker, Daemon, Subscriber};

const ON: &str = "[commands]\nenabled = true\n";

/// A daemon that obeys commands, with `more` at the end of its configuration.
fn daemon(broker: &Broker, more: &str) -> Daemon {
    Daemon::start(&format!("{}{more}", broker.config_toml()))
}

/// Those who hear answers, settings and labels.
struct Ears {
    answers: Subscriber,
    settings: Subscriber,
    labels: Subscriber,
}

impl Ears {
    fn new(broker: &Broker) -> Self {
        let on = |topic: &str| Subscriber::new(broker, &format!("goldcrest/test/{topic}"));
        Self {
            answers: on("response/+"),
            settings: on("settings"),
            labels: on("label"),
        }
    }

    /// Sends a command; returns its answer.
    fn ask(&self, broker: &Broker, name: &str, payload: &str) -> Value {
        broker.send(&format!("goldcrest/test/command/{name}"), payload);
        let answer = self.answers.expect(name);
        assert!(!answer.retained);
        let json = answer.json();
        assert_eq!((&json["v"], &json["command"]), (&json!(1), &json!(name)));
        json
    }

    /// The error of a command that is refused.
    fn refused(&self, broker: &Broker, name: &str, payload: &str) -> String {
        let answer = self.ask(broker, name, payload);
        assert_eq!(answer["ok"], false, "{answer}");
        answer["error"].as_str().expect("an error").to_string()
    }
}

#[test]
fn each_command_is_obeyed_answered_and_shown_in_settings() {
    let broker = Broker::start();
    let ears = Ears::new(&broker);
    let health = Subscriber::new(&broker, "goldcrest/test/health");
    let mut daemon = daemon(&broker, ON);
    let label = |wanted: Value| {
        ears.labels
            .expect_that("label", |m| m.json()["label"] == wanted)
    };
    label(json!(IN_THE_RECORDING));
    let first = ears.settings.expect("settings").json();
    assert_eq!(
        (&first["paused"], &first["threshold"], &first["log_level"]),
        (&json!(false), &json!(0.6), &json!("info"))
    );

    let answer = ears.ask(
        &broker,
        "threshold",
        "{\"value\":0.55,\"correlation\":\"abc\"}",
    );
    let wanted = json!({"v": 1, "command": "threshold", "ok": true, "correlation": "abc", "threshold": 0.55});
    assert_eq!(answer, wanted);
    assert_eq!(ears.settings.expect("settings").json()["threshold"], 0.55);
    assert_eq!(ears.ask(&broker, "threshold", "0.5")["threshold"], 0.5);
    assert_eq!(ears.settings.expect("settings").json()["threshold"], 0.5);

    assert_eq!(ears.ask(&broker, "pause", "")["paused"], true);
    assert_eq!(label(json!(null)).json()["reason"], "paused");
    assert_eq!(ears.settings.expect("settings").json()["paused"], true);
    // A frame or more comes during the pause, sooner or later.
    let report = loop {
        assert_eq!(ears.ask(&broker, "health", "PRESS")["ok"], true);
        let report = health.expect("health").json();
        if report["drops"]["paused"].as_u64() > Some(0) {
            break report;
        }
    };
    assert_eq!(report["camera"], "streaming");
    // A switch that is turned off is a resume.
    assert_eq!(ears.ask(&broker, "pause", "OFF")["paused"], false);
    label(json!(IN_THE_RECORDING));
    assert_eq!(ears.settings.expect("settings").json()["paused"], false);
    assert_eq!(
        ears.ask(&broker, "pause", "{\"value\":\"ON\"}")["paused"],
        true
    );
    assert_eq!(ears.ask(&broker, "resume", "")["paused"], false);

    assert_eq!(
        ears.ask(&broker, "log_level", "debug")["log_level"],
        "debug"
    );
    ears.settings
        .expect_that("settings", |m| m.json()["log_level"] == "debug");
    assert_eq!(
        ears.refused(&broker, "snapshot", ""),
        "snapshots are off; set snapshot.enabled = true"
    );

    let reload = ears.ask(&broker, "reload", "");
    let lines = reload["log"].as_array().expect("lines");
    assert_eq!(lines[0], "the configuration is the same as before");
    assert!(
        lines[1].as_str().unwrap().starts_with("now running "),
        "{reload}"
    );
    daemon.expect("reload: the configuration is the same as before");
    // A reload keeps what commands set.
    let late = Subscriber::new(&broker, "goldcrest/test/settings").expect("settings");
    assert!(late.retained);
    assert_eq!(
        (&late.json()["threshold"], &late.json()["log_level"]),
        (&json!(0.5), &json!("debug"))
    );
    daemon.end();
}

#[test]
fn a_request_of_mqtt_5_is_answered_where_it_asks() {
    let broker = Broker::start();
    let ears = Ears::new(&broker);
    let config = broker.config_toml();
    let daemon = Daemon::start(&format!("{config}version = 5\n{ON}"));
    ears.settings.expect("settings");
    let status = Subscriber::new(&broker, "goldcrest/test/availability");
    status.expect_that("availability", |m| m.text == "online");
    let answer = broker.request("goldcrest/test/command/threshold", "0.5", "xyz");
    let (correlation, json) = answer.split_once(' ').expect("both");
    assert_eq!(correlation, "xyz");
    let json: Value = serde_json::from_str(json).unwrap();
    assert_eq!(
        (&json["ok"], &json["threshold"]),
        (&json!(true), &json!(0.5))
    );
    assert_eq!(ears.answers.expect("threshold").json(), json);
    daemon.end();
}

#[test]
fn a_reload_that_fails_is_answered_with_the_line_of_the_log() {
    let broker = Broker::start();
    let ears = Ears::new(&broker);
    let mut daemon = daemon(&broker, ON);
    ears.labels.expect("label");
    fs::write(daemon.folder.path().join("config.toml"), "[observe").unwrap();
    let error = ears.refused(&broker, "reload", "{\"correlation\":1}");
    assert!(
        error.contains("not TOML") && error.ends_with("nothing changes"),
        "{error}"
    );
    let line = daemon.expect("reload: ");
    assert!(line.ends_with(&error), "{line}");
    let settings = ears.settings.expect_that("settings", |m| {
        m.json()["reload_error"].as_str() == Some(&error)
    });
    assert_eq!(settings.json()["threshold"], 0.6);
    daemon.end();
}

#[test]
fn a_key_that_changes_in_the_file_is_newer_than_a_command() {
    let broker = Broker::start();
    let ears = Ears::new(&broker);
    let daemon = daemon(&broker, &format!("{ON}[log]\nlevel = \"info\"\n"));
    ears.labels.expect("label");
    ears.ask(&broker, "threshold", "0.5");
    ears.ask(&broker, "log_level", "debug");
    let path = daemon.folder.path().join("config.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"info\"", "\"warn\"")).unwrap();
    ears.ask(&broker, "reload", "");
    let settings = ears
        .settings
        .expect_that("settings", |m| m.json()["log_level"] == "warn");
    assert_eq!(settings.json()["threshold"], 0.5);
    daemon.end();
}

#[test]
fn what_is_refused_is_answered_and_changes_nothing() {
    let broker = Broker::start();
    let ears = Ears::new(&broker);
    broker.publish("goldcrest/test/command/pause", "ON");
    let allow = "allow = [\"pause\", \"threshold\"]\n";
    let mut daemon = daemon(&broker, &format!("{ON}{allow}"));
    // It would be obeyed at each connection.
    daemon.expect("goldcrest/test/command/pause: ignoring a retained command");
    let settings = ears.settings.expect("settings").json();
    for (name, payload, why) in [
        ("reboot", "", "unknown command; known are pause, "),
        (
            "log_level",
            "debug",
            "not allowed: commands.allow lacks \"log_level\"",
        ),
        ("threshold", "high", "its value must be a number"),
        (
            "threshold",
            "7",
            "observe.threshold must be 0 to 1, and is 7",
        ),
        (
            "threshold",
            "0.3",
            "observe.release must be 0 to the threshold",
        ),
        ("threshold", "", "it needs a value"),
        ("pause", "{\"value\":", "the payload is not valid JSON"),
        ("pause", "{\"for\":60}", "unknown key \"for\""),
        (
            "pause",
            &"x".repeat(5000),
            "the payload is larger than 4096 bytes",
        ),
    ] {
        let error = ears.refused(&broker, name, payload);
        assert!(error.starts_with(why), "{name} {payload}: {error}");
    }
    let late = Subscriber::new(&broker, "goldcrest/test/settings").expect("settings");
    assert_eq!(late.json(), settings);
    assert!(ears.settings.next(Duration::ZERO).is_none());
    daemon.end();
}

#[test]
fn without_the_section_nothing_is_obeyed() {
    let broker = Broker::start();
    let ears = Ears::new(&broker);
    let daemon = daemon(&broker, "");
    ears.settings.expect("settings");
    broker.send("goldcrest/test/command/pause", "ON");
    ears.labels
        .expect_that("label", |m| m.json()["label"] == IN_THE_RECORDING);
    assert!(ears.answers.next(Duration::ZERO).is_none());
    daemon.end();
}

#[test]
fn ten_thousand_commands_cost_neither_memory_nor_the_connection() {
    let broker = Broker::start();
    let ears = Ears::new(&broker);
    let health = Subscriber::new(&broker, "goldcrest/test/health");
    let daemon = daemon(&broker, &format!("{ON}[health]\ninterval = 1.0\n"));
    let settled = |m: &Value| m["frames"].as_u64() > Some(30);
    health.expect_that("health", |m| settled(&m.json()));
    let anonymous = || field(daemon.id(), "RssAnon:").unwrap();
    let before = anonymous();
    broker.flood(
        "goldcrest/test/command/resume",
        "{\"correlation\":\"flood\"}",
        10_000,
    );
    let report = health.expect_that("health", |m| {
        m.json()["drops"]["command"].as_u64() > Some(5000)
    });
    let report = report.json();
    assert_eq!(report["queue"]["connections"], 1, "{report}");
    let grown = anonymous().saturating_sub(before);
    println!("{grown} KiB more after {}", report["drops"]["command"]);
    assert!(grown < 1024, "{grown} KiB");
    // It was told why, a few times.
    ears.answers.expect_that("resume", |m| {
        m.json()["error"]
            .as_str()
            .is_some_and(|why| why.starts_with("too many commands"))
    });
    ears.labels
        .expect_that("label", |m| !m.json()["label"].is_null());
    daemon.end();
}

#[test]
fn a_retained_message_that_is_too_large_costs_one_connection() {
    let broker = Broker::start();
    let large = broker.large(1 << 20);
    broker.publish_file("goldcrest/test/command/pause", &large);
    let ears = Ears::new(&broker);
    let health = Subscriber::new(&broker, "goldcrest/test/health");
    let mut daemon = daemon(&broker, &format!("{ON}[health]\ninterval = 1.0\n"));
    let line = daemon.expect("a message that is too large came on");
    assert!(line.contains("goldcrest/test/command/+"), "{line}");
    let report = health.expect_that("health", |m| m.json()["queue"]["connections"] == 2);
    let frames = report.json()["frames"].as_u64();
    let later = health.expect_that("health", |m| m.json()["frames"].as_u64() > frames);
    assert_eq!(later.json()["queue"]["connections"], 2);
    ears.labels
        .expect_that("label", |m| m.json()["label"] == IN_THE_RECORDING);
    daemon.end();
}

#[test]
fn what_commands_set_survives_a_restart_where_that_is_configured() {
    let broker = Broker::start();
    let state = tempfile::tempdir().unwrap();
    let keep = format!("{ON}keep = true\nfolder = {:?}\n", state.path());
    let ears = Ears::new(&broker);
    let daemon_1 = daemon(&broker, &keep);
    ears.settings.expect("settings");
    ears.ask(&broker, "threshold", "0.45");
    ears.ask(&broker, "pause", "");
    ears.settings
        .expect_that("settings", |m| m.json()["paused"] == true);
    daemon_1.end();

    let availability = Subscriber::new(&broker, "goldcrest/test/availability");
    let mut again = daemon(&broker, &keep);
    again.expect("going on with what commands set before: paused, threshold 0.45");
    // Messages of the first daemon may still wait here, but this one subscribed before it said so.
    availability.expect_that("availability", |m| m.text == "online" && !m.retained);
    let settings = ears.settings.expect("settings").json();
    assert_eq!(
        (&settings["paused"], &settings["threshold"]),
        (&json!(true), &json!(0.45))
    );
    ears.labels
        .expect_that("label", |m| m.json()["reason"] == "paused");
    ears.ask(&broker, "resume", "");
    again.end();

    fs::write(state.path().join("settings.json"), "{\"paused\":tr").unwrap();
    let mut damaged = daemon(&broker, &keep);
    damaged.expect("settings.json: kept settings cannot be used");
    let settings = ears
        .settings
        .expect_that("settings", |m| m.json()["threshold"] == 0.6);
    assert_eq!(settings.json()["paused"], false);
    damaged.end();
}

#[test]
fn the_page_about_mqtt_names_each_command_and_its_answer() {
    let page = fs::read_to_string(root().join("docs/mqtt.md")).unwrap();
    for name in [
        "pause",
        "resume",
        "snapshot",
        "reload",
        "threshold",
        "log_level",
        "health",
        "teach",
    ] {
        assert!(page.contains(&format!("\n| `{name}` |")), "{name}");
    }
    let answer =
        json!({"v": 1, "command": "threshold", "ok": true, "correlation": "abc", "threshold": 0.7});
    let examples = page
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    assert!(examples.into_iter().any(|example| example == answer));
}
