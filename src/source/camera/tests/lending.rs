//! Raw frames that are read in the driver's own buffers: who holds which, also after a failure.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use super::bench::{Bench, SECOND, TIMEOUT_AND_ONE, plain};
use super::fake::{Call, Fake, Sent};
use super::frames::jpeg;
use crate::frame::{Frame, Slot, Taken};
use crate::source::camera::{Camera, Config, Format};
use crate::source::{Cause, Source, SourceState};

/// A webcam that gives at most so many buffers.
fn webcam(buffers: u32) -> Bench {
    let bench = Bench::webcam();
    bench.fake.webcam(|camera| camera.most_buffers = buffers);
    bench
}

/// The next frame, which keeps its buffer.
fn keep(bench: &mut Bench) -> Frame {
    bench.frame_within(SECOND);
    mem::replace(&mut bench.frame, Frame::empty())
}

/// Whether all pixels have one level, as in each frame of the fake camera: its number.
fn is_whole(frame: &Frame, level: u8) -> bool {
    frame.data.len() == 640 * 480 * 2 && frame.data.iter().all(|&byte| byte == level)
}

#[test]
fn a_raw_frame_is_lent_and_a_jpeg_is_copied() {
    let mut bench = webcam(3);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..20 {
        bench.frame_within(SECOND);
        seen.insert(bench.frame.data.as_ptr());
    }
    assert!(seen.len() <= 3, "{} places", seen.len());
    assert_eq!(bench.frame.data.own().capacity(), 0);

    let config = Config {
        format: Format::Mjpg,
        ..plain()
    };
    let mut bench = Bench::new(Fake::with_webcam(), config);
    bench.fake.webcam(|camera| {
        camera.film = Box::new(|sequence| Sent {
            bytes: jpeg(5000, 0),
            ..Sent::raw(sequence, 0)
        });
    });
    let first = keep(&mut bench);
    for _ in 0..20 {
        bench.frame_within(SECOND);
    }
    assert_eq!(*first.data, jpeg(5000, 0));
    let counters = bench.counters();
    assert_eq!((counters.missed, counters.delivered), (0, 21));
}

#[test]
fn a_lent_buffer_does_not_change_while_the_camera_goes_on() {
    let mut bench = webcam(3);
    let kept = [keep(&mut bench), keep(&mut bench)];
    for _ in 0..20 {
        bench.frame_within(SECOND);
    }
    assert!(is_whole(&kept[0], 0) && is_whole(&kept[1], 1));
    assert_eq!(bench.frame.data[0], 21);
    assert_eq!(bench.counters().missed, 0);
    drop(kept);
    let queued = bench.fake.world().calls[&Call::Queue];
    bench.frame_within(SECOND);
    assert_eq!(bench.fake.world().calls[&Call::Queue], queued + 1);
}

#[test]
fn a_camera_with_all_buffers_on_loan_is_not_lost() {
    let mut bench = webcam(2);
    let kept = [keep(&mut bench), keep(&mut bench)];
    let begin = bench.now();
    bench.run(20 * SECOND);
    assert!(bench.now() - begin >= 20 * SECOND, "it waits and sleeps");
    let status = bench.camera.status();
    assert_eq!((status.state, status.losses), (SourceState::Streaming, 0));
    assert!(is_whole(&kept[0], 0) && is_whole(&kept[1], 1));
    drop(kept);
    bench.frame_within(SECOND);
    assert!(bench.frame.data[0] >= 200, "the newest, of 10 a second");
    // And when it falls silent then, it is lost in time.
    bench.fake.webcam(|camera| camera.silent = true);
    assert_eq!(bench.lost_within(TIMEOUT_AND_ONE).0, Cause::Timeout);
}

#[test]
fn a_driver_with_one_buffer_gets_it_back_at_once() {
    let mut bench = webcam(1);
    let kept = keep(&mut bench);
    for _ in 0..10 {
        bench.frame_within(SECOND);
    }
    assert!(is_whole(&kept, 0));
    assert_eq!(bench.camera.status().buffers, 1);
    assert_eq!(bench.counters().missed, 0);
}

