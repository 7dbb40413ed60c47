//! The promise that the memory of the whole process is small and does not grow.

mod support;

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

use goldcrest::engine::Card;
use goldcrest::lessons::{Lessons, Opening, Task};
use goldcrest::meter::heap;
use support::daemon::{CHANGING, bottles, changing, configuration, table};
use support::program::{command, field, goldcrest, output, packed_model, root};
use support::{Broker, Daemon, Subscriber};

/// The most that may ever be resident, code and mapped weights included, in KiB.
const PEAK: u64 = 48 * 1024;
/// The most that may be anonymous at any time, in KiB.
const ANONYMOUS: u64 = 12 * 1024;

#[test]
fn five_hundred_frames_over_mqtt_stay_within_the_promise() {
    let broker = Broker::start();
    let folder = tempfile::tempdir().unwrap();
    for n in 0..500 {
        let frame = root().join(format!(
            "tests/recordings/bottles/bottles-{:02}.jpg",
            n % 60 + 1
        ));
        std::os::unix::fs::symlink(frame, folder.path().join(format!("{n}.jpg"))).unwrap();
    }
    let config = folder.path().join("config.toml");
    let model = root().join("model/convnext_tiny_128_int8.onnx");
    fs::write(
        &config,
        format!("[model]\npath = {model:?}\n{}", broker.config_toml()),
    )
    .unwrap();
    let config = config.to_str().unwrap();

    // The first use of a model packs it, in a child process and once.
    let packed = goldcrest(&[
        "replay",
        "tests/recordings/bottles/bottles-01.jpg",
        "--config",
        config,
    ]);
    assert_eq!(packed.code, 0, "{}", packed.stderr);

    let path = folder.path().to_str().unwrap();
    let mut child = command(&["replay", path, "--fps", "10", "--mqtt", "--config", config])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut peak, mut anonymous, mut samples) = (0, 0, 0);
    let status = loop {
        if let (Some(high), Some(anon)) =
            (field(child.id(), "VmHWM:"), field(child.id(), "RssAnon:"))
        {
            (peak, anonymous, samples) = (peak.max(high), anonymous.max(anon), samples + 1);
        }
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        thread::sleep(Duration::from_millis(10));
    };
    assert!(status.success(), "{status}");
    println!("peak {peak} KiB, anonymous {anonymous} KiB, of {samples} samples");
    assert!(samples > 20, "only {samples} samples were taken");
    assert!(peak <= PEAK, "peak RSS is {peak} KiB and may be {PEAK}");
    assert!(
        anonymous <= ANONYMOUS,
        "anonymous RSS is {anonymous} KiB and may be {ANONYMOUS}"
    );
}

#[test]
fn teaching_a_thousand_pictures_stays_within_the_promise() {
    let folder = tempfile::tempdir().unwrap();
    let model = packed_model(folder.path());
    let config = folder.path().join("config.toml");
    fs::write(&config, format!("[model]\npath = {model:?}\n")).unwrap();
    let views = (1..=50).map(|n| {
        let frame = format!("tests/recordings/bottles/bottles-{n:02}.jpg");
        image::open(root().join(frame)).unwrap().into_rgb8()
    });
    for (at, view) in views.enumerate() {
        let label = folder
            .path()
            .join(["pictures/left", "pictures/right"][at / 25]);
        fs::create_dir_all(&label).unwrap();
        for shift in 0..20 {
            // Twenty parts of each frame, so that no two pictures are the same.
            let part = image::imageops::crop_imm(&view, 10 * shift, 4 * shift, 320, 240);
            let filter = image::imageops::FilterType::Triangle;
            image::imageops::resize(&part.to_image(), 640, 480, filter)
                .save(label.join(format!("{at}-{shift}.jpg")))
                .unwrap();
        }
    }
    let (out, pictures) = (folder.path().join("a.head"), folder.path().join("pictures"));
    let mut child = command(&["teach", pictures.to_str().unwrap(), "--json"])
        .arg("--out")
        .arg(&out)
        .arg("--config")
        .arg(&config)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let peak = peak(&mut child);
    let report: serde_json::Value = serde_json::from_reader(child.stdout.take().unwrap()).unwrap();
    println!("peak {peak} KiB, {} s", report["seconds"]);
    assert!(out.is_file());
    assert!(
        peak > 0 && peak <= PEAK,
        "peak RSS is {peak} KiB and may be {PEAK}"
    );
}

