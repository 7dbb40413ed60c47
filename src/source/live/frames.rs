//! The frames of a live stream, none of them larger than memory was computed for.

use std::io;

use super::ahead::Ahead;
use super::format::Format;
use crate::frame::{Frame, jpeg};
use crate::source::parse::{Fetched, Piece, RawStream, Splitter, StreamError, Y4mStream, as_jpeg};
use crate::source::{Cause, Loss};

/// Cuts a stream into frames.
pub(in crate::source) struct Frames<R> {
    format: Format,
    parser: Parser<R>,
    /// Whether a whole frame came, so that the stream is of the expected kind.
    begun: bool,
    /// Frames that came, bad ones too.
    offered: u64,
}

enum Parser<R> {
    Mjpeg(Splitter<R>),
    /// A Y4M stream whose header was not read yet.
    Fresh(Option<R>),
    Y4m {
        stream: Box<Y4mStream<R>>,
        /// Whether it broke off, so that only its end follows.
        broken: bool,
    },
    Raw(RawStream<R>),
}

impl<R: Ahead> Frames<R> {
    /// The frames of `input`, which nothing is read of yet.
    pub fn new(format: Format, input: R) -> Self {
        let parser = match format {
            Format::Mjpeg { .. } => {
                let mut splitter = Splitter::new(input);
                splitter.most = format.most();
                Parser::Mjpeg(splitter)
            }
            Format::Y4m { .. } => Parser::Fresh(Some(input)),
            Format::Raw(raw) => Parser::Raw(RawStream::new(input, raw)),
        };
        Self {
            format,
            parser,
            begun: false,
            offered: 0,
        }
    }

    /// Fills `frame` with the next picture, or tells what is there instead.
    ///
    /// # Errors
    /// The stream is not what was configured, or cannot be read.
    pub fn next(&mut self, frame: &mut Frame) -> Result<Fetched, Loss> {
        frame.name.clear();
        let fetched = match &mut self.parser {
            Parser::Mjpeg(splitter) => match splitter.next(frame.data.own()) {
                Ok(piece) => self.picture(piece, frame)?,
                Err(error) => return Err(unread(&error)),
            },
            Parser::Fresh(input) => {
                let Some(input) = input.take() else {
                    return Ok(Fetched::End);
                };
                let Some(stream) = self.header(input)? else {
                    return Ok(Fetched::End);
                };
                let broken = false;
                self.parser = Parser::Y4m { stream, broken };
                return self.next(frame);
            }
            Parser::Y4m { broken: true, .. } => Fetched::End,
            Parser::Y4m { stream, broken } => {
                let fetched = stream.next(frame).map_err(|error| unread(&error))?;
                if let Fetched::Bad { cause, .. } = &fetched {
                    *broken = *cause == "truncated";
                }
                fetched
            }
            Parser::Raw(raw) => raw.next(frame).map_err(|error| unread(&error))?,
        };
        self.begun |= fetched == Fetched::Frame;
        self.offered += u64::from(matches!(fetched, Fetched::Frame | Fetched::Bad { .. }));
        Ok(fetched)
    }

    /// Frames that came, bad ones too.
    pub fn offered(&self) -> u64 {
        self.offered
    }

    /// What a stream of JPEG is read from.
    pub fn jpeg_input(&self) -> Option<&R> {
        match &self.parser {
            Parser::Mjpeg(splitter) => Some(&splitter.input),
            Parser::Fresh(_) | Parser::Y4m { .. } | Parser::Raw(_) => None,
        }
    }

    /// Bytes that came after the last frame and were not cut yet.
    pub fn waiting(&self) -> usize {
        match &self.parser {
            Parser::Mjpeg(splitter) => splitter.input.ahead(),
            Parser::Fresh(_) => 0,
            Parser::Y4m { stream, .. } => stream.input.ahead(),
            Parser::Raw(raw) => raw.input.ahead(),
        }
    }

    /// What a piece of an MJPEG stream is.
    fn picture(&self, piece: Piece, frame: &mut Frame) -> Result<Fetched, Loss> {
        let bad = |cause, message: String| Ok(Fetched::Bad { cause, message });
        match piece {
            Piece::End => return Ok(Fetched::End),
            Piece::Headless => return bad("corrupt", "a picture has no beginning".into()),
            Piece::TooLarge => {
                let most = self.format.most() >> 10;
                return bad("too-large", format!("a picture has more than {most} KiB"));
            }
            Piece::Picture => {}
        }
        let Some(length) = jpeg::length(&frame.data) else {
            return bad("truncated", "a picture has no end".into());
        };
        frame.data.own().truncate(length);
        let Some(outline) = jpeg::outline(&frame.data) else {
            return bad("corrupt", "a picture has a damaged header".into());
        };
        let (width, height) = self.format.size();
        if outline.width > width || outline.height > height {
            let loss = self.too_large(outline.width, outline.height);
            // A single one in a good stream is passed over.
            return if self.begun {
                bad("too-large", loss.message)
            } else {
                Err(loss)
            };
        }
        if outline.whole > 0 {
            let words = "a picture is a progressive JPEG, for which no memory was computed; \
                         have baseline JPEG sent";
            return bad("too-large", words.into());
        }
        as_jpeg(frame);
        Ok(Fetched::Frame)
    }

    /// Reads the header of a Y4M stream; `None` if the stream ended before its first byte.
    fn header(&self, mut input: R) -> Result<Option<Box<Y4mStream<R>>>, Loss> {
        if input.fill_buf().map_err(|error| unread(&error))?.is_empty() {
            return Ok(None);
        }
        let stream = Y4mStream::new(input).map_err(|error| match error {
            StreamError::Io(error) => unread(&error),
            StreamError::Header(wrong) => Loss::new(
                Cause::NoFormat,
                format!("the output is not as Y4M is: {wrong}"),
            ),
        })?;
        let (found, (width, height)) = (stream.header(), self.format.size());
        if found.width > width || found.height > height {
            return Err(self.too_large(found.width, found.height));
        }
        Ok(Some(Box::new(stream)))
    }

    fn too_large(&self, found_width: usize, found_height: usize) -> Loss {
        let (width, height) = self.format.size();
        let message = format!(
            "pictures of {found_width}x{found_height} come, and memory was computed for {width}x{height}: \
             set `width` and `height`, or have smaller ones sent"
        );
        Loss::new(Cause::WrongSize, message)
    }
}

fn unread(error: &io::Error) -> Loss {
    Loss::new(Cause::Io, format!("the output cannot be read: {error}"))
}

#[cfg(test)]
mod tests;
