//! The one form of ONNX graph that becomes a bundle, matched node by node.
//!
//! `stem`: Conv 4x4/4, Transpose to channels last, LayerNormalization. `blocks`: Transpose to channels first, depthwise
//! Conv 7x7, Transpose back, LayerNormalization, LINEAR, Gelu, LINEAR, Add. `down`: LayerNormalization, LINEAR over
//! squares of 2x2 pixels. `head`: ReduceMean, LayerNormalization, LINEAR, Flatten. LINEAR: QuantizeLinear,
//! DequantizeLinear, MatMul with a dequantised weight, Add of the bias.

use std::collections::HashMap;

use tract_onnx::pb::NodeProto;

use super::proto::{Model, Tensor, float, ints, text};

/// Where a graph leaves the form: the node, and what should be there.
pub type Differs = String;

/// A LayerNormalization's parameters.
#[derive(Debug)]
pub struct Norm {
    pub gain: Vec<f32>,
    pub shift: Vec<f32>,
    pub epsilon: f32,
}

/// Names of the parts of one LINEAR; the weights stay in the file.
#[derive(Debug)]
pub struct Linear {
    pub name: String,
    pub scale: f32,
    pub zero_point: u8,
    pub weight: String,
    pub inputs: usize,
    pub scales: Vec<f32>,
    pub bias: Vec<f32>,
}

/// A convolution in floats.
#[derive(Debug)]
pub struct Conv {
    pub weight: String,
    pub bias: Vec<f32>,
}

#[derive(Debug)]
pub struct Block {
    pub name: String,
    pub dw: Conv,
    pub norm: Norm,
    pub first: Linear,
    pub second: Linear,
}

#[derive(Debug)]
pub struct Stage {
    pub down: Option<(Norm, Linear)>,
    pub blocks: Vec<Block>,
}

/// A whole ConvNeXt.
#[derive(Debug)]
pub struct Network {
    pub height: usize,
    pub width: usize,
    pub stem: (Conv, Norm),
    pub stages: Vec<Stage>,
    pub head: (Norm, Linear),
}

struct Graph<'m> {
    model: &'m Model<'m>,
    readers: HashMap<&'m str, Vec<&'m NodeProto>>,
    makers: HashMap<&'m str, &'m NodeProto>,
}

fn label(node: &NodeProto) -> String {
    let name = if node.name.is_empty() {
        node.output.first().map_or("", |o| o)
    } else {
        &node.name
    };
    format!("node {name:?} ({})", node.op_type)
}

fn require(node: &NodeProto, holds: bool, wanted: &str) -> Result<(), Differs> {
    if holds {
        Ok(())
    } else {
        Err(format!("{} is not {wanted}", label(node)))
    }
}

impl<'m> Graph<'m> {
    fn readers(&self, value: &str) -> &[&'m NodeProto] {
        self.readers.get(value).map_or(&[], |r| &r[..])
    }

    /// The only node that reads `value`, which must be a `op` with `value` as its first input.
    fn next(&self, value: &str, op: &str) -> Result<&'m NodeProto, Differs> {
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

