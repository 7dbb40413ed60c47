//! Teaching the running daemon through a real broker: what a lesson changes, and what survives a
//! restart, a kill and a full disk.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::daemon::configuration;
use crate::support::program::{IN_THE_RECORDING, command, goldcrest, output, root};
use crate::support::{Broker, Daemon, Subscriber};

/// Keys of `[observe]` with which the model's own classifier claims the bottles, small as they are.
const RULE: &str =
    "smoothing = 0.1\nframes = 2\nspread = 0.0\nthreshold = 0.35\nrelease = 0.3\nmargin = 0.05\n";

/// A camera that shows one of four scenes: bottles, stripes, a disc, and the dark.
struct Camera {
    folder: TempDir,
    scene: Arc<AtomicUsize>,
    closed: Arc<AtomicBool>,
}

/// A picture of the scene, which differs a little from the one before.
fn picture(scene: usize, bottles: &RgbImage, seed: u32) -> Vec<u8> {
    let mut picture = RgbImage::from_fn(320, 180, |x, y| match scene {
        0 => *bottles.get_pixel(x, y),
        1 if (x / 24) % 2 == 0 => Rgb([230, 40, 30]),
        1 => Rgb([20, 30, 90]),
        2 if (x as i32 - 160).pow(2) + (y as i32 - 90).pow(2) < 3600 => Rgb([250, 230, 60]),
        2 => Rgb([40, 120, 60]),
        _ => Rgb([1, 1, 1]),
    });
    if scene < 3 {
        let level = (seed % 50) as u8 * 4;
        for (x, y) in (0..16).flat_map(|x| (0..16).map(move |y| (x, y))) {
            picture.put_pixel(x, y, Rgb([level; 3]));
        }
    }
    let mut jpeg = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, 85);
    encoder.encode_image(&picture).unwrap();
    jpeg
}

impl Camera {
    fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("camera");
        let made = Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        let (scene, closed) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (shown, ended) = (Arc::clone(&scene), Arc::clone(&closed));
        let bottles = image::open(root().join("tests/recordings/bottles/bottles-20.jpg")).unwrap();
        let bottles = bottles.resize_exact(320, 180, image::imageops::FilterType::Triangle);
        let bottles = bottles.to_rgb8();
        thread::spawn(move || {
            let mut seed = 0;
            while !ended.load(Relaxed) {
                // It waits here for the next daemon.
                let Ok(mut pipe) = OpenOptions::new().write(true).open(&path) else {
                    return;
                };
                loop {
                    seed += 1;
                    let jpeg = picture(shown.load(Relaxed), &bottles, seed);
                    if ended.load(Relaxed) || pipe.write_all(&jpeg).is_err() {
                        break;
                    }
                    thread::sleep(Duration::from_millis(50));
                }
            }
        });
        Self {
            folder,
            scene,
            closed,
        }
    }

    fn show(&self, scene: usize) {
        self.scene.store(scene, Relaxed);
        // What is in the pipe comes first.
        thread::sleep(Duration::from_millis(600));
    }

    fn source(&self) -> String {
        let path = self.folder.path().join("camera");
        format!("kind = \"recording\"\npath = {path:?}\nframe_rate = 20.0\n")
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.closed.store(true, Relaxed);
    }
}

/// A daemon that can be taught, with its state in a folder that outlives it.
struct School {
    broker: Broker,
    camera: Camera,
    state: TempDir,
    answers: Subscriber,
    settings: Subscriber,
}

impl School {
    fn new() -> Self {
        let broker = Broker::start();
        let on = |topic: &str| Subscriber::new(&broker, &format!("goldcrest/test/{topic}"));
        Self {
            answers: on("response/+"),
            settings: on("settings"),
            camera: Camera::start(),
            state: TempDir::new().unwrap(),
            broker,
        }
    }

    /// A daemon, with `more` keys of `[teach]`.
    fn open(&self, more: &str) -> Daemon {
        self.open_in(self.state.path(), "", more)
    }

