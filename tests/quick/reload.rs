//! SIGHUP loads another model between two frames; if the new one is broken, the current one keeps
//! running.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::support::bundle::{broken, remade, replace};
use crate::support::daemon::table;
use crate::support::program::{IN_THE_RECORDING, field};
use crate::support::{Broker, Daemon, Received, Subscriber};

const QUIET: &str = "[mqtt]\nenabled = false\n";

#[test]
fn a_reload_brings_in_the_labels_that_stand_beside_the_model() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let mut daemon = Daemon::start(&broker.config_toml());
    subscriber.expect_that("label", |m| m.json()["label"] == IN_THE_RECORDING);
    let labels = fs::read_to_string(daemon.folder.path().join("labels.txt")).unwrap();
    let renamed = labels.replace(IN_THE_RECORDING, "lemonade");
    assert_ne!(labels, renamed);
    replace(daemon.folder.path(), "labels.txt", renamed.as_bytes());
    daemon.signal("HUP");
    daemon.expect("reload: now running");
    subscriber.expect_that("label", |m| m.json()["label"] == "lemonade");
    daemon.end();
}

#[test]
fn a_reload_refuses_another_file_in_the_models_place() {
    let mut daemon = Daemon::start(QUIET);
    daemon.expect("in all, at most");
    let name = "convnext_tiny_128_int8.onnx";
    let mut other = fs::read(daemon.folder.path().join(name)).unwrap();
    let middle = other.len() / 2;
    other[middle] ^= 1;
    replace(daemon.folder.path(), name, &other);
    daemon.signal("HUP");
    let line = daemon.expect("reload: ");
    assert!(
        line.contains(name) && line.contains("its SHA-256 is"),
        "{line}"
    );
    assert!(line.ends_with("the current model keeps running"), "{line}");
    assert!(daemon.runs());
    daemon.end();
}

#[test]
fn a_broken_bundle_leaves_the_running_model_in_place() {
    let broker = Broker::start();
    let mut daemon = Daemon::start(&broker.config_toml());
    let folder = daemon.folder.path().to_path_buf();
    let mut all = broken(&folder);
    let large = remade(&folder, |bytes, _| {
        bytes.resize(bytes.len() + (32 << 20), 0)
    });
    all.push((large, "memory.budget_mb: "));
    for (bytes, says) in all {
        replace(&folder, "model.bundle", &bytes);
        daemon.signal("HUP");
        let line = daemon.expect("reload: ");
        assert!(line.contains(says), "{says:?} is not in {line}");
        assert!(line.ends_with("the current model keeps running"), "{line}");
    }
    for (name, says) in [
        (
            "model.bundle",
            "no bundle stands beside it; make one with `goldcrest pack /",
        ),
        ("labels.txt", "labels.txt"),
    ] {
        fs::remove_file(folder.join(name)).unwrap();
        daemon.signal("HUP");
        let line = daemon.expect("reload: ");
        assert!(line.contains(says), "{says:?} is not in {line}");
    }
    // It still classifies and publishes, although its files are gone.
    let subscriber = Subscriber::new(&broker, "goldcrest/test/label");
    subscriber.expect("label");
    subscriber.expect_that("label", |m| !m.retained);
    assert!(daemon.runs());
    daemon.end();
}

#[test]
fn fifty_reloads_leave_the_memory_as_it_was_and_within_the_need() {
    let mut daemon = Daemon::start(QUIET);
    daemon.expect("in all, at most");
    let needed = table(&daemon.log).pop().unwrap().1;
    let mut anonymous = Vec::new();
    let labels = fs::read_to_string(daemon.folder.path().join("labels.txt")).unwrap();
    for turn in 0..50 {
        // Another model each time: the same one would not take the place of itself.
        let renamed = labels.replace(IN_THE_RECORDING, &format!("bottle {}", turn % 2));
        replace(daemon.folder.path(), "labels.txt", renamed.as_bytes());
        daemon.signal("HUP");
        daemon.expect("reload: now running");
        anonymous.push(field(daemon.id(), "RssAnon:").unwrap());
    }
    let peak = field(daemon.id(), "VmHWM:").unwrap() as f64 / 1024.0;
    println!("anonymous after each reload, in KiB: {anonymous:?}; peak {peak:.2} MiB of {needed}");
    // The least of ten, because a sample may catch other threads in the middle of something.
    let (early, late) = (&anonymous[5..15], &anonymous[40..]);
    let least = |some: &[u64]| some.iter().copied().min().unwrap();
    assert!(
        least(late) <= least(early) + 256,
        "it grows with each reload: {anonymous:?}"
    );
    assert!(peak <= needed, "{peak} MiB at the peak of {needed} needed");
    daemon.end();
}

/// Changes the configuration of a running daemon and asks for a reload.
fn reconfigure(daemon: &Daemon, from: &str, to: &str) {
    let path = daemon.folder.path().join("config.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    replace(
        daemon.folder.path(),
        "config.toml",
        text.replace(from, to).as_bytes(),
    );
    daemon.signal("HUP");
}

