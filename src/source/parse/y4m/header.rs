//! The first line of a YUV4MPEG2 stream.

use crate::frame::{Colour, MAX_PIXELS, Matrix, PixelFormat};
use crate::source::Footprint;

/// The size, rate and pixels of a stream's frames.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StreamHeader {
    /// In pixels, at least 1.
    pub width: usize,
    /// In pixels, at least 1.
    pub height: usize,
    /// Frames a second.
    pub frame_rate: Option<f64>,
    pub sampling: Sampling,
    pub colour: Colour,
}

/// Which planes a frame has. All have 8 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// Three planes, chroma of half the width and height.
    Half,
    /// Three planes, chroma of half the width.
    HalfWidth,
    /// Luma alone.
    Mono,
}

/// Why a stream cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    #[error("it does not begin with YUV4MPEG2")]
    Signature,
    #[error("{0:?} is not a size")]
    Side(String),
    #[error("its header gives no width and height")]
    NoSize,
    #[error("it is {width}x{height}; at most {MAX_PIXELS} pixels are allowed")]
    TooLarge { width: usize, height: usize },
    #[error(
        "its pixels are C{0}, and Goldcrest reads only C420, C422 and Cmono of 8 bits; \
         convert it with ffmpeg -i IN.y4m -pix_fmt yuv420p OUT.y4m"
    )]
    Sampling(String),
}

impl StreamHeader {
    /// Parses the line, without its end.
    pub fn parse(line: &str) -> Result<Self, HeaderError> {
        let mut words = line.split(' ');
        if words.next() != Some("YUV4MPEG2") {
            return Err(HeaderError::Signature);
        }
        let (mut width, mut height) = (0, 0);
        let (mut frame_rate, mut sampling, mut full_range) = (None, None, None);
        let mut old_sampling = None;
        for word in words {
            let mut letters = word.chars();
            let (tag, value) = (letters.next(), letters.as_str());
            let side = || value.parse().map_err(|_| HeaderError::Side(word.into()));
            match tag {
                Some('W') => width = side()?,
                Some('H') => height = side()?,
                Some('F') => frame_rate = ratio(value),
                Some('C') => sampling = Some(value),
                // What ffmpeg wrote before C was known; beside C it is a note.
                Some('X') if value.starts_with("YSCSS=") => old_sampling = value.get(6..),
                Some('X') if value == "COLORRANGE=FULL" => full_range = Some(true),
                Some('X') if value == "COLORRANGE=LIMITED" => full_range = Some(false),
                _ => {}
            }
        }
        let sampling = match sampling.or(old_sampling) {
            Some(name) => Sampling::parse(name)?,
            None => Sampling::Half,
        };
        if width == 0 || height == 0 {
            return Err(HeaderError::NoSize);
        }
        if usize::saturating_mul(width, height) > MAX_PIXELS {
            return Err(HeaderError::TooLarge { width, height });
        }
        Ok(Self {
            width,
            height,
            frame_rate,
            sampling,
            colour: Colour {
                matrix: matrix(width, height),
                full_range: full_range.unwrap_or(sampling == Sampling::Mono),
            },
        })
    }

    /// Bytes of one frame in the stream. Cannot overflow: `parse` limits the size.
    pub fn frame_len(&self) -> usize {
        let luma = self.width * self.height;
        let half = self.width.div_ceil(2);
        match self.sampling {
            Sampling::Half => luma + 2 * half * self.height.div_ceil(2),
            Sampling::HalfWidth => luma + 2 * half * self.height,
            Sampling::Mono => luma,
        }
    }

    /// The format in which frames are handed on, and bytes from one row of it to the next.
    pub fn format(&self) -> (PixelFormat, usize) {
        match self.sampling {
            Sampling::Half => (PixelFormat::Yu12, self.width),
            Sampling::Mono => (PixelFormat::Grey, self.width),
            Sampling::HalfWidth => (PixelFormat::Yuyv, self.width.div_ceil(2) * 4),
        }
    }

