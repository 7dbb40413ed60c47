//! What a frame costs with the motion gate closed, against one with an inference.
//!
//! `cargo bench --bench gate -- MODEL.onnx [--frames N]`
//!
//! Pictures of a still scene with a sensor's noise, so that no two in a row are the same, ten a
//! second, in turns with the gate closed (as shipped, and with a glance at each) and open. Times
//! are those that the thread ran, which a loaded machine does not stretch.

mod support;

use std::path::Path;
use std::time::{Duration, SystemTime};

use goldcrest::engine::{self, Card, bundle, pack};
use goldcrest::frame::{Captured, Frame, PixelFormat};
use goldcrest::observe;
use goldcrest::pipeline::Pipeline;
use goldcrest::vision::{self, Gate, GateConfig, Preparer};
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, resize};
use image::{ExtendedColorType, RgbImage};
use support::{Arguments, on_cpu};

/// A real picture, and how many with noise are made of it.
const PICTURE: &str = "tests/recordings/bottles/bottles-20.jpg";
const VARIANTS: u32 = 6;

type Fault = Box<dyn std::error::Error>;

fn main() -> Result<(), Fault> {
    let arguments = Arguments::new();
    let Some(model) = arguments.path() else {
        println!("give a model's path: cargo bench --bench gate -- MODEL.onnx");
        return Ok(());
    };
    let rounds = arguments.number("--frames", 20)? as u64;
    for (format, size) in [
        (PixelFormat::Yuyv, (640, 480)),
        (PixelFormat::Jpeg, (640, 480)),
        (PixelFormat::Yuyv, (1920, 1080)),
        (PixelFormat::Jpeg, (1920, 1080)),
    ] {
        measure(&model, format, size, rounds)?;
    }
    Ok(())
}

fn measure(model: &Path, format: PixelFormat, size: (u32, u32), rounds: u64) -> Result<(), Fault> {
    let frames: Result<Vec<_>, _> = (0..VARIANTS).map(|n| frame(format, size, n)).collect();
    let mut scene = Scene {
        frames: frames?,
        count: 0,
    };
    let closed = GateConfig {
        max_interval: 3600.0,
        ..GateConfig::default()
    };
    let glancing = GateConfig {
        glances: 240.0,
        ..closed.clone()
    };
    let opened = GateConfig {
        max_interval: 0.1,
        ..GateConfig::default()
    };
    let mut still = pipeline(model, &closed)?;
    let mut each = pipeline(model, &glancing)?;
    let mut open = pipeline(model, &opened)?;
    // Until what is said has settled the gate is open.
    scene.watch(&mut still, 40)?;
    scene.watch(&mut each, 40)?;
    scene.watch(&mut open, 10)?;
    let inferred = |all: [&Pipeline; 3]| all.map(|p| p.stages.infer.count()).iter().sum::<u64>();
    let mut preparer = Preparer::new(&vision::Config::default(), &Card::read(model)?.input);
    let (mut idle, mut glance, mut full, mut prepare) = (0.0, 0.0, 0.0, 0.0);
    for _ in 0..5 {
        let before = inferred([&still, &each, &open]);
        idle += scene.watch(&mut still, rounds * 4)? / (5 * rounds * 4) as f64;
        glance += scene.watch(&mut each, rounds * 4)? / (5 * rounds * 4) as f64;
        full += scene.watch(&mut open, rounds)? / (5 * rounds) as f64;
        let start = on_cpu();
        for frame in scene.frames.iter().cycle().take(rounds as usize) {
            preparer.prepare(frame.view())?;
        }
        prepare += (on_cpu() - start) / (5 * rounds) as f64;
        if inferred([&still, &each, &open]) != before + rounds {
            return Err("the gate was not as it should be".into());
        }
    }
    let kernel = still.engine().kernel.clone();
    println!(
        "{format} {}x{} ({} KiB): with inference by {kernel} {full:.2} ms, {prepare:.2} of it to prepare; gate closed, as \
         shipped {idle:.3} ms, {:.1} %; a glance at each frame {glance:.3} ms, {:.1} %",
        size.0,
        size.1,
        scene.frames[0].data.len() >> 10,
        100.0 * idle / full,
        100.0 * glance / full,
    );
    Ok(())
}

/// A still scene, frame after frame.
struct Scene {
    frames: Vec<Frame>,
    count: u64,
}

impl Scene {
    /// Takes so many frames through the pipeline; gives the milliseconds that this thread ran.
    fn watch(&mut self, pipeline: &mut Pipeline, frames: u64) -> Result<f64, Fault> {
        let start = on_cpu();
        for _ in 0..frames {
            let which = self.count as usize % self.frames.len();
            let frame = &mut self.frames[which];
            frame.seq = self.count;
            let elapsed = Duration::from_millis(100 * self.count);
            frame.captured = Captured {
                elapsed,
                wall: SystemTime::UNIX_EPOCH + elapsed,
            };
            self.count += 1;
            pipeline.process(frame, &mut [])?;
        }
        Ok(on_cpu() - start)
    }
}

/// The daemon's stages with this gate.
fn pipeline(model: &Path, gate: &GateConfig) -> Result<Pipeline, Fault> {
    let card = Card::read(model)?;
    if bundle::find(model, &card.sha256).is_none() {
        let folder = bundle::cache_folder(&card.sha256).ok_or("no home")?;
        pack::pack(model, &folder.join(bundle::NAME))?;
    }
    let engine = engine::open(model, &card, 1)?;
    let vision = vision::Config::default();
    let gate = Gate::new(gate, &vision, &card.input);
    Ok(Pipeline::new(&vision, &observe::Config::default(), &card, engine).gated(gate))
}

/// The scene with the noise of `variant`, of a few levels as in a sensor of daylight.
fn frame(format: PixelFormat, (width, height): (u32, u32), variant: u32) -> Result<Frame, Fault> {
    let scene = image::open(PICTURE)?.to_rgb8();
    let mut rgb: RgbImage = resize(&scene, width, height, FilterType::Triangle);
    let mut state = variant.wrapping_mul(2_654_435_761) | 1;
    for pixel in rgb.pixels_mut() {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        for (level, shift) in pixel.0.iter_mut().zip([0, 8, 16]) {
            let noise = (state >> shift & 7) as i16 - 3;
            *level = (i16::from(*level) + noise).clamp(0, 255) as u8;
        }
    }
    let mut frame = Frame::empty();
    (frame.width, frame.height) = (width as usize, height as usize);
    frame.format = format;
    match format {
        PixelFormat::Jpeg => JpegEncoder::new_with_quality(frame.data.own(), 85).encode(
            &rgb,
            width,
            height,
            ExtendedColorType::Rgb8,
        )?,
        _ => {
            frame.stride = frame.width * 2;
            for pair in rgb.as_raw().chunks_exact(6) {
                let luma = |p: &[u8]| {
                    let [r, g, b] = [p[0], p[1], p[2]].map(f32::from);
                    (16.0 + 0.257 * r + 0.504 * g + 0.098 * b) as u8
                };
                let [r, g, b] = [pair[0], pair[1], pair[2]].map(f32::from);
                let cb = (128.0 - 0.148 * r - 0.291 * g + 0.439 * b) as u8;
                let cr = (128.0 + 0.439 * r - 0.368 * g - 0.071 * b) as u8;
                frame
                    .data
                    .own()
                    .extend([luma(&pair[..3]), cb, luma(&pair[3..]), cr]);
            }
        }
    }
    Ok(frame)
}
