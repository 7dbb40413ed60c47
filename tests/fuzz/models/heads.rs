//! Files of taught heads.

use std::fs;
use std::time::{Duration, UNIX_EPOCH};

use goldcrest::engine::{
    Class, Head, HexDigest, Known, Quality, Rule, Taught, read_head, write_head,
};
use goldcrest::meter::heap;
use sha2::{Digest, Sha256};

use super::damage::{damage, refused};
use crate::support::{Cases, Ended, alone, settles};

/// Cases of the run that is part of all tests.
const FEW: u64 = 6_000;
/// The most heap of a case: a head is read whole and held.
const HEAP: i64 = 1 << 20;

/// Gives a head sums that fit.
fn seal_head(bytes: &mut Vec<u8>) {
    bytes.truncate(bytes.len().saturating_sub(32));
    let sum = Sha256::digest(&bytes[..]);
    bytes.extend(sum);
}

fn taught() -> Taught {
    let class = |label: &str| Class {
        label: label.into(),
        examples: 4,
        bursts: 2,
        accuracy: Some(0.75),
        confused_with: Some("two".into()),
    };
    let known = Known {
        centre: vec![0.5; 16],
        kinds: vec![0.25; 32],
        far: -0.5,
        near: 0.5,
    };
    Taught {
        labels: vec!["one".into(), "two".into()],
        head: Head::taught(vec![0.5; 32], vec![0.0; 2], known).unwrap(),
        temperature: 1.0,
        rule: Rule {
            threshold: 0.5,
            release: 0.25,
            margin: 0.05,
        },
        quality: Quality {
            accuracy: Some(0.75),
            interval: [0.5, 0.9],
            classes: ["one", "two"].map(class).into(),
            warnings: vec!["add pictures of another day".into()],
        },
        scene: vec![7; 40],
        backbone: HexDigest::of(b"backbone"),
        made: UNIX_EPOCH + Duration::from_secs(1_735_732_800),
    }
}

fn heads(cases: &Cases) {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("porch.head");
    write_head(&path, &taught()).unwrap();
    let good = fs::read(&path).unwrap();
    let before = heap::now().live;
    // Whatever is wrong with a head is one kind of error.
    cases.run(2, |_, random| {
        let mut bytes = good.clone();
        for _ in 0..=random.below(3) {
            damage(random, &mut bytes);
        }
        if random.below(8) > 0 {
            seal_head(&mut bytes);
        }
        fs::write(&path, bytes).unwrap();
        let outcome = match read_head(&path) {
            Ok((mut taught, _)) => {
                taught.check().unwrap();
                let features = vec![0.5; taught.head.inputs()];
                taught.head.run(&features);
                "read"
            }
            Err(error) => refused(&error),
        };
        Ended {
            outcome,
            most: HEAP,
        }
    });
    settles(before + 4096);
}

#[test]
fn damaged_heads_never_panic_or_take_memory() {
    heads(&Cases::few(FEW));
}

#[test]
#[ignore = "hours; FUZZ_CASES, FUZZ_SEED and FUZZ_FROM name other cases"]
fn many_damaged_heads() {
    heads(&Cases::many());
}
