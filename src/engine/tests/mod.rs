//! From the ONNX file to logits, against plain tract and on every kernel that runs here.

mod bundle;
mod features;
mod onnx;
mod pack;
mod run;

use std::path::PathBuf;

use super::bundle::NAME;
use super::card::Card;
use super::pack::pack;
use super::sample::{Shape, model, stored};

/// A sample, packed beside its ONNX file.
struct Packed {
    _folder: tempfile::TempDir,
    onnx: PathBuf,
    bundle: PathBuf,
    card: Card,
}

fn packed(shape: &Shape) -> Packed {
    let (folder, onnx, card) = stored(&model(shape), shape);
    let bundle = folder.path().join(NAME);
    pack(&onnx, &bundle).unwrap();
    Packed {
        _folder: folder,
        onnx,
        bundle,
        card,
    }
}
