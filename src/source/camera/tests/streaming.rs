//! Failures of a camera that streams, and its reopening.

use std::time::Duration;

use super::bench::{Bench, SECOND, TIMEOUT_AND_ONE, plain};
use super::fake::{Call, Fake};
use crate::source::camera::Config;
use crate::source::{Cause, SourceState};

#[test]
fn fault_01_after_a_timeout_no_owned_buffer_is_queued() {
    let mut bench = Bench::webcam();
    bench.frame_within(SECOND);
    bench.fake.webcam(|camera| camera.silent = true);
    // Silence shorter than the time-out: nothing is lost, nothing is requeued.
    bench.run(2 * SECOND);
    assert_eq!(bench.camera.status().state, SourceState::Streaming);
    bench.fake.webcam(|camera| camera.silent = false);
    bench.frame_within(SECOND);
    assert_eq!(bench.camera.status().opens, 1);
    assert_eq!(bench.fake.world().queued_twice, 0);
}

#[test]
fn fault_02_a_stop_that_fails_frees_everything() {
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
fn fault_03_an_unplugged_camera_is_lost_and_comes_back() {
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
fn fault_03_a_hanging_stop_does_not_hang_the_daemon() {
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
fn a_camera_that_is_asked_to_is_opened_again() {
    let mut bench = Bench::webcam();
    bench.frame_within(SECOND);
    bench.camera.monitor().ask_to_reopen();
    assert_eq!(bench.lost_within(SECOND).0, Cause::Stuck);
    bench.frame_within(SECOND);
    let status = bench.camera.status();
    assert_eq!((status.opens, status.losses), (2, 1));
}

#[test]
fn fault_08_a_silent_camera_is_lost_and_reopened() {
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
    assert_eq!(bench.camera.status().state, SourceState::Streaming);
    assert_eq!(bench.camera.status().losses, 0);
}

#[test]
fn fault_13_storms_of_empty_wake_ups_cost_no_core() {
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
fn fault_13_an_endless_storm_is_a_loss_in_time() {
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
fn a_thousand_reopens_leave_no_descriptor_mapping_or_growth() {
    let mut bench = Bench::webcam();
    let losses = [
        (Call::Dequeue, libc::EIO),
        (Call::Queue, libc::EINVAL),
        (Call::Poll, libc::ENODEV),
    ];
    for round in 0..1000 {
        bench.frame_within(2 * SECOND);
        let world = bench.fake.world();
        assert_eq!((world.descriptors, world.mappings), (1, 3));
        drop(world);
        let (call, errno) = losses[round % losses.len()];
        bench.fake.fail(call, errno, 1);
        bench.lost_within(2 * SECOND);
        let world = bench.fake.world();
        assert_eq!((world.descriptors, world.mappings), (0, 0));
    }
    assert_eq!(bench.frame.data.own().capacity(), 0);
    assert_eq!(bench.camera.status().opens, 1000);
    assert_eq!(bench.camera.status().losses, 1000);
}

/// Whichever call fails with whichever error: the camera is lost in time, with the cause, closed
/// and opened again.
#[test]
fn every_errno_at_every_call_is_said_in_time_and_survived() {
    let opening = [
        Call::Open,
        Call::SetFormat,
        Call::RequestBuffers,
        Call::Map,
        Call::StreamOn,
        Call::StreamOff,
    ];
    let streaming = [Call::Poll, Call::Dequeue, Call::Queue];
    for errno in [
        libc::EPERM,
        libc::ENOENT,
        libc::EIO,
        libc::ENXIO,
        libc::EBADF,
        libc::ENOMEM,
        libc::EACCES,
        libc::EBUSY,
        libc::ENODEV,
        libc::EINVAL,
        libc::ENOTTY,
        libc::ENOSPC,
        libc::EPIPE,
        libc::EPROTO,
        libc::EOVERFLOW,
        libc::ESHUTDOWN,
        libc::ETIMEDOUT,
    ] {
        for call in opening.into_iter().chain(streaming) {
            // The driver that refuses a format is asked for the next one.
            if (call, errno) == (Call::SetFormat, libc::EINVAL) {
                continue;
            }
            let mut bench = Bench::webcam();
            bench.frame_within(SECOND);
            bench.fake.fail(call, errno, 1);
            if opening.contains(&call) {
                bench.fake.fail(Call::Dequeue, libc::EPROTO, 1);
            }
            let (cause, time) = bench.lost_within(TIMEOUT_AND_ONE);
            assert!(time <= TIMEOUT_AND_ONE, "{call:?} {errno}");
            assert_ne!(cause, Cause::Opening, "{call:?} {errno}");
            assert!(bench.message().contains("/dev/video0"), "{call:?} {errno}");
            let world = bench.fake.world();
            assert_eq!((world.descriptors, world.mappings), (0, 0), "{call:?}");
            drop(world);
            bench.frame_within(4 * SECOND);
            let world = bench.fake.world();
            assert_eq!((world.descriptors, world.mappings), (1, 3), "{call:?}");
            assert!(world.fail.values().all(|left| left.is_empty()), "{call:?}");
            drop(world);
            assert_eq!(bench.camera.status().losses, 1, "{call:?} {errno}");
        }
    }
}
