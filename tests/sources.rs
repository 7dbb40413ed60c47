//! What each source takes of memory, beside what was computed before its first frame.
//!
//! The heap's counters are the process's, so all sources stand in one test.

#[path = "support/mod.rs"]
mod support;

use std::fs::{self, File};
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use goldcrest::engine::{Input, Resize};
use goldcrest::frame::{Frame, PixelFormat};
use goldcrest::meter::heap;
use goldcrest::source::http::{self, Http, Url};
use goldcrest::source::process::{self, Argv, Format, Launch, Process};
use goldcrest::source::{
    Footprint, Next, Pauses, Recording, RecordingOptions, Source, Synthetic, SyntheticOptions,
};
use goldcrest::vision::{self, Config, Gate, GateConfig, Preparer};
use image::{ExtendedColorType, ImageFormat};
use support::web;
use tempfile::TempDir;

/// Frames that circulate between source, slot and pipeline.
const FRAMES: usize = 3;
/// What a thread's stack and channels are counted as.
const THREAD: usize = 96 << 10;
/// Names, log lines and counts.
const ODDS: usize = 16 << 10;

const FORMATS: [PixelFormat; 8] = [
    PixelFormat::Rgb24,
    PixelFormat::Bgr24,
    PixelFormat::Grey,
    PixelFormat::Yuyv,
    PixelFormat::Uyvy,
    PixelFormat::Nv12,
    PixelFormat::Yu12,
    PixelFormat::Jpeg,
];
const SIZES: [(usize, usize); 5] = [(64, 64), (641, 361), (1920, 1080), (3840, 2160), (64, 2160)];

/// Takes up to `most` frames of a source through gate and vision, as the daemon does. Returns the
/// peak of the heap beside what was computed for it.
fn peak_and_need<S: Source>(most: usize, open: impl FnOnce() -> (S, Footprint)) -> (usize, usize) {
    let input = Input {
        width: 128,
        height: 128,
        mean: [0.5; 3],
        std: [0.25; 3],
        resize: Resize::Squash,
    };
    let mut preparer = Preparer::new(&Config::default(), &input);
    let mut gate = Gate::new(&GateConfig::default(), &Config::default(), &input);
    let before = heap::now().live;
    let (mut source, footprint) = open();
    let opened = heap::now().live - before;
    heap::forget_peak();
    let mut frames: [Frame; FRAMES] = std::array::from_fn(|_| Frame::empty());
    let mut read = 0;
    while read < most {
        let frame = &mut frames[read % FRAMES];
        match source.next(frame).unwrap() {
            Next::Frame => {}
            Next::Idle => continue,
            Next::End => break,
        }
        read += 1;
        gate.look(frame.view(), frame.captured.elapsed, true).ok();
        preparer.prepare(frame.view()).ok();
    }
    assert!(read > 0, "no frame was read");
    let peak = usize::try_from(heap::peak() - before).unwrap();
    let need = usize::try_from(opened).unwrap()
        + FRAMES * footprint.frame
        + footprint.own
        + footprint.whole
        + vision::memory(footprint.width, footprint.height)
        + footprint.threads * THREAD
        + ODDS;
    (peak, need)
}

/// The sources whose peak is above what was computed.
struct Findings(Vec<String>);

impl Findings {
    fn check<S: Source>(&mut self, name: &str, most: usize, open: impl FnOnce() -> (S, Footprint)) {
        let (peak, need) = peak_and_need(most, open);
        let line = format!(
            "{name:<28} peak {:>6} KiB, computed {:>6} KiB",
            peak >> 10,
            need >> 10
        );
        println!("{line}");
        if peak > need {
            self.0.push(line);
        }
    }

    fn recording(&mut self, name: &str, path: &Path) {
        self.check(name, 7, || {
            let mut recording = Recording::open(path, RecordingOptions::default()).unwrap();
            let footprint = recording.bounded();
            (recording, footprint)
        });
    }
}

/// A picture that compresses badly: noise over a gradient.
fn noise(width: u32, height: u32) -> image::RgbImage {
    let mut state = 7_u32;
    image::RgbImage::from_fn(width, height, |x, y| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        image::Rgb([
            (x ^ (state >> 24)) as u8,
            (y + (state >> 26)) as u8,
            (state >> 25) as u8,
        ])
    })
}

fn jpeg(picture: &image::RgbImage, quality: u8) -> Vec<u8> {
    let mut data = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut data, quality)
        .encode(
            picture,
            picture.width(),
            picture.height(),
            ExtendedColorType::Rgb8,
        )
        .unwrap();
    data
}