    /// The memory that one frame takes.
    pub fn footprint(&self) -> Footprint {
        let (frame, planes) = match self.format() {
            (PixelFormat::Yuyv, stride) => (stride * self.height, self.frame_len()),
            _ => (self.frame_len(), 0),
        };
        Footprint {
            frame,
            own: planes,
            width: self.width,
            height: self.height,
            ..Footprint::default()
        }
    }
}

/// The matrix of video of this size, which raw streams do not name: as in players, BT.709 above the
/// size of standard television and BT.601 otherwise.
pub fn matrix(width: usize, height: usize) -> Matrix {
    if width >= 1280 || height > 576 {
        Matrix::Bt709
    } else {
        Matrix::Bt601
    }
}

impl Sampling {
    fn parse(name: &str) -> Result<Self, HeaderError> {
        match name.to_ascii_lowercase().as_str() {
            "420" | "420jpeg" | "420mpeg2" | "420paldv" => Ok(Self::Half),
            "422" => Ok(Self::HalfWidth),
            "mono" => Ok(Self::Mono),
            _ => Err(HeaderError::Sampling(name.into())),
        }
    }
}

/// A ratio such as `30000:1001`.
fn ratio(text: &str) -> Option<f64> {
    let (over, under) = text.split_once(':')?;
    let (over, under): (f64, f64) = (over.parse().ok()?, under.parse().ok()?);
    (over > 0.0 && under > 0.0).then_some(over / under)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_rate_range_and_matrix_are_parsed() {
        let header =
            StreamHeader::parse("YUV4MPEG2 W3 H2 F30000:1001 Ip A1:1 C420mpeg2 XYSCSS=420MPEG2")
                .unwrap();
        assert_eq!(
            (header.width, header.height, header.frame_len()),
            (3, 2, 6 + 4)
        );
        assert!((header.frame_rate.unwrap() - 29.97).abs() < 0.001);
        assert_eq!(header.colour, Colour::default());
        let hd = StreamHeader::parse("YUV4MPEG2 W1920 H1080 F0:0 C422 XCOLORRANGE=FULL").unwrap();
        assert_eq!(
            (hd.colour.matrix, hd.colour.full_range),
            (Matrix::Bt709, true)
        );
        assert_eq!(hd.frame_rate, None);
    }

    #[test]
    fn sampling_may_stand_in_xyscss_alone() {
        let sampling = |tail: &str| {
            let header = StreamHeader::parse(&format!("YUV4MPEG2 W4 H2 F25:1 Ip{tail}"));
            header.map(|header| header.sampling)
        };
        let refused = |name: &str| Err(HeaderError::Sampling(name.into()));
        assert_eq!(sampling(""), Ok(Sampling::Half));
        assert_eq!(sampling(" XYSCSS=420JPEG"), Ok(Sampling::Half));
        assert_eq!(sampling(" XYSCSS=422"), Ok(Sampling::HalfWidth));
        assert_eq!(sampling(" XYSCSS=444 XOTHER"), refused("444"));
        assert_eq!(sampling(" XYSCSS=411"), refused("411"));
        assert_eq!(sampling(" XYSCSS=422P10"), refused("422P10"));
        assert_eq!(sampling(" C420 XYSCSS=444"), Ok(Sampling::Half));
        assert_eq!(sampling(" XYSCSS=420 C422"), Ok(Sampling::HalfWidth));
    }

    #[test]
    fn unusable_headers_are_refused_with_their_reason() {
        let refused = |line| StreamHeader::parse(line).unwrap_err();
        let side = |word: &str| HeaderError::Side(word.into());
        let sampling = |name: &str| HeaderError::Sampling(name.into());
        assert_eq!(refused("YUV4MPEG2 W3"), HeaderError::NoSize);
        assert_eq!(refused("YUV4MPEG2 W3 H-1"), side("H-1"));
        assert_eq!(refused("YUV4MPEG2 W3 H2 C444"), sampling("444"));
        assert_eq!(refused("YUV4MPEG2 W3 H2 C420p10"), sampling("420p10"));
        let (width, height) = (99_999_999, 99_999_999);
        assert_eq!(
            refused("YUV4MPEG2 W99999999 H99999999"),
            HeaderError::TooLarge { width, height }
        );
        assert_eq!(refused("YUV4MPEG W3 H2"), HeaderError::Signature);
    }
}
