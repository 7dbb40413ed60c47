//! The layers that an ONNX file of any form quantises.

use std::collections::HashMap;
use std::path::Path;

use tract_onnx::pb::NodeProto;

use super::proto::OnnxFile;
use crate::engine::bundle::map;
use crate::engine::error::Error;

/// A layer that a file quantises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Quantised {
    /// The name, as in [`Layer`](crate::engine::Layer).
    pub name: String,
    /// Bytes of its weights in the file.
    pub weight_bytes: u64,
    /// Whether plain tract computes it in integers: operators on integers are, dequantised ones
    /// are not.
    pub integer: bool,
}

/// The layers whose weights the ONNX file at `path` holds as bytes.
///
/// # Errors
/// [`Error::Io`]; [`Error::Model`] when the file is not ONNX.
pub(crate) fn quantised(path: &Path) -> Result<Vec<Quantised>, Error> {
    let map = map(path).map_err(|cause| Error::Io {
        path: path.into(),
        cause,
    })?;
    let model = OnnxFile::of(path, &map)?;
    let makers: HashMap<&str, &NodeProto> = model
        .graph
        .node
        .iter()
        .flat_map(|node| node.output.iter().map(move |out| (&out[..], node)))
        .collect();
    let bytes = |name: &str| {
        let constant = model.constant(name)?;
        let raw = constant.signed().or(constant.unsigned())?;
        (constant.dims.len() > 1).then_some(raw.len() as u64)
    };
    let layers = model.graph.node.iter().filter_map(|node| {
        let integer = matches!(
            &node.op_type[..],
            "QLinearMatMul" | "QLinearConv" | "MatMulInteger" | "ConvInteger" | "QGemm"
        );
        let weight_bytes = node.input.iter().find_map(|input| {
            let maker = makers.get(&input[..]);
            let dequantised = maker.filter(|n| n.op_type == "DequantizeLinear");
            match (dequantised, integer) {
                (Some(dequantise), _) => bytes(dequantise.input.first()?),
                (None, true) => bytes(input),
                (None, false) => None,
            }
        })?;
        let name = node.name.strip_suffix(".matmul").unwrap_or(&node.name);
        Some(Quantised {
            name: name.into(),
            weight_bytes,
            integer,
        })
    });
    Ok(layers.collect())
}
