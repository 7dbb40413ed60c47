//! The one form of ONNX graph that can be packed, matched node by node.
//!
//! `stem`: Conv 4x4/4, Transpose to channels last, LayerNormalization. `blocks`: Transpose to
//! channels first, depthwise Conv 7x7, Transpose back, LayerNormalization, LINEAR, Gelu, LINEAR,
//! Add. `down`: LayerNormalization, LINEAR over squares of 2x2 pixels. `head`: ReduceMean,
//! LayerNormalization, LINEAR, Flatten. LINEAR: QuantizeLinear, DequantizeLinear, MatMul with a
//! dequantised weight, Add of the bias.

use tract_onnx::pb::NodeProto;

use super::difference::{Difference, require, short};
use super::graph::{Graph, dims};
use super::layers::{ConvNode, LinearNodes, NormNode};
use super::proto::{OnnxFile, ints, text};
use crate::engine::card::SIDES;

/// The most blocks of a network. A ConvNeXt XLarge has 36.
const MOST_BLOCKS: usize = 256;

/// A block: depthwise convolution, LayerNormalization, LINEAR, Gelu, LINEAR, residual.
#[derive(Debug)]
pub(super) struct BlockNodes {
    pub name: String,
    pub dw: ConvNode,
    pub norm: NormNode,
    pub first: LinearNodes,
    pub second: LinearNodes,
}

/// The blocks of one size, and the way into them.
#[derive(Debug)]
pub(super) struct StageNodes {
    pub down: Option<(NormNode, LinearNodes)>,
    pub blocks: Vec<BlockNodes>,
}

/// A whole ConvNeXt.
#[derive(Debug)]
pub(super) struct Network {
    pub height: usize,
    pub width: usize,
    pub stem: (ConvNode, NormNode),
    pub stages: Vec<StageNodes>,
    pub head: (NormNode, LinearNodes),
}

/// Matches `model` with the form.
///
/// # Errors
/// The first place where the model differs.
pub(super) fn matched(model: &OnnxFile) -> Result<Network, Difference> {
    Graph::new(model)?.network()
}

impl<'m> Graph<'m> {
    fn block(&self, x: &str, channels: usize) -> Result<(&'m str, BlockNodes), Difference> {
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
        let block = BlockNodes {
            name: name(first),
            dw,
            norm,
            first: one,
            second: two,
        };
        Ok((Self::out(last)?, block))
    }

    fn astray(&self, x: &str) -> Difference {
        match self.readers(x) {
            [] => Difference::value(x, "ends before the head"),
            [node, ..] => Difference::at(
                node,
                format!(
                    "follows {:?}, which begins neither a block, a stage nor the head",
                    short(x)
                ),
            ),
        }
    }

    /// The only input, with its height and width, and the name of the only output.
    fn ends(&self) -> Result<(&'m str, [i64; 2], &'m str), Difference> {
        let graph = &self.model.graph;
        let ([input], [output]) = (&graph.input[..], &graph.output[..]) else {
            return Err(Difference::Graph("has not one input and one output"));
        };
        let &[1, 3, height, width] = &dims(input)[..] else {
            let fault = "is not [1, 3, height, width]";
            return Err(Difference::input(&input.name, fault));
        };
        let fits = |n: i64| (4..=*SIDES.end() as i64).contains(&n);
        if !fits(height) || !fits(width) {
            let fault = format!("is {height}x{width} pixels");
            return Err(Difference::input(&input.name, fault));
        }
        Ok((&input.name, [height, width], &output.name))
    }

    /// The way from `x`, a map of `channels`, into the next stage.
    fn down(
        &self,
        x: &str,
        node: &NodeProto,
        [height, width]: [i64; 2],
        channels: usize,
    ) -> Result<(&'m str, StageNodes), Difference> {
        let (y, norm) = self.norm(x, channels)?;
        let even = height % 2 == 0 && width % 2 == 0;
        require(node, even, "before squares of an even number of pixels")?;
        let squares = Some([height, width, channels as i64]);
        let (y, layer) = self.linear(y, 4 * channels, squares)?;
        let stage = StageNodes {
            down: Some((norm, layer)),
            blocks: Vec::new(),
        };
        Ok((y, stage))
    }

    /// The head, which begins with `node` and ends with the graph's `output`.
    fn head(
        &self,
        node: &'m NodeProto,
        channels: usize,
        output: &str,
    ) -> Result<(NormNode, LinearNodes), Difference> {
        let axes = self.constant(node, 1)?.integers();
        let kept = ints(node, "keepdims").is_none_or(|k| k == [1]);
        let holds = axes == Some(vec![1, 2]) && kept;
        require(node, holds, "a ReduceMean of axes 1 and 2, kept")?;
        let (y, norm) = self.norm(Self::out(node)?, channels)?;
        let (y, layer) = self.linear(y, channels, None)?;
        let flatten = self.next(y, "Flatten")?;
        let last = Self::out(flatten)? == output;
        require(flatten, last, "the graph's output")?;
        Ok((norm, layer))
    }

    fn network(&self) -> Result<Network, Difference> {
        let (input, [h, w], output) = self.ends()?;
        self.next(input, "Conv")?;
        let (y, conv) = self.conv(input, 4, 4, 0, 1)?;
        let mut channels = conv.bias.len();
        let (mut x, norm) = self.norm(self.transpose(y, &[0, 2, 3, 1])?, channels)?;
        let mut map = [h / 4, w / 4];
        let mut blocks = 0;
        let mut stages = vec![StageNodes {
            down: None,
            blocks: Vec::new(),
        }];
        let head = loop {
            match self.readers(x) {
                [_, _] => {
                    blocks += 1;
                    if blocks > MOST_BLOCKS {
                        return Err(Difference::Graph("has more than 256 blocks"));
                    }
                    let (y, block) = self.block(x, channels)?;
                    if let Some(stage) = stages.last_mut() {
                        stage.blocks.push(block);
                    }
                    x = y;
                }
                [node] if node.op_type == "LayerNormalization" => {
                    let (y, stage) = self.down(x, node, map, channels)?;
                    channels = stage.down.as_ref().map_or(0, |(_, l)| l.scales.len());
                    (x, map) = (y, map.map(|side| side / 2));
                    stages.push(stage);
                }
                [node] if node.op_type == "ReduceMean" => {
                    break self.head(node, channels, output)?;
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
