use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::*;

/// The frame bytes and the width of the recording's footprint.
fn footprint(path: &Path) -> (usize, usize) {
    let Footprint {
        device,
        frame,
        width,
        ..
    } = open(path).bounded();
    assert_eq!(device, 0);
    (frame, width)
}

#[test]
fn the_footprint_of_a_folder_is_its_largest_picture() {
    let larger = [JPEG, &[0; 5000]].concat();
    let wide = png(image::RgbImage::from_pixel(90, 70, image::Rgb([1, 2, 3])));
    assert!(wide.len() < 90 * 70 * 3);
    let folder = directory(&[("1.jpg", b"\xff\xd8 broken"), ("2.jpg", JPEG)]);
    assert_eq!(footprint(folder.path()), (JPEG.len(), 107));
    fs::write(folder.path().join("3.jpg"), &larger).unwrap();
    assert_eq!(footprint(folder.path()), (larger.len(), 107));
    fs::write(folder.path().join("4.png"), &wide).unwrap();
    assert_eq!(footprint(folder.path()), (90 * 70 * 3, 107));
    let folder = directory(&[("bird.png", &wide)]);
    assert_eq!(footprint(&folder.path().join("bird.png")).1, 90);
}

#[test]
fn the_footprint_of_a_stream_follows_its_first_frame() {
    let stream = [b"noise", JPEG, JPEG].concat();
    let y4m = b"YUV4MPEG2 W5 H3 C422\nFRAME\n";
    let folder = directory(&[
        ("cam.mjpeg", &stream),
        ("none.mjpeg", &[9; 3000]),
        ("a.y4m", y4m),
    ]);
    let of = |name| footprint(&folder.path().join(name));
    // A byte a pixel and 64 KiB, but no more than the file has; and a segment beyond.
    let beyond = crate::source::parse::SEGMENT;
    assert_eq!(of("cam.mjpeg"), (stream.len() + beyond, 107));
    fs::write(folder.path().join("long.mjpeg"), JPEG.repeat(40)).unwrap();
    assert_eq!(of("long.mjpeg"), (107 * 75 + (64 << 10) + beyond, 107));
    assert_eq!(of("none.mjpeg"), (0, 0));
    // Interleaved, a row of five pixels has twelve bytes.
    assert_eq!(of("a.y4m"), (3 * 12, 5));
    let mut recording = open(&folder.path().join("cam.mjpeg"));
    assert_eq!(frames(&mut recording).len(), 2, "no frame is used up");
}

#[test]
fn pictures_beyond_the_footprint_are_passed_over_and_counted() {
    let wide = include_bytes!("../../../../tests/corpus/mjpeg/restart-7.jpg");
    let mut long = JPEG.to_vec();
    long.splice(2..2, [&[0xff, 0xfe, 0xf0, 0][..], &[7; 0xeffe]].concat());
    let longer = [
        &long[..2],
        &[0xff, 0xfe, 0xf0, 0][..],
        &[7; 0xeffe],
        &long[2..],
    ]
    .concat();
    let stream = [JPEG, &longer, wide, &long, JPEG].concat();
    let folder = directory(&[("cam.mjpeg", &stream)]);
    let mut recording = open(&folder.path().join("cam.mjpeg"));
    assert_eq!(frames(&mut recording).len(), 5, "a replay has no bound");
    let mut recording = open(&folder.path().join("cam.mjpeg"));
    recording.bounded();
    assert_eq!(frames(&mut recording).len(), 3);
    assert_eq!(recording.passed_over().of("too-large"), 2);
}

#[test]
fn a_file_without_frames_is_not_searched_to_its_end() {
    let folder = directory(&[("endless.mjpeg", b"no picture")]);
    let path = folder.path().join("endless.mjpeg");
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(1 << 42).unwrap();
    assert_eq!(footprint(&path), (0, 0));
}

#[test]
fn a_pipe_that_gives_no_frame_is_not_waited_for() {
    let folder = directory(&[("2.jpg", JPEG)]);
    let pipe = folder.path().join("1.jpg");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    assert_eq!(footprint(folder.path()), (JPEG.len(), 107));
    let mut recording = open(folder.path());
    assert_eq!(frames(&mut recording).len(), 1);
    assert_eq!(recording.passed_over().total(), 0);
}

#[test]
fn the_footprint_of_a_video_is_that_of_its_header() {
    if !has_ffmpeg() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("red.mp4");
    video(&path);
    assert_eq!(footprint(&path), (64 * 48 * 3 / 2, 64));
}

/// What decoding the first frame of the recording at `path`, once it was measured, ends with.
fn decoded(recording: &mut Recording) -> Result<(), crate::frame::Error> {
    let mut frame = Frame::empty();
    assert_eq!(recording.next(&mut frame).unwrap(), Next::Frame);
    let mut decoder = jpeg::Decoder::new();
    decoder.open(&frame.data, frame.limit).map(drop)
}

#[test]
fn a_picture_costs_no_more_than_was_measured() {
    let progressive = include_bytes!("../../../../tests/reference/jpeg/progressive.jpg");
    let folder = directory(&[("1.jpg", JPEG)]);
    let one = folder.path().join("1.jpg");
    let mut recording = open(folder.path());
    recording.bounded();
    // Put in its place after the need was computed: as long, but decoded as a whole.
    let mut other = progressive.to_vec();
    other.truncate(JPEG.len());
    fs::write(&one, &other).unwrap();
    assert_eq!(decoded(&mut recording).unwrap_err().cause(), "progressive");
    // Measured, it is admitted.
    fs::write(&one, progressive).unwrap();
    let mut recording = open(folder.path());
    assert!(recording.bounded().whole > 0);
    assert!(decoded(&mut recording).is_ok());
}

#[test]
fn a_header_that_no_measure_finds_admits_nothing() {
    let progressive = include_bytes!("../../../../tests/reference/jpeg/progressive.jpg");
    // Notes of more than the first MiB.
    let mut note = vec![0xff, 0xfe, 0xff, 0xff];
    note.resize(0xffff + 2, 0);
    let hidden = [&progressive[..2], &note.repeat(17), &progressive[2..]].concat();
    let folder = directory(&[("1.jpg", &hidden)]);
    let mut recording = open(folder.path());
    assert_eq!(recording.bounded().whole, 0);
    assert_eq!(decoded(&mut recording).unwrap_err().cause(), "too-large");
}

#[test]
fn a_file_that_grew_since_is_not_read() {
    let folder = directory(&[("1.jpg", JPEG), ("2.jpg", JPEG)]);
    let mut recording = open(folder.path());
    recording.bounded();
    fs::write(folder.path().join("1.jpg"), [JPEG, &[0; 9000]].concat()).unwrap();
    let mut frame = Frame::empty();
    assert_eq!(recording.next(&mut frame).unwrap(), Next::Frame);
    assert!(frame.name.ends_with("2.jpg"), "{}", frame.name);
    assert!(frame.data.own().capacity() <= JPEG.len());
    assert_eq!(recording.passed_over().of("too-large"), 1);
    let wide = |side| png(image::RgbImage::from_pixel(side, 70, image::Rgb([1, 2, 3])));
    let folder = directory(&[("1.png", &wide(90))]);
    let mut recording = open(folder.path());
    recording.bounded();
    fs::write(folder.path().join("1.png"), wide(5000)).unwrap();
    assert_eq!(recording.next(&mut frame).unwrap(), Next::End);
    assert_eq!(recording.passed_over().of("too-large"), 1);
}
