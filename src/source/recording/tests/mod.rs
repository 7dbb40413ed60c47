mod footprint;

use std::fs;
use std::path::Path;
use std::process::Command;

use super::*;
use crate::frame::{Orientation, PixelFormat, View};
use crate::signals::Stop;
use tempfile::TempDir;

const JPEG: &[u8] = include_bytes!("../../../../tests/reference/jpeg/420.jpg");

fn options() -> RecordingOptions {
    RecordingOptions::default()
}

/// A directory with these files.
fn directory(files: &[(&str, &[u8])]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, data) in files {
        fs::write(folder.path().join(name), data).unwrap();
    }
    folder
}

fn png(picture: impl Into<image::DynamicImage>) -> Vec<u8> {
    let mut data = std::io::Cursor::new(Vec::new());
    picture
        .into()
        .write_to(&mut data, image::ImageFormat::Png)
        .unwrap();
    data.into_inner()
}

/// All frames to the end.
fn frames(recording: &mut Recording) -> Vec<Frame> {
    let mut all = Vec::new();
    let mut frame = Frame::empty();
    loop {
        match recording.next(&mut frame).unwrap() {
            Next::Frame => all.push(frame.clone()),
            Next::Idle => {}
            Next::End => return all,
        }
    }
}

fn open(path: &Path) -> Recording {
    Recording::open(path, options()).unwrap()
}

fn open_error(path: &Path) -> Error {
    Recording::open(path, options()).map(|_| ()).unwrap_err()
}

#[test]
fn a_directory_is_read_in_natural_order() {
    let good = png(image::RgbImage::from_pixel(3, 2, image::Rgb([1, 2, 3])));
    let folder = directory(&[
        ("10.png", &good),
        ("2.jpg", JPEG),
        ("1.JPEG", b""),
        ("3.png", b"not a picture"),
        ("4.png", &good[..good.len() / 2]),
        ("notes.txt", b"x"),
    ]);
    fs::create_dir(folder.path().join("5.jpg")).unwrap();
    let mut recording = open(folder.path());
    assert_eq!(recording.len_hint(), Some(5));
    let all = frames(&mut recording);
    let path = |name| folder.path().join(name).to_str().unwrap().to_string();
    let named: Vec<_> = all.iter().map(|f| (f.name.clone(), f.seq)).collect();
    assert_eq!(named, [(path("2.jpg"), 1), (path("10.png"), 4)]);
    assert_eq!(all[0].format, PixelFormat::Jpeg);
    assert_eq!(
        (all[0].width, all[0].height, &*all[0].data),
        (107, 75, JPEG)
    );
    assert_eq!(*all[1].data, [1, 2, 3].repeat(6));
    let counts = recording.passed_over();
    assert_eq!(
        (counts.of("empty"), counts.of("format"), counts.total()),
        (1, 1, 3)
    );
}

/// The name of the frame's file.
fn name(frame: &Frame) -> String {
    let name = Path::new(&frame.name).file_name().unwrap();
    name.to_str().unwrap().into()
}

/// The names of the frames of a folder, in their order.
fn names(folder: &TempDir) -> Vec<String> {
    let all = frames(&mut open(folder.path()));
    all.iter().map(name).collect()
}

#[test]
fn names_come_in_the_order_of_their_numbers() {
    for want in [
        &[
            "f_00.jpg",
            "f_01.jpg",
            "f_02.jpg",
            "f_09.jpg",
            "f_010.jpg",
            "f_011.jpg",
        ][..],
        &["08.jpg", "9.jpg", "010.jpg", "11.jpg", "99.jpg", "100.jpg"],
        &["i_0098.jpg", "i_0099.jpg", "i_00100.jpg", "i_00101.jpg"],
        &["001.jpg", "01.jpg", "1.jpg", "2.jpg"],
        &["a1b02.jpg", "A1b3.jpg", "a01b10.jpg", "b.jpg"],
        &["99999999999999999999.jpg", "100000000000000000000.jpg"],
    ] {
        let files: Vec<_> = want.iter().rev().map(|name| (*name, JPEG)).collect();
        assert_eq!(names(&directory(&files)), want);
    }
}

#[test]
fn hidden_files_are_no_frames() {
    let folder = directory(&[
        ("1.jpg", JPEG),
        ("._1.jpg", b"\0\x05\x16\x07 AppleDouble"),
        (".trash.jpg", JPEG),
    ]);
    let mut recording = open(folder.path());
    assert_eq!(recording.len_hint(), Some(1));
    assert_eq!(frames(&mut recording).len(), 1);
    assert_eq!(recording.passed_over().total(), 0);
}

