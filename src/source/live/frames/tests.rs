use super::*;
use crate::frame::PixelFormat;
use crate::source::parse::RawFormat;

const PICTURE: &[u8] = include_bytes!("../../../../tests/reference/jpeg/420.jpg");
const MJPEG: Format = Format::Mjpeg {
    width: 128,
    height: 96,
};
const Y4M: Format = Format::Y4m {
    width: 64,
    height: 64,
};

/// What comes up to the end: `ok` for a frame, or its cause.
fn all(format: Format, stream: &[u8]) -> Result<Vec<&'static str>, Loss> {
    let mut frames = Frames::new(format, stream);
    let (mut frame, mut all) = (Frame::empty(), Vec::new());
    loop {
        match frames.next(&mut frame)? {
            Fetched::End => return Ok(all),
            Fetched::Bad { cause, .. } => all.push(cause),
            _ => all.push("ok"),
        }
    }
}

#[test]
fn a_jpeg_that_ends_at_any_byte_is_dropped_and_counted() {
    for cut in 0..=PICTURE.len() {
        let stream = [PICTURE, &PICTURE[..cut]].concat();
        let want: &[&str] = match cut {
            // Nothing of a second picture is there yet.
            0 | 1 => &["ok"],
            _ if cut == PICTURE.len() => &["ok", "ok"],
            _ => &["ok", "truncated"],
        };
        assert_eq!(all(MJPEG, &stream).unwrap(), want, "{cut}");
    }
}

#[test]
fn a_y4m_stream_that_ends_at_any_byte_is_counted() {
    let header = b"YUV4MPEG2 W8 H4 Cmono\n";
    let one = [&b"FRAME\n"[..], &[7; 32]].concat();
    let stream = [&header[..], &one, &one].concat();
    for cut in 0..=stream.len() {
        let found = all(Y4M, &stream[..cut]);
        let Some(body) = cut.checked_sub(header.len()) else {
            // A header that is cut tells no size, or is none; one that lacks its end may do.
            assert!(cut == 0 || cut >= 15 || found.is_err(), "{cut}: {found:?}");
            continue;
        };
        let mut found = found.unwrap();
        let whole = body / one.len();
        assert!(found.drain(..whole).all(|one| one == "ok"), "{cut}");
        let rest = usize::from(!body.is_multiple_of(one.len()));
        assert_eq!(found.len(), rest, "{cut}: {found:?}");
        assert!(!found.contains(&"ok"), "{cut}");
    }
}

#[test]
fn garbage_before_a_jpeg_is_passed_over() {
    let stream = [
        b"\xff\xd7 garbage \xd8\xff",
        PICTURE,
        b"--boundary\r\n",
        PICTURE,
    ]
    .concat();
    assert_eq!(all(MJPEG, &stream).unwrap(), ["ok", "ok"]);
}

#[test]
fn garbage_before_y4m_is_no_format() {
    let loss = all(Y4M, b"INFO: hello\nYUV4MPEG2 W8 H4 Cmono\n").unwrap_err();
    assert_eq!(loss.cause, Cause::NoFormat);
    assert!(loss.message.contains("YUV4MPEG2"), "{loss}");
}

#[test]
fn pictures_larger_than_configured_are_named_with_their_size() {
    let small = Format::Mjpeg {
        width: 64,
        height: 64,
    };
    let loss = all(small, PICTURE).unwrap_err();
    assert_eq!(loss.cause, Cause::WrongSize);
    assert!(loss.message.contains("107x75"), "{loss}");
    let loss = all(Y4M, b"YUV4MPEG2 W65 H4 Cmono\nFRAME\n").unwrap_err();
    assert_eq!(loss.cause, Cause::WrongSize);
}

#[test]
fn a_progressive_jpeg_is_passed_over() {
    let progressive = include_bytes!("../../../../tests/reference/jpeg/progressive.jpg");
    let large = Format::Mjpeg {
        width: 640,
        height: 480,
    };
    let stream = [PICTURE, &progressive[..]].concat();
    assert_eq!(all(large, &stream).unwrap(), ["ok", "too-large"]);
}

#[test]
fn no_frame_is_larger_than_its_footprint() {
    let raw = RawFormat {
        format: PixelFormat::Yu12,
        width: 65,
        height: 65,
        stride: 96,
    };
    let y4m = b"YUV4MPEG2 W63 H64 C422\nFRAME\n";
    let y4m = [&y4m[..], &[9; 64 * 64 * 2]].concat();
    for (format, stream) in [
        (MJPEG, PICTURE.to_vec()),
        (Y4M, y4m),
        (Format::Raw(raw), vec![3; 96 * 65 * 2]),
    ] {
        let mut frame = Frame::empty();
        let mut frames = Frames::new(format, &stream[..]);
        assert_eq!(frames.next(&mut frame), Ok(Fetched::Frame));
        assert!(frame.data.len() <= format.footprint().frame, "{format:?}");
    }
}

/// Numbers that look random and are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most.max(1)
    }
}

/// Streams with wrong, missing, doubled and moved bytes, cut anywhere.
#[test]
fn damaged_streams_end_and_give_no_larger_frames() {
    let raw = RawFormat {
        format: PixelFormat::Yu12,
        width: 64,
        height: 64,
        stride: 64,
    };
    let y4m = [
        &b"YUV4MPEG2 W64 H64 F10:1 C420\n"[..],
        &[&b"FRAME\n"[..], &[8; 6144]].concat().repeat(3),
    ]
    .concat();
    let mut chance = Chance(19);
    let mut outcomes = [0; 3];
    for case in 0..3000 {
        let (format, whole) = match case % 3 {
            0 => (MJPEG, PICTURE.repeat(3)),
            1 => (Y4M, y4m.clone()),
            _ => (Format::Raw(raw), vec![7; 6144 * 3]),
        };
        let mut stream = whole;
        for _ in 0..chance.below(6) {
            let (at, length) = (chance.below(stream.len()), chance.below(80));
            let end = (at + length).min(stream.len());
            match chance.below(4) {
                0 => stream[at] = chance.below(256) as u8,
                1 => drop(stream.drain(at..end)),
                2 => {
                    let part = stream[at..end].to_vec();
                    let to = chance.below(stream.len());
                    drop(stream.splice(to..to, part));
                }
                _ => stream.truncate(at.max(1)),
            }
        }
        let most = format.footprint().frame;
        let mut frames = Frames::new(format, &stream[..]);
        let mut frame = Frame::empty();
        // No place of a stream takes less than a byte.
        for _ in 0..=stream.len() + 1 {
            match frames.next(&mut frame) {
                Ok(Fetched::Frame) => {
                    outcomes[0] += 1;
                    assert!(frame.data.len() <= most, "case {case}");
                    assert!(frame.width <= format.size().0, "case {case}");
                }
                Ok(Fetched::End) | Err(_) => {
                    outcomes[2] += 1;
                    break;
                }
                Ok(_) => outcomes[1] += 1,
            }
        }
    }
    assert_eq!(outcomes[2], 3000, "a stream does not end");
    assert!(outcomes[0] > 3000 && outcomes[1] > 300, "{outcomes:?}");
}
