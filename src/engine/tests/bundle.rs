//! Bundles that are refused.

use goldcrest_kernels::KernelSet;

use super::*;
use crate::engine::bundle::{Bundle, Manifest, Outline, Section, fresh};
use crate::engine::{Classifier, Engine, Prepared, Standing, standing};

#[test]
fn damaged_foreign_and_older_bundles_are_refused() {
    let p = packed(&Shape::small());
    let good = std::fs::read(&p.bundle).unwrap();
    let refused = |bytes: &[u8], wanted: &str| {
        let other = p.bundle.with_file_name("other.bundle");
        std::fs::write(&other, bytes).unwrap();
        let error = Bundle::open(&other).expect_err(wanted);
        let text = error.to_string();
        assert!(
            text.contains(wanted) && text.contains("goldcrest pack") && text.contains("other"),
            "{text}"
        );
        assert_eq!((error.exit_code(), text.lines().count()), (65, 1));
        assert!(!fresh(&other, &p.card.sha256) || wanted.contains("checksum"));
    };
    let changed = |at: usize, to: u8| {
        let mut bytes = good.clone();
        bytes[at] = to;
        bytes
    };
    refused(&[], "not a bundle");
    refused(b"short", "not a bundle");
    refused(&std::fs::read(&p.onnx).unwrap(), "not a bundle");
    refused(&changed(8, 0), "form 0");
    refused(&changed(20, 0xff), "head is damaged");
    for at in [4096, 9000, good.len() / 2] {
        refused(&changed(at, !good[at]), "checksum");
    }
    refused(
        &changed(good.len() - 1, !good[good.len() - 1]),
        "manifest is damaged",
    );
    for len in [4096, good.len() / 2, good.len() - 1] {
        let text = Bundle::open(&{
            let other = p.bundle.with_file_name("cut.bundle");
            std::fs::write(&other, &good[..len]).unwrap();
            other
        })
        .unwrap_err()
        .to_string();
        assert!(text.contains("goldcrest pack"), "{text}");
    }
}

#[test]
fn a_manifest_that_does_not_fit_its_bundle_is_refused() {
    let p = packed(&Shape::small());
    let bundle = Bundle::open(&p.bundle).unwrap();
    let end = bundle.bytes() as u64;
    bundle.manifest().check(end).unwrap();
    let refused = |change: &dyn Fn(&mut Manifest)| {
        let mut manifest = bundle.manifest().clone();
        change(&mut manifest);
        assert!(manifest.check(end).is_err(), "{manifest:?}");
    };
    refused(&|m| m.stages.clear());
    refused(&|m| m.height = 0);
    refused(&|m| m.width = 52);
    refused(&|m| m.classes = 17);
    refused(&|m| m.stages[1].down = None);
    refused(&|m| m.stages[1].channels = usize::MAX);
    refused(&|m| m.stages[1].blocks[0].first.columns = usize::MAX);
    refused(&|m| m.stages[1].blocks[0].first.weights.0 += 1);
    refused(&|m| m.stages[1].blocks[0].first.weights.0 = end.next_multiple_of(64));
    refused(&|m| m.stages[1].blocks[0].second.scales.0 = u64::MAX - 63);
    refused(&|m| m.stages[1].blocks[0].taps.1 -= 4);
    refused(&|m| m.head.norm.channels = 16);
    for bad in [0.0, -1.0, f32::NAN, f32::INFINITY, 1e-45] {
        refused(&|m| m.stages[1].blocks[0].first.scale = bad);
        refused(&|m| m.head.layer.scale = bad);
        refused(&|m| m.stem.norm.epsilon = bad);
        refused(&|m| m.head.norm.epsilon = bad);
    }
    // In the header, over another array, and within one.
    refused(&|m| m.stem.bias.0 = 0);
    refused(&|m| m.stem.norm.gain = m.stem.norm.shift);
    refused(&|m| m.stem.bias.0 = m.stem.weights.0 + 64);
    refused(&|m| m.stages[1].blocks[0].name = "a\u{1b}[2J".into());
    refused(&|m| m.stages[1].down.as_mut().unwrap().layer.name = "a".repeat(257));
}

#[test]
fn sizes_that_wrap_in_32_bits_are_refused_on_every_host() {
    let p = packed(&Shape::small());
    let mut manifest = Bundle::open(&p.bundle).unwrap().manifest().clone();
    let mut at = 4096;
    let mut place = |length: u64| {
        let section = Section(at, length);
        at += length.next_multiple_of(64);
        section
    };
    // One map of 512 x 512 pixels and 16384 channels: 2^32 floats, which are none in 32 bits. All
    // arrays have the lengths and places that follow from these sizes.
    let channels: u64 = 1 << 14;
    (manifest.height, manifest.width) = (2048, 2048);
    manifest.stages.truncate(1);
    let stage = &mut manifest.stages[0];
    (stage.height, stage.width, stage.channels) = (512, 512, 1 << 14);
    stage.blocks.clear();
    manifest.stem.weights = place(48 * 4 * channels);
    manifest.stem.bias = place(4 * channels);
    for norm in [&mut manifest.stem.norm, &mut manifest.head.norm] {
        norm.channels = 1 << 14;
        (norm.gain, norm.shift) = (place(4 * channels), place(4 * channels));
    }
    let layer = &mut manifest.head.layer;
    (layer.inputs, layer.filled) = (1 << 14, 1 << 14);
    layer.weights = place(16 * channels);
    (layer.sums, layer.scales, layer.biases) = (place(64), place(64), place(64));
    let refused = manifest.check(1 << 30).unwrap_err().to_string();
    assert!(
        refused.contains("more elements than any array"),
        "{refused}"
    );
}

