//! YUV4MPEG2, the simplest form of raw video.

use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use super::{Error, Fetched, Reader};
use crate::frame::{Colour, Frame, MAX_PIXELS, Matrix, PixelFormat};

/// The longest line of a header.
const MAX_LINE: u64 = 1024;

/// What the first line of a stream says.
#[derive(Clone, Copy, Debug, PartialEq)]
struct StreamHeader {
    width: usize,
    height: usize,
    frame_rate: Option<f64>,
    sampling: Sampling,
    colour: Colour,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sampling {
    /// Planes, chroma of half the size both ways.
    Half,
    /// Planes, chroma of half the width.
    HalfWidth,
    Mono,
}

impl StreamHeader {
    /// Reads the line, which is without its end.
    ///
    /// A stream does not say its matrix; it is BT.709 above the size of standard television and
    /// else BT.601, as players have it.
    fn parse(line: &str) -> Result<Self, String> {
        let mut words = line.split(' ');
        if words.next() != Some("YUV4MPEG2") {
            return Err("it does not begin as a YUV4MPEG2 stream".into());
        }
        let (mut width, mut height) = (0, 0);
        let (mut frame_rate, mut sampling, mut full_range) = (None, Sampling::Half, None);
        for word in words {
            let mut letters = word.chars();
            let (tag, value) = (letters.next(), letters.as_str());
            let side = || value.parse().map_err(|_| format!("{word:?} is no size"));
            match tag {
                Some('W') => width = side()?,
                Some('H') => height = side()?,
                Some('F') => frame_rate = ratio(value),
                Some('C') => sampling = Sampling::parse(value)?,
                Some('X') if value == "COLORRANGE=FULL" => full_range = Some(true),
                Some('X') if value == "COLORRANGE=LIMITED" => full_range = Some(false),
                _ => {}
            }
        }
        if width == 0 || height == 0 {
            return Err("its header gives no width and height".into());
        }
        if usize::saturating_mul(width, height) > MAX_PIXELS {
            return Err(format!(
                "it is {width}x{height}; at most {MAX_PIXELS} pixels are allowed"
            ));
        }
        let large = width >= 1280 || height > 576;
        Ok(Self {
            width,
            height,
            frame_rate,
            sampling,
            colour: Colour {
                matrix: if large { Matrix::Bt709 } else { Matrix::Bt601 },
                full_range: full_range.unwrap_or(sampling == Sampling::Mono),
            },
        })
    }

    /// Bytes of one frame. The sizes were checked, so that this does not overflow.
    fn frame_len(&self) -> usize {
        let luma = self.width * self.height;
        let half = self.width.div_ceil(2);
        match self.sampling {
            Sampling::Half => luma + 2 * half * self.height.div_ceil(2),
            Sampling::HalfWidth => luma + 2 * half * self.height,
            Sampling::Mono => luma,
        }
    }
}

impl Sampling {
    fn parse(name: &str) -> Result<Self, String> {
        match name {
            "420" | "420jpeg" | "420mpeg2" | "420paldv" => Ok(Self::Half),
            "422" => Ok(Self::HalfWidth),
            "mono" => Ok(Self::Mono),
            _ => Err(format!(
                "its pixels are C{name}, and only C420, C422 and Cmono of 8 bits are read; \
                 convert it with ffmpeg -i IN.y4m -pix_fmt yuv420p OUT.y4m"
            )),
        }
    }
}

/// A ratio as `30000:1001`.
fn ratio(text: &str) -> Option<f64> {
    let (over, under) = text.split_once(':')?;
    let (over, under): (f64, f64) = (over.parse().ok()?, under.parse().ok()?);
    (over > 0.0 && under > 0.0).then_some(over / under)
}

/// A stream of which the header was read.
pub(super) struct Y4mStream<R> {
    input: R,
    header: StreamHeader,
    /// The line before a frame.
    line: Vec<u8>,
    /// Planes that have to be put in another order.
    planes: Vec<u8>,
}

impl<R: BufRead> Y4mStream<R> {
    /// Reads the header. What is wrong comes as an error of the kind `InvalidData`.
    pub fn new(mut input: R) -> io::Result<Self> {
        let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
        let mut line = Vec::new();
        read_line(&mut input, &mut line)?;
        let header = StreamHeader::parse(&String::from_utf8_lossy(&line)).map_err(invalid)?;
        Ok(Self {
            input,
            header,
            line,
            planes: Vec::new(),
        })
    }

