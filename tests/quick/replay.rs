//! Recordings through the program: its output, and bad input, which costs one line and nothing
//! else.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use crate::support::program::{Ran, command, goldcrest, output, packed_model, root};
use serde_json::Value;

fn lines(ran: &Ran) -> Vec<Value> {
    ran.stdout
        .lines()
        .map(|l| serde_json::from_str(l).expect("each line is one JSON object"))
        .collect()
}

fn bottle(n: usize) -> Vec<u8> {
    fs::read(root().join(format!("tests/recordings/bottles/bottles-{n:02}.jpg")))
        .expect("the shipped recording")
}

fn model(name: &str) -> PathBuf {
    root().join("model").join(name)
}

#[test]
fn the_shipped_recording_is_golden_and_right() {
    let first = goldcrest(&["replay", "tests/recordings/bottles", "--json"]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    let again = goldcrest(&["replay", "tests/recordings/bottles", "--json"]);
    assert_eq!(
        first.stdout, again.stdout,
        "two replays must be the same to the byte"
    );

    let lines = lines(&first);
    assert_eq!(lines.len(), 60);
    for (seq, line) in lines.iter().enumerate() {
        let keys: Vec<&str> = line
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(keys, ["label", "score", "seq", "source", "state", "top"]);
        assert_eq!(line["seq"], seq as u64);
        assert_eq!(line["source"], format!("bottles-{:02}.jpg", seq + 1));
        assert_eq!(line["top"][0]["label"], line["label"]);
        assert_eq!(line["top"][0]["score"], line["score"]);
    }
    let right = lines.iter().filter(|l| l["label"] == "pop bottle").count();
    assert!(right >= 54, "{right} of 60 frames are seen as pop bottles");
    let states: Vec<&Value> = lines
        .iter()
        .map(|l| &l["state"])
        .filter(|s| !s.is_null())
        .collect();
    assert!(
        states.iter().any(|s| s["label"] == "pop bottle"),
        "{states:?}"
    );
}

#[test]
fn what_no_score_reaches_is_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("c.toml");
    let onnx = model("convnext_tiny_128_int8.onnx");
    fs::write(
        &config,
        format!("[model]\npath = {onnx:?}\n[observe]\nthreshold = 1.0\n"),
    )
    .unwrap();
    let ran = goldcrest(&[
        "replay",
        "tests/recordings/bottles",
        "--config",
        config.to_str().unwrap(),
    ]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stdout.contains("unknown for 60 frames"),
        "{}",
        ran.stdout
    );
}

