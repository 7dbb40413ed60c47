//! From the ONNX file to logits, against plain tract and on every kernel that runs here.

use std::path::PathBuf;

use prost::Message;
use tract_onnx::pb::ModelProto;

use super::bundle::{Bundle, NAME};
use super::kernels::KernelSet;
use super::pack::pack;
use super::sample::{Shape, model, stored};
use super::*;

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

#[test]
fn int8_agrees_with_tract_in_float_and_all_kernels_give_the_same_bits() {
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
    // Another network under the same manifest but for its golden value.
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
fn an_input_of_another_size_is_an_error_and_the_engine_stays_usable() {
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
fn open_takes_the_bundle_beside_the_model_and_only_a_fresh_one() {
    let p = packed(&Shape::small());
    assert_ne!(
        open(&p.onnx, &p.card, 1).unwrap().describe().kernel,
        "tract-onnx"
    );
    assert_ne!(
        open(&p.bundle, &p.card, 1).unwrap().describe().kernel,
        "tract-onnx"
    );
    assert!(bundle::fresh(&p.bundle, &p.card.sha256) && !bundle::fresh(&p.bundle, &"0".repeat(64)));
    std::fs::remove_file(&p.bundle).unwrap();
    assert_eq!(
        open(&p.onnx, &p.card, 1).unwrap().describe().kernel,
        "tract-onnx"
    );
}

#[test]
fn packing_twice_gives_the_same_bytes_and_leaves_no_part() {
    let p = packed(&Shape::small());
    let before = std::fs::read(&p.bundle).unwrap();
    let report = pack(&p.onnx, &p.bundle).unwrap();
    assert_eq!(std::fs::read(&p.bundle).unwrap(), before);
    assert_eq!((report.bytes, report.layers), (before.len() as u64, 11));
    assert_eq!(
        std::fs::read_dir(p.bundle.parent().unwrap())
            .unwrap()
            .count(),
        2
    );
    Bundle::open(&p.bundle).unwrap().verify().unwrap();
}

#[test]
fn damaged_foreign_and_older_bundles_are_refused_with_what_to_do() {
    let p = packed(&Shape::small());
    let good = std::fs::read(&p.bundle).unwrap();
    let refused = |bytes: &[u8], wanted: &str| {
        let other = p.bundle.with_file_name("other.bundle");
        std::fs::write(&other, bytes).unwrap();
        let error = Bundle::open(&other).expect_err(wanted);
        let text = error.to_string();
        assert!(
            text.contains(wanted) && text.contains("goldcrest pack") && text.contains("other"),
            "{text}"
        );
        assert_eq!((error.exit_code(), text.lines().count()), (65, 1));
        assert!(!bundle::fresh(&other, &p.card.sha256) || wanted.contains("checksum"));
    };
    let changed = |at: usize, to: u8| {
        let mut bytes = good.clone();
        bytes[at] = to;
        bytes
    };
    refused(&[], "not a bundle");
    refused(b"short", "not a bundle");
    refused(&std::fs::read(&p.onnx).unwrap(), "not a bundle");
    refused(&changed(8, 0), "form 0");
    refused(&changed(20, 0xff), "head is damaged");
    for at in [4096, 9000, good.len() / 2, good.len() - 1] {
        refused(&changed(at, !good[at]), "checksum");
    }
    for len in [4096, good.len() / 2, good.len() - 1] {
        let text = Bundle::open(&{
            let other = p.bundle.with_file_name("cut.bundle");
            std::fs::write(&other, &good[..len]).unwrap();
            other
        })
        .unwrap_err()
        .to_string();
        assert!(text.contains("goldcrest pack"), "{text}");
    }
}

#[test]
fn a_manifest_that_does_not_fit_its_bundle_is_refused() {
    let p = packed(&Shape::small());
    let bundle = Bundle::open(&p.bundle).unwrap();
    let end = bundle.bytes() as u64;
    bundle.manifest().check(end).unwrap();
    let refused = |change: &dyn Fn(&mut bundle::Manifest)| {
        let mut manifest = bundle.manifest().clone();
        change(&mut manifest);
        assert!(manifest.check(end).is_err(), "{manifest:?}");
    };
    refused(&|m| m.stages.clear());
    refused(&|m| m.height = 0);
    refused(&|m| m.width = 52);
    refused(&|m| m.classes = 17);
    refused(&|m| m.stages[1].down = None);
    refused(&|m| m.stages[1].channels = usize::MAX);
    refused(&|m| m.stages[1].blocks[0].first.columns = usize::MAX);
    refused(&|m| m.stages[1].blocks[0].first.weights.0 += 1);
    refused(&|m| m.stages[1].blocks[0].first.weights.0 = end.next_multiple_of(64));
    refused(&|m| m.stages[1].blocks[0].second.scales.0 = u64::MAX - 63);
    refused(&|m| m.stages[1].blocks[0].taps.1 -= 4);
    refused(&|m| m.head.norm.channels = 16);
}

#[test]
fn a_bundle_of_another_model_or_of_other_labels_is_refused() {
    let p = packed(&Shape::small());
    let refusal = |card: &Card| {
        let error = Classifier::with_kernel(&p.bundle, card, 1, KernelSet::Scalar).unwrap_err();
        assert_eq!(error.exit_code(), 65);
        error.to_string()
    };
    assert!(
        refusal(&Card {
            sha256: "0".repeat(64),
            ..p.card.clone()
        })
        .contains("SHA-256")
    );
    assert!(
        refusal(&Card {
            labels: vec!["one".into()],
            ..p.card.clone()
        })
        .contains("labels.txt")
    );
    let mut wide = p.card.clone();
    wide.input.width = 64;
    assert!(refusal(&wide).contains("64x48"));
}

/// What `pack` says of the sample after `change`.
fn refusal(change: impl Fn(&mut ModelProto)) -> String {
    let shape = Shape::small();
    let mut model = model(&shape);
    change(&mut model);
    let (folder, path, _) = stored(&model, &shape);
    let error = pack(&path, &folder.path().join(NAME)).expect_err("it was packed");
    assert_eq!(error.exit_code(), 65);
    assert!(!folder.path().join(NAME).exists());
    let text = error.to_string();
    assert_eq!(text.lines().count(), 1);
    text
}

#[test]
fn pack_names_the_first_node_that_differs() {
    fn node<'m>(m: &'m mut ModelProto, name: &str) -> &'m mut tract_onnx::pb::NodeProto {
        let graph = m.graph.as_mut().unwrap();
        graph.node.iter_mut().find(|n| n.name == name).unwrap()
    }
    fn constant<'m>(m: &'m mut ModelProto, name: &str) -> &'m mut tract_onnx::pb::TensorProto {
        let graph = m.graph.as_mut().unwrap();
        graph
            .initializer
            .iter_mut()
            .find(|n| n.name == name)
            .unwrap()
    }
    let text = refusal(|m| node(m, "stages.1.blocks.0.gelu").op_type = "Relu".into());
    assert!(
        text.contains("\"stages.1.blocks.0.gelu\" (Relu)") && text.contains("Gelu should follow"),
        "{text}"
    );
    let text = refusal(|m| node(m, "stages.0.blocks.0.dw").attribute[1].ints[0] = 2);
    assert!(
        text.contains("stages.0.blocks.0.dw") && text.contains("padding 3"),
        "{text}"
    );
    let text = refusal(|m| constant(m, "stages.0.blocks.0.fc1.weight").raw_data[5] = 0x80);
    assert!(
        text.contains("stages.0.blocks.0.fc1.weight.dequantize") && text.contains("-127"),
        "{text}"
    );
    let text = refusal(|m| constant(m, "head.fc.weight.zero_point").raw_data[0] = 1);
    assert!(
        text.contains("head.fc.weight.dequantize") && text.contains("zero points of 0"),
        "{text}"
    );
    let text = refusal(|m| constant(m, "stem.norm.bias").raw_data.truncate(5));
    assert!(
        text.contains("stem.norm.bias") && text.contains("whole"),
        "{text}"
    );
    let text = refusal(|m| {
        constant(m, "stem.norm.bias").raw_data[..4].copy_from_slice(&f32::NAN.to_le_bytes())
    });
    assert!(
        text.contains("stem.norm") && text.contains("finite"),
        "{text}"
    );
    let text = refusal(|m| constant(m, "stages.1.down.conv.split.shape").raw_data[8] = 9);
    assert!(
        text.contains("stages.1.down.conv.split") && text.contains("Reshape to"),
        "{text}"
    );
    let text = refusal(|m| {
        m.graph
            .as_mut()
            .unwrap()
            .node
            .retain(|n| n.name != "logits")
    });
    assert!(text.contains("head.fc.add"), "{text}");
}

#[test]
fn pack_refuses_what_is_no_onnx_file_or_cut_short() {
    let shape = Shape::small();
    let bytes = model(&shape).encode_to_vec();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.onnx");
    let cuts = [0, 1, 100, bytes.len() / 2, bytes.len() - 1].map(|n| bytes[..n].to_vec());
    for bad in cuts.into_iter().chain([b"not an ONNX file".to_vec()]) {
        std::fs::write(&path, &bad).unwrap();
        let error = pack(&path, &folder.path().join(NAME)).expect_err("it was packed");
        assert_eq!(error.exit_code(), 65, "{error}");
        assert!(error.to_string().contains("bad.onnx"), "{error}");
    }
    assert_eq!(
        pack(&folder.path().join("none.onnx"), &path)
            .unwrap_err()
            .exit_code(),
        66
    );
}
