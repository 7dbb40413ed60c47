//! A daemon over a camera that misbehaves in each way, one after the other, on a fake kernel. The
//! camera's clock runs as fast as the processor allows, so ten minutes of it take seconds.

mod ways;

use std::process::Command;
use std::thread;

use self::ways::{JPEG_WAYS, RAW_WAYS, WAYS, Way, good, heal};
use super::*;
use crate::meter::heap;
use crate::source::SourceState;
use crate::source::camera::tests::fake::Fake;
use crate::source::camera::tests::{now, opened};
use crate::source::camera::{Config, Format};

/// The most bytes of heap: the decoder's buffers, three frames, and what the fake camera has sent
/// and nobody has read yet. A picture that were decoded as it claims would take 144 MiB.
const HEAP: i64 = 8 << 20;

/// Bytes that the budget leaves: copies of raw frames fit, and JPEG pictures of half a MiB do not.
const SPARE: usize = 2 << 20;

/// The camera's seconds in all: the short form, or as many as the environment says.
fn seconds() -> u64 {
    let set = std::env::var("GOLDCREST_MISBEHAVE");
    set.map_or(120, |text| text.parse().expect("a number of seconds"))
}

/// Waits, in real time, until `done`.
fn until(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "waiting for {what}"
        );
        thread::sleep(Duration::from_millis(2));
    }
}

/// Runs a daemon through `WAYS` and `more`.
fn misbehave(format: Format, more: &[Way]) {
    let config = Config {
        format,
        skip: 0,
        timeout: 0.5,
        ..Config::default()
    };
    let fake = Fake::with_webcam();
    fake.webcam(|camera| {
        let fourcc = if format == Format::Mjpg {
            b"MJPG"
        } else {
            b"YUYV"
        };
        camera.picture.format = v4l::FourCC::new(fourcc);
        camera.film = Box::new(good(camera));
    });
    let before = heap::now().live;
    let source = opened(&fake, config);
    let (monitor, counted) = (source.camera.clone(), source.footprint);
    let mut daemon = daemon(Box::new(Broken));
    daemon.source = source;
    daemon.guard = guard(guard(0).spare() - SPARE);
    monitor.allow(daemon.guard.spare());
    let stop = Stop::default();
    let stopping = stop.clone();
    let run = thread::spawn(move || daemon.run(&stopping));
    let delivered = || monitor.counters().delivered;
    until("the first frame", || delivered() > 0);
    heap::forget_peak();
    let ways = || WAYS.iter().chain(more);
    let each = Duration::from_secs(seconds()) / ways().count() as u32;
    for way in ways() {
        let bad = monitor.counters().bad;
        (way.begin)(&fake);
        // Taken once it has begun: the camera's seconds go by in milliseconds.
        let end = now(&fake) + each;
        until(way.name, || now(&fake) > end);
        assert!(!run.is_finished(), "{}", way.name);
        // The driver's buffers are never more than the mode's, twice over.
        let mapped = monitor.status().buffer_bytes;
        assert!(mapped <= 2 * counted.device, "{}: {mapped}", way.name);
        let then = monitor.counters().bad;
        let grown = way
            .causes
            .iter()
            .any(|cause| then.of(cause) > bad.of(cause));
        assert!(
            grown || way.causes.is_empty(),
            "{}: {bad} and then {then}",
            way.name
        );
        heal(&fake);
        let then = delivered();
        until("frames again", || delivered() > then);
        until("streaming", || monitor.state() == SourceState::Streaming);
    }
    stop.request();
    let summary = run.join().unwrap().unwrap();
    let peak = heap::peak() - before;
    let counters = monitor.counters();
    let handed = fake.world().cameras[0].handed;
    println!(
        "{format:?}: {handed} frames, {}; {peak} bytes of heap at most",
        counters.drops()
    );
    assert!(peak < HEAP, "{peak} bytes of heap");
    // What the camera handed over was delivered or counted...
    let dropped = counters.drops().total() - counters.missed;
    assert_eq!(handed, counters.delivered + dropped);
    // ...and what it delivered was seen, replaced, or under way at the end: in the slot and in the
    // hands of the thread that captures. The totals of a daemon include what its camera dropped.
    let bad = counters.bad.total();
    let seen = summary.totals.seen() - bad + summary.replaced;
    assert!(
        (seen..=seen + 2).contains(&counters.delivered),
        "{seen}, {counters:?}"
    );
}

/// The heap's counters are the process's, so the test has a process of its own.
#[test]
fn a_daemon_outlives_a_camera_that_misbehaves_in_each_way() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["daemon::tests::misbehaving::each_way", "--exact"])
        .args(["--ignored", "--nocapture"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    print!("{text}");
    assert!(output.status.success(), "{text}\n{errors}");
    assert!(text.contains("1 passed"), "{text}");
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn each_way() {
    misbehave(Format::Mjpg, JPEG_WAYS);
    misbehave(Format::Yuyv, RAW_WAYS);
}