    /// The same with its lessons in `folder`, and more keys of `[commands]`.
    fn open_in(&self, folder: &Path, commands: &str, more: &str) -> Daemon {
        let text = format!(
            "{RULE}[gate]\ndark = 12.0\n{}[commands]\nenabled = true\n{commands}\
             [teach]\nenabled = true\nfolder = {folder:?}\n{more}",
            self.broker.config_toml(),
        );
        Daemon::on(&self.camera.source(), &text)
    }

    /// Waits until a daemon hears commands: one that is sent before is lost.
    fn is_online(&self) {
        let availability = Subscriber::new(&self.broker, "goldcrest/test/availability");
        availability.expect_that("availability", |m| m.text == "online");
    }

    /// Sends a lesson; returns its answer.
    fn ask(&self, payload: &str) -> Value {
        self.broker.send("goldcrest/test/command/teach", payload);
        self.answers.expect("teach").json()
    }

    /// Teaches the scene `count` times.
    fn teach(&self, scene: usize, label: &str, count: usize) -> Value {
        self.camera.show(scene);
        let mut last = Value::Null;
        for _ in 0..count {
            last = self.ask(&json!({"label": label}).to_string());
            assert_eq!(
                (&last["ok"], &last["label"]),
                (&json!(true), &json!(label)),
                "{last}"
            );
        }
        last
    }

    fn refused(&self, payload: &str) -> String {
        let answer = self.ask(payload);
        assert_eq!(answer["ok"], false, "{answer}");
        answer["error"].as_str().expect("an error").to_string()
    }

    /// Waits until the label is `wanted` from now on.
    fn sees(&self, wanted: Value) -> Value {
        let labels = Subscriber::new(&self.broker, "goldcrest/test/label");
        let message = labels.expect_that("label", |m| !m.retained && m.json()["label"] == wanted);
        message.json()
    }

    /// The settings that the broker retains.
    fn settings_now(&self) -> Value {
        let settings = Subscriber::new(&self.broker, "goldcrest/test/settings");
        settings.expect("settings").json()
    }

    fn lessons(&self, ending: &str) -> PathBuf {
        let entries = fs::read_dir(self.state.path()).unwrap();
        let mut paths = entries.map(|entry| entry.unwrap().path());
        let path = paths.find(|path| path.to_string_lossy().ends_with(ending));
        path.unwrap_or_else(|| panic!("nothing ends with {ending}"))
    }
}

