//! Models of the user's own: what `check` and `replay` make of their files.

use std::fs;
use std::path::Path;

use goldcrest::engine::{Taught, write_head};
use tract_onnx::pb::{
    self,
    tensor_shape_proto::{Dimension, dimension::Value},
};

use crate::support::head::bottle_or_wall;
use crate::support::program::{Ran, command, output};

fn value(name: &str, dims: &[i64]) -> pb::ValueInfoProto {
    let dim = |&d: &i64| Dimension {
        value: Some(Value::DimValue(d)),
        ..Default::default()
    };
    let tensor = pb::type_proto::Tensor {
        elem_type: 1,
        shape: Some(pb::TensorShapeProto {
            dim: dims.iter().map(dim).collect(),
        }),
    };
    pb::ValueInfoProto {
        name: name.into(),
        r#type: Some(pb::TypeProto {
            value: Some(pb::type_proto::Value::TensorType(tensor)),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// The mean of each colour of 16x16 pixels, through the operators `rest`.
fn colours(rest: &[&str]) -> Vec<u8> {
    let ops = [&["GlobalAveragePool", "Flatten"], rest].concat();
    let last = ops.len() - 1;
    let node = ops.iter().enumerate().map(|(at, &op)| pb::NodeProto {
        op_type: op.into(),
        name: format!("{op}{at}"),
        input: vec![if at == 0 {
            "input".into()
        } else {
            format!("v{at}")
        }],
        output: vec![if at == last {
            "output".into()
        } else {
            format!("v{}", at + 1)
        }],
        ..Default::default()
    });
    let model = pb::ModelProto {
        ir_version: 8,
        opset_import: vec![pb::OperatorSetIdProto {
            version: 17,
            ..Default::default()
        }],
        graph: Some(pb::GraphProto {
            node: node.collect(),
            input: vec![value("input", &[1, 3, 16, 16])],
            output: vec![value("output", &[1, 3])],
            ..Default::default()
        }),
        ..Default::default()
    };
    prost::Message::encode_to_vec(&model)
}

/// A model of [`colours`] in `folder`, its configuration, and one red picture.
pub(crate) fn model(folder: &Path, rest: &[&str], std: &str, labels: &[u8]) {
    let at = |name: &str| folder.join(name);
    fs::write(at("m.onnx"), colours(rest)).unwrap();
    fs::write(at("labels.txt"), labels).unwrap();
    let sha256 = goldcrest::engine::sha256(&at("m.onnx")).unwrap();
    let card = format!(
        "v = 1\nname = \"m\"\nsha256 = \"{sha256}\"\n[input]\nwidth = 16\nheight = 16\nmean = [0.0, 0.0, 0.0]\n\
         std = {std}\nresize = \"squash\"\n[calibration]\ntemperature = 1.0\n"
    );
    fs::write(at("model.toml"), card).unwrap();
    let config = "[model]\npath = \"m.onnx\"\n[mqtt]\nenabled = false\n[memory]\nbudget_mb = 1024\n\
                  [observe]\nsmoothing = 0.0\nframes = 1\n[source]\nkind = \"synthetic\"\n";
    fs::write(at("config.toml"), config).unwrap();
    image::RgbImage::from_pixel(40, 30, image::Rgb([255, 0, 0]))
        .save(at("a.png"))
        .unwrap();
}

/// Runs a command on the configuration of `folder`, with a cache of its own.
fn on(folder: &Path, arguments: &[&str]) -> Ran {
    let config = folder.join("config.toml");
    let arguments = [arguments, &["--config", config.to_str().unwrap()]].concat();
    output(command(&arguments).env("XDG_CACHE_HOME", folder.join("cache")))
}

const ONES: &str = "[1.0, 1.0, 1.0]";

#[test]
fn a_wrong_card_is_refused_by_every_command_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("a.png");
    model(folder.path(), &[], "[1.0, 0.0, 1.0]", b"r\ng\nb\n");
    for arguments in [
        &["run"][..],
        &["check"],
        &["replay", picture.to_str().unwrap()],
    ] {
        let ran = on(folder.path(), arguments);
        let text = ran.stdout + &ran.stderr;
        assert_eq!(ran.code, 65, "{arguments:?}: {text}");
        let line = text.lines().find(|l| l.contains("input.std"));
        let line = line.unwrap_or_else(|| panic!("{arguments:?}: {text}"));
        assert!(line.contains("model.toml"), "{line}");
    }
}

#[test]
fn labels_of_another_number_are_named_where_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    model(folder.path(), &[], ONES, b"r\ng\n");
    let ran = on(folder.path(), &["check"]);
    assert_eq!(ran.code, 65, "{}{}", ran.stdout, ran.stderr);
    let path = folder.path().join("labels.txt").display().to_string();
    assert!(ran.stdout.contains(&path), "{}", ran.stdout);
}

#[test]
fn a_label_that_means_unknown_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("a.png");
    model(folder.path(), &[], ONES, b"r\nunknown\nb\n");
    for arguments in [&["check"][..], &["replay", picture.to_str().unwrap()]] {
        let ran = on(folder.path(), arguments);
        assert_eq!(ran.code, 78, "{}{}", ran.stdout, ran.stderr);
        let text = ran.stdout + &ran.stderr;
        assert!(text.contains("observe.unknown"), "{text}");
    }
}

