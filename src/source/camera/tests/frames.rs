//! Frames that are not whole or not new, and which of the good ones is used.

use std::time::Duration;

use super::bench::{Bench, SECOND, TIMEOUT_AND_ONE, plain};
use super::fake::{Call, Fake, Sent};
use crate::frame::PixelFormat;
use crate::source::camera::{Config, Format};
use crate::source::{Cause, Source};

#[test]
fn fault_02_a_frame_is_cut_to_what_the_driver_wrote() {
    let mut bench = Bench::webcam();
    bench.fake.webcam(|camera| {
        camera.adjust = Box::new(|picture| picture.size_image = 1 << 20);
        camera.film = Box::new(|sequence| Sent {
            error: sequence % 2 == 0,
            ..Sent::raw(sequence, 640 * 480 * 2)
        });
    });
    for _ in 0..5 {
        bench.frame_within(SECOND);
        assert_eq!(bench.frame.data.len(), 640 * 480 * 2);
        assert_eq!(bench.frame.data[0] % 2, 1);
    }
    assert_eq!(bench.counters().bad.of("damaged"), 5);
    assert_eq!(bench.counters().delivered, 5);
}

/// What begins and ends as a JPEG picture of so many bytes, and is padded.
pub(super) fn jpeg(length: usize, padding: usize) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xdb];
    bytes.resize(length - 2, 7);
    bytes.extend([0xff, 0xd9]);
    bytes.resize(length + padding, 0);
    bytes
}

fn mjpg() -> Config {
    Config {
        format: Format::Mjpg,
        ..plain()
    }
}

#[test]
fn fault_05_cut_jpegs_are_counted_and_padding_is_trimmed() {
    let mut bench = Bench::new(Fake::with_webcam(), mjpg());
    bench.fake.webcam(|camera| {
        camera.film = Box::new(|sequence| {
            let mut bytes = jpeg(5000, 300);
            match sequence % 3 {
                0 => bytes.truncate(2500),
                1 => bytes[0] = 0,
                _ => {}
            }
            Sent {
                bytes,
                ..Sent::raw(sequence, 0)
            }
        });
    });
    for _ in 0..4 {
        bench.frame_within(SECOND);
        assert_eq!(bench.frame.format, PixelFormat::Jpeg);
        assert_eq!(*bench.frame.data, jpeg(5000, 0));
    }
    assert_eq!(bench.counters().bad.of("truncated"), 8);
}

#[test]
fn fault_05_a_camera_that_sends_only_broken_frames_is_lost() {
    let mut bench = Bench::new(Fake::with_webcam(), mjpg());
    bench.fake.webcam(|camera| {
        camera.film = Box::new(|sequence| Sent {
            bytes: jpeg(5000, 0)[..4000].to_vec(),
            ..Sent::raw(sequence, 0)
        });
    });
    bench.run(TIMEOUT_AND_ONE);
    assert_eq!(bench.cause(), Cause::Corrupt);
    assert!(bench.message().contains("truncated"), "{}", bench.message());
    bench.fake.webcam(|camera| {
        camera.film = Box::new(|sequence| Sent {
            bytes: jpeg(5000, 0),
            ..Sent::raw(sequence, 0)
        });
    });
    bench.frame_within(3 * SECOND);
}

#[test]
fn fault_05_short_and_empty_raw_frames_are_counted() {
    let mut bench = Bench::webcam();
    bench.fake.webcam(|camera| {
        camera.film = Box::new(|sequence| {
            let whole = 640 * 480 * 2;
            Sent::raw(sequence, [whole, whole - 1, 0][sequence as usize % 3])
        });
    });
    for _ in 0..4 {
        bench.frame_within(SECOND);
        assert_eq!(bench.frame.data.len(), 640 * 480 * 2);
    }
    let bad = bench.counters().bad;
    assert_eq!((bad.of("short"), bad.of("empty")), (3, 3));
    assert_eq!(bench.camera.passed_over().total(), 6);
}