#[test]
fn what_is_needed_follows_from_the_manifest_alone() {
    let p = packed(&Shape::small());
    for threads in [1, 3] {
        let prepared = Prepared::with_kernel(&p.bundle, &p.card, threads, KernelSet::Scalar);
        let prepared = prepared.unwrap();
        let memory = prepared.memory();
        assert_eq!(prepared.threads(), threads);
        let engine = prepared.open().unwrap();
        assert_eq!(engine.describe().memory, Some(memory));
    }
}

#[test]
fn a_bundle_that_changes_while_it_is_opened_is_refused() {
    let p = packed(&Shape::small());
    let good = std::fs::read(&p.bundle).unwrap();
    let manifest = u64::from_le_bytes(std::array::from_fn(|i| good[24 + i])) as usize;
    // Written in place, as no packer does it: the manifest that is used is the one that was
    // checked.
    for at in [manifest + 3, 5000] {
        std::fs::write(&p.bundle, &good).unwrap();
        let outline = Outline::read(&p.bundle).unwrap();
        let mut other = good.clone();
        other[at] ^= 1;
        std::fs::write(&p.bundle, &other).unwrap();
        let text = outline.map().unwrap_err().to_string();
        assert!(
            text.contains("changed while") || text.contains("checksum"),
            "{text}"
        );
    }
    std::fs::write(&p.bundle, &good).unwrap();
    let outline = Outline::read(&p.bundle).unwrap();
    std::fs::write(&p.bundle, &good[..good.len() / 2]).unwrap();
    let text = outline.map().unwrap_err().to_string();
    assert!(text.contains("changed while"), "{text}");
}

#[test]
fn a_manifest_too_long_or_with_another_text_as_hash_is_refused() {
    let p = packed(&Shape::small());
    let good = std::fs::read(&p.bundle).unwrap();
    let manifest = u64::from_le_bytes(std::array::from_fn(|i| good[24 + i])) as usize;
    let with = |text: &str| {
        let mut bytes = good[..manifest].to_vec();
        bytes.extend_from_slice(text.as_bytes());
        let length = bytes.len() as u64;
        bytes[16..24].copy_from_slice(&length.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..64]);
        bytes[64..68].copy_from_slice(&crc.to_le_bytes());
        std::fs::write(&p.bundle, bytes).unwrap();
        Outline::read(&p.bundle).unwrap_err().to_string()
    };
    let text = std::str::from_utf8(&good[manifest..]).unwrap();
    let long = format!("{text}#{}", "x".repeat(256 << 10));
    assert!(with(&long).contains("may have"), "{}", with(&long));
    let foreign = text.replacen(&text[16..36], "../../../../etc/\\u001b[", 1);
    let refused = with(&foreign);
    assert!(refused.contains("64 hex digits"), "{refused}");
    assert!(!refused.chars().any(char::is_control), "{refused:?}");
}

#[test]
fn a_bundle_of_another_model_or_of_other_labels_is_refused() {
    let p = packed(&Shape::small());
    let refusal = |card: &Card| {
        let error = Classifier::with_kernel(&p.bundle, card, 1, KernelSet::Scalar).unwrap_err();
        assert_eq!(error.exit_code(), 65);
        error.to_string()
    };
    assert!(
        refusal(&Card {
            sha256: HexDigest::default(),
            ..p.card.clone()
        })
        .contains("SHA-256")
    );
    assert!(
        refusal(&Card {
            labels: labels(1),
            ..p.card.clone()
        })
        .contains("labels.txt")
    );
    let mut wide = p.card.clone();
    wide.input.width = 64;
    assert!(refusal(&wide).contains("64x48"));
}

#[test]
fn a_fresh_bundle_is_of_the_file_that_stands_there() {
    let p = packed(&Shape::small());
    let Standing::Packed(bundle) = standing(&p.onnx, &p.card).unwrap() else {
        panic!("it is not found");
    };
    assert_eq!(bundle, p.bundle);
    // The same bytes with another time: the hash decides.
    let bytes = std::fs::read(&p.onnx).unwrap();
    std::fs::remove_file(&p.onnx).unwrap();
    std::fs::write(&p.onnx, &bytes).unwrap();
    let found = standing(&p.onnx, &p.card).unwrap();
    assert!(matches!(found, Standing::Packed(_)), "{found:?}");
    // As long, and of an older time, as a file that is moved here has it.
    let mut other = bytes.clone();
    *other.last_mut().unwrap() ^= 1;
    std::fs::write(&p.onnx, &other).unwrap();
    let file = std::fs::File::options().append(true).open(&p.onnx).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    let error = standing(&p.onnx, &p.card).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("sample.onnx: its SHA-256 is"), "{text}");
    assert_eq!(error.exit_code(), 65);
}

#[test]
fn a_model_that_can_be_packed_and_is_not_names_the_command() {
    let p = packed(&Shape::small());
    let refusal = |code: u8| {
        let Standing::Unpacked(error) = standing(&p.onnx, &p.card).unwrap() else {
            panic!("it counts as packed");
        };
        let text = error.to_string();
        let command = format!("make one with `goldcrest pack {}`", p.onnx.display());
        assert!(text.ends_with(&command), "{text}");
        assert_eq!((error.exit_code(), text.lines().count()), (code, 1));
        text
    };
    std::fs::write(&p.bundle, b"other").unwrap();
    assert!(refusal(65).contains("it is not a bundle"));
    std::fs::remove_file(&p.bundle).unwrap();
    assert!(refusal(66).contains("no bundle stands beside it"));
}
