//! From the ONNX file to logits, against plain tract and on every kernel that runs here.

mod bundle;
mod features;
mod onnx;
mod pack;
mod run;

use std::path::PathBuf;

use prost::Message;
use tract_onnx::pb::ModelProto;

use super::bundle::NAME;
use super::card::{Card, Input, Resize};
use super::digest::HexDigest;
use super::hash::sha256;
use super::labels::Labels;
use super::pack::pack;
use super::sample::{Shape, model};

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

/// So many labels.
fn labels(count: usize) -> Labels {
    Labels::new((0..count).map(|i| format!("label {i}")).collect()).unwrap()
}

/// A card for a model of this shape and hash.
fn card(sha256: &HexDigest, shape: &Shape) -> Card {
    Card {
        folder: "".into(),
        name: "sample".into(),
        sha256: sha256.clone(),
        input: Input {
            width: shape.side,
            height: shape.side,
            mean: [0.0; 3],
            std: [1.0; 3],
            resize: Resize::Squash,
        },
        temperature: 1.0,
        labels: labels(shape.classes),
    }
}

/// The model in a file of a folder of its own, and its card.
fn stored(model: &ModelProto, shape: &Shape) -> (tempfile::TempDir, std::path::PathBuf, Card) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sample.onnx");
    std::fs::write(&path, model.encode_to_vec()).unwrap();
    let card = card(&sha256(&path).unwrap(), shape);
    (folder, path, card)
}
