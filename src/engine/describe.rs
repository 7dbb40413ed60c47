//! The description of a packed network.

use goldcrest_kernels::Machine;

use super::bundle::{Bundle, LinearEntry, Manifest};
use super::interface::{Description, Layer, Output};
use super::need;

/// The description of the network in `bundle`, run by `machine`.
pub(super) fn describe(bundle: &Bundle, machine: &Machine) -> Description {
    let manifest = bundle.manifest();
    Description {
        kernel: machine.set().name().into(),
        model_hash: manifest.model_sha256.clone(),
        threads: machine.threads(),
        layers: layers(manifest, machine.set().name()),
        memory: Some(need::of(manifest, bundle.bytes() as u64, machine.sizing())),
        // A network in the form that is packed ends in its last linear layer.
        output: Output::Logits,
    }
}

fn layers(manifest: &Manifest, kernel: &str) -> Vec<Layer> {
    // A layer multiplies each of its weights once for each pixel of its result.
    let layer =
        |name: &str, op: &str, dtype: &str, weights: usize, bytes: usize, pixels: usize| Layer {
            name: name.into(),
            op: op.into(),
            kernel: kernel.into(),
            dtype: dtype.into(),
            macs: (weights * pixels) as u64,
            weight_bytes: (weights * bytes) as u64,
        };
    let int8 = |entry: &LinearEntry, op: &str, pixels: usize| {
        let weights = entry.inputs * entry.columns;
        layer(&entry.name, op, "u8*s8", weights, 1, pixels)
    };
    let first = &manifest.stages[0];
    let (taps, pixels) = (48 * first.channels, first.height * first.width);
    let mut all = vec![layer("stem", "convolution 4x4", "f32", taps, 4, pixels)];
    for stage in &manifest.stages {
        let pixels = stage.height * stage.width;
        if let Some(down) = &stage.down {
            all.push(int8(&down.layer, "convolution 2x2", pixels));
        }
        for block in &stage.blocks {
            let (name, taps) = (format!("{}.dw", block.name), 49 * stage.channels);
            all.push(layer(&name, "depthwise 7x7", "f32", taps, 4, pixels));
            all.push(int8(&block.first, "linear", pixels));
            all.push(int8(&block.second, "linear", pixels));
        }
    }
    all.push(int8(&manifest.head.layer, "linear", 1));
    all
}
