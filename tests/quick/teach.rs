//! `goldcrest teach` as a user runs it, on six pictures each of three kinds.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::support::program::{Ran, command, output, packed_model, root, signal};

const KINDS: [&str; 3] = ["chair", "umbrella", "watch"];
/// The features of an earlier run, in the folder of pictures.
const CACHE: &str = ".goldcrest-features";

/// A folder with a packed model, a configuration, and pictures to be taught.
pub(crate) struct Bench {
    folder: TempDir,
}

impl Bench {
    /// With no pictures yet.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let model = packed_model(folder.path());
        fs::write(
            folder.path().join("config.toml"),
            format!("[model]\npath = {model:?}\n[mqtt]\nenabled = false\n"),
        )
        .unwrap();
        fs::create_dir(folder.path().join("pictures")).unwrap();
        Self { folder }
    }

    /// With the first `count` pictures of each kind.
    fn taught(count: usize) -> Self {
        let bench = Self::new();
        for kind in KINDS {
            bench.put(kind, kind, 0..count);
        }
        bench
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts pictures of `kind` into the folder of `label`.
    fn put(&self, kind: &str, label: &str, numbers: std::ops::Range<usize>) {
        let folder = self.at("pictures").join(label);
        fs::create_dir_all(&folder).unwrap();
        for number in numbers {
            fs::copy(
                picture(kind, number),
                folder.join(format!("{kind}{number}.jpg")),
            )
            .unwrap();
        }
    }

    /// Runs the program with its folder as the current one.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = command(arguments);
        command
            .args(["--config", "config.toml"])
            .current_dir(self.folder.path())
            .env("XDG_CACHE_HOME", self.at("cache"));
        output(&mut command)
    }

    fn teach(&self, more: &[&str]) -> Ran {
        self.run(&[&["teach", "pictures", "--out", "a.head"], more].concat())
    }

    /// Teaches and returns the report.
    fn report(&self, more: &[&str]) -> Value {
        let ran = self.teach(&[&["--json"], more].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(ran.stdout.lines().count(), 1, "{}", ran.stdout);
        serde_json::from_str(&ran.stdout).unwrap()
    }

    /// Expects a refusal in one line and returns the line.
    #[track_caller]
    fn refused(&self, arguments: &[&str], code: i32) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {}", ran.stderr);
        let errors: Vec<&str> = ran
            .stderr
            .lines()
            .filter(|line| line.starts_with("goldcrest: "))
            .collect();
        assert_eq!(errors.len(), 1, "{}", ran.stderr);
        errors[0].into()
    }
}

fn picture(kind: &str, number: usize) -> PathBuf {
    root().join(format!("tests/examples/{kind}/{number:02}.jpg"))
}

