//! A stream of JPEG after JPEG, cut into its pictures.

use std::io::{self, BufRead, Cursor};

use super::input::{Input, MAX_PICTURE};

/// Cuts a stream into JPEG pictures by their markers, so that a picture inside a segment of
/// another, such as a thumbnail, is not taken for the next one.
pub(in crate::source) struct Splitter<R> {
    /// What the stream is read from.
    pub input: R,
    /// The most bytes of one picture.
    pub most: usize,
    /// Whether the beginning of the next picture was already read, because the last one had no
    /// end.
    begun: bool,
    /// What a damaged segment took from the pictures behind it, read again before `input`.
    again: Cursor<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source) enum Piece {
    Picture,
    TooLarge,
    /// A scan and an end without the beginning of their picture, which is lost.
    Headless,
    End,
}

/// The bytes that find the next picture.
enum Start {
    Found,
    Headless,
    None,
}

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;

impl<R: BufRead> Splitter<R> {
    pub fn new(input: R) -> Self {
        Self {
            input,
            most: MAX_PICTURE,
            begun: false,
            again: Cursor::new(Vec::new()),
        }
    }

    /// Reads the next picture into `data`. A picture that ends early is returned as it is.
    pub fn next(&mut self, data: &mut Vec<u8>) -> io::Result<Piece> {
        let most = self.most + SEGMENT;
        data.clear();
        if (most / PART..most).contains(&data.capacity()) {
            *data = Vec::new();
        }
        if !self.begun {
            match self.find_start()? {
                Start::Found => {}
                Start::Headless => return Ok(Piece::Headless),
                Start::None => return Ok(Piece::End),
            }
        }
        self.begun = false;
        append(data, &[0xff, SOI], most);
        let mut room = self.most as u64;
        // In a header nothing stands before a marker; after a scan's header the picture does.
        while let Some(code) = self.marker(data, &mut room)? {
            match code {
                SOI => {
                    self.begun = true;
                    break;
                }
                EOI => {
                    append(data, &[0xff, EOI], most);
                    break;
                }
                // The body of a scan's header holds no marker, and may be none in damaged data.
                0..=0xbf | 0xd0..=0xd7 | SOS => append(data, &[0xff, code], most),
                _ => {
                    append(data, &[0xff, code], most);
                    let mut length = [0; 2];
                    if !self.exactly(&mut length)? {
                        break;
                    }
                    let from = data.len();
                    append(data, &length, most);
                    let body = usize::from(u16::from_be_bytes(length)).saturating_sub(2);
                    self.copy(data, body)?;
                    room = room.saturating_sub((data.len() - from) as u64);
                    if data.len() < from + 2 + body || !self.at_marker()? {
                        self.take_back(data, from);
                    }
                }
            }
            if room == 0 {
                // Reading goes on at the beginning of the next picture.
                return Ok(Piece::TooLarge);
            }
        }
        Ok(Piece::Picture)
    }

    /// Takes from `data[from..]`, a segment that may have a false length, what is there from the
    /// first beginning of a picture on, to read it again as a picture of its own.
    fn take_back(&mut self, data: &mut Vec<u8>, from: usize) {
        let segment = &data[from..];
        // The beginning may lie across the end.
        let begins = |at: &usize| {
            let mut start = segment[*at..].iter().zip([0xff, SOI, 0xff]);
            start.all(|(a, b)| *a == b)
        };
        let Some(start) = (0..segment.len()).find(begins) else {
            return;
        };
        // The preview in a picture's notes, where the stream ends inside of them.
        let notes = &segment[2.min(segment.len())..];
        if notes.starts_with(b"Exif\0") || notes.starts_with(b"JFXX\0") {
            return;
        }
        let read = self.again.position() as usize;
        let again = self.again.get_mut();
        again.splice(..read.min(again.len()), data.drain(from + start..));
        self.again.set_position(0);
    }

    /// Whether a marker that may follow a segment is next, behind zeros.
    fn at_marker(&mut self) -> io::Result<bool> {
        let next = self.fill()?;
        let next = next.iter().position(|&b| b != 0).map(|at| &next[at..]);
        // Zeros up to the end of the buffer, or of the stream, tell nothing.
        Ok(match next {
            None | Some([0xff]) => true,
            Some([0xff, code, ..]) => matches!(code, 0xc0..=0xcf | 0xd9..=0xff),
            Some(_) => false,
        })
    }

