//! The errors of models and engines.

use std::path::{Path, PathBuf};

use goldcrest_kernels::SetupError;

use super::bundle::Unfit;
use crate::escape::shell_word;
use crate::{exit, files};

/// Why a model cannot be loaded or run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file is missing or cannot be read or written.
    #[error("{path}: {cause}", path = .path.display())]
    Io {
        /// The file's path.
        path: PathBuf,
        /// The system's reason.
        cause: std::io::Error,
    },
    /// A file cannot be written; the one from before is still there.
    #[error("cannot write {path}: {cause}", path = .path.display())]
    Write {
        /// The file's path.
        path: PathBuf,
        /// The system's reason.
        cause: std::io::Error,
    },
    /// No place where models are looked for has this one.
    #[error("{path}: no such model, looked for as {tried}; set model.path or make one with model/tools", path = .path.display())]
    Missing {
        /// The path that was given.
        path: PathBuf,
        /// The places.
        tried: String,
    },
    /// A file is there, and its content is wrong.
    #[error("{path}: {message}", path = .path.display())]
    Model {
        /// The file's path.
        path: PathBuf,
        /// The fault, and its remedy.
        message: String,
    },
    /// A bundle is there, and its content is wrong.
    #[error("{path}: {fault}; pack the model again with {command}", path = .path.display(), command = packing(.model.as_deref()))]
    Bundle {
        /// The bundle.
        path: PathBuf,
        /// The fault.
        fault: String,
        /// The ONNX file that it is packed from, where that is known.
        model: Option<PathBuf>,
    },
    /// A model that the int8 engine runs has no bundle that it could map.
    #[error("{model}: {unfit}; make one with {command}", model = .model.display(), command = packing(Some(.model)))]
    Unpacked {
        /// The ONNX file.
        model: PathBuf,
        /// What is wrong beside it.
        unfit: Unfit,
    },
    /// A head that the network's features do not fit.
    #[error("{0}")]
    Head(String),
    /// The kernels or threads that were asked for cannot start.
    #[error("cannot start the engine: {0}")]
    Setup(#[from] SetupError),
    /// The runtime failed during an inference.
    #[error("inference failed: {0}")]
    Run(String),
}

/// The command that packs `model`, in backquotes, as a shell takes it.
fn packing(model: Option<&Path>) -> String {
    let Some(model) = model else {
        return "`goldcrest pack MODEL.onnx`".into();
    };
    let word = shell_word(model);
    let end_of_options = if word.starts_with('\'') { "-- " } else { "" };
    format!("`goldcrest pack {end_of_options}{word}`")
}

impl Error {
    /// This error with the ONNX file `model` in the command that mends a bundle.
    pub(crate) fn packed_from(mut self, onnx: &Path) -> Self {
        if let Self::Bundle { path, model, .. } = &mut self
            && path != onnx
        {
            *model = Some(onnx.into());
        }
        self
    }

    /// The exit code, from sysexits.h, of a process that this error ends.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Io { cause, .. } if files::is_distrust(cause) => exit::CONFIG,
            Self::Io { .. }
            | Self::Missing { .. }
            | Self::Unpacked {
                unfit: Unfit::Missing,
                ..
            } => exit::NO_INPUT,
            Self::Model { .. } | Self::Bundle { .. } | Self::Unpacked { .. } | Self::Head(_) => {
                exit::DATA
            }
            Self::Write { .. } => exit::IO,
            Self::Setup(_) => exit::CONFIG,
            Self::Run(_) => exit::SOFTWARE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_one_that_a_shell_takes() {
        let of = |path: &str| packing(Some(Path::new(path)));
        assert_eq!(of("mine/a.onnx"), "`goldcrest pack mine/a.onnx`");
        assert_eq!(of("my cat.onnx"), "`goldcrest pack -- 'my cat.onnx'`");
        assert_eq!(of("it's.onnx"), r"`goldcrest pack -- 'it'\''s.onnx'`");
        assert_eq!(of("-o.onnx"), "`goldcrest pack -- '-o.onnx'`");
    }
}
