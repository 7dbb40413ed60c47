//! Small pictures of the examples, in a folder for each label, which `goldcrest teach` can read.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;

use super::record::Example;
use crate::files;
use crate::frame::{self, Frame};
use crate::vision::{self, Thumbnailer};

/// The folder of the labels' folders.
const FOLDER: &str = "pictures";
/// The most pixels of a side: three times the model's, so that a crop of a third loses little.
const SIDE: usize = 384;
/// Quality of the JPEG, as in libjpeg.
const QUALITY: u8 = 85;
/// The last millisecond of the year 9999, beyond which no name tells a time.
const LAST: u64 = 253_402_300_799_999;
/// The longest name of a folder, in bytes; most file systems take 255.
const NAME: usize = 240;

/// The frame of an example, and how it is seen.
#[derive(Debug)]
pub struct Shot {
    /// A copy of the frame.
    pub frame: Frame,
    /// What is masked, and what lies beside the crop.
    pub vision: vision::Config,
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    Frame(#[from] frame::Error),
    #[error(transparent)]
    Image(#[from] image::ImageError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Writes the picture of `example` below the state folder.
pub(super) fn keep(state: &Path, example: &Example, shot: &Shot) -> Result<(), Error> {
    let path = path(state, example);
    // Neither turned nor cropped: `teach` does that with what it reads.
    let mut thumbnailer = Thumbnailer::as_sent(&shot.vision);
    let picture = thumbnailer.make(shot.frame.view(), SIDE)?;
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode(
        picture.rgb,
        picture.width as u32,
        picture.height as u32,
        ExtendedColorType::Rgb8,
    )?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(files::replace(&path, &jpeg)?)
}

/// Deletes the picture of an example that was taken back, if there is one, and its folder with the
/// last of them.
pub(super) fn remove(state: &Path, example: &Example) {
    let path = path(state, example);
    // Earlier versions named it by the milliseconds since 1970.
    let earlier = path.with_file_name(format!("{}.jpg", example.moment));
    for path in [path, earlier] {
        match fs::remove_file(&path) {
            Ok(()) => {
                // A folder that is not empty stays.
                path.parent().map(fs::remove_dir);
            }
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => log::warn!("{}: cannot be deleted: {e}", path.display()),
        }
    }
}

/// Where the picture of an example is. Its name is the time in UTC, as `goldcrest teach` reads it:
/// `20261127T013500.250Z.jpg`.
fn path(state: &Path, example: &Example) -> PathBuf {
    let folder = state.join(FOLDER).join(name(&example.label));
    let time = UNIX_EPOCH + Duration::from_millis(example.moment.min(LAST));
    let time = humantime::format_rfc3339_millis(time).to_string();
    folder.join(format!("{}.jpg", time.replace(['-', ':'], "")))
}

/// A label as the name of a folder.
fn name(label: &str) -> String {
    let mut name = label.replace('/', "_");
    if name.starts_with('.') {
        name.replace_range(..1, "_");
    }
    name.truncate(name.floor_char_boundary(NAME));
    name
}

/// Bytes that a copy of a frame of `frame` bytes and of this size takes with all that makes it a
/// picture.
pub(super) fn memory(
    vision: &vision::Config,
    frame: usize,
    (width, height): (usize, usize),
) -> usize {
    let decoding = vision::memory(width, height) + vision.mask_memory(height);
    // The picture, and the growing file.
    2 * frame + decoding + 3 * SIDE * SIDE + (128 << 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::PixelFormat;

    fn shot() -> Shot {
        Shot {
            frame: Frame {
                format: PixelFormat::Grey,
                width: 640,
                height: 480,
                stride: 640,
                data: vec![90; 640 * 480].into(),
                ..Frame::empty()
            },
            vision: vision::Config::default(),
        }
    }

    fn example(label: &str) -> Example {
        Example {
            label: label.into(),
            moment: 1_700_000_000_123,
            features: Box::default(),
        }
    }

    #[test]
    fn a_picture_stands_in_the_folder_of_its_label() {
        let state = tempfile::tempdir().unwrap();
        let example = example("halb öffen");
        keep(state.path(), &example, &shot()).unwrap();
        let folder = state.path().join("pictures/halb öffen");
        let path = folder.join("20231114T221320.123Z.jpg");
        let picture = image::open(&path).unwrap();
        assert_eq!((picture.width(), picture.height()), (384, 288));
        remove(state.path(), &example);
        assert!(!folder.exists());
        remove(state.path(), &example);
        // As earlier versions named it.
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("1700000000123.jpg"), "a picture").unwrap();
        remove(state.path(), &example);
        assert!(!folder.exists());
    }

    #[test]
    fn every_moment_makes_a_name() {
        for (moment, name) in [
            (0, "19700101T000000.000Z"),
            (u64::MAX, "99991231T235959.999Z"),
        ] {
            let example = Example {
                moment,
                ..example("a")
            };
            let path = path(Path::new(""), &example);
            assert_eq!(path, Path::new("pictures/a").join(format!("{name}.jpg")));
        }
    }

    #[test]
    fn no_label_leaves_the_folder_of_pictures() {
        let state = tempfile::tempdir().unwrap();
        let longest = "🦀".repeat(64);
        for label in ["..", "/", "../..", ".hidden", "a/b", &longest] {
            let example = example(label);
            keep(state.path(), &example, &shot()).unwrap();
            let path = path(state.path(), &example);
            let folder = path.parent().unwrap().parent().unwrap();
            assert_eq!(folder, state.path().join("pictures"), "{label}");
            assert!(path.is_file(), "{label}");
        }
    }
}
