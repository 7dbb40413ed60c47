//! `goldcrest bench`: how fast and how large, on this machine.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use image::codecs::jpeg::JpegEncoder;
use serde::Serialize;

use super::{ConfigOption, json, say};
use crate::engine::{Engine, HexDigest};
use crate::exit;
use crate::frame::{Captured, Frame, PixelFormat};
use crate::meter::heap::{self, Heap};
use crate::meter::process;
use crate::meter::timing::{Histogram, Percentiles, StageCounts, StageTimes, Stages};
use crate::pipeline::{Listener, Outcome, Part, Pipeline};
use crate::publish::{EventIds, Payload, Topics};
use crate::setup::{self, Failure};

/// The picture that whole frames are measured with.
const WIDTH: usize = 640;
const HEIGHT: usize = 360;
/// Frames before the heap is measured: by then every buffer has its size.
const SETTLED: usize = 100;

/// Options of `goldcrest bench`.
#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    config: ConfigOption,
    /// The model, instead of the configured one
    #[arg(long, value_name = "ONNX")]
    model: Option<PathBuf>,
    /// A taught head, instead of the configured one; regions with heads of their own keep them
    #[arg(long, value_name = "HEAD")]
    head: Option<PathBuf>,
    /// Threads that one inference uses, instead of as many as are configured
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=16))]
    threads: Option<u64>,
    /// Frames to measure, after as many as settle all buffers
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    frames: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    threads: usize,
    frames: u64,
    infer_ms: Percentiles,
    stages_ms: StageTimes,
    allocations_per_inference: f64,
    allocations_per_frame: f64,
    allocations_by_stage: ByStage,
    live_heap_growth_bytes: i64,
    #[serde(flatten)]
    memory: process::Resident,
    kernel: String,
    model_hash: HexDigest,
    /// `null` without a taught head.
    head_hash: Option<HexDigest>,
}

/// Allocations of one frame, on average.
#[derive(Serialize)]
struct ByStage {
    vision: f64,
    infer: f64,
    observe: f64,
    /// Writing messages; there is no broker.
    publish: f64,
}

/// Runs the command.
pub fn run(options: &Options) -> Result<(), Failure> {
    let head = options.head.as_deref();
    let loaded = setup::configuration_for(options.config.path.as_deref(), head)?;
    let mut model = setup::model(
        &loaded,
        options.model.as_deref(),
        options.threads.map(|n| n as usize),
        setup::Packing::Cache,
    )?;
    let heads = setup::heads(&loaded, head, &mut model)?;
    let first = heads.first().and_then(Option::as_ref);
    let head_hash = first.map(|head| head.sha256.clone());
    let described = model.engine.describe().clone();
    let input = prepared(model.card.input.width * model.card.input.height);
    let (infer, allocations) = inferences(model.engine.as_mut(), &input, options.frames)?;

    let config = &loaded.config;
    let parts = Part::all(&config.vision, &config.region, heads);
    let mut pipeline = Pipeline::of(parts, &config.observe, &model.card, model.engine);
    let mut messages = Messages {
        topics: Topics::new(&loaded.config.mqtt.base, &loaded.config.id)?,
        ids: EventIds::of_parts(&[]),
    };
    let (before, after) = whole_frames(&mut pipeline, &mut messages, options.frames)?;
    let each = |allocations: u64| allocations as f64 / options.frames as f64;
    let StageCounts {
        vision,
        infer: infers,
        observe,
        publish,
    } = pipeline.stages.allocations;
    let report = Report {
        threads: described.threads,
        frames: options.frames,
        infer_ms: infer.percentiles(),
        stages_ms: pipeline.stages.times(),
        allocations_per_inference: each(allocations),
        allocations_per_frame: each(after.allocations - before.allocations),
        allocations_by_stage: ByStage {
            vision: each(vision),
            infer: each(infers),
            observe: each(observe),
            publish: each(publish),
        },
        live_heap_growth_bytes: after.live - before.live,
        memory: process::resident(),
        kernel: described.kernel,
        model_hash: described.model_hash,
        head_hash,
    };
    if options.json {
        say(&json(&report)?)
    } else {
        say(&text(&report))
    }
}

/// Writes updates as messages and drops them: what publishing costs without a broker.
struct Messages {
    topics: Topics,
    ids: EventIds,
}

impl Listener for Messages {
    fn outcome(&mut self, outcome: &Outcome<'_>, stages: &mut Stages) -> io::Result<()> {
        let Some(update) = &outcome.update else {
            return Ok(());
        };
        let (start, mut counted) = (Instant::now(), heap::now());
        for payload in Payload::of(update, outcome.hashes, &self.ids) {
            let message = (payload.topic(&self.topics).to_string(), payload.to_json()?);
            std::hint::black_box(message);
        }
        stages.publish.add(start.elapsed());
        stages.allocations.publish += counted.since();
        Ok(())
    }
}