#[test]
fn pipes_and_sockets_of_a_folder_are_passed_over() {
    let folder = directory(&[("1.jpg", JPEG), ("3.jpg", JPEG)]);
    let fifo = folder.path().join("2.jpg");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let fifo = folder.path().join("manifest.jsonl");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    std::os::unix::net::UnixListener::bind(folder.path().join("4.jpg")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("5.png")).unwrap();
    assert_eq!(names(&folder), ["1.jpg", "3.jpg"]);
}

/// An Exif segment of a JPEG picture with this orientation.
fn exif(number: u8) -> Vec<u8> {
    let tiff = [
        b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0",
        &[number][..],
        b"\0\0\0\0\0\0",
    ]
    .concat();
    let length = (2 + 6 + tiff.len()) as u16;
    [&[0xff, 0xe1][..], &length.to_be_bytes(), b"Exif\0\0", &tiff].concat()
}

#[test]
fn pictures_of_a_folder_say_how_they_stand_and_streams_do_not() {
    let turned = [&JPEG[..2], &exif(6), &JPEG[2..]].concat();
    let folder = directory(&[("1.jpg", &turned), ("2.jpg", JPEG), ("cam.mjpeg", &turned)]);
    let all = frames(&mut open(folder.path()));
    let stand: Vec<_> = all.iter().map(|frame| frame.orientation).collect();
    assert_eq!(stand, [Orientation::QuarterClockwise, Orientation::Upright]);
    let all = frames(&mut open(&folder.path().join("cam.mjpeg")));
    assert_eq!(all[0].orientation, Orientation::Upright);
}

#[test]
fn the_clock_is_that_of_the_frames() {
    let folder = directory(&[("a.jpg", JPEG), ("b.jpg", b""), ("c.jpg", JPEG)]);
    let rate = RecordingOptions {
        frame_rate: 4.0,
        ..options()
    };
    let all = frames(&mut Recording::open(folder.path(), rate).unwrap());
    let elapsed: Vec<_> = all.iter().map(|f| f.captured.elapsed.as_millis()).collect();
    assert_eq!(elapsed, [0, 500]);
    let start = fs::metadata(folder.path()).unwrap().modified().unwrap();
    assert_eq!(all[1].captured.wall, start + Duration::from_millis(500));
}

#[test]
fn films_are_streams_and_folders_with_times() {
    let film = |path: &Path| [false, true].map(|paced| open(path).is_film(paced));
    let folder = directory(&[("a.jpg", JPEG), ("cam.mjpeg", JPEG)]);
    assert_eq!(film(folder.path()), [false, true]);
    assert_eq!(film(&folder.path().join("a.jpg")), [false, false]);
    assert_eq!(film(&folder.path().join("cam.mjpeg")), [true, true]);
    fs::write(folder.path().join("manifest.jsonl"), "{}\n").unwrap();
    assert_eq!(film(folder.path()), [true, true]);
}

#[test]
fn a_pace_replaces_the_times_that_a_recording_stores() {
    let y4m = b"YUV4MPEG2 W1 H1 F25:1 Cmono\nFRAME\naFRAME\nb";
    let line = |file: &str, elapsed: u64| {
        format!(
            "{{\"file\":\"{file}\",\"seq\":0,\"elapsed_us\":{elapsed},\"captured\":\"2026-01-02T03:04:05Z\",\
             \"format\":\"JPEG\",\"width\":4,\"height\":3,\"bytes\":9}}\n"
        )
    };
    let manifest = line("1.jpg", 0) + &line("2.jpg", 70_000);
    let folder = directory(&[
        ("1.jpg", JPEG),
        ("2.jpg", JPEG),
        ("manifest.jsonl", manifest.as_bytes()),
        ("a.y4m", y4m),
    ]);
    for (path, own) in [(folder.path(), 70), (&folder.path().join("a.y4m"), 40)] {
        for (pace, millis) in [(None, own), (Some(2.0), 500)] {
            let options = RecordingOptions { pace, ..options() };
            let all = frames(&mut Recording::open(path, options).unwrap());
            assert_eq!(all[1].captured.elapsed.as_millis(), millis, "{pace:?}");
        }
    }
}

