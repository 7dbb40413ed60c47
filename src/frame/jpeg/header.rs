//! The header of a JPEG picture: everything before its data.

use super::super::Error;
use super::frame_header::{Coding, FrameHeader};
use super::huffman::Huffman;
use super::segments::{Segments, TOO_SHORT};

/// The colours of the components.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Space {
    Grey,
    Ycbcr,
    Rgb,
    /// Inks, where 255 is no ink: so Adobe's programs write them, and readers such as Pillow expect
    /// it without Adobe's marker too.
    Cmyk,
    /// YCbCr of the inks, and black.
    Ycck,
}

/// The header of a picture. The tables are kept from picture to picture.
pub(super) struct Header {
    pub frame: FrameHeader,
    pub space: Space,
    /// Units between restart markers; 0 for none.
    pub restart: usize,
    /// Quantisation steps in rows of the block, not in zigzag order.
    pub steps: [[f32; 64]; 4],
    steps_set: [bool; 4],
    pub dc: [Huffman; 4],
    pub ac: [Huffman; 4],
    /// Where the data begin.
    pub data_at: usize,
    adobe: Option<u8>,
}

/// The most bytes of tables before the data. All that a picture can use have 2,800. A short one
/// that replaces the one before costs as much time as thousands of values.
pub(super) const MAX_TABLES: usize = 8 << 10;

/// Where the values of a block, in the order in which they are sent, belong in its rows.
#[rustfmt::skip]
pub(super) const ZIGZAG: [u8; 64] = [
     0,  1,  8, 16,  9,  2,  3, 10, 17, 24, 32, 25, 18, 11,  4,  5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13,  6,  7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

impl Header {
    pub const fn new() -> Self {
        const TABLE: Huffman = Huffman::new();
        Self {
            frame: FrameHeader::none(),
            space: Space::Grey,
            restart: 0,
            steps: [[0.0; 64]; 4],
            steps_set: [false; 4],
            dc: [TABLE; 4],
            ac: [TABLE; 4],
            data_at: 0,
            adobe: None,
        }
    }

    /// Reads the header of the picture in `data`.
    pub fn read(&mut self, data: &[u8]) -> Result<(), Error> {
        self.frame = FrameHeader::none();
        self.restart = 0;
        self.adobe = None;
        self.steps_set = [false; 4];
        for table in self.dc.iter_mut().chain(&mut self.ac) {
            table.set = false;
        }
        let mut jfif = false;
        let mut tables = 0;
        let mut segments = Segments::new(data)?;
        loop {
            let (code, body) = segments.next()?;
            match code {
                0xc0..=0xc2 if self.frame.is_read() => {
                    return Err(Error::corrupt("it has two frame headers"));
                }
                0xc0..=0xc2 => self.frame = FrameHeader::read(code, body)?,
                0xc4 | 0xdb => {
                    tables += body.len();
                    if tables > MAX_TABLES {
                        return Err(Error::corrupt("it has more tables than any program makes"));
                    }
                    match code {
                        0xc4 => self.huffman(body)?,
                        _ => self.quantisation(body)?,
                    }
                }
                0xdd => match body {
                    &[high, low] => self.restart = usize::from(u16::from_be_bytes([high, low])),
                    _ => return Err(Error::corrupt("the restart interval has a wrong length")),
                },
                0xe0 => jfif |= body.starts_with(b"JFIF\0"),
                0xee if body.starts_with(b"Adobe") => self.adobe = body.get(11).copied(),
                0xda => {
                    self.data_at = segments.at;
                    self.scan(body, jfif)?;
                    // Each block has at least one bit. So a small file that declares a huge picture
                    // costs nothing.
                    if self.frame.blocks() > (data.len() - self.data_at).saturating_mul(8) {
                        return Err(Error::Truncated);
                    }
                    return Ok(());
                }
                _ => {}
            }
        }
    }

    fn scan(&mut self, body: &[u8], jfif: bool) -> Result<(), Error> {
        if !self.frame.is_read() {
            return Err(Error::corrupt("its data come before its frame header"));
        }
        self.space = self.space(jfif);
        let (&count, rest) = body.split_first().ok_or(TOO_SHORT)?;
        let count = usize::from(count);
        if rest.len() != count * 2 + 3 {
            return Err(TOO_SHORT);
        }
        let all = self.frame.components().len();
        if self.frame.coding == Coding::Whole || count < all {
            self.frame.coding = Coding::Whole;
            return Ok(());
        }
        if count != all {
            return Err(Error::corrupt(
                "its data have more components than its frame",
            ));
        }
        let components = self.frame.components_mut();
        for (component, bytes) in components.iter_mut().zip(rest.chunks_exact(2)) {
            let (id, tables) = (bytes[0], bytes[1]);
            let (dc, ac) = (usize::from(tables >> 4), usize::from(tables & 15));
            if component.id != id || dc > 3 || ac > 3 {
                return Err(Error::corrupt("the scan header does not fit the frame"));
            }
            (component.dc, component.ac) = (dc, ac);
            self.dc[dc].or_default(false, dc)?;
            self.ac[ac].or_default(true, ac)?;
            if !self.steps_set[component.quantisation] || !self.dc[dc].set || !self.ac[ac].set {
                return Err(Error::corrupt("a table that it uses is not there"));
            }
        }
        let blocks: usize = self.frame.components().iter().map(|c| c.h * c.v).sum();
        if count > 1 && blocks > 10 {
            return Err(Error::corrupt("a unit has more than ten blocks"));
        }
        Ok(())
    }

    fn space(&self, jfif: bool) -> Space {
        let components = self.frame.components();
        let named_rgb = components.iter().map(|c| c.id).eq(*b"RGB");
        match (components.len(), self.adobe) {
            (1, _) => Space::Grey,
            (3, Some(0)) if !jfif => Space::Rgb,
            (3, None) if !jfif && named_rgb => Space::Rgb,
            (3, _) => Space::Ycbcr,
            (_, None | Some(0)) => Space::Cmyk,
            (_, Some(_)) => Space::Ycck,
        }
    }

    fn quantisation(&mut self, mut body: &[u8]) -> Result<(), Error> {
        while let Some((&head, rest)) = body.split_first() {
            let (wide, index) = (head >> 4, usize::from(head & 15));
            let length = 64 << wide.min(1);
            if wide > 1 || index > 3 || rest.len() < length {
                return Err(Error::corrupt("a quantisation table is malformed"));
            }
            let (table, after) = rest.split_at(length);
            for (k, &place) in ZIGZAG.iter().enumerate() {
                let step = if wide == 1 {
                    u16::from_be_bytes([table[k * 2], table[k * 2 + 1]])
                } else {
                    u16::from(table[k])
                };
                self.steps[index][usize::from(place)] = f32::from(step);
            }
            self.steps_set[index] = true;
            body = after;
        }
        Ok(())
    }

    fn huffman(&mut self, mut body: &[u8]) -> Result<(), Error> {
        while let Some((&head, rest)) = body.split_first() {
            let (class, index) = (head >> 4, usize::from(head & 15));
            let counts: &[u8; 16] = rest.first_chunk().ok_or(TOO_SHORT)?;
            let total: usize = counts.iter().map(|&n| usize::from(n)).sum();
            if class > 1 || index > 3 || rest.len() < 16 + total {
                return Err(Error::corrupt("a Huffman table is malformed"));
            }
            let tables = if class == 0 {
                &mut self.dc
            } else {
                &mut self.ac
            };
            tables[index].build(counts, &rest[16..16 + total])?;
            body = &rest[16 + total..];
        }
        Ok(())
    }
}
