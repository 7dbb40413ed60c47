//! Heads that take over between two frames.

use super::*;

/// A photometer that takes heads, and finds bright frames more familiar than dim ones.
struct Taken(Photometer, bool);

impl Engine for Taken {
    fn infer(&mut self, input: &[f32]) -> Result<&[f32], engine::Error> {
        self.0.infer(input)
    }

    fn describe(&self) -> &Description {
        self.0.describe()
    }

    fn set_heads(&mut self, heads: Vec<Option<engine::Head>>) -> Result<(), engine::Error> {
        self.1 = heads.iter().any(Option::is_some);
        Ok(())
    }

    fn familiarity(&self) -> f32 {
        if self.0.logits[0] > 0.0 { 1.0 } else { 0.5 }
    }
}

/// A pipeline with a gate and an engine that takes heads, and its observer's rules.
fn teachable() -> (Pipeline, observe::Config, Card, Arc<AtomicU64>) {
    let card = card();
    let asked = Arc::new(AtomicU64::new(0));
    let photometer = Photometer {
        logits: [0.0; 2],
        described: Description {
            output: Output::Softmax,
            ..Description::default()
        },
        asked: Arc::clone(&asked),
    };
    let (vision, observe) = (
        vision::Config::default(),
        observe::Config {
            frames: 1,
            smoothing: 0.0,
            ..observe::Config::default()
        },
    );
    let gate = Gate::new(&GateConfig::default(), &vision, &card.input);
    let engine = Box::new(Taken(photometer, false));
    let pipeline = Pipeline::new(&vision, &observe, &card, engine).gated(gate);
    (pipeline, observe, card, asked)
}

/// Puts another head in place. Returns whether labels differ.
fn swap(
    pipeline: &mut Pipeline,
    head: Option<HeadFile>,
    card: &Card,
    observe: &observe::Config,
) -> Result<bool, engine::Error> {
    let relabelled = pipeline.set_heads(vec![head], card, observe)?;
    Ok(!relabelled.is_empty())
}

fn head(labels: [&str; 2], sha256: &str) -> HeadFile {
    HeadFile {
        taught: engine::Taught {
            labels: labels.map(String::from).into(),
            head: engine::Head::new(vec![0.0; 2], vec![0.0; 2]).unwrap(),
            temperature: 2.0,
            rule: engine::Rule {
                threshold: 0.45,
                release: 0.3,
                margin: 0.05,
            },
            quality: engine::Quality::default(),
            scene: Vec::new(),
            backbone: engine::HexDigest::default(),
            made: SystemTime::UNIX_EPOCH,
        },
        sha256: engine::HexDigest::of(sha256.as_bytes()),
    }
}

#[test]
fn a_head_takes_over_at_the_next_frame_though_the_gate_is_closed() {
    let (mut pipeline, observe, card, asked) = teachable();
    // The engine's outputs are taken for probabilities, and one of them is.
    assert_eq!(labels_of(&mut pipeline, 0..60), [(0, "bright".into())]);
    let before = asked.load(Ordering::Relaxed);
    assert_eq!(labels_of(&mut pipeline, 60..62), []);
    assert_eq!(asked.load(Ordering::Relaxed), before, "the gate is closed");

    let other = swap(
        &mut pipeline,
        Some(head(["open", "shut"], "1")),
        &card,
        &observe,
    );
    assert!(other.unwrap());
    assert_eq!(labels_of(&mut pipeline, 62..63), [(62, "open".into())]);
    assert_eq!(asked.load(Ordering::Relaxed), before + 1);
    let first = engine::HexDigest::of(b"1");
    assert_eq!(pipeline.hashes().head, Some(&*first));
    // The head's labels again: the state goes on, and is published with the other hash.
    let other = swap(
        &mut pipeline,
        Some(head(["open", "shut"], "2")),
        &card,
        &observe,
    );
    assert!(!other.unwrap());
    assert_eq!(labels_of(&mut pipeline, 63..66), [(63, "open".into())]);
    assert_eq!(asked.load(Ordering::Relaxed), before + 2);
    let other = swap(&mut pipeline, None, &card, &observe);
    assert!(other.unwrap());
    assert_eq!(labels_of(&mut pipeline, 66..67), [(66, "bright".into())]);
    assert_eq!(pipeline.hashes().head, None);
}

#[test]
fn scores_of_a_head_are_lowered_by_how_unfamiliar_a_frame_is() {
    let (mut pipeline, observe, card, _) = teachable();
    swap(
        &mut pipeline,
        Some(head(["open", "shut"], "1")),
        &card,
        &observe,
    )
    .unwrap();
    let mut collected = Collected::default();
    let (mut bright, mut dim) = (frame(0), frame(200));
    dim.seq = 1;
    pipeline
        .process(&mut bright, &mut [&mut collected])
        .unwrap();
    pipeline.process(&mut dim, &mut [&mut collected]).unwrap();
    // Both are as sure of their labels, and the dim one is half a stranger.
    let labels: Vec<_> = collected.labels.iter().map(|(_, label)| label).collect();
    assert_eq!(labels, ["open", "shut"]);
    let [open, shut] = collected.scores[..] else {
        panic!("{:?}", collected.scores)
    };
    assert!(open > 0.9 && (0.45..0.5).contains(&shut), "{open} {shut}");
}

#[test]
fn a_heads_rule_holds_until_the_configuration_sets_another() {
    let (mut pipeline, mut observe, card, _) = teachable();
    assert_eq!(pipeline.rule(), Rule::default());
    swap(
        &mut pipeline,
        Some(head(["open", "none"], "1")),
        &card,
        &observe,
    )
    .unwrap();
    let rule = pipeline.rule();
    assert_eq!((rule.threshold, rule.spread), (0.45, 0.0));
    let labels: Vec<_> = pipeline.labels().collect();
    assert_eq!(labels, ["open"]);
    observe.threshold = Some(0.8);
    pipeline.set_observe(&observe);
    assert_eq!(
        (pipeline.rule().threshold, pipeline.rule().release),
        (0.8, 0.3)
    );
    swap(&mut pipeline, None, &card, &observe).unwrap();
    assert_eq!(pipeline.rule().release, Rule::default().release);
}
