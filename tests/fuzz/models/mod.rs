//! Damaged bundles, cards, heads and ONNX files. Damage comes with and without checksums that fit,
//! so that the checks behind them are reached, too.

mod bundles;
mod cards;
mod damage;
mod graphs;
mod heads;

use std::fs;
use std::path::PathBuf;

use goldcrest::engine::{self, bundle, pack};
use prost::Message;
use tract_onnx::pb::ModelProto;

use crate::sample::{Shape, model};

/// The smallest network that has all kinds of layers.
fn small() -> Shape {
    Shape {
        side: 16,
        depths: vec![1, 1],
        widths: vec![5, 16],
        classes: 3,
    }
}

/// A network of that shape in a folder of its own, with its card and its bundle.
struct Bench {
    folder: tempfile::TempDir,
    onnx: PathBuf,
    network: ModelProto,
    card: Vec<u8>,
    labels: Vec<u8>,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let onnx = folder.path().join("small.onnx");
        let network = model(&small());
        fs::write(&onnx, network.encode_to_vec()).unwrap();
        let sha256 = engine::sha256(&onnx).unwrap();
        let card = format!(
            "v = 1\nname = \"small\"\nsha256 = \"{sha256}\"\n[input]\nwidth = 16\nheight = 16\nmean = [0.5, 0.5, 0.5]\n\
             std = [0.25, 0.25, 0.25]\nresize = \"squash\"\n[calibration]\ntemperature = 1.0\n"
        );
        let bench = Self {
            card: card.into(),
            labels: b"one\ntwo\nthree\n".to_vec(),
            folder,
            onnx,
            network,
        };
        bench.restore();
        pack::pack(&bench.onnx, &bench.file(bundle::NAME)).unwrap();
        bench
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn restore(&self) {
        fs::write(self.file("model.toml"), &self.card).unwrap();
        fs::write(self.file("labels.txt"), &self.labels).unwrap();
    }
}