#[test]
fn bad_files_are_named_counted_and_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
    let whole = bottle(1);
    put("1-good.jpg", &whole);
    put("2-cut.jpg", &whole[..whole.len() / 2]);
    put("3-empty.jpg", b"");
    put("4-text.png", b"this is no picture");
    let image = |name: &str, w, h| {
        image::RgbImage::from_pixel(w, h, image::Rgb([90, 120, 30]))
            .save(dir.path().join(name))
            .unwrap();
    };
    image("5-dot.png", 1, 1);
    image("6-line.png", 20_000, 1);
    image::ImageBuffer::<image::Rgb<u16>, _>::from_pixel(
        40,
        30,
        image::Rgb([9000, 30_000, 65_535]),
    )
    .save(dir.path().join("7-deep.png"))
    .unwrap();
    put("8-palette.png", include_bytes!("../recordings/palette.png"));
    put("notes.txt", b"not a frame");
    put("10-good.jpg", &whole);

    let ran = goldcrest(&["replay", dir.path().to_str().unwrap(), "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let seen: Vec<String> = lines(&ran)
        .iter()
        .map(|l| l["source"].as_str().unwrap().to_string())
        .collect();
    let good = [
        "1-good.jpg",
        "5-dot.png",
        "6-line.png",
        "7-deep.png",
        "8-palette.png",
        "10-good.jpg",
    ];
    assert_eq!(seen, good, "{}", ran.stderr);
    for bad in ["2-cut.jpg", "3-empty.jpg", "4-text.png"] {
        let named = ran.stderr.lines().filter(|l| l.contains(bad)).count();
        assert_eq!(named, 1, "{bad} must be named once:\n{}", ran.stderr);
    }
    assert!(ran.stderr.contains("3 passed over"), "{}", ran.stderr);
}

/// Each must end with its code and one line that holds all of the words.
#[test]
fn what_cannot_be_replayed_is_refused_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_string();
    fs::create_dir(at("bare")).unwrap();
    fs::write(at("bare/readme.txt"), "nothing").unwrap();
    fs::create_dir(at("cut")).unwrap();
    fs::write(at("cut/1.jpg"), &bottle(1)[..2000]).unwrap();
    fs::write(at("zero.jpg"), "").unwrap();
    fs::write(
        at("half.onnx"),
        &fs::read(model("convnext_tiny_128_int8.onnx")).unwrap()[..5_000_000],
    )
    .unwrap();
    for name in ["model.toml", "labels.txt"] {
        fs::copy(model(name), at(name)).unwrap();
    }
    fs::create_dir(at("short")).unwrap();
    for name in ["model.toml", "convnext_tiny_128_int8.onnx"] {
        fs::copy(model(name), at(&format!("short/{name}"))).unwrap();
    }
    fs::write(at("short/labels.txt"), "one\ntwo\n").unwrap();
    fs::write(at("broken.toml"), "[observe\n").unwrap();
    fs::write(at("unknown.toml"), "[observe]\ntreshold = 0.5\n").unwrap();
    let bottles = "tests/recordings/bottles";

    let cases: [(&[&str], u8, &[&str]); 9] = [
        (&[&at("nowhere")], 66, &["nowhere"]),
        (&[&at("bare")], 66, &["bare"]),
        (&[&at("cut")], 65, &["cut"]),
        (&[&at("zero.jpg")], 66, &["zero.jpg"]),
        (&[bottles, "--model", &at("gone.onnx")], 66, &["gone.onnx"]),
        (&[bottles, "--model", &at("half.onnx")], 65, &["half.onnx"]),
        (
            &[bottles, "--model", &at("short/convnext_tiny_128_int8.onnx")],
            65,
            &["labels.txt", "2"],
        ),
        (
            &[bottles, "--config", &at("broken.toml")],
            78,
            &["broken.toml:1", "TOML"],
        ),
        (
            &[bottles, "--config", &at("unknown.toml")],
            78,
            &["unknown.toml:2", "observe.treshold", "threshold"],
        ),
    ];
    for (n, (arguments, code, words)) in cases.into_iter().enumerate() {
        // With a cache of its own: a bundle that was made of the whole model would stand in for the
        // cut one.
        let ran = output(
            command(&[&["replay"], arguments].concat())
                .env("XDG_CACHE_HOME", at(&format!("cache-{n}"))),
        );
        assert_eq!(ran.code, i32::from(code), "{arguments:?}: {}", ran.stderr);
        let last = ran.stderr.lines().last().unwrap_or_default();
        assert!(
            last.starts_with("goldcrest: "),
            "{arguments:?}: {}",
            ran.stderr
        );
        for word in words {
            assert!(
                last.contains(word),
                "{arguments:?}: {word:?} is not in: {last}"
            );
        }
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    }
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    assert_eq!(goldcrest(&["replay"]).code, 64);
    assert_eq!(goldcrest(&["sing"]).code, 64);
    assert_eq!(goldcrest(&["--help"]).code, 0);
}

/// As with `goldcrest check | head -n 1`.
#[test]
fn a_reader_that_leaves_ends_no_command_with_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    let model = packed_model(folder.path());
    let text = "[mqtt]\nenabled = false\n[source]\nkind = \"synthetic\"\n";
    fs::write(&config, format!("{text}[model]\npath = {model:?}\n")).unwrap();
    for arguments in [
        &["check", "--config", config.to_str().unwrap()][..],
        &["bench", "--frames", "1"],
        &["replay", "tests/recordings/bottles", "--json"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let child = command(arguments)
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn();
        let output = child.unwrap().wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {errors}");
    }
}

#[test]
fn bench_reports_every_field_and_no_growth() {
    let ran = goldcrest(&["bench", "--frames", "20", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    for key in [
        "threads",
        "frames",
        "infer_ms",
        "stages_ms",
        "allocations_per_inference",
        "allocations_per_frame",
        "allocations_by_stage",
        "live_heap_growth_bytes",
        "rss_mb",
        "rss_anon_mb",
        "rss_peak_mb",
        "kernel",
        "model_hash",
    ] {
        assert!(!report[key].is_null(), "{key} is missing: {report}");
    }
    for key in ["p50", "p95", "min"] {
        assert!(report["infer_ms"][key].as_f64().unwrap() > 0.0);
    }
    assert_eq!(report["live_heap_growth_bytes"], 0, "{report}");
}

/// The smallest classifier: the mean of each colour is its logit.
fn colours() -> Vec<u8> {
    use tract_onnx::pb;
    use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension::Value};
    let value = |name: &str, dims: &[i64]| pb::ValueInfoProto {
        name: name.into(),
        r#type: Some(pb::TypeProto {
            value: Some(pb::type_proto::Value::TensorType(pb::type_proto::Tensor {
                elem_type: 1,
                shape: Some(pb::TensorShapeProto {
                    dim: dims
                        .iter()
                        .map(|d| Dimension {
                            value: Some(Value::DimValue(*d)),
                            ..Default::default()
                        })
                        .collect(),
                }),
            })),
            ..Default::default()
        }),
        ..Default::default()
    };
    let node = |op: &str, input: &str, output: &str| pb::NodeProto {
        op_type: op.into(),
        name: op.into(),
        input: vec![input.into()],
        output: vec![output.into()],
        ..Default::default()
    };
    let model = pb::ModelProto {
        ir_version: 8,
        opset_import: vec![pb::OperatorSetIdProto {
            version: 17,
            ..Default::default()
        }],
        graph: Some(pb::GraphProto {
            node: vec![
                node("GlobalAveragePool", "input", "pooled"),
                node("Flatten", "pooled", "logits"),
            ],
            input: vec![value("input", &[1, 3, 16, 16])],
            output: vec![value("logits", &[1, 3])],
            ..Default::default()
        }),
        ..Default::default()
    };
    prost::Message::encode_to_vec(&model)
}

