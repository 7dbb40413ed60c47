//! The layers of the form, matched node by node: a convolution, a LayerNormalization, LINEAR.

use tract_onnx::pb::NodeProto;

use super::difference::{Difference, require};
use super::graph::Graph;
use super::proto::{float, ints, text};
use crate::engine::bundle::{MOST_CHANNELS, filled};
use crate::engine::extent::Extent;

/// A LayerNormalization.
#[derive(Debug)]
pub(super) struct NormNode {
    pub gain: Vec<f32>,
    pub shift: Vec<f32>,
    pub epsilon: f32,
}

/// LINEAR; its weights stay in the file.
#[derive(Debug)]
pub(super) struct LinearNodes {
    pub name: String,
    /// Scale and zero point of the input.
    pub scale: f32,
    pub zero_point: u8,
    /// Name of the constant.
    pub weight: String,
    pub inputs: usize,
    /// Scale of each column's weights.
    pub scales: Vec<f32>,
    pub bias: Vec<f32>,
}

/// A convolution in floats.
#[derive(Debug)]
pub(super) struct ConvNode {
    /// Name of the constant.
    pub weight: String,
    pub bias: Vec<f32>,
}

impl<'m> Graph<'m> {
    /// The result of the convolution of squares of `side` that reads `value`.
    pub fn conv(
        &self,
        value: &str,
        side: i64,
        stride: i64,
        pad: i64,
        group: i64,
    ) -> Result<(&'m str, ConvNode), Difference> {
        let found = self.readers(value).iter().find(|n| n.op_type == "Conv");
        let node = *found.ok_or_else(|| Difference::value(value, "is read by no Conv"))?;
        let is = |name: &str, wanted: &[i64], otherwise: bool| {
            ints(node, name).map_or(otherwise, |found| found == wanted)
        };
        let holds = is("kernel_shape", &[side; 2], false)
            && is("strides", &[stride; 2], stride == 1)
            && is("pads", &[pad; 4], pad == 0)
            && is("dilations", &[1; 2], true)
            && is("group", &[group], group == 1)
            && text(node, "auto_pad").is_none_or(|t| t == b"NOTSET");
        require(
            node,
            holds,
            &format!("a {side}x{side} Conv of stride {stride}, padding {pad}, {group} groups"),
        )?;
        let bias = self.floats(node, 2)?;
        let dims = self.constant(node, 1)?.dims;
        let inner = if group == 1 { 3 } else { 1 };
        require(
            node,
            dims == [bias.len(), inner, side as usize, side as usize],
            "of a fitting weight",
        )?;
        let some = (1..=MOST_CHANNELS).contains(&bias.len());
        require(node, some, "of 1 to 16384 channels")?;
        self.floats(node, 1)?;
        Ok((
            Self::out(node)?,
            ConvNode {
                weight: Self::input(node, 1)?.into(),
                bias,
            },
        ))
    }

    /// The result of the LayerNormalization over `channels`, the only reader of `value`.
    pub fn norm(&self, value: &str, channels: usize) -> Result<(&'m str, NormNode), Difference> {
        let node = self.next(value, "LayerNormalization")?;
        let (gain, shift) = (self.floats(node, 1)?, self.floats(node, 2)?);
        let last = ints(node, "axis").is_none_or(|a| a == [-1] || a == [3]);
        let epsilon = float(node, "epsilon").unwrap_or(1e-5);
        let holds = last
            && epsilon.is_normal()
            && epsilon > 0.0
            && gain.len() == channels
            && shift.len() == channels;
        require(
            node,
            holds,
            &format!("a LayerNormalization over the last axis of {channels} channels"),
        )?;
        Ok((
            Self::out(node)?,
            NormNode {
                gain,
                shift,
                epsilon,
            },
        ))
    }

