//! The int8 network as tract ops, up to the mean over the last feature map; a head follows.
//!
//! Each op holds the shared bundle and computes one step of it, so weights stay in the mapped file.
//! Feature maps are tensors that pass from op to op: a block changes its own in place, and an op
//! that leads to another stage takes that stage's map from the [`Workspace`] and returns its own.
//! Nothing is allocated while a plan runs.

mod workspace;

pub(super) use workspace::{Workspace, map_of, sizes};

use goldcrest_kernels::{Gelu, Mlp};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;

use super::bundle::{Bundle, Manifest};

/// A step of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The first convolution and its LayerNorm.
    Stem,
    /// The way into a stage after the first.
    Down {
        /// The stage's number.
        stage: usize,
    },
    /// Depthwise convolution, LayerNorm, MLP and residual.
    Block {
        /// The stage's number.
        stage: usize,
        /// The block's number in it.
        block: usize,
    },
    /// Mean over all pixels of the last feature map.
    Pool,
}

/// The op that computes one [`Step`] of a bundle's network.
#[derive(Clone, Debug)]
struct ConvNext {
    bundle: Arc<Bundle>,
    step: Step,
}

impl PartialEq for ConvNext {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.bundle, &other.bundle) && self.step == other.step
    }
}

impl Eq for ConvNext {}

impl ConvNext {
    /// Shape of the result, channels last and filled.
    fn shape(&self) -> [usize; 4] {
        let manifest = self.bundle.manifest();
        let stage = match self.step {
            Step::Stem => 0,
            Step::Down { stage } | Step::Block { stage, .. } => stage,
            Step::Pool => return [1, 1, 1, map_of(&manifest.stages[last(manifest)]).channels],
        };
        let map = map_of(&manifest.stages[stage]);
        [1, map.height, map.width, map.channels]
    }
}

impl Op for ConvNext {
    fn name(&self) -> StaticName {
        match self.step {
            Step::Stem => "ConvNextStem",
            Step::Down { .. } => "ConvNextDown",
            Step::Block { .. } => "ConvNextBlock",
            Step::Pool => "ConvNextPool",
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
        let mut workspace = Workspace::of(context)?;
        let out = match self.step {
            Step::Stem => self.stem(&mut workspace, &input)?,
            Step::Down { stage } => self.down(&mut workspace, input, stage)?,
            Step::Block { stage, block } => self.block(&mut workspace, input, stage, block)?,
            Step::Pool => self.pool(&mut workspace, input)?,
        };
        Ok(tvec!(out.into_tvalue()))
    }
}

impl ConvNext {
    fn stem(&self, workspace: &mut Workspace, input: &TValue) -> TractResult<Arc<Tensor>> {
        let manifest = self.bundle.manifest();
        let mut out = workspace.take(0, self.shape())?;
        let (stem, norm) = (self.bundle.stem(), self.bundle.norm(&manifest.stem.norm));
        workspace.machine.stem(
            input.try_as_plain_ram()?.as_slice::<f32>()?,
            manifest.height,
            manifest.width,
            &stem,
            &norm,
            floats(&mut out)?.as_slice_mut::<f32>()?,
        );
        Ok(out)
    }

    /// From the feature map of the stage before to that of `stage`.
    fn down(
        &self,
        workspace: &mut Workspace,
        input: TValue,
        stage: usize,
    ) -> TractResult<Arc<Tensor>> {
        let stages = &self.bundle.manifest().stages;
        let Some(down) = &stages[stage].down else {
            bail!("stage {stage} has no way in")
        };
        let (map, shape) = (map_of(&stages[stage - 1]), self.shape());
        let (layer, norm) = (
            self.bundle.linear(&down.layer),
            self.bundle.norm(&down.norm),
        );
        let mut out = workspace.take(stage, shape)?;
        let Workspace { machine, arena, .. } = &mut *workspace;
        let scratch = arena.scratch();
        let (x, bytes) = (input.try_as_plain_ram()?, scratch.activations);
        machine.norm_squares(x.as_slice::<f32>()?, map, &norm, &layer, bytes);
        machine.linear(
            bytes,
            shape[1] * shape[2],
            &layer,
            scratch.prepared,
            floats(&mut out)?.as_slice_mut::<f32>()?,
        );
        workspace.give(stage - 1, input);
        Ok(out)
    }

