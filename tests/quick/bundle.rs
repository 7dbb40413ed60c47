//! Bundles end to end: a fault is reported in one line, and packing never touches a bundle that
//! is mapped.

use std::fs;
use std::io::{Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use prost::Message;
use tract_onnx::pb;

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
fn a_bundle_alone_is_enough_if_the_model_is_named_rightly() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path(), &bottles("loop"), QUIET);
    let model = folder.path().join("convnext_tiny_128_int8.onnx");
    let text = fs::read_to_string(&config).unwrap();
    assert!(text.contains(model.to_str().unwrap()), "{text}");
    fs::remove_file(&model).unwrap();
    let ran = on(folder.path(), &["check"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);

    fs::write(&config, text.replace("convnext_tiny", "convnext_tyni")).unwrap();
    let ran = on(folder.path(), &["check"]);
    assert_ne!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout.contains("tyni_128_int8.onnx: "),
        "{}",
        ran.stdout
    );
}

#[test]
fn check_fails_if_a_quantised_layer_would_run_in_float() {
    let folder = tempfile::tempdir().unwrap();
    configuration(
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
}

/// The only line that contains `says`, from there on.
fn sentence(ran: &Ran, says: &str) -> String {
    let all = format!("{}{}", ran.stdout, ran.stderr);
    let found: Vec<&str> = all
        .lines()
        .filter_map(|line| Some(&line[line.find(says)?..]))
        .collect();
    match found[..] {
        [one] => one.to_string(),
        _ => panic!("{says:?} stands in {} lines of {all}", found.len()),
    }
}

const FRAME: &str = "tests/recordings/bottles/bottles-01.jpg";
const EACH: [&[&str]; 4] = [
    &["check"],
    &["run"],
    &["replay", FRAME],
    &["bench", "--frames", "1"],
];

#[test]
fn without_a_bundle_all_commands_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    // A budget that would hold the model in plain tract.
    let more = "[memory]\nbudget_mb = 1024\n[mqtt]\nenabled = false\n";
    configuration(folder.path(), &bottles("loop"), more);
    let bundle = folder.path().join("model.bundle");
    fs::remove_file(&bundle).unwrap();
    let model = folder.path().join("convnext_tiny_128_int8.onnx");
    let model = model.display().to_string();
    let command = format!("`goldcrest pack {model}`");
    let missing = format!("{model}: no bundle stands beside it; make one with {command}");
    // Twice, because a replay leaves one in the user's cache: that is nothing to the others.
    for arguments in EACH.iter().chain(&EACH) {
        let ran = on(folder.path(), arguments);
        let said = sentence(&ran, &format!("{model}: no bundle"));
        assert_eq!(said, missing, "{arguments:?}");
        let serves = ["replay", "bench"].contains(&arguments[0]);
        let code = if serves { 0 } else { 66 };
        assert_eq!(ran.code, code, "{arguments:?}: {}", ran.stderr);
    }
    fs::write(&bundle, "no bundle").unwrap();
    let foreign = format!(
        "{model}: the bundle beside it cannot be used: {}: it is not a bundle of Goldcrest's; make one with {command}",
        bundle.display()
    );
    for arguments in EACH {
        let said = sentence(
            &on(folder.path(), arguments),
            &format!("{model}: the bundle"),
        );
        assert_eq!(said, foreign, "{arguments:?}");
    }
    // The command is a remedy for all of them.
    let packed = output(&mut crate::support::program::command(&["pack", &model]));
    assert_eq!(packed.code, 0, "{}", packed.stderr);
    for arguments in EACH.iter().filter(|a| a[0] != "run") {
        let ran = on(folder.path(), arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        assert!(!ran.stderr.contains("WARN"), "{}", ran.stderr);
    }
}

#[test]
fn a_quantised_model_of_another_form_fails_the_check() {
    let folder = tempfile::tempdir().unwrap();
    let more = "[memory]\nbudget_mb = 1024\n[mqtt]\nenabled = false\n";
    configuration(folder.path(), &bottles("loop"), more);
    let name = "convnext_tiny_128_int8.onnx";
    let path = folder.path().join(name);
    let mut model = pb::ModelProto::decode(&fs::read(&path).unwrap()[..]).unwrap();
    let graph = model.graph.as_mut().unwrap();
    graph.node.push(pb::NodeProto {
        op_type: "Identity".into(),
        name: "extra".into(),
        input: vec![graph.output[0].name.clone()],
        output: vec!["extra".into()],
        ..Default::default()
    });
    graph.output[0].name = "extra".into();
    replace(folder.path(), name, &model.encode_to_vec());
    let card = folder.path().join("model.toml");
    let old = goldcrest::engine::Card::read(&path).unwrap().sha256;
    let new = goldcrest::engine::sha256(&path).unwrap();
    fs::write(
        &card,
        fs::read_to_string(&card).unwrap().replace(&*old, &new),
    )
    .unwrap();

    let ran = on(folder.path(), &["check"]);
    assert_eq!(ran.code, 65, "{}{}", ran.stdout, ran.stderr);
    let said = sentence(&ran, "40 layers that it quantises");
    assert!(said.contains("it cannot be packed"), "{said}");
    // It runs all the same, and the log tells how and why.
    let why = |ran: &Ran| sentence(ran, &format!("{} runs through plain tract", path.display()));
    let replayed = on(folder.path(), &["replay", FRAME]);
    assert_eq!(replayed.code, 0, "{}", replayed.stderr);
    assert_eq!(why(&replayed), why(&ran));
    assert!(
        why(&ran).contains("it cannot be packed: node"),
        "{}",
        why(&ran)
    );
}

#[test]
fn another_file_in_the_models_place_is_refused_by_each() {
    let folder = tempfile::tempdir().unwrap();
    configuration(folder.path(), &bottles("loop"), QUIET);
    let model = folder.path().join("convnext_tiny_128_int8.onnx");
    let mut other = fs::read(&model).unwrap();
    let middle = other.len() / 2;
    other[middle] ^= 1;
    replace(folder.path(), "convnext_tiny_128_int8.onnx", &other);
    for arguments in EACH {
        let ran = on(folder.path(), arguments);
        let says = format!("{}: its SHA-256 is ", model.display());
        let said = sentence(&ran, &says);
        assert!(said.contains("model.toml says"), "{arguments:?}: {said}");
        assert_eq!(ran.code, 65, "{arguments:?}: {}", ran.stderr);
    }
    // With a card of its own it is a model that was never packed.
    let card = folder.path().join("model.toml");
    let old = goldcrest::engine::Card::read(&model).unwrap().sha256;
    let new = goldcrest::engine::sha256(&model).unwrap();
    fs::write(
        &card,
        fs::read_to_string(&card).unwrap().replace(&*old, &new),
    )
    .unwrap();
    for arguments in EACH {
        let ran = on(folder.path(), arguments);
        let said = sentence(&ran, &format!("{}: the bundle", model.display()));
        assert!(said.contains(&format!("of SHA-256 {old}")), "{said}");
        assert!(said.ends_with(&format!("`goldcrest pack {}`", model.display())));
    }
}

#[test]
fn a_copy_of_the_model_is_known_by_its_hash() {
    let folder = tempfile::tempdir().unwrap();
    configuration(folder.path(), &bottles("loop"), QUIET);
    let bytes = fs::read(folder.path().join("convnext_tiny_128_int8.onnx")).unwrap();
    replace(folder.path(), "convnext_tiny_128_int8.onnx", &bytes);
    let ran = on(folder.path(), &["replay", FRAME]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(!ran.stderr.contains("WARN"), "{}", ran.stderr);
}

#[test]
fn a_file_that_is_no_model_is_named() {
    let folder = tempfile::tempdir().unwrap();
    configuration(folder.path(), &bottles("loop"), QUIET);
    let notes = folder.path().join("alone/notes.txt");
    fs::create_dir(folder.path().join("alone")).unwrap();
    fs::write(&notes, "remember the milk").unwrap();
    let labels = folder.path().join("labels.txt");
    for file in [&notes, &labels, &folder.path().to_path_buf()] {
        let path = file.to_str().unwrap();
        for command in [&["replay", FRAME][..], &["bench", "--frames", "1"]] {
            let ran = on(folder.path(), &[command, &["--model", path]].concat());
            assert_eq!(ran.code, 65, "{}", ran.stderr);
            let said = sentence(&ran, &format!("goldcrest: {path}: it is "));
            assert!(said.contains("name the .onnx file"), "{said}");
        }
    }
}

#[test]
fn a_replay_packs_once_in_a_child_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    configuration(folder.path(), &bottles("loop"), QUIET);
    fs::remove_file(folder.path().join("model.bundle")).unwrap();
    let first = on(folder.path(), &["replay", FRAME]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert!(
        first.stderr.contains("packing ") && first.stderr.contains(", once"),
        "{}",
        first.stderr
    );
    let again = on(folder.path(), &["bench", "--frames", "1"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert!(!again.stderr.contains("packing "), "{}", again.stderr);

    // One that is damaged there is packed again.
    let cached = fs::read_dir(folder.path().join("cache/goldcrest")).unwrap();
    let cached = cached.map(|entry| entry.unwrap().path()).next().unwrap();
    let mut bytes = fs::read(cached.join("model.bundle")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    replace(&cached, "model.bundle", &bytes);
    let mended = on(folder.path(), &["replay", FRAME]);
    assert_eq!(mended.code, 0, "{}", mended.stderr);
    assert!(mended.stderr.contains("packing "), "{}", mended.stderr);
}

#[test]
fn pack_writes_beside_the_model_and_heeds_its_card() {
    let folder = tempfile::tempdir().unwrap();
    configuration(folder.path(), &bottles("loop"), QUIET);
    let bundle = folder.path().join("model.bundle");
    fs::remove_file(&bundle).unwrap();
    let model = folder.path().join("convnext_tiny_128_int8.onnx");
    let pack = || output(&mut command(&["pack", model.to_str().unwrap()]));
    let ran = pack();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(bundle.is_file(), "{}", ran.stdout);

    let card = folder.path().join("model.toml");
    let wrong = fs::read_to_string(&card).unwrap();
    let sha256 = goldcrest::engine::sha256(&model).unwrap();
    fs::write(&card, wrong.replace(&*sha256, &"0".repeat(64))).unwrap();
    let ran = pack();
    assert_eq!(ran.code, 65, "{}", ran.stderr);
    assert!(ran.stderr.contains("its SHA-256 is"), "{}", ran.stderr);
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

/// A bundle and a card of 2048x2048 pixels, whose maps take more than the budget.
fn enlarge(folder: &Path) {
    let large = remade(folder, |_, manifest| {
        for (from, to) in [(128, 2048), (32, 512), (16, 256), (8, 128), (4, 64)] {
            for side in ["height", "width"] {
                let (from, to) = (format!("{side} = {from}\n"), format!("{side} = {to}\n"));
                *manifest = manifest.replace(&from, &to);
            }
        }
    });
    replace(folder, "model.bundle", &large);
    let card = folder.join("model.toml");
    let text = fs::read_to_string(&card).unwrap();
    let text = text.replace("width = 128", "width = 2048");
    fs::write(&card, text.replace("height = 128", "height = 2048")).unwrap();
}

#[test]
fn a_bundle_over_the_budget_is_refused_by_each_command() {
    let folder = tempfile::tempdir().unwrap();
    configuration(folder.path(), &bottles("loop"), QUIET);
    enlarge(folder.path());
    for arguments in EACH {
        let ran = on(folder.path(), arguments);
        let text = format!("{}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.code, 78, "{arguments:?}: {text}");
        assert!(text.contains("memory.budget_mb: "), "{arguments:?}: {text}");
    }
}

#[test]
fn a_head_over_the_budget_is_refused_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    configuration(folder.path(), &bottles("loop"), QUIET);
    let mut head = b"GCRSTHED".to_vec();
    head.extend(1_u32.to_le_bytes());
    head.extend([0; 40]);
    head.extend([0xff; 8]);
    let head_path = folder.path().join("large.head");
    fs::write(&head_path, head).unwrap();
    let head = head_path.to_str().unwrap();
    for arguments in [
        &["replay", FRAME, "--head", head][..],
        &["bench", "--frames", "1", "--head", head],
    ] {
        let ran = on(folder.path(), arguments);
        assert_eq!(ran.code, 78, "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("memory.budget_mb: "), "{}", ran.stderr);
    }
}

#[test]
fn a_flipped_byte_of_the_bundle_is_told_alike_by_each_command() {
    let folder = tempfile::tempdir().unwrap();
    configuration(folder.path(), &bottles("loop"), QUIET);
    let good = fs::read(folder.path().join("model.bundle")).unwrap();
    for at in [good.len() / 2, good.len() - 1] {
        let mut bytes = good.clone();
        bytes[at] ^= 0xff;
        replace(folder.path(), "model.bundle", &bytes);
        for arguments in EACH {
            let ran = on(folder.path(), arguments);
            let text = format!("{}{}", ran.stdout, ran.stderr);
            let serves = ["replay", "bench"].contains(&arguments[0]);
            let code = if serves { 0 } else { 65 };
            assert_eq!(ran.code, code, "{at}, {arguments:?}: {text}");
            let line = text.lines().find(|line| line.contains("is damaged"));
            let line = line.unwrap_or_else(|| panic!("{arguments:?}: {text}"));
            assert!(line.contains("goldcrest pack"), "{line}");
        }
    }
}
