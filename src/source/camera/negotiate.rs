//! Which format, size and interval to ask for, and what the driver's answer means. Pure.
//!
//! The size asked for comes first, then the rate, then the format that costs least to read. What the driver gave
//! is the truth from there on.

use serde::Serialize;
use v4l::v4l_sys as sys;
use v4l::{FourCC, Fraction};

use super::system::{FrameInterval, FrameSize, Picture};
use crate::frame::{Colour, Matrix, PixelFormat};

/// Every format that is understood, from cheapest to dearest; grey comes last because it has no colour.
pub const FORMATS: [(PixelFormat, &[u8; 4]); 9] = [
    (PixelFormat::Yuyv, b"YUYV"),
    (PixelFormat::Uyvy, b"UYVY"),
    (PixelFormat::Nv12, b"NV12"),
    (PixelFormat::Yu12, b"YU12"),
    (PixelFormat::Rgb24, b"RGB3"),
    (PixelFormat::Bgr24, b"BGR3"),
    (PixelFormat::Jpeg, b"MJPG"),
    (PixelFormat::Jpeg, b"JPEG"),
    (PixelFormat::Grey, b"GREY"),
];

/// No picture is larger: what a driver says beyond it is a mistake, not a reason to allocate.
const MOST_BYTES: usize = 256 << 20;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ask {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Frames a second.
    pub fps: f64,
    /// The only format to take, or any.
    pub format: Option<PixelFormat>,
}

/// A format and size that a driver offers, with its intervals; none where it does not say.
#[derive(Clone, Debug)]
pub struct Offer {
    /// V4L2's name of the format.
    pub fourcc: FourCC,
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Frame intervals.
    pub intervals: Vec<FrameInterval>,
}

/// What to ask the driver for.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// V4L2's name of the format.
    pub fourcc: FourCC,
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// The frame interval in seconds.
    pub interval: Fraction,
}

/// How a camera's frames are to be read, as the driver gave it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mode {
    /// Pixel format.
    #[serde(skip)]
    pub format: PixelFormat,
    /// V4L2's name of the format.
    pub fourcc: String,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Bytes from one row of the first plane to the next; 0 for JPEG.
    pub stride: usize,
    /// Matrix and range of YCbCr.
    #[serde(skip)]
    pub colour: Colour,
    /// Bytes of the largest picture, as the driver says.
    pub size_image: usize,
    /// Frames a second; 0 where the driver does not say.
    pub fps: f64,
}

/// What this format is here.
pub fn pixel_format(fourcc: FourCC) -> Option<PixelFormat> {
    let known = FORMATS.iter().find(|(_, name)| fourcc.repr == **name);
    known.map(|(format, _)| *format)
}

/// A format's name as people write it.
pub fn name(fourcc: FourCC) -> String {
    String::from_utf8_lossy(&fourcc.repr).trim().to_string()
}

/// Frames a second of an interval; 0 for one that is none.
pub fn fps(interval: Fraction) -> f64 {
    if interval.numerator == 0 {
        return 0.0;
    }
    f64::from(interval.denominator) / f64::from(interval.numerator)
}

/// The size out of a driver's list that comes nearest to what is asked for: that very size, else the smallest that
/// covers it, else the largest.
pub fn nearest_size(sizes: &[FrameSize], ask: &Ask) -> Option<(u32, u32)> {
    let within = |value: u32, min: u32, max: u32, step: u32| {
        let step = step.max(1);
        let steps = value.saturating_sub(min).div_ceil(step);
        let up = min.saturating_add(steps.saturating_mul(step));
        if up <= max { up } else { max }
    };
    let sizes = sizes.iter().map(|size| match *size {
        FrameSize::Discrete(width, height) => (width, height),
        FrameSize::Range { min, max, step } => (
            within(ask.width, min.0, max.0, step.0),
            within(ask.height, min.1, max.1, step.1),
        ),
    });
    let sizes = sizes.filter(|&(width, height)| width > 0 && height > 0);
    sizes.min_by_key(|&size| size_distance(size, ask))
}

/// 0 for the size itself, then what covers it, then what does not.
fn size_distance((width, height): (u32, u32), ask: &Ask) -> (u8, u64) {
    let area = u64::from(width) * u64::from(height);
    let asked = u64::from(ask.width) * u64::from(ask.height);
    let class = match (width, height) {
        size if size == (ask.width, ask.height) => 0,
        (w, h) if w >= ask.width && h >= ask.height => 1,
        _ => 2,
    };
    (class, area.abs_diff(asked))
}

