//! Any ONNX classifier, through plain tract.
//!
//! tract computes a quantised file in float and keeps its own copy of the weights: exact, and
//! neither fast nor small. It runs the models that the int8 engine cannot.

use std::path::Path;
use std::sync::Arc;

use tract_onnx::prelude::*;

use super::card::{Card, Input};
use super::ending::ending;
use super::error::Error;
use super::feed::Feed;
use super::hash::verify_file;
use super::interface::{Description, Engine, Output};

/// A plan of tract's own ops over an ONNX file.
#[derive(Debug)]
pub struct Onnx {
    state: TypedSimpleState,
    feed: Feed,
    logits: Vec<f32>,
    description: Description,
}

impl Onnx {
    /// Loads and optimises the ONNX file at `path` for the input and the labels of `card`.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read; [`Error::Model`] when its hash is not the
    /// card's, when tract cannot run it, or when its output is no number for each label.
    pub fn open(path: &Path, card: &Card) -> Result<Self, Error> {
        verify_file(path, card)?;
        let bad = |message: String| Error::Model {
            path: path.into(),
            message,
        };
        let (plan, feed, output) = load(path, &card.input).map_err(|e| {
            bad(format!(
                "tract cannot run it as a classifier of {}x{} pictures: {}; \
                 use an ONNX classifier with one input, [1, 3, height, width] or [1, height, width, 3]",
                card.input.width,
                card.input.height,
                first_line(&e)
            ))
        })?;
        let logits = logits(&plan).map_err(|e| bad(first_line(&e)))?;
        card.check_labels(logits)?;
        let state = plan.spawn().map_err(|e| bad(first_line(&e)))?;
        Ok(Self {
            state,
            feed,
            logits: vec![0.0; logits],
            description: Description {
                kernel: "tract-onnx".into(),
                model_hash: card.sha256.clone(),
                threads: 1,
                output,
                ..Description::default()
            },
        })
    }
}

/// The number of values in the plan's output, which must be numbers of some kind.
fn logits(plan: &TypedRunnableModel) -> TractResult<usize> {
    let fact = plan.model().output_fact(0)?;
    let kind = fact.datum_type;
    // tract computes some integers of 64 bits as extents of tensors.
    if !(kind.is_number() || kind.is_tdim()) {
        let message = format!("its output is {kind:?}; export it with an output of float32");
        return Err(TractError::msg(message));
    }
    let dims = fact.shape.as_concrete();
    let dims = dims.ok_or_else(|| TractError::msg("the output's shape is not fixed"))?;
    Ok(dims.iter().product())
}

/// The plan of the file at `path`, the form of its input, and the meaning of its outputs.
fn load(path: &Path, input: &Input) -> TractResult<(Arc<TypedRunnableModel>, Feed, Output)> {
    let (mut model, output) = parse(path)?;
    let (inputs, outputs) = (model.inputs.len(), model.outputs.len());
    if (inputs, outputs) != (1, 1) {
        let message = format!("it has {inputs} inputs and {outputs} outputs instead of one each");
        return Err(TractError::msg(message));
    }
    let feed = Feed::of(model.input_fact(0)?, input)?;
    model.set_input_fact(0, feed.fact())?;
    Ok((model.into_optimized()?.into_runnable()?, feed, output))
}

fn parse(path: &Path) -> TractResult<(InferenceModel, Output)> {
    let onnx = tract_onnx::onnx();
    let proto = onnx.proto_model_for_path(path)?;
    let output = proto.graph.as_ref().map(ending).unwrap_or_default();
    let parsed = onnx.parse(&proto, path.parent().and_then(Path::to_str))?;
    if let Some(name) = parsed.unresolved_inputs.first() {
        return Err(TractError::msg(format!("nothing makes its value {name:?}")));
    }
    Ok((parsed.model, output))
}

/// The innermost cause, on one line: tract's outer contexts name its own nodes and source files.
fn first_line(error: &TractError) -> String {
    let text = error.root_cause().to_string();
    text.lines().next().unwrap_or_default().trim().to_string()
}

impl Engine for Onnx {
    fn infer(&mut self, input: &[f32]) -> Result<&[f32], Error> {
        let run = |state: &mut TypedSimpleState, logits: &mut [f32]| -> TractResult<()> {
            let output = state.run(tvec!(self.feed.tensor(input)?.into()))?;
            let output = output[0].cast_to::<f32>()?;
            logits.copy_from_slice(output.try_as_plain_ram()?.as_slice::<f32>()?);
            Ok(())
        };
        run(&mut self.state, &mut self.logits).map_err(|e| Error::Run(first_line(&e)))?;
        Ok(&self.logits)
    }

    fn describe(&self) -> &Description {
        &self.description
    }
}
