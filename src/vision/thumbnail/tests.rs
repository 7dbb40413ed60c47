use super::*;
use crate::frame::{Frame, Orientation, PixelFormat};

/// Four columns and two rows; each pixel's levels are its number.
fn numbered() -> Frame {
    Frame {
        format: PixelFormat::Rgb24,
        width: 4,
        height: 2,
        stride: 12,
        data: (0..24).map(|byte| byte / 3).collect::<Vec<u8>>().into(),
        ..Frame::empty()
    }
}

fn made(config: &Config, frame: &Frame, longest_side: usize) -> (usize, usize, Vec<u8>) {
    let mut thumbnailer = Thumbnailer::new(config);
    let made = thumbnailer.make(frame.view(), longest_side).unwrap();
    let levels = made.rgb.as_chunks::<3>().0.iter().map(|pixel| pixel[0]);
    (made.width, made.height, levels.collect())
}

#[test]
fn a_thumbnail_is_turned_and_cropped_as_the_model_sees_it() {
    let mut frame = numbered();
    let whole = Config::default();
    assert_eq!(made(&whole, &frame, 99), (4, 2, (0..8).collect()));
    let turned = Config {
        rotate: 90,
        ..Config::default()
    };
    let clockwise = (2, 4, vec![4, 0, 5, 1, 6, 2, 7, 3]);
    assert_eq!(made(&turned, &frame, 99), clockwise);
    frame.orientation = Orientation::QuarterClockwise;
    assert_eq!(made(&whole, &frame, 99), clockwise);
    let lower = Config {
        crop: [0.0, 0.5, 1.0, 0.5],
        ..Config::default()
    };
    assert_eq!(made(&lower, &numbered(), 99), (4, 1, vec![4, 5, 6, 7]));
}

#[test]
fn a_picture_as_sent_is_neither_turned_nor_cut_and_black_beside_the_crop() {
    let sent = |config: &Config, frame: &Frame| {
        let mut thumbnailer = Thumbnailer::as_sent(config);
        let made = thumbnailer.make(frame.view(), 99).unwrap();
        let levels = made.rgb.as_chunks::<3>().0.iter().map(|pixel| pixel[0]);
        (made.width, made.height, levels.collect::<Vec<_>>())
    };
    let turned = Config {
        rotate: 90,
        ..Config::default()
    };
    let mut frame = numbered();
    assert_eq!(sent(&turned, &frame), (4, 2, (0..8).collect()));
    // As seen, clockwise, the left half is the lower one as sent.
    let half = Config {
        crop: [0.0, 0.0, 0.5, 1.0],
        ..turned.clone()
    };
    assert_eq!(sent(&half, &frame), (4, 2, vec![0, 0, 0, 0, 4, 5, 6, 7]));
    let masked: Config = toml::from_str("rotate = 90\nmasks = [[0, 0, 1, 0.25]]").unwrap();
    assert_eq!(sent(&masked, &frame), (4, 2, vec![0, 1, 2, 3, 0, 5, 6, 7]));
    // Its own notes are followed, because the new file has none.
    frame.orientation = Orientation::QuarterClockwise;
    let upright = (2, 4, vec![4, 0, 5, 1, 6, 2, 7, 3]);
    assert_eq!(sent(&turned, &frame), upright);
    assert_eq!(sent(&Config::default(), &frame), upright);
    // As seen after both turns, what was on the left of the upright picture is on top.
    let top = Config {
        crop: [0.0, 0.0, 1.0, 0.5],
        ..turned
    };
    assert_eq!(sent(&top, &frame), (2, 4, vec![4, 0, 5, 0, 6, 0, 7, 0]));
}

#[test]
fn a_picture_as_sent_makes_the_same_input() {
    let wave =
        |x: usize, y: usize| 128.0 + 100.0 * ((x as f64 / 17.0).sin() * (y as f64 / 11.0).cos());
    let pixels = (0..200).flat_map(|y| (0..320).map(move |x| wave(x, y) as u8));
    let frame = Frame {
        format: PixelFormat::Grey,
        width: 320,
        height: 200,
        stride: 320,
        data: pixels.collect::<Vec<u8>>().into(),
        orientation: Orientation::HalfTurn,
        ..Frame::empty()
    };
    let text = "crop = [0.1, 0.2, 0.7, 0.6]\nmasks = [[0.3, 0.3, 0.2, 0.2]]\nrotate = 270\nflip = \"vertical\"";
    let config: Config = toml::from_str(text).unwrap();
    let mut thumbnailer = Thumbnailer::as_sent(&config);
    let made = thumbnailer.make(frame.view(), 320).unwrap();
    let again = Frame {
        format: PixelFormat::Rgb24,
        width: made.width,
        height: made.height,
        stride: 3 * made.width,
        data: made.rgb.to_vec().into(),
        ..Frame::empty()
    };
    let mut model = Thumbnailer::new(&config);
    let wanted = model.make(frame.view(), 64).unwrap().rgb.to_vec();
    let found = model.make(again.view(), 64).unwrap().rgb.to_vec();
    assert_eq!(found.len(), wanted.len());
    let off = |(a, b): (&u8, &u8)| u64::from(a.abs_diff(*b));
    let mean = found.iter().zip(&wanted).map(off).sum::<u64>() as f64 / found.len() as f64;
    // Along the borders of the crop and of the mask, pixels are half black in one of them.
    assert!(mean < 1.5, "{mean}");
}

#[test]
fn a_thumbnail_keeps_proportions_and_is_never_enlarged() {
    for (part, longest, size) in [
        ((1920.0, 1080.0), 640, (640, 360)),
        ((1080.0, 1920.0), 640, (360, 640)),
        ((320.0, 240.0), 640, (320, 240)),
        ((1000.0, 1.0), 100, (100, 1)),
    ] {
        assert_eq!(fitted(part, longest), size);
    }
    let (width, height, _) = made(&Config::default(), &numbered(), 2);
    assert_eq!((width, height), (2, 1));
}