/// The slowest interval that is fast enough, else the fastest.
fn best_interval(intervals: &[FrameInterval], ask: &Ask) -> Fraction {
    let wanted = Fraction::new(1000, (ask.fps * 1000.0).round().max(1.0) as u32);
    let candidates = intervals.iter().map(|interval| match *interval {
        FrameInterval::Discrete(interval) => interval,
        FrameInterval::Range(shortest, longest) => {
            if fps(shortest) > 0.0 && ask.fps > fps(shortest) {
                shortest
            } else if ask.fps < fps(longest) {
                longest
            } else {
                wanted
            }
        }
    });
    let candidates = candidates.filter(|&c| fps(c) > 0.0);
    candidates
        .min_by(|&a, &b| rate_distance(fps(a), ask).total_cmp(&rate_distance(fps(b), ask)))
        .unwrap_or(wanted)
}

/// Rates that are too low are worse than any that are too high. 1 in 100 is forgiven: 29.97 is 30.
fn rate_distance(rate: f64, ask: &Ask) -> f64 {
    if rate >= ask.fps * 0.99 {
        (rate - ask.fps).abs()
    } else {
        1e6 + (ask.fps - rate)
    }
}

/// What to ask for, best first. Formats that are not understood are left out.
pub fn rank(offers: &[Offer], ask: &Ask) -> Vec<Choice> {
    let mut ranked: Vec<_> = offers
        .iter()
        .filter_map(|offer| {
            let place = FORMATS.iter().position(|(_, n)| offer.fourcc.repr == **n)?;
            if ask.format.is_some_and(|only| FORMATS[place].0 != only) {
                return None;
            }
            let interval = best_interval(&offer.intervals, ask);
            let short = (ask.fps * 0.99 - fps(interval)).max(0.0);
            let choice = Choice {
                fourcc: offer.fourcc,
                size: offer.size,
                interval,
            };
            Some((size_distance(offer.size, ask), short, place, choice))
        })
        .collect();
    ranked.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
    ranked.into_iter().map(|(.., choice)| choice).collect()
}

/// Bytes of one row of the first plane.
fn row_bytes(format: PixelFormat, width: usize) -> usize {
    match format {
        PixelFormat::Jpeg => 0,
        PixelFormat::Rgb24 | PixelFormat::Bgr24 => width * 3,
        PixelFormat::Yuyv | PixelFormat::Uyvy => width.next_multiple_of(2) * 2,
        PixelFormat::Grey | PixelFormat::Nv12 | PixelFormat::Yu12 => width,
    }
}

/// Reads the driver's answer.
///
/// # Errors
/// What in it cannot be used.
pub fn mode(picture: &Picture, interval: Option<Fraction>) -> Result<Mode, String> {
    let fourcc = name(picture.format);
    let Some(format) = pixel_format(picture.format) else {
        return Err(format!("the driver gave {fourcc}, which is not understood"));
    };
    let (width, height) = (picture.width as usize, picture.height as usize);
    if !(1..=16384).contains(&width) || !(1..=16384).contains(&height) {
        return Err(format!("the driver gave a picture of {width}x{height}"));
    }
    if matches!(
        picture.field,
        sys::v4l2_field_V4L2_FIELD_SEQ_TB | sys::v4l2_field_V4L2_FIELD_SEQ_BT
    ) {
        return Err("the driver gives half pictures one after the other (interlaced)".into());
    }
    // Some drivers leave the stride 0 or too small; then rows follow each other without a gap.
    let row = row_bytes(format, width);
    let stride = match format {
        PixelFormat::Jpeg => 0,
        _ if (picture.bytes_per_line as usize) < row => row,
        _ => picture.bytes_per_line as usize,
    };
    if stride > MOST_BYTES >> 14 {
        return Err(format!("the driver gives rows of {stride} bytes"));
    }
    let size_image =
        (picture.size_image as usize).max(format.bytes(width, height, stride).unwrap_or(0));
    if size_image > MOST_BYTES {
        return Err(format!("the driver gives pictures of {size_image} bytes"));
    }
    Ok(Mode {
        format,
        fourcc,
        width,
        height,
        stride,
        colour: colour(format, picture),
        size_image,
        fps: interval.map_or(0.0, fps),
    })
}

