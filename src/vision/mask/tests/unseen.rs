//! What lies under a mask changes nothing that is read.

use image::codecs::jpeg::JpegEncoder;

use super::*;
use crate::frame::{Limit, jpeg};
use crate::vision::{Preparer, Thumbnailer};

const RAW: [PixelFormat; 7] = [
    PixelFormat::Rgb24,
    PixelFormat::Bgr24,
    PixelFormat::Grey,
    PixelFormat::Yuyv,
    PixelFormat::Uyvy,
    PixelFormat::Nv12,
    PixelFormat::Yu12,
];

/// All that is read of a picture: the input, the cells through the gate's reading after `before`,
/// and the thumbnail.
fn read(
    config: &Config,
    side: usize,
    before: &Frame,
    frame: &Frame,
) -> (Vec<u32>, String, Vec<u8>) {
    let mut preparer = Preparer::new(config, &input(side));
    let prepared = preparer.prepare(frame.view()).unwrap();
    let prepared = prepared.iter().map(|level| level.to_bits()).collect();
    let mut gate = Gate::new(&GateConfig::default(), config, &input(side));
    gate.look(before.view(), Duration::ZERO, true).unwrap();
    let reading = gate.look(frame.view(), Duration::from_secs(1), true);
    let mut thumbnailer = Thumbnailer::new(config);
    let thumbnail = thumbnailer.make(frame.view(), 40).unwrap().rgb.to_vec();
    (prepared, format!("{:?}", reading.unwrap()), thumbnail)
}

/// Changes every byte of a raw picture that belongs to masked pixels alone.
fn scribble(config: &Config, frame: &mut Frame, noise: &[u8]) {
    let hidden = black(config, &white(frame));
    let (width, height, stride) = (frame.width, frame.height, frame.stride);
    let format = frame.format;
    let half = stride.div_ceil(2);
    let chroma = height * stride;
    let mut noise = noise.iter().cycle();
    let data = frame.data.own();
    let mut set = |at: usize| {
        if let Some(byte) = data.get_mut(at) {
            *byte = byte.wrapping_add(*noise.next().unwrap() | 1);
        }
    };
    for (y, hidden) in hidden.iter().enumerate().take(height) {
        for x in (0..width).filter(|&x| hidden[x]) {
            match format {
                PixelFormat::Rgb24 | PixelFormat::Bgr24 => {
                    (0..3).for_each(|c| set(y * stride + 3 * x + c));
                }
                PixelFormat::Grey => set(y * stride + x),
                PixelFormat::Yuyv | PixelFormat::Uyvy => {
                    (0..2).for_each(|c| set(y * stride + 2 * x + c));
                }
                PixelFormat::Nv12 => {
                    set(y * stride + x);
                    (0..2).for_each(|c| set(chroma + y / 2 * half * 2 + x / 2 * 2 + c));
                }
                PixelFormat::Yu12 => {
                    set(y * stride + x);
                    set(chroma + y / 2 * half + x / 2);
                    set(chroma + height.div_ceil(2) * half + y / 2 * half + x / 2);
                }
                PixelFormat::Jpeg => {}
            }
        }
    }
}

/// The same picture in white, so that all that is black is masked.
fn white(frame: &Frame) -> Frame {
    let mut white = frame.clone();
    let luma = |at: usize| match frame.format {
        PixelFormat::Yuyv => at.is_multiple_of(2),
        PixelFormat::Uyvy => at % 2 == 1,
        PixelFormat::Nv12 | PixelFormat::Yu12 => at < frame.height * frame.stride,
        _ => true,
    };
    for (at, byte) in white.data.own().iter_mut().enumerate() {
        *byte = if luma(at) { 235 } else { 128 };
    }
    white
}