    /// LINEAR; `squares` are height, width and channels of the map that it takes in squares.
    pub fn linear(
        &self,
        value: &str,
        inputs: usize,
        squares: Option<[i64; 3]>,
    ) -> Result<(&'m str, LinearNodes), Difference> {
        let (mut x, scale, zero_point) = self.quantized(value)?;
        if let Some(map) = squares {
            x = self.squares(x, map)?;
        }
        let product = self.next(x, "MatMul")?;
        let (weight, scales) = self.weight(product, inputs)?;
        let add = self.next(Self::out(product)?, "Add")?;
        let bias = self.floats(add, 1)?;
        let flat =
            bias.len() == scales.len() && self.constant(add, 1)?.dims.last() == Some(&bias.len());
        require(add, flat, "an Add of one bias for each column")?;
        let name = product.name.strip_suffix(".matmul");
        let linear = LinearNodes {
            name: name.unwrap_or(&product.name).into(),
            scale,
            zero_point,
            weight,
            inputs,
            scales,
            bias,
        };
        Ok((Self::out(add)?, linear))
    }

    /// `value` quantised and dequantised, with its scale and zero point.
    fn quantized(&self, value: &str) -> Result<(&'m str, f32, u8), Difference> {
        let quantize = self.next(value, "QuantizeLinear")?;
        let (scale, zero) = (self.floats(quantize, 1)?, self.constant(quantize, 2)?);
        let &[zero_point] = zero.unsigned().unwrap_or(&[]) else {
            return Err(Difference::at(quantize, "has no single zero point of u8"));
        };
        let &[scale] = &scale[..] else {
            return Err(Difference::at(quantize, "has no single scale"));
        };
        let positive = scale.is_normal() && scale > 0.0;
        require(quantize, positive, "of a scale above 0")?;
        let dequantize = self.next(Self::out(quantize)?, "DequantizeLinear")?;
        let same = self.floats(dequantize, 1)? == [scale]
            && self.constant(dequantize, 2)?.unsigned() == Some(&[zero_point]);
        require(
            dequantize,
            same,
            "of the scale and zero point of the node before it",
        )?;
        Ok((Self::out(dequantize)?, scale, zero_point))
    }

    /// The map `value` of this height, width and channels, as rows of squares of 2x2 pixels.
    fn squares(&self, value: &str, [h, w, c]: [i64; 3]) -> Result<&'m str, Difference> {
        let split = self.reshape(value, &[1, h / 2, 2, w / 2, 2, c])?;
        let turned = self.transpose(split, &[0, 1, 3, 2, 4, 5])?;
        self.reshape(turned, &[1, h / 2, w / 2, 4 * c])
    }

    /// The result of the Reshape to `shape`, the only reader of `value`.
    fn reshape(&self, value: &str, shape: &[i64]) -> Result<&'m str, Difference> {
        let node = self.next(value, "Reshape")?;
        let found = self.constant(node, 1)?.integers();
        let holds = found.as_deref() == Some(shape);
        require(node, holds, &format!("a Reshape to {shape:?}"))?;
        Self::out(node)
    }

    /// The name of the s8 constant that `product` multiplies with, and the scale of each column.
    fn weight(
        &self,
        product: &'m NodeProto,
        inputs: usize,
    ) -> Result<(String, Vec<f32>), Difference> {
        let maker = self.makers.get(Self::input(product, 1)?).copied();
        let weight = maker.filter(|n| n.op_type == "DequantizeLinear");
        let weight = weight
            .ok_or_else(|| Difference::at(product, "has a weight that is not dequantised s8"))?;
        let scales = self.floats(weight, 1)?;
        let positive = scales.iter().all(|s| *s >= 0.0);
        require(weight, positive, "of scales of at least 0")?;
        let zero = |z: &[u8]| z.iter().all(|z| *z == 0);
        let zeros = weight.input.len() < 3 || self.constant(weight, 2)?.signed().is_some_and(zero);
        require(weight, zeros, "of zero points of 0")?;
        let per_column = ints(weight, "axis").is_none_or(|a| a == [1] || a == [-1]);
        let values = self.constant(weight, 0)?;
        let holds = per_column && values.dims == [inputs, scales.len()];
        require(
            weight,
            holds,
            &format!("of a weight of {inputs} inputs with a scale for each column"),
        )?;
        let row = inputs.next_multiple_of(64);
        let countable = Extent::of(&[row, filled(scales.len())]).is_some();
        let some = !scales.is_empty() && inputs > 0 && countable;
        require(weight, some, "of 1 to 2^26 weights")?;
        let symmetric = values.signed().is_some_and(|w| !w.contains(&0x80));
        require(weight, symmetric, "of s8 weights in -127..=127")?;
        Ok((Self::input(weight, 0)?.into(), scales))
    }
}