    /// The bytes that are next, which [`Splitter::consume`] passes; empty at the end.
    fn fill(&mut self) -> io::Result<&[u8]> {
        if (self.again.position() as usize) < self.again.get_ref().len() {
            self.again.fill_buf()
        } else {
            self.input.fill_buf()
        }
    }

    fn consume(&mut self, n: usize) {
        if (self.again.position() as usize) < self.again.get_ref().len() {
            self.again.consume(n);
        } else {
            self.input.consume(n);
        }
    }

    /// Skips to just behind the next beginning of a picture, or behind the end of a picture that
    /// has none.
    fn find_start(&mut self) -> io::Result<Start> {
        let (mut last, mut scan) = (0, false);
        loop {
            let buffer = self.fill()?;
            if buffer.is_empty() {
                return Ok(Start::None);
            }
            let mut found = None;
            for (i, &byte) in buffer.iter().enumerate() {
                match (last, byte) {
                    (0xff, SOI) => found = Some((i + 1, Start::Found)),
                    (0xff, EOI) if scan => found = Some((i + 1, Start::Headless)),
                    (0xff, SOS) => scan = true,
                    _ => {}
                }
                last = byte;
                if found.is_some() {
                    break;
                }
            }
            let all = buffer.len();
            let (used, start) = found.map_or((all, None), |(n, start)| (n, Some(start)));
            self.consume(used);
            if let Some(start) = start {
                return Ok(start);
            }
        }
    }

    /// Copies up to the next marker and returns its code, or `None` at the end of the stream.
    fn marker(&mut self, data: &mut Vec<u8>, room: &mut u64) -> io::Result<Option<u8>> {
        let most = self.most + SEGMENT;
        loop {
            let buffer = self.fill()?;
            if buffer.is_empty() {
                return Ok(None);
            }
            let ones = buffer.iter().position(|&b| b == 0xff);
            let take = ones.unwrap_or(buffer.len()).min(*room as usize);
            append(data, &buffer[..take], most);
            *room -= take as u64;
            let found = ones == Some(take);
            self.consume(take + usize::from(found));
            if *room == 0 {
                return Ok(Some(0));
            }
            if found {
                break;
            }
        }
        loop {
            let mut code = [0];
            if !self.exactly(&mut code)? {
                return Ok(None);
            }
            // Of bytes that fill up to a marker none is kept, and of the marker both.
            *room = room.saturating_sub(1);
            if code[0] != 0xff {
                *room = room.saturating_sub(1);
                return Ok(Some(code[0]));
            }
        }
    }

    /// Fills `to`; `false` if the stream ends before.
    fn exactly(&mut self, to: &mut [u8]) -> io::Result<bool> {
        for to in to {
            let Some(&byte) = self.fill()?.first() else {
                return Ok(false);
            };
            *to = byte;
            self.consume(1);
        }
        Ok(true)
    }

    /// Copies `n` bytes, or as many as there are.
    fn copy(&mut self, data: &mut Vec<u8>, mut n: usize) -> io::Result<()> {
        let most = self.most + SEGMENT;
        while n > 0 {
            let buffer = self.fill()?;
            if buffer.is_empty() {
                break;
            }
            let take = buffer.len().min(n);
            append(data, &buffer[..take], most);
            self.consume(take);
            n -= take;
        }
        Ok(())
    }
}

impl<R: Input> Splitter<R> {
    /// Goes back to the beginning.
    pub fn rewind(&mut self) -> io::Result<()> {
        self.begun = false;
        self.again.get_mut().clear();
        self.input.back(0)
    }
}

/// Which part of the largest picture a buffer may have, if it does not have room for all of it. A
/// buffer that grows stands twice for a moment.
pub(in crate::source) const PART: usize = 8;

/// By how much a picture may be longer than the most, before that is noticed: a segment.
pub(in crate::source) const SEGMENT: usize = 66 << 10;

/// Appends `bytes` to `data`. It grows to twice its size at a time, and then at once to `most`
/// bytes.
fn append(data: &mut Vec<u8>, bytes: &[u8], most: usize) {
    let need = data.len() + bytes.len();
    if need > data.capacity() {
        let doubled = 2 * data.capacity().max(need);
        let size = if doubled > most / PART {
            most.max(need)
        } else {
            doubled
        };
        data.reserve_exact(size - data.len());
    }
    data.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests;
