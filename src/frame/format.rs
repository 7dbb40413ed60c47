//! Pixel formats: the layout and the colours of a picture's bytes.

use std::fmt;

/// The most pixels that a compressed picture may declare. A larger one is refused before anything
/// is allocated for it.
pub(crate) const MAX_PIXELS: usize = 64 << 20;

/// The layout of a picture's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// 8-bit red, green, blue, interleaved.
    Rgb24,
    /// 8-bit blue, green, red, interleaved.
    Bgr24,
    /// 8-bit luma.
    Grey,
    /// 4:2:2 packed as Y0 Cb Y1 Cr.
    Yuyv,
    /// 4:2:2 packed as Cb Y0 Cr Y1.
    Uyvy,
    /// 4:2:0, a luma plane and a plane of interleaved Cb Cr.
    Nv12,
    /// 4:2:0, planes of luma, Cb and Cr (V4L2's YU12, I420).
    Yu12,
    /// One JPEG picture.
    Jpeg,
}

/// The planes of a raw picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Bytes of the pixels of one row of the first plane.
    pub row: usize,
    /// Bytes from one chroma row to the next; 0 without chroma planes.
    pub chroma_stride: usize,
    /// Where the first chroma plane begins.
    pub chroma_at: usize,
    /// Bytes of one chroma plane.
    pub chroma_len: usize,
    /// The least number of bytes that hold the whole picture.
    pub len: usize,
}

impl PixelFormat {
    /// The layout of a raw picture, or `None` for JPEG, an empty picture and one too large to
    /// address.
    ///
    /// A chroma plane's rows are half as far apart as luma's, rounded up. The last row of the last
    /// plane needs no padding.
    pub(super) fn layout(self, width: usize, height: usize, stride: usize) -> Option<Layout> {
        let pairs = width.div_ceil(2);
        let row = match self {
            Self::Rgb24 | Self::Bgr24 => width.checked_mul(3)?,
            Self::Grey | Self::Nv12 | Self::Yu12 => width,
            Self::Yuyv | Self::Uyvy => pairs.checked_mul(4)?,
            Self::Jpeg => return None,
        };
        let above = |rows: usize, stride: usize| rows.checked_sub(1)?.checked_mul(stride);
        let mut layout = Layout {
            row,
            chroma_stride: 0,
            chroma_at: 0,
            chroma_len: 0,
            len: above(height, stride)?.checked_add(row)?,
        };
        let (planes, chroma_row) = match self {
            Self::Nv12 => (1, pairs.checked_mul(2)?),
            Self::Yu12 => (2, pairs),
            _ => return Some(layout),
        };
        let half = stride.div_ceil(2);
        layout.chroma_stride = if planes == 1 {
            half.checked_mul(2)?
        } else {
            half
        };
        layout.chroma_at = height.checked_mul(stride)?;
        let rows = height.div_ceil(2);
        layout.chroma_len = rows.checked_mul(layout.chroma_stride)?;
        layout.len = layout
            .chroma_at
            .checked_add((planes - 1) * layout.chroma_len)?
            .checked_add(above(rows, layout.chroma_stride)?)?
            .checked_add(chroma_row)?;
        Some(layout)
    }

    /// Columns and rows of a raw picture's pixels that share one colour.
    pub(crate) const fn shared(self) -> (usize, usize) {
        match self {
            Self::Rgb24 | Self::Bgr24 | Self::Grey | Self::Jpeg => (1, 1),
            Self::Yuyv | Self::Uyvy => (2, 1),
            Self::Nv12 | Self::Yu12 => (2, 2),
        }
    }

    /// The least number of bytes that a raw picture needs, or `None` for JPEG, an empty picture and
    /// one too large to address.
    pub(crate) fn bytes(self, width: usize, height: usize, stride: usize) -> Option<usize> {
        self.layout(width, height, stride).map(|layout| layout.len)
    }
}

impl fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Rgb24 => "RGB24",
            Self::Bgr24 => "BGR24",
            Self::Grey => "GREY",
            Self::Yuyv => "YUYV",
            Self::Uyvy => "UYVY",
            Self::Nv12 => "NV12",
            Self::Yu12 => "YU12",
            Self::Jpeg => "JPEG",
        })
    }
}

/// The matrix that turns YCbCr into RGB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Matrix {
    /// ITU-R BT.601, of JPEG and most cameras.
    #[default]
    Bt601,
    /// ITU-R BT.709, of HD video.
    Bt709,
}

/// The matrix and range of YCbCr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Colour {
    /// The matrix.
    pub matrix: Matrix,
    /// Whether luma spans 0 to 255 (JPEG) instead of 16 to 235 (video).
    pub full_range: bool,
}
