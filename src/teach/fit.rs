//! From examples to a head.

use std::time::SystemTime;

use super::accuracy::Told;
use super::bursts::Lessons;
use super::kinds::{Kinds, Limit};
use super::solve::{self, Solution};
use super::space::Space;
use super::{Error, Examples, advice, calibrate};
use crate::engine::{Head, HexDigest, Known, NOTHING, Quality, Taught};

/// What a head holds beside what is fitted.
#[derive(Clone, Debug)]
pub struct Options {
    /// SHA-256 of the ONNX file whose features the examples are, in hex.
    pub backbone: HexDigest,
    /// The date of the head.
    pub made: SystemTime,
    /// A coarse picture of the edges in view; empty for none.
    pub scene: Vec<u8>,
}

/// Bytes that [`fit`] takes at most for so many examples of so many labels with `width` features,
/// beside the examples themselves and with the head that it gives.
pub fn memory(examples: usize, labels: usize, width: usize) -> usize {
    let lists = examples * 16 * size_of::<usize>() + (16 << 10);
    let solution = labels * (examples + width) * size_of::<f64>();
    // The means of the kinds and the head are made when the equations are gone.
    let after = labels * width * (size_of::<f64>() + 3 * size_of::<f32>());
    let solving = solve::memory(examples, labels, width);
    lists + solution + solving.max(after)
}

/// Fits a head to `examples` and tells how good it is. The order in which the examples came changes
/// nothing, and the same examples give the same head.
///
/// Labels without examples are left out of it.
///
/// # Errors
/// [`Error::Empty`], [`Error::OnlyNothing`]; [`Error::Features`] when the examples have features of
/// such a size that their weights are not finite.
pub fn fit(examples: &Examples, options: &Options) -> Result<Taught, Error> {
    let lessons = Lessons::of(examples);
    match lessons.labels.as_slice() {
        [] => return Err(Error::Empty),
        [_] if lessons.label(0) == NOTHING => return Err(Error::OnlyNothing(NOTHING)),
        _ => {}
    }
    let space = Space::of(&lessons);
    let solution = solve::solve(&lessons, &space);
    let kinds = Kinds::of(&lessons);
    let limit = kinds.limit(&lessons);
    let outputs = &solution.left_out;
    let told = Told::of(&lessons, outputs);
    let temperature = calibrate::temperature(&lessons, outputs);
    let rule = calibrate::rule(&lessons, outputs, temperature, &kinds, &limit);
    let flat = space.scales.iter().all(|scale| *scale == 0.0);
    let warnings = advice::warnings(&lessons, &told, &kinds, flat);
    let head = head(&lessons, space, &solution, &kinds, &limit)?;
    // From the order of the texts back to the order that was given.
    let mut order: Vec<usize> = (0..lessons.labels.len()).collect();
    order.sort_by_key(|&kind| lessons.labels[kind]);
    Ok(Taught {
        labels: order
            .iter()
            .map(|&kind| lessons.label(kind).into())
            .collect(),
        head,
        temperature: temperature as f32,
        rule,
        quality: Quality {
            accuracy: told.accuracy.map(|a| a as f32),
            interval: told.interval.map(|end| end as f32),
            classes: order
                .iter()
                .map(|&kind| told.classes[kind].clone())
                .collect(),
            warnings,
        },
        scene: options.scene.clone(),
        backbone: options.backbone.clone(),
        made: options.made,
    })
}

/// The head in f32, its labels in the order that was given.
fn head(
    lessons: &Lessons,
    space: Space,
    solution: &Solution,
    kinds: &Kinds,
    limit: &Limit,
) -> Result<Head, Error> {
    let (labels, width) = (lessons.labels.len(), lessons.examples.width());
    let mut order: Vec<usize> = (0..labels).collect();
    order.sort_by_key(|&kind| lessons.labels[kind]);
    let rows = |all: &[f64]| -> Vec<f32> {
        let mut out = Vec::with_capacity(labels * width);
        for &kind in &order {
            let row = &all[kind * width..][..width];
            out.extend(row.iter().map(|v| *v as f32));
        }
        out
    };
    let known = Known {
        centre: space.centre,
        kinds: rows(&kinds.means),
        far: limit.far,
        near: limit.near,
    };
    // The targets were less their mean, which is added again.
    let biases = vec![1.0 / labels as f32; labels];
    Head::taught(rows(&solution.weights), biases, known)
        .map_err(|error| Error::Features(format!("too large or too small ({error})")))
}

#[cfg(test)]
mod tests;
