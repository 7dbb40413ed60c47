//! Heads of the shipped model that know a bottle from a plain wall.

use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, UNIX_EPOCH};

use goldcrest::engine::{
    self, Card, Class, Classifier, Engine, Head, Known, Quality, Rule, Taught, write_head,
};
use goldcrest::frame::{Frame, PixelFormat};
use goldcrest::vision::{self, Preparer};

use super::program::{packed_model, root};

/// The rule of [`bottle_or_wall`], unlike that of a stock classifier.
pub const RULE: Rule = Rule {
    threshold: 0.5,
    release: 0.25,
    margin: 0.05,
};

/// Features of a picture with a bottle and of one without.
fn features() -> &'static [Vec<f32>; 2] {
    static FEATURES: OnceLock<[Vec<f32>; 2]> = OnceLock::new();
    FEATURES.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let model = packed_model(folder.path());
        let card = Card::read(&model).expect("the shipped card");
        let bundle = folder.path().join(engine::bundle::NAME);
        let mut engine = Classifier::open(&bundle, &card, 1).expect("the shipped model");
        let mut preparer = Preparer::new(&vision::Config::default(), &card.input);
        let bottle = root().join("tests/recordings/bottles/bottles-23.jpg");
        let bottle = image::open(bottle).expect("a picture").into_rgb8();
        let mut wall = bottle.clone();
        wall.pixels_mut().for_each(|pixel| pixel.0 = [120; 3]);
        [bottle, wall].map(|picture| {
            let (width, height) = (picture.width() as usize, picture.height() as usize);
            let frame = Frame {
                format: PixelFormat::Rgb24,
                width,
                height,
                stride: width * 3,
                data: picture.into_raw().into(),
                ..Frame::empty()
            };
            let input = preparer.prepare(frame.view()).expect("a picture");
            engine.infer(input).expect("an inference");
            engine.features().expect("features").to_vec()
        })
    })
}

/// A head that gives a bottle the first of `labels`, and a wall the second. A picture is familiar
/// as soon as it is nearer to one of them than to the opposite of both.
pub fn bottle_or_wall(labels: [&str; 2]) -> Taught {
    let pictures = features();
    let mean = pictures[0]
        .iter()
        .zip(&pictures[1])
        .map(|(a, b)| (a + b) / 2.0);
    let centre: Vec<f32> = mean.collect();
    let mut kinds = Vec::new();
    for picture in pictures {
        let away: Vec<f32> = picture.iter().zip(&centre).map(|(x, c)| x - c).collect();
        let length = away.iter().map(|x| x * x).sum::<f32>().sqrt();
        kinds.extend(away.iter().map(|x| x / length));
    }
    let card = Card::read(&root().join("model/convnext_tiny_128_int8.onnx"));
    let known = Known {
        centre,
        kinds: kinds.clone(),
        far: -1.0,
        near: 0.01,
    };
    let weights = kinds.iter().map(|k| 6.0 * k).collect();
    let class = |label: &str| Class {
        label: label.into(),
        examples: 4,
        bursts: 2,
        accuracy: Some(0.75),
        confused_with: None,
    };
    Taught {
        labels: labels.map(String::from).into(),
        head: Head::taught(weights, vec![0.0; 2], known).expect("a head"),
        temperature: 1.0,
        rule: RULE,
        quality: Quality {
            accuracy: Some(0.75),
            interval: [0.5, 0.9],
            classes: labels.map(class).into(),
            warnings: vec!["add pictures of another day".into()],
        },
        scene: Vec::new(),
        backbone: card.expect("the shipped card").sha256,
        made: UNIX_EPOCH + Duration::from_secs(1_735_732_800),
    }
}

/// Writes that head to `folder/name` and returns its file's SHA-256.
pub fn write(folder: &Path, name: &str, labels: [&str; 2]) -> String {
    let written = write_head(&folder.join(name), &bottle_or_wall(labels));
    written.expect("room for a head").to_string()
}

/// Writes one that belongs to another model.
pub fn write_foreign(folder: &Path, name: &str) {
    let foreign = Taught {
        backbone: "ab".repeat(32).parse().expect("a hash"),
        ..bottle_or_wall(["bottle", "wall"])
    };
    write_head(&folder.join(name), &foreign).expect("room for a head");
}