/// Waits for the end of `child`, which must be a success, and returns the most that was resident,
/// in KiB.
fn peak(child: &mut Child) -> u64 {
    let mut peak = 0;
    loop {
        peak = peak.max(field(child.id(), "VmHWM:").unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return peak;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_heap_is_the_same_at_frame_100_and_at_frame_10_000() {
    // `bench` counts from frame 100 on.
    let ran = goldcrest(&["bench", "--frames", "9900", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["live_heap_growth_bytes"], 0, "{report}");
    assert_eq!(report["allocations_per_inference"], 0.0, "{report}");
}

/// Two halves of the picture, looked at each by itself.
const HALVES: &str = "[[region]]\nname = \"left\"\ncrop = [0, 0, 0.5, 1]\n\
                      [[region]]\nname = \"right\"\ncrop = [0.5, 0, 0.5, 1]\n";
/// The most that two regions take more than the picture as a whole, in bytes.
const SECOND: i64 = 3 << 19;

/// The need of a daemon with a large camera, in bytes, and of its part for regions.
fn need(regions: &str) -> (i64, i64) {
    let folder = tempfile::tempdir().unwrap();
    let camera =
        "[camera]\nwidth = 3840\nheight = 2160\nformat = \"mjpg\"\n[memory]\nbudget_mb = 200\n";
    let more =
        format!("[mqtt]\nenabled = true\n[homeassistant]\nenabled = true\n{camera}{regions}");
    let config = configuration(folder.path(), "kind = \"synthetic\"\n", &more);
    let ran = goldcrest(&["check", "--json", "--config", config.to_str().unwrap()]);
    let found: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let parts = found["memory"]["parts"].as_array().unwrap();
    let part = parts
        .iter()
        .find(|part| part["what"] == "regions beside the first");
    let of = |json: &serde_json::Value| json["bytes"].as_i64().unwrap();
    (
        found["memory"]["needed"].as_i64().unwrap(),
        part.map_or(0, of),
    )
}

/// The heap of a daemon that has classified some frames, in bytes.
fn heap(regions: &str) -> i64 {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/health");
    let more = format!(
        "[gate]\nenabled = false\n[health]\ninterval = 1.0\n{regions}{}",
        broker.config_toml()
    );
    let daemon = Daemon::start(&more);
    let settled = |m: &support::Received| m.json()["classified"].as_u64() > Some(6);
    let health = subscriber.expect_that("health", settled).json();
    daemon.end();
    health["memory"]["heap_bytes"].as_i64().unwrap()
}

#[test]
fn a_second_region_takes_at_most_a_mebibyte_and_a_half() {
    let ((whole, none), (two, part)) = (need(""), need(HALVES));
    println!("computed at 4K: {none} and {part} bytes for regions, of {whole} and {two}");
    assert_eq!(none, 0);
    assert!(part > 200_000 && part <= SECOND, "{part} bytes");
    // The code that is resident differs from one run to the next.
    assert!(two - whole <= SECOND, "{whole} and {two} bytes");
    let (whole, two) = (heap(""), heap(HALVES));
    println!("measured heap: {whole} and {two} bytes");
    assert!(two - whole <= SECOND, "{whole} and {two} bytes");
    assert!(
        two - whole > 200_000,
        "a second input is missing: {whole} and {two}"
    );
}

#[test]
fn frames_of_two_regions_allocate_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path(), &bottles("stop"), HALVES);
    let config = config.to_str().unwrap();
    let ran = goldcrest(&["bench", "--frames", "60", "--json", "--config", config]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let stages = &report["allocations_by_stage"];
    for stage in ["vision", "infer", "observe"] {
        assert_eq!(stages[stage], 0.0, "{report}");
    }
    assert_eq!(report["live_heap_growth_bytes"], 0, "{report}");
}

/// A field of `/proc/PID/smaps_rollup`, in MiB.
fn rolled_up(pid: u32, name: &str) -> f64 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let line = rollup.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    number.unwrap().parse::<f64>().unwrap() / 1024.0
}

#[test]
fn two_daemons_on_one_bundle_share_the_weights() {
    let broker = Broker::start();
    let one = Daemon::start(&broker.config_toml());
    let text = fs::read_to_string(one.folder.path().join("config.toml")).unwrap();
    let other = Daemon::configured(&text.replace("id = \"test\"", "id = \"other\""));
    let pids = [one.id(), other.id()];
    for name in ["test", "other"] {
        let subscriber = Subscriber::new(&broker, &format!("goldcrest/{name}/label"));
        for _ in 0..10 {
            subscriber.expect_that("label", |m| m.json()["label"].is_string());
        }
    }
    let [rss, pss] = ["Rss:", "Pss:"].map(|name| pids.map(|pid| rolled_up(pid, name)));
    println!("RSS {rss:.2?} MiB, PSS {pss:.2?} MiB");
    let saved = 2.0 * rss[0].min(rss[1]) - pss[0] - pss[1];
    println!("two take {saved:.2} MiB less than one twice");
    assert!(saved * 1048576.0 >= 20e6, "only {saved:.2} MiB");
    one.end();
    other.end();
}

/// Bytes of `/proc/PID/smaps` that are clean pages of mapped files, of the bundle and of all
/// others, in MiB.
fn clean_files(pid: u32) -> (f64, f64) {
    let smaps = fs::read_to_string(format!("/proc/{pid}/smaps")).unwrap();
    let (mut bundle, mut others) = (0.0, 0.0);
    let mut into: Option<&mut f64> = None;
    for line in smaps.lines() {
        let number = |name: &str| -> Option<f64> {
            let value = line.strip_prefix(name)?.split_whitespace().next()?;
            Some(value.parse::<f64>().ok()? / 1024.0)
        };
        if line.starts_with(|c: char| c.is_ascii_digit() || c.is_ascii_lowercase()) {
            into = match line.find('/') {
                Some(_) if line.ends_with("/model.bundle") => Some(&mut bundle),
                Some(_) => Some(&mut others),
                None => None,
            };
        } else if let Some(sum) = &mut into {
            **sum += number("Rss:").unwrap_or(0.0) - number("Anonymous:").unwrap_or(0.0);
        }
    }
    (bundle, others)
}

#[test]
fn the_daemon_stays_within_what_it_computed_and_near_it() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/label");
    let mut daemon = Daemon::start(&broker.config_toml());
    daemon.expect("in all, at most");
    let need = table(&daemon.log);
    let part = |name: &str| {
        need.iter()
            .find(|(n, _)| n == name)
            .map_or(0.0, |(_, mib)| *mib)
    };
    for _ in 0..20 {
        subscriber.expect("label");
    }
    daemon.signal("HUP");
    daemon.expect("reload: now running");
    for _ in 0..20 {
        subscriber.expect("label");
    }
    let mib = |name| field(daemon.id(), name).unwrap() as f64 / 1024.0;
    let (peak, anonymous) = (mib("VmHWM:"), mib("RssAnon:"));
    let (weights, code) = clean_files(daemon.id());
    let all = part("in all, at most");
    println!("{need:#?}");
    println!(
        "measured: peak {peak:.2} MiB, weights {weights:.2}, code {code:.2}, anonymous {anonymous:.2}"
    );
    assert!(
        peak <= all,
        "the peak is {peak:.2} MiB and {all} were computed"
    );
    assert!(
        all <= peak * 1.3,
        "{all} MiB were computed and the peak is only {peak:.2}"
    );
    let bundle = fs::metadata(daemon.folder.path().join("model.bundle"))
        .unwrap()
        .len();
    assert!((part("weights, mapped") - bundle as f64 / 1048576.0).abs() < 0.01);
    assert!(weights <= part("weights, mapped") + 0.01 && weights > part("weights, mapped") * 0.95);
    let computed = part("code and constants");
    assert!(
        code <= computed,
        "{code:.2} MiB of code and {computed} computed"
    );
    let file = part("weights, mapped") + computed;
    assert!(
        anonymous <= all - file,
        "{anonymous:.2} MiB are anonymous of {:.2}",
        all - file
    );
    daemon.end();
}

#[test]
fn a_daemon_that_takes_snapshots_stays_within_what_it_computed() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/snapshot");
    let folder = tempfile::tempdir().unwrap();
    let settings =
        "[vision]\nmasks = [[0, 0, 0.25, 1]]\n[snapshot]\nenabled = true\nretain = true\n";
    let more = format!("{CHANGING}{settings}{}", broker.config_toml());
    let mut daemon = Daemon::on(&changing(folder.path()), &more);
    daemon.expect("in all, at most");
    let need = table(&daemon.log);
    let part = |name: &str| need.iter().find(|(n, _)| n == name).unwrap().1;
    let (all, pictures) = (part("in all, at most"), part("snapshots"));
    for _ in 0..3 {
        subscriber.expect("snapshot");
    }
    let early = field(daemon.id(), "RssAnon:").unwrap() as f64 / 1024.0;
    for _ in 0..5 {
        subscriber.expect("snapshot");
    }
    let mib = |name| field(daemon.id(), name).unwrap() as f64 / 1024.0;
    let (peak, anonymous) = (mib("VmHWM:"), mib("RssAnon:"));
    println!("{need:#?}");
    println!(
        "peak {peak:.2} MiB, anonymous {early:.2} and {anonymous:.2}, snapshots {pictures:.2}"
    );
    assert!(
        peak <= all,
        "the peak is {peak:.2} MiB and {all} were computed"
    );
    assert!(
        anonymous <= early + 0.5,
        "{anonymous:.2} MiB are anonymous after eight pictures, and {early:.2} after three"
    );
    daemon.end();
}

