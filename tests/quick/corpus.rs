//! Frames as cameras send them, good and bad, through all that reads JPEG: the decoder at every
//! scale, the model's input, the camera's check and the reader of MJPEG streams. `corpus/make.py`
//! describes each file and the result that it must lead to.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use goldcrest::engine::{Input, Resize};
use goldcrest::frame::{Error, Frame, Limit, Lines, PixelFormat, jpeg};
use goldcrest::source::{Next, Recording, RecordingOptions, Source};
use goldcrest::vision::{Config, Preparer};
use serde::Deserialize;

/// The most bytes that all files together may have.
const MOST: u64 = 1_000_000;
const SIDE: usize = 128;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    frame: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    file: String,
    what: String,
    /// `read`, or the cause of the refusal.
    decoder: String,
    size: Option<(usize, usize)>,
    /// The picture that the model's input must be like.
    like: Option<String>,
    /// By how many levels of 255 it may differ on average.
    within: Option<f64>,
    /// `whole` or `truncated`.
    camera: String,
    /// The decoder's result for each picture in a stream of this file.
    reader: Vec<String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/mjpeg")
}

fn corpus() -> Vec<(Entry, Vec<u8>)> {
    let text = fs::read_to_string(folder().join("manifest.toml")).unwrap();
    let manifest: Manifest = toml::from_str(&text).unwrap();
    let entries = manifest.frame.into_iter();
    entries
        .map(|e| {
            let data = fs::read(folder().join(&e.file)).unwrap();
            (e, data)
        })
        .collect()
}

/// Reads the whole picture at `eighths` eighths of its size; `read` or the cause.
fn outcome(decoder: &mut jpeg::Decoder, data: &[u8], eighths: usize) -> &'static str {
    let mut read = || -> Result<(), Error> {
        let mut picture = decoder.open(data, Limit::FILE)?;
        let (_, width, height) = picture.start(eighths)?;
        let mut line = vec![0; width * 3];
        for y in 0..height {
            picture.read(y, 0, &mut line)?;
        }
        picture.finish()
    };
    read().map_or_else(|error| error.cause(), |()| "read")
}

fn preparer() -> Preparer {
    let input = Input {
        width: SIDE,
        height: SIDE,
        mean: [0.0; 3],
        std: [1.0 / 255.0; 3],
        resize: Resize::Squash,
    };
    Preparer::new(&Config::default(), &input)
}

fn frame(data: &[u8]) -> Frame {
    Frame {
        format: PixelFormat::Jpeg,
        data: data.to_vec().into(),
        ..Frame::empty()
    }
}

/// The mean difference of planes of levels from a picture of the same size.
fn difference(planes: &[f32], picture: &image::RgbImage) -> f64 {
    let plane = planes.len() / 3;
    let pixels = picture.pixels().enumerate();
    let sum: f64 = pixels
        .flat_map(|(i, rgb)| {
            (0..3).map(move |c| f64::from(planes[c * plane + i] - f32::from(rgb[c])).abs())
        })
        .sum();
    sum / planes.len() as f64
}

#[test]
fn the_manifest_names_exactly_the_files_of_the_corpus() {
    let mut named: BTreeSet<String> = corpus().iter().map(|(e, _)| e.file.clone()).collect();
    let likes: BTreeSet<_> = corpus().into_iter().filter_map(|(e, _)| e.like).collect();
    named.extend(likes.into_iter().map(|like| format!("{like}.png")));
    named.insert("manifest.toml".into());
    let files = fs::read_dir(folder()).unwrap().map(Result::unwrap);
    let names: BTreeSet<_> = files
        .map(|f| f.file_name().into_string().unwrap())
        .collect();
    assert_eq!(named, names);
}

#[test]
fn the_corpus_is_small() {
    let files = fs::read_dir(folder()).unwrap().map(Result::unwrap);
    let bytes: u64 = files.map(|f| f.metadata().unwrap().len()).sum();
    assert!(bytes < MOST, "{bytes}");
}

#[test]
fn every_file_is_read_or_refused_for_its_cause_at_every_scale() {
    let mut decoder = jpeg::Decoder::new();
    for (entry, data) in corpus() {
        let Entry { file, what, .. } = &entry;
        for eighths in 1..=8 {
            let outcome = outcome(&mut decoder, &data, eighths);
            assert_eq!(outcome, entry.decoder, "{file} at {eighths}/8: {what}");
        }
        if let Some(size) = entry.size {
            assert_eq!(
                decoder.open(&data, Limit::FILE).unwrap().size(),
                size,
                "{file}"
            );
            assert_eq!(jpeg::size(&data), Some(size), "{file}");
        }
    }
}

