//! A small random ConvNeXt in the one ONNX form, for tests.

use prost::Message;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto,
    attribute_proto::AttributeType,
    tensor_proto::DataType,
    tensor_shape_proto::{Dimension, dimension::Value},
    type_proto,
};

use super::{Card, Input, Resize};

/// Sizes of a sample.
#[derive(Clone, Debug)]
pub struct Shape {
    pub side: usize,
    pub depths: Vec<usize>,
    pub widths: Vec<usize>,
    pub classes: usize,
}

impl Shape {
    pub fn small() -> Self {
        Self {
            side: 48,
            depths: vec![1, 2, 1],
            widths: vec![16, 40, 64],
            classes: 11,
        }
    }
}

struct Builder {
    graph: GraphProto,
    state: u64,
}

fn bytes<T, const N: usize>(values: &[T], to: impl Fn(&T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(to).collect()
}

impl Builder {
    /// Uniform in -1..1.
    fn random(&mut self) -> f32 {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn constant(
        &mut self,
        name: &str,
        dims: &[usize],
        kind: DataType,
        raw_data: Vec<u8>,
    ) -> String {
        self.graph.initializer.push(TensorProto {
            name: name.into(),
            dims: dims.iter().map(|&d| d as i64).collect(),
            data_type: kind as i32,
            raw_data,
            ..Default::default()
        });
        name.into()
    }

    fn floats(&mut self, name: &str, dims: &[usize], values: &[f32]) -> String {
        self.constant(
            name,
            dims,
            DataType::Float,
            bytes(values, |v| v.to_le_bytes()),
        )
    }

    fn integers(&mut self, name: &str, values: &[i64]) -> String {
        self.constant(
            name,
            &[values.len()],
            DataType::Int64,
            bytes(values, |v| v.to_le_bytes()),
        )
    }

    fn noise(&mut self, name: &str, dims: &[usize], middle: f32, spread: f32) -> String {
        let n = dims.iter().product();
        let values: Vec<f32> = (0..n).map(|_| middle + spread * self.random()).collect();
        self.floats(name, dims, &values)
    }

    fn node(&mut self, op: &str, name: &str, input: &[&str], ints: &[(&str, &[i64])]) -> String {
        let attribute = |(name, ints): &(&str, &[i64])| {
            let mut a = AttributeProto {
                name: (*name).into(),
                ..Default::default()
            };
            match ints {
                [one] => (a.i, a.r#type) = (*one, AttributeType::Int as i32),
                many => (a.ints, a.r#type) = (many.to_vec(), AttributeType::Ints as i32),
            }
            a
        };
        self.graph.node.push(NodeProto {
            op_type: op.into(),
            name: name.into(),
            input: input.iter().map(|s| (*s).into()).collect(),
            output: vec![name.into()],
            attribute: ints.iter().map(attribute).collect(),
            ..Default::default()
        });
        name.into()
    }

    fn norm(&mut self, x: &str, name: &str, channels: usize) -> String {
        let gain = self.noise(&format!("{name}.weight"), &[channels], 1.0, 0.3);
        let shift = self.noise(&format!("{name}.bias"), &[channels], 0.0, 0.2);
        let out = self.node(
            "LayerNormalization",
            name,
            &[x, &gain, &shift],
            &[("axis", &[-1])],
        );
        if let Some(node) = self.graph.node.last_mut() {
            node.attribute.push(AttributeProto {
                name: "epsilon".into(),
                f: 1e-6,
                r#type: AttributeType::Float as i32,
                ..Default::default()
            });
        }
        out
    }

    fn linear(
        &mut self,
        x: &str,
        name: &str,
        k: usize,
        n: usize,
        (low, high): (f32, f32),
        squares: Option<usize>,
    ) -> String {
        let at = |part: &str| format!("{name}.{part}");
        let step = (high - low) / 255.0;
        let scale = self.floats(&at("input.scale"), &[], &[step]);
        let zero = self.constant(
            &at("input.zero_point"),
            &[],
            DataType::Uint8,
            vec![(-low / step).round() as u8],
        );
        let mut x = self.node("QuantizeLinear", &at("quantize"), &[x, &scale, &zero], &[]);
        x = self.node(
            "DequantizeLinear",
            &at("dequantize"),
            &[&x, &scale, &zero],
            &[],
        );
        let weights: Vec<i8> = (0..k * n).map(|_| (self.random() * 127.0) as i8).collect();
        let weight = self.constant(
            &at("weight"),
            &[k, n],
            DataType::Int8,
            bytes(&weights, |w| w.to_le_bytes()),
        );
        let spread = 1.5 / (127.0 * (k as f32).sqrt());
        let scales = self.noise(&at("weight.scale"), &[n], spread, spread / 2.0);
        let zeros = self.constant(&at("weight.zero_point"), &[n], DataType::Int8, vec![0; n]);
        let inputs = [&weight[..], &scales, &zeros];
        let weight = self.node(
            "DequantizeLinear",
            &at("weight.dequantize"),
            &inputs,
            &[("axis", &[1])],
        );
        if let Some(side) = squares {
            let (half, c) = (side as i64 / 2, k as i64 / 4);
            let split = self.integers(&at("split.shape"), &[1, half, 2, half, 2, c]);
            let joined = self.integers(&at("join.shape"), &[1, half, half, 4 * c]);
            x = self.node("Reshape", &at("split"), &[&x, &split], &[]);
            x = self.node(
                "Transpose",
                &at("squares"),
                &[&x],
                &[("perm", &[0, 1, 3, 2, 4, 5])],
            );
            x = self.node("Reshape", &at("join"), &[&x, &joined], &[]);
        }
        let product = self.node("MatMul", &at("matmul"), &[&x, &weight], &[]);
        let bias = self.noise(&at("bias"), &[1, 1, 1, n], 0.0, 0.2);
        self.node("Add", &at("add"), &[&product, &bias], &[])
    }

    fn block(&mut self, x: &str, name: &str, c: usize) -> String {
        let at = |part: &str| format!("{name}.{part}");
        let mut y = self.node(
            "Transpose",
            &at("channels_first"),
            &[x],
            &[("perm", &[0, 3, 1, 2])],
        );
        let taps = self.noise(&at("dw.weight"), &[c, 1, 7, 7], 0.0, 0.3);
        let bias = self.noise(&at("dw.bias"), &[c], 0.0, 0.2);
        let group = c as i64;
        let ints: [(&str, &[i64]); 3] = [
            ("kernel_shape", &[7, 7]),
            ("pads", &[3; 4]),
            ("group", &[group]),
        ];
        y = self.node("Conv", &at("dw"), &[&y, &taps, &bias], &ints);
        y = self.node(
            "Transpose",
            &at("dw.channels_last"),
            &[&y],
            &[("perm", &[0, 2, 3, 1])],
        );
        y = self.norm(&y, &at("norm"), c);
        y = self.linear(&y, &at("fc1"), c, 4 * c, (-4.0, 4.0), None);
        y = self.node("Gelu", &at("gelu"), &[&y], &[]);
        y = self.linear(&y, &at("fc2"), 4 * c, c, (-0.17, 5.0), None);
        self.node("Add", &at("add"), &[x, &y], &[])
    }
}

fn value(name: &str, dims: &[usize]) -> ValueInfoProto {
    let dim = |&d: &usize| Dimension {
        value: Some(Value::DimValue(d as i64)),
        ..Default::default()
    };
    let shape = Some(TensorShapeProto {
        dim: dims.iter().map(dim).collect(),
    });
    let tensor = type_proto::Value::TensorType(type_proto::Tensor {
        elem_type: 1,
        shape,
    });
    let r#type = Some(TypeProto {
        value: Some(tensor),
        ..Default::default()
    });
    ValueInfoProto {
        name: name.into(),
        r#type,
        ..Default::default()
    }
}

/// A random network of this shape.
pub fn model(shape: &Shape) -> ModelProto {
    let mut b = Builder {
        graph: GraphProto {
            name: "convnext".into(),
            ..Default::default()
        },
        state: 42,
    };
    let mut c = shape.widths[0];
    let taps = b.noise("stem.conv.weight", &[c, 3, 4, 4], 0.0, 0.25);
    let bias = b.noise("stem.conv.bias", &[c], 0.0, 0.2);
    let ints: [(&str, &[i64]); 2] = [("kernel_shape", &[4, 4]), ("strides", &[4, 4])];
    let mut x = b.node("Conv", "stem.conv", &["input", &taps, &bias], &ints);
    x = b.node(
        "Transpose",
        "stem.conv.channels_last",
        &[&x],
        &[("perm", &[0, 2, 3, 1])],
    );
    x = b.norm(&x, "stem.norm", c);
    let mut side = shape.side / 4;
    for (s, (&depth, &width)) in shape.depths.iter().zip(&shape.widths).enumerate() {
        if s > 0 {
            x = b.norm(&x, &format!("stages.{s}.down.norm"), c);
            x = b.linear(
                &x,
                &format!("stages.{s}.down.conv"),
                4 * c,
                width,
                (-4.0, 4.0),
                Some(side),
            );
            side /= 2;
            c = width;
        }
        for block in 0..depth {
            x = b.block(&x, &format!("stages.{s}.blocks.{block}"), c);
        }
    }
    let axes = b.integers("head.mean.axes", &[1, 2]);
    x = b.node(
        "ReduceMean",
        "head.mean",
        &[&x, &axes],
        &[("keepdims", &[1])],
    );
    x = b.norm(&x, "head.norm", c);
    x = b.linear(&x, "head.fc", c, shape.classes, (-4.0, 4.0), None);
    b.node("Flatten", "logits", &[&x], &[("axis", &[1])]);
    b.graph.input = vec![value("input", &[1, 3, shape.side, shape.side])];
    b.graph.output = vec![value("logits", &[1, shape.classes])];
    ModelProto {
        ir_version: 9,
        opset_import: vec![OperatorSetIdProto {
            version: 20,
            ..Default::default()
        }],
        graph: Some(b.graph),
        ..Default::default()
    }
}

/// A card for a model of this shape and hash.
pub fn card(sha256: &str, shape: &Shape) -> Card {
    Card {
        name: "sample".into(),
        sha256: sha256.into(),
        input: Input {
            width: shape.side,
            height: shape.side,
            mean: [0.0; 3],
            std: [1.0; 3],
            resize: Resize::Squash,
        },
        temperature: 1.0,
        labels: (0..shape.classes).map(|i| format!("label {i}")).collect(),
    }
}

/// The model in a file of a folder of its own, and its card.
pub fn stored(model: &ModelProto, shape: &Shape) -> (tempfile::TempDir, std::path::PathBuf, Card) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sample.onnx");
    std::fs::write(&path, model.encode_to_vec()).unwrap();
    let card = card(&super::sha256(&path).unwrap(), shape);
    (folder, path, card)
}
