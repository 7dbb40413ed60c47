//! A frame as a picture file: whole, as the source has it, with masks in black.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

use crate::frame::jpeg::Decoder;
use crate::frame::{Error, Frame, Lines, PixelFormat, Rows};
use crate::vision::{self, Cover, Grain, Masked, Turn};

/// Encodes frames. Its buffers are kept from one to the next.
pub(crate) struct Encoder {
    /// Whose masks are black.
    vision: vision::Config,
    cover: Cover,
    jpeg: Decoder,
    /// A picture as RGB.
    rgb: Vec<u8>,
}

impl Encoder {
    /// For pictures that `vision`, which has passed its check, masks.
    pub(crate) fn new(vision: &vision::Config) -> Self {
        Self {
            vision: vision.clone(),
            cover: Cover::new(&vision.masks),
            jpeg: Decoder::new(),
            rgb: Vec::new(),
        }
    }

    /// Whether the bytes of `frame` are already a file that may be kept: a JPEG picture in which
    /// nothing has to be black.
    pub(crate) fn may_copy(&self, frame: &Frame) -> bool {
        frame.format == PixelFormat::Jpeg && self.cover.is_empty()
    }

    /// Makes `to` a PNG file of `frame`. The pixels of a raw one are exactly those from which the
    /// model's input is made.
    ///
    /// # Errors
    /// The frame cannot be read, or PNG cannot hold it.
    pub(crate) fn png(&mut self, frame: &Frame, to: &mut Vec<u8>) -> Result<(), Error> {
        to.clear();
        let encoder = PngEncoder::new_with_quality(to, CompressionType::Fast, FilterType::Up);
        self.write(frame, encoder)
    }

    /// Makes `to` a JPEG file of `frame`, of a `quality` of 1 to 100.
    ///
    /// # Errors
    /// The frame cannot be read, or JPEG cannot hold it.
    pub(crate) fn jpeg(
        &mut self,
        frame: &Frame,
        quality: u8,
        to: &mut Vec<u8>,
    ) -> Result<(), Error> {
        to.clear();
        self.write(frame, JpegEncoder::new_with_quality(to, quality))
    }

    fn write(&mut self, frame: &Frame, mut encoder: impl ImageEncoder) -> Result<(), Error> {
        let (width, height) = self.read(frame)?;
        let (Ok(width), Ok(height)) = (width.try_into(), height.try_into()) else {
            return Err(Error::Unsupported("too large for a picture file"));
        };
        if let Some(exif) = frame.orientation.exif() {
            encoder
                .set_exif_metadata(exif)
                .map_err(|_| Error::Unsupported("turned, which the file cannot tell"))?;
        }
        encoder
            .write_image(&self.rgb, width, height, ExtendedColorType::Rgb8)
            .map_err(|_| Error::Unsupported("not one that a picture file can hold"))
    }

    /// Reads a picture as RGB, as the source has it, with masks in black. Returns its width and
    /// height.
    fn read(&mut self, frame: &Frame) -> Result<(usize, usize), Error> {
        let view = frame.view();
        let turn = Turn::new(&self.vision, frame.orientation);
        if frame.format == PixelFormat::Jpeg {
            let mut picture = self.jpeg.open(view.data, view.limit)?;
            let full = picture.size();
            let grain = Grain::jpeg(&picture);
            picture.start(8)?;
            self.cover.fit(full, grain, turn);
            let masked = Masked::new(&mut picture, &self.cover, grain.at(8));
            fill(&mut self.rgb, full, masked)?;
            picture.finish()?;
            return Ok(full);
        }
        let mut rows = Rows::new(view)?;
        let full = (frame.width, frame.height);
        let grain = Grain::raw(&view);
        self.cover.fit(full, grain, turn);
        let masked = Masked::new(&mut rows, &self.cover, grain.at(8));
        fill(&mut self.rgb, full, masked)?;
        Ok(full)
    }
}

/// Fills `rgb` with the rows of a picture of this width and height.
fn fill(
    rgb: &mut Vec<u8>,
    (width, height): (usize, usize),
    mut lines: impl Lines,
) -> Result<(), Error> {
    rgb.resize(width * height * 3, 0);
    for (y, to) in rgb.chunks_exact_mut(width * 3).enumerate() {
        lines.rgb(y, 0, to)?;
    }
    Ok(())
}
