//! The service's hardening: its score, and what the daemon calls beside what its filter allows.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::everything::Everything;
use crate::support::program::{root, signal};
use crate::support::{Broker, PATIENCE, Subscriber, wait_for};

/// The exposure that the service may have, in tenths.
const MOST: &str = "15";

fn analyze(arguments: &[&str]) -> (bool, String) {
    let output = Command::new("systemd-analyze")
        .args(arguments)
        .output()
        .expect("this test needs systemd-analyze: sudo apt-get install systemd");
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.success(), text)
}

#[test]
fn the_service_is_exposed_to_1_5_of_10_at_most() {
    let unit = root().join("systemd/goldcrest.service");
    let unit = unit.to_str().unwrap();
    let threshold = format!("--threshold={MOST}");
    let (within, report) = analyze(&["security", "--offline=true", "--no-pager", &threshold, unit]);
    assert!(report.contains("Overall exposure level"), "{report}");
    assert!(within, "{report}");
}

/// The system calls of a group and of those in it.
fn group(name: &str) -> BTreeSet<String> {
    let (known, text) = analyze(&["syscall-filter", "--no-pager", name]);
    assert!(known, "{name}");
    let words = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'));
    let mut calls = BTreeSet::new();
    for word in words.skip(1).filter(|word| !word.is_empty()) {
        match word.starts_with('@') {
            true => calls.extend(group(word)),
            false => drop(calls.insert(word.to_string())),
        }
    }
    calls
}

/// What the service may call, by its unit.
fn allowed() -> BTreeSet<String> {
    let unit = fs::read_to_string(root().join("systemd/goldcrest.service")).unwrap();
    let mut allowed = BTreeSet::new();
    for line in unit.lines() {
        let Some(list) = line.strip_prefix("SystemCallFilter=") else {
            continue;
        };
        let refused = list.strip_prefix('~');
        for name in refused.unwrap_or(list).split_whitespace() {
            let calls = match name.starts_with('@') {
                true => group(name),
                false => BTreeSet::from([name.to_string()]),
            };
            match refused {
                Some(_) => allowed.retain(|call| !calls.contains(call)),
                None => allowed.extend(calls),
            }
        }
    }
    allowed
}

/// The only child of a process.
fn child(id: u32) -> Option<u32> {
    let list = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).ok()?;
    list.split_whitespace().next()?.parse().ok()
}

#[test]
fn the_service_calls_nothing_that_its_filter_refuses() {
    let broker = Broker::start();
    let everything = Everything::new(&broker);
    let counts = everything.config.with_file_name("calls");
    let on = |topic: &str| Subscriber::new(&broker, &format!("goldcrest/test/{topic}"));
    let (label, health, answers) = (on("label"), on("health"), on("response/+"));
    let mut traced = Command::new("strace")
        .args(["-f", "-c", "-o"])
        .arg(&counts)
        .args([env!("CARGO_BIN_EXE_goldcrest"), "run", "--config"])
        .arg(&everything.config)
        .current_dir(root())
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("this test needs strace: sudo apt-get install strace");
    label.expect_that("label", |m| !m.json()["label"].is_null());
    for (command, payload) in [
        ("teach", "bottle"),
        ("snapshot", ""),
        ("threshold", "0.4"),
        ("health", ""),
    ] {
        broker.send(&format!("goldcrest/test/command/{command}"), payload);
        answers.expect(command);
    }
    let daemon = child(traced.id()).expect("strace runs it");
    for name in ["HUP", "USR1"] {
        signal(daemon, name);
        std::thread::sleep(Duration::from_millis(500));
    }
    health.expect("health");
    signal(daemon, "TERM");
    let ended = || traced.try_wait().unwrap().is_some();
    assert!(wait_for(PATIENCE, ended));
    let table = fs::read_to_string(&counts).unwrap();
    // Share, seconds, microseconds a call, calls, errors if there are any, name.
    let rows = table.lines().filter(|line| {
        let first = line.split_whitespace().next();
        first.is_some_and(|share| share.parse::<f64>().is_ok()) && !line.ends_with("total")
    });
    let called: BTreeSet<_> = rows
        .map(|row| row.split_whitespace().next_back().unwrap())
        .collect();
    assert!(called.len() > 30, "{table}");
    let allowed = allowed();
    // strace's own start of the program.
    let refused: Vec<_> = called
        .iter()
        .filter(|call| !allowed.contains(**call))
        .collect();
    assert!(refused.is_empty(), "{refused:?} of {called:?}");
}