/// Features that differ by `kind`, with some noise of `seed`.
fn features(kind: usize, seed: u64) -> Vec<f32> {
    let mut state = seed + 1;
    let mut noise = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..768)
        .map(|k| noise() + if k % 10 == kind { 0.6 } else { 0.0 })
        .collect()
}

/// An example of one of ten labels, ten minutes after the one before.
fn example(number: u64) -> Task {
    let kind = number as usize % 10;
    Task::Example {
        label: format!("state {kind}"),
        features: features(kind, number),
        moment: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + 600 * number),
        edges: None,
        shot: None,
    }
}

/// Waits until the thread has done `count` tasks; returns the number of examples.
fn done(lessons: &mut Lessons, count: usize) -> usize {
    let (mut answers, mut examples) = (0, 0);
    while answers < count {
        thread::sleep(Duration::from_millis(2));
        while let Some(news) = lessons.news() {
            for (_, answer) in &news.answers {
                assert!(answer.is_ok(), "{answer:?}");
            }
            answers += news.answers.len();
            examples = news.state.examples();
        }
    }
    examples
}

/// Keeps `count` examples of the shipped model in `folder`.
fn keep(folder: &Path, count: u64) {
    let card = Card::read(&root().join("model/convnext_tiny_128_int8.onnx")).unwrap();
    let opening = Opening::new(&Default::default(), folder, &card.sha256, Some(768)).unwrap();
    let mut lessons = opening.start().unwrap();
    for number in 0..count {
        while lessons.ask(example(number)).is_none() {
            thread::sleep(Duration::from_millis(1));
        }
    }
    assert_eq!(done(&mut lessons, count as usize), count as usize);
}

