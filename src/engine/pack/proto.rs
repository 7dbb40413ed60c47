//! An ONNX file, read without its weights, which stay in the mapped file until they are asked for.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use prost::Message;
use tract_onnx::pb::{
    GraphProto, ModelProto, NodeProto, TensorProto,
    tensor_proto::{DataLocation, DataType},
};

use crate::engine::error::Error;

/// Field numbers of onnx.proto.
const MODEL_GRAPH: u64 = 7;
const GRAPH_INITIALIZER: u64 = 5;
const TENSOR_RAW_DATA: u64 = 9;

/// An ONNX file in memory, whose constants are looked up by name.
#[derive(Debug)]
pub(super) struct OnnxFile<'a> {
    bytes: &'a [u8],
    /// The graph without its initialisers.
    pub graph: GraphProto,
    tensors: HashMap<String, (TensorProto, Range<usize>)>,
}

/// A constant of the graph: an initialiser.
#[derive(Debug)]
pub(super) struct Constant<'a> {
    /// The extents.
    pub dims: Vec<usize>,
    kind: DataType,
    raw: Cow<'a, [u8]>,
}

fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Splits the message in `range` into the ranges of the fields `wanted`, without their tags, and
/// the bytes of all others.
fn split(bytes: &[u8], range: Range<usize>, wanted: u64) -> Option<(Vec<Range<usize>>, Vec<u8>)> {
    let (mut found, mut rest) = (Vec::new(), Vec::new());
    let mut at = range.start;
    while at < range.end {
        let start = at;
        let tag = varint(bytes, &mut at)?;
        let mut payload = at..at;
        match tag & 7 {
            0 => drop(varint(bytes, &mut at)?),
            1 => at += 8,
            2 => {
                let len = usize::try_from(varint(bytes, &mut at)?).ok()?;
                payload = at..at.checked_add(len)?;
                at = payload.end;
            }
            5 => at += 4,
            _ => return None,
        }
        if at > range.end {
            return None;
        }
        if tag == wanted << 3 | 2 {
            found.push(payload);
        } else {
            rest.extend_from_slice(&bytes[start..at]);
        }
    }
    Some((found, rest))
}

impl<'a> OnnxFile<'a> {
    /// The ONNX file at `path`, whose bytes are `file`.
    ///
    /// # Errors
    /// [`Error::Model`] for a file that is no ONNX model, or that keeps weights elsewhere: its
    /// SHA-256 would not cover them.
    pub fn of(path: &Path, file: &'a [u8]) -> Result<Self, Error> {
        let bad = |message: String| Error::Model {
            path: path.into(),
            message,
        };
        let read = Self::read(file).ok_or_else(|| {
            bad(
                "it is not an ONNX model, or it is cut short; name the .onnx file, or restore it"
                    .into(),
            )
        })?;
        let mut constants = read.tensors.values().map(|(tensor, _)| tensor);
        let elsewhere = constants
            .find_map(elsewhere)
            .or_else(|| outside(&read.graph));
        match elsewhere {
            None => Ok(read),
            Some(file) => Err(bad(format!(
                "its weights lie in another file, {file}, which its SHA-256 does not cover; write one file with \
                 `python3 -c \"import onnx; onnx.save(onnx.load('{}'), 'whole.onnx')\"`",
                path.display()
            ))),
        }
    }

