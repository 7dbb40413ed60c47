use super::super::{Colour, Orientation};
use super::*;
use proptest::prelude::*;

const RAW: [PixelFormat; 7] = [
    PixelFormat::Rgb24,
    PixelFormat::Bgr24,
    PixelFormat::Grey,
    PixelFormat::Yuyv,
    PixelFormat::Uyvy,
    PixelFormat::Nv12,
    PixelFormat::Yu12,
];

fn view(format: PixelFormat, width: usize, height: usize, stride: usize, data: &[u8]) -> View<'_> {
    View {
        format,
        width,
        height,
        stride,
        colour: Colour {
            full_range: true,
            ..Colour::default()
        },
        orientation: Orientation::Upright,
        limit: crate::frame::Limit::FILE,
        data,
    }
}

fn row(view: View<'_>, y: usize, x: usize, n: usize) -> Vec<u8> {
    let mut line = vec![0; n * 3];
    Rows::new(view).unwrap().rgb(y, x, &mut line).unwrap();
    line
}

#[test]
fn each_format_reads_the_same_grey_ramp() {
    // 5x3: odd both ways, luma 10*y + x, chroma neutral.
    let luma = |x: usize, y: usize| (10 * y + x) as u8;
    let build = |format: PixelFormat| -> (usize, Vec<u8>) {
        let mut data = Vec::new();
        let stride = match format {
            PixelFormat::Rgb24 | PixelFormat::Bgr24 => 15,
            PixelFormat::Yuyv | PixelFormat::Uyvy => 12,
            _ => 5,
        };
        for y in 0..3 {
            for x in 0..5 {
                match format {
                    PixelFormat::Rgb24 | PixelFormat::Bgr24 => data.extend([luma(x, y); 3]),
                    PixelFormat::Yuyv => data.extend([luma(x, y), 128]),
                    PixelFormat::Uyvy => data.extend([128, luma(x, y)]),
                    _ => data.push(luma(x, y)),
                }
            }
            if stride == 12 {
                data.extend([128, 128]);
            }
        }
        if matches!(format, PixelFormat::Nv12 | PixelFormat::Yu12) {
            data.extend([128; 12]);
        }
        (stride, data)
    };
    for format in RAW {
        let (stride, data) = build(format);
        assert_eq!(format.bytes(5, 3, stride), Some(data.len()), "{format}");
        for y in 0..3 {
            for x in 0..5 {
                for n in 0..=5 - x {
                    let want: Vec<u8> = (x..x + n).flat_map(|x| [luma(x, y); 3]).collect();
                    assert_eq!(
                        row(view(format, 5, 3, stride, &data), y, x, n),
                        want,
                        "{format} {x},{y}"
                    );
                }
            }
        }
        let cut = view(format, 5, 3, stride, &data[..data.len() - 1]);
        assert!(
            matches!(Rows::new(cut), Err(Error::Short { .. })),
            "{format}"
        );
    }
}

#[test]
fn colours_keep_their_place() {
    assert_eq!(
        row(view(PixelFormat::Rgb24, 1, 1, 3, &[1, 2, 3]), 0, 0, 1),
        [1, 2, 3]
    );
    assert_eq!(
        row(view(PixelFormat::Bgr24, 1, 1, 3, &[1, 2, 3]), 0, 0, 1),
        [3, 2, 1]
    );
    // Cr above the middle is red, in each order of the bytes.
    let red = |format, stride, data: &[u8]| {
        let line = row(view(format, 2, 1, stride, data), 0, 0, 2);
        assert!(
            line[0] > 200 && line[1] < 100 && line[2] < 120,
            "{format} {line:?}"
        );
        assert_eq!(line[..3], line[3..], "{format}");
    };
    red(PixelFormat::Yuyv, 4, &[100, 100, 100, 240]);
    red(PixelFormat::Uyvy, 4, &[100, 100, 240, 100]);
    red(PixelFormat::Nv12, 2, &[100, 100, 100, 240]);
    red(PixelFormat::Yu12, 2, &[100, 100, 100, 240]);
}

#[test]
fn grey_of_the_video_range_is_spread_to_all_levels() {
    let data = [16, 126, 235];
    let mut view = view(PixelFormat::Grey, 3, 1, 3, &data);
    assert_eq!(
        row(view, 0, 0, 3),
        [16, 16, 16, 126, 126, 126, 235, 235, 235]
    );
    view.colour.full_range = false;
    assert_eq!(row(view, 0, 0, 3), [0, 0, 0, 128, 128, 128, 255, 255, 255]);
}

#[test]
fn padding_between_rows_is_not_read() {
    let data = [1, 2, 9, 9, 3, 4];
    assert_eq!(
        row(view(PixelFormat::Grey, 2, 2, 4, &data), 1, 0, 2),
        [3, 3, 3, 4, 4, 4]
    );
}

proptest! {
    #[test]
    fn no_size_and_no_buffer_panics(
        which in 0..RAW.len(),
        width in prop_oneof![0usize..40, Just(usize::MAX), Just(usize::MAX / 3)],
        height in prop_oneof![0usize..40, Just(usize::MAX), Just(usize::MAX / 2 + 1)],
        stride in prop_oneof![0usize..200, Just(usize::MAX)],
        len in 0usize..6000,
        y in 0usize..50,
        x in prop_oneof![0usize..50, Just(usize::MAX)],
        n in 0usize..50,
    ) {
        let data = vec![7; len];
        if let Ok(mut rows) = Rows::new(view(RAW[which], width, height, stride, &data)) {
            let mut line = vec![0; n * 3];
            let inside = y < height && x.checked_add(n).is_some_and(|end| end <= width);
            prop_assert_eq!(rows.read(y, x, &mut line).is_ok(), inside);
        }
    }
}
