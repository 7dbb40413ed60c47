//! The daemon on the kernel's virtual camera, vivid, with a real broker, as a subscriber sees it.
//! As root, in the emulated machine of `tests/vm/run`, which calls `guest --ignored
//! --test-threads=1`. That machine's processor is slow: one inference takes the time of many
//! frames.

mod support;

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use support::cgroup::Group;
use support::program::{field, goldcrest, root};
use support::{Broker, Daemon, Subscriber, vivid};

/// A daemon that publishes the best label of every classified frame, and a subscriber.
struct Watch {
    subscriber: Subscriber,
    daemon: Daemon,
    broker: Broker,
}

/// Each frame's best label is claimed, and published again at every frame.
fn config(camera: &str, mqtt: &str) -> String {
    let model = root().join("model/convnext_tiny_128_int8.onnx");
    format!(
        "id = \"guest\"\n[camera]\ndevice = \"vivid\"\nskip = 0\n{camera}\n[model]\npath = {model:?}\n\
         [gate]\nenabled = false\n[health]\ninterval = 5.0\n\
         [observe]\nsmoothing = 0.0\nframes = 1\nthreshold = 0.01\nrelease = 0.0\nmargin = 0.0\nheartbeat = 0.1\n{mqtt}"
    )
}

impl Watch {
    /// Starts the daemon with these keys of `[camera]`.
    fn start(camera: &str) -> Self {
        let broker = Broker::start();
        let subscriber = Subscriber::new(&broker, "goldcrest/guest/#");
        let daemon = Daemon::configured(&config(camera, &broker.config_toml()));
        Self {
            subscriber,
            daemon,
            broker,
        }
    }

    /// The same, once it has published that the camera streams.
    fn streaming(camera: &str) -> Self {
        let watch = Self::start(camera);
        watch.streams();
        watch
    }

    /// The next label of a frame that was captured after `time`.
    fn label_after(&self, time: SystemTime) {
        while rfc3339(&self.label()["captured"]) <= time {}
    }

    fn streams(&self) -> Value {
        let streams = |state: &Value| state["state"] == "streaming";
        let camera = self
            .subscriber
            .expect_that("camera", |m| streams(&m.json()));
        println!("{}", camera.text);
        camera.json()
    }

    fn lost(&self) -> Value {
        let lost = |state: &Value| state["state"] == "lost" && state["cause"] != "opening";
        let camera = self.subscriber.expect_that("camera", |m| lost(&m.json()));
        println!("{}", camera.text);
        camera.json()
    }

    fn label(&self) -> Value {
        let known = |label: &Value| label["label"].is_string();
        let label = self.subscriber.expect_that("label", |m| known(&m.json()));
        label.json()
    }

    /// Ends the daemon as a service manager does; returns the line with its counts.
    fn end(self) -> String {
        let log = self.daemon.end();
        assert_eq!(self.subscriber.expect("availability").text, "offline");
        let ended = log.iter().find(|line| line.contains("ended: "));
        let ended = ended.unwrap_or_else(|| panic!("it does not say that it has ended: {log:#?}"));
        println!("{ended}");
        ended.clone()
    }
}

/// The number that stands before `what` in a line, as in `3 damaged`.
fn number(line: &str, what: &str) -> u64 {
    let before = line.split(what).next().unwrap_or_default().trim_end();
    let digits = before.rsplit(|c: char| !c.is_ascii_digit()).next();
    let number = digits.and_then(|digits| digits.parse().ok());
    number.unwrap_or_else(|| panic!("no number of \"{what}\" in: {line}"))
}

fn rfc3339(value: &Value) -> SystemTime {
    humantime::parse_rfc3339(value.as_str().expect("a time")).expect("a time of RFC 3339")
}

const SIZES: [(u32, u32); 2] = [(320, 180), (640, 480)];

