//! Bundles end to end: what is wrong with one is said in one line, and packing never touches one
//! that is mapped.

use std::fs;
use std::io::{Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::support::bundle::{broken, remade, replace};
use crate::support::daemon::{bottles, configuration};
use crate::support::program::{Ran, command, field, goldcrest, output, root};

const QUIET: &str = "[mqtt]\nenabled = false\n";

/// Runs a command on the configuration of `folder`, with a cache of its own.
fn on(folder: &Path, arguments: &[&str]) -> Ran {
    let config = folder.join("config.toml");
    let arguments = [arguments, &["--config", config.to_str().unwrap()]].concat();
    output(command(&arguments).env("XDG_CACHE_HOME", folder.join("cache")))
}

#[test]
fn run_and_check_refuse_a_broken_bundle_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    configuration(folder.path(), &bottles("loop"), QUIET);
    let mut all = broken(folder.path());
    let other = remade(folder.path(), |_, manifest| {
        let at = manifest.find("model_sha256 = \"").unwrap() + 16;
        manifest.replace_range(at..at + 64, &"0".repeat(64));
    });
    all.push((other, "it was packed from a model of SHA-256 0000"));
    for (bytes, says) in all {
        replace(folder.path(), "model.bundle", &bytes);
        for what in ["run", "check"] {
            // A start is quick and leaves the whole hash to `check` and to a reload.
            if what == "run" && says.contains("its SHA-256") {
                continue;
            }
            let ran = on(folder.path(), &[what]);
            let code = if says.contains("logits") { 70 } else { 65 };
            assert_eq!(
                ran.code, code,
                "{what}, {says}: {}{}",
                ran.stdout, ran.stderr
            );
            let line = ran.stderr.lines().last().unwrap();
            let said = if what == "run" { line } else { &ran.stdout };
            let line = said.lines().find(|l| l.contains(says));
            let line = line.unwrap_or_else(|| panic!("{what}: {says:?} is not in {said}"));
            assert!(line.contains("model.bundle"), "{line}");
            assert!(line.contains("goldcrest pack"), "{line}");
        }
    }
}

#[test]
fn check_fails_if_a_quantised_layer_would_run_in_float() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(
        folder.path(),
        &bottles("loop"),
        "[memory]\nbudget_mb = 1024\n[mqtt]\nenabled = false\n",
    );
    let ran = on(folder.path(), &["check", "--json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let layers = report["layers"].as_array().unwrap();
    let int8 = layers.iter().filter(|l| l["dtype"] == "u8*s8").count();
    assert_eq!((layers.len(), int8), (59, 40), "{report}");

    // A bundle in which a layer is another one.
    let good = fs::read(folder.path().join("model.bundle")).unwrap();
    let renamed = remade(folder.path(), |_, manifest| {
        *manifest = manifest.replacen("stages.1.blocks.0.fc1", "stages.1.blocks.0.fcX", 1);
    });
    assert_ne!(renamed, good);
    replace(folder.path(), "model.bundle", &renamed);
    let ran = on(folder.path(), &["check"]);
    assert_eq!(ran.code, 65, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout.contains("stages.1.blocks.0.fc1"),
        "{}",
        ran.stdout
    );

    // No bundle: plain tract would compute all of them in float.
    fs::remove_file(folder.path().join("model.bundle")).unwrap();
    let ran = on(folder.path(), &["check"]);
    assert_eq!(ran.code, 65, "{}{}", ran.stdout, ran.stderr);
    let line = ran
        .stdout
        .lines()
        .find(|l| l.starts_with("model "))
        .unwrap();
    assert!(
        line.contains("FAIL") && line.contains("40 layers"),
        "{line}"
    );
    assert!(line.contains("goldcrest pack"), "{line}");

    // A daemon with the budget that it comes with does not start on it, does not pack, and says
    // what would help.
    fs::write(
        &config,
        fs::read_to_string(&config).unwrap().replace("1024", "48"),
    )
    .unwrap();
    let ran = on(folder.path(), &["run"]);
    assert_eq!(ran.code, 78, "{}", ran.stderr);
    let line = ran.stderr.lines().last().unwrap();
    assert!(
        line.contains("memory.budget_mb") && line.contains("`goldcrest pack`"),
        "{line}"
    );
    assert!(
        ran.stderr.contains("model in plain tract"),
        "{}",
        ran.stderr
    );
    assert!(!folder.path().join("cache").exists(), "it has packed");
}

#[test]
fn a_replay_packs_once_in_a_child_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    configuration(folder.path(), &bottles("loop"), QUIET);
    fs::remove_file(folder.path().join("model.bundle")).unwrap();
    let frame = "tests/recordings/bottles/bottles-01.jpg";
    let first = on(folder.path(), &["replay", frame]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert!(
        first.stderr.contains("packing ") && first.stderr.contains(", once"),
        "{}",
        first.stderr
    );
    let again = on(folder.path(), &["bench", "--frames", "1"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert!(!again.stderr.contains("packing "), "{}", again.stderr);

    // The one in the cache serves, too, where the one beside the model cannot be read; but not
    // without a word.
    assert!(!again.stderr.contains("instead"), "{}", again.stderr);
    replace(folder.path(), "model.bundle", b"no bundle");
    let instead = on(folder.path(), &["replay", frame]);
    assert_eq!(instead.code, 0, "{}", instead.stderr);
    let line = instead.stderr.lines().find(|l| l.contains("instead"));
    let line = line.unwrap_or_else(|| panic!("{}", instead.stderr));
    let beside = folder.path().join("model.bundle").display().to_string();
    assert!(
        line.contains(&beside) && line.contains("goldcrest pack"),
        "{line}"
    );
}

#[test]
fn packing_leaves_a_mapped_bundle_alone_in_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    configuration(folder.path(), &bottles("loop"), QUIET);
    let bundle = folder.path().join("model.bundle");
    let mut held = fs::File::open(&bundle).unwrap();
    let (number, length) = (
        held.metadata().unwrap().ino(),
        held.metadata().unwrap().len(),
    );
    let onnx = root().join("model/convnext_tiny_128_int8.onnx");
    let arguments = [
        "pack",
        onnx.to_str().unwrap(),
        "-o",
        folder.path().to_str().unwrap(),
    ];
    let mut child = command(&arguments).stdout(Stdio::null()).spawn().unwrap();
    let (mut most, mut samples) = (0, 0);
    let status = loop {
        if let Some(anonymous) = field(child.id(), "RssAnon:") {
            (most, samples) = (most.max(anonymous), samples + 1);
        }
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        thread::sleep(Duration::from_millis(2));
    };
    assert!(status.success(), "{status}");
    println!("at most {most} KiB of {samples} samples are anonymous");
    assert!(samples > 20, "only {samples} samples were taken");
    assert!(most <= 40_000, "{most} KiB are anonymous");

    assert_ne!(
        fs::metadata(&bundle).unwrap().ino(),
        number,
        "it was written in place"
    );
    let mut whole = Vec::new();
    held.rewind().unwrap();
    held.read_to_end(&mut whole).unwrap();
    assert_eq!(whole.len() as u64, length);
    assert_eq!(
        whole,
        fs::read(&bundle).unwrap(),
        "the same model gives the same bytes"
    );
    assert_eq!(goldcrest(&["pack", "nowhere.onnx", "-o", "/tmp"]).code, 66);
}
