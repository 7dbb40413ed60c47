//! Pictures read line by line.

use super::format::Layout;
use super::ycbcr::{Samples, Ycbcr};
use super::{Error, PixelFormat, View};

/// A picture that can be read from top to bottom, three bytes a pixel.
pub trait Lines {
    /// What the three bytes stand for.
    fn samples(&self) -> Samples;

    /// Writes the pixels of row `y` from column `x` on, as [`Lines::samples`] says, until `line` is
    /// full.
    ///
    /// Rows are asked for from top to bottom, and some may be left out.
    ///
    /// # Errors
    /// [`Error::Outside`] when the picture has no such pixels, else whatever is wrong with the
    /// picture there.
    fn read(&mut self, y: usize, x: usize, line: &mut [u8]) -> Result<(), Error>;

    /// The same as red, green and blue.
    ///
    /// # Errors
    /// Those of [`Lines::read`].
    fn rgb(&mut self, y: usize, x: usize, line: &mut [u8]) -> Result<(), Error> {
        self.read(y, x, line)?;
        self.samples().to_rgb(line);
        Ok(())
    }
}

/// A raw picture, checked once to be as long as its size and format need.
///
/// Chroma that is shared by neighbouring pixels is repeated for each of them.
pub struct Rows<'a> {
    view: View<'a>,
    layout: Layout,
    ycbcr: Ycbcr,
}

impl<'a> Rows<'a> {
    /// Checks `view` before a byte of it is read.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Stride`] or [`Error::Short`]; [`Error::Unsupported`] for JPEG.
    pub fn new(view: View<'a>) -> Result<Self, Error> {
        let View {
            format,
            width,
            height,
            stride,
            data,
            ..
        } = view;
        if width == 0 || height == 0 {
            return Err(Error::Empty { width, height });
        }
        if format == PixelFormat::Jpeg {
            return Err(Error::Unsupported("JPEG where raw pixels are wanted"));
        }
        let short = |need| Error::Short {
            format,
            width,
            height,
            have: data.len(),
            need,
        };
        let layout = format
            .layout(width, height, stride)
            .ok_or_else(|| short(usize::MAX))?;
        if stride < layout.row {
            return Err(Error::Stride {
                format,
                width,
                stride,
                need: layout.row,
            });
        }
        if data.len() < layout.len {
            return Err(short(layout.len));
        }
        Ok(Self {
            view,
            layout,
            ycbcr: Ycbcr::new(view.colour),
        })
    }

    /// The row `y` of the chroma plane `plane`.
    fn chroma(&self, plane: usize, y: usize) -> &'a [u8] {
        let at = self.layout.chroma_at
            + plane * self.layout.chroma_len
            + y / 2 * self.layout.chroma_stride;
        let row = if self.view.format == PixelFormat::Nv12 {
            self.view.width.div_ceil(2) * 2
        } else {
            self.view.width.div_ceil(2)
        };
        &self.view.data[at..][..row]
    }
}

