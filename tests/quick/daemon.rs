//! The daemon against a real broker: what a subscriber sees of it from its birth to its end.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::support::program::{command, goldcrest, packed_model, root};
use crate::support::{Broker, PATIENCE, Subscriber, free_port, wait_for};
use tempfile::TempDir;

/// A daemon with a configuration of its own; it is killed with the value.
struct Daemon {
    child: Child,
    _folder: TempDir,
}

/// Writes a configuration that replays the bottles and speaks to the broker of `mqtt`.
fn configuration(folder: &Path, mqtt: &str, at_end: &str) -> String {
    let path = folder.join("config.toml");
    let bottles = root().join("tests/recordings/bottles");
    let model = packed_model(folder);
    let text = format!(
        "id = \"test\"\n[source]\nkind = \"recording\"\npath = {bottles:?}\nat_end = {at_end:?}\n\
         [model]\npath = {model:?}\n[observe]\nheartbeat = 1.0\n{mqtt}"
    );
    fs::write(&path, text).expect("a configuration can be written");
    path.to_str().expect("a path in UTF-8").to_string()
}

impl Daemon {
    fn start(mqtt: &str, at_end: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = configuration(folder.path(), mqtt, at_end);
        let child = command(&["run", "--config", &config])
            .stderr(Stdio::piped())
            .spawn()
            .expect("the daemon starts");
        Self {
            child,
            _folder: folder,
        }
    }

    fn signal(&self, name: &str) {
        let status = std::process::Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status();
        assert!(status.expect("kill runs").success());
    }

    /// Waits for the end; gives how it ended and what it had said on standard error.
    fn ended(&mut self) -> (ExitStatus, String) {
        let mut status = None;
        assert!(wait_for(PATIENCE, || {
            status = self.child.try_wait().expect("the daemon can be waited for");
            status.is_some()
        }));
        let mut text = String::new();
        self.child
            .stderr
            .take()
            .expect("it is piped")
            .read_to_string(&mut text)
            .expect("it writes UTF-8");
        (status.expect("it has ended"), text)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn a_subscriber_sees_birth_label_event_and_a_clean_end() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let mut daemon = Daemon::start(&broker.config_toml(), "loop");
    assert_eq!(subscriber.expect("availability").text, "online");
    let event = subscriber
        .expect_that("event", |m| m.json()["label"] == "pop bottle")
        .json();
    assert_eq!(event["v"], 1);
    assert!(
        event["event"].is_string() && event["score"].as_f64().unwrap() > 0.0,
        "{event}"
    );

    // Whoever comes later is told at once what is seen now.
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
    let (status, text) = daemon.ended();
    assert!(
        asked.elapsed() < Duration::from_secs(2),
        "it took {:?} to end",
        asked.elapsed()
    );
    assert_eq!(status.code(), Some(0), "{text}");
    assert!(
        text.contains("ended: ") && text.contains(" frames"),
        "{text}"
    );
}

#[test]
fn a_killed_daemon_is_offline_by_its_last_will() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/availability");
    let daemon = Daemon::start(&broker.config_toml(), "loop");
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
    let mut daemon = Daemon::start(&nowhere, "loop");
    std::thread::sleep(Duration::from_secs(2));
    assert!(
        daemon.child.try_wait().unwrap().is_none(),
        "it must go on without a broker"
    );
    daemon.signal("INT");
    let asked = Instant::now();
    let (status, text) = daemon.ended();
    assert!(
        asked.elapsed() < Duration::from_secs(2),
        "it took {:?} to end",
        asked.elapsed()
    );
    assert_eq!(status.code(), Some(0), "{text}");
}

#[test]
fn a_recording_that_stops_ends_the_daemon_well() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/availability");
    let mut daemon = Daemon::start(&broker.config_toml(), "stop");
    assert_eq!(subscriber.expect("availability").text, "online");
    let (status, text) = daemon.ended();
    assert_eq!(status.code(), Some(0), "{text}");
    assert_eq!(subscriber.expect("availability").text, "offline");
}

#[test]
fn a_replay_publishes_when_asked_to() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path(), &broker.config_toml(), "stop");
    let ran = goldcrest(&[
        "replay",
        "tests/recordings/bottles",
        "--mqtt",
        "--config",
        &config,
    ]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(subscriber.expect("availability").text, "online");
    subscriber.expect_that("label", |m| m.json()["label"] == "pop bottle");
    assert_eq!(subscriber.expect("availability").text, "offline");
}

#[test]
fn a_replay_without_its_broker_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let mqtt = format!("[mqtt]\nhost = \"127.0.0.1\"\nport = {port}\n");
    let config = configuration(folder.path(), &mqtt, "stop");
    let ran = goldcrest(&[
        "replay",
        "tests/recordings/bottles",
        "--mqtt",
        "--config",
        &config,
    ]);
    assert_eq!(ran.code, 69, "{}", ran.stderr);
    let last = ran.stderr.lines().last().unwrap_or_default();
    assert!(last.contains(&format!("127.0.0.1:{port}")), "{last}");
}

#[test]
fn check_tells_good_from_bad() {
    let broker = Broker::start();
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path(), &broker.config_toml(), "stop");
    let ran = goldcrest(&["check", "--config", &config]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(
        ran.stdout.lines().filter(|l| l.contains(" ok ")).count(),
        5,
        "{}",
        ran.stdout
    );

    drop(broker);
    let ran = goldcrest(&["check", "--config", &config, "--json"]);
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
