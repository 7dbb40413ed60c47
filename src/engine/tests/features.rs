//! Features, and heads that stand in for the network's own.

use goldcrest_kernels::{KernelSet, Machine};
use tract_onnx::pb::{ModelProto, TensorProto};

use super::*;
use crate::engine::bundle::Bundle;
use crate::engine::classifier::worker;
use crate::engine::features::Features;
use crate::engine::{Classifier, Engine, Head, Known, Onnx};

fn tensor<'m>(model: &'m ModelProto, name: &str) -> &'m TensorProto {
    let all = &model.graph.as_ref().unwrap().initializer;
    all.iter().find(|t| t.name == name).unwrap()
}

fn floats(model: &ModelProto, name: &str) -> Vec<f32> {
    let raw = tensor(model, name).raw_data.as_chunks::<4>().0;
    raw.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

fn input(shape: &Shape, i: usize) -> Vec<f32> {
    let size = 3 * shape.side * shape.side;
    let value = |p: usize| ((p * (i + 3)) as f32 * 0.013).sin() * 1.5 + (p % 7) as f32 * 0.1;
    (0..size).map(value).collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

/// A head of the classifier's weights, dequantised, and the most that quantising its input may
/// change each logit.
fn dequantised(model: &ModelProto) -> (Head, Vec<f32>) {
    let scales = floats(model, "head.fc.weight.scale");
    let classes = scales.len();
    let raw = &tensor(model, "head.fc.weight").raw_data;
    let (mut weights, mut sums) = (Vec::new(), vec![0.0; classes]);
    for (class, scale) in scales.iter().enumerate() {
        for weight in raw.iter().skip(class).step_by(classes) {
            let weight = f32::from(weight.cast_signed()) * scale;
            weights.push(weight);
            sums[class] += weight.abs();
        }
    }
    let step = floats(model, "head.fc.input.scale")[0];
    let most = sums.iter().map(|sum| 0.5 * step * sum + 1e-4).collect();
    let head = Head::new(weights, floats(model, "head.fc.bias")).unwrap();
    (head, most)
}

#[test]
fn features_are_the_onnx_files_layer_norm_of_the_mean() {
    for (widths, depths) in [
        (vec![16, 40, 64], vec![1, 2, 1]),
        (vec![17, 33], vec![1, 1]),
    ] {
        let shape = Shape {
            widths,
            depths,
            ..Shape::small()
        };
        let (model, p) = (model(&shape), packed(&shape));
        let (gain, shift) = (
            floats(&model, "head.norm.weight"),
            floats(&model, "head.norm.bias"),
        );
        let mut features = Features::new(&Bundle::open(&p.bundle).unwrap());
        let channels = gain.len();
        let mut mean: Vec<f32> = (0..channels)
            .map(|c| (c as f32 * 0.7).sin() * 3.0)
            .collect();
        mean.resize(channels.next_multiple_of(16), 0.0);
        features.update(&Machine::new(KernelSet::Scalar, 1, worker).unwrap(), &mean);
        let x: Vec<f64> = mean[..channels].iter().map(|v| f64::from(*v)).collect();
        let middle = x.iter().sum::<f64>() / channels as f64;
        let square = x.iter().map(|v| (v - middle).powi(2)).sum::<f64>() / channels as f64;
        assert_eq!(features.values().len(), channels);
        for (c, found) in features.values().iter().enumerate() {
            let wanted =
                (x[c] - middle) / (square + 1e-6).sqrt() * f64::from(gain[c]) + f64::from(shift[c]);
            assert!(
                (f64::from(*found) - wanted).abs() < 2e-6,
                "{c}: {found} {wanted}"
            );
        }
    }
}

#[test]
fn features_are_close_to_those_of_plain_tract() {
    let shape = Shape::small();
    let p = packed(&shape);
    // The same network, ended at its last LayerNorm.
    let mut ended = model(&shape);
    let graph = ended.graph.as_mut().unwrap();
    let last = graph
        .node
        .iter()
        .position(|n| n.name == "head.norm")
        .unwrap();
    graph.node.truncate(last + 1);
    graph.output[0].name = "head.norm".into();
    graph.output[0].r#type = None;
    let channels = *shape.widths.last().unwrap();
    let classes = Shape {
        classes: channels,
        ..shape.clone()
    };
    let (_folder, onnx, card) = stored(&ended, &classes);
    let mut plain = Onnx::open(&onnx, &card).unwrap();
    let mut engine = Classifier::with_kernel(&p.bundle, &p.card, 1, KernelSet::Scalar).unwrap();
    let x = input(&shape, 1);
    engine.infer(&x).unwrap();
    let wanted = plain.infer(&x).unwrap();
    for (found, wanted) in engine.features().unwrap().iter().zip(wanted) {
        assert!((found - wanted).abs() < 0.1, "{found} {wanted}");
    }
}

#[test]
fn features_have_the_same_bits_on_every_kernel() {
    let shape = Shape::small();
    let p = packed(&shape);
    let x = input(&shape, 2);
    let mut wanted = None;
    for kernel in KernelSet::available() {
        for threads in [1, 3] {
            let mut engine = Classifier::with_kernel(&p.bundle, &p.card, threads, kernel).unwrap();
            engine.infer(&x).unwrap();
            let found = bits(engine.features().unwrap());
            assert_eq!(found.len(), 64);
            assert_eq!(
                wanted.get_or_insert(found.clone()),
                &found,
                "{kernel} {threads}"
            );
        }
    }
}

#[test]
fn a_taught_head_gives_the_same_bits_on_every_kernel() {
    let shape = Shape::small();
    let p = packed(&shape);
    let wave = |count: usize, step: f32| -> Vec<f32> {
        (0..count).map(|i| (i as f32 * step).sin() * 0.3).collect()
    };
    let known = Known {
        centre: wave(64, 0.3),
        kinds: wave(3 * 64, 0.7),
        far: -1.0,
        near: 1.0,
    };
    let head = Head::taught(wave(3 * 64, 1.1), vec![0.1, 0.2, 0.3], known).unwrap();
    let mut wanted = None;
    for kernel in KernelSet::available() {
        for threads in [1, 3] {
            let mut engine = Classifier::with_kernel(&p.bundle, &p.card, threads, kernel).unwrap();
            engine.set_head(Some(head.clone())).unwrap();
            let mut found = Vec::new();
            for i in 0..4 {
                found.extend(bits(engine.infer(&input(&shape, i)).unwrap()));
                found.push(engine.familiarity().to_bits());
            }
            let familiar = f32::from_bits(found[3]);
            assert!(familiar > 0.0 && familiar < 1.0, "{familiar}");
            assert_eq!(
                wanted.get_or_insert(found.clone()),
                &found,
                "{kernel} {threads}"
            );
        }
    }
}

#[test]
fn a_head_is_counted_as_long_as_it_is_in_place() {
    let p = packed(&Shape::small());
    let mut engine = Classifier::with_kernel(&p.bundle, &p.card, 1, KernelSet::Scalar).unwrap();
    let head = Head::new(vec![1.0; 64], vec![0.0]).unwrap();
    let bytes = head.bytes();
    let counted = |engine: &Classifier| engine.describe().memory.map(|memory| memory.head);
    engine.set_head(Some(head)).unwrap();
    assert!(bytes >= 64 * 4);
    assert_eq!(counted(&engine), Some(bytes));
    engine.set_head(None).unwrap();
    assert_eq!(counted(&engine), Some(0));
}

#[test]
fn features_times_dequantised_weights_are_the_logits() {
    let shape = Shape::small();
    let p = packed(&shape);
    let (mut head, most) = dequantised(&model(&shape));
    let mut engine = Classifier::with_kernel(&p.bundle, &p.card, 1, KernelSet::Scalar).unwrap();
    for i in 0..6 {
        let logits = engine.infer(&input(&shape, i)).unwrap().to_vec();
        let features = engine.features().unwrap();
        // Beyond this range quantising cuts off.
        assert!(features.iter().all(|f| f.abs() <= 4.0), "{features:?}");
        head.run(features);
        for ((found, wanted), most) in head.logits().iter().zip(&logits).zip(&most) {
            assert!((found - wanted).abs() <= *most, "{found} {wanted} {most}");
        }
    }
}

#[test]
fn another_head_stands_in_between_two_frames_and_goes_again() {
    let shape = Shape::small();
    let p = packed(&shape);
    let mut engine = Classifier::with_kernel(&p.bundle, &p.card, 2, KernelSet::Scalar).unwrap();
    let x = input(&shape, 3);
    let stock = bits(engine.infer(&x).unwrap());
    let features = engine.features().unwrap().to_vec();
    // Its only logit is the third feature.
    let mut weights = vec![0.0; 64];
    weights[2] = 1.0;
    engine
        .set_head(Some(Head::new(weights, vec![0.0]).unwrap()))
        .unwrap();
    assert_eq!(engine.infer(&x).unwrap(), &features[2..3]);
    assert_eq!(engine.features().unwrap(), features);
    // The self-test is of the network's own head, and leaves the other in place.
    engine.self_test().unwrap();
    assert_eq!(engine.infer(&x).unwrap(), &features[2..3]);
    engine.set_head(None).unwrap();
    assert_eq!(bits(engine.infer(&x).unwrap()), stock);
}

#[test]
fn a_head_that_does_not_fit_is_refused_and_the_other_stays() {
    let shape = Shape::small();
    let p = packed(&shape);
    let mut engine = Classifier::with_kernel(&p.bundle, &p.card, 1, KernelSet::Scalar).unwrap();
    let mut plain = Onnx::open(&p.onnx, &p.card).unwrap();
    assert!(plain.features().is_none());
    let x = input(&shape, 4);
    let stock = bits(engine.infer(&x).unwrap());
    let head = || Some(Head::new(vec![1.0; 63], vec![0.0]).unwrap());
    for (error, says) in [
        (
            engine.set_head(head()).unwrap_err(),
            "takes 63 features and the model gives 64",
        ),
        (plain.set_head(head()).unwrap_err(), "goldcrest pack"),
    ] {
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(error.exit_code(), 65);
    }
    assert_eq!(bits(engine.infer(&x).unwrap()), stock);
}
