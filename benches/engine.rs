//! Times one engine on a model folder, for work on the kernels.
//!
//! `cargo bench --bench engine -- MODEL.onnx [--threads N] [--frames N] [--plain] [--logits
//! INPUTS.f32 OUT.f32] [--serve INPUTS.f32]`
//!
//! `GOLDCREST_KERNEL` chooses the kernels. `--logits` classifies the prepared inputs in a file of
//! raw f32 and writes their logits, for comparison with another runtime. `--serve` is for
//! `benches/peers`: each line of standard input is a number of runs over the inputs in turn, whose
//! milliseconds are printed.

mod support;

use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use goldcrest::engine::{self, Card, Engine, bundle, pack};
use goldcrest::frame::{Frame, PixelFormat};
use goldcrest::vision::{self, Preparer};
use support::{Arguments, on_cpu};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::new();
    let Some(model) = arguments.path() else {
        println!("give a model's path to time it: cargo bench --bench engine -- MODEL.onnx");
        return Ok(());
    };
    let threads = arguments.number("--threads", 1)?;
    let frames = arguments.number("--frames", 200)?;
    let card = Card::read(&model)?;
    let plain = arguments.has("--plain");
    let mut engine: Box<dyn Engine> = if plain {
        Box::new(engine::Onnx::open(&model, &card)?)
    } else {
        let packed = bundle::find(&model, &card.sha256);
        let folder = bundle::cache_folder(&card.sha256).ok_or("no home")?;
        if !packed.is_some_and(|path| bundle::fresh(&path, &card.sha256)) {
            println!("{:?}", pack::pack(&model, &folder.join(bundle::NAME))?);
        }
        engine::open(&model, &card, threads)?
    };
    let size = 3 * card.input.width * card.input.height;
    if let (Some(inputs), Some(out)) = (
        arguments.after("--logits", 1),
        arguments.after("--logits", 2),
    ) {
        return logits(&mut *engine, size, Path::new(inputs), Path::new(out));
    }
    if let Some(inputs) = arguments.after("--serve", 1) {
        return serve(&mut *engine, size, Path::new(inputs));
    }
    let input = picture(&card)?;
    let (mut times, mut busy) = (Vec::new(), Vec::new());
    for _ in 0..frames {
        let (start, ran) = (Instant::now(), on_cpu());
        std::hint::black_box(engine.infer(&input)?);
        times.push(start.elapsed().as_secs_f64() * 1e3);
        busy.push(on_cpu() - ran);
    }
    times.sort_by(f64::total_cmp);
    busy.sort_by(f64::total_cmp);
    let about = engine.describe();
    println!(
        "{} x{}: p50 {:.2} ms, min {:.2} ms, p95 {:.2} ms; on this core p50 {:.2} ms, min {:.2} ms; {:?}",
        about.kernel,
        about.threads,
        times[frames / 2],
        times[0],
        times[frames * 95 / 100],
        busy[frames / 2],
        busy[0],
        about.memory
    );
    let macs = |dtype: &str| {
        let of = about.layers.iter().filter(|l| l.dtype == dtype);
        of.map(|l| l.macs).sum::<u64>()
    };
    println!(
        "{} multiplications in int8, {} in float",
        macs("u8*s8"),
        macs("f32")
    );
    Ok(())
}

fn serve(
    engine: &mut dyn Engine,
    size: usize,
    inputs: &Path,
) -> Result<(), Box<dyn std::error::Error>> {
    let values = floats(inputs)?;
    let mut inputs = values.chunks_exact(size).cycle();
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let mut times = Vec::new();
        for input in inputs.by_ref().take(line?.trim().parse()?) {
            let start = Instant::now();
            std::hint::black_box(engine.infer(input)?);
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        writeln!(out, "{times:?}")?;
        out.flush()?;
    }
    Ok(())
}

/// The floats in a file of raw f32, little-endian.
fn floats(path: &Path) -> std::io::Result<Vec<f32>> {
    let bytes = std::fs::read(path)?;
    let value = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
    Ok(bytes.chunks_exact(4).map(value).collect())
}

/// The first shipped frame as the model's input: the speed of the AVX2 kernels depends on the
/// picture.
fn picture(card: &Card) -> Result<Vec<f32>, Box<dyn std::error::Error>> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/recordings/bottles/bottles-01.jpg"
    );
    let rgb = image::open(path)?.into_rgb8();
    let frame = Frame {
        format: PixelFormat::Rgb24,
        width: rgb.width() as usize,
        height: rgb.height() as usize,
        stride: rgb.width() as usize * 3,
        data: rgb.into_raw().into(),
        ..Frame::empty()
    };
    let mut preparer = Preparer::new(&vision::Config::default(), &card.input);
    Ok(preparer.prepare(frame.view())?.to_vec())
}

fn logits(
    engine: &mut dyn Engine,
    size: usize,
    inputs: &Path,
    out: &Path,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut all = Vec::new();
    for input in floats(inputs)?.chunks_exact(size) {
        all.extend(engine.infer(input)?.iter().flat_map(|v| v.to_le_bytes()));
    }
    Ok(std::fs::write(out, all)?)
}
