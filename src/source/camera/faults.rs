//! What cameras do wrong, each way by its name: what is said, what is counted, and that pictures come back.

use std::sync::Arc;
use std::time::Duration;

use v4l::FourCC;
use v4l::v4l_sys as sys;

use super::config::ControlValue;
use super::fake::{Call, Fake, FakeCamera, Sent, WEBCAM};
use super::system::{Control, System};
use super::*;
use crate::frame::{Frame, Matrix, PixelFormat};
use crate::source::{Next, Source};

struct Bench {
    fake: Fake,
    camera: Camera,
    frame: Frame,
}

impl Bench {
    fn new(fake: Fake, config: Config) -> Self {
        let camera = Camera::on(Arc::new(fake.clone()), config);
        Self {
            fake,
            camera,
            frame: Frame::empty(),
        }
    }

    fn webcam() -> Self {
        Self::new(Fake::with_webcam(), plain())
    }

    fn step(&mut self) -> bool {
        match self.camera.next(&mut self.frame).unwrap() {
            Next::Frame => true,
            Next::Idle => false,
            Next::End => panic!("a camera never ends"),
        }
    }

    fn now(&self) -> Duration {
        self.fake.now()
    }

    /// Steps until a frame comes; gives the time that it took.
    fn frame_within(&mut self, limit: Duration) -> Duration {
        let begin = self.now();
        while !self.step() {
            let waited = self.now() - begin;
            assert!(waited < limit, "no frame, {:?}", self.camera.status());
        }
        assert_eq!(self.camera.status().state, State::Streaming);
        assert_eq!(self.camera.status().loss, None);
        self.now() - begin
    }

    /// Steps until the camera is lost; gives the cause and the time that it took.
    fn lost_within(&mut self, limit: Duration) -> (Cause, Duration) {
        let begin = self.now();
        loop {
            let came = self.step();
            if self.camera.status().state == State::Lost {
                assert!(!came);
                return (self.cause(), self.now() - begin);
            }
            assert!(self.now() - begin < limit, "it still streams");
        }
    }

    fn cause(&self) -> Cause {
        self.camera.status().loss.as_ref().unwrap().cause
    }

    fn message(&self) -> String {
        self.camera.status().loss.as_ref().unwrap().message.clone()
    }

    fn counters(&self) -> Counters {
        self.camera.status().counters.clone()
    }

    /// Steps for so long.
    fn run(&mut self, time: Duration) {
        let end = self.now() + time;
        while self.now() < end {
            self.step();
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.fake.world().queued_twice, 0);
        }
    }
}

fn plain() -> Config {
    Config {
        skip: 0,
        ..Config::default()
    }
}

const SECOND: Duration = Duration::from_secs(1);
const TIMEOUT_AND_ONE: Duration = Duration::from_secs(4);

#[test]
fn fault_01_after_a_timeout_no_buffer_of_the_kernel_is_queued_and_pictures_come_back() {
    let mut bench = Bench::webcam();
    bench.frame_within(SECOND);
    bench.fake.webcam(|camera| camera.silent = true);
    // Silence shorter than the time-out: nothing is lost, nothing queued anew.
    bench.run(2 * SECOND);
    assert_eq!(bench.camera.status().state, State::Streaming);
    bench.fake.webcam(|camera| camera.silent = false);
    bench.frame_within(SECOND);
    assert_eq!(bench.camera.status().opens, 1);
    assert_eq!(bench.fake.world().queued_twice, 0);
}

#[test]
fn fault_02_a_stop_that_fails_with_any_errno_is_survived_and_frees_everything() {
    for errno in [libc::EIO, libc::ENODEV, libc::EINVAL, libc::EPIPE] {
        let mut bench = Bench::webcam();
        bench.frame_within(SECOND);
        bench.fake.fail(Call::StreamOff, errno, 1);
        bench.fake.fail(Call::RequestBuffers, errno, 1);
        let fake = bench.fake.clone();
        drop(bench);
        assert_eq!(fake.world().descriptors, 0);
        assert_eq!(fake.world().mappings, 0);
        assert!(fake.world().fail.values().all(|left| left.is_empty()));
    }
}