#[test]
fn a_loop_goes_on_with_the_clock_unless_it_has_no_picture() {
    let looping = RecordingOptions {
        looping: true,
        ..options()
    };
    let folder = directory(&[("a.jpg", JPEG), ("b.jpg", JPEG)]);
    let mut recording = Recording::open(folder.path(), looping).unwrap();
    let mut frame = Frame::empty();
    for seq in 0..7 {
        assert_eq!(recording.next(&mut frame).unwrap(), Next::Frame);
        assert_eq!(frame.seq, seq);
        assert_eq!(name(&frame), ["a.jpg", "b.jpg"][seq as usize % 2]);
    }
    assert_eq!(frame.captured.elapsed, Duration::from_millis(600));
    let folder = directory(&[("a.jpg", b""), ("b.jpg", b"")]);
    let mut recording = Recording::open(folder.path(), looping).unwrap();
    let ended = recording.next(&mut frame);
    assert!(matches!(ended, Err(Error::Empty { .. })), "{ended:?}");
    assert_eq!(recording.passed_over().of("empty"), 2);
}

#[test]
fn one_picture_is_a_recording() {
    let folder = directory(&[("bird.jpg", JPEG)]);
    let all = frames(&mut open(&folder.path().join("bird.jpg")));
    assert_eq!((all.len(), name(&all[0]).as_str()), (1, "bird.jpg"));
}

#[test]
fn unusual_png_pictures_become_rgb() {
    let pixel = |data: &[u8]| {
        let folder = directory(&[("a.png", data)]);
        let all = frames(&mut open(folder.path()));
        assert_eq!(all[0].format, PixelFormat::Rgb24);
        all[0].data[..3].to_vec()
    };
    let deep = image::ImageBuffer::from_pixel(2, 2, image::Rgb([0x1234u16, 0x8080, 0xffff]));
    assert_eq!(pixel(&png(deep)), [0x12, 0x80, 0xff]);
    let alpha = image::RgbaImage::from_pixel(2, 2, image::Rgba([9, 8, 7, 0]));
    assert_eq!(pixel(&png(alpha)), [9, 8, 7]);
    let grey = image::GrayImage::from_pixel(2, 2, image::Luma([5]));
    assert_eq!(pixel(&png(grey)), [5, 5, 5]);
    let thin = image::RgbImage::from_pixel(20000, 1, image::Rgb([4, 5, 6]));
    assert_eq!(pixel(&png(thin)), [4, 5, 6]);
    let palette = include_bytes!("../../../../tests/reference/palette.png");
    assert_eq!(pixel(palette), [200, 10, 30]);
}

#[test]
fn a_stream_of_jpeg_numbers_its_pictures() {
    let cut = &JPEG[..JPEG.len() / 2];
    let stream = [JPEG, JPEG, cut, JPEG].concat();
    let folder = directory(&[("cam.mjpeg", &stream)]);
    let mut recording = open(&folder.path().join("cam.mjpeg"));
    let all = frames(&mut recording);
    let named: Vec<_> = all.iter().map(|f| (name(f), f.seq, f.data.len())).collect();
    let whole = JPEG.len();
    let want = [
        ("cam.mjpeg".to_string(), 0, whole),
        ("cam.mjpeg".to_string(), 1, whole),
        ("cam.mjpeg".to_string(), 2, cut.len()),
        ("cam.mjpeg".to_string(), 3, whole),
    ];
    assert_eq!(named, want);
    assert_eq!(recording.passed_over().total(), 0);
}

#[test]
fn y4m_is_read_again_when_it_loops() {
    let stream = b"YUV4MPEG2 W2 H2 F25:1 C420jpeg\nFRAME\nabcdefFRAME\nghijklFRAME\nmn";
    let folder = directory(&[("a.y4m", stream)]);
    let looping = RecordingOptions {
        looping: true,
        ..options()
    };
    let mut recording = Recording::open(&folder.path().join("a.y4m"), looping).unwrap();
    assert_eq!(
        (recording.frame_rate(), recording.len_hint()),
        (25.0, Some(3))
    );
    let mut frame = Frame::empty();
    for (seq, data) in [(0, b"abcdef"), (1, b"ghijkl"), (3, b"abcdef")] {
        assert_eq!(recording.next(&mut frame).unwrap(), Next::Frame);
        assert_eq!(
            (name(&frame).as_str(), frame.seq, &*frame.data),
            ("a.y4m", seq, &data[..])
        );
    }
    assert_eq!(recording.passed_over().of("truncated"), 1);
}

