//! The heap of a preparer over many frames.

use std::fs;
use std::path::Path;

use goldcrest::frame::{Colour, Frame, PixelFormat};
use goldcrest::meter::heap;
use goldcrest::vision::{self, Config};

use crate::support::{alone, preparer};

/// Vision takes as much heap as the memory table states, and two thousand frames change
/// nothing.
#[test]
fn a_preparer_never_holds_more_than_it_reports() {
    let _alone = alone();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let jpeg = |path: &str| Frame {
        format: PixelFormat::Jpeg,
        data: fs::read(root.join(path)).unwrap().into(),
        ..Frame::empty()
    };
    let raw = Frame {
        format: PixelFormat::Yuyv,
        width: 640,
        height: 480,
        stride: 1280,
        colour: Colour::default(),
        data: (0..640 * 480 * 2)
            .map(|i| (i * 7 % 251) as u8)
            .collect::<Vec<_>>()
            .into(),
        ..Frame::empty()
    };
    let frames = [
        ("YUYV 640x480", 640, raw, 320 << 10),
        (
            "JPEG 640x360",
            640,
            jpeg("tests/recordings/bottles/bottles-01.jpg"),
            320 << 10,
        ),
        (
            "MJPEG 1920x1080",
            1920,
            jpeg("tests/corpus/mjpeg/1080p-422.jpg"),
            320 << 10,
        ),
    ];
    for (name, width, frame, most) in &frames {
        let before = heap::now().live;
        let mut preparer = preparer(&Config::default());
        let begun = preparer.bytes();
        preparer.prepare(frame.view()).unwrap();
        let (held, said) = (heap::now().live - before, preparer.bytes());
        println!("{name}: {said} bytes, {begun} of them from the start");
        assert_eq!(held, said as i64, "{name}");
        assert!(said < *most, "{name}: {said}");
        assert!(
            said - begun <= vision::memory(*width, *width * 9 / 16),
            "{name}: {said}"
        );
        let first = heap::now();
        for _ in 0..2000 / frames.len() {
            preparer.prepare(frame.view()).unwrap();
        }
        assert_eq!(heap::now(), first, "{name}");
    }
    // Masks are computed for the first picture and then looked up.
    let masks = "masks = [[0, 0, 0.25, 0.5], [[0.5, 0.5], [1, 0.5], [0.75, 1]]]";
    let masked: Config = toml::from_str(masks).unwrap();
    for (name, _, frame, most) in &frames {
        let mut preparer = preparer(&masked);
        preparer.prepare(frame.view()).unwrap();
        assert!(preparer.bytes() < *most, "{name}: {}", preparer.bytes());
        let first = heap::now();
        for _ in 0..100 {
            preparer.prepare(frame.view()).unwrap();
        }
        assert_eq!(heap::now(), first, "{name}");
    }
}
