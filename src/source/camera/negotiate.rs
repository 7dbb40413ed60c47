//! Choosing the format, size and interval to request. Pure.
//!
//! The requested size comes first, then the rate, then the format that is cheapest to read.

use v4l::{FourCC, Fraction};

use super::system::{FrameInterval, FrameSize};
use crate::frame::PixelFormat;

/// Every format that Goldcrest reads, the cheapest first; grey comes last because it has no colour.
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

/// The user's request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ask {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Frames a second.
    pub fps: f64,
    /// The only format to use; `None` for any.
    pub format: Option<PixelFormat>,
}

/// A format and size that a driver offers, with its intervals; no interval if the driver lists
/// none.
#[derive(Clone, Debug)]
pub struct Offer {
    /// V4L2's name of the format.
    pub fourcc: FourCC,
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Frame intervals.
    pub intervals: Vec<FrameInterval>,
}

/// A mode to ask the driver for.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// V4L2's name of the format.
    pub fourcc: FourCC,
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// The frame interval in seconds.
    pub interval: Fraction,
}

/// The pixel format of V4L2's code; `None` if Goldcrest does not read it.
pub fn pixel_format(fourcc: FourCC) -> Option<PixelFormat> {
    let known = FORMATS.iter().find(|(_, name)| fourcc.repr == **name);
    known.map(|(format, _)| *format)
}

/// A format's name without padding.
pub fn name(fourcc: FourCC) -> String {
    String::from_utf8_lossy(&fourcc.repr).trim().to_string()
}

/// Frames a second of an interval; 0 for an invalid one.
pub fn fps(interval: Fraction) -> f64 {
    if interval.numerator == 0 {
        return 0.0;
    }
    f64::from(interval.denominator) / f64::from(interval.numerator)
}

/// The size in a driver's list that is nearest to the request: exactly that size, else the smallest
/// that covers it, else the largest.
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

/// Orders sizes: exactly the requested one, then those that cover it, then the others.
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

/// Orders rates: any that is too low is worse than every one that is too high. A tolerance of 1 %
/// makes 29.97 count as 30.
fn rate_distance(rate: f64, ask: &Ask) -> f64 {
    if rate >= ask.fps * 0.99 {
        (rate - ask.fps).abs()
    } else {
        1e6 + (ask.fps - rate)
    }
}

/// The modes to ask for, best first. Formats that Goldcrest does not read are left out.
pub fn rank(offers: &[Offer], ask: &Ask) -> Vec<Candidate> {
    let mut ranked: Vec<_> = offers
        .iter()
        .filter_map(|offer| {
            let place = FORMATS.iter().position(|(_, n)| offer.fourcc.repr == **n)?;
            if ask.format.is_some_and(|only| FORMATS[place].0 != only) {
                return None;
            }
            let interval = best_interval(&offer.intervals, ask);
            let short = (ask.fps * 0.99 - fps(interval)).max(0.0);
            let candidate = Candidate {
                fourcc: offer.fourcc,
                size: offer.size,
                interval,
            };
            Some((size_distance(offer.size, ask), short, place, candidate))
        })
        .collect();
    ranked.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
    ranked
        .into_iter()
        .map(|(.., candidate)| candidate)
        .collect()
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
        let candidate = rank(offers, ask)[0];
        (
            name(candidate.fourcc),
            candidate.size,
            fps(candidate.interval),
        )
    }

    #[test]
    fn size_comes_first_then_rate_then_cost() {
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
    fn only_the_requested_format_is_taken() {
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
        // A range without a valid size neither panics nor wins.
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
}
