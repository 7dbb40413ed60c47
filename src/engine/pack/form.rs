//! The one form of ONNX graph that becomes a bundle, matched node by node.
//!
//! `stem`: Conv 4x4/4, Transpose to channels last, LayerNormalization. `blocks`: Transpose to
//! channels first, depthwise Conv 7x7, Transpose back, LayerNormalization, LINEAR, Gelu, LINEAR,
//! Add. `down`: LayerNormalization, LINEAR over squares of 2x2 pixels. `head`: ReduceMean,
//! LayerNormalization, LINEAR, Flatten. LINEAR: QuantizeLinear, DequantizeLinear, MatMul with a
//! dequantised weight, Add of the bias.

use tract_onnx::pb::NodeProto;

use super::graph::{Differs, Graph, dims, label, require};
use super::proto::{Model, ints, text};

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

/// Matches `model` with the form.
///
/// # Errors
/// The first node that differs, and what should be there.
pub fn matched(model: &Model) -> Result<Network, Differs> {
    Graph::new(model)?.network()
}

impl<'m> Graph<'m> {
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
