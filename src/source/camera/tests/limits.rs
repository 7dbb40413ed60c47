//! What a camera claims: sizes of pictures and buffers, lengths, indices. None of it is believed.

use std::mem;
use std::os::unix::fs::FileExt;

use super::bench::{Bench, SECOND, TIMEOUT_AND_ONE, plain};
use super::fake::{Call, Fake, FakeCamera, Sent};
use crate::frame::Frame;
use crate::source::camera::{Config, Format, survey};
use crate::source::{Cause, SourceState};

/// 107 by 75 pixels.
const PROGRESSIVE: &[u8] = include_bytes!("../../../../tests/reference/jpeg/progressive.jpg");
const BASELINE: &[u8] = include_bytes!("../../../../tests/reference/jpeg/420.jpg");

/// `picture`, with a header that claims another size and with `more` bytes of data.
pub(crate) fn claiming(picture: &[u8], (width, height): (u16, u16), more: usize) -> Vec<u8> {
    let frame = picture
        .windows(2)
        .position(|p| p[0] == 0xff && matches!(p[1], 0xc0 | 0xc2));
    let at = frame.unwrap() + 5;
    let mut data = picture.to_vec();
    data[at..at + 2].copy_from_slice(&height.to_be_bytes());
    data[at + 2..at + 4].copy_from_slice(&width.to_be_bytes());
    let end = data.len() - 2;
    data.splice(end..end, std::iter::repeat_n(0, more));
    data
}

/// A camera of 640x480 in MJPG whose budget leaves `spare` bytes.
fn mjpg(spare: usize, change: impl FnOnce(&mut FakeCamera)) -> Bench {
    let config = Config {
        format: Format::Mjpg,
        ..plain()
    };
    let bench = Bench::new(Fake::with_webcam(), config);
    bench.camera.monitor().allow(spare);
    bench.fake.webcam(change);
    bench
}

fn sending(bytes: Vec<u8>) -> impl Fn(u32) -> Sent + Send {
    move |sequence| Sent {
        bytes: bytes.clone(),
        ..Sent::raw(sequence, 0)
    }
}

#[test]
fn a_picture_that_costs_too_much_is_dropped_by_its_cause() {
    for (picture, cause) in [
        (PROGRESSIVE.to_vec(), "progressive"),
        // What would make the decoder hold 144 MiB.
        (claiming(PROGRESSIVE, (6000, 4000), 60 << 10), "too-large"),
        (claiming(BASELINE, (65535, 16), 0), "too-large"),
        (claiming(BASELINE, (107, 75), 300 << 10), "too-long"),
    ] {
        let mut bench = mjpg(0, |camera| camera.film = Box::new(sending(picture)));
        bench.run(TIMEOUT_AND_ONE);
        assert_eq!(bench.counters().delivered, 0, "{cause}");
        assert!(
            bench.counters().bad.of(cause) > 10,
            "{:?}",
            bench.counters()
        );
        assert_eq!(bench.cause(), Cause::Corrupt);
        assert!(bench.message().contains(cause), "{}", bench.message());
        // No more than a picture may have was ever copied.
        assert!(
            bench.frame.data.own().capacity() <= 640 * 480 * 2 / 8,
            "{cause}"
        );
    }
}

#[test]
fn a_good_picture_between_bad_ones_is_delivered() {
    let mut bench = mjpg(0, |camera| {
        camera.film = Box::new(|sequence| {
            let picture = if sequence % 3 == 0 {
                BASELINE
            } else {
                PROGRESSIVE
            };
            sending(picture.to_vec())(sequence)
        });
    });
    for _ in 0..5 {
        bench.frame_within(SECOND);
        assert_eq!(*bench.frame.data, *BASELINE);
    }
    assert_eq!(bench.counters().bad.of("progressive"), 8);
    assert_eq!(bench.counters().delivered, 5);
}

#[test]
fn buffers_beyond_the_mode_are_refused_before_they_are_made() {
    let mut bench = Bench::webcam();
    bench.fake.webcam(|camera| {
        camera.adjust = Box::new(|picture| picture.size_image = 255 << 20);
    });
    assert_eq!(bench.lost_within(SECOND).0, Cause::Memory);
    assert!(
        bench.message().contains("wants buffers of 261120 KiB"),
        "{}",
        bench.message()
    );
    assert_eq!(bench.fake.world().calls.get(&Call::RequestBuffers), None);
    let survey = survey::on(&bench.fake, &plain(), usize::MAX);
    assert_eq!(survey.loss.unwrap().cause, Cause::Memory);
}

