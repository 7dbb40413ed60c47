//! SIGHUP loads another model between two frames; if the new one is broken, the current one keeps
//! running.

use std::fs;

use crate::support::bundle::{broken, remade, replace};
use crate::support::daemon::table;
use crate::support::program::{IN_THE_RECORDING, field};
use crate::support::{Broker, Daemon, Subscriber};

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
        ("model.bundle", "make one with `goldcrest pack`"),
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
    for _ in 0..50 {
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