    /// Takes the colours of the stream to be of `matrix`.
    pub fn set_matrix(&mut self, matrix: Matrix) {
        self.header.colour.matrix = matrix;
    }

    pub fn frame_rate(&self) -> Option<f64> {
        self.header.frame_rate
    }

    /// Reads the next frame.
    pub fn next(&mut self, frame: &mut Frame) -> io::Result<Fetched> {
        read_line(&mut self.input, &mut self.line)?;
        if self.line.is_empty() {
            return Ok(Fetched::End);
        }
        if !self.line.starts_with(b"FRAME") {
            let what = "a frame does not begin as it should; what follows is lost";
            return Ok(Fetched::Bad("corrupt", what.into()));
        }
        let header = self.header;
        let to = match header.sampling {
            Sampling::HalfWidth => &mut self.planes,
            Sampling::Half | Sampling::Mono => frame.data.own(),
        };
        to.resize(header.frame_len(), 0);
        match self.input.read_exact(to) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Ok(Fetched::Bad(
                    "truncated",
                    "the last frame ends early".into(),
                ));
            }
            outcome => outcome?,
        }
        (frame.width, frame.height) = (header.width, header.height);
        frame.colour = header.colour;
        match header.sampling {
            Sampling::Half => (frame.format, frame.stride) = (PixelFormat::Yu12, header.width),
            Sampling::Mono => (frame.format, frame.stride) = (PixelFormat::Grey, header.width),
            Sampling::HalfWidth => {
                (frame.format, frame.stride) = (PixelFormat::Yuyv, header.width.div_ceil(2) * 4);
                interleave(&self.planes, header.width, header.height, frame.data.own());
            }
        }
        Ok(Fetched::Numbered)
    }
}

/// Planes of 4:2:2 as Y Cb Y Cr; the last luma of an odd row stands twice.
fn interleave(planes: &[u8], width: usize, height: usize, to: &mut Vec<u8>) {
    let half = width.div_ceil(2);
    let (luma, chroma) = planes.split_at(width * height);
    let (cb, cr) = chroma.split_at(half * height);
    to.clear();
    to.reserve(half * 4 * height);
    for ((luma, cb), cr) in luma.chunks(width).zip(cb.chunks(half)).zip(cr.chunks(half)) {
        for ((pair, &cb), &cr) in luma.chunks(2).zip(cb).zip(cr) {
            to.extend([pair[0], cb, pair[pair.len() - 1], cr]);
        }
    }
}

/// Reads a line without its end; empty at the end of the stream.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<()> {
    line.clear();
    input.take(MAX_LINE).read_until(b'\n', line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok(())
}

/// A file that holds such a stream.
pub(super) struct Y4mFile {
    path: PathBuf,
    stream: Y4mStream<BufReader<std::fs::File>>,
    begin: u64,
    len: Option<u64>,
    /// Whether the stream broke off, so that its end is all that follows.
    broken: bool,
}

impl Y4mFile {
    pub fn open(path: &Path) -> Result<Self, Error> {
        let fail = |cause: io::Error| error(path, cause);
        let file = std::fs::File::open(path).map_err(fail)?;
        let bytes = file.metadata().map_err(fail)?.len();
        let mut stream = Y4mStream::new(BufReader::with_capacity(64 << 10, file)).map_err(fail)?;
        let begin = stream.input.stream_position().map_err(fail)?;
        // Exact for frames whose headers say nothing, as they commonly do.
        let one = stream.header.frame_len() as u64 + b"FRAME\n".len() as u64;
        Ok(Self {
            path: path.into(),
            stream,
            begin,
            len: Some(bytes.saturating_sub(begin).div_ceil(one)),
            broken: false,
        })
    }
}