#[test]
fn rows_beyond_the_mode_are_refused_too() {
    let mut bench = Bench::webcam();
    bench.fake.webcam(|camera| {
        camera.adjust = Box::new(|picture| picture.bytes_per_line = 16_000);
    });
    assert_eq!(bench.lost_within(SECOND).0, Cause::Memory);
    assert_eq!(bench.fake.world().calls.get(&Call::RequestBuffers), None);
}

#[test]
fn buffers_beyond_the_budget_wait_for_a_larger_one() {
    let mut bench = Bench::webcam();
    bench.camera.monitor().allow(1 << 20);
    bench.fake.webcam(|camera| {
        camera.adjust = Box::new(|picture| picture.size_image = 2 << 20);
    });
    assert_eq!(bench.lost_within(SECOND).0, Cause::Memory);
    assert!(
        bench.message().contains("memory.budget_mb"),
        "{}",
        bench.message()
    );
    let survey = survey::on(&bench.fake, &plain(), 1 << 20);
    assert_eq!(survey.loss.unwrap().cause, Cause::Memory);
    assert_eq!(bench.fake.world().calls.get(&Call::RequestBuffers), None);
    bench.camera.monitor().allow(8 << 20);
    bench.frame_within(20 * SECOND);
}

#[test]
fn buffers_that_are_longer_or_more_than_agreed_are_not_mapped() {
    for lie in [
        (|camera| camera.buffer_bytes = Some(64 << 20)) as fn(&mut FakeCamera),
        |camera| camera.least_buffers = 32,
    ] {
        let mut bench = Bench::webcam();
        bench.camera.monitor().allow(1 << 20);
        bench.fake.webcam(lie);
        assert_eq!(bench.lost_within(SECOND).0, Cause::Memory);
        assert_eq!(bench.fake.world().mappings, 0);
        bench
            .fake
            .webcam(|camera| (camera.buffer_bytes, camera.least_buffers) = (None, 0));
        bench.frame_within(20 * SECOND);
    }
}

#[test]
fn a_false_index_or_length_harms_nothing() {
    for told in [(Some(7), None), (Some(u32::MAX), None), (Some(0), None)] {
        let mut bench = Bench::webcam();
        bench.frame_within(SECOND);
        bench.fake.webcam(|camera| camera.told = told);
        assert_eq!(bench.lost_within(SECOND).0, Cause::Io, "{told:?}");
        // Of a buffer with a false index, the driver still thinks that it owns the other one.
        bench.fake.world().queued_twice = 0;
        bench.fake.webcam(|camera| camera.told = (None, None));
        bench.frame_within(20 * SECOND);
    }
    let mut bench = Bench::webcam();
    bench
        .fake
        .webcam(|camera| camera.told = (None, Some(u32::MAX)));
    bench.frame_within(SECOND);
    assert_eq!(bench.frame.data.len(), 640 * 480 * 2);
}

#[test]
fn a_frame_of_a_writable_buffer_is_a_copy() {
    for (driver, copied) in [
        ("v4l2 loopback", true),
        ("other", true),
        ("uvcvideo", false),
    ] {
        let mut bench = Bench::webcam();
        bench
            .fake
            .webcam(|camera| camera.capability.driver = driver.into());
        bench.frame_within(SECOND);
        let kept = mem::replace(&mut bench.frame, Frame::empty());
        // The writer of a loopback device goes on in the buffer that was handed over.
        for memory in &bench.fake.world().cameras[0].memory {
            memory.write_all_at(&[77; 4096], 0).unwrap();
        }
        assert_eq!(kept.data[0] != 77, copied, "{driver}");
        let said = bench.camera.status().remarks.iter();
        assert_eq!(
            said.filter(|remark| remark.contains("copied")).count(),
            usize::from(copied)
        );
        assert_eq!(bench.camera.status().state, SourceState::Streaming);
    }
}

#[test]
fn copies_of_raw_frames_count_in_the_need() {
    let fake = Fake::with_webcam();
    let lent = super::opened(&fake, plain()).footprint;
    fake.webcam(|camera| camera.capability.driver = "v4l2 loopback".into());
    let copied = super::opened(&fake, plain()).footprint;
    assert_eq!((lent.copied, copied.copied), (false, true));
    assert_eq!(copied.frame, 640 * 480 * 2);
    assert!(lent.frame < copied.frame);
}
