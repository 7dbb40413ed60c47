//! `goldcrest pack`: from the ONNX file to the bundle.
//!
//! The file is mapped and matched with the one `form`; `packer` then writes its weights as the
//! kernels want them.

mod difference;
mod form;
mod graph;
mod layers;
mod packer;
mod proto;
mod quantised;
mod weigh;
mod wire;

pub(crate) use quantised::{Quantised, quantised};

use std::path::{Path, PathBuf};

use goldcrest_kernels::KernelSet;
use serde::Serialize;

use super::bundle::{Bundle, Stamp, Writer, map};
use super::classifier::Classifier;
use super::digest::HexDigest;
use super::error::Error;
use super::hash::sha256;
use packer::Packer;
use proto::OnnxFile;

/// The result of packing.
#[derive(Clone, Debug, Serialize)]
pub struct PackReport {
    /// Where the bundle lies.
    pub bundle: PathBuf,
    /// Its length in bytes.
    pub bytes: u64,
    /// SHA-256 of the ONNX file, in hex.
    pub model_hash: HexDigest,
    /// Number of quantised layers.
    pub layers: usize,
    /// Bytes of quantised weights in the ONNX file.
    pub weight_bytes: u64,
}

/// Packs the ONNX file `model` into a bundle at `out`, replacing what stands there.
///
/// # Errors
/// [`Error::Io`], or [`Error::Model`] that names the first node that differs from the one form that
/// can be packed.
pub fn pack(model: &Path, out: &Path) -> Result<PackReport, Error> {
    let io = |cause| Error::Io {
        path: model.into(),
        cause,
    };
    let stamp = Stamp::of(model).map_err(io)?;
    let model_hash = sha256(model)?;
    let map = map(model).map_err(io)?;
    let read = OnnxFile::of(model, &map)?;
    let network = form::matched(&read).map_err(|difference| Error::Model {
        path: model.into(),
        message: format!(
            "it cannot be packed: {difference}; pack a file that the tools in model/tools wrote, or let plain tract run it"
        ),
    })?;
    let mut packer = Packer {
        model: &read,
        writer: Writer::new(out, stamp)?,
    };
    let mut manifest = packer.network(&network, &model_hash)?;
    let bytes = packer.writer.finish(&mut manifest, |path| {
        let kernel = KernelSet::choose(None)?;
        let golden = Classifier::of(Bundle::open(path)?, 1, kernel)?.golden();
        golden.map_err(|error| match error {
            Error::Run(why) => Error::Model {
                path: model.into(),
                message: format!("it cannot be packed: of the test input, {why}"),
            },
            error => error,
        })
    })?;
    let layers = manifest.layers();
    Ok(PackReport {
        bundle: out.into(),
        bytes,
        model_hash,
        layers: layers.len(),
        weight_bytes: layers
            .iter()
            .map(|(l, _)| (l.inputs * l.columns) as u64)
            .sum(),
    })
}

/// The first place where the ONNX file at `model` differs from the one form that can be packed;
/// none if it can be.
///
/// # Errors
/// [`Error::Io`]; [`Error::Model`] when the file is no ONNX model.
pub(crate) fn difference(model: &Path) -> Result<Option<String>, Error> {
    let map = map(model).map_err(|cause| Error::Io {
        path: model.into(),
        cause,
    })?;
    let matched = form::matched(&OnnxFile::of(model, &map)?);
    Ok(matched.err().map(|difference| difference.to_string()))
}
