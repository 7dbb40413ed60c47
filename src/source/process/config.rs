//! The section `[process]`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::complaint;
use crate::frame::PixelFormat;
use crate::misfit::{Misfit, within};
use crate::source::Footprint;
use crate::source::live;
use crate::source::parse::RawFormat;

/// The section `[process]`: the program whose standard output is the camera.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The program and its arguments, as they are: no shell reads them.
    pub argv: Argv,
    /// What the program writes.
    pub format: Format,
    /// Width of the pictures in pixels, 64 to 3840: of raw ones exactly, of others at most. 640 by
    /// default where the pictures tell their size.
    pub width: Option<u32>,
    /// Height of the pictures in pixels, 64 to 2160, likewise; 480 by default.
    pub height: Option<u32>,
    /// Bytes from one row of a raw picture to the next, `width` to 16384; `width` by default.
    pub stride: Option<u32>,
    /// Seconds without a frame after which the program is ended and started again, 0.5 to 3600.
    pub timeout: f64,
    /// Seconds that the first frame may take, 0.5 to 3600; `timeout` counts if it is longer.
    pub start_timeout: f64,
}

/// A program and its arguments, which may hold passwords: they are never shown.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Argv(Vec<String>);

/// What a program writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// JPEG after JPEG.
    #[default]
    Mjpeg,
    /// YUV4MPEG2.
    Y4m,
    /// Planes of luma, Cb and Cr, 4:2:0.
    Yuv420,
    /// Luma only.
    Grey,
}

/// The size of pictures that tell their own, unless it is configured.
const USUAL: (u32, u32) = (640, 480);

impl Default for Config {
    fn default() -> Self {
        Self {
            argv: Argv::default(),
            format: Format::default(),
            width: None,
            height: None,
            stride: None,
            timeout: 10.0,
            start_timeout: 30.0,
        }
    }
}

impl fmt::Debug for Argv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} and {} arguments", self.program(), self.rest().len())
    }
}

impl From<&[&str]> for Argv {
    fn from(words: &[&str]) -> Self {
        Self(words.iter().map(ToString::to_string).collect())
    }
}

impl Argv {
    /// The program as it was written.
    pub(super) fn program(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// The program's own name, which may be shown.
    pub(super) fn name(&self) -> &str {
        let program = self.program();
        let name = Path::new(program).file_name().and_then(|n| n.to_str());
        name.unwrap_or(program)
    }

    /// The arguments.
    pub(super) fn rest(&self) -> &[String] {
        self.0.get(1..).unwrap_or_default()
    }
}

impl Config {
    /// Checks every value; `used` tells whether the source is a process.
    ///
    /// # Errors
    /// The first key whose value is not allowed, and the allowed values.
    pub(crate) fn check(&self, used: bool) -> Result<(), Misfit> {
        if used && self.argv.program().trim().is_empty() {
            let allowed = "must name a program and its arguments when source.kind is \"process\", \
                           as in [\"rpicam-vid\", \"-t\", \"0\", \"-n\"]";
            return Err(Misfit::new("argv", allowed));
        }
        if self.argv.0.iter().any(|word| word.contains('\0')) {
            return Err(Misfit::new("argv", "must hold no NUL characters"));
        }
        let raw = matches!(self.format, Format::Yuv420 | Format::Grey);
        for (key, side, most) in [("width", self.width, 3840), ("height", self.height, 2160)] {
            match side {
                Some(side) => within(key, side, 64..=most, "pixels")?,
                None if raw => {
                    let allowed = "must be set: raw pictures do not tell their size";
                    return Err(Misfit::new(key, allowed));
                }
                None => {}
            }
        }
        if let Some(stride) = self.stride {
            if !raw {
                let allowed = "must be left out: only \"yuv420\" and \"grey\" have one";
                return Err(Misfit::new("stride", allowed));
            }
            within("stride", stride, self.size().0..=16384, "bytes")?;
        }
        within("timeout", self.timeout, 0.5..=3600.0, "seconds")?;
        within("start_timeout", self.start_timeout, 0.5..=3600.0, "seconds")
    }

    /// Width and height of the pictures, at most.
    pub(super) fn size(&self) -> (u32, u32) {
        let (width, height) = USUAL;
        (self.width.unwrap_or(width), self.height.unwrap_or(height))
    }

    /// How the output is read.
    pub(super) fn stream(&self) -> live::Format {
        let (width, height) = self.size();
        let (width, height) = (width as usize, height as usize);
        let raw = |format| {
            live::Format::Raw(RawFormat {
                format,
                width,
                height,
                stride: self.stride.map_or(width, |stride| stride as usize),
            })
        };
        match self.format {
            Format::Mjpeg => live::Format::Mjpeg { width, height },
            Format::Y4m => live::Format::Y4m { width, height },
            Format::Yuv420 => raw(PixelFormat::Yu12),
            Format::Grey => raw(PixelFormat::Grey),
        }
    }

