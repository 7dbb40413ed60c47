//! Walks an ONNX graph: the readers and the maker of a value, and the constants of a node.

use std::collections::HashMap;

use tract_onnx::pb::NodeProto;

use super::difference::{Difference, require, short};
use super::proto::{Constant, OnnxFile, ints};
use crate::engine::bundle::is_name;

/// A graph of ONNX nodes, walked from value to value.
pub(super) struct Graph<'m> {
    /// The file, for its constants.
    pub model: &'m OnnxFile<'m>,
    /// The nodes that read a value, by its name.
    readers: HashMap<&'m str, Vec<&'m NodeProto>>,
    /// The node that makes a value, by the value's name.
    pub makers: HashMap<&'m str, &'m NodeProto>,
}

impl<'m> Graph<'m> {
    /// Indexes all nodes.
    ///
    /// Every value is made before it is read, and once, so that a walk along values ends.
    ///
    /// # Errors
    /// The first node outside the standard domain, and the first that reads or makes another value
    /// than it may.
    pub fn new(model: &'m OnnxFile<'m>) -> Result<Self, Difference> {
        if let Some(name) = &model.doubled {
            return Err(Difference::value(name, "is the name of two initialisers"));
        }
        let mut graph = Self {
            model,
            readers: HashMap::new(),
            makers: HashMap::new(),
        };
        for node in &model.graph.node {
            if !node.domain.is_empty() {
                let fault = format!("is of the domain {:?}", short(&node.domain));
                return Err(Difference::at(node, fault));
            }
            if !is_name(&node.name) {
                let fault = "has a name that is too long or has control characters";
                return Err(Difference::at(node, fault));
            }
            // An optional input that is left out has no name.
            for input in node.input.iter().filter(|name| !name.is_empty()) {
                if !graph.is_made(input) {
                    let fault = format!("reads {:?}, which nothing before it makes", short(input));
                    return Err(Difference::at(node, fault));
                }
                graph.readers.entry(input).or_default().push(node);
            }
            for output in node.output.iter().filter(|name| !name.is_empty()) {
                if graph.is_made(output) {
                    let fault = format!("makes {:?}, which is made already", short(output));
                    return Err(Difference::at(node, fault));
                }
                graph.makers.insert(output, node);
            }
        }
        Ok(graph)
    }

    /// Whether `value` is an input, a constant, or the result of a node that was indexed.
    fn is_made(&self, value: &str) -> bool {
        self.makers.contains_key(value)
            || self.model.is_initializer(value)
            // A graph of the form has one input; to look through thousands each time takes long.
            || self.model.graph.input.iter().take(16).any(|input| input.name == value)
    }
    /// The nodes that read `value`.
    pub fn readers(&self, value: &str) -> &[&'m NodeProto] {
        self.readers.get(value).map_or(&[], |r| &r[..])
    }

    /// The only reader of `value`, which must be an `op` with `value` as its first input.
    pub fn next(&self, value: &str, op: &str) -> Result<&'m NodeProto, Difference> {
        match self.readers(value) {
            [node] if node.op_type == op && node.input.first().is_some_and(|i| i == value) => {
                Ok(node)
            }
            [] => {
                let fault = format!("ends where {op} should follow");
                Err(Difference::value(value, fault))
            }
            [node, ..] => {
                let fault = format!("stands where only {op} should follow {:?}", short(value));
                Err(Difference::at(node, fault))
            }
        }
    }

    /// The only output of `node`.
    pub fn out(node: &'m NodeProto) -> Result<&'m str, Difference> {
        match &node.output[..] {
            [out] => Ok(out),
            _ => Err(Difference::at(node, "has not one output")),
        }
    }

    /// The name of input `i` of `node`.
    pub fn input(node: &'m NodeProto, i: usize) -> Result<&'m str, Difference> {
        node.input
            .get(i)
            .map(|s| &s[..])
            .ok_or_else(|| Difference::at(node, format!("lacks input {i}")))
    }

    /// The constant that is input `i` of `node`.
    pub fn constant(&self, node: &'m NodeProto, i: usize) -> Result<Constant<'m>, Difference> {
        let name = Self::input(node, i)?;
        let found = self.model.constant(name);
        found.ok_or_else(|| {
            let fault = format!(
                "has input {:?}, which is no whole constant in the file",
                short(name)
            );
            Difference::at(node, fault)
        })
    }

    /// The finite floats that are input `i` of `node`.
    pub fn floats(&self, node: &'m NodeProto, i: usize) -> Result<Vec<f32>, Difference> {
        let found = self.constant(node, i)?.floats();
        found.ok_or_else(|| {
            Difference::at(node, format!("has input {i}, which is not of finite f32"))
        })
    }

    /// The result of the Transpose with `perm`, the only reader of `value`.
    pub fn transpose(&self, value: &str, perm: &[i64]) -> Result<&'m str, Difference> {
        let node = self.next(value, "Transpose")?;
        require(
            node,
            ints(node, "perm").as_deref() == Some(perm),
            &format!("a Transpose of perm {perm:?}"),
        )?;
        Self::out(node)
    }
}

/// The shape of an input of the graph, with 0 for extents that are not fixed.
pub(super) fn dims(value: &tract_onnx::pb::ValueInfoProto) -> Vec<i64> {
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