#[test]
fn fault_02_a_frame_is_cut_to_what_the_driver_wrote_and_the_error_flag_is_heeded() {
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

#[test]
fn fault_03_an_unplugged_camera_is_lost_at_once_and_comes_back() {
    let mut bench = Bench::webcam();
    bench.frame_within(SECOND);
    let camera = bench.fake.world().cameras.remove(0);
    let (cause, time) = bench.lost_within(SECOND);
    assert_eq!(cause, Cause::Unplugged);
    assert!(time <= Duration::from_millis(250), "{time:?}");
    bench.run(30 * SECOND);
    assert_eq!(bench.cause(), Cause::NotFound);
    assert_eq!(bench.camera.status().losses, 1);
    bench.fake.world().cameras.push(camera);
    // The longest pause between attempts, and the first frame.
    bench.frame_within(11 * SECOND);
}

#[test]
fn fault_03_a_driver_that_hangs_in_stop_does_not_hang_the_daemon() {
    let mut bench = Bench::webcam();
    bench.frame_within(SECOND);
    bench.fake.freeze(true);
    bench.fake.webcam(|camera| camera.silent = true);
    let (cause, time) = bench.lost_within(TIMEOUT_AND_ONE);
    assert_eq!(cause, Cause::Timeout);
    assert!(time <= TIMEOUT_AND_ONE);
    bench.run(20 * SECOND);
    assert_eq!(bench.cause(), Cause::Stopping);
    // Nothing is opened, and no second thread waits, while the first one hangs.
    assert_eq!(bench.camera.status().opens, 1);
    assert_eq!(bench.fake.world().descriptors, 1);
    bench.fake.webcam(|camera| camera.silent = false);
    bench.fake.freeze(false);
    // The thread that hung needs real time to end.
    while bench.fake.world().descriptors > 0 {
        std::thread::yield_now();
    }
    bench.frame_within(11 * SECOND);
    assert_eq!(bench.camera.status().opens, 2);
}

#[test]
fn fault_04_a_camera_that_comes_back_under_another_number_is_found_by_its_name() {
    let fake = Fake::with_webcam();
    let by_id = "/dev/v4l/by-id/usb-Test_Webcam-video-index0";
    fake.webcam(|camera| camera.node.links = vec![by_id.into()]);
    for device in [
        "usb-Test_Webcam-video-index0",
        "test webcam",
        "webcam",
        "auto",
    ] {
        let config = Config {
            device: device.into(),
            ..plain()
        };
        let mut bench = Bench::new(fake.clone(), config);
        bench.fake.webcam(|camera| camera.node.path = WEBCAM.into());
        bench.frame_within(SECOND);
        assert_eq!(bench.camera.status().device.as_deref(), Some(WEBCAM));
        bench
            .fake
            .webcam(|camera| camera.node.path = "/dev/video7".into());
        assert_eq!(bench.lost_within(SECOND).0, Cause::Unplugged);
        bench.frame_within(SECOND);
        assert_eq!(bench.camera.status().device.as_deref(), Some("/dev/video7"));
    }
}

#[test]
fn fault_04_a_metadata_node_is_refused_and_the_right_one_named() {
    let fake = Fake::with_webcam();
    let mut metadata = FakeCamera::webcam("/dev/video1");
    metadata.capability.flags = sys::V4L2_CAP_META_CAPTURE | sys::V4L2_CAP_STREAMING;
    fake.world().cameras.push(metadata);
    let config = Config {
        device: "1".into(),
        ..plain()
    };
    let mut bench = Bench::new(fake, config);
    bench.step();
    assert_eq!(bench.cause(), Cause::NotCamera);
    let message = bench.message();
    assert_eq!(
        message,
        "/dev/video1 carries metadata, not pictures; use /dev/video0 (Test Webcam)"
    );
}

#[test]
fn fault_04_a_name_that_fits_two_cameras_or_none_is_said() {
    let fake = Fake::with_webcam();
    let mut second = FakeCamera::webcam("/dev/video2");
    second.capability.bus = "usb-2".into();
    fake.world().cameras.push(second);
    let named = |device: &str| Config {
        device: device.into(),
        ..plain()
    };
    let mut bench = Bench::new(fake.clone(), named("Test Webcam"));
    bench.step();
    assert_eq!(bench.cause(), Cause::Ambiguous);
    assert!(bench.message().contains("/dev/video0") && bench.message().contains("/dev/video2"));
    let mut bench = Bench::new(fake, named("C920"));
    bench.step();
    assert_eq!(bench.cause(), Cause::NotFound);
    assert!(bench.message().contains("Test Webcam (/dev/video0)"));
}

fn jpeg(length: usize, padding: usize) -> Vec<u8> {
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
fn fault_05_cut_jpeg_frames_are_counted_and_padded_ones_are_trimmed() {
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
        assert_eq!(bench.frame.data, jpeg(5000, 0));
    }
    assert_eq!(bench.counters().bad.of("truncated"), 8);
}

#[test]
fn fault_05_a_camera_that_sends_only_broken_frames_is_lost_and_opened_again() {
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
fn fault_05_raw_frames_that_are_too_short_or_empty_are_counted() {
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
    assert_eq!(bench.frame.data, jpeg(900, 0));
}

#[test]
fn fault_08_a_silent_camera_is_lost_in_time_and_opened_again_with_growing_pauses() {
    let mut bench = Bench::webcam();
    bench.frame_within(SECOND);
    bench.fake.webcam(|camera| camera.silent = true);
    let (cause, time) = bench.lost_within(TIMEOUT_AND_ONE);
    assert_eq!(cause, Cause::Timeout);
    assert!((3 * SECOND..=TIMEOUT_AND_ONE).contains(&time), "{time:?}");
    assert_eq!(bench.message(), "/dev/video0 sent no frame for 3.0 s");
    bench.run(600 * SECOND);
    // Ten seconds of pause and three of waiting, after the first few.
    let opens = bench.camera.status().opens;
    assert!((45..=52).contains(&opens), "{opens}");
    assert_eq!(bench.camera.status().losses, 1);
    bench.fake.webcam(|camera| camera.silent = false);
    bench.frame_within(14 * SECOND);
    // The next loss is met with a short pause again.
    bench.fake.fail(Call::Dequeue, libc::EIO, 1);
    assert_eq!(bench.lost_within(SECOND).0, Cause::Io);
    assert!(bench.frame_within(SECOND) < SECOND);
}

#[test]
fn fault_08_a_slow_camera_is_given_time_for_its_frames() {
    let config = Config {
        fps: 0.2,
        ..plain()
    };
    let mut bench = Bench::new(Fake::with_webcam(), config);
    bench.fake.webcam(|camera| camera.rates = vec![]);
    bench.frame_within(6 * SECOND);
    bench.run(60 * SECOND);
    assert_eq!(bench.camera.status().state, State::Streaming);
    assert_eq!(bench.camera.status().losses, 0);
}

#[test]
fn fault_09_no_bandwidth_or_an_error_at_streamon_is_said_and_tried_again() {
    for (errno, cause) in [(libc::ENOSPC, Cause::Bandwidth), (libc::EIO, Cause::Io)] {
        let mut bench = Bench::webcam();
        bench.fake.fail(Call::StreamOn, errno, 3);
        bench.step();
        assert_eq!(bench.cause(), cause);
        assert!(bench.message().contains("STREAMON"), "{}", bench.message());
        assert_eq!(bench.fake.world().mappings, 0);
        // Half a second, one and two, and the frame's own interval.
        bench.frame_within(4 * SECOND);
    }
}

#[test]
fn fault_09_each_step_of_opening_may_fail_and_leaves_nothing_behind() {
    for call in [
        Call::Open,
        Call::SetFormat,
        Call::RequestBuffers,
        Call::Map,
        Call::Queue,
        Call::StreamOn,
        Call::Poll,
        Call::Dequeue,
    ] {
        let mut bench = Bench::webcam();
        bench.fake.fail(call, libc::EIO, 1);
        while bench
            .camera
            .status()
            .loss
            .as_ref()
            .is_some_and(|l| l.cause == Cause::Opening)
        {
            assert!(!bench.step(), "{call:?}");
        }
        assert_eq!(bench.cause(), Cause::Io, "{call:?}");
        assert_eq!(bench.fake.world().descriptors, 0, "{call:?}");
        assert_eq!(bench.fake.world().mappings, 0, "{call:?}");
        bench.frame_within(2 * SECOND);
    }
}

#[test]
fn fault_10_what_the_driver_gives_is_the_truth() {
    let mut bench = Bench::webcam();
    bench.fake.webcam(|camera| {
        camera.adjust = Box::new(|picture| {
            picture.format = FourCC::new(b"NV12");
            (picture.width, picture.height) = (320, 180);
            picture.bytes_per_line = 384;
            picture.size_image = 384 * 270;
            picture.colorspace = sys::v4l2_colorspace_V4L2_COLORSPACE_REC709;
        });
        camera.film = Box::new(|sequence| Sent::raw(sequence, 384 * 270));
    });
    bench.frame_within(SECOND);
    let frame = &bench.frame;
    assert_eq!(frame.format, PixelFormat::Nv12);
    assert_eq!((frame.width, frame.height, frame.stride), (320, 180, 384));
    assert_eq!(frame.colour.matrix, Matrix::Bt709);
    assert_eq!(
        Some(frame.data.len()),
        PixelFormat::Nv12.bytes(320, 180, 384)
    );
    let status = bench.camera.status();
    assert_eq!(
        status.remarks,
        ["640x480 was asked for, the camera gives 320x180"]
    );
    assert_eq!(status.buffer_bytes, 3 * 384 * 270);
}

#[test]
fn fault_10_a_format_that_cannot_be_read_is_left_for_the_next() {
    let mut bench = Bench::webcam();
    bench.fake.webcam(|camera| {
        camera.adjust = Box::new(|picture| {
            if picture.format == FourCC::new(b"YUYV") {
                picture.format = FourCC::new(b"H264");
            }
        });
        camera.film = Box::new(|sequence| Sent {
            bytes: jpeg(900, 0),
            ..Sent::raw(sequence, 0)
        });
    });
    bench.frame_within(SECOND);
    assert_eq!(bench.frame.format, PixelFormat::Jpeg);
}

#[test]
fn fault_11_the_raspberry_pis_raw_sensor_is_recognised() {
    for (driver, formats) in [
        ("unicam", vec![FourCC::new(b"pRAA"), FourCC::new(b"RG10")]),
        ("rp1-cfe", vec![FourCC::new(b"YUYV")]),
    ] {
        for device in ["0", "auto"] {
            let config = Config {
                device: device.into(),
                ..plain()
            };
            let mut bench = Bench::new(Fake::with_webcam(), config);
            bench.fake.webcam(|camera| {
                camera.capability.driver = driver.into();
                camera.formats = formats.clone();
            });
            bench.step();
            assert_eq!(bench.cause(), Cause::RawSensor);
            assert!(
                bench.message().contains("v4l2loopback"),
                "{}",
                bench.message()
            );
        }
    }
}

#[test]
fn fault_11_auto_passes_over_the_pis_pipeline_and_takes_the_webcam() {
    let fake = Fake::with_webcam();
    fake.webcam(|camera| camera.node.path = "/dev/video20".into());
    for driver in ["bcm2835-isp", "bcm2835-codec", "rp1-cfe"] {
        let mut other = FakeCamera::webcam(&format!("/dev/video1-{driver}"));
        other.capability.driver = driver.into();
        fake.world().cameras.insert(0, other);
    }
    let mut bench = Bench::new(fake, plain());
    bench.frame_within(SECOND);
    let device = bench.camera.status().device.clone();
    assert_eq!(device.as_deref(), Some("/dev/video20"));
}

#[test]
fn fault_12_a_busy_camera_says_who_holds_it() {
    let mut bench = Bench::webcam();
    bench.fake.fail(Call::SetFormat, libc::EBUSY, 1);
    bench.fake.world().holders = vec!["motion (812)".into()];
    bench.step();
    assert_eq!(bench.cause(), Cause::Busy);
    assert_eq!(
        bench.message(),
        "/dev/video0 is busy: motion (812) uses it; stop that first"
    );
    bench.frame_within(2 * SECOND);

    let mut bench = Bench::webcam();
    bench.fake.fail(Call::StreamOn, libc::EBUSY, 1);
    bench.step();
    assert!(bench.message().contains("fuser -v /dev/video0"));
}

#[test]
fn fault_12_a_camera_that_may_not_be_opened_says_what_to_do() {
    for device in ["/dev/video0", "auto"] {
        let config = Config {
            device: device.into(),
            ..plain()
        };
        let mut bench = Bench::new(Fake::with_webcam(), config);
        bench.fake.fail(Call::Open, libc::EACCES, 1);
        bench.step();
        assert_eq!(bench.cause(), Cause::Denied);
        assert!(bench.message().contains("group `video`"));
        bench.frame_within(2 * SECOND);
    }
}

#[test]
fn fault_13_storms_of_signals_and_empty_wake_ups_cost_no_core_and_are_survived() {
    for (call, errno) in [
        (Call::Poll, libc::EINTR),
        (Call::Dequeue, libc::EINTR),
        (Call::Dequeue, libc::EAGAIN),
    ] {
        let mut bench = Bench::webcam();
        bench.frame_within(SECOND);
        bench.fake.fail(call, errno, 20);
        bench.frame_within(2 * SECOND);
        let counters = bench.counters();
        assert!(counters.spurious >= 5, "{call:?} {counters:?}");
        assert_eq!(bench.camera.status().losses, 0);
    }
}

#[test]
fn fault_13_a_storm_without_end_is_a_loss_in_time_and_sleeps_through_it() {
    let mut bench = Bench::webcam();
    bench.frame_within(SECOND);
    bench.fake.fail(Call::Dequeue, libc::EAGAIN, 100_000);
    let before = bench.fake.world().paused;
    let (cause, time) = bench.lost_within(TIMEOUT_AND_ONE);
    assert_eq!(cause, Cause::Timeout);
    let slept = bench.fake.world().paused - before;
    assert!(slept > time / 2, "{slept:?} of {time:?}");
    bench.fake.world().fail.clear();
    bench.frame_within(2 * SECOND);
}

#[test]
fn fault_13_interrupted_calls_while_opening_are_repeated() {
    let mut bench = Bench::webcam();
    for call in [Call::RequestBuffers, Call::Map, Call::Queue, Call::StreamOn] {
        bench.fake.fail(call, libc::EINTR, 10);
    }
    bench.frame_within(SECOND);
    assert_eq!(bench.camera.status().opens, 1);
}

#[test]
fn the_newest_frame_wins_and_the_others_are_counted() {
    let mut bench = Bench::webcam();
    bench.frame_within(SECOND);
    for _ in 0..10 {
        // Inference that takes five frames.
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

fn control(id: u32, name: &str, kind: u32, max: i32) -> Control {
    Control {
        id,
        name: name.into(),
        kind,
        flags: 0,
        min: 0,
        max,
    }
}

#[test]
fn controls_are_set_by_name_in_an_order_that_works() {
    let fake = Fake::with_webcam();
    fake.webcam(|camera| {
        camera.controls = vec![
            control(
                1,
                "Power Line Frequency",
                sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_MENU,
                2,
            ),
            control(
                2,
                "Auto Focus, Manual",
                sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_BOOLEAN,
                1,
            ),
            control(
                3,
                "Absolute Focus",
                sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_INTEGER,
                250,
            ),
            control(4, "Gain", sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_INTEGER, 100),
        ];
        camera.menu = vec!["Disabled".into(), "50 Hz".into(), "60 Hz".into()];
        // The first in order is locked by a later one.
        camera.locked_by.insert(3, 2);
    });
    let text = "skip = 0\n[controls]\npower_line_frequency = '50 hz'\nauto_focus_manual = true\n\
                absolute_focus = 30\ngain = 101\nzoom = 1";
    let mut bench = Bench::new(fake, toml::from_str(text).unwrap());
    bench.frame_within(SECOND);
    let set = bench.fake.world().cameras[0].control_values.clone();
    assert_eq!(set, [(1, 1), (2, 1), (3, 30)].into());
    assert_eq!(
        bench.camera.status().remarks,
        [
            "control gain: must be 0 to 100, and is 101",
            "control zoom: not there; there is power_line_frequency, auto_focus_manual, absolute_focus, gain"
        ]
    );
}

#[test]
fn a_menu_without_the_entry_names_those_it_has() {
    let fake = Fake::with_webcam();
    fake.webcam(|camera| {
        let menu = sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_MENU;
        camera.controls = vec![control(1, "Power Line Frequency", menu, 1)];
        camera.menu = vec!["Disabled".into(), "50 Hz".into()];
    });
    let mut config = plain();
    config.controls.insert(
        "power_line_frequency".into(),
        ControlValue::Entry("70 Hz".into()),
    );
    let mut bench = Bench::new(fake, config);
    bench.frame_within(SECOND);
    let remarks = &bench.camera.status().remarks;
    assert_eq!(
        remarks[0],
        "control power_line_frequency: has no \"70 Hz\", only \"Disabled\", \"50 Hz\""
    );
}

#[test]
fn the_survey_names_each_node_and_says_why_one_is_chosen() {
    let fake = Fake::with_webcam();
    let mut metadata = FakeCamera::webcam("/dev/video1");
    metadata.capability.flags = sys::V4L2_CAP_META_CAPTURE;
    fake.world().cameras.push(metadata);
    let survey = super::survey::on(&fake, &plain());
    assert_eq!(
        survey.to_string(),
        "/dev/video0: Test Webcam (uvcvideo)\n\
         \x20 YUYV 320x240 at 30, 10, 5 fps\n  YUYV 640x480 at 30, 10, 5 fps\n\
         \x20 MJPG 320x240 at 30, 10, 5 fps\n  MJPG 640x480 at 30, 10, 5 fps\n\
         /dev/video1 carries metadata, not pictures; use /dev/video0 (Test Webcam)\n"
    );
    assert_eq!(
        survey.choice.unwrap().to_string(),
        "/dev/video0 (Test Webcam), YUYV 640x480 at 10.0 fps: \
         the size asked for, fast enough, and cheaper to read than MJPG"
    );
    fake.world().cameras.clear();
    let survey = super::survey::on(&fake, &plain());
    assert_eq!(survey.loss.unwrap().cause, Cause::NotFound);
    assert_eq!(fake.world().descriptors, 0);
}

#[test]
fn a_monitor_sees_from_elsewhere_what_the_camera_is() {
    let mut bench = Bench::webcam();
    let monitor = bench.camera.monitor();
    let mut seen = 0;
    assert_eq!(monitor.change(&mut seen).unwrap().state, State::Lost);
    assert!(monitor.change(&mut seen).is_none());
    bench.frame_within(SECOND);
    assert_eq!(monitor.change(&mut seen).unwrap().state, State::Streaming);
    bench.frame_within(SECOND);
    assert!(monitor.change(&mut seen).is_none());
    assert_eq!(monitor.status().counters.delivered, 2);
    assert_eq!(monitor.status().counters, bench.counters());
    bench.fake.fail(Call::Dequeue, libc::ENODEV, 1);
    bench.lost_within(SECOND);
    let seen = serde_json::to_value(monitor.status()).unwrap();
    assert_eq!(seen["state"], "lost");
    assert_eq!(seen["loss"]["cause"], "unplugged");
    assert_eq!(seen["mode"]["fourcc"], "YUYV");
    assert_eq!(seen["counters"]["bad"], serde_json::json!({}));
}

#[test]
fn a_thousand_reopens_leave_no_descriptor_mapping_or_growth() {
    let mut bench = Bench::webcam();
    let losses = [
        (Call::Dequeue, libc::EIO),
        (Call::Queue, libc::EINVAL),
        (Call::Poll, libc::ENODEV),
    ];
    let mut capacity = 0;
    for round in 0..1000 {
        bench.frame_within(2 * SECOND);
        let world = bench.fake.world();
        assert_eq!((world.descriptors, world.mappings), (1, 3));
        drop(world);
        if round == 0 {
            capacity = bench.frame.data.capacity();
        }
        assert_eq!(bench.frame.data.capacity(), capacity);
        let (call, errno) = losses[round % losses.len()];
        bench.fake.fail(call, errno, 1);
        bench.lost_within(2 * SECOND);
        let world = bench.fake.world();
        assert_eq!((world.descriptors, world.mappings), (0, 0));
    }
    assert_eq!(bench.camera.status().opens, 1000);
    assert_eq!(bench.camera.status().losses, 1000);
}
