//! A camera that shows what it is told, and a daemon that learns from it.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::program::root;
use crate::support::{Broker, Daemon, Subscriber};

/// Keys of `[observe]` with which the model's own classifier claims the bottles, small as they are.
pub const RULE: &str =
    "smoothing = 0.1\nframes = 2\nspread = 0.0\nthreshold = 0.35\nrelease = 0.3\nmargin = 0.05\n";

/// A camera that shows one of four scenes: bottles, stripes, a disc, and the dark.
pub struct Camera {
    folder: TempDir,
    scene: Arc<AtomicUsize>,
    closed: Arc<AtomicBool>,
}

/// A picture of the scene, which differs a little from the one before.
fn picture(scene: usize, bottles: &RgbImage, seed: u32) -> Vec<u8> {
    let mut picture = RgbImage::from_fn(320, 180, |x, y| match scene {
        0 => *bottles.get_pixel(x, y),
        1 if (x / 24) % 2 == 0 => Rgb([230, 40, 30]),
        1 => Rgb([20, 30, 90]),
        2 if (x as i32 - 160).pow(2) + (y as i32 - 90).pow(2) < 3600 => Rgb([250, 230, 60]),
        2 => Rgb([40, 120, 60]),
        _ => Rgb([1, 1, 1]),
    });
    if scene < 3 {
        let level = (seed % 50) as u8 * 4;
        for (x, y) in (0..16).flat_map(|x| (0..16).map(move |y| (x, y))) {
            picture.put_pixel(x, y, Rgb([level; 3]));
        }
    }
    let mut jpeg = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, 85);
    encoder.encode_image(&picture).unwrap();
    jpeg
}

impl Camera {
    pub fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("camera");
        let made = Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        let (scene, closed) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (shown, ended) = (Arc::clone(&scene), Arc::clone(&closed));
        let bottles = image::open(root().join("tests/recordings/bottles/bottles-20.jpg")).unwrap();
        let bottles = bottles.resize_exact(320, 180, image::imageops::FilterType::Triangle);
        let bottles = bottles.to_rgb8();
        thread::spawn(move || {
            let mut seed = 0;
            while !ended.load(Relaxed) {
                // It waits here for the next daemon.
                let Ok(mut pipe) = OpenOptions::new().write(true).open(&path) else {
                    return;
                };
                loop {
                    seed += 1;
                    let jpeg = picture(shown.load(Relaxed), &bottles, seed);
                    if ended.load(Relaxed) || pipe.write_all(&jpeg).is_err() {
                        break;
                    }
                    thread::sleep(Duration::from_millis(50));
                }
            }
        });
        Self {
            folder,
            scene,
            closed,
        }
    }

    pub fn show(&self, scene: usize) {
        self.scene.store(scene, Relaxed);
        // What is in the pipe comes first.
        thread::sleep(Duration::from_millis(600));
    }

    pub fn source(&self) -> String {
        let path = self.folder.path().join("camera");
        format!("kind = \"recording\"\npath = {path:?}\nframe_rate = 20.0\n")
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.closed.store(true, Relaxed);
    }
}

/// A daemon that can be taught, with its state in a folder that outlives it.
pub struct School {
    pub broker: Broker,
    pub camera: Camera,
    pub state: TempDir,
    pub answers: Subscriber,
    pub settings: Subscriber,
}

impl School {
    pub fn new() -> Self {
        let broker = Broker::start();
        let on = |topic: &str| Subscriber::new(&broker, &format!("goldcrest/test/{topic}"));
        Self {
            answers: on("response/+"),
            settings: on("settings"),
            camera: Camera::start(),
            state: TempDir::new().unwrap(),
            broker,
        }
    }

    /// A daemon, with `more` keys of `[teach]`.
    pub fn open(&self, more: &str) -> Daemon {
        self.open_in(self.state.path(), "", more)
    }

    /// The same with its lessons in `folder`, and more keys of `[commands]`.
    pub fn open_in(&self, folder: &Path, commands: &str, more: &str) -> Daemon {
        let text = format!(
            "{RULE}[gate]\ndark = 12.0\n{}[commands]\nenabled = true\n{commands}\
             [teach]\nenabled = true\nfolder = {folder:?}\n{more}",
            self.broker.config_toml(),
        );
        Daemon::on(&self.camera.source(), &text)
    }

    /// Waits until a daemon hears commands: one that is sent before is lost.
    pub fn is_online(&self) {
        let availability = Subscriber::new(&self.broker, "goldcrest/test/availability");
        availability.expect_that("availability", |m| m.text == "online");
    }

    /// Sends a lesson; returns its answer.
    pub fn ask(&self, payload: &str) -> Value {
        self.broker.send("goldcrest/test/command/teach", payload);
        self.answers.expect("teach").json()
    }

    /// Teaches the scene `count` times.
    pub fn teach(&self, scene: usize, label: &str, count: usize) -> Value {
        self.camera.show(scene);
        let mut last = Value::Null;
        for _ in 0..count {
            last = self.ask(&json!({"label": label}).to_string());
            assert_eq!(
                (&last["ok"], &last["label"]),
                (&json!(true), &json!(label)),
                "{last}"
            );
        }
        last
    }

    pub fn refused(&self, payload: &str) -> String {
        let answer = self.ask(payload);
        assert_eq!(answer["ok"], false, "{answer}");
        answer["error"].as_str().expect("an error").to_string()
    }

    /// Waits until the label is `wanted` from now on.
    pub fn sees(&self, wanted: Value) -> Value {
        let labels = Subscriber::new(&self.broker, "goldcrest/test/label");
        let message = labels.expect_that("label", |m| !m.retained && m.json()["label"] == wanted);
        message.json()
    }

    /// The settings that the broker retains.
    pub fn settings_now(&self) -> Value {
        let settings = Subscriber::new(&self.broker, "goldcrest/test/settings");
        settings.expect("settings").json()
    }

    pub fn lessons(&self, ending: &str) -> PathBuf {
        let entries = fs::read_dir(self.state.path()).unwrap();
        let mut paths = entries.map(|entry| entry.unwrap().path());
        let path = paths.find(|path| path.to_string_lossy().ends_with(ending));
        path.unwrap_or_else(|| panic!("nothing ends with {ending}"))
    }
}
