//! Shipped pictures through vision and the int8 engine, compared bit for bit with stored logits and
//! with CRC-32 of stored features.
//!
//! The scalar kernels made the stored ones on x86-64, with
//! `GOLDCREST_KERNEL=scalar GOLDCREST_KEEP=1 cargo test --release --locked --test logits`.
//! `make arm` runs the test on emulated ARM processors, each with its own kernels.

mod support;

use std::fmt::Write as _;
use std::path::PathBuf;

use goldcrest::engine::{Card, Classifier, Engine, bundle, pack};
use goldcrest::frame::{Frame, PixelFormat};
use goldcrest::vision::{self, Preparer};
use goldcrest_kernels::{KernelSet, OVERRIDE};
use support::program::root;

const PICTURES: [&str; 8] = [
    "recordings/bottles/bottles-01.jpg",
    "recordings/bottles/bottles-23.jpg",
    "recordings/bottles/bottles-46.jpg",
    "reference/jpeg/420.jpg",
    "reference/jpeg/grey.jpg",
    "reference/jpeg/422.jpg",
    "reference/vision/letterbox.png",
    "reference/vision/near.png",
];

/// The picture as a source delivers it.
fn frame(picture: &str) -> Frame {
    let path = root().join("tests").join(picture);
    let data = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let decoded = image::load_from_memory(&data).unwrap().into_rgb8();
    let (width, height) = (decoded.width() as usize, decoded.height() as usize);
    let jpeg = picture.ends_with(".jpg");
    Frame {
        format: if jpeg {
            PixelFormat::Jpeg
        } else {
            PixelFormat::Rgb24
        },
        width,
        height,
        stride: if jpeg { 0 } else { width * 3 },
        data: if jpeg { data } else { decoded.into_raw() }.into(),
        ..Frame::empty()
    }
}

/// The kernels to test: those that [`OVERRIDE`] names, or else all. Under emulation only the best
/// are fast enough.
fn kernels() -> Vec<KernelSet> {
    match std::env::var(OVERRIDE) {
        Ok(name) => vec![KernelSet::choose(Some(&name)).unwrap()],
        Err(_) if cfg!(target_arch = "x86_64") => KernelSet::available().collect(),
        Err(_) => vec![KernelSet::choose(None).unwrap()],
    }
}

/// Compares `found` with the file `name`, or writes it there if the environment says so.
fn compare(name: &str, found: &str, kernel: KernelSet) {
    let kept_at = root().join("tests/reference").join(name);
    if std::env::var_os("GOLDCREST_KEEP").is_some() {
        std::fs::write(&kept_at, found).unwrap();
    }
    let kept = std::fs::read_to_string(&kept_at).unwrap_or_default();
    for (found, kept) in found.lines().zip(kept.lines()) {
        assert_eq!(found, kept, "{name}, {kernel}");
    }
    assert_eq!(found.lines().count(), kept.lines().count(), "{name}");
}

#[test]
fn eight_pictures_have_the_kept_logits_on_every_processor() {
    let model = root().join("model/convnext_tiny_128_int8.onnx");
    let card = Card::read(&model).unwrap();
    let folder = tempfile::tempdir().unwrap();
    // Every machine packs the same bytes, so an existing bundle will do.
    let bundle: PathBuf = bundle::find(&model, &card.sha256).unwrap_or_else(|| {
        let path = folder.path().join(bundle::NAME);
        pack::pack(&model, &path).unwrap();
        path
    });
    for kernel in kernels() {
        let mut engine = Classifier::with_kernel(&bundle, &card, 1, kernel).unwrap();
        let mut preparer = Preparer::new(&vision::Config::default(), &card.input);
        let mut found = format!("picture,{}\n", card.labels.join(","));
        let mut features = String::from("picture,crc32\n");
        for picture in PICTURES {
            let frame = frame(picture);
            let input = preparer.prepare(frame.view()).unwrap();
            let logits = engine.infer(input).unwrap();
            found.push_str(picture);
            for logit in logits {
                // The shortest digits that read back as the same float.
                write!(found, ",{logit}").unwrap();
            }
            found.push('\n');
            let mut crc = crc32fast::Hasher::new();
            for feature in engine.features().unwrap() {
                crc.update(&feature.to_le_bytes());
            }
            writeln!(features, "{picture},{:08x}", crc.finalize()).unwrap();
        }
        compare("logits.csv", &found, kernel);
        compare("features.csv", &features, kernel);
        println!(
            "{kernel}: the logits and features of {} pictures are the kept ones",
            PICTURES.len()
        );
    }
}