#[test]
fn labels_become_those_that_are_taught_and_survive_all() {
    let school = School::new();
    let mut daemon = school.open("");
    school.sees(json!(IN_THE_RECORDING));
    let first = school
        .settings
        .expect_that("settings", |m| m.json()["taught"].is_object());
    let nothing = json!({"labels": {}, "examples": 0, "accuracy": null, "interval": null, "warnings": [],
        "undo": false, "selected": null, "missing": "nothing is taught yet"});
    let first = first.json();
    if first["taught"]["missing"].is_string() {
        assert_eq!(first["taught"], nothing);
    }
    assert_eq!(first["head"], Value::Null);

    // One label is kept, and changes nothing yet.
    let answer = school.teach(0, "bottles", 1);
    assert_eq!(answer["labels"], json!({"bottles": 1}));
    assert_eq!(answer["accuracy"], Value::Null);
    let line = daemon.expect("command teach: ");
    assert!(
        line.contains("took an example of \"bottles\"; now 1 example of 1 label; "),
        "{line}"
    );
    let missing = answer["missing"].as_str().unwrap();
    assert!(
        missing.starts_with("\"bottles\" is the only label; teach a second one"),
        "{missing}"
    );
    school.sees(json!(IN_THE_RECORDING));

    school.teach(1, "streifen 🦓", 2);
    let answer = school.teach(2, "disc", 2);
    assert_eq!(answer["examples"], 5);
    assert_eq!(
        answer["labels"],
        json!({"bottles": 1, "disc": 2, "streifen 🦓": 2})
    );
    assert!(answer.get("missing").is_none(), "{answer}");
    assert!(
        !answer["warnings"].as_array().unwrap().is_empty(),
        "{answer}"
    );
    let disc = school.sees(json!("disc"));
    assert!(disc["head"].is_string(), "{disc}");
    school.camera.show(1);
    school.sees(json!("streifen 🦓"));
    school.camera.show(0);
    school.sees(json!("bottles"));
    let settings = school.settings_now();
    assert_eq!(settings["taught"]["examples"], 5, "{settings}");
    assert_eq!(settings["taught"]["undo"], true);
    assert_eq!(settings["labels"], 3);

    // A restart has the same head before its first frame.
    daemon.signal("KILL");
    daemon.wait();
    let mut daemon = school.open("");
    daemon.expect("5 examples of 3 labels");
    let seen = school.sees(json!("bottles"));
    assert_eq!(seen["head"], settings["head"]);

    // Undo takes the newest back, and forget a whole label.
    let answer = school.ask(r#"{"undo":true,"correlation":"x"}"#);
    assert_eq!(
        (
            &answer["undone"],
            &answer["correlation"],
            &answer["examples"]
        ),
        (&json!("disc"), &json!("x"), &json!(4)),
    );
    let answer = school.ask(r#"{"forget":"streifen 🦓"}"#);
    assert_eq!(
        (&answer["gone"], &answer["examples"]),
        (&json!(2), &json!(2))
    );
    let answer = school.ask(r#"{"list":true}"#);
    assert_eq!(answer["labels"], json!({"bottles": 1, "disc": 1}));
    assert_eq!(
        answer["classes"].as_array().map(Vec::len),
        Some(2),
        "{answer}"
    );
    school.camera.show(2);
    school.sees(json!("disc"));
    assert_eq!(
        school.refused(r#"{"forget":"door"}"#),
        "\"door\" has no examples; taught are bottles, disc"
    );

    // Without a second label the model's own classifier is back.
    school.ask(r#"{"forget":"disc"}"#);
    school.camera.show(0);
    let seen = school.sees(json!(IN_THE_RECORDING));
    assert_eq!(seen["head"], Value::Null);
    daemon.end();
}

#[test]
fn a_lesson_that_cannot_be_is_refused_with_the_reason() {
    let school = School::new();
    let daemon = school.open("max_examples = 2\npictures = true\n");
    school.sees(json!(IN_THE_RECORDING));
    for (payload, why) in [
        ("", "it needs a label"),
        (r#"{"label":"a","undo":true}"#, "it needs exactly one of"),
        (r#"{"lable":"a"}"#, "unknown key \"lable\""),
        (
            r#"{"label":"a\tb"}"#,
            "the label \"a\\tb\" has a control character",
        ),
        ("unknown", "\"unknown\" is observe.unknown"),
        ("None", "write \"none\" for pictures of nothing"),
        (r#"{"undo":true}"#, "there is no example to take back"),
        (r#"{"take":true}"#, "no label is selected"),
    ] {
        let error = school.refused(payload);
        assert!(error.starts_with(why), "{payload}: {error}");
    }
    let long = "ö".repeat(65);
    assert!(school.refused(&long).contains("64"), "{long}");
    school.broker.send("goldcrest/test/command/pause", "ON");
    school.answers.expect("pause");
    let why = "frames are passed over while paused; send resume first";
    assert_eq!(school.refused("open"), why);
    school.broker.send("goldcrest/test/command/resume", "");
    school.answers.expect("resume");
    let settings = school
        .settings
        .expect_that("settings", |m| m.json()["taught"]["refused"] == why);
    assert_eq!(settings.json()["taught"]["examples"], 0);

    school.camera.show(3);
    let labels = Subscriber::new(&school.broker, "goldcrest/test/label");
    labels.expect_that("label", |m| m.json()["reason"] == "dark");
    assert_eq!(
        school.refused("night"),
        "the pictures are dark and show nothing to teach"
    );
    school.camera.show(0);
    school.sees(json!(IN_THE_RECORDING));

    // The selected label is that of the button in Home Assistant.
    assert_eq!(school.ask(r#"{"select":"open"}"#)["selected"], "open");
    let selected =
        |m: &Value| m["taught"]["selected"] == "open" && m["taught"]["refused"].is_null();
    school
        .settings
        .expect_that("settings", |m| selected(&m.json()));
    assert_eq!(school.ask(r#"{"take":true}"#)["label"], "open");
    assert_eq!(school.ask("none")["examples"], 2);
    assert_eq!(
        school.refused("open"),
        "2 examples are kept, which is teach.max_examples; forget a label, undo, or set more"
    );
    let pictures = school.state.path().join("pictures");
    for label in ["open", "none"] {
        let files = fs::read_dir(pictures.join(label)).unwrap();
        let paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        let picture = image::open(&paths[0]).unwrap();
        assert_eq!((paths.len(), picture.width()), (1, 320), "{label}");
        // A time that `teach` reads, as 20261127T013500.250Z.
        let name = paths[0].file_name().unwrap().to_str().unwrap();
        let form: String = name
            .chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect();
        assert_eq!(form, "00000000T000000.000Z.jpg", "{name}");
    }
    assert_eq!(school.ask(r#"{"undo":true}"#)["undone"], "none");
    assert!(!pictures.join("none").exists() && pictures.join("open").exists());
    daemon.end();
}

/// The last line of a program that is refused, and its code.
fn last_line(config: &Path) -> (i32, String) {
    let ran = goldcrest(&["run", "--config", config.to_str().unwrap()]);
    let line = ran.stderr.lines().last().unwrap_or_default();
    (ran.code, line.to_string())
}

/// What `check` says of the lessons.
fn checked(config: &Path) -> String {
    let ran = goldcrest(&["check", "--config", config.to_str().unwrap()]);
    let line = ran.stdout.lines().find(|line| line.starts_with("teach "));
    let line = line.unwrap_or_else(|| panic!("{}{}", ran.stdout, ran.stderr));
    line["teach".len()..].trim().to_string()
}

#[test]
fn a_folder_is_needed_and_is_for_one_daemon_alone() {
    let folder = TempDir::new().unwrap();
    let source = "kind = \"synthetic\"\n";
    let off = "[mqtt]\nenabled = false\n[teach]\nenabled = true\n";
    let config = configuration(folder.path(), source, off);
    let mut run = command(&["run", "--config", config.to_str().unwrap()]);
    run.env_remove("STATE_DIRECTORY");
    let ran = output(&mut run);
    assert_eq!(ran.code, 78, "{}", ran.stderr);
    assert_eq!(
        ran.stderr.lines().last(),
        Some(
            "goldcrest: teach.enabled needs a folder: set teach.folder, or StateDirectory= in the systemd unit"
        )
    );

    let school = School::new();
    let daemon = school.open("");
    school.sees(json!(IN_THE_RECORDING));
    let text = format!("{off}folder = {:?}\n", school.state.path());
    let folder = TempDir::new().unwrap();
    let config = configuration(folder.path(), source, &text);
    let (code, line) = last_line(&config);
    assert_eq!(code, 69, "{line}");
    assert!(
        line.ends_with("is in use by another Goldcrest; give each a folder of its own"),
        "{line}"
    );
    // A check needs no folder for itself.
    school.teach(0, "bottles", 2);
    let line = checked(&config);
    assert!(line.starts_with("ok    2 examples (bottles 2), "), "{line}");
    daemon.end();
}

#[test]
fn damage_is_named_and_costs_one_example() {
    let school = School::new();
    let daemon = school.open("");
    school.sees(json!(IN_THE_RECORDING));
    school.teach(0, "bottles", 2);
    school.teach(1, "stripes", 1);
    daemon.end();
    let path = school.lessons(".examples");
    let mut bytes = fs::read(&path).unwrap();
    let place = bytes.len() - 100;
    bytes[place] ^= 4;
    fs::write(&path, &bytes).unwrap();
    fs::write(school.lessons(".head"), "nonsense").unwrap();
    let text = format!(
        "[mqtt]\nenabled = false\n[teach]\nenabled = true\nfolder = {:?}\n",
        school.state.path()
    );
    let folder = TempDir::new().unwrap();
    let line = checked(&configuration(
        folder.path(),
        "kind = \"synthetic\"\n",
        &text,
    ));
    assert!(
        line.contains("; one place of the file is damaged, "),
        "{line}"
    );
    assert_eq!(fs::read(&path).unwrap(), bytes);
    let mut daemon = school.open("");
    daemon.expect("one of its records damaged");
    daemon.expect(".head");
    school.is_online();
    let answer = school.ask(r#"{"list":true}"#);
    assert_eq!(answer["labels"], json!({"bottles": 2}));
    assert_eq!(fs::read(school.lessons(".damaged-1")).unwrap(), bytes);
    daemon.end();
}

#[test]
fn teaching_is_off_unless_it_is_enabled() {
    let school = School::new();
    let daemon = school.open("");
    school.sees(json!(IN_THE_RECORDING));
    daemon.end();
    let text = format!(
        "{RULE}{}[commands]\nenabled = true\n",
        school.broker.config_toml()
    );
    let daemon = Daemon::on(&school.camera.source(), &text);
    school.sees(json!(IN_THE_RECORDING));
    assert_eq!(
        school.refused("open"),
        "teaching is off; set teach.enabled = true"
    );
    let late = Subscriber::new(&school.broker, "goldcrest/test/settings");
    assert!(late.expect("settings").json().get("taught").is_none());
    daemon.end();
}

#[test]
fn home_assistant_gets_a_list_of_labels_before_the_one_that_is_selected() {
    let school = School::new();
    let all = Subscriber::new(&school.broker, "#");
    let daemon = school.open("[homeassistant]\nenabled = true\nnode = \"porch_1\"\n");
    let options = |message: &crate::support::Received| {
        let options = &message.json()["components"]["teach_label"]["options"];
        options.as_array().cloned().unwrap_or_default()
    };
    let first = all.expect("config");
    assert_eq!(options(&first)[0], "(none of these)");
    assert!(options(&first).contains(&json!(IN_THE_RECORDING)));
    school.sees(json!(IN_THE_RECORDING));
    school.ask(r#"{"select":"garage open"}"#);
    let mut listed = false;
    loop {
        let message = all.next(crate::support::PATIENCE).expect("a message");
        if message.topic.ends_with("/config") {
            listed |= options(&message).contains(&json!("garage open"));
        }
        if message.topic.ends_with("/settings")
            && message.json()["taught"]["selected"] == "garage open"
        {
            break;
        }
    }
    assert!(listed, "selected before it was in the list");
    daemon.end();
}

#[test]
fn the_selected_label_survives_a_restart_where_that_is_kept() {
    let school = School::new();
    let kept = TempDir::new().unwrap();
    let keep = format!("keep = true\nfolder = {:?}\n", kept.path());
    let home = "[homeassistant]\nenabled = true\nnode = \"porch_1\"\n";
    let open = || school.open_in(school.state.path(), &keep, home);
    let daemon = open();
    school.sees(json!(IN_THE_RECORDING));
    assert_eq!(school.ask(r#"{"select":"garage"}"#)["selected"], "garage");
    daemon.end();
    let all = Subscriber::new(&school.broker, "#");
    let mut daemon = open();
    daemon.expect("going on with what commands set before: \"garage\" selected to be taught");
    let mut listed = false;
    loop {
        let message = all.next(crate::support::PATIENCE).expect("a message");
        if message.retained {
            continue;
        }
        if message.topic.ends_with("/config") {
            let options = &message.json()["components"]["teach_label"]["options"];
            listed |= options.to_string().contains("garage");
        }
        if message.topic.ends_with("/settings") && message.json()["taught"]["selected"] == "garage"
        {
            break;
        }
    }
    assert!(listed, "selected before it was in the list");
    school.sees(json!(IN_THE_RECORDING));
    assert_eq!(school.ask(r#"{"take":true}"#)["label"], "garage");
    daemon.end();
    // Without `keep`, each start begins with none.
    let daemon = school.open("");
    school.is_online();
    assert_eq!(
        school.refused(r#"{"take":true}"#),
        "no label is selected; select one first"
    );
    daemon.end();
}

#[test]
fn every_answered_example_is_there_after_twenty_kills() {
    let school = School::new();
    // Labels, and how many examples of each were sent and answered.
    let mut labels = [("a", 0, 0), ("b", 0, 0)];
    let mut kills_amid = 0;
    for round in 0..=20_u64 {
        let mut daemon = school.open("");
        school.is_online();
        let listed = school.ask(r#"{"list":true}"#);
        for (label, sent, answered) in labels {
            let found = listed["labels"][label].as_u64().unwrap_or(0);
            assert!(
                (answered..=sent).contains(&found),
                "{label}: {answered} answered, {sent} sent, and {listed}"
            );
        }
        if round == 20 {
            daemon.end();
            break;
        }
        for n in 0..8 {
            let (label, sent, _) = &mut labels[n % 2];
            *sent += 1;
            school.broker.send("goldcrest/test/command/teach", label);
        }
        thread::sleep(Duration::from_millis(round * 53 % 700));
        daemon.signal("KILL");
        daemon.wait();
        let mut count = 0;
        while let Some(answer) = school.answers.next(Duration::from_millis(300)) {
            let answer = answer.json();
            assert_eq!(answer["ok"], true, "{answer}");
            let (.., answered) = labels
                .iter_mut()
                .find(|(l, ..)| answer["label"] == *l)
                .unwrap();
            *answered += 1;
            count += 1;
        }
        kills_amid += u32::from((1..8).contains(&count));
    }
    assert!(kills_amid > 0, "no kill came amid lessons: {labels:?}");
}

/// A small file system in memory, which ends with the value.
struct Disk(TempDir);

impl Disk {
    /// None where this user may not mount one.
    fn mount(kib: usize) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={kib}k"), "lessons"]);
        let mounted = mount.arg(folder.path()).output();
        mounted
            .is_ok_and(|ran| ran.status.success())
            .then_some(Self(folder))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let umount = Command::new("umount").arg("-l").arg(self.0.path()).status();
        if !umount.is_ok_and(|status| status.success()) {
            eprintln!("{} stays mounted", self.0.path().display());
        }
    }
}

#[test]
fn a_full_disk_refuses_a_lesson_and_keeps_those_before() {
    let Some(disk) = Disk::mount(256) else {
        println!("SKIPPED: this user may not mount a file system in memory");
        return;
    };
    let folder = disk.0.path();
    let school = School::new();
    let daemon = school.open_in(folder, "", "");
    school.sees(json!(IN_THE_RECORDING));
    school.teach(0, "bottles", 2);
    let before = school.teach(1, "stripes", 2);
    assert_eq!(before["examples"], 4);
    let fill = folder.join("fill");
    let mut file = fs::File::create(&fill).unwrap();
    while file.write_all(&[0; 512]).is_ok() {}
    // The last page of the file of examples may have room for a few.
    let mut kept = 4;
    let refused = loop {
        let answer = school.ask("stripes");
        if answer["ok"] == false {
            break answer["error"].as_str().unwrap().to_string();
        }
        kept += 1;
        assert!(kept < 12, "the disk is not full: {answer}");
        let missing = answer["missing"].as_str().unwrap();
        assert!(
            missing.ends_with("the head from before stays in force"),
            "{missing}"
        );
    };
    assert!(
        refused.contains(".examples: No space left on device")
            && refused.ends_with("; nothing was taught"),
        "{refused}"
    );
    assert_eq!(school.ask(r#"{"list":true}"#)["examples"], kept);
    school.sees(json!("stripes"));
    drop(file);
    fs::remove_file(&fill).unwrap();
    let answer = school.ask("stripes");
    assert_eq!(
        (&answer["examples"], answer.get("missing")),
        (&json!(kept + 1), None)
    );
    daemon.end();
    let mut daemon = school.open_in(folder, "", "");
    daemon.expect(&format!("{} examples of 2 labels", kept + 1));
    daemon.end();
}
