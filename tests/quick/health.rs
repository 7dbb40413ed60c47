//! What the daemon says of itself and of the pictures, against a real broker.

use std::fs;

use crate::support::program::root;
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
        "kind = \"recording\"\npath = {bottle:?}\nat_end = \"loop\"\n[gate]\nmax_interval = 1000.0\nstuck = 3.0"
    );
    let _daemon = daemon(&broker, &source);
    let camera = subscriber.expect_that("camera", |m| m.json()["picture"] == "stuck");
    assert_eq!(camera.json()["state"], "streaming");
    let before = subscriber.expect("health").json();
    let still = |report: &serde_json::Value| report["drops"]["still"].as_u64().unwrap_or(0);
    assert!(still(&before) > 0, "{before}");
    // Said again after a second, with no inference in between.
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
