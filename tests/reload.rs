//! SIGHUP brings in another model between two frames, and a model that is not whole leaves the one that runs in place.

mod support;

use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};
use support::daemon::{Daemon, field, table};
use support::{Broker, Subscriber};

const QUIET: &str = "[mqtt]\nenabled = false\n";
const PAGE: usize = 4096;

/// Puts `bytes` in the place of the file `name`, as packing does: under another name first.
fn replace(folder: &Path, name: &str, bytes: &[u8]) {
    let part = folder.join("part");
    fs::write(&part, bytes).unwrap();
    fs::rename(part, folder.join(name)).unwrap();
}

/// The daemon's bundle, changed: `change` gets its arrays and its manifest. The head is made to fit.
fn remade(folder: &Path, change: impl FnOnce(&mut Vec<u8>, &mut String)) -> Vec<u8> {
    let mut bytes = fs::read(folder.join("model.bundle")).unwrap();
    let at = u64::from_le_bytes(bytes[24..32].try_into().unwrap()) as usize;
    let mut manifest = String::from_utf8(bytes.split_off(at)).unwrap();
    change(&mut bytes, &mut manifest);
    let at = bytes.len() as u64;
    bytes.extend_from_slice(manifest.as_bytes());
    let length = bytes.len() as u64;
    let crc = crc32fast::hash(&bytes[PAGE..]);
    let sha256 = Sha256::digest(&bytes[PAGE..]);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    bytes[16..24].copy_from_slice(&length.to_le_bytes());
    bytes[24..32].copy_from_slice(&at.to_le_bytes());
    bytes[32..64].copy_from_slice(&sha256);
    let head = crc32fast::hash(&bytes[..64]);
    bytes[64..68].copy_from_slice(&head.to_le_bytes());
    bytes
}

#[test]
fn a_reload_brings_in_the_labels_that_stand_beside_the_model() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let mut daemon = Daemon::start(&broker.config_toml());
    subscriber.expect_that("label", |m| m.json()["label"] == "pop bottle");
    let labels = fs::read_to_string(daemon.folder.path().join("labels.txt")).unwrap();
    let renamed = labels.replace("pop bottle", "lemonade");
    assert_ne!(labels, renamed);
    replace(daemon.folder.path(), "labels.txt", renamed.as_bytes());
    daemon.signal("HUP");
    daemon.expect("labels runs now");
    subscriber.expect_that("label", |m| m.json()["label"] == "lemonade");
    daemon.end();
}

#[test]
fn a_bundle_that_is_not_whole_leaves_the_model_that_runs_in_place() {
    let broker = Broker::start();
    let mut daemon = Daemon::start(&broker.config_toml());
    let folder = daemon.folder.path().to_path_buf();
    let bundle = folder.join("model.bundle");
    let good = fs::read(&bundle).unwrap();
    let middle = good.len() / 2;
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    // Damage that the checksum does not see, for it was made anew: the SHA-256 is that of other bytes.
    let forged = {
        let mut bytes = remade(&folder, |_, _| {});
        assert_eq!(bytes, good, "the head is made as packing makes it");
        bytes[40] ^= 1;
        let head = crc32fast::hash(&bytes[..64]);
        bytes[64..68].copy_from_slice(&head.to_le_bytes());
        bytes
    };
    // A weight more, and all sums right: only the golden input tells.
    let untrue = remade(&folder, |bytes, _| bytes[middle] ^= 0x40);
    let older = {
        let mut bytes = good.clone();
        bytes[8] = 0;
        bytes
    };
    let large = remade(&folder, |bytes, _| {
        bytes.resize(bytes.len() + (32 << 20), 0)
    });
    for (bytes, says) in [
        (flipped(middle), "its checksum is wrong"),
        (forged, "its SHA-256 is wrong"),
        (untrue, "do not give the logits that were stored"),
        (good[..middle].to_vec(), "bytes instead of"),
        (b"no bundle".to_vec(), "it is not a bundle of Goldcrest's"),
        (older, "it is a bundle of form 0"),
        (large, "memory.budget_mb: "),
    ] {
        replace(&folder, "model.bundle", &bytes);
        daemon.signal("HUP");
        let line = daemon.expect("reload: ");
        assert!(line.contains(says), "{says:?} is not in {line}");
        assert!(line.ends_with("the model that runs stays"), "{line}");
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
    // It still looks and speaks: nothing of what it runs from is there any more.
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
        daemon.expect("labels runs now");
        anonymous.push(field(daemon.id(), "RssAnon:").unwrap());
    }
    let peak = field(daemon.id(), "VmHWM:").unwrap() as f64 / 1024.0;
    println!("anonymous after each reload, in KiB: {anonymous:?}; peak {peak:.2} MiB of {needed}");
    let (early, late) = (&anonymous[5..10], &anonymous[45..]);
    let most = |some: &[u64]| some.iter().copied().max().unwrap();
    assert!(
        most(late) <= most(early) + 256,
        "it grows with each reload: {anonymous:?}"
    );
    assert!(peak <= needed, "{peak} MiB at the peak of {needed} needed");
    daemon.end();
}