#[test]
fn fault_03_a_lent_buffer_outlives_the_camera() {
    let mut bench = webcam(3);
    let kept = keep(&mut bench);
    let camera = bench.fake.world().cameras.remove(0);
    assert_eq!(bench.lost_within(SECOND).0, Cause::Unplugged);
    assert!(is_whole(&kept, 0));
    let world = bench.fake.world();
    assert_eq!((world.descriptors, world.mappings), (0, 3));
    let queued = world.calls[&Call::Queue];
    drop(world);
    bench.fake.world().cameras.push(camera);
    bench.frame_within(2 * SECOND);
    assert!(is_whole(&kept, 0));
    // The buffer of a stream that is over is not queued in the one that runs.
    let before = bench.fake.world().calls[&Call::Queue];
    drop(kept);
    let world = bench.fake.world();
    assert_eq!(world.calls[&Call::Queue], before);
    assert_eq!((world.descriptors, world.mappings), (1, 3));
    assert!(before > queued);
}

#[test]
fn a_lent_buffer_that_cannot_be_requeued_is_a_loss() {
    let mut bench = webcam(3);
    let kept = keep(&mut bench);
    bench.fake.fail(Call::Queue, libc::EIO, 1);
    drop(kept);
    let (cause, time) = bench.lost_within(SECOND);
    assert_eq!(cause, Cause::Io);
    assert!(time < SECOND, "{time:?}");
    bench.frame_within(2 * SECOND);
    assert_eq!(bench.camera.status().losses, 1);
}

#[test]
fn fault_03_the_end_of_a_loan_waits_for_no_hanging_stop() {
    let mut bench = webcam(3);
    let kept = keep(&mut bench);
    bench.fake.freeze(true);
    bench.fake.fail(Call::Dequeue, libc::EIO, 1);
    assert_eq!(bench.lost_within(SECOND).0, Cause::Io);
    let queued = bench.fake.world().calls[&Call::Queue];
    assert!(is_whole(&kept, 0));
    drop(kept);
    assert_eq!(bench.fake.world().calls[&Call::Queue], queued);
    bench.fake.freeze(false);
    while bench.fake.world().descriptors > 0 {
        std::thread::yield_now();
    }
    bench.frame_within(11 * SECOND);
}

/// One thread captures and one looks, as in the daemon, over two buffers and a camera that is lost
/// now and then; each frame is read twice, and must show one picture both times.
#[test]
fn frames_are_never_written_while_another_thread_reads_them() {
    const FRAMES: u32 = 3000;
    let fake = Fake::with_webcam();
    fake.webcam(|camera| {
        camera.most_buffers = 2;
        camera.film = Box::new(|sequence| Sent::raw(sequence, 640 * 480 * 2));
    });
    let mut camera = Camera::on(Arc::new(fake.clone()), plain());
    let slot = Slot::new();
    let read = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut frame, mut read) = (Frame::empty(), 0);
            loop {
                match slot.take(&mut frame, Duration::from_secs(20)) {
                    Taken::Frame => {}
                    Taken::Closed => return read,
                    Taken::Nothing => panic!("no frame came"),
                }
                let level = frame.data[0];
                assert!(is_whole(&frame, level));
                assert!(is_whole(&frame, level));
                frame.data.give_back();
                read += 1;
            }
        });
        let (mut frame, mut put) = (Frame::empty(), 0);
        while put < FRAMES && !reader.is_finished() {
            if camera.next(&mut frame).unwrap() == crate::source::Next::Frame {
                slot.put(&mut frame);
                put += 1;
                if put % 500 == 0 && put < FRAMES {
                    fake.fail(Call::Dequeue, libc::EIO, 1);
                }
            }
        }
        slot.close();
        drop(frame);
        reader.join().unwrap()
    });
    assert_eq!(read + slot.dropped(), u64::from(FRAMES));
    assert!(read > 0);
    assert_eq!(camera.status().losses, 5);
    drop((camera, slot));
    let world = fake.world();
    assert_eq!(world.queued_twice, 0);
    assert_eq!((world.descriptors, world.mappings), (0, 0));
}