/// Matrix and range, with V4L2's defaults where the driver leaves them open. BT.2020 and SMPTE 240M are read as
/// BT.709, which is nearest.
fn colour(format: PixelFormat, picture: &Picture) -> Colour {
    if format == PixelFormat::Jpeg {
        // A JPEG file is BT.601, full range, whatever the driver says of its sensor.
        return Colour {
            matrix: Matrix::Bt601,
            full_range: true,
        };
    }
    let matrix = match picture.encoding {
        sys::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_DEFAULT => match picture.colorspace {
            sys::v4l2_colorspace_V4L2_COLORSPACE_REC709
            | sys::v4l2_colorspace_V4L2_COLORSPACE_DCI_P3
            | sys::v4l2_colorspace_V4L2_COLORSPACE_BT2020
            | sys::v4l2_colorspace_V4L2_COLORSPACE_SMPTE240M => Matrix::Bt709,
            _ => Matrix::Bt601,
        },
        sys::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_601
        | sys::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_XV601
        | sys::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_SYCC => Matrix::Bt601,
        _ => Matrix::Bt709,
    };
    let rgb = matches!(format, PixelFormat::Rgb24 | PixelFormat::Bgr24);
    let full_range = match picture.quantization {
        sys::v4l2_quantization_V4L2_QUANTIZATION_FULL_RANGE => true,
        sys::v4l2_quantization_V4L2_QUANTIZATION_LIM_RANGE => false,
        _ => rgb || picture.colorspace == sys::v4l2_colorspace_V4L2_COLORSPACE_JPEG,
    };
    Colour { matrix, full_range }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASK: Ask = Ask {
        width: 1280,
        height: 720,
        fps: 30.0,
        format: None,
    };

    fn offer(fourcc: &[u8; 4], size: (u32, u32), rates: &[u32]) -> Offer {
        let intervals = rates
            .iter()
            .map(|&fps| FrameInterval::Discrete(Fraction::new(1, fps)));
        Offer {
            fourcc: FourCC::new(fourcc),
            size,
            intervals: intervals.collect(),
        }
    }

    fn best(offers: &[Offer], ask: &Ask) -> (String, (u32, u32), f64) {
        let choice = rank(offers, ask)[0];
        (name(choice.fourcc), choice.size, fps(choice.interval))
    }

    #[test]
    fn the_size_counts_first_then_the_rate_then_the_cost() {
        let offers = [
            offer(b"YUYV", (1280, 720), &[10, 5]),
            offer(b"MJPG", (1280, 720), &[60, 30, 15]),
            offer(b"YUYV", (640, 480), &[30]),
        ];
        assert_eq!(best(&offers, &ASK), ("MJPG".into(), (1280, 720), 30.0));
        let slow = Ask { fps: 5.0, ..ASK };
        assert_eq!(best(&offers, &slow), ("YUYV".into(), (1280, 720), 5.0));
        let small = Ask {
            width: 640,
            height: 480,
            ..ASK
        };
        assert_eq!(best(&offers, &small), ("YUYV".into(), (640, 480), 30.0));
    }

    #[test]
    fn a_rate_that_no_format_reaches_gives_the_fastest() {
        let offers = [
            offer(b"YUYV", (1280, 720), &[5, 10]),
            offer(b"NV12", (1280, 720), &[15]),
        ];
        assert_eq!(best(&offers, &ASK), ("NV12".into(), (1280, 720), 15.0));
    }

    #[test]
    fn the_slowest_interval_that_is_fast_enough_is_taken() {
        let offers = [offer(b"YUYV", (1280, 720), &[1, 5, 10, 25, 60])];
        let ask = Ask { fps: 7.0, ..ASK };
        assert_eq!(best(&offers, &ask).2, 10.0);
        // NTSC's 29.97 is what people mean by 30.
        let mut ntsc = offer(b"YUYV", (1280, 720), &[60]);
        ntsc.intervals
            .push(FrameInterval::Discrete(Fraction::new(1001, 30000)));
        assert!((best(&[ntsc], &ASK).2 - 29.97).abs() < 0.01);
    }

    #[test]
    fn only_the_format_asked_for_is_taken_and_unknown_ones_never() {
        let offers = [
            offer(b"H264", (1280, 720), &[30]),
            offer(b"YUYV", (1280, 720), &[30]),
            offer(b"GREY", (1280, 720), &[30]),
        ];
        let grey = Ask {
            format: Some(PixelFormat::Grey),
            ..ASK
        };
        assert_eq!(best(&offers, &grey).0, "GREY");
        assert_eq!(rank(&offers, &ASK).len(), 2);
        assert!(rank(&offers[..1], &ASK).is_empty());
    }

    #[test]
    fn a_size_is_matched_covered_or_the_largest() {
        let sizes = [(320, 180), (640, 480), (1920, 1080), (1280, 800)];
        let list: Vec<_> = sizes
            .iter()
            .map(|&(w, h)| FrameSize::Discrete(w, h))
            .collect();
        assert_eq!(nearest_size(&list, &ASK), Some((1280, 800)));
        assert_eq!(nearest_size(&list[..2], &ASK), Some((640, 480)));
        let range = FrameSize::Range {
            min: (48, 16),
            max: (1920, 1200),
            step: (32, 2),
        };
        assert_eq!(nearest_size(&[range], &ASK), Some((1296, 720)));
        assert_eq!(nearest_size(&[], &ASK), None);
        // A driver that answers nonsense neither panics nor wins.
        let broken = FrameSize::Range {
            min: (0, 0),
            max: (0, 0),
            step: (0, 0),
        };
        assert_eq!(nearest_size(&[broken], &ASK), None);
    }

    #[test]
    fn intervals_in_a_range_are_clamped() {
        let range = FrameInterval::Range(Fraction::new(1, 20), Fraction::new(1, 2));
        let rate = |asked| fps(best_interval(&[range], &Ask { fps: asked, ..ASK }));
        assert_eq!(rate(30.0), 20.0);
        assert_eq!(rate(1.0), 2.0);
        assert_eq!(rate(7.5), 7.5);
        let none = FrameInterval::Discrete(Fraction::new(0, 0));
        assert_eq!(fps(best_interval(&[none], &ASK)), 30.0);
    }

    fn yuyv(width: u32, height: u32) -> Picture {
        Picture {
            format: FourCC::new(b"YUYV"),
            width,
            height,
            bytes_per_line: width * 2,
            size_image: width * height * 2,
            ..Picture::default()
        }
    }

    #[test]
    fn the_answer_of_the_driver_is_the_truth() {
        let mut picture = yuyv(640, 480);
        picture.bytes_per_line = 1344;
        let mode = mode(&picture, Some(Fraction::new(1, 15))).unwrap();
        assert_eq!((mode.width, mode.height, mode.stride), (640, 480, 1344));
        assert_eq!(mode.size_image, 1344 * 479 + 1280);
        assert_eq!(mode.fps, 15.0);
    }

    #[test]
    fn a_stride_or_size_left_out_is_worked_out() {
        let mut picture = yuyv(641, 480);
        (picture.bytes_per_line, picture.size_image) = (0, 0);
        let mode = mode(&picture, None).unwrap();
        assert_eq!((mode.stride, mode.size_image), (1284, 1284 * 480));
    }

    #[test]
    fn answers_that_cannot_be_read_are_refused() {
        let mut other = yuyv(640, 480);
        other.format = FourCC::new(b"pRAA");
        assert!(mode(&other, None).unwrap_err().contains("pRAA"));
        assert!(mode(&yuyv(0, 480), None).is_err());
        let mut fields = yuyv(640, 480);
        fields.field = sys::v4l2_field_V4L2_FIELD_SEQ_TB;
        assert!(mode(&fields, None).unwrap_err().contains("interlaced"));
        let mut huge = yuyv(640, 480);
        huge.size_image = u32::MAX;
        assert!(mode(&huge, None).is_err());
    }

    #[test]
    fn matrix_and_range_follow_v4l2s_defaults() {
        let read = |colorspace, encoding, quantization| {
            let picture = Picture {
                colorspace,
                encoding,
                quantization,
                ..yuyv(64, 64)
            };
            let colour = mode(&picture, None).unwrap().colour;
            (colour.matrix, colour.full_range)
        };
        use sys::*;
        let srgb = v4l2_colorspace_V4L2_COLORSPACE_SRGB;
        assert_eq!(read(srgb, 0, 0), (Matrix::Bt601, false));
        let hd = v4l2_colorspace_V4L2_COLORSPACE_REC709;
        assert_eq!(read(hd, 0, 0), (Matrix::Bt709, false));
        let jpeg = v4l2_colorspace_V4L2_COLORSPACE_JPEG;
        assert_eq!(read(jpeg, 0, 0), (Matrix::Bt601, true));
        let full = v4l2_quantization_V4L2_QUANTIZATION_FULL_RANGE;
        assert_eq!(
            read(srgb, v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_709, full),
            (Matrix::Bt709, true)
        );
        let limited = v4l2_quantization_V4L2_QUANTIZATION_LIM_RANGE;
        assert_eq!(
            read(hd, v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_601, limited),
            (Matrix::Bt601, false)
        );
    }
}
