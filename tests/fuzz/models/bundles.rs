//! Bundles: the manifest, the header and the arrays.

use std::fs;
use std::path::Path;

use goldcrest::engine::{Card, Classifier, Engine, Prepared, bundle};
use goldcrest::meter::heap;

use super::Bench;
use super::damage::{damage, refused, retype};
use crate::support::{Cases, Ended, Random, alone, settles};
use crate::whole::{remade, seal};

/// Cases of the runs that are part of all tests.
const FEW: u64 = 3_000;
/// The most heap of a case: a manifest of at most 256 KiB is parsed, and a bundle that is accepted
/// is planned by tract and run.
const HEAP: i64 = 4 << 20;

/// Opens what stands beside the model, and runs what opens.
fn try_bundle(path: &Path, card: &Card, input: &[f32]) -> &'static str {
    let prepared = match Prepared::read(path, card, 1) {
        Ok(prepared) => prepared,
        Err(error) => return refused(&error),
    };
    let memory = prepared.memory();
    if memory.arena + memory.maps > HEAP as usize / 2 {
        return "over a budget";
    }
    let mut engine: Classifier = match prepared.open() {
        Ok(engine) => engine,
        Err(error) => return refused(&error),
    };
    assert_eq!(engine.describe().memory, Some(memory));
    engine.infer(input).unwrap();
    match engine.self_test() {
        Ok(()) => "runs",
        Err(error) => refused(&error),
    }
}

/// Bundles that `change` makes of a good one.
fn bundles(cases: &Cases, change: impl Fn(&mut Random, &Bench) -> Vec<u8>) {
    let _alone = alone();
    let bench = Bench::new();
    let card = Card::read(&bench.onnx).unwrap();
    let input = vec![0.5; 3 * 16 * 16];
    let path = bench.file("changed.bundle");
    let before = heap::now().live;
    cases.run(3, |_, random| {
        fs::write(&path, change(random, &bench)).unwrap();
        Ended {
            outcome: try_bundle(&path, &card, &input),
            most: HEAP,
        }
    });
    settles(before + 64 * 1024);
}

/// Sums fit what the manifest says: only its own checks are between it and the kernels.
fn other_manifest(random: &mut Random, bench: &Bench) -> Vec<u8> {
    remade(bench.folder.path(), |_, manifest| {
        for _ in 0..=random.below(3) {
            if random.below(6) == 0 {
                let mut bytes = std::mem::take(manifest).into_bytes();
                damage(random, &mut bytes);
                *manifest = String::from_utf8_lossy(&bytes).into_owned();
            } else {
                retype(random, manifest);
            }
        }
    })
}

/// Damage anywhere, half of the time with sums that fit.
fn damaged_bundle(random: &mut Random, bench: &Bench) -> Vec<u8> {
    if random.below(2) == 0 {
        return remade(bench.folder.path(), |arrays, _| {
            let mut page = arrays.drain(..4096).collect::<Vec<u8>>();
            let length = arrays.len();
            damage(random, arrays);
            arrays.resize(length, 0);
            page.append(arrays);
            *arrays = page;
        });
    }
    let mut bytes = fs::read(bench.file(bundle::NAME)).unwrap();
    match random.below(3) {
        // The header, whose own sum fits.
        0 => {
            let at = 8 + random.below(56);
            bytes[at] = random.byte();
            seal(&mut bytes);
        }
        1 => {
            let at = random.below(4096);
            bytes[at] ^= 1 << random.below(8);
        }
        _ => damage(random, &mut bytes),
    }
    bytes
}

#[test]
fn other_manifests_never_panic_or_take_memory() {
    bundles(&Cases::few(FEW), other_manifest);
}

#[test]
fn damaged_bundles_never_panic_or_take_memory() {
    bundles(&Cases::few(FEW), damaged_bundle);
}

/// The input of 2048 pixels squared needs gigabytes of maps, and nothing was taken for it.
#[test]
fn a_bundle_that_claims_much_is_seen_through_for_little() {
    let _alone = alone();
    let bench = Bench::new();
    let large = remade(bench.folder.path(), |_, manifest| {
        *manifest = manifest
            .replace("height = 16\n", "height = 2048\n")
            .replace("width = 16\n", "width = 2048\n")
            .replace("height = 4\n", "height = 512\n")
            .replace("width = 4\n", "width = 512\n")
            .replace("height = 2\n", "height = 256\n")
            .replace("width = 2\n", "width = 256\n");
    });
    let path = bench.file("large.bundle");
    fs::write(&path, large).unwrap();
    let mut card = Card::read(&bench.onnx).unwrap();
    (card.input.width, card.input.height) = (2048, 2048);
    let before = heap::now().live;
    heap::forget_peak();
    let memory = Prepared::read(&path, &card, 4).unwrap().memory();
    let peak = heap::peak() - before;
    println!("{memory:?} for {peak} bytes of heap");
    assert!(memory.arena + memory.maps > 64 << 20, "{memory:?}");
    assert!(peak < 128 << 10, "{peak}");
}

#[test]
#[ignore = "hours; FUZZ_CASES, FUZZ_SEED and FUZZ_FROM name other cases"]
fn many_other_manifests() {
    bundles(&Cases::many(), other_manifest);
}

#[test]
#[ignore = "hours; FUZZ_CASES, FUZZ_SEED and FUZZ_FROM name other cases"]
fn many_damaged_bundles() {
    bundles(&Cases::many(), damaged_bundle);
}
