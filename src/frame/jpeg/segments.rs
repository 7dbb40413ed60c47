//! The segments that a JPEG picture is made of.

use super::super::{Error, Orientation};
use super::bits::marker;
use crate::panics;

/// The error for a segment that breaks off.
pub(super) const TOO_SHORT: Error =
    Error::corrupt("a segment is shorter than what it says it holds");

/// Width and height in a frame header, and the rest of it.
pub(super) fn frame_size(body: &[u8]) -> Result<(usize, usize, &[u8]), Error> {
    let (&[bits, h1, h0, w1, w0], rest) = body.split_first_chunk().ok_or(TOO_SHORT)?;
    if bits != 8 {
        return Err(Error::Unsupported("a JPEG of other than 8 bits"));
    }
    let width = usize::from(u16::from_be_bytes([w1, w0]));
    let height = usize::from(u16::from_be_bytes([h1, h0]));
    if height == 0 && width != 0 {
        return Err(Error::Unsupported(
            "a JPEG that gives its height after its data",
        ));
    }
    if width == 0 {
        return Err(Error::Empty { width, height });
    }
    Ok((width, height, rest))
}

/// Width and height of the JPEG picture in `data`; `None` if its header is damaged before them.
pub fn size(data: &[u8]) -> Option<(usize, usize)> {
    panics::contain(|| find_size(data)).ok().flatten()
}

fn find_size(data: &[u8]) -> Option<(usize, usize)> {
    let mut segments = Segments::new(data).ok()?;
    loop {
        match segments.next().ok()? {
            (0xc0..=0xc2, body) => return frame_size(body).ok().map(|(w, h, _)| (w, h)),
            (0xda, _) => return None,
            _ => {}
        }
    }
}

/// How the JPEG picture in `data` is to be turned, by the Exif data of its first such segment;
/// upright where there are none.
pub fn orientation(data: &[u8]) -> Orientation {
    panics::contain(|| find_orientation(data)).unwrap_or(Orientation::Upright)
}

fn find_orientation(data: &[u8]) -> Orientation {
    let Ok(mut segments) = Segments::new(data) else {
        return Orientation::Upright;
    };
    loop {
        match segments.next() {
            Ok((0xe1, body)) => {
                if let Some(exif) = body.strip_prefix(b"Exif\0\0") {
                    return Orientation::of_exif(exif);
                }
            }
            Ok((0xda, _)) | Err(_) => return Orientation::Upright,
            Ok(_) => {}
        }
    }
}

/// The length of the JPEG picture at the start of `data`, without the padding of cameras; `None` if
/// its beginning or its end is missing. Only the two ends are checked, not the data between.
pub fn length(data: &[u8]) -> Option<usize> {
    if !data.starts_with(&[0xff, 0xd8, 0xff]) {
        return None;
    }
    // Entropy-coded data never holds this marker, so the last one is the end.
    let end = data.windows(2).rposition(|pair| pair == [0xff, 0xd9])?;
    Some(end + 2)
}

/// The segments of a header, one after the other.
pub(super) struct Segments<'a> {
    data: &'a [u8],
    /// Where the next segment begins.
    pub at: usize,
    /// Segments so far.
    count: usize,
}

/// The most segments of a header. Notes of the largest kind, in parts of 64 KiB, have a few
/// hundred.
const MAX_SEGMENTS: usize = 2048;

impl<'a> Segments<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Result<Self, Error> {
        match data {
            [0xff, 0xd8, ..] => Ok(Self {
                data,
                at: 2,
                count: 0,
            }),
            [] | [0xff] => Err(Error::Truncated),
            _ => Err(Error::corrupt("it does not begin as a JPEG does")),
        }
    }

    /// Code and body of the next segment.
    pub(crate) fn next(&mut self) -> Result<(u8, &'a [u8]), Error> {
        loop {
            let rest = self.data.get(self.at..).ok_or(Error::Truncated)?;
            // Bytes between segments are not allowed, but occur.
            self.at += rest
                .iter()
                .position(|&b| b == 0xff)
                .ok_or(Error::Truncated)?;
            let (code, after) = marker(self.data, self.at).ok_or(Error::Truncated)?;
            self.at = after;
            match code {
                0 | 1 | 0xd0..=0xd7 => continue,
                0xd8 => return Err(Error::corrupt("a second picture begins in its header")),
                0xd9 => return Err(Error::corrupt("it ends before its data begin")),
                0xc9..=0xcf => {
                    return Err(Error::Unsupported("a JPEG with arithmetic coding"));
                }
                0xc3 | 0xc5..=0xc7 | 0xde | 0xdf => {
                    return Err(Error::Unsupported("a lossless or hierarchical JPEG"));
                }
                _ => {}
            }
            self.count += 1;
            if self.count > MAX_SEGMENTS {
                return Err(Error::corrupt(
                    "it has more segments than any program makes",
                ));
            }
            let length: &[u8; 2] = self.data[after..].first_chunk().ok_or(Error::Truncated)?;
            let length = usize::from(u16::from_be_bytes(*length));
            if length < 2 {
                return Err(TOO_SHORT);
            }
            self.at = after + length;
            let body = self.data.get(after + 2..self.at).ok_or(Error::Truncated)?;
            return Ok((code, body));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_ends_at_its_end_marker() {
        let picture = [0xff, 0xd8, 0xff, 0xdb, 1, 2, 3, 0xff, 0xd9];
        assert_eq!(length(&picture), Some(9));
        let mut padded = picture.to_vec();
        padded.extend([0; 500]);
        assert_eq!(length(&padded), Some(9));
        padded.extend([0xff; 3]);
        assert_eq!(length(&padded), Some(9));
        for cut in 0..picture.len() {
            assert_eq!(length(&picture[..cut]), None, "{cut}");
        }
        assert_eq!(length(&[0; 64]), None);
    }
}