fn raw(format: PixelFormat, (width, height): (usize, usize), seed: u8) -> Frame {
    let row = match format {
        PixelFormat::Rgb24 | PixelFormat::Bgr24 => 3 * width,
        PixelFormat::Yuyv | PixelFormat::Uyvy => 4 * width.div_ceil(2),
        _ => width,
    };
    let stride = row + 3;
    let length = format.bytes(width, height, stride).unwrap();
    let level = |at: usize| (at as u8).wrapping_mul(37).wrapping_add(seed);
    Frame {
        format,
        width,
        height,
        stride,
        data: (0..length).map(level).collect::<Vec<_>>().into(),
        ..Frame::empty()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn raw_pixels_under_a_mask_change_nothing(
        config in setting(),
        format in prop::sample::select(RAW.to_vec()),
        width in 1usize..70,
        height in 1usize..50,
        seed in any::<u8>(),
        noise in prop::collection::vec(any::<u8>(), 7),
    ) {
        prop_assume!(Mask::check(&config.masks).is_ok());
        let before = raw(format, (width, height), seed.wrapping_add(9));
        let frame = raw(format, (width, height), seed);
        let mut changed = frame.clone();
        scribble(&config, &mut changed, &noise);
        let wanted = read(&config, 32, &before, &frame);
        prop_assert_eq!(wanted, read(&config, 32, &before, &changed));
    }

    #[test]
    fn jpeg_units_under_a_mask_change_nothing(
        config in setting(),
        width in 8usize..120,
        height in 8usize..90,
        side in prop::sample::select(vec![8usize, 24, 64]),
        level in any::<u8>(),
    ) {
        prop_assume!(Mask::check(&config.masks).is_ok());
        let picture = |under: Option<u8>| {
            let hidden = units(&config, width, height);
            let pixel = |x: u32, y: u32| match under {
                Some(level) if hidden[y as usize][x as usize] => image::Rgb([level, !level, x as u8]),
                _ => image::Rgb([(x * 5) as u8, (y * 7) as u8, (x * y) as u8]),
            };
            let picture = image::RgbImage::from_fn(width as u32, height as u32, pixel);
            let mut frame = Frame { format: PixelFormat::Jpeg, ..Frame::empty() };
            let encoder = JpegEncoder::new_with_quality(frame.data.own(), 85);
            picture.write_with_encoder(encoder).unwrap();
            frame
        };
        let (frame, changed) = (picture(None), picture(Some(level)));
        let wanted = read(&config, side, &frame, &frame).0;
        prop_assert_eq!(&wanted, &read(&config, side, &frame, &changed).0);
        let seen = |frame: &Frame| read(&config, side, &picture(Some(77)), frame);
        prop_assert_eq!(seen(&frame), seen(&changed));
    }
}

/// Which pixels lie in units of 8 by 8 that a mask touches.
fn units(config: &Config, width: usize, height: usize) -> Vec<Vec<bool>> {
    let hidden = black(config, &grey(width, height, 255));
    let unit = |x: usize, y: usize| {
        let (x, y) = (x / 8 * 8, y / 8 * 8);
        let rows = &hidden[y..(y + 8).min(height)];
        rows.iter()
            .any(|row| row[x..(x + 8).min(width)].contains(&true))
    };
    (0..height)
        .map(|y| (0..width).map(|x| unit(x, y)).collect())
        .collect()
}

#[test]
fn a_unit_of_a_jpeg_is_as_large_as_its_colours_are_coarse() {
    let half = include_bytes!("../../../../tests/reference/jpeg/420.jpg");
    let mut decoder = jpeg::Decoder::new();
    let mut picture = decoder.open(half, Limit::FILE).unwrap();
    let grain = Grain::jpeg(&picture);
    assert_eq!((grain.wide, grain.high, grain.at(1)), (16, 16, (2, 2)));
    let full = picture.size();
    let (eighths, ..) = picture.start(3).unwrap();
    let corner = Mask::rectangle([0.0, 0.0, 0.01, 0.01]);
    let mut cover = Cover::new(&[corner]);
    cover.fit(
        full,
        grain,
        Turn::new(&Config::default(), Orientation::Upright),
    );
    let masked = Masked::new(&mut picture, &cover, grain.at(eighths));
    let hidden = |y| masked.hidden(y, 0, 40);
    assert_eq!([hidden(0), hidden(5), hidden(6)], [6, 6, 0]);
}

/// A picture of several scans is smoothed across its units' borders.
#[test]
fn a_progressive_picture_hides_the_units_around_a_mask_too() {
    let data = include_bytes!("../../../../tests/reference/jpeg/progressive.jpg");
    let mut decoder = jpeg::Decoder::new();
    let mut picture = decoder.open(data, Limit::FILE).unwrap();
    let full = picture.size();
    let grain = Grain::jpeg(&picture);
    let (eighths, width, height) = picture.start(8).unwrap();
    let middle = Mask::rectangle([0.5, 0.5, 0.01, 0.01]);
    let mut cover = Cover::new(&[middle]);
    cover.fit(
        full,
        grain,
        Turn::new(&Config::default(), Orientation::Upright),
    );
    let masked = Masked::new(&mut picture, &cover, grain.at(eighths));
    let hidden: usize = (0..height).map(|y| masked.hidden(y, 0, width)).sum();
    let (wide, high) = (grain.wide, grain.high);
    // One unit and those around it, cut off at the picture's edges.
    let (x, y) = (width / 2 / wide * wide, height / 2 / high * high);
    let columns = (x + 2 * wide).min(width) - (x - wide);
    let rows = (y + 2 * high).min(height) - (y - high);
    assert_eq!(hidden, columns * rows);
}
