//! The camera on the running kernel. Tests that need a camera use the kernel's virtual one, vivid,
//! as root, and change its settings; `tests/vm/run` runs them in an emulated machine of their own:
//! `camera --ignored --test-threads=1`.

mod support;

use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use goldcrest::engine::{Input, Resize};
use goldcrest::frame::{Frame, Lines, PixelFormat, Rows};
use goldcrest::source::camera::{Camera, Config, ControlValue, Format};
use goldcrest::source::{Cause, Next, Recording, RecordingOptions, Source, SourceState};
use goldcrest::vision::{self, Preparer};
use support::vivid;

fn config(device: &str) -> Config {
    Config {
        device: device.into(),
        skip: 0,
        ..Config::default()
    }
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Lines of this process's memory map that belong to a camera.
fn mappings() -> usize {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines()
        .filter(|line| line.contains("/dev/video"))
        .count()
}

#[test]
fn a_thousand_failed_opens_leave_no_descriptor_behind() {
    let before = descriptors();
    for device in ["/dev/null", "/dev/no-such-camera", "/dev/stdin"] {
        let mut frame = Frame::empty();
        for _ in 0..1000 {
            let mut camera = Camera::new(config(device));
            assert_eq!(camera.next(&mut frame).unwrap(), Next::Idle);
            assert_eq!(camera.status().state, SourceState::Lost);
        }
    }
    // Other tests of this program may hold one or two at this moment.
    assert!(descriptors() <= before + 4, "{before} {}", descriptors());
}

#[test]
fn what_is_no_camera_is_said_and_asked_again_without_haste() {
    let mut camera = Camera::new(config("/dev/null"));
    let mut frame = Frame::empty();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(2) {
        assert_eq!(camera.next(&mut frame).unwrap(), Next::Idle);
    }
    let loss = camera.status().loss.clone().unwrap();
    assert_eq!(loss.cause, Cause::NotCamera);
    assert_eq!(loss.message, "/dev/null is no camera (QUERYCAP)");
    let mut camera = Camera::new(config("/dev/no-such-camera"));
    camera.next(&mut frame).unwrap();
    let loss = camera.status().loss.clone().unwrap();
    assert_eq!(loss.cause, Cause::NotFound);
    assert!(loss.message.contains("plug the camera in"), "{loss}");
}

// From here on: vivid.

/// Next frame of `camera` within `seconds`.
fn frame_within(camera: &mut Camera, frame: &mut Frame, seconds: f64) {
    let begin = Instant::now();
    while camera.next(frame).unwrap() != Next::Frame {
        let waited = begin.elapsed().as_secs_f64();
        assert!(waited < seconds, "no frame: {:?}", camera.status());
    }
}

/// Reads until the camera is lost; returns the cause.
fn lost_within(camera: &mut Camera, frame: &mut Frame, seconds: f64) -> Cause {
    let begin = Instant::now();
    loop {
        camera.next(frame).unwrap();
        if let Some(loss) = &camera.status().loss {
            return loss.cause;
        }
        let waited = begin.elapsed().as_secs_f64();
        assert!(waited < seconds, "it still streams");
    }
}

fn streaming() -> (Camera, Frame) {
    let mut camera = Camera::new(config("vivid"));
    let mut frame = Frame::empty();
    frame_within(&mut camera, &mut frame, 5.0);
    (camera, frame)
}

/// The model's input for a frame, in levels of 0 to 1, planar.
fn input(frame: &Frame) -> Vec<f32> {
    let input = Input {
        width: 128,
        height: 128,
        mean: [0.0; 3],
        std: [1.0; 3],
        resize: Resize::Squash,
    };
    let mut preparer = Preparer::new(&vision::Config::default(), &input);
    preparer.prepare(frame.view()).unwrap().to_vec()
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    let sum: f32 = a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum();
    sum / a.len() as f32
}

/// The same frame as it would be replayed: saved as PNG and read as a recording.
fn replayed(frame: &Frame) -> Frame {
    let (width, height) = (frame.width, frame.height);
    let mut rgb = vec![0; width * height * 3];
    let mut rows = Rows::new(frame.view()).unwrap();
    for (y, line) in rgb.chunks_exact_mut(width * 3).enumerate() {
        rows.rgb(y, 0, line).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("frame.png");
    let picture = image::RgbImage::from_raw(width as u32, height as u32, rgb).unwrap();
    picture.save(&path).unwrap();
    let mut recording = Recording::open(&path, RecordingOptions::default()).unwrap();
    let mut again = Frame::empty();
    assert_eq!(recording.next(&mut again).unwrap(), Next::Frame);
    again
}

const SIZES: [(u32, u32); 2] = [(320, 180), (640, 480)];

fn picture(format: Format, (width, height): (u32, u32)) -> Frame {
    let mut camera = Camera::new(Config {
        format,
        width,
        height,
        ..config("vivid")
    });
    let mut frame = Frame::empty();
    frame_within(&mut camera, &mut frame, 5.0);
    assert_eq!(
        (frame.width, frame.height),
        (width as usize, height as usize)
    );
    frame
}

#[test]
#[ignore = "needs vivid"]
fn vivid_each_raw_format_gives_the_same_picture() {
    vivid::load();
    let formats = [
        (Format::Rgb24, PixelFormat::Rgb24),
        (Format::Bgr24, PixelFormat::Bgr24),
        (Format::Yuyv, PixelFormat::Yuyv),
        (Format::Uyvy, PixelFormat::Uyvy),
        (Format::Nv12, PixelFormat::Nv12),
        (Format::Yu12, PixelFormat::Yu12),
    ];
    for size in SIZES {
        let wanted = input(&picture(Format::Rgb24, size));
        let mean = wanted.iter().sum::<f32>() / wanted.len() as f32;
        assert!(
            (0.2..0.6).contains(&mean),
            "colour bars have a mean of {mean}"
        );
        for (asked, given) in formats {
            let frame = picture(asked, size);
            assert_eq!(frame.format, given);
            let got = input(&frame);
            let off = distance(&wanted, &got);
            let again = distance(&got, &input(&replayed(&frame)));
            println!("{given} {size:?}: {off:.4} from RGB24, {again:.4} from its replay");
            assert!(off < 0.01, "{given} {size:?}: {off}");
            assert!(again < 0.002, "{given} {size:?}: {again}");
        }
        let grey = picture(Format::Grey, size);
        assert_eq!(grey.format, PixelFormat::Grey);
        let again = distance(&input(&grey), &input(&replayed(&grey)));
        assert!(again < 0.002, "grey: {again}");
    }
}

#[test]
#[ignore = "needs vivid"]
fn vivid_colour_matrix_and_range_are_what_the_driver_says() {
    vivid::load();
    let wanted = input(&picture(Format::Rgb24, SIZES[1]));
    for encoding in ["1", "2"] {
        for range in ["1", "2"] {
            vivid::load();
            vivid::set(&format!("y_cbcr_encoding={encoding}"));
            vivid::set(&format!("quantization={range}"));
            let frame = picture(Format::Yuyv, SIZES[1]);
            let off = distance(&wanted, &input(&frame));
            println!(
                "encoding {encoding}, range {range}: {:?} {off:.4}",
                frame.colour
            );
            assert!(off < 0.01, "encoding {encoding} range {range}: {off}");
        }
    }
}

#[test]
#[ignore = "needs vivid"]
fn vivid_the_interval_asked_for_is_set_and_kept() {
    vivid::load();
    for fps in [5.0, 25.0] {
        let mut camera = Camera::new(Config {
            fps,
            ..config("vivid")
        });
        let mut frame = Frame::empty();
        frame_within(&mut camera, &mut frame, 5.0);
        assert_eq!(camera.status().mode.as_ref().unwrap().fps, fps);
        let (first, seq) = (frame.captured.elapsed, frame.seq);
        while frame.captured.elapsed < first + Duration::from_secs(3) {
            frame_within(&mut camera, &mut frame, 5.0);
        }
        let time = (frame.captured.elapsed - first).as_secs_f64();
        let rate = (frame.seq - seq) as f64 / time;
        println!("{fps} asked, {rate:.2} counted");
        assert!((rate / fps - 1.0).abs() < 0.1, "{rate}");
    }
}

#[test]
#[ignore = "needs vivid"]
fn vivid_a_slow_reader_gets_the_newest_frame_and_counts_drops() {
    vivid::load();
    let mut camera = Camera::new(Config {
        fps: 25.0,
        ..config("vivid")
    });
    let mut frame = Frame::empty();
    frame_within(&mut camera, &mut frame, 5.0);
    let mut gaps = 0;
    for _ in 0..8 {
        let before = frame.seq;
        sleep(Duration::from_millis(600));
        frame_within(&mut camera, &mut frame, 5.0);
        gaps += frame.seq - before - 1;
    }
    let counters = &camera.status().counters;
    println!("{gaps} passed by: {counters:?}");
    assert_eq!(counters.delivered, 9);
    assert_eq!(counters.replaced + counters.missed, gaps);
    assert!(counters.replaced >= 8, "{counters:?}");
    assert!(gaps >= 40, "{gaps}");
}

#[test]
#[ignore = "needs vivid"]
fn vivid_frames_marked_as_damaged_are_passed_over() {
    vivid::load();
    let (mut camera, mut frame) = streaming();
    vivid::set("inject_v4l2_buf_flag_error=1");
    for _ in 0..10 {
        frame_within(&mut camera, &mut frame, 2.0);
    }
    assert_eq!(camera.passed_over().of("damaged"), 1);
    assert_eq!(camera.status().losses, 0);
}

#[test]
#[ignore = "needs vivid"]
fn vivid_dropped_buffers_are_counted() {
    vivid::load();
    let (mut camera, mut frame) = streaming();
    vivid::set("percentage_of_dropped_buffers=50");
    for _ in 0..20 {
        frame_within(&mut camera, &mut frame, 3.0);
    }
    let counters = &camera.status().counters;
    assert!(counters.missed >= 5, "{counters:?}");
    assert_eq!(camera.status().losses, 0);
}

#[test]
#[ignore = "needs vivid"]
fn vivid_errors_while_opening_are_survived() {
    for control in [
        "inject_vidioc_reqbufs_error=1",
        "inject_vidioc_streamon_error=1",
    ] {
        vivid::load();
        vivid::set(control);
        let mut camera = Camera::new(config("vivid"));
        let mut frame = Frame::empty();
        assert_eq!(camera.next(&mut frame).unwrap(), Next::Idle);
        let loss = camera.status().loss.clone().unwrap();
        println!("{control}: {loss}");
        assert!(loss.message.contains("failed") || loss.message.contains("busy"));
        assert_eq!(mappings(), 0);
        frame_within(&mut camera, &mut frame, 5.0);
    }
}

#[test]
#[ignore = "needs vivid"]
fn vivid_errors_while_streaming_are_a_loss_and_survived() {
    for control in [
        "inject_fatal_streaming_error=1",
        "inject_vidioc_qbuf_error=1",
    ] {
        vivid::load();
        let (mut camera, mut frame) = streaming();
        vivid::set(control);
        let cause = lost_within(&mut camera, &mut frame, 4.0);
        println!(
            "{control}: {cause:?}, {}",
            camera.status().loss.as_ref().unwrap()
        );
        frame_within(&mut camera, &mut frame, 5.0);
        assert_eq!(camera.status().losses, 1);
    }
}

#[test]
#[ignore = "needs vivid"]
fn vivid_a_disconnect_is_a_loss_and_survived() {
    vivid::load();
    let (mut camera, mut frame) = streaming();
    vivid::set("disconnect=1");
    assert_eq!(lost_within(&mut camera, &mut frame, 4.0), Cause::Unplugged);
    frame_within(&mut camera, &mut frame, 6.0);
    assert_eq!(camera.status().opens, 2);
}

#[test]
#[ignore = "needs vivid"]
fn vivid_the_module_may_be_unloaded_and_loaded_while_it_streams() {
    vivid::load();
    let (mut camera, mut frame) = streaming();
    // A module in use cannot be unloaded; taking the device from it first is what unplugging does.
    vivid::unplug();
    assert_eq!(lost_within(&mut camera, &mut frame, 4.0), Cause::Unplugged);
    let begin = Instant::now();
    vivid::run("rmmod", &["vivid"]);
    while begin.elapsed() < Duration::from_secs(5) {
        assert_eq!(camera.next(&mut frame).unwrap(), Next::Idle);
    }
    assert_eq!(
        camera.status().loss.as_ref().unwrap().cause,
        Cause::NotFound
    );
    assert_eq!(mappings(), 0);
    vivid::plug_in();
    frame_within(&mut camera, &mut frame, 12.0);
    assert_eq!(camera.status().losses, 1);
}

#[test]
#[ignore = "needs vivid"]
fn vivid_controls_are_set_by_name() {
    vivid::load();
    let mut black = config("vivid");
    let entry = ControlValue::Entry("100% Black".into());
    black.controls.insert("test_pattern".into(), entry);
    black
        .controls
        .insert("hue".into(), ControlValue::Number(500));
    let mut camera = Camera::new(black);
    let mut frame = Frame::empty();
    frame_within(&mut camera, &mut frame, 5.0);
    let brightest = input(&frame).into_iter().fold(0.0, f32::max);
    assert!(brightest < 0.02, "{brightest}");
    let remarks = &camera.status().remarks;
    assert_eq!(remarks, &["control hue: must be -128 to 128, and is 500"]);
}

#[test]
#[ignore = "needs vivid"]
fn vivid_a_busy_camera_says_who_holds_it() {
    vivid::load();
    let mut other = Command::new("v4l2-ctl")
        .args(["-d", "/dev/video0", "--stream-mmap", "--stream-count=1000"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    sleep(Duration::from_secs(2));
    let mut camera = Camera::new(config("vivid"));
    let mut frame = Frame::empty();
    assert_eq!(camera.next(&mut frame).unwrap(), Next::Idle);
    let loss = camera.status().loss.clone().unwrap();
    println!("{loss}");
    assert_eq!(loss.cause, Cause::Busy);
    assert!(loss.message.contains(&format!("v4l2-ctl ({})", other.id())));
    other.kill().unwrap();
    other.wait().unwrap();
    frame_within(&mut camera, &mut frame, 5.0);
}

#[test]
#[ignore = "needs vivid"]
fn vivid_a_frame_stays_readable_while_its_camera_reopens() {
    vivid::load();
    let before = (descriptors(), mappings());
    let kept = picture(Format::Yuyv, SIZES[0]);
    let copy = kept.data.to_vec();
    assert_eq!((descriptors(), mappings()), (before.0, before.1 + 3));
    for _ in 0..5 {
        for size in [SIZES[1], SIZES[0]] {
            let frame = picture(Format::Rgb24, size);
            assert_eq!(frame.data.len(), (size.0 * size.1 * 3) as usize);
        }
    }
    assert!(*kept.data == copy);
    drop(kept);
    assert_eq!((descriptors(), mappings()), before);
}

#[test]
#[ignore = "needs vivid"]
fn vivid_a_camera_whose_buffers_are_all_on_loan_waits_for_them() {
    vivid::load();
    let mut camera = Camera::new(Config {
        buffers: Some(2),
        timeout: 1.0,
        ..config("vivid")
    });
    let mut kept = [Frame::empty(), Frame::empty()];
    for frame in &mut kept {
        frame_within(&mut camera, frame, 5.0);
    }
    assert_eq!(camera.status().buffers, 2);
    let copies = kept.each_ref().map(|frame| frame.data.to_vec());
    let mut frame = Frame::empty();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(3) {
        assert_eq!(camera.next(&mut frame).unwrap(), Next::Idle);
    }
    let status = camera.status();
    assert_eq!((status.state, status.losses), (SourceState::Streaming, 0));
    assert!(status.counters.spurious < 20, "{:?}", status.counters);
    for (frame, copy) in kept.iter().zip(&copies) {
        assert!(*frame.data == *copy);
    }
    // A loan that ends elsewhere while this thread waits.
    let given_back = std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            sleep(Duration::from_millis(500));
            drop(kept);
            Instant::now()
        });
        frame_within(&mut camera, &mut frame, 5.0);
        other.join().unwrap()
    });
    let late = given_back.elapsed();
    assert!(late < Duration::from_secs(1), "{late:?}");
    assert_eq!(camera.status().losses, 0);
}

#[test]
#[ignore = "needs vivid"]
fn vivid_a_thousand_reopens_leak_no_descriptor_or_mapping() {
    vivid::load();
    let before = (descriptors(), mappings());
    let mut frame = Frame::empty();
    for round in 0..1000 {
        let mut camera = Camera::new(Config {
            fps: 60.0,
            width: 320,
            height: 180,
            ..config("vivid")
        });
        frame_within(&mut camera, &mut frame, 5.0);
        if round == 0 {
            let status = camera.status();
            assert_eq!((status.buffers, mappings()), (3, 3));
            assert!(status.buffer_bytes >= 3 * 320 * 180 * 2);
        }
    }
    // The last frame still shows the last camera's buffer; nothing was ever copied.
    assert!(frame.data.len() >= 320 * 180 * 2);
    assert_eq!(frame.data.own().capacity(), 0);
    assert_eq!((descriptors(), mappings()), before);
}
