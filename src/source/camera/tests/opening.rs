//! Failures of finding and opening a camera.

use v4l::FourCC;
use v4l::v4l_sys as sys;

use super::bench::{Bench, SECOND, plain};
use super::fake::{Call, Fake, FakeCamera, Sent, WEBCAM};
use super::frames::jpeg;
use crate::frame::{Matrix, PixelFormat};
use crate::source::Cause;
use crate::source::camera::{Config, Format};

#[test]
fn fault_04_a_renumbered_camera_is_found_by_its_name() {
    let fake = Fake::with_webcam();
    let by_id = "/dev/v4l/by-id/usb-Test_Webcam-video-index0";
    let by_path = "/dev/v4l/by-path/pci-0000:01:00.0-usb-0:1:1.0-video-index0";
    fake.webcam(|camera| camera.node.links = vec![by_id.into(), by_path.into()]);
    for device in [
        "usb-Test_Webcam-video-index0",
        "pci-0000:01:00.0-usb-0:1:1.0-video-index0",
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
fn fault_04_a_number_means_exactly_its_node() {
    for device in ["0", "/dev/video0"] {
        let config = Config {
            device: device.into(),
            ..plain()
        };
        let mut bench = Bench::new(Fake::with_webcam(), config);
        bench.frame_within(SECOND);
        let renumber = |bench: &Bench, path: &str| {
            bench.fake.webcam(|camera| camera.node.path = path.into());
        };
        renumber(&bench, "/dev/video7");
        bench.lost_within(SECOND);
        bench.run(2 * SECOND);
        assert_eq!(bench.cause(), Cause::NotFound);
        renumber(&bench, WEBCAM);
        bench.frame_within(11 * SECOND);
    }
}

#[test]
fn fault_04_a_metadata_node_is_answered_with_its_sibling() {
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

#[test]
fn fault_09_a_failing_streamon_is_reported_and_tried_again() {
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
fn fault_09_a_failed_open_leaves_nothing_behind() {
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
fn fault_10_after_an_unreadable_format_the_next_is_tried() {
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
fn fault_11_auto_takes_the_webcam_not_the_pis_pipeline() {
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

/// Whether docs/troubleshooting.md has this line in a table, with `…` for what differs.
fn on_the_page(line: &str) -> bool {
    let page = include_str!("../../../../docs/troubleshooting.md");
    let cells = page.lines().filter_map(|row| row.strip_prefix("| `"));
    let mut rows = cells.filter_map(|cell| cell.split_once("` |").map(|(row, _)| row));
    rows.any(|row| {
        let row = row.trim_matches(['`', ' ']);
        let mut at = 0;
        let all = row.split('…').all(|part| {
            let found = line[at..].find(part).map(|found| found + part.len());
            at += found.unwrap_or_default();
            found.is_some()
        });
        all && (row.ends_with('…') || at == line.len())
    })
}

#[test]
fn each_fault_of_a_driver_is_on_the_page() {
    let mut bench = Bench::webcam();
    bench.fake.fail(Call::SetFormat, libc::EBUSY, 1);
    bench.fake.world().holders = vec!["motion (812)".into()];
    bench.step();
    assert!(on_the_page(&bench.message()), "{}", bench.message());

    let mut bench = Bench::webcam();
    bench.fake.fail(Call::StreamOn, libc::ENOSPC, 1);
    bench.step();
    assert!(on_the_page(&bench.message()), "{}", bench.message());

    let config = Config {
        format: Format::Grey,
        ..plain()
    };
    let mut bench = Bench::new(Fake::with_webcam(), config);
    bench.step();
    assert!(on_the_page(&bench.message()), "{}", bench.message());

    let mut bench = Bench::webcam();
    bench.frame_within(SECOND);
    bench.fake.webcam(|camera| camera.silent = true);
    bench.lost_within(10 * SECOND);
    assert!(on_the_page(&bench.message()), "{}", bench.message());

    assert!(!on_the_page("/dev/video0 is on fire"));
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
