//! Nodes and constants of a graph.

use tract_onnx::pb::{
    AttributeProto, GraphProto, NodeProto, TensorProto, attribute_proto::AttributeType,
    tensor_proto::DataType,
};

/// A graph in the making.
pub(super) struct Builder {
    pub graph: GraphProto,
    pub state: u64,
}

pub(super) fn bytes<T, const N: usize>(values: &[T], to: impl Fn(&T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(to).collect()
}

impl Builder {
    /// Uniform in -1..1.
    pub fn random(&mut self) -> f32 {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    pub fn constant(
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

    pub fn floats(&mut self, name: &str, dims: &[usize], values: &[f32]) -> String {
        self.constant(
            name,
            dims,
            DataType::Float,
            bytes(values, |v| v.to_le_bytes()),
        )
    }

    pub fn integers(&mut self, name: &str, values: &[i64]) -> String {
        self.constant(
            name,
            &[values.len()],
            DataType::Int64,
            bytes(values, |v| v.to_le_bytes()),
        )
    }

    pub fn noise(&mut self, name: &str, dims: &[usize], middle: f32, spread: f32) -> String {
        let n = dims.iter().product();
        let values: Vec<f32> = (0..n).map(|_| middle + spread * self.random()).collect();
        self.floats(name, dims, &values)
    }

    pub fn node(
        &mut self,
        op: &str,
        name: &str,
        input: &[&str],
        ints: &[(&str, &[i64])],
    ) -> String {
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
}
