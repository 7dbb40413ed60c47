//! The mode that the driver's answer means. Pure.

use v4l::Fraction;
use v4l::v4l_sys as sys;

use super::negotiate::{fps, name, pixel_format};
use super::system::DriverFormat;
use crate::frame::{Colour, Matrix, PixelFormat};
use crate::source::Mode;

/// No picture is larger. A driver that reports more is broken, and nothing is allocated for it.
const MOST_BYTES: usize = 256 << 20;

/// Bytes of one row of the first plane.
fn row_bytes(format: PixelFormat, width: usize) -> usize {
    match format {
        PixelFormat::Jpeg => 0,
        PixelFormat::Rgb24 | PixelFormat::Bgr24 => width * 3,
        PixelFormat::Yuyv | PixelFormat::Uyvy => width.next_multiple_of(2) * 2,
        PixelFormat::Grey | PixelFormat::Nv12 | PixelFormat::Yu12 => width,
    }
}

/// Why the mode that a driver gave cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModeError {
    #[error("the driver gave {0}, which is not understood")]
    Format(String),
    #[error("the driver gave a picture of {0}x{1}")]
    Size(usize, usize),
    #[error("the driver gives half pictures one after the other (interlaced)")]
    Interlaced,
    #[error("the driver gives rows of {0} bytes")]
    Stride(usize),
    #[error("the driver gives pictures of {0} bytes")]
    Bytes(usize),
}

/// Reads the driver's answer.
pub fn read(picture: &DriverFormat, interval: Option<Fraction>) -> Result<Mode, ModeError> {
    let fourcc = name(picture.format);
    let Some(format) = pixel_format(picture.format) else {
        return Err(ModeError::Format(fourcc));
    };
    let (width, height) = (picture.width as usize, picture.height as usize);
    if !(1..=16384).contains(&width) || !(1..=16384).contains(&height) {
        return Err(ModeError::Size(width, height));
    }
    if matches!(
        picture.field,
        sys::v4l2_field_V4L2_FIELD_SEQ_TB | sys::v4l2_field_V4L2_FIELD_SEQ_BT
    ) {
        return Err(ModeError::Interlaced);
    }
    // Some drivers leave the stride 0 or too small; their rows follow each other without a gap.
    let row = row_bytes(format, width);
    let stride = match format {
        PixelFormat::Jpeg => 0,
        _ if (picture.bytes_per_line as usize) < row => row,
        _ => picture.bytes_per_line as usize,
    };
    if stride > MOST_BYTES >> 14 {
        return Err(ModeError::Stride(stride));
    }
    let size_image =
        (picture.size_image as usize).max(format.bytes(width, height, stride).unwrap_or(0));
    if size_image > MOST_BYTES {
        return Err(ModeError::Bytes(size_image));
    }
    Ok(Mode {
        format,
        fourcc,
        width,
        height,
        stride,
        colour: colour(format, picture),
        size_image,
        fps: interval.map_or(0.0, fps),
    })
}

/// Matrix and range, with V4L2's defaults where the driver leaves them open. BT.2020 and SMPTE 240M
/// are read as BT.709, the nearest.
fn colour(format: PixelFormat, picture: &DriverFormat) -> Colour {
    if format == PixelFormat::Jpeg {
        // A JPEG file is BT.601, full range, whatever the driver reports for its sensor.
        return Colour {
            matrix: Matrix::Bt601,
            full_range: true,
        };
    }
    let matrix = match picture.encoding {
        sys::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_DEFAULT => match picture.colorspace {
            sys::v4l2_colorspace_V4L2_COLORSPACE_REC709
            | sys::v4l2_colorspace_V4L2_COLORSPACE_DCI_P3
            | sys::v4l2_colorspace_V4L2_COLORSPACE_BT2020
            | sys::v4l2_colorspace_V4L2_COLORSPACE_SMPTE240M => Matrix::Bt709,
            _ => Matrix::Bt601,
        },
        sys::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_601
        | sys::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_XV601
        | sys::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_SYCC => Matrix::Bt601,
        _ => Matrix::Bt709,
    };
    // V4L2 defines a grey picture of unspecified range as video range. The sensors that give grey
    // use all levels, and so does the kernel's own virtual camera.
    let full_by_itself = matches!(
        format,
        PixelFormat::Rgb24 | PixelFormat::Bgr24 | PixelFormat::Grey
    );
    let full_range = match picture.quantization {
        sys::v4l2_quantization_V4L2_QUANTIZATION_FULL_RANGE => true,
        sys::v4l2_quantization_V4L2_QUANTIZATION_LIM_RANGE => false,
        _ => full_by_itself || picture.colorspace == sys::v4l2_colorspace_V4L2_COLORSPACE_JPEG,
    };
    Colour { matrix, full_range }
}

