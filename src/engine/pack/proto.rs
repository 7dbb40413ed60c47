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

use super::weigh::{self, Kind, heap};
use super::wire::fields;
use crate::engine::error::Error;
use crate::engine::labels::one_line;

/// Field numbers of onnx.proto.
const MODEL_GRAPH: u64 = 7;
const GRAPH_INITIALIZER: u64 = 5;
const TENSOR_RAW_DATA: u64 = 9;

/// The most bytes of a model beside its graph: names, versions, notes.
const LARGEST_MODEL: usize = 256 << 10;
/// Bytes of an initialiser in memory, without its fields.
const TENSOR: u64 = 1280;

/// An ONNX file in memory, whose constants are looked up by name.
#[derive(Debug)]
pub(super) struct OnnxFile<'a> {
    bytes: &'a [u8],
    /// The graph without its initialisers.
    pub graph: GraphProto,
    tensors: HashMap<String, (TensorProto, Range<usize>)>,
    /// A name that several initialisers have.
    pub doubled: Option<String>,
}

/// A constant of the graph: an initialiser.
#[derive(Debug)]
pub(super) struct Constant<'a> {
    /// The extents.
    pub dims: Vec<usize>,
    kind: DataType,
    raw: Cow<'a, [u8]>,
}

/// Splits the message in `range` into the ranges of the fields `wanted`, without their tags, and
/// the bytes of all others.
fn split(bytes: &[u8], range: Range<usize>, wanted: u64) -> Option<(Vec<Range<usize>>, Vec<u8>)> {
    let (mut found, mut rest) = (Vec::new(), Vec::new());
    for field in fields(bytes, range) {
        let (number, whole, payload) = field?;
        if number == wanted && !payload.is_empty() {
            found.push(payload);
        } else {
            rest.extend_from_slice(&bytes[whole]);
        }
    }
    Some((found, rest))
}

/// Why bytes are not read.
enum Unread {
    /// They are no ONNX model.
    Foreign,
    /// Reading them would take so many bytes of heap.
    Heavy(u64),
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
        let read = Self::read(file).map_err(|why| match why {
            Unread::Foreign => bad(
                "it is not an ONNX model, or it is cut short; name the .onnx file, or restore it"
                    .into(),
            ),
            Unread::Heavy(heap) => bad(format!(
                "reading its graph takes {} MiB of memory or more beside its weights, and {} are the most; \
                 export it with weights as initialisers",
                heap >> 20,
                weigh::MOST >> 20
            )),
        })?;
        let mut constants = read.tensors.values().map(|(tensor, _)| tensor);
        let elsewhere = constants
            .find_map(elsewhere)
            .or_else(|| outside(&read.graph));
        match elsewhere {
            None => Ok(read),
            Some(file) => Err(bad(format!(
                "its weights lie in another file, {}, which its SHA-256 does not cover; write one file with \
                 `python3 -c \"import onnx; onnx.save(onnx.load('{}'), 'whole.onnx')\"`",
                one_line(file),
                path.display()
            ))),
        }
    }

    /// Reads the file in `bytes`.
    fn read(bytes: &'a [u8]) -> Result<Self, Unread> {
        let (graph, other) = Self::graph(bytes).ok_or(Unread::Foreign)?;
        let heap = heap(bytes, graph.clone(), Kind::Graph).ok_or(Unread::Foreign)?;
        let heap = heap.saturating_add(initializers(bytes, graph.clone()).ok_or(Unread::Foreign)?);
        if heap > weigh::MOST || other > LARGEST_MODEL {
            return Err(Unread::Heavy(heap.max(other as u64)));
        }
        Self::decode(bytes, graph).ok_or(Unread::Foreign)
    }

    /// Where the only graph of the model in `bytes` lies, and how many bytes surround it.
    fn graph(bytes: &[u8]) -> Option<(Range<usize>, usize)> {
        let (mut graph, mut other) = (None, 0);
        for field in fields(bytes, 0..bytes.len()) {
            let (number, whole, payload) = field?;
            if number != MODEL_GRAPH {
                other += whole.len();
            } else if graph.replace(payload).is_some() {
                return None;
            }
        }
        Some((graph?, other))
    }

    /// As [`OnnxFile::read`], of a graph that is not too heavy.
    fn decode(bytes: &'a [u8], graph: Range<usize>) -> Option<Self> {
        let (_, rest) = split(bytes, 0..bytes.len(), MODEL_GRAPH)?;
        ModelProto::decode(&rest[..]).ok()?;
        let (initializers, rest) = split(bytes, graph, GRAPH_INITIALIZER)?;
        let graph = GraphProto::decode(&rest[..]).ok()?;
        let (mut tensors, mut doubled) = (HashMap::new(), None);
        for range in initializers {
            let (raw, rest) = split(bytes, range, TENSOR_RAW_DATA)?;
            let tensor = TensorProto::decode(&rest[..]).ok()?;
            // Readers disagree about which of several counts.
            let raw = match &raw[..] {
                [] => 0..0,
                [raw] => raw.clone(),
                _ => return None,
            };
            let name = tensor.name.clone();
            if tensors.insert(name.clone(), (tensor, raw)).is_some() {
                doubled = Some(name);
            }
        }
        Some(Self {
            bytes,
            graph,
            tensors,
            doubled,
        })
    }

    /// Whether an initialiser has this name.
    pub fn is_initializer(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
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

/// The heap that the initialisers of the graph in `range` take without their raw data.
fn initializers(bytes: &[u8], range: Range<usize>) -> Option<u64> {
    let mut total = 0_u64;
    for field in fields(bytes, range) {
        let (number, _, payload) = field?;
        if number == GRAPH_INITIALIZER {
            let raw: u64 = fields(bytes, payload.clone())
                .flatten()
                .filter(|(number, ..)| *number == TENSOR_RAW_DATA)
                .map(|(.., raw)| 2 * raw.len() as u64)
                .sum();
            let heap = heap(bytes, payload, Kind::Tensor)?;
            total = total.saturating_add(TENSOR + heap.saturating_sub(raw));
        }
    }
    Some(total)
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
