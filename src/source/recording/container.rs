//! The kind of file or folder that holds a recording's frames.

use std::fs::{File, Metadata};
use std::io::Read;
use std::path::Path;

use crate::source::Error;

/// The kind of file or folder that holds the frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    Directory,
    Image,
    Mjpeg,
    Y4m,
    /// For ffmpeg, with what it is in words.
    Foreign(&'static str),
}

pub(super) const JPEG: &[u8] = &[0xff, 0xd8];
pub(super) const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
pub(super) const Y4M: &[u8] = b"YUV4MPEG2";

/// What a video is in words.
pub(super) const FILM: &str = "a video";

/// Endings of videos whose first bytes tell nothing, or are of many kinds.
const VIDEO: &[&str] = &[
    "mp4", "m4v", "mov", "mkv", "webm", "avi", "mpg", "mpeg", "m2v", "ts", "mts", "m2ts", "wmv",
    "flv", "3gp", "ogv", "h264", "264", "h265", "265", "hevc", "ivf", "vob", "y4m",
];

impl Container {
    /// The container at `path`, by its first bytes, and by its name where they do not tell.
    pub fn of(path: &Path, metadata: &Metadata) -> Result<Self, Error> {
        if metadata.is_dir() {
            return Ok(Self::Directory);
        }
        if !metadata.is_file() {
            return Err(Error::Format {
                path: path.into(),
                message: "this is neither a file nor a directory; \
                          for a camera, set kind = \"camera\" in the section [source]"
                    .into(),
            });
        }
        let mut head = [0; 16];
        let head = read_head(path, &mut head).map_err(|cause| Error::Io {
            path: path.into(),
            cause,
        })?;
        if head.is_empty() {
            return Err(Error::Empty {
                path: path.into(),
                reason: "the file is empty",
            });
        }
        let ending = ending(path);
        let ending = ending.as_str();
        if head.starts_with(PNG) {
            return Ok(Self::Image);
        }
        if head.starts_with(Y4M) {
            return Ok(Self::Y4m);
        }
        if head.starts_with(JPEG) {
            // A photograph may carry smaller copies of itself after its end, so the name decides.
            return Ok(if is_image(ending) {
                Self::Image
            } else {
                Self::Mjpeg
            });
        }
        if matches!(ending, "mjpeg" | "mjpg") {
            // Something may stand before the first picture, such as the header of a multipart body.
            return Ok(Self::Mjpeg);
        }
        if let Some(kind) = kind_of(head) {
            return Ok(Self::Foreign(kind));
        }
        if is_container(head) || VIDEO.contains(&ending) {
            return Ok(Self::Foreign(FILM));
        }
        Err(Error::Format {
            path: path.into(),
            message: "this is neither a picture nor a known kind of video; \
                      give a directory of JPEG or PNG files, one such file, an MJPEG or Y4M stream, or a video"
                .into(),
        })
    }
}

/// What a file is by the ending of its name alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// A picture, of a format that is read or could be converted.
    Picture,
    /// A video or a stream in a file.
    Film,
    /// Something else.
    Other,
}

impl Named {
    /// What the file at `path` is.
    pub(crate) fn of(path: &Path) -> Self {
        let ending = ending(path);
        let ending = ending.as_str();
        if is_image(ending) || is_foreign_image(ending) {
            Self::Picture
        } else if matches!(ending, "mjpeg" | "mjpg") || VIDEO.contains(&ending) {
            Self::Film
        } else {
            Self::Other
        }
    }
}

/// The ending of a file's name, in lower case.
pub(super) fn ending(path: &Path) -> String {
    let ending = path.extension().unwrap_or_default();
    ending.to_string_lossy().to_ascii_lowercase()
}

/// Whether this is the ending of a picture's name.
pub(super) fn is_image(ending: &str) -> bool {
    matches!(ending, "jpg" | "jpeg" | "jpe" | "jfif" | "png")
}

/// Whether this is the ending of a picture's name that Goldcrest does not read by itself.
pub(super) fn is_foreign_image(ending: &str) -> bool {
    matches!(
        ending,
        "webp" | "bmp" | "gif" | "tif" | "tiff" | "heic" | "heif" | "avif" | "jxl" | "jp2"
    )
}

fn read_head<'a>(path: &Path, head: &'a mut [u8; 16]) -> std::io::Result<&'a [u8]> {
    let mut length = 0;
    let mut file = File::open(path)?;
    while length < head.len() {
        match file.read(&mut head[length..])? {
            0 => break,
            n => length += n,
        }
    }
    Ok(&head[..length])
}

/// The kind of picture or video that a file is by its first bytes, where it is none that Goldcrest
/// reads by itself.
pub(super) fn kind_of(head: &[u8]) -> Option<&'static str> {
    let at = |from: usize, what: &[u8]| head.get(from..).is_some_and(|rest| rest.starts_with(what));
    Some(match head {
        _ if at(0, PNG) => "a PNG picture",
        _ if at(0, b"RIFF") && at(8, b"WEBP") => "a WebP picture",
        _ if at(0, b"GIF8") => "a GIF picture",
        _ if at(0, b"BM") => "a BMP picture",
        _ if at(0, b"II*\0") || at(0, b"MM\0*") => "a TIFF picture",
        _ if at(4, b"ftyphei") || at(4, b"ftyphev") || at(4, b"ftypmif1") => "a HEIC picture",
        _ if at(4, b"ftypavif") => "an AVIF picture",
        _ => return None,
    })
}

/// Whether a file begins like MP4 and its kin, Matroska, AVI, MPEG or FLV.
pub(super) fn is_container(head: &[u8]) -> bool {
    let at = |from: usize, what: &[u8]| head.get(from..).is_some_and(|rest| rest.starts_with(what));
    at(4, b"ftyp")
        || at(0, &[0x1a, 0x45, 0xdf, 0xa3])
        || (at(0, b"RIFF") && at(8, b"AVI "))
        || at(0, &[0, 0, 1, 0xba])
        || at(0, &[0, 0, 1, 0xb3])
        || at(0, b"FLV\x01")
}
