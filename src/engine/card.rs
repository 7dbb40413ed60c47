//! The files beside a model: `model.toml` and `labels.txt`.

mod facts;

use std::path::{Path, PathBuf};

use super::digest::HexDigest;
use super::error::Error;
use super::labels::{self, Labels};
use crate::files;
use crate::misfit::Misfit;
use facts::Toml;

pub use facts::{Input, Resize};

pub(super) use facts::SIDES;

/// The largest `model.toml`, in bytes. A parsed table takes some ten times as much.
const LARGEST_CARD: u64 = 64 << 10;
/// The largest `labels.txt`, in bytes: a hundred thousand labels.
const LARGEST_LABELS: u64 = 4 << 20;

/// `model.toml` and `labels.txt`, read and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// The folder that both stand in.
    pub folder: PathBuf,
    /// The model's name, for people.
    pub name: String,
    /// SHA-256 of the ONNX file.
    pub sha256: HexDigest,
    /// The input that the network expects.
    pub input: Input,
    /// Logits are divided by it before softmax, so that scores are calibrated probabilities.
    pub temperature: f32,
    /// One name for each logit, in order, each once.
    pub labels: Labels,
}

impl Card {
    /// Reads `model.toml` and `labels.txt` from the folder of the ONNX file `model`.
    ///
    /// # Errors
    /// [`Error::Io`] for a file that cannot be read, [`Error::Model`] for one whose content is
    /// wrong; it names the key of `model.toml` or the line of `labels.txt`.
    pub fn read(model: &Path) -> Result<Self, Error> {
        let folder = model.parent().unwrap_or(Path::new(""));
        let path = folder.join("model.toml");
        let faulty = |path: &Path, misfit: Misfit| Error::Model {
            path: path.into(),
            message: misfit.to_string(),
        };
        let toml = Toml::parse(&text(&path, LARGEST_CARD)?);
        let facts = toml.and_then(|toml| toml.facts());
        let facts = facts.map_err(|misfit| faulty(&path, misfit))?;
        let path = folder.join("labels.txt");
        let labels = labels::parse(&text(&path, LARGEST_LABELS)?);
        let labels = labels.map_err(|misfit| faulty(&path, misfit))?;
        Ok(Self {
            folder: folder.into(),
            name: facts.name,
            sha256: facts.sha256,
            input: facts.input,
            temperature: facts.temperature,
            labels,
        })
    }

    /// Refuses labels that are not one for each of the model's `logits`.
    ///
    /// # Errors
    /// [`Error::Model`] of `labels.txt`.
    pub(crate) fn check_labels(&self, logits: usize) -> Result<(), Error> {
        let labels = self.labels.len();
        if logits == labels {
            return Ok(());
        }
        Err(Error::Model {
            path: self.folder.join("labels.txt"),
            message: format!(
                "it has {labels} labels and the model {logits} outputs; give it one line for each output, in order"
            ),
        })
    }

    /// Refuses an input that is not the model's, of `width` by `height` pixels.
    ///
    /// # Errors
    /// [`Error::Model`] of `model.toml`.
    pub(crate) fn check_size(&self, width: usize, height: usize) -> Result<(), Error> {
        let Input {
            width: w,
            height: h,
            ..
        } = self.input;
        if (w, h) == (width, height) {
            return Ok(());
        }
        Err(Error::Model {
            path: self.folder.join("model.toml"),
            message: format!(
                "input.width and input.height are {w}x{h} and the model's input is {width}x{height} pixels; \
                 write {width} and {height}"
            ),
        })
    }
}

