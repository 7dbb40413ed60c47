//! Pictures of events, as a subscriber sees them.

use image::RgbImage;
use sha2::{Digest, Sha256};

use crate::support::daemon::{CHANGING, changing, numbered};
use crate::support::{Broker, Daemon, Received, Subscriber};

/// A daemon that takes pictures of a recording which changes twice a round; the left quarter is
/// masked. `more` are lines of `[snapshot]`.
fn daemon(broker: &Broker, folder: &std::path::Path, more: &str) -> Daemon {
    let masked = "[vision]\nmasks = [[0, 0, 0.25, 1]]\n";
    let snapshot = format!("[snapshot]\nenabled = true\n{more}\n");
    let more = format!("{CHANGING}{masked}{snapshot}{}", broker.config_toml());
    Daemon::on(&changing(folder), &more)
}

/// The picture, after a look at what its message on `snapshot/info` tells about the file.
fn decoded(info: &serde_json::Value, picture: &Received) -> RgbImage {
    let sha256 = format!("{:x}", Sha256::digest(&picture.bytes));
    assert_eq!(info["sha256"], sha256.as_str(), "{info}");
    assert_eq!(info["bytes"], picture.bytes.len(), "{info}");
    let decoded = image::load_from_memory(&picture.bytes).unwrap().to_rgb8();
    assert_eq!(info["width"], decoded.width(), "{info}");
    assert_eq!(info["height"], decoded.height(), "{info}");
    decoded
}

#[test]
fn each_event_has_the_picture_of_its_frame_masked() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let folder = tempfile::tempdir().unwrap();
    let _daemon = daemon(&broker, folder.path(), "longest_side = 320");
    for _ in 0..3 {
        let event = subscriber.expect("event").json();
        let info = subscriber.expect("info").json();
        let picture = subscriber.expect("snapshot");
        assert!(!picture.retained);
        assert_eq!((&info["v"], &info["command"]), (&1.into(), &false.into()));
        for key in ["event", "label", "seq", "captured"] {
            assert_eq!(info[key], event[key], "{info}");
        }
        let picture = decoded(&info, &picture);
        assert_eq!(picture.dimensions(), (320, 180));
        // The frame that decided, and no other.
        let level = picture.get_pixel(305, 90).0[0];
        let seq = event["seq"].as_u64().unwrap();
        assert_eq!(numbered(level), seq % 20, "level {level}: {event}");
        let hidden = |x: u32| (0..180).all(|y| picture.get_pixel(x, y).0.iter().all(|&v| v < 16));
        assert!((0..76).all(hidden), "something shows under the mask");
        assert!(!(84..320).any(hidden), "more is black than the mask hides");
    }
}

#[test]
fn a_picture_keeps_its_bound_and_is_retained_if_configured() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let folder = tempfile::tempdir().unwrap();
    let daemon = daemon(&broker, folder.path(), "max_bytes = 5000\nretain = true");
    let info = subscriber.expect("info").json();
    let picture = subscriber.expect("snapshot");
    assert!(picture.bytes.len() <= 5000, "{info}");
    decoded(&info, &picture);
    daemon.end();
    let late = Subscriber::new(&broker, "goldcrest/test/snapshot/#");
    let (mut info, mut picture) = (None, None);
    while info.is_none() || picture.is_none() {
        let message = late
            .next(crate::support::PATIENCE)
            .expect("both are retained");
        assert!(message.retained);
        if message.topic.ends_with("/info") {
            info = Some(message.json());
        } else {
            picture = Some(message);
        }
    }
    decoded(&info.unwrap(), &picture.unwrap());
}

#[test]
fn a_picture_that_cannot_fit_is_counted() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let folder = tempfile::tempdir().unwrap();
    // No size that is tried of a picture this large fits into so few bytes.
    let large = "longest_side = 3840\nquality = 95\nmax_bytes = 4096\n[health]\ninterval = 1.0\n\
                 [memory]\nbudget_mb = 90";
    for n in 0..2 {
        let path = folder.path().join(format!("{n}.png"));
        let noise = |x: u32, y: u32| {
            let mixed = (x * 7919 + y * 104_729 + n).wrapping_mul(2_654_435_761);
            image::Rgb([(mixed >> 24) as u8, (mixed >> 16) as u8, (mixed >> 8) as u8])
        };
        RgbImage::from_fn(1280, 960, noise).save(path).unwrap();
    }
    let source = format!(
        "kind = \"recording\"\nat_end = \"loop\"\npath = {:?}\n",
        folder.path()
    );
    let more = format!(
        "[snapshot]\nenabled = true\n{large}\n{}",
        broker.config_toml()
    );
    let mut daemon = Daemon::on(&source, &more);
    daemon.expect("no snapshot: frame");
    let health = subscriber.expect_that("health", |m| m.json()["drops"]["snapshot"].is_u64());
    assert!(health.json()["drops"]["snapshot"].as_u64() >= Some(1));
}

#[test]
fn without_snapshots_there_are_none() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let folder = tempfile::tempdir().unwrap();
    let more = format!("{CHANGING}{}", broker.config_toml());
    let _daemon = Daemon::on(&changing(folder.path()), &more);
    for _ in 0..2 {
        subscriber.expect("event");
    }
    while let Some(message) = subscriber.next(std::time::Duration::ZERO) {
        assert!(!message.topic.contains("snapshot"), "{message:?}");
    }
}
