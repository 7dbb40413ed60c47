//! The frames of a YUV4MPEG2 stream.

use std::io::{self, BufRead, Read};

use super::super::input::Fetched;
use super::header::{HeaderError, Sampling, StreamHeader};
use crate::frame::{Frame, Matrix};

/// What each frame begins with.
const FRAME: &[u8] = b"FRAME";
/// The longest line of a header.
const MAX_LINE: u64 = 1024;

/// A stream whose header was read.
pub struct Y4mStream<R> {
    pub(in crate::source) input: R,
    header: StreamHeader,
    /// The line before a frame.
    line: Vec<u8>,
    /// Planes that have to be interleaved.
    planes: Vec<u8>,
    /// Whether the word FRAME of the next frame was already read.
    pub(in crate::source) begun: bool,
}

/// Why a stream could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Header(#[from] HeaderError),
}

impl<R: BufRead> Y4mStream<R> {
    /// Reads the header.
    pub fn new(mut input: R) -> Result<Self, StreamError> {
        let mut line = Vec::new();
        read_line(&mut input, &mut line)?;
        let header = StreamHeader::parse(&String::from_utf8_lossy(&line))?;
        Ok(Self {
            input,
            header,
            line,
            planes: Vec::new(),
            begun: false,
        })
    }

    /// Reads the stream's colours as `matrix`.
    pub fn set_matrix(&mut self, matrix: Matrix) {
        self.header.colour.matrix = matrix;
    }

    pub fn header(&self) -> &StreamHeader {
        &self.header
    }

    /// Reads the next frame.
    pub fn next(&mut self, frame: &mut Frame) -> io::Result<Fetched> {
        let bad = |cause, message: &str| {
            let message = message.into();
            Ok(Fetched::Bad { cause, message })
        };
        read_line(&mut self.input, &mut self.line)?;
        if !std::mem::take(&mut self.begun) {
            if self.line.is_empty() {
                return Ok(Fetched::End);
            }
            if !self.line.starts_with(FRAME) {
                self.begun = find_frame(&mut self.input)?;
                return bad("corrupt", "a frame does not begin with FRAME");
            }
        }
        let header = self.header;
        let to = match header.sampling {
            Sampling::HalfWidth => &mut self.planes,
            Sampling::Half | Sampling::Mono => frame.data.own(),
        };
        to.resize(header.frame_len(), 0);
        match self.input.read_exact(to) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return bad("truncated", "the last frame ends early");
            }
            outcome => outcome?,
        }
        if header.sampling == Sampling::HalfWidth {
            interleave(&self.planes, header.width, header.height, frame.data.own());
        }
        (frame.width, frame.height) = (header.width, header.height);
        (frame.format, frame.stride) = header.format();
        frame.colour = header.colour;
        Ok(Fetched::Frame)
    }
}

/// Skips to just behind the next word FRAME; `false` if there is none.
fn find_frame(input: &mut impl BufRead) -> io::Result<bool> {
    let mut matched = 0;
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(false);
        }
        let end = buffer.iter().position(|&byte| {
            matched = match byte {
                _ if byte == FRAME[matched] => matched + 1,
                b'F' => 1,
                _ => 0,
            };
            matched == FRAME.len()
        });
        let used = end.map_or(buffer.len(), |at| at + 1);
        input.consume(used);
        if end.is_some() {
            return Ok(true);
        }
    }
}

/// Interleaves planes of 4:2:2 as Y Cb Y Cr; the last luma of an odd row stands twice.
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

/// Reads a line without its end, LF or CR LF; empty at the end of the stream.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<()> {
    line.clear();
    input.take(MAX_LINE).read_until(b'\n', line)?;
    if line.pop_if(|last| *last == b'\n').is_some() {
        line.pop_if(|last| *last == b'\r');
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::PixelFormat;

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

    /// The outcomes up to the end, a frame as its bytes, with the bytes.
    fn all(stream: &[u8]) -> Vec<Result<Vec<u8>, &'static str>> {
        let mut stream = Y4mStream::new(stream).unwrap();
        let mut frame = Frame::empty();
        let mut all = Vec::new();
        loop {
            match stream.next(&mut frame).unwrap() {
                Fetched::End => return all,
                Fetched::Bad { cause, .. } => all.push(Err(cause)),
                _ => all.push(Ok(frame.data.to_vec())),
            }
        }
    }

    #[test]
    fn a_damaged_frame_header_costs_its_frame_alone() {
        let stream = b"YUV4MPEG2 W2 H2 Cmono\nFRAME\n1234FRAMX\n56FRFRAME I\n7890FRAME\nabcd";
        let good = |data: &[u8]| Ok(data.to_vec());
        let want = [good(b"1234"), Err("corrupt"), good(b"7890"), good(b"abcd")];
        assert_eq!(all(stream), want);
        let last = b"YUV4MPEG2 W2 H2 Cmono\nFRAME\n1234frame\n5678";
        assert_eq!(all(last), [good(b"1234"), Err("corrupt")]);
    }

    #[test]
    fn lines_may_end_in_cr_lf() {
        let stream = b"YUV4MPEG2 W2 H2 F25:1 Cmono\r\nFRAME\r\n1234FRAME\r\n\r\n78";
        assert_eq!(all(stream), [Ok(b"1234".to_vec()), Ok(b"\r\n78".to_vec())]);
    }

    #[test]
    fn a_frame_that_ends_early_is_truncated() {
        let stream = b"YUV4MPEG2 W2 H2 Cmono\nFRAME\n1234FRAME Ixyz\n5678FRAME\n90";
        let mut stream = Y4mStream::new(&stream[..]).unwrap();
        let mut frame = Frame::empty();
        assert_eq!(stream.next(&mut frame).unwrap(), Fetched::Frame);
        assert_eq!(stream.next(&mut frame).unwrap(), Fetched::Frame);
        assert_eq!(&*frame.data, b"5678");
        let Fetched::Bad { cause, .. } = stream.next(&mut frame).unwrap() else {
            panic!("half a frame was returned");
        };
        assert_eq!(cause, "truncated");
    }

    #[test]
    fn the_footprint_holds_a_frame_of_each_sampling() {
        for sampling in ["420", "422", "mono"] {
            let mut stream = format!("YUV4MPEG2 W5 H3 C{sampling}\nFRAME\n").into_bytes();
            stream.extend([7; 64]);
            let mut stream = Y4mStream::new(&stream[..]).unwrap();
            let mut frame = Frame::empty();
            assert_eq!(stream.next(&mut frame).unwrap(), Fetched::Frame);
            let footprint = stream.header().footprint();
            assert_eq!((footprint.frame, footprint.width), (frame.data.len(), 5));
        }
    }
}
