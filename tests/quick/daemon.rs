//! The daemon with a real broker, as a subscriber sees it from birth to end.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::daemon::{bottles, configuration};
use crate::support::program::{IN_THE_RECORDING, Ran, goldcrest};
use crate::support::{Broker, Daemon, Subscriber, free_port};

#[test]
fn a_subscriber_sees_birth_label_event_and_a_clean_end() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let mut daemon = Daemon::start(&broker.config_toml());
    assert_eq!(subscriber.expect("availability").text, "online");
    let event = subscriber
        .expect_that("event", |m| m.json()["label"] == IN_THE_RECORDING)
        .json();
    assert_eq!(event["v"], 1);
    assert!(
        event["event"].is_string() && event["score"].as_f64().unwrap() > 0.0,
        "{event}"
    );

    // A late subscriber gets the current label at once.
    let late = Subscriber::new(&broker, "goldcrest/test/label");
    let label = late.expect("label");
    assert!(label.retained);
    let label = label.json();
    assert_eq!(label["v"], 1);
    for key in ["label", "score", "top", "since", "seq", "captured", "model"] {
        assert!(!label[key].is_null(), "{key} is missing: {label}");
    }

    daemon.signal("TERM");
    let asked = Instant::now();
    assert_eq!(subscriber.expect("availability").text, "offline");
    let status = daemon.wait();
    assert!(
        asked.elapsed() < Duration::from_secs(2),
        "it took {:?} to end",
        asked.elapsed()
    );
    assert_eq!(status.code(), Some(0), "{:#?}", daemon.log);
    let log = daemon.log.join("\n");
    assert!(log.contains("ended: ") && log.contains(" frames"), "{log}");
}

#[test]
fn a_killed_daemon_is_offline_by_its_last_will() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/availability");
    let daemon = Daemon::start(&broker.config_toml());
    assert_eq!(subscriber.expect("availability").text, "online");
    daemon.signal("KILL");
    assert_eq!(subscriber.expect("availability").text, "offline");
    assert!(
        Subscriber::new(&broker, "goldcrest/test/availability")
            .expect("availability")
            .retained
    );
}

#[test]
fn sigint_ends_it_as_well_even_without_a_broker() {
    let nowhere = format!("[mqtt]\nhost = \"127.0.0.1\"\nport = {}\n", free_port());
    let mut daemon = Daemon::start(&nowhere);
    std::thread::sleep(Duration::from_secs(2));
    assert!(daemon.runs(), "it must go on without a broker");
    daemon.signal("INT");
    let asked = Instant::now();
    let status = daemon.wait();
    assert!(
        asked.elapsed() < Duration::from_secs(2),
        "it took {:?} to end",
        asked.elapsed()
    );
    assert_eq!(status.code(), Some(0), "{:#?}", daemon.log);
}

#[test]
fn a_recording_that_stops_ends_the_daemon_well() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/availability");
    let mut daemon = Daemon::on(&bottles("stop"), &broker.config_toml());
    assert_eq!(subscriber.expect("availability").text, "online");
    let status = daemon.wait();
    assert_eq!(status.code(), Some(0), "{:#?}", daemon.log);
    assert_eq!(subscriber.expect("availability").text, "offline");
}

#[test]
fn a_replay_publishes_when_asked_to() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test-replay/#");
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path(), &bottles("stop"), &broker.config_toml());
    let ran = replay(&config, &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(subscriber.expect("availability").text, "online");
    subscriber.expect_that("label", |m| m.json()["label"] == IN_THE_RECORDING);
    let label = subscriber.expect_that("label", |m| m.json()["label"].is_null());
    assert_eq!(label.json()["reason"], "stopped");
    assert_eq!(label.json()["seq"], 59);
    assert_eq!(subscriber.expect("availability").text, "offline");

    let named = Subscriber::new(&broker, "goldcrest/other/#");
    assert_eq!(replay(&config, &["--id", "other"]).code, 0);
    assert_eq!(named.expect("availability").text, "online");
}

/// Replays the bottles over MQTT.
fn replay(config: &Path, more: &[&str]) -> Ran {
    let mut arguments = vec!["replay", "tests/recordings/bottles", "--mqtt", "--config"];
    arguments.push(config.to_str().unwrap());
    arguments.extend(more);
    goldcrest(&arguments)
}