    fn out(node: &'m NodeProto) -> Result<&'m str, Differs> {
        match &node.output[..] {
            [out] => Ok(out),
            _ => Err(format!("{} has not one output", label(node))),
        }
    }

    fn input(node: &'m NodeProto, i: usize) -> Result<&'m str, Differs> {
        node.input
            .get(i)
            .map(|s| &s[..])
            .ok_or_else(|| format!("{} lacks input {i}", label(node)))
    }

    fn tensor(&self, node: &'m NodeProto, i: usize) -> Result<Tensor<'m>, Differs> {
        let name = Self::input(node, i)?;
        let found = self.model.tensor(name);
        found.ok_or_else(|| {
            format!(
                "{}: input {name:?} is no constant that is whole and in the file",
                label(node)
            )
        })
    }

    fn floats(&self, node: &'m NodeProto, i: usize) -> Result<Vec<f32>, Differs> {
        let found = self.tensor(node, i)?.floats();
        found.ok_or_else(|| format!("{}: input {i} is not of finite f32", label(node)))
    }

    fn transpose(&self, value: &str, perm: &[i64]) -> Result<&'m str, Differs> {
        let node = self.next(value, "Transpose")?;
        require(
            node,
            ints(node, "perm").as_deref() == Some(perm),
            &format!("a Transpose of perm {perm:?}"),
        )?;
        Self::out(node)
    }

    fn conv(
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

    fn norm(&self, value: &str, channels: usize) -> Result<(&'m str, Norm), Differs> {
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
    fn linear(
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

    fn block(&self, x: &str, channels: usize) -> Result<(&'m str, Block), Differs> {
        let name = |node: &NodeProto| {
            node.name
                .strip_suffix(".channels_first")
                .unwrap_or(&node.name)
                .to_string()
        };
        let find = |op: &str| self.readers(x).iter().find(|n| n.op_type == op).copied();
        let (Some(first), Some(last), 2) = (find("Transpose"), find("Add"), self.readers(x).len())
        else {
            return Err(self.astray(x));
        };
        require(
            first,
            ints(first, "perm").as_deref() == Some(&[0, 3, 1, 2]),
            "a Transpose to channels first",
        )?;
        let planar = Self::out(first)?;
        self.next(planar, "Conv")?;
        let (y, dw) = self.conv(planar, 7, 1, 3, channels as i64)?;
        require(
            first,
            dw.bias.len() == channels,
            "before a Conv of as many channels",
        )?;
        let (y, norm) = self.norm(self.transpose(y, &[0, 2, 3, 1])?, channels)?;
        let (y, one) = self.linear(y, channels, None)?;
        let gelu = self.next(y, "Gelu")?;
        require(
            gelu,
            text(gelu, "approximate").is_none_or(|t| t == b"none"),
            "a Gelu that is not approximated",
        )?;
        let (y, two) = self.linear(Self::out(gelu)?, one.scales.len(), None)?;
        let sums = last.input.iter().any(|i| i == y)
            && last.input.iter().any(|i| i == x)
            && last.input.len() == 2;
        require(
            last,
            sums && self.readers(y).len() == 1,
            "the Add of a block's input and its result",
        )?;
        require(
            last,
            two.scales.len() == channels,
            "an Add of as many channels",
        )?;
        let block = Block {
            name: name(first),
            dw,
            norm,
            first: one,
            second: two,
        };
        Ok((Self::out(last)?, block))
    }

    fn astray(&self, x: &str) -> Differs {
        match self.readers(x) {
            [] => format!("value {x:?} ends before the head"),
            [node, ..] => format!(
                "{} follows {x:?}, which begins neither a block, a stage nor the head",
                label(node)
            ),
        }
    }

    fn network(&self) -> Result<Network, Differs> {
        let (input, output) = match (&self.model.graph.input[..], &self.model.graph.output[..]) {
            ([input], [output]) => (input, output),
            _ => return Err("the graph has not one input and one output".into()),
        };
        let &[1, 3, h, w] = &dims(input)[..] else {
            return Err(format!(
                "input {:?} is not [1, 3, height, width]",
                input.name
            ));
        };
        let fits = |n: i64| (4..=1 << 14).contains(&n);
        if !fits(h) || !fits(w) {
            return Err(format!("input {:?} is {h}x{w} pixels", input.name));
        }
        self.next(&input.name, "Conv")?;
        let (y, conv) = self.conv(&input.name, 4, 4, 0, 1)?;
        let mut channels = conv.bias.len();
        let (mut x, norm) = self.norm(self.transpose(y, &[0, 2, 3, 1])?, channels)?;
        let (mut height, mut width) = (h / 4, w / 4);
        let mut stages = vec![Stage {
            down: None,
            blocks: Vec::new(),
        }];
        let head = loop {
            match self.readers(x) {
                [_, _] => {
                    let (y, block) = self.block(x, channels)?;
                    if let Some(stage) = stages.last_mut() {
                        stage.blocks.push(block);
                    }
                    x = y;
                }
                [node] if node.op_type == "LayerNormalization" => {
                    let (y, norm) = self.norm(x, channels)?;
                    let squares = Some([height, width, channels as i64]);
                    let even = height % 2 == 0 && width % 2 == 0;
                    require(node, even, "before squares of an even number of pixels")?;
                    let (y, layer) = self.linear(y, 4 * channels, squares)?;
                    (x, channels, height, width) = (y, layer.scales.len(), height / 2, width / 2);
                    stages.push(Stage {
                        down: Some((norm, layer)),
                        blocks: Vec::new(),
                    });
                }
                [node] if node.op_type == "ReduceMean" => {
                    let axes = self.tensor(node, 1)?.integers();
                    let kept = ints(node, "keepdims").is_none_or(|k| k == [1]);
                    require(
                        node,
                        axes == Some(vec![1, 2]) && kept,
                        "a ReduceMean of axes 1 and 2, kept",
                    )?;
                    let (y, norm) = self.norm(Self::out(node)?, channels)?;
                    let (y, layer) = self.linear(y, channels, None)?;
                    let flatten = self.next(y, "Flatten")?;
                    require(
                        flatten,
                        Self::out(flatten)? == output.name,
                        "the graph's output",
                    )?;
                    break (norm, layer);
                }
                _ => return Err(self.astray(x)),
            }
        };
        Ok(Network {
            height: h as usize,
            width: w as usize,
            stem: (conv, norm),
            stages,
            head,
        })
    }
}

fn dims(value: &tract_onnx::pb::ValueInfoProto) -> Vec<i64> {
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

/// Matches `model` with the form.
///
/// # Errors
/// The first node that differs, and what should be there.
pub fn matched(model: &Model) -> Result<Network, Differs> {
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
    Graph {
        model,
        readers,
        makers,
    }
    .network()
}