#[test]
fn a_report_has_the_fields_of_the_contract_and_is_right() {
    let bench = Bench::taught(6);
    let report = bench.report(&[]);
    let keys: Vec<&String> = report.as_object().unwrap().keys().collect();
    let mut wanted = [
        "accuracy",
        "interval",
        "classes",
        "warnings",
        "seconds",
        "head",
        "head_sha256",
        "backbone_sha256",
    ];
    wanted.sort_unstable();
    assert_eq!(keys, wanted);
    let number = |value: &Value| value.as_f64().unwrap();
    let (low, high) = (
        number(&report["interval"][0]),
        number(&report["interval"][1]),
    );
    let accuracy = number(&report["accuracy"]);
    assert!(
        accuracy >= 0.85 && low <= accuracy && accuracy <= high,
        "{report}"
    );
    for (class, kind) in report["classes"].as_array().unwrap().iter().zip(KINDS) {
        assert_eq!(class["label"], kind);
        assert_eq!(
            (&class["examples"], &class["bursts"]),
            (&6.into(), &6.into())
        );
        assert!(class["accuracy"].is_number() && class.get("confused_with").is_some());
    }
    assert_eq!(report["classes"].as_array().unwrap().len(), 3);
    assert_eq!(report["head"], "a.head");
    // The daemon runs as another user.
    let mode = fs::metadata(bench.at("a.head"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o644, "{mode:o}");
    let head = fs::read(bench.at("a.head")).unwrap();
    assert_eq!(report["head_sha256"], format!("{:x}", Sha256::digest(head)));
    let card = fs::read_to_string(root().join("model/model.toml")).unwrap();
    assert!(card.contains(report["backbone_sha256"].as_str().unwrap()));
}

#[test]
fn two_runs_give_the_same_head_but_for_its_date() {
    let bench = Bench::taught(4);
    let teach = |more: &[&str]| {
        bench.report(more);
        let (mut taught, _) = goldcrest::engine::read_head(&bench.at("a.head")).unwrap();
        taught.made = std::time::SystemTime::UNIX_EPOCH;
        format!("{taught:?}")
    };
    let first = teach(&["--no-cache"]);
    assert!(!bench.at("pictures").join(CACHE).exists());
    assert!(first == teach(&[]), "with features that are kept");
    assert!(bench.at("pictures").join(CACHE).exists());
    assert!(first == teach(&[]), "with features that were kept");
}

#[test]
fn features_are_computed_once_and_again_for_other_settings() {
    let bench = Bench::taught(3);
    let known = |ran: &Ran| {
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let line = ran.stderr.lines().find(|line| line.contains("features of"));
        let line = line.unwrap_or_else(|| panic!("{}", ran.stderr));
        line.split_once("features of ").unwrap().1.to_string()
    };
    assert!(known(&bench.teach(&[])).starts_with("0 of 9 pictures"));
    assert!(known(&bench.teach(&[])).starts_with("9 of 9 pictures"));
    // A picture in another folder, under another name, is the same picture.
    let pictures = bench.at("pictures");
    fs::rename(
        pictures.join("chair/chair0.jpg"),
        pictures.join("watch/x.jpeg"),
    )
    .unwrap();
    bench.put("chair", "chair", 5..6);
    assert!(known(&bench.teach(&[])).starts_with("9 of 10 pictures"));
    // Damaged, it is written anew.
    let cache = pictures.join(CACHE);
    let mut bytes = fs::read(&cache).unwrap();
    bytes[100] ^= 1;
    fs::write(&cache, bytes).unwrap();
    assert!(known(&bench.teach(&[])).starts_with("0 of 10 pictures"));
    assert!(known(&bench.teach(&[])).starts_with("10 of 10 pictures"));
    // So it is where pictures come to the model in another way.
    let config = bench.at("config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text + "[vision]\nflip = \"horizontal\"\n").unwrap();
    assert!(known(&bench.teach(&[])).starts_with("0 of 10 pictures"));
    // Where it cannot be written, teaching works without.
    fs::remove_file(&cache).unwrap();
    fs::create_dir_all(cache.join("in the way")).unwrap();
    let ran = bench.teach(&[]);
    assert!(known(&ran).starts_with("0 of 10 pictures"));
    assert!(ran.stderr.contains("cannot be written"), "{}", ran.stderr);
}

#[test]
fn bad_pictures_are_named_and_passed_over() {
    let bench = Bench::taught(3);
    let chair = bench.at("pictures/chair");
    fs::write(chair.join("text.jpg"), "no picture").unwrap();
    fs::write(chair.join("empty.png"), "").unwrap();
    let whole = fs::read(picture("chair", 4)).unwrap();
    fs::write(chair.join("half.jpg"), &whole[..whole.len() / 2]).unwrap();
    let ran = bench.teach(&[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for name in ["text.jpg", "empty.png", "half.jpg"] {
        let line = ran.stderr.lines().find(|line| line.contains(name));
        assert!(
            line.is_some_and(|l| l.ends_with("passed over")),
            "{}",
            ran.stderr
        );
    }
    assert!(
        ran.stdout.contains("- 3 pictures could not be read"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("chair:    3 examples of 3 moments"),
        "{}",
        ran.stdout
    );
    let report = bench.report(&[]);
    let warnings = report["warnings"].to_string();
    assert!(
        warnings.contains("3 pictures could not be read"),
        "{warnings}"
    );
}

#[test]
fn a_picture_under_two_labels_is_named_with_both_files() {
    let bench = Bench::taught(3);
    bench.put("chair", "umbrella", 1..2);
    let report = bench.report(&[]);
    let warnings = report["warnings"].as_array().unwrap();
    let wanted = "pictures/chair/chair1.jpg and pictures/umbrella/chair1.jpg are almost the same picture under two \
                  labels; keep it under one of them";
    let about = |w: &&Value| w.as_str().unwrap().contains("under two labels");
    let found: Vec<_> = warnings.iter().filter(about).collect();
    assert_eq!(found, [wanted], "{warnings:?}");
}

#[test]
fn labels_of_all_scripts_are_taught() {
    let bench = Bench::new();
    let long = "Gänsefüßchen 🦆 ".repeat(4);
    let long: String = long.trim().chars().take(64).collect();
    let labels = ["Tür offen 🚪", "閉", &long];
    for (kind, label) in KINDS.iter().zip(labels) {
        bench.put(kind, label, 0..3);
    }
    let report = bench.report(&[]);
    let mut told: Vec<_> = report["classes"].as_array().unwrap().iter().collect();
    told.sort_by_key(|class| labels.iter().position(|l| class["label"] == *l));
    for (class, label) in told.iter().zip(labels) {
        assert_eq!(class["label"], label);
    }
    let (taught, _) = goldcrest::engine::read_head(&bench.at("a.head")).unwrap();
    assert!(
        labels
            .iter()
            .all(|label| taught.labels.iter().any(|l| l == label))
    );
}

#[test]
fn one_picture_a_label_is_taught_and_told_to_be_little() {
    let bench = Bench::taught(1);
    let report = bench.report(&[]);
    assert_eq!(report["accuracy"], Value::Null);
    assert_eq!(report["interval"], serde_json::json!([0.0, 1.0]));
    assert!(
        !report["warnings"].as_array().unwrap().is_empty(),
        "{report}"
    );
    let text = bench.teach(&[]).stdout;
    assert!(text.contains("1 example of 1 moment, too few"), "{text}");
    assert!(text.contains("cannot be told"), "{text}");
}

#[test]
fn one_label_and_equal_pictures_never_panic() {
    for alone in [true, false] {
        let bench = Bench::new();
        if alone {
            bench.put("chair", "chair", 0..6);
        } else {
            for label in KINDS {
                bench.put("chair", label, 0..2);
                let folder = bench.at("pictures").join(label);
                fs::copy(folder.join("chair0.jpg"), folder.join("chair1.jpg")).unwrap();
            }
        }
        let ran = bench.teach(&[]);
        assert!(ran.code == 0 || ran.code == 65, "{}", ran.stderr);
        if ran.code == 0 {
            assert!(ran.stdout.contains("\n- "), "no warning: {}", ran.stdout);
        }
    }
}

#[test]
fn films_and_recordings_are_examples_of_their_label() {
    let bench = Bench::taught(2);
    let film: Vec<u8> = (0..6)
        .flat_map(|n| fs::read(picture("chair", n)).unwrap())
        .collect();
    let pictures = bench.at("pictures");
    fs::remove_dir_all(pictures.join("chair")).unwrap();
    fs::write(pictures.join("chair.mjpeg"), &film).unwrap();
    fs::create_dir(pictures.join("none")).unwrap();
    let synthetic =
        "[source]\nkind = \"synthetic\"\n[camera]\nwidth = 64\nheight = 64\nformat = \"yuyv\"\n";
    fs::write(bench.at("camera.toml"), synthetic).unwrap();
    let recorded = output(
        command(&["record", "pictures/none/monday", "--frames", "3"])
            .args(["--config", "camera.toml"])
            .current_dir(bench.at("")),
    );
    assert_eq!(recorded.code, 0, "{}", recorded.stderr);
    let report = bench.report(&[]);
    let classes = report["classes"].as_array().unwrap();
    let of = |label: &str| {
        classes
            .iter()
            .find(|class| class["label"] == label)
            .unwrap()
    };
    // All frames of a film that lasts less than a second are of one moment.
    assert_eq!(
        (&of("chair")["examples"], &of("chair")["bursts"]),
        (&6.into(), &1.into())
    );
    assert_eq!(of("none")["bursts"], 1);
    assert_eq!(of("watch")["bursts"], 2);
}

#[test]
fn times_in_names_make_moments() {
    let bench = Bench::taught(3);
    let chair = bench.at("pictures/chair");
    let rename = |from: &str, to: &str| fs::rename(chair.join(from), chair.join(to)).unwrap();
    rename("chair0.jpg", "20261127T013500Z-changed-chair-0.93.jpg");
    rename("chair1.jpg", "20261127T013501Z-uncertain-chair-0.40.jpg");
    rename("chair2.jpg", "IMG_20261127_180000.jpg");
    let report = bench.report(&[]);
    assert_eq!(report["classes"][0]["examples"], 3);
    assert_eq!(report["classes"][0]["bursts"], 2);
}

#[test]
fn what_cannot_be_taught_is_refused_before_the_work() {
    let bench = Bench::taught(1);
    let teach =
        |folder: &str, out: &str, code| bench.refused(&["teach", folder, "--out", out], code);
    assert!(teach("nowhere", "a.head", 66).contains("nowhere: "));
    assert!(teach("config.toml", "a.head", 64).contains("no folder"));
    assert!(teach("pictures", "nowhere/a.head", 74).contains("make it first"));
    assert!(teach("pictures", "pictures", 64).contains("this is a folder"));
    assert!(teach("pictures", "/dev/full", 64).contains("no regular file"));
    fs::create_dir(bench.at("pictures/empty")).unwrap();
    assert!(teach("pictures", "a.head", 66).contains("no pictures of \"empty\""));
    fs::remove_dir(bench.at("pictures/empty")).unwrap();
    assert!(teach("pictures/chair", "a.head", 66).contains("here but 1 picture;"));
    fs::rename(bench.at("pictures/chair"), bench.at("pictures/unknown")).unwrap();
    assert!(teach("pictures", "a.head", 65).contains("observe.unknown"));
    fs::remove_dir_all(bench.at("pictures/unknown")).unwrap();
    fs::create_dir(bench.at("pictures/bad")).unwrap();
    fs::write(bench.at("pictures/bad/1.jpg"), "x").unwrap();
    assert!(
        teach("pictures", "a.head", 65).contains("none of the pictures of \"bad\" can be read")
    );
    assert!(!bench.at("a.head").exists());
}

#[test]
fn a_model_without_features_is_refused_in_one_line() {
    let bench = Bench::taught(1);
    let plain = bench.at("plain");
    fs::create_dir(&plain).unwrap();
    crate::models::model(&plain, &[], "[1.0, 1.0, 1.0]", b"r\ng\nb\n");
    fs::copy(plain.join("config.toml"), bench.at("config.toml")).unwrap();
    for name in ["m.onnx", "labels.txt", "model.toml"] {
        fs::rename(plain.join(name), bench.at(name)).unwrap();
    }
    let line = bench.refused(&["teach", "pictures", "--out", "a.head"], 65);
    assert!(line.contains("gives no features; teach needs"), "{line}");
    let line = bench.refused(&["pick", "pictures/chair", "--out", "picked"], 65);
    assert!(line.contains("gives no features; pick needs"), "{line}");
}

#[test]
fn a_head_is_whole_whenever_teaching_is_killed() {
    let bench = Bench::taught(2);
    bench.report(&[]);
    let mut killed = 0;
    for step in 0..12 {
        let mut teaching = command(&[
            "teach",
            "pictures",
            "--out",
            "a.head",
            "--config",
            "config.toml",
        ])
        .current_dir(bench.at(""))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
        thread::sleep(Duration::from_millis(20 * step));
        if teaching.try_wait().unwrap().is_none() {
            signal(teaching.id(), "KILL");
            killed += 1;
        }
        teaching.wait().unwrap();
        goldcrest::engine::read_head(&bench.at("a.head")).unwrap();
    }
    assert!(killed > 0);
    assert_eq!(bench.report(&[])["classes"].as_array().unwrap().len(), 3);
}

#[test]
fn an_interrupted_run_keeps_the_features_it_computed() {
    let bench = Bench::taught(2);
    let film = bench.at("pictures/zoo.mjpeg");
    let made = Command::new("mkfifo").arg(&film).status().unwrap();
    assert!(made.success());
    let teaching = command(&[
        "teach",
        "pictures",
        "--out",
        "a.head",
        "--config",
        "config.toml",
    ])
    .current_dir(bench.at(""))
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    // It is opened once the labels before it were read.
    let writer = fs::OpenOptions::new().write(true).open(&film).unwrap();
    signal(teaching.id(), "INT");
    let ended = teaching.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(130), "{errors}");
    assert!(!bench.at("a.head").exists());
    drop(writer);
    fs::remove_file(&film).unwrap();
    let ran = bench.teach(&[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("features of 6 of 6 pictures"),
        "{}",
        ran.stderr
    );
}
