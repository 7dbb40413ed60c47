//! Head files: round trips, and every way in which one can be broken.

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;

use super::format::{decode, digest, encode};
use super::*;
use crate::engine::error::Error;

const BACKBONE: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// A head of `labels` over `inputs` features with all that a file can hold.
fn sample(labels: &[&str], inputs: usize) -> Taught {
    let count = labels.len();
    let floats = |n: usize, step: f32| (0..n).map(|i| (i as f32 * step).sin()).collect();
    let known = Known {
        centre: floats(inputs, 0.7),
        kinds: floats(inputs * count, 0.3),
        far: 0.125,
        near: 0.375,
    };
    let class = |(i, label): (usize, &&str)| Class {
        label: label.to_string(),
        examples: 10 + i as u32,
        bursts: 3,
        accuracy: (i != 1).then_some(0.75),
        confused_with: (i == 0).then(|| labels[count - 1].to_string()),
    };
    Taught {
        labels: labels.iter().map(|l| l.to_string()).collect(),
        head: Head::taught(floats(inputs * count, 0.9), floats(count, 1.1), known).unwrap(),
        temperature: 0.125,
        rule: Rule {
            threshold: 0.5,
            release: 0.25,
            margin: 0.125,
        },
        quality: Quality {
            accuracy: Some(0.875),
            interval: [0.75, 0.9375],
            classes: labels.iter().enumerate().map(class).collect(),
            warnings: vec!["„zu“ has 2 bursts; add more".into()],
        },
        scene: vec![1, 2, 3],
        backbone: BACKBONE.parse().unwrap(),
        made: UNIX_EPOCH + Duration::from_secs(1_764_208_800),
    }
}

/// Whether two heads are the same, to the bit.
fn same(a: &Taught, b: &Taught) -> bool {
    encode(a).unwrap() == encode(b).unwrap() && format!("{a:?}") == format!("{b:?}")
}

#[test]
fn a_head_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("porch.head");
    let long = "Tür 🚪 ".repeat(11) + "é";
    let long: String = long.chars().take(64).collect();
    for taught in [
        sample(&["open", "Garagentor halb geöffnet", NOTHING, &long], 19),
        sample(&["one"], 1),
        Taught {
            head: Head::new(vec![1.0; 6], vec![0.5; 2]).unwrap(),
            quality: Quality {
                accuracy: None,
                interval: [0.0, 1.0],
                warnings: Vec::new(),
                ..sample(&["a", "b"], 3).quality
            },
            scene: Vec::new(),
            ..sample(&["a", "b"], 3)
        },
    ] {
        let written = write_head(&path, &taught).unwrap();
        let (read, sha256) = read_head(&path).unwrap();
        assert!(same(&taught, &read));
        assert_eq!(written, sha256);
        assert_eq!(sha256, crate::engine::sha256(&path).unwrap());
    }
}

#[test]
fn a_head_that_was_read_gives_the_same_bits() {
    let mut taught = sample(&["a", "b", "c"], 40);
    let mut read = decode(&encode(&taught).unwrap()).unwrap();
    let features: Vec<f32> = (0..40).map(|i| (i as f32).cos()).collect();
    taught.head.run(&features);
    read.head.run(&features);
    assert_eq!(taught.head.logits(), read.head.logits());
    assert_eq!(taught.head.familiarity(), read.head.familiarity());
}

#[test]
fn every_flipped_byte_is_refused() {
    let bytes = encode(&sample(&["a", "b"], 5)).unwrap();
    for at in 0..bytes.len() {
        for flip in [1, 0x80, 0xff] {
            let mut bad = bytes.clone();
            bad[at] ^= flip;
            let fault = decode(&bad).unwrap_err().0;
            assert_eq!(fault.lines().count(), 1, "{at}: {fault}");
        }
    }
}

#[test]
fn every_cut_and_every_byte_more_is_refused() {
    let bytes = encode(&sample(&["a", "b"], 5)).unwrap();
    for length in 0..bytes.len() {
        assert!(decode(&bytes[..length]).is_err(), "{length}");
    }
    let mut more = bytes.clone();
    more.push(0);
    assert!(decode(&more).unwrap_err().0.contains("damaged"));
    // Even where the checksum fits.
    let content = bytes.len() - 32;
    let mut more = bytes[..content].to_vec();
    more.push(0);
    assert!(decode(&summed(more)).unwrap_err().0.contains("content"));
}

/// `content` with the checksum that fits.
fn summed(mut content: Vec<u8>) -> Vec<u8> {
    let sum = digest(&content);
    content.extend(sum);
    content
}

#[test]
fn a_newer_version_and_another_file_are_told_apart() {
    let bytes = encode(&sample(&["a"], 2)).unwrap();
    let mut newer = bytes[..bytes.len() - 32].to_vec();
    newer[8] = 2;
    let fault = decode(&summed(newer)).unwrap_err().0;
    assert!(fault.contains("version 2") && fault.contains("reads version 1"));
    for other in [&b""[..], b"GCRSTHEX", b"\x89PNG\r\n\x1a\n and so on"] {
        assert!(decode(other).unwrap_err().0.contains("no head"));
    }
    assert!(decode(b"GCRSTHED").unwrap_err().0.contains("damaged"));
}