impl Lines for Rows<'_> {
    fn samples(&self) -> Samples {
        match self.view.format {
            PixelFormat::Rgb24 | PixelFormat::Bgr24 | PixelFormat::Grey => Samples::Rgb,
            _ => Samples::Ycbcr(self.ycbcr),
        }
    }

    fn read(&mut self, y: usize, x: usize, line: &mut [u8]) -> Result<(), Error> {
        let width = self.view.width;
        if y >= self.view.height || x.checked_add(line.len() / 3).is_none_or(|end| end > width) {
            return Err(Error::Outside { x, y });
        }
        let row = &self.view.data[y * self.view.stride..][..self.layout.row];
        let (pair, odd) = (x / 2, x % 2 == 1);
        match self.view.format {
            PixelFormat::Rgb24 => line.copy_from_slice(&row[x * 3..][..line.len()]),
            PixelFormat::Bgr24 => {
                for (to, from) in line.chunks_exact_mut(3).zip(row[x * 3..].chunks_exact(3)) {
                    to.copy_from_slice(&[from[2], from[1], from[0]]);
                }
            }
            PixelFormat::Grey => {
                for (to, &level) in line.chunks_exact_mut(3).zip(&row[x..]) {
                    to.fill(self.ycbcr.grey(level));
                }
            }
            PixelFormat::Yuyv => {
                let quads = row[pair * 4..].chunks_exact(4);
                let quads = quads.map(|q| [q[0], q[2], q[1], q[3]]);
                pairs(quads, None, odd, line);
            }
            PixelFormat::Uyvy => {
                let quads = row[pair * 4..].chunks_exact(4);
                let quads = quads.map(|q| [q[1], q[3], q[0], q[2]]);
                pairs(quads, None, odd, line);
            }
            PixelFormat::Nv12 => {
                let luma = row[pair * 2..].chunks_exact(2);
                let chroma = &self.chroma(0, y)[pair * 2..];
                let alone = (luma.remainder().first().zip(chroma.last_chunk()))
                    .map(|(&y, &[cb, cr])| [y, y, cb, cr]);
                let quads = luma.zip(chroma.chunks_exact(2));
                let quads = quads.map(|(y, c)| [y[0], y[1], c[0], c[1]]);
                pairs(quads, alone, odd, line);
            }
            PixelFormat::Yu12 => {
                let luma = row[pair * 2..].chunks_exact(2);
                let (cb, cr) = (&self.chroma(0, y)[pair..], &self.chroma(1, y)[pair..]);
                let alone = (luma.remainder().first().zip(cb.last()).zip(cr.last()))
                    .map(|((&y, &cb), &cr)| [y, y, cb, cr]);
                let quads = luma.zip(cb.iter().zip(cr));
                let quads = quads.map(|(y, (&cb, &cr))| [y[0], y[1], cb, cr]);
                pairs(quads, alone, odd, line);
            }
            PixelFormat::Jpeg => {
                return Err(Error::Unsupported("JPEG where raw pixels are wanted"));
            }
        }
        Ok(())
    }
}

