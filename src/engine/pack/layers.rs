//! The layers of the form, matched node by node: a convolution, a LayerNormalization, LINEAR.

use super::form::{Conv, Linear, Norm};
use super::graph::{Differs, Graph, label, require};
use super::proto::{float, ints, text};

impl<'m> Graph<'m> {
    /// A convolution of squares of `side`, and what it makes of `value`.
    pub fn conv(
        &self,
        value: &str,
        side: i64,
        stride: i64,
        pad: i64,
        group: i64,
    ) -> Result<(&'m str, Conv), Differs> {
        let found = self.readers(value).iter().find(|n| n.op_type == "Conv");
        let node = *found.ok_or_else(|| format!("no Conv reads {value:?}"))?;
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
        let dims = self.tensor(node, 1)?.dims;
        let inner = if group == 1 { 3 } else { 1 };
        require(
            node,
            dims == [bias.len(), inner, side as usize, side as usize],
            "of a fitting weight",
        )?;
        self.floats(node, 1)?;
        Ok((
            Self::out(node)?,
            Conv {
                weight: Self::input(node, 1)?.into(),
                bias,
            },
        ))
    }

    /// A LayerNormalization over `channels`, and what it makes of `value`.
    pub fn norm(&self, value: &str, channels: usize) -> Result<(&'m str, Norm), Differs> {
        let node = self.next(value, "LayerNormalization")?;
        let (gain, shift) = (self.floats(node, 1)?, self.floats(node, 2)?);
        let last = ints(node, "axis").is_none_or(|a| a == [-1] || a == [3]);
        let epsilon = float(node, "epsilon").unwrap_or(1e-5);
        let holds = last && epsilon > 0.0 && gain.len() == channels && shift.len() == channels;
        require(
            node,
            holds,
            &format!("a LayerNormalization over the last axis of {channels} channels"),
        )?;
        Ok((
            Self::out(node)?,
            Norm {
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
    ) -> Result<(&'m str, Linear), Differs> {
        let quantize = self.next(value, "QuantizeLinear")?;
        let (scale, zero) = (self.floats(quantize, 1)?, self.tensor(quantize, 2)?);
        let &[zero_point] = zero.unsigned().unwrap_or(&[]) else {
            return Err(format!(
                "{} has no single zero point of u8",
                label(quantize)
            ));
        };
        let &[scale] = &scale[..] else {
            return Err(format!("{} has no single scale", label(quantize)));
        };
        require(
            quantize,
            scale.is_normal() && scale > 0.0,
            "of a scale above 0",
        )?;
        let dequantize = self.next(Self::out(quantize)?, "DequantizeLinear")?;
        let same = self.floats(dequantize, 1)? == [scale]
            && self.tensor(dequantize, 2)?.unsigned() == Some(&[zero_point]);
        require(
            dequantize,
            same,
            "of the scale and zero point of the node before it",
        )?;
        let mut x = Self::out(dequantize)?;
        if let Some([h, w, c]) = squares {
            for (step, shape) in [vec![1, h / 2, 2, w / 2, 2, c], vec![1, h / 2, w / 2, 4 * c]]
                .iter()
                .enumerate()
            {
                if step == 1 {
                    x = self.transpose(x, &[0, 1, 3, 2, 4, 5])?;
                }
                let node = self.next(x, "Reshape")?;
                let found = self.tensor(node, 1)?.integers();
                require(
                    node,
                    found.as_ref() == Some(shape),
                    &format!("a Reshape to {shape:?}"),
                )?;
                x = Self::out(node)?;
            }
        }
        let product = self.next(x, "MatMul")?;
        let weight = self.makers.get(Self::input(product, 1)?).copied();
        let weight = weight.filter(|n| n.op_type == "DequantizeLinear");
        let weight = weight
            .ok_or_else(|| format!("{}: its weight is not dequantised s8", label(product)))?;
        let scales = self.floats(weight, 1)?;
        require(
            weight,
            scales.iter().all(|s| *s >= 0.0),
            "of scales of at least 0",
        )?;
        let zeros = weight.input.len() < 3
            || self
                .tensor(weight, 2)?
                .signed()
                .is_some_and(|z| z.iter().all(|z| *z == 0));
        require(weight, zeros, "of zero points of 0")?;
        let per_column = ints(weight, "axis").is_none_or(|a| a == [1] || a == [-1]);
        let values = self.tensor(weight, 0)?;
        let holds = per_column && values.dims == [inputs, scales.len()];
        require(
            weight,
            holds,
            &format!("of a weight of {inputs} inputs with a scale for each column"),
        )?;
        let symmetric = values.signed().is_some_and(|w| !w.contains(&0x80));
        require(weight, symmetric, "of s8 weights in -127..=127")?;
        let add = self.next(Self::out(product)?, "Add")?;
        let bias = self.floats(add, 1)?;
        let flat =
            bias.len() == scales.len() && self.tensor(add, 1)?.dims.last() == Some(&bias.len());
        require(add, flat, "an Add of one bias for each column")?;
        let name = product
            .name
            .strip_suffix(".matmul")
            .unwrap_or(&product.name)
            .into();
        let weight = Self::input(weight, 0)?.into();
        Ok((
            Self::out(add)?,
            Linear {
                name,
                scale,
                zero_point,
                weight,
                inputs,
                scales,
                bias,
            },
        ))
    }
}