#[test]
fn five_hundred_lessons_leave_the_heap_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let opening = Opening::new(
        &Default::default(),
        folder.path(),
        &"ab".repeat(32).parse().expect("a hash"),
        Some(768),
    );
    let mut lessons = opening.unwrap().start().unwrap();
    for number in 0..20 {
        assert!(lessons.ask(example(number)).is_some());
        done(&mut lessons, 1);
    }
    let mut teach_and_undo = |number| {
        for task in [example(number), Task::Undo] {
            assert!(lessons.ask(task).is_some());
            done(&mut lessons, 1);
        }
    };
    for number in 0..20 {
        teach_and_undo(20 + number);
    }
    let before = heap::now().live;
    for number in 0..500 {
        teach_and_undo(20 + number);
    }
    let grown = heap::now().live - before;
    println!("{grown} bytes more are live after 500 lessons");
    // Other tests of this program run beside it.
    assert!(grown < 128 << 10, "{grown} bytes");
}

/// Threads and open files of a process.
fn threads_and_files(pid: u32) -> (u64, usize) {
    let threads = field(pid, "Threads:").unwrap();
    (
        threads,
        fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count(),
    )
}

#[test]
fn a_daemon_with_500_examples_stays_within_what_it_computed() {
    let broker = Broker::start();
    let answers = Subscriber::new(&broker, "goldcrest/test/response/+");
    let labels = Subscriber::new(&broker, "goldcrest/test/label");
    let health = Subscriber::new(&broker, "goldcrest/test/health");
    let state = tempfile::tempdir().unwrap();
    keep(state.path(), 499);
    let more = format!(
        "{}[health]\ninterval = 1.0\n[commands]\nenabled = true\n[teach]\nenabled = true\nfolder = {:?}\n",
        broker.config_toml(),
        state.path()
    );
    let mut daemon = Daemon::start(&more);
    daemon.expect("in all, at most");
    let need = table(&daemon.log);
    let part = |name: &str| need.iter().find(|(n, _)| n == name).unwrap().1;
    let (all, lessons) = (part("in all, at most"), part("lessons"));
    labels.expect("label");
    let ask = |payload: &str| {
        // Five commands a second are obeyed.
        thread::sleep(Duration::from_millis(220));
        broker.send("goldcrest/test/command/teach", payload);
        let answer = answers.expect("teach").json();
        assert_eq!(answer["ok"], true, "{answer}");
        answer["examples"].as_u64().unwrap()
    };
    let reading = || {
        let report = health.expect("health").json();
        let heap = report["memory"]["heap_bytes"].as_u64().unwrap();
        (heap, threads_and_files(daemon.id()))
    };
    for _ in 0..5 {
        assert_eq!(ask("state 3"), 500);
        assert_eq!(ask("{\"undo\":true}"), 499);
    }
    while health.next(Duration::ZERO).is_some() {}
    let before = reading();
    for _ in 0..30 {
        assert_eq!(ask("state 3"), 500);
        assert_eq!(ask("{\"undo\":true}"), 499);
    }
    while health.next(Duration::ZERO).is_some() {}
    let after = reading();
    let mib = |name| field(daemon.id(), name).unwrap() as f64 / 1024.0;
    let (peak, anonymous) = (mib("VmHWM:"), mib("RssAnon:"));
    println!("{need:#?}");
    println!(
        "peak {peak:.2} MiB, anonymous {anonymous:.2}, lessons {lessons:.2}; {before:?} and {after:?}"
    );
    assert_eq!(after.1, before.1, "threads and files");
    assert!(after.0 < before.0 + (64 << 10), "{before:?} and {after:?}");
    assert!(
        peak <= all,
        "the peak is {peak:.2} MiB and {all} were computed"
    );
    assert!(
        all <= peak * 1.3,
        "{all} MiB were computed and the peak is only {peak:.2}"
    );
    daemon.end();
}