fn error(path: &Path, cause: io::Error) -> Error {
    let path = path.into();
    if cause.kind() == io::ErrorKind::InvalidData {
        let message = cause.to_string();
        return Error::Format { path, message };
    }
    Error::Io { path, cause }
}

impl Reader for Y4mFile {
    fn next(&mut self, frame: &mut Frame) -> Result<Fetched, Error> {
        if self.broken {
            return Ok(Fetched::End);
        }
        let fetched = self
            .stream
            .next(frame)
            .map_err(|cause| error(&self.path, cause))?;
        if let Fetched::Bad(cause, what) = fetched {
            self.broken = true;
            return Ok(Fetched::Bad(
                cause,
                format!("{}: {what}", self.path.display()),
            ));
        }
        Ok(fetched)
    }

    fn rewind(&mut self) -> Result<(), Error> {
        self.broken = false;
        let to = io::SeekFrom::Start(self.begin);
        let outcome = self.stream.input.seek(to);
        outcome
            .map(|_| ())
            .map_err(|cause| error(&self.path, cause))
    }

    fn len_hint(&self) -> Option<u64> {
        self.len
    }

    fn frame_rate(&self) -> Option<f64> {
        self.stream.frame_rate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read() {
        let header =
            StreamHeader::parse("YUV4MPEG2 W3 H2 F30000:1001 Ip A1:1 C420mpeg2 XYSCSS=420MPEG2")
                .unwrap();
        assert_eq!(
            (header.width, header.height, header.frame_len()),
            (3, 2, 6 + 4)
        );
        assert!((header.frame_rate.unwrap() - 29.97).abs() < 0.001);
        assert_eq!(header.colour, Colour::default());
        let header =
            StreamHeader::parse("YUV4MPEG2 W1920 H1080 F0:0 C422 XCOLORRANGE=FULL").unwrap();
        assert_eq!(
            (header.colour.matrix, header.colour.full_range),
            (Matrix::Bt709, true)
        );
        assert_eq!(header.frame_rate, None);
        for wrong in [
            "YUV4MPEG2 W3",
            "YUV4MPEG2 W3 H-1",
            "YUV4MPEG2 W3 H2 C444",
            "YUV4MPEG2 W3 H2 C420p10",
            "YUV4MPEG2 W99999999 H99999999",
            "YUV4MPEG W3 H2",
        ] {
            assert!(StreamHeader::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn odd_planes_of_422_are_interleaved() {
        let mut to = Vec::new();
        interleave(
            &[1, 2, 3, 4, 5, 6, 10, 11, 12, 13, 20, 21, 22, 23],
            3,
            2,
            &mut to,
        );
        assert_eq!(to, [1, 10, 2, 20, 3, 11, 3, 21, 4, 12, 5, 22, 6, 13, 6, 23]);
        assert_eq!(PixelFormat::Yuyv.bytes(3, 2, 8), Some(to.len()));
    }

    #[test]
    fn a_frame_that_ends_early_is_said() {
        let stream = b"YUV4MPEG2 W2 H2 Cmono\nFRAME\n1234FRAME Ixyz\n5678FRAME\n90";
        let mut stream = Y4mStream::new(&stream[..]).unwrap();
        let mut frame = Frame::empty();
        assert_eq!(stream.next(&mut frame).unwrap(), Fetched::Numbered);
        assert_eq!(stream.next(&mut frame).unwrap(), Fetched::Numbered);
        assert_eq!(&*frame.data, b"5678");
        assert!(matches!(
            stream.next(&mut frame).unwrap(),
            Fetched::Bad("truncated", _)
        ));
    }
}
