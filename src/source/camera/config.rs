//! The section `[camera]`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::misfit::{Misfit, within};

use super::negotiate::Ask;
use crate::frame::PixelFormat;
use crate::source::Footprint;

/// The section `[camera]`: which camera, and the mode to request.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `auto` for the first usable camera; or a name from `/dev/v4l/by-id` or `/dev/v4l/by-path`,
    /// a card's name or a part of it, a number N for `/dev/videoN`, or a path. It is looked up
    /// at each open.
    pub device: String,
    /// Width to request, in pixels, 64 to 3840.
    pub width: u32,
    /// Height to request, in pixels, 64 to 2160.
    pub height: u32,
    /// Frames a second to request, 0.1 to 120; frames that a camera sends beyond it are dropped.
    pub fps: f64,
    /// `auto`, or the only format to use.
    pub format: Format,
    /// Kernel buffers to request, 2 to 8. Each holds a whole frame and counts as the daemon's
    /// memory. By default three, or two if three would take more than 8 MiB.
    pub buffers: Option<u32>,
    /// Seconds without a valid frame after which the camera is lost, 0.5 to 60. A camera with a
    /// longer frame interval has two and a half intervals.
    pub timeout: f64,
    /// Frames to drop after each open, while exposure and white balance settle, 0 to 100.
    pub skip: u32,
    /// Controls to set at each open, by the names that `v4l2-ctl --list-ctrls` shows.
    pub controls: BTreeMap<String, ControlValue>,
}

/// The value of a control.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum ControlValue {
    /// On or off.
    Switch(bool),
    /// A number, also that of a menu's entry.
    Number(i64),
    /// A menu's entry by its name, such as `50 Hz`.
    Entry(String),
}

/// The pixel format to use, by V4L2's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The cheapest to read at the requested size and rate.
    #[default]
    Auto,
    /// 4:2:2 packed, Y0 Cb Y1 Cr.
    Yuyv,
    /// 4:2:2 packed, Cb Y0 Cr Y1.
    Uyvy,
    /// 4:2:0, two planes.
    Nv12,
    /// 4:2:0, three planes.
    Yu12,
    /// Luma only.
    Grey,
    /// Red, green, blue.
    Rgb24,
    /// Blue, green, red.
    Bgr24,
    /// One JPEG picture a frame.
    Mjpg,
}

/// Most bytes of three buffers. With two, the driver misses frames while one is read and the other
/// waits, some milliseconds each time; for large pictures a third is not worth its memory.
const SMALL: usize = 8 << 20;

impl Default for Config {
    fn default() -> Self {
        Self {
            device: "auto".into(),
            width: 640,
            height: 480,
            fps: 10.0,
            format: Format::Auto,
            buffers: None,
            timeout: 3.0,
            skip: 3,
            controls: BTreeMap::new(),
        }
    }
}

impl Config {
    /// Checks every range.
    ///
    /// # Errors
    /// The first key that is out of its range, with the range.
    pub(crate) fn check(&self) -> Result<(), Misfit> {
        if self.device.trim().is_empty() || self.device.contains('\0') {
            return Err(Misfit::new(
                "device",
                "must name a camera: auto, a name from /dev/v4l/by-id, a card's name, a number or a path",
            ));
        }
        within("width", self.width, 64..=3840, "pixels")?;
        within("height", self.height, 64..=2160, "pixels")?;
        within("fps", self.fps, 0.1..=120.0, "frames a second")?;
        within("buffers", self.asked_buffers(), 2..=8, "")?;
        within("timeout", self.timeout, 0.5..=60.0, "seconds")?;
        within("skip", self.skip, 0..=100, "frames")?;
        if self.controls.keys().any(|name| name.trim().is_empty()) {
            return Err(Misfit::new("controls", "has an empty name"));
        }
        Ok(())
    }

    /// The memory that the requested pictures take. Only JPEG pictures are copied out of the
    /// driver's buffers, and raw ones of a driver that `copies` because it does not lend them. The
    /// driver may choose another mode; `Status` reports its buffers then.
    ///
    /// A camera reserves two bytes a pixel for a JPEG and fills a small part of it (the shipped
    /// recording's pictures, a fortieth). An eighth is counted; a larger picture is taken as far as
    /// the budget leaves room.
    pub(in crate::source) fn footprint(&self, copies: bool) -> Footprint {
        let buffer = self.buffer();
        let frame = match self.format {
            Format::Mjpg => buffer / 8,
            _ if copies => buffer,
            Format::Auto => buffer / 8,
            _ => 0,
        };
        Footprint {
            device: buffer.next_multiple_of(4096) * self.asked_buffers() as usize,
            frame,
            lent: match self.format {
                Format::Mjpg => 0,
                _ => buffer,
            },
            copied: copies,
            width: self.width as usize,
            height: self.height as usize,
            ..Footprint::default()
        }
    }

