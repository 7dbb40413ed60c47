//! The state that the ops of one running plan share: kernels and threads, scratch, and the feature
//! maps that are free.

use std::sync::{Mutex, MutexGuard};

use goldcrest_kernels::{Arena, FeatureMap, Machine, Sizes, Sizing};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;

use crate::engine::bundle::{Bundle, Manifest, StageEntry, filled};

/// Shared by the ops through the plan's turn state, and allocated once.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// Kernels and threads.
    pub machine: Machine,
    /// Scratch.
    pub arena: Arena,
    /// One feature map for each stage, then the mean of the last; None while an op downstream
    /// holds it.
    free: Vec<Option<TValue>>,
}

/// The feature map of a stage.
pub(crate) fn map_of(stage: &StageEntry) -> FeatureMap {
    FeatureMap {
        height: stage.height,
        width: stage.width,
        channels: filled(stage.channels),
    }
}

/// The scratch that the network needs.
pub(crate) fn sizes(manifest: &Manifest, sizing: Sizing) -> Sizes {
    let mut all = Sizes::default();
    for stage in &manifest.stages {
        let map = map_of(stage);
        if let Some(down) = &stage.down {
            all = all.max(sizing.layer(down.layer.shape(), map.pixels()));
        }
        for block in &stage.blocks {
            all = all.max(sizing.block(map, block.first.shape(), block.second.shape()));
        }
    }
    all.max(sizing.layer(manifest.head.layer.shape(), 1))
}

/// Shapes of the feature maps of all stages, then of the mean of the last, with their padding.
fn shapes(manifest: &Manifest) -> Vec<[usize; 4]> {
    let maps = manifest.stages.iter().map(map_of);
    let mean = maps.clone().next_back().map(|m| [1, 1, 1, m.channels]);
    maps.map(|m| [1, m.height, m.width, m.channels])
        .chain(mean)
        .collect()
}

impl Workspace {
    /// Allocates everything that `bundle` needs on `machine`.
    ///
    /// # Errors
    /// When tract cannot make the tensors.
    pub(crate) fn new(bundle: &Bundle, machine: Machine) -> TractResult<Self> {
        let arena = Arena::new(sizes(bundle.manifest(), machine.sizing()));
        let tensor =
            |shape: [usize; 4]| Tensor::zero_aligned::<f32>(&shape, 64).map(|t| Some(t.into()));
        let free = shapes(bundle.manifest())
            .into_iter()
            .map(tensor)
            .collect::<TractResult<_>>()?;
        Ok(Self {
            machine,
            arena,
            free,
        })
    }

    /// Bytes of feature maps.
    pub(crate) fn map_bytes(manifest: &Manifest) -> usize {
        shapes(manifest)
            .into_iter()
            .map(|s| s.iter().product::<usize>() * 4)
            .fold(0, usize::saturating_add)
    }

    /// The workspace that a classifier put into the plan's turn state.
    pub(crate) fn of<'c>(context: &EvalContext<'c>) -> TractResult<MutexGuard<'c, Self>> {
        let shared = context.shared.and_then(|s| s.get::<Mutex<Self>>());
        // A panic under the lock leaves nothing that the next turn relies on.
        Ok(shared
            .context("the plan has no workspace")?
            .lock()
            .unwrap_or_else(|e| e.into_inner()))
    }

    /// Takes the feature map of this place to write to. If a failed turn lost it, a new one is
    /// made.
    pub(crate) fn take(&mut self, place: usize, shape: [usize; 4]) -> TractResult<Arc<Tensor>> {
        match self.free[place].take().map(IntoArcTensor::into_arc_tensor) {
            Some(tensor) if Arc::strong_count(&tensor) == 1 => Ok(tensor),
            _ => Ok(Arc::new(Tensor::zero_aligned::<f32>(&shape, 64)?)),
        }
    }

    /// Returns a feature map that every op has read.
    pub(crate) fn give(&mut self, place: usize, tensor: TValue) {
        self.free[place] = Some(tensor);
    }
}