/// Writes pixels as luma, Cb, Cr from `[luma, luma, Cb, Cr]` of each two neighbours, and of one
/// that stands `alone` at the end of a row; from the second of the first two if `odd`.
#[inline(always)]
pub(super) fn pairs(
    mut quads: impl Iterator<Item = [u8; 4]>,
    alone: Option<[u8; 4]>,
    odd: bool,
    mut line: &mut [u8],
) {
    if odd && line.len() >= 3 {
        let (first, rest) = line.split_at_mut(3);
        if let Some([_, y, cb, cr]) = quads.next() {
            first.copy_from_slice(&[y, cb, cr]);
        }
        line = rest;
    }
    let (whole, last) = line.split_at_mut(line.len() / 6 * 6);
    // In this order the zip takes no quad that it has no pair for.
    for (pair, [y0, y1, cb, cr]) in whole.chunks_exact_mut(6).zip(&mut quads) {
        pair.copy_from_slice(&[y0, cb, cr, y1, cb, cr]);
    }
    if let Some(last) = last.get_mut(..3)
        && let Some([y, _, cb, cr]) = quads.next().or(alone)
    {
        last.copy_from_slice(&[y, cb, cr]);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Colour;
    use super::*;
    use proptest::prelude::*;

    const RAW: [PixelFormat; 7] = [
        PixelFormat::Rgb24,
        PixelFormat::Bgr24,
        PixelFormat::Grey,
        PixelFormat::Yuyv,
        PixelFormat::Uyvy,
        PixelFormat::Nv12,
        PixelFormat::Yu12,
    ];

    fn view(
        format: PixelFormat,
        width: usize,
        height: usize,
        stride: usize,
        data: &[u8],
    ) -> View<'_> {
        View {
            format,
            width,
            height,
            stride,
            colour: Colour {
                full_range: true,
                ..Colour::default()
            },
            data,
        }
    }

    fn row(view: View<'_>, y: usize, x: usize, n: usize) -> Vec<u8> {
        let mut line = vec![0; n * 3];
        Rows::new(view).unwrap().rgb(y, x, &mut line).unwrap();
        line
    }

    #[test]
    fn each_format_reads_the_same_grey_ramp() {
        // 5x3: odd both ways, luma 10*y + x, chroma neutral.
        let luma = |x: usize, y: usize| (10 * y + x) as u8;
        let build = |format: PixelFormat| -> (usize, Vec<u8>) {
            let mut data = Vec::new();
            let stride = match format {
                PixelFormat::Rgb24 | PixelFormat::Bgr24 => 15,
                PixelFormat::Yuyv | PixelFormat::Uyvy => 12,
                _ => 5,
            };
            for y in 0..3 {
                for x in 0..5 {
                    match format {
                        PixelFormat::Rgb24 | PixelFormat::Bgr24 => data.extend([luma(x, y); 3]),
                        PixelFormat::Yuyv => data.extend([luma(x, y), 128]),
                        PixelFormat::Uyvy => data.extend([128, luma(x, y)]),
                        _ => data.push(luma(x, y)),
                    }
                }
                if stride == 12 {
                    data.extend([128, 128]);
                }
            }
            if matches!(format, PixelFormat::Nv12 | PixelFormat::Yu12) {
                data.extend([128; 12]);
            }
            (stride, data)
        };
        for format in RAW {
            let (stride, data) = build(format);
            assert_eq!(format.bytes(5, 3, stride), Some(data.len()), "{format}");
            for y in 0..3 {
                for x in 0..5 {
                    for n in 0..=5 - x {
                        let want: Vec<u8> = (x..x + n).flat_map(|x| [luma(x, y); 3]).collect();
                        assert_eq!(
                            row(view(format, 5, 3, stride, &data), y, x, n),
                            want,
                            "{format} {x},{y}"
                        );
                    }
                }
            }
            let cut = view(format, 5, 3, stride, &data[..data.len() - 1]);
            assert!(
                matches!(Rows::new(cut), Err(Error::Short { .. })),
                "{format}"
            );
        }
    }

    #[test]
    fn colours_keep_their_place() {
        assert_eq!(
            row(view(PixelFormat::Rgb24, 1, 1, 3, &[1, 2, 3]), 0, 0, 1),
            [1, 2, 3]
        );
        assert_eq!(
            row(view(PixelFormat::Bgr24, 1, 1, 3, &[1, 2, 3]), 0, 0, 1),
            [3, 2, 1]
        );
        // Cr above the middle is red, in each order of the bytes.
        let red = |format, stride, data: &[u8]| {
            let line = row(view(format, 2, 1, stride, data), 0, 0, 2);
            assert!(
                line[0] > 200 && line[1] < 100 && line[2] < 120,
                "{format} {line:?}"
            );
            assert_eq!(line[..3], line[3..], "{format}");
        };
        red(PixelFormat::Yuyv, 4, &[100, 100, 100, 240]);
        red(PixelFormat::Uyvy, 4, &[100, 100, 240, 100]);
        red(PixelFormat::Nv12, 2, &[100, 100, 100, 240]);
        red(PixelFormat::Yu12, 2, &[100, 100, 100, 240]);
    }

    #[test]
    fn grey_of_the_video_range_is_spread_to_all_levels() {
        let data = [16, 126, 235];
        let mut view = view(PixelFormat::Grey, 3, 1, 3, &data);
        assert_eq!(
            row(view, 0, 0, 3),
            [16, 16, 16, 126, 126, 126, 235, 235, 235]
        );
        view.colour.full_range = false;
        assert_eq!(row(view, 0, 0, 3), [0, 0, 0, 128, 128, 128, 255, 255, 255]);
    }

    #[test]
    fn padding_between_rows_is_not_read() {
        let data = [1, 2, 9, 9, 3, 4];
        assert_eq!(
            row(view(PixelFormat::Grey, 2, 2, 4, &data), 1, 0, 2),
            [3, 3, 3, 4, 4, 4]
        );
    }

    proptest! {
        #[test]
        fn no_size_and_no_buffer_panics(
            which in 0..RAW.len(),
            width in prop_oneof![0usize..40, Just(usize::MAX), Just(usize::MAX / 3)],
            height in prop_oneof![0usize..40, Just(usize::MAX), Just(usize::MAX / 2 + 1)],
            stride in prop_oneof![0usize..200, Just(usize::MAX)],
            len in 0usize..6000,
            y in 0usize..50,
            x in prop_oneof![0usize..50, Just(usize::MAX)],
            n in 0usize..50,
        ) {
            let data = vec![7; len];
            if let Ok(mut rows) = Rows::new(view(RAW[which], width, height, stride, &data)) {
                let mut line = vec![0; n * 3];
                let inside = y < height && x.checked_add(n).is_some_and(|end| end <= width);
                prop_assert_eq!(rows.read(y, x, &mut line).is_ok(), inside);
            }
        }
    }
}