/// One preparer for all: a bad frame must leave nothing behind for the next one.
#[test]
fn what_is_read_looks_as_it_should() {
    let mut preparer = preparer();
    let mut read = 0;
    for (entry, data) in corpus() {
        let frame = frame(&data);
        let prepared = preparer.prepare(frame.view());
        let Some(like) = entry.like else {
            assert_eq!(
                prepared.unwrap_err().cause(),
                entry.decoder,
                "{}",
                entry.file
            );
            continue;
        };
        let picture = image::open(folder().join(format!("{like}.png"))).unwrap();
        let difference = difference(prepared.unwrap(), &picture.into_rgb8());
        println!("{}: {difference:.2} levels", entry.file);
        assert!(
            difference <= entry.within.unwrap(),
            "{}: {difference:.2} levels from {like}: {}",
            entry.file,
            entry.what
        );
        read += 1;
    }
    assert!(read >= 40, "only {read} are read");
}

#[test]
fn the_camera_keeps_whole_pictures_and_cuts_their_padding() {
    let mut preparer = preparer();
    for (entry, data) in corpus() {
        let length = jpeg::length(&data);
        assert_eq!(
            length.map_or("truncated", |_| "whole"),
            entry.camera,
            "{}",
            entry.file
        );
        if let (Some(length), "read") = (length, entry.decoder.as_str()) {
            let whole = preparer.prepare(frame(&data).view()).unwrap().to_vec();
            let kept = preparer.prepare(frame(&data[..length]).view()).unwrap();
            assert!(whole == kept, "{}", entry.file);
        }
    }
}

/// The decoder's result for each picture of a stream.
fn streamed(stream: &[u8]) -> Vec<String> {
    let file = tempfile::Builder::new()
        .suffix(".mjpeg")
        .tempfile()
        .unwrap();
    fs::write(file.path(), stream).unwrap();
    let Ok(mut recording) = Recording::open(file.path(), RecordingOptions::default()) else {
        return Vec::new();
    };
    let (mut frame, mut decoder) = (Frame::empty(), jpeg::Decoder::new());
    let mut outcomes = Vec::new();
    while let Ok(Next::Frame) = recording.next(&mut frame) {
        outcomes.push(outcome(&mut decoder, &frame.data, 4).to_owned());
    }
    outcomes
}

#[test]
fn the_reader_of_streams_finds_the_pictures_of_each_file() {
    for (entry, data) in corpus() {
        assert_eq!(streamed(&data), entry.reader, "{}", entry.file);
    }
}

#[test]
fn a_stream_of_the_whole_corpus_gives_every_good_picture() {
    let (mut stream, mut good) = (Vec::new(), 0);
    for (entry, data) in corpus() {
        // What claims bytes of the next file for its own, or has no end, takes a neighbour with it
        // by right.
        if entry.camera == "whole" && entry.file != "length-more.jpg" {
            stream.extend(&data);
            good += entry.reader.iter().filter(|o| *o == "read").count();
        }
    }
    let outcomes = streamed(&stream);
    assert_eq!(outcomes.iter().filter(|o| *o == "read").count(), good);
}

/// A frame cut at every percent of its length, bare, padded by zeros as a camera's buffer is, and
/// ended all the same.
#[test]
fn a_frame_cut_at_any_percent_is_refused() {
    let mut decoder = jpeg::Decoder::new();
    let names = [
        "420.jpg",
        "avi1-422.jpg",
        "avi1-restart.jpg",
        "grey.jpg",
        "odd-422.jpg",
    ];
    let corpus = corpus();
    let frames = corpus
        .iter()
        .filter(|(e, _)| names.contains(&e.file.as_str()));
    let mut cuts = 0;
    for (entry, data) in frames {
        for percent in 1..100 {
            let cut = &data[..data.len() * percent / 100];
            let at = format!("{} cut at {percent} %", entry.file);
            assert_eq!(outcome(&mut decoder, cut, 2), "truncated", "{at}");
            assert_eq!(jpeg::length(cut), None, "{at}");
            assert_eq!(streamed(cut), ["truncated"], "{at}");
            let mut padded = cut.to_vec();
            padded.resize(data.len() + 4096, 0);
            assert_ne!(outcome(&mut decoder, &padded, 2), "read", "{at}, padded");
            assert_eq!(jpeg::length(&padded), None, "{at}, padded");
            let ended = [cut, &[0xff, 0xd9]].concat();
            assert_ne!(outcome(&mut decoder, &ended, 2), "read", "{at}, ended");
            cuts += 1;
        }
    }
    assert_eq!(cuts, names.len() * 99);
}