    /// Makes both sides of the pictures smaller, by `part` or as far as is allowed. Returns them.
    pub(crate) fn divide(&mut self, part: u32) -> (u32, u32) {
        let (width, height) = self.size();
        let smaller = |side: u32| (side / part / 2 * 2).max(64);
        let (width, height) = (smaller(width), smaller(height));
        (self.width, self.height) = (Some(width), Some(height));
        self.stride = None;
        (width, height)
    }

    /// The memory that the pictures take in this process. The child's own is not part of it.
    pub fn footprint(&self) -> Footprint {
        let stream = self.stream().footprint();
        Footprint {
            own: stream.own + complaint::MEMORY,
            // One reads the frames, one the complaints.
            threads: 2,
            ..stream
        }
    }

    /// The longest silence after a frame, and before the first one.
    pub(super) fn timeouts(&self) -> (Duration, Duration) {
        let of = |seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(10));
        let timeout = of(self.timeout);
        (timeout, of(self.start_timeout).max(timeout))
    }

    /// The same with a relative path of the program below `folder`.
    #[must_use]
    pub(crate) fn below(&self, folder: &Path) -> Self {
        let mut config = self.clone();
        let program = PathBuf::from(config.argv.program());
        if program.is_relative() && program.components().count() > 1 {
            let path = folder.join(program);
            config.argv.0[0] = path.to_string_lossy().into_owned();
        }
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::misfit::expect_misfits;

    fn read(text: &str) -> Config {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn an_empty_section_is_valid_while_it_is_not_used() {
        let config = read("");
        assert_eq!(config, Config::default());
        assert_eq!(config.check(false), Ok(()));
        let misfit = config.check(true).unwrap_err();
        assert_eq!(misfit.key, "argv");
        assert!(misfit.message.contains("rpicam-vid"), "{misfit}");
    }

    #[test]
    fn every_key_is_read() {
        let config = read(
            "argv = ['a', '-b']\nformat = 'yuv420'\nwidth = 642\nheight = 480\nstride = 704\n\
             timeout = 90\nstart_timeout = 5",
        );
        assert_eq!(config.check(true), Ok(()));
        let live::Format::Raw(raw) = config.stream() else {
            panic!("it is raw");
        };
        assert_eq!((raw.width, raw.stride), (642, 704));
        let (timeout, first) = config.timeouts();
        assert_eq!((timeout.as_secs(), first.as_secs()), (90, 90));
    }

    #[test]
    fn a_value_that_is_not_allowed_is_named() {
        expect_misfits(
            |config: &Config| config.check(true),
            &[
                ("argv = []", "argv", "must name a program"),
                ("argv = [' ']", "argv", "must name a program"),
                (
                    "argv = ['a', 'b\\u0000']".replace('\'', "\"").as_str(),
                    "argv",
                    "NUL",
                ),
                ("argv = ['a']\nformat = 'yuv420'", "width", "must be set"),
                (
                    "argv = ['a']\nformat = 'grey'\nwidth = 640",
                    "height",
                    "must be set",
                ),
                ("argv = ['a']\nwidth = 63", "width", "64 to 3840 pixels"),
                ("argv = ['a']\nheight = 2161", "height", "64 to 2160 pixels"),
                ("argv = ['a']\nstride = 640", "stride", "left out"),
                (
                    "argv = ['a']\nformat = 'grey'\nwidth = 640\nheight = 480\nstride = 639",
                    "stride",
                    "640 to 16384 bytes",
                ),
                ("argv = ['a']\ntimeout = 0.4", "timeout", "0.5 to 3600"),
                (
                    "argv = ['a']\nstart_timeout = 3601",
                    "start_timeout",
                    "0.5 to 3600",
                ),
            ],
        );
    }

    #[test]
    fn arguments_are_not_in_the_text_for_programmers() {
        let config = read("argv = ['/usr/bin/ffmpeg', 'rtsp://me:cuckoo@porch/1']");
        let text = format!("{config:?}");
        assert!(
            !text.contains("cuckoo") && text.contains("ffmpeg"),
            "{text}"
        );
        assert_eq!(config.argv.name(), "ffmpeg");
    }

    #[test]
    fn a_relative_path_starts_at_the_folder_and_a_name_does_not() {
        let program = |text: &str| {
            let config = read(text).below(Path::new("/etc/goldcrest"));
            config.argv.program().to_string()
        };
        assert_eq!(program("argv = ['bin/eye']"), "/etc/goldcrest/bin/eye");
        assert_eq!(program("argv = ['./eye']"), "/etc/goldcrest/./eye");
        assert_eq!(program("argv = ['/bin/eye']"), "/bin/eye");
        assert_eq!(program("argv = ['eye']"), "eye");
        assert_eq!(program(""), "");
    }
}
