//! Bundles that are refused.

use super::*;
use crate::engine::bundle::{Bundle, Manifest, fresh};
use crate::engine::kernels::KernelSet;
use crate::engine::{Classifier, Standing, standing};

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
    for at in [4096, 9000, good.len() / 2, good.len() - 1] {
        refused(&changed(at, !good[at]), "checksum");
    }
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