#[test]
fn fault_06_the_first_frames_after_each_open_are_passed_over() {
    let config = Config {
        skip: 4,
        ..Config::default()
    };
    let mut bench = Bench::new(Fake::with_webcam(), config);
    bench.frame_within(SECOND);
    assert_eq!((bench.frame.data[0], bench.frame.seq), (4, 4));
    bench.fake.fail(Call::Dequeue, libc::EIO, 1);
    bench.lost_within(SECOND);
    bench.frame_within(2 * SECOND);
    assert_eq!(bench.frame.data[0], 4);
    assert_eq!(bench.counters().skipped, 8);
}

#[test]
fn fault_07_a_jpeg_without_huffman_tables_is_passed_on_whole() {
    // The decoder adds the tables; the camera must not take the frame for a broken one.
    let mut bench = Bench::new(Fake::with_webcam(), mjpg());
    bench.fake.webcam(|camera| {
        camera.film = Box::new(|sequence| Sent {
            bytes: jpeg(900, 0),
            ..Sent::raw(sequence, 0)
        });
    });
    bench.frame_within(SECOND);
    let has_tables = bench.frame.data.windows(2).any(|m| m == [0xff, 0xc4]);
    assert!(!has_tables);
    assert_eq!(*bench.frame.data, jpeg(900, 0));
}

#[test]
fn the_newest_frame_wins_and_the_others_are_counted() {
    let mut bench = Bench::webcam();
    bench.frame_within(SECOND);
    for _ in 0..10 {
        // Inference that takes five frames, and keeps none.
        bench.frame.data.give_back();
        bench.fake.world().now += Duration::from_millis(500);
        bench.frame_within(SECOND);
        // Three buffers: the third after the last look is the newest that found one.
        let age = bench.now() - Duration::from_secs(3600) - bench.frame.captured.elapsed;
        assert!(age <= Duration::from_millis(300), "{age:?}");
    }
    let counters = bench.counters();
    assert_eq!(counters.replaced, 20);
    assert!(counters.missed >= 18, "{counters:?}");
    assert_eq!(counters.delivered, 11);
    let all = counters.delivered + counters.replaced + counters.missed;
    assert_eq!(bench.frame.seq + 1, all);
}

#[test]
fn frames_that_come_twice_or_out_of_time_are_counted() {
    let mut bench = Bench::webcam();
    let base = Duration::from_secs(3600);
    bench.fake.webcam(|camera| {
        camera.film = Box::new(move |sequence| {
            let sent = Sent::raw(sequence, 640 * 480 * 2);
            let time = |tenths: u32| Some(base + Duration::from_millis(100) * tenths);
            match sequence {
                3 => Sent {
                    timestamp: time(3),
                    ..Sent::raw(2, 640 * 480 * 2)
                },
                5 => Sent {
                    timestamp: time(2),
                    ..sent
                },
                _ => sent,
            }
        });
    });
    bench.run(SECOND);
    let bad = bench.counters().bad;
    assert_eq!((bad.of("duplicate"), bad.of("stale")), (1, 1));
}

#[test]
fn a_clock_that_is_not_the_systems_is_not_trusted_for_ever() {
    let mut bench = Bench::webcam();
    bench.fake.webcam(|camera| {
        camera.film = Box::new(|sequence| Sent {
            timestamp: Some(Duration::from_secs(5 + u64::from(sequence))),
            ..Sent::raw(sequence, 640 * 480 * 2)
        });
    });
    bench.frame_within(TIMEOUT_AND_ONE);
    let age = bench.now() - Duration::from_secs(3600) - bench.frame.captured.elapsed;
    assert_eq!(age, Duration::ZERO);
    bench.run(10 * SECOND);
    assert_eq!(bench.camera.status().losses, 0);
}

#[test]
fn a_faster_camera_is_slowed_to_the_rate_asked_for() {
    let mut bench = Bench::webcam();
    bench.fake.webcam(|camera| camera.rates = vec![30]);
    bench.run(10 * SECOND);
    let counters = bench.counters();
    assert!((95..=105).contains(&counters.delivered), "{counters:?}");
    assert!(counters.beyond_rate > 180, "{counters:?}");
}

#[test]
fn the_capture_time_is_the_kernels() {
    let mut bench = Bench::webcam();
    bench.frame_within(SECOND);
    assert_eq!(
        bench.frame.captured.elapsed,
        Duration::from_millis(100),
        "one interval after the start"
    );
}