#[test]
fn another_classifier_runs_in_plain_tract_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("colours.onnx"), colours()).unwrap();
    fs::write(at("labels.txt"), "red\ngreen\nblue\n").unwrap();
    let sha256 = goldcrest::engine::sha256(&at("colours.onnx")).unwrap();
    fs::write(
        at("model.toml"),
        format!(
            "v = 1\nname = \"colours\"\nsha256 = \"{sha256}\"\n[input]\nwidth = 16\nheight = 16\nmean = [0.0, 0.0, 0.0]\n\
             std = [1.0, 1.0, 1.0]\nresize = \"squash\"\n[calibration]\ntemperature = 1.0\n"
        ),
    )
    .unwrap();
    fs::create_dir(at("frames")).unwrap();
    for (name, colour) in [
        ("1.png", [9, 9, 200]),
        ("2.png", [220, 30, 30]),
        ("3.png", [0, 255, 80]),
    ] {
        image::RgbImage::from_pixel(40, 30, image::Rgb(colour))
            .save(at("frames").join(name))
            .unwrap();
    }
    fs::write(
        at("config.toml"),
        format!("[model]\npath = {:?}\n", at("colours.onnx")),
    )
    .unwrap();
    let mut command = command(&[
        "replay",
        at("frames").to_str().unwrap(),
        "--json",
        "--config",
    ]);
    command
        .arg(at("config.toml"))
        .env("XDG_CACHE_HOME", folder.path());
    let ran = output(&mut command);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let found: Vec<Value> = lines(&ran).iter().map(|l| l["label"].clone()).collect();
    assert_eq!(found, ["blue", "red", "green"]);
    let said = ran
        .stderr
        .lines()
        .find(|l| l.contains("plain tract, in float"));
    let said = said.unwrap_or_else(|| panic!("{}", ran.stderr));
    assert!(said.contains("slower") && said.contains("memory"), "{said}");
}

#[test]
fn filled_in_parts_are_counted_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = root().join("tests/corpus/mjpeg");
    for name in ["restart-7.jpg", "restart-missing.jpg"] {
        fs::copy(corpus.join(name), folder.path().join(name)).unwrap();
    }
    let ran = goldcrest(&["replay", folder.path().to_str().unwrap(), "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let lines = lines(&ran);
    let shares: Vec<Option<f64>> = lines.iter().map(|line| line["made_up"].as_f64()).collect();
    let [None, Some(share)] = shares[..] else {
        panic!("{shares:?}");
    };
    assert!(share > 0.0 && share <= 0.25, "{share}");
    let words = "1 frames had damaged parts filled in";
    assert!(ran.stderr.contains(words), "{}", ran.stderr);
}

#[test]
fn formats_that_are_not_read_are_counted_and_named_once() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("1.jpg"), bottle(1)).unwrap();
    for name in ["2.webp", "3.webp", "4.bmp"] {
        fs::write(folder.path().join(name), b"whatever").unwrap();
    }
    fs::write(folder.path().join("5.jpg"), b"RIFF\0\0\0\0WEBPVP8 ").unwrap();
    let path = folder.path().to_str().unwrap();
    let ran = goldcrest(&["replay", path]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stdout.contains("4 passed over (4 format)"),
        "{}",
        ran.stdout
    );
    let warned = ran.stderr.matches("3 pictures in formats that").count();
    assert_eq!(warned, 1, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("5.jpg: the file is a WebP picture"),
        "{}",
        ran.stderr
    );

    for name in ["1.jpg", "5.jpg"] {
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    let ran = goldcrest(&["replay", path]);
    assert_eq!(ran.code, 65, "{}", ran.stderr);
    let line = ran.stderr.lines().last().unwrap();
    assert!(
        line.contains("3 pictures in formats") && line.contains("ffmpeg -i "),
        "{line}"
    );
}

#[test]
fn a_picture_that_needs_ffmpeg_says_so_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bird.webp");
    fs::write(&path, b"RIFF\0\0\0\0WEBPVP8 ").unwrap();
    let mut command = command(&["replay", path.to_str().unwrap()]);
    let ran = output(command.env("PATH", folder.path()));
    assert_eq!(ran.code, 69, "{}", ran.stderr);
    let line = ran.stderr.lines().last().unwrap();
    assert!(line.contains("this is a WebP picture"), "{line}");
    assert!(line.contains("convert the file to JPEG or PNG"), "{line}");
}
