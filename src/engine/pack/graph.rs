//! Walking an ONNX graph: what reads a value, what makes it, and the constants of a node.

use std::collections::HashMap;

use tract_onnx::pb::NodeProto;

use super::proto::{Model, Tensor, ints};

/// Where a graph leaves the form: the node, and what should be there.
pub type Differs = String;

/// A graph of ONNX nodes, walked from value to value.
pub struct Graph<'m> {
    /// The file.
    pub model: &'m Model<'m>,
    /// The nodes that read a value.
    readers: HashMap<&'m str, Vec<&'m NodeProto>>,
    /// The node that makes a value.
    pub makers: HashMap<&'m str, &'m NodeProto>,
}

impl<'m> Graph<'m> {
    /// Looks through all nodes once.
    ///
    /// # Errors
    /// The first node that is of no standard domain.
    pub fn new(model: &'m Model<'m>) -> Result<Self, Differs> {
        let (mut readers, mut makers) = (HashMap::<&str, Vec<&NodeProto>>::new(), HashMap::new());
        for node in &model.graph.node {
            if !node.domain.is_empty() {
                return Err(format!(
                    "{} is of the domain {:?}",
                    label(node),
                    node.domain
                ));
            }
            for input in &node.input {
                readers.entry(input).or_default().push(node);
            }
            for output in &node.output {
                makers.insert(&output[..], node);
            }
        }
        Ok(Self {
            model,
            readers,
            makers,
        })
    }

    /// The nodes that read `value`.
    pub fn readers(&self, value: &str) -> &[&'m NodeProto] {
        self.readers.get(value).map_or(&[], |r| &r[..])
    }

    /// The only node that reads `value`, which must be a `op` with `value` as its first input.
    pub fn next(&self, value: &str, op: &str) -> Result<&'m NodeProto, Differs> {
        match self.readers(value) {
            [node] if node.op_type == op && node.input.first().is_some_and(|i| i == value) => {
                Ok(node)
            }
            [] => Err(format!("value {value:?} ends where {op} should follow")),
            [node, ..] => Err(format!(
                "{} stands where only {op} should follow {value:?}",
                label(node)
            )),
        }
    }

    /// The only output of `node`.
    pub fn out(node: &'m NodeProto) -> Result<&'m str, Differs> {
        match &node.output[..] {
            [out] => Ok(out),
            _ => Err(format!("{} has not one output", label(node))),
        }
    }

    /// The name of input `i` of `node`.
    pub fn input(node: &'m NodeProto, i: usize) -> Result<&'m str, Differs> {
        node.input
            .get(i)
            .map(|s| &s[..])
            .ok_or_else(|| format!("{} lacks input {i}", label(node)))
    }

    /// The constant that is input `i` of `node`.
    pub fn tensor(&self, node: &'m NodeProto, i: usize) -> Result<Tensor<'m>, Differs> {
        let name = Self::input(node, i)?;
        let found = self.model.tensor(name);
        found.ok_or_else(|| {
            format!(
                "{}: input {name:?} is no constant that is whole and in the file",
                label(node)
            )
        })
    }

    /// The same as numbers.
    pub fn floats(&self, node: &'m NodeProto, i: usize) -> Result<Vec<f32>, Differs> {
        let found = self.tensor(node, i)?.floats();
        found.ok_or_else(|| format!("{}: input {i} is not of finite f32", label(node)))
    }

    /// What the Transpose with `perm` makes of `value`.
    pub fn transpose(&self, value: &str, perm: &[i64]) -> Result<&'m str, Differs> {
        let node = self.next(value, "Transpose")?;
        require(
            node,
            ints(node, "perm").as_deref() == Some(perm),
            &format!("a Transpose of perm {perm:?}"),
        )?;
        Self::out(node)
    }
}

/// How a message calls a node.
pub fn label(node: &NodeProto) -> String {
    let name = if node.name.is_empty() {
        node.output.first().map_or("", |o| o)
    } else {
        &node.name
    };
    format!("node {name:?} ({})", node.op_type)
}

/// Refuses `node` unless it `holds` that it is what is `wanted`.
pub fn require(node: &NodeProto, holds: bool, wanted: &str) -> Result<(), Differs> {
    if holds {
        Ok(())
    } else {
        Err(format!("{} is not {wanted}", label(node)))
    }
}

/// The shape of an input of the graph; 0 for what is not fixed.
pub fn dims(value: &tract_onnx::pb::ValueInfoProto) -> Vec<i64> {
    use tract_onnx::pb::{tensor_shape_proto::dimension::Value, type_proto};
    let Some(type_proto::Value::TensorType(t)) =
        value.r#type.as_ref().and_then(|t| t.value.as_ref())
    else {
        return Vec::new();
    };
    let dim = |d: &Option<Value>| {
        if let Some(Value::DimValue(n)) = d {
            *n
        } else {
            0
        }
    };
    t.shape
        .iter()
        .flat_map(|s| &s.dim)
        .map(|d| dim(&d.value))
        .collect()
}