#[test]
fn a_reload_takes_over_what_can_change_and_names_the_rest() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let mut daemon = Daemon::start(&broker.config_toml());
    let label = subscriber.expect_that("label", |m| m.json()["label"] == IN_THE_RECORDING);
    let since = &label.json()["since"];
    reconfigure(
        &daemon,
        "heartbeat = 0.2\n",
        "heartbeat = 0.2\ntop = 1\n[log]\nlevel = \"debug\"\n[health]\ninterval = 1.0\n",
    );
    let line = daemon.expect("reload: took over ");
    assert!(
        line.ends_with("health.interval, log.level and observe.top"),
        "{line}"
    );
    daemon.expect("the same model as before");
    let label = subscriber.expect_that("label", |m| m.json()["top"].as_array().unwrap().len() == 1);
    assert_eq!(&label.json()["since"], since);
    daemon.expect("DEBUG health: ");
    subscriber.expect("health");

    reconfigure(&daemon, "host = \"127.0.0.1\"", "host = \"localhost\"");
    let line = daemon.expect("reload: ");
    assert!(
        line.ends_with("reload: mqtt.host changes at the next start"),
        "{line}"
    );
    subscriber.expect_that("label", |m| !m.retained);
    daemon.end();
}

#[test]
fn a_label_that_loses_its_support_in_a_reload_is_let_go() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let mut daemon = Daemon::start(&broker.config_toml());
    subscriber.expect_that("event", |m| m.json()["label"] == IN_THE_RECORDING);
    let strict = "heartbeat = 0.2\nthreshold = 1.0\nrelease = 1.0\n";
    reconfigure(&daemon, "heartbeat = 0.2\n", strict);
    daemon.expect("took over observe.release and observe.threshold");
    let event = subscriber.expect("event").json();
    assert_eq!(
        (&event["label"], &event["previous"]),
        (&"unknown".into(), &IN_THE_RECORDING.into())
    );
    assert!(event["score"].is_null(), "{event}");
    daemon.end();
}

#[test]
fn an_invalid_configuration_changes_nothing() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/label");
    let mut daemon = Daemon::start(&broker.config_toml());
    subscriber.expect_that("label", |m| m.json()["label"] == IN_THE_RECORDING);
    for (to, says) in [
        (
            "heartbeat = 0.2\ntop = 1\nthreshold = 7.0",
            "observe.threshold: must be 0 to 1",
        ),
        (
            "heartbeat = 0.2\ntop = 1\nthresold = 0.5",
            "observe.thresold: unknown key",
        ),
        ("heartbeat = ", "not TOML"),
        (
            "heartbeat = 0.2\ntop = 1\n[memory]\nbudget_mb = 16",
            "memory.budget_mb: ",
        ),
    ] {
        let good = fs::read(daemon.folder.path().join("config.toml")).unwrap();
        reconfigure(&daemon, "heartbeat = 0.2", to);
        let line = daemon.expect("reload: ");
        assert!(line.contains(says), "{says:?} is not in {line}");
        replace(daemon.folder.path(), "config.toml", &good);
    }
    let top = |m: &Received| m.json()["top"].as_array().map(Vec::len);
    let late = Subscriber::new(&broker, "goldcrest/test/label");
    late.expect("label");
    assert_eq!(top(&late.expect("label")), Some(3));
    // The running configuration is the old one, so the old file changes nothing.
    daemon.signal("HUP");
    daemon.expect("reload: the configuration is the same as before");
    daemon.end();
}

#[test]
fn a_reload_that_changes_nothing_publishes_nothing() {
    let broker = Broker::start();
    let mut daemon = Daemon::start(&broker.config_toml());
    let first = Subscriber::new(&broker, "goldcrest/test/label");
    first.expect_that("label", |m| m.json()["label"] == IN_THE_RECORDING);
    reconfigure(&daemon, "heartbeat = 0.2", "heartbeat = 3600.0");
    daemon.expect("the same model as before");
    let since = first.expect_that("label", |m| !m.retained).json()["since"].clone();
    std::thread::sleep(Duration::from_millis(500));
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    for _ in 0..3 {
        daemon.signal("HUP");
        daemon.expect("reload: the configuration is the same as before");
        daemon.expect("the same model as before");
    }
    while let Some(message) = subscriber.next(Duration::from_secs(1)) {
        assert!(message.retained, "{message:?}");
        if message.topic.ends_with("/label") {
            assert_eq!(message.json()["since"], since);
        }
    }
    daemon.end();
}

#[test]
fn a_pipe_in_place_of_a_file_does_not_stop_the_daemon() {
    let broker = Broker::start();
    let mut daemon = Daemon::start(&broker.config_toml());
    daemon.expect("connected as");
    for name in ["labels.txt", "config.toml"] {
        let path = daemon.folder.path().join(name);
        fs::remove_file(&path).unwrap();
        let made = Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        daemon.signal("HUP");
        let line = daemon.expect("reload: ");
        assert!(
            line.contains(name) && line.contains("no regular file"),
            "{line}"
        );
    }
    let subscriber = Subscriber::new(&broker, "goldcrest/test/label");
    subscriber.expect_that("label", |m| !m.retained);
    daemon.end();
}