/// The memory that `check --json` predicts with `more` in the configuration, in MiB: needed, and
/// pinned.
fn predicted(more: &str) -> (f64, f64) {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path(), &bottles("loop"), "");
    let text = fs::read_to_string(&config).unwrap();
    let text = text.replace("kind = \"recording\"", "kind = \"camera\"");
    fs::write(&config, text + more).unwrap();
    let mut check = command(&["check", "--json", "--config", config.to_str().unwrap()]);
    let ran = output(check.env("XDG_CACHE_HOME", folder.path()));
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    println!("{more:?}: {:#}", report["memory"]);
    let mib = |key: &str| report["memory"][key].as_f64().unwrap() / 1048576.0;
    (mib("needed"), mib("pinned"))
}

#[test]
fn what_is_promised_of_cameras_fits_the_budget() {
    let quiet = "[camera]\ntimeout = 1.0\n";
    let (usual, _) = predicted(&format!("{quiet}format = \"yuyv\"\n"));
    assert!(usual <= 48.0, "{usual} MiB at 640x480 in YUYV");
    let large = format!("{quiet}format = \"mjpg\"\nwidth = 1920\nheight = 1080\n");
    let (two, pinned) = predicted(&large);
    assert!(two <= 48.0, "{two} MiB at 1920x1080 in MJPEG");
    assert!(pinned < 20.0, "{pinned} MiB cannot be dropped");
    // Raw pictures are read where they lie: two of the driver's buffers are all that they take.
    let raw = format!("{quiet}format = \"yuyv\"\nwidth = 1920\nheight = 1080\n");
    let (raw, _) = predicted(&raw);
    assert!(raw <= 48.0, "{raw} MiB at 1920x1080 in YUYV");
    // A buffer more is two bytes a pixel more.
    let (three, _) = predicted(&format!("{large}buffers = 3\n"));
    let buffer = f64::from(1920 * 1080 * 2) / 1048576.0;
    assert!((three - two - buffer).abs() < 0.5, "{three} and {two} MiB");
}

