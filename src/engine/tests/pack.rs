//! Packing, and refusals to pack.

use prost::Message;
use tract_onnx::pb::{
    ModelProto, NodeProto, StringStringEntryProto, TensorProto, tensor_proto::DataLocation,
};

use super::*;
use crate::engine::bundle::Bundle;

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

/// The error of packing the sample after `change`.
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

fn node<'m>(m: &'m mut ModelProto, name: &str) -> &'m mut NodeProto {
    let graph = m.graph.as_mut().unwrap();
    graph.node.iter_mut().find(|n| n.name == name).unwrap()
}

fn constant<'m>(m: &'m mut ModelProto, name: &str) -> &'m mut TensorProto {
    let graph = m.graph.as_mut().unwrap();
    let mut constants = graph.initializer.iter_mut();
    constants.find(|n| n.name == name).unwrap()
}

#[test]
fn pack_names_the_first_node_that_differs() {
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

#[test]
fn weights_in_another_file_are_refused_with_the_remedy() {
    let text = refusal(|m| {
        let graph = m.graph.as_mut().unwrap();
        let tensor = &mut graph.initializer[0];
        tensor.raw_data.clear();
        tensor.data_location = Some(DataLocation::External.into());
        tensor.external_data = vec![StringStringEntryProto {
            key: "location".into(),
            value: "sample.data".into(),
        }];
    });
    assert!(
        text.contains("sample.onnx: its weights lie in another file, sample.data")
            && text.contains("onnx.save("),
        "{text}"
    );
}

#[test]
fn an_add_that_feeds_itself_ends_in_one_line() {
    let text = refusal(|m| {
        let add = node(m, "stages.0.blocks.0.add");
        add.input[0] = add.output[0].clone();
    });
    assert!(
        text.contains("\"stages.0.blocks.0.add\" (Add) reads") && text.contains("nothing before"),
        "{text}"
    );
    // A longer circle, through a later block.
    let text = refusal(|m| {
        let later = node(m, "stages.1.blocks.1.add").output[0].clone();
        node(m, "stages.1.blocks.0.add").input[0] = later;
    });
    assert!(text.contains("nothing before it makes"), "{text}");
}

#[test]
fn a_value_is_made_once() {
    let text = refusal(|m| {
        let other = node(m, "stages.0.blocks.0.add").output[0].clone();
        node(m, "stages.1.blocks.0.add").output[0] = other;
    });
    assert!(text.contains("is made already"), "{text}");
    let text = refusal(|m| {
        let graph = m.graph.as_mut().unwrap();
        let twice = graph.initializer[0].clone();
        graph.initializer.push(twice);
    });
    assert!(text.contains("two initialisers"), "{text}");
}

/// Empties the constant `name`.
fn empty(m: &mut ModelProto, name: &str, dims: &[i64]) {
    let tensor = constant(m, name);
    tensor.dims = dims.to_vec();
    tensor.raw_data.clear();
}

#[test]
fn a_layer_without_columns_or_channels_is_refused() {
    let text = refusal(|m| {
        let layer = "stages.0.blocks.0.fc1";
        empty(m, &format!("{layer}.weight"), &[16, 0]);
        empty(m, &format!("{layer}.weight.scale"), &[0]);
        empty(m, &format!("{layer}.weight.zero_point"), &[0]);
        empty(m, &format!("{layer}.bias"), &[1, 1, 1, 0]);
    });
    assert!(text.contains("1 to 2^26 weights"), "{text}");
    let text = refusal(|m| {
        empty(m, "stem.conv.weight", &[0, 3, 4, 4]);
        empty(m, "stem.conv.bias", &[0]);
        empty(m, "stem.norm.weight", &[0]);
        empty(m, "stem.norm.bias", &[0]);
    });
    assert!(text.contains("1 to 16384 channels"), "{text}");
}

#[test]
fn extents_that_no_data_fits_are_refused() {
    for dims in [[-1, 16], [i64::MAX, 2], [1 << 32, 1 << 32], [16, 65]] {
        let text = refusal(|m| constant(m, "stages.0.blocks.0.fc1.weight").dims = dims.to_vec());
        assert!(text.contains("no whole constant"), "{dims:?}: {text}");
    }
}

#[test]
fn a_scale_that_makes_logits_infinite_is_refused() {
    let text = refusal(|m| {
        let scale = constant(m, "head.fc.weight.scale");
        for value in scale.raw_data.chunks_exact_mut(4) {
            value.copy_from_slice(&f32::MAX.to_le_bytes());
        }
    });
    assert!(text.contains("a logit is"), "{text}");
}

#[test]
fn names_that_a_terminal_obeys_never_reach_a_message() {
    let text = refusal(|m| {
        let gelu = node(m, "stages.0.blocks.0.gelu");
        gelu.op_type = "\x1b[2JRelu".repeat(1000);
        gelu.name = "\u{202e}\n".repeat(1000);
    });
    assert!(!text.chars().any(char::is_control), "{text:?}");
    assert!(text.len() < 1000, "{}", text.len());
}
