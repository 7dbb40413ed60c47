use super::*;
use crate::engine::Resize;
use crate::frame::{Colour, Frame, Orientation, PixelFormat};
use crate::vision::Flip;
use proptest::prelude::*;

fn input(resize: Resize, width: usize, height: usize) -> Input {
    Input {
        width,
        height,
        mean: [0.0; 3],
        std: [1.0 / 255.0; 3],
        resize,
    }
}

fn rgb(width: usize, height: usize, pixel: impl Fn(usize, usize) -> [u8; 3]) -> Frame {
    let data = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    Frame {
        format: PixelFormat::Rgb24,
        width,
        height,
        stride: width * 3,
        data: data
            .flat_map(|(x, y)| pixel(x, y))
            .collect::<Vec<_>>()
            .into(),
        ..Frame::empty()
    }
}

/// The red plane, in levels.
fn red(config: &Config, input: &Input, frame: &Frame) -> Vec<u8> {
    let mut preparer = Preparer::new(config, input);
    let picture = preparer.prepare(frame.view()).unwrap();
    picture[..input.width * input.height]
        .iter()
        .map(|v| v.round() as u8)
        .collect()
}

#[test]
fn planes_are_red_green_blue_and_normalised() {
    let input = Input {
        mean: [0.5, 0.25, 0.0],
        std: [0.5, 0.25, 1.0],
        ..input(Resize::Squash, 4, 2)
    };
    let mut preparer = Preparer::new(&Config::default(), &input);
    let frame = rgb(9, 7, |_, _| [255, 0, 51]);
    let picture = preparer.prepare(frame.view()).unwrap();
    assert_eq!(picture[..8], [1.0; 8]);
    assert_eq!(picture[8..16], [-1.0; 8]);
    assert_eq!(picture[16..], [0.2; 8]);
}

#[test]
fn every_turn_puts_each_corner_in_its_place() {
    // 1 2 3
    // 4 5 6
    let frame = rgb(3, 2, |x, y| [(y * 3 + x + 1) as u8; 3]);
    let seen = |rotate, flip| {
        let config = Config {
            rotate,
            flip,
            ..Config::default()
        };
        let (w, h) = if rotate % 180 == 0 { (3, 2) } else { (2, 3) };
        red(&config, &input(Resize::Squash, w, h), &frame)
    };
    assert_eq!(seen(0, Flip::None), [1, 2, 3, 4, 5, 6]);
    assert_eq!(seen(90, Flip::None), [4, 1, 5, 2, 6, 3]);
    assert_eq!(seen(180, Flip::None), [6, 5, 4, 3, 2, 1]);
    assert_eq!(seen(270, Flip::None), [3, 6, 2, 5, 1, 4]);
    assert_eq!(seen(0, Flip::Horizontal), [3, 2, 1, 6, 5, 4]);
    assert_eq!(seen(0, Flip::Vertical), [4, 5, 6, 1, 2, 3]);
    assert_eq!(seen(90, Flip::Horizontal), [1, 4, 2, 5, 3, 6]);
}

#[test]
fn margins_are_the_mean_colour_after_any_picture() {
    let input = input(Resize::Letterbox, 4, 4);
    let mut preparer = Preparer::new(&Config::default(), &input);
    let white = |w, h| rgb(w, h, |_, _| [255; 3]);
    preparer.prepare(white(8, 8).view()).unwrap();
    let wide = preparer.prepare(white(8, 4).view()).unwrap();
    let rows: Vec<bool> = wide[..16]
        .chunks(4)
        .map(|row| row.iter().all(|v| v.round() == 255.0))
        .collect();
    assert_eq!(rows, [false, true, true, false]);
    assert!(wide[..4].iter().chain(&wide[12..16]).all(|&v| v == 0.0));
}

#[test]
fn extreme_sizes_are_prepared() {
    for (w, h) in [(1, 1), (20000, 1), (1, 20000), (3, 2), (127, 129)] {
        for resize in [Resize::Squash, Resize::FitShort, Resize::Letterbox] {
            let input = input(resize, 128, 128);
            let levels = red(&Config::default(), &input, &rgb(w, h, |_, _| [77; 3]));
            assert!(
                levels
                    .iter()
                    .all(|&v| v == 77 || (resize == Resize::Letterbox && v == 0))
            );
            assert!(levels.contains(&77), "{w}x{h} {resize:?}");
        }
    }
}

#[test]
fn after_a_bad_picture_the_next_one_is_fine() {
    let input = input(Resize::Squash, 8, 8);
    let mut preparer = Preparer::new(&Config::default(), &input);
    let good = rgb(16, 16, |x, y| [(x * 16) as u8, (y * 16) as u8, 9]);
    let before = preparer.prepare(good.view()).unwrap().to_vec();
    let mut bad = good.clone();
    bad.data.own().truncate(700);
    assert_eq!(preparer.prepare(bad.view()).unwrap_err().cause(), "short");
    bad.format = PixelFormat::Jpeg;
    assert_eq!(preparer.prepare(bad.view()).unwrap_err().cause(), "corrupt");
    assert_eq!(preparer.prepare(good.view()).unwrap(), before);
}

