//! The model's input against what Pillow makes of the same picture: `tests/reference/vision.py`
//! says how.

use std::path::{Path, PathBuf};

use goldcrest::engine::{Input, Resize};
use goldcrest::frame::{Frame, PixelFormat};
use goldcrest::vision::{Config, Preparer};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    name: String,
    crop: [f64; 4],
    resize: Resize,
    size: (usize, usize),
}

fn rgb(path: &Path) -> image::RgbImage {
    let picture = image::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    picture.into_rgb8()
}

/// What the preparer makes of the picture at `path`, in levels, red, green and blue interleaved.
fn prepared(
    path: &Path,
    crop: [f64; 4],
    resize: Resize,
    (width, height): (usize, usize),
) -> Vec<u8> {
    let picture = rgb(path);
    let frame = Frame {
        format: PixelFormat::Rgb24,
        width: picture.width() as usize,
        height: picture.height() as usize,
        stride: picture.width() as usize * 3,
        data: picture.into_raw().into(),
        ..Frame::empty()
    };
    let input = Input {
        width,
        height,
        mean: [0.0; 3],
        std: [1.0; 3],
        resize: Resize::Squash,
    };
    let config = Config {
        crop,
        resize: Some(resize),
        ..Config::default()
    };
    let mut preparer = Preparer::new(&config, &input);
    let planes = preparer.prepare(frame.view()).unwrap();
    let plane = width * height;
    let level = |i: usize| (planes[i % 3 * plane + i / 3] * 255.0).round() as u8;
    (0..3 * plane).map(level).collect()
}

/// The mean and the greatest difference in levels.
fn difference(a: &[u8], b: &[u8]) -> (f64, u8) {
    assert_eq!(a.len(), b.len());
    let each = a.iter().zip(b).map(|(a, b)| a.abs_diff(*b));
    let sum: u64 = each.clone().map(u64::from).sum();
    (sum as f64 / a.len() as f64, each.max().unwrap_or(0))
}

#[test]
fn parts_of_real_frames_come_out_as_pillow_makes_them() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference/vision");
    let table = std::fs::read_to_string(folder.join("cases.json")).unwrap();
    let cases: Vec<Case> = serde_json::from_str(&table).unwrap();
    assert!(cases.len() >= 8);
    for case in cases {
        let name = &case.name;
        let ours = prepared(
            &folder.join(format!("{name}.png")),
            case.crop,
            case.resize,
            case.size,
        );
        let pillow = rgb(&folder.join(format!("{name}.pillow.png")));
        let (mean, most) = difference(&ours, pillow.as_raw());
        // The one that is enlarged one way and reduced the other: Pillow rounds it in another
        // order.
        let allowed = if name == "tall" { (0.02, 1) } else { (0.0, 0) };
        assert!(
            mean <= allowed.0 && most <= allowed.1,
            "{name}: mean {mean}, most {most}"
        );
    }
}

/// Whole frames, written by `vision.py --compare N DIR` to the directory that `GOLDCREST_COMPARE`
/// names.
#[test]
#[ignore = "needs frames made by tests/reference/vision.py --compare"]
fn whole_frames_come_out_as_pillow_makes_them() {
    let folder = PathBuf::from(
        std::env::var_os("GOLDCREST_COMPARE").expect("GOLDCREST_COMPARE names the directory"),
    );
    let table = std::fs::read_to_string(folder.join("frames.json")).unwrap();
    let frames: Vec<String> = serde_json::from_str(&table).unwrap();
    for (policy, resize) in [
        ("squash", Resize::Squash),
        ("fit-short", Resize::FitShort),
        ("letterbox", Resize::Letterbox),
    ] {
        let (mut worst_mean, mut worst, mut means) = (0.0f64, 0, 0.0);
        for name in &frames {
            let ours = prepared(
                &folder.join(format!("{name}.png")),
                [0.0, 0.0, 1.0, 1.0],
                resize,
                (128, 128),
            );
            let pillow = rgb(&folder.join(format!("{name}.{policy}.png")));
            let (mean, most) = difference(&ours, pillow.as_raw());
            assert!(mean < 1.0, "{name} {policy}: {mean}");
            means += mean;
            worst_mean = worst_mean.max(mean);
            worst = worst.max(most);
        }
        let mean = means / frames.len() as f64;
        println!(
            "{policy}: {} frames, mean difference {mean:.5} levels, worst frame {worst_mean:.5}, worst pixel {worst}",
            frames.len()
        );
    }
}