fn png(picture: impl Into<image::DynamicImage>) -> Vec<u8> {
    let mut data = Cursor::new(Vec::new());
    picture
        .into()
        .write_to(&mut data, ImageFormat::Png)
        .unwrap();
    data.into_inner()
}

fn folder(files: &[(&str, Vec<u8>)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, data) in files {
        fs::write(folder.path().join(name), data).unwrap();
    }
    folder
}

fn y4m(sampling: &str, (width, height): (usize, usize), frames: usize) -> Vec<u8> {
    let chroma = width.div_ceil(2);
    let bytes = match sampling {
        "mono" => width * height,
        "422" => width * height + 2 * chroma * height,
        _ => width * height + 2 * chroma * height.div_ceil(2),
    };
    let mut data = format!("YUV4MPEG2 W{width} H{height} F10:1 C{sampling}\n").into_bytes();
    for n in 0..frames {
        data.extend(b"FRAME\n");
        data.extend((0..bytes).map(|i| (i * 7 + n) as u8));
    }
    data
}

fn reference(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference");
    fs::read(folder.join(name)).unwrap()
}

#[test]
fn no_source_takes_more_than_was_computed() {
    let mut found = Findings(Vec::new());
    for format in FORMATS {
        for (width, height) in SIZES {
            found.check(
                &format!("synthetic {format} {width}x{height}"),
                FRAMES + 1,
                || {
                    let source = Synthetic::new(SyntheticOptions {
                        format,
                        width,
                        height,
                        paced: false,
                        ..SyntheticOptions::default()
                    });
                    let footprint = source.footprint();
                    (source, footprint)
                },
            );
        }
    }
    pictures(&mut found);
    streams(&mut found);
    videos(&mut found);
    processes(&mut found);
    addresses(&mut found);
    assert!(found.0.is_empty(), "{:#?}", found.0);
}

fn pictures(found: &mut Findings) {
    for (width, height) in [(640, 480), (1920, 1080), (3840, 2160)] {
        let picture = noise(width, height);
        let dynamic = image::DynamicImage::from(picture.clone());
        for (name, data) in [
            ("a.jpg", jpeg(&picture, 95)),
            ("a.png", png(picture.clone())),
            ("rgba.png", png(dynamic.to_rgba8())),
            ("rgba16.png", png(dynamic.to_rgba16())),
            ("rgb16.png", png(dynamic.to_rgb16())),
            ("grey.png", png(dynamic.to_luma8())),
            ("grey16.png", png(dynamic.to_luma16())),
        ] {
            let folder = folder(&[(name, data)]);
            found.recording(
                &format!("{name} {width}x{height}"),
                &folder.path().join(name),
            );
        }
        // The largest comes last, and the widest is not the first.
        let mixed = folder(&[
            ("1.jpg", jpeg(&noise(64, 48), 50)),
            ("2.jpg", jpeg(&noise(320, 240), 95)),
            ("3.png", png(noise(width / 2, height))),
            ("4.jpg", jpeg(&picture, 99)),
            ("5.png", png(dynamic.to_rgba8())),
        ]);
        found.recording(&format!("folder {width}x{height}"), mixed.path());
    }
    found.recording(
        "palette.png",
        &folder(&[("a.png", reference("palette.png"))])
            .path()
            .join("a.png"),
    );
    for name in ["progressive.jpg", "scans.jpg"] {
        if let Ok(data) = fs::read(format!("tests/reference/jpeg/{name}")) {
            found.recording(name, folder(&[(name, data)]).path());
        }
    }
    let tall = folder(&[
        ("tall.png", png(noise(3, 20_000))),
        ("wide.png", png(noise(20_000, 3))),
    ]);
    found.recording("tall and wide", tall.path());
    let names: Vec<_> = (0..6000).map(|n| format!("{n:0100}.jpg")).collect();
    let small = jpeg(&noise(64, 48), 50);
    let many: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), small.clone()))
        .collect();
    found.recording("folder of 6000", folder(&many).path());
}

