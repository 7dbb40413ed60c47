//! The body of an answer: of a length, in chunks, or up to the end of the connection.

use std::io::{self, BufRead, Read};

use super::head::Head;
use crate::source::live::Ahead;

/// The most characters of the line before a chunk.
const LINE: usize = 256;

/// What is yet to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    /// All up to the end of the connection.
    All,
    Bytes(u64),
    /// Chunks, of the present of which so many bytes; the first has no line's end before it.
    Chunks {
        left: u64,
        first: bool,
    },
    /// Nothing.
    Over,
}

/// A body as a stream of bytes. What breaks it ends it; [`Body::broken`] tells why.
pub(super) struct Body<R> {
    input: R,
    rest: Rest,
    broken: Option<&'static str>,
}

impl<R: BufRead> Body<R> {
    /// The body that follows `head` in `input`.
    pub fn new(head: &Head, input: R) -> Self {
        // Cameras tell any length of a stream, often 0.
        let length = head.length.filter(|_| !head.is_multipart());
        let rest = match (head.chunked, length) {
            (true, _) => Rest::Chunks {
                left: 0,
                first: true,
            },
            (false, Some(length)) => Rest::Bytes(length),
            (false, None) => Rest::All,
        };
        Self {
            input,
            rest,
            broken: None,
        }
    }

    /// Why the body ended before its end, if it did.
    pub fn broken(&self) -> Option<&'static str> {
        self.broken
    }

    /// What it is read from.
    pub fn input_mut(&mut self) -> &mut R {
        &mut self.input
    }

    fn breaks(&mut self, why: &'static str) {
        self.broken = Some(why);
        self.rest = Rest::Over;
    }

    /// Reads the line before a chunk.
    fn chunk(&mut self, first: bool) -> io::Result<()> {
        let mut line = self.line()?;
        if !first && line.as_deref() == Some("") {
            line = self.line()?;
        }
        let Some(line) = line else {
            return Ok(());
        };
        let digits = line.split(';').next().unwrap_or_default().trim();
        let plain =
            (1..=16).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
        match u64::from_str_radix(digits, 16) {
            Ok(0) if plain => self.rest = Rest::Over,
            Ok(left) if plain => self.rest = Rest::Chunks { left, first: false },
            _ => self.breaks("a chunk has no length"),
        }
        Ok(())
    }

    /// A line of the input without its end, or `None` after it broke.
    fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        loop {
            let Some(&byte) = self.input.fill_buf()?.first() else {
                self.breaks("the connection ended between two chunks");
                return Ok(None);
            };
            self.input.consume(1);
            match byte {
                b'\n' => break,
                _ if line.len() == LINE => {
                    self.breaks("the line before a chunk has no end");
                    return Ok(None);
                }
                _ => line.push(byte),
            }
        }
        let text = String::from_utf8_lossy(&line);
        Ok(Some(text.trim_end_matches('\r').into()))
    }
}

impl<R: BufRead> BufRead for Body<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if let Rest::Chunks { left: 0, first } = self.rest {
            self.chunk(first)?;
        }
        let most = match self.rest {
            Rest::Over | Rest::Bytes(0) => return Ok(&[]),
            Rest::All => u64::MAX,
            Rest::Bytes(left) | Rest::Chunks { left, .. } => left,
        };
        let buffer = self.input.fill_buf()?;
        if buffer.is_empty() {
            match self.rest {
                Rest::All => self.rest = Rest::Over,
                _ => {
                    self.rest = Rest::Over;
                    self.broken = Some("the connection ended before the answer did");
                }
            }
            return Ok(&[]);
        }
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        Ok(&buffer[..buffer.len().min(most)])
    }

    fn consume(&mut self, n: usize) {
        self.input.consume(n);
        let n = n as u64;
        match &mut self.rest {
            Rest::Bytes(left) | Rest::Chunks { left, .. } => *left = left.saturating_sub(n),
            Rest::All | Rest::Over => {}
        }
    }
}

impl<R: BufRead> Read for Body<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let buffer = self.fill_buf()?;
        let n = buffer.len().min(to.len());
        to[..n].copy_from_slice(&buffer[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl<R: Ahead> Ahead for Body<R> {
    fn ahead(&self) -> usize {
        let left = match self.rest {
            Rest::Over => 0,
            Rest::Bytes(left) => usize::try_from(left).unwrap_or(usize::MAX),
            Rest::All | Rest::Chunks { .. } => usize::MAX,
        };
        self.input.ahead().min(left)
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    /// What is read of `text`, with buffers of `size` bytes, and what broke it.
    fn read(head: &Head, text: &str, size: usize) -> (String, Option<&'static str>) {
        let mut body = Body::new(head, BufReader::with_capacity(size, text.as_bytes()));
        let mut all = String::new();
        body.read_to_string(&mut all).unwrap();
        (all, body.broken())
    }

    fn chunked() -> Head {
        Head {
            chunked: true,
            length: Some(3),
            ..Head::default()
        }
    }

    #[test]
    fn chunks_are_joined_at_any_read_size() {
        for size in [1, 2, 7, 100] {
            for text in [
                "3\r\nabc\r\n00A;x=\"y\"\r\ndefghijklm\r\n0\r\n\r\n",
                "3\nabc\nA\ndefghijklm\n0\n",
                "3\r\nabc0a\r\ndefghijklm\r\n0\r\nTrailer: x\r\n\r\n",
            ] {
                let want = ("abcdefghijklm".to_string(), None);
                assert_eq!(read(&chunked(), text, size), want, "{text:?}");
            }
        }
    }

    #[test]
    fn a_chunk_that_is_none_ends_the_body() {
        let endless = format!("3\r\nabc\r\n{}", "1".repeat(LINE + 9));
        for (text, why) in [
            ("3\r\nabc\r\n", "between two chunks"),
            ("3\r\nab", "before the answer did"),
            ("3\r\nabc\r\nx\r\n", "no length"),
            ("3\r\nabc\r\n+5\r\n", "no length"),
            ("3\r\nabc\r\n11111111111111111\r\n", "no length"),
            ("3\r\nabc\r\n\r\n\r\n", "no length"),
            (&endless, "no end"),
        ] {
            let (all, broken) = read(&chunked(), text, 8);
            assert!("abc".starts_with(&all), "{text}");
            assert!(
                broken.is_some_and(|found| found.contains(why)),
                "{text}: {broken:?}"
            );
        }
    }

    #[test]
    fn a_length_counts_for_a_picture_and_not_for_a_stream() {
        let head = |length, kind: &str| Head {
            length: Some(length),
            kind: Some(kind.into()),
            ..Head::default()
        };
        assert_eq!(
            read(&head(3, "image/jpeg"), "abcdef", 2),
            ("abc".into(), None)
        );
        let (all, broken) = read(&head(9, "image/jpeg"), "abc", 2);
        assert_eq!(all, "abc");
        assert!(broken.is_some());
        let stream = head(0, "multipart/x-mixed-replace");
        assert_eq!(read(&stream, "abcdef", 2), ("abcdef".into(), None));
        assert_eq!(read(&Head::default(), "abc", 2), ("abc".into(), None));
    }
}