/// The text of the file at `path`, of at most `most` bytes, without the byte-order mark that
/// editors of Windows write.
fn text(path: &Path, most: u64) -> Result<String, Error> {
    let bytes = files::read(path, most).map_err(|cause| Error::Io {
        path: path.into(),
        cause,
    })?;
    let text = String::from_utf8(bytes).map_err(|_| Error::Model {
        path: path.into(),
        message: "it is not UTF-8 text; save it as UTF-8".into(),
    })?;
    let unmarked = text.strip_prefix('\u{feff}').map(str::to_string);
    Ok(unmarked.unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> String {
        format!(
            "v = 1\nname = \"toy\"\nsha256 = \"{}\"\n[input]\nwidth = 32\nheight = 24\nmean = [0.5, 0, 1]\n\
             std = [1.0, 0.25, 1]\nresize = \"squash\"\n[calibration]\ntemperature = 2.0\n[more]\nkey = 1\n",
            "5A".repeat(32)
        )
    }

    fn read(toml: &[u8], labels: &[u8]) -> Result<Card, Error> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("model.toml"), toml).unwrap();
        std::fs::write(folder.path().join("labels.txt"), labels).unwrap();
        Card::read(&folder.path().join("toy.onnx"))
    }

    #[test]
    fn a_card_is_read_with_a_mark_and_crlf() {
        let plain = read(good().as_bytes(), b"a\nb\n").unwrap();
        assert_eq!((plain.input.width, plain.input.height), (32, 24));
        assert_eq!(plain.input.std, [1.0, 0.25, 1.0]);
        let windows = format!("\u{feff}{}", good().replace('\n', "\r\n"));
        let labels = "\u{feff}a\r\nb\r\n".as_bytes();
        let windows = read(windows.as_bytes(), labels).unwrap();
        let folder = plain.folder.clone();
        assert_eq!(Card { folder, ..windows }, plain);
    }

    #[test]
    fn a_value_that_makes_no_input_is_refused_by_its_key() {
        for (old, new, key) in [
            ("width = 32", "width = 0", "input.width"),
            ("width = 32", "width = -1", "input.width"),
            ("width = 32", "width = 32.0", "input.width"),
            ("height = 24", "height = 4000000000", "input.height"),
            ("height = 24", "height = 2049", "input.height"),
            ("height = 24\n", "", "input.height"),
            ("height = 24", "heigth = 24", "input.heigth"),
            ("[0.5, 0, 1]", "[inf, 0, 1]", "input.mean"),
            ("[0.5, 0, 1]", "[0.5, nan, 1]", "input.mean"),
            ("[0.5, 0, 1]", "[123.675, 0, 1]", "input.mean"),
            ("[0.5, 0, 1]", "[0.5, 0]", "input.mean"),
            ("[0.5, 0, 1]", "0.5", "input.mean"),
            ("[1.0, 0.25, 1]", "[0.0, 0.25, 1]", "input.std"),
            ("[1.0, 0.25, 1]", "[1, 0.25, -1]", "input.std"),
            ("[1.0, 0.25, 1]", "[1, nan, 1]", "input.std"),
            ("[1.0, 0.25, 1]", "[1, 1e-40, 1]", "input.std"),
            ("[1.0, 0.25, 1]", "[1, 1e300, 1]", "input.std"),
            ("\"squash\"", "\"stretch\"", "input.resize"),
            ("temperature = 2.0", "temperature = 0", "temperature"),
            ("temperature = 2.0", "temperature = nan", "temperature"),
            ("temperature = 2.0", "temperature = inf", "temperature"),
            ("temperature = 2.0", "temperature = 1e-40", "temperature"),
            ("temperature = 2.0", "t = 2", "temperature"),
            ("5A5A", "../.", "sha256"),
            ("5A5A", "5A5", "sha256"),
            ("name = \"toy\"", "name = 5", "name"),
            ("name = \"toy\"", "name = \"a\\u001b[2Jb\"", "name"),
            ("5A5A", "\u{e9}5A", "sha256"),
            ("[input]", "[inputs]", "input"),
            ("v = 1", "v = 2", "v"),
            ("v = 1", "v = ", "line 1"),
        ] {
            assert!(good().contains(old), "{old}");
            let error = read(good().replacen(old, new, 1).as_bytes(), b"a\nb\n").unwrap_err();
            let (text, code) = (error.to_string(), error.exit_code());
            let named = text.contains(&format!("model.toml: {key} "))
                || text.contains(&format!("model.toml: calibration.{key} "));
            assert!(named && text.lines().count() == 1, "{new}: {text}");
            assert_eq!(code, 65, "{new}");
        }
    }

    #[test]
    fn a_file_that_is_too_large_is_not_read() {
        let large = format!("{}#{}", good(), "x".repeat(LARGEST_CARD as usize));
        let text = read(large.as_bytes(), b"a\n").unwrap_err().to_string();
        assert!(text.contains("model.toml: it is larger than"), "{text}");
        let large = "x\n".repeat(LARGEST_LABELS as usize);
        let text = read(good().as_bytes(), large.as_bytes()).unwrap_err();
        let text = text.to_string();
        assert!(text.contains("labels.txt: it is larger than"), "{text}");
    }

    #[test]
    fn a_file_of_another_encoding_is_named() {
        let utf16 = b"\xff\xfea\0\n\0";
        for (toml, labels, name) in [
            (&utf16[..], &b"a\n"[..], "model.toml"),
            (good().as_bytes(), &utf16[..], "labels.txt"),
        ] {
            let error = read(toml, labels).unwrap_err();
            let text = error.to_string();
            assert!(text.contains(name) && text.contains("UTF-8"), "{text}");
            assert_eq!(error.exit_code(), 65);
        }
    }
}