#[cfg(test)]
mod tests {
    use v4l::FourCC;

    use super::*;

    fn yuyv(width: u32, height: u32) -> DriverFormat {
        DriverFormat {
            format: FourCC::new(b"YUYV"),
            width,
            height,
            bytes_per_line: width * 2,
            size_image: width * height * 2,
            ..DriverFormat::default()
        }
    }

    #[test]
    fn the_mode_is_the_one_that_the_driver_gave() {
        let mut picture = yuyv(640, 480);
        picture.bytes_per_line = 1344;
        let mode = read(&picture, Some(Fraction::new(1, 15))).unwrap();
        assert_eq!((mode.width, mode.height, mode.stride), (640, 480, 1344));
        assert_eq!(mode.size_image, 1344 * 479 + 1280);
        assert_eq!(mode.fps, 15.0);
    }

    #[test]
    fn a_missing_stride_or_size_is_computed() {
        let mut picture = yuyv(641, 480);
        (picture.bytes_per_line, picture.size_image) = (0, 0);
        let mode = read(&picture, None).unwrap();
        assert_eq!((mode.stride, mode.size_image), (1284, 1284 * 480));
    }

    #[test]
    fn answers_that_cannot_be_read_are_refused() {
        let mut other = yuyv(640, 480);
        other.format = FourCC::new(b"pRAA");
        let refused = |picture| read(&picture, None).unwrap_err();
        assert_eq!(refused(other), ModeError::Format("pRAA".into()));
        assert_eq!(refused(yuyv(0, 480)), ModeError::Size(0, 480));
        let mut fields = yuyv(640, 480);
        fields.field = sys::v4l2_field_V4L2_FIELD_SEQ_TB;
        assert_eq!(refused(fields), ModeError::Interlaced);
        let mut huge = yuyv(640, 480);
        huge.size_image = u32::MAX;
        assert!(matches!(refused(huge), ModeError::Bytes(_)));
    }

    #[test]
    fn matrix_and_range_follow_v4l2s_defaults() {
        let driver = |colorspace, encoding, quantization| {
            let picture = DriverFormat {
                colorspace,
                encoding,
                quantization,
                ..yuyv(64, 64)
            };
            let colour = read(&picture, None).unwrap().colour;
            (colour.matrix, colour.full_range)
        };
        use sys::*;
        let srgb = v4l2_colorspace_V4L2_COLORSPACE_SRGB;
        assert_eq!(driver(srgb, 0, 0), (Matrix::Bt601, false));
        let hd = v4l2_colorspace_V4L2_COLORSPACE_REC709;
        assert_eq!(driver(hd, 0, 0), (Matrix::Bt709, false));
        let jpeg = v4l2_colorspace_V4L2_COLORSPACE_JPEG;
        assert_eq!(driver(jpeg, 0, 0), (Matrix::Bt601, true));
        let full = v4l2_quantization_V4L2_QUANTIZATION_FULL_RANGE;
        assert_eq!(
            driver(srgb, v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_709, full),
            (Matrix::Bt709, true)
        );
        let limited = v4l2_quantization_V4L2_QUANTIZATION_LIM_RANGE;
        assert_eq!(
            driver(hd, v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_601, limited),
            (Matrix::Bt601, false)
        );
        for (quantization, full) in [(0, true), (full, true), (limited, false)] {
            let grey = DriverFormat {
                format: FourCC::new(b"GREY"),
                quantization,
                ..yuyv(64, 64)
            };
            assert_eq!(read(&grey, None).unwrap().colour.full_range, full);
        }
    }
}
