//! From a JPEG frame to the model's input: this crate beside zune-jpeg (through `image`) at full
//! size and fast_image_resize.
//!
//! `cargo bench --bench decode -- [FRAME.jpg...] [--calls N] [--rounds N]`; without files, the
//! corpus's frames of 1080p.
//!
//! Both run in turn in one thread of one process. Times are those that the thread was on a core;
//! memory is the most heap that was live at once over the first frame, the file itself not counted.
//! Ours ends in normalised f32 planes, the other in RGB of 8 bits.
//!
//! `cargo bench --bench decode -- --slowest WIDTH HEIGHT TIMES` does nothing but prepare the
//! slowest frame that a camera of this mode may send, so many times: its instructions can be
//! counted.

mod support;

#[path = "../tests/support/slowest.rs"]
mod slowest;

use std::path::PathBuf;

use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use goldcrest::engine::{Input, Resize};
use goldcrest::frame::{Frame, PixelFormat, jpeg};
use goldcrest::meter::heap;
use goldcrest::vision::{Config, Preparer};
use support::{Arguments, on_cpu};

const SIDE: usize = 128;

/// This crate's way.
struct Ours(Preparer);

impl Ours {
    fn new() -> Self {
        let input = Input {
            width: SIDE,
            height: SIDE,
            mean: [0.485, 0.456, 0.406],
            std: [0.229, 0.224, 0.225],
            resize: Resize::Squash,
        };
        Self(Preparer::new(&Config::default(), &input))
    }

    fn call(&mut self, frame: &Frame) {
        std::hint::black_box(self.0.prepare(frame.view()).expect("a whole frame"));
    }
}

/// The other's way.
struct Peer {
    resizer: Resizer,
    options: ResizeOptions,
    small: Image<'static>,
}

impl Peer {
    fn new() -> Self {
        Self {
            resizer: Resizer::new(),
            options: ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear)),
            small: Image::new(SIDE as u32, SIDE as u32, PixelType::U8x3),
        }
    }

    fn call(&mut self, frame: &Frame) {
        let format = image::ImageFormat::Jpeg;
        let picture = image::load_from_memory_with_format(&frame.data, format);
        let picture = picture.expect("a whole frame").into_rgb8();
        let (width, height) = picture.dimensions();
        let full = Image::from_vec_u8(width, height, picture.into_raw(), PixelType::U8x3);
        let full = full.expect("three bytes a pixel");
        self.resizer
            .resize(&full, &mut self.small, &self.options)
            .expect("two sizes that are not empty");
        std::hint::black_box(self.small.buffer());
    }
}

fn timed(calls: usize, mut call: impl FnMut()) -> f64 {
    let before = on_cpu();
    (0..calls).for_each(|_| call());
    (on_cpu() - before) / calls as f64
}

/// The most bytes live at once during `call`, beyond what was live before it.
fn peak<T>(call: impl FnOnce() -> T) -> (T, f64) {
    let before = heap::now().live;
    heap::forget_peak();
    let kept = call();
    (kept, (heap::peak() - before) as f64)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Prepares the slowest frame of a mode.
fn slowest_frame(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let number = |n: usize| arguments.after("--slowest", n).unwrap_or_default().parse();
    let (width, height, times): (u16, u16, u16) = (number(1)?, number(2)?, number(3)?);
    let frame = Frame {
        format: PixelFormat::Jpeg,
        data: slowest::slowest(width, height).into(),
        ..Frame::empty()
    };
    let mut ours = Ours::new();
    (0..times).for_each(|_| ours.call(&frame));
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::new();
    if arguments.has("--slowest") {
        return slowest_frame(&arguments);
    }
    let (calls, rounds) = (
        arguments.number("--calls", 60)?,
        arguments.number("--rounds", 11)?,
    );
    let mut files: Vec<PathBuf> = arguments.ending(".jpg").collect();
    if files.is_empty() {
        let corpus = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/mjpeg"));
        files = ["1080p-420.jpg", "1080p-422.jpg"]
            .map(|name| corpus.join(name))
            .into();
    }
    println!(
        "{:24} {:>9} {:>8} {:>8} {:>8} {:>6} {:>9} {:>9} {:>6}",
        "frame", "size", "bytes", "ours ms", "peer ms", "ratio", "ours KiB", "peer KiB", "ratio"
    );
    for file in files {
        let frame = Frame {
            format: PixelFormat::Jpeg,
            data: std::fs::read(&file)?.into(),
            ..Frame::empty()
        };
        let (width, height) = jpeg::size(&frame.data).ok_or("a file that is no JPEG")?;
        let (mut peer, peer_peak) = peak(|| {
            let mut peer = Peer::new();
            peer.call(&frame);
            peer
        });
        let (mut ours, ours_peak) = peak(|| {
            let mut ours = Ours::new();
            ours.call(&frame);
            ours
        });
        let before = heap::now();
        ours.call(&frame);
        let allocations = heap::now().allocations - before.allocations;
        let (mut mine, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            let (a, b) = (
                timed(calls, || ours.call(&frame)),
                timed(calls, || peer.call(&frame)),
            );
            mine.push(a);
            theirs.push(b);
            ratios.push(a / b);
        }
        println!(
            "{:24} {:>9} {:>8} {:>8.2} {:>8.2} {:>6.2} {:>9.0} {:>9.0} {:>6.3}  {allocations} allocations a frame",
            file.file_name().unwrap_or_default().to_string_lossy(),
            format!("{width}x{height}"),
            frame.data.len(),
            median(&mut mine),
            median(&mut theirs),
            median(&mut ratios),
            ours_peak / 1024.0,
            peer_peak / 1024.0,
            ours_peak / peer_peak
        );
    }
    Ok(())
}
