//! The daemon's messages about itself and its pictures, with a real broker.

use std::fs;
use std::time::Duration;

use crate::support::program::{IN_THE_RECORDING, root};
use crate::support::{Broker, Daemon, Subscriber};
use image::{Rgb, RgbImage};

/// A daemon on `source` that publishes its health once a second.
fn daemon(broker: &Broker, source: &str) -> Daemon {
    let health = "[health]\ninterval = 1.0\n";
    Daemon::on(source, &format!("{health}{}", broker.config_toml()))
}

#[test]
fn a_health_report_has_every_figure_and_is_not_retained() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let _daemon = daemon(
        &broker,
        "kind = \"synthetic\"\n[camera]\nwidth = 320\nheight = 240\nfps = 10.0",
    );
    let camera = subscriber.expect_that("camera", |m| m.json()["state"] == "streaming");
    assert_eq!(camera.json()["picture"], "ok");
    let report = subscriber.expect_that("health", |m| m.json()["frames"].as_u64() > Some(15));
    assert!(!report.retained);
    let report = report.json();
    assert_eq!(report["v"], 1);
    for key in [
        "/time",
        "/uptime_s",
        "/interval_s",
        "/fps",
        "/classified_fps",
        "/classified",
        "/stages_ms/gate/p50",
        "/stages_ms/vision/p95",
        "/stages_ms/infer/p50",
        "/stages_ms/latency/p95",
        "/drops",
        "/memory/rss_mb",
        "/memory/rss_anon_mb",
        "/memory/rss_peak_mb",
        "/memory/heap_bytes",
        "/queue/waiting",
        "/kernel",
        "/model",
    ] {
        assert!(report.pointer(key).is_some(), "{key} is missing: {report}");
    }
    assert_eq!(report["camera"], "streaming");
    let fps = report["fps"].as_f64().unwrap();
    assert!(fps > 1.0 && fps < 20.0, "{report}");
    // The time from capture to publish holds the inference at least.
    let (latency, infer) = (
        &report["stages_ms"]["latency"]["p50"],
        &report["stages_ms"]["infer"]["p50"],
    );
    assert!(latency.as_f64() > infer.as_f64(), "{report}");
}

#[test]
fn a_still_scene_is_published_again_without_an_inference() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let bottle = root().join("tests/recordings/bottles/bottles-30.jpg");
    let source = format!(
        "kind = \"recording\"\npath = {bottle:?}\nat_end = \"loop\"\n[gate]\nmax_interval = 1000.0\nstuck = 1000.0"
    );
    let _daemon = daemon(&broker, &source);
    let still = |report: &serde_json::Value| report["drops"]["still"].as_u64().unwrap_or(0);
    let before = subscriber.expect_that("health", |m| still(&m.json()) > 0);
    let before = before.json();
    // Published again at a heartbeat, without an inference in between.
    let first = subscriber.expect("label").json();
    let again = subscriber
        .expect_that("label", |m| {
            m.json()["seq"].as_u64() > first["seq"].as_u64()
        })
        .json();
    assert_eq!(first["label"], again["label"]);
    let after = subscriber.expect("health").json();
    assert!(still(&after) > still(&before), "{after}");
    assert_eq!(after["classified"], before["classified"]);
    assert_eq!(after["classified_fps"], 0.0);
}

#[test]
fn the_night_is_noticed_and_so_is_its_end() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/camera");
    let folder = tempfile::tempdir().unwrap();
    let film = folder.path().join("film");
    fs::create_dir(&film).unwrap();
    for n in 0..20 {
        let level = if n < 10 { 3 } else { 120 };
        let picture = RgbImage::from_pixel(64, 64, Rgb([level, level, level + n]));
        picture.save(film.join(format!("{n}.png"))).unwrap();
    }
    let source = format!("kind = \"recording\"\npath = {film:?}\nat_end = \"loop\"");
    let _daemon = daemon(&broker, &source);
    for picture in ["dark", "ok", "dark"] {
        subscriber.expect_that("camera", |m| m.json()["picture"] == picture);
    }
    let late = Subscriber::new(&broker, "goldcrest/test/camera").expect("camera");
    assert!(late.retained, "{late:?}");
}