/// A JPEG picture is decoded no larger than needed, and the input stays that of the whole picture.
#[test]
fn a_jpeg_picture_is_prepared_like_its_pixels() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/reference/vision/crop.png"
    );
    let picture = image::open(path).unwrap();
    let mut jpeg = Frame {
        format: PixelFormat::Jpeg,
        ..Frame::empty()
    };
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(jpeg.data.own(), 90);
    picture.write_with_encoder(encoder).unwrap();
    let pixels = image::load_from_memory(&jpeg.data).unwrap().into_rgb8();
    let (width, height) = (pixels.width() as usize, pixels.height() as usize);
    let whole = rgb(width, height, |x, y| pixels.get_pixel(x as u32, y as u32).0);
    for (size, crop, rotate) in [
        (11, [0.0, 0.0, 1.0, 1.0], 0),
        (32, [0.0, 0.0, 1.0, 1.0], 90),
        (20, [0.3, 0.25, 0.6, 0.5], 0),
        (64, [0.1, 0.0, 0.5, 0.9], 270),
    ] {
        let config = Config {
            crop,
            rotate,
            ..Config::default()
        };
        let input = input(Resize::FitShort, size, size);
        let want = red(&config, &input, &whole);
        let got = red(&config, &input, &jpeg);
        let sum: u32 = want
            .iter()
            .zip(&got)
            .map(|(a, b)| u32::from(a.abs_diff(*b)))
            .sum();
        let mean = f64::from(sum) / want.len() as f64;
        assert!(mean < 1.5, "{size} {crop:?} {rotate}: {mean}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn nothing_panics_and_levels_stay_in_range(
        format in prop::sample::select(vec![
            PixelFormat::Rgb24, PixelFormat::Bgr24, PixelFormat::Grey, PixelFormat::Yuyv,
            PixelFormat::Uyvy, PixelFormat::Nv12, PixelFormat::Yu12, PixelFormat::Jpeg,
        ]),
        width in 0usize..70,
        height in 0usize..70,
        padding in 0usize..9,
        short in prop_oneof![3 => Just(0usize), 1 => 1usize..50],
        seed in any::<u8>(),
        crop in (0.0f64..1.0, 0.0f64..1.0, 0.001f64..1.0, 0.001f64..1.0),
        rotate in prop::sample::select(vec![0u16, 90, 180, 270]),
        flip in prop::sample::select(vec![Flip::None, Flip::Horizontal, Flip::Vertical]),
        resize in prop::sample::select(vec![Resize::Squash, Resize::FitShort, Resize::Letterbox]),
        size in (1usize..40, 1usize..40),
    ) {
        let stride = width * match format {
            PixelFormat::Rgb24 | PixelFormat::Bgr24 => 3,
            PixelFormat::Yuyv | PixelFormat::Uyvy => 2,
            _ => 1,
        } + padding;
        let len = format.bytes(width, height, stride).unwrap_or(100).saturating_sub(short);
        let data: Vec<u8> = (0..len).map(|i| (i as u8).wrapping_mul(seed)).collect();
        let config = Config {
            crop: [crop.0, crop.1, crop.2.min(1.0 - crop.0), crop.3.min(1.0 - crop.1)],
            rotate,
            flip,
            resize: Some(resize),
            ..Config::default()
        };
        prop_assume!(config.check().is_ok());
        let mut preparer = Preparer::new(&config, &input(Resize::Squash, size.0, size.1));
        let view = View { format, width, height, stride, colour: Colour::default(), orientation: Orientation::Upright, limit: crate::frame::Limit::FILE, data: &data };
        let outcome = preparer.prepare(view);
        if let Ok(picture) = &outcome {
            prop_assert!(picture.iter().all(|v| (-0.01..=255.01).contains(v)));
        }
        let odd = width % 2 == 1 && padding < 2;
        let fine = width > 0 && height > 0 && short == 0 && format != PixelFormat::Jpeg && !odd;
        prop_assert!(!fine || outcome.is_ok());
    }
}

/// `picture` turned upright pixel by pixel, as Pillow's `ImageOps.exif_transpose` turns it.
fn upright(picture: &Frame, number: u16) -> Frame {
    let (w, h) = (picture.width, picture.height);
    let (width, height) = if number >= 5 { (h, w) } else { (w, h) };
    rgb(width, height, |x, y| {
        let (x, y) = match number {
            2 => (w - 1 - x, y),
            3 => (w - 1 - x, h - 1 - y),
            4 => (x, h - 1 - y),
            5 => (y, x),
            6 => (y, h - 1 - x),
            7 => (w - 1 - y, h - 1 - x),
            8 => (w - 1 - y, x),
            _ => (x, y),
        };
        picture.data[(y * w + x) * 3..][..3].try_into().unwrap()
    })
}

#[test]
fn all_orientations_are_turned_upright_before_the_crop() {
    let picture = rgb(48, 32, |x, y| [x as u8 * 5, y as u8 * 7, (x * y) as u8]);
    for (rotate, flip) in [(0, Flip::None), (90, Flip::None), (270, Flip::Vertical)] {
        let config = Config {
            crop: [0.25, 0.125, 0.5, 0.75],
            rotate,
            flip,
            ..Config::default()
        };
        // One preparer sees them all, as in a folder.
        let mut preparer = Preparer::new(&config, &input(Resize::Squash, 24, 24));
        for number in 1..=8 {
            let turned = Frame {
                orientation: Orientation::numbered(number),
                ..picture.clone()
            };
            let got = preparer.prepare(turned.view()).unwrap().to_vec();
            let upright = upright(&picture, number);
            let mut plain = Preparer::new(&config, &input(Resize::Squash, 24, 24));
            let want = plain.prepare(upright.view()).unwrap();
            // The order of the sums differs where rows have become columns.
            let worst = got.iter().zip(want).map(|(a, b)| (a - b).abs());
            let worst = worst.fold(0.0, f32::max);
            assert!(
                worst <= 1.0,
                "orientation {number}, rotate {rotate}: {worst}"
            );
        }
    }
}