    /// Reads the file in `bytes`; None when they are no ONNX model.
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (graphs, rest) = split(bytes, 0..bytes.len(), MODEL_GRAPH)?;
        ModelProto::decode(&rest[..]).ok()?;
        let [graph] = <[_; 1]>::try_from(graphs).ok()?;
        let (initializers, rest) = split(bytes, graph, GRAPH_INITIALIZER)?;
        let graph = GraphProto::decode(&rest[..]).ok()?;
        let mut tensors = HashMap::new();
        for range in initializers {
            let (raw, rest) = split(bytes, range, TENSOR_RAW_DATA)?;
            let tensor = TensorProto::decode(&rest[..]).ok()?;
            let raw = raw.into_iter().next().unwrap_or(0..0);
            tensors.insert(tensor.name.clone(), (tensor, raw));
        }
        Some(Self {
            bytes,
            graph,
            tensors,
        })
    }

    /// The constant of this name; None when there is none, when its data is not in the file, or
    /// when the data does not fit its extents.
    pub fn constant(&self, name: &str) -> Option<Constant<'a>> {
        let (proto, raw) = self.tensors.get(name)?;
        let kind = DataType::try_from(proto.data_type).ok()?;
        let dims: Vec<usize> = proto
            .dims
            .iter()
            .map(|&d| usize::try_from(d).ok())
            .collect::<Option<_>>()?;
        let size = match kind {
            DataType::Float | DataType::Int32 => 4,
            DataType::Int64 => 8,
            DataType::Int8 | DataType::Uint8 => 1,
            _ => return None,
        };
        let raw: Cow<[u8]> = if !raw.is_empty() {
            self.bytes[raw.clone()].into()
        } else if kind == DataType::Float {
            proto
                .float_data
                .iter()
                .flat_map(|v| v.to_le_bytes())
                .collect()
        } else if kind == DataType::Int64 {
            proto
                .int64_data
                .iter()
                .flat_map(|v| v.to_le_bytes())
                .collect()
        } else {
            // Bytes, too, stand in the field for 32-bit integers.
            proto
                .int32_data
                .iter()
                .flat_map(|v| v.to_le_bytes().into_iter().take(size))
                .collect()
        };
        let elements = dims.iter().try_fold(size, |n, &d| n.checked_mul(d))?;
        (raw.len() == elements).then_some(Constant { dims, kind, raw })
    }
}

/// The file that holds the values of `tensor`, if that is another one.
fn elsewhere(tensor: &TensorProto) -> Option<&str> {
    let external = tensor.data_location == Some(DataLocation::External.into())
        || !tensor.external_data.is_empty();
    let location = tensor.external_data.iter().find(|e| e.key == "location");
    external.then(|| location.map_or("unnamed", |e| &e.value))
}

/// The file beside that of `graph` which holds a tensor of it or of a graph within.
fn outside(graph: &GraphProto) -> Option<&str> {
    let attributes = graph.node.iter().flat_map(|node| &node.attribute);
    let mut inner = attributes.clone().flat_map(|a| a.g.iter().chain(&a.graphs));
    let mut tensors = attributes.flat_map(|a| a.t.iter().chain(&a.tensors));
    let constants = graph.initializer.iter().find_map(elsewhere);
    constants
        .or_else(|| tensors.find_map(elsewhere))
        .or_else(|| inner.find_map(outside))
}

impl Constant<'_> {
    /// Finite floats.
    pub fn floats(&self) -> Option<Vec<f32>> {
        let chunks = self
            .raw
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        let all: Vec<f32> = chunks.collect();
        (self.kind == DataType::Float && all.iter().all(|v| v.is_finite())).then_some(all)
    }

    /// 64-bit integers.
    pub fn integers(&self) -> Option<Vec<i64>> {
        let number = |b: &[u8]| i64::from_le_bytes(std::array::from_fn(|i| b[i]));
        (self.kind == DataType::Int64).then(|| self.raw.chunks_exact(8).map(number).collect())
    }

    /// Signed bytes, in two's complement.
    pub fn signed(&self) -> Option<&[u8]> {
        (self.kind == DataType::Int8).then_some(&self.raw)
    }

    /// Unsigned bytes.
    pub fn unsigned(&self) -> Option<&[u8]> {
        (self.kind == DataType::Uint8).then_some(&self.raw)
    }
}

/// The node's attribute of integers, or of one integer, of this name.
pub(super) fn ints(node: &NodeProto, name: &str) -> Option<Vec<i64>> {
    let attribute = node.attribute.iter().find(|a| a.name == name)?;
    Some(if attribute.ints.is_empty() {
        vec![attribute.i]
    } else {
        attribute.ints.clone()
    })
}

/// The node's attribute of one float of this name.
pub(super) fn float(node: &NodeProto, name: &str) -> Option<f32> {
    node.attribute.iter().find(|a| a.name == name).map(|a| a.f)
}

/// The node's attribute of text of this name.
pub(super) fn text<'n>(node: &'n NodeProto, name: &str) -> Option<&'n [u8]> {
    node.attribute
        .iter()
        .find(|a| a.name == name)
        .map(|a| &a.s[..])
}
