//! The ways to misbehave, and the way back.

use std::collections::VecDeque;
use std::time::Duration;

use crate::source::camera::tests::claiming;
use crate::source::camera::tests::fake::{Call, Fake, FakeCamera, Sent, WEBCAM};

const PROGRESSIVE: &[u8] = include_bytes!("../../../../tests/reference/jpeg/progressive.jpg");
const JPEG: &[u8] = include_bytes!("../../../../tests/recordings/bottles/bottles-01.jpg");
/// Bytes of a raw picture.
const RAW: usize = 640 * 480 * 2;

/// One way to misbehave.
pub struct Way {
    pub name: &'static str,
    pub begin: fn(&Fake),
    /// The causes by which its frames are counted, of which one is enough; empty where a loss of
    /// the camera or nothing is.
    pub causes: &'static [&'static str],
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
pub fn good(camera: &FakeCamera) -> impl Fn(u32) -> Sent + Send + use<> {
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
pub const WAYS: &[Way] = &[
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
            });
            // Frames of the future may have led to distrust of the clock, until the next open.
            fake.fail(Call::Dequeue, libc::EIO, 1);
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
pub const JPEG_WAYS: &[Way] = &[
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
                bytes.for_each(|(i, byte)| *byte = ((i * 7919) >> 3) as u8);
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
pub const RAW_WAYS: &[Way] = &[
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
pub fn heal(fake: &Fake) {
    let mut world = fake.world();
    world.fail.values_mut().for_each(VecDeque::clear);
    let camera = &mut world.cameras[0];
    let fresh = FakeCamera::webcam(WEBCAM);
    camera.film = Box::new(good(camera));
    (camera.adjust, camera.capability) = (fresh.adjust, fresh.capability);
    (camera.told, camera.buffer_bytes) = (fresh.told, fresh.buffer_bytes);
    (camera.silent, camera.interval) = (false, fresh.interval);
    camera.node.path = fresh.node.path;
}