    /// Changes the feature map of `stage` in place.
    fn block(
        &self,
        workspace: &mut Workspace,
        input: TValue,
        stage: usize,
        block: usize,
    ) -> TractResult<Arc<Tensor>> {
        let (bundle, stage) = (&*self.bundle, &self.bundle.manifest().stages[stage]);
        let (map, block) = (map_of(stage), &stage.blocks[block]);
        let mlp = Mlp {
            first: bundle.linear(&block.first),
            gelu: Gelu::new(block.second.scale, block.second.zero_point),
            second: bundle.linear(&block.second),
        };
        let (dw, norm) = (bundle.depthwise(block), bundle.norm(&block.norm));
        let mut tensor = input.into_arc_tensor();
        {
            let mut view = floats(&mut tensor)?;
            let x = view.as_slice_mut::<f32>()?;
            let Workspace { machine, arena, .. } = workspace;
            let mut scratch = arena.scratch();
            machine.depthwise(x, map, &dw, &norm, &mlp.first, &mut scratch);
            machine.mlp(map.pixels(), &mlp, &mut scratch, x);
        }
        Ok(tensor)
    }

    /// From the last feature map to its mean.
    fn pool(&self, workspace: &mut Workspace, input: TValue) -> TractResult<Arc<Tensor>> {
        let manifest = self.bundle.manifest();
        let last = last(manifest);
        let mut out = workspace.take(last + 1, self.shape())?;
        workspace.machine.mean(
            input.try_as_plain_ram()?.as_slice::<f32>()?,
            map_of(&manifest.stages[last]),
            floats(&mut out)?.as_slice_mut::<f32>()?,
        );
        workspace.give(last, input);
        Ok(out)
    }
}

/// The number of the last stage.
fn last(manifest: &Manifest) -> usize {
    manifest.stages.len() - 1
}

/// The memory of a tensor that nobody else holds.
fn floats(tensor: &mut Arc<Tensor>) -> TractResult<PlainViewMut<'_>> {
    let tensor = Arc::get_mut(tensor).context("a feature map is held twice")?;
    tensor.try_as_plain_ram_mut()
}

/// The backbone of `bundle` as a typed model, ready to be planned. Its output is the mean over all
/// pixels of the last feature map, `[1, 1, 1, filled channels]`.
///
/// # Errors
/// When tract refuses a node.
pub(super) fn model(bundle: &Arc<Bundle>) -> TractResult<TypedModel> {
    let manifest = bundle.manifest();
    let mut model = TypedModel::default();
    let mut at = model.add_source("input", f32::fact([1, 3, manifest.height, manifest.width]))?;
    let mut wire = |name: String, step: Step, at: OutletId| -> TractResult<OutletId> {
        let op = ConvNext {
            bundle: bundle.clone(),
            step,
        };
        Ok(model.wire_node(name, op, &[at])?[0])
    };
    at = wire("stem".into(), Step::Stem, at)?;
    for (stage, entry) in manifest.stages.iter().enumerate() {
        if entry.down.is_some() {
            at = wire(format!("stages.{stage}.down"), Step::Down { stage }, at)?;
        }
        for block in 0..entry.blocks.len() {
            at = wire(
                format!("stages.{stage}.blocks.{block}"),
                Step::Block { stage, block },
                at,
            )?;
        }
    }
    at = wire("pool".into(), Step::Pool, at)?;
    model.select_output_outlets(&[at])?;
    Ok(model)
}
