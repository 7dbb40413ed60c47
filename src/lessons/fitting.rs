//! From kept examples to a head.

use std::time::SystemTime;

use super::record::Example;
use crate::engine::{HexDigest, Taught};
use crate::teach::{self, Compact, Examples, Moment};

/// Why a model cannot be taught.
pub(super) const NO_FEATURES: &str = "plain tract runs the model and gives no features to teach; pack the model with `goldcrest pack`";

/// The most labels that the daemon is taught.
pub(super) const LABELS: usize = 50;

/// Features of the models that the memory is computed for.
pub(super) const WIDTH: usize = 768;

/// Bytes that `features` features take in a record.
pub(super) fn bytes(features: usize) -> usize {
    size_of::<f32>() + features
}

/// Features as a record keeps them.
pub(super) fn pack(features: &[f32]) -> Box<[u8]> {
    let mut bytes = Vec::with_capacity(bytes(features.len()));
    Compact::of(features).write(&mut bytes);
    bytes.into()
}

/// The most bytes that a fit to `most` examples takes, with the examples that it is given, the head
/// that comes out and the file of it.
pub(super) fn memory(most: usize) -> usize {
    let labels = LABELS.min(most);
    let given = most * WIDTH * size_of::<f32>();
    let file = 2 * labels * WIDTH * size_of::<f32>();
    given + teach::memory(most, labels, WIDTH) + file
}

/// Fits a head for the model `backbone` to `examples`, with the bytes of a scene.
///
/// # Errors
/// What is missing, in one line.
pub(super) fn fit(
    examples: &[Example],
    backbone: &HexDigest,
    made: SystemTime,
    scene: Vec<u8>,
) -> Result<Taught, String> {
    let mut labels: Vec<String> = examples.iter().map(|e| e.label.clone()).collect();
    labels.sort_unstable();
    labels.dedup();
    match &labels[..] {
        [] => return Err("nothing is taught yet".into()),
        [only] => {
            return Err(format!(
                "{only:?} is the only label; teach a second one, such as \"none\" for all else"
            ));
        }
        _ => {}
    }
    let given = gather(examples, labels).map_err(|why| why.to_string())?;
    let options = teach::Options {
        backbone: backbone.clone(),
        made,
        scene,
    };
    teach::fit(&given, &options).map_err(|why| why.to_string())
}

fn gather(examples: &[Example], labels: Vec<String>) -> Result<Examples, teach::Error> {
    let width = examples
        .first()
        .map_or(0, |e| e.features.len() - size_of::<f32>());
    let names = labels.clone();
    let mut given = Examples::new(labels, width)?;
    let mut row = vec![0.0; width];
    for example in examples {
        let Some(features) = Compact::read(&example.features) else {
            return Err(teach::Error::Features("not finite".into()));
        };
        features.expand(&mut row);
        let label = names.binary_search(&example.label).unwrap_or(usize::MAX);
        let moment = Moment {
            group: 0,
            seconds: example.moment as f64 / 1000.0,
        };
        given.push(label, &row, moment)?;
    }
    Ok(given)
}