#[test]
fn a_replay_beside_a_daemon_of_its_id_disturbs_nothing() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let daemon = Daemon::start(&broker.config_toml());
    subscriber.expect_that("label", |m| m.json()["label"] == IN_THE_RECORDING);
    let ran = replay(&daemon.folder.path().join("config.toml"), &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    while let Some(message) = subscriber.next(Duration::ZERO) {
        assert!(
            message.topic != "goldcrest/test/availability",
            "{message:?}"
        );
        if message.topic == "goldcrest/test/label" {
            assert_eq!(message.json()["label"], IN_THE_RECORDING, "{message:?}");
        }
    }
    let late = Subscriber::new(&broker, "goldcrest/test/availability");
    assert_eq!(late.expect("availability").text, "online");
    daemon.end();
}

#[test]
fn a_foreign_offline_is_answered_with_all_states() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let mut daemon = Daemon::start(&broker.config_toml());
    subscriber.expect_that("label", |m| m.json()["label"] == IN_THE_RECORDING);
    broker.publish("goldcrest/test/camera", "{}");
    broker.publish("goldcrest/test/availability", "offline");
    subscriber.expect_that("availability", |m| m.text == "offline");
    let line = daemon.expect("`offline` was published on");
    assert!(line.contains("goldcrest/test/availability"), "{line}");
    subscriber.expect_that("camera", |m| m.json()["state"] == "streaming");
    subscriber.expect_that("availability", |m| m.text == "online");
    daemon.end();
    // Its own goodbye is not answered.
    let late = Subscriber::new(&broker, "goldcrest/test/availability");
    assert_eq!(late.expect("availability").text, "offline");
}

#[test]
fn a_stopped_daemon_leaves_nothing_that_it_does_not_know() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/label");
    let daemon = Daemon::start(&broker.config_toml());
    let seen = subscriber.expect_that("label", |m| m.json()["label"] == IN_THE_RECORDING);
    daemon.end();
    let late = Subscriber::new(&broker, "goldcrest/test/#");
    let mut states = HashMap::new();
    while let Some(message) = late.next(Duration::from_secs(1)) {
        assert!(message.retained, "{message:?}");
        states.insert(message.topic.clone(), message);
    }
    let label = states["goldcrest/test/label"].json();
    assert!(
        label["label"].is_null() && label["score"].is_null(),
        "{label}"
    );
    assert_eq!(
        (&label["reason"], &label["top"]),
        (&"stopped".into(), &serde_json::json!([]))
    );
    assert_eq!(label["model"], seen.json()["model"]);
    assert!(
        label["seq"].as_u64() >= seen.json()["seq"].as_u64(),
        "{label}"
    );
    let camera = states["goldcrest/test/camera"].json();
    assert_eq!(camera["state"], "stopped");
    assert!(camera.get("picture").is_none(), "{camera}");
    assert_eq!(states["goldcrest/test/availability"].text, "offline");
}

#[test]
fn a_label_of_an_earlier_run_is_withdrawn_at_the_start() {
    let broker = Broker::start();
    // As a run leaves it that was killed.
    broker.publish("goldcrest/test/label", "{\"v\":1,\"label\":\"pop bottle\"}");
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let nowhere = "kind = \"camera\"\n[camera]\ndevice = \"/dev/nowhere\"";
    let daemon = Daemon::on(nowhere, &broker.config_toml());
    let starting = subscriber.expect_that("label", |m| !m.retained).json();
    assert_eq!(
        (&starting["label"], &starting["reason"]),
        (&().into(), &"starting".into())
    );
    assert_eq!(
        (&starting["seq"], &starting["captured"]),
        (&().into(), &().into())
    );
    let camera = subscriber
        .expect_that("camera", |m| m.json()["cause"] != "opening")
        .json();
    let lost = subscriber
        .expect_that("label", |m| m.json()["reason"] == "camera lost")
        .json();
    assert_eq!(lost["since"], camera["since"]);
    daemon.end();
}

