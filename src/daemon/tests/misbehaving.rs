//! A daemon over a camera that misbehaves in each way, one after the other, on a fake kernel. The
//! camera's clock runs as fast as the processor allows, so ten minutes of it take seconds.

use std::collections::VecDeque;
use std::process::Command;
use std::thread;

use super::*;
use crate::meter::heap;
use crate::source::SourceState;
use crate::source::camera::tests::fake::{Call, Fake, FakeCamera, Sent};
use crate::source::camera::tests::{claiming, opened};
use crate::source::camera::{Config, Format};

const JPEG: &[u8] = include_bytes!("../../../tests/recordings/bottles/bottles-01.jpg");
const PROGRESSIVE: &[u8] = include_bytes!("../../../tests/reference/jpeg/progressive.jpg");
/// Bytes of a raw picture.
const RAW: usize = 640 * 480 * 2;

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

/// One way to misbehave.
struct Way {
    name: &'static str,
    begin: fn(&Fake),
    /// The causes by which its frames are counted, of which one is enough; empty where a loss of
    /// the camera or nothing is.
    causes: &'static [&'static str],
}

/// Makes the camera send what `change` makes of each good frame.
fn film(fake: &Fake, change: impl Fn(&mut Sent) + Send + 'static) {
    fake.webcam(|camera| {
        let good = good(camera);
        camera.film = Box::new(move |sequence| {
            let mut sent = good(sequence);
            change(&mut sent);
            sent
        });
    });
}

/// Good frames of the format that the camera was set to.
fn good(camera: &FakeCamera) -> impl Fn(u32) -> Sent + Send + use<> {
    let jpeg = camera.picture.format.repr == *b"MJPG";
    move |sequence| {
        let mut sent = Sent::raw(sequence, if jpeg { 0 } else { RAW });
        if jpeg {
            sent.bytes = JPEG.to_vec();
        }
        sent
    }
}

/// Makes so many calls fail.
fn failing(fake: &Fake, call: Call, errno: i32) {
    fake.fail(call, errno, 50);
}

/// Makes the camera lie when it is opened again, which it soon is.
fn at_the_next_open(fake: &Fake, lie: fn(&mut FakeCamera)) {
    fake.webcam(lie);
    fake.fail(Call::Dequeue, libc::EIO, 1);
}

/// Ways of any camera.
const WAYS: &[Way] = &[
    Way {
        name: "truncated",
        causes: &["truncated", "short"],
        begin: |fake| {
            film(fake, |sent| {
                let half = sent.bytes.len() / 2;
                sent.bytes.truncate(half);
            })
        },
    },
    Way {
        name: "zero-length",
        causes: &["empty"],
        begin: |fake| film(fake, |sent| sent.bytes.clear()),
    },
    Way {
        name: "damaged",
        causes: &["damaged"],
        begin: |fake| film(fake, |sent| sent.error = true),
    },
    Way {
        name: "duplicates",
        causes: &["duplicate"],
        begin: |fake| {
            film(fake, |sent| {
                (sent.sequence, sent.timestamp) = (9, Some(Duration::from_secs(9999)));
            })
        },
    },
    Way {
        name: "old",
        causes: &["stale"],
        begin: |fake| {
            film(fake, |sent| {
                sent.timestamp = Some(Duration::from_secs(1));
            })
        },
    },
    Way {
        name: "EIO",
        causes: &[],
        begin: |fake| failing(fake, Call::Dequeue, libc::EIO),
    },
    Way {
        name: "EIO of queue",
        causes: &[],
        begin: |fake| failing(fake, Call::Queue, libc::EIO),
    },
    Way {
        name: "bursts",
        causes: &[],
        begin: |fake| {
            fake.webcam(|camera| {
                camera.interval = Duration::from_millis(1);
            })
        },
    },
    Way {
        name: "stuck",
        causes: &[],
        begin: |fake| fake.webcam(|camera| camera.silent = true),
    },
    Way {
        name: "false index",
        causes: &[],
        begin: |fake| {
            fake.webcam(|camera| {
                camera.told = (Some(9), None);
            })
        },
    },
    Way {
        name: "false length",
        causes: &[],
        begin: |fake| {
            fake.webcam(|camera| {
                camera.told = (None, Some(u32::MAX));
            })
        },
    },
    Way {
        name: "false sizeimage",
        causes: &[],
        begin: |fake| {
            at_the_next_open(fake, |camera| {
                camera.adjust = Box::new(|picture| picture.size_image = 250 << 20);
            })
        },
    },
    Way {
        name: "false buffers",
        causes: &[],
        begin: |fake| {
            at_the_next_open(fake, |camera| {
                camera.buffer_bytes = Some(250 << 20);
            })
        },
    },
    Way {
        name: "disconnected",
        causes: &[],
        begin: |fake| {
            fake.webcam(|camera| {
                camera.node.path = "/dev/video9".into();
                camera.capability.flags = 0;
            });
        },
    },
];

