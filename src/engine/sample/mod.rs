//! A small random ConvNeXt in the one ONNX form, for tests.

mod builder;
mod layers;

use tract_onnx::pb::{
    GraphProto, ModelProto, OperatorSetIdProto, TensorShapeProto, TypeProto, ValueInfoProto,
    tensor_shape_proto::{Dimension, dimension::Value},
    type_proto,
};

use builder::Builder;

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