#[test]
fn absurd_sizes_are_refused_without_taking_the_memory() {
    let bytes = encode(&sample(&["a", "b"], 3)).unwrap();
    let content = &bytes[..bytes.len() - 32];
    // Each word in turn claims the most that it can, under a checksum that fits.
    for at in 12..content.len() - 4 {
        let mut bad = content.to_vec();
        bad[at..at + 4].fill(0xff);
        if let Err(fault) = decode(&summed(bad)) {
            assert_eq!(fault.0.lines().count(), 1, "{at}");
        }
    }
}

#[test]
fn files_are_refused_in_one_line_with_the_code_that_fits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("porch.head");
    let told = |path: &Path| {
        let error = read_head(path).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with(&path.display().to_string()), "{text}");
        assert_eq!(text.lines().count(), 1);
        (error.exit_code(), text)
    };
    assert_eq!(told(&path).0, 66);
    assert_eq!(told(folder.path()).0, 66);
    std::fs::write(&path, "no head").unwrap();
    assert_eq!(told(&path).0, 65);
    let large = std::fs::File::create(&path).unwrap();
    large.set_len(1 << 40).unwrap();
    let (code, text) = told(&path);
    assert!(code == 66 && text.contains("larger than"), "{text}");
    let nowhere = folder.path().join("none/porch.head");
    let error = write_head(&nowhere, &sample(&["a"], 2)).unwrap_err();
    assert_eq!(error.exit_code(), 74);
}

#[test]
fn a_head_of_another_backbone_is_refused() {
    let taught = sample(&["a"], 2);
    assert!(taught.fits(&BACKBONE.parse().unwrap()).is_ok());
    assert!(
        taught
            .fits(&BACKBONE.to_uppercase().parse().unwrap())
            .is_ok()
    );
    let error = taught.fits(&"f".repeat(64).parse().unwrap()).unwrap_err();
    let text = error.to_string();
    assert_eq!((error.exit_code(), text.lines().count()), (65, 1));
    assert!(
        text.contains("001122334455") && text.contains("ffffffffffff"),
        "{text}"
    );
}

#[test]
fn what_is_no_whole_head_is_neither_written_nor_read() {
    type Change = fn(&mut Taught);
    let bad: [(&str, Change); 13] = [
        ("64 are the most", |t| t.labels[0] = "ä".repeat(65)),
        ("blank", |t| t.labels[0] = " ".into()),
        ("control", |t| t.labels[0] = "a\nb".into()),
        ("twice", |t| t.labels[0] = "b".into()),
        ("labels for", |t| t.labels.truncate(1)),
        ("temperature", |t| t.temperature = f32::NAN),
        ("temperature", |t| t.temperature = 0.0),
        ("threshold", |t| t.rule.threshold = 0.0),
        ("release", |t| t.rule.release = 0.75),
        ("margin", |t| t.rule.margin = -0.5),
        ("interval", |t| t.quality.interval = [0.5, 0.25]),
        ("confused", |t| {
            t.quality.classes[0].confused_with = Some("x".into())
        }),
        ("warnings", |t| t.quality.warnings.push("\x1b[2J".into())),
    ];
    for (part, change) in bad {
        let mut taught = sample(&["a", "b"], 3);
        change(&mut taught);
        // The label stands twice in a head.
        for (class, label) in taught.quality.classes.iter_mut().zip(&taught.labels) {
            class.label.clone_from(label);
        }
        let error = encode(&taught).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(part), "{part}: {text}");
        assert!(matches!(error, Error::Head(_)) && text.lines().count() == 1);
    }
}

proptest! {
    #[test]
    fn random_heads_round_trip(
        names in prop::collection::hash_set("[^\\p{C}\\s][^\\p{C}\\p{Z}]{0,63}", 1..6),
        inputs in 1_usize..40,
        temperature in 1e-3_f32..10.0,
        accuracy in prop::option::of(0.0_f32..=1.0),
        scene in prop::collection::vec(any::<u8>(), 0..50),
    ) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut taught = sample(&names, inputs);
        taught.temperature = temperature;
        taught.quality.accuracy = accuracy;
        taught.scene = scene;
        let read = decode(&encode(&taught).unwrap()).unwrap();
        prop_assert!(same(&taught, &read));
    }

    #[test]
    fn random_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        at in 0_usize..300,
    ) {
        prop_assert!(decode(&bytes).is_err());
        // Behind a true beginning, under a checksum that fits.
        let head = encode(&sample(&["a", "b"], 3)).unwrap();
        let mut content = head[..at.clamp(12, head.len() - 32)].to_vec();
        content.extend(bytes);
        if let Ok(taught) = decode(&summed(content)) {
            prop_assert!(taught.check().is_ok());
        }
    }
}