#[test]
fn a_camera_that_repeats_itself_has_no_label() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let bottle = root().join("tests/recordings/bottles/bottles-30.jpg");
    let source = format!(
        "kind = \"recording\"\npath = {bottle:?}\nat_end = \"loop\"\n[gate]\nmax_interval = 1000.0\nstuck = 3.0"
    );
    let _daemon = daemon(&broker, &source);
    subscriber.expect_that("label", |m| m.json()["label"].is_string());
    let camera = subscriber.expect_that("camera", |m| m.json()["picture"] == "stuck");
    assert_eq!(camera.json()["state"], "streaming");
    let stuck = subscriber.expect("label").json();
    assert_eq!((&stuck["label"], &stuck["score"]), (&().into(), &().into()));
    assert_eq!(stuck["reason"], "stuck");
    assert!(
        stuck["seq"].is_u64() && stuck["top"] == serde_json::json!([]),
        "{stuck}"
    );
    // The heartbeat goes on, and no inference is made for a picture that shows nothing new.
    let again = subscriber.expect("label").json();
    assert_eq!(
        (&again["reason"], &again["since"]),
        (&stuck["reason"], &stuck["since"])
    );
    assert!(again["seq"].as_u64() > stuck["seq"].as_u64(), "{again}");
    let classified = || subscriber.expect("health").json()["classified"].clone();
    subscriber.expect("health");
    assert_eq!(classified(), classified());
}

#[test]
fn the_label_is_withdrawn_in_the_dark_and_returns() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let folder = tempfile::tempdir().unwrap();
    let film = folder.path().join("film");
    fs::create_dir(&film).unwrap();
    for n in 0..40 {
        let picture = film.join(format!("{n:02}.png"));
        if n < 20 {
            let bottle = format!("tests/recordings/bottles/bottles-{:02}.jpg", n + 20);
            image::open(root().join(bottle))
                .unwrap()
                .save(picture)
                .unwrap();
        } else {
            let black = RgbImage::from_pixel(64, 64, Rgb([2, 2, (n % 5) as u8]));
            black.save(picture).unwrap();
        }
    }
    let source = format!("kind = \"recording\"\npath = {film:?}\nat_end = \"loop\"");
    let daemon = daemon(&broker, &source);
    subscriber.expect_that("event", |m| m.json()["label"] == IN_THE_RECORDING);
    let events = Subscriber::new(&broker, "goldcrest/test/event");
    for _ in 0..2 {
        let dark = subscriber.expect_that("label", |m| m.json()["label"].is_null());
        assert_eq!(dark.json()["reason"], "dark");
        let back = subscriber.expect_that("label", |m| m.json()["label"].is_string());
        assert_eq!(back.json()["label"], IN_THE_RECORDING);
        assert!(back.json().get("reason").is_none());
    }
    // The same label as before is no event.
    assert_eq!(events.next(Duration::ZERO), None);
    daemon.end();
}

#[test]
fn sigusr1_logs_health_and_the_memory_table() {
    let broker = Broker::start();
    let mut daemon = daemon(&broker, "kind = \"synthetic\"");
    let subscriber = Subscriber::new(&broker, "goldcrest/test/health");
    subscriber.expect("health");
    daemon.expect("in all, at most");
    daemon.signal("USR1");
    let line = daemon.expect("health: ");
    let json = line.split_once("health: ").unwrap().1;
    let report: serde_json::Value = serde_json::from_str(json).unwrap();
    assert!(report["frames"].as_u64() > Some(0), "{report}");
    daemon.expect("memory needed, of 48 MiB allowed:");
    daemon.expect("MQTT");
    daemon.expect("in all, at most");
    // It goes on, and its next message covers a whole interval.
    let interval = subscriber.expect("health").json()["interval_s"].as_f64();
    assert!(interval >= Some(1.0), "{interval:?}");
    assert!(daemon.runs());
    daemon.end();
}
