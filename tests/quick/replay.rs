//! Recordings through the program: its output, and bad input, which costs one line and nothing
//! else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::support::program::{
    IN_THE_RECORDING, Ran, command, goldcrest, output, packed_model, root,
};
use goldcrest::engine::{self, Card};
use goldcrest::frame::{Frame, PixelFormat};
use goldcrest::vision::{self, Preparer};
use serde_json::Value;

pub fn lines(ran: &Ran) -> Vec<Value> {
    ran.stdout
        .lines()
        .map(|l| serde_json::from_str(l).expect("each line is one JSON object"))
        .collect()
}

pub fn bottle(n: usize) -> Vec<u8> {
    fs::read(root().join(format!("tests/recordings/bottles/bottles-{n:02}.jpg")))
        .expect("the shipped recording")
}

pub fn model(name: &str) -> PathBuf {
    root().join("model").join(name)
}

#[test]
fn the_shipped_recording_is_golden_and_seen_as_before() {
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
        let all = [
            "label", "path", "score", "seq", "source", "state", "time", "top",
        ];
        assert_eq!(keys, all);
        assert_eq!(line["seq"], seq as u64);
        let file = format!("bottles-{:02}.jpg", seq + 1);
        assert_eq!(line["source"], file);
        assert_eq!(line["path"], format!("tests/recordings/bottles/{file}"));
        assert_eq!(line["time"], seq as f64 / 10.0);
        assert_eq!(line["top"][0]["label"], line["label"]);
        assert_eq!(line["top"][0]["score"], line["score"]);
    }
    // 53 of them in ONNX Runtime too.
    let seen = lines
        .iter()
        .filter(|l| l["label"] == IN_THE_RECORDING)
        .count();
    assert!(seen >= 50, "{seen} of 60 frames are a {IN_THE_RECORDING}");
    let states: Vec<&Value> = lines
        .iter()
        .map(|l| &l["state"])
        .filter(|s| !s.is_null())
        .collect();
    assert!(
        states.iter().any(|s| s["label"] == IN_THE_RECORDING),
        "{states:?}"
    );
}

#[test]
fn features_are_of_each_frame_alone_and_read_back_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().join("pictures");
    fs::create_dir(&pictures).unwrap();
    for n in [1, 20, 40] {
        fs::write(pictures.join(format!("{n:02}.jpg")), bottle(n)).unwrap();
    }
    let onnx = packed_model(folder.path());
    let config = folder.path().join("c.toml");
    fs::write(&config, format!("[model]\npath = {onnx:?}\n")).unwrap();
    let config = config.to_str().unwrap();
    let replay = |path: &str, more: &[&str]| {
        let ran = goldcrest(&[&["replay", path, "--json", "--config", config], more].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        lines(&ran)
    };
    let all = replay(pictures.to_str().unwrap(), &["--features"]);
    let plain = replay(pictures.to_str().unwrap(), &[]);

    let card = Card::read(&onnx).unwrap();
    let mut engine = engine::open(&onnx, &card, 1).unwrap();
    let mut preparer = Preparer::new(&vision::Config::default(), &card.input);
    for ((mut line, plain), n) in all.into_iter().zip(plain).zip([1, 20, 40]) {
        let found = line.as_object_mut().unwrap().remove("features").unwrap();
        assert_eq!(line, plain);
        let found: Vec<f32> = serde_json::from_value(found).unwrap();
        let frame = Frame {
            format: PixelFormat::Jpeg,
            width: 640,
            height: 360,
            data: bottle(n).into(),
            ..Frame::empty()
        };
        engine
            .infer(preparer.prepare(frame.view()).unwrap())
            .unwrap();
        assert_eq!(found.len(), 768);
        assert_eq!(engine.features().unwrap(), found, "bottle {n}");
    }
}

#[test]
fn features_without_json_are_refused_in_one_line() {
    let ran = goldcrest(&["replay", "tests/recordings/bottles", "--features"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (64, ""));
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("--json"), "{}", ran.stderr);
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

/// The classifier of [`colours`] with `more` in its configuration; returns the arguments that name
/// it. The best label of a picture in one of its colours has a score of 0.58.
pub fn classifier_of_colours(folder: &Path, more: &str) -> [String; 2] {
    let at = |name: &str| folder.join(name);
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
    let model = at("colours.onnx");
    fs::write(
        at("config.toml"),
        format!("{more}[model]\npath = {model:?}\n"),
    )
    .unwrap();
    [
        "--config".into(),
        at("config.toml").to_str().unwrap().into(),
    ]
}

/// Saves a picture in one colour.
pub fn paint(path: PathBuf, colour: [u8; 3]) {
    image::RgbImage::from_pixel(40, 30, image::Rgb(colour))
        .save(path)
        .unwrap();
}

pub const RED: [u8; 3] = [255, 0, 0];
pub const BLUE: [u8; 3] = [0, 0, 255];
/// No colour leads.
pub const GREY: [u8; 3] = [90, 90, 100];
pub const SURE: &str = "[observe]\nthreshold = 0.5\nrelease = 0.3\n";

#[test]
fn the_pace_of_the_clock_can_be_set() {
    let folder = tempfile::tempdir().unwrap();
    let [option, config] = classifier_of_colours(folder.path(), "[source]\nframe_rate = 5.0\n");
    let frames = folder.path().join("frames");
    fs::create_dir(&frames).unwrap();
    for name in ["1.jpg", "2.jpg"] {
        fs::write(frames.join(name), bottle(1)).unwrap();
    }
    let stream = folder.path().join("cam.mjpeg");
    fs::write(&stream, [bottle(1), bottle(2)].concat()).unwrap();
    for path in [&frames, &stream] {
        let path = path.to_str().unwrap();
        for (more, second) in [(&[][..], 0.2), (&["--fps", "8"], 0.125)] {
            let arguments = [&["replay", path, "--json", &option, &config], more].concat();
            let ran = goldcrest(&arguments);
            let lines = lines(&ran);
            let times: Vec<_> = lines.iter().map(|l| l["time"].clone()).collect();
            assert_eq!(times, [0.0, second], "{path} {more:?}: {}", ran.stderr);
            assert!(lines[1]["path"].as_str().unwrap().starts_with(path));
        }
    }
    let ran = goldcrest(&[
        "replay",
        stream.to_str().unwrap(),
        "--json",
        &option,
        &config,
    ]);
    assert_eq!(lines(&ran)[1]["source"], "cam.mjpeg#1");
    assert_eq!(lines(&ran)[1]["path"], stream.to_str().unwrap());
    for wrong in ["0", "nan", "241", "x"] {
        assert_eq!(
            goldcrest(&["replay", "a", "--fps", wrong]).code,
            64,
            "{wrong}"
        );
    }
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
pub fn colours() -> Vec<u8> {
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
    let [option, config] = classifier_of_colours(folder.path(), "");
    let frames = folder.path().join("frames");
    fs::create_dir(&frames).unwrap();
    for (name, colour) in [
        ("1.png", [9, 9, 200]),
        ("2.png", [220, 30, 30]),
        ("3.png", [0, 255, 80]),
    ] {
        paint(frames.join(name), colour);
    }
    let mut command = command(&[
        "replay",
        frames.to_str().unwrap(),
        "--json",
        &option,
        &config,
    ]);
    let ran = output(command.env("XDG_CACHE_HOME", folder.path()));
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