#[test]
fn an_unusable_recording_is_refused_in_one_line() {
    let folder = directory(&[
        ("zero.jpg", b""),
        ("text.txt", b"hello, world"),
        ("bad.y4m", b"YUV4MPEG2 W0 H0\n"),
        ("none.y4m", b"YUV4MPEG2 W2 H2\n"),
    ]);
    let at = |name: &str| folder.path().join(name);
    let empty = TempDir::new().unwrap();
    let said = |error: &Error| {
        let text = error.to_string();
        assert!(!text.contains('\n'), "{text}");
        (error.exit_code(), text)
    };
    let (code, text) = said(&open_error(&at("missing")));
    assert_eq!(code, 66);
    assert!(text.contains("missing"), "{text}");
    let (code, text) = said(&open_error(empty.path()));
    assert_eq!(code, 66);
    assert!(text.contains(".jpg, .jpeg or .png"), "{text}");
    assert_eq!(said(&open_error(&at("zero.jpg"))).0, 66);
    assert_eq!(said(&open_error(&at("text.txt"))).0, 65);
    assert_eq!(said(&open_error(&at("bad.y4m"))).0, 65);
    assert_eq!(said(&open_error(Path::new("/dev/null"))).0, 65);
    let mut none = open(&at("none.y4m"));
    let error = none.next(&mut Frame::empty()).unwrap_err();
    assert_eq!(said(&error).0, 66);
}

/// Videos go through the user's ffmpeg: without one there is nothing to test here. Under an
/// emulator it may start and fail at once.
fn has_ffmpeg() -> bool {
    let ran = Command::new("ffmpeg").arg("-version").output();
    ran.is_ok_and(|ran| ran.status.success())
}

/// A video of 10 red frames.
fn video(path: &Path) {
    let made = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "color=c=0xc80a1e:s=64x48:r=5:d=2",
        ])
        .args(["-c:v", "mpeg4", "-q:v", "2", "-y"])
        .arg(path)
        .status()
        .unwrap();
    assert!(made.success());
}

#[test]
fn a_video_is_read_through_ffmpeg() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a-b: red.mp4");
    if !has_ffmpeg() {
        return;
    }
    video(&path);
    let mut recording = open(&path);
    assert_eq!(recording.frame_rate(), 5.0);
    let all = frames(&mut recording);
    assert_eq!(all.len(), 10);
    assert_eq!(
        (all[9].name.as_str(), all[9].seq),
        (path.to_str().unwrap(), 9)
    );
    let View {
        format,
        width,
        height,
        ..
    } = all[0].view();
    assert_eq!((format, width, height), (PixelFormat::Yu12, 64, 48));
    let mut line = [0; 3];
    let mut rows = crate::frame::Rows::new(all[0].view()).unwrap();
    crate::frame::Lines::rgb(&mut rows, 20, 20, &mut line).unwrap();
    for (got, want) in line.into_iter().zip([0xc8u8, 0x0a, 0x1e]) {
        assert!(got.abs_diff(want) <= 4, "{line:?}");
    }
}

#[test]
fn a_single_picture_of_another_kind_is_read_through_ffmpeg() {
    if !has_ffmpeg() {
        return;
    }
    let folder = directory(&[("bird.jpg", JPEG)]);
    for name in ["bird.bmp", "bird.gif", "bird.tiff"] {
        let path = folder.path().join(name);
        let made = Command::new("ffmpeg")
            .args(["-v", "error", "-i"])
            .arg(folder.path().join("bird.jpg"))
            .arg(&path)
            .status()
            .unwrap();
        assert!(made.success());
        let all = frames(&mut open(&path));
        assert_eq!(all.len(), 1, "{name}");
        assert_eq!((all[0].width, all[0].height), (107, 75), "{name}");
    }
}

#[test]
fn a_broken_video_reports_the_complaint_of_ffmpeg() {
    if !has_ffmpeg() {
        return;
    }
    let folder = directory(&[("broken.mp4", b"\0\0\0\x18ftypmp42 and nothing else")]);
    let error = open_error(&folder.path().join("broken.mp4"));
    assert_eq!(error.exit_code(), 65);
    let text = error.to_string();
    assert!(
        text.contains("ffmpeg cannot read this: ") && !text.contains('\n'),
        "{text}"
    );
    assert!(text.len() > folder.path().as_os_str().len() + 60, "{text}");
}

#[test]
fn a_video_left_half_way_ends_its_child() {
    if !has_ffmpeg() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("red.mp4");
    video(&path);
    let mut reader = ffmpeg::Ffmpeg::open(&path, "a video", &Stop::default()).unwrap();
    let child = Path::new("/proc").join(reader.child().to_string());
    assert!(child.exists());
    let mut frame = Frame::empty();
    while reader.next(&mut frame).unwrap() == Fetched::Idle {}
    assert_eq!((frame.width, frame.height), (64, 48));
    drop(reader);
    assert!(!child.exists());
}
