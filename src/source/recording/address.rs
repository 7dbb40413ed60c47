//! Recordings at an address: over HTTP by this process, others through the user's own ffmpeg.

use std::path::{Path, PathBuf};

use super::ffmpeg::Ffmpeg;
use super::mjpeg::Mjpeg;
use super::reader::Reader;
use super::stream::Stream;
use crate::signals::Stop;
use crate::source::{Error, http};

/// The address that `path` is, such as `rtsp://camera/stream`, unless it is a file.
pub(super) fn named(path: &Path) -> Option<&str> {
    let text = path.to_str()?;
    is_address(text).then_some(text)
}

/// Whether `text` is an address.
pub(crate) fn is_address(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, rest)| {
        let letters = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(letters)
            && !rest.is_empty()
    })
}

/// `path` as it may be shown: of an address without its login and without what follows a `?`.
pub(crate) fn shown_path(path: &Path) -> PathBuf {
    match named(path) {
        Some(address) => http::shown(address).into(),
        None => path.into(),
    }
}

/// Whether this process reads the address by itself.
pub(crate) fn is_web(address: &str) -> bool {
    let scheme = address.split("://").next().unwrap_or_default();
    ["http", "https"].contains(&scheme.to_ascii_lowercase().as_str())
}

/// Waits for the beginning of what `address` gives, until `stop` is requested.
///
/// # Errors
/// Why it gives none.
pub(super) fn open(address: &str, stop: &Stop) -> Result<Box<dyn Reader>, Error> {
    if !is_web(address) {
        return Ok(Box::new(Ffmpeg::open_address(address, stop)?));
    }
    let mut asked = http::Asked::new(address)?;
    let shown = PathBuf::from(http::shown(address));
    let from = shown.clone();
    let stream = Stream::open(&shown, stop, move || {
        let (body, is_stream) = asked.answer()?;
        let pictures = Mjpeg::stream(&from, body)?;
        Ok(Box::new(if is_stream {
            pictures
        } else {
            pictures.unless_one()
        }))
    })?;
    Ok(Box::new(stream))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_from_a_file_and_shown_without_its_login() {
        let shown = |text: &str| shown_path(Path::new(text)).display().to_string();
        assert_eq!(shown("rtsp://me:cuckoo@porch/1?a"), "rtsp://porch/1");
        assert_eq!(shown("./a?b@c"), "./a?b@c");
        assert_eq!(named(Path::new("a://")), None);
        assert_eq!(named(Path::new("1a://b")), None);
        assert!(is_web("HTTPS://a") && !is_web("rtsp://a"));
    }
}
