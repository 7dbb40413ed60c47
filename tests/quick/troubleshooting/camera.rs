//! Faults of a camera that need none.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use image::{Rgb, RgbImage};

use super::bench::{Bench, Outcome, as_nobody, is_root};
use super::{Case, compare};
use crate::support::Daemon;

pub(super) const CASES: [Case; 9] = [
    Case {
        row: "no camera is there: plug one in, or name it with `device`",
        cause: |bench| match has_camera() {
            true => Outcome::Skipped("this machine has a camera"),
            false => bench.check("[camera]\ndevice = \"auto\"\n"),
        },
    },
    Case {
        row: "… is not there: plug the camera in, or name another with `device`",
        cause: |bench| bench.check("[camera]\ndevice = \"/dev/video99\"\n"),
    },
    Case {
        row: "no camera is called \"…\"; …",
        cause: |bench| bench.check("[camera]\ndevice = \"Nobody's Camera\"\n"),
    },
    Case {
        row: "… may not be opened by this user: add the user to the group `video`, or in a systemd unit set SupplementaryGroups=video and DeviceAllow=char-81 rw",
        cause: |bench| match node(bench) {
            Some(node) => {
                let check = bench.checking(&format!("[camera]\ndevice = {node:?}\n"));
                as_nobody(&check)
            }
            None => Outcome::Skipped("only root can make a device's node"),
        },
    },
    Case {
        row: "… went away (open)",
        cause: |bench| match node(bench) {
            Some(node) => bench.check(&format!("[camera]\ndevice = {node:?}\n")),
            None => Outcome::Skipped("only root can make a device's node"),
        },
    },
    Case {
        row: "… is no camera (open)",
        cause: |bench| {
            let file = bench.file("no-camera", "");
            bench.check(&format!("[camera]\ndevice = {file:?}\n"))
        },
    },
    Case {
        row: "camera lost: …",
        cause: |_| {
            let daemon = Daemon::on(
                "kind = \"camera\"\n[camera]\ndevice = \"/dev/video99\"\n",
                "[mqtt]\nenabled = false\n",
            );
            told_by(daemon, "camera lost")
        },
    },
    Case {
        row: "frame …: the camera repeats the same picture: unplug it and plug it in again",
        cause: |bench| told_by(still(bench, "still.png", 120), "repeats the same picture"),
    },
    Case {
        row: "frame …: pictures are all dark: night, or a covered lens",
        cause: |bench| told_by(still(bench, "dark.png", 2), "all dark"),
    },
];

/// The line of a daemon's log that has these words.
fn told_by(mut daemon: Daemon, words: &str) -> Outcome {
    let line = daemon.expect(words);
    daemon.end();
    Outcome::Printed(line)
}

/// A daemon that sees one picture of this brightness for ever.
fn still(bench: &Bench, name: &str, level: u8) -> Daemon {
    let path = bench.at(name);
    RgbImage::from_pixel(64, 64, Rgb([level; 3]))
        .save(&path)
        .unwrap();
    let source = format!("kind = \"recording\"\nat_end = \"loop\"\npath = {path:?}\n");
    Daemon::on(&source, "[gate]\nstuck = 1.0\n[mqtt]\nenabled = false\n")
}

fn has_camera() -> bool {
    (0..64).any(|n| Path::new(&format!("/dev/video{n}")).exists())
}

/// A camera's node, without a driver behind it, that only root may open.
fn node(bench: &Bench) -> Option<String> {
    let node = bench.text("video0");
    if is_root() && !Path::new(&node).exists() {
        let made = Command::new("mknod")
            .args(["-m", "600", &node, "c", "81", "250"])
            .status();
        assert!(made.unwrap().success());
    }
    is_root().then_some(node)
}

#[test]
fn each_fault_of_a_camera_is_on_the_page() {
    compare(&CASES);
}

#[test]
fn a_camera_without_a_frame_ends_no_daemon() {
    // The page says that the service waits for the camera.
    let source = "kind = \"camera\"\n[camera]\ndevice = \"/dev/video99\"\n";
    let mut daemon = Daemon::on(source, "[mqtt]\nenabled = false\n");
    daemon.expect("camera lost: /dev/video99 is not there");
    std::thread::sleep(Duration::from_millis(1500));
    assert!(daemon.runs());
    daemon.end();
}