#[test]
fn teaching_with_the_defaults_fits_the_budget() {
    let of = |more: &str| {
        let folder = tempfile::tempdir().unwrap();
        let teach = format!(
            "[teach]\nenabled = true\nfolder = {:?}\n{more}",
            folder.path()
        );
        predicted(&format!(
            "[camera]\ntimeout = 1.0\nformat = \"yuyv\"\n{teach}"
        ))
        .0
    };
    let (plain, pictures) = (of(""), of("pictures = true\n"));
    println!("{plain} MiB with lessons, {pictures} with pictures of them");
    assert!(plain <= 48.0, "{plain} MiB at 640x480 in YUYV");
    // Two copies of a frame, and what makes them small.
    assert!(pictures - plain < 3.0, "{pictures} MiB with pictures");
}

#[test]
fn snapshots_of_usual_pictures_fit_the_budget() {
    let quiet = "[camera]\ntimeout = 1.0\n";
    let of = |camera: &str, enabled| {
        let snapshot = format!("[snapshot]\nenabled = {enabled}\n");
        predicted(&format!("{quiet}{camera}{snapshot}")).0
    };
    let usual = of("format = \"yuyv\"\n", true);
    assert!(usual <= 48.0, "{usual} MiB at 640x480 in YUYV");
    // Pictures of 1080p are over the budget, and `check` tells by how much.
    for (format, most) in [("mjpg", 3.2), ("yuyv", 6.2)] {
        let camera = format!("format = {format:?}\nwidth = 1920\nheight = 1080\n");
        let more = of(&camera, true) - of(&camera, false);
        println!("{format}: {more} MiB");
        assert!(
            more > 1.0 && more <= most,
            "{format}: {more} MiB for snapshots"
        );
    }
}

#[test]
fn a_start_over_the_budget_is_refused_with_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(
        folder.path(),
        &bottles("loop"),
        "[mqtt]\nenabled = false\n[memory]\nbudget_mb = 20\n",
    );
    let ran = goldcrest(&["run", "--config", config.to_str().unwrap()]);
    assert_eq!(ran.code, 78, "{}", ran.stderr);
    assert!(ran.stderr.contains("weights, mapped"), "{}", ran.stderr);
    let line = ran.stderr.lines().last().unwrap();
    assert!(line.starts_with("goldcrest: memory.budget_mb: "), "{line}");
    assert!(
        line.contains("20 are allowed") && line.contains("set memory.budget_mb to "),
        "{line}"
    );
    let wanted = line.rsplit_once("set memory.budget_mb to ").unwrap().1;
    let wanted = wanted.split(' ').next().unwrap();
    let text = fs::read_to_string(&config)
        .unwrap()
        .replace("= 20\n", &format!("= {wanted}\n"));
    fs::write(
        &config,
        text.replace("at_end = \"loop\"", "at_end = \"stop\""),
    )
    .unwrap();
    let ran = goldcrest(&["run", "--config", config.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}