    /// Driver buffers to request.
    pub(super) fn asked_buffers(&self) -> u32 {
        let usual = if 3 * self.buffer() > SMALL { 2 } else { 3 };
        self.buffers.unwrap_or(usual)
    }

    /// Bytes of one driver buffer.
    fn buffer(&self) -> usize {
        let pixels = self.width as usize * self.height as usize;
        match self.format {
            Format::Grey => pixels,
            Format::Nv12 | Format::Yu12 => pixels * 3 / 2,
            Format::Auto | Format::Yuyv | Format::Uyvy | Format::Mjpg => pixels * 2,
            Format::Rgb24 | Format::Bgr24 => pixels * 3,
        }
    }

    pub(super) fn timeout(&self) -> Duration {
        Duration::try_from_secs_f64(self.timeout).unwrap_or(Duration::from_secs(3))
    }

    pub(super) fn ask(&self) -> Ask {
        Ask {
            width: self.width,
            height: self.height,
            fps: self.fps,
            format: self.format.pixel_format(),
        }
    }
}

impl Format {
    /// The only format to use; `None` for any.
    pub(crate) fn pixel_format(self) -> Option<PixelFormat> {
        Some(match self {
            Self::Auto => return None,
            Self::Yuyv => PixelFormat::Yuyv,
            Self::Uyvy => PixelFormat::Uyvy,
            Self::Nv12 => PixelFormat::Nv12,
            Self::Yu12 => PixelFormat::Yu12,
            Self::Grey => PixelFormat::Grey,
            Self::Rgb24 => PixelFormat::Rgb24,
            Self::Bgr24 => PixelFormat::Bgr24,
            Self::Mjpg => PixelFormat::Jpeg,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Config {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn an_empty_section_is_the_default_and_passes() {
        assert_eq!(Config::default().check(), Ok(()));
        assert_eq!(read(""), Config::default());
    }

    #[test]
    fn controls_are_switches_numbers_or_entries() {
        let config = read(
            "format = 'mjpg'\n[controls]\nauto_exposure = 1\nfocus_automatic_continuous = false\n\
             power_line_frequency = '50 Hz'",
        );
        assert_eq!(config.ask().format, Some(PixelFormat::Jpeg));
        let values: Vec<_> = config.controls.into_values().collect();
        assert_eq!(
            values,
            [
                ControlValue::Number(1),
                ControlValue::Switch(false),
                ControlValue::Entry("50 Hz".into())
            ]
        );
    }

    #[test]
    fn each_key_out_of_its_range_is_named() {
        for (text, key) in [
            ("device = ' '", "device"),
            ("width = 0", "width"),
            ("height = 4000", "height"),
            ("fps = 0.0", "fps"),
            ("fps = nan", "fps"),
            ("buffers = 1", "buffers"),
            ("timeout = 0.1", "timeout"),
            ("skip = 101", "skip"),
            ("[controls]\n'' = 1", "controls"),
        ] {
            assert_eq!(read(text).check().unwrap_err().key, key, "{text}");
        }
    }

    #[test]
    fn the_footprint_follows_format_and_size() {
        let footprint = |config: &Config| {
            let found = config.footprint(false);
            (found.device, found.frame, found.width)
        };
        let usual = footprint(&read(""));
        assert_eq!(usual, (3 * 640 * 480 * 2, 640 * 480 / 4, 640));
        let mut large = read("format = 'mjpg'\nwidth = 1920\nheight = 1080");
        let two = (2 * 1013 * 4096, 1920 * 1080 / 4, 1920);
        assert_eq!(footprint(&large), two);
        large.buffers = Some(4);
        assert_eq!(footprint(&large).0, 4 * 1013 * 4096);
        let small = read("format = 'nv12'\nwidth = 64\nheight = 64");
        assert_eq!(footprint(&small), (3 * 8192, 0, 64));
        assert_eq!(small.footprint(true).frame, 64 * 64 * 3 / 2);
    }

    #[test]
    fn unknown_keys_and_formats_are_refused() {
        assert!(toml::from_str::<Config>("devise = 'auto'").is_err());
        assert!(toml::from_str::<Config>("format = 'h264'").is_err());
    }
}
