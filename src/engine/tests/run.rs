//! Engines that run.

use goldcrest_kernels::KernelSet;

use super::*;
use crate::engine::bundle::{Bundle, fresh};
use crate::engine::{Classifier, Engine, Onnx, open};

fn inputs(shape: &Shape, count: usize) -> Vec<Vec<f32>> {
    let smooth = |i: usize, p: usize| {
        let (x, y, c) = (
            p % shape.side,
            p / shape.side % shape.side,
            p / shape.side / shape.side,
        );
        ((x * (i + 2)) as f32 * 0.11).sin() + ((y + 5 * c * i) as f32 * 0.23).cos() * 1.5
    };
    let size = 3 * shape.side * shape.side;
    (0..count)
        .map(|i| (0..size).map(|p| smooth(i, p)).collect())
        .collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| {
        a.iter()
            .zip(b)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum::<f64>()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn int8_agrees_with_tract_and_all_kernels_give_the_same_bits() {
    let shape = Shape::small();
    let p = packed(&shape);
    let mut plain = Onnx::open(&p.onnx, &p.card).unwrap();
    let inputs = inputs(&shape, 6);
    let wanted: Vec<Vec<f32>> = inputs
        .iter()
        .map(|x| plain.infer(x).unwrap().to_vec())
        .collect();
    let mut first: Option<Vec<Vec<f32>>> = None;
    for kernel in KernelSet::available() {
        for threads in [1, 3] {
            let mut engine = Classifier::with_kernel(&p.bundle, &p.card, threads, kernel).unwrap();
            let found: Vec<Vec<f32>> = inputs
                .iter()
                .map(|x| engine.infer(x).unwrap().to_vec())
                .collect();
            for (found, wanted) in found.iter().zip(&wanted) {
                assert!(
                    cosine(found, wanted) > 0.999,
                    "{kernel}: {found:?} {wanted:?}"
                );
            }
            let first = first.get_or_insert_with(|| found.clone());
            assert_eq!(first, &found, "{kernel} on {threads} threads");
        }
    }
}

#[test]
fn convnexts_of_other_depths_and_widths_take_the_fast_path() {
    for (side, depths, widths, classes) in [
        (32, vec![1], vec![24], 3),
        (16, vec![2, 1], vec![17, 33], 2),
        (64, vec![1, 1, 2, 1, 1], vec![8, 20, 36, 50, 130], 19),
        (48, vec![1, 3], vec![72, 56], 100),
    ] {
        let shape = Shape {
            side,
            depths,
            widths,
            classes,
        };
        let p = packed(&shape);
        let mut plain = Onnx::open(&p.onnx, &p.card).unwrap();
        let input = &inputs(&shape, 2)[1];
        let wanted = plain.infer(input).unwrap().to_vec();
        let mut bits = None;
        for kernel in KernelSet::available() {
            let mut engine = Classifier::with_kernel(&p.bundle, &p.card, 2, kernel).unwrap();
            engine.self_test().unwrap();
            let found = engine.infer(input).unwrap().to_vec();
            assert!(cosine(&found, &wanted) > 0.998, "{shape:?} {kernel}");
            assert_eq!(
                bits.get_or_insert(found.clone()),
                &found,
                "{shape:?} {kernel}"
            );
            let layers = &engine.describe().layers;
            let int8 = layers.iter().filter(|l| l.dtype == "u8*s8").count();
            let blocks: usize = shape.depths.iter().sum();
            assert_eq!(int8, 2 * blocks + shape.depths.len(), "{shape:?}");
        }
    }
}

#[test]
fn every_kernel_passes_the_self_test_and_other_weights_do_not() {
    let p = packed(&Shape::small());
    for kernel in KernelSet::available() {
        let mut engine = Classifier::with_kernel(&p.bundle, &p.card, 2, kernel).unwrap();
        engine.verify().unwrap();
        engine.self_test().unwrap();
    }
    // Another network under the same manifest, except for its golden value.
    let mut other = model(&Shape::small());
    let tensors = &mut other.graph.as_mut().unwrap().initializer;
    tensors
        .iter_mut()
        .find(|t| t.name == "head.fc.bias")
        .unwrap()
        .raw_data[2] ^= 0x40;
    let (folder, path, _) = stored(&other, &Shape::small());
    let path = {
        let to = folder.path().join(NAME);
        pack(&path, &to).unwrap();
        to
    };
    let golden = |path: &std::path::Path| Bundle::open(path).unwrap().manifest().golden;
    assert_ne!(golden(&path), golden(&p.bundle));
}

#[test]
fn an_input_of_another_size_leaves_the_engine_usable() {
    let shape = Shape::small();
    let p = packed(&shape);
    let mut engine = Classifier::with_kernel(&p.bundle, &p.card, 1, KernelSet::Scalar).unwrap();
    let input = &inputs(&shape, 1)[0];
    let before = engine.infer(input).unwrap().to_vec();
    let error = engine.infer(&input[1..]).unwrap_err();
    assert!(
        error.to_string().contains("instead of 3 x 48 x 48"),
        "{error}"
    );
    assert_eq!(engine.infer(input).unwrap(), before);
}

#[test]
fn the_description_proves_int8() {
    let p = packed(&Shape::small());
    let engine = Classifier::with_kernel(&p.bundle, &p.card, 1, KernelSet::Scalar).unwrap();
    let about = engine.describe();
    let of = |dtype: &str| {
        about
            .layers
            .iter()
            .filter(|l| l.dtype == dtype)
            .collect::<Vec<_>>()
    };
    // Four blocks of two linear layers, two ways into a stage, the head; the stem and four
    // depthwise convolutions.
    assert_eq!((of("u8*s8").len(), of("f32").len()), (11, 5));
    let first = about
        .layers
        .iter()
        .find(|l| l.name == "stages.1.blocks.0.fc1")
        .unwrap();
    assert_eq!((first.macs, first.weight_bytes), (40 * 160 * 36, 40 * 160));
    let memory = about.memory.unwrap();
    assert_eq!(
        memory.mapped as u64,
        std::fs::metadata(&p.bundle).unwrap().len()
    );
    assert!(memory.arena > 0 && memory.maps > 0);
}

#[test]
fn open_takes_the_bundle_beside_the_model_if_it_is_fresh() {
    let p = packed(&Shape::small());
    assert_ne!(
        open(&p.onnx, &p.card, 1).unwrap().describe().kernel,
        "tract-onnx"
    );
    assert_ne!(
        open(&p.bundle, &p.card, 1).unwrap().describe().kernel,
        "tract-onnx"
    );
    assert!(fresh(&p.bundle, &p.card.sha256) && !fresh(&p.bundle, &HexDigest::default()));
    std::fs::remove_file(&p.bundle).unwrap();
    assert_eq!(
        open(&p.onnx, &p.card, 1).unwrap().describe().kernel,
        "tract-onnx"
    );
}