/// Takes `frames` pictures through all stages, once every buffer has its size. Returns the heap
/// before and after.
fn whole_frames(
    pipeline: &mut Pipeline,
    messages: &mut Messages,
    frames: u64,
) -> Result<(Heap, Heap), Failure> {
    let mut frame = picture()?;
    for seq in 0..SETTLED as u64 {
        tick(&mut frame, seq);
        pipeline.process(&mut frame, &mut [messages])?;
    }
    pipeline.stages = Stages::default();
    let before = heap::now();
    for seq in 0..frames {
        tick(&mut frame, SETTLED as u64 + seq);
        pipeline.process(&mut frame, &mut [messages])?;
    }
    Ok((before, heap::now()))
}

/// Runs the network alone `frames` times; gives its times and the allocations that it made.
fn inferences(
    engine: &mut dyn Engine,
    input: &[f32],
    frames: u64,
) -> Result<(Histogram, u64), Failure> {
    let mut times = Histogram::default();
    for _ in 0..10 {
        engine.infer(input)?;
    }
    let before = heap::now();
    for _ in 0..frames {
        let start = Instant::now();
        engine.infer(input)?;
        times.add(start.elapsed());
    }
    Ok((times, heap::now().allocations - before.allocations))
}

/// A prepared input of `pixels` pixels with values as a picture's have them.
fn prepared(pixels: usize) -> Vec<f32> {
    (0..3 * pixels)
        .map(|i| ((i * 37 % 512) as f32 / 128.0) - 2.0)
        .collect()
}

/// A JPEG of gradients and edges, about as large as a camera's.
fn picture() -> Result<Frame, Failure> {
    let mut rgb = Vec::with_capacity(WIDTH * HEIGHT * 3);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let checker = ((x / 24 + y / 24) % 2 * 90) as u8;
            rgb.extend([
                (x * 255 / WIDTH) as u8,
                (y * 255 / HEIGHT) as u8,
                checker + (x * y % 31) as u8,
            ]);
        }
    }
    let mut frame = Frame::empty();
    JpegEncoder::new_with_quality(frame.data.own(), 85)
        .encode(
            &rgb,
            WIDTH as u32,
            HEIGHT as u32,
            image::ExtendedColorType::Rgb8,
        )
        .map_err(|e| Failure::new(exit::SOFTWARE, e))?;
    frame.format = PixelFormat::Jpeg;
    (frame.width, frame.height) = (WIDTH, HEIGHT);
    Ok(frame)
}

/// Gives the frame its place in a stream of ten a second.
fn tick(frame: &mut Frame, seq: u64) {
    frame.seq = seq;
    let elapsed = Duration::from_millis(seq * 100);
    frame.captured = Captured {
        elapsed,
        wall: SystemTime::UNIX_EPOCH + elapsed,
    };
}

/// The taught head, if there is one, for the line of the model.
fn head(report: &Report) -> String {
    let hash = report.head_hash.as_ref().map(HexDigest::abbreviated);
    hash.map_or_else(String::new, |hash| format!(" with the head {hash}"))
}

fn text(report: &Report) -> String {
    let Report {
        infer_ms,
        stages_ms,
        memory,
        allocations_by_stage: by_stage,
        ..
    } = report;
    [
        format!(
            "model        {}{} by {}, threads {}",
            report.model_hash.abbreviated(),
            head(report),
            report.kernel,
            report.threads
        ),
        format!(
            "inference    p50 {:.2} ms, p95 {:.2} ms, least {:.2} ms over {}",
            infer_ms.p50, infer_ms.p95, infer_ms.min, report.frames
        ),
        format!(
            "vision       p50 {:.2} ms, p95 {:.2} ms ({WIDTH}x{HEIGHT} JPEG to the model's input)",
            stages_ms.vision.p50, stages_ms.vision.p95
        ),
        format!(
            "observe      p50 {:.3} ms, p95 {:.3} ms",
            stages_ms.observe.p50, stages_ms.observe.p95
        ),
        format!(
            "allocations  {:.1} an inference, {:.1} a frame: vision {:.1}, observe {:.1}, publish {:.1}",
            report.allocations_per_inference,
            report.allocations_per_frame,
            by_stage.vision,
            by_stage.observe,
            by_stage.publish
        ),
        format!(
            "live heap    {:+} bytes over {} frames",
            report.live_heap_growth_bytes, report.frames
        ),
        format!(
            "memory       {:.1} MiB, {:.1} of it anonymous, peak {:.1}",
            memory.rss_mb, memory.rss_anon_mb, memory.rss_peak_mb
        ),
    ]
    .join("\n")
}
