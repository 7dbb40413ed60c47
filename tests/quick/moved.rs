//! A view that is compared with the scene of a taught head.

use std::path::Path;

use goldcrest::engine::{Card, write_head};
use goldcrest::frame::{Frame, PixelFormat};
use goldcrest::vision::{self, Preparer, Scene};
use image::RgbImage;

use crate::support::daemon::{bottles, configuration};
use crate::support::head::bottle_or_wall;
use crate::support::program::{goldcrest, root};
use crate::support::{Broker, Daemon, Subscriber};

/// A picture of the shipped recording, of which `left` pixels lie to the left of the view.
fn view(left: u32) -> RgbImage {
    let path = root().join("tests/recordings/bottles/bottles-01.jpg");
    let picture = image::open(path).expect("a picture").into_rgb8();
    let (width, height) = picture.dimensions();
    image::imageops::crop_imm(&picture, left, 0, width - 100, height).to_image()
}

/// Writes a head that was taught this view to `folder/a.head`.
fn teach(folder: &Path, view: RgbImage) {
    let card = Card::read(&root().join("model/convnext_tiny_128_int8.onnx")).unwrap();
    let mut preparer = Preparer::new(&vision::Config::default(), &card.input);
    let (width, height) = (view.width() as usize, view.height() as usize);
    let frame = Frame {
        format: PixelFormat::Rgb24,
        width,
        height,
        stride: width * 3,
        data: view.into_raw().into(),
        ..Frame::empty()
    };
    let mut scene = Scene::new();
    scene.learn(preparer.prepare(frame.view()).unwrap(), &card.input);
    let mut head = bottle_or_wall(["bottle", "wall"]);
    head.scene = scene.to_bytes();
    write_head(&folder.join("a.head"), &head).unwrap();
}

/// What `check` says of the scene, with a head that was taught a view at `taught` and a source that
/// shows the one at `present`.
fn scene_line(taught: u32, present: u32) -> String {
    let folder = tempfile::tempdir().unwrap();
    teach(folder.path(), view(taught));
    let picture = folder.path().join("now.png");
    view(present).save(&picture).unwrap();
    let source = format!("kind = \"recording\"\npath = {picture:?}\n");
    let config = configuration(folder.path(), &source, "[mqtt]\nenabled = false\n");
    let text = std::fs::read_to_string(&config).unwrap();
    let with_head = text.replace("[model]\n", "[model]\nhead = \"a.head\"\n");
    std::fs::write(&config, with_head).unwrap();
    let ran = goldcrest(&["check", "--config", config.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let line = ran.stdout.lines().find(|line| line.starts_with("scene "));
    line.unwrap_or_else(|| panic!("{}", ran.stdout)).into()
}

#[test]
fn check_tells_a_view_that_fits_from_one_that_was_moved() {
    let same = scene_line(20, 20);
    assert!(
        same.contains("the view fits the one that was taught (0."),
        "{same}"
    );
    let moved = scene_line(20, 90);
    assert!(moved.contains("the camera was moved"), "{moved}");
}

#[test]
fn the_camera_topic_tells_that_the_view_fits() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/camera");
    let folder = tempfile::tempdir().unwrap();
    let path = root().join("tests/recordings/bottles/bottles-01.jpg");
    teach(folder.path(), image::open(path).unwrap().into_rgb8());
    let head = folder.path().join("a.head");
    let config = configuration(folder.path(), &bottles("loop"), &broker.config_toml());
    let text = std::fs::read_to_string(&config).unwrap();
    let with_head = text.replace("[model]\n", &format!("[model]\nhead = {head:?}\n"));
    std::fs::write(&config, with_head).unwrap();
    let _daemon = Daemon::of_file(folder, &config);
    let state = subscriber.expect_that("camera", |m| m.json()["state"] == "streaming");
    assert_eq!(state.json()["moved"], false, "{}", state.json());
}
