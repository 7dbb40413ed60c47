//! ONNX files of other forms, through plain tract.

use prost::Message;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TypeProto,
    ValueInfoProto,
    tensor_shape_proto::{Dimension, dimension::Value},
    type_proto,
};

use crate::engine::{Card, Engine, Error, HexDigest, Input, Labels, Onnx, Output, Resize, sha256};

/// Numbers of data types in onnx.proto.
const FLOAT: i32 = 1;
const UINT8: i32 = 2;
const INT32: i32 = 6;
const INT64: i32 = 7;
const BOOL: i32 = 9;
const FLOAT16: i32 = 10;
const DOUBLE: i32 = 11;

fn value(name: &str, elem_type: i32, dims: &[i64]) -> ValueInfoProto {
    let dim = dims
        .iter()
        .map(|&d| Dimension {
            value: Some(Value::DimValue(d)),
            ..Default::default()
        })
        .collect();
    let tensor = type_proto::Tensor {
        elem_type,
        shape: Some(tract_onnx::pb::TensorShapeProto { dim }),
    };
    ValueInfoProto {
        name: name.into(),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn node(op: &str, input: &str, output: &str) -> NodeProto {
    NodeProto {
        op_type: op.into(),
        name: op.to_lowercase(),
        input: vec![input.into()],
        output: vec![output.into()],
        ..Default::default()
    }
}

/// A Cast to the data type `to`.
fn cast(input: &str, output: &str, to: i32) -> NodeProto {
    let mut node = node("Cast", input, output);
    node.attribute.push(AttributeProto {
        name: "to".into(),
        r#type: 2,
        i: to.into(),
        ..Default::default()
    });
    node
}

/// The mean of each colour as three logits, of 8x4 pictures.
fn means() -> Vec<u8> {
    let flatten = node("Flatten", "pooled", "logits");
    graph(vec![flatten], FLOAT)
}

/// The mean of each colour, `pooled`, and what `rest` makes of them, `logits` of the type `kind`.
fn graph(rest: Vec<NodeProto>, kind: i32) -> Vec<u8> {
    let mut node = vec![node("GlobalAveragePool", "input", "pooled")];
    node.extend(rest);
    file(node, value("input", FLOAT, &[1, 3, 4, 8]), kind)
}

/// The means of an `input` that `first` makes a planar one in float32, `planar`.
fn of_input(first: Vec<NodeProto>, kind: i32, dims: &[i64]) -> Vec<u8> {
    let mut all = first;
    all.push(node("GlobalAveragePool", "planar", "pooled"));
    all.push(node("Flatten", "pooled", "logits"));
    file(all, value("input", kind, dims), FLOAT)
}

/// The file of these nodes, from `input` to `logits` of the type `kind`.
fn file(node: Vec<NodeProto>, input: ValueInfoProto, kind: i32) -> Vec<u8> {
    ModelProto {
        ir_version: 8,
        opset_import: vec![OperatorSetIdProto {
            version: 17,
            ..Default::default()
        }],
        graph: Some(GraphProto {
            node,
            input: vec![input],
            output: vec![value("logits", kind, &[1, 3])],
            ..Default::default()
        }),
        ..Default::default()
    }
    .encode_to_vec()
}

fn card(sha256: HexDigest, width: usize, labels: usize) -> Card {
    Card {
        folder: "".into(),
        name: "means".into(),
        sha256,
        input: Input {
            width,
            height: 4,
            mean: [0.0; 3],
            std: [1.0; 3],
            resize: Resize::Squash,
        },
        temperature: 1.0,
        labels: Labels::new((0..labels).map(|i| format!("l{i}")).collect()).unwrap(),
    }
}

/// The model's bytes in a file, and a card that fits them.
fn stored(bytes: &[u8]) -> (tempfile::TempDir, std::path::PathBuf, Card) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("means.onnx");
    std::fs::write(&path, bytes).unwrap();
    let card = card(sha256(&path).unwrap(), 8, 3);
    (folder, path, card)
}

fn message(result: Result<Onnx, Error>) -> (String, u8) {
    let error = result.expect_err("it was accepted");
    (error.to_string(), error.exit_code())
}

#[test]
fn runs_and_stays_right_on_every_run() {
    let (_folder, path, card) = stored(&means());
    let mut engine = Onnx::open(&path, &card).unwrap();
    for k in [1.0, 2.0, -3.0] {
        let input: Vec<f32> = (0..96).map(|i| k * (i / 32) as f32).collect();
        assert_eq!(engine.infer(&input).unwrap(), [0.0, k, 2.0 * k]);
    }
    let described = engine.describe();
    assert_eq!(described.model_hash, card.sha256);
    assert_eq!(described.kernel, "tract-onnx");
}

#[test]
fn an_input_of_another_size_leaves_the_engine_usable() {
    let (_folder, path, card) = stored(&means());
    let mut engine = Onnx::open(&path, &card).unwrap();
    assert_eq!(engine.infer(&[0.0; 95]).unwrap_err().exit_code(), 70);
    assert_eq!(engine.infer(&[1.0; 96]).unwrap(), [1.0; 3]);
}

#[test]
fn an_output_of_any_number_is_read() {
    for kind in [FLOAT16, DOUBLE, INT64] {
        let rest = vec![
            node("Flatten", "pooled", "flat"),
            cast("flat", "logits", kind),
        ];
        let (_folder, path, card) = stored(&graph(rest, kind));
        let mut engine = Onnx::open(&path, &card).unwrap();
        let input: Vec<f32> = (0..96).map(|i| (i / 32) as f32 - 1.0).collect();
        assert_eq!(engine.infer(&input).unwrap(), [-1.0, 0.0, 1.0], "{kind}");
    }
}

#[test]
fn a_network_that_ends_in_softmax_or_sigmoid_says_so() {
    for (op, output) in [
        ("Softmax", Output::Softmax),
        ("Sigmoid", Output::Sigmoid),
        ("Relu", Output::Logits),
    ] {
        let rest = vec![
            node("Flatten", "pooled", "flat"),
            node(op, "flat", "logits"),
        ];
        let (_folder, path, card) = stored(&graph(rest, FLOAT));
        let engine = Onnx::open(&path, &card).unwrap();
        assert_eq!(engine.describe().output, output);
    }
}

/// Pictures whose red, green and blue are 0, 51 and 255, of levels 0 to 255.
fn levels(card: &Card) -> Vec<f32> {
    let input = &card.input;
    let value = |c: usize| ([0.0, 0.2, 1.0][c] - input.mean[c]) / input.std[c];
    (0..96).map(|i| value(i / 32)).collect()
}

#[test]
fn an_input_of_bytes_gets_levels() {
    let first = vec![cast("input", "planar", FLOAT)];
    let (_folder, path, mut card) = stored(&of_input(first, UINT8, &[1, 3, 4, 8]));
    (card.input.mean, card.input.std) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
    let mut engine = Onnx::open(&path, &card).unwrap();
    assert_eq!(engine.infer(&levels(&card)).unwrap(), [0.0, 51.0, 255.0]);
    assert_eq!(engine.infer(&[0.0; 95]).unwrap_err().exit_code(), 70);
}

#[test]
fn inputs_of_other_floats_get_normalised_values() {
    for kind in [FLOAT16, DOUBLE] {
        let first = vec![cast("input", "planar", FLOAT)];
        let (_folder, path, mut card) = stored(&of_input(first, kind, &[1, 3, 4, 8]));
        (card.input.mean, card.input.std) = ([0.5; 3], [0.25; 3]);
        let mut engine = Onnx::open(&path, &card).unwrap();
        let means = engine.infer(&levels(&card)).unwrap();
        for (mean, wanted) in means.iter().zip([-2.0, -1.2, 2.0]) {
            assert!((mean - wanted).abs() < 2e-3, "{kind}: {means:?}");
        }
    }
}

#[test]
fn an_input_with_channels_last_gets_them_last() {
    let mut planar = node("Transpose", "input", "planar");
    planar.attribute.push(AttributeProto {
        name: "perm".into(),
        r#type: 7,
        ints: vec![0, 3, 1, 2],
        ..Default::default()
    });
    for dims in [[1, 4, 8, 3], [-1, 4, 8, 3]] {
        let (_folder, path, card) = stored(&of_input(vec![planar.clone()], FLOAT, &dims));
        let mut engine = Onnx::open(&path, &card).unwrap();
        let found = engine.infer(&levels(&card)).unwrap();
        for (found, wanted) in found.iter().zip([0.0, 0.2, 1.0]) {
            assert!((found - wanted).abs() < 1e-6, "{found}");
        }
    }
}

#[test]
fn an_input_of_other_integers_is_refused() {
    let first = vec![cast("input", "planar", FLOAT)];
    let (_folder, path, card) = stored(&of_input(first, INT32, &[1, 3, 4, 8]));
    let (text, code) = message(Onnx::open(&path, &card));
    assert!(
        text.contains("means.onnx") && text.contains("input is I32"),
        "{text}"
    );
    assert_eq!(code, 65);
}

#[test]
fn an_output_that_is_no_number_is_refused_at_opening() {
    let rest = vec![
        node("Flatten", "pooled", "flat"),
        cast("flat", "logits", BOOL),
    ];
    let (_folder, path, card) = stored(&graph(rest, BOOL));
    let (text, code) = message(Onnx::open(&path, &card));
    assert!(
        text.contains("means.onnx") && text.contains("output is Bool"),
        "{text}"
    );
    assert_eq!(code, 65);
}

#[test]
fn a_missing_file_is_named() {
    let (_folder, path, card) = stored(&means());
    let (text, code) = message(Onnx::open(&path.with_file_name("none.onnx"), &card));
    assert!(text.contains("none.onnx"), "{text}");
    assert_eq!(code, 66);
}

#[test]
fn a_file_cut_short_is_told_by_its_hash() {
    let bytes = means();
    let (_folder, path, card) = stored(&bytes);
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let (text, code) = message(Onnx::open(&path, &card));
    assert!(
        text.contains("SHA-256") && text.contains("restore"),
        "{text}"
    );
    assert_eq!(code, 65);
}

#[test]
fn garbage_under_its_own_hash_is_no_model() {
    let (_folder, path, card) = stored(b"this is not protobuf at all");
    let (text, code) = message(Onnx::open(&path, &card));
    assert!(text.contains("tract cannot run it"), "{text}");
    assert_eq!(text.lines().count(), 1);
    assert_eq!(code, 65);
}

#[test]
fn labels_must_be_as_many_as_logits() {
    let (_folder, path, fitting) = stored(&means());
    let (text, code) = message(Onnx::open(&path, &card(fitting.sha256, 8, 4)));
    assert!(
        text.contains("labels.txt") && text.contains("4 labels"),
        "{text}"
    );
    assert_eq!(code, 65);
}

#[test]
fn a_card_of_another_size_is_refused() {
    let (_folder, path, fitting) = stored(&means());
    let (text, _) = message(Onnx::open(&path, &card(fitting.sha256, 16, 3)));
    assert!(text.contains("[1, 3, 4, 16]"), "{text}");
}
