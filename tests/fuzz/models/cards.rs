//! `model.toml` and `labels.txt`.

use std::fs;

use goldcrest::engine::{Card, bundle};
use goldcrest::meter::heap;

use super::Bench;
use super::damage::{damage, refused, retype};
use crate::support::{Cases, Ended, alone, settles};

/// Cases of the run that is part of all tests.
const FEW: u64 = 6_000;
/// The most heap of a case: a card is parsed as a table of TOML.
const HEAP: i64 = 1 << 20;

fn cards(cases: &Cases) {
    let _alone = alone();
    let bench = Bench::new();
    let before = heap::now().live;
    cases.run(3, |_, random| {
        let (mut card, mut labels) = (bench.card.clone(), bench.labels.clone());
        for _ in 0..=random.below(3) {
            match random.below(3) {
                0 => damage(random, &mut labels),
                1 => damage(random, &mut card),
                _ => {
                    let mut text = String::from_utf8_lossy(&card).into_owned();
                    retype(random, &mut text);
                    card = text.into();
                }
            }
        }
        fs::write(bench.file("model.toml"), card).unwrap();
        fs::write(bench.file("labels.txt"), labels).unwrap();
        let outcome = match Card::read(&bench.onnx) {
            Ok(card) => {
                assert!(card.labels.iter().all(|l| !l.chars().any(char::is_control)));
                let folder = bundle::cache_folder(&card.sha256);
                assert!(folder.is_none_or(|f| f.ends_with(&*card.sha256)));
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
fn damaged_cards_never_panic_or_take_memory() {
    cards(&Cases::few(FEW));
}

#[test]
#[ignore = "hours; FUZZ_CASES, FUZZ_SEED and FUZZ_FROM name other cases"]
fn many_damaged_cards() {
    cards(&Cases::many());
}
