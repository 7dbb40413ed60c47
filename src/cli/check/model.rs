//! The model: proven to run in int8, whole, and right.

use std::path::Path;
use std::time::Instant;

use super::head::Head;
use super::look::Look;
use crate::config::Loaded;
use crate::engine::pack::{self, Quantised};
use crate::engine::{self, Engine, HexDigest, Input, Layer, Output};
use crate::exit;
use crate::memory::Guard;
use crate::pipeline::{Part, Pipeline};
use crate::setup::{self, Failure, need};
use crate::source::Footprint;

/// What was learned of the model and of the head, for other findings and the output.
#[derive(Default)]
pub(super) struct Found {
    pub layers: Vec<Layer>,
    pub guard: Option<Guard>,
    /// What looks at the picture: one, or one for each region.
    pub looks: Vec<Look>,
    /// What the daemon can be taught with: the model's SHA-256, and the number of its features.
    pub features: Option<(HexDigest, usize)>,
    /// Why the head cannot be used.
    refused: Option<Failure>,
}

impl Found {
    /// The finding about the head; none where the configuration names no head, or where each region
    /// tells of its own.
    pub fn take_head_finding(&mut self, loaded: &Loaded) -> Option<Result<String, Failure>> {
        let paths = setup::head_paths(loaded, None);
        paths.iter().flatten().next()?;
        if let Some(failure) = self.refused.take() {
            return Some(Err(failure));
        }
        let not_tried = || Failure::new(exit::DATA, "not tried, because the model does not run");
        match &self.looks[..] {
            [] => Some(Err(not_tried())),
            // Each region tells of its own.
            [
                Look {
                    region: None, head, ..
                },
                ..,
            ] => Some(head.as_ref().map(Head::says).ok_or_else(not_tried)),
            _ => None,
        }
    }
}

/// Proves that the layers which the file quantises run in int8, loads the model, reads all of it,
/// and tries it on the golden input.
pub(super) fn model(
    loaded: &Loaded,
    source: Footprint,
    found: &mut Found,
) -> Result<String, Failure> {
    let (path, card) = setup::located(loaded, None)?;
    let quantised = if engine::is_bundle(&path) || engine::stands_packed(&path) {
        // A bundle by itself, without the file that it was made of.
        Vec::new()
    } else {
        let quantised = pack::quantised(&path)?;
        engine::verify_file(&path, &card)?;
        quantised
    };
    let mut model = setup::model(loaded, None, None, setup::Packing::Check(source))?;
    found.layers.clone_from(&model.engine.describe().layers);
    prove(&path, &quantised, &found.layers)?;
    model.engine.verify()?;
    let Input { width, height, .. } = card.input;
    let start = Instant::now();
    // A model in plain tract comes without an answer to compare with.
    model.engine.self_test()?;
    let took = start.elapsed().as_secs_f64() * 1000.0;
    finite(&path, model.engine.as_mut(), &card.input)?;
    let features = model.engine.features().map(<[f32]>::len);
    found.features = features.map(|count| (card.sha256.clone(), count));
    let config = &loaded.config;
    let heads = match setup::heads(loaded, None, &mut model) {
        Ok(heads) => heads,
        Err(failure) => {
            found.refused = Some(failure);
            Vec::new()
        }
    };
    let parts = Part::all(&config.vision, &config.region, heads);
    let pipeline = Pipeline::of(parts, &config.observe, &card, model.engine);
    let described = pipeline.engine();
    found.guard = Some(need::guard(loaded, (&path, &card), described, source)?);
    if config.region.is_empty() || found.refused.is_none() {
        found.looks = Look::all(loaded, &pipeline, &card.input);
    }
    let layers = &found.layers;
    let int8 = if layers.is_empty() {
        format!("in float, in plain tract{}", ending(described.output))
    } else {
        let (all, int8) = macs(layers);
        format!(
            "{:.1} % of {:.0} million MACs in int8, bundle whole, golden input right in {took:.0} ms",
            100.0 * int8 as f64 / all as f64,
            all as f64 / 1e6
        )
    };
    Ok(format!(
        "{} ({}), {} labels, {width}x{height}, sha256 {}..., {} on {} thread(s), {int8}",
        path.display(),
        card.name,
        card.labels.len(),
        described.model_hash.abbreviated(),
        described.kernel,
        described.threads,
    ))
}

/// The clause about outputs that are no logits.
fn ending(output: Output) -> String {
    if output == Output::Logits {
        return String::new();
    }
    format!(", ends in {output}: its outputs are the scores and the temperature is not applied")
}

/// Runs the network of the ONNX file at `path` on a black, a white and a striped picture, and
/// refuses values that are not finite.
fn finite(path: &Path, engine: &mut dyn Engine, input: &Input) -> Result<(), Failure> {
    let pixels = input.width * input.height;
    let mut picture = vec![0.0; 3 * pixels];
    for (name, levels) in [
        ("black", [0.0, 0.0]),
        ("white", [1.0, 1.0]),
        ("striped", [0.0, 1.0]),
    ] {
        for (at, value) in picture.iter_mut().enumerate() {
            let (colour, level) = (at / pixels, levels[at % 2]);
            *value = (level - input.mean[colour]) / input.std[colour];
        }
        let logits = engine.infer(&picture)?;
        if let Some(index) = logits.iter().position(|logit| !logit.is_finite()) {
            let message = format!(
                "{}: logit {index} of a {name} picture is {}; the model gives no finite answer, so train or export it again",
                path.display(),
                logits[index]
            );
            return Err(Failure::new(exit::DATA, message));
        }
    }
    Ok(())
}

/// Compares `layers`, as they would run, with the layers that the file at `path` quantises. Without
/// layers, plain tract would run the file.
fn prove(path: &Path, quantised: &[Quantised], layers: &[Layer]) -> Result<(), Failure> {
    let float: Vec<_> = quantised
        .iter()
        .filter(|q| {
            let runs_in_int8 = |l: &Layer| {
                l.name == q.name && l.weight_bytes == q.weight_bytes && l.dtype != "f32"
            };
            if layers.is_empty() {
                !q.integer
            } else {
                !layers.iter().any(runs_in_int8)
            }
        })
        .collect();
    let Some(first) = float.first() else {
        return Ok(());
    };
    let why = if layers.is_empty() {
        "; it cannot be packed, so plain tract runs it in float"
    } else {
        ""
    };
    let message = format!(
        "{}: {} layers that it quantises would not run in int8, the first is {}{why}",
        path.display(),
        float.len(),
        first.name
    );
    Err(Failure::new(exit::DATA, message))
}

/// Multiplications of all layers, and of those that run in int8.
fn macs(layers: &[Layer]) -> (u64, u64) {
    let of = |int8: bool| {
        layers
            .iter()
            .filter(|l| !int8 || l.dtype != "f32")
            .map(|l| l.macs)
            .sum::<u64>()
    };
    (of(false).max(1), of(true))
}