/// Signals twice, with a pause in between.
fn interrupt_twice(daemon: &Daemon, pause: &str) {
    let id = daemon.id();
    let twice = format!("kill -s INT {id}; sleep {pause}; kill -s INT {id}");
    let status = Command::new("sh").args(["-c", &twice]).status();
    assert!(status.unwrap().success());
}

#[test]
fn two_interrupts_at_once_count_as_one() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/availability");
    let mut daemon = Daemon::start(&broker.config_toml());
    assert_eq!(subscriber.expect("availability").text, "online");
    // With a frozen broker the goodbye takes a while.
    broker.freeze();
    interrupt_twice(&daemon, "0.01");
    let status = daemon.wait();
    broker.thaw();
    assert_eq!(status.code(), Some(0), "{:#?}", daemon.log);
}

#[test]
fn a_second_interrupt_ends_the_daemon_without_a_goodbye() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/availability");
    let mut daemon = Daemon::start(&broker.config_toml());
    assert_eq!(subscriber.expect("availability").text, "online");
    broker.freeze();
    interrupt_twice(&daemon, "0.5");
    let status = daemon.wait();
    broker.thaw();
    assert_eq!(status.code(), Some(130), "{:#?}", daemon.log);
}

#[test]
fn a_replay_of_one_picture_publishes_its_own_label() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test-replay/#");
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path(), &bottles("stop"), &broker.config_toml());
    let ran = goldcrest(&[
        "replay",
        "tests/recordings/bottles/bottles-01.jpg",
        "--mqtt",
        "--config",
        config.to_str().unwrap(),
    ]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let label = subscriber
        .expect_that("label", |m| m.json()["seq"] == 0)
        .json();
    assert_eq!(label["label"], IN_THE_RECORDING, "{label}");
    // Only then is it withdrawn.
    let label = subscriber.expect("label").json();
    assert_eq!(label["reason"], "stopped", "{label}");
}

#[test]
fn a_replay_without_its_broker_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let mqtt = format!("[mqtt]\nhost = \"127.0.0.1\"\nport = {port}\n");
    let config = configuration(folder.path(), &bottles("stop"), &mqtt);
    let ran = replay(&config, &[]);
    assert_eq!(ran.code, 69, "{}", ran.stderr);
    let broker = format!("127.0.0.1:{port}");
    let lines: Vec<&str> = ran.stderr.lines().filter(|l| l.contains(&broker)).collect();
    assert!(
        matches!(lines[..], [line] if line.starts_with("goldcrest: MQTT broker ")),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("trying again"), "{}", ran.stderr);
}

#[test]
fn check_tells_good_from_bad() {
    let broker = Broker::start();
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path(), &bottles("stop"), &broker.config_toml());
    let ran = goldcrest(&["check", "--config", config.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(
        ran.stdout.lines().filter(|l| l.contains(" ok ")).count(),
        6,
        "{}",
        ran.stdout
    );

    drop(broker);
    let ran = goldcrest(&["check", "--config", config.to_str().unwrap()]);
    let last = ran.stdout.lines().rev().take(6);
    let parts: Vec<&str> = last.filter_map(|l| l.split(' ').next()).collect();
    assert_eq!(
        parts,
        [
            "broker",
            "source",
            "memory",
            "observe",
            "model",
            "configuration"
        ]
    );
    assert_eq!(
        ran.stderr.lines().last(),
        Some("goldcrest: check: 1 of 6 failed: broker")
    );
    assert!(!ran.stdout.contains("stages.0."), "{}", ran.stdout);
    let ran = goldcrest(&["check", "--verbose", "--config", config.to_str().unwrap()]);
    let layers = ran.stdout.lines().filter(|l| l.ends_with(" bytes"));
    assert_eq!(layers.count(), 59, "{}", ran.stdout);

    let ran = goldcrest(&["check", "--config", config.to_str().unwrap(), "--json"]);
    assert_eq!(ran.code, 69, "{}{}", ran.stdout, ran.stderr);
    let findings: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let bad: Vec<_> = findings["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["ok"] == false)
        .collect();
    assert_eq!(bad.len(), 1, "{findings}");
    assert_eq!(bad[0]["what"], "broker");
}