#[test]
fn check_fails_if_logits_are_not_finite() {
    let folder = tempfile::tempdir().unwrap();
    // The logarithm of a black picture is infinite.
    model(folder.path(), &["Log"], ONES, b"r\ng\nb\n");
    let ran = on(folder.path(), &["check"]);
    assert_eq!(ran.code, 65, "{}{}", ran.stdout, ran.stderr);
    let line = ran.stdout.lines().find(|l| l.starts_with("model "));
    let line = line.unwrap_or_else(|| panic!("{}", ran.stdout));
    assert!(
        line.contains("FAIL") && line.contains("m.onnx") && line.contains("-inf"),
        "{line}"
    );
}

#[test]
fn features_of_a_model_in_plain_tract_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    model(folder.path(), &[], ONES, b"r\ng\nb\n");
    let picture = folder.path().join("a.png");
    let picture = picture.to_str().unwrap();
    let ran = on(folder.path(), &["replay", "--json", "--features", picture]);
    assert_eq!((ran.code, ran.stdout.as_str()), (65, ""), "{}", ran.stderr);
    let line = ran.stderr.lines().last().unwrap();
    assert!(
        line.contains("m.onnx") && line.contains("gives no features"),
        "{line}"
    );
}

#[test]
fn a_head_on_a_model_in_plain_tract_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    model(folder.path(), &["Softmax"], ONES, b"r\ng\nb\n");
    let head = Taught {
        backbone: goldcrest::engine::sha256(&folder.path().join("m.onnx")).unwrap(),
        ..bottle_or_wall(["bottle", "wall"])
    };
    write_head(&folder.path().join("porch.head"), &head).unwrap();
    let config = folder.path().join("config.toml");
    let text = fs::read_to_string(&config).unwrap();
    let text = text.replace("[mqtt]", "head = \"porch.head\"\n[mqtt]");
    fs::write(&config, text).unwrap();
    let picture = folder.path().join("a.png");
    for arguments in [
        &["run"][..],
        &["check"],
        &["replay", picture.to_str().unwrap()],
    ] {
        let ran = on(folder.path(), arguments);
        let text = ran.stdout + &ran.stderr;
        assert_eq!(ran.code, 65, "{arguments:?}: {text}");
        let lines: Vec<_> = text.lines().filter(|l| l.contains("porch.head")).collect();
        assert_eq!(lines.len(), 1, "{arguments:?}: {text}");
        assert!(lines[0].contains("gives no features to a head"), "{text}");
    }
}

#[test]
fn a_softmax_in_the_network_is_not_applied_twice() {
    let folder = tempfile::tempdir().unwrap();
    // Softmax of (20, 0, 0).
    let std = "[0.05, 0.05, 0.05]";
    model(
        folder.path(),
        &["Softmax"],
        std,
        "\u{feff}r\r\ng\r\nb\r\n".as_bytes(),
    );
    let picture = folder.path().join("a.png");
    let ran = on(
        folder.path(),
        &["replay", "--json", picture.to_str().unwrap()],
    );
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let line = ran.stdout.lines().next().unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["label"], "r", "{line}");
    assert!(line["score"].as_f64().unwrap() > 0.99, "{line}");
    let ran = on(folder.path(), &["check"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("ends in softmax"), "{}", ran.stdout);
}

#[test]
fn a_label_that_a_terminal_obeys_is_refused_and_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("a.png");
    model(folder.path(), &[], ONES, b"r\ng\x1b]0;owned\x07\nb\n");
    for arguments in [
        &["run"][..],
        &["check"],
        &["replay", picture.to_str().unwrap()],
        &["bench", "--frames", "1"],
    ] {
        let ran = on(folder.path(), arguments);
        let text = ran.stdout + &ran.stderr;
        assert_eq!(ran.code, 65, "{arguments:?}: {text}");
        assert!(
            text.contains("labels.txt: line 2 has the control"),
            "{text}"
        );
        assert!(!text.contains('\x1b'), "{arguments:?}: {text:?}");
    }
}

#[test]
fn a_hash_in_model_toml_that_is_a_path_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("a.png");
    model(folder.path(), &[], ONES, b"r\ng\nb\n");
    let path = folder.path().join("model.toml");
    let card = fs::read_to_string(&path).unwrap();
    let sha256 = goldcrest::engine::Card::read(&folder.path().join("m.onnx")).unwrap();
    let away = format!("../../{}", folder.path().join("away").display());
    fs::write(&path, card.replace(&*sha256.sha256, &away)).unwrap();
    for arguments in [&["check"][..], &["replay", picture.to_str().unwrap()]] {
        let ran = on(folder.path(), arguments);
        let text = ran.stdout + &ran.stderr;
        assert_eq!(ran.code, 65, "{arguments:?}: {text}");
        assert!(text.contains("model.toml: sha256 must be the 64"), "{text}");
    }
    assert!(!folder.path().join("away").exists());
}
