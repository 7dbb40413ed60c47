//! The int8 network as tract ops.
//!
//! Each op holds the shared bundle and says which part of it it computes, so weights stay in the
//! mapped file. Feature maps are tensors that pass from op to op: a block changes its own in place,
//! and an op that leads to another stage takes that stage's map from the [`Workspace`] and gives
//! its own back. Nothing is allocated while a plan runs.

mod workspace;

pub use workspace::{Workspace, map_of, sizes};

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;

use super::bundle::{Bundle, filled};
use super::kernels::{Gelu, Mlp};

/// A part of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The first convolution and its LayerNorm.
    Stem,
    /// The way into a stage that is not the first.
    Down {
        /// The stage.
        stage: usize,
    },
    /// Depthwise convolution, LayerNorm, MLP and residual.
    Block {
        /// The stage.
        stage: usize,
        /// The block in it.
        block: usize,
    },
    /// Mean, LayerNorm and the last layer.
    Head,
}

/// The op that computes one [`Part`] of a bundle's network.
#[derive(Clone, Debug)]
pub struct ConvNext {
    bundle: Arc<Bundle>,
    part: Part,
}

impl PartialEq for ConvNext {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.bundle, &other.bundle) && self.part == other.part
    }
}

impl Eq for ConvNext {}

impl ConvNext {
    /// Shape of the result, channels last and filled.
    fn shape(&self) -> [usize; 4] {
        let manifest = self.bundle.manifest();
        let stage = match self.part {
            Part::Stem => 0,
            Part::Down { stage } | Part::Block { stage, .. } => stage,
            Part::Head => return [1, 1, 1, filled(manifest.classes)],
        };
        let map = map_of(&manifest.stages[stage]);
        [1, map.height, map.width, map.channels]
    }
}

impl Op for ConvNext {
    fn name(&self) -> StaticName {
        match self.part {
            Part::Stem => "ConvNextStem",
            Part::Down { .. } => "ConvNextDown",
            Part::Block { .. } => "ConvNextBlock",
            Part::Head => "ConvNextHead",
        }
        .into()
    }

    op_as_typed_op!();
}

impl TypedOp for ConvNext {
    as_op!();

    fn output_facts(&self, _inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact(self.shape())))
    }
}

impl EvalOp for ConvNext {
    not_out_of_plan!();

    fn eval(&self, context: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs);
        let bundle = &*self.bundle;
        let manifest = bundle.manifest();
        let mut workspace = Workspace::of(context)?;
        let shape = self.shape();
        if let Part::Block { stage, block } = self.part {
            let (map, block) = (
                map_of(&manifest.stages[stage]),
                &manifest.stages[stage].blocks[block],
            );
            let mut x = input.into_arc_tensor();
            {
                let mut view = exclusive(&mut x)?.try_as_plain_ram_mut()?;
                let x = view.as_slice_mut::<f32>()?;
                let Workspace { machine, arena, .. } = &mut *workspace;
                let mut scratch = arena.scratch();
                let mlp = Mlp {
                    first: bundle.linear(&block.first),
                    gelu: Gelu::new(block.second.scale, block.second.zero_point),
                    second: bundle.linear(&block.second),
                };
                let (dw, norm) = (bundle.depthwise(block), bundle.norm(&block.norm));
                machine.depthwise(x, map, &dw, &norm, &mlp.first, &mut scratch);
                machine.mlp(map.pixels(), &mlp, &mut scratch, x);
            }
            return Ok(tvec!(x.into_tvalue()));
        }
        let (place, from) = match self.part {
            Part::Stem => (0, None),
            Part::Down { stage } => (stage, Some(stage - 1)),
            Part::Head | Part::Block { .. } => {
                (manifest.stages.len(), Some(manifest.stages.len() - 1))
            }
        };
        let mut out = workspace.take(place, shape)?;
        {
            let x = input.try_as_plain_ram()?.as_slice::<f32>()?;
            let mut view = exclusive(&mut out)?.try_as_plain_ram_mut()?;
            let out = view.as_slice_mut::<f32>()?;
            let Workspace { machine, arena, .. } = &mut *workspace;
            let scratch = arena.scratch();
            let (bytes, prepared) = (scratch.activations, scratch.prepared);
            match (self.part, from.map(|from| map_of(&manifest.stages[from]))) {
                (Part::Down { stage }, Some(map)) => {
                    let Some(down) = &manifest.stages[stage].down else {
                        bail!("stage {stage} has no way in")
                    };
                    let layer = bundle.linear(&down.layer);
                    machine.norm_squares(x, map, &bundle.norm(&down.norm), &layer, bytes);
                    machine.linear(bytes, shape[1] * shape[2], &layer, prepared, out);
                }
                (Part::Head, Some(map)) => {
                    let head = &manifest.head;
                    let layer = bundle.linear(&head.layer);
                    machine.mean_norm(
                        x,
                        map,
                        &bundle.norm(&head.norm),
                        &layer,
                        scratch.rows,
                        bytes,
                    );
                    machine.linear(bytes, 1, &layer, prepared, out);
                }
                _ => {
                    let norm = bundle.norm(&manifest.stem.norm);
                    machine.stem(
                        x,
                        manifest.height,
                        manifest.width,
                        &bundle.stem(),
                        &norm,
                        out,
                    );
                }
            }
        }
        if let Some(from) = from {
            workspace.give(from, input);
        }
        Ok(tvec!(out.into_tvalue()))
    }
}

/// A tensor that nobody else holds.
fn exclusive(tensor: &mut Arc<Tensor>) -> TractResult<&mut Tensor> {
    Arc::get_mut(tensor).context("a feature map is held twice")
}

/// The network of `bundle` as a typed model, to be planned as it is.
///
/// # Errors
/// When tract refuses a node.
pub fn model(bundle: &Arc<Bundle>) -> TractResult<TypedModel> {
    let manifest = bundle.manifest();
    let mut model = TypedModel::default();
    let mut at = model.add_source("input", f32::fact([1, 3, manifest.height, manifest.width]))?;
    let mut wire = |name: String, part: Part, at: OutletId| -> TractResult<OutletId> {
        let op = ConvNext {
            bundle: bundle.clone(),
            part,
        };
        Ok(model.wire_node(name, op, &[at])?[0])
    };
    at = wire("stem".into(), Part::Stem, at)?;
    for (stage, parts) in manifest.stages.iter().enumerate() {
        if parts.down.is_some() {
            at = wire(format!("stages.{stage}.down"), Part::Down { stage }, at)?;
        }
        for block in 0..parts.blocks.len() {
            at = wire(
                format!("stages.{stage}.blocks.{block}"),
                Part::Block { stage, block },
                at,
            )?;
        }
    }
    at = wire("head".into(), Part::Head, at)?;
    model.select_output_outlets(&[at])?;
    Ok(model)
}
