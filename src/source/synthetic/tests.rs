use super::*;
use crate::frame::{Lines, Matrix, Rows};

const COLOURED: [PixelFormat; 6] = [
    PixelFormat::Rgb24,
    PixelFormat::Bgr24,
    PixelFormat::Yuyv,
    PixelFormat::Uyvy,
    PixelFormat::Nv12,
    PixelFormat::Yu12,
];

fn options(format: PixelFormat, (width, height): (usize, usize)) -> SyntheticOptions {
    SyntheticOptions {
        format,
        width,
        height,
        paced: false,
        frames: Some(30),
        ..SyntheticOptions::default()
    }
}

/// The frame with this number, read back as RGB.
fn read(options: SyntheticOptions, number: usize) -> Vec<u8> {
    let mut source = Synthetic::new(options);
    let mut frame = Frame::empty();
    for _ in 0..=number {
        assert_eq!(source.next(&mut frame).unwrap(), Next::Frame);
    }
    let mut rows = Rows::new(frame.view()).unwrap();
    let mut rgb = vec![0; frame.width * frame.height * 3];
    for (y, line) in rgb.chunks_exact_mut(frame.width * 3).enumerate() {
        rows.rgb(y, 0, line).unwrap();
    }
    rgb
}

#[test]
fn raw_formats_show_the_same_picture_at_even_and_odd_sizes() {
    for size in [(64, 48), (33, 21)] {
        let wanted = read(options(PixelFormat::Rgb24, size), 7);
        for format in COLOURED {
            for matrix in [Matrix::Bt601, Matrix::Bt709] {
                for full_range in [false, true] {
                    let mut options = options(format, size);
                    options.colour = Colour { matrix, full_range };
                    let got = read(options, 7);
                    // Shared chroma blurs the square's edge; all else is within rounding.
                    let far = wanted.iter().zip(&got);
                    let far = far.filter(|(a, b)| a.abs_diff(**b) > 4).count();
                    assert!(far * 10 < wanted.len(), "{format} {matrix:?} {far}");
                }
            }
        }
    }
}

#[test]
fn grey_is_the_luma_in_either_range() {
    let wanted = read(options(PixelFormat::Rgb24, (33, 21)), 7);
    for full_range in [false, true] {
        let mut grey = options(PixelFormat::Grey, (33, 21));
        grey.colour.full_range = full_range;
        let got = read(grey, 7);
        for (rgb, grey) in wanted.chunks_exact(3).zip(got.chunks_exact(3)) {
            let [r, g, b] = [rgb[0], rgb[1], rgb[2]].map(f32::from);
            let luma = 0.299 * r + 0.587 * g + 0.114 * b;
            // The video range has 220 levels.
            assert!((luma - f32::from(grey[0])).abs() <= 1.1, "{luma} {grey:?}");
        }
    }
}

#[test]
fn a_frame_depends_on_its_number_alone() {
    let picture = |number| read(options(PixelFormat::Rgb24, (64, 48)), number);
    assert_eq!(picture(3), picture(3));
    assert_ne!(picture(3), picture(4));
}

#[test]
fn jpeg_frames_are_pictures_of_the_size() {
    let mut source = Synthetic::new(options(PixelFormat::Jpeg, (64, 48)));
    let mut frame = Frame::empty();
    source.next(&mut frame).unwrap();
    let decoded = image::load_from_memory(&frame.data).unwrap();
    assert_eq!((decoded.width(), decoded.height()), (64, 48));
}

#[test]
fn frames_keep_their_rate_and_come_to_an_end() {
    let mut source = Synthetic::new(SyntheticOptions {
        frame_rate: 4.0,
        ..options(PixelFormat::Grey, (8, 8))
    });
    let mut frame = Frame::empty();
    for number in 0..30 {
        assert_eq!(source.next(&mut frame).unwrap(), Next::Frame);
        assert_eq!(frame.seq, number);
        let time = Duration::from_millis(250) * number as u32;
        assert_eq!(frame.captured.elapsed, time);
    }
    assert_eq!(source.next(&mut frame).unwrap(), Next::End);
}

#[test]
fn paced_frames_wait_for_their_time_in_slices() {
    let mut source = Synthetic::new(SyntheticOptions {
        paced: true,
        frame_rate: 2.0,
        ..options(PixelFormat::Grey, (8, 8))
    });
    let mut frame = Frame::empty();
    assert_eq!(source.next(&mut frame).unwrap(), Next::Frame);
    let begin = Instant::now();
    let mut idle = 0;
    while source.next(&mut frame).unwrap() == Next::Idle {
        idle += 1;
    }
    assert!(idle >= 1);
    assert!(begin.elapsed() >= Duration::from_millis(350));
}

#[test]
fn the_footprint_holds_a_frame_of_each_format() {
    for format in COLOURED
        .into_iter()
        .chain([PixelFormat::Grey, PixelFormat::Jpeg])
    {
        for size in [(64, 48), (33, 21), (8, 8), (640, 480)] {
            let mut source = Synthetic::new(options(format, size));
            let mut frame = Frame::empty();
            source.next(&mut frame).unwrap();
            let Footprint {
                frame: most, width, ..
            } = source.footprint();
            let bytes = frame.data.len();
            assert!(most >= bytes, "{format} {size:?}: {most} for {bytes}");
            assert!(format == PixelFormat::Jpeg || most == bytes, "{format}");
            assert_eq!(width, size.0);
        }
    }
}

#[test]
fn a_clock_that_starts_again_owes_no_frames() {
    let mut source = Synthetic::new(SyntheticOptions {
        paced: true,
        frame_rate: 20.0,
        ..options(PixelFormat::Grey, (8, 8))
    });
    thread::sleep(Duration::from_millis(120));
    let begun = source.start().unwrap();
    assert!(begun.elapsed() < Duration::from_millis(50));
    let mut frame = Frame::empty();
    assert_eq!(source.next(&mut frame).unwrap(), Next::Frame);
    assert_eq!(source.next(&mut frame).unwrap(), Next::Frame);
    assert!(begun.elapsed() >= Duration::from_millis(50));
}