/// Has v4l2-ctl take vivid's picture, as RGB or as grey levels, and saves it as PNG: this program
/// reads none of it.
fn photograph(folder: &Path, grey: bool, (width, height): (u32, u32)) {
    let raw = folder.join("raw");
    let format = if grey { "GREY" } else { "RGB3" };
    vivid::ctl(&[
        &format!("--set-fmt-video=width={width},height={height},pixelformat={format}"),
        "--stream-mmap",
        "--stream-count=1",
        &format!("--stream-to={}", raw.display()),
    ]);
    let bytes = fs::read(&raw).expect("v4l2-ctl writes the frame");
    fs::remove_file(&raw).expect("it can be removed");
    let png = folder.join(format!("{format}-{width}x{height}.png"));
    let saved = match grey {
        true => image::GrayImage::from_raw(width, height, bytes).map(|p| p.save(png)),
        false => image::RgbImage::from_raw(width, height, bytes).map(|p| p.save(png)),
    };
    saved.expect("the frame has its size").expect("it is saved");
}

/// Replays the pictures of a folder; returns each one's line by its name.
fn replay(folder: &Path) -> HashMap<String, Value> {
    let configured = folder.join("config.toml");
    fs::write(&configured, config("", "")).expect("a configuration can be written");
    let path = |path: &Path| path.to_str().expect("a path in UTF-8").to_string();
    let (folder, configured) = (path(folder), path(&configured));
    let ran = goldcrest(&["replay", &folder, "--json", "--config", &configured]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let lines = ran.stdout.lines().map(|line| {
        let line: Value = serde_json::from_str(line).expect("a line of JSON");
        let source = Path::new(line["source"].as_str().expect("a path"));
        let name = source.file_name().expect("a name").to_string_lossy();
        (name.into_owned(), line)
    });
    lines.collect()
}

#[test]
#[ignore = "needs vivid"]
fn guest_each_raw_format_gives_the_label_of_its_replay() {
    vivid::load();
    let folder = tempfile::tempdir().unwrap();
    for size in SIZES {
        photograph(folder.path(), false, size);
        photograph(folder.path(), true, size);
    }
    let replayed = replay(folder.path());
    for (width, height) in SIZES {
        for format in ["yuyv", "uyvy", "nv12", "yu12", "rgb24", "bgr24", "grey"] {
            let watch = Watch::start(&format!(
                "width = {width}\nheight = {height}\nformat = \"{format}\""
            ));
            let label = watch.label();
            let picture = if format == "grey" { "GREY" } else { "RGB3" };
            let wanted = &replayed[&format!("{picture}-{width}x{height}.png")];
            println!(
                "{format} {width}x{height}: {}, replayed {} {}",
                label["top"], wanted["label"], wanted["score"]
            );
            // The test picture may be of no class, so the best label need not be claimed.
            let top = label["top"].as_array().unwrap();
            let same = top.iter().find(|best| best["label"] == wanted["label"]);
            let same = same.unwrap_or_else(|| panic!("{} is not in {label}", wanted["label"]));
            let [said, again] = [same, wanted].map(|l| l["score"].as_f64().unwrap());
            // Colours of half the resolution move a score of about one half by 0.04.
            assert!((said - again).abs() < 0.1, "{said} and {again}");
            drop(watch);
        }
    }
}

#[test]
#[ignore = "needs vivid"]
fn guest_birth_camera_label_and_end_come_within_48_mib() {
    vivid::load();
    let watch = Watch::start("format = \"yuyv\"");
    assert_eq!(watch.subscriber.expect("availability").text, "online");
    let camera = watch.streams();
    let mode = &camera["mode"];
    assert_eq!(
        (&mode["fourcc"], &mode["width"], &mode["height"]),
        (&"YUYV".into(), &640.into(), &480.into())
    );
    let first = watch.label()["seq"].as_u64();
    assert!(watch.label()["seq"].as_u64() > first);
    let peak = field(watch.daemon.id(), "VmHWM:").unwrap();
    println!("peak {peak} KiB");
    assert!(peak <= 48 << 10, "{peak} KiB");
    watch.end();
}

#[test]
#[ignore = "needs vivid"]
fn guest_the_interval_asked_for_is_set() {
    vivid::load();
    for (asked, set) in [("5.0", "5.000 (5/1)"), ("25.0", "25.000 (25/1)")] {
        let watch = Watch::start(&format!("fps = {asked}"));
        watch.streams();
        let said = vivid::ctl(&["--get-parm"]);
        let wanted = format!("Frames per second: {set}");
        assert!(said.contains(&wanted), "{wanted} is not in {said}");
    }
}

#[test]
#[ignore = "needs vivid"]
fn guest_slow_inference_uses_the_newest_frame_and_counts_drops() {
    vivid::load();
    let watch = Watch::streaming("fps = 25.0");
    let interval = Duration::from_millis(40);
    let mut free: Option<(SystemTime, u64)> = None;
    for _ in 0..4 {
        let label = watch.label();
        let now = SystemTime::now();
        let (seq, captured) = (label["seq"].as_u64().unwrap(), rfc3339(&label["captured"]));
        if let Some((freed, before)) = free {
            let age = freed.duration_since(captured).unwrap_or_default();
            println!("frame {seq}: {} passed by, {age:?} old", seq - before - 1);
            // An inference takes many frames, and all of them but the last are passed by.
            assert!(seq - before > 5, "{before} {seq}");
            // The daemon was free for it when the label before was published.
            assert!(age <= 3 * interval, "{age:?}");
        }
        free = Some((now, seq));
    }
    let (_, seq) = free.unwrap();
    let health = watch.subscriber.expect("health").json();
    println!("{health}");
    assert!(health["drops"]["slot"].as_u64().unwrap() > 5);
    // A loss carries the camera's counters, and a camera that stays away leaves them unchanged.
    vivid::unplug();
    let counters = watch.lost()["counters"].clone();
    let of = |cause: &str| counters[cause].as_u64().unwrap();
    let ended = watch.end();
    let (frames, replaced) = (number(&ended, " frames"), number(&ended, " replaced"));
    // Each frame that the driver has sent is accounted for: classified, replaced by a newer one, or
    // without a buffer.
    assert!(of("delivered") + of("replaced") + of("missed") > seq);
    assert!(replaced > 5 * (frames - 1), "{ended}");
    // One may have waited at the end.
    let left = of("delivered") - frames - replaced;
    assert!(left <= 1, "{left} frames are not accounted for: {ended}");
}

#[test]
#[ignore = "needs vivid"]
fn guest_frames_marked_as_damaged_are_passed_over_and_counted() {
    vivid::load();
    let watch = Watch::streaming("");
    vivid::set("inject_v4l2_buf_flag_error=1");
    watch.label_after(SystemTime::now());
    vivid::set("disconnect=1");
    let lost = watch.lost();
    assert_eq!(lost["losses"], 1);
    assert_eq!(lost["counters"]["bad"]["damaged"], 1);
    assert_eq!(number(&watch.end(), " damaged"), 1);
}

#[test]
#[ignore = "needs vivid"]
fn guest_dropped_buffers_are_survived_and_counted() {
    vivid::load();
    let watch = Watch::streaming("");
    vivid::set("percentage_of_dropped_buffers=50");
    watch.label_after(SystemTime::now() + Duration::from_secs(2));
    vivid::set("disconnect=1");
    let lost = watch.lost();
    assert_eq!(lost["losses"], 1);
    assert!(lost["counters"]["missed"].as_u64().unwrap() >= 5);
}

/// A streaming daemon meets the error that `inject` sets off: it must be lost for `cause`, with
/// `step` in the message, and stream and look again.
fn survives(inject: &[&str], cause: &str, step: &str) {
    vivid::load();
    let watch = Watch::streaming("");
    let labels = Subscriber::new(&watch.broker, "goldcrest/guest/label");
    labels.expect_that("label", |m| m.json()["label"].is_string());
    for control in inject {
        vivid::set(control);
    }
    let lost = loop {
        let lost = watch.lost();
        // The error that sets off the reopening comes first.
        if lost["message"].as_str().unwrap().contains(step) {
            break lost;
        }
    };
    assert_eq!(lost["cause"], cause);
    let again = watch.streams();
    assert_eq!(again["losses"], 1);
    watch.label_after(rfc3339(&again["since"]));
    // Meanwhile no label was claimed.
    let none = labels.expect_that("label", |m| m.json()["label"].is_null());
    assert_eq!(none.json()["reason"], "camera lost");
    labels.expect_that("label", |m| m.json()["label"].is_string());
    watch.end();
}

const SETS_OFF: &str = "inject_fatal_streaming_error=1";

#[test]
#[ignore = "needs vivid"]
fn guest_a_fatal_streaming_error_is_survived_and_published() {
    survives(&[SETS_OFF], "io", "reading a frame");
}

#[test]
#[ignore = "needs vivid"]
fn guest_a_failing_qbuf_is_survived_and_published() {
    survives(&["inject_vidioc_qbuf_error=1"], "io", "reading a frame");
}

#[test]
#[ignore = "needs vivid"]
fn guest_a_failing_reqbufs_is_survived_and_published() {
    let inject = ["inject_vidioc_reqbufs_error=1", SETS_OFF];
    survives(&inject, "io", "REQBUFS");
}

#[test]
#[ignore = "needs vivid"]
fn guest_a_failing_streamon_is_survived_and_published() {
    let inject = ["inject_vidioc_streamon_error=1", SETS_OFF];
    survives(&inject, "io", "STREAMON");
}

#[test]
#[ignore = "needs vivid"]
fn guest_a_disconnect_is_survived_and_published() {
    survives(&["disconnect=1"], "unplugged", "went away");
}

#[test]
#[ignore = "needs vivid"]
fn guest_the_module_may_be_unloaded_and_loaded_while_it_streams() {
    vivid::load();
    let watch = Watch::streaming("");
    // A module in use cannot be unloaded; taking the device from it first is what unplugging does.
    vivid::unplug();
    assert_eq!(watch.lost()["cause"], "unplugged");
    vivid::run("rmmod", &["vivid"]);
    assert_eq!(watch.lost()["cause"], "not-found");
    vivid::plug_in();
    let again = watch.streams();
    assert_eq!(again["losses"], 1);
    watch.label_after(rfc3339(&again["since"]));
    watch.end();
}

#[test]
#[ignore = "needs vivid"]
fn guest_the_limit_of_a_control_group_is_heeded_and_published() {
    vivid::load();
    {
        let group = Group::new("wide", Some(64 << 20)).expect("cgroup2 is mounted");
        let _inside = group.enter();
        let watch = Watch::streaming("");
        let memory = watch.subscriber.expect("health").json()["memory"].clone();
        println!("{memory}");
        assert_eq!(memory["cgroup"]["limit"], 64 << 20);
        assert_eq!(memory["cgroup"]["killed"], 0);
        assert!(memory["cgroup"]["used"].as_u64() > Some(1 << 20));
        watch.end();
    }
    // Less than what cannot be dropped.
    let group = Group::new("narrow", Some(6 << 20)).expect("cgroup2 is mounted");
    let _inside = group.enter();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("config.toml");
    fs::write(&path, config("", "[mqtt]\nenabled = false\n")).expect("it can be written");
    let ran = goldcrest(&["run", "--config", path.to_str().expect("UTF-8")]);
    println!("{}", ran.stderr);
    assert_eq!(ran.code, 78);
    assert!(
        ran.stderr
            .contains("the system allows this process 6.0 MiB")
    );
}
