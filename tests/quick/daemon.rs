//! The daemon with a real broker, as a subscriber sees it from birth to end.

use std::time::{Duration, Instant};

use crate::support::daemon::{bottles, configuration};
use crate::support::program::{IN_THE_RECORDING, goldcrest};
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
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
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
    assert_eq!(subscriber.expect("availability").text, "online");
    subscriber.expect_that("label", |m| m.json()["label"] == IN_THE_RECORDING);
    assert_eq!(subscriber.expect("availability").text, "offline");
}

#[test]
fn a_replay_without_its_broker_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let mqtt = format!("[mqtt]\nhost = \"127.0.0.1\"\nport = {port}\n");
    let config = configuration(folder.path(), &bottles("stop"), &mqtt);
    let ran = goldcrest(&[
        "replay",
        "tests/recordings/bottles",
        "--mqtt",
        "--config",
        config.to_str().unwrap(),
    ]);
    assert_eq!(ran.code, 69, "{}", ran.stderr);
    let last = ran.stderr.lines().last().unwrap_or_default();
    assert!(last.contains(&format!("127.0.0.1:{port}")), "{last}");
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
        5,
        "{}",
        ran.stdout
    );

    drop(broker);
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
