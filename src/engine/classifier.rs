//! The int8 engine: a plan of this crate's own ops over a mapped bundle, and a head.

use std::io;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use goldcrest_kernels::{KernelSet, Machine, OVERRIDE};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;

use super::bundle::{Bundle, Manifest, golden_input};
use super::describe::describe;
use super::error::Error;
use super::features::Features;
use super::head::{Head, Stock};
use super::interface::{Description, Engine};
use super::ops::{self, Workspace};
use crate::threads::{self, End};

/// A ConvNeXt that runs in int8 from a bundle.
#[derive(Debug)]
pub struct Classifier {
    state: TypedSimpleState,
    input: Option<Arc<Tensor>>,
    features: Features,
    stock: Stock,
    /// In place of `stock`, one for each place.
    heads: Vec<Option<Head>>,
    /// The place of the chosen head.
    chosen: usize,
    description: Description,
    bundle: Arc<Bundle>,
}

impl Classifier {
    /// The classifier that an open bundle describes.
    ///
    /// # Errors
    /// [`Error::Setup`] when the kernels or threads cannot start; [`Error::Run`] when tract refuses
    /// the plan.
    pub(super) fn of(bundle: Bundle, threads: usize, kernel: KernelSet) -> Result<Self, Error> {
        let bundle = Arc::new(bundle);
        let manifest = bundle.manifest();
        let machine = Machine::new(kernel, threads, worker)?;
        let description = describe(&bundle, &machine);
        let (features, stock) = (Features::new(&bundle), Stock::new(manifest));
        let (state, input) = plan(&bundle, machine).map_err(failed)?;
        Ok(Self {
            state,
            input: Some(input),
            features,
            stock,
            heads: Vec::new(),
            chosen: 0,
            description,
            bundle,
        })
    }

    /// The chosen head; None for the stock one.
    fn head(&self) -> Option<&Head> {
        self.heads.get(self.chosen)?.as_ref()
    }

    /// CRC-32 of the stock head's logits of the fixed input.
    pub(super) fn golden(&mut self) -> Result<u32, Error> {
        let manifest = self.bundle.manifest();
        let size = 3 * manifest.height * manifest.width;
        let input: Vec<f32> = (0..size).map(golden_input).collect();
        let mut crc = crc32fast::Hasher::new();
        let heads = std::mem::take(&mut self.heads);
        let ran = self.run(&input).map_err(failed);
        self.heads = heads;
        ran?;
        for logit in self.stock.logits() {
            if !logit.is_finite() {
                return Err(Error::Run(format!("a logit is {logit}")));
            }
            crc.update(&logit.to_le_bytes());
        }
        Ok(crc.finalize())
    }

    /// From `input` to features and to the logits of the head that is in place.
    fn run(&mut self, input: &[f32]) -> TractResult<()> {
        let manifest = self.bundle.manifest();
        ensure!(
            input.len() == 3 * manifest.height * manifest.width,
            "the input has {} values instead of 3 x {} x {}",
            input.len(),
            manifest.height,
            manifest.width
        );
        // A turn that failed may have kept the tensor.
        let mut tensor = match self.input.take() {
            Some(tensor) if Arc::strong_count(&tensor) == 1 => tensor,
            _ => new_input(manifest)?,
        };
        if let Some(inner) = Arc::get_mut(&mut tensor) {
            inner
                .try_as_plain_ram_mut()?
                .as_slice_mut::<f32>()?
                .copy_from_slice(input);
        }
        self.input = Some(tensor.clone());
        let mut outputs = self.state.run(tvec!(tensor.into_tvalue()))?;
        let mean = outputs.pop().context("the plan has no output")?;
        drop(outputs);
        let workspace = self.state.turn_state.shared.get::<Mutex<Workspace>>();
        let workspace = workspace.context("the plan has no workspace")?;
        let mut workspace = workspace.lock().unwrap_or_else(|e| e.into_inner());
        let found = mean.try_as_plain_ram()?.as_slice::<f32>()?;
        self.features.update(&workspace.machine, found);
        match self.heads.get_mut(self.chosen) {
            Some(Some(head)) => head.run(self.features.values()),
            _ => self.stock.run(&self.bundle, &mut workspace, found),
        }
        workspace.give(manifest.stages.len(), mean);
        Ok(())
    }
}

/// Starts a thread that works for the kernels, watched like all others.
pub(super) fn worker(
    name: String,
    stack: usize,
    work: Box<dyn FnOnce() + Send>,
) -> io::Result<JoinHandle<()>> {
    threads::spawn(name, Some(stack), move || {
        work();
        End::Told(())
    })
}

fn failed(error: TractError) -> Error {
    Error::Run(error.root_cause().to_string())
}

fn new_input(manifest: &Manifest) -> TractResult<Arc<Tensor>> {
    let shape = [1, 3, manifest.height, manifest.width];
    Ok(Arc::new(Tensor::zero_aligned::<f32>(&shape, 64)?))
}

/// The plan's state with its workspace, and the input tensor.
fn plan(bundle: &Arc<Bundle>, machine: Machine) -> TractResult<(TypedSimpleState, Arc<Tensor>)> {
    let input = new_input(bundle.manifest())?;
    let mut state = TypedSimplePlan::new(ops::model(bundle)?)?.spawn()?;
    state
        .turn_state
        .shared
        .insert(Mutex::new(Workspace::new(bundle, machine)?));
    Ok((state, input))
}

impl Engine for Classifier {
    fn infer(&mut self, input: &[f32]) -> Result<&[f32], Error> {
        self.run(input).map_err(failed)?;
        Ok(match self.head() {
            Some(head) => head.logits(),
            None => self.stock.logits(),
        })
    }

    fn features(&self) -> Option<&[f32]> {
        Some(self.features.values())
    }

    fn set_heads(&mut self, heads: Vec<Option<Head>>) -> Result<(), Error> {
        for head in heads.iter().flatten() {
            head.fits(self.features.values().len())?;
        }
        if let Some(memory) = &mut self.description.memory {
            memory.head = heads.iter().flatten().map(Head::bytes).sum();
        }
        (self.heads, self.chosen) = (heads, 0);
        Ok(())
    }

    fn choose(&mut self, place: usize) {
        self.chosen = place;
    }

    fn familiarity(&self) -> f32 {
        self.head().map_or(1.0, Head::familiarity)
    }

    fn describe(&self) -> &Description {
        &self.description
    }

    fn verify(&self) -> Result<(), Error> {
        self.bundle.verify()
    }

    fn rest(&self) {
        self.bundle.rest();
    }

    fn self_test(&mut self) -> Result<(), Error> {
        if self.golden()? == self.bundle.manifest().golden {
            return Ok(());
        }
        Err(Error::Run(format!(
            "the {} kernels do not give the logits that packing stored in {}; \
             pack the model again with `goldcrest pack`, or try {OVERRIDE}=scalar",
            self.description.kernel,
            self.bundle.path().display()
        )))
    }
}
