//! A stream of JPEG after JPEG, cut into its pictures.

use std::io::{self, BufRead, Seek};

use super::reader::MAX_FILE;

/// Cuts a stream into JPEG pictures by their markers, so that a picture inside a segment of
/// another, such as a thumbnail, is not taken for the next one.
pub(super) struct Splitter<R> {
    input: R,
    /// Whether the beginning of the next picture was already read, because the last one had no end.
    begun: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Picture,
    TooLarge,
    End,
}

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;

impl<R: BufRead> Splitter<R> {
    pub fn new(input: R) -> Self {
        Self {
            input,
            begun: false,
        }
    }

    /// Reads the next picture into `data`. A picture that ends early is returned as it is.
    pub fn next(&mut self, data: &mut Vec<u8>) -> io::Result<Piece> {
        data.clear();
        if !self.begun && !self.find_start()? {
            return Ok(Piece::End);
        }
        self.begun = false;
        data.extend([0xff, SOI]);
        let mut room = MAX_FILE;
        // In a header nothing stands before a marker; after a scan's header the picture does.
        while let Some(code) = self.marker(data, &mut room)? {
            match code {
                SOI => {
                    self.begun = true;
                    break;
                }
                EOI => {
                    data.extend([0xff, EOI]);
                    break;
                }
                0 | 1 | 0xd0..=0xd7 => data.extend([0xff, code]),
                _ => {
                    data.extend([0xff, code]);
                    let mut length = [0; 2];
                    if !self.exactly(&mut length)? {
                        break;
                    }
                    data.extend(length);
                    let body = u64::from(u16::from_be_bytes(length)).saturating_sub(2);
                    room = room.saturating_sub(body);
                    self.copy(data, body)?;
                }
            }
            if room == 0 {
                // Reading goes on at the beginning of the next picture.
                return Ok(Piece::TooLarge);
            }
        }
        Ok(Piece::Picture)
    }

    /// Skips to just behind the next beginning of a picture.
    fn find_start(&mut self) -> io::Result<bool> {
        let mut last = 0;
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok(false);
            }
            for (i, &byte) in buffer.iter().enumerate() {
                if last == 0xff && byte == SOI {
                    self.input.consume(i + 1);
                    return Ok(true);
                }
                last = byte;
            }
            let all = buffer.len();
            self.input.consume(all);
        }
    }

    /// Copies up to the next marker and returns its code, or `None` at the end of the stream.
    fn marker(&mut self, data: &mut Vec<u8>, room: &mut u64) -> io::Result<Option<u8>> {
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok(None);
            }
            let ones = buffer.iter().position(|&b| b == 0xff);
            let take = ones.unwrap_or(buffer.len()).min(*room as usize);
            data.extend(&buffer[..take]);
            *room -= take as u64;
            let found = ones == Some(take);
            self.input.consume(take + usize::from(found));
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
            *room = room.saturating_sub(1);
            if code[0] != 0xff {
                return Ok(Some(code[0]));
            }
        }
    }

    /// Fills `to`; `false` if the stream ends before.
    fn exactly(&mut self, to: &mut [u8]) -> io::Result<bool> {
        match self.input.read_exact(to) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Copies `n` bytes, or as many as there are.
    fn copy(&mut self, data: &mut Vec<u8>, mut n: u64) -> io::Result<()> {
        while n > 0 {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                break;
            }
            let take = buffer.len().min(n as usize);
            data.extend(&buffer[..take]);
            self.input.consume(take);
            n -= take as u64;
        }
        Ok(())
    }
}

impl<R: Seek> Splitter<R> {
    /// Goes back to the beginning.
    pub fn rewind(&mut self) -> io::Result<()> {
        self.begun = false;
        self.input.rewind()
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn split(stream: &[u8], chunk: usize) -> Vec<Vec<u8>> {
        let mut splitter = Splitter::new(BufReader::with_capacity(chunk, stream));
        let mut parts = Vec::new();
        let mut data = Vec::new();
        while splitter.next(&mut data).unwrap() == Piece::Picture {
            parts.push(data.clone());
        }
        parts
    }

    /// The structure of a picture without a picture: a segment with another one inside, a scan with
    /// stuffed ones and a restart.
    fn picture(mark: u8) -> Vec<u8> {
        let mut data = vec![
            0xff, 0xd8, 0xff, 0xe1, 0, 10, 0xff, 0xd8, 0xff, 0xd9, 0xff, 0xd8, 7, 7,
        ];
        data.extend([
            0xff, 0xda, 0, 4, 1, 1, mark, 0xff, 0, 5, 0xff, 0xd0, 6, 0xff, 0xd9,
        ]);
        data
    }

    #[test]
    fn pictures_are_split_at_their_ends_at_any_read_size() {
        let pictures = [picture(1), picture(2), picture(3)];
        let mut stream = vec![9, 0xff, 9];
        stream.extend(&pictures[0]);
        stream.extend([0, 0, 0]);
        stream.extend(&pictures[1]);
        stream.extend(&pictures[2]);
        for chunk in [1, 2, 3, 7, 4096] {
            assert_eq!(
                split(&stream, chunk),
                pictures,
                "read {chunk} bytes at a time"
            );
        }
    }

    #[test]
    fn a_picture_that_ends_early_and_the_next_are_returned() {
        let whole = picture(1);
        let mut stream = whole[..whole.len() - 2].to_vec();
        stream.extend(picture(2));
        stream.extend(&whole[..20]);
        let parts = split(&stream, 5);
        assert_eq!(
            parts,
            [
                whole[..whole.len() - 2].to_vec(),
                picture(2),
                whole[..20].to_vec()
            ]
        );
    }

    #[test]
    fn a_stream_without_pictures_gives_none() {
        assert!(split(b"", 4).is_empty());
        assert!(split(&[0xff, 0xff, 0, 1, 0xd8, 3], 4).is_empty());
    }
}