/// Ways of a camera that sends JPEG.
const JPEG_WAYS: &[Way] = &[
    Way {
        name: "too long",
        causes: &["too-long"],
        begin: |fake| {
            film(fake, |sent| {
                sent.bytes = claiming(JPEG, (640, 360), RAW - JPEG.len());
            })
        },
    },
    Way {
        name: "too large",
        causes: &["too-large"],
        begin: |fake| {
            film(fake, |sent| {
                sent.bytes = claiming(PROGRESSIVE, (6000, 4000), 80 << 10);
            })
        },
    },
    Way {
        name: "progressive",
        causes: &["progressive"],
        begin: |fake| {
            film(fake, |sent| {
                sent.bytes = PROGRESSIVE.to_vec();
            })
        },
    },
    Way {
        name: "garbage",
        causes: &["truncated"],
        begin: |fake| {
            film(fake, |sent| {
                let bytes = sent.bytes.iter_mut().enumerate();
                bytes.for_each(|(i, byte)| *byte = (i * 7919 >> 3) as u8);
            })
        },
    },
    // The camera cannot tell; the pipeline counts them.
    Way {
        name: "garbage inside",
        causes: &[],
        begin: |fake| {
            film(fake, |sent| {
                let end = sent.bytes.len() - 2;
                sent.bytes[700..end].fill(0xfe);
            })
        },
    },
];

/// Ways of a camera that sends raw pictures.
const RAW_WAYS: &[Way] = &[
    Way {
        name: "false bytesperline",
        causes: &[],
        begin: |fake| {
            at_the_next_open(fake, |camera| {
                camera.adjust = Box::new(|picture| picture.bytes_per_line = 16_000);
            })
        },
    },
    Way {
        name: "wide bytesperline",
        causes: &["short"],
        begin: |fake| {
            at_the_next_open(fake, |camera| {
                camera.adjust = Box::new(|picture| picture.bytes_per_line = 1500);
            });
        },
    },
    Way {
        name: "another program's buffers",
        causes: &[],
        begin: |fake| {
            at_the_next_open(fake, |camera| {
                camera.capability.driver = "v4l2 loopback".into()
            });
        },
    },
];

/// Ends all misbehaviour.
fn heal(fake: &Fake) {
    let mut world = fake.world();
    world.fail.values_mut().for_each(VecDeque::clear);
    let camera = &mut world.cameras[0];
    let fresh = FakeCamera::webcam(crate::source::camera::tests::fake::WEBCAM);
    camera.film = Box::new(good(camera));
    (camera.adjust, camera.capability) = (fresh.adjust, fresh.capability);
    (camera.told, camera.buffer_bytes) = (fresh.told, fresh.buffer_bytes);
    (camera.silent, camera.interval) = (false, fresh.interval);
    camera.node.path = fresh.node.path;
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
        let end = crate::source::camera::tests::now(&fake) + each;
        (way.begin)(&fake);
        until(way.name, || crate::source::camera::tests::now(&fake) > end);
        assert!(!run.is_finished(), "{}", way.name);
        // The driver's buffers are never more than the mode's, twice over.
        let mapped = monitor.status().buffer_bytes;
        assert!(mapped <= 2 * counted.device, "{}: {mapped}", way.name);
        let now = monitor.counters().bad;
        let grown = way.causes.iter().any(|cause| now.of(cause) > bad.of(cause));
        assert!(
            grown || way.causes.is_empty(),
            "{}: {bad} and then {now}",
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
