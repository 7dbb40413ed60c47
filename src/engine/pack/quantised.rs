//! Which layers an ONNX file quantises, whatever its form.

use std::collections::HashMap;
use std::path::Path;

use tract_onnx::pb::NodeProto;

use super::proto::Model;
use crate::engine::{Error, bundle};

/// One layer that a file quantises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantised {
    /// Its name, as [`Layer`](crate::engine::Layer) has it.
    pub name: String,
    /// Bytes of its weights in the file.
    pub weight_bytes: u64,
    /// Whether plain tract computes it in integers: it does for operators on integers, and not for
    /// dequantised ones.
    pub integer: bool,
}

/// The layers whose weights the ONNX file at `path` holds as bytes.
///
/// # Errors
/// [`Error::Io`]; [`Error::Model`] for what is no ONNX file.
pub fn quantised(path: &Path) -> Result<Vec<Quantised>, Error> {
    let map = bundle::map(path).map_err(|cause| Error::Io {
        path: path.into(),
        cause,
    })?;
    let model = Model::read(&map).ok_or_else(|| Error::Model {
        path: path.into(),
        message: "it is not an ONNX model, or it is cut short; restore it".into(),
    })?;
    let makers: HashMap<&str, &NodeProto> = model
        .graph
        .node
        .iter()
        .flat_map(|node| node.output.iter().map(move |out| (&out[..], node)))
        .collect();
    let bytes = |name: &str| {
        let tensor = model.tensor(name)?;
        let raw = tensor.signed().or(tensor.unsigned())?;
        (tensor.dims.len() > 1).then_some(raw.len() as u64)
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