fn streams(found: &mut Findings) {
    for (width, height) in [(640, 480), (1920, 1080), (3840, 2160)] {
        let (w, h) = (width as u32, height as u32);
        for sampling in ["420", "422", "mono"] {
            let folder = folder(&[("a.y4m", y4m(sampling, (width, height), 5))]);
            found.recording(
                &format!("y4m {sampling} {width}x{height}"),
                &folder.path().join("a.y4m"),
            );
        }
        // From a dark picture to noise, and to one that is larger than the first.
        let mut stream = jpeg(&image::RgbImage::new(w, h), 50);
        for quality in [30, 60, 80, 90, 95, 100] {
            stream.extend(jpeg(&noise(w, h), quality));
        }
        stream.extend(jpeg(&noise(w + 16, h + 16), 90));
        let folder = folder(&[("a.mjpeg", stream.clone())]);
        found.recording(
            &format!("mjpeg {width}x{height}"),
            &folder.path().join("a.mjpeg"),
        );
        let fifo = folder.path().join("fifo");
        assert!(
            Command::new("mkfifo")
                .arg(&fifo)
                .status()
                .unwrap()
                .success()
        );
        let to = fifo.clone();
        let writer = thread::spawn(move || {
            // What the reader leaves is a broken pipe.
            File::create(to).unwrap().write_all(&stream).ok();
        });
        found.recording(&format!("fifo of mjpeg {width}x{height}"), &fifo);
        writer.join().unwrap();
    }
}

/// Pictures that a program or an address sends: small, noisy, and of every quality.
fn sent(width: u32, height: u32) -> Vec<Vec<u8>> {
    let mut pictures = vec![jpeg(&image::RgbImage::new(width, height), 50)];
    for quality in [30, 60, 80, 90, 95, 100, 40] {
        pictures.push(jpeg(&noise(width, height), quality));
    }
    pictures
}

/// Addresses that give a stream, or one picture each time.
fn addresses(found: &mut Findings) {
    for (width, height) in [(640, 480), (1920, 1080), (3840, 2160)] {
        let pictures = sent(width, height);
        let config = |server: &web::Server| http::Config {
            url: Url::from(server.url("/").as_str()),
            interval: 0.1,
            width,
            height,
            ..http::Config::default()
        };
        let server = web::Server::start(web::stream(&pictures));
        let config_of_stream = config(&server);
        let open = |config: http::Config| {
            let footprint = config.footprint();
            let http = Http::new(&config, Path::new("/"), Pauses::default());
            (http.unwrap(), footprint)
        };
        found.check(&format!("http {width}x{height}"), 7, || {
            open(config_of_stream)
        });
        let one = [b"HTTP/1.0 200 OK\r\n\r\n", &pictures[6][..]].concat();
        let server = web::Server::start(web::once(one));
        let config_of_still = config(&server);
        found.check(&format!("http, polled, {width}x{height}"), 7, || {
            open(config_of_still)
        });
    }
}

/// Programs that write the same stream again and again.
fn processes(found: &mut Findings) {
    let launch = Launch {
        keeper: env!("CARGO_BIN_EXE_goldcrest").into(),
        ..Launch::default()
    };
    for (width, height) in [(640, 480), (1920, 1080), (3840, 2160)] {
        let (w, h) = (width as u32, height as u32);
        let pictures = sent(w, h).concat();
        let raw = vec![120; width * height * 3 / 2];
        for (name, format, stream) in [
            ("mjpeg", Format::Mjpeg, pictures),
            ("y4m 420", Format::Y4m, y4m("420", (width, height), 3)),
            ("y4m 422", Format::Y4m, y4m("422", (width, height), 3)),
            ("yuv420", Format::Yuv420, raw),
        ] {
            let folder = folder(&[("stream", stream)]);
            let path = folder.path().join("stream");
            // A stream of Y4M has its header once.
            let script = match format {
                Format::Y4m => format!("cat {}; sleep 60", path.display()),
                _ => format!("while :; do cat {}; sleep 0.1; done", path.display()),
            };
            let config = process::Config {
                argv: Argv::from(&["sh", "-c", &script][..]),
                format,
                width: Some(w),
                height: Some(h),
                ..process::Config::default()
            };
            let most = if format == Format::Y4m { 1 } else { 7 };
            found.check(&format!("process {name} {width}x{height}"), most, || {
                (Process::new(&config, launch.clone()), config.footprint())
            });
        }
    }
}

/// Videos go through the user's ffmpeg, where there is one.
fn videos(found: &mut Findings) {
    if !Command::new("ffmpeg")
        .arg("-version")
        .output()
        .is_ok_and(|ran| ran.status.success())
    {
        println!("SKIPPED videos: no ffmpeg");
        return;
    }
    let folder = TempDir::new().unwrap();
    for size in ["640x480", "1920x1080"] {
        let path = folder.path().join(format!("{size}.mp4"));
        let made = Command::new("ffmpeg")
            .args([
                "-v",
                "error",
                "-f",
                "lavfi",
                "-i",
                &format!("testsrc2=s={size}:r=10:d=1"),
            ])
            .args(["-c:v", "mpeg4", "-y"])
            .arg(&path)
            .status();
        assert!(made.unwrap().success());
        found.recording(&format!("video {size}"), &path);
    }
}
